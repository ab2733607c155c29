/* What Tab may put in: names of commands, their flags, paths of nodes, files. For the shell's own
 * lines and for the completion scripts of other shells. */
#include "cli/start.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 2000

void rk_cli_candidates_free(struct rk_cli_candidates *c)
{
    for (int i = 0; i < c->count; i++)
        free(c->list[i]);
    free(c->list);
    memset(c, 0, sizeof *c);
}

bool rk_cli_add_candidate(struct rk_cli_candidates *c, const char *word)
{
    if (c->count == c->room) {
        int room = c->room ? c->room * 2 : 64;
        char **list = realloc(c->list, (size_t)room * sizeof *list);
        if (!list)
            return false;
        c->list = list;
        c->room = room;
    }
    c->list[c->count] = strdup(word);
    return c->list[c->count] ? ++c->count > 0 : false;
}

size_t rk_cli_common_bytes(const struct rk_cli_candidates *c)
{
    size_t bytes = c->count > 0 ? strlen(c->list[0]) : 0;

    for (int i = 1; i < c->count; i++) {
        size_t same = 0;
        while (same < bytes && c->list[i][same] == c->list[0][same])
            same++;
        bytes = same;
    }
    /* Not within a character. */
    while (bytes > 0 && c->count > 1 && ((unsigned char)c->list[0][bytes] & 0xc0) == 0x80)
        bytes--;
    return bytes;
}

static bool add_if(struct rk_cli_candidates *c, const char *partial, const char *word)
{
    return strncmp(word, partial, strlen(partial)) != 0 || rk_cli_add_candidate(c, word);
}

static bool add_commands(struct rk_cli_candidates *c, const char *partial)
{
    bool is_fine = true;

    for (const struct rk_cli_command *const *at = rk_cli_commands(); is_fine && *at; at++)
        is_fine = add_if(c, partial, (*at)->name);
    return is_fine;
}

static bool add_flags(struct rk_cli_candidates *c, const struct rk_cli_command *command,
                      const char *partial)
{
    bool is_fine = true;

    for (const struct rk_cli_flag *f = command->flags; is_fine && f && f->name; f++) {
        char word[64];
        snprintf(word, sizeof word, "%s%s", partial[0] && partial[1] == '-' ? "--" : "-", f->name);
        is_fine = add_if(c, partial, word);
    }
    return is_fine;
}

/* A child whose name a line cannot hold, quoted or not, is left out. */
static bool is_typable(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f || *name == '"')
            return false;
    return true;
}

static bool add_children(struct rk_cli *cli, struct rk_cli_candidates *c, const char *partial)
{
    const char *slash = strrchr(partial, '/');
    size_t dir_bytes = slash ? (size_t)(slash - partial) : 0;
    char *dir = slash == partial ? strdup("/") : strndup(partial, dir_bytes);
    struct String_vector names = {0, NULL};
    struct Stat stat;
    char buffer[300];
    bool is_fine = dir != NULL;
    int rc = ZNONODE;

    c->is_path = true;
    if (slash && is_fine && !rk_cli_path_problem(dir, false, buffer, sizeof buffer))
        rc = rk_cli_exists(cli, NULL, dir, false, &stat);
    if (rc == ZOK && stat.numChildren > RK_CLI_CANDIDATES_MAX)
        c->left_out = stat.numChildren;
    else if (rc == ZOK && stat.numChildren > 0)
        rc = rk_cli_children(cli, NULL, dir, false, &names, NULL);
    for (int32_t i = 0; rc == ZOK && is_fine && i < names.count; i++) {
        char *path = is_typable(names.data[i]) ? rk_cli_join(dir, names.data[i]) : NULL;
        is_fine = !path || add_if(c, partial, path);
        free(path);
    }
    deallocate_String_vector(&names);
    free(dir);
    return is_fine;
}

static bool add_files(struct rk_cli_candidates *c, const char *partial)
{
    const char *slash = strrchr(partial, '/');
    size_t dir_bytes = slash ? (size_t)(slash - partial) + 1 : 0;
    char *dir_name = dir_bytes ? strndup(partial, dir_bytes) : strdup(".");
    DIR *dir = dir_name ? opendir(dir_name) : NULL;
    bool is_fine = dir_name != NULL;
    struct dirent *entry;

    c->is_path = true;
    while (is_fine && dir && c->count < RK_CLI_CANDIDATES_MAX && (entry = readdir(dir))) {
        char *path;
        if ((entry->d_name[0] == '.' && partial[dir_bytes] != '.') || !is_typable(entry->d_name))
            continue;
        if (asprintf(&path, "%.*s%s%s", (int)dir_bytes, partial, entry->d_name,
                     entry->d_type == DT_DIR ? "/" : "") < 0)
            is_fine = false;
        else {
            is_fine = add_if(c, partial, path);
            free(path);
        }
    }
    if (dir)
        closedir(dir);
    free(dir_name);
    return is_fine;
}

static bool add_kind(struct rk_cli *cli, struct rk_cli_candidates *c, enum rk_cli_kind kind,
                     const char *partial)
{
    switch (kind) {
    case RK_CLI_PATH:
    case RK_CLI_PLACE:
        if (cli->zh && partial[0] == '/')
            return add_children(cli, c, partial);
        return partial[0] || rk_cli_add_candidate(c, "/");
    case RK_CLI_FILE:
        return add_files(c, partial);
    case RK_CLI_COMMAND_NAME:
        return add_commands(c, partial);
    case RK_CLI_ON_OFF:
        return add_if(c, partial, "off") && add_if(c, partial, "on");
    case RK_CLI_WATCH_MODE:
        return add_if(c, partial, "PERSISTENT") && add_if(c, partial, "PERSISTENT_RECURSIVE");
    default:
        return true;
    }
}

/* The flag that the word before the last one asks a value for. */
static const struct rk_cli_flag *open_flag(const struct rk_cli_command *command, const char *word)
{
    const char *name = word + strspn(word, "-");

    if (word[0] != '-')
        return NULL;
    for (const struct rk_cli_flag *f = command->flags; f && f->name; f++)
        if (f->value && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* words[count] is the partial one. */
static bool complete_in(struct rk_cli *cli, int count, char *const *words, const char *partial,
                        struct rk_cli_candidates *ret)
{
    const struct rk_cli_command *command = count > 0 ? rk_cli_find(words[0]) : NULL;
    const struct rk_cli_flag *open = NULL;
    int arg = 0;
    bool is_fine = true;

    if (count == 0)
        is_fine = add_commands(ret, partial);
    for (int i = 1; command && i < count; i++) {
        if (open)
            open = NULL;
        else if (words[i][0] == '-' && words[i][1] && !(command->traits & RK_CLI_UNPARSED))
            open = open_flag(command, words[i]);
        else
            arg++;
    }
    if (open)
        is_fine = add_kind(cli, ret, open->kind, partial);
    else if (command && partial[0] == '-')
        is_fine = add_flags(ret, command, partial);
    else if (command)
        is_fine = add_kind(cli, ret, rk_cli_kind_of(command, arg), partial);
    if (ret->count > 0)
        qsort(ret->list, (size_t)ret->count, sizeof *ret->list, by_bytes);
    return is_fine;
}

/* Where the last word begins: behind the last blank that is not in quotes. */
static const char *last_word(const char *line)
{
    const char *word = line;
    char quote = 0;

    for (const char *at = line; *at; at++) {
        if (quote) {
            if (*at == quote)
                quote = 0;
        } else if ((*at == '"' || *at == '\'') && at == word) {
            quote = *at;
        } else if (*at == ' ' || *at == '\t') {
            word = at + 1;
        }
    }
    return word;
}

bool rk_cli_complete(struct rk_cli *cli, const char *line, struct rk_cli_candidates *ret)
{
    struct rk_cli_words words;
    const char *partial = last_word(line);
    char *head = strndup(line, (size_t)(partial - line));
    int request_ms = cli->options.request_ms;
    bool is_fine;

    memset(ret, 0, sizeof *ret);
    ret->partial = partial;
    if (!head || !rk_cli_split(head, &words)) {
        free(head);
        return false;
    }
    if (*partial == '"' || *partial == '\'')
        partial++;
    cli->options.request_ms = ASK_MS;
    is_fine = complete_in(cli, words.count, words.list, partial, ret);
    cli->options.request_ms = request_ms;
    rk_cli_words_free(&words);
    free(head);
    if (!is_fine)
        rk_cli_candidates_free(ret);
    return is_fine;
}

/* -- For other shells ---------------------------------------------------------------------------
 */

static bool add_start_options(struct rk_cli_candidates *c, const char *partial)
{
    bool is_fine = true;

    for (const struct rk_cli_start_option *o = rk_cli_start_options; is_fine && o->name; o++) {
        char word[64];
        snprintf(word, sizeof word, "%s%s",
                 partial[0] && partial[1] == '-' && o->name[1] ? "--" : "-", o->name);
        is_fine = add_if(c, partial, word);
    }
    return is_fine;
}

/* Words of rookery-cli itself that come before the command. */
static int skip_options(int count, char **words)
{
    int i = 0;

    for (; i < count && words[i][0] == '-'; i++) {
        const char *name = words[i] + strspn(words[i], "-");
        for (const struct rk_cli_start_option *o = rk_cli_start_options; o->name; o++)
            if (o->value &&
                (strcmp(o->name, name) == 0 || (o->other && strcmp(o->other, name) == 0)))
                i++;
    }
    return i;
}

int rk_cli_complete_words(struct rk_cli *cli, int count, char **words,
                          struct rk_cli_candidates *ret)
{
    char *partial = count > 0 ? words[count - 1] : (char *)"";
    int before = count > 0 ? count - 1 : 0;
    int first = skip_options(before, words);
    struct rk_cli_start start;
    char *name = (char *)"rookery-cli";
    char **argv;
    int code;

    memset(ret, 0, sizeof *ret);
    if (first > before) /* the value of an option */
        return RK_CLI_OK;
    if (first == before && partial[0] == '-')
        return add_start_options(ret, partial) ? RK_CLI_OK : RK_CLI_FAILED;
    argv = calloc((size_t)first + 2, sizeof *argv);
    if (!argv)
        return RK_CLI_FAILED;
    argv[0] = name;
    memcpy(argv + 1, words, (size_t)first * sizeof *argv);
    code = rk_cli_start_parse(&start, first + 1, argv);
    free(argv);
    if (code == 0 && !rk_cli_init(cli, &start.options))
        code = RK_CLI_FAILED;
    if (code == 0) {
        rk_cli_start_auths(cli, &start);
        cli->options.wait_ms = cli->options.request_ms = ASK_MS / 2;
        if (partial[0] == '/' && rk_cli_connect(cli))
            (void)rk_cli_need_connection(cli);
        if (!complete_in(cli, before - first, words + first, partial, ret))
            code = RK_CLI_FAILED;
        rk_cli_deinit(cli);
    }
    rk_cli_start_free(&start);
    return code;
}
