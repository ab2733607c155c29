/* txn: lines of a file as one transaction. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_MAX = 100000, PATH_ROOM = 1024, SEQUENCE_BYTES = 11 };

enum op_kind { OP_CHECK, OP_CREATE, OP_SET, OP_DELETE };
static const char *const op_names[] = {"check", "create", "set", "delete"};

struct op {
    enum op_kind kind;
    int64_t line;
    struct rk_cli_words words; /* what the rest points into */
    const char *path, *data;
    int version, mode;
    struct ACL_vector acl;
    bool has_acl;
    char *created; /* the path as the server made it */
    size_t created_room;
    struct Stat stat;
};

struct txn {
    struct rk_cli *cli;
    const char *name; /* of the file */
    struct op *ops;
    int count, room;
};

static void free_txn(struct txn *t)
{
    for (int i = 0; i < t->count; i++) {
        rk_cli_words_free(&t->ops[i].words);
        if (t->ops[i].has_acl)
            (void)deallocate_ACL_vector(&t->ops[i].acl);
        free(t->ops[i].created);
    }
    free(t->ops);
}

/* -- A line -> an operation */

static bool take_flag(struct op *op, const char *flag, const char *value, int *ret_used)
{
    *ret_used = 1;
    if (op->kind == OP_CREATE) {
        if (strcmp(flag, "-e") == 0)
            op->mode |= 1;
        else if (strcmp(flag, "-s") == 0)
            op->mode |= 2;
        else if (strcmp(flag, "-c") == 0)
            op->mode |= 4;
        else
            return false;
        return op->mode <= 4;
    }
    int64_t version;
    if (strcmp(flag, "-v") != 0 || value == NULL || !rk_cli_number(value, -1, INT32_MAX, &version))
        return false;
    op->version = (int)version;
    *ret_used = 2;
    return true;
}

static const char *take_arguments(struct txn *t, struct op *op, char **words, int count)
{
    static const int most[] = {[OP_CHECK] = 1, [OP_CREATE] = 3, [OP_SET] = 2, [OP_DELETE] = 1};
    int least = op->kind == OP_SET ? 2 : 1;
    if (count < least)
        return op->kind == OP_SET ? "set needs a path and data" : "a path is missing";
    if (count > most[op->kind])
        return "there are too many words: quote data with spaces in them";
    op->path = words[0];
    op->data = count > 1 ? words[1] : NULL;
    if (op->kind == OP_CREATE && count == 3) {
        op->has_acl = rk_cli_parse_acl(t->cli, words[2], &op->acl);
        if (!op->has_acl || op->acl.count == 0)
            return "the ACL is malformed";
    }
    /* A sequential node may end in a slash: its name is the number alone. */
    return op->mode == 2 || op->mode == 3 ? NULL : rk_x_path_wrong(op->path);
}

/* NULL, or what is wrong. */
static const char *parse_op(struct txn *t, struct op *op)
{
    char **words = op->words.list;
    int count = op->words.count, at = 1;
    size_t kind = 0;
    while (kind < 4 && strcmp(words[0], op_names[kind]) != 0)
        kind++;
    if (kind == 4)
        return "a line starts with check, create, set or delete";
    op->kind = (enum op_kind)kind;
    op->version = -1;
    while (at < count && words[at][0] == '-' && words[at][1] != '\0') {
        int used;
        if (!take_flag(op, words[at], at + 1 < count ? words[at + 1] : NULL, &used))
            return "a flag is not known here, or lacks its number";
        at += used;
    }
    return take_arguments(t, op, words + at, count - at);
}

/* True: go on. */
static bool add_line(struct txn *t, const char *line, int64_t number)
{
    const char *text = line + strspn(line, " \t");
    if (*text == '\0' || *text == '#')
        return true;
    const char *wrong = t->count >= OPS_MAX ? "there are too many lines" : NULL;
    struct op op = {.line = number};
    if (wrong == NULL && !rk_cli_split(text, &op.words))
        wrong = "out of memory";
    if (wrong == NULL && op.words.count > 0) {
        if (t->count == t->room) {
            t->room = t->room * 2 + 16;
            t->ops = rk_x_resize(t->ops, (size_t)t->room * sizeof *t->ops);
        }
        t->ops[t->count++] = op;
        wrong = parse_op(t, &t->ops[t->count - 1]);
    }
    if (wrong != NULL)
        (void)rk_cli_misuse(t->cli, "%s, line %" PRId64 ": %s", t->name, number, wrong);
    return wrong == NULL;
}

static bool read_lines(struct txn *t, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    bool is_good = true;
    ssize_t bytes;
    for (int64_t number = 1; is_good && (bytes = getline(&line, &room, file)) >= 0; number++) {
        if (bytes > 0 && line[bytes - 1] == '\n')
            line[bytes - 1] = '\0';
        is_good = add_line(t, line, number);
    }
    if (is_good && ferror(file)) {
        (void)rk_cli_error(t->cli, "cannot read %s: %s", t->name, strerror(errno));
        is_good = false;
    }
    free(line);
    return is_good;
}

/* -- Carrying it out */

static void init_op(zoo_op_t *ret, struct op *op)
{
    int bytes = op->data != NULL ? (int)strlen(op->data) : -1;
    if (op->kind == OP_CHECK) {
        zoo_check_op_init(ret, op->path, op->version);
    } else if (op->kind == OP_SET) {
        zoo_set_op_init(ret, op->path, op->data, bytes, op->version, &op->stat);
    } else if (op->kind == OP_DELETE) {
        zoo_delete_op_init(ret, op->path, op->version);
    } else {
        op->created_room = strlen(op->path) + SEQUENCE_BYTES + PATH_ROOM;
        op->created = rk_x_alloc(op->created_room);
        zoo_create_op_init(ret, op->path, op->data, bytes,
                           op->has_acl ? &op->acl : &ZOO_OPEN_ACL_UNSAFE, op->mode, op->created,
                           (int)op->created_room);
    }
}

static void show_result(struct txn *t, const struct op *op, int err)
{
    const char *name = err == ZOK ? "OK" : rk_cli_error_name(err);
    const char *path = err == ZOK && op->kind == OP_CREATE ? op->created : op->path;
    if (rk_cli_is_json(t->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "op", json_string(op_names[op->kind]));
        (void)json_object_set_new(object, "path", rk_cli_json_text(path));
        (void)json_object_set_new(object, "result", json_string(name));
        if (err == ZOK && op->kind == OP_SET)
            (void)json_object_set_new(object, "stat", rk_cli_json_stat(&op->stat));
        rk_cli_emit(t->cli, object);
        return;
    }
    rk_cli_paint(t->cli, err == ZOK ? RK_CLI_GREEN : RK_CLI_RED, "%s", name);
    rk_cli_print(t->cli, " %s ", op_names[op->kind]);
    rk_cli_put_name(t->cli, path);
    if (err == ZOK && op->kind == OP_SET)
        rk_cli_print(t->cli, " version %d", op->stat.version);
    rk_cli_print(t->cli, "\n");
}

static void show_failure(struct txn *t, const zoo_op_result_t *results)
{
    int failed = rk_cli_multi_failed(t->count, results);
    for (int i = 0; i < t->count; i++)
        show_result(t, &t->ops[i], i == failed ? results[i].err : ZRUNTIMEINCONSISTENCY);
    rk_cli_note(t->cli, "line %" PRId64 " failed, nothing was done\n", t->ops[failed].line);
}

static int carry_out(struct txn *t, bool *ret_is_unanswered)
{
    zoo_op_t *ops = rk_x_alloc((size_t)t->count * sizeof *ops);
    zoo_op_result_t *results = rk_x_alloc((size_t)t->count * sizeof *results);
    for (int i = 0; i < t->count; i++)
        init_op(&ops[i], &t->ops[i]);
    int rc = rk_cli_multi(t->cli, NULL, t->count, ops, results);
    *ret_is_unanswered = rk_cli_is_unanswered(rc);
    if (*ret_is_unanswered)
        return rk_cli_fail(t->cli, rc, NULL); /* the answer still goes into all of it */
    int status = RK_CLI_OK;
    if (rc == ZOK)
        for (int i = 0; i < t->count; i++)
            show_result(t, &t->ops[i], ZOK);
    else if (rk_cli_exit_of(rc) != RK_CLI_NOT_CONNECTED &&
             rk_cli_multi_failed(t->count, results) < t->count) {
        show_failure(t, results);
        status = rk_cli_exit_of(rc);
    } else
        status = rk_cli_fail(t->cli, rc, NULL);
    free(ops);
    free(results);
    return status;
}

static int run_txn(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *name = rk_cli_arg(args, 0) != NULL ? rk_cli_arg(args, 0) : "-";
    bool is_stdin = strcmp(name, "-") == 0;
    struct txn t = {.cli = cli, .name = is_stdin ? "standard input" : name};
    FILE *file = is_stdin ? stdin : fopen(name, "re");
    if (file == NULL)
        return rk_cli_error(cli, "cannot read %s: %s", name, strerror(errno));
    bool is_read = read_lines(&t, file), is_unanswered = false;
    if (!is_stdin)
        (void)fclose(file); /* was only read */
    int status = RK_CLI_USAGE;
    if (is_read && t.count == 0)
        (void)rk_cli_misuse(cli, "%s has no operations", t.name);
    else if (is_read)
        status = carry_out(&t, &is_unanswered);
    if (!is_unanswered)
        free_txn(&t);
    return status;
}

const struct rk_cli_command rk_cli_cmd_txn = {
    .name = "txn",
    .usage = "[file]",
    .summary = "carry out the lines of a file as one transaction",
    .help =
        "Lines are `check [-v version] path`, `create [-e] [-s] [-c] path [data [acl]]`, `set [-v "
        "version] "
        "path data`, `delete [-v version] path`, with quotes as in the shell; empty ones and those "
        "that "
        "start with # are passed over. Without a file, or with -, they come from standard input. "
        "All are done or none; the result of each is printed.",
    .args = "f",
    .args_min = 0,
    .args_max = 1,
    .run = run_txn,
};
