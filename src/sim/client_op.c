/* What clients ask for. Paths are few, so that requests meet; values are all different, so that one
 * cannot pass for another. */
#include "sim/client_int.h"

#include <stdio.h>
#include <string.h>

static const char *const users[SIM_USERS] = {"u0:secret", "u1:other", "super:pw"};

static uint64_t below(struct sim_clients *all, uint64_t bound)
{
    return rk_sim_below(&all->w->tape, SIM_SITE_OP, bound);
}

static bool pct(struct sim_clients *all, uint32_t percent)
{
    return rk_sim_pct(all->w, SIM_SITE_OP, percent);
}

/* -- Fields -- */

static void put_value(struct sim_clients *all)
{
    char text[64];
    uint64_t kind = below(all, 40);
    if (kind < 2) {
        rk_buf_put_i32(&all->out, kind == 0 ? -1 : 0);
        return;
    }
    int len = snprintf(text, sizeof(text), "v%u", ++all->values);
    uint32_t most = all->w->opt.client.value_bytes_max;
    uint32_t extra = most == 0 || below(all, 4) != 0 ? 0 : (uint32_t)below(all, most);
    rk_buf_put_i32(&all->out, len + (int32_t)extra);
    rk_buf_put(&all->out, text, (size_t)len);
    if (rk_buf_reserve(&all->out, extra)) {
        memset(all->out.data + all->out.len, 'a' + (int)(all->values % 26), extra);
        all->out.len += extra;
    }
}

static void put_acl_entry(struct sim_clients *all, int32_t perms, const char *scheme,
                          const char *id)
{
    rk_buf_put_i32(&all->out, perms);
    rk_buf_put_bytes(&all->out, rk_bytes_str(scheme));
    rk_buf_put_bytes(&all->out, rk_bytes_str(id));
}

static void put_digest_entry(struct sim_clients *all, int32_t perms, const char *user)
{
    struct sim_blob *id;
    bool is_ok = rk_sim_digest_login(&all->w->mem, rk_bytes_str(user), &id);
    RK_ASSERT(is_ok);
    rk_buf_put_i32(&all->out, perms);
    rk_buf_put_bytes(&all->out, rk_bytes_str("digest"));
    rk_buf_put_bytes(&all->out, rk_sim_bytes(id));
    rk_sim_blob_drop(&all->w->mem, id);
}

/* Lists that no server accepts. */
static void put_bad_acl(struct sim_clients *all)
{
    switch (below(all, 7)) {
    case 0:
        rk_buf_put_i32(&all->out, 0);
        break;
    case 1:
        rk_buf_put_i32(&all->out, -1);
        break;
    case 2:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "world", "nobody");
        break;
    case 3:
        rk_buf_put_i32(&all->out, 2);
        put_acl_entry(all, RK_PERM_ALL, "world", "anyone");
        put_acl_entry(all, RK_PERM_READ, "digest", "no colon");
        break;
    case 4:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "ip", "10.0.0.300");
        break;
    case 5:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "nobody knows", "this");
        break;
    default:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "world", NULL);
        break;
    }
}

static void put_acl(struct sim_clients *all)
{
    if (!pct(all, all->w->opt.client.restricted_pct)) {
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "world", "anyone");
        return;
    }
    switch (below(all, 8)) {
    case 0:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "auth", "");
        break;
    case 1:
        rk_buf_put_i32(&all->out, 2);
        put_acl_entry(all, RK_PERM_READ, "world", "anyone");
        put_digest_entry(all, RK_PERM_ALL, users[0]);
        break;
    case 2:
        rk_buf_put_i32(&all->out, 1);
        put_digest_entry(all, RK_PERM_ALL, users[below(all, 2)]);
        break;
    case 3:
        rk_buf_put_i32(&all->out, 2);
        put_acl_entry(all, RK_PERM_ALL, "ip", "10.0.0.0/17");
        put_acl_entry(all, RK_PERM_ADMIN, "world", "anyone");
        break;
    case 4:
        rk_buf_put_i32(&all->out, 2);
        put_acl_entry(all, RK_PERM_ALL, "ip", "10.0.0.2");
        put_acl_entry(all, RK_PERM_ALL, "ip", "10.0.0.2");
        break;
    case 5:
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, (int32_t)below(all, 40), "world", "anyone");
        break;
    case 6:
        rk_buf_put_i32(&all->out, 3);
        put_acl_entry(all, RK_PERM_ADMIN, "world", "anyone");
        put_acl_entry(all, RK_PERM_ALL, "auth", "whoever");
        put_acl_entry(all, RK_PERM_READ, "auth", "again");
        break;
    default:
        put_bad_acl(all);
        break;
    }
}

static int32_t draw_version(struct sim_clients *all)
{
    if (!pct(all, all->w->opt.client.versioned_pct)) {
        return -1;
    }
    return (int32_t)below(all, 6) - (below(all, 12) == 0 ? 3 : 0);
}

static int32_t draw_flags(struct sim_clients *all)
{
    const struct sim_client_options *o = &all->w->opt.client;
    if (below(all, 60) == 0) {
        return (int32_t)below(all, 12) - 2;
    }
    return (pct(all, o->ephemeral_pct) ? 1 : 0) + (pct(all, o->sequential_pct) ? 2 : 0);
}

/* -- Requests -- */

static void put_create(struct sim_clients *all, int32_t op, const char *path, int32_t flags)
{
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    put_value(all);
    put_acl(all);
    rk_buf_put_i32(&all->out, flags);
    if (op == RK_OP_CREATE_TTL) {
        static const int64_t ttls[] = {1, 50, 300, 2000, 100000, 0, -1, INT64_C(0x10000000000)};
        rk_buf_put_i64(&all->out, ttls[below(all, below(all, 4) == 0 ? 8 : 5)]);
    }
}

void rk_user_create(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                    int32_t flags)
{
    (void)rk_user_ask(all, c, op, path, 0);
    put_create(all, op, path, flags);
    rk_user_asked_end(all, c);
}

/* A kind of create and flags that go with it, mostly. */
static int32_t draw_create(struct sim_clients *all, int32_t *ret_flags)
{
    uint64_t kind = below(all, 10);
    *ret_flags = draw_flags(all);
    if (kind < 4) {
        return RK_OP_CREATE;
    }
    if (kind < 7) {
        return RK_OP_CREATE2;
    }
    if (kind < 8) {
        *ret_flags = below(all, 8) == 0 ? *ret_flags : RK_CREATE_CONTAINER;
        return RK_OP_CREATE_CONTAINER;
    }
    *ret_flags = below(all, 8) == 0 ? *ret_flags : 5 + (int32_t)below(all, 2);
    return RK_OP_CREATE_TTL;
}

static void create(struct sim_clients *all, struct sim_client *c)
{
    int32_t flags;
    int32_t op = draw_create(all, &flags);
    rk_user_create(all, c, op, rk_user_path(all), flags);
}

void rk_user_set(struct sim_clients *all, struct sim_client *c, const char *path)
{
    (void)rk_user_ask(all, c, RK_OP_SET_DATA, path, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    put_value(all);
    rk_buf_put_i32(&all->out, draw_version(all));
    rk_user_asked_end(all, c);
}

static void delete_node(struct sim_clients *all, struct sim_client *c)
{
    const char *path = rk_user_path(all);
    (void)rk_user_ask(all, c, RK_OP_DELETE, path, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    rk_buf_put_i32(&all->out, draw_version(all));
    rk_user_asked_end(all, c);
}

static void set_acl(struct sim_clients *all, struct sim_client *c)
{
    const char *path = all->paths[below(all, all->path_count)];
    (void)rk_user_ask(all, c, RK_OP_SET_ACL, path, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    put_acl(all);
    rk_buf_put_i32(&all->out, draw_version(all));
    rk_user_asked_end(all, c);
}

/* getData, exists, getChildren and all the others with a path and a flag. */
void rk_user_get(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                 bool watch)
{
    uint32_t list = !watch                 ? 0
                    : op == RK_OP_EXISTS   ? 1 + WATCHED_EXIST
                    : op == RK_OP_GET_DATA ? 1 + WATCHED_DATA
                                           : 1 + WATCHED_CHILD;
    (void)rk_user_ask(all, c, op, path, list);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    if (op != RK_OP_SYNC && op != RK_OP_GET_ACL && op != RK_OP_GET_ALL_CHILDREN_NUMBER &&
        op != RK_OP_GET_EPHEMERALS) {
        rk_buf_put_bool(&all->out, watch);
    }
    rk_user_asked_end(all, c);
}

void rk_user_simple(struct sim_clients *all, struct sim_client *c, int32_t op)
{
    (void)rk_user_ask(all, c, op, NULL, 0);
    rk_user_asked_end(all, c);
}

static void get(struct sim_clients *all, struct sim_client *c, int32_t op)
{
    bool is_config = rk_sim_is_ensemble(all->w) && below(all, 50) == 0;
    rk_user_get(all, c, op, is_config ? "/zookeeper/config" : rk_user_path(all),
                pct(all, all->w->opt.client.watch_pct));
}

static void misc_read(struct sim_clients *all, struct sim_client *c)
{
    static const char *const prefixes[] = {"", "/", "/a", "/b/", NULL};
    switch (below(all, 4)) {
    case 0:
        rk_user_simple(all, c, RK_OP_WHO_AM_I);
        break;
    case 1:
        rk_user_get(all, c, RK_OP_GET_EPHEMERALS, prefixes[below(all, 5)], false);
        break;
    case 2:
        rk_user_get(all, c, RK_OP_GET_ALL_CHILDREN_NUMBER, rk_user_path(all), false);
        break;
    default:
        get(all, c, RK_OP_GET_CHILDREN2);
        break;
    }
}

static void add_watch(struct sim_clients *all, struct sim_client *c)
{
    const char *path = below(all, 10) == 0 ? "/" : rk_user_path(all);
    int32_t mode = (int32_t)below(all, below(all, 20) == 0 ? 4 : 2);
    uint32_t list = mode == 0 ? 1 + WATCHED_PERSISTENT : mode == 1 ? 1 + WATCHED_RECURSIVE : 0;
    (void)rk_user_ask(all, c, RK_OP_ADD_WATCH, path, list);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    rk_buf_put_i32(&all->out, mode);
    rk_user_asked_end(all, c);
}

static void remove_watches(struct sim_clients *all, struct sim_client *c)
{
    const char *path = rk_user_path(all);
    uint32_t list = (uint32_t)below(all, WATCHED_COUNT);
    if (c->watched[list].count > 0) {
        path = c->watched[list].paths[below(all, c->watched[list].count)];
    }
    (void)rk_user_ask(all, c, below(all, 3) == 0 ? RK_OP_CHECK_WATCHES : RK_OP_REMOVE_WATCHES, path,
                      0);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    rk_buf_put_i32(&all->out, (int32_t)below(all, 7));
    rk_user_asked_end(all, c);
}

/* -- multi -- */

static void put_element(struct sim_clients *all, int32_t type, bool done)
{
    rk_buf_put_i32(&all->out, type);
    rk_buf_put_bool(&all->out, done);
    rk_buf_put_i32(&all->out, -1);
}

static void put_multi_op(struct sim_clients *all)
{
    const char *path = rk_user_path(all);
    int32_t flags;
    int32_t op;
    switch (below(all, 7)) {
    case 0:
    case 1:
    case 2:
        op = draw_create(all, &flags);
        put_element(all, op, false);
        put_create(all, op, path, flags);
        break;
    case 3:
        put_element(all, RK_OP_DELETE, false);
        rk_buf_put_bytes(&all->out, rk_bytes_str(path));
        rk_buf_put_i32(&all->out, draw_version(all));
        break;
    case 4:
        put_element(all, RK_OP_CHECK, false);
        rk_buf_put_bytes(&all->out, rk_bytes_str(path));
        rk_buf_put_i32(&all->out, draw_version(all));
        break;
    default:
        put_element(all, RK_OP_SET_DATA, false);
        rk_buf_put_bytes(&all->out, rk_bytes_str(path));
        put_value(all);
        rk_buf_put_i32(&all->out, draw_version(all));
        break;
    }
}

static void multi(struct sim_clients *all, struct sim_client *c)
{
    uint64_t count = below(all, 8) == 0 ? below(all, 12) : 1 + below(all, 3);
    (void)rk_user_ask(all, c, RK_OP_MULTI, NULL, 0);
    for (uint64_t i = 0; i < count; i++) {
        put_multi_op(all);
    }
    put_element(all, -1, true);
    rk_user_asked_end(all, c);
}

static void multi_read(struct sim_clients *all, struct sim_client *c)
{
    uint64_t count = below(all, 5);
    bool is_wrong = below(all, 15) == 0;
    (void)rk_user_ask(all, c, RK_OP_MULTI_READ, NULL, 0);
    for (uint64_t i = 0; i < count && !is_wrong; i++) {
        put_element(all, below(all, 2) == 0 ? RK_OP_GET_DATA : RK_OP_GET_CHILDREN, false);
        rk_buf_put_bytes(&all->out, rk_bytes_str(rk_user_path(all)));
        rk_buf_put_bool(&all->out, below(all, 2) == 0);
    }
    if (is_wrong) {
        put_element(all, RK_OP_DELETE, false);
        rk_buf_put_bytes(&all->out, rk_bytes_str("/a"));
        rk_buf_put_i32(&all->out, -1);
    }
    put_element(all, -1, true);
    rk_user_asked_end(all, c);
}

/* -- Quotas: limits and usage of one path, in one transaction each way -- */

static void put_quota_node(struct sim_clients *all, int32_t type, const char *path,
                           const char *data)
{
    put_element(all, type, false);
    rk_buf_put_bytes(&all->out, rk_bytes_str(path));
    if (type == RK_OP_CREATE) {
        rk_buf_put_bytes(&all->out, rk_bytes_str(data));
        rk_buf_put_i32(&all->out, 1);
        put_acl_entry(all, RK_PERM_ALL, "world", "anyone");
        rk_buf_put_i32(&all->out, 0);
    } else {
        rk_buf_put_i32(&all->out, -1);
    }
}

static void quota(struct sim_clients *all, struct sim_client *c)
{
    static const char *const tops[] = {"/zookeeper/quota/a", "/zookeeper/quota/b"};
    char limits[64];
    char stats[64];
    char text[64];
    const char *top = tops[below(all, 2)];
    (void)snprintf(limits, sizeof(limits), "%s/zookeeper_limits", top);
    (void)snprintf(stats, sizeof(stats), "%s/zookeeper_stats", top);
    (void)snprintf(text, sizeof(text), "count=-1,bytes=-1=;byteHardLimit=%llu;countHardLimit=%llu",
                   (unsigned long long)(20 + below(all, 200)),
                   (unsigned long long)(1 + below(all, 8)));
    uint64_t what = below(all, 5);
    if (what == 4) {
        rk_user_get(all, c, RK_OP_GET_DATA, stats, false);
        return;
    }
    (void)rk_user_ask(all, c, RK_OP_MULTI, NULL, 0);
    if (what == 3) {
        put_quota_node(all, RK_OP_DELETE, stats, "");
        put_quota_node(all, RK_OP_DELETE, limits, "");
        put_quota_node(all, RK_OP_DELETE, top, "");
    } else {
        put_quota_node(all, RK_OP_CREATE, top, "");
        put_quota_node(all, RK_OP_CREATE, limits, text);
        put_quota_node(all, RK_OP_CREATE, stats, "count=0,bytes=0");
        RK_MARK(all->w, QUOTA_SET);
    }
    put_element(all, -1, true);
    rk_user_asked_end(all, c);
}

/* -- Logins, sessions -- */

void rk_user_login(struct sim_clients *all, struct sim_client *c, uint32_t user)
{
    (void)rk_user_ask(all, c, RK_OP_AUTH, NULL, 0);
    rk_buf_put_i32(&all->out, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str("digest"));
    rk_buf_put_bytes(&all->out, rk_bytes_str(users[user]));
    rk_user_asked_end(all, c);
    c->is_user[user] = true;
}

static void auth(struct sim_clients *all, struct sim_client *c)
{
    static const char *const schemes[] = {"world", "super", "ip", "sasl", "x509", "ensemble"};
    uint64_t kind = below(all, 30);
    if (kind > 0) {
        rk_user_login(all, c, (uint32_t)(kind < 3 ? 2 : below(all, 2)));
        return;
    }
    (void)rk_user_ask(all, c, RK_OP_AUTH, NULL, 0);
    rk_buf_put_i32(&all->out, 7);
    rk_buf_put_bytes(&all->out, rk_bytes_str(schemes[below(all, 6)]));
    rk_buf_put_bytes(&all->out, rk_bytes_str(below(all, 2) == 0 ? "anyone" : NULL));
    rk_user_asked_end(all, c);
}

/* Watches lists[k][from[k]..], as many as fit a frame; false if none are left. */
static bool set_watches(struct sim_clients *all, struct sim_client *c, uint32_t from[WATCHED_COUNT])
{
    uint32_t room = all->w->opt.node.core.frame_bytes_max - 60;
    uint32_t counts[WATCHED_COUNT] = {0};
    bool is_any = false;
    for (uint32_t k = 0; k < WATCHED_COUNT; k++) {
        const struct watch_list *l = &c->watched[k];
        while (from[k] + counts[k] < l->count) {
            uint32_t bytes = 4 + (uint32_t)strlen(l->paths[from[k] + counts[k]]);
            if (bytes > room) {
                break;
            }
            room -= bytes;
            counts[k]++;
            is_any = true;
        }
    }
    if (!is_any) {
        return false;
    }
    bool is_2 = counts[WATCHED_PERSISTENT] + counts[WATCHED_RECURSIVE] > 0 || below(all, 2) == 0;
    (void)rk_user_ask(all, c, is_2 ? RK_OP_SET_WATCHES2 : RK_OP_SET_WATCHES, NULL, 0);
    rk_buf_put_i64(&all->out, c->seen);
    for (uint32_t k = 0; k < (is_2 ? WATCHED_COUNT : WATCHED_PERSISTENT); k++) {
        rk_buf_put_i32(&all->out, (int32_t)counts[k]);
        for (uint32_t i = 0; i < counts[k]; i++) {
            rk_buf_put_bytes(&all->out, rk_bytes_str(c->watched[k].paths[from[k] + i]));
        }
        from[k] += counts[k];
    }
    rk_user_asked_end(all, c);
    return true;
}

void rk_user_resume(struct sim_clients *all, struct sim_client *c)
{
    uint32_t from[WATCHED_COUNT] = {0};
    for (uint32_t user = 0; user < SIM_USERS; user++) {
        if (c->is_user[user]) {
            rk_user_login(all, c, user);
        }
    }
    while (set_watches(all, c, from)) {
        RK_MAYBE(from[0] > 0);
    }
}

void rk_user_request(struct sim_clients *all, struct sim_client *c, enum sim_op op)
{
    switch (op) {
    case SIM_OP_CREATE:
        create(all, c);
        break;
    case SIM_OP_DELETE:
        delete_node(all, c);
        break;
    case SIM_OP_SET_DATA:
        rk_user_set(all, c, rk_user_path(all));
        break;
    case SIM_OP_SET_ACL:
        set_acl(all, c);
        break;
    case SIM_OP_MULTI:
        multi(all, c);
        break;
    case SIM_OP_GET_DATA:
        get(all, c, RK_OP_GET_DATA);
        break;
    case SIM_OP_EXISTS:
        get(all, c, RK_OP_EXISTS);
        break;
    case SIM_OP_GET_CHILDREN:
        get(all, c, RK_OP_GET_CHILDREN);
        break;
    case SIM_OP_GET_ACL:
        rk_user_get(all, c, RK_OP_GET_ACL, rk_user_path(all), false);
        break;
    case SIM_OP_ADD_WATCH:
        add_watch(all, c);
        break;
    case SIM_OP_REMOVE_WATCHES:
        remove_watches(all, c);
        break;
    case SIM_OP_MULTI_READ:
        multi_read(all, c);
        break;
    case SIM_OP_SYNC:
        rk_user_get(all, c, RK_OP_SYNC, below(all, 10) == 0 ? NULL : "/", false);
        break;
    case SIM_OP_MISC_READ:
        misc_read(all, c);
        break;
    case SIM_OP_AUTH:
        auth(all, c);
        break;
    case SIM_OP_QUOTA:
        quota(all, c);
        break;
    case SIM_OP_CLOSE_SESSION:
        rk_user_simple(all, c, RK_OP_CLOSE_SESSION);
        break;
    default:
        rk_user_simple(all, c, RK_OP_PING);
        break;
    }
}

/* -- The enumeration's script -- */

/* Enough writes for some commits, a roll, snapshots; everything else the plan does. */
bool rk_user_script(struct sim_clients *all, struct sim_client *c)
{
    uint32_t at = c->script_at++;
    if (at >= 18) {
        return false;
    }
    switch (at % 6) {
    case 0:
        rk_user_create(all, c, RK_OP_CREATE, all->paths[at / 6 % all->path_count], 0);
        rk_user_create(all, c, RK_OP_CREATE2, "/s-", 2);
        break;
    case 1:
        rk_user_create(all, c, RK_OP_CREATE, "/e-", 3);
        break;
    case 2:
        rk_user_set(all, c, all->paths[0]);
        rk_user_set(all, c, all->paths[0]);
        break;
    case 3:
        rk_user_get(all, c, RK_OP_GET_CHILDREN2, "/", true);
        multi(all, c);
        break;
    case 4:
        delete_node(all, c);
        break;
    default:
        rk_user_set(all, c, all->paths[1]);
        break;
    }
    return true;
}
