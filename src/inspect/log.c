/* rookery-log: its verbs, and the command line of Apache's TxnLogToolkit for scripts that call it
 * by the old options. */
#include "inspect/log_verbs.h"
#include "inspect/opts.h"

#define DATA_FILE "LOG | DIRECTORY"

static const struct rk_ins_verb verbs[] = {
    {"dump", "[-j [-v]] " DATA_FILE, rk_ins_log_dump_help, rk_ins_log_dump},
    {"verify", "[-j] [-s] " DATA_FILE, rk_ins_log_verify_help, rk_ins_log_verify},
    {"repair", "[-y] [-v] [-o FILE] [-t [-s DIR]] LOG", rk_ins_log_repair_help, rk_ins_log_repair},
    {"summary", "[-d DEPTH] [-n TOP] [-j] " DATA_FILE, rk_ins_log_summary_help, rk_ins_log_summary},
    {"grep", "[-p GLOB | -P RE] [-d RE] [-s ID] [-z FROM-TO] [-t TYPE] [-c] [-j [-v]] " DATA_FILE,
     rk_ins_log_grep_help, rk_ins_log_grep},
    {"compare", "[-a] [-q] LEFT RIGHT", rk_ins_log_compare_help, rk_ins_log_compare},
    {"chop", "-z ZXID [-o FILE] LOG", rk_ins_log_chop_help, rk_ins_log_chop},
    {"purge", "-n COUNT [--dry-run] DATALOGDIR [DATADIR]", rk_ins_log_purge_help, rk_ins_log_purge},
};

static const char about[] =
    "Reads and mends transaction logs, Rookery's and Apache ZooKeeper's. A running server is not\n"
    "disturbed. The options of TxnLogToolkit work without a verb, too: [-d | -r [-v] [-y] |\n"
    "-c -z ZXID] LOG.\n";

/* -d, -r, -c of TxnLogToolkit become verbs. */
static enum rk_ins_exit run_as_toolkit(struct rk_ins_tool *t, int argc, char **argv)
{
    struct rk_ins_operands files;
    bool is_dump = false;
    bool is_recovery = false;
    bool is_verbose = false;
    bool is_agreed = false;
    bool is_chop = false;
    const char *zxid = NULL;
    struct rk_ins_opt opts[] = {
        {'d', "dump", RK_INS_FLAG, &is_dump},       {'r', "recover", RK_INS_FLAG, &is_recovery},
        {'v', "verbose", RK_INS_FLAG, &is_verbose}, {'y', "yes", RK_INS_FLAG, &is_agreed},
        {'c', "chop", RK_INS_FLAG, &is_chop},       {'z', "zxid", RK_INS_TEXT, &zxid},
    };
    if (!rk_ins_opts(t, opts, sizeof(opts) / sizeof(opts[0]), argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    char *words[6] = {"TxnLogToolkit", "--", (char *)(uintptr_t)files.items[0]};
    if (is_chop && zxid != NULL) {
        char *chop[] = {"chop", "-z", (char *)(uintptr_t)zxid, "--", words[2]};
        return rk_ins_log_chop(t, 5, chop);
    }
    if (is_recovery) {
        int n = 0;
        char *file = words[2];
        words[n++] = "repair";
        if (is_agreed) {
            words[n++] = "-y";
        }
        if (is_verbose) {
            words[n++] = "-v";
        }
        words[n++] = "--";
        words[n++] = file;
        return rk_ins_log_repair(t, n, words);
    }
    return rk_ins_log_dump(t, 3, words);
}

enum rk_ins_exit rk_ins_log_run(struct rk_ins_tool *t, int argc, char **argv)
{
    enum rk_ins_exit status;
    if (rk_ins_tool_run(t, verbs, sizeof(verbs) / sizeof(verbs[0]), about, argc, argv, &status)) {
        return status;
    }
    return run_as_toolkit(t, argc, argv);
}
