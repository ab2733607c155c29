/* The list of effects a step leaves behind. Consecutive sends to one connection grow into one
 * effect, so that the replies to a burst of requests leave as one piece. */
#include "core/effects.h"

#include <string.h>

/* More than any legitimate batch: a reply may be large, but the shell drains between steps. */
#define EFFECT_BYTES_MAX ((size_t)2047 << 20)

void rk_effects_init(struct rk_effects *fx, struct rk_mem *mem)
{
    memset(fx, 0, sizeof(*fx));
    fx->mem = mem;
    rk_buf_init(&fx->bytes, mem, EFFECT_BYTES_MAX);
}

void rk_effects_deinit(struct rk_effects *fx)
{
    rk_mem_free(fx->mem, fx->items, fx->cap * sizeof(*fx->items));
    rk_mem_free(fx->mem, fx->conns, fx->conn_cap * sizeof(*fx->conns));
    rk_buf_deinit(&fx->bytes);
    memset(fx, 0, sizeof(*fx));
}

void rk_effects_reset(struct rk_effects *fx)
{
    /* One giant reply must not keep its memory for ever. */
    if (fx->bytes.cap > ((size_t)4 << 20)) {
        rk_buf_deinit(&fx->bytes);
    }
    rk_buf_reset(&fx->bytes);
    fx->count = 0;
    fx->conn_count = 0;
}

struct rk_bytes rk_effects_bytes(const struct rk_effects *fx, const struct rk_effect *effect)
{
    RK_ASSERT(effect->offset + effect->len <= fx->bytes.len);
    return rk_bytes_of(fx->bytes.data + effect->offset, effect->len);
}

struct rk_effect *rk_fx_push(struct rk_effects *fx, enum rk_effect_kind kind)
{
    struct rk_effect *e;
    if (fx->count == fx->cap) {
        size_t cap = fx->cap == 0 ? 64 : fx->cap * 2;
        fx->items = rk_mem_must_resize(fx->mem, fx->items, fx->cap * sizeof(*fx->items),
                                       cap * sizeof(*fx->items));
        fx->cap = cap;
    }
    e = &fx->items[fx->count++];
    memset(e, 0, sizeof(*e));
    e->kind = kind;
    e->offset = fx->bytes.len;
    return e;
}

size_t rk_fx_frame_begin(struct rk_effects *fx, rk_conn_id conn)
{
    struct rk_effect *last = fx->count > 0 ? &fx->items[fx->count - 1] : NULL;
    size_t mark = fx->bytes.len;
    if (last == NULL || last->kind != RK_FX_SEND || last->conn != conn ||
        last->offset + last->len != mark) {
        rk_fx_push(fx, RK_FX_SEND)->conn = conn;
    }
    rk_buf_put_i32(&fx->bytes, 0);
    return mark;
}

void rk_fx_frame_end(struct rk_effects *fx, size_t mark)
{
    struct rk_effect *e = &fx->items[fx->count - 1];
    RK_ASSERT(e->kind == RK_FX_SEND);
    RK_ASSERT(!fx->bytes.failed);
    RK_ASSERT(e->offset + e->len == mark);
    rk_buf_patch_i32(&fx->bytes, mark, (int32_t)(fx->bytes.len - mark - 4));
    e->len = fx->bytes.len - e->offset;
}

void rk_fx_frame_cancel(struct rk_effects *fx, size_t mark)
{
    struct rk_effect *e = &fx->items[fx->count - 1];
    RK_ASSERT(e->kind == RK_FX_SEND);
    fx->bytes.len = mark;
    fx->bytes.failed = false;
    if (e->len == 0) {
        fx->count--;
    }
}

static struct rk_effect *push_many(struct rk_effects *fx, enum rk_effect_kind kind,
                                   const uint64_t *ids, uint32_t count)
{
    struct rk_effect *e;
    RK_ASSERT(count > 0);
    if (fx->conn_count + count > fx->conn_cap) {
        size_t cap = fx->conn_cap == 0 ? 64 : fx->conn_cap * 2;
        while (cap < fx->conn_count + count) {
            cap *= 2;
        }
        fx->conns = rk_mem_must_resize(fx->mem, fx->conns, fx->conn_cap * sizeof(*fx->conns),
                                       cap * sizeof(*fx->conns));
        fx->conn_cap = cap;
    }
    e = rk_fx_push(fx, kind);
    e->u.many.first = fx->conn_count;
    e->u.many.count = count;
    memcpy(fx->conns + fx->conn_count, ids, count * sizeof(*ids));
    fx->conn_count += count;
    return e;
}

void rk_fx_send_many(struct rk_effects *fx, const rk_conn_id *conns, uint32_t count,
                     struct rk_bytes frame_body)
{
    struct rk_effect *e = push_many(fx, RK_FX_SEND_MANY, conns, count);
    rk_buf_put_bytes(&fx->bytes, frame_body);
    RK_ASSERT(!fx->bytes.failed);
    e->len = fx->bytes.len - e->offset;
}

void rk_fx_conn(struct rk_effects *fx, enum rk_effect_kind kind, rk_conn_id conn)
{
    RK_ASSERT(kind == RK_FX_CLOSE || kind == RK_FX_PAUSE || kind == RK_FX_RESUME);
    rk_fx_push(fx, kind)->conn = conn;
}

void rk_fx_chan(struct rk_effects *fx, enum rk_effect_kind kind, rk_chan_id chan)
{
    RK_ASSERT(kind == RK_FX_CHAN_MARK || kind == RK_FX_CHAN_PAUSE || kind == RK_FX_CHAN_RESUME ||
              kind == RK_FX_CHAN_CLOSE);
    rk_fx_push(fx, kind)->u.chan.chan = chan;
}

void rk_fx_chan_send(struct rk_effects *fx, rk_chan_id chan, struct rk_bytes bytes)
{
    struct rk_effect *e = fx->count > 0 ? &fx->items[fx->count - 1] : NULL;
    if (e == NULL || e->kind != RK_FX_CHAN_SEND || e->u.chan.chan != chan ||
        e->offset + e->len != fx->bytes.len) {
        e = rk_fx_push(fx, RK_FX_CHAN_SEND);
        e->u.chan.chan = chan;
    }
    rk_buf_put(&fx->bytes, bytes.data, bytes.len);
    RK_ASSERT(!fx->bytes.failed);
    e->len += bytes.len;
}

void rk_fx_chan_begin_many(struct rk_effects *fx, const rk_chan_id *chans, uint32_t count)
{
    push_many(fx, RK_FX_CHAN_SEND_MANY, chans, count);
}

void rk_fx_chan_end_many(struct rk_effects *fx)
{
    struct rk_effect *e = &fx->items[fx->count - 1];
    RK_ASSERT(e->kind == RK_FX_CHAN_SEND_MANY);
    RK_ASSERT(!fx->bytes.failed);
    e->len = fx->bytes.len - e->offset;
}

void rk_fx_chan_send_many(struct rk_effects *fx, const rk_chan_id *chans, uint32_t count,
                          struct rk_bytes bytes)
{
    rk_fx_chan_begin_many(fx, chans, count);
    rk_buf_put(&fx->bytes, bytes.data, bytes.len);
    rk_fx_chan_end_many(fx);
}

void rk_fx_chan_dial(struct rk_effects *fx, rk_chan_id chan, enum rk_chan_port port,
                     struct rk_bytes host, uint16_t number, int32_t timeout_ms)
{
    struct rk_effect *e = rk_fx_push(fx, RK_FX_CHAN_DIAL);
    e->u.chan.chan = chan;
    e->u.chan.port = port;
    e->u.chan.number = number;
    e->u.chan.timeout_ms = timeout_ms;
    rk_buf_put(&fx->bytes, host.data, host.len);
    RK_ASSERT(!fx->bytes.failed);
    e->len = host.len;
}

void rk_fx_append(struct rk_effects *fx, rk_zxid zxid, struct rk_bytes payload)
{
    struct rk_effect *e = rk_fx_push(fx, RK_FX_APPEND);
    e->u.log.zxid = zxid;
    rk_buf_put(&fx->bytes, payload.data, payload.len);
    RK_ASSERT(!fx->bytes.failed);
    e->len = payload.len;
}

void rk_fx_note(struct rk_effects *fx, enum rk_note note, rk_conn_id conn, rk_session_id session,
                int64_t number, struct rk_bytes text)
{
    struct rk_effect *e = rk_fx_push(fx, RK_FX_NOTE);
    uint32_t len = text.len > 512 ? 512 : text.len;
    e->conn = conn;
    e->u.note.note = note;
    e->u.note.session = session;
    e->u.note.number = number;
    if (len > 0) {
        rk_buf_put(&fx->bytes, text.data, len);
        RK_ASSERT(!fx->bytes.failed);
    }
    e->len = len;
}
