/* Paths with and without chroot. */
#include "rig.h"
#include "support/cmocka_all.h"

struct mapping {
    const char *chroot;
    const char *path;
    bool is_sequential;
    const char *result; /* NULL: refused */
};

static void paths_get_the_chroot(void **state)
{
    static const struct mapping cases[] = {
        {"", "/", false, "/"},
        {"", "/a", false, "/a"},
        {"", "/a/b.c", false, "/a/b.c"},
        {"", "/...", false, "/..."},
        {"", "/\xc3\xa4", false, "/\xc3\xa4"},
        {"", "", false, NULL},
        {"", "a", false, NULL},
        {"", "/a/", false, NULL},
        {"", "/a/", true, "/a/"},
        {"", "/", true, "/"},
        {"", "/a/.", false, NULL},
        {"", "/a/.", true, "/a/."},
        {"", "/a/..", false, NULL},
        {"", "/a/..", true, "/a/.."},
        {"", "/./a", true, NULL},
        {"", "/../a", false, NULL},
        {"", "//", false, NULL},
        {"", "/a//b", true, NULL},
        {"", "/a\x01", false, NULL},
        {"", "/a\x7f", false, NULL},
        {"", "/\xc2\x80", false, NULL},                /* U+0080 */
        {"", "/\xee\x80\x80", false, NULL},            /* U+E000 */
        {"", "/\xef\xbf\xbd", false, NULL},            /* U+FFFD */
        {"", "/\xef\xbb\xbf", false, "/\xef\xbb\xbf"}, /* U+FEFF */
        {"", "/\xf0\x9f\x98\x80", false, NULL},        /* beyond U+FFFF */
        {"", "/\xc0\xaf", false, NULL},
        {"", "/\xc3", false, NULL},
        {"", "/\xff", false, NULL},
        {"/app", "/", false, "/app"},
        {"/app", "/", true, "/app/"},
        {"/app", "/x", false, "/app/x"},
        {"/", "/x", false, "/x"},
        {"/a/b", "/c/d", false, "/a/b/c/d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r;
        struct rk_buf b;
        rig_init(&r);
        r.config.chroot = rk_bytes_str(cases[i].chroot);
        rig_open(&r);
        rk_buf_init(&b, &r.mem, 100);
        rk_buf_put(&b, "x", 1);
        bool is_ok =
            rk_client_path(r.client, rk_bytes_str(cases[i].path), cases[i].is_sequential, &b);
        assert_int_equal(is_ok, cases[i].result != NULL);
        rk_buf_put_u8(&b, 0);
        assert_string_equal((const char *)b.data + 1, is_ok ? cases[i].result : "");
        rk_buf_deinit(&b);
        rig_deinit(&r);
    }
}

static void a_full_buffer_is_a_refusal(void **state)
{
    struct rig r;
    struct rk_buf b;
    (void)state;
    rig_init(&r);
    r.config.chroot = rk_bytes_str("/app");
    rig_open(&r);
    rk_buf_init(&b, &r.mem, 6);
    assert_false(rk_client_path(r.client, rk_bytes_str("/long"), false, &b));
    assert_int_equal(b.len, 0);
    rk_buf_deinit(&b);
    rig_deinit(&r);
}

static void null_is_no_path(void **state)
{
    struct rig r;
    struct rk_buf b;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rk_buf_init(&b, &r.mem, 6);
    assert_false(rk_client_path(r.client, rk_bytes_str(NULL), false, &b));
    rk_buf_deinit(&b);
    rig_deinit(&r);
}

static void paths_lose_the_chroot(void **state)
{
    static const struct mapping cases[] = {
        {"", "/a", false, "/a"},
        {"/app", "/app", false, "/"},
        {"/app", "/app/x", false, "/x"},
        {"/app", "/apple", false, "/apple"},
        {"/app", "/other", false, "/other"},
        {"/app", "/ap", false, "/ap"},
        {"/app", "", false, ""},
        {"/", "/a", false, "/a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r;
        rig_init(&r);
        r.config.chroot = rk_bytes_str(cases[i].chroot);
        rig_open(&r);
        struct rk_bytes got = rk_client_strip(r.client, rk_bytes_str(cases[i].path));
        assert_true(rk_bytes_is(got, cases[i].result));
        rig_deinit(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_get_the_chroot),
        cmocka_unit_test(a_full_buffer_is_a_refusal),
        cmocka_unit_test(null_is_no_path),
        cmocka_unit_test(paths_lose_the_chroot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
