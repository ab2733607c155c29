/* rookery-snapshot: its verbs, and the command lines of Apache's three programs for snapshots. */
#include "inspect/snap_verbs.h"

#include <string.h>

static const struct rk_ins_verb verbs[] = {
    {"dump", "[-d] [--json | -l] SNAPSHOT", rk_ins_snap_dump_help, rk_ins_snap_dump},
    {"verify", "[-j] SNAPSHOT", rk_ins_snap_verify_help, rk_ins_snap_verify},
    {"summary", "SNAPSHOT [PATH [DEPTH]]", rk_ins_snap_summary_help, rk_ins_snap_summary},
    {"compare", "[-b BYTES] [-n NODES] [-d] [-i] LEFT RIGHT", rk_ins_snap_compare_help,
     rk_ins_snap_compare},
    {"grep", "[-p GLOB | -P RE] [-d RE] [-a RE] [-o ID] [-e] [-c] [-l] SNAPSHOT",
     rk_ins_snap_grep_help, rk_ins_snap_grep},
    {"repair", "[-y] [-o FILE] SNAPSHOT", rk_ins_snap_repair_help, rk_ins_snap_repair},
    {"export", "[-r PATH] SNAPSHOT", rk_ins_snap_export_help, rk_ins_snap_export},
    {"restore-check", "[-a] [-t] [-j] DATADIR [DATALOGDIR]", rk_ins_restore_check_help,
     rk_ins_restore_check},
};

static const char about[] =
    "Reads and mends snapshots, Rookery's and Apache ZooKeeper's: plain, .gz and .snappy. The\n"
    "command lines of Apache's programs work without a verb, too: [-d | -json] SNAPSHOT;\n"
    "SNAPSHOT PATH DEPTH; -l LEFT -r RIGHT -b BYTES -n NODES.\n";

/* argv without a verb: the program that has such a command line. argv[0] becomes the verb. */
static enum rk_ins_exit run_as_apache(struct rk_ins_tool *t, int argc, char **argv)
{
    static char dump[] = "dump";
    static char compare[] = "compare";
    static char summary[] = "summary";
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-l", 2) == 0 || strncmp(argv[i], "--left", 6) == 0) {
            argv[0] = compare;
            return rk_ins_snap_compare(t, argc, argv);
        }
    }
    if (argc == 4 && argv[1][0] != '-') {
        argv[0] = summary;
        return rk_ins_snap_summary(t, argc, argv);
    }
    argv[0] = dump;
    return rk_ins_snap_dump(t, argc, argv);
}

enum rk_ins_exit rk_ins_snapshot_run(struct rk_ins_tool *t, int argc, char **argv)
{
    enum rk_ins_exit status;
    if (rk_ins_tool_run(t, verbs, sizeof(verbs) / sizeof(verbs[0]), about, argc, argv, &status)) {
        return status;
    }
    return run_as_apache(t, argc, argv);
}
