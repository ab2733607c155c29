/* Paths: what is valid, with every boundary of the forbidden ranges, and the parts of a path. The
 * list of code points is checked exhaustively against the rule as spec-client 6.1 words it. */
#include "support/cmocka_all.h"

#include <string.h>

#include "tree/path.h"

struct valid_case {
    const char *path;
    bool is_valid;
};

static void names_and_slashes(void **state)
{
    (void)state;
    static const struct valid_case cases[] = {
        {"/", true},
        {"", false},
        {"a", false},
        {"a/b", false},
        {"/a", true},
        {"/a/b/c", true},
        {"/a/", false},
        {"//", false},
        {"//a", false},
        {"/a//b", false},
        {"/.", false},
        {"/..", false},
        {"/...", true},
        {"/.a", true},
        {"/a.", true},
        {"/..a", true},
        {"/a..", true},
        {"/a/.", false},
        {"/a/..", false},
        {"/./a", false},
        {"/../a", false},
        {"/a/./b", false},
        {"/a/../b", false},
        {"/a/.../b", true},
        {"/a/.b/..c", true},
        {"/a b", true},
        {"/ ", true},
        {"/a\tb", false},
        {"/a\nb", false},
        {"/a\x7f"
         "b",
         false},
        {"/~", true},
        {"/\x1f", false},
        {"/a/b/", false},
        {"/zookeeper", true},
        {"/%00", true},
        {"/a\\b", true},
        {"/.hidden/.", false},
        {"/./", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (rk_path_is_valid(rk_bytes_str(cases[i].path)) != cases[i].is_valid) {
            fail_msg("\"%s\" should be %s", cases[i].path, cases[i].is_valid ? "valid" : "invalid");
        }
    }
    assert_false(rk_path_is_valid(rk_bytes_str(NULL)));
    assert_false(rk_path_is_valid(rk_bytes_of("/a\0b", 4)));
    assert_false(rk_path_is_valid(rk_bytes_of("/\0", 2)));
}

/* "/a<code>b" */
static struct rk_bytes path_with(uint32_t code, uint8_t buf[8])
{
    size_t len = 0;
    buf[len++] = '/';
    buf[len++] = 'a';
    if (code < 0x80) {
        buf[len++] = (uint8_t)code;
    } else if (code < 0x800) {
        buf[len++] = (uint8_t)(0xc0 | code >> 6);
        buf[len++] = (uint8_t)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        buf[len++] = (uint8_t)(0xe0 | code >> 12);
        buf[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        buf[len++] = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        buf[len++] = (uint8_t)(0xf0 | code >> 18);
        buf[len++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        buf[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        buf[len++] = (uint8_t)(0x80 | (code & 0x3f));
    }
    buf[len++] = 'b';
    return rk_bytes_of(buf, len);
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        bool is_forbidden = code == 0 || (code >= 0x1 && code <= 0x1f) ||
                            (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
                            (code >= 0xfff0 && code <= 0xffff) || code > 0xffff;
        uint8_t buf[8];
        if (rk_path_is_valid(path_with(code, buf)) != !is_forbidden) {
            fail_msg("U+%04x", code);
        }
    }
}

static void boundary_code_points(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        bool is_valid;
    } cases[] = {
        {0x01, false},   {0x1f, false},    {0x20, true},     {0x7e, true},      {0x7f, false},
        {0x80, false},   {0x9f, false},    {0xa0, true},     {0x7ff, true},     {0x800, true},
        {0xd7ff, true},  {0xd800, false},  {0xdfff, false},  {0xe000, false},   {0xf8ff, false},
        {0xf900, true},  {0xfeff, true},   {0xffef, true},   {0xfff0, false},   {0xfffd, false},
        {0xffff, false}, {0x10000, false}, {0x1f600, false}, {0x10ffff, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t buf[8];
        assert_int_equal(rk_path_is_valid(path_with(cases[i].code, buf)), cases[i].is_valid);
    }
}

static void malformed_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "/\x80",                     /* continuation alone */
        "/\xbf/a",                   /* the same before a slash */
        "/\xc3",                     /* cut off at the end */
        "/\xc3/a",                   /* cut off by a slash */
        "/\xc3x",                    /* cut off by a letter */
        "/\xe2\x82",                 /* three bytes, one missing */
        "/\xe2\x82/x",               /* cut off by a slash */
        "/\xe2/\x82\xac",            /* slash inside */
        "/\xc0\xaf",                 /* overlong slash */
        "/\xc1\xbf",                 /* overlong */
        "/\xe0\x80\x80",             /* overlong NUL */
        "/\xe0\x9f\xbf",             /* overlong U+07FF */
        "/\xed\xa0\xbd\xed\xb8\x80", /* CESU-8 pair */
        "/\xf0\x9f\x98\x80",         /* beyond U+FFFF */
        "/\xf4\x90\x80\x80",         /* beyond Unicode */
        "/\xf8\x88\x80\x80\x80",
        "/\xfe",
        "/\xff",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (rk_path_is_valid(rk_bytes_str(cases[i]))) {
            fail_msg("case %zu is taken for valid", i);
        }
    }
    assert_true(rk_path_is_valid(rk_bytes_str("/\xc3\xa9/\xe2\x82\xac")));
}

static void has_parent(void **state)
{
    (void)state;
    assert_true(rk_path_has_parent(rk_bytes_str("/")));
    assert_true(rk_path_has_parent(rk_bytes_str("a/b")));
    assert_true(rk_path_has_parent(rk_bytes_str("/a/")));
    assert_false(rk_path_has_parent(rk_bytes_str("a")));
    assert_false(rk_path_has_parent(rk_bytes_str("")));
    assert_false(rk_path_has_parent(rk_bytes_str(NULL)));
    assert_false(rk_path_has_parent(rk_bytes_of("/a\0b", 4)));
    assert_false(rk_path_has_parent(rk_bytes_of("\0/", 2)));
}

static void parts(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *parent;
        const char *name;
    } cases[] = {
        {"/a", "", "a"},   {"/a/b", "/a", "b"}, {"/a/b/c", "/a/b", "c"}, {"/", "", ""},
        {"/a/", "/a", ""}, {"a/b", "a", "b"},   {"//x", "/", "x"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_bytes path = rk_bytes_str(cases[i].path);
        assert_true(rk_bytes_is(rk_path_parent(path), cases[i].parent));
        assert_true(rk_bytes_is(rk_path_name(path), cases[i].name));
    }
    expect_assert_failure((void)rk_path_parent(rk_bytes_str("a")));
    expect_assert_failure((void)rk_path_name(rk_bytes_str("")));
}

static void special(void **state)
{
    (void)state;
    assert_true(rk_path_is_special(rk_bytes_str("/")));
    assert_true(rk_path_is_special(rk_bytes_str("/zookeeper")));
    assert_true(rk_path_is_special(rk_bytes_str("/zookeeper/quota")));
    assert_true(rk_path_is_special(rk_bytes_str("/zookeeper/config")));
    assert_false(rk_path_is_special(rk_bytes_str("")));
    assert_false(rk_path_is_special(rk_bytes_str("/zookeeper/")));
    assert_false(rk_path_is_special(rk_bytes_str("/zookeeper/quota/a")));
    assert_false(rk_path_is_special(rk_bytes_str("/zookeeper2")));
    assert_false(rk_path_is_special(rk_bytes_str(NULL)));
}

static void below(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *prefix;
        bool is_below;
    } cases[] = {
        {"/a/b", "/a", true},  {"/a/b/c", "/a", true}, {"/ab", "/a", false}, {"/a", "/a", false},
        {"/a", "/a/b", false}, {"/a", "/", true},      {"/a", "", true},     {"/", "/", false},
        {"/", "", false},      {"/a/", "/a", false},   {"/a/b", "/", true},  {"", "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (rk_path_is_below(rk_bytes_str(cases[i].path), rk_bytes_str(cases[i].prefix)) !=
            cases[i].is_below) {
            fail_msg("\"%s\" below \"%s\"", cases[i].path, cases[i].prefix);
        }
    }
}

static void namespaces(void **state)
{
    (void)state;
    assert_true(rk_bytes_is(rk_path_namespace(rk_bytes_str("/a")), "a"));
    assert_true(rk_bytes_is(rk_path_namespace(rk_bytes_str("/abc/d")), "abc"));
    assert_true(rk_bytes_is(rk_path_namespace(rk_bytes_str("/")), ""));
    assert_true(rk_bytes_is(rk_path_namespace(rk_bytes_str("")), ""));
    assert_true(rk_bytes_is(rk_path_namespace(rk_bytes_str("foo/bar")), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_slashes),
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(boundary_code_points),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(has_parent),
        cmocka_unit_test(parts),
        cmocka_unit_test(special),
        cmocka_unit_test(below),
        cmocka_unit_test(namespaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
