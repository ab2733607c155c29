/* Who may do what: evaluation of ACLs, their fix-up on create and setACL, and what of them is
 * shown. Work is bounded by the size of the list: n entries take n log n comparisons, and fix-up
 * makes a list grow by a fixed number of bytes at most.
 *
 * Left to others: what an id may look like (acl_syntax.c), identities and logins (acl_login.c),
 * which node's list applies (core). ZK: ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL,
 * ProviderRegistry. */
#include "core/acl.h"

#include "core/acl_syntax.h"
#include "proto/zk_error.h"

#include <string.h>

/* An "auth" entry stands for all identities of the connection, so a list may grow by fix-up: by
 * this much at most, or nobody could read the result back. */
#define GROWTH_BYTES_MAX (1u << 20)

/* Lists up to this length are searched for duplicates entry by entry. */
#define FEW_ENTRIES 16

enum provider {
    PROVIDER_NONE,
    PROVIDER_DIGEST,
    PROVIDER_IP,
    PROVIDER_SASL,
    PROVIDER_X509,
};

/* -- evaluation -------------------------------------------------------------------------------- */

static enum provider provider_of(struct rk_bytes scheme, const struct rk_acl_schemes *schemes)
{
    if (schemes->digest && rk_bytes_is(scheme, "digest")) {
        return PROVIDER_DIGEST;
    }
    if (schemes->ip && rk_bytes_is(scheme, "ip")) {
        return PROVIDER_IP;
    }
    if (schemes->sasl && rk_bytes_is(scheme, "sasl")) {
        return PROVIDER_SASL;
    }
    if (schemes->x509 && rk_bytes_is(scheme, "x509")) {
        return PROVIDER_X509;
    }
    return PROVIDER_NONE;
}

static bool id_matches(enum provider provider, struct rk_bytes id, struct rk_bytes acl_id)
{
    switch (provider) {
    case PROVIDER_IP:
        return rk_acl_ip_matches(id, acl_id);
    case PROVIDER_SASL:
        return rk_bytes_is(id, "super") || rk_bytes_equal(id, acl_id);
    case PROVIDER_DIGEST:
    case PROVIDER_X509:
        return rk_bytes_equal(id, acl_id);
    case PROVIDER_NONE:
        break;
    }
    return false;
}

/* Does this provider's id name somebody, rather than a place? ZK: isAuthenticated. */
static bool is_creator(enum provider provider)
{
    return provider != PROVIDER_NONE && provider != PROVIDER_IP;
}

static bool id_is_valid(enum provider provider, struct rk_bytes id)
{
    uint8_t address[16];
    size_t len;
    uint32_t bits;
    switch (provider) {
    case PROVIDER_DIGEST:
        return rk_acl_digest_is_valid(id);
    case PROVIDER_IP:
        return rk_ip_parse(id, address, &len, &bits);
    case PROVIDER_SASL:
        return rk_acl_sasl_is_valid(id);
    case PROVIDER_X509:
        return rk_acl_x509_is_valid(id);
    case PROVIDER_NONE:
        break;
    }
    return false;
}

static bool is_anyone(const struct rk_id *id)
{
    /* Of every read's way: lengths first, then two comparisons of known length. */
    return id->scheme.len == 5 && id->id.len == 6 && memcmp(id->scheme.data, "world", 5) == 0 &&
           memcmp(id->id.data, "anyone", 6) == 0;
}

bool rk_acl_allows(const struct rk_vec_acl *acl, int32_t wanted, const struct rk_auth_ids *ids,
                   const struct rk_acl_schemes *schemes)
{
    if (ids->is_super) {
        return true;
    }
    if (acl == NULL) {
        return false;
    }
    if (acl->count <= 0) {
        return true;
    }
    for (int32_t i = 0; i < acl->count; i++) {
        const struct rk_acl *entry = &acl->items[i];
        if ((entry->perms & wanted) == 0) {
            continue;
        }
        if (is_anyone(&entry->id)) {
            return true;
        }
        enum provider provider = provider_of(entry->id.scheme, schemes);
        for (uint32_t k = 0; provider != PROVIDER_NONE && k < ids->count; k++) {
            const struct rk_id *id = &ids->items[k];
            if (rk_bytes_equal(id->scheme, entry->id.scheme) &&
                id_matches(provider, id->id, entry->id.id)) {
                return true;
            }
        }
    }
    return false;
}

/* -- fix-up ------------------------------------------------------------------------------------ */

static int compare_texts(struct rk_bytes a, struct rk_bytes b)
{
    if ((a.data == NULL) != (b.data == NULL)) {
        return a.data == NULL ? -1 : 1;
    }
    return rk_bytes_compare(a, b);
}

static int compare_entries(const struct rk_acl *a, const struct rk_acl *b)
{
    int order = compare_texts(a->id.scheme, b->id.scheme);
    if (order == 0) {
        order = compare_texts(a->id.id, b->id.id);
    }
    return order != 0 ? order : (a->perms > b->perms) - (a->perms < b->perms);
}

/* Merge sort of indexes; equal entries stay in order, so that the first of them is told by its
 * place. */
static uint32_t *sort_entries(const struct rk_acl *items, uint32_t count, struct rk_arena *a)
{
    uint32_t *in = rk_arena_alloc(a, count * sizeof(in[0]));
    uint32_t *out = rk_arena_alloc(a, count * sizeof(out[0]));
    for (uint32_t i = 0; i < count; i++) {
        in[i] = i;
    }
    for (uint32_t run = 1; run < count; run *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * run) {
            uint32_t middle = count - from < run ? count : from + run;
            uint32_t to = count - middle < run ? count : middle + run;
            uint32_t left = from;
            uint32_t right = middle;
            for (uint32_t i = from; i < to; i++) {
                bool is_left =
                    right == to ||
                    (left < middle && compare_entries(&items[in[left]], &items[in[right]]) <= 0);
                out[i] = is_left ? in[left++] : in[right++];
            }
        }
        uint32_t *sorted = out;
        out = in;
        in = sorted;
    }
    return in;
}

/* The list without its repetitions, in order, in the arena. */
static struct rk_vec_acl without_duplicates(const struct rk_vec_acl *in, struct rk_arena *a)
{
    uint32_t count = (uint32_t)in->count;
    struct rk_vec_acl out = {.items = rk_arena_alloc(a, count * sizeof(out.items[0]))};
    if (count <= FEW_ENTRIES) {
        for (uint32_t i = 0; i < count; i++) {
            int32_t k = 0;
            while (k < out.count && compare_entries(&out.items[k], &in->items[i]) != 0) {
                k++;
            }
            if (k == out.count) {
                out.items[out.count++] = in->items[i];
            }
        }
        return out;
    }
    const uint32_t *sorted = sort_entries(in->items, count, a);
    bool *is_repeated = rk_arena_alloc(a, count);
    memset(is_repeated, 0, count);
    for (uint32_t i = 1; i < count; i++) {
        is_repeated[sorted[i]] =
            compare_entries(&in->items[sorted[i - 1]], &in->items[sorted[i]]) == 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_repeated[i]) {
            out.items[out.count++] = in->items[i];
        }
    }
    return out;
}

/* An entry other than "auth". A null id is a null pointer to Apache, and a different error. */
static int32_t judge(const struct rk_id *id, const struct rk_acl_schemes *schemes)
{
    enum provider provider = provider_of(id->scheme, schemes);
    if (provider != PROVIDER_NONE || rk_bytes_is(id->scheme, "world")) {
        if (id->id.data == NULL) {
            return RK_ZK_MARSHALLING_ERROR;
        }
    }
    return is_anyone(id) || id_is_valid(provider, id->id) ? RK_ZK_OK : RK_ZK_INVALID_ACL;
}

int32_t rk_acl_fix(const struct rk_vec_acl *in, const struct rk_auth_ids *ids,
                   const struct rk_acl_schemes *schemes, struct rk_arena *a, struct rk_vec_acl *ret)
{
    uint32_t creators[RK_AUTH_IDS_MAX];
    uint32_t creator_count = 0;
    uint32_t creator_bytes = 0;
    uint64_t auth_count = 0;
    if (in->count <= 0) {
        return RK_ZK_INVALID_ACL;
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        if (is_creator(provider_of(ids->items[i].scheme, schemes))) {
            creators[creator_count++] = i;
            creator_bytes += RK_ACL_BYTES_MIN + ids->items[i].scheme.len + ids->items[i].id.len;
        }
    }
    struct rk_vec_acl unique = without_duplicates(in, a);
    for (int32_t i = 0; i < unique.count; i++) {
        const struct rk_id *id = &unique.items[i].id;
        bool is_auth = rk_bytes_is(id->scheme, "auth");
        int32_t result = is_auth ? RK_ZK_OK : judge(id, schemes);
        auth_count += is_auth;
        if (result != RK_ZK_OK) {
            return result;
        }
        if (is_auth && (creator_count == 0 || auth_count * creator_bytes > GROWTH_BYTES_MAX)) {
            return RK_ZK_INVALID_ACL;
        }
    }
    size_t count = (size_t)unique.count - auth_count + auth_count * creator_count;
    struct rk_vec_acl out = {.items = rk_arena_alloc(a, count * sizeof(out.items[0]))};
    for (int32_t i = 0; i < unique.count; i++) {
        if (!rk_bytes_is(unique.items[i].id.scheme, "auth")) {
            out.items[out.count++] = unique.items[i];
            continue;
        }
        for (uint32_t k = 0; k < creator_count; k++) {
            out.items[out.count++] =
                (struct rk_acl){.perms = unique.items[i].perms, .id = ids->items[creators[k]]};
        }
    }
    RK_ASSERT((size_t)out.count == count);
    *ret = out;
    return RK_ZK_OK;
}

/* -- showing ----------------------------------------------------------------------------------- */

/* Length of the line end at this place, 0 if there is none: what '.' in Java's patterns stops at.
 */
static uint32_t line_end(struct rk_bytes text, uint32_t at)
{
    static const char *const ends[] = {"\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    struct rk_bytes rest = rk_bytes_of(text.data + at, text.len - at);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (rk_bytes_starts_with(rest, rk_bytes_str(ends[i]))) {
            return (uint32_t)strlen(ends[i]);
        }
    }
    return 0;
}

/* Every ':' and the rest of its line become ":x". ZK: FinalRequestProcessor, getACL. */
static struct rk_bytes mask_id(struct rk_bytes id, struct rk_arena *a)
{
    /* A ':' alone grows by one. */
    uint8_t *out = rk_arena_alloc(a, (size_t)id.len * 2 + 1);
    size_t len = 0;
    uint32_t at = 0;
    while (at < id.len) {
        if (id.data[at] != ':') {
            out[len++] = id.data[at++];
            continue;
        }
        out[len++] = ':';
        out[len++] = 'x';
        while (at < id.len && line_end(id, at) == 0) {
            at++;
        }
    }
    return rk_bytes_of(out, len);
}

void rk_acl_mask(const struct rk_vec_acl *in, struct rk_arena *a, struct rk_vec_acl *ret)
{
    struct rk_vec_acl out = *in;
    if (in->count > 0) {
        out.items = rk_arena_alloc(a, (size_t)in->count * sizeof(out.items[0]));
    }
    for (int32_t i = 0; i < in->count; i++) {
        out.items[i] = in->items[i];
        if (rk_bytes_is(in->items[i].id.scheme, "digest") && in->items[i].id.id.data != NULL) {
            out.items[i].id.id = mask_id(in->items[i].id.id, a);
        }
    }
    *ret = out;
}

/* What stands before the hash. */
static struct rk_bytes user_of(struct rk_bytes digest_id)
{
    uint32_t len = 0;
    while (len < digest_id.len && digest_id.data[len] != ':') {
        len++;
    }
    return rk_bytes_of(digest_id.data, len);
}

struct rk_bytes rk_auth_user(const struct rk_id *id, const struct rk_acl_schemes *schemes)
{
    switch (provider_of(id->scheme, schemes)) {
    case PROVIDER_NONE:
        break;
    case PROVIDER_DIGEST:
        return user_of(id->id);
    case PROVIDER_IP:
    case PROVIDER_SASL:
    case PROVIDER_X509:
        return id->id;
    }
    return rk_bytes_of("", 0);
}
