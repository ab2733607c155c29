/* The ids of ACL entries by the letter of Apache's providers, Java's habits included: what
 * Integer.parseInt and String.split take is taken here, because a list that one server of a mixed
 * ensemble accepts must not be refused by the next. Each judgement is linear in the id.
 *
 * Digits are ASCII's only, and of the hex form of distinguished names only values of definite
 * length are taken; Java knows more of both. ZK: DigestAuthenticationProvider,
 * IPAuthenticationProvider (3.9.4), KerberosName; JDK: X500Name. */
#include "core/acl_syntax.h"

#include "core/acl.h"

#include "base/num.h"

#include <string.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* 0 to 15, or -1. */
static int hex_value(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    uint8_t lower = c | 0x20u;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_one_of(uint8_t c, const char *set)
{
    while (*set != '\0' && (uint8_t)*set != c) {
        set++;
    }
    return *set != '\0';
}

static struct rk_bytes slice(struct rk_bytes text, uint32_t from, uint32_t to)
{
    RK_ASSERT(from <= to);
    RK_ASSERT(to <= text.len);
    return rk_bytes_of(text.data + from, to - from);
}

/* Where c is at or after from; text.len if nowhere. */
static uint32_t index_of(struct rk_bytes text, uint8_t c, uint32_t from)
{
    uint32_t at = from;
    while (at < text.len && text.data[at] != c) {
        at++;
    }
    return at;
}

static uint32_t count_of(struct rk_bytes text, uint8_t c)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < text.len; at++) {
        count += text.data[at] == c;
    }
    return count;
}

/* Integer.parseInt: a sign is fine, leading zeros are, blanks are not. */
static bool parse_int(struct rk_bytes text, int base, int32_t *ret)
{
    bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool is_negative = has_sign && text.data[0] == '-';
    int64_t value = 0;
    if (text.len == (has_sign ? 1u : 0u)) {
        return false;
    }
    for (uint32_t at = has_sign; at < text.len; at++) {
        int digit = hex_value(text.data[at]);
        if (digit < 0 || digit >= base) {
            return false;
        }
        value = value * base + digit;
        if (value > (int64_t)INT32_MAX + is_negative) {
            return false;
        }
    }
    *ret = (int32_t)(is_negative ? -value : value);
    return true;
}

/* -- addresses --------------------------------------------------------------------------------- */

size_t rk_ip_format(const uint8_t *address, size_t address_len, char ret[48])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    RK_ASSERT(address_len == 4 || address_len == 16);
    size_t len = 0;
    /* Java makes an IPv4 address of a mapped one. */
    bool is_mapped = address_len == 16 && memcmp(address, mapped, sizeof(mapped)) == 0;
    if (address_len == 4 || is_mapped) {
        const uint8_t *octets = address + (is_mapped ? sizeof(mapped) : 0);
        for (size_t i = 0; i < 4; i++) {
            len += rk_num_dec(ret + len, octets[i]);
            ret[len++] = i < 3 ? '.' : '\0';
        }
        return len - 1;
    }
    for (size_t i = 0; i < 16; i += 2) {
        len += rk_num_hex(ret + len, (uint64_t)address[i] << 8 | address[i + 1]);
        ret[len++] = i < 14 ? ':' : '\0';
    }
    return len - 1;
}

/* Four numbers from 0 to 255 with dots between. */
static bool parse_v4(struct rk_bytes text, uint8_t ret[4])
{
    uint32_t from = 0;
    if (count_of(text, '.') != 3) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        uint32_t to = index_of(text, '.', from);
        int32_t value;
        if (!parse_int(slice(text, from, to), 10, &value) || value < 0 || value > 255) {
            return false;
        }
        ret[i] = (uint8_t)value;
        from = to + 1;
    }
    return true;
}

/* Groups of up to four hex digits with colons between; no text is no group. At most eight are asked
 * for. A sign passes, as it does in Java. */
static bool parse_groups(struct rk_bytes text, uint8_t ret[16], uint32_t *ret_count)
{
    uint32_t count = text.len == 0 ? 0 : count_of(text, ':') + 1;
    uint32_t from = 0;
    if (count > 8) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t to = index_of(text, ':', from);
        int32_t value;
        if (to - from > 4 || !parse_int(slice(text, from, to), 16, &value)) {
            return false;
        }
        ret[2 * i] = (uint8_t)((uint32_t)value >> 8);
        ret[2 * i + 1] = (uint8_t)value;
        from = to + 1;
    }
    *ret_count = count;
    return true;
}

static uint32_t index_of_gap(struct rk_bytes text, uint32_t from)
{
    uint32_t at = index_of(text, ':', from);
    while (at + 1 < text.len && text.data[at + 1] != ':') {
        at = index_of(text, ':', at + 1);
    }
    return at + 1 < text.len ? at : text.len;
}

/* ZK: IPAuthenticationProvider.parseV6addr (3.9.4): eight groups, or fewer with one "::". */
static bool parse_v6(struct rk_bytes text, uint8_t ret[16])
{
    uint8_t left[16] = {0};
    uint8_t right[16] = {0};
    uint32_t left_count = 0;
    uint32_t right_count = 0;
    uint32_t gap = index_of_gap(text, 0);
    if (!parse_groups(slice(text, 0, gap), left, &left_count)) {
        return false;
    }
    if (gap == text.len) {
        memcpy(ret, left, 16);
        return left_count == 8;
    }
    if (!parse_groups(slice(text, gap + 2, text.len), right, &right_count) ||
        left_count + right_count >= 8) {
        return false;
    }
    memcpy(ret, left, 16);
    memcpy(ret + 16 - 2 * right_count, right, 2 * right_count);
    return true;
}

static bool parse_address(struct rk_bytes text, uint8_t ret[16], size_t *ret_len)
{
    uint8_t address[16];
    bool is_v6 = count_of(text, ':') > 0;
    if (!(is_v6 ? parse_v6(text, address) : parse_v4(text, address))) {
        return false;
    }
    *ret_len = is_v6 ? 16 : 4;
    memcpy(ret, address, *ret_len);
    return true;
}

bool rk_ip_parse(struct rk_bytes text, uint8_t ret[16], size_t *ret_len, uint32_t *ret_bits)
{
    uint8_t address[16];
    size_t len;
    uint32_t slash = index_of(text, '/', 0);
    if (!parse_address(slice(text, 0, slash), address, &len)) {
        return false;
    }
    int32_t bits = (int32_t)len * 8;
    if (slash < text.len && (!parse_int(slice(text, slash + 1, text.len), 10, &bits) || bits < 0 ||
                             bits > (int32_t)len * 8)) {
        return false;
    }
    memcpy(ret, address, len);
    *ret_len = len;
    *ret_bits = (uint32_t)bits;
    return true;
}

/* ZK: IPAuthenticationProvider.matches. */
bool rk_acl_ip_matches(struct rk_bytes id, struct rk_bytes expression)
{
    uint8_t wanted[16];
    uint8_t have[16];
    size_t wanted_len;
    size_t have_len;
    uint32_t bits;
    if (!rk_ip_parse(expression, wanted, &wanted_len, &bits) ||
        !parse_address(id, have, &have_len) || wanted_len != have_len) {
        return false;
    }
    uint32_t whole = bits / 8;
    if (memcmp(wanted, have, whole) != 0) {
        return false;
    }
    uint32_t rest = bits % 8;
    return rest == 0 || ((wanted[whole] ^ have[whole]) >> (8 - rest)) == 0;
}

/* -- names ------------------------------------------------------------------------------------- */

/* "a:b": two parts, of which the first may be empty; colons at the end do not count (String.split).
 */
bool rk_acl_digest_is_valid(struct rk_bytes id)
{
    while (id.len > 0 && id.data[id.len - 1] == ':') {
        id.len--;
    }
    return count_of(id, ':') == 1;
}

/* No '@', or primary[/instance]@realm. ZK: KerberosName. */
bool rk_acl_sasl_is_valid(struct rk_bytes id)
{
    uint32_t at = index_of(id, '@', 0);
    if (at == id.len) {
        return true;
    }
    struct rk_bytes realm = slice(id, at + 1, id.len);
    return count_of(slice(id, 0, at), '/') <= 1 && count_of(realm, '/') == 0 &&
           count_of(realm, '@') == 0;
}

/* One value of the encoding that "#04024869" spells, and nothing after it. */
static bool der_is_valid(struct rk_bytes hex)
{
    uint8_t head[6] = {0};
    uint32_t bytes = hex.len / 2;
    for (uint32_t at = 0; at < hex.len; at++) {
        int value = hex_value(hex.data[at]);
        if (value < 0) {
            return false;
        }
        if (at < 2 * sizeof(head)) {
            head[at / 2] = (uint8_t)(head[at / 2] << 4 | value);
        }
    }
    if (hex.len % 2 != 0 || bytes < 2 || (head[0] & 0x1fu) == 0x1fu) {
        return false;
    }
    uint32_t length_bytes = head[1] < 0x80 ? 0 : head[1] & 0x7fu;
    uint64_t length = head[1] < 0x80 ? head[1] : 0;
    if (head[1] == 0x80 || length_bytes > 4 || bytes < 2 + length_bytes) {
        return false;
    }
    for (uint32_t i = 0; i < length_bytes; i++) {
        length = length << 8 | head[2 + i];
    }
    return length == bytes - 2 - length_bytes;
}

/* Numbers with dots: at least two; the first at most 2, and under 0 and 1 the second at most 39. */
static bool oid_is_valid(struct rk_bytes oid)
{
    uint32_t count = 0;
    int32_t first = 0;
    for (uint32_t from = 0; from <= oid.len; count++) {
        uint32_t to = index_of(oid, '.', from);
        struct rk_bytes part = slice(oid, from, to);
        for (uint32_t at = 0; at < part.len; at++) {
            if (!is_digit(part.data[at])) {
                return false;
            }
        }
        /* Later numbers may be of any size. */
        int32_t value = INT32_MAX;
        bool is_small = parse_int(part, 10, &value);
        if (part.len == 0 || (count == 0 && (!is_small || value > 2)) ||
            (count == 1 && first < 2 && (!is_small || value > 39))) {
            return false;
        }
        first = count == 0 ? value : first;
        from = to + 1;
    }
    return count >= 2;
}

/* What stands before '=': a known name in any case, or an OID. */
static bool attribute_is_valid(struct rk_bytes name)
{
    static const char *const names[] = {
        "CN",           "C",          "L",     "S",
        "ST",           "O",          "OU",    "T",
        "IP",           "STREET",     "DC",    "DNQUALIFIER",
        "DNQ",          "SURNAME",    "UID",   "GIVENNAME",
        "INITIALS",     "GENERATION", "EMAIL", "EMAILADDRESS",
        "SERIALNUMBER",
    };
    char upper[16];
    while (name.len > 0 && name.data[0] <= ' ') {
        name = slice(name, 1, name.len);
    }
    while (name.len > 0 && name.data[name.len - 1] <= ' ') {
        name.len--;
    }
    size_t len = name.len < sizeof(upper) ? name.len : sizeof(upper);
    for (size_t i = 0; i < len; i++) {
        bool is_lower = name.data[i] >= 'a' && name.data[i] <= 'z';
        upper[i] = (char)(is_lower ? name.data[i] - 'a' + 'A' : name.data[i]);
    }
    for (size_t i = 0; name.len < sizeof(upper) && i < sizeof(names) / sizeof(names[0]); i++) {
        if (rk_bytes_is(rk_bytes_of(upper, len), names[i])) {
            return true;
        }
    }
    bool has_prefix = len >= 4 && memcmp(upper, "OID.", 4) == 0;
    return oid_is_valid(slice(name, has_prefix ? 4 : 0, name.len));
}

/* Steps over a backslash and what it escapes: a hex pair, or one of these. */
static bool skip_escape(struct rk_bytes dn, uint32_t *at, const char *specials)
{
    if (*at + 1 >= dn.len) {
        return false;
    }
    uint8_t c = dn.data[*at + 1];
    if (hex_value(c) >= 0) {
        bool is_pair = *at + 2 < dn.len && hex_value(dn.data[*at + 2]) >= 0;
        *at += 3;
        return is_pair;
    }
    *at += 2;
    return is_one_of(c, specials);
}

static uint32_t skip_blanks(struct rk_bytes dn, uint32_t at)
{
    while (at < dn.len && (dn.data[at] == ' ' || dn.data[at] == '\n')) {
        at++;
    }
    return at;
}

/* One value, up to the separator after it (left in *at) or the end. */
static bool skip_value(struct rk_bytes dn, uint32_t *at)
{
    *at = skip_blanks(dn, *at);
    if (*at == dn.len) {
        return true;
    }
    if (dn.data[*at] == '#') {
        uint32_t from = ++*at;
        while (*at < dn.len && !is_one_of(dn.data[*at], ",;+")) {
            ++*at;
        }
        return der_is_valid(slice(dn, from, *at));
    }
    if (dn.data[*at] == '"') {
        ++*at;
        while (*at < dn.len && dn.data[*at] != '"') {
            if (dn.data[*at] != '\\') {
                ++*at;
            } else if (!skip_escape(dn, at, ",=\n+<>#;\\\"")) {
                return false;
            }
        }
        if (*at >= dn.len) {
            return false;
        }
        *at = skip_blanks(dn, *at + 1);
        return *at == dn.len || is_one_of(dn.data[*at], ",;+");
    }
    while (*at < dn.len && !is_one_of(dn.data[*at], ",;+")) {
        if (dn.data[*at] != '\\') {
            if (is_one_of(dn.data[*at], "<>\"")) {
                return false;
            }
            ++*at;
        } else if (!skip_escape(dn, at, ",=\n+<>#;\\\" ")) {
            return false;
        }
    }
    return true;
}

/* A distinguished name as javax.security.auth.x500.X500Principal takes it: RFC 2253, and of RFC
 * 1779 the quotes, the semicolons and the blanks. Empty is a name too. */
bool rk_acl_x509_is_valid(struct rk_bytes dn)
{
    uint32_t at = 0;
    while (dn.len > 0) {
        uint32_t equals = at;
        while (equals < dn.len && !is_one_of(dn.data[equals], "=,;+")) {
            equals++;
        }
        if (equals == dn.len || dn.data[equals] != '=' ||
            !attribute_is_valid(slice(dn, at, equals))) {
            return false;
        }
        at = equals + 1;
        if (!skip_value(dn, &at)) {
            return false;
        }
        if (at == dn.len) {
            return true;
        }
        at++; /* the separator, after which another one must come */
    }
    return true;
}
