/* The requests that the loads send, encoded once, and the judgement of what comes back. */
#ifndef RK_BENCH_WIRE_H
#define RK_BENCH_WIRE_H

#include "base/bytes.h"
#include "options.h"

enum rk_bench_request {
    RK_BENCH_REQ_GET,
    RK_BENCH_REQ_SET,
    RK_BENCH_REQ_CREATE,
    RK_BENCH_REQ_EXISTS,
    RK_BENCH_REQ_CHILDREN,
    RK_BENCH_REQ_PING,
    RK_BENCH_REQ_WATCH, /* getData that leaves a watch */
    RK_BENCH_REQ_CLOSE,
    RK_BENCH_REQ_PREPARE_ROOT, /* creations of what the loads need; existing is fine */
    RK_BENCH_REQ_PREPARE_PARENT,
    RK_BENCH_REQ_PREPARE_LIST, /* the node whose children are listed */
    RK_BENCH_REQ_PREPARE_CHILD,
    RK_BENCH_REQ_PREPARE_KEY,
    RK_BENCH_REQ_COUNT,
};

#define RK_BENCH_DIGITS         10u /* every numbered name ends in that many */
#define RK_BENCH_STAT_BYTES     68u
#define RK_BENCH_PASSWORD_BYTES 16u

/* A whole frame with its length; xid and the numbers in its path are filled in per request. */
struct rk_bench_frame {
    struct rk_buf bytes;
    uint32_t parent_at; /* of the parent's digits; 0: none */
    uint32_t digits_at; /* of the name's digits; 0: none */
    uint32_t path_len;
};

struct rk_bench_reply {
    int32_t xid;
    rk_zxid zxid;
    int32_t err;
    struct rk_bytes body;
};

struct rk_bench_wire {
    struct rk_bench_frame frames[RK_BENCH_REQ_COUNT];
    struct rk_buf value;
    struct rk_buf key_path; /* of key 0 */
    uint32_t parents;
    uint32_t children;
    uint32_t child_name_len;
};

void rk_bench_wire_init(struct rk_bench_wire *w, struct rk_mem *mem,
                        const struct rk_bench_options *o);
void rk_bench_wire_deinit(struct rk_bench_wire *w);

/* Writes the number into a copy of the request's frame: for creations the sequence number, which
 * also gives the parent, for the others the key. */
void rk_bench_wire_number(const struct rk_bench_wire *w, enum rk_bench_request request,
                          uint8_t *frame, uint64_t number);

/* The first frame of a connection: a new session. */
void rk_bench_wire_connect(struct rk_buf *b, uint32_t timeout_ms);
/* False: not an answer that grants a session. */
bool rk_bench_wire_read_connected(struct rk_bytes frame, rk_session_id *ret_session,
                                  uint32_t *ret_timeout_ms);

/* Of a reply without an error: NULL if it is right for the request, else what is wrong with it. */
const char *rk_bench_wire_check(const struct rk_bench_wire *w, enum rk_bench_request request,
                                uint64_t number, const struct rk_bench_reply *reply);
/* Of an event frame: that it tells of a change of key 0's data. */
const char *rk_bench_wire_check_event(const struct rk_bench_wire *w, struct rk_bytes frame);

/* Ten decimal digits. */
void rk_bench_wire_digits(uint8_t *out, uint64_t number);
/* The value of every node: the same bytes for client and null server. */
void rk_bench_wire_fill(uint8_t *out, size_t len);

#endif
