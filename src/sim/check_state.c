/* Whole states: a core's tree and sessions against a model's, and a snapshot file against the state
 * it is named after. */
#include "sim/check_int.h"

#include "store/names.h"
#include "store/snap_source.h"

#include <stdio.h>
#include <string.h>

static void compare_numbers(struct sim_check *c, const struct sim_znode *n,
                            const struct rk_stat_persisted *s, const char *what)
{
    const int64_t must[] = {n->czxid, n->mzxid,   n->pzxid,     n->ctime,   n->mtime,
                            n->owner, n->version, n->creations, n->aversion};
    const int64_t got[] = {s->czxid,           s->mzxid,   s->pzxid,    s->ctime,   s->mtime,
                           s->ephemeral_owner, s->version, s->cversion, s->aversion};
    static const char *const names[] = {"czxid", "mzxid",   "pzxid",    "ctime",   "mtime",
                                        "owner", "version", "cversion", "aversion"};
    for (uint32_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
        CHECK(c, got[i] == must[i], "%s: %s of %.*s is %lld, must be %lld", what, names[i],
              (int)n->path->len, (const char *)n->path->data, (long long)got[i],
              (long long)must[i]);
    }
}

static void compare_node(struct sim_check *c, const struct sim_znode *n, struct rk_bytes data,
                         const struct rk_vec_acl *acl, const struct rk_stat_persisted *stat,
                         const char *what)
{
    struct rk_buf must;
    struct rk_buf got;
    struct rk_bytes expected = rk_sim_bytes(n->data);
    if (c->is_ensemble && data.len == 0 &&
        rk_bytes_is(rk_sim_bytes(n->path), "/zookeeper/config")) {
        return; /* written when serving begins, and no transaction */
    }
    CHECK(c, rk_bytes_equal(data, expected), "%s: data of %.*s is \"%.*s\", must be \"%.*s\"", what,
          (int)n->path->len, (const char *)n->path->data, (int)data.len, (const char *)data.data,
          (int)expected.len, (const char *)expected.data);
    compare_numbers(c, n, stat, what);
    if (n->acl == NULL && acl == NULL) {
        return;
    }
    rk_buf_init(&must, c->mem, 1 << 20);
    rk_buf_init(&got, c->mem, 1 << 20);
    rk_sim_acl_write(&must, n->acl, false);
    CHECK(c, acl != NULL, "%s: %.*s has no ACL", what, (int)n->path->len,
          (const char *)n->path->data);
    rk_proto_write_vec_acl(&got, acl);
    CHECK(c, rk_bytes_equal(rk_buf_view(&must), rk_buf_view(&got)), "%s: wrong ACL of %.*s", what,
          (int)n->path->len, (const char *)n->path->data);
    rk_buf_deinit(&must);
    rk_buf_deinit(&got);
}

static void compare_tree(struct sim_check *c, const struct sim_model *m, const struct rk_core *core,
                         const char *what)
{
    const struct rk_tree *tree = rk_core_tree(core);
    struct rk_tree_counts counts;
    rk_tree_check(tree);
    rk_tree_counts(tree, &counts);
    for (uint32_t i = 0; i < m->node_count; i++) {
        const struct sim_znode *n = &m->nodes[i];
        struct rk_stat_persisted stat;
        rk_node_id id = rk_tree_find(tree, rk_sim_bytes(n->path));
        CHECK(c, id != RK_NODE_NONE, "%s: %.*s is missing (zxid %llx, created at %llx)", what,
              (int)n->path->len, (const char *)n->path->data, (unsigned long long)m->zxid,
              (unsigned long long)n->czxid);
        rk_tree_stat_persisted(tree, id, &stat);
        compare_node(c, n, rk_tree_data(tree, id), rk_tree_acl(tree, id), &stat, what);
        CHECK(c, rk_tree_child_count(tree, id) == rk_sim_child_count(m, n),
              "%s: %.*s has %u children, must have %u", what, (int)n->path->len,
              (const char *)n->path->data, rk_tree_child_count(tree, id), rk_sim_child_count(m, n));
    }
    /* "/" is counted twice, as Apache does. */
    CHECK(c, counts.nodes == (uint64_t)m->node_count + 1, "%s: %llu nodes, must be %u", what,
          (unsigned long long)counts.nodes - 1, m->node_count);
    CHECK(c, !c->config.digest || rk_tree_digest(tree) == rk_sim_model_digest(m),
          "%s: digest %llx, must be %llx", what, (unsigned long long)rk_tree_digest(tree),
          (unsigned long long)rk_sim_model_digest(m));
}

void rk_check_compare(struct sim_check *c, const struct sim_model *m, const struct rk_core *core,
                      const char *what)
{
    size_t cursor = 0;
    uint32_t count = 0;
    const struct rk_session *s = NULL;
    compare_tree(c, m, core, what);
    while ((s = rk_sessions_next(rk_core_sessions(core), &cursor, (struct rk_session *)s)) !=
           NULL) {
        if (!s->is_replicated) {
            continue; /* not made yet */
        }
        const struct sim_msession *must = rk_sim_session_of(m, s->id);
        CHECK(c, must != NULL && must->timeout_ms == s->timeout_ms,
              "%s: session %llx (timeout %d) should not be there", what, (unsigned long long)s->id,
              s->timeout_ms);
        count++;
    }
    CHECK(c, count == m->session_count, "%s: %u sessions, must be %u", what, count,
          m->session_count);
    for (uint32_t i = 0; i < m->node_count; i++) {
        const struct sim_znode *n = &m->nodes[i];
        CHECK(c, !rk_sim_is_ephemeral(m, n) || rk_sim_session_of(m, n->owner) != NULL,
              "%s: ephemeral %.*s of no session", what, (int)n->path->len,
              (const char *)n->path->data);
    }
}

/* -- Snapshots -- */

#define LISTS_MAX 512u

struct snap_sink {
    struct sim_check *c;
    struct rk_arena arena; /* holds the ACL lists */
    int64_t ids[LISTS_MAX];
    struct rk_vec_acl lists[LISTS_MAX];
    uint32_t list_count;
    uint32_t node_count;
    uint32_t session_count;
};

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct snap_sink *s = ctx;
    const struct sim_msession *must = rk_sim_session_of(&s->c->snap_model, id);
    CHECK(s->c, must != NULL && must->timeout_ms == timeout_ms,
          "snapshot of %llx: session %llx should not be in it",
          (unsigned long long)s->c->snap_model.zxid, (unsigned long long)id);
    s->session_count++;
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    struct snap_sink *s = ctx;
    RK_ASSERT(s->list_count < LISTS_MAX);
    struct rk_vec_acl *copy = &s->lists[s->list_count];
    s->ids[s->list_count++] = acl_id;
    copy->count = acl->count;
    copy->items = rk_arena_alloc(&s->arena, ((size_t)acl->count + 1) * sizeof(copy->items[0]));
    for (int32_t i = 0; i < acl->count; i++) {
        copy->items[i].perms = acl->items[i].perms;
        copy->items[i].id.scheme = rk_arena_dup(&s->arena, acl->items[i].id.scheme);
        copy->items[i].id.id = rk_arena_dup(&s->arena, acl->items[i].id.id);
    }
    return RK_OK;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct snap_sink *s = ctx;
    const struct sim_znode *n = rk_sim_find(&s->c->snap_model, path);
    const struct rk_vec_acl *acl = NULL;
    CHECK(s->c, n != NULL, "snapshot of %llx: %.*s should not be in it",
          (unsigned long long)s->c->snap_model.zxid, (int)path.len, (const char *)path.data);
    for (uint32_t i = 0; i < s->list_count; i++) {
        if (s->ids[i] == acl_id) {
            acl = &s->lists[i];
        }
    }
    CHECK(s->c, acl != NULL || acl_id == -1, "snapshot: ACL %lld is missing", (long long)acl_id);
    compare_node(s->c, n, data, acl, stat, "snapshot");
    s->node_count++;
    return RK_OK;
}

void rk_sim_check_snapshot(struct sim_check *c, struct rk_mem *mem, const struct rk_disk *disk,
                           rk_zxid zxid, enum rk_snap_compression compression)
{
    static const char *const suffixes[] = {"", ".gz", ".snappy"};
    char name[RK_STORE_NAME_MAX];
    struct rk_snap_info info;
    const char *why = "";
    struct snap_sink *s = rk_mem_must_zalloc(c->mem, sizeof(*s));
    CHECK(c, c->has_snap_model && c->snap_model.zxid == zxid, "a snapshot nobody asked for");
    s->c = c;
    rk_arena_init(&s->arena, c->mem);
    struct rk_restore_sink sink = {.ctx = s, .session = on_session, .acl = on_acl, .node = on_node};
    rk_store_name_make(name, RK_NAME_SNAPSHOT, zxid, suffixes[compression]);
    enum rk_err err = rk_snap_read(mem, disk, name, c->config.record_bytes_max, &sink, &info, &why);
    CHECK(c, err == RK_OK, "%s, just written, cannot be read: %s %s", name, rk_err_text(err), why);
    CHECK(c,
          s->node_count == c->snap_model.node_count &&
              s->session_count == c->snap_model.session_count,
          "%s: %u nodes and %u sessions, must be %u and %u", name, s->node_count, s->session_count,
          c->snap_model.node_count, c->snap_model.session_count);
    CHECK(c,
          !c->config.digest || (c->is_ensemble && !info.has_digest) ||
              (info.has_digest && info.digest_zxid == zxid &&
               info.digest == rk_sim_model_digest(&c->snap_model)),
          "%s: digest %llx of zxid %llx, must be %llx", name, (unsigned long long)info.digest,
          (unsigned long long)info.digest_zxid,
          (unsigned long long)rk_sim_model_digest(&c->snap_model));
    RK_MARK(c->w, SNAP_CHECKED);
    if (c->model.zxid > zxid) {
        RK_MARK(c->w, SNAP_BESIDE_WRITES);
    }
    rk_arena_deinit(&s->arena);
    rk_mem_free(c->mem, s, sizeof(*s));
}
