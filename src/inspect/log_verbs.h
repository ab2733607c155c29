/* The verbs of rookery-log; argv[0] is the verb. */
#ifndef RK_INSPECT_LOG_VERBS_H
#define RK_INSPECT_LOG_VERBS_H

#include "inspect/tool.h"

enum rk_ins_exit rk_ins_log_dump(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_verify(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_repair(struct rk_ins_tool *t, int argc, char **argv);
/* repair --truncate; snapshots NULL: beside the log. */
enum rk_ins_exit rk_ins_log_cut(struct rk_ins_tool *t, const char *path, const char *snapshots,
                                bool is_agreed);
enum rk_ins_exit rk_ins_log_summary(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_grep(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_compare(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_chop(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_log_purge(struct rk_ins_tool *t, int argc, char **argv);

extern const char rk_ins_log_dump_help[];
extern const char rk_ins_log_verify_help[];
extern const char rk_ins_log_repair_help[];
extern const char rk_ins_log_summary_help[];
extern const char rk_ins_log_grep_help[];
extern const char rk_ins_log_compare_help[];
extern const char rk_ins_log_chop_help[];
extern const char rk_ins_log_purge_help[];

#endif
