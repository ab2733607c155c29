/* Texts to typed values. */
#ifndef RK_RECIPES_CONFIG_INT_H
#define RK_RECIPES_CONFIG_INT_H

#include <rookery/recipes_cache.h>

/* What stands for no fallback. */
const char *rk_config_empty(enum rk_config_type type);
/* Fills integer, real, boolean as the type wants. False: the text does not suit. */
bool rk_config_parse(const struct rk_config_key *key, const char *text,
                     struct rk_config_value *value);

#endif
