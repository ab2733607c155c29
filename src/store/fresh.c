/* snapshot.0: no sessions, the four nodes every tree has, byte for byte as Apache writes it with
 * its digests off (spec-quorum A4.2), which every reader takes. Guarantees that it is durable when
 * it returns RK_OK. */
#include "store/fresh.h"

#include "proto/opcode.h"
#include "proto/records.h"
#include "store/snap.h"

#define CONFIG_ACL INT64_C(1)
#define OPEN_ACL   INT64_C(-1) /* world:anyone may do everything; not in the map */
#define BODY_MAX   ((size_t)4096)

static void put_node(struct rk_buf *b, const char *path, int64_t acl_id, int32_t aversion)
{
    struct rk_stat_persisted stat = {.aversion = aversion};
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bytes(b, rk_bytes_str(""));
    rk_buf_put_i64(b, acl_id);
    rk_proto_write_stat_persisted(b, &stat);
}

/* ZK: DataTree's constructor and addConfigNode. */
static void put_body(struct rk_buf *b)
{
    struct rk_acl readable = {RK_PERM_READ, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_vec_acl acl = {1, &readable};
    rk_buf_put_i32(b, 0); /* sessions */
    rk_buf_put_i32(b, 1); /* ACLs */
    rk_buf_put_i64(b, CONFIG_ACL);
    rk_proto_write_vec_acl(b, &acl);
    put_node(b, "", OPEN_ACL, 0);
    put_node(b, "/zookeeper", OPEN_ACL, 0);
    put_node(b, "/zookeeper/config", CONFIG_ACL, -1);
    put_node(b, "/zookeeper/quota", OPEN_ACL, 0);
}

enum rk_err rk_fresh_write(struct rk_mem *mem, const struct rk_disk *disk)
{
    struct rk_snap_writer *w = NULL;
    struct rk_buf b;
    rk_buf_init(&b, mem, BODY_MAX);
    put_body(&b);
    enum rk_err err = b.failed ? RK_ERR_NOMEM : RK_OK;
    if (err == RK_OK) {
        err = rk_snap_writer_create(mem, disk, 0, RK_SNAP_PLAIN, &w);
    }
    if (err == RK_OK) {
        err = rk_snap_writer_put(w, rk_buf_view(&b));
    }
    if (err == RK_OK) {
        err = rk_snap_writer_finish(w, false, 0, 0);
    }
    rk_snap_writer_destroy(w);
    rk_buf_deinit(&b);
    return err;
}
