/* Identities of a connection, and the login of the digest scheme. Guarantees that what a connection
 * can make us hold is bounded, and that an identity added once stays as it was. Which request adds
 * which is the core's business, the hash a library's.
 * ZK: ServerCnxn.addAuthInfo, DigestAuthenticationProvider. */
#include "core/acl.h"

#include <string.h>

#define IDS_FIRST 4u

void rk_auth_ids_init(struct rk_auth_ids *ids)
{
    *ids = (struct rk_auth_ids){0};
}

void rk_auth_ids_deinit(struct rk_auth_ids *ids, struct rk_mem *mem)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        struct rk_id *id = &ids->items[i];
        union {
            const uint8_t *held;
            void *given_back;
        } text = {.held = id->scheme.data};
        rk_mem_free(mem, text.given_back, (size_t)id->scheme.len + id->id.len);
    }
    rk_mem_free(mem, ids->items, ids->cap * sizeof(ids->items[0]));
    rk_auth_ids_init(ids);
}

static bool grow_ids(struct rk_auth_ids *ids, struct rk_mem *mem)
{
    if (ids->count < ids->cap) {
        return true;
    }
    uint32_t cap = ids->cap == 0 ? IDS_FIRST : ids->cap * 2;
    struct rk_id *grown = rk_mem_resize(mem, ids->items, ids->cap * sizeof(ids->items[0]),
                                        cap * sizeof(ids->items[0]));
    if (grown == NULL) {
        return false;
    }
    ids->items = grown;
    ids->cap = cap;
    return true;
}

enum rk_err rk_auth_ids_add(struct rk_auth_ids *ids, struct rk_mem *mem, struct rk_bytes scheme,
                            struct rk_bytes id)
{
    RK_ASSERT(scheme.len > 0);
    RK_ASSERT(id.data != NULL);
    for (uint32_t i = 0; i < ids->count; i++) {
        if (rk_bytes_equal(ids->items[i].scheme, scheme) && rk_bytes_equal(ids->items[i].id, id)) {
            return RK_OK;
        }
    }
    uint64_t bytes = (uint64_t)scheme.len + id.len;
    if (ids->count >= RK_AUTH_IDS_MAX || bytes > RK_AUTH_BYTES_MAX - ids->bytes) {
        return RK_ERR_TOO_BIG;
    }
    uint8_t *text = grow_ids(ids, mem) ? rk_mem_alloc(mem, (size_t)bytes) : NULL;
    if (text == NULL) {
        return RK_ERR_NOMEM;
    }
    memcpy(text, scheme.data, scheme.len);
    memcpy(text + scheme.len, id.data, id.len);
    ids->items[ids->count] = (struct rk_id){
        .scheme = rk_bytes_of(text, scheme.len),
        .id = rk_bytes_of(text + scheme.len, id.len),
    };
    ids->count++;
    ids->bytes += (uint32_t)bytes;
    ids->is_super = ids->is_super || rk_bytes_is(scheme, "super");
    return RK_OK;
}

bool rk_auth_ids_has_scheme(const struct rk_auth_ids *ids, struct rk_bytes scheme)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        if (rk_bytes_equal(ids->items[i].scheme, scheme)) {
            return true;
        }
    }
    return false;
}

/* -- the digest login -------------------------------------------------------------------------- */

static size_t put_base64(uint8_t *out, const uint8_t *in, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)in[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            out[len++] = (uint8_t)(k <= left ? digits[group >> (18 - 6 * k) & 63u] : '=');
        }
    }
    return len;
}

/* The UTF-8 sequence at p, or the piece that Java replaces by one U+FFFD: the longest beginning of
 * a sequence, a whole surrogate, or one byte. */
static size_t utf8_step(const uint8_t *p, size_t left, bool *ret_is_valid)
{
    uint8_t lead = p[0];
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    *ret_is_valid = lead < 0x80;
    if (lead < 0xc2 || lead > 0xf4) {
        return 1;
    }
    for (size_t i = 1; i <= more; i++) {
        uint8_t low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        uint8_t high = i == 1 && lead == 0xf4 ? 0x8f : 0xbf;
        if (i == left || p[i] < low || p[i] > high) {
            return i;
        }
    }
    *ret_is_valid = !(lead == 0xed && p[1] >= 0xa0);
    return more + 1;
}

/* The text that Java makes of these bytes: new String(bytes).getBytes(UTF_8). */
static struct rk_bytes as_text(struct rk_bytes in, struct rk_arena *a)
{
    uint8_t *out = rk_arena_alloc(a, (size_t)in.len * 3 + 1);
    size_t len = 0;
    for (size_t at = 0; at < in.len;) {
        bool is_valid;
        size_t step = utf8_step(in.data + at, in.len - at, &is_valid);
        if (is_valid) {
            memcpy(out + len, in.data + at, step);
            len += step;
        } else {
            memcpy(out + len, "\xef\xbf\xbd", 3);
            len += 3;
        }
        at += step;
    }
    return rk_bytes_of(out, len);
}

/* Where the user's name ends: the first ':' or the end. */
static uint32_t colon_of(struct rk_bytes text)
{
    uint32_t at = 0;
    while (at < text.len && text.data[at] != ':') {
        at++;
    }
    return at;
}

struct rk_bytes rk_auth_digest_id(const struct rk_digest_alg *alg, struct rk_bytes user_password,
                                  struct rk_arena *a)
{
    uint8_t hash[64];
    RK_ASSERT(alg->len > 0);
    RK_ASSERT(alg->len <= sizeof(hash));
    struct rk_bytes text = as_text(user_password, a);
    alg->hash(text.data, text.len, hash);
    uint32_t user_len = colon_of(text);
    uint8_t *id = rk_arena_alloc(a, (size_t)user_len + 1 + sizeof(hash) / 3 * 4 + 4);
    memcpy(id, text.data, user_len);
    id[user_len] = ':';
    size_t len = (size_t)user_len + 1 + put_base64(id + user_len + 1, hash, alg->len);
    return rk_bytes_of(id, len);
}

bool rk_auth_equal_secret(struct rk_bytes a, struct rk_bytes b)
{
    volatile uint8_t difference = 0;
    if (a.len != b.len || (a.data == NULL) != (b.data == NULL)) {
        return false;
    }
    for (uint32_t i = 0; i < a.len; i++) {
        difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
    }
    return difference == 0;
}
