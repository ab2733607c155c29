/* What grep looks for: paths by glob or regular expression, data by regular expression, sessions,
 * and ranges. */
#ifndef RK_INSPECT_MATCH_H
#define RK_INSPECT_MATCH_H

#include <regex.h>

#include "base/bytes.h"
#include "inspect/tool.h"

/* A pattern for paths or data; unset it matches all. */
struct rk_ins_pattern {
    bool is_set;
    bool is_glob;
    const char *glob;
    regex_t regex;
    struct rk_buf text; /* regex: what is looked at, with a NUL behind it */
};

/* '*' and '?' stay within one component, '**' does not; the whole path has to match. */
void rk_ins_pattern_glob(struct rk_ins_pattern *p, const char *glob);
/* Extended; anywhere. False after a line that says what is wrong with it. */
bool rk_ins_pattern_regex(struct rk_ins_pattern *p, struct rk_ins_tool *t,
                          const char *regex) RK_MUST_CHECK;
void rk_ins_pattern_deinit(struct rk_ins_pattern *p);
/* Null matches only the unset pattern. */
bool rk_ins_pattern_matches(struct rk_ins_pattern *p, struct rk_bytes text);
bool rk_ins_glob_matches(const char *glob, struct rk_bytes text);

/* Milliseconds since 1970, or 2026-11-23, 2026-11-23T05:01:55, with Z for UTC, else local. */
bool rk_ins_time(const char *text, int64_t *ret_ms) RK_MUST_CHECK;

#endif
