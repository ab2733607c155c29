/* ACLs: identities, evaluation, fix-up, masking, the digest login. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "core/acl.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct rk_acl_schemes defaults = {.digest = true, .ip = true};
static const struct rk_acl_schemes all_schemes = {
    .digest = true, .ip = true, .sasl = true, .x509 = true};

struct fixture {
    struct rk_mem mem;
    struct rk_arena arena;
    struct rk_auth_ids ids;
};

static void open_fixture(struct fixture *f)
{
    rk_mem_libc_init(&f->mem, 0);
    rk_arena_init(&f->arena, &f->mem);
    rk_auth_ids_init(&f->ids);
}

static void close_fixture(struct fixture *f)
{
    rk_auth_ids_deinit(&f->ids, &f->mem);
    rk_arena_deinit(&f->arena);
    assert_int_equal(f->mem.used_bytes, 0);
}

static struct rk_bytes bytes(const char *text)
{
    return rk_bytes_str(text);
}

static void assert_text(struct rk_bytes got, const char *want)
{
    assert_non_null(got.data);
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

/* "ip:1.2.3.4 digest:u:h": scheme up to the first colon, a blank between. */
static void add_ids(struct fixture *f, const char *list)
{
    while (*list != '\0') {
        size_t scheme_len = strcspn(list, ":");
        size_t len = strcspn(list, " ");
        assert_true(scheme_len < len);
        assert_int_equal(rk_auth_ids_add(&f->ids, &f->mem, rk_bytes_of(list, scheme_len),
                                         rk_bytes_of(list + scheme_len + 1, len - scheme_len - 1)),
                         RK_OK);
        list += len + strspn(list + len, " ");
    }
}

/* The same with perms in front: "31:world:anyone 1:auth:". */
static struct rk_vec_acl make_acl(struct rk_arena *a, const char *list)
{
    struct rk_vec_acl out = {.items = rk_arena_alloc(a, 16 * sizeof(out.items[0]))};
    while (*list != '\0') {
        struct rk_acl *entry = &out.items[out.count++];
        assert_true(out.count <= 16);
        int perms = 0;
        int used = 0;
        assert_int_equal(sscanf(list, "%d:%n", &perms, &used), 1);
        list += used;
        size_t scheme_len = strcspn(list, ":");
        size_t len = strcspn(list, " ");
        entry->perms = perms;
        entry->id.scheme = rk_arena_dup(a, rk_bytes_of(list, scheme_len));
        entry->id.id = rk_arena_dup(a, rk_bytes_of(list + scheme_len + 1, len - scheme_len - 1));
        list += len + strspn(list + len, " ");
    }
    return out;
}

static const char *print_acl(struct rk_arena *a, const struct rk_vec_acl *acl)
{
    char *out = rk_arena_alloc(a, 8192);
    size_t len = 0;
    out[0] = '\0';
    for (int32_t i = 0; i < acl->count; i++) {
        const struct rk_acl *entry = &acl->items[i];
        len += (size_t)snprintf(out + len, 8192 - len, "%s%d:%.*s:%.*s", i == 0 ? "" : " ",
                                entry->perms, (int)entry->id.scheme.len, entry->id.scheme.data,
                                (int)entry->id.id.len, entry->id.id.data);
        assert_true(len < 8192);
    }
    return out;
}

/* -- identities -------------------------------------------------------------------------------- */

static void identities_are_a_set_in_order_of_arrival(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    add_ids(&f, "ip:1.2.3.4 digest:u:h");
    assert_false(f.ids.is_super);
    add_ids(&f, "ip:1.2.3.4 digest:u:h digest:v:h super: ip:u:h digest:u:h");
    assert_int_equal(f.ids.count, 5);
    assert_true(f.ids.is_super);
    assert_text(f.ids.items[1].scheme, "digest");
    assert_text(f.ids.items[1].id, "u:h");
    assert_text(f.ids.items[3].scheme, "super");
    assert_text(f.ids.items[3].id, "");
    assert_true(rk_auth_ids_has_scheme(&f.ids, bytes("ip")));
    assert_false(rk_auth_ids_has_scheme(&f.ids, bytes("i")));
    assert_false(rk_auth_ids_has_scheme(&f.ids, bytes("sasl")));
    close_fixture(&f);
}

static void identities_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    char id[RK_AUTH_BYTES_MAX + 1];
    open_fixture(&f);
    for (unsigned i = 0; i < RK_AUTH_IDS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "user-%u", i);
        assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes(id)), RK_OK);
    }
    assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes("one more")),
                     RK_ERR_TOO_BIG);
    assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes("user-7")), RK_OK);
    assert_int_equal(f.ids.count, RK_AUTH_IDS_MAX);
    close_fixture(&f);

    open_fixture(&f);
    memset(id, 'x', sizeof(id));
    struct rk_bytes longest = rk_bytes_of(id, RK_AUTH_BYTES_MAX - strlen("digest"));
    struct rk_bytes too_long = rk_bytes_of(id, longest.len + 1);
    assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), too_long), RK_ERR_TOO_BIG);
    assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), longest), RK_OK);
    assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("ip"), bytes("")), RK_ERR_TOO_BIG);
    assert_int_equal(f.ids.count, 1);
    close_fixture(&f);
}

static void an_identity_without_memory_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    for (unsigned i = 0; i < 20; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "u%u:h", i);
        uint64_t asked = f.mem.count;
        bool was_refused = false;
        /* Refuse each of the allocations that this one takes. */
        for (uint64_t n = 1; n <= 2; n++) {
            f.mem.fail_at = f.mem.count + n;
            enum rk_err err = rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes(id));
            was_refused = was_refused || err == RK_ERR_NOMEM;
            assert_true(err == RK_OK || err == RK_ERR_NOMEM);
            assert_int_equal(f.ids.count, err == RK_OK ? i + 1 : i);
        }
        assert_true(was_refused);
        assert_true(f.mem.count > asked);
        f.mem.fail_at = 0;
        assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes(id)), RK_OK);
        assert_int_equal(f.ids.count, i + 1);
        assert_text(f.ids.items[i].id, id);
    }
    close_fixture(&f);
}

/* -- evaluation -------------------------------------------------------------------------------- */

static void permissions_follow_the_list(void **state)
{
    (void)state;
    static const struct {
        const char *acl;
        const char *ids;
        int32_t wanted;
        bool is_allowed;
    } cases[] = {
        {"31:world:anyone", "ip:1.1.1.1", RK_PERM_READ, true},
        {"1:world:anyone", "ip:1.1.1.1", RK_PERM_WRITE, false},
        {"1:world:anyone", "ip:1.1.1.1", RK_PERM_READ | RK_PERM_ADMIN,
         true}, /* overlap is enough */
        {"0:world:anyone", "ip:1.1.1.1", RK_PERM_READ, false},
        {"255:world:anyone", "ip:1.1.1.1", RK_PERM_ADMIN, true},
        {"31:world:anybody", "ip:1.1.1.1", RK_PERM_READ, false},
        {"31:digest:u:h", "ip:1.1.1.1", RK_PERM_READ, false},
        {"31:digest:u:h", "ip:1.1.1.1 digest:u:h", RK_PERM_READ, true},
        {"31:digest:u:h", "ip:1.1.1.1 digest:u:H", RK_PERM_READ, false},
        {"31:digest:u:h", "ip:1.1.1.1 sasl:u:h", RK_PERM_READ, false},
        {"31:digest:u:h", "ip:u:h", RK_PERM_READ, false},
        {"16:digest:u:h 1:digest:v:h", "digest:v:h", RK_PERM_ADMIN, false},
        {"16:digest:u:h 1:digest:v:h", "digest:v:h digest:u:h", RK_PERM_ADMIN, true},
        {"0:digest:u:h", "super:", RK_PERM_ALL, true},
        {"31:super:", "ip:1.1.1.1", RK_PERM_READ, false},
        {"31:ip:10.0.0.0/8", "ip:10.9.8.7", RK_PERM_READ, true},
        {"31:ip:10.0.0.0/8", "ip:11.9.8.7", RK_PERM_READ, false},
        {"31:ip:10.9.8.7", "ip:10.9.8.7", RK_PERM_READ, true},
        {"31:ip:::1", "ip:0:0:0:0:0:0:0:1", RK_PERM_READ, true},
        {"31:sasl:bob", "sasl:bob", RK_PERM_READ, true},
        {"31:sasl:bob", "sasl:super", RK_PERM_READ, true},
        {"31:sasl:bob", "sasl:alice", RK_PERM_READ, false},
        {"31:sasl:bob", "digest:super", RK_PERM_READ, false},
        {"31:x509:CN=bob", "x509:CN=bob", RK_PERM_READ, true},
        {"31:x509:CN=bob", "x509:cn=bob", RK_PERM_READ, false},
        {"31:x509:CN=bob", "x509:super", RK_PERM_READ, false},
        {"31:ensemble:e", "ensemble:e", RK_PERM_READ, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        open_fixture(&f);
        add_ids(&f, cases[i].ids);
        struct rk_vec_acl acl = make_acl(&f.arena, cases[i].acl);
        assert_int_equal(rk_acl_allows(&acl, cases[i].wanted, &f.ids, &all_schemes),
                         cases[i].is_allowed);
        close_fixture(&f);
    }
}

static void a_scheme_without_a_provider_matches_nobody(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    add_ids(&f, "ip:1.1.1.1 digest:u:h sasl:bob x509:CN=bob");
    static const struct rk_acl_schemes none = {0};
    static const char *const acls[] = {"31:ip:1.1.1.1", "31:digest:u:h", "31:sasl:bob",
                                       "31:x509:CN=bob"};
    for (size_t i = 0; i < COUNT_OF(acls); i++) {
        struct rk_vec_acl acl = make_acl(&f.arena, acls[i]);
        assert_true(rk_acl_allows(&acl, RK_PERM_READ, &f.ids, &all_schemes));
        assert_int_equal(rk_acl_allows(&acl, RK_PERM_READ, &f.ids, &defaults), i < 2);
        assert_false(rk_acl_allows(&acl, RK_PERM_READ, &f.ids, &none));
    }
    close_fixture(&f);
}

static void no_list_is_for_super_and_an_empty_one_for_all(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    add_ids(&f, "ip:1.1.1.1");
    struct rk_vec_acl empty = {.count = 0};
    struct rk_vec_acl null = {.count = -1};
    struct rk_acl entry = {.perms = 31}; /* null scheme and id, as a damaged snapshot may have */
    struct rk_vec_acl odd = {.count = 1, .items = &entry};
    assert_false(rk_acl_allows(NULL, RK_PERM_READ, &f.ids, &defaults));
    assert_true(rk_acl_allows(&empty, RK_PERM_READ, &f.ids, &defaults));
    assert_true(rk_acl_allows(&null, RK_PERM_READ, &f.ids, &defaults));
    assert_false(rk_acl_allows(&odd, RK_PERM_READ, &f.ids, &defaults));
    add_ids(&f, "super:");
    assert_true(rk_acl_allows(NULL, RK_PERM_READ, &f.ids, &defaults));
    assert_true(rk_acl_allows(&odd, RK_PERM_READ, &f.ids, &defaults));
    close_fixture(&f);
}

/* -- fix-up */

static void fix_up_follows_apache(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *ids;
        int32_t result;
        const char *out;
    } cases[] = {
        {"31:world:anyone", "", RK_ZK_OK, "31:world:anyone"},
        {"", "", RK_ZK_INVALID_ACL, NULL},
        {"31:world:x", "", RK_ZK_INVALID_ACL, NULL},
        {"31:world:", "", RK_ZK_INVALID_ACL, NULL},
        {"31:super:", "super:", RK_ZK_INVALID_ACL, NULL},
        {"31:super:x:y", "super:", RK_ZK_INVALID_ACL, NULL},
        {"31::", "", RK_ZK_INVALID_ACL, NULL},
        {"31:ensemble:e", "", RK_ZK_INVALID_ACL, NULL},
        {"0:world:anyone 255:world:anyone", "", RK_ZK_OK, "0:world:anyone 255:world:anyone"},
        /* Repetitions go, the first stays in its place. */
        {"1:world:anyone 31:digest:a:b 1:world:anyone 31:digest:a:b 2:digest:a:b", "", RK_ZK_OK,
         "1:world:anyone 31:digest:a:b 2:digest:a:b"},
        {"31:digest:a", "", RK_ZK_INVALID_ACL, NULL},
        {"31:world:anyone 31:digest:a", "", RK_ZK_INVALID_ACL, NULL},
        {"31:ip:10.0.0.0/8 1:ip:::1/64", "", RK_ZK_OK, "31:ip:10.0.0.0/8 1:ip:::1/64"},
        {"31:ip:10.0.0.0/33", "", RK_ZK_INVALID_ACL, NULL},
        {"31:sasl:bob", "", RK_ZK_INVALID_ACL, NULL},
        {"31:x509:CN=bob", "", RK_ZK_INVALID_ACL, NULL},
        /* auth: everybody who the connection is, but not where it is. */
        {"31:auth:", "ip:1.1.1.1", RK_ZK_INVALID_ACL, NULL},
        {"31:auth:", "super: ip:1.1.1.1", RK_ZK_INVALID_ACL, NULL},
        {"31:auth:", "sasl:bob", RK_ZK_INVALID_ACL, NULL},
        {"31:auth:", "ip:1.1.1.1 digest:u:h super: digest:v:h", RK_ZK_OK,
         "31:digest:u:h 31:digest:v:h"},
        {"1:world:anyone 7:auth:ignored 2:digest:u:h", "digest:u:h", RK_ZK_OK,
         "1:world:anyone 7:digest:u:h 2:digest:u:h"},
        /* What comes of different entries may repeat. */
        {"7:auth:a 7:auth:b 7:digest:u:h", "digest:u:h", RK_ZK_OK,
         "7:digest:u:h 7:digest:u:h 7:digest:u:h"},
        {"7:auth:a 7:auth:a", "digest:u:h", RK_ZK_OK, "7:digest:u:h"},
        /* The id of a login is not judged again. */
        {"31:auth:", "digest::hash", RK_ZK_OK, "31:digest::hash"},
        {"31:auth: 31:digest:a", "digest:u:h", RK_ZK_INVALID_ACL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        open_fixture(&f);
        add_ids(&f, cases[i].ids);
        struct rk_vec_acl in = make_acl(&f.arena, cases[i].in);
        struct rk_vec_acl out = {.count = -77};
        assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), cases[i].result);
        if (cases[i].out == NULL) {
            assert_int_equal(out.count, -77);
        } else {
            assert_string_equal(print_acl(&f.arena, &out), cases[i].out);
        }
        close_fixture(&f);
    }
}

static void fix_up_with_every_scheme(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    add_ids(&f, "ip:1.1.1.1 sasl:bob digest:u:h x509:CN=bob");
    struct rk_vec_acl in = make_acl(&f.arena, "1:auth: 31:sasl:a/b@C 31:x509:CN=x,O=y");
    struct rk_vec_acl out;
    assert_int_equal(rk_acl_fix(&in, &f.ids, &all_schemes, &f.arena, &out), RK_ZK_OK);
    assert_string_equal(print_acl(&f.arena, &out), "1:sasl:bob 1:digest:u:h 1:x509:CN=bob "
                                                   "31:sasl:a/b@C 31:x509:CN=x,O=y");
    static const struct rk_acl_schemes only_ip = {.ip = true};
    in = make_acl(&f.arena, "31:auth:");
    assert_int_equal(rk_acl_fix(&in, &f.ids, &only_ip, &f.arena, &out), RK_ZK_INVALID_ACL);
    in = make_acl(&f.arena, "31:digest:a:b");
    assert_int_equal(rk_acl_fix(&in, &f.ids, &only_ip, &f.arena, &out), RK_ZK_INVALID_ACL);
    close_fixture(&f);
}

static void fix_up_tells_null_ids_from_bad_ones(void **state)
{
    (void)state;
    static const struct {
        const char *scheme;
        int32_t result;
    } cases[] = {
        {"world", RK_ZK_MARSHALLING_ERROR}, {"digest", RK_ZK_MARSHALLING_ERROR},
        {"ip", RK_ZK_MARSHALLING_ERROR},    {"sasl", RK_ZK_INVALID_ACL},
        {"unknown", RK_ZK_INVALID_ACL},     {"", RK_ZK_INVALID_ACL},
        {NULL, RK_ZK_INVALID_ACL},          {"auth", RK_ZK_OK},
    };
    struct fixture f;
    open_fixture(&f);
    add_ids(&f, "digest:u:h");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rk_acl entries[] = {
            {.perms = 1, .id = {.scheme = bytes("world"), .id = bytes("anyone")}},
            {.perms = 1, .id = {.scheme = bytes(cases[i].scheme)}},
            {.perms = 1, .id = {.scheme = bytes(cases[i].scheme)}},
            /* The first bad entry decides. */
            {.perms = 1, .id = {.scheme = bytes(i % 2 == 0 ? "unknown" : "ip")}},
        };
        struct rk_vec_acl in = {.count = cases[i].result == RK_ZK_OK ? 3 : 4, .items = entries};
        struct rk_vec_acl out;
        assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), cases[i].result);
    }
    struct rk_vec_acl null = {.count = -1};
    assert_int_equal(rk_acl_fix(&null, &f.ids, &defaults, &f.arena, &null), RK_ZK_INVALID_ACL);
    close_fixture(&f);
}

static bool is_same_entry(const struct rk_acl *a, const struct rk_acl *b)
{
    return a->perms == b->perms && rk_bytes_equal(a->id.scheme, b->id.scheme) &&
           rk_bytes_equal(a->id.id, b->id.id);
}

/* Long lists take another way than short ones; both against the obvious one. */
static void repetitions_go_from_lists_of_any_length(void **state)
{
    (void)state;
    enum { LONGEST = 200 };
    static const char *const schemes[] = {"digest", "auth", "auth", "ip"};
    static const char *const ids[] = {"a:b", "a:c", "1.2.3.4", "1.2.3.5/8",
                                      ":x",  "b:b", "a:b:",    NULL};
    struct fixture f;
    struct rk_prng prng;
    open_fixture(&f);
    rk_prng_init(&prng, 3);
    add_ids(&f, "digest:me:h");
    unsigned accepted = 0;
    for (int32_t round = 0; round < 3000; round++) {
        struct rk_acl in_items[LONGEST];
        struct rk_acl want[LONGEST];
        struct rk_vec_acl in = {.count = round % LONGEST + 1, .items = in_items};
        int32_t want_count = 0;
        for (int32_t i = 0; i < in.count; i++) {
            bool is_digest = rk_prng_chance(&prng, 1, 2);
            const char *id = ids[is_digest ? rk_prng_below(&prng, 2) : rk_prng_below(&prng, 8)];
            const char *scheme = is_digest ? "digest" : schemes[1 + rk_prng_below(&prng, 2)];
            in_items[i] = (struct rk_acl){.perms = (int32_t)rk_prng_below(&prng, 3),
                                          .id = {.scheme = bytes(scheme), .id = bytes(id)}};
            int32_t k = 0;
            while (k < i && !is_same_entry(&in_items[k], &in_items[i])) {
                k++;
            }
            if (k == i) {
                want[want_count] = in_items[i];
                if (!is_digest) {
                    want[want_count].id = f.ids.items[0];
                }
                want_count++;
            }
        }
        struct rk_vec_acl out;
        assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), RK_ZK_OK);
        accepted += out.count != in.count;
        assert_int_equal(out.count, want_count);
        for (int32_t i = 0; i < want_count; i++) {
            assert_true(is_same_entry(&out.items[i], &want[i]));
        }
        rk_arena_reset(&f.arena);
    }
    assert_true(accepted > 1000); /* or nothing was repeated */
    close_fixture(&f);
}

/* 87,000 entries fit into one frame: they must take neither their square in time nor, as "auth"
 * with many logins, a hundred times their size in memory. */
static void hostile_lists_are_bounded(void **state)
{
    (void)state;
    enum { MANY = 87000 };
    static struct rk_acl items[MANY];
    struct rk_vec_acl in = {.count = MANY, .items = items};
    struct rk_vec_acl out;
    struct fixture f;
    open_fixture(&f);
    for (unsigned i = 0; i < RK_AUTH_IDS_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "u%u:h", i);
        assert_int_equal(rk_auth_ids_add(&f.ids, &f.mem, bytes("digest"), bytes(id)), RK_OK);
    }
    for (int32_t i = 0; i < MANY; i++) {
        items[i] = (struct rk_acl){.perms = i, .id = {bytes("world"), bytes("anyone")}};
    }
    assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), RK_ZK_OK);
    assert_int_equal(out.count, MANY);
    for (int32_t i = 0; i < MANY; i++) {
        items[i] = (struct rk_acl){.perms = i, .id = {bytes("auth"), bytes("")}};
    }
    rk_arena_reset(&f.arena);
    assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), RK_ZK_INVALID_ACL);
    assert_true(f.mem.used_bytes < (size_t)16 << 20);
    in.count = 1000;
    assert_int_equal(rk_acl_fix(&in, &f.ids, &defaults, &f.arena, &out), RK_ZK_OK);
    assert_int_equal(out.count, 1000 * RK_AUTH_IDS_MAX);
    close_fixture(&f);
}

/* -- showing ----------------------------------------------------------------------------------- */

static void digest_hashes_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *shown;
    } cases[] = {
        {"u:hash", "u:x"},
        {":hash", ":x"},
        {"u:h:", "u:x"},
        {"u:", "u:x"},
        {"u", "u"},
        {"", ""},
        {":", ":x"},
        {"a:b\nc:d", "a:x\nc:x"},
        {"a:b\r\n:", "a:x\r\n:x"},
        {"a:\xc2\x85z", "a:x\xc2\x85z"},
        {"a:b\xe2\x80\xa8z:\xe2\x80\xa7", "a:x\xe2\x80\xa8z:x"},
    };
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rk_acl entries[] = {
            {.perms = 5, .id = {bytes("digest"), bytes(cases[i].id)}},
            {.perms = 6, .id = {bytes("sasl"), bytes("a:b")}},
            {.perms = 7, .id = {bytes("digest"), bytes(NULL)}},
        };
        struct rk_vec_acl in = {.count = 3, .items = entries};
        struct rk_vec_acl out;
        rk_acl_mask(&in, &f.arena, &out);
        assert_int_equal(out.count, 3);
        assert_int_equal(out.items[0].perms, 5);
        assert_text(out.items[0].id.id, cases[i].shown);
        assert_text(out.items[1].id.id, "a:b");
        assert_null(out.items[2].id.id.data);
        assert_text(in.items[0].id.id, cases[i].id); /* the node's list is not touched */
    }
    close_fixture(&f);
}

static void whoami_shows_users(void **state)
{
    (void)state;
    static const struct {
        const char *scheme;
        const char *id;
        const char *by_default;
        const char *with_all;
    } cases[] = {
        {"digest", "u:hash", "u", "u"},
        {"digest", ":hash", "", ""},
        {"ip", "1.2.3.4", "1.2.3.4", "1.2.3.4"},
        {"super", "", "", ""},
        {"super", "CN=x", "", ""},
        {"sasl", "bob@R", "", "bob@R"},
        {"x509", "CN=a:b", "", "CN=a:b"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rk_id id = {bytes(cases[i].scheme), bytes(cases[i].id)};
        assert_text(rk_auth_user(&id, &defaults), cases[i].by_default);
        assert_text(rk_auth_user(&id, &all_schemes), cases[i].with_all);
    }
}

/* -- the digest login -------------------------------------------------------------------------- */

static void sha1(const void *data, size_t len, uint8_t ret[64])
{
    assert_int_equal(EVP_Q_digest(NULL, "SHA1", NULL, data, len, ret, NULL), 1);
}

static void sha512(const void *data, size_t len, uint8_t ret[64])
{
    assert_int_equal(EVP_Q_digest(NULL, "SHA512", NULL, data, len, ret, NULL), 1);
}

static void digest_ids_are_apaches(void **state)
{
    (void)state;
    /* The first two captured from a server, the others from DigestAuthenticationProvider. */
    static const struct {
        const char *login;
        const char *id;
    } cases[] = {
        {"u:p", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="},
        {"u2:p:q", "u2:n9kFxhUKM66GGeClYwpqfnJy4yg="},
        {"super:admin", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="},
        {"nopass", "nopass:lzMveuimm4pmrQTpblPb5NTiZUY="},
        {"", ":2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
        {":p", ":LlDE5iroUDDm9zdvmLsfjkUvn0k="},
        {"u:", "u:IX23jg4I7W2/R//KoV8VL1UfuBM="},
        {"\xc3\xa4:x", "\xc3\xa4:eiowUztRPhMqC3RX4irh6yTQCN8="},
        /* Not UTF-8: each malformed piece counts as U+FFFD. */
        {"u:p\xe4", "u:6CtHK7C6iAk/ZYK1Hf0L2NA4tRg="},
        {"a\xed\xa0\x80:\xf0\x9f\x98", "a\xef\xbf\xbd:AKIC8o9+Z4XzABsrC2aNQrSyVSI="},
    };
    static const struct rk_digest_alg alg = {.hash = sha1, .len = 20};
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_text(rk_auth_digest_id(&alg, bytes(cases[i].login), &f.arena), cases[i].id);
    }
    static const struct rk_digest_alg longest = {.hash = sha512, .len = 64};
    struct rk_bytes id = rk_auth_digest_id(&longest, bytes("u:p"), &f.arena);
    assert_int_equal(id.len, 2 + 88); /* 64 bytes: 22 groups, two signs of padding */
    assert_memory_equal(id.data + id.len - 2, "==", 2);
    close_fixture(&f);
}

struct seen {
    uint8_t text[64];
    size_t len;
};
static struct seen seen;

static void see(const void *data, size_t len, uint8_t ret[64])
{
    assert_true(len <= sizeof(seen.text));
    memcpy(seen.text, data, len);
    seen.len = len;
    memset(ret, 0, 64);
}

/* What is hashed is the text Java makes of the bytes. */
static void malformed_logins_are_repaired_as_java_does(void **state)
{
    (void)state;
#define FFFD "\xef\xbf\xbd"
    static const struct {
        const char *in;
        const char *text;
    } cases[] = {
        {"\xc0\x80", FFFD FFFD},
        {"\x80", FFFD},
        {"\xe2\x82", FFFD},
        {"\xe2\x82z", FFFD "z"},
        {"\xe2z", FFFD "z"},
        {"\xe0\x9f\xbf", FFFD FFFD FFFD},
        {"\xed\xa0\x80", FFFD},
        {"\xed\xa0", FFFD},
        {"\xed\xbf\xbf"
         "a",
         FFFD "a"},
        {"\xf0\x8f\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf0\x90\x80", FFFD},
        {"\xf0\x90\x80z", FFFD "z"},
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xf5\x80", FFFD FFFD},
        {"\xff", FFFD},
        {"\xe2\x82\xac\xc3", "\xe2\x82\xac" FFFD},
    };
#undef FFFD
    static const struct rk_digest_alg alg = {.hash = see, .len = 1};
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        /* In a block of its own size: nothing may look past the end. */
        size_t len = strlen(cases[i].in);
        uint8_t *in = rk_mem_must_alloc(&f.mem, len);
        memcpy(in, cases[i].in, len);
        (void)rk_auth_digest_id(&alg, rk_bytes_of(in, len), &f.arena);
        rk_mem_free(&f.mem, in, len);
        assert_text(rk_bytes_of(seen.text, seen.len), cases[i].text);
    }
    close_fixture(&f);
}

static void secrets_compare_whole(void **state)
{
    (void)state;
    assert_true(rk_auth_equal_secret(bytes("secret"), bytes("secret")));
    assert_true(rk_auth_equal_secret(bytes(""), bytes("")));
    assert_true(rk_auth_equal_secret(bytes(NULL), bytes(NULL)));
    assert_false(rk_auth_equal_secret(bytes(""), bytes(NULL)));
    assert_false(rk_auth_equal_secret(bytes("secret"), bytes("secreT")));
    assert_false(rk_auth_equal_secret(bytes("secret"), bytes("Secret")));
    assert_false(rk_auth_equal_secret(bytes("secret"), bytes("secret1")));
    assert_false(
        rk_auth_equal_secret(bytes("ab"), bytes("ba"))); /* differences do not cancel out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_are_a_set_in_order_of_arrival),
        cmocka_unit_test(identities_are_bounded),
        cmocka_unit_test(an_identity_without_memory_changes_nothing),
        cmocka_unit_test(permissions_follow_the_list),
        cmocka_unit_test(a_scheme_without_a_provider_matches_nobody),
        cmocka_unit_test(no_list_is_for_super_and_an_empty_one_for_all),
        cmocka_unit_test(fix_up_follows_apache),
        cmocka_unit_test(fix_up_with_every_scheme),
        cmocka_unit_test(fix_up_tells_null_ids_from_bad_ones),
        cmocka_unit_test(repetitions_go_from_lists_of_any_length),
        cmocka_unit_test(hostile_lists_are_bounded),
        cmocka_unit_test(digest_hashes_are_masked),
        cmocka_unit_test(whoami_shows_users),
        cmocka_unit_test(digest_ids_are_apaches),
        cmocka_unit_test(malformed_logins_are_repaired_as_java_does),
        cmocka_unit_test(secrets_compare_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
