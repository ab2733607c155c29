/* rookery-log purge: what zkCleanup.sh does, by the store's rules (store/purge.c), which are
 * Apache's but for one: a snapshot that cannot be loaded is not counted among those kept.
 *
 * ZK: PurgeTxnLog */
#include "inspect/log_verbs.h"

#include <inttypes.h>

#include "inspect/files.h"
#include "inspect/opts.h"
#include "store/recover.h"

const char rk_ins_log_purge_help[] =
    "removes old snapshots and logs, as zkCleanup.sh does\n"
    "\n"
    "  -n, --keep COUNT   keeps that many of the newest good snapshots, at least 3, and the logs\n"
    "                     that are needed from the oldest of them on\n"
    "      --dry-run      only says what would go\n"
    "With fewer good snapshots than that nothing goes but leftovers of unfinished ones. It may be\n"
    "done while a server runs.\n";

#define KEEP_MIN 3
#define KEEP_MAX 1000000

enum rk_ins_exit rk_ins_log_purge(struct rk_ins_tool *t, int argc, char **argv)
{
    struct rk_ins_operands dirs;
    struct rk_ins_files files;
    struct rk_problem problem;
    int64_t keep = -1;
    bool is_dry = false;
    uint32_t deleted = 0;
    struct rk_ins_opt opts[] = {{'n', "keep", RK_INS_NUMBER, &keep},
                                {0, "dry-run", RK_INS_FLAG, &is_dry}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 1, 2, &dirs)) {
        return RK_INS_USAGE;
    }
    if (keep < KEEP_MIN || keep > KEEP_MAX) {
        rk_ins_complain(t, "purge: count should be greater than or equal to %d", KEEP_MIN);
        return RK_INS_USAGE;
    }
    const char *log_dir = dirs.items[0];
    const char *data_dir = dirs.count > 1 ? dirs.items[1] : log_dir;
    enum rk_err err = rk_ins_files_open_dirs(&files, t->mem, data_dir, log_dir,
                                             is_dry ? RK_INS_PRETEND : RK_INS_CHANGE);
    if (err != RK_OK) {
        return rk_ins_cannot(t, "opened", data_dir, err);
    }
    files.say = t->out;
    err = rk_purge(t->mem, &files.port, (uint32_t)keep, &deleted, &problem);
    rk_ins_files_close(&files);
    if (err != RK_OK) {
        rk_ins_complain(t, "purge: %s", problem.text);
        return RK_INS_IO;
    }
    return RK_INS_OK;
}
