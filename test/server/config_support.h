/* Loads configurations for tests and looks into what came of them. */
#ifndef RK_TEST_SERVER_CONFIG_SUPPORT_H
#define RK_TEST_SERVER_CONFIG_SUPPORT_H

#include "server/config.h"

struct loaded {
    struct rk_mem mem;
    struct rk_server_config config;
    enum rk_config_action action;
    enum rk_err err;
};

/* A zoo.cfg's text, after definitions (NULL-terminated; may be NULL). */
void load_text(struct loaded *l, const char *const *definitions, const char *text);
/* The same over a dataDir and a clientPort that are fine. */
void load_valid(struct loaded *l, const char *text);
/* main's arguments behind the program's name, NULL-terminated. */
void load_args(struct loaded *l, const char *const *args);
void unload(struct loaded *l); /* asserts that no memory is left */

/* Is there a message of this level that holds all of this text? */
bool says(const struct loaded *l, enum rk_log_level level, const char *text);
/* Fails, with all messages, unless there is. */
void expect_says(const struct loaded *l, enum rk_log_level level, const char *text);
/* Fails, with all messages, if there is any of this level. */
void expect_none(const struct loaded *l, enum rk_log_level level);

#endif
