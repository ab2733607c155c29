/* The verbs of rookery-snapshot; argv[0] is the verb. */
#ifndef RK_INSPECT_SNAP_VERBS_H
#define RK_INSPECT_SNAP_VERBS_H

#include "inspect/tool.h"

enum rk_ins_exit rk_ins_snap_dump(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snap_verify(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snap_summary(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snap_compare(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snap_grep(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snap_repair(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_restore_check(struct rk_ins_tool *t, int argc, char **argv);

enum rk_ins_exit rk_ins_snap_export(struct rk_ins_tool *t, int argc, char **argv);

extern const char rk_ins_snap_dump_help[];
extern const char rk_ins_snap_verify_help[];
extern const char rk_ins_snap_summary_help[];
extern const char rk_ins_snap_compare_help[];
extern const char rk_ins_snap_grep_help[];
extern const char rk_ins_snap_repair_help[];
extern const char rk_ins_restore_check_help[];
extern const char rk_ins_snap_export_help[];

#endif
