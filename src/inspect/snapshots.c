/* Snapshot files behind a sink. Guarantees bounded memory: a window, and one entry of at most
 * RK_INS_SNAP_LIMIT. */
#include "inspect/snapshots.h"

#include "store/snap_source.h"

enum rk_ins_exit rk_ins_snap_open(struct rk_ins_snap *s, struct rk_ins_tool *t, const char *path)
{
    *s = (struct rk_ins_snap){.tool = t, .path = path, .name_zxid = -1};
    enum rk_err err = rk_ins_files_open_file(&s->files, t->mem, path, RK_NAME_SNAPSHOT);
    if (err != RK_OK) {
        return rk_ins_cannot(t, "opened", path, err);
    }
    rk_zxid zxid;
    if (rk_store_parse_name(rk_ins_base_name(path), RK_NAME_SNAPSHOT, &zxid)) {
        s->name_zxid = zxid;
    }
    return RK_INS_OK;
}

void rk_ins_snap_close(struct rk_ins_snap *s)
{
    rk_ins_files_close(&s->files);
}

struct raw {
    const struct rk_disk *port;
    rk_file file;
    uint64_t offset;
    bool has_failed; /* the disk did; it was not the file */
};

static enum rk_err read_raw(void *ctx, uint8_t *out, size_t cap, size_t *ret_got)
{
    struct raw *r = ctx;
    enum rk_err err = r->port->ops->read(r->port->ctx, r->file, r->offset, out, cap, ret_got);
    r->offset += err == RK_OK ? *ret_got : 0;
    r->has_failed = err != RK_OK;
    return err;
}

enum rk_err rk_ins_snap_parse(struct rk_ins_snap *s, const struct rk_restore_sink *sink,
                              struct rk_snap_info *ret, const char **ret_why)
{
    const struct rk_disk *port = &s->files.port;
    struct raw raw = {.port = port};
    struct rk_snap_stream *stream;
    *ret_why = "";
    enum rk_err err =
        port->ops->open(port->ctx, RK_DIR_SNAP, s->files.shown, RK_OPEN_READ, &raw.file);
    if (err != RK_OK) {
        return err;
    }
    struct rk_snap_source source = {read_raw, &raw};
    err = rk_snap_stream_wrap(s->tool->mem, &source, rk_store_name_compression(s->files.shown),
                              &stream);
    if (err == RK_OK) {
        struct rk_snap_source plain = rk_snap_stream_source(stream);
        err = rk_snap_parse(s->tool->mem, &plain, RK_INS_SNAP_LIMIT, sink, ret, ret_why);
        rk_snap_stream_destroy(stream);
    }
    if (err == RK_ERR_CORRUPT && (*ret_why)[0] == '\0') {
        *ret_why = "its compressed stream is damaged";
    }
    port->ops->close(port->ctx, raw.file);
    return err;
}

enum rk_ins_exit rk_ins_snap_read(struct rk_ins_snap *s, const struct rk_restore_sink *sink,
                                  struct rk_snap_info *ret)
{
    const char *why;
    enum rk_err err = rk_ins_snap_parse(s, sink, ret, &why);
    if (err == RK_ERR_CORRUPT) {
        rk_ins_complain(s->tool, "%s is damaged: %s", s->path, why);
        return RK_INS_DAMAGED;
    }
    bool is_unread = err == RK_ERR_IO && ferror(s->tool->out) != 0;
    return err == RK_OK || is_unread ? RK_INS_OK : rk_ins_cannot(s->tool, "read", s->path, err);
}

static enum rk_err skip_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    (void)ctx;
    (void)id;
    (void)timeout_ms;
    return RK_OK;
}

static enum rk_err skip_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    (void)ctx;
    (void)id;
    (void)acl;
    return RK_OK;
}

static enum rk_err skip_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    (void)ctx;
    (void)path;
    (void)data;
    (void)acl_id;
    (void)stat;
    return RK_OK;
}

struct rk_restore_sink rk_ins_sink(void *ctx)
{
    return (struct rk_restore_sink){
        .ctx = ctx, .session = skip_session, .acl = skip_acl, .node = skip_node};
}

enum rk_err rk_ins_printed(const struct rk_ins_tool *t)
{
    return ferror(t->out) == 0 ? RK_OK : RK_ERR_IO;
}

struct rk_bytes rk_ins_shown_path(struct rk_bytes path)
{
    return path.len == 0 ? rk_bytes_str("/") : path;
}

/* ZK: EphemeralType.get with extended types on. */
enum rk_node_kind rk_ins_kind_of(int64_t owner)
{
    if (owner == 0) {
        return RK_NODE_PERSISTENT;
    }
    if (owner == RK_OWNER_CONTAINER) {
        return RK_NODE_CONTAINER;
    }
    bool is_ttl = (uint64_t)owner >> 40 == 0xff0000;
    return is_ttl ? RK_NODE_TTL : RK_NODE_EPHEMERAL;
}
