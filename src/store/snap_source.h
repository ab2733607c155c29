/* A snapshot file as a stream of plain bytes, whatever its compression. */
#ifndef RK_STORE_SNAP_SOURCE_H
#define RK_STORE_SNAP_SOURCE_H

#include "store/snap.h"
#include "store/snap_format.h"

struct rk_snap_stream;

/* Opens dir RK_DIR_SNAP's file name; its last part says how it is compressed. RK_ERR_CORRUPT if it
 * does not even look like one (Apache's own quick test: the last bytes of a plain file, the first
 * of the others). */
enum rk_err rk_snap_stream_create(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                                  struct rk_snap_stream **ret) RK_MUST_CHECK;
void rk_snap_stream_destroy(struct rk_snap_stream *s); /* accepts NULL */
struct rk_snap_source rk_snap_stream_source(struct rk_snap_stream *s);

/* Opens, parses and checks the whole file; sink as for rk_snap_parse. */
enum rk_err rk_snap_read(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                         uint32_t limit_bytes, const struct rk_restore_sink *sink,
                         struct rk_snap_info *ret, const char **ret_why) RK_MUST_CHECK;

/* Decoders over any source of file bytes; what rk_snap_stream_create is made of, for tests. The
 * returned stream reads from raw. */
enum rk_err rk_snap_stream_wrap(struct rk_mem *mem, const struct rk_snap_source *raw,
                                enum rk_snap_compression compression,
                                struct rk_snap_stream **ret) RK_MUST_CHECK;

#endif
