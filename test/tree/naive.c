/* The naive tree; see naive.h. Quotas by the book: the deepest prefix that has a limits node. */
#include "naive.h"

#include <inttypes.h>
#include <zlib.h>

static struct naive_node *add(struct naive *m, const char *path, size_t len)
{
    assert_in_range(m->count, 0, NAIVE_NODES_MAX - 1);
    struct naive_node *n = &m->nodes[m->count];
    memset(n, 0, sizeof(*n));
    assert_true(len < sizeof(n->path));
    memcpy(n->path, path, len);
    m->count++;
    m->births++;
    n->born = m->births;
    n->acl_perms = -1;
    return n;
}

void naive_open(struct naive *m)
{
    memset(m, 0, sizeof(*m));
    add(m, "", 0);
    add(m, "/zookeeper", 10);
    add(m, "/zookeeper/quota", 16);
    struct naive_node *config = add(m, "/zookeeper/config", 17);
    config->stat.aversion = -1;
    config->acl_perms = -2;
}

struct naive_node *naive_find(struct naive *m, const char *path, size_t len)
{
    if (len == 1 && path[0] == '/') {
        len = 0;
    }
    for (int i = 0; i < m->count; i++) {
        if (strlen(m->nodes[i].path) == len && memcmp(m->nodes[i].path, path, len) == 0) {
            return &m->nodes[i];
        }
    }
    return NULL;
}

static bool is_below(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 && path[len] == '/';
}

static bool is_child(const char *path, const char *parent)
{
    return is_below(path, parent) && strchr(path + strlen(parent) + 1, '/') == NULL;
}

int naive_child_count(const struct naive *m, const struct naive_node *n)
{
    int count = 0;
    for (int i = 0; i < m->count; i++) {
        count += is_child(m->nodes[i].path, n->path) ? 1 : 0;
    }
    return count;
}

int naive_descendant_count(const struct naive *m, const struct naive_node *n)
{
    int count = 0;
    for (int i = 0; i < m->count; i++) {
        count += is_below(m->nodes[i].path, n->path) ? 1 : 0;
    }
    return count;
}

int naive_acl_perms(const struct rk_vec_acl *list)
{
    if (list == NULL) {
        return -3;
    }
    if (list->count == -1) {
        return -1;
    }
    if (list->count == 1) {
        return list->items[0].perms == RK_PERM_READ ? -2 : 0;
    }
    return list->items[1].perms;
}

static void put64(uint8_t *at, int64_t v)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
    }
}

static void put32(uint8_t *at, int32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)((uint32_t)v >> (24 - 8 * i));
    }
}

uint64_t naive_digest(const struct naive *m)
{
    uint64_t sum = 0;
    for (int i = 0; i < m->count; i++) {
        const struct naive_node *n = &m->nodes[i];
        uint8_t all[1024];
        size_t len = strlen(n->path);
        if (strncmp(n->path, "/zookeeper/", 11) == 0) {
            continue;
        }
        memcpy(all, n->path, len);
        memcpy(all + len, n->data, n->data_len);
        len += n->data_len;
        put64(all + len, n->stat.czxid);
        put64(all + len + 8, n->stat.mzxid);
        put64(all + len + 16, n->stat.pzxid);
        put64(all + len + 24, n->stat.ctime);
        put64(all + len + 32, n->stat.mtime);
        put32(all + len + 40, n->stat.version);
        put32(all + len + 44, n->stat.cversion);
        put32(all + len + 48, n->stat.aversion);
        put64(all + len + 52, n->stat.ephemeral_owner);
        sum += crc32(0, all, (uInt)(len + 60));
    }
    return sum;
}

static void set(struct naive_node *n, const void *data, size_t len, bool is_null)
{
    assert_true(len <= sizeof(n->data));
    if (len > 0) {
        memcpy(n->data, data, len);
    }
    n->data_len = (uint32_t)len;
    n->is_null = is_null;
}

/* -- quotas */

static int64_t value_of(const struct naive_node *n, const char *key, bool *ret_is_there)
{
    char text[513];
    memcpy(text, n->data, n->data_len);
    text[n->data_len] = '\0';
    int64_t value = -1;
    *ret_is_there = false;
    char *at = text;
    while (*at != '\0') {
        size_t len = strcspn(at, ",;");
        char pair[513];
        memcpy(pair, at, len);
        pair[len] = '\0';
        char *equals = strchr(pair, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        if (strcmp(pair, key) == 0) {
            char *number = equals == NULL ? pair + len : equals + 1;
            number[strcspn(number, "=")] = '\0';
            char *end;
            value = strtoll(number, &end, 10);
            if (*number == '\0' || *end != '\0') {
                value = -1;
            }
            *ret_is_there = true;
        }
        at += len;
        at += *at != '\0' ? 1 : 0;
    }
    return value;
}

static void write_usage(struct naive_node *n, int64_t count, int64_t bytes)
{
    bool has_count_hard;
    bool has_bytes_hard;
    int64_t count_hard = value_of(n, "countHardLimit", &has_count_hard);
    int64_t bytes_hard = value_of(n, "byteHardLimit", &has_bytes_hard);
    char text[256];
    int len = snprintf(text, sizeof(text), "count=%" PRId64 ",bytes=%" PRId64 "%s", count, bytes,
                       has_count_hard || has_bytes_hard ? "=" : "");
    if (has_bytes_hard) {
        len +=
            snprintf(text + len, sizeof(text) - (size_t)len, ";byteHardLimit=%" PRId64, bytes_hard);
    }
    if (has_count_hard) {
        len += snprintf(text + len, sizeof(text) - (size_t)len, ";countHardLimit=%" PRId64,
                        count_hard);
    }
    set(n, text, (size_t)len, false);
}

static struct naive_node *quota_node(struct naive *m, const char *prefix, const char *name)
{
    char path[256];
    int len = snprintf(path, sizeof(path), "/zookeeper/quota%s/%s", prefix, name);
    return naive_find(m, path, (size_t)len);
}

static void count_usage(struct naive *m, const char *path, int64_t bytes, int64_t count)
{
    char prefix[128];
    snprintf(prefix, sizeof(prefix), "%s", path);
    while (prefix[0] != '\0' && quota_node(m, prefix, "zookeeper_limits") == NULL) {
        *strrchr(prefix, '/') = '\0';
    }
    struct naive_node *stats = quota_node(m, prefix, "zookeeper_stats");
    if (prefix[0] == '\0' || stats == NULL) {
        return;
    }
    bool is_there;
    write_usage(stats, value_of(stats, "count", &is_there) + count,
                value_of(stats, "bytes", &is_there) + bytes);
}

static void recount(struct naive *m, struct naive_node *stats)
{
    char prefix[128];
    snprintf(prefix, sizeof(prefix), "%s", stats->path + strlen("/zookeeper/quota"));
    *strrchr(prefix, '/') = '\0';
    struct naive_node *root = naive_find(m, prefix, strlen(prefix));
    int64_t count = 0;
    int64_t bytes = 0;
    for (int i = 0; root != NULL && i < m->count; i++) {
        if (&m->nodes[i] == root || is_below(m->nodes[i].path, prefix)) {
            count++;
            bytes += m->nodes[i].data_len;
        }
    }
    set(stats, "", 0, false);
    write_usage(stats, count, bytes);
}

/* -- transactions */

static void fire(struct naive *m, const char *what, const char *path)
{
    size_t len = strlen(m->events);
    snprintf(m->events + len, sizeof(m->events) - len, "%s%s %s", len == 0 ? "" : ", ", what,
             path[0] == '\0' ? "/" : path);
}

static bool is_odd(const char *path)
{
    size_t len = strlen(path);
    return len < 2 || path[0] != '/' || path[len - 1] == '/';
}

static struct naive_node *parent_of(struct naive *m, const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    return len == 1 ? NULL : naive_find(m, path, len); /* "//x" */
}

static void raise(struct naive_node *parent, int32_t cversion, int64_t zxid)
{
    if (cversion == -1) {
        cversion = parent->stat.cversion + 1;
    }
    if (cversion > parent->stat.cversion) {
        parent->stat.cversion = cversion;
        parent->stat.pzxid = zxid;
    }
}

struct naive_create {
    struct rk_bytes data;
    const struct rk_vec_acl *acl;
    int32_t parent_cversion;
    int64_t owner;
};

static int32_t create(struct naive *m, const struct rk_txn_header *h, const char *path,
                      const struct naive_create *c)
{
    if (is_odd(path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    struct naive_node *parent = parent_of(m, path);
    if (parent == NULL) {
        return RK_ZK_NO_NODE;
    }
    raise(parent, c->parent_cversion, h->zxid);
    struct naive_node *n = naive_find(m, path, strlen(path));
    if (n != NULL) {
        n->acl_perms = naive_acl_perms(c->acl);
        return RK_ZK_NODE_EXISTS;
    }
    char parent_path[128];
    snprintf(parent_path, sizeof(parent_path), "%s", parent->path);
    n = add(m, path, strlen(path));
    set(n, c->data.data, c->data.len, c->data.data == NULL);
    n->acl_perms = naive_acl_perms(c->acl);
    n->stat.czxid = n->stat.mzxid = n->stat.pzxid = h->zxid;
    n->stat.ctime = n->stat.mtime = h->time;
    n->stat.ephemeral_owner = c->owner;
    fire(m, "created", path);
    fire(m, "children", parent_path);
    if (is_below(path, "/zookeeper/quota") && strcmp(strrchr(path, '/'), "/zookeeper_stats") == 0) {
        recount(m, n);
    }
    count_usage(m, path, c->data.len, 1);
    return 0;
}

static void erase(struct naive *m, struct naive_node *n)
{
    struct naive_node gone = *n;
    m->count--;
    memmove(n, n + 1, (size_t)(&m->nodes[m->count] - n) * sizeof(*n));
    count_usage(m, gone.path, -(int64_t)gone.data_len, -1);
}

static int32_t delete_path(struct naive *m, const struct rk_txn_header *h, const char *path)
{
    if (is_odd(path) || strcmp(path, "/zookeeper") == 0 || strcmp(path, "/zookeeper/quota") == 0 ||
        strcmp(path, "/zookeeper/config") == 0) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    struct naive_node *parent = parent_of(m, path);
    if (parent == NULL) {
        return RK_ZK_NO_NODE;
    }
    if (h->zxid > parent->stat.pzxid) {
        parent->stat.pzxid = h->zxid;
    }
    char parent_path[128];
    snprintf(parent_path, sizeof(parent_path), "%s", parent->path);
    struct naive_node *n = naive_find(m, path, strlen(path));
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    for (int i = m->count - 1; i >= 0; i--) { /* deepest first: children are younger */
        if (is_below(m->nodes[i].path, path)) {
            erase(m, &m->nodes[i]);
        }
    }
    erase(m, naive_find(m, path, strlen(path)));
    fire(m, "deleted", path);
    fire(m, "children", parent_path);
    return 0;
}

static void close_session(struct naive *m, const struct rk_txn *txn)
{
    const struct rk_vec_bytes *paths = &txn->body.close_session.paths;
    for (int32_t i = 0; i < paths->count; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%.*s", (int)paths->items[i].len, paths->items[i].data);
        (void)delete_path(m, &txn->header, path);
    }
    while (true) {
        struct naive_node *newest = NULL;
        for (int i = 0; i < m->count; i++) {
            struct naive_node *n = &m->nodes[i];
            if (n->stat.ephemeral_owner == txn->header.client_id &&
                (newest == NULL || n->born > newest->born)) {
                newest = n;
            }
        }
        if (newest == NULL) {
            return;
        }
        char path[128];
        snprintf(path, sizeof(path), "%s", newest->path);
        assert_int_equal(delete_path(m, &txn->header, path), 0);
    }
}

static int32_t create_txn(struct naive *m, const struct rk_txn *txn)
{
    const union rk_txn_body *b = &txn->body;
    struct naive_create c;
    struct rk_bytes at;
    if (txn->type == RK_OP_CREATE_CONTAINER) {
        at = b->create_container.path;
        c = (struct naive_create){b->create_container.data, &b->create_container.acl,
                                  b->create_container.parent_cversion, INT64_MIN};
    } else if (txn->type == RK_OP_CREATE_TTL) {
        at = b->create_ttl.path;
        int64_t ttl = b->create_ttl.ttl;
        int64_t owner = ttl > 0 ? (int64_t)(0xff00000000000000u + (uint64_t)ttl) : 0;
        c = (struct naive_create){b->create_ttl.data, &b->create_ttl.acl,
                                  b->create_ttl.parent_cversion, owner};
    } else {
        at = b->create.path;
        c = (struct naive_create){b->create.data, &b->create.acl, b->create.parent_cversion,
                                  b->create.ephemeral ? txn->header.client_id : 0};
    }
    char path[128];
    snprintf(path, sizeof(path), "%.*s", (int)at.len, at.data);
    return create(m, &txn->header, path, &c);
}

static int32_t set_data(struct naive *m, const struct rk_txn *txn)
{
    const struct rk_set_data_txn *s = &txn->body.set_data;
    struct naive_node *n = naive_find(m, (const char *)s->path.data, s->path.len);
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    int64_t more = (int64_t)s->data.len - n->data_len;
    set(n, s->data.data, s->data.len, s->data.data == NULL);
    n->stat.mzxid = txn->header.zxid;
    n->stat.mtime = txn->header.time;
    n->stat.version = s->version;
    /* as the transaction names it: "" stays "" */
    snprintf(m->events + strlen(m->events), sizeof(m->events) - strlen(m->events), "%sdata %.*s",
             m->events[0] == '\0' ? "" : ", ", (int)s->path.len, s->path.data);
    count_usage(m, n->path, more, 0);
    return 0;
}

static int32_t set_acl(struct naive *m, const struct rk_txn *txn)
{
    const struct rk_set_acl_txn *s = &txn->body.set_acl;
    struct naive_node *n = naive_find(m, (const char *)s->path.data, s->path.len);
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    n->acl_perms = naive_acl_perms(&s->acl);
    n->stat.aversion = s->version;
    return 0;
}

static int32_t apply_single(struct naive *m, const struct rk_txn *txn)
{
    switch (txn->type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
        return create_txn(m, txn);
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER: {
        char path[128];
        struct rk_bytes at = txn->body.delete_.path;
        snprintf(path, sizeof(path), "%.*s", (int)at.len, at.data);
        return delete_path(m, &txn->header, path);
    }
    case RK_OP_SET_DATA:
        return set_data(m, txn);
    case RK_OP_SET_ACL:
        return set_acl(m, txn);
    case RK_OP_CLOSE_SESSION:
        close_session(m, txn);
        return 0;
    case RK_OP_ERROR:
        return txn->body.error.err;
    default:
        assert_int_equal(txn->type, RK_OP_CHECK);
        return 0;
    }
}

int32_t naive_apply(struct naive *m, const struct rk_txn *txn, struct rk_arena *a,
                    int32_t *sub_errs)
{
    m->events[0] = '\0';
    if (txn->type != RK_OP_MULTI) {
        return apply_single(m, txn);
    }
    const struct rk_vec_sub_txn *subs = &txn->body.multi.txns;
    struct rk_txn elements[32];
    int32_t first_error = -1;
    for (int32_t i = 0; i < subs->count; i++) {
        elements[i].header = txn->header;
        assert_int_equal(
            rk_txn_decode_body(subs->items[i].type, subs->items[i].data, a, 1 << 20, &elements[i]),
            RK_OK);
        if (elements[i].type == RK_OP_ERROR && first_error < 0) {
            first_error = i;
        }
    }
    int32_t overall = 0;
    for (int32_t i = 0; i < subs->count; i++) {
        if (first_error < 0) {
            sub_errs[i] = apply_single(m, &elements[i]);
        } else {
            sub_errs[i] = i < first_error    ? 0
                          : i == first_error ? elements[i].body.error.err
                                             : RK_ZK_RUNTIME_INCONSISTENCY;
        }
        overall = overall == 0 ? sub_errs[i] : overall;
    }
    return overall;
}
