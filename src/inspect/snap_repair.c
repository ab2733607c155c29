/* rookery-snapshot repair: a new snapshot of what can be read of a damaged one. Two passes over the
 * old file: how much of it is whole, then the copy, which ends at the same place.
 *
 * The new file has no digest section: the old digest is of what the old file once said. */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <string.h>

#include "inspect/opts.h"
#include "inspect/snapshots.h"
#include "proto/records.h"

const char rk_ins_snap_repair_help[] =
    "writes what can be read of a damaged snapshot to a new, plain one\n"
    "\n"
    "  -y, --yes          do not ask\n"
    "  -o, --output FILE  instead of SNAPSHOT.fixed, from whose name .gz or .snappy is dropped\n"
    "A wrong checksum over a sound structure gets a right one: some byte is wrong, and nobody can\n"
    "tell which. Of a file that breaks off the nodes before the break are taken; what is missing "
    "is\n"
    "missing for good, unless the logs behind an older snapshot have it: see restore-check first.\n"
    "Exit status: 0 the new file is there, or the old one is sound; 4 nothing can be saved;\n"
    "6 nothing was done.\n";

struct repair {
    struct rk_ins_tool *tool;
    struct rk_ins_snap snap;
    struct rk_ins_copy *copy;
    struct rk_buf piece;
    uint32_t adler;
    uint64_t sessions;
    uint64_t acls;
    uint64_t nodes;
    /* Second pass: what the first one found. */
    uint64_t nodes_left;
    bool has_acl_count;
    const char *why;
};

/* -- First pass
 * --------------------------------------------------------------------------------------- */

static enum rk_err count_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct repair *p = ctx;
    (void)id;
    (void)timeout_ms;
    p->sessions++;
    return RK_OK;
}

static enum rk_err count_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct repair *p = ctx;
    (void)id;
    (void)acl;
    p->acls++;
    return RK_OK;
}

static enum rk_err count_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                              const struct rk_stat_persisted *stat)
{
    struct repair *p = ctx;
    (void)path;
    (void)data;
    (void)acl_id;
    (void)stat;
    p->nodes++;
    return RK_OK;
}

/* -- Second pass
 * -------------------------------------------------------------------------------------- */

static enum rk_err put_piece(struct repair *p)
{
    if (p->piece.failed) {
        return RK_ERR_NOMEM;
    }
    p->adler = libdeflate_adler32(p->adler, p->piece.data, p->piece.len);
    rk_ins_copy_put(p->copy, p->piece.data, p->piece.len);
    rk_buf_reset(&p->piece);
    return RK_OK;
}

static enum rk_err put_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct repair *p = ctx;
    rk_buf_put_i64(&p->piece, id);
    rk_buf_put_i32(&p->piece, timeout_ms);
    return put_piece(p);
}

static void put_acl_count(struct repair *p)
{
    if (!p->has_acl_count) {
        rk_buf_put_i32(&p->piece, (int32_t)p->acls);
        p->has_acl_count = true;
    }
}

static enum rk_err put_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct repair *p = ctx;
    put_acl_count(p);
    rk_buf_put_i64(&p->piece, id);
    rk_proto_write_vec_acl(&p->piece, acl);
    return put_piece(p);
}

static enum rk_err put_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                            const struct rk_stat_persisted *stat)
{
    struct repair *p = ctx;
    if (p->nodes_left == 0) {
        return RK_OK; /* the file changed meanwhile */
    }
    p->nodes_left--;
    put_acl_count(p);
    rk_buf_put_bytes(&p->piece, path);
    rk_buf_put_bytes(&p->piece, data);
    rk_buf_put_i64(&p->piece, acl_id);
    rk_proto_write_stat_persisted(&p->piece, stat);
    return put_piece(p);
}

static enum rk_err write_copy(struct repair *p)
{
    uint8_t header[RK_SNAP_HEADER_BYTES];
    uint8_t seal[RK_SNAP_SEAL_BYTES];
    struct rk_snap_info info;
    const char *why;
    struct rk_restore_sink sink = {
        .ctx = p, .session = put_session, .acl = put_acl, .node = put_node};
    rk_snap_put_header(header);
    rk_buf_put(&p->piece, header, sizeof(header));
    rk_buf_put_i32(&p->piece, (int32_t)p->sessions);
    enum rk_err err = rk_ins_snap_parse(&p->snap, &sink, &info, &why);
    if (err != RK_ERR_CORRUPT || p->nodes_left != 0) {
        return err == RK_OK || err == RK_ERR_CORRUPT ? RK_ERR_AGAIN : err;
    }
    rk_buf_put(&p->piece, rk_snap_tail, RK_SNAP_TAIL_BYTES);
    err = put_piece(p);
    rk_snap_put_seal(seal, p->adler);
    rk_ins_copy_put(p->copy, seal, sizeof(seal));
    return err == RK_OK ? rk_ins_copy_finish(p->copy) : err;
}

/* -- The verb
 * ----------------------------------------------------------------------------------------- */

static bool is_checksum_only(const struct repair *p)
{
    return strcmp(p->why, "its checksum does not match") == 0;
}

static void say_plan(const struct repair *p, const char *output)
{
    FILE *to = p->tool->out;
    (void)fprintf(to,
                  "%s is damaged: %s.\nCan be read: %" PRIu64 " sessions, %" PRIu64
                  " ACLs, %" PRIu64 " nodes.\n",
                  p->snap.path, p->why, p->sessions, p->acls, p->nodes);
    if (is_checksum_only(p)) {
        (void)fputs(
            "All of it is there, but some byte of it is wrong, and nobody can tell which.\n", to);
    } else {
        (void)fputs(
            "LOST: every node behind these, unknown how many. A server that starts from the "
            "new file serves a tree with holes, and differs from the other servers of its "
            "ensemble.\n",
            to);
    }
    (void)fprintf(to, "The new file is %s; it counts as a snapshot where servers look for them.\n",
                  output);
}

static enum rk_ins_exit rebuild(struct repair *p, const char *output)
{
    enum rk_ins_exit status = rk_ins_copy_create(p->tool, output, p->snap.path, false, &p->copy);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_buf_init(&p->piece, p->tool->mem, SIZE_MAX / 4);
    p->adler = 1;
    p->nodes_left = p->nodes;
    enum rk_err err = write_copy(p);
    rk_buf_deinit(&p->piece);
    rk_ins_copy_destroy(p->copy);
    if (err != RK_OK) {
        return rk_ins_cannot(p->tool, "written", output, err);
    }
    (void)fprintf(p->tool->out, "%s has been written with %" PRIu64 " nodes\n", output, p->nodes);
    return RK_INS_OK;
}

static enum rk_ins_exit repair(struct repair *p, const char *output, bool is_agreed)
{
    struct rk_snap_info info;
    struct rk_restore_sink sink = {
        .ctx = p, .session = count_session, .acl = count_acl, .node = count_node};
    enum rk_err err = rk_ins_snap_parse(&p->snap, &sink, &info, &p->why);
    if (err == RK_OK) {
        (void)fprintf(p->tool->out,
                      "%s is sound as a file; nothing was done (verify looks at its tree, too)\n",
                      p->snap.path);
        return RK_INS_OK;
    }
    if (err != RK_ERR_CORRUPT) {
        return rk_ins_cannot(p->tool, "read", p->snap.path, err);
    }
    if (p->nodes == 0) {
        rk_ins_complain(p->tool, "%s holds no node that can be read: %s", p->snap.path, p->why);
        return RK_INS_DAMAGED;
    }
    say_plan(p, output);
    if (!is_agreed && rk_ins_ask(p->tool, "Write it (Yes/No) ? ") != RK_INS_YES) {
        (void)fputs("Nothing was done.\n", p->tool->out);
        return RK_INS_REFUSED;
    }
    return rebuild(p, output);
}

/* "snapshot.1c.gz" becomes "snapshot.1c.fixed". */
static bool default_output(char out[RK_INS_PATH_MAX], const char *path)
{
    char plain[RK_INS_PATH_MAX];
    int n = snprintf(plain, sizeof(plain), "%s", path);
    if (n <= 0 || (size_t)n >= sizeof(plain)) {
        return false;
    }
    if (rk_store_name_compression(rk_ins_base_name(plain)) != RK_SNAP_PLAIN) {
        *strrchr(plain, '.') = '\0';
    }
    return rk_ins_beside(out, plain, "", ".fixed");
}

enum rk_ins_exit rk_ins_snap_repair(struct rk_ins_tool *t, int argc, char **argv)
{
    struct repair p = {.tool = t, .why = ""};
    struct rk_ins_operands files;
    char fixed[RK_INS_PATH_MAX];
    const char *output = NULL;
    bool is_agreed = false;
    struct rk_ins_opt opts[] = {{'y', "yes", RK_INS_FLAG, &is_agreed},
                                {'o', "output", RK_INS_TEXT, &output}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    if (output == NULL && !default_output(fixed, files.items[0])) {
        return rk_ins_cannot(t, "named", files.items[0], RK_ERR_TOO_BIG);
    }
    enum rk_ins_exit status = rk_ins_snap_open(&p.snap, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    status = repair(&p, output != NULL ? output : fixed, is_agreed);
    rk_ins_snap_close(&p.snap);
    return status;
}
