/* Verbs, help, questions. Guarantees that a tool does nothing but what one of its verbs was asked
 * for, and that a question is answered by a person's yes or not at all. */
#include "inspect/tool.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

void rk_ins_complain(struct rk_ins_tool *t, const char *format, ...)
{
    va_list args;
    /* What was found so far stands before what is said about it, where both go to one terminal. */
    (void)fflush(t->out);
    (void)fprintf(t->err, "%s: ", t->name);
    va_start(args, format);
    (void)vfprintf(t->err, format, args);
    va_end(args);
    (void)fputc('\n', t->err);
}

enum rk_ins_exit rk_ins_cannot(struct rk_ins_tool *t, const char *what, const char *path,
                               enum rk_err err)
{
    rk_ins_complain(t, "%s cannot be %s: %s", path, what, rk_err_text(err));
    return err == RK_ERR_CORRUPT ? RK_INS_DAMAGED : RK_INS_IO;
}

/* Of a line that is longer than the buffer the rest is no answer to the next question. */
static bool read_line(FILE *in, char line[64])
{
    if (fgets(line, 64, in) == NULL) {
        return false;
    }
    int c = strchr(line, '\n') != NULL ? '\n' : 0;
    while (c != '\n' && c != EOF) {
        c = fgetc(in);
    }
    return true;
}

enum rk_ins_answer rk_ins_ask(struct rk_ins_tool *t, const char *question)
{
    char line[64];
    for (;;) {
        (void)fputs(question, t->out);
        (void)fflush(t->out);
        if (!read_line(t->in, line)) {
            (void)fputc('\n', t->out);
            return RK_INS_ABORT;
        }
        const char *at = line;
        while (isspace((unsigned char)*at)) {
            at++;
        }
        switch (*at) {
        case 'y':
        case 'Y':
            return RK_INS_YES;
        case 'n':
        case 'N':
            return RK_INS_NO;
        case 'a':
        case 'A':
            return RK_INS_ABORT;
        default:
            break;
        }
    }
}

static void print_verbs(struct rk_ins_tool *t, const struct rk_ins_verb *verbs, size_t count,
                        const char *about, FILE *to)
{
    (void)fprintf(to, "usage: %s VERB [options] ...\n\n%s\n", t->name, about);
    for (size_t i = 0; i < count; i++) {
        const char *end = strchr(verbs[i].help, '\n');
        (void)fprintf(to, "  %-14s %.*s\n", verbs[i].name, (int)(end - verbs[i].help),
                      verbs[i].help);
    }
    (void)fprintf(to,
                  "\n%s VERB --help tells more. Exit status: 0 done or sound, 1 differs or "
                  "nothing found, 2 bad invocation,\n3 cannot be read or written, 4 damaged, "
                  "5 transactions are missing, 6 refused.\n",
                  t->name);
}

static void print_verb(struct rk_ins_tool *t, const struct rk_ins_verb *verb)
{
    (void)fprintf(t->out, "usage: %s %s %s\n\n%s", t->name, verb->name, verb->usage, verb->help);
}

static const struct rk_ins_verb *find_verb(const struct rk_ins_verb *verbs, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 || strcmp(arg, "-help") == 0;
}

static enum rk_ins_exit run_verb(struct rk_ins_tool *t, const struct rk_ins_verb *verb, int argc,
                                 char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            print_verb(t, verb);
            return RK_INS_OK;
        }
    }
    return verb->run(t, argc, argv);
}

bool rk_ins_tool_run(struct rk_ins_tool *t, const struct rk_ins_verb *verbs, size_t count,
                     const char *about, int argc, char **argv, enum rk_ins_exit *ret_status)
{
    const char *first = argc > 1 ? argv[1] : "";
    const struct rk_ins_verb *verb = find_verb(verbs, count, first);
    if (verb != NULL) {
        *ret_status = run_verb(t, verb, argc - 1, argv + 1);
        return true;
    }
    bool wants_help = is_help(first) || strcmp(first, "help") == 0;
    if (wants_help && argc > 2) {
        verb = find_verb(verbs, count, argv[2]);
    }
    if (verb != NULL) {
        print_verb(t, verb);
        *ret_status = RK_INS_OK;
        return true;
    }
    if (argc < 2 || wants_help) {
        print_verbs(t, verbs, count, about, argc < 2 ? t->err : t->out);
        *ret_status = argc < 2 ? RK_INS_USAGE : RK_INS_OK;
        return true;
    }
    return false;
}

uint64_t rk_ins_seed(void)
{
    uint64_t seed = 0;
    (void)getrandom(&seed, sizeof(seed), GRND_NONBLOCK); /* without it the tables are only slower */
    return seed;
}

int rk_ins_tool_finish(struct rk_ins_tool *t, enum rk_ins_exit status)
{
    bool is_lost = fflush(t->out) != 0 || ferror(t->out) != 0;
    if (is_lost && (status == RK_INS_OK || status == RK_INS_DIFFERS)) {
        rk_ins_complain(t, "the output could not be written");
        return RK_INS_IO;
    }
    return (int)status;
}
