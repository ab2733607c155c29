/* What a server is told: an unmodified zoo.cfg, -Dzookeeper.key=value as a JVM would get it, and
 * the argument forms of Apache's ZooKeeperServerMain. The result is ready for the core, the shell,
 * the store and the four-letter words. Nothing is logged here: messages are collected, and whoever
 * asked prints them. */
#ifndef RK_SERVER_CONFIG_H
#define RK_SERVER_CONFIG_H

#include "admin/admin.h"
#include "server/config_keys.h"
#include "shell/shell.h"

#include <stdio.h>

/* Exit status of a start that fails for the configuration. ZK: ExitCode.INVALID_INVOCATION */
#define RK_EXIT_CONFIG 2

struct rk_config_message {
    enum rk_log_level level; /* RK_LEVEL_ERROR: no start */
    const char *text;        /* "zoo.cfg:12: ..." */
};

/* Where a key's value came from. */
struct rk_config_setting {
    const char *text; /* as given; NULL: not given, the default holds */
    int64_t number;
    const char *name; /* as spelled there */
    const char *file; /* NULL: command line, if given */
    uint32_t line;
    bool is_preset; /* by the start without arguments */
};

enum rk_config_action {
    RK_CONFIG_RUN,
    RK_CONFIG_CHECK,   /* --check-config: print what was understood and end */
    RK_CONFIG_VERSION, /* --version */
    RK_CONFIG_HELP,    /* --help */
};

#define RK_LISTEN_MAX 16u

struct rk_server_config {
    struct rk_mem *mem;
    struct rk_arena arena; /* everything below that is a pointer */

    struct rk_core_config core;   /* but seed and clock_ms, which are the program's to fill in */
    struct rk_shell_config shell; /* but wal.nonce */
    struct rk_recover_options recover;
    struct rk_admin_config admin;
    const char *data_dir;     /* as given */
    const char *data_log_dir; /* NULL: the same */
    bool datadir_autocreate;
    enum rk_log_level log_level;
    const char *file; /* zoo.cfg; NULL: none */
    /* Of a member of an ensemble, also in core.ensemble (but may_initialize, which the program
     * fills in); NULL: standalone. */
    struct rk_ensemble_config *ensemble;

    struct rk_config_message *messages;
    uint32_t message_count, message_cap;
    uint32_t error_count;

    /* -- while loading -- */
    struct rk_config_setting settings[RK_KEY_COUNT];
    struct rk_shell_listen listen[RK_LISTEN_MAX];
    uint32_t providers;               /* authProvider.*: bits of enum rk_config_provider */
    struct rk_config_member *members; /* server.N lines */
    uint32_t member_count, member_cap;
    uint32_t bad_member_count;      /* those that could not be read */
    struct rk_config_share *shares; /* group.G and weight.S lines */
    uint32_t share_count, share_cap;
    struct rk_config_other *others; /* keys not honoured that concern members of an ensemble only */
    uint32_t other_count, other_cap;
    const struct rk_config_member *self; /* the line that myid names */
};

void rk_server_config_init(struct rk_server_config *config, struct rk_mem *mem);
/* Accepts one that failed to load. */
void rk_server_config_deinit(struct rk_server_config *config);

/* All of main's arguments, and the file they name if it is to be run or checked. RK_ERR_INVALID:
 * config->messages say why and *ret_action is RK_CONFIG_RUN or RK_CONFIG_CHECK, whichever was asked
 * for; the start ends with RK_EXIT_CONFIG. */
enum rk_err rk_config_load_args(struct rk_server_config *config, int argc, char **argv,
                                enum rk_config_action *ret_action) RK_MUST_CHECK;
/* -Dname=value, to be given before the file. */
void rk_config_define(struct rk_server_config *config, const char *definition);
/* A zoo.cfg by its name, or its text under a name. Then rk_config_finish. */
void rk_config_read_file(struct rk_server_config *config, const char *file);
void rk_config_read_text(struct rk_server_config *config, const char *file, struct rk_bytes text);
/* Checks and derives everything. RK_ERR_INVALID if any error was found so far. */
enum rk_err rk_config_finish(struct rk_server_config *config) RK_MUST_CHECK;

/* For --check-config: what was said, then every key with its value and where it came from. */
void rk_config_print_messages(const struct rk_server_config *config, FILE *out);
void rk_config_print(const struct rk_server_config *config, FILE *out);
void rk_config_print_help(FILE *out);

#endif
