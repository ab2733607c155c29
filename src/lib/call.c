/* Requests on their way in, and waiting for their answers. */
#include "lib/call.h"

#include <errno.h>

#include "lib/link.h"
#include "lib/queue.h"
#include "lib/session.h"
#include "lib/view.h"

int rk_lib_path(zhandle_t *zh, const char *path, bool is_sequential, struct rk_buf *b)
{
    struct rk_lib *s = zh->s;
    struct rk_bytes text = rk_bytes_str(path);
    if (!path || path[0] != '/')
        return ZBADARGUMENTS;
    struct rk_buf joined;
    rk_buf_init(&joined, &s->mem, b->max);
    if (zh->root) {
        rk_buf_put(&joined, zh->root, zh->root_len);
        if (path[1] || is_sequential) /* a name that is still to be completed goes below the root */
            rk_buf_put(&joined, path, text.len);
        text = rk_buf_view(&joined);
    }
    bool is_good = !joined.failed && rk_client_path(s->client, text, is_sequential, b);
    int rc = is_good ? ZOK : joined.failed || b->failed ? ZSYSTEMERROR : ZBADARGUMENTS;
    rk_buf_deinit(&joined);
    return rc;
}

int rk_lib_begin(zhandle_t *zh, const char *path, bool is_sequential)
{
    if (!zh)
        return ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    rk_lib_lock(s);
    s->refs++; /* the completion may come, and close the handle, before this call returns */
    rk_buf_reset(&s->path);
    rk_buf_reset(&s->body);
    int rc = path ? rk_lib_path(zh, path, is_sequential, &s->path) : ZOK;
    if (rc == ZOK && (zh->is_closed || s->is_closing))
        rc = ZINVALIDSTATE;
    return rc == ZOK ? ZOK : rk_lib_abandon(zh, rc);
}

int rk_lib_abandon(zhandle_t *zh, int rc)
{
    rk_lib_unref(zh->s);
    return rc;
}

/* The request is in the machine: now it should leave. Whoever waits for an answer sends himself,
 * and so does the first one of a burst; the others leave with the I/O thread in batches. */
static void see_off(struct rk_lib *s, bool is_waiting)
{
    if (!s->is_threaded)
        return; /* with zookeeper_interest */
    if (is_waiting || rk_client_requests(s->client) <= 1)
        rk_lib_link_flush(s);
    else
        rk_lib_wake_io(s);
}

int rk_lib_call_begin(zhandle_t *zh, const struct rk_lib_to *to, struct rk_lib_call **ret_call)
{
    struct rk_lib *s = zh->s;
    if (to->wait && (!s->is_threaded || rk_lib_is_own_thread(s)))
        return ZINVALIDSTATE;
    struct rk_lib_call *call = rk_lib_call_new(s);
    if (!call)
        return ZSYSTEMERROR;
    call->zh = zh;
    call->kind = to->kind;
    call->fn = to->fn;
    call->data = to->data;
    call->extra = to->extra;
    if (to->wait) {
        (void)sem_init(&to->wait->sem, 0, 0); /* fails for numbers that are too large */
        call->waiter = &to->wait->sem;
    }
    rk_lib_view_use(zh);
    *ret_call = call;
    return ZOK;
}

int rk_lib_call_end(struct rk_lib *s, struct rk_lib_call *call, const struct rk_lib_to *to, int rc)
{
    if (rc != ZOK) {
        call->extra = NULL;
        rk_lib_call_free(s, call);
        if (to->wait)
            (void)sem_destroy(&to->wait->sem); /* nobody waits on it */
    } else if (to->wait) {
        to->wait->call = call;
        s->refs++;
    }
    rk_lib_unref(s);
    return rc;
}

int rk_lib_submit(zhandle_t *zh, int op, const struct rk_lib_ask *ask, const struct rk_lib_to *to)
{
    struct rk_lib *s = zh->s;
    struct rk_client_event event = {.type = RK_CLIENT_EV_REQUEST};
    struct rk_client_request *request = &event.u.request;
    struct rk_lib_call *call = NULL;
    int rc = s->body.failed || s->path.failed ? ZSYSTEMERROR : ZOK;
    /* The machine bounds what waits for a connection; this is what waits for a slow one. */
    if (rk_lib_link_unsent(s) > s->queued_bytes_max)
        rc = ZAPIERROR;
    rc = rc == ZOK ? rk_lib_call_begin(zh, to, &call) : rc;
    if (rc != ZOK)
        return rk_lib_abandon(zh, rc);
    if (ask && (ask->fn || ask->is_removal)) {
        request->watch = ask->kind;
        request->watch_path = rk_buf_view(&s->path);
    }
    if (ask && ask->fn)
        request->watcher = rk_lib_view_watcher(zh, ask->fn, ask->context);
    request->tag = (uint64_t)(uintptr_t)call;
    request->op = op;
    request->body = rk_buf_view(&s->body);
    request->timeout_ms = (uint32_t)zh->request_timeout_ms;
    rc = rk_lib_step(s, &event);
    if (rc == ZOK)
        see_off(s, to->wait != NULL);
    return rk_lib_call_end(s, call, to, rc);
}

int rk_lib_wait_end(struct rk_lib_wait *wait)
{
    while (sem_wait(&wait->sem) != 0) {
        /* Only a signal handler that has run can end it early. */
        RK_ASSERT(errno == EINTR);
    }
    return wait->call->rc;
}

void rk_lib_wait_free(struct rk_lib_wait *wait)
{
    struct rk_lib *s = wait->call->zh->s; /* ours until unref, even if it was closed meanwhile */
    rk_lib_lock(s);
    rk_lib_call_free(s, wait->call);
    rk_lib_unref(s);
    (void)sem_destroy(&wait->sem); /* nobody waits on it any more */
}
