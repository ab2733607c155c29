/* Options, environment, --auth-file and -client-configuration. ZK: ZooKeeperMain.MyCommandOptions,
 * whose options have one hyphen; with us one or two. */
#include "cli/start.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LINE_MAX 8192

/* In the order of enum option. */
const struct rk_cli_start_option rk_cli_start_options[] = {
    {"server", NULL, "hosts",
     "servers and chroot: a:2181,[::1]:2182/app (ROOKERY_SERVER; localhost:2181)"},
    {"timeout", NULL, "ms", "timeout of the session (30000)"},
    {"r", "readonly", NULL, "go on with a server that has no quorum: reads only"},
    {"waitforconnection", NULL, NULL, "wait for a connection as long as the session's timeout"},
    {"wait", NULL, "ms", "how long a command waits for a connection (5000)"},
    {"request-timeout", NULL, "ms", "over it a request counts as lost (the session's timeout)"},
    {"client-configuration", NULL, "file", "settings of ZooKeeper's client, as properties"},
    {"auth", NULL, "scheme:auth", "log in: digest:user:password; may be given again"},
    {"auth-file", NULL, "file",
     "logins, one a line, as for --auth (ROOKERY_AUTH: the same as text)"},
    {"c", "command", "commands", "run these, separated by ; or line ends; may be given again"},
    {"e", "fail-fast", NULL, "end a script with its first error"},
    {"json", NULL, NULL, "print results as JSON, one object a line"},
    {"color", "colour", NULL, "colours though this is no terminal"},
    {"no-color", "no-colour", NULL, "no colours (NO_COLOR)"},
    {"zkcli", NULL, NULL, "print and end exactly as zkCli.sh does; so does the name zkCli.sh"},
    {"debug", NULL, NULL, "log of the client library on stderr"},
    {"completion", NULL, "shell", "print the completion script for bash, zsh or fish"},
    {"man", NULL, NULL, "print the manual page"},
    {"h", "help", NULL, "this"},
    {"V", "version", NULL, "print the version"},
    {NULL, NULL, NULL, NULL},
};
enum option {
    OPT_SERVER,
    OPT_TIMEOUT,
    OPT_READ_ONLY,
    OPT_WAIT_FOR_CONNECTION,
    OPT_WAIT,
    OPT_REQUEST_TIMEOUT,
    OPT_CLIENT_CONFIGURATION,
    OPT_AUTH,
    OPT_AUTH_FILE,
    OPT_COMMAND,
    OPT_FAIL_FAST,
    OPT_JSON,
    OPT_COLOR,
    OPT_NO_COLOR,
    OPT_ZKCLI,
    OPT_DEBUG,
    OPT_COMPLETION,
    OPT_MAN,
    OPT_HELP,
    OPT_VERSION
};
_Static_assert(sizeof rk_cli_start_options / sizeof rk_cli_start_options[0] == OPT_VERSION + 2,
               "the table and the enum go together");

/* -- Logins -------------------------------------------------------------------------------------
 */

static bool add_auth(struct rk_cli_start *start, const char *text)
{
    struct rk_cli_auth *a = &start->auths[start->auth_count];
    const char *colon = strchr(text, ':');

    if (!colon || colon == text) {
        /* Not what it was: it may be a password. */
        fprintf(stderr,
                "rookery-cli: a login has the form scheme:auth, such as digest:user:password\n");
        return false;
    }
    if (start->auth_count == RK_CLI_AUTHS_MAX) {
        fprintf(stderr, "rookery-cli: more than %d logins\n", RK_CLI_AUTHS_MAX);
        return false;
    }
    a->scheme = strndup(text, (size_t)(colon - text));
    a->auth = strdup(colon + 1);
    if (!a->scheme || !a->auth) {
        free(a->scheme);
        free(a->auth);
        fprintf(stderr, "rookery-cli: out of memory\n");
        return false;
    }
    a->bytes = (int)strnlen(colon + 1, INT32_MAX);
    start->auth_count++;
    return true;
}

/* Lines of logins; blank ones and those that begin with # are skipped. */
static bool add_auths(struct rk_cli_start *start, const char *text)
{
    while (*text) {
        size_t bytes = strcspn(text, "\n");
        char *line = strndup(text, bytes);
        bool is_fine = line != NULL;
        if (line && bytes > 0 && line[bytes - 1] == '\r')
            line[bytes - 1] = 0;
        if (line && line[0] && line[0] != '#')
            is_fine = add_auth(start, line);
        if (line)
            explicit_bzero(line, strlen(line));
        free(line);
        if (!is_fine)
            return false;
        text += bytes + (text[bytes] == '\n');
    }
    return true;
}

static bool read_auth_file(struct rk_cli_start *start, const char *name)
{
    FILE *file = fopen(name, "re");
    char line[FILE_LINE_MAX];
    struct stat about;
    bool is_fine = true;

    if (!file) {
        fprintf(stderr, "rookery-cli: %s: %s\n", name, strerror(errno));
        return false;
    }
    if (fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077))
        fprintf(stderr, "rookery-cli: %s can be read by others: chmod 600 %s\n", name, name);
    while (is_fine && fgets(line, sizeof line, file))
        is_fine = add_auths(start, line);
    explicit_bzero(line, sizeof line);
    if (ferror(file)) {
        fprintf(stderr, "rookery-cli: %s: %s\n", name, strerror(errno));
        is_fine = false;
    }
    fclose(file);
    return is_fine;
}

/* -- Client configuration -----------------------------------------------------------------------
 */

/* ZK: ZKClientConfig. Keys of SASL and of its sockets are for the security issue or mean nothing
 * here. */
static bool take_setting(struct rk_cli_start *start, const char *file, const char *key,
                         const char *value)
{
    static const char *const without_meaning[] = {
        "zookeeper.sasl.",
        "zookeeper.server.",
        "zookeeper.clientCnxnSocket",
        "zookeeper.kinit",
        "zookeeper.disableAutoWatchReset",
        "zookeeper.ssl.",
        "zookeeper.shuffleDnsResponse",
        "zookeeper.hostProvider.",
    };
    int64_t number;

    if (strcmp(key, "zookeeper.request.timeout") == 0) {
        if (!rk_cli_number(value, 0, INT32_MAX, &number)) {
            fprintf(stderr, "rookery-cli: %s: %s is no number of milliseconds\n", file, key);
            return false;
        }
        start->options.request_ms = (int)number;
        return true;
    }
    if (strcmp(key, "zookeeper.client.secure") == 0 && strcasecmp(value, "true") == 0) {
        fprintf(stderr, "rookery-cli: %s: %s: this version has no TLS\n", file, key);
        return false;
    }
    if (strncmp(key, "zookeeper.", 10) != 0 || strcmp(key, "zookeeper.client.secure") == 0)
        return true;
    for (size_t i = 0; i < sizeof without_meaning / sizeof without_meaning[0]; i++)
        if (strncmp(key, without_meaning[i], strlen(without_meaning[i])) == 0)
            return true;
    fprintf(stderr, "rookery-cli: %s: unknown key %s\n", file, key);
    return true;
}

static bool read_settings(struct rk_cli_start *start, const char *name)
{
    FILE *file = fopen(name, "re");
    char line[FILE_LINE_MAX];
    bool is_fine = true;

    if (!file) {
        fprintf(stderr, "rookery-cli: %s: %s\n", name, strerror(errno));
        return false;
    }
    while (is_fine && fgets(line, sizeof line, file)) {
        char *key = line + strspn(line, " \t\f");
        size_t key_bytes = strcspn(key, "=: \t\f\r\n");
        char *value = key + key_bytes;
        size_t end;
        if (*key == '#' || *key == '!' || key_bytes == 0)
            continue;
        value += strspn(value, " \t\f=:");
        end = strcspn(value, "\r\n");
        while (end > 0 && value[end - 1] == ' ')
            end--;
        value[end] = 0;
        key[key_bytes] = 0;
        is_fine = take_setting(start, name, key, value);
    }
    fclose(file);
    return is_fine;
}

/* -- Options ------------------------------------------------------------------------------------
 */

static bool is_named(const char *word, size_t bytes, int hyphens, const char *name)
{
    return name && strlen(name) == bytes && memcmp(word, name, bytes) == 0 &&
           (bytes > 1 || hyphens == 1);
}

/* The option that a word names, and its value behind a =; -1: none. */
static int find_option(const char *word, const char **ret_value)
{
    int hyphens = word[1] == '-' ? 2 : 1;
    const char *name = word + hyphens;
    size_t bytes = strcspn(name, "=");

    *ret_value = name[bytes] ? name + bytes + 1 : NULL;
    for (int i = 0; rk_cli_start_options[i].name; i++)
        if (is_named(name, bytes, hyphens, rk_cli_start_options[i].name) ||
            is_named(name, bytes, hyphens, rk_cli_start_options[i].other))
            return i;
    return -1;
}

static bool take_number(const char *name, const char *value, int *ret)
{
    int64_t number;

    if (!rk_cli_number(value, 0, INT32_MAX, &number)) {
        fprintf(stderr, "rookery-cli: -%s %s: not a number of milliseconds\n", name, value);
        return false;
    }
    *ret = (int)number;
    return true;
}

static bool take_switch(struct rk_cli_start *start, enum option option)
{
    struct rk_cli_options *o = &start->options;

    switch (option) {
    case OPT_READ_ONLY:
        o->is_read_only = true;
        break;
    case OPT_FAIL_FAST:
        o->is_fail_fast = true;
        break;
    case OPT_JSON:
        o->is_json = true;
        break;
    case OPT_COLOR:
    case OPT_NO_COLOR:
        start->has_colour = true;
        start->is_colour = option == OPT_COLOR;
        break;
    case OPT_ZKCLI:
        o->is_zkcli = true;
        break;
    case OPT_DEBUG:
        o->is_debug = true;
        break;
    case OPT_MAN:
        start->wants_man = true;
        break;
    case OPT_HELP:
        start->wants_help = true;
        break;
    case OPT_VERSION:
        start->wants_version = true;
        break;
    default: /* OPT_WAIT_FOR_CONNECTION: when the timeout is known */
        o->wait_ms = -1;
        break;
    }
    return true;
}

static bool take_option(struct rk_cli_start *start, enum option option, char *value)
{
    struct rk_cli_options *o = &start->options;
    bool is_fine;

    switch (option) {
    case OPT_SERVER:
        o->server = value;
        return true;
    case OPT_TIMEOUT:
        return take_number("timeout", value, &o->timeout_ms);
    case OPT_WAIT:
        return take_number("wait", value, &o->wait_ms);
    case OPT_REQUEST_TIMEOUT:
        return take_number("request-timeout", value, &o->request_ms);
    case OPT_CLIENT_CONFIGURATION:
        return read_settings(start, value);
    case OPT_AUTH:
        is_fine = add_auth(start, value);
        memset(value, 'x', strlen(value)); /* other users may read the list of processes */
        return is_fine;
    case OPT_AUTH_FILE:
        return read_auth_file(start, value);
    case OPT_COMMAND:
        start->texts[start->text_count++] = value;
        return true;
    case OPT_COMPLETION:
        start->completion = value;
        return true;
    default:
        return take_switch(start, option);
    }
}

/* Options, up to the first word that is none. */
static bool parse_options(struct rk_cli_start *start, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *inline_value;
        int option = find_option(argv[i], &inline_value);
        char *value = (char *)inline_value;
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (option < 0 || (inline_value && !rk_cli_start_options[option].value)) {
            fprintf(stderr, "rookery-cli: unknown option %s (--help lists them)\n", argv[i]);
            return false;
        }
        if (rk_cli_start_options[option].value && !value) {
            if (i + 1 == argc) {
                fprintf(stderr, "Error: no argument found for option %s\n", argv[i]);
                return false;
            }
            value = argv[++i];
        }
        if (!take_option(start, (enum option)option, value))
            return false;
    }
    start->words = argv + i;
    start->word_count = argc - i;
    return true;
}

static bool is_zkcli_name(const char *program)
{
    const char *slash = strrchr(program, '/');
    return strncmp(slash ? slash + 1 : program, "zkCli", 5) == 0;
}

int rk_cli_start_parse(struct rk_cli_start *start, int argc, char **argv)
{
    struct rk_cli_options *o = &start->options;
    const char *env_server = getenv("ROOKERY_SERVER");
    const char *env_auth = getenv("ROOKERY_AUTH");
    const char *no_colour = getenv("NO_COLOR");
    bool is_tty = isatty(STDOUT_FILENO);

    memset(start, 0, sizeof *start);
    o->server = env_server && *env_server ? env_server : "localhost:2181";
    o->timeout_ms = 30000;
    o->wait_ms = 5000;
    o->is_zkcli = argc > 0 && is_zkcli_name(argv[0]);
    start->texts = calloc((size_t)argc + 1, sizeof *start->texts);
    if (!start->texts)
        return RK_CLI_FAILED;
    if (env_auth && !add_auths(start, env_auth))
        return RK_CLI_USAGE;
    if (!parse_options(start, argc, argv))
        return RK_CLI_USAGE;
    if (start->word_count > 0 && start->text_count > 0) {
        fprintf(stderr, "rookery-cli: a command beside -c: %s\n", start->words[0]);
        return RK_CLI_USAGE;
    }
    if (o->timeout_ms == 0)
        o->timeout_ms = 30000;
    if (o->wait_ms < 0)
        o->wait_ms = o->timeout_ms;
    o->is_interactive =
        start->word_count == 0 && start->text_count == 0 && is_tty && isatty(STDIN_FILENO);
    o->is_colour = start->has_colour ? start->is_colour : is_tty && !(no_colour && *no_colour);
    return 0;
}

void rk_cli_start_free(struct rk_cli_start *start)
{
    for (int i = 0; i < start->auth_count; i++) {
        explicit_bzero(start->auths[i].auth, (size_t)start->auths[i].bytes);
        free(start->auths[i].auth);
        free(start->auths[i].scheme);
    }
    free(start->texts);
}

void rk_cli_start_auths(struct rk_cli *cli, const struct rk_cli_start *start)
{
    for (int i = 0; i < start->auth_count; i++)
        (void)rk_cli_keep_auth(cli, start->auths[i].scheme, start->auths[i].auth,
                               start->auths[i].bytes); /* there is room for as many */
}
