/* The epoch files: a decimal number as text (spec-quorum A1). Guarantees that a reader sees the old
 * number or the new one, whenever the power goes, that a leftover of an unfinished write hinders
 * nothing, and that the two files agree with each other and with the log when a start begins.
 *
 * acceptedEpoch is a promise to no earlier leader; currentEpoch says that the whole history with
 * which the leader of that epoch began is in the log. Both may only rise. What a server finds:
 *
 *   currentEpoch behind the last transaction   died between the two writes: the log holds what the
 *                                              leader began with, or it could not hold this one
 *   acceptedEpoch behind currentEpoch          Apache before 3.5.8 with a full disk
 *                                              (ZOOKEEPER-2307): it did accept what it follows
 *   acceptedEpoch behind the last transaction  no crash does this, because the promise is durable
 *                                              before anything of its epoch comes: the files are
 * not of one server, or not of one time
 *
 * ZK: QuorumPeer.loadDataBase, which refuses to start in all of these cases. */
#include <string.h>

#include "base/bug.h"
#include "base/num.h"
#include "store/names.h"
#include "store/recover.h"

#define TEXT_MAX  64u
#define EPOCH_MAX ((int64_t)INT32_MAX) /* beyond it zxids would be negative */
#define NONE      INT64_MIN            /* no such file */

static void name_part(char out[RK_STORE_NAME_MAX], const char *name)
{
    size_t len = strlen(name);
    RK_ASSERT(len + sizeof(".tmp") <= RK_STORE_NAME_MAX);
    memcpy(out, name, len);
    memcpy(out + len, ".tmp", sizeof(".tmp"));
}

enum rk_err rk_epoch_write(const struct rk_disk *disk, const char *name, int64_t epoch)
{
    const struct rk_disk_ops *ops = disk->ops;
    char text[RK_NUM_MAX];
    char part[RK_STORE_NAME_MAX];
    name_part(part, name);
    size_t len = rk_num_dec(text, epoch);
    rk_file file;
    enum rk_err err = ops->open(disk->ctx, RK_DIR_SNAP, part, RK_OPEN_CREATE, &file);
    if (err != RK_OK) {
        return err;
    }
    err = ops->write(disk->ctx, file, 0, text, len);
    if (err == RK_OK && !RK_BUG(EPOCH_UNSYNCED)) {
        err = ops->sync(disk->ctx, file);
    }
    ops->close(disk->ctx, file);
    if (err == RK_OK) {
        err = ops->rename(disk->ctx, RK_DIR_SNAP, part, name);
    }
    if (err != RK_OK) {
        /* Whether it goes or stays: the next write begins it anew. */
        (void)ops->unlink(disk->ctx, RK_DIR_SNAP, part);
        return err;
    }
    return RK_BUG(EPOCH_DIR_UNSYNCED) ? RK_OK : ops->sync_dir(disk->ctx, RK_DIR_SNAP);
}

enum rk_err rk_epoch_read(const struct rk_disk *disk, const char *name, int64_t *ret_epoch)
{
    char text[TEXT_MAX];
    size_t len = 0;
    rk_file file;
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_SNAP, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    err = disk->ops->read(disk->ctx, file, 0, text, sizeof(text), &len);
    disk->ops->close(disk->ctx, file);
    if (err != RK_OK) {
        return err;
    }
    /* ZK: BufferedReader.readLine, Long.parseLong */
    size_t line = 0;
    while (line < len && text[line] != '\n' && text[line] != '\r') {
        line++;
    }
    int64_t epoch;
    if (line == sizeof(text) || !rk_num_parse_dec(rk_bytes_of(text, line), &epoch)) {
        return RK_ERR_CORRUPT;
    }
    *ret_epoch = epoch;
    return RK_OK;
}

/* -- Both, at the start
 * ------------------------------------------------------------------------------ */

/* NONE if there is no such file. */
static enum rk_err read_file(const struct rk_disk *disk, const char *name, int64_t *ret_epoch,
                             struct rk_problem *ret_problem)
{
    int64_t epoch = NONE;
    enum rk_err err = rk_epoch_read(disk, name, &epoch);
    /* ZK writes -1 where it begins with nothing. */
    if (err == RK_OK && (epoch < -1 || epoch > EPOCH_MAX)) {
        err = RK_ERR_CORRUPT;
    }
    if (err == RK_ERR_CORRUPT) {
        rk_problem_set(ret_problem,
                       "%s does not hold an epoch. Restore the file from a backup, or empty the "
                       "data directory if other servers hold the data.",
                       name);
    } else if (err != RK_OK && err != RK_ERR_NOT_FOUND) {
        rk_problem_set(ret_problem, "%s cannot be read: %s", name, rk_err_text(err));
    }
    if (err != RK_OK && err != RK_ERR_NOT_FOUND) {
        return err;
    }
    *ret_epoch = epoch;
    return RK_OK;
}

/* What a write was about to put in place; NONE if there is nothing of the kind. Apache does not
 * sync the directory, so a rename may be lost and leave this behind. */
static int64_t read_part(const struct rk_disk *disk, const char *name)
{
    char part[RK_STORE_NAME_MAX];
    int64_t epoch = NONE;
    name_part(part, name);
    enum rk_err err = rk_epoch_read(disk, part, &epoch);
    return err == RK_OK && epoch >= 0 && epoch <= EPOCH_MAX ? epoch : NONE;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static enum rk_err settle(const struct rk_disk *disk, int64_t last, struct rk_epochs *io,
                          struct rk_problem *ret_problem)
{
    int64_t current = max_of(io->current, last);
    if ((RK_BUG(EPOCH_BEHIND_FATAL) && io->current != NONE && io->current < last) ||
        (RK_BUG(EPOCH_PART_FATAL) && read_part(disk, RK_NAME_ACCEPTED_EPOCH) != NONE)) {
        return RK_ERR_CORRUPT;
    }
    /* The promise has to cover what there is, by this server's own word. */
    int64_t word = max_of(max_of(io->accepted, io->current), 0);
    if (io->accepted != NONE && word < last) {
        word = max_of(word, read_part(disk, RK_NAME_ACCEPTED_EPOCH));
    }
    if (io->accepted != NONE && word < last) {
        rk_problem_set(
            ret_problem,
            "acceptedEpoch is %lld, but the last transaction is of epoch %lld: these files are not "
            "of one server or not of one time. Restore the data directory as a whole, or empty it "
            "if other servers hold the data.",
            (long long)io->accepted, (long long)last);
        return RK_ERR_CORRUPT;
    }
    io->accepted = max_of(word, current);
    io->current = current;
    return RK_OK;
}

/* Puts in place what a write had left beside it; the number is never in neither of the two. */
static enum rk_err adopt_part(const struct rk_disk *disk, const char *name)
{
    const struct rk_disk_ops *ops = disk->ops;
    char part[RK_STORE_NAME_MAX];
    rk_file file;
    name_part(part, name);
    enum rk_err err = ops->open(disk->ctx, RK_DIR_SNAP, part, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    err = ops->sync(disk->ctx, file);
    ops->close(disk->ctx, file);
    if (err == RK_OK) {
        err = ops->rename(disk->ctx, RK_DIR_SNAP, part, name);
    }
    return err == RK_OK ? ops->sync_dir(disk->ctx, RK_DIR_SNAP) : err;
}

static enum rk_err put(const struct rk_disk *disk, const char *name, int64_t before, int64_t epoch,
                       struct rk_problem *ret_problem)
{
    char part[RK_STORE_NAME_MAX];
    enum rk_err err = RK_OK;
    if (before != epoch) {
        err = read_part(disk, name) == epoch ? adopt_part(disk, name)
                                             : rk_epoch_write(disk, name, epoch);
    }
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be written: %s", name, rk_err_text(err));
        return err;
    }
    /* Apache would go by what an unfinished write left. */
    name_part(part, name);
    (void)disk->ops->unlink(disk->ctx, RK_DIR_SNAP, part);
    return RK_OK;
}

enum rk_err rk_epochs_load(const struct rk_disk *disk, rk_zxid last_zxid, struct rk_epochs *ret,
                           struct rk_problem *ret_problem)
{
    struct rk_epochs found = {NONE, NONE};
    int64_t last = last_zxid < 0 ? 0 : RK_ZXID_EPOCH(last_zxid);
    ret_problem->text[0] = '\0';
    enum rk_err err = read_file(disk, RK_NAME_ACCEPTED_EPOCH, &found.accepted, ret_problem);
    if (err == RK_OK) {
        err = read_file(disk, RK_NAME_CURRENT_EPOCH, &found.current, ret_problem);
    }
    struct rk_epochs epochs = found;
    if (err == RK_OK) {
        err = settle(disk, last, &epochs, ret_problem);
    }
    /* In this order, so that the pair is right at any time. */
    if (err == RK_OK) {
        err = put(disk, RK_NAME_ACCEPTED_EPOCH, found.accepted, epochs.accepted, ret_problem);
    }
    if (err == RK_OK) {
        err = put(disk, RK_NAME_CURRENT_EPOCH, found.current, epochs.current, ret_problem);
    }
    if (err == RK_OK) {
        *ret = epochs;
    }
    return err;
}
