/* The state of the reference model: a sorted array of nodes and one of sessions. Values are shared
 * between copies and never change. */
#include "sim/model.h"

#include <string.h>
#include <zlib.h>

/* -- Blobs -- */

struct sim_blob *rk_sim_blob(struct rk_mem *mem, struct rk_bytes bytes)
{
    if (bytes.data == NULL) {
        return NULL;
    }
    struct sim_blob *b = rk_mem_must_alloc(mem, sizeof(*b) + bytes.len);
    b->refs = 1;
    b->len = bytes.len;
    memcpy(b->data, bytes.data, bytes.len);
    return b;
}

struct sim_blob *rk_sim_blob_ref(struct sim_blob *b)
{
    if (b != NULL) {
        b->refs++;
    }
    return b;
}

void rk_sim_blob_drop(struct rk_mem *mem, struct sim_blob *b)
{
    if (b == NULL) {
        return;
    }
    RK_ASSERT(b->refs > 0);
    b->refs--;
    if (b->refs == 0) {
        rk_mem_free(mem, b, sizeof(*b) + b->len);
    }
}

struct rk_bytes rk_sim_bytes(const struct sim_blob *b)
{
    return b == NULL ? rk_bytes_str(NULL) : rk_bytes_of(b->data, b->len);
}

/* -- Paths -- */

struct rk_bytes rk_sim_parent_path(struct rk_bytes path)
{
    uint32_t len = path.len;
    while (len > 0 && path.data[len - 1] != '/') {
        len--;
    }
    return rk_bytes_of(path.data, len == 0 ? 0 : len - 1);
}

static struct rk_bytes key_of(struct rk_bytes path)
{
    return path.len == 0 ? rk_bytes_str("/") : path;
}

/* The first node whose path is not before this one. */
static uint32_t lower_bound(const struct sim_model *m, struct rk_bytes path)
{
    uint32_t low = 0;
    uint32_t high = m->node_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (rk_bytes_compare(rk_sim_bytes(m->nodes[middle].path), path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct sim_znode *rk_sim_find(const struct sim_model *m, struct rk_bytes path)
{
    struct rk_bytes key = key_of(path);
    uint32_t at = lower_bound(m, key);
    if (at < m->node_count && rk_bytes_equal(rk_sim_bytes(m->nodes[at].path), key)) {
        return &m->nodes[at];
    }
    return NULL;
}

void rk_sim_below_path(const struct sim_model *m, struct rk_bytes path, uint32_t *ret_first,
                       uint32_t *ret_end)
{
    uint8_t prefix[1024];
    struct rk_bytes key = key_of(path);
    uint32_t len = key.len == 1 ? 0 : key.len;
    RK_ASSERT(key.len < sizeof(prefix));
    memcpy(prefix, key.data, len);
    prefix[len] = '/';
    struct rk_bytes from = rk_bytes_of(prefix, len + 1);
    uint32_t first = lower_bound(m, from);
    if (len == 0) {
        first++; /* "/" itself */
    }
    uint32_t end = first;
    while (end < m->node_count && rk_bytes_starts_with(rk_sim_bytes(m->nodes[end].path), from)) {
        end++;
    }
    *ret_first = first;
    *ret_end = end;
}

bool rk_sim_is_child(struct rk_bytes parent, struct rk_bytes path)
{
    return path.len > 1 && rk_bytes_equal(key_of(rk_sim_parent_path(path)), key_of(parent));
}

uint32_t rk_sim_child_count(const struct sim_model *m, const struct sim_znode *node)
{
    uint32_t first;
    uint32_t end;
    uint32_t count = 0;
    struct rk_bytes path = rk_sim_bytes(node->path);
    uint32_t depth_at = path.len == 1 ? 1 : path.len + 1;
    rk_sim_below_path(m, path, &first, &end);
    for (uint32_t i = first; i < end; i++) {
        const struct sim_blob *below = m->nodes[i].path;
        count += memchr(below->data + depth_at, '/', below->len - depth_at) == NULL;
    }
    return count;
}

/* -- Nodes -- */

static void ref_node(struct sim_znode *n)
{
    (void)rk_sim_blob_ref(n->path);
    (void)rk_sim_blob_ref(n->data);
    (void)rk_sim_acl_ref(n->acl);
}

static void drop_node(struct rk_mem *mem, struct sim_znode *n)
{
    rk_sim_blob_drop(mem, n->path);
    rk_sim_blob_drop(mem, n->data);
    rk_sim_acl_drop(mem, n->acl);
}

struct sim_znode *rk_sim_insert(struct sim_model *m, const struct sim_znode *node)
{
    if (m->node_count == m->node_cap) {
        uint32_t cap = m->node_cap == 0 ? 64 : m->node_cap * 2;
        m->nodes = rk_mem_must_resize(m->mem, m->nodes, m->node_cap * sizeof(m->nodes[0]),
                                      cap * sizeof(m->nodes[0]));
        m->node_cap = cap;
    }
    uint32_t at = lower_bound(m, rk_sim_bytes(node->path));
    memmove(m->nodes + at + 1, m->nodes + at, (m->node_count - at) * sizeof(m->nodes[0]));
    m->nodes[at] = *node;
    m->node_count++;
    return &m->nodes[at];
}

void rk_sim_erase(struct sim_model *m, struct sim_znode *node)
{
    uint32_t at = (uint32_t)(node - m->nodes);
    RK_ASSERT(at < m->node_count);
    drop_node(m->mem, node);
    m->node_count--;
    memmove(m->nodes + at, m->nodes + at + 1, (m->node_count - at) * sizeof(m->nodes[0]));
}

static void add_builtin(struct sim_model *m, const char *path, struct sim_acl *acl)
{
    struct sim_znode n = {.path = rk_sim_blob(m->mem, rk_bytes_str(path)),
                          .data = rk_sim_blob(m->mem, rk_bytes_of("", 0)),
                          .acl = acl};
    (void)rk_sim_insert(m, &n);
}

void rk_sim_model_init(struct sim_model *m, struct rk_mem *mem, const struct sim_rules *rules)
{
    *m = (struct sim_model){.mem = mem, .rules = *rules};
    struct sim_acl *read_only =
        rk_mem_must_zalloc(mem, sizeof(*read_only) + sizeof(read_only->grants[0]));
    read_only->refs = 1;
    read_only->count = 1;
    read_only->grants[0].perms = RK_PERM_READ;
    read_only->grants[0].who.scheme = rk_sim_blob(mem, rk_bytes_str("world"));
    read_only->grants[0].who.id = rk_sim_blob(mem, rk_bytes_str("anyone"));
    add_builtin(m, "/", NULL);
    add_builtin(m, "/zookeeper", NULL);
    add_builtin(m, "/zookeeper/quota", NULL);
    add_builtin(m, "/zookeeper/config", read_only);
    /* ZK: DataTree.addConfigNode sets the ACL with version -1. */
    struct sim_znode *config = rk_sim_find(m, rk_bytes_str("/zookeeper/config"));
    config->aversion = -1;
    if (rules->config_text.len > 0) {
        /* ZK: ZKDatabase.initConfigInZKDatabase. */
        rk_sim_blob_drop(mem, config->data);
        config->data = rk_sim_blob(mem, rules->config_text);
        config->version = -1;
    }
}

void rk_sim_model_deinit(struct sim_model *m)
{
    for (uint32_t i = 0; i < m->node_count; i++) {
        drop_node(m->mem, &m->nodes[i]);
    }
    rk_mem_free(m->mem, m->nodes, m->node_cap * sizeof(m->nodes[0]));
    rk_mem_free(m->mem, m->sessions, m->session_cap * sizeof(m->sessions[0]));
    *m = (struct sim_model){.mem = NULL};
}

void rk_sim_model_copy(struct sim_model *to, const struct sim_model *from)
{
    *to = *from;
    to->node_cap = from->node_count;
    to->nodes = rk_mem_must_alloc(from->mem, from->node_count * sizeof(to->nodes[0]));
    memcpy(to->nodes, from->nodes, from->node_count * sizeof(to->nodes[0]));
    for (uint32_t i = 0; i < to->node_count; i++) {
        ref_node(&to->nodes[i]);
    }
    to->session_cap = from->session_count;
    to->sessions = NULL;
    if (from->session_count > 0) {
        to->sessions = rk_mem_must_alloc(from->mem, from->session_count * sizeof(to->sessions[0]));
        memcpy(to->sessions, from->sessions, from->session_count * sizeof(to->sessions[0]));
    }
}

/* The top bit patterns of owners that are no session (spec-client 6.4). */
bool rk_sim_is_ephemeral(const struct sim_model *m, const struct sim_znode *node)
{
    if (node->owner == 0 || node->owner == INT64_MIN) {
        return false;
    }
    return !(m->rules.extended_types && ((uint64_t)node->owner >> 56) == 0xff);
}

void rk_sim_stat_of(const struct sim_model *m, const struct sim_znode *node, struct rk_stat *ret)
{
    uint32_t children = rk_sim_child_count(m, node);
    *ret = (struct rk_stat){
        .czxid = node->czxid,
        .mzxid = node->mzxid,
        .ctime = node->ctime,
        .mtime = node->mtime,
        .version = node->version,
        .cversion = (int32_t)(2 * (int64_t)node->creations - (int64_t)children),
        .aversion = node->aversion,
        .ephemeral_owner = rk_sim_is_ephemeral(m, node) ? node->owner : 0,
        .data_length = node->data == NULL ? 0 : (int32_t)node->data->len,
        .num_children = (int32_t)children,
        .pzxid = node->pzxid,
    };
}

uint64_t rk_sim_model_digest(const struct sim_model *m)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->node_count; i++) {
        const struct sim_znode *n = &m->nodes[i];
        uint8_t numbers[60];
        if (rk_bytes_starts_with(rk_sim_bytes(n->path), rk_bytes_str("/zookeeper/"))) {
            continue;
        }
        const int64_t longs[] = {n->czxid, n->mzxid, n->pzxid, n->ctime, n->mtime};
        const int32_t ints[] = {n->version, n->creations, n->aversion};
        for (uint32_t k = 0; k < 5; k++) {
            rk_store_i64(numbers + 8 * k, longs[k]);
        }
        for (uint32_t k = 0; k < 3; k++) {
            rk_store_i32(numbers + 40 + 4 * k, ints[k]);
        }
        rk_store_i64(numbers + 52, n->owner);
        uLong crc = crc32(0, Z_NULL, 0);
        crc = crc32(crc, n->path->data, n->path->len == 1 ? 0 : n->path->len);
        if (n->data != NULL) {
            crc = crc32(crc, n->data->data, n->data->len);
        }
        sum += crc32(crc, numbers, sizeof(numbers));
    }
    return sum;
}

/* -- Sessions -- */

struct sim_msession *rk_sim_session_of(const struct sim_model *m, rk_session_id id)
{
    for (uint32_t i = 0; i < m->session_count; i++) {
        if (m->sessions[i].id == id) {
            return &m->sessions[i];
        }
    }
    return NULL;
}

/* -- Outcomes -- */

#define BODY_BYTES_MAX ((size_t)64 << 20)

void rk_sim_outcome_init(struct sim_outcome *out, struct rk_mem *mem)
{
    *out = (struct sim_outcome){.err = RK_ZK_OK};
    rk_buf_init(&out->body, mem, BODY_BYTES_MAX);
}

void rk_sim_outcome_reset(struct sim_outcome *out)
{
    for (uint32_t i = 0; i < out->event_count; i++) {
        rk_sim_blob_drop(out->body.mem, out->events[i].path);
        rk_sim_acl_drop(out->body.mem, out->events[i].acl);
    }
    out->event_count = 0;
    out->err = RK_ZK_OK;
    out->keep_body = false;
    out->failed_ops = 0;
    rk_buf_reset(&out->body);
}

void rk_sim_outcome_deinit(struct sim_outcome *out)
{
    rk_sim_outcome_reset(out);
    rk_mem_free(out->body.mem, out->events, out->event_cap * sizeof(out->events[0]));
    rk_buf_deinit(&out->body);
}
