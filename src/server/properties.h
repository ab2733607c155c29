/* Java's properties syntax, as java.util.Properties.load reads it from a file: comments with # or
 * !, lines continued by a backslash, `=`, `:` or blanks between key and value, escapes. Bytes are
 * ISO-8859-1 there, so a file in UTF-8 means what it means to Java, not what its author saw; texts
 * come out as UTF-8. */
#ifndef RK_SERVER_PROPERTIES_H
#define RK_SERVER_PROPERTIES_H

#include "base/arena.h"
#include "base/err.h"

struct rk_property {
    const char *key; /* neither is trimmed; both in the arena */
    const char *value;
    uint32_t line;      /* where its logical line begins, from 1 */
    bool has_non_ascii; /* bytes over 0x7f, read as ISO-8859-1 */
};

/* In the order of the file; the same key may come again, and the last one counts. */
struct rk_properties {
    struct rk_property *items;
    uint32_t count;
    uint32_t cap;
};

/* RK_ERR_MALFORMED: *ret_line and *ret_what (static) say where and what is wrong. */
enum rk_err rk_properties_parse(struct rk_bytes text, struct rk_arena *a, struct rk_properties *ret,
                                uint32_t *ret_line, const char **ret_what) RK_MUST_CHECK;

#endif
