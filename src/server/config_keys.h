/* Names of keys: those that this server honours (config_table.h), and those of Apache's that it
 * does not, each with the reason why. */
#ifndef RK_SERVER_CONFIG_KEYS_H
#define RK_SERVER_CONFIG_KEYS_H

#include "base/assert.h"
#include "server/config_table.h"

struct rk_key {
    const char *name;
    const char *doc_name; /* NULL: the same */
    enum rk_key_kind kind;
    uint32_t flags;
    int64_t min, max;
    int64_t preset;
};

const struct rk_key *rk_key_of(enum rk_key_id id);
/* By either of its names; RK_KEY_COUNT if it is none of these. */
enum rk_key_id rk_key_find(const char *name);
/* The value of a text as the key wants it. False: it is none. Texts give 0. */
bool rk_key_parse(const struct rk_key *key, const char *text, int64_t *ret_value);
/* What the key accepts, for an error message: "a whole number from 0 to 65535". */
void rk_key_form(const struct rk_key *key, char *out, size_t cap);

/* -- keys of Apache's that this server does not honour
 * ---------------------------------------------- */

enum rk_other_why {
    RK_OTHER_LATER,  /* not supported yet */
    RK_OTHER_NO_USE, /* nothing here to which it could apply */
    /* The same in an ensemble; a standalone Apache does not use it either. */
    RK_OTHER_MEMBER_LATER,
    RK_OTHER_MEMBER_NO_USE,
    RK_OTHER_MEMBER_NEEDED, /* not supported yet, and a member must not run without it */
};

struct rk_other_key {
    const char *name;     /* a trailing '*' stands for the rest */
    const char *harmless; /* comma list of values that ask for what happens anyway; NULL: none */
    enum rk_other_why why;
    const char *reason;
};

/* NULL: unknown to Apache too, as far as we know. */
const struct rk_other_key *rk_other_key_find(const char *name);
bool rk_other_key_is_harmless(const struct rk_other_key *key, const char *value);
/* Their names in turn; NULL at the end. */
const char *rk_other_key_name_at(size_t index);
/* The known name that looks most like this one, NULL if none does. Static. */
const char *rk_key_nearest(const char *name);
/* All names in turn, honoured ones and their documentation names first; NULL at the end. For the
 * test that the documentation names each. */
const char *rk_key_name_at(size_t index);

#endif
