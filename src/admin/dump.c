/* dump: sessions by the time they expire, who owns ephemeral nodes, connections by the time they
 * would be closed. ZK: DumpCommand, ExpiryQueue.dump, DataTree.dumpEphemerals, NIOServerCnxnFactory
 * .dumpConnections. */
#include "admin/admin_int.h"

#include <stdlib.h>
#include <time.h>

/* "Sun Nov 22 19:39:39 UTC 2026" for a time of the monotonic clock. ZK: Time.elapsedTimeToDate */
static void put_expiry(struct rk_admin *a, struct rk_buf *b, uint64_t count, int64_t expires_ms)
{
    char text[64];
    struct tm parts;
    int64_t now_ms = a->sources.now_ms(a->sources.ctx);
    int64_t wall_ms = a->sources.wall_ms(a->sources.ctx) + (expires_ms - now_ms);
    time_t wall = (time_t)(wall_ms / 1000);
    rk_admin_put_count(b, count);
    rk_admin_put(b, " expire at ");
    if (localtime_r(&wall, &parts) != NULL &&
        strftime(text, sizeof(text), "%a %b %d %H:%M:%S %Z %Y", &parts) > 0) {
        rk_admin_put(b, text);
    }
    rk_admin_put(b, ":\n");
}

static void put_sets(struct rk_buf *b, uint64_t sets, uint64_t elements)
{
    rk_admin_put(b, "Sets (");
    rk_admin_put_count(b, sets);
    rk_admin_put(b, ")/(");
    rk_admin_put_count(b, elements);
    rk_admin_put(b, "):\n");
}

/* -- Sessions
 * --------------------------------------------------------------------------------------- */

/* Which of the sessions that expire here: all of them, or where there may be local ones, either. */
enum session_kind {
    SESSIONS_ALL,
    SESSIONS_LOCAL,
    SESSIONS_GLOBAL,
};

static bool is_of_kind(const struct rk_session *session, enum session_kind kind)
{
    return kind == SESSIONS_ALL || session->is_local == (kind == SESSIONS_LOCAL);
}

/* Of the whole bucket. */
static uint64_t count_of_kind(const struct rk_link *head, size_t whole, enum session_kind kind)
{
    uint64_t count = 0;
    if (kind == SESSIONS_ALL) {
        return whole;
    }
    for (const struct rk_link *link = head->next; link != head; link = link->next) {
        count += is_of_kind(RK_CONTAINER_OF(link, struct rk_session, in_bucket), kind);
    }
    return count;
}

static void put_sessions(struct rk_admin *a, struct rk_buf *b, enum session_kind kind)
{
    const struct rk_sessions *sessions = rk_core_sessions(a->core);
    struct rk_link *head;
    int64_t expires_ms = INT64_MIN;
    size_t whole;
    uint64_t sets = 0, elements = 0;
    while (rk_sessions_next_bucket(sessions, &expires_ms, &head, &whole)) {
        uint64_t count = count_of_kind(head, whole, kind);
        sets += kind == SESSIONS_ALL || count > 0;
        elements += count;
    }
    rk_admin_put(b, "Session ");
    put_sets(b, sets, elements);
    expires_ms = INT64_MIN;
    while (!rk_admin_is_full(a, b) &&
           rk_sessions_next_bucket(sessions, &expires_ms, &head, &whole)) {
        uint64_t count = count_of_kind(head, whole, kind);
        if (kind == SESSIONS_ALL || count > 0) {
            put_expiry(a, b, count, expires_ms);
        }
        for (struct rk_link *link = head->next; link != head && !rk_admin_is_full(a, b);
             link = link->next) {
            const struct rk_session *session = RK_CONTAINER_OF(link, struct rk_session, in_bucket);
            if (is_of_kind(session, kind)) {
                rk_admin_put(b, "\t0x");
                rk_admin_put_hex(b, (uint64_t)session->id);
                rk_buf_put_u8(b, '\n');
            }
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    rk_session_id x = *(const rk_session_id *)a;
    rk_session_id y = *(const rk_session_id *)b;
    return (x > y) - (x < y);
}

/* Who does not lead knows who there is, and not when they expire. ZK:
 * LearnerSessionTracker.dumpSessions */
static void put_global_sessions(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_sessions *sessions = rk_core_sessions(a->core);
    size_t cap = rk_sessions_replicated_count(sessions);
    size_t bytes = cap * sizeof(rk_session_id);
    size_t cursor = 0, count = 0;
    rk_admin_put(b, "Global Sessions(");
    rk_admin_put_count(b, cap);
    rk_admin_put(b, "):\n");
    rk_session_id *ids = cap == 0 ? NULL : rk_mem_alloc(a->mem, bytes);
    if (ids == NULL) {
        b->failed = b->failed || cap > 0;
        return;
    }
    for (struct rk_session *s = rk_sessions_next(sessions, &cursor, NULL); s != NULL && count < cap;
         s = rk_sessions_next(sessions, &cursor, s)) {
        if (s->is_replicated) {
            ids[count++] = s->id;
        }
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < count && !rk_admin_is_full(a, b); i++) {
        rk_admin_put(b, "0x");
        rk_admin_put_hex(b, (uint64_t)ids[i]);
        rk_buf_put_u8(b, '\t');
        rk_admin_put_int(b, rk_session_find(sessions, ids[i])->timeout_ms);
        rk_admin_put(b, "ms\n");
    }
    rk_mem_free(a->mem, ids, bytes);
}

/* -- Ephemerals
 * ------------------------------------------------------------------------------------- */

static void put_paths(struct rk_admin *a, struct rk_buf *b, rk_session_id owner)
{
    const struct rk_tree *tree = rk_core_tree(a->core);
    rk_admin_put(b, "0x");
    rk_admin_put_hex(b, (uint64_t)owner);
    rk_admin_put(b, ":\n");
    for (rk_node_id n = rk_tree_first_of_owner(tree, owner);
         n != RK_NODE_NONE && !rk_admin_is_full(a, b); n = rk_tree_next_of_owner(tree, n)) {
        struct rk_bytes path = rk_tree_path(tree, n, &a->arena);
        rk_buf_put_u8(b, '\t');
        rk_buf_put(b, path.data, path.len);
        rk_buf_put_u8(b, '\n');
    }
    rk_arena_reset(&a->arena);
}

static void put_ephemerals(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_tree *tree = rk_core_tree(a->core);
    size_t cursor = 0;
    size_t count = 0;
    rk_session_id owner;
    while (rk_tree_next_owner(tree, &cursor, &owner)) {
        count++;
    }
    rk_admin_put(b, "ephemeral nodes dump:\nSessions with Ephemerals (");
    rk_admin_put_count(b, count);
    rk_admin_put(b, "):\n");
    size_t bytes = count * sizeof(rk_session_id);
    rk_session_id *owners = count == 0 ? NULL : rk_mem_alloc(a->mem, bytes);
    if (owners == NULL) {
        b->failed = b->failed || count > 0;
        return;
    }
    cursor = 0;
    for (size_t i = 0; i < count && rk_tree_next_owner(tree, &cursor, &owner); i++) {
        owners[i] = owner;
    }
    qsort(owners, count, sizeof(*owners), compare_ids);
    for (size_t i = 0; i < count && !rk_admin_is_full(a, b); i++) {
        put_paths(a, b, owners[i]);
    }
    rk_mem_free(a->mem, owners, bytes);
}

/* -- Connections
 * ------------------------------------------------------------------------------------ */

struct conn_row {
    int64_t bucket_ms;
    rk_conn_id conn;
    rk_session_id session;
};

static int compare_rows(const void *a, const void *b)
{
    const struct conn_row *x = a;
    const struct conn_row *y = b;
    if (x->bucket_ms != y->bucket_ms) {
        return x->bucket_ms < y->bucket_ms ? -1 : 1;
    }
    return ((uint32_t)x->conn > (uint32_t)y->conn) - ((uint32_t)x->conn < (uint32_t)y->conn);
}

/* Apache keeps connections in buckets of their own, wider than those of sessions; ours end with
 * their session, so that tells the bucket. */
static struct conn_row row_of(struct rk_admin *a, const struct rk_conn_report *c, int64_t now_ms,
                              int64_t wall_ms)
{
    int64_t width = a->config.sessionless_timeout_ms > 0 ? a->config.sessionless_timeout_ms : 1;
    int64_t due_ms = now_ms - (wall_ms - c->established_wall_ms) + width;
    if (c->session != 0) {
        const struct rk_session *session = rk_session_find(rk_core_sessions(a->core), c->session);
        bool is_tracked = session != NULL && session->expires_ms != INT64_MIN;
        due_ms = is_tracked ? session->expires_ms : now_ms;
    }
    return (struct conn_row){(due_ms / width + 1) * width, c->conn, c->session};
}

static void put_rows(struct rk_admin *a, struct rk_buf *b, const struct conn_row *rows,
                     size_t count)
{
    uint64_t sets = 0;
    for (size_t i = 0; i < count; i++) {
        sets += i == 0 || rows[i].bucket_ms != rows[i - 1].bucket_ms;
    }
    put_sets(b, sets, count);
    for (size_t i = 0; i < count && !rk_admin_is_full(a, b); i++) {
        char text[64];
        if (i == 0 || rows[i].bucket_ms != rows[i - 1].bucket_ms) {
            size_t end = i + 1;
            while (end < count && rows[end].bucket_ms == rows[i].bucket_ms) {
                end++;
            }
            put_expiry(a, b, end - i, rows[i].bucket_ms);
        }
        rk_admin_put(b, "\tip: /");
        rk_admin_put(b,
                     a->sources.conn_text(a->sources.ctx, rows[i].conn, text) ? text : "0.0.0.0:0");
        rk_admin_put(b, " sessionId: 0x");
        rk_admin_put_hex(b, (uint64_t)rows[i].session);
        rk_buf_put_u8(b, '\n');
    }
}

static void put_connections(struct rk_admin *a, struct rk_buf *b)
{
    struct rk_conn_report c;
    uint32_t slot = 0;
    size_t cap = 0, count = 0;
    int64_t now_ms = a->sources.now_ms(a->sources.ctx);
    int64_t wall_ms = a->sources.wall_ms(a->sources.ctx);
    while (rk_core_next_conn(a->core, &slot, &c)) {
        cap++;
    }
    size_t bytes = cap * sizeof(struct conn_row);
    struct conn_row *rows = cap == 0 ? NULL : rk_mem_alloc(a->mem, bytes);
    b->failed = b->failed || (cap > 0 && rows == NULL);
    slot = 0;
    while (rows != NULL && count < cap && rk_core_next_conn(a->core, &slot, &c)) {
        rows[count++] = row_of(a, &c, now_ms, wall_ms);
    }
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), compare_rows);
    }
    rk_admin_put(b, "Connections dump:\nConnections ");
    put_rows(a, b, rows, count);
    rk_mem_free(a->mem, rows, bytes);
}

void rk_admin_dump(struct rk_admin *a, struct rk_buf *b)
{
    struct rk_ensemble_report report;
    enum rk_admin_role role = rk_admin_role(a, &report);
    bool has_local = a->config.ensemble != NULL && a->config.ensemble->local_sessions;
    rk_admin_put(b, "SessionTracker dump:\n");
    if (has_local) {
        rk_admin_put(b, "Local ");
        put_sessions(a, b, SESSIONS_LOCAL);
    }
    if (role == RK_ROLE_STANDALONE || role == RK_ROLE_LEADER) {
        rk_admin_put(b, has_local ? "Global " : "");
        put_sessions(a, b, has_local ? SESSIONS_GLOBAL : SESSIONS_ALL);
    } else {
        put_global_sessions(a, b);
    }
    put_ephemerals(a, b);
    put_connections(a, b);
}
