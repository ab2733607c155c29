/* The command line: Apache's forms (`zoo.cfg`, or `clientPort dataDir [tickTime
 * [maxClientCnxns]]`), the -D properties a JVM would have got, and our own options. Without a
 * configuration the server is one to try things with, reachable from this machine only. Also prints
 * what was understood. ZK: ZooKeeperServerMain, ServerConfig.parse(String[]). */
#include "server/config_int.h"

#include "base/num.h"

#include <string.h>

#define POSITIONAL_MAX 4

struct args {
    const char *positional[POSITIONAL_MAX];
    int count;
    bool is_bad;
};

/* True if it was an option. */
static bool take_option(struct rk_server_config *config, const char *arg,
                        enum rk_config_action *action)
{
    if (strcmp(arg, "--check-config") == 0) {
        *action = RK_CONFIG_CHECK;
    } else if (strcmp(arg, "--version") == 0) {
        *action = RK_CONFIG_VERSION;
    } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        *action = RK_CONFIG_HELP;
    } else if (strncmp(arg, "-X", 2) == 0) {
        rk_config_say(config, RK_LEVEL_INFO, NULL, "%s is ignored: there is no JVM", arg);
    } else {
        return false;
    }
    return true;
}

static void take_args(struct rk_server_config *config, int argc, char **argv, struct args *args,
                      enum rk_config_action *action)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-D") == 0 && i + 1 < argc) {
            rk_config_define(config, argv[++i]);
        } else if (strncmp(argv[i], "-D", 2) == 0) {
            rk_config_define(config, argv[i] + 2);
        } else if (take_option(config, argv[i], action)) {
            continue;
        } else if (argv[i][0] == '-' || args->count == POSITIONAL_MAX) {
            rk_config_say(config, RK_LEVEL_ERROR, NULL,
                          "%s is no argument that is known; see --help", argv[i]);
            args->is_bad = true;
        } else {
            args->positional[args->count++] = argv[i];
        }
    }
}

/* clientPort dataDir [tickTime [maxClientCnxns]], over what -D said, as in Apache. */
static void set_positional(struct rk_server_config *config, const struct args *args)
{
    static const enum rk_key_id ids[POSITIONAL_MAX] = {RK_KEY_client_port, RK_KEY_data_dir,
                                                       RK_KEY_tick_time, RK_KEY_max_client_cnxns};
    struct rk_config_place place = {NULL, 0};
    for (int i = 0; i < args->count; i++) {
        rk_config_set(config, ids[i], rk_key_of(ids[i])->name,
                      rk_config_trim(config, args->positional[i]), place);
    }
}

static void set_presets(struct rk_server_config *config)
{
    rk_config_preset(config, RK_KEY_client_port_address, "127.0.0.1");
    rk_config_preset(config, RK_KEY_client_port, "2181");
    rk_config_preset(config, RK_KEY_data_dir, "./rookery-data");
    rk_config_preset(config, RK_KEY_tick_time, "2000");
}

enum rk_err rk_config_load_args(struct rk_server_config *config, int argc, char **argv,
                                enum rk_config_action *ret_action)
{
    struct args args = {.count = 0};
    *ret_action = RK_CONFIG_RUN;
    take_args(config, argc, argv, &args, ret_action);
    if (*ret_action == RK_CONFIG_HELP || *ret_action == RK_CONFIG_VERSION) {
        return RK_OK;
    }
    if (args.is_bad) {
        return RK_ERR_INVALID;
    }
    if (args.count == 1) {
        rk_config_read_file(config, args.positional[0]);
        if (config->file == NULL) {
            return RK_ERR_INVALID; /* unreadable: what else is missing would only hide that */
        }
    } else if (args.count > 1) {
        set_positional(config, &args);
    } else {
        set_presets(config);
    }
    return rk_config_finish(config);
}

/* -- Printing
 * --------------------------------------------------------------------------------------- */

static const char *level_text(enum rk_log_level level)
{
    switch (level) {
    case RK_LEVEL_ERROR:
        return "error";
    case RK_LEVEL_WARN:
        return "warning";
    default:
        return "note";
    }
}

static void print_value(const struct rk_server_config *config, enum rk_key_id id, FILE *out)
{
    const struct rk_config_setting *s = &config->settings[id];
    const struct rk_key *key = rk_key_of(id);
    char text[256];
    if (s->text != NULL) {
        bool is_secret = (key->flags & RK_KEY_SECRET) != 0;
        (void)rk_log_escape(text, sizeof(text), rk_bytes_str(is_secret ? "(hidden)" : s->text));
    } else if (key->kind == RK_KIND_TEXT) {
        text[0] = '\0';
    } else if (key->kind == RK_KIND_BOOL || key->kind == RK_KIND_YES_NO) {
        bool is_bool = key->kind == RK_KIND_BOOL;
        (void)snprintf(text, sizeof(text), "%s",
                       s->number != 0 ? (is_bool ? "true" : "yes") : (is_bool ? "false" : "no"));
    } else if (key->kind == RK_KIND_PPM || key->kind == RK_KIND_FACTOR) {
        (void)snprintf(text, sizeof(text), "%lld.%06lld", (long long)(s->number / 1000000),
                       (long long)(s->number % 1000000));
    } else {
        (void)snprintf(text, sizeof(text), "%lld", (long long)s->number);
    }
    (void)fprintf(out, "%s=%s", key->name, text);
}

void rk_config_print_messages(const struct rk_server_config *config, FILE *out)
{
    for (uint32_t i = 0; i < config->message_count; i++) {
        char text[RK_LOG_LINE_MAX];
        (void)rk_log_escape(text, sizeof(text), rk_bytes_str(config->messages[i].text));
        (void)fprintf(out, "%s: %s\n", level_text(config->messages[i].level), text);
    }
}

void rk_config_print(const struct rk_server_config *config, FILE *out)
{
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        const struct rk_config_setting *s = &config->settings[id];
        print_value(config, id, out);
        if (s->text == NULL || s->is_preset) {
            (void)fprintf(out, "  # default\n");
        } else if (s->file == NULL) {
            (void)fprintf(out, "  # command line\n");
        } else {
            (void)fprintf(out, "  # %s:%u\n", s->file, (unsigned)s->line);
        }
    }
    rk_config_print_ensemble(config, out);
    (void)fprintf(out, "# %s\n",
                  config->error_count == 0 ? "the server would start with this"
                                           : "the server would not start with this");
}

void rk_config_print_help(FILE *out)
{
    (void)fprintf(
        out,
        "usage: rookery-server [-Dname=value]... [--check-config] [zoo.cfg]\n"
        "       rookery-server [-Dname=value]... clientPort dataDir [tickTime [maxClientCnxns]]\n"
        "\n"
        "Without a configuration: 127.0.0.1:2181, data in ./rookery-data.\n"
        "\n"
        "  -Dname=value    a property as a JVM would get it: -Dzookeeper.snapCount=10000,\n"
        "                  -Djute.maxbuffer=4194304; any key of zoo.cfg may come like this\n"
        "  --check-config  say what the configuration means and what is wrong with it, then end\n"
        "  --version       print the version\n"
        "  --help          print this\n"
        "\n"
        "Exit status: 0 stopped in order, 1 unexpected, 2 bad arguments or configuration, 3 data\n"
        "directory inaccessible or in use, 10 writing to disk failed, 14 election port taken.\n");
}
