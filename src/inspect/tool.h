/* What both tools are made of: where they read from and write to, their verbs, their exit statuses.
 */
#ifndef RK_INSPECT_TOOL_H
#define RK_INSPECT_TOOL_H

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

/* Documented in the man pages; scripts rely on them. */
enum rk_ins_exit {
    RK_INS_OK = 0,      /* done; verify: sound; compare: equal; grep: found */
    RK_INS_DIFFERS = 1, /* compare: not equal; grep: nothing found */
    RK_INS_USAGE = 2,   /* bad invocation, or not a file of that kind */
    RK_INS_IO = 3,      /* a file cannot be read or written; no memory */
    RK_INS_DAMAGED = 4, /* the file, or what a start needs of the directory, is damaged */
    RK_INS_GAP = 5,     /* what is there is whole, but transactions are missing */
    RK_INS_REFUSED = 6, /* nothing was changed, because nobody agreed to it */
};

struct rk_ins_tool {
    const char *name; /* "rookery-log" */
    FILE *in;         /* answers to questions */
    FILE *out;
    FILE *err;
    struct rk_mem *mem;
};

struct rk_ins_verb {
    const char *name;
    const char *usage; /* what follows the name in the first line of its help */
    const char *help;  /* whole lines */
    /* argv[0] is the verb. */
    enum rk_ins_exit (*run)(struct rk_ins_tool *t, int argc, char **argv);
};

/* Runs the verb that argv[1] names; --help, --version and help VERB too. *ret_status is only set
 * if there was one; false: argv[1] is no verb, and nothing was done. */
bool rk_ins_tool_run(struct rk_ins_tool *t, const struct rk_ins_verb *verbs, size_t count,
                     const char *about, int argc, char **argv, enum rk_ins_exit *ret_status);
/* The end of a program: output that could not be written is a failure too. */
int rk_ins_tool_finish(struct rk_ins_tool *t, enum rk_ins_exit status);

/* One line on err: "name: ...". */
void rk_ins_complain(struct rk_ins_tool *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* RK_INS_IO, after a line that names the file, what was tried and why it failed. */
enum rk_ins_exit rk_ins_cannot(struct rk_ins_tool *t, const char *what, const char *path,
                               enum rk_err err);

enum rk_ins_answer {
    RK_INS_YES,
    RK_INS_NO,
    RK_INS_ABORT, /* also the end of the input */
};
/* Asks on out, reads from in, until one of the words was given. */
enum rk_ins_answer rk_ins_ask(struct rk_ins_tool *t, const char *question);

/* Something that whoever made a file could not know, for hash tables. */
uint64_t rk_ins_seed(void);

/* The tools themselves. */
enum rk_ins_exit rk_ins_log_run(struct rk_ins_tool *t, int argc, char **argv);
enum rk_ins_exit rk_ins_snapshot_run(struct rk_ins_tool *t, int argc, char **argv);

#endif
