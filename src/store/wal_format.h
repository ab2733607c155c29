/* The bytes of a transaction log (spec-quorum A2) with Rookery's additions:
 *
 * - The header's dbid, which Apache writes as zero and never looks at, holds a mark ("RK", 1) and
 * 40 bits of nonce. Every record of a file so marked ends with a trailer.
 * - The trailer is the last 8 bytes of the payload, behind the digest: {int key; int distance}. The
 * key is made of the nonce, so that no client can forge records inside its data. The distance leads
 * from this record's start back to the first record of its commit batch.
 *
 * Apache decodes header, body and 12 bytes of digest and ignores what follows; fewer than 12 bytes
 * where the digest would be are no digest. The key is negative, so that it reads as an empty vector
 * where an old closeSession has no body; the digest of such a record is left out (wal_file.c). */
#ifndef RK_STORE_WAL_FORMAT_H
#define RK_STORE_WAL_FORMAT_H

#include "base/bytes.h"
#include "base/err.h"

#define RK_WAL_HEADER_BYTES  16u
#define RK_WAL_HEAD_BYTES    12u /* checksum, length */
#define RK_WAL_TRAILER_BYTES 8u
#define RK_WAL_END_BYTE      0x42u
#define RK_WAL_PAYLOAD_MIN   32u /* the TxnHeader */
/* Beyond jute.maxbuffer, which limits the fields: a closeSession that deletes many ephemerals is a
 * large record of small fields. */
#define RK_WAL_PAYLOAD_MAX ((uint32_t)64 << 20)

void rk_wal_put_header(uint8_t out[RK_WAL_HEADER_BYTES], int64_t dbid);
/* RK_ERR_SHORT, RK_ERR_MALFORMED (no "ZKLG"). */
enum rk_err rk_wal_get_header(const uint8_t *in, size_t len, int64_t *ret_dbid) RK_MUST_CHECK;

int64_t rk_wal_dbid(uint64_t nonce); /* marked */
bool rk_wal_is_marked(int64_t dbid);
uint32_t rk_wal_trailer_key(int64_t dbid); /* of a marked file */

/* Bytes of a record with a payload of this many bytes and a trailer. */
size_t rk_wal_record_bytes(size_t payload_len);
/* Writes rk_wal_record_bytes(payload.len). */
void rk_wal_put_record(uint8_t *out, struct rk_bytes payload, uint32_t trailer_key,
                       uint32_t distance);

enum rk_wal_found {
    RK_WAL_RECORD,
    RK_WAL_END,  /* a length of zero: nothing was written here */
    RK_WAL_MORE, /* the input ends before the record does */
    RK_WAL_BAD,
};

struct rk_wal_record {
    rk_zxid zxid;
    struct rk_bytes payload; /* without the trailer */
    uint32_t bytes;          /* of the whole record; with RK_WAL_MORE: wanted */
    uint32_t distance;       /* back to the batch's first record; 0 without a trailer */
    bool has_trailer;
    const char *why; /* RK_WAL_BAD: what is wrong with it, static */
};

/* Looks at the record at in[0..len). trailer_key 0: the file is not marked. A record that is whole
 * but lacks the trailer of a marked file is RK_WAL_RECORD with has_trailer false. */
enum rk_wal_found rk_wal_get_record(const uint8_t *in, size_t len, uint32_t trailer_key,
                                    struct rk_wal_record *ret);

#endif
