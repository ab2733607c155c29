/* Snapshots at a point in time, beside changes. A walk goes through the slots in order and writes
 * every node that is not marked yet, its unmarked ancestors first; a change writes the old image of
 * what it touches the same way; nodes born meanwhile are marked at birth. So every node of the tree
 * at begin is written once, as it was then, and after its parent. Guarantees that no step does more
 * than its share, the depth of one path aside. The file around the nodes is the store's business.
 * ZK: DataTree.serializeNode, which walks a changing tree instead. */
#include "tree/tree_int.h"

/* A step ends early past this much output, or past this many slots per node asked for (holes). */
#define STEP_BYTES          ((size_t)256 * 1024)
#define STEP_SLOTS_PER_NODE 16u

uint32_t rk_tree_snap_count(const struct rk_tree *t)
{
    return t->walk_count;
}

uint32_t rk_tree_snap_begin(struct rk_tree *t, struct rk_buf *out)
{
    uint32_t walk = 0;
    RK_ASSERT(t->walk_count < RK_TREE_WALKS);
    RK_ASSERT(out != NULL);
    while (t->walks[walk].out != NULL) {
        walk++;
    }
    t->snap_number++;
    t->walk_count++;
    t->walks[walk] = (struct rk_tree_walk){
        .out = out, .number = t->snap_number, .at = RK_TREE_ROOT, .end = t->table.high};
    rk_acls_write(&t->acls, out);
    return walk;
}

void rk_tree_snap_end(struct rk_tree *t, uint32_t walk)
{
    RK_ASSERT(walk < RK_TREE_WALKS && t->walks[walk].out != NULL);
    t->walks[walk].out = NULL;
    t->walk_count--;
}

static bool is_marked(const struct rk_tree *t, rk_node_id n, uint32_t walk)
{
    return rk_table_is_marked(&t->table, n, walk, t->walks[walk].number);
}

/* n and its unmarked ancestors, nearest first, in snap_chain. A marked node has no unmarked
 * ancestor. */
static uint32_t gather(struct rk_tree *t, uint32_t walk, rk_node_id n)
{
    uint32_t count = 0;
    while (n != RK_NODE_NONE && !is_marked(t, n, walk)) {
        if (count == t->snap_chain_cap) {
            uint32_t cap = count == 0 ? 64 : count * 2;
            t->snap_chain =
                rk_mem_must_resize(t->mem, t->snap_chain, count * sizeof(t->snap_chain[0]),
                                   cap * sizeof(t->snap_chain[0]));
            t->snap_chain_cap = cap;
        }
        t->snap_chain[count] = n;
        count++;
        n = rk_tree_parent(t, n);
    }
    return count;
}

static void write_node(struct rk_tree *t, uint32_t walk, rk_node_id n, struct rk_bytes path)
{
    const struct rk_node *node = rk_tree_node(t, n);
    struct rk_buf *out = t->walks[walk].out;
    struct rk_stat_persisted stat;
    rk_node_stat(node, &stat);
    rk_buf_put_bytes(out, path);
    rk_buf_put_bytes(out, rk_node_data(node));
    rk_buf_put_i64(out, rk_acls_id(&t->acls, node->acl));
    rk_proto_write_stat_persisted(out, &stat);
    rk_table_mark(&t->table, n, walk, t->walks[walk].number);
}

/* Writes n, if it is not written yet, after its unwritten ancestors. Returns how many were written.
 */
static uint32_t write_from_top(struct rk_tree *t, uint32_t walk, rk_node_id n)
{
    uint32_t count = gather(t, walk, n);
    if (count == 0) {
        return 0;
    }
    struct rk_bytes path = rk_tree_path_in(t, n, &t->snap_path);
    size_t len = path.len;
    for (uint32_t i = 0; i + 1 < count; i++) {
        len -= rk_tree_name(t, t->snap_chain[i]).len + 1u;
    }
    RK_ASSERT(len <= path.len);
    for (uint32_t i = count; i > 0; i--) {
        write_node(t, walk, t->snap_chain[i - 1], rk_bytes_of(path.data, len));
        if (i > 1) {
            len += rk_tree_name(t, t->snap_chain[i - 2]).len + 1u;
        }
    }
    RK_ASSERT(len == path.len);
    return count;
}

/* What a change costs more, it costs once for each snapshot: changes are not limited by a walk's
 * share. */
void rk_tree_preserve(struct rk_tree *t, rk_node_id n)
{
    uint32_t left = t->walk_count;
    for (uint32_t walk = 0; left > 0; walk++) {
        if (t->walks[walk].out != NULL) {
            (void)write_from_top(t, walk, n); /* how many does not matter here */
            left--;
        }
    }
}

void rk_tree_mark_young(struct rk_tree *t, rk_node_id n)
{
    uint32_t left = t->walk_count;
    for (uint32_t walk = 0; left > 0; walk++) {
        if (t->walks[walk].out != NULL) {
            rk_table_mark(&t->table, n, walk, t->walks[walk].number);
            left--;
        }
    }
}

bool rk_tree_snap_step(struct rk_tree *t, uint32_t walk, uint32_t max_nodes)
{
    struct rk_tree_walk *w = &t->walks[walk];
    RK_ASSERT(walk < RK_TREE_WALKS && w->out != NULL);
    RK_ASSERT(max_nodes > 0);
    size_t start_bytes = w->out->len;
    uint64_t slots = (uint64_t)max_nodes * STEP_SLOTS_PER_NODE;
    uint32_t written = 0;
    while (w->at < w->end && written < max_nodes && slots > 0 &&
           w->out->len - start_bytes < STEP_BYTES) {
        if (rk_table_slot(&t->table, w->at)->node != NULL) {
            written += write_from_top(t, walk, w->at);
        }
        w->at++;
        slots--;
    }
    return w->at == w->end;
}
