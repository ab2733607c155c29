/* The tree as readers see it: its life, finding nodes, their Stat and links. Guarantees that
 * reading changes nothing and allocates nothing but in the caller's arena. ZK: DataTree. */
#include "tree/tree.h"

#include "base/list.h"
#include "tree/path.h"
#include "tree/tree_int.h"

#include <string.h>

struct rk_tree *rk_tree_create_empty(struct rk_mem *mem, const struct rk_tree_config *config)
{
    RK_ASSERT(config->crc32 != NULL);
    struct rk_tree *t = rk_mem_zalloc(mem, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->mem = mem;
    t->config = *config;
    rk_table_init(&t->table, mem);
    rk_acls_init(&t->acls, mem, config->seed);
    rk_quotas_init(&t->quotas, mem, config->seed);
    rk_slab_init(&t->owners, mem, sizeof(struct rk_tree_owner), UINT32_MAX - 1);
    rk_map_init(&t->owners_by_id, mem, config->seed);
    rk_buf_init(&t->path, mem, SIZE_MAX / 4);
    rk_buf_init(&t->text, mem, SIZE_MAX / 4);
    rk_buf_init(&t->snap_path, mem, SIZE_MAX / 4);
    return t;
}

struct rk_tree *rk_tree_create(struct rk_mem *mem, const struct rk_tree_config *config)
{
    struct rk_tree *t = rk_tree_create_empty(mem, config);
    if (t != NULL) {
        const struct rk_stat_persisted fresh = {.czxid = 0};
        (void)rk_tree_add(t, RK_NODE_NONE, rk_bytes_str(""), rk_bytes_str(""), RK_ACLS_OPEN,
                          &fresh); /* the id is always RK_TREE_ROOT */
        rk_tree_add_builtins(t);
    }
    return t;
}

void rk_tree_destroy(struct rk_tree *t)
{
    if (t == NULL) {
        return;
    }
    rk_tree_loader_destroy(t);
    while (rk_map_drain(&t->owners_by_id) != NULL) {
        /* the slots go with their slab */
    }
    rk_map_deinit(&t->owners_by_id);
    rk_slab_deinit(&t->owners);
    rk_quotas_deinit(&t->quotas);
    rk_acls_deinit(&t->acls);
    rk_table_deinit(&t->table);
    rk_buf_deinit(&t->path);
    rk_buf_deinit(&t->text);
    rk_buf_deinit(&t->snap_path);
    rk_mem_free(t->mem, t->snap_chain, t->snap_chain_cap * sizeof(t->snap_chain[0]));
    rk_mem_free(t->mem, t, sizeof(*t));
}

uint32_t rk_tree_hash(const struct rk_tree *t, struct rk_bytes path)
{
    return (uint32_t)rk_hash_bytes(path.data, path.len, t->config.seed);
}

/* Compares component by component from the leaf up. */
static bool is_at(const struct rk_tree *t, rk_node_id n, struct rk_bytes path)
{
    uint32_t left = path.len;
    while (n != RK_TREE_ROOT) {
        const struct rk_node *node = rk_tree_node(t, n);
        struct rk_bytes name = rk_node_name(node);
        if (left < name.len + 1 || path.data[left - name.len - 1] != '/' ||
            memcmp(path.data + left - name.len, name.data, name.len) != 0) {
            return false;
        }
        left -= name.len + 1;
        n = node->parent;
    }
    return left == 0;
}

rk_node_id rk_tree_find(const struct rk_tree *t, struct rk_bytes path)
{
    if (path.data == NULL || t->table.live == 0) {
        return RK_NODE_NONE;
    }
    if (path.len == 0 || (path.len == 1 && path.data[0] == '/')) {
        return RK_TREE_ROOT;
    }
    uint32_t hash = rk_tree_hash(t, path);
    rk_node_id n = rk_table_chain(&t->table, hash);
    while (n != RK_NODE_NONE) {
        const struct rk_slot *slot = rk_table_slot(&t->table, n);
        if (slot->hash == hash && is_at(t, n, path)) {
            return n;
        }
        n = slot->hash_next;
    }
    return RK_NODE_NONE;
}

rk_node_id rk_tree_find_parent(const struct rk_tree *t, struct rk_bytes path)
{
    if (path.len < 2 || path.data[0] != '/' || path.data[path.len - 1] == '/' ||
        t->table.live == 0) {
        return RK_NODE_NONE;
    }
    struct rk_bytes parent = rk_path_parent(path);
    RK_ASSERT(parent.len < path.len - 1);
    if (path.len - parent.len - 1 > RK_NODE_NAME_MAX) {
        return RK_NODE_NONE;
    }
    if (parent.len == 1) {
        return RK_NODE_NONE; /* "//name": the root's alias has no children */
    }
    return rk_tree_find(t, parent);
}

void rk_tree_stat_persisted(const struct rk_tree *t, rk_node_id n, struct rk_stat_persisted *ret)
{
    rk_node_stat(rk_tree_node(t, n), ret);
}

void rk_tree_stat(const struct rk_tree *t, rk_node_id n, struct rk_stat *ret)
{
    const struct rk_node *node = rk_tree_node(t, n);
    struct rk_stat_persisted stat;
    struct rk_node_dir dir;
    rk_node_stat(node, &stat);
    rk_node_get_dir(node, &dir);
    RK_ASSERT(dir.child_count <= INT32_MAX);
    bool is_ephemeral = rk_tree_kind_of_owner(t, stat.ephemeral_owner) == RK_NODE_EPHEMERAL;
    *ret = (struct rk_stat){
        .czxid = stat.czxid,
        .mzxid = stat.mzxid,
        .ctime = stat.ctime,
        .mtime = stat.mtime,
        .version = stat.version,
        /* From creates to changes: for every create there is a delete, except for the children that
         * are still there. ZK: DataNode.copyStat */
        .cversion = (int32_t)((uint32_t)stat.cversion * 2 - dir.child_count),
        .aversion = stat.aversion,
        .ephemeral_owner = is_ephemeral ? stat.ephemeral_owner : 0,
        .data_length = (int32_t)rk_node_data_len(node),
        .num_children = (int32_t)dir.child_count,
        .pzxid = stat.pzxid,
    };
}

struct rk_bytes rk_tree_data(const struct rk_tree *t, rk_node_id n)
{
    return rk_node_data(rk_tree_node(t, n));
}

struct rk_bytes rk_tree_name(const struct rk_tree *t, rk_node_id n)
{
    return rk_node_name(rk_tree_node(t, n));
}

/* Bytes of the whole path, 0 for the root. */
static size_t path_len(const struct rk_tree *t, rk_node_id n)
{
    size_t len = 0;
    while (n != RK_TREE_ROOT) {
        const struct rk_node *node = rk_tree_node(t, n);
        len += rk_node_name_len(node) + 1u;
        n = node->parent;
    }
    RK_ASSERT(len <= UINT32_MAX);
    return len;
}

/* Writes the path so that it ends at end. */
static void put_path(const struct rk_tree *t, rk_node_id n, uint8_t *end)
{
    while (n != RK_TREE_ROOT) {
        const struct rk_node *node = rk_tree_node(t, n);
        struct rk_bytes name = rk_node_name(node);
        RK_ASSERT(name.len > 0);
        end -= name.len;
        memcpy(end, name.data, name.len);
        end--;
        *end = '/';
        n = node->parent;
    }
}

struct rk_bytes rk_tree_path(const struct rk_tree *t, rk_node_id n, struct rk_arena *a)
{
    size_t len = path_len(t, n);
    if (len == 0) {
        return rk_bytes_str("/");
    }
    uint8_t *text = rk_arena_alloc(a, len);
    put_path(t, n, text + len);
    RK_ASSERT(text[0] == '/');
    return rk_bytes_of(text, len);
}

struct rk_bytes rk_tree_path_in(const struct rk_tree *t, rk_node_id n, struct rk_buf *buf)
{
    size_t len = path_len(t, n);
    rk_buf_reset(buf);
    if (!rk_buf_reserve(buf, len)) {
        rk_panic(__FILE__, __LINE__, "out of memory for a path");
    }
    if (len > 0) {
        put_path(t, n, buf->data + len);
    }
    buf->len = len;
    return rk_buf_view(buf);
}

rk_node_id rk_tree_parent(const struct rk_tree *t, rk_node_id n)
{
    return rk_tree_node(t, n)->parent;
}

rk_node_id rk_tree_first_child(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(t, n), &dir);
    RK_ASSERT((dir.first_child == RK_NODE_NONE) == (dir.child_count == 0));
    return dir.first_child;
}

rk_node_id rk_tree_next_sibling(const struct rk_tree *t, rk_node_id n)
{
    return rk_table_slot(&t->table, n)->next;
}

uint32_t rk_tree_child_count(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(t, n), &dir);
    return dir.child_count;
}

uint32_t rk_tree_descendant_count(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(t, n), &dir);
    RK_ASSERT(dir.count_below >= dir.child_count);
    return dir.count_below;
}

const struct rk_vec_acl *rk_tree_acl(const struct rk_tree *t, rk_node_id n)
{
    return rk_acls_list(&t->acls, rk_tree_node(t, n)->acl);
}

int64_t rk_tree_owner(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_ext ext;
    rk_node_get_ext(rk_tree_node(t, n), &ext);
    return ext.owner;
}

enum rk_node_kind rk_tree_kind(const struct rk_tree *t, rk_node_id n)
{
    return rk_tree_kind_of_owner(t, rk_tree_owner(t, n));
}

/* ZK: EphemeralType.get, EphemeralTypeEmulate353.get. Where Apache throws, because reserved bits of
 * a TTL owner are set, the owner can only be a session of server 255 from before extended types:
 * ephemeral. */
enum rk_node_kind rk_tree_kind_of_owner(const struct rk_tree *t, int64_t owner)
{
    if (owner == 0) {
        return RK_NODE_PERSISTENT;
    }
    if (owner == RK_OWNER_CONTAINER) {
        return RK_NODE_CONTAINER;
    }
    if (t->config.extended_types) {
        if (t->config.emulate_353_ttl && owner < 0) {
            return RK_NODE_TTL;
        }
        if (((uint64_t)owner & ~(uint64_t)RK_TTL_MAX) == UINT64_C(0xff00000000000000)) {
            return RK_NODE_TTL;
        }
    }
    return RK_NODE_EPHEMERAL;
}

struct rk_tree_owner *rk_tree_owner_of(const struct rk_tree *t, rk_session_id id)
{
    struct rk_map_entry *link = rk_map_find(&t->owners_by_id, (uint64_t)id);
    return link == NULL ? NULL : RK_CONTAINER_OF(link, struct rk_tree_owner, by_id);
}

rk_node_id rk_tree_first_of_owner(const struct rk_tree *t, rk_session_id owner)
{
    const struct rk_tree_owner *o = rk_tree_owner_of(t, owner);
    return o == NULL ? RK_NODE_NONE : o->first;
}

static rk_node_id next_linked(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_ext ext;
    rk_node_get_ext(rk_tree_node(t, n), &ext);
    return ext.next;
}

rk_node_id rk_tree_next_of_owner(const struct rk_tree *t, rk_node_id n)
{
    RK_ASSERT(rk_tree_kind(t, n) == RK_NODE_EPHEMERAL);
    return next_linked(t, n);
}

uint32_t rk_tree_count_of_owner(const struct rk_tree *t, rk_session_id owner)
{
    const struct rk_tree_owner *o = rk_tree_owner_of(t, owner);
    return o == NULL ? 0 : o->count;
}

bool rk_tree_next_owner(const struct rk_tree *t, size_t *cursor, rk_session_id *ret_owner)
{
    while (*cursor + 1 < t->owners.high) {
        ++*cursor;
        const struct rk_tree_owner *o = rk_slab_at(&t->owners, (uint32_t)*cursor);
        if (o->count > 0) {
            *ret_owner = o->id;
            return true;
        }
    }
    return false;
}

rk_node_id rk_tree_first_reapable(const struct rk_tree *t)
{
    return t->first_reapable;
}

rk_node_id rk_tree_next_reapable(const struct rk_tree *t, rk_node_id n)
{
    if (n == RK_NODE_NONE || n >= t->table.high || rk_table_slot(&t->table, n)->node == NULL) {
        return RK_NODE_NONE; /* deleted since */
    }
    enum rk_node_kind kind = rk_tree_kind(t, n);
    if (kind != RK_NODE_CONTAINER && kind != RK_NODE_TTL) {
        return RK_NODE_NONE; /* deleted, and its id used again */
    }
    return next_linked(t, n);
}

void rk_tree_counts(const struct rk_tree *t, struct rk_tree_counts *ret)
{
    struct rk_node_dir dir = {.pzxid = 0};
    uint64_t root_bytes = 0;
    if (t->table.live > 0) {
        const struct rk_node *root = rk_tree_node(t, RK_TREE_ROOT);
        rk_node_get_dir(root, &dir);
        root_bytes = rk_node_data_len(root);
        RK_ASSERT(dir.count_below + 1 == t->table.live);
    }
    *ret = (struct rk_tree_counts){
        .nodes = (uint64_t)t->table.live + 1,
        .ephemerals = t->ephemerals,
        .data_bytes = t->path_bytes + root_bytes + dir.bytes_below,
        .acl_lists = t->acls.known_count,
        .digest = t->digest,
    };
}
