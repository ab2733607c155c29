/* The list of members: kept in order of sid, completed and checked by rk_members_finish. Guarantees
 * that what it prints reads back as the same. The text itself is read in members_text.c. */
#include "zab/members.h"

#include "base/num.h"

#include <string.h>

void rk_members_init(struct rk_members *m)
{
    memset(m, 0, sizeof(*m));
}

const struct rk_member *rk_members_find(const struct rk_members *m, int64_t sid)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->items[i].sid == sid) {
            return &m->items[i];
        }
    }
    return NULL;
}

uint32_t rk_members_voter_count(const struct rk_members *m)
{
    uint32_t voters = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        voters += m->items[i].is_observer ? 0 : 1;
    }
    return voters;
}

enum rk_err rk_members_add(struct rk_members *m, const struct rk_member *member)
{
    uint32_t at = m->count;
    if (m->count == RK_MEMBERS_MAX || rk_members_find(m, member->sid) != NULL) {
        return RK_ERR_INVALID;
    }
    while (at > 0 && m->items[at - 1].sid > member->sid) {
        m->items[at] = m->items[at - 1];
        at--;
    }
    m->items[at] = *member;
    m->count++;
    return RK_OK;
}

/* -- groups and weights ------------------------------------------------------------------------ */

static enum rk_err invalid(const char *why, const char **ret_why)
{
    *ret_why = why;
    return RK_ERR_INVALID;
}

/* What is said of sid, to be changed; NULL if there are too many. */
static struct rk_member_mark *mark_of(struct rk_members *m, int64_t sid)
{
    for (uint32_t i = 0; i < m->mark_count; i++) {
        if (m->marks[i].sid == sid) {
            return &m->marks[i];
        }
    }
    if (m->mark_count == RK_MEMBERS_MAX) {
        return NULL;
    }
    struct rk_member_mark *mark = &m->marks[m->mark_count++];
    *mark = (struct rk_member_mark){sid, RK_GROUP_NONE, RK_WEIGHT_NONE};
    return mark;
}

/* Where a new group goes, which moves the indexes of those behind it. */
static int32_t insert_group(struct rk_members *m, int64_t group)
{
    uint32_t at = m->group_count;
    while (at > 0 && m->groups[at - 1] > group) {
        m->groups[at] = m->groups[at - 1];
        at--;
    }
    m->groups[at] = group;
    m->group_count++;
    for (uint32_t i = 0; i < m->mark_count; i++) {
        m->marks[i].group += m->marks[i].group >= (int32_t)at ? 1 : 0;
    }
    return (int32_t)at;
}

/* Up to the next colon, behind which *rest then begins; false at the end. */
static bool next_sid(struct rk_bytes *rest, struct rk_bytes *ret_text)
{
    uint32_t len = 0;
    if (rest->data == NULL) {
        return false;
    }
    while (len < rest->len && rest->data[len] != ':') {
        len++;
    }
    *ret_text = rk_bytes_of(rest->data, len);
    *rest = len == rest->len ? (struct rk_bytes){NULL, 0}
                             : rk_bytes_of(rest->data + len + 1, rest->len - len - 1);
    return true;
}

enum rk_err rk_members_add_group(struct rk_members *m, int64_t group, struct rk_bytes sids,
                                 const char **ret_why)
{
    struct rk_bytes text;
    if (m->group_count == RK_GROUPS_MAX) {
        return invalid("more groups than 32", ret_why);
    }
    for (uint32_t i = 0; i < m->group_count; i++) {
        if (m->groups[i] == group) {
            return invalid("a group is given twice", ret_why);
        }
    }
    int32_t index = insert_group(m, group);
    m->is_hierarchical = true;
    while (next_sid(&sids, &text)) {
        int64_t sid;
        if (!rk_num_parse_dec(text, &sid)) {
            return invalid("a group must be a list of server numbers with colons", ret_why);
        }
        struct rk_member_mark *mark = mark_of(m, sid);
        if (mark == NULL) {
            return invalid("groups and weights name more servers than 64", ret_why);
        }
        if (mark->group != RK_GROUP_NONE) {
            return invalid("a server is in two groups", ret_why);
        }
        mark->group = index;
    }
    return RK_OK;
}

enum rk_err rk_members_add_weight(struct rk_members *m, int64_t sid, struct rk_bytes weight,
                                  const char **ret_why)
{
    int64_t value;
    if (!rk_num_parse_dec(weight, &value) || value < 0 || value > RK_WEIGHT_MAX) {
        return invalid("a weight must be a number from 0 to 2147483647", ret_why);
    }
    struct rk_member_mark *mark = mark_of(m, sid);
    if (mark == NULL) {
        return invalid("groups and weights name more servers than 64", ret_why);
    }
    if (mark->weight != RK_WEIGHT_NONE) {
        return invalid("a weight is given twice", ret_why);
    }
    mark->weight = value;
    m->is_hierarchical = true;
    return RK_OK;
}

static const struct rk_member_mark *find_mark(const struct rk_members *m, int64_t sid)
{
    for (uint32_t i = 0; i < m->mark_count; i++) {
        if (m->marks[i].sid == sid) {
            return &m->marks[i];
        }
    }
    return NULL;
}

/* What a voter has to say: nothing in a majority quorum, 1 in the others. */
static int64_t settled_weight(const struct rk_member *member, const struct rk_member_mark *mark)
{
    if (mark != NULL && mark->weight != RK_WEIGHT_NONE) {
        return mark->weight;
    }
    return member->is_observer ? RK_WEIGHT_NONE : 1;
}

/* What is wrong with the groups and weights, NULL if nothing is. */
static const char *check_marks(const struct rk_members *m)
{
    bool has_weight = false;
    for (uint32_t i = 0; i < m->mark_count; i++) {
        if (rk_members_find(m, m->marks[i].sid) == NULL) {
            return "a group or weight names a server that is no member";
        }
    }
    for (uint32_t i = 0; i < m->count; i++) {
        const struct rk_member *member = &m->items[i];
        const struct rk_member_mark *mark = find_mark(m, member->sid);
        bool is_in_group = mark != NULL && mark->group != RK_GROUP_NONE;
        if (member->is_observer && is_in_group) {
            return "an observer is in a group";
        }
        if (!member->is_observer && !is_in_group) {
            return "a server that votes is in no group";
        }
        has_weight = has_weight || (!member->is_observer && settled_weight(member, mark) > 0);
    }
    return has_weight ? NULL : "no server has a weight";
}

enum rk_err rk_members_finish(struct rk_members *m, const char **ret_why)
{
    if (rk_members_voter_count(m) == 0) {
        return invalid("no server votes", ret_why);
    }
    const char *why = m->is_hierarchical ? check_marks(m) : NULL;
    if (why != NULL) {
        return invalid(why, ret_why);
    }
    for (uint32_t i = 0; i < m->count; i++) {
        struct rk_member *member = &m->items[i];
        const struct rk_member_mark *mark = find_mark(m, member->sid);
        member->group = mark == NULL ? RK_GROUP_NONE : mark->group;
        member->weight = settled_weight(member, mark);
    }
    return RK_OK;
}

/* -- printing ---------------------------------------------------------------------------------- */

static void put_text(struct rk_buf *b, const char *text)
{
    rk_buf_put(b, text, strlen(text));
}

static void put_dec(struct rk_buf *b, int64_t v)
{
    char digits[RK_NUM_MAX];
    rk_buf_put(b, digits, rk_num_dec(digits, v));
}

static bool has_colon(const char *host)
{
    while (*host != '\0' && *host != ':') {
        host++;
    }
    return *host == ':';
}

/* ZK: QuorumServer.delimitedHostString */
static void put_host(struct rk_buf *b, const char *host)
{
    bool is_ipv6 = has_colon(host);
    put_text(b, is_ipv6 ? "[" : "");
    put_text(b, host);
    put_text(b, is_ipv6 ? "]" : "");
}

/* ZK: QuorumServer.toString; of a secure client address nobody before 3.10 may hear. */
static void put_member(struct rk_buf *b, const struct rk_member *member)
{
    put_text(b, "server.");
    put_dec(b, member->sid);
    put_text(b, "=");
    put_host(b, member->host);
    put_text(b, ":");
    put_dec(b, member->quorum_port);
    put_text(b, ":");
    put_dec(b, member->election_port);
    put_text(b, member->is_observer ? ":observer" : ":participant");
    if (member->has_client) {
        put_text(b, ";");
        put_host(b, member->client_host);
        put_text(b, ":");
        put_dec(b, member->client_port);
    }
    put_text(b, "\n");
}

static void put_group(struct rk_buf *b, const struct rk_members *m, uint32_t group)
{
    const char *between = "=";
    put_text(b, "group.");
    put_dec(b, m->groups[group]);
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->items[i].group == (int32_t)group) {
            put_text(b, between);
            put_dec(b, m->items[i].sid);
            between = ":";
        }
    }
    put_text(b, "\n");
}

void rk_members_print(struct rk_buf *b, const struct rk_members *m)
{
    char digits[RK_NUM_MAX];
    for (uint32_t i = 0; i < m->count; i++) {
        put_member(b, &m->items[i]);
    }
    for (uint32_t group = 0; group < m->group_count; group++) {
        put_group(b, m, group);
    }
    for (uint32_t i = 0; m->is_hierarchical && i < m->count; i++) {
        if (m->items[i].weight != RK_WEIGHT_NONE) {
            put_text(b, "weight.");
            put_dec(b, m->items[i].sid);
            put_text(b, "=");
            put_dec(b, m->items[i].weight);
            put_text(b, "\n");
        }
    }
    put_text(b, "version=");
    rk_buf_put(b, digits, rk_num_hex(digits, (uint64_t)m->version));
}

/* -- comparing --------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The 16-bit groups of one side of "::"; false if they are none or more than room. */
static bool parse_groups(struct rk_bytes text, uint16_t *groups, uint32_t room, uint32_t *ret_count)
{
    struct rk_bytes part;
    uint32_t count = 0;
    if (text.len == 0) {
        *ret_count = 0;
        return true;
    }
    while (next_sid(&text, &part)) {
        uint64_t value;
        if (count == room || part.len > 4 || !rk_num_parse_hex(part, &value)) {
            return false;
        }
        groups[count++] = (uint16_t)value;
    }
    *ret_count = count;
    return true;
}

/* Where "::" stands, the length if nowhere. */
static uint32_t find_gap(struct rk_bytes text)
{
    for (uint32_t at = 0; at + 1 < text.len; at++) {
        if (text.data[at] == ':' && text.data[at + 1] == ':') {
            return at;
        }
    }
    return text.len;
}

/* Numbers of an IPv6 address in pure hexadecimal form. The forms with a zone or with dots are left
 * to the comparison of texts. */
static bool parse_ipv6(const char *host, uint16_t groups[8])
{
    struct rk_bytes left = rk_bytes_str(host);
    struct rk_bytes right = {NULL, 0};
    uint16_t tail[8];
    uint32_t left_count;
    uint32_t right_count = 0;
    bool has_gap = false;
    uint32_t gap = find_gap(left);
    if (gap < left.len) {
        right = rk_bytes_of(left.data + gap + 2, left.len - gap - 2);
        left.len = gap;
        has_gap = true;
    }
    memset(groups, 0, 8 * sizeof(groups[0]));
    if (!parse_groups(left, groups, 8, &left_count)) {
        return false;
    }
    if (!has_gap) {
        return left_count == 8;
    }
    if (!parse_groups(right, tail, 8 - left_count, &right_count)) {
        return false;
    }
    memcpy(groups + 8 - right_count, tail, right_count * sizeof(tail[0]));
    return true;
}

static bool hosts_equal(const char *a, const char *b)
{
    uint16_t groups_a[8];
    uint16_t groups_b[8];
    size_t at = 0;
    if (parse_ipv6(a, groups_a) && parse_ipv6(b, groups_b)) {
        return memcmp(groups_a, groups_b, sizeof(groups_a)) == 0;
    }
    while (a[at] != '\0' && lower(a[at]) == lower(b[at])) {
        at++;
    }
    return lower(a[at]) == lower(b[at]);
}

static int64_t group_number(const struct rk_members *m, const struct rk_member *member)
{
    return m->groups[member->group];
}

/* ZK: QuorumServer.equals */
static bool members_equal(const struct rk_member *a, const struct rk_member *b)
{
    if (a->sid != b->sid || a->is_observer != b->is_observer || !hosts_equal(a->host, b->host) ||
        a->quorum_port != b->quorum_port || a->election_port != b->election_port ||
        a->has_client != b->has_client || a->weight != b->weight) {
        return false;
    }
    return !a->has_client ||
           (hosts_equal(a->client_host, b->client_host) && a->client_port == b->client_port);
}

bool rk_members_equal(const struct rk_members *a, const struct rk_members *b)
{
    if (a->count != b->count || a->is_hierarchical != b->is_hierarchical ||
        a->group_count != b->group_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct rk_member *x = &a->items[i];
        const struct rk_member *y = &b->items[i];
        if (!members_equal(x, y) || (x->group < 0) != (y->group < 0)) {
            return false;
        }
        if (x->group >= 0 && group_number(a, x) != group_number(b, y)) {
            return false;
        }
    }
    return true;
}
