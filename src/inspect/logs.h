/* The logs a verb works on: one file, or all of a directory in order. */
#ifndef RK_INSPECT_LOGS_H
#define RK_INSPECT_LOGS_H

#include "inspect/log_file.h"

struct rk_ins_logs {
    struct rk_ins_tool *tool;
    struct rk_ins_files files;
    struct rk_store_names names;
    bool is_dir;
    const char *path;
};

/* A line on err if not RK_INS_OK. */
enum rk_ins_exit rk_ins_logs_open(struct rk_ins_logs *l, struct rk_ins_tool *t, const char *path);
void rk_ins_logs_close(struct rk_ins_logs *l);
/* What a person calls names.items[index]. */
const char *rk_ins_logs_name(const struct rk_ins_logs *l, uint32_t index);

/* What comes along; any may be NULL. False ends the walk. */
struct rk_ins_visitor {
    void *ctx;
    bool (*file)(void *ctx, const char *name, const struct rk_ins_log *log);
    bool (*record)(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r);
    /* Nothing whole between from and to; last is the zxid before. */
    void (*hole)(void *ctx, const char *name, uint64_t from, uint64_t to, rk_zxid last,
                 const char *why);
    /* The last record of the file ended at offset; why: "" or what is wrong there. */
    void (*end)(void *ctx, const char *name, uint64_t offset, const char *why);
};

/* RK_INS_DAMAGED if a file is no log, a checksum is wrong or there is a hole; a line on err for
 * each file that cannot be read and for each hole, unless the visitor takes those. */
enum rk_ins_exit rk_ins_logs_walk(struct rk_ins_logs *l, const struct rk_ins_visitor *v);

#endif
