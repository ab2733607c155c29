/* Who may do what, for the reference model. IPv4 only: the clients of the simulator have no other
 * addresses. */
#include "sim/model.h"

#include "base/map.h"

#include <string.h>

/* -- Identities -- */

void rk_sim_ids_add(struct rk_mem *mem, struct sim_ids *ids, struct rk_bytes scheme,
                    struct rk_bytes id)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        if (rk_bytes_equal(rk_sim_bytes(ids->items[i].scheme), scheme) &&
            rk_bytes_equal(rk_sim_bytes(ids->items[i].id), id)) {
            return;
        }
    }
    if (ids->count == ids->cap) {
        uint32_t cap = ids->cap == 0 ? 4 : ids->cap * 2;
        ids->items = rk_mem_must_resize(mem, ids->items, ids->cap * sizeof(ids->items[0]),
                                        cap * sizeof(ids->items[0]));
        ids->cap = cap;
    }
    ids->items[ids->count++] =
        (struct sim_who){.scheme = rk_sim_blob(mem, scheme), .id = rk_sim_blob(mem, id)};
}

void rk_sim_ids_copy(struct rk_mem *mem, struct sim_ids *to, const struct sim_ids *from)
{
    *to = (struct sim_ids){.count = from->count, .cap = from->count};
    if (from->count == 0) {
        return;
    }
    to->items = rk_mem_must_alloc(mem, from->count * sizeof(to->items[0]));
    for (uint32_t i = 0; i < from->count; i++) {
        to->items[i].scheme = rk_sim_blob_ref(from->items[i].scheme);
        to->items[i].id = rk_sim_blob_ref(from->items[i].id);
    }
}

void rk_sim_ids_deinit(struct rk_mem *mem, struct sim_ids *ids)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        rk_sim_blob_drop(mem, ids->items[i].scheme);
        rk_sim_blob_drop(mem, ids->items[i].id);
    }
    rk_mem_free(mem, ids->items, ids->cap * sizeof(ids->items[0]));
    *ids = (struct sim_ids){.items = NULL};
}

bool rk_sim_ids_has_scheme(const struct sim_ids *ids, const char *scheme)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        if (rk_bytes_is(rk_sim_bytes(ids->items[i].scheme), scheme)) {
            return true;
        }
    }
    return false;
}

void rk_sim_one_way(const void *data, size_t len, uint8_t ret[64])
{
    memset(ret, 0, 64);
    for (uint32_t i = 0; i < 3; i++) {
        rk_store_i64(ret + 8 * i, (int64_t)rk_hash_bytes(data, len, i + 1));
    }
}

/* user:base64(hash of the whole) */
bool rk_sim_digest_login(struct rk_mem *mem, struct rk_bytes auth, struct sim_blob **ret_id)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t hash[64];
    uint8_t text[512];
    uint32_t len = 0;
    if (auth.data == NULL) {
        return false;
    }
    rk_sim_one_way(auth.data, auth.len, hash);
    while (len < auth.len && auth.data[len] != ':') {
        RK_ASSERT(len < 400);
        text[len] = auth.data[len];
        len++;
    }
    text[len++] = ':';
    for (uint32_t bit = 0; bit < SIM_ONE_WAY_BYTES * 8; bit += 6) {
        uint32_t pair = (uint32_t)hash[bit / 8] << 8 | hash[bit / 8 + 1];
        if (bit / 8 + 1 == SIM_ONE_WAY_BYTES) {
            pair &= 0xff00u;
        }
        text[len++] = (uint8_t)digits[(pair >> (10 - bit % 8)) & 63];
    }
    _Static_assert(SIM_ONE_WAY_BYTES % 3 == 2, "one sign of padding");
    text[len++] = '=';
    *ret_id = rk_sim_blob(mem, rk_bytes_of(text, len));
    return true;
}

struct rk_bytes rk_sim_user_of(const struct sim_who *who)
{
    struct rk_bytes scheme = rk_sim_bytes(who->scheme);
    struct rk_bytes id = rk_sim_bytes(who->id);
    if (rk_bytes_is(scheme, "ip")) {
        return id;
    }
    if (!rk_bytes_is(scheme, "digest")) {
        return rk_bytes_of("", 0);
    }
    uint32_t len = 0;
    while (len < id.len && id.data[len] != ':') {
        len++;
    }
    return rk_bytes_of(id.data, len);
}

/* -- Addresses -- */

static bool parse_number(struct rk_bytes text, uint32_t *at, uint32_t max, uint32_t *ret)
{
    uint32_t value = 0;
    uint32_t from = *at;
    while (*at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9' && *at - from < 4) {
        value = value * 10 + (text.data[*at] - '0');
        (*at)++;
    }
    *ret = value;
    return *at > from && value <= max;
}

static bool parse_ip(struct rk_bytes text, uint32_t *ret_address, uint32_t *ret_bits)
{
    uint32_t at = 0;
    *ret_address = 0;
    *ret_bits = 32;
    if (text.data == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t octet;
        if (i > 0 && (at >= text.len || text.data[at++] != '.')) {
            return false;
        }
        if (!parse_number(text, &at, 255, &octet)) {
            return false;
        }
        *ret_address = *ret_address << 8 | octet;
    }
    if (at == text.len) {
        return true;
    }
    return text.data[at++] == '/' && parse_number(text, &at, 32, ret_bits) && at == text.len;
}

static bool ip_matches(struct rk_bytes id, struct rk_bytes pattern)
{
    uint32_t address;
    uint32_t wanted;
    uint32_t bits;
    uint32_t whole;
    if (!parse_ip(id, &address, &whole) || !parse_ip(pattern, &wanted, &bits)) {
        return false;
    }
    uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return (address & mask) == (wanted & mask);
}

/* -- Evaluation -- */

static bool is_anyone(struct rk_bytes scheme, struct rk_bytes id)
{
    return rk_bytes_is(scheme, "world") && rk_bytes_is(id, "anyone");
}

static bool grant_names(const struct sim_model *m, const struct sim_grant *g,
                        const struct sim_who *who)
{
    struct rk_bytes scheme = rk_sim_bytes(g->who.scheme);
    if (!rk_bytes_equal(scheme, rk_sim_bytes(who->scheme))) {
        return false;
    }
    if (rk_bytes_is(scheme, "digest")) {
        return m->rules.digest_scheme &&
               rk_bytes_equal(rk_sim_bytes(g->who.id), rk_sim_bytes(who->id));
    }
    return rk_bytes_is(scheme, "ip") && ip_matches(rk_sim_bytes(who->id), rk_sim_bytes(g->who.id));
}

bool rk_sim_allows(const struct sim_model *m, const struct sim_acl *acl, int32_t perms,
                   const struct sim_ids *ids)
{
    if (m->rules.skip_acl || acl == NULL || rk_sim_ids_has_scheme(ids, "super")) {
        return true;
    }
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct sim_grant *g = &acl->grants[i];
        if ((g->perms & perms) == 0) {
            continue;
        }
        if (is_anyone(rk_sim_bytes(g->who.scheme), rk_sim_bytes(g->who.id))) {
            return true;
        }
        for (uint32_t k = 0; k < ids->count; k++) {
            if (grant_names(m, g, &ids->items[k])) {
                return true;
            }
        }
    }
    return false;
}

/* -- Fix-up -- */

/* Java's split(":") gives two parts. */
static bool is_digest_id(struct rk_bytes id)
{
    uint32_t end = id.len;
    uint32_t colons = 0;
    while (end > 0 && id.data[end - 1] == ':') {
        end--;
    }
    for (uint32_t i = 0; i < end; i++) {
        colons += id.data[i] == ':';
    }
    return colons == 1;
}

static int32_t judge_entry(const struct sim_model *m, const struct rk_id *id)
{
    uint32_t address;
    uint32_t bits;
    bool is_digest = rk_bytes_is(id->scheme, "digest") && m->rules.digest_scheme;
    bool is_ip = rk_bytes_is(id->scheme, "ip");
    bool is_world = rk_bytes_is(id->scheme, "world");
    if (id->id.data == NULL && (is_digest || is_ip || is_world)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    bool is_valid = is_anyone(id->scheme, id->id) || (is_digest && is_digest_id(id->id)) ||
                    (is_ip && parse_ip(id->id, &address, &bits));
    return is_valid ? RK_ZK_OK : RK_ZK_INVALID_ACL;
}

static bool is_repeated(const struct rk_vec_acl *asked, int32_t at)
{
    const struct rk_acl *a = &asked->items[at];
    for (int32_t i = 0; i < at; i++) {
        const struct rk_acl *b = &asked->items[i];
        if (a->perms == b->perms && rk_bytes_equal(a->id.scheme, b->id.scheme) &&
            rk_bytes_equal(a->id.id, b->id.id)) {
            return true;
        }
    }
    return false;
}

static void put_grant(struct rk_mem *mem, struct sim_acl *acl, int32_t perms,
                      struct rk_bytes scheme, struct rk_bytes id)
{
    struct sim_grant *g = &acl->grants[acl->count++];
    g->perms = perms;
    g->who.scheme = rk_sim_blob(mem, scheme);
    g->who.id = rk_sim_blob(mem, id);
}

static size_t acl_bytes(uint32_t count)
{
    return sizeof(struct sim_acl) + count * sizeof(struct sim_grant);
}

/* Adds what one entry stands for. */
static int32_t fix_entry(const struct sim_model *m, const struct rk_acl *entry,
                         const struct sim_ids *ids, struct sim_acl *acl)
{
    if (!rk_bytes_is(entry->id.scheme, "auth")) {
        int32_t err = judge_entry(m, &entry->id);
        if (err == RK_ZK_OK) {
            put_grant(m->mem, acl, entry->perms, entry->id.scheme, entry->id.id);
        }
        return err;
    }
    uint32_t before = acl->count;
    for (uint32_t k = 0; k < ids->count; k++) {
        if (rk_bytes_is(rk_sim_bytes(ids->items[k].scheme), "digest") && m->rules.digest_scheme) {
            put_grant(m->mem, acl, entry->perms, rk_sim_bytes(ids->items[k].scheme),
                      rk_sim_bytes(ids->items[k].id));
        }
    }
    return acl->count > before ? RK_ZK_OK : RK_ZK_INVALID_ACL;
}

int32_t rk_sim_fix_acl(const struct sim_model *m, const struct rk_vec_acl *asked,
                       const struct sim_ids *ids, struct sim_acl **ret)
{
    if (asked->count <= 0) {
        return RK_ZK_INVALID_ACL;
    }
    uint32_t most = (uint32_t)asked->count * (ids->count + 1);
    struct sim_acl *wide = rk_mem_must_alloc(m->mem, acl_bytes(most));
    wide->refs = 1;
    wide->count = 0;
    int32_t err = RK_ZK_OK;
    for (int32_t i = 0; i < asked->count && err == RK_ZK_OK; i++) {
        if (!is_repeated(asked, i)) {
            err = fix_entry(m, &asked->items[i], ids, wide);
        }
    }
    /* Same size as it will be freed with. */
    struct sim_acl *acl = rk_mem_must_alloc(m->mem, acl_bytes(wide->count));
    memcpy(acl, wide, acl_bytes(wide->count));
    rk_mem_free(m->mem, wide, acl_bytes(most));
    if (err != RK_ZK_OK) {
        rk_sim_acl_drop(m->mem, acl);
        return err;
    }
    *ret = acl;
    return RK_ZK_OK;
}

struct sim_acl *rk_sim_acl_ref(struct sim_acl *acl)
{
    if (acl != NULL) {
        acl->refs++;
    }
    return acl;
}

void rk_sim_acl_drop(struct rk_mem *mem, struct sim_acl *acl)
{
    if (acl == NULL) {
        return;
    }
    RK_ASSERT(acl->refs > 0);
    acl->refs--;
    if (acl->refs > 0) {
        return;
    }
    for (uint32_t i = 0; i < acl->count; i++) {
        rk_sim_blob_drop(mem, acl->grants[i].who.scheme);
        rk_sim_blob_drop(mem, acl->grants[i].who.id);
    }
    rk_mem_free(mem, acl, acl_bytes(acl->count));
}

/* user:x for whoever may not see more. */
static void write_masked(struct rk_buf *b, struct rk_bytes id)
{
    uint8_t text[512];
    uint32_t len = 0;
    while (len < id.len && id.data[len] != ':') {
        RK_ASSERT(len < 400);
        text[len] = id.data[len];
        len++;
    }
    if (len < id.len) {
        text[len++] = ':';
        text[len++] = 'x';
    }
    rk_buf_put_bytes(b, rk_bytes_of(text, len));
}

void rk_sim_acl_write(struct rk_buf *b, const struct sim_acl *acl, bool is_masked)
{
    if (acl == NULL) {
        rk_buf_put_i32(b, 1);
        rk_buf_put_i32(b, RK_PERM_ALL);
        rk_buf_put_bytes(b, rk_bytes_str("world"));
        rk_buf_put_bytes(b, rk_bytes_str("anyone"));
        return;
    }
    rk_buf_put_i32(b, (int32_t)acl->count);
    for (uint32_t i = 0; i < acl->count; i++) {
        const struct sim_grant *g = &acl->grants[i];
        rk_buf_put_i32(b, g->perms);
        rk_buf_put_bytes(b, rk_sim_bytes(g->who.scheme));
        if (is_masked && rk_bytes_is(rk_sim_bytes(g->who.scheme), "digest")) {
            write_masked(b, rk_sim_bytes(g->who.id));
        } else {
            rk_buf_put_bytes(b, rk_sim_bytes(g->who.id));
        }
    }
}
