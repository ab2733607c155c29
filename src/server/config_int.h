/* What the files of the configuration share. */
#ifndef RK_SERVER_CONFIG_INT_H
#define RK_SERVER_CONFIG_INT_H

#include "server/config.h"

/* Classes of authProvider.* that mean something here. */
enum rk_config_provider {
    RK_PROVIDER_SASL = 1,
    RK_PROVIDER_X509 = 2,
    RK_PROVIDER_DIGEST = 4,
    RK_PROVIDER_ENSEMBLE = 8,
};

/* Where something was given, for messages. */
struct rk_config_place {
    const char *file; /* NULL: the command line */
    uint32_t line;
};

/* One server.N line. */
struct rk_config_member {
    int64_t sid;
    struct rk_config_place place;
    bool is_observer;
    bool has_client;         /* it tells the client address, too */
    const char *client_host; /* "": any */
    uint16_t client_port;
};

/* -- config.c: messages and settings
 * --------------------------------------------------------------- */

/* Collects a line; with a place "zoo.cfg:12: " or "-D: " stands before it. */
void rk_config_say(struct rk_server_config *config, enum rk_log_level level,
                   const struct rk_config_place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
char *rk_config_dup(struct rk_server_config *config, const char *text, size_t len);
/* Without the characters Java's String.trim takes off. */
char *rk_config_trim(struct rk_server_config *config, const char *text);
bool rk_config_is_given(const struct rk_server_config *config, enum rk_key_id id);
struct rk_config_place rk_config_place_of(const struct rk_server_config *config, enum rk_key_id id);
int64_t rk_config_number(const struct rk_server_config *config, enum rk_key_id id);
const char *rk_config_text(const struct rk_server_config *config,
                           enum rk_key_id id); /* NULL: not given */
/* What the start without a zoo.cfg sets; anything given replaces it. */
void rk_config_preset(struct rk_server_config *config, enum rk_key_id id, const char *text);
/* One honoured key; says what is wrong with it. */
void rk_config_set(struct rk_server_config *config, enum rk_key_id id, const char *name,
                   const char *value, struct rk_config_place place);

/* -- config_servers.c
 * ------------------------------------------------------------------------------- */

/* A server.N, group or weight line of zoo.cfg or of the dynamic file. */
void rk_config_add_member(struct rk_server_config *config, const char *name, const char *value,
                          struct rk_config_place place);
/* Reads the dynamic file if one is named, and decides whether this is a standalone server. */
void rk_config_check_members(struct rk_server_config *config);
/* The line of the server that data_dir/myid names; NULL if there is none. */
const struct rk_config_member *rk_config_self(struct rk_server_config *config);

/* -- config_file.c
 * ---------------------------------------------------------------------------------- */

/* Whole content in the arena; false: said. */
bool rk_config_slurp(struct rk_server_config *config, const char *file, struct rk_bytes *ret);

/* -- config_derive.c
 * -------------------------------------------------------------------------------- */

void rk_config_derive(struct rk_server_config *config);
/* config_auth.c: who may log in how. */
void rk_config_derive_auth(struct rk_server_config *config);
void rk_config_add_provider(struct rk_server_config *config, const char *name, const char *value,
                            struct rk_config_place place);

#endif
