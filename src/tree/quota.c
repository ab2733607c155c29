/* The trie of quota paths and the text of limits and usage. Guarantees that a lookup costs no more
 * than reading the path once, and that no text makes the parser fail: Apache dies of unreadable
 * statistics, which any client that may write them can store. Keeping usage up to date is the
 * tree's business. */
#include "tree/quota.h"

#include "base/list.h"
#include "base/num.h"

#include <string.h>

struct rk_quota_node {
    struct rk_map_entry edge;     /* by hash of (parent, name) */
    struct rk_quota_node *same;   /* another node of that hash */
    struct rk_quota_node *parent; /* NULL: the root, which has no node of its own */
    uint64_t id;
    uint32_t child_count;
    uint32_t name_len;
    bool is_registered;
    uint8_t name[];
};

void rk_quotas_init(struct rk_quotas *q, struct rk_mem *mem, uint64_t seed)
{
    *q = (struct rk_quotas){.mem = mem, .seed = seed};
    rk_map_init(&q->edges, mem, seed);
}

static void free_node(struct rk_quotas *q, struct rk_quota_node *n)
{
    RK_ASSERT(n != NULL);
    rk_mem_free(q->mem, n, sizeof(*n) + n->name_len);
}

void rk_quotas_deinit(struct rk_quotas *q)
{
    struct rk_map_entry *edge;
    while ((edge = rk_map_drain(&q->edges)) != NULL) {
        struct rk_quota_node *n = RK_CONTAINER_OF(edge, struct rk_quota_node, edge);
        while (n != NULL) {
            struct rk_quota_node *same = n->same;
            free_node(q, n);
            n = same;
        }
    }
    rk_map_deinit(&q->edges);
}

static uint64_t edge_hash(const struct rk_quotas *q, const struct rk_quota_node *parent,
                          struct rk_bytes name)
{
    uint64_t parent_id = parent == NULL ? 0 : parent->id;
    return rk_hash_bytes(name.data, name.len, q->seed ^ parent_id * UINT64_C(0x9e3779b97f4a7c15));
}

static struct rk_quota_node *first_of_hash(const struct rk_quotas *q, uint64_t hash)
{
    struct rk_map_entry *edge = rk_map_find(&q->edges, hash);
    return edge == NULL ? NULL : RK_CONTAINER_OF(edge, struct rk_quota_node, edge);
}

static struct rk_quota_node *child_of(const struct rk_quotas *q, struct rk_quota_node *parent,
                                      struct rk_bytes name)
{
    struct rk_quota_node *n = first_of_hash(q, edge_hash(q, parent, name));
    while (n != NULL &&
           (n->parent != parent || !rk_bytes_equal(rk_bytes_of(n->name, n->name_len), name))) {
        n = n->same;
    }
    return n;
}

static struct rk_quota_node *add_child(struct rk_quotas *q, struct rk_quota_node *parent,
                                       struct rk_bytes name)
{
    struct rk_quota_node *n = rk_mem_must_zalloc(q->mem, sizeof(*n) + name.len);
    q->id_last++;
    n->id = q->id_last;
    n->parent = parent;
    n->name_len = name.len;
    memcpy(n->name, name.data, name.len);
    uint64_t hash = edge_hash(q, parent, name);
    struct rk_quota_node *first = first_of_hash(q, hash);
    if (first == NULL) {
        rk_map_insert(&q->edges, &n->edge, hash);
    } else {
        n->same = first->same;
        first->same = n;
    }
    if (parent != NULL) {
        parent->child_count++;
    }
    return n;
}

static void remove_node(struct rk_quotas *q, struct rk_quota_node *n)
{
    RK_ASSERT(n->child_count == 0);
    RK_ASSERT(!n->is_registered);
    uint64_t hash = edge_hash(q, n->parent, rk_bytes_of(n->name, n->name_len));
    struct rk_quota_node *first = first_of_hash(q, hash);
    if (first == n) {
        struct rk_map_entry *edge = rk_map_remove(&q->edges, hash);
        RK_ASSERT(edge == &n->edge);
        if (n->same != NULL) {
            rk_map_insert(&q->edges, &n->same->edge, hash);
        }
    } else {
        while (first->same != n) {
            first = first->same;
            RK_ASSERT(first != NULL);
        }
        first->same = n->same;
    }
    if (n->parent != NULL) {
        n->parent->child_count--;
    }
    free_node(q, n);
}

/* The next component at or after *at, which moves behind it; false at the end of the path. */
static bool next_name(struct rk_bytes path, uint32_t *at, struct rk_bytes *ret_name)
{
    uint32_t start = *at;
    while (start < path.len && path.data[start] == '/') {
        start++;
    }
    uint32_t end = start;
    while (end < path.len && path.data[end] != '/') {
        end++;
    }
    *at = end;
    if (start == end) {
        return false;
    }
    *ret_name = rk_bytes_of(path.data + start, end - start);
    return true;
}

void rk_quotas_add(struct rk_quotas *q, struct rk_bytes prefix)
{
    struct rk_quota_node *n = NULL;
    struct rk_bytes name;
    uint32_t at = 0;
    while (next_name(prefix, &at, &name)) {
        struct rk_quota_node *child = child_of(q, n, name);
        n = child == NULL ? add_child(q, n, name) : child;
    }
    if (n != NULL && !n->is_registered) {
        n->is_registered = true;
        q->count++;
        RK_ASSERT(q->count > 0);
    }
}

void rk_quotas_remove(struct rk_quotas *q, struct rk_bytes prefix)
{
    struct rk_quota_node *n = NULL;
    struct rk_bytes name;
    uint32_t at = 0;
    while (next_name(prefix, &at, &name)) {
        n = child_of(q, n, name);
        if (n == NULL) {
            return;
        }
    }
    if (n == NULL || !n->is_registered) {
        return;
    }
    RK_ASSERT(q->count > 0);
    n->is_registered = false;
    q->count--;
    while (n != NULL && n->child_count == 0 && !n->is_registered) {
        struct rk_quota_node *parent = n->parent;
        remove_node(q, n);
        n = parent;
    }
}

struct rk_bytes rk_quotas_deepest(const struct rk_quotas *q, struct rk_bytes path)
{
    struct rk_bytes deepest = {NULL, 0};
    if (q->count == 0) {
        return deepest;
    }
    struct rk_quota_node *n = NULL;
    struct rk_bytes name;
    uint32_t at = 0;
    while (next_name(path, &at, &name)) {
        n = child_of(q, n, name);
        if (n == NULL) {
            break;
        }
        if (n->is_registered) {
            deepest = rk_bytes_of(path.data, at);
        }
    }
    RK_ASSERT(deepest.len <= path.len);
    return deepest;
}

/* Key and value of one pair. ZK: StatsTrack splits at '=' and looks at the first two parts, so what
 * follows a second '=' is ignored. */
static void parse_pair(struct rk_bytes pair, struct rk_quota_track *ret)
{
    uint32_t key_end = 0;
    while (key_end < pair.len && pair.data[key_end] != '=') {
        key_end++;
    }
    uint32_t start = key_end < pair.len ? key_end + 1 : key_end;
    uint32_t end = start;
    while (end < pair.len && pair.data[end] != '=') {
        end++;
    }
    RK_ASSERT(end <= pair.len);
    struct rk_bytes key = rk_bytes_of(pair.data, key_end);
    int64_t value;
    if (!rk_num_parse_dec(rk_bytes_of(pair.data + start, end - start), &value)) {
        value = -1;
    }
    if (rk_bytes_is(key, "count")) {
        ret->count = value;
    } else if (rk_bytes_is(key, "bytes")) {
        ret->bytes = value;
    } else if (rk_bytes_is(key, "countHardLimit")) {
        ret->count_hard = value;
        ret->has_count_hard = true;
    } else if (rk_bytes_is(key, "byteHardLimit")) {
        ret->bytes_hard = value;
        ret->has_bytes_hard = true;
    }
}

void rk_quota_parse(struct rk_bytes text, struct rk_quota_track *ret)
{
    *ret = (struct rk_quota_track){-1, -1, -1, -1, false, false};
    uint32_t start = 0;
    for (uint32_t at = 0; at < text.len; at++) {
        if (text.data[at] == ',' || text.data[at] == ';') {
            parse_pair(rk_bytes_of(text.data + start, at - start), ret);
            start = at + 1;
        }
    }
    if (start < text.len) {
        parse_pair(rk_bytes_of(text.data + start, text.len - start), ret);
    }
    RK_ASSERT(ret->has_count_hard || ret->count_hard == -1);
    RK_ASSERT(ret->has_bytes_hard || ret->bytes_hard == -1);
}

static size_t put_pair(uint8_t *out, const char *key, int64_t value)
{
    size_t len = strlen(key);
    memcpy(out, key, len);
    char text[RK_NUM_MAX];
    size_t digits = rk_num_dec(text, value);
    RK_ASSERT(digits <= sizeof(text));
    memcpy(out + len, text, digits);
    return len + digits;
}

/* Four keys of at most 17 bytes with their separators, four numbers, the stray '='. */
_Static_assert(RK_QUOTA_TEXT_MAX >= 4 * (17 + RK_NUM_MAX) + 1, "any track fits");

size_t rk_quota_format(const struct rk_quota_track *track, uint8_t out[RK_QUOTA_TEXT_MAX])
{
    size_t len = put_pair(out, "count=", track->count);
    len += put_pair(out + len, ",bytes=", track->bytes);
    if (track->has_bytes_hard || track->has_count_hard) {
        out[len] = '='; /* makes parsers from before 3.5 ignore the rest */
        len++;
    }
    if (track->has_bytes_hard) {
        len += put_pair(out + len, ";byteHardLimit=", track->bytes_hard);
    }
    if (track->has_count_hard) {
        len += put_pair(out + len, ";countHardLimit=", track->count_hard);
    }
    RK_ASSERT(len <= RK_QUOTA_TEXT_MAX);
    return len;
}
