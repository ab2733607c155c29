/* After a reconnect the server is told of the watches again, in requests of bounded size, and tells
 * what changed meanwhile. ZK: ClientCnxn.primeConnection (SET_WATCHES_MAX_LENGTH); the old request
 * where it will do, for servers before 3.6. */
#include "base/assert.h"
#include "client/client_calls.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/records.h"

#define FIXED_BYTES (4u + 8u + (uint32_t)RK_SET_WATCHES2_BYTES_MIN)

static struct rk_client_node *of(struct rk_link *link)
{
    return RK_CONTAINER_OF(link, struct rk_client_node, link);
}

struct chunk {
    uint32_t nodes;
    uint32_t bytes;
    uint32_t counts[RK_CLIENT_KINDS];
};

/* As many paths from the front of unset as fit, at least one. */
static void measure(struct rk_client *c, struct chunk *k)
{
    struct rk_link *it;
    struct rk_link *tmp;
    *k = (struct chunk){.bytes = FIXED_BYTES};
    RK_LIST_EACH(it, tmp, &c->watches.unset)
    {
        const struct rk_client_node *node = of(it);
        uint64_t bytes = k->bytes;
        for (uint32_t i = 0; i < RK_CLIENT_KINDS; i++) {
            bytes += node->counts[i] > 0 ? 4 + (uint64_t)node->len : 0;
        }
        if ((k->nodes > 0 && bytes > c->config.set_watches_bytes_max) || bytes > INT32_MAX) {
            return;
        }
        k->bytes = (uint32_t)bytes;
        k->nodes++;
        for (uint32_t i = 0; i < RK_CLIENT_KINDS; i++) {
            k->counts[i] += node->counts[i] > 0;
        }
    }
}

static void put_kind(struct rk_client *c, const struct chunk *k, enum rk_client_watch_kind kind,
                     bool is_in)
{
    struct rk_link *it = c->watches.unset.next;
    rk_buf_put_i32(&c->out, is_in ? (int32_t)k->counts[kind] : 0);
    for (uint32_t i = 0; is_in && i < k->nodes; i++, it = it->next) {
        const struct rk_client_node *node = of(it);
        if (node->counts[kind] > 0) {
            rk_buf_put_bytes(&c->out, rk_bytes_of(node->path, node->len));
        }
    }
}

/* The chunk, or, with another kind than NONE, only that of it. */
static void put_request(struct rk_client *c, const struct chunk *k, enum rk_client_watch_kind only)
{
    bool is_two =
        only == RK_CLIENT_WATCH_NONE
            ? k->counts[RK_CLIENT_WATCH_PERSISTENT] + k->counts[RK_CLIENT_WATCH_RECURSIVE] > 0
            : only >= RK_CLIENT_WATCH_PERSISTENT;
    uint32_t last = is_two ? RK_CLIENT_WATCH_RECURSIVE : RK_CLIENT_WATCH_CHILD;
    size_t from = c->out.len;
    size_t place = rk_frame_begin(&c->out);
    rk_buf_put_i32(&c->out, RK_CLIENT_XID_WATCHES);
    rk_buf_put_i32(&c->out, is_two ? RK_OP_SET_WATCHES2 : RK_OP_SET_WATCHES);
    rk_buf_put_i64(&c->out, c->last_zxid);
    for (uint32_t kind = RK_CLIENT_WATCH_DATA; kind <= last; kind++) {
        put_kind(c, k, (enum rk_client_watch_kind)kind,
                 only == RK_CLIENT_WATCH_NONE || only == (enum rk_client_watch_kind)kind);
    }
    rk_frame_end(&c->out, place);
    rk_client_fx_sent(c, c->line.id, from);
}

bool rk_client_set_watches_send(struct rk_client *c)
{
    struct chunk k;
    measure(c, &k);
    RK_ASSERT(k.nodes > 0);
    if (!rk_client_out_room(c, k.bytes + (size_t)RK_CLIENT_KINDS * FIXED_BYTES)) {
        return false;
    }
    if (k.bytes <= c->config.set_watches_bytes_max) {
        put_request(c, &k, RK_CLIENT_WATCH_NONE);
    } else {
        /* One long path, watched in several ways. */
        for (uint32_t kind = RK_CLIENT_WATCH_DATA; kind < RK_CLIENT_KINDS; kind++) {
            if (k.counts[kind] > 0) {
                put_request(c, &k, (enum rk_client_watch_kind)kind);
            }
        }
    }
    for (uint32_t i = 0; i < k.nodes; i++) {
        rk_list_push(&c->watches.set, rk_list_pop(&c->watches.unset));
    }
    return true;
}
