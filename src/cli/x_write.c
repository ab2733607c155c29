/* Writing many nodes through a window; see x_write.h.
 *
 * The writes that are out form one queue in order. Completions only note the result and wake the
 * main thread, which takes finished writes off the front. */
#include "cli/x_write.h"

#include "cli/call.h"
#include "cli/x_base.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 512, WINDOW_BYTES = 8 << 20, PATIENCE_MS = 15000 };

/* What the request that is out for a write asks. */
enum step { STEP_WRITE, STEP_SET, STEP_SET_ACL, STEP_COMPARE };

struct pending {
    struct pending *next;
    struct rk_x_writer *writer;
    struct rk_x_write write;
    char *path, *data;
    struct ACL_vector acl;
    enum step step;
    bool was_there, is_again;

    bool is_answered; /* the lock's, with what follows */
    int rc;
    bool is_equal;
};

struct rk_x_writer {
    struct rk_cli *cli;
    zhandle_t *zh;
    rk_x_written_fn written;
    void *context;
    struct pending *head, **tail;
    int count, out;
    size_t bytes;
    int fatal;
    bool is_closed; /* nobody's any more: the last answer frees it */
    pthread_mutex_t lock;
};

struct rk_x_writer *rk_x_writer_open(struct rk_cli *cli, zhandle_t *zh, rk_x_written_fn written,
                                     void *context)
{
    struct rk_x_writer *w = rk_x_alloc(sizeof *w);
    w->cli = cli;
    w->zh = zh;
    w->written = written;
    w->context = context;
    w->tail = &w->head;
    (void)pthread_mutex_init(&w->lock, NULL);
    return w;
}

static void free_pending(struct pending *p)
{
    free(p->path);
    free(p->data);
    rk_x_acl_free(&p->acl);
    free(p);
}

static void free_writer(struct rk_x_writer *w)
{
    while (w->head != NULL) {
        struct pending *p = w->head;
        w->head = p->next;
        free_pending(p);
    }
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* -- Completions (the handle's thread) */

static void answered(struct pending *p, int rc, bool is_equal)
{
    struct rk_x_writer *w = p->writer;
    (void)pthread_mutex_lock(&w->lock);
    p->is_answered = true;
    p->rc = rc;
    p->is_equal = is_equal;
    w->out--;
    bool is_last = w->is_closed && w->out == 0;
    /* Under the lock: once it is free, the main thread may end the writer. */
    rk_cli_wake(w->cli);
    (void)pthread_mutex_unlock(&w->lock);
    if (is_last)
        free_writer(w);
}

static void on_create(int rc, const char *value, const void *context)
{
    (void)value;
    answered((struct pending *)(uintptr_t)context, rc, false);
}

static void on_set(int rc, const struct Stat *stat, const void *context)
{
    (void)stat;
    answered((struct pending *)(uintptr_t)context, rc, false);
}

static void on_void(int rc, const void *context)
{
    answered((struct pending *)(uintptr_t)context, rc, false);
}

static void on_data(int rc, const char *value, int bytes, const struct Stat *stat,
                    const void *context)
{
    (void)stat;
    struct pending *p = (struct pending *)(uintptr_t)context;
    bool is_null = value == NULL || bytes < 0;
    bool is_equal = is_null ? p->data == NULL
                            : p->data != NULL && bytes == p->write.data_bytes &&
                                  memcmp(value, p->data, (size_t)bytes) == 0;
    answered(p, rc, is_equal);
}

/* -- Requests */

static int send_create(struct pending *p)
{
    const struct ACL_vector *acl = p->write.acl != NULL ? &p->acl : &ZOO_OPEN_ACL_UNSAFE;
    int bytes = p->data != NULL ? p->write.data_bytes : -1;
    zhandle_t *zh = p->writer->zh;
    if (p->write.type == RK_X_TTL)
        return zoo_acreate_ttl(zh, p->path, p->data, bytes, acl, ZOO_PERSISTENT_WITH_TTL,
                               p->write.ttl_ms, on_create, p);
    int mode = p->write.type == RK_X_CONTAINER ? ZOO_CONTAINER : ZOO_PERSISTENT;
    return zoo_acreate(zh, p->path, p->data, bytes, acl, mode, on_create, p);
}

static int send_step(struct pending *p)
{
    zhandle_t *zh = p->writer->zh;
    int bytes = p->data != NULL ? p->write.data_bytes : -1;
    int version = p->write.kind == RK_X_CREATE ? -1 : p->write.version;
    if (p->step == STEP_COMPARE)
        return zoo_aget(zh, p->path, 0, on_data, p);
    if (p->step == STEP_SET || (p->step == STEP_WRITE && p->write.kind == RK_X_SET))
        return zoo_aset(zh, p->path, p->data, bytes, version, on_set, p);
    if (p->step == STEP_SET_ACL || p->write.kind == RK_X_SET_ACL)
        return zoo_aset_acl(zh, p->path, version, &p->acl, on_void, p);
    if (p->write.kind == RK_X_DELETE)
        return zoo_adelete(zh, p->path, version, on_void, p);
    return send_create(p);
}

static void send_write(struct pending *p)
{
    struct rk_x_writer *w = p->writer;
    (void)pthread_mutex_lock(&w->lock);
    p->is_answered = false;
    w->out++;
    (void)pthread_mutex_unlock(&w->lock);
    int rc = send_step(p);
    if (rc != ZOK)
        answered(p, rc, false);
}

/* -- The queue (the main thread) */

static bool is_lost(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONMOVED;
}

/* Another request for the same write, if the answer of the last one asks for it. */
static bool take_next_step(struct pending *p)
{
    enum step step = p->step;
    bool is_create = p->write.kind == RK_X_CREATE;
    if (is_create && step == STEP_WRITE && p->rc == ZNODEEXISTS) {
        p->was_there = true;
        if (p->write.exists == RK_X_EXISTS_IS_SET)
            p->step = STEP_SET;
        else if (p->write.exists == RK_X_EXISTS_FAILS && p->is_again)
            p->step = STEP_COMPARE;
    } else if (p->write.kind == RK_X_SET && step == STEP_WRITE && p->rc == ZBADVERSION &&
               p->is_again) {
        p->step = STEP_COMPARE; /* by us, perhaps */
    } else if (is_create && step == STEP_SET && p->rc == ZOK && p->write.sets_acl &&
               p->write.acl != NULL) {
        p->step = STEP_SET_ACL;
    }
    return p->step != step;
}

static int result_of(struct pending *p)
{
    if (p->step == STEP_COMPARE && p->rc == ZOK) {
        p->was_there = !p->is_equal;
        return p->is_equal ? ZOK : p->write.kind == RK_X_CREATE ? ZNODEEXISTS : ZBADVERSION;
    }
    if (p->write.kind == RK_X_CREATE && p->rc == ZNODEEXISTS &&
        p->write.exists == RK_X_EXISTS_STAYS)
        return ZOK;
    if (p->write.kind == RK_X_DELETE && p->rc == ZNONODE)
        return ZOK;
    return p->rc;
}

static bool is_answered(struct pending *p)
{
    (void)pthread_mutex_lock(&p->writer->lock);
    bool is = p->is_answered;
    (void)pthread_mutex_unlock(&p->writer->lock);
    return is;
}

/* Takes finished writes off the front, up to one that is out or was lost. */
static void take_finished(struct rk_x_writer *w)
{
    while (w->head != NULL && is_answered(w->head)) {
        struct pending *p = w->head;
        if (is_lost(p->rc))
            return;
        if (take_next_step(p)) {
            send_write(p);
            continue;
        }
        w->head = p->next;
        if (w->head == NULL)
            w->tail = &w->head;
        w->count--;
        w->bytes -= (size_t)p->write.data_bytes;
        w->written(w->context, &p->write, result_of(p), p->was_there);
        free_pending(p);
    }
}

static int out_count(struct rk_x_writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    int out = w->out;
    (void)pthread_mutex_unlock(&w->lock);
    return out;
}

/* Waits until nothing is out: after a loss all is answered soon. */
static void drain(struct rk_x_writer *w)
{
    while (out_count(w) > 0)
        rk_x_sleep_ms(1);
}

static int wait_connected(struct rk_x_writer *w)
{
    int timeout_ms = zoo_recv_timeout(w->zh);
    int64_t until = rk_cli_now_ms() + (timeout_ms < PATIENCE_MS ? timeout_ms : PATIENCE_MS);
    for (;;) {
        int state = zoo_state(w->zh);
        if (state == ZOO_CONNECTED_STATE)
            return ZOK;
        if (is_unrecoverable(w->zh) != ZOK)
            return state == ZOO_AUTH_FAILED_STATE ? ZAUTHFAILED : ZSESSIONEXPIRED;
        if (rk_cli_is_stopped(w->cli))
            return RK_CLI_CUT;
        if (rk_cli_now_ms() > until)
            return ZCONNECTIONLOSS;
        (void)rk_cli_wait(w->cli, 50);
    }
}

/* Sends everything that was lost again, in order. */
static int repeat(struct rk_x_writer *w)
{
    drain(w);
    int rc = wait_connected(w);
    if (rc != ZOK)
        return rc;
    for (struct pending *p = w->head; p != NULL; p = p->next)
        if (is_lost(p->rc)) {
            p->is_again = true;
            send_write(p);
        }
    return ZOK;
}

/* One turn: takes what is finished, waits a little if nothing was. */
static int turn(struct rk_x_writer *w)
{
    int before = w->count;
    take_finished(w);
    if (w->head != NULL && is_answered(w->head) && is_lost(w->head->rc))
        return repeat(w);
    if (rk_cli_is_stopped(w->cli))
        return RK_CLI_CUT;
    if (w->count == before && w->head != NULL)
        (void)rk_cli_wait(w->cli, 100);
    return ZOK;
}

static struct pending *new_pending(struct rk_x_writer *w, const struct rk_x_write *write)
{
    struct pending *p = rk_x_alloc(sizeof *p);
    p->writer = w;
    p->write = *write;
    p->path = rk_x_dup(write->path);
    p->write.path = p->path;
    p->write.data_bytes = write->data != NULL ? write->data_bytes : 0;
    if (write->data != NULL)
        p->data = rk_x_dup_bytes(write->data, (size_t)write->data_bytes);
    p->write.data = p->data;
    if (write->acl != NULL) {
        rk_x_acl_copy(write->acl, &p->acl);
        p->write.acl = &p->acl;
    }
    return p;
}

int rk_x_writer_put(struct rk_x_writer *w, const struct rk_x_write *write)
{
    take_finished(w);
    while (w->fatal == ZOK && (w->count >= WINDOW || w->bytes >= WINDOW_BYTES))
        w->fatal = turn(w);
    if (w->fatal == ZOK && rk_cli_is_stopped(w->cli))
        w->fatal = RK_CLI_CUT;
    if (w->fatal != ZOK)
        return w->fatal;
    struct pending *p = new_pending(w, write);
    *w->tail = p;
    w->tail = &p->next;
    w->count++;
    w->bytes += (size_t)p->write.data_bytes;
    send_write(p);
    return ZOK;
}

int rk_x_writer_finish(struct rk_x_writer *w)
{
    while (w->fatal == ZOK && w->head != NULL)
        w->fatal = turn(w);
    return w->fatal;
}

int rk_x_writer_unknown(const struct rk_x_writer *w)
{
    return w->count;
}

void rk_x_writer_close(struct rk_x_writer *w)
{
    if (w == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    bool is_idle = w->out == 0;
    w->is_closed = true;
    (void)pthread_mutex_unlock(&w->lock);
    if (is_idle)
        free_writer(w);
}
