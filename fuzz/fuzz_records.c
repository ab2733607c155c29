/* Every decoder of records and transactions under arbitrary bytes: the first byte chooses the
 * record, the rest is its encoding. It is rejected, or it reads; then writing it and reading that
 * again must give the same bytes once more, and its printed line must be printable. Memory stays in
 * proportion to the input. */
#include <stdlib.h>
#include <string.h>

#include "base/mem_libc.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/records_table.h"
#include "proto/txn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT_BYTES (1u << 20)
/* What the first byte chooses; records behind the rest, so that seeds outlive a longer schema. */
enum choice { CHOICE_TXN, CHOICE_ELEMENT, CHOICE_FRAMES, CHOICE_RECORD };

/* The largest step from encoded to decoded is a null string: 4 bytes become a struct rk_bytes. */
#define GROWTH_MAX (sizeof(struct rk_bytes) / 4)
_Static_assert(sizeof(struct rk_acl) <= GROWTH_MAX * RK_ACL_BYTES_MIN, "growth of ACLs");
_Static_assert(sizeof(struct rk_sub_txn) <= GROWTH_MAX * RK_SUB_TXN_BYTES_MIN, "growth of multis");
_Static_assert(sizeof(struct rk_id) <= GROWTH_MAX * RK_ID_BYTES_MIN, "growth of ids");

struct bench {
    struct rk_mem mem;
    struct rk_arena a;
    struct rk_buf first;
    struct rk_buf second;
    struct rk_buf line;
};

static void check_line(const struct rk_buf *line)
{
    for (size_t i = 0; i < line->len; i++) {
        RK_ASSERT(line->data[i] >= 0x20);
        RK_ASSERT(line->data[i] <= 0x7e);
    }
}

static void try_record(struct bench *w, const struct rk_proto_record *t, struct rk_bytes in)
{
    union rk_proto_any v;
    struct rk_reader r;
    rk_reader_init(&r, in, LIMIT_BYTES);
    bool is_read = t->read(&r, &w->a, &v);
    RK_ASSERT(is_read == !r.failed);
    RK_ASSERT(w->a.used_bytes <= GROWTH_MAX * in.len + 16 * (size_t)t->field_count);
    if (!is_read) {
        return;
    }
    size_t consumed = in.len - rk_reader_left(&r);
    RK_ASSERT(consumed >= t->bytes_min);
    t->write(&w->first, &v);
    RK_ASSERT(!w->first.failed);
    RK_ASSERT(w->first.len == consumed);
    rk_reader_init(&r, rk_buf_view(&w->first), LIMIT_BYTES);
    is_read = t->read(&r, &w->a, &v);
    RK_ASSERT(is_read);
    RK_ASSERT(rk_reader_left(&r) == 0);
    t->write(&w->second, &v);
    RK_ASSERT(rk_bytes_equal(rk_buf_view(&w->first), rk_buf_view(&w->second)));
    t->print(&w->line, &v);
    RK_ASSERT(!w->line.failed);
    check_line(&w->line);
}

static void try_txn(struct bench *w, struct rk_bytes in)
{
    struct rk_txn txn;
    struct rk_txn again;
    if (rk_txn_decode(in, &w->a, LIMIT_BYTES, &txn) != RK_OK) {
        return;
    }
    RK_ASSERT(rk_txn_is_type(txn.type));
    rk_txn_encode(&w->first, &txn);
    RK_ASSERT(!w->first.failed);
    enum rk_err err = rk_txn_decode(rk_buf_view(&w->first), &w->a, LIMIT_BYTES, &again);
    RK_ASSERT(err == RK_OK);
    RK_ASSERT(again.has_digest == txn.has_digest);
    rk_txn_encode(&w->second, &again);
    RK_ASSERT(rk_bytes_equal(rk_buf_view(&w->first), rk_buf_view(&w->second)));
    rk_txn_print(&w->line, &txn);
    RK_ASSERT(!w->line.failed);
    check_line(&w->line);
}

/* The body of an element of a multi; its type is the first byte, so that all of them are reached.
 */
static void try_element(struct bench *w, struct rk_bytes in)
{
    if (in.len == 0) {
        return;
    }
    struct rk_txn txn;
    struct rk_bytes body = rk_bytes_of(in.data + 1, in.len - 1);
    int32_t type = (int8_t)in.data[0];
    enum rk_err err = rk_txn_decode_body(type, body, &w->a, LIMIT_BYTES, &txn);
    if (err != RK_OK) {
        RK_ASSERT(err == RK_ERR_UNSUPPORTED || err == RK_ERR_MALFORMED);
        return;
    }
    rk_txn_encode_body(&w->first, &txn);
    RK_ASSERT(w->first.len <= body.len);
    err = rk_txn_decode_body(type, rk_buf_view(&w->first), &w->a, LIMIT_BYTES, &txn);
    RK_ASSERT(err == RK_OK);
    rk_txn_encode_body(&w->second, &txn);
    RK_ASSERT(rk_bytes_equal(rk_buf_view(&w->first), rk_buf_view(&w->second)));
}

static void try_frames(struct rk_bytes in)
{
    for (;;) {
        struct rk_bytes before = in;
        struct rk_bytes frame = {NULL, 0};
        enum rk_err err = rk_frame_next(&in, LIMIT_BYTES, &frame);
        if (err != RK_OK) {
            RK_ASSERT(in.data == before.data && in.len == before.len);
            RK_ASSERT((err == RK_ERR_SHORT) == (rk_frame_need(in) > 0 && err != RK_ERR_TOO_BIG));
            return;
        }
        RK_ASSERT(frame.data == before.data + RK_FRAME_HEADER_BYTES);
        RK_ASSERT(frame.len + in.len + RK_FRAME_HEADER_BYTES == before.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LIMIT_BYTES) {
        return 0;
    }
    struct bench w;
    rk_mem_libc_init(&w.mem, 0);
    rk_arena_init(&w.a, &w.mem);
    rk_buf_init(&w.first, &w.mem, 2 * size + 64);
    rk_buf_init(&w.second, &w.mem, 2 * size + 64);
    rk_buf_init(&w.line, &w.mem, 64 * size + 4096);
    struct rk_bytes in = rk_bytes_of(data + 1, size - 1);
    uint32_t choice = data[0] % (CHOICE_RECORD + RK_PROTO_RECORD_COUNT);
    if (choice == CHOICE_TXN) {
        try_txn(&w, in);
    } else if (choice == CHOICE_FRAMES) {
        try_frames(in);
    } else if (choice == CHOICE_ELEMENT) {
        try_element(&w, in);
    } else {
        try_record(&w, &rk_proto_records[choice - CHOICE_RECORD], in);
    }
    rk_buf_deinit(&w.line);
    rk_buf_deinit(&w.second);
    rk_buf_deinit(&w.first);
    rk_arena_deinit(&w.a);
    RK_ASSERT(w.mem.used_bytes == 0);
    return 0;
}
