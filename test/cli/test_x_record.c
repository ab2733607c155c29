/* Records as lines of JSON, and what is refused of files. */
#include "cli/x_place.h"
#include "cli/x_record.h"
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static bool parse(const char *line, enum rk_x_line *kind, struct rk_x_record *r, char wrong[160])
{
    int64_t count = 0;
    return rk_x_record_parse(line, strlen(line), kind, r, &count, wrong);
}

static void round_trip(const struct rk_x_record *in, struct rk_x_record *out)
{
    json_t *object = rk_x_record_json(in);
    assert_non_null(object);
    char *line = json_dumps(object, JSON_COMPACT);
    enum rk_x_line kind;
    char wrong[160];
    assert_true(parse(line, &kind, out, wrong));
    assert_int_equal(kind, RK_X_LINE_NODE);
    free(line);
    json_decref(object);
}

static void a_record_survives_a_line(void **state)
{
    (void)state;
    char world[] = "world", anyone[] = "anyone", digest[] = "digest", user[] = "u:h";
    struct ACL entries[] = {{1, {world, anyone}}, {31, {digest, user}}};
    struct ACL_vector acl = {2, entries};
    struct rk_x_record in = {.path = "/a/\xc3\xa4",
                             .data = "line\n\"quoted\"",
                             .data_bytes = 13,
                             .acl = &acl,
                             .has_stat = true,
                             .stat = {.czxid = 0x100000002,
                                      .mzxid = -1,
                                      .ctime = 1700000000000,
                                      .version = 7,
                                      .ephemeralOwner = INT64_MIN,
                                      .numChildren = 3,
                                      .pzxid = INT64_MAX}};
    struct rk_x_record out;
    round_trip(&in, &out);
    assert_string_equal(out.path, in.path);
    assert_int_equal(out.data_bytes, 13);
    assert_memory_equal(out.data, in.data, 13);
    assert_true(rk_x_acl_equal(out.acl, &acl));
    assert_true(out.stat.czxid == in.stat.czxid && out.stat.mzxid == in.stat.mzxid);
    assert_true(out.stat.ctime == in.stat.ctime && out.stat.version == in.stat.version);
    assert_true(out.stat.ephemeralOwner == in.stat.ephemeralOwner);
    assert_true(out.stat.numChildren == 3 && out.stat.pzxid == in.stat.pzxid);
    rk_x_record_free(&out);
}

static void an_acl_without_its_hashes_is_known(void **state)
{
    (void)state;
    enum rk_x_line kind;
    struct rk_x_record r;
    char wrong[160];
    static const struct {
        const char *line;
        bool is_hidden;
    } rows[] = {
        {"{\"path\":\"/\",\"acl\":[{\"scheme\":\"digest\",\"id\":\"u:x\",\"perms\":\"r\"}]}", true},
        {"{\"path\":\"/\",\"acl\":[{\"scheme\":\"digest\",\"id\":\"u:xy=\",\"perms\":\"r\"}]}",
         false},
        {"{\"path\":\"/\",\"acl\":[{\"scheme\":\"sasl\",\"id\":\"u:x\",\"perms\":\"r\"}]}", false},
        {"{\"path\":\"/\"}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(parse(rows[i].line, &kind, &r, wrong));
        assert_int_equal(r.is_acl_hidden, rows[i].is_hidden);
        rk_x_record_free(&r);
    }
}

static void bytes_null_and_nothing_are_told_apart(void **state)
{
    (void)state;
    struct rk_x_record in = {.path = "/", .data = "\x00\xff", .data_bytes = 2}, out;
    round_trip(&in, &out);
    assert_int_equal(out.data_bytes, 2);
    assert_memory_equal(out.data, "\x00\xff", 2);
    rk_x_record_free(&out);
    in.data = "\0_9"; /* UTF-8, but no JSON text that everybody reads */
    in.data_bytes = 3;
    round_trip(&in, &out);
    assert_int_equal(out.data_bytes, 3);
    assert_memory_equal(out.data, "\0_9", 3);
    rk_x_record_free(&out);
    in.data = "";
    in.data_bytes = 0;
    round_trip(&in, &out);
    assert_non_null(out.data);
    assert_int_equal(out.data_bytes, 0);
    rk_x_record_free(&out);
    in.data = NULL;
    round_trip(&in, &out);
    assert_null(out.data);
    rk_x_record_free(&out);
    in.rc = ZNOAUTH;
    round_trip(&in, &out);
    assert_int_equal(out.rc, ZNOAUTH);
    rk_x_record_free(&out);
}

static void head_and_end_are_known(void **state)
{
    (void)state;
    enum rk_x_line kind;
    struct rk_x_record r;
    char wrong[160];
    int64_t count = 0;
    const char *head = "{\"format\": \"rookery-export\", \"version\": 1, \"later\": true}";
    const char *end = "{\"end\": true, \"nodes\": 12}";
    assert_true(rk_x_record_parse(head, strlen(head), &kind, &r, &count, wrong));
    assert_int_equal(kind, RK_X_LINE_HEAD);
    assert_true(rk_x_record_parse(end, strlen(end), &kind, &r, &count, wrong));
    assert_int_equal(kind, RK_X_LINE_END);
    assert_int_equal(count, 12);
}

static void types_come_from_files(void **state)
{
    (void)state;
    enum rk_x_line kind;
    struct rk_x_record r;
    char wrong[160];
    assert_true(parse("{\"path\": \"/a\", \"type\": \"ttl\", \"ttl_ms\": 5}", &kind, &r, wrong));
    assert_true(r.type == RK_X_TTL && r.ttl_ms == 5);
    rk_x_record_free(&r);
    assert_true(parse("{\"path\": \"/a\", \"type\": \"container\"}", &kind, &r, wrong));
    assert_int_equal(r.type, RK_X_CONTAINER);
    rk_x_record_free(&r);
}

static void what_is_malformed_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wrong;
    } cases[] = {
        {"", "not a JSON object"},
        {"[1]", "not a JSON object"},
        {"{\"path\": \"/a\"", "not a JSON object"},
        {"{\"path\": \"/a\", \"path\": \"/b\"}", "not a JSON object"},
        {"{}", "there is no \"path\""},
        {"{\"path\": 7}", "there is no \"path\""},
        {"{\"path\": \"a\"}", "does not start with /"},
        {"{\"path\": \"/a/\"}", "ends with /"},
        {"{\"path\": \"/a\", \"type\": \"door\"}", "\"type\""},
        {"{\"path\": \"/a\", \"type\": \"ttl\"}", "\"ttl_ms\""},
        {"{\"path\": \"/a\", \"type\": \"ttl\", \"ttl_ms\": 1099511627776}", "\"ttl_ms\""},
        {"{\"path\": \"/a\", \"data\": {}}", "\"data\""},
        {"{\"path\": \"/a\", \"data_base64\": \"ab?=\"}", "no base64"},
        {"{\"path\": \"/a\", \"acl\": []}", "\"acl\""},
        {"{\"path\": \"/a\", \"acl\": [{}]}", "lacks"},
        {"{\"path\": \"/a\", \"acl\": [{\"scheme\":\"world\",\"id\":\"anyone\",\"perms\":\"r\"}, "
         "5]}",
         "lacks"},
        {"{\"path\": \"/a\", \"stat\": 5}", "\"stat\""},
        {"{\"path\": \"/a\", \"stat\": {\"version\": 4294967296}}", "\"version\""},
        {"{\"path\": \"/a\", \"stat\": {\"czxid\": \"zz\"}}", "\"czxid\""},
        {"{\"format\": \"other\"}", "\"format\""},
        {"{\"format\": \"rookery-export\", \"version\": 9}", "version 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum rk_x_line kind;
        struct rk_x_record r;
        char wrong[160] = "";
        if (parse(cases[i].line, &kind, &r, wrong))
            fail_msg("%s was taken", cases[i].line);
        if (strstr(wrong, cases[i].wrong) == NULL)
            fail_msg("%s: %s", cases[i].line, wrong);
    }
}

static void acls_are_equal_in_any_order(void **state)
{
    (void)state;
    char a[] = "a", b[] = "b", s[] = "digest";
    struct ACL one[] = {{1, {s, a}}, {3, {s, b}}}, two[] = {{3, {s, b}}, {1, {s, a}}},
               other[] = {{1, {s, a}}, {1, {s, a}}};
    struct ACL_vector x = {2, one}, y = {2, two}, z = {2, other}, shorter = {1, one};
    assert_true(rk_x_acl_equal(&x, &y));
    assert_false(rk_x_acl_equal(&x, &z));
    assert_false(rk_x_acl_equal(&z, &x));
    assert_false(rk_x_acl_equal(&x, &shorter));
    assert_int_equal(rk_x_perms_parse("cdrwa"), 31);
    assert_int_equal(rk_x_perms_parse(""), 0);
    assert_int_equal(rk_x_perms_parse("rx"), -1);
}

static void places_are_nodes_servers_or_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rk_x_place_kind kind;
        const char *hosts, *path, *file;
    } good[] = {
        {"/a/b", RK_X_HERE, NULL, "/a/b", NULL},
        {"host:2181/a", RK_X_SERVER, "host:2181", "/a", NULL},
        {"a:1,[::1]:2/x/y", RK_X_SERVER, "a:1,[::1]:2", "/x/y", NULL},
        {"host:2181", RK_X_SERVER, "host:2181", "/", NULL},
        {"-", RK_X_FILE, NULL, "/", "-"},
        {"dump.json", RK_X_FILE, NULL, "/", "dump.json"},
        {"./dir/x", RK_X_FILE, NULL, "/", "./dir/x"},
        {"file:/tmp/x", RK_X_FILE, NULL, "/", "/tmp/x"},
        {"file:2181", RK_X_FILE, NULL, "/", "2181"},
        {"host:123456/a", RK_X_FILE, NULL, "/", "host:123456/a"},
    };
    static const char *const bad[] = {"/a/", "", "file:", "host:2181//", "host:2181/a/"};
    struct rk_x_place p;
    char wrong[160];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(rk_x_place_parse(good[i].text, &p, wrong));
        assert_int_equal(p.kind, good[i].kind);
        assert_string_equal(p.path, good[i].path);
        if (good[i].hosts != NULL)
            assert_string_equal(p.hosts, good[i].hosts);
        if (good[i].file != NULL)
            assert_string_equal(p.file, good[i].file);
        rk_x_place_free(&p);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rk_x_place_parse(bad[i], &p, wrong));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_survives_a_line),
        cmocka_unit_test(an_acl_without_its_hashes_is_known),
        cmocka_unit_test(bytes_null_and_nothing_are_told_apart),
        cmocka_unit_test(head_and_end_are_known),
        cmocka_unit_test(types_come_from_files),
        cmocka_unit_test(what_is_malformed_is_refused_with_a_reason),
        cmocka_unit_test(acls_are_equal_in_any_order),
        cmocka_unit_test(places_are_nodes_servers_or_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
