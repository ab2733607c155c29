/* Matching. Guarantees that a glob takes time in proportion to its length times the square of that
 * of the path at most, whatever either says. */
#include "inspect/match.h"

#include <string.h>
#include <time.h>

#include "inspect/opts.h"

void rk_ins_pattern_glob(struct rk_ins_pattern *p, const char *glob)
{
    p->is_set = true;
    p->is_glob = true;
    p->glob = glob;
}

bool rk_ins_pattern_regex(struct rk_ins_pattern *p, struct rk_ins_tool *t, const char *regex)
{
    char why[128];
    int rc = regcomp(&p->regex, regex, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        (void)regerror(rc, &p->regex, why, sizeof(why));
        rk_ins_complain(t, "'%s' is no regular expression: %s", regex, why);
        return false;
    }
    rk_buf_init(&p->text, t->mem, SIZE_MAX / 4);
    p->is_set = true;
    p->is_glob = false;
    return true;
}

void rk_ins_pattern_deinit(struct rk_ins_pattern *p)
{
    if (p->is_set && !p->is_glob) {
        regfree(&p->regex);
        rk_buf_deinit(&p->text);
    }
    p->is_set = false;
}

/* Where to go on when the rest does not match: the last star may take one character more. Two
 * levels, because ** goes on where * has to stop. */
struct star {
    const char *glob; /* behind it; NULL: none yet */
    uint32_t at;
};

static bool retry(struct star *one, struct star *two, struct rk_bytes text, const char **glob,
                  uint32_t *at)
{
    if (one->glob != NULL && one->at < text.len && text.data[one->at] != '/') {
        *at = ++one->at;
        *glob = one->glob;
        return true;
    }
    one->glob = NULL;
    if (two->glob != NULL && two->at < text.len) {
        *at = ++two->at;
        *glob = two->glob;
        return true;
    }
    return false;
}

bool rk_ins_glob_matches(const char *glob, struct rk_bytes text)
{
    struct star one = {NULL, 0};
    struct star two = {NULL, 0};
    uint32_t at = 0;
    for (;;) {
        if (glob[0] == '*' && glob[1] == '*') {
            while (*glob == '*') {
                glob++;
            }
            two = (struct star){glob, at};
            one.glob = NULL;
        } else if (*glob == '*') {
            one = (struct star){++glob, at};
        } else if (*glob == '\0' && at == text.len) {
            return true;
        } else if (at < text.len && *glob != '\0' &&
                   (*glob == '?' ? text.data[at] != '/' : (uint8_t)*glob == text.data[at])) {
            glob++;
            at++;
        } else if (!retry(&one, &two, text, &glob, &at)) {
            return false;
        }
    }
}

bool rk_ins_pattern_matches(struct rk_ins_pattern *p, struct rk_bytes text)
{
    if (!p->is_set) {
        return true;
    }
    if (text.data == NULL) {
        return false;
    }
    if (p->is_glob) {
        return rk_ins_glob_matches(p->glob, text);
    }
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)text.len};
    rk_buf_reset(&p->text);
    rk_buf_put(&p->text, text.data, text.len);
    rk_buf_put_u8(&p->text, 0);
    return !p->text.failed &&
           regexec(&p->regex, (const char *)p->text.data, 1, &range, REG_STARTEND) == 0;
}

bool rk_ins_time(const char *text, int64_t *ret_ms)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
                                          "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
    if (rk_ins_number(text, ret_ms)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &tm);
        if (end == NULL || (*end != '\0' && strcmp(end, "Z") != 0)) {
            continue;
        }
        int day = tm.tm_mday;
        time_t seconds = *end == 'Z' ? timegm(&tm) : mktime(&tm);
        *ret_ms = (int64_t)seconds * 1000;
        return tm.tm_mday == day; /* no February 30th */
    }
    return false;
}
