/* Bytes from the server: cut into frames, each frame given to whom it concerns. All of it is
 * hostile until parsed; what does not fit costs the connection and nothing else. Effects point into
 * the bytes of the event, or into in_done: at most one frame of a step was begun before. */
#include <string.h>

#include "base/assert.h"
#include "client/client_calls.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/records.h"

#define HEADER_BYTES RK_REPLY_HEADER_BYTES_MIN

static void take_event(struct rk_client *c, rk_zxid zxid, struct rk_bytes body)
{
    struct rk_watcher_event e;
    struct rk_reader r;
    uint32_t count;
    rk_reader_init(&r, body, UINT32_MAX);
    bool is_whole = rk_proto_read_watcher_event(&r, NULL, &e);
    /* Before the watches are used up, or an event could be lost. */
    if (!is_whole || e.path.data == NULL || !rk_client_fx_reserve(c, 1)) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        return;
    }
    if (e.type < RK_EVENT_NODE_CREATED || e.type > RK_EVENT_NODE_CHILDREN_CHANGED) {
        return;
    }
    if (!rk_client_watches_fire(&c->watches, e.type, e.path, &count)) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        return;
    }
    if (count == 0) {
        return;
    }
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_WATCH);
    c->fx_at[c->fx_count - 1] = c->watches.told_count - count;
    fx->u.watch.event = e.type;
    fx->u.watch.state = e.state;
    fx->u.watch.zxid = zxid;
    fx->u.watch.path = rk_client_strip(c, e.path);
    fx->u.watch.count = count;
}

static void take_answer(struct rk_client *c, const struct rk_reply_header *h, struct rk_bytes body)
{
    struct rk_link *link = rk_list_first(&c->sent);
    if (link == NULL && c->is_close_sent && h->xid == c->close_xid) {
        rk_client_end(c, RK_CLIENT_CLOSED, RK_CLIENT_CLOSING);
        return;
    }
    struct rk_client_pending *p =
        link == NULL ? NULL : RK_CONTAINER_OF(link, struct rk_client_pending, link);
    if (p == NULL || p->xid != h->xid) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP); /* ZK: ZRUNTIMEINCONSISTENCY */
        return;
    }
    if (h->zxid > 0) {
        c->last_zxid = h->zxid;
    }
    if (!p->is_given_up) {
        rk_client_watch_order_done(&c->watches, &p->watch, h->err);
    }
    rk_client_complete(c, p, h->err, h->zxid, body);
}

static void take_reply(struct rk_client *c, struct rk_bytes frame)
{
    struct rk_reply_header h;
    struct rk_reader r;
    rk_reader_init(&r, frame, UINT32_MAX);
    if (!rk_proto_read_reply_header(&r, NULL, &h)) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        return;
    }
    struct rk_bytes body = {frame.data + HEADER_BYTES, frame.len - HEADER_BYTES};
    switch (h.xid) {
    case RK_CLIENT_XID_EVENT:
        take_event(c, h.zxid, body);
        break;
    case RK_CLIENT_XID_PING:
        break;
    case RK_CLIENT_XID_AUTH:
        rk_client_auth_take(c, h.err, h.zxid);
        break;
    case RK_CLIENT_XID_WATCHES:
        if (h.err != RK_ZK_OK) {
            /* They are not set (THROTTLED_OP, say): better another connection than no events. */
            rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        }
        break;
    default:
        take_answer(c, &h, body);
    }
}

static void take_frame(struct rk_client *c, struct rk_bytes frame)
{
    if (c->state == RK_CLIENT_ASSOCIATING) {
        rk_client_handshake_take(c, frame);
    } else {
        RK_ASSERT(rk_client_is_connected(c));
        take_reply(c, frame);
    }
}

/* The frame that was begun in earlier steps: takes what it still needs off the front of bytes.
 * RK_OK: it is whole, in in_done. */
static enum rk_err finish_begun(struct rk_client *c, struct rk_bytes *bytes,
                                struct rk_bytes *ret_frame)
{
    for (;;) {
        struct rk_bytes view = rk_buf_view(&c->in);
        enum rk_err err = rk_frame_next(&view, c->config.frame_bytes_max, ret_frame);
        if (err != RK_ERR_SHORT) {
            struct rk_buf done = c->in;
            RK_ASSERT(err != RK_OK || view.len == 0);
            c->in = c->in_done;
            c->in_done = done;
            rk_buf_reset(&c->in);
            return err;
        }
        uint32_t need = rk_frame_need(view);
        uint32_t take = need < bytes->len ? need : bytes->len;
        if (take == 0) {
            return RK_ERR_SHORT;
        }
        rk_buf_put(&c->in, bytes->data, take);
        if (c->in.failed) {
            return RK_ERR_NOMEM;
        }
        bytes->data += take;
        bytes->len -= take;
    }
}

static void take_bytes(struct rk_client *c, struct rk_bytes bytes)
{
    uint64_t conn = c->line.id;
    struct rk_bytes frame;
    enum rk_err err = RK_OK;
    if (c->in.len > 0) {
        err = finish_begun(c, &bytes, &frame);
        if (err == RK_OK) {
            take_frame(c, frame);
        } else if (err == RK_ERR_SHORT) {
            return;
        }
    }
    while (err == RK_OK && c->line.id == conn) {
        err = rk_frame_next(&bytes, c->config.frame_bytes_max, &frame);
        if (err == RK_OK) {
            take_frame(c, frame);
        }
    }
    if (c->line.id != conn) {
        return;
    }
    if (err == RK_ERR_SHORT) {
        rk_buf_put(&c->in, bytes.data, bytes.len);
    }
    if (err != RK_ERR_SHORT || c->in.failed) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
    }
}

void rk_client_on_bytes(struct rk_client *c, uint64_t conn, struct rk_bytes bytes)
{
    if (conn == 0 || bytes.len == 0) {
        return;
    }
    if (conn == c->probe.id) {
        rk_client_probe_bytes(c, bytes);
    } else if (conn == c->line.id && c->state >= RK_CLIENT_ASSOCIATING) {
        c->last_recv_ms = c->now_ms;
        take_bytes(c, bytes);
    }
}

/* in_done stays for this step: effects may point into it. */
void rk_client_frames_forget(struct rk_client *c)
{
    rk_buf_reset(&c->in);
    if (c->in.cap > RK_CLIENT_KEEP_BYTES) {
        rk_buf_deinit(&c->in);
    }
}
