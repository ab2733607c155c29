/* Reads and watches of the reference model. */
#include "sim/model.h"

#include <stdlib.h>
#include <string.h>

#define ONE_SHOT   1u
#define PERSISTENT 2u
#define RECURSIVE  4u

/* -- Watches -- */

static struct sim_watch *find_watch(struct sim_viewer *v, struct rk_bytes path)
{
    for (uint32_t i = 0; i < v->watch_count; i++) {
        if (rk_bytes_equal(rk_sim_bytes(v->watches[i].path), path)) {
            return &v->watches[i];
        }
    }
    return NULL;
}

static uint32_t watches_held(const struct sim_viewer *v)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < v->watch_count; i++) {
        held += v->watches[i].data != 0 ? 1 : 0;
        held += v->watches[i].child != 0 ? 1 : 0;
    }
    return held;
}

static int32_t add_watch(const struct sim_model *m, struct sim_viewer *v, bool is_child,
                         struct rk_bytes path, uint32_t mode)
{
    struct sim_watch *w = find_watch(v, path);
    uint32_t known = w == NULL ? 0 : is_child ? w->child : w->data;
    if (known == 0 && m->rules.watch_per_conn_max != 0 &&
        watches_held(v) >= m->rules.watch_per_conn_max) {
        return RK_ZK_SYSTEM_ERROR;
    }
    if (w == NULL) {
        if (v->watch_count == v->watch_cap) {
            uint32_t cap = v->watch_cap == 0 ? 8 : v->watch_cap * 2;
            v->watches =
                rk_mem_must_resize(m->mem, v->watches, v->watch_cap * sizeof(v->watches[0]),
                                   cap * sizeof(v->watches[0]));
            v->watch_cap = cap;
        }
        w = &v->watches[v->watch_count++];
        *w = (struct sim_watch){.path = rk_sim_blob(m->mem, path)};
    }
    if (is_child) {
        w->child |= mode;
    } else {
        w->data |= mode;
    }
    return RK_ZK_OK;
}

static void forget_if_empty(struct rk_mem *mem, struct sim_viewer *v, struct sim_watch *w)
{
    if (w->data == 0 && w->child == 0) {
        rk_sim_blob_drop(mem, w->path);
        *w = v->watches[--v->watch_count];
    }
}

static uint32_t take_modes(uint32_t *modes)
{
    uint32_t had = *modes;
    *modes &= ~ONE_SHOT;
    return had;
}

/* Is path strictly below above? */
static bool is_below(struct rk_bytes path, struct rk_bytes above)
{
    return above.len == 1 ? path.len > 1
                          : path.len > above.len && rk_bytes_starts_with(path, above) &&
                                path.data[above.len] == '/';
}

bool rk_sim_watch_fires(struct rk_mem *mem, struct sim_viewer *v, enum rk_event_type type,
                        struct rk_bytes path, uint32_t *ret_modes)
{
    uint32_t modes = 0;
    struct sim_watch *w = find_watch(v, path);
    if (w != NULL && type == RK_EVENT_NODE_CHILDREN_CHANGED) {
        modes |= take_modes(&w->child);
    } else if (w != NULL) {
        modes |= take_modes(&w->data);
        modes |= type == RK_EVENT_NODE_DELETED ? take_modes(&w->child) : 0;
    }
    if (w != NULL) {
        forget_if_empty(mem, v, w);
    }
    for (uint32_t i = 0; i < v->watch_count && type != RK_EVENT_NODE_CHILDREN_CHANGED; i++) {
        if (is_below(path, rk_sim_bytes(v->watches[i].path))) {
            modes |= v->watches[i].data & RECURSIVE;
        }
    }
    *ret_modes = modes;
    return modes != 0;
}

void rk_sim_viewer_deinit(struct rk_mem *mem, struct sim_viewer *v)
{
    for (uint32_t i = 0; i < v->watch_count; i++) {
        rk_sim_blob_drop(mem, v->watches[i].path);
    }
    rk_mem_free(mem, v->watches, v->watch_cap * sizeof(v->watches[0]));
    rk_sim_ids_deinit(mem, &v->ids);
    *v = (struct sim_viewer){.session = 0};
}

/* What a watcher type of checkWatches and removeWatches names: bits per table. */
static bool type_bits(int32_t type, uint32_t *ret_data, uint32_t *ret_child)
{
    static const uint32_t data[] = {0, 0, ONE_SHOT, 7, PERSISTENT, RECURSIVE};
    static const uint32_t child[] = {0, ONE_SHOT, 0, 7, PERSISTENT, 0};
    if (type < 1 || type > 5) {
        return false;
    }
    *ret_data = data[type];
    *ret_child = child[type];
    return true;
}

/* -- Reads -- */

struct read {
    const struct sim_model *m;
    struct sim_viewer *v;
    struct rk_reader r;
    struct rk_arena a;
    struct sim_outcome *out;
};

static int32_t find_for(struct read *q, struct rk_bytes path, int32_t perms,
                        const struct sim_znode **ret)
{
    if (path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    *ret = rk_sim_find(q->m, path);
    if (*ret == NULL) {
        return RK_ZK_NO_NODE;
    }
    return rk_sim_allows(q->m, (*ret)->acl, perms, &q->v->ids) ? RK_ZK_OK : RK_ZK_NO_AUTH;
}

static void put_stat(struct read *q, const struct sim_znode *n)
{
    struct rk_stat stat;
    rk_sim_stat_of(q->m, n, &stat);
    rk_proto_write_stat(&q->out->body, &stat);
}

static int32_t read_exists(struct read *q)
{
    struct rk_exists_request e;
    const struct sim_znode *n;
    if (!rk_proto_read_exists_request(&q->r, &q->a, &e) || e.path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (memchr(e.path.data, 0, e.path.len) != NULL) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    int32_t err = find_for(q, e.path, RK_PERM_READ, &n);
    if (e.watch && (err == RK_ZK_OK || err == RK_ZK_NO_NODE)) {
        int32_t refused = add_watch(q->m, q->v, false, e.path, ONE_SHOT);
        err = refused != RK_ZK_OK ? refused : err;
    }
    if (err == RK_ZK_OK) {
        put_stat(q, n);
    }
    return err;
}

static int32_t read_data(struct read *q, bool may_watch)
{
    struct rk_get_data_request g;
    const struct sim_znode *n;
    if (!rk_proto_read_get_data_request(&q->r, &q->a, &g)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    int32_t err = find_for(q, g.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK && g.watch && may_watch) {
        err = add_watch(q->m, q->v, false, g.path, ONE_SHOT);
    }
    if (err == RK_ZK_OK) {
        rk_buf_put_bytes(&q->out->body, rk_sim_bytes(n->data));
        put_stat(q, n);
    }
    return err;
}

/* In the order of the array, which is that of the names. */
static void put_children(struct read *q, const struct sim_znode *n)
{
    uint32_t first;
    uint32_t end;
    struct rk_bytes path = rk_sim_bytes(n->path);
    rk_sim_below_path(q->m, path, &first, &end);
    rk_buf_put_i32(&q->out->body, (int32_t)rk_sim_child_count(q->m, n));
    for (uint32_t i = first; i < end; i++) {
        struct rk_bytes child = rk_sim_bytes(q->m->nodes[i].path);
        if (rk_sim_is_child(path, child)) {
            uint32_t skip = path.len == 1 ? 1 : path.len + 1;
            rk_buf_put_bytes(&q->out->body, rk_bytes_of(child.data + skip, child.len - skip));
        }
    }
}

static int32_t read_children(struct read *q, bool may_watch, bool with_stat)
{
    struct rk_get_children_request g;
    const struct sim_znode *n;
    if (!rk_proto_read_get_children_request(&q->r, &q->a, &g)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    int32_t err = find_for(q, g.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK && g.watch && may_watch) {
        err = add_watch(q->m, q->v, true, g.path, ONE_SHOT);
    }
    if (err == RK_ZK_OK) {
        put_children(q, n);
        if (with_stat) {
            put_stat(q, n);
        }
    }
    return err;
}

static int32_t read_acl(struct read *q)
{
    struct rk_get_acl_request g;
    const struct sim_znode *n;
    if (!rk_proto_read_get_acl_request(&q->r, &q->a, &g)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    int32_t err = find_for(q, g.path, RK_PERM_READ | RK_PERM_ADMIN, &n);
    if (err == RK_ZK_OK) {
        rk_sim_acl_write(&q->out->body, n->acl,
                         !rk_sim_allows(q->m, n->acl, RK_PERM_ADMIN, &q->v->ids));
        put_stat(q, n);
    }
    return err;
}

static int32_t read_sync(struct read *q)
{
    struct rk_sync_request s;
    if (!rk_proto_read_sync_request(&q->r, &q->a, &s)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    rk_buf_put_bytes(&q->out->body, s.path);
    return RK_ZK_OK;
}

static bool is_blank(struct rk_bytes text)
{
    uint32_t i = 0;
    while (i < text.len && text.data[i] <= ' ') {
        i++;
    }
    return i == text.len;
}

static int32_t read_ephemerals(struct read *q)
{
    struct rk_get_ephemerals_request g;
    int32_t count = 0;
    if (!rk_proto_read_get_ephemerals_request(&q->r, &q->a, &g)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    bool is_all = is_blank(g.prefix_path) || rk_bytes_is(g.prefix_path, "/");
    rk_buf_put_i32(&q->out->body, 0);
    for (uint32_t i = 0; i < q->m->node_count; i++) {
        const struct sim_znode *n = &q->m->nodes[i];
        struct rk_bytes path = rk_sim_bytes(n->path);
        if (n->owner == q->v->session && rk_sim_is_ephemeral(q->m, n) &&
            (is_all || rk_bytes_starts_with(path, g.prefix_path))) {
            rk_buf_put_bytes(&q->out->body, path);
            count++;
        }
    }
    rk_buf_patch_i32(&q->out->body, 0, count);
    return RK_ZK_OK;
}

static int32_t read_number(struct read *q)
{
    struct rk_get_all_children_number_request g;
    const struct sim_znode *n;
    uint32_t first;
    uint32_t end;
    if (!rk_proto_read_get_all_children_number_request(&q->r, &q->a, &g)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    int32_t err = find_for(q, g.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK) {
        rk_sim_below_path(q->m, rk_sim_bytes(n->path), &first, &end);
        rk_buf_put_i32(&q->out->body, (int32_t)(end - first));
    }
    return err;
}

static int32_t read_who_am_i(struct read *q)
{
    rk_buf_put_i32(&q->out->body, (int32_t)q->v->ids.count);
    for (uint32_t i = 0; i < q->v->ids.count; i++) {
        rk_buf_put_bytes(&q->out->body, rk_sim_bytes(q->v->ids.items[i].scheme));
        rk_buf_put_bytes(&q->out->body, rk_sim_user_of(&q->v->ids.items[i]));
    }
    return RK_ZK_OK;
}

/* -- Watch requests -- */

static int32_t watch_persistent(struct read *q, struct rk_bytes path, bool is_recursive)
{
    if (is_recursive) {
        return add_watch(q->m, q->v, false, path, RECURSIVE);
    }
    int32_t err = add_watch(q->m, q->v, false, path, PERSISTENT);
    return err != RK_ZK_OK ? err : add_watch(q->m, q->v, true, path, PERSISTENT);
}

static int32_t read_add_watch(struct read *q)
{
    struct rk_add_watch_request g;
    if (!rk_proto_read_add_watch_request(&q->r, &q->a, &g) || g.path.data == NULL || g.mode < 0 ||
        g.mode > 1) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    int32_t err = watch_persistent(q, g.path, g.mode == 1);
    struct sim_watch *w = find_watch(q->v, g.path);
    if (err != RK_ZK_OK && g.mode == 0 && w != NULL) {
        /* Over the limit half-way: all or nothing. */
        w->data &= ~PERSISTENT;
        w->child &= ~PERSISTENT;
        forget_if_empty(q->m->mem, q->v, w);
    }
    rk_buf_put_i32(&q->out->body, 0);
    return err;
}

static int32_t read_check_watches(struct read *q, bool must_remove)
{
    struct rk_check_watches_request g;
    uint32_t data;
    uint32_t child;
    if (!rk_proto_read_check_watches_request(&q->r, &q->a, &g) || g.path.data == NULL ||
        !type_bits(g.type, &data, &child)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    struct sim_watch *w = find_watch(q->v, g.path);
    if (w == NULL || ((w->data & data) == 0 && (w->child & child) == 0)) {
        return RK_ZK_NO_WATCHER;
    }
    if (must_remove) {
        w->data &= ~data;
        w->child &= ~child;
        forget_if_empty(q->m->mem, q->v, w);
    }
    return RK_ZK_OK;
}

static void catch_up(struct read *q, enum rk_event_type type, struct rk_bytes path)
{
    struct sim_outcome *out = q->out;
    if (out->event_count == out->event_cap) {
        uint32_t cap = out->event_cap == 0 ? 8 : out->event_cap * 2;
        out->events =
            rk_mem_must_resize(q->m->mem, out->events, out->event_cap * sizeof(out->events[0]),
                               cap * sizeof(out->events[0]));
        out->event_cap = cap;
    }
    out->events[out->event_count++] =
        (struct sim_fired){.type = type, .path = rk_sim_blob(q->m->mem, path)};
}

enum list {
    LIST_DATA,
    LIST_EXIST,
    LIST_CHILD,
    LIST_PERSISTENT,
    LIST_RECURSIVE,
};

/* 9.6, one path. */
static int32_t set_watch(struct read *q, enum list list, struct rk_bytes path, rk_zxid seen)
{
    const struct sim_znode *n = rk_sim_find(q->m, path);
    if (list == LIST_PERSISTENT || list == LIST_RECURSIVE) {
        return watch_persistent(q, path, list == LIST_RECURSIVE);
    }
    if (list == LIST_EXIST && n != NULL) {
        catch_up(q, RK_EVENT_NODE_CREATED, path);
    } else if (list != LIST_EXIST && n == NULL) {
        catch_up(q, RK_EVENT_NODE_DELETED, path);
    } else if (list == LIST_DATA && n->mzxid > seen) {
        catch_up(q, RK_EVENT_NODE_DATA_CHANGED, path);
    } else if (list == LIST_CHILD && n->pzxid > seen) {
        catch_up(q, RK_EVENT_NODE_CHILDREN_CHANGED, path);
    } else {
        return add_watch(q->m, q->v, list == LIST_CHILD, path, ONE_SHOT);
    }
    return RK_ZK_OK;
}

static int32_t read_set_watches(struct read *q, bool is_2)
{
    struct rk_set_watches2 s = {.relative_zxid = 0};
    if (is_2 && !rk_proto_read_set_watches2(&q->r, &q->a, &s)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (!is_2) {
        struct rk_set_watches s1;
        if (!rk_proto_read_set_watches(&q->r, &q->a, &s1)) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        s.relative_zxid = s1.relative_zxid;
        s.data = s1.data;
        s.exist = s1.exist;
        s.child = s1.child;
    }
    const struct rk_vec_bytes lists[] = {s.data, s.exist, s.child, s.persistent,
                                         s.persistent_recursive};
    for (uint32_t k = 0; k < 5; k++) {
        if (lists[k].count < 0) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        for (int32_t i = 0; i < lists[k].count; i++) {
            if (lists[k].items[i].data == NULL) {
                return RK_ZK_MARSHALLING_ERROR;
            }
            int32_t err = set_watch(q, (enum list)k, lists[k].items[i], s.relative_zxid);
            if (err != RK_ZK_OK) {
                return err;
            }
        }
    }
    return RK_ZK_OK;
}

/* -- multiRead -- */

static void put_header(struct read *q, int32_t type, bool done, int32_t err)
{
    struct rk_multi_header h = {.type = type, .done = done, .err = err};
    rk_proto_write_multi_header(&q->out->body, &h);
}

/* All of it is decoded first. */
static bool scan_multi(struct read *q, bool *ret_has_writes)
{
    struct rk_reader r = q->r;
    uint32_t reads = 0;
    uint32_t writes = 0;
    for (;;) {
        struct rk_multi_header h;
        struct rk_get_data_request g;
        struct rk_create_request c;
        struct rk_set_data_request s;
        struct rk_delete_request d;
        bool is_ok = rk_proto_read_multi_header(&r, &q->a, &h);
        if (!is_ok || h.done) {
            *ret_has_writes = writes > 0;
            return is_ok && (reads == 0 || writes == 0);
        }
        if (h.type == RK_OP_GET_DATA || h.type == RK_OP_GET_CHILDREN) {
            reads++;
            is_ok = rk_proto_read_get_data_request(&r, &q->a, &g);
        } else if (h.type == RK_OP_CREATE || h.type == RK_OP_CREATE2) {
            writes++;
            is_ok = rk_proto_read_create_request(&r, &q->a, &c);
        } else if (h.type == RK_OP_SET_DATA) {
            writes++;
            is_ok = rk_proto_read_set_data_request(&r, &q->a, &s);
        } else {
            writes++;
            is_ok = (h.type == RK_OP_DELETE || h.type == RK_OP_CHECK) &&
                    rk_proto_read_delete_request(&r, &q->a, &d);
        }
        if (!is_ok) {
            return false;
        }
    }
}

static int32_t read_multi(struct read *q)
{
    bool has_writes;
    if (!scan_multi(q, &has_writes)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    while (!has_writes) {
        struct rk_multi_header h;
        bool is_ok = rk_proto_read_multi_header(&q->r, &q->a, &h);
        RK_ASSERT(is_ok);
        if (h.done) {
            break;
        }
        size_t at = q->out->body.len;
        put_header(q, h.type, false, RK_ZK_OK);
        int32_t err =
            h.type == RK_OP_GET_DATA ? read_data(q, false) : read_children(q, false, false);
        if (err != RK_ZK_OK) {
            q->out->body.len = at;
            put_header(q, RK_OP_ERROR, false, err);
            rk_buf_put_i32(&q->out->body, err);
            q->out->failed_ops++;
        }
        if (err == RK_ZK_MARSHALLING_ERROR) {
            has_writes = true; /* a null path ends it in the same way */
        }
    }
    put_header(q, -1, true, -1);
    q->out->keep_body = has_writes;
    return has_writes ? RK_ZK_MARSHALLING_ERROR : RK_ZK_OK;
}

static int32_t read_op(struct read *q, int32_t op)
{
    switch (op) {
    case RK_OP_EXISTS:
        return read_exists(q);
    case RK_OP_GET_DATA:
        return read_data(q, true);
    case RK_OP_GET_CHILDREN:
    case RK_OP_GET_CHILDREN2:
        return read_children(q, true, op == RK_OP_GET_CHILDREN2);
    case RK_OP_GET_ACL:
        return read_acl(q);
    case RK_OP_SYNC:
        return read_sync(q);
    case RK_OP_GET_EPHEMERALS:
        return read_ephemerals(q);
    case RK_OP_GET_ALL_CHILDREN_NUMBER:
        return read_number(q);
    case RK_OP_WHO_AM_I:
        return read_who_am_i(q);
    case RK_OP_ADD_WATCH:
        return read_add_watch(q);
    case RK_OP_CHECK_WATCHES:
    case RK_OP_REMOVE_WATCHES:
        return read_check_watches(q, op == RK_OP_REMOVE_WATCHES);
    case RK_OP_SET_WATCHES:
    case RK_OP_SET_WATCHES2:
        return read_set_watches(q, op == RK_OP_SET_WATCHES2);
    case RK_OP_MULTI_READ:
        return read_multi(q);
    default:
        RK_ASSERT(op == RK_OP_PING);
        return RK_ZK_OK;
    }
}

void rk_sim_model_read(const struct sim_model *m, struct sim_viewer *v, int32_t op,
                       struct rk_bytes body, struct sim_outcome *out)
{
    struct read q = {.m = m, .v = v, .out = out};
    rk_reader_init(&q.r, body, m->rules.record_bytes_max);
    rk_arena_init(&q.a, m->mem);
    rk_sim_outcome_reset(out);
    out->err = read_op(&q, op);
    if (out->err != RK_ZK_OK && !out->keep_body) {
        rk_buf_reset(&out->body);
    }
    rk_arena_deinit(&q.a);
}

/* -- Canonical replies -- */

static int compare_bytes(const void *a, const void *b)
{
    return rk_bytes_compare(*(const struct rk_bytes *)a, *(const struct rk_bytes *)b);
}

static bool sort_list(struct rk_reader *r, struct rk_arena *a, struct rk_buf *out)
{
    struct rk_vec_bytes list;
    if (!rk_proto_read_vec_bytes(r, a, &list)) {
        return false;
    }
    if (list.count > 0) {
        qsort(list.items, (size_t)list.count, sizeof(list.items[0]), compare_bytes);
    }
    rk_proto_write_vec_bytes(out, &list);
    return true;
}

static int compare_clients(const void *a, const void *b)
{
    const struct rk_client_info *x = a;
    const struct rk_client_info *y = b;
    int order = rk_bytes_compare(x->auth_scheme, y->auth_scheme);
    return order != 0 ? order : rk_bytes_compare(x->user, y->user);
}

static bool sort_clients(struct rk_reader *r, struct rk_arena *a, struct rk_buf *out)
{
    struct rk_vec_client_info list;
    if (!rk_proto_read_vec_client_info(r, a, &list)) {
        return false;
    }
    if (list.count > 0) {
        qsort(list.items, (size_t)list.count, sizeof(list.items[0]), compare_clients);
    }
    rk_proto_write_vec_client_info(out, &list);
    return true;
}

static bool sort_multi(struct rk_reader *r, struct rk_arena *a, struct rk_buf *out)
{
    for (;;) {
        struct rk_multi_header h;
        struct rk_get_data_response data;
        bool is_ok = rk_proto_read_multi_header(r, a, &h);
        rk_proto_write_multi_header(out, &h);
        if (!is_ok || h.done) {
            return is_ok;
        }
        if (h.type == RK_OP_GET_CHILDREN) {
            is_ok = sort_list(r, a, out);
        } else if (h.type == RK_OP_GET_DATA) {
            is_ok = rk_proto_read_get_data_response(r, a, &data);
            rk_proto_write_get_data_response(out, &data);
        } else {
            rk_buf_put_i32(out, rk_read_i32(r));
        }
        if (!is_ok) {
            return false;
        }
    }
}

bool rk_sim_canonical(struct rk_mem *mem, int32_t op, struct rk_bytes body, struct rk_buf *out)
{
    struct rk_reader r;
    struct rk_arena a;
    bool is_ok = true;
    rk_reader_init(&r, body, UINT32_MAX >> 1);
    rk_arena_init(&a, mem);
    rk_buf_reset(out);
    if (body.len > 0) {
        if (op == RK_OP_GET_CHILDREN || op == RK_OP_GET_CHILDREN2 || op == RK_OP_GET_EPHEMERALS) {
            is_ok = sort_list(&r, &a, out);
        } else if (op == RK_OP_MULTI_READ) {
            is_ok = sort_multi(&r, &a, out);
        } else if (op == RK_OP_WHO_AM_I) {
            is_ok = sort_clients(&r, &a, out);
        }
        rk_buf_put(out, r.at, rk_reader_left(&r));
    }
    rk_arena_deinit(&a);
    return is_ok && !r.failed;
}
