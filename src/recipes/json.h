/* As much JSON as a service needs: to check a value and to walk the members of an object, without
 * recursion and without building anything; and to write strings. Input is hostile until parsed. */
#ifndef RK_RECIPES_JSON_H
#define RK_RECIPES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RK_JSON_DEPTH_MAX 64 /* of nested arrays and objects */

struct rk_json {
    const char *at;
    const char *end;
};

/* A value as it stands in the text. */
struct rk_json_value {
    const char *text;
    size_t bytes;
};

/* One whole value, space around it allowed, nothing else. */
bool rk_json_is_value(const char *text, size_t bytes);
/* To behind the brace of an object. */
bool rk_json_open(struct rk_json *json);
/* The next member. False at the end (*ret_is_end) or malformed. The key is still escaped. */
bool rk_json_member(struct rk_json *json, struct rk_json_value *ret_key,
                    struct rk_json_value *ret_value, bool *ret_is_end);
/* *ret_text malloced. False: no string, or no memory. UTF-16 pairs become UTF-8; one half of a pair
 * or a 0 inside is malformed. */
bool rk_json_string(struct rk_json_value value, char **ret_text);
bool rk_json_integer(struct rk_json_value value, int64_t *ret_number);
bool rk_json_is(struct rk_json_value value, const char *word); /* true, false, null, a key */

/* Growing text. is_failed sticks. */
struct rk_text {
    char *data;
    size_t bytes;
    size_t room;
    bool is_failed;
};
void rk_text_add(struct rk_text *text, const char *plain);
void rk_text_add_string(struct rk_text *text, const char *string); /* quoted; NULL: null */
void rk_text_add_integer(struct rk_text *text, int64_t number);

#endif
