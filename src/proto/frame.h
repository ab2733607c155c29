/* Frames: every message on the wire is a big-endian int length and that many bytes. */
#ifndef RK_PROTO_FRAME_H
#define RK_PROTO_FRAME_H

#include "base/bytes.h"
#include "base/err.h"

#define RK_FRAME_HEADER_BYTES 4u

/* Takes one whole frame off the front of *input: *ret_frame is its content without the length,
 * borrowed from *input, never null. Otherwise nothing is consumed and *ret_frame stays as it was:
 * RK_ERR_SHORT      more bytes are needed, rk_frame_need says how many
 * RK_ERR_MALFORMED  the length is negative
 * RK_ERR_TOO_BIG    the length is over max; told as soon as the length is there */
enum rk_err rk_frame_next(struct rk_bytes *input, uint32_t max,
                          struct rk_bytes *ret_frame) RK_MUST_CHECK;

/* After RK_ERR_SHORT: how many bytes are still missing, to a whole length if that is not there yet,
 * else to a whole frame. 0 if rk_frame_next would not answer RK_ERR_SHORT. */
uint32_t rk_frame_need(struct rk_bytes input);

/* Starts a frame in b and returns the place to hand to rk_frame_end, which fills in the length.
 * What a failed buffer holds must not be sent. */
size_t rk_frame_begin(struct rk_buf *b);
void rk_frame_end(struct rk_buf *b, size_t place);

#endif
