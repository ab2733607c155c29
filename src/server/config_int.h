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
    struct rk_member member;
    struct rk_config_place place;
};

/* One group.G or weight.S line. */
struct rk_config_share {
    bool is_weight;
    int64_t number;
    const char *value;
    struct rk_config_place place;
};

/* A key of RK_OTHER_MEMBER_*, kept until it is known whether this is a member. */
struct rk_config_other {
    const struct rk_other_key *key;
    const char *name;
    struct rk_config_place place;
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

/* Room for one more behind count items of an array in the arena; *cap grows. */
void *rk_config_grow(struct rk_server_config *config, void *items, uint32_t count, uint32_t *cap,
                     size_t item_bytes);

/* -- config_servers.c
 * ------------------------------------------------------------------------------- */

/* A server.N, group.G or weight.S line of zoo.cfg or of the dynamic file. */
void rk_config_add_member(struct rk_server_config *config, const char *name, const char *value,
                          struct rk_config_place place);
/* Reads the dynamic file if one is named, decides whether this is a standalone server (then
 * config->ensemble stays NULL), and which line of the list is its own. */
void rk_config_check_members(struct rk_server_config *config);

/* -- config_ensemble.c
 * ------------------------------------------------------------------------------ */

/* Names the keys that a standalone server does not use, or those that a member should have. */
void rk_config_tell_others(struct rk_server_config *config);
void rk_config_derive_ensemble(struct rk_server_config *config);
void rk_config_print_ensemble(const struct rk_server_config *config, FILE *out);

/* -- config_file.c
 * ---------------------------------------------------------------------------------- */

/* Whole content in the arena; false: said. */
bool rk_config_slurp(struct rk_server_config *config, const char *file, struct rk_bytes *ret);

/* -- config_derive.c
 * -------------------------------------------------------------------------------- */

/* "0.0.0.0" or "::": every address of the machine. */
bool rk_config_is_wildcard(const char *address);
void rk_config_derive(struct rk_server_config *config);
/* config_auth.c: who may log in how. */
void rk_config_derive_auth(struct rk_server_config *config);
void rk_config_add_provider(struct rk_server_config *config, const char *name, const char *value,
                            struct rk_config_place place);

#endif
