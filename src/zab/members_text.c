/* Reads the text of the membership: the value of one "server" line, and the whole of it, which is
 * Java's properties syntax. Guarantees that hostile text costs nothing but a bounded stack: lines
 * are put together in place, and nothing is allocated. ZK: QuorumPeer.QuorumServer,
 * QuorumMaj, QuorumHierarchical.parse; java.util.Properties.load. */
#include "zab/members.h"

#include "base/num.h"

#include <string.h>

static enum rk_err invalid(const char *why, const char **ret_why)
{
    *ret_why = why;
    return RK_ERR_INVALID;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static struct rk_bytes trim(struct rk_bytes text)
{
    while (text.len > 0 && is_blank(text.data[0])) {
        text = rk_bytes_of(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Up to the next separator outside of brackets, behind which *rest then begins; *ret_is_last: there
 * is none. */
static struct rk_bytes take_part(struct rk_bytes *rest, uint8_t separator, bool *ret_is_last)
{
    uint32_t len = 0;
    bool is_inside = false;
    while (len < rest->len && (is_inside || rest->data[len] != separator)) {
        is_inside = rest->data[len] == '[' || (is_inside && rest->data[len] != ']');
        len++;
    }
    struct rk_bytes part = rk_bytes_of(rest->data, len);
    uint32_t taken = len < rest->len ? len + 1 : len;
    *ret_is_last = len == rest->len;
    *rest = rk_bytes_of(rest->data + taken, rest->len - taken);
    return part;
}

/* -- one server -------------------------------------------------------------------------------- */

/* A name or address that can be printed in a member's line and read back. */
static bool copy_host(struct rk_bytes text, char *ret_host)
{
    if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']') {
        text = rk_bytes_of(text.data + 1, text.len - 2);
    }
    if (text.len == 0 || text.len >= RK_MEMBER_HOST_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < text.len; i++) {
        static const char refused[] = "\\[]|;,=\x7f";
        for (uint32_t j = 0; refused[j] != '\0'; j++) {
            if (text.data[i] == (uint8_t)refused[j]) {
                return false;
            }
        }
        if (text.data[i] <= ' ') {
            return false;
        }
    }
    memset(ret_host, 0, RK_MEMBER_HOST_MAX);
    memcpy(ret_host, text.data, text.len);
    return true;
}

static bool parse_port(struct rk_bytes text, int64_t min, uint16_t *ret)
{
    int64_t port;
    if (!rk_num_parse_dec(trim(text), &port) || port < min || port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

/* text against a lower-case word; Java trims and ignores case. */
static bool is_word(struct rk_bytes text, const char *word)
{
    text = trim(text);
    if (text.len != strlen(word)) {
        return false;
    }
    for (uint32_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) {
            return false;
        }
    }
    return true;
}

/* host:port:port[:role]; a colon at the end is nothing, as to String.split. */
static const char *parse_server(struct rk_bytes text, struct rk_member *member)
{
    static const char form[] = "a server must be host:port:port[:participant|:observer]";
    bool is_last;
    if (!copy_host(take_part(&text, ':', &is_last), member->host)) {
        return "a server's host is missing, too long or has characters that no name has";
    }
    if (!parse_port(take_part(&text, ':', &is_last), 1, &member->quorum_port) || is_last ||
        !parse_port(take_part(&text, ':', &is_last), 1, &member->election_port)) {
        return form;
    }
    if (member->quorum_port == member->election_port) {
        return "a server's quorum port and election port must differ";
    }
    if (text.len > 0) {
        struct rk_bytes role = take_part(&text, ':', &is_last);
        member->is_observer = is_word(role, "observer");
        if (text.len > 0 || (!member->is_observer && !is_word(role, "participant"))) {
            return form;
        }
    }
    return NULL;
}

/* [host:]port */
static const char *parse_client(struct rk_bytes text, struct rk_member *member)
{
    bool is_last;
    struct rk_bytes host = rk_bytes_str("0.0.0.0");
    struct rk_bytes port = take_part(&text, ':', &is_last);
    if (!is_last) {
        host = port;
        port = text;
    }
    if (!copy_host(host, member->client_host) || !parse_port(port, 0, &member->client_port)) {
        return "a client address must be [host:]port";
    }
    member->has_client = true;
    return NULL;
}

enum rk_err rk_member_parse(int64_t sid, struct rk_bytes value, struct rk_member *ret,
                            const char **ret_why)
{
    struct rk_member member = {.sid = sid, .group = RK_GROUP_NONE, .weight = 1};
    bool is_last;
    bool has_one_address;
    struct rk_bytes rest = trim(value.data == NULL ? rk_bytes_of("", 0) : value);
    struct rk_bytes addresses = take_part(&rest, ';', &is_last);
    struct rk_bytes client = trim(take_part(&rest, ';', &is_last));
    struct rk_bytes server = trim(take_part(&addresses, '|', &has_one_address));
    if (!has_one_address) {
        return invalid("a server with several addresses (\"|\") is not supported", ret_why);
    }
    const char *why = parse_server(server, &member);
    if (why == NULL && client.len > 0) {
        why = parse_client(client, &member);
    }
    if (why != NULL) {
        return invalid(why, ret_why);
    }
    if (member.is_observer) {
        member.weight = RK_WEIGHT_NONE;
    }
    *ret = member;
    return RK_OK;
}

/* -- properties -------------------------------------------------------------------------------- */

struct line_reader {
    struct rk_bytes text;
    uint32_t at;
    uint32_t len;
    bool is_too_long;
    uint8_t line[RK_MEMBERS_LINE_MAX];
};

static bool is_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct line_reader *r, bool with_ends)
{
    while (r->at < r->text.len &&
           (is_blank(r->text.data[r->at]) || (with_ends && is_end(r->text.data[r->at])))) {
        r->at++;
    }
}

/* Adds up to the end of the physical line; true if a backslash continues it. */
static bool copy_line(struct line_reader *r)
{
    bool is_escaped = false;
    while (r->at < r->text.len && !is_end(r->text.data[r->at])) {
        uint8_t c = r->text.data[r->at++];
        if (r->len == RK_MEMBERS_LINE_MAX) {
            r->is_too_long = true;
            return false;
        }
        r->line[r->len++] = c;
        is_escaped = c == '\\' && !is_escaped;
    }
    r->len -= is_escaped ? 1 : 0;
    if (r->at < r->text.len) {
        bool is_pair = r->text.data[r->at] == '\r' && r->at + 1 < r->text.len &&
                       r->text.data[r->at + 1] == '\n';
        r->at += is_pair ? 2 : 1;
    }
    return is_escaped;
}

/* The next logical line that is neither blank nor a comment; false at the end, or if it is too
 * long.
 */
static bool next_line(struct line_reader *r)
{
    r->len = 0;
    while (!r->is_too_long) {
        skip_blanks(r, true);
        if (r->at == r->text.len) {
            return false;
        }
        if (r->text.data[r->at] == '#' || r->text.data[r->at] == '!') {
            while (r->at < r->text.len && !is_end(r->text.data[r->at])) {
                r->at++;
            }
            continue;
        }
        while (copy_line(r)) {
            skip_blanks(r, false);
        }
        if (r->len > 0) {
            return !r->is_too_long;
        }
    }
    return false;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t small = c | 0x20;
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/* The character of "\uXXXX", whose digits begin at `at`; -1 if it is not ASCII: no part of this
 * text can be anything else. */
static int unicode(struct rk_bytes text, uint32_t at)
{
    int value = 0;
    if (text.len - at < 4) {
        return -1;
    }
    for (uint32_t i = at; i < at + 4; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value < 0x80 ? value : -1;
}

/* What stands for a character behind a backslash; others stand for themselves. */
static uint8_t escaped(uint8_t c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* Resolves escapes in place; false: one is malformed. */
static bool unescape(uint8_t *text, uint32_t *len)
{
    uint32_t out = 0;
    for (uint32_t at = 0; at < *len; at++) {
        uint8_t c = text[at];
        if (c == '\\' && at + 1 < *len && text[at + 1] == 'u') {
            int value = unicode(rk_bytes_of(text, *len), at + 2);
            if (value < 0) {
                return false;
            }
            c = (uint8_t)value;
            at += 5;
        } else if (c == '\\' && at + 1 < *len) {
            c = escaped(text[++at]);
        }
        text[out++] = c;
    }
    *len = out;
    return true;
}

/* Key and value of the line; false: a malformed escape. */
static bool split_line(struct line_reader *r, struct rk_bytes *ret_key, struct rk_bytes *ret_value)
{
    uint32_t key_len = 0;
    bool is_escaped = false;
    bool has_separator = false;
    while (key_len < r->len && (is_escaped || (r->line[key_len] != '=' && r->line[key_len] != ':' &&
                                               !is_blank(r->line[key_len])))) {
        is_escaped = r->line[key_len] == '\\' && !is_escaped;
        key_len++;
    }
    uint32_t value = key_len;
    while (value < r->len &&
           (is_blank(r->line[value]) ||
            (!has_separator && (r->line[value] == '=' || r->line[value] == ':')))) {
        has_separator = has_separator || !is_blank(r->line[value]);
        value++;
    }
    uint32_t value_len = r->len - value;
    if (!unescape(r->line, &key_len) || !unescape(r->line + value, &value_len)) {
        return false;
    }
    *ret_key = trim(rk_bytes_of(r->line, key_len));
    *ret_value = trim(rk_bytes_of(r->line + value, value_len));
    return true;
}

/* -- the whole --------------------------------------------------------------------------------- */

/* The number behind the word and the dot. */
static bool is_numbered(struct rk_bytes key, const char *word, int64_t *ret_number)
{
    struct rk_bytes prefix = rk_bytes_str(word);
    return rk_bytes_starts_with(key, prefix) &&
           rk_num_parse_dec(rk_bytes_of(key.data + prefix.len, key.len - prefix.len), ret_number);
}

static enum rk_err add_version(struct rk_members *m, struct rk_bytes value, bool *has_version,
                               const char **ret_why)
{
    uint64_t version;
    if (*has_version) {
        return invalid("the version is given twice", ret_why);
    }
    if (!rk_num_parse_hex(value, &version) || version > INT64_MAX) {
        return invalid("the version must be a hexadecimal number", ret_why);
    }
    *has_version = true;
    m->version = (int64_t)version;
    return RK_OK;
}

static enum rk_err add_server(struct rk_members *m, int64_t sid, struct rk_bytes value,
                              const char **ret_why)
{
    struct rk_member member;
    enum rk_err err = rk_member_parse(sid, value, &member, ret_why);
    if (err != RK_OK) {
        return err;
    }
    if (rk_members_find(m, sid) != NULL) {
        return invalid("a server is given twice", ret_why);
    }
    if (rk_members_add(m, &member) != RK_OK) {
        return invalid("more servers than 64", ret_why);
    }
    return RK_OK;
}

static enum rk_err add_line(struct rk_members *m, struct line_reader *r, bool *has_version,
                            const char **ret_why)
{
    struct rk_bytes key;
    struct rk_bytes value;
    int64_t number;
    if (!split_line(r, &key, &value)) {
        return invalid("a \\u escape that is no character of this text", ret_why);
    }
    if (is_numbered(key, "server.", &number)) {
        return add_server(m, number, value, ret_why);
    }
    if (is_numbered(key, "group.", &number)) {
        return rk_members_add_group(m, number, value, ret_why);
    }
    if (is_numbered(key, "weight.", &number)) {
        return rk_members_add_weight(m, number, value, ret_why);
    }
    if (rk_bytes_is(key, "version")) {
        return add_version(m, value, has_version, ret_why);
    }
    return invalid("a line that is neither server.N, group.N, weight.N nor version", ret_why);
}

enum rk_err rk_members_parse(struct rk_bytes text, struct rk_members *ret, const char **ret_why)
{
    struct rk_members m;
    struct line_reader r;
    bool has_version = false;
    rk_members_init(&m);
    if (text.len > RK_MEMBERS_TEXT_MAX) {
        *ret_why = "the text is too long";
        return RK_ERR_TOO_BIG;
    }
    r.text = text;
    r.at = 0;
    r.is_too_long = false;
    while (next_line(&r)) {
        enum rk_err err = add_line(&m, &r, &has_version, ret_why);
        if (err != RK_OK) {
            return err;
        }
    }
    if (r.is_too_long) {
        return invalid("a line is too long", ret_why);
    }
    enum rk_err err = rk_members_finish(&m, ret_why);
    if (err != RK_OK) {
        return err;
    }
    *ret = m;
    return RK_OK;
}
