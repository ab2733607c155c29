/* Encoding and checking of log headers and records; no I/O. Guarantees that any bytes are judged
 * without reading past them. Whether a bad record means damage is for wal_scan.c to say. */
#include "store/wal_format.h"

#include <libdeflate.h>
#include <string.h>

#define MAGIC       ((int32_t)0x5a4b4c47) /* "ZKLG" */
#define VERSION     2
#define MARK        ((uint64_t)0x524b01) /* "RK", 1: the upper 24 bits of the dbid */
#define MARK_SHIFT  40u
#define OFFSET_ZXID 12u /* in the TxnHeader */
#define KEY_SIGN    UINT32_C(0x80000000)

void rk_wal_put_header(uint8_t out[RK_WAL_HEADER_BYTES], int64_t dbid)
{
    rk_store_i32(out, MAGIC);
    rk_store_i32(out + 4, VERSION);
    rk_store_i64(out + 8, dbid);
}

enum rk_err rk_wal_get_header(const uint8_t *in, size_t len, int64_t *ret_dbid)
{
    if (len < RK_WAL_HEADER_BYTES) {
        return RK_ERR_SHORT;
    }
    /* ZK: the version is written but never checked. */
    if (rk_load_i32(in) != MAGIC) {
        return RK_ERR_MALFORMED;
    }
    *ret_dbid = rk_load_i64(in + 8);
    return RK_OK;
}

int64_t rk_wal_dbid(uint64_t nonce)
{
    uint64_t low = nonce & ((UINT64_C(1) << MARK_SHIFT) - 1);
    return (int64_t)(MARK << MARK_SHIFT | low);
}

bool rk_wal_is_marked(int64_t dbid)
{
    return (uint64_t)dbid >> MARK_SHIFT == MARK;
}

uint32_t rk_wal_trailer_key(int64_t dbid)
{
    RK_ASSERT(rk_wal_is_marked(dbid));
    /* All 40 bits count: a damaged nonce must not pass for the right one. */
    uint64_t low = (uint64_t)dbid & ((UINT64_C(1) << MARK_SHIFT) - 1);
    return KEY_SIGN | (uint32_t)(low ^ low >> 9);
}

size_t rk_wal_record_bytes(size_t payload_len)
{
    return RK_WAL_HEAD_BYTES + payload_len + RK_WAL_TRAILER_BYTES + 1;
}

void rk_wal_put_record(uint8_t *out, struct rk_bytes payload, uint32_t trailer_key,
                       uint32_t distance)
{
    RK_ASSERT(payload.len >= RK_WAL_PAYLOAD_MIN);
    RK_ASSERT(payload.len <= RK_WAL_PAYLOAD_MAX - RK_WAL_TRAILER_BYTES);
    RK_ASSERT((trailer_key & KEY_SIGN) != 0);
    uint8_t *body = out + RK_WAL_HEAD_BYTES;
    uint32_t len = payload.len + RK_WAL_TRAILER_BYTES;
    memcpy(body, payload.data, payload.len);
    rk_store_i32(body + payload.len, (int32_t)trailer_key);
    rk_store_i32(body + payload.len + 4, (int32_t)distance);
    /* ZK: the checksum covers the payload alone, not its length. */
    rk_store_i64(out, (int64_t)libdeflate_adler32(1, body, len));
    rk_store_i32(out + 8, (int32_t)len);
    body[len] = RK_WAL_END_BYTE;
}

static enum rk_wal_found bad(struct rk_wal_record *ret, const char *why)
{
    ret->why = why;
    return RK_WAL_BAD;
}

static enum rk_wal_found more(struct rk_wal_record *ret, uint32_t bytes)
{
    ret->bytes = bytes;
    ret->why = "the file ends inside it";
    return RK_WAL_MORE;
}

enum rk_wal_found rk_wal_get_record(const uint8_t *in, size_t len, uint32_t trailer_key,
                                    struct rk_wal_record *ret)
{
    *ret = (struct rk_wal_record){.zxid = 0};
    if (len < RK_WAL_HEAD_BYTES) {
        return more(ret, RK_WAL_HEAD_BYTES);
    }
    int64_t sum = rk_load_i64(in);
    int32_t payload_len = rk_load_i32(in + 8);
    if (payload_len == 0) {
        return RK_WAL_END;
    }
    if (payload_len < (int32_t)RK_WAL_PAYLOAD_MIN || payload_len > (int32_t)RK_WAL_PAYLOAD_MAX) {
        return bad(ret, "its length is impossible");
    }
    if (sum < 0 || sum > UINT32_MAX) {
        return bad(ret, "its checksum does not match");
    }
    uint32_t n = (uint32_t)payload_len;
    ret->bytes = RK_WAL_HEAD_BYTES + n + 1;
    if (len < ret->bytes) {
        return more(ret, ret->bytes);
    }
    const uint8_t *payload = in + RK_WAL_HEAD_BYTES;
    if (payload[n] != RK_WAL_END_BYTE) {
        return bad(ret, "its end byte is missing");
    }
    const uint8_t *trailer = payload + n - RK_WAL_TRAILER_BYTES;
    ret->zxid = rk_load_i64(payload + OFFSET_ZXID);
    ret->payload = (struct rk_bytes){payload, n};
    ret->has_trailer = trailer_key != 0 && n >= RK_WAL_PAYLOAD_MIN + RK_WAL_TRAILER_BYTES &&
                       (uint32_t)rk_load_i32(trailer) == trailer_key;
    if (ret->has_trailer) {
        ret->payload.len -= RK_WAL_TRAILER_BYTES;
        ret->distance = (uint32_t)rk_load_i32(trailer + 4);
    }
    if ((int64_t)libdeflate_adler32(1, payload, n) != sum) {
        return bad(ret, "its checksum does not match");
    }
    return RK_WAL_RECORD;
}
