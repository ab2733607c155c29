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

int rk_lib_submit(zhandle_t *zh, int op, const struct rk_lib_ask *ask, const struct rk_lib_to *to)
{
    struct rk_lib *s = zh->s;
    struct rk_client_event event = {.type = RK_CLIENT_EV_REQUEST};
    struct rk_client_request *request = &event.u.request;
    /* The machine bounds what waits for a connection; this is what waits for a slow one. */
    if (rk_lib_link_unsent(s) > s->queued_bytes_max)
        return rk_lib_abandon(zh, ZAPIERROR);
    bool is_whole = !s->body.failed && !s->path.failed;
    struct rk_lib_call *call = is_whole ? rk_lib_call_new(s) : NULL;
    if (!call)
        return rk_lib_abandon(zh, ZSYSTEMERROR);
    if (ask && (ask->fn || ask->is_removal)) {
        request->watch = ask->kind;
        request->watch_path = rk_buf_view(&s->path);
    }
    call->zh = zh;
    rk_lib_view_use(zh);
    if (ask && ask->fn) {
        request->watcher = rk_lib_view_watcher(zh, ask->fn, ask->context);
        zh->has_watched |= !ask->is_removal;
    }
    call->kind = to->kind;
    call->fn = to->fn;
    call->data = to->data;
    call->extra = to->extra;
    call->waiter = to->wait ? &to->wait->sem : NULL;
    if (to->wait) {
        to->wait->call = call;
        s->refs++;
    }
    request->tag = (uint64_t)(uintptr_t)call;
    request->op = op;
    request->body = rk_buf_view(&s->body);
    request->timeout_ms = (uint32_t)zh->request_timeout_ms;
    int rc = rk_lib_step(s, &event);
    if (rc == ZOK) {
        see_off(s, to->wait != NULL);
    } else {
        call->extra = NULL;
        rk_lib_call_free(s, call);
        if (to->wait) {
            to->wait->call = NULL;
            s->refs--; /* that of rk_lib_begin is still there */
        }
    }
    rk_lib_unref(s);
    return rc;
}

int rk_lib_wait_begin(zhandle_t *zh, struct rk_lib_wait *wait)
{
    if (!zh)
        return ZBADARGUMENTS;
    if (!zh->s->is_threaded || rk_lib_is_own_thread(zh->s))
        return ZINVALIDSTATE;
    wait->call = NULL;
    return sem_init(&wait->sem, 0, 0) == 0 ? ZOK : ZSYSTEMERROR;
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
    rk_lib_wait_cancel(wait);
}

void rk_lib_wait_cancel(struct rk_lib_wait *wait)
{
    (void)sem_destroy(&wait->sem); /* nobody waits on it */
}
