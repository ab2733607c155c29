/* Clients that are wrong, by mistake or on purpose: nothing they send may harm the server or
 * anybody else, and each of it has one right answer. */
#include "sim/client_int.h"

#include <string.h>

static uint64_t below(struct sim_clients *all, uint64_t bound)
{
    return rk_sim_below(&all->w->tape, SIM_SITE_RUDE, bound);
}

/* A whole request whose body ends too early. */
static void truncated(struct sim_clients *all, struct sim_client *c)
{
    static const int32_t ops[] = {
        RK_OP_CREATE,     RK_OP_SET_DATA,    RK_OP_DELETE,    RK_OP_GET_DATA,   RK_OP_MULTI,
        RK_OP_SET_ACL,    RK_OP_SET_WATCHES, RK_OP_ADD_WATCH, RK_OP_CREATE_TTL, RK_OP_EXISTS,
        RK_OP_MULTI_READ, RK_OP_RECONFIG,    RK_OP_SYNC,      RK_OP_GET_ACL};
    (void)rk_user_ask(all, c, ops[below(all, sizeof(ops) / sizeof(ops[0]))], NULL, 0);
    uint64_t len = below(all, 9);
    for (uint64_t i = 0; i < len; i++) {
        rk_buf_put_u8(&all->out, (uint8_t)(i == 3 ? below(all, 9) : 0));
    }
    rk_user_asked_end(all, c);
}

/* Lengths that lie. */
static void lying(struct sim_clients *all, struct sim_client *c)
{
    static const int32_t lengths[] = {-2, INT32_MIN, INT32_MAX, 0x00ffffff, -1};
    (void)rk_user_ask(all, c, below(all, 2) == 0 ? RK_OP_SET_DATA : RK_OP_GET_DATA, NULL, 0);
    rk_buf_put_i32(&all->out, lengths[below(all, 5)]);
    rk_buf_put_i64(&all->out, 0);
    rk_user_asked_end(all, c);
}

/* Operations that clients have no business with. */
static void forbidden(struct sim_clients *all, struct sim_client *c)
{
    static const int32_t ops[] = {
        0,    RK_OP_CHECK, RK_OP_DELETE_CONTAINER, RK_OP_CREATE_SESSION, RK_OP_ERROR, 10, 23,
        1000, INT32_MIN};
    (void)rk_user_ask(all, c, ops[below(all, sizeof(ops) / sizeof(ops[0]))], NULL, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str("/a"));
    rk_buf_put_i32(&all->out, -1);
    rk_user_asked_end(all, c);
}

/* Paths that no node can have. */
static void bad_path(struct sim_clients *all, struct sim_client *c)
{
    static const struct rk_bytes paths[] = {{(const uint8_t *)"", 0},
                                            {(const uint8_t *)"a", 1},
                                            {(const uint8_t *)"/a/", 3},
                                            {(const uint8_t *)"//", 2},
                                            {(const uint8_t *)"/a/../b", 7},
                                            {(const uint8_t *)"/a/.", 4},
                                            {(const uint8_t *)"/a\0b", 4},
                                            {(const uint8_t *)"/a/\x01", 4},
                                            {(const uint8_t *)"/a/\xff", 4},
                                            {(const uint8_t *)"/a/\xef\xbf\xbf", 6},
                                            {(const uint8_t *)"/a/\xc3\xa4", 5},
                                            {NULL, 0},
                                            {(const uint8_t *)"/a/\xf0\x9f\x98\x80", 7}};
    static const int32_t ops[] = {RK_OP_CREATE, RK_OP_DELETE, RK_OP_SET_DATA, RK_OP_EXISTS};
    int32_t op = ops[below(all, 4)];
    (void)rk_user_ask(all, c, op, NULL, 0);
    rk_buf_put_bytes(&all->out, paths[below(all, sizeof(paths) / sizeof(paths[0]))]);
    if (op == RK_OP_EXISTS) {
        rk_buf_put_bool(&all->out, false);
    } else {
        if (op != RK_OP_DELETE) {
            rk_buf_put_bytes(&all->out, rk_bytes_str("rude"));
        }
        if (op == RK_OP_CREATE) {
            rk_buf_put_i32(&all->out, 1);
            rk_buf_put_i32(&all->out, RK_PERM_ALL);
            rk_buf_put_bytes(&all->out, rk_bytes_str("world"));
            rk_buf_put_bytes(&all->out, rk_bytes_str("anyone"));
        }
        rk_buf_put_i32(&all->out, op == RK_OP_CREATE ? (int32_t)below(all, 4) : -1);
    }
    rk_user_asked_end(all, c);
}

/* Bytes that are no frames at all, or frames that never end. */
static void garbage(struct sim_clients *all, struct sim_client *c)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    rk_buf_reset(&all->out);
    switch (below(all, 5)) {
    case 0:
        rk_buf_put(&all->out, http, sizeof(http) - 1);
        break;
    case 1:
        rk_buf_put_i32(&all->out, -5);
        break;
    case 2:
        rk_buf_put_i32(&all->out, 0);
        break;
    case 3:
        rk_buf_put_i32(&all->out, 5);
        rk_buf_put(&all->out, "12345", 5);
        break;
    default:
        rk_buf_put_i32(&all->out, 400);
        rk_buf_put(&all->out, http, sizeof(http) - 1);
        break;
    }
    rk_user_send(all, c);
    c->is_spoiled = true;
}

static void sasl(struct sim_clients *all, struct sim_client *c)
{
    (void)rk_user_ask(all, c, RK_OP_SASL, NULL, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str(below(all, 3) == 0 ? NULL : "token"));
    rk_user_asked_end(all, c);
}

static void trailing(struct sim_clients *all, struct sim_client *c)
{
    (void)rk_user_ask(all, c, RK_OP_EXISTS, NULL, 0);
    rk_buf_put_bytes(&all->out, rk_bytes_str("/a"));
    rk_buf_put_bool(&all->out, false);
    rk_buf_put(&all->out, "and more", 8);
    rk_user_asked_end(all, c);
}

/* A setWatches from nowhere, with a null list now and then. */
static void set_watches(struct sim_clients *all, struct sim_client *c)
{
    (void)rk_user_ask(all, c, RK_OP_SET_WATCHES2, NULL, 0);
    rk_buf_put_i64(&all->out, (int64_t)below(all, 50));
    for (uint32_t k = 0; k < 5; k++) {
        bool is_null = below(all, 20) == 0;
        rk_buf_put_i32(&all->out, is_null ? -1 : 2);
        for (uint32_t i = 0; i < 2 && !is_null; i++) {
            rk_buf_put_bytes(&all->out, rk_bytes_str(all->paths[below(all, all->path_count)]));
        }
    }
    rk_user_asked_end(all, c);
}

void rk_user_rude(struct sim_clients *all, struct sim_client *c)
{
    switch (below(all, 12)) {
    case 0:
    case 1:
    case 2:
        truncated(all, c);
        break;
    case 3:
    case 4:
        lying(all, c);
        break;
    case 5:
        forbidden(all, c);
        break;
    case 6:
    case 7:
        bad_path(all, c);
        break;
    case 8:
        garbage(all, c);
        break;
    case 9:
        sasl(all, c);
        break;
    case 10:
        set_watches(all, c);
        break;
    default:
        trailing(all, c);
        break;
    }
}

void rk_user_rude_handshake(struct sim_clients *all, struct sim_client *c)
{
    static const uint8_t wrong[16] = {1, 2, 3};
    const struct sim_client *other = &all->clients[below(all, all->count)];
    switch (below(all, 6)) {
    case 0: /* too short */
        rk_buf_put_i32(&all->out, 10);
        rk_buf_put(&all->out, "0123456789", 10);
        break;
    case 1: /* from a server that knew more */
        rk_user_put_handshake(all, c, INT64_C(1) << 40, 0, rk_bytes_of(wrong, 16));
        break;
    case 2: /* somebody else's session, wrong password */
        rk_user_put_handshake(all, c, 0, other->session, rk_bytes_of(wrong, 16));
        break;
    case 3: /* a session that never was */
        rk_user_put_handshake(all, c, 0, (rk_session_id)below(all, 1 << 30) + 1,
                              rk_bytes_of(wrong, 16));
        break;
    case 4: /* nothing at all: it just sits there */
        rk_buf_put_i32(&all->out, 44);
        break;
    default: /* somebody else's session, right password */
        rk_user_put_handshake(all, c, other->seen, other->session,
                              rk_bytes_of(other->password, 16));
        break;
    }
}
