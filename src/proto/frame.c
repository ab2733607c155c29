/* Splits a byte stream into frames without copying. Guarantees that the length is checked before
 * anyone waits or makes room for it. Collecting the bytes of a frame that has not arrived in one
 * piece is left to the caller; rk_frame_need tells it how much room that takes. */
#include "proto/frame.h"

enum rk_err rk_frame_next(struct rk_bytes *input, uint32_t max, struct rk_bytes *ret_frame)
{
    if (input->len < RK_FRAME_HEADER_BYTES) {
        return RK_ERR_SHORT;
    }
    int32_t len = rk_load_i32(input->data);
    if (len < 0) {
        return RK_ERR_MALFORMED;
    }
    if ((uint32_t)len > max) {
        return RK_ERR_TOO_BIG;
    }
    if (input->len - RK_FRAME_HEADER_BYTES < (uint32_t)len) {
        return RK_ERR_SHORT;
    }
    *ret_frame = rk_bytes_of(input->data + RK_FRAME_HEADER_BYTES, (size_t)len);
    input->data += RK_FRAME_HEADER_BYTES + (uint32_t)len;
    input->len -= RK_FRAME_HEADER_BYTES + (uint32_t)len;
    return RK_OK;
}

uint32_t rk_frame_need(struct rk_bytes input)
{
    if (input.len < RK_FRAME_HEADER_BYTES) {
        return RK_FRAME_HEADER_BYTES - input.len;
    }
    int32_t len = rk_load_i32(input.data);
    uint32_t here = input.len - RK_FRAME_HEADER_BYTES;
    return len < 0 || (uint32_t)len <= here ? 0 : (uint32_t)len - here;
}

size_t rk_frame_begin(struct rk_buf *b)
{
    size_t place = b->len;
    rk_buf_put_i32(b, 0);
    return place;
}

void rk_frame_end(struct rk_buf *b, size_t place)
{
    if (b->failed) {
        return;
    }
    RK_ASSERT(place <= b->len && b->len - place >= RK_FRAME_HEADER_BYTES);
    size_t len = b->len - place - RK_FRAME_HEADER_BYTES;
    RK_ASSERT(len <= INT32_MAX);
    rk_buf_patch_i32(b, place, (int32_t)len);
}
