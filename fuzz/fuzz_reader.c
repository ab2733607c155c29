/* The reader under arbitrary reads of arbitrary bytes: the first half of the input chooses the
 * reads, the second half is read. What was read is written back with a buffer, whose bytes must be
 * those that were consumed. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem_libc.h"
#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One read and the write that undoes it; counts are written as read only if they were taken as is.
 */
static void step(struct rk_reader *r, struct rk_buf *out, uint8_t choice)
{
    const uint8_t *at = r->at;
    switch (choice % 6) {
    case 0:
        rk_buf_put_u8(out, rk_read_u8(r));
        break;
    case 1:
        rk_buf_put_i32(out, rk_read_i32(r));
        break;
    case 2:
        rk_buf_put_i64(out, rk_read_i64(r));
        break;
    case 3:
        rk_buf_put_bytes(out, rk_read_bytes(r));
        break;
    case 4: {
        int32_t count = rk_read_count(r, 1u + choice / 6u);
        RK_ASSERT(count >= -1);
        RK_ASSERT(count <= 0 || rk_reader_left(r) >= (size_t)count * (1u + choice / 6u));
        if (!r->failed) {
            rk_buf_put(out, at, 4);
        }
        break;
    }
    default:
        rk_read_skip(r, choice / 6u);
        if (!r->failed) {
            rk_buf_put(out, at, choice / 6u);
        }
        break;
    }
}

static void check_numbers(struct rk_bytes text)
{
    char back[RK_NUM_MAX];
    int64_t dec = 0;
    uint64_t hex = 0;
    int64_t again = 0;
    if (rk_num_parse_dec(text, &dec)) {
        size_t len = rk_num_dec(back, dec);
        RK_ASSERT(rk_num_parse_dec(rk_bytes_of(back, len), &again));
        RK_ASSERT(again == dec);
    }
    if (rk_num_parse_hex(text, &hex)) {
        RK_ASSERT(rk_num_hex(back, hex) <= text.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_mem mem;
    struct rk_buf out;
    struct rk_reader r;
    size_t steps = size / 2;
    struct rk_bytes input = rk_bytes_of(data + steps, size - steps);
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&out, &mem, size + 1);
    rk_reader_init(&r, input, (uint32_t)size);
    for (size_t i = 0; i < steps && !r.failed; i++) {
        size_t written = out.len;
        step(&r, &out, data[i]);
        if (r.failed) {
            rk_buf_reset(&out);
            break;
        }
        size_t consumed = input.len - rk_reader_left(&r);
        RK_ASSERT(!out.failed);
        RK_ASSERT(out.len == consumed);
        RK_ASSERT(consumed == written ||
                  memcmp(out.data + written, input.data + written, consumed - written) == 0);
    }
    check_numbers(input);
    rk_buf_deinit(&out);
    RK_ASSERT(mem.used_bytes == 0);
    return 0;
}
