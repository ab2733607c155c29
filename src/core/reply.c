/* Replies: header, body, statistics. The header's zxid of a read is exactly the state that was
 * read. */
#include "core/core_int.h"

#define REPLY_HEADER_BYTES 16u /* xid, zxid, err */
#define REPLY_ERR_OFFSET   16u /* from the mark: frame length 4, xid 4, zxid 8 */

size_t rk_core_reply_begin(struct rk_core *c, struct conn *conn, int32_t xid, rk_zxid zxid)
{
    size_t mark = rk_fx_frame_begin(c->fx, conn->id);
    struct rk_reply_header h = {.xid = xid, .zxid = zxid, .err = RK_ZK_OK};
    rk_proto_write_reply_header(&c->fx->bytes, &h);
    return mark;
}

static void count_latency(struct rk_core *c, struct conn *conn, int32_t op, int64_t received_ms)
{
    int64_t ms = c->now_ms - received_ms;
    uint64_t latency = ms < 0 ? 0 : (uint64_t)ms;
    rk_summary_add(&c->metrics.latency_ms, latency);
    if (rk_core_op_is_write(op)) {
        rk_summary_add(&c->metrics.updatelatency, latency);
        rk_hist_add(&c->metrics.updatelatency_hist, latency);
    } else {
        rk_summary_add(&c->metrics.readlatency, latency);
        rk_hist_add(&c->metrics.readlatency_hist, latency);
    }
    conn->last_latency_ms = (int64_t)latency;
    conn->latency_count++;
    conn->latency_sum_ms += latency;
    if ((int64_t)latency < conn->min_latency_ms || conn->latency_count == 1) {
        conn->min_latency_ms = (int64_t)latency;
    }
    if ((int64_t)latency > conn->max_latency_ms) {
        conn->max_latency_ms = (int64_t)latency;
    }
}

static void count_response_bytes(struct rk_metrics *m, int64_t bytes)
{
    m->last_response_bytes = bytes;
    if (m->min_response_bytes < 0 || bytes < m->min_response_bytes) {
        m->min_response_bytes = bytes;
    }
    if (bytes > m->max_response_bytes) {
        m->max_response_bytes = bytes;
    }
    m->response_bytes += (uint64_t)bytes;
}

void rk_core_reply_end(struct rk_core *c, struct conn *conn, size_t mark, int32_t err,
                       bool keep_body, int32_t op, int64_t received_ms)
{
    struct rk_buf *b = &c->fx->bytes;
    size_t header_end = mark + 4 + REPLY_HEADER_BYTES;
    RK_ASSERT(b->len >= header_end);
    if (err != RK_ZK_OK) {
        rk_buf_patch_i32(b, mark + REPLY_ERR_OFFSET, err);
        if (!keep_body) {
            b->len = header_end;
        }
    }
    count_response_bytes(&c->metrics, (int64_t)(b->len - mark - 4));
    int32_t xid = rk_load_i32(b->data + mark + 4);
    rk_zxid zxid = rk_load_i64(b->data + mark + 8);
    rk_fx_frame_end(c->fx, mark);
    conn->sent++;
    c->metrics.packets_sent++;
    if (op == RK_OP_AUTH || op == RK_OP_SASL) {
        return; /* answered beside the pipeline, whose end keeps these numbers */
    }
    /* ZK: FinalRequestProcessor: a failed write is answered before it gets a name. */
    conn->last_op = err != RK_ZK_OK && rk_core_op_is_write(op) ? 0 : op;
    conn->last_zxid = zxid;
    conn->last_cxid = xid >= 0 ? xid : conn->last_cxid; /* of the last real request */
    conn->last_response_ms = c->now_ms;
    count_latency(c, conn, op, received_ms);
}

void rk_core_reply_error(struct rk_core *c, struct conn *conn, int32_t xid, rk_zxid zxid,
                         int32_t err, int32_t op, int64_t received_ms)
{
    size_t mark = rk_core_reply_begin(c, conn, xid, zxid);
    rk_core_reply_end(c, conn, mark, err, false, op, received_ms);
}
