/* Options of a verb, from a table. Letters may be grouped, values follow or are glued on, long
 * names go with one dash or two, as the tools of others take them. */
#ifndef RK_INSPECT_OPTS_H
#define RK_INSPECT_OPTS_H

#include "inspect/tool.h"

enum rk_ins_kind {
    RK_INS_FLAG,   /* target: bool */
    RK_INS_TEXT,   /* target: const char * */
    RK_INS_NUMBER, /* target: int64_t; decimal, or hex behind 0x */
};

struct rk_ins_opt {
    char letter; /* 0: none */
    const char *name;
    enum rk_ins_kind kind;
    void *target;
};

#define RK_INS_OPERANDS_MAX 4u

struct rk_ins_operands {
    uint32_t count;
    const char *items[RK_INS_OPERANDS_MAX];
};

/* argv[0] is the verb. False, after a line that says why, if there is an unknown option, a bad
 * value, or fewer than least or more than most operands (at most RK_INS_OPERANDS_MAX). */
bool rk_ins_opts(struct rk_ins_tool *t, const struct rk_ins_opt *opts, size_t count, int argc,
                 char **argv, uint32_t least, uint32_t most,
                 struct rk_ins_operands *ret) RK_MUST_CHECK;
/* Decimal, or hex with 0x; a zxid or a session. */
bool rk_ins_number(const char *text, int64_t *ret) RK_MUST_CHECK;
/* "A-B", "A-", "-B" or "A". */
bool rk_ins_range(const char *text, int64_t *ret_from, int64_t *ret_to) RK_MUST_CHECK;

#endif
