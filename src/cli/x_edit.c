/* edit: a value in $EDITOR, set only if nobody else set it meanwhile. */
#include "cli/call.h"
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EDITED_BYTES_MAX = 64 << 20 };

struct edit {
    struct rk_cli *cli;
    const char *path;
    char *file;
    struct rk_cli_value value; /* as it was read */
    int version;
};

static const char *editor(void)
{
    const char *names[] = {"VISUAL", "EDITOR"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return "vi";
}

static bool write_file(struct edit *e)
{
    const char *folder = getenv("TMPDIR");
    /* mkostemp makes it readable for its owner alone. */
    e->file = rk_x_format("%s/rookery-edit-XXXXXX", folder != NULL ? folder : "/tmp");
    int fd = mkostemp(e->file, O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool is_good = file != NULL;
    if (is_good && e->value.bytes > 0)
        is_good = fwrite(e->value.data, (size_t)e->value.bytes, 1, file) == 1;
    if (file != NULL)
        is_good = fclose(file) == 0 && is_good;
    if (!is_good)
        (void)rk_cli_error(e->cli, "cannot write %s: %s", e->file, strerror(errno));
    return is_good;
}

static bool read_file(struct edit *e, struct rk_x_text *text)
{
    FILE *file = fopen(e->file, "re");
    bool is_good = file != NULL;
    char buffer[4096];
    while (is_good && text->bytes <= EDITED_BYTES_MAX) {
        size_t n = fread(buffer, 1, sizeof buffer, file);
        rk_x_text_add(text, buffer, n);
        if (n < sizeof buffer)
            break;
    }
    if (file == NULL || ferror(file)) {
        (void)rk_cli_error(e->cli, "cannot read %s: %s", e->file, strerror(errno));
        is_good = false;
    }
    if (file != NULL)
        (void)fclose(file); /* was only read */
    if (is_good && text->bytes > EDITED_BYTES_MAX) {
        (void)rk_cli_error(e->cli, "%s has become too large", e->file);
        is_good = false;
    }
    return is_good;
}

/* Editors put a line end behind the last line; a value that had none gets none. */
static void drop_added_newline(const struct edit *e, struct rk_x_text *text)
{
    const struct rk_cli_value *v = &e->value;
    bool had = v->bytes > 0 && v->data[v->bytes - 1] == '\n';
    if (!had && text->bytes > 0 && text->at[text->bytes - 1] == '\n')
        text->at[--text->bytes] = '\0';
}

static int run_editor(struct edit *e)
{
    /* $EDITOR may have arguments: the shell takes it apart. */
    char *command = rk_x_format("%s \"$1\"", editor());
    char shell[] = "/bin/sh", flag[] = "-c", name[] = "sh";
    char *argv[] = {shell, flag, command, name, e->file, NULL};
    int status = rk_cli_spawn(e->cli, argv);
    free(command);
    if (status == 0)
        return RK_CLI_OK;
    if (status > 0)
        (void)rk_cli_error(e->cli, "the editor ended with %d, nothing was set", status);
    return RK_CLI_FAILED;
}

enum answer { ANSWER_OVERWRITE, ANSWER_EDIT, ANSWER_QUIT };

static enum answer ask(struct edit *e, const char *rule)
{
    if (strcmp(rule, "overwrite") == 0)
        return ANSWER_OVERWRITE;
    if (strcmp(rule, "fail") == 0)
        return ANSWER_QUIT;
    FILE *terminal = isatty(STDIN_FILENO) ? fopen("/dev/tty", "r+e") : NULL;
    if (terminal == NULL)
        return ANSWER_QUIT;
    enum answer answer = ANSWER_QUIT;
    char line[64];
    for (int tries = 0; tries < 3; tries++) {
        (void)fprintf(terminal,
                      "%s was changed by somebody else meanwhile.\n"
                      "[o]verwrite it, [e]dit the new value, [q]uit and keep the file? ",
                      e->path);
        (void)fflush(terminal);
        if (fgets(line, sizeof line, terminal) == NULL)
            break;
        const char *letter = strchr("oeq", line[0]);
        if (letter == NULL || *letter == '\0')
            continue;
        answer = *letter == 'o' ? ANSWER_OVERWRITE : *letter == 'e' ? ANSWER_EDIT : ANSWER_QUIT;
        break;
    }
    (void)fclose(terminal); /* nothing of it is waited for */
    return answer;
}

static int read_value(struct edit *e)
{
    struct Stat stat;
    rk_cli_value_free(&e->value);
    int rc = rk_cli_get(e->cli, NULL, e->path, false, &e->value, &stat);
    if (rc != ZOK)
        return rk_cli_fail(e->cli, rc, e->path);
    e->version = stat.version;
    return RK_CLI_OK;
}

static void report(struct edit *e, bool is_changed, int version)
{
    if (rk_cli_is_json(e->cli))
        rk_cli_emit(e->cli, json_pack("{s:o, s:b, s:i}", "path", rk_cli_json_text(e->path),
                                      "changed", is_changed, "version", version));
    else if (is_changed)
        rk_cli_print(e->cli, "set, version %d\n", version);
    else
        rk_cli_print(e->cli, "not changed\n");
}

static void drop_file(struct edit *e)
{
    if (e->file != NULL)
        (void)unlink(e->file); /* of no more use, wherever it went */
    free(e->file);
    e->file = NULL;
}

static int keep_file(struct edit *e, int status)
{
    rk_cli_note(e->cli, "what you wrote is in %s\n", e->file);
    free(e->file);
    e->file = NULL;
    return status;
}

/* One value, one run of the editor, as many attempts to set it as are asked for. *ret_again: the
 * value that is there now is to be edited. */
static int edit_once(struct edit *e, const char *rule, bool *ret_again)
{
    *ret_again = false;
    int status = read_value(e);
    if (status != RK_CLI_OK)
        return status;
    if (!write_file(e) || run_editor(e) != RK_CLI_OK)
        return RK_CLI_FAILED;
    struct rk_x_text text = {0};
    if (!read_file(e, &text)) {
        rk_x_text_free(&text);
        return keep_file(e, RK_CLI_FAILED);
    }
    drop_added_newline(e, &text);
    bool is_same = e->value.bytes <= 0 ? text.bytes == 0
                                       : text.bytes == (size_t)e->value.bytes &&
                                             memcmp(text.at, e->value.data, text.bytes) == 0;
    struct Stat stat = {.version = e->version};
    int rc = is_same ? ZOK
                     : rk_cli_set(e->cli, NULL, e->path, text.at != NULL ? text.at : "",
                                  (int)text.bytes, e->version, &stat);
    enum answer answer = ANSWER_QUIT;
    if (rc == ZBADVERSION) {
        answer = ask(e, rule);
        if (answer == ANSWER_OVERWRITE)
            rc = rk_cli_set(e->cli, NULL, e->path, text.at != NULL ? text.at : "", (int)text.bytes,
                            -1, &stat);
    }
    rk_x_text_free(&text);
    if (rc == ZOK) {
        report(e, !is_same, stat.version);
        drop_file(e);
        return RK_CLI_OK;
    }
    *ret_again = rc == ZBADVERSION && answer == ANSWER_EDIT;
    return keep_file(e, *ret_again ? RK_CLI_OK : rk_cli_fail(e->cli, rc, e->path));
}

static int run_edit(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct edit e = {.cli = cli, .path = rk_cli_arg(args, 0)};
    const char *rule = rk_cli_flag(args, "on-conflict", "ask");
    if (strcmp(rule, "ask") != 0 && strcmp(rule, "overwrite") != 0 && strcmp(rule, "fail") != 0)
        return rk_cli_misuse(cli, "-on-conflict takes ask, overwrite or fail");
    bool is_again = true;
    int status = RK_CLI_OK;
    while (is_again)
        status = edit_once(&e, rule, &is_again);
    drop_file(&e);
    rk_cli_value_free(&e.value);
    return status;
}

static const struct rk_cli_flag edit_flags[] = {
    {"on-conflict", "rule", "when it was changed meanwhile: ask (default), overwrite or fail",
     RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_edit = {
    .name = "edit",
    .usage = "[-on-conflict rule] path",
    .summary = "edit the data of a node in $VISUAL or $EDITOR",
    .help =
        "The value is set with the version that was read. If somebody else changed it meanwhile, "
        "you are "
        "asked on the terminal; without one nothing is set and your text stays in the file that is "
        "named. Leave the text as it is, or end the editor with an error, to set nothing.",
    .flags = edit_flags,
    .args = "p",
    .args_min = 1,
    .args_max = 1,
    .run = run_edit,
};
