/* Words and flags. Lines are taken apart as zkCli does it (ZK: ZooKeeperMain.MyCommandOptions,
 * ARGS_PATTERN), flags as DefaultParser of commons-cli 1.5 does, which zkCli hands the words to;
 * its messages are used too. Beyond it, names of several letters may have two hyphens and "=value".
 */
#include "cli/cli_int.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- Words --------------------------------------------------------------------------------------
 */

/* Java's \s. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t blanks(const char *at)
{
    size_t n = 0;
    while (is_blank(at[n]))
        n++;
    return n;
}

/* What \s*([^"']\S*|"[^"]*"|'[^']*')\s* finds at or behind `at`: the word without its quotes, and
 * where to go on. A quote that is not closed is no quote: what follows it is found as a word of its
 * own, or together with the blank before it, which is how the pattern backtracks. NULL: no more
 * words. */
static const char *next_word(const char *at, size_t *ret_bytes, const char **ret_rest)
{
    for (; *at; at++) {
        size_t skipped = blanks(at);
        const char *begin = at + skipped;
        const char *end = begin;
        const char *close = NULL;

        if (*begin == '"' || *begin == '\'')
            close = strchr(begin + 1, *begin);
        if (close) {
            *ret_bytes = (size_t)(close - begin) - 1;
            *ret_rest = close + 1 + blanks(close + 1);
            return begin + 1;
        }
        while (*end && !is_blank(*end))
            end++;
        if (!*begin || *begin == '"' || *begin == '\'') {
            if (skipped == 0)
                continue;
            begin--;
        }
        *ret_bytes = (size_t)(end - begin);
        *ret_rest = end + blanks(end);
        return begin;
    }
    return NULL;
}

void rk_cli_words_free(struct rk_cli_words *words)
{
    for (int i = 0; i < words->count; i++)
        free(words->list[i]);
    free(words->list);
    words->list = NULL;
    words->count = 0;
}

/* Not strndup: checkers of strings look for the end of the whole line each time. */
static char *copy_word(const char *word, size_t bytes)
{
    char *copy = malloc(bytes + 1);
    if (copy) {
        memcpy(copy, word, bytes);
        copy[bytes] = 0;
    }
    return copy;
}

bool rk_cli_split(const char *line, struct rk_cli_words *ret)
{
    struct rk_cli_words words = {NULL, 0};
    int room = 0;
    size_t bytes;
    const char *word;

    do {
        if (words.count + 1 >= room) {
            int wanted = room ? room * 2 : 16;
            char **list = realloc(words.list, (size_t)wanted * sizeof *list);
            if (!list)
                goto no_memory;
            words.list = list;
            room = wanted;
        }
        word = next_word(line, &bytes, &line);
        words.list[words.count] = word ? copy_word(word, bytes) : NULL;
        if (word && !words.list[words.count])
            goto no_memory;
        if (word)
            words.count++;
    } while (word);
    *ret = words;
    return true;

no_memory:
    rk_cli_words_free(&words);
    return false;
}

size_t rk_cli_command_end(const char *text)
{
    char quote = 0;
    size_t i;

    for (i = 0; text[i] && (text[i] != '\n' || quote); i++) {
        if (quote) {
            if (text[i] == quote)
                quote = 0;
        } else if ((text[i] == '"' || text[i] == '\'') && (i == 0 || is_blank(text[i - 1]))) {
            quote = strchr(text + i + 1, text[i]) ? text[i] : (char)0;
        } else if (text[i] == ';') {
            break;
        }
    }
    return i;
}

/* -- Flags --------------------------------------------------------------------------------------
 */

struct parser {
    const struct rk_cli_command *command;
    struct rk_cli_args *ret;
    int open; /* the flag that waits for its value, -1 none */
    char *problem;
    size_t problem_bytes;
};

static int find_flag(const struct rk_cli_command *command, const char *name, size_t bytes)
{
    for (int i = 0; command->flags && command->flags[i].name; i++)
        if (strlen(command->flags[i].name) == bytes &&
            memcmp(command->flags[i].name, name, bytes) == 0)
            return i;
    return -1;
}

/* A value may look like a flag only if it is a number. */
static bool is_value(const struct rk_cli_command *command, const char *word)
{
    const char *name = word + 1;
    char *end;

    if (word[0] != '-' || !word[1])
        return true;
    errno = 0;
    (void)strtod(word, &end);
    if (end != word && *end == 0 && !isalpha((unsigned char)word[1]))
        return true;
    if (*name == '-')
        name++;
    return find_flag(command, name, strcspn(name, "=")) < 0 && find_flag(command, name, 1) < 0;
}

static bool complain(struct parser *p, const char *what, const char *which)
{
    snprintf(p->problem, p->problem_bytes, "%s%.200s", what, which);
    return false;
}

static bool is_waiting(struct parser *p)
{
    if (p->open < 0)
        return false;
    complain(p, "Missing argument for option: ", p->command->flags[p->open].name);
    return true;
}

static bool give_flag(struct parser *p, int at)
{
    const struct rk_cli_flag *flags = p->command->flags;

    if (is_waiting(p))
        return false;
    for (int i = 0; flags[at].group && flags[i].name; i++) {
        if (i != at && flags[i].group == flags[at].group && p->ret->flags[i]) {
            snprintf(p->problem, p->problem_bytes,
                     "The option '%s' was specified but an option from this group has already been"
                     " selected: '%s'",
                     flags[at].name, flags[i].name);
            return false;
        }
    }
    if (flags[at].value)
        p->open = at;
    else
        p->ret->flags[at] = "";
    return true;
}

/* The first value of a flag counts, as getOptionValue has it. */
static void give_value(struct parser *p, const char *value)
{
    if (!p->ret->flags[p->open])
        p->ret->flags[p->open] = value;
    p->open = -1;
}

/* -sw, -v3 */
static bool take_letters(struct parser *p, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        int flag = find_flag(p->command, at, 1);
        if (flag < 0)
            return complain(p, "Unrecognized option: ", word);
        if (!give_flag(p, flag))
            return false;
        if (p->open >= 0 && at[1]) {
            give_value(p, at + 1);
            return true;
        }
    }
    return true;
}

static bool take_flag(struct parser *p, const char *word)
{
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t bytes = strcspn(name, "=");
    int flag = find_flag(p->command, name, bytes);

    if (is_long && bytes < 2) /* --s: commons-cli has no long names of one letter */
        return complain(p, "Unrecognized option: ", word);
    if (flag >= 0 && !name[bytes])
        return give_flag(p, flag);
    if (flag >= 0 && p->command->flags[flag].value) {
        if (!give_flag(p, flag))
            return false;
        give_value(p, name + bytes + 1);
        return true;
    }
    if (is_long || name[bytes])
        return complain(p, "Unrecognized option: ", word);
    return take_letters(p, word);
}

static bool check_groups(struct parser *p)
{
    const struct rk_cli_flag *flags = p->command->flags;
    const char *between = "";
    size_t used;

    if (!(p->command->traits & RK_CLI_GROUP_NEEDED))
        return true;
    for (int i = 0; flags[i].name; i++)
        if (flags[i].group && p->ret->flags[i])
            return true;
    used = (size_t)snprintf(p->problem, p->problem_bytes, "Missing required option: [");
    for (int i = 0; flags[i].name && used < p->problem_bytes; i++) {
        if (!flags[i].group)
            continue;
        used += (size_t)snprintf(p->problem + used, p->problem_bytes - used, "%s-%s %s", between,
                                 flags[i].name, flags[i].help);
        between = ", ";
    }
    if (used < p->problem_bytes)
        snprintf(p->problem + used, p->problem_bytes - used, "]");
    return false;
}

bool rk_cli_parse_args(const struct rk_cli_command *command, int count, char **words,
                       const char **values, struct rk_cli_args *ret, char *problem,
                       size_t problem_bytes)
{
    struct parser p = {command, ret, -1, problem, problem_bytes};
    bool is_flags = !(command->traits & RK_CLI_UNPARSED);

    memset(ret, 0, sizeof *ret);
    ret->command = command;
    ret->values = values;
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        if (is_flags && strcmp(word, "--") == 0) {
            is_flags = false;
        } else if (is_flags && p.open >= 0 && is_value(command, word)) {
            give_value(&p, word);
        } else if (is_flags && word[0] == '-' && word[1]) {
            if (!take_flag(&p, word))
                return false;
        } else {
            values[ret->count++] = word;
        }
    }
    values[ret->count] = NULL;
    return !is_waiting(&p) && check_groups(&p);
}

/* -- For commands -------------------------------------------------------------------------------
 */

bool rk_cli_has(const struct rk_cli_args *args, const char *flag)
{
    return rk_cli_flag(args, flag, NULL) != NULL;
}

const char *rk_cli_flag(const struct rk_cli_args *args, const char *flag, const char *fallback)
{
    int at = find_flag(args->command, flag, strlen(flag));
    return at >= 0 && args->flags[at] ? args->flags[at] : fallback;
}

const char *rk_cli_arg(const struct rk_cli_args *args, int i)
{
    return i >= 0 && i < args->count ? args->values[i] : NULL;
}

bool rk_cli_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || is_blank(*text) || value < min || value > max)
        return false;
    *ret = value;
    return true;
}

bool rk_cli_flag_number(struct rk_cli *cli, const struct rk_cli_args *args, const char *flag,
                        int64_t min, int64_t max, int64_t fallback, int64_t *ret)
{
    const char *text = rk_cli_flag(args, flag, NULL);

    if (!text) {
        *ret = fallback;
        return true;
    }
    if (rk_cli_number(text, min, max, ret))
        return true;
    rk_cli_misuse(cli, "-%s %.80s: not a number from %lld to %lld", flag, text, (long long)min,
                  (long long)max);
    return false;
}
