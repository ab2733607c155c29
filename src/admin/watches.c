/* wchs, wchc, wchp: who watches what, of the table of data watches alone, as in Apache. The lists
 * stop at the size of an answer, so that a million watches hold nobody up for long. ZK:
 * WatchCommand, WatchManager.dumpWatches. */
#include "admin/admin_int.h"

void rk_admin_wchs(struct rk_admin *a, struct rk_buf *b)
{
    struct rk_watch_counts counts;
    rk_watch_counts(rk_core_watches(a->core), &counts);
    rk_admin_put_count(b, counts.data_conns);
    rk_admin_put(b, " connections watching ");
    rk_admin_put_count(b, counts.data_paths);
    rk_admin_put(b, " paths\nTotal watches:");
    rk_admin_put_count(b, counts.data_total);
    rk_buf_put_u8(b, '\n');
}

static void put_session_line(struct rk_buf *b, const char *before, rk_session_id session)
{
    rk_admin_put(b, before);
    rk_admin_put_hex(b, (uint64_t)session);
    rk_buf_put_u8(b, '\n');
}

void rk_admin_wchc(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_watches *watches = rk_core_watches(a->core);
    struct rk_conn_report c;
    uint32_t slot = 0;
    while (!rk_admin_is_full(a, b) && rk_core_next_conn(a->core, &slot, &c)) {
        struct rk_watch_cursor cursor = {0};
        struct rk_bytes path;
        bool has_head = false;
        while (!rk_admin_is_full(a, b) && rk_watch_next_of_conn(watches, c.conn, &cursor, &path)) {
            if (!has_head) {
                put_session_line(b, "0x", c.session);
                has_head = true;
            }
            rk_buf_put_u8(b, '\t');
            rk_buf_put(b, path.data, path.len);
            rk_buf_put_u8(b, '\n');
        }
    }
    rk_buf_put_u8(b, '\n');
}

/* A connection's slot is the low half of its id. */
static rk_session_id session_of(const struct rk_core *core, rk_conn_id conn)
{
    struct rk_conn_report c;
    uint32_t slot = (uint32_t)conn;
    return rk_core_next_conn(core, &slot, &c) && c.conn == conn ? c.session : 0;
}

void rk_admin_wchp(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_watches *watches = rk_core_watches(a->core);
    struct rk_watch_cursor cursor = {0};
    const uint8_t *last = NULL; /* where the last path is kept: one place for all its watches */
    struct rk_bytes path;
    rk_conn_id conn;
    while (!rk_admin_is_full(a, b) && rk_watch_next(watches, &cursor, &path, &conn)) {
        if (path.data != last) {
            rk_buf_put(b, path.data, path.len);
            rk_buf_put_u8(b, '\n');
            last = path.data;
        }
        put_session_line(b, "\t0x", session_of(a->core, conn));
    }
    rk_buf_put_u8(b, '\n');
}
