/* Watch requests, and firing: which connections hear of a change, filtered by who may read the
 * node. spec-client 4.8, 9; ZK: DataTree.setWatches, WatchManager.triggerWatch. */
#include "base/bug.h"
#include "core/core_int.h"

#include <string.h>

#define EVENT_STATE_SYNC_CONNECTED 3

static void put_event(struct rk_buf *b, enum rk_event_type type, struct rk_bytes path, rk_zxid zxid)
{
    struct rk_reply_header h = {.xid = -1, .zxid = zxid, .err = 0};
    struct rk_watcher_event e = {
        .type = (int32_t)type, .state = EVENT_STATE_SYNC_CONNECTED, .path = path};
    rk_proto_write_reply_header(b, &h);
    rk_proto_write_watcher_event(b, &e);
}

static void send_catch_up(struct rk_core *c, struct conn *conn, enum rk_event_type type,
                          struct rk_bytes path)
{
    size_t mark = rk_fx_frame_begin(c->fx, conn->id);
    put_event(&c->fx->bytes, type, path, -1);
    c->metrics.watch_bytes += c->fx->bytes.len - mark;
    rk_fx_frame_end(c->fx, mark);
    conn->sent++;
    c->metrics.packets_sent++;
}

static bool add(struct rk_core *c, struct conn *conn, enum rk_watch_table table,
                struct rk_bytes path, enum rk_watch_mode mode)
{
    return rk_watch_add(c->watches, table, path, conn->id, mode) == RK_OK;
}

/* One list of setWatches. Each path either gets its missed event or is watched. */
enum catch_up {
    CATCH_UP_DATA,
    CATCH_UP_EXIST,
    CATCH_UP_CHILD,
};

static bool catch_up_one(struct rk_core *c, struct conn *conn, enum catch_up what,
                         struct rk_bytes path, rk_zxid seen)
{
    rk_node_id n = rk_tree_find(c->tree, path);
    struct rk_stat_persisted stat;
    if (n == RK_NODE_NONE) {
        if (what == CATCH_UP_EXIST) {
            return add(c, conn, RK_WATCH_DATA, path, RK_WATCH_STANDARD);
        }
        send_catch_up(c, conn, RK_EVENT_NODE_DELETED, path);
        return true;
    }
    rk_tree_stat_persisted(c->tree, n, &stat);
    if (what == CATCH_UP_EXIST) {
        send_catch_up(c, conn, RK_EVENT_NODE_CREATED, path);
    } else if (what == CATCH_UP_DATA && stat.mzxid > seen) {
        send_catch_up(c, conn, RK_EVENT_NODE_DATA_CHANGED, path);
    } else if (what == CATCH_UP_CHILD && stat.pzxid > seen) {
        send_catch_up(c, conn, RK_EVENT_NODE_CHILDREN_CHANGED, path);
    } else {
        return add(c, conn, what == CATCH_UP_CHILD ? RK_WATCH_CHILD : RK_WATCH_DATA, path,
                   RK_WATCH_STANDARD);
    }
    return true;
}

/* A null list or a null path fails the request; what came before it has happened (as upstream). */
static int32_t catch_up_list(struct rk_core *c, struct conn *conn, enum catch_up what,
                             const struct rk_vec_bytes *paths, rk_zxid seen)
{
    if (paths->count < 0) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    for (int32_t i = 0; i < paths->count; i++) {
        if (paths->items[i].data == NULL) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        if (!catch_up_one(c, conn, what, paths->items[i], seen)) {
            return RK_ZK_SYSTEM_ERROR;
        }
    }
    return RK_ZK_OK;
}

static int32_t add_list(struct rk_core *c, struct conn *conn, const struct rk_vec_bytes *paths,
                        enum rk_watch_mode mode)
{
    if (paths->count < 0) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    for (int32_t i = 0; i < paths->count; i++) {
        struct rk_bytes path = paths->items[i];
        if (path.data == NULL) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        if (!add(c, conn, RK_WATCH_DATA, path, mode) ||
            (mode == RK_WATCH_PERSISTENT && !add(c, conn, RK_WATCH_CHILD, path, mode))) {
            return RK_ZK_SYSTEM_ERROR;
        }
    }
    return RK_ZK_OK;
}

int32_t rk_core_set_watches(struct rk_core *c, struct conn *conn, struct rk_reader *r, bool is_2)
{
    struct rk_set_watches2 q;
    int32_t err;
    memset(&q, 0, sizeof(q));
    if (is_2) {
        if (!rk_proto_read_set_watches2(r, &c->arena, &q)) {
            return RK_ZK_MARSHALLING_ERROR;
        }
    } else {
        struct rk_set_watches q1;
        if (!rk_proto_read_set_watches(r, &c->arena, &q1)) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        q.relative_zxid = q1.relative_zxid;
        q.data = q1.data;
        q.exist = q1.exist;
        q.child = q1.child;
    }
    err = catch_up_list(c, conn, CATCH_UP_DATA, &q.data, q.relative_zxid);
    if (err == RK_ZK_OK) {
        err = catch_up_list(c, conn, CATCH_UP_EXIST, &q.exist, q.relative_zxid);
    }
    if (err == RK_ZK_OK) {
        err = catch_up_list(c, conn, CATCH_UP_CHILD, &q.child, q.relative_zxid);
    }
    if (err == RK_ZK_OK) {
        err = add_list(c, conn, &q.persistent, RK_WATCH_PERSISTENT);
    }
    if (err == RK_ZK_OK) {
        err = add_list(c, conn, &q.persistent_recursive, RK_WATCH_RECURSIVE);
    }
    return err;
}

int32_t rk_core_add_watch(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    struct rk_add_watch_request q;
    bool is_ok;
    if (!rk_proto_read_add_watch_request(r, &c->arena, &q) || q.path.data == NULL ||
        (q.mode != 0 && q.mode != 1)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (q.mode == 0) {
        is_ok = add(c, conn, RK_WATCH_DATA, q.path, RK_WATCH_PERSISTENT) &&
                add(c, conn, RK_WATCH_CHILD, q.path, RK_WATCH_PERSISTENT);
        if (!is_ok) { /* over a limit half-way: all or nothing */
            (void)rk_watch_remove(c->watches, conn->id, q.path, RK_WATCHER_PERSISTENT);
        }
    } else {
        is_ok = add(c, conn, RK_WATCH_DATA, q.path, RK_WATCH_RECURSIVE);
    }
    if (!is_ok) {
        return RK_ZK_SYSTEM_ERROR;
    }
    rk_buf_put_i32(&c->fx->bytes, RK_ZK_OK);
    return RK_ZK_OK;
}

int32_t rk_core_check_watches(struct rk_core *c, struct conn *conn, struct rk_reader *r,
                              bool remove)
{
    struct rk_check_watches_request q; /* removeWatches has the same fields */
    bool found;
    if (!rk_proto_read_check_watches_request(r, &c->arena, &q) || q.path.data == NULL ||
        q.type < RK_WATCHER_CHILDREN || q.type > RK_WATCHER_PERSISTENT_RECURSIVE) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (remove) {
        found = rk_watch_remove(c->watches, conn->id, q.path, (enum rk_watcher_type)q.type);
    } else {
        found = rk_watch_has(c->watches, conn->id, q.path, (enum rk_watcher_type)q.type);
    }
    return found ? RK_ZK_OK : RK_ZK_NO_WATCHER;
}

/* -- firing -- */

static void count_fired(struct rk_core *c, enum rk_event_type type, uint32_t count)
{
    switch (type) {
    case RK_EVENT_NODE_CREATED:
        rk_summary_add(&c->metrics.node_created_watch_count, count);
        break;
    case RK_EVENT_NODE_DELETED:
        rk_summary_add(&c->metrics.node_deleted_watch_count, count);
        break;
    case RK_EVENT_NODE_DATA_CHANGED:
        rk_summary_add(&c->metrics.node_changed_watch_count, count);
        break;
    case RK_EVENT_NODE_CHILDREN_CHANGED:
        rk_summary_add(&c->metrics.node_children_watch_count, count);
        break;
    }
}

/* Sends the event to those of hits that may read the node. */
static void send_event(struct rk_core *c, const struct rk_tree_event *e, rk_zxid zxid,
                       const struct rk_watch_hits *hits)
{
    struct rk_buf frame;
    uint32_t kept = 0;
    rk_conn_id *to = rk_arena_alloc(&c->apply_arena, (hits->count + 1) * sizeof(*to));
    if (hits->count == 0) {
        return;
    }
    count_fired(c, e->type, hits->count);
    for (uint32_t i = 0; i < hits->count; i++) {
        struct conn *conn = rk_core_conn(c, hits->conns[i]);
        if (conn == NULL || conn->state == CONN_CLOSING) {
            continue;
        }
        if (c->config.skip_acl || RK_BUG(EVENT_WITHOUT_ACL) ||
            rk_acl_allows(e->acl, RK_PERM_READ, &conn->ids, &c->schemes)) {
            to[kept++] = conn->id;
            conn->sent++;
        }
    }
    if (kept == 0) {
        return;
    }
    rk_buf_init(&frame, c->mem, 64 + (size_t)e->path.len);
    put_event(&frame, e->type, e->path, zxid);
    RK_ASSERT(!frame.failed);
    rk_fx_send_many(c->fx, to, kept, rk_buf_view(&frame));
    c->metrics.packets_sent += kept;
    c->metrics.watch_bytes += kept * (frame.len + 4);
    rk_buf_deinit(&frame);
}

void rk_core_fire(struct rk_core *c, const struct rk_tree_event *event, rk_zxid zxid)
{
    struct rk_watch_hits hits;
    struct rk_watch_hits again;
    bool is_child = event->type == RK_EVENT_NODE_CHILDREN_CHANGED;
    if (rk_watch_none(c->watches)) {
        return;
    }
    rk_watch_fire(c->watches, is_child ? RK_WATCH_CHILD : RK_WATCH_DATA, event->path, NULL,
                  &c->apply_arena, &hits);
    send_event(c, event, zxid, &hits);
    if (event->type == RK_EVENT_NODE_DELETED) {
        rk_watch_fire(c->watches, RK_WATCH_CHILD, event->path, &hits, &c->apply_arena, &again);
        send_event(c, event, zxid, &again);
    }
}
