/* Command lines. Guarantees that every word of one was understood before a verb does anything. */
#include "inspect/opts.h"

#include <string.h>

#include "base/num.h"

bool rk_ins_number(const char *text, int64_t *ret)
{
    uint64_t hex;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        if (text[2] == '\0' || !rk_num_parse_hex(rk_bytes_str(text + 2), &hex)) {
            return false;
        }
        *ret = (int64_t)hex;
        return true;
    }
    return rk_num_parse_dec(rk_bytes_str(text), ret);
}

static bool part(const char *text, size_t len, int64_t *ret)
{
    char copy[32];
    if (len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    return rk_ins_number(copy, ret);
}

bool rk_ins_range(const char *text, int64_t *ret_from, int64_t *ret_to)
{
    const char *dash = strchr(text, '-');
    int64_t from = INT64_MIN;
    int64_t to = INT64_MAX;
    if (dash == NULL) {
        if (!rk_ins_number(text, &from)) {
            return false;
        }
        to = from;
    } else if ((dash != text && !part(text, (size_t)(dash - text), &from)) ||
               (dash[1] != '\0' && !part(dash + 1, strlen(dash + 1), &to)) ||
               (dash == text && dash[1] == '\0')) {
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return from <= to;
}

struct parse {
    struct rk_ins_tool *tool;
    const char *verb;
    const struct rk_ins_opt *opts;
    size_t count;
    int argc;
    char **argv;
    int at;
};

static bool set_value(struct parse *p, const struct rk_ins_opt *opt, const char *value)
{
    if (opt->kind == RK_INS_TEXT) {
        *(const char **)opt->target = value;
        return true;
    }
    if (rk_ins_number(value, opt->target)) {
        return true;
    }
    rk_ins_complain(p->tool, "%s: --%s wants a number, not '%s'", p->verb, opt->name, value);
    return false;
}

/* value NULL: it is the next word. */
static bool apply(struct parse *p, const struct rk_ins_opt *opt, const char *value)
{
    if (opt->kind == RK_INS_FLAG) {
        *(bool *)opt->target = true;
        return true;
    }
    if (value == NULL && p->at + 1 < p->argc) {
        value = p->argv[++p->at];
    }
    if (value == NULL) {
        rk_ins_complain(p->tool, "%s: --%s wants a value", p->verb, opt->name);
        return false;
    }
    return set_value(p, opt, value);
}

static const struct rk_ins_opt *find_long(const struct parse *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strlen(p->opts[i].name) == len && memcmp(p->opts[i].name, name, len) == 0) {
            return &p->opts[i];
        }
    }
    return NULL;
}

static const struct rk_ins_opt *find_letter(const struct parse *p, char letter)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->opts[i].letter == letter) {
            return &p->opts[i];
        }
    }
    return NULL;
}

static bool unknown(struct parse *p, const char *word)
{
    rk_ins_complain(p->tool, "%s: no such option: %s (see %s %s --help)", p->verb, word,
                    p->tool->name, p->verb);
    return false;
}

static bool take_letters(struct parse *p, const char *word)
{
    for (const char *c = word + 1; *c != '\0'; c++) {
        const struct rk_ins_opt *opt = find_letter(p, *c);
        if (opt == NULL) {
            return unknown(p, word);
        }
        if (opt->kind != RK_INS_FLAG) {
            return apply(p, opt, c[1] != '\0' ? c + 1 : NULL);
        }
        if (!apply(p, opt, NULL)) {
            return false;
        }
    }
    return true;
}

static bool take_option(struct parse *p, const char *word)
{
    const char *name = word[1] == '-' ? word + 2 : word + 1;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct rk_ins_opt *opt = len > 1 ? find_long(p, name, len) : NULL;
    if (opt != NULL && equals != NULL && opt->kind == RK_INS_FLAG) {
        rk_ins_complain(p->tool, "%s: --%s takes no value", p->verb, opt->name);
        return false;
    }
    if (opt != NULL) {
        return apply(p, opt, equals != NULL ? equals + 1 : NULL);
    }
    return word[1] == '-' ? unknown(p, word) : take_letters(p, word);
}

bool rk_ins_opts(struct rk_ins_tool *t, const struct rk_ins_opt *opts, size_t count, int argc,
                 char **argv, uint32_t least, uint32_t most, struct rk_ins_operands *ret)
{
    struct parse p = {t, argv[0], opts, count, argc, argv, 1};
    RK_ASSERT(most <= RK_INS_OPERANDS_MAX);
    bool is_over = false;
    ret->count = 0;
    for (; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        if (!is_over && strcmp(word, "--") == 0) {
            is_over = true;
        } else if (!is_over && word[0] == '-' && word[1] != '\0') {
            if (!take_option(&p, word)) {
                return false;
            }
        } else if (ret->count == most) {
            rk_ins_complain(t, "%s: one word too many: %s", p.verb, word);
            return false;
        } else {
            ret->items[ret->count++] = word;
        }
    }
    if (ret->count < least) {
        rk_ins_complain(t, "%s: what it works on is missing (see %s %s --help)", p.verb, t->name,
                        p.verb);
        return false;
    }
    return true;
}
