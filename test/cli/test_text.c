/* Texts: what is made safe to print, base64, paths as Java refuses them, ACLs, times, error words,
 * JSON of values. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_int.h"
#include "cli/start.h"

static void strangers_bytes_are_made_harmless(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
        const char *safe;
    } rows[] = {
        {"plain", 5, "plain"},
        {"\033[31mred\007", 9, "\\x1b[31mred\\x07"},
        {"a\nb\tc\r", 6, "a\\x0ab\\x09c\\x0d"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa6", 9, "\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa6"},
        {"\xc2\x9b"
         "31m",
         5, "\\xc2\\x9b31m"},                                     /* CSI of the second set */
        {"\xff\xc3", 2, "\\xff\\xc3"},                            /* no UTF-8, and cut off */
        {"\xc0\x80\xed\xa0\x80", 5, "\\xc0\\x80\\xed\\xa0\\x80"}, /* overlong, half a pair */
        {"a\0b", 3, "a\\x00b"},
        {"\xe2\x80\xae"
         "abc",
         6,
         "\\xe2\\x80\\xae"
         "abc"}, /* turns the direction */
        {"", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *safe = rk_cli_safe(rows[i].text, rows[i].bytes);
        assert_string_equal(safe, rows[i].safe);
        free(safe);
    }
}

static void base64_goes_there_and_back(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"},
    };
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Z===", "Zm9v!", "Zm 9v", "Zm9v\n"};
    char *data;
    int bytes;

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = rk_cli_base64(pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(text, pairs[i][1]);
        assert_true(rk_cli_unbase64(text, &data, &bytes));
        assert_int_equal(bytes, strlen(pairs[i][0]));
        assert_memory_equal(data, pairs[i][0], (size_t)bytes);
        free(text);
        free(data);
    }
    assert_true(rk_cli_unbase64("Zg", &data, &bytes)); /* Java takes it without padding */
    assert_int_equal(bytes, 1);
    free(data);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rk_cli_unbase64(bad[i], &data, &bytes));
}

static void paths_are_refused_in_javas_words(void **state)
{
    static const struct {
        const char *path;
        bool is_sequential;
        const char *problem;
    } rows[] = {
        {"/", false, NULL},
        {"/a/b.c/...", false, NULL},
        {"/a", true, NULL},
        {"/a/", true, NULL},
        {"/a/.", true, NULL},
        {"", false, "Path length must be > 0"},
        {"a", false, "Path must start with / character"},
        {"/a/", false, "Path must not end with / character"},
        {"/a//b", false, "Invalid path string \"/a//b\" caused by empty node name specified @3"},
        {"/./b", false, "Invalid path string \"/./b\" caused by relative paths not allowed @1"},
        {"/a/..", false, "Invalid path string \"/a/..\" caused by relative paths not allowed @4"},
        {"/a\x01", false, "Invalid path string \"/a\\x01\" caused by invalid character @2"},
        {"/\xc3\xbc\xc2\x85", false,
         "Invalid path string \"/\xc3\xbc\\xc2\\x85\" caused by invalid character @2"},
        {"/\xf0\x9f\x90\xa6", false,
         "Invalid path string \"/\xf0\x9f\x90\xa6\" caused by invalid character @1"},
        {"/\xff", false, "Invalid path string \"/\\xff\" caused by invalid character @1"},
        {"/a//", true, "Invalid path string \"/a//1\" caused by empty node name specified @3"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[300];
        const char *problem =
            rk_cli_path_problem(rows[i].path, rows[i].is_sequential, buffer, sizeof buffer);
        if (rows[i].problem)
            assert_non_null(problem);
        if (problem)
            assert_string_equal(problem, rows[i].problem ? rows[i].problem : "none");
    }
}

static struct rk_cli *make_cli(bool is_json)
{
    static struct rk_cli cli;
    const struct rk_cli_options options = {
        .server = "nowhere:1", .timeout_ms = 1000, .is_json = is_json};

    assert_true(rk_cli_init(&cli, &options));
    return &cli;
}

static void acls_are_read_as_zkcli_does(void **state)
{
    struct rk_cli *cli = make_cli(true); /* remarks are not printed */
    struct ACL_vector acl;

    (void)state;
    assert_true(rk_cli_parse_acl(cli, "world:anyone:r,digest:u:h=:cdrwa,no,x:y:rz", &acl));
    assert_int_equal(acl.count, 3);
    assert_string_equal(acl.data[1].id.scheme, "digest");
    assert_string_equal(acl.data[1].id.id, "u:h=");
    assert_int_equal(acl.data[1].perms, 31);
    assert_int_equal(acl.data[2].perms, 1);
    deallocate_ACL_vector(&acl);
    assert_true(rk_cli_parse_acl(cli, ",,", &acl));
    assert_int_equal(acl.count, 0);
    deallocate_ACL_vector(&acl);
    rk_cli_deinit(cli);
}

static void permissions_and_times_read_as_in_java(void **state)
{
    char perms[6], time[RK_CLI_TIME_BYTES];

    (void)state;
    rk_cli_perms(31, perms);
    assert_string_equal(perms, "cdrwa");
    rk_cli_perms(-1, perms);
    assert_string_equal(perms, "cdrwa");
    rk_cli_perms(0, perms);
    assert_string_equal(perms, "");
    setenv("TZ", "UTC", 1);
    rk_cli_time(0, time);
    assert_string_equal(time, "Thu Jan 01 00:00:00 UTC 1970");
    rk_cli_time(-1, time);
    assert_string_equal(time, "Wed Dec 31 23:59:59 UTC 1969");
    rk_cli_time(1795412622999, time);
    assert_string_equal(time, "Mon Nov 23 05:43:42 UTC 2026");
    rk_cli_time(INT64_MAX, time); /* what Java makes of it is no year either */
    assert_true(strlen(time) < sizeof time);
}

static void every_result_has_an_exit_code(void **state)
{
    (void)state;
    assert_int_equal(rk_cli_exit_of(ZOK), 0);
    assert_int_equal(rk_cli_exit_of(ZNONODE), 1);
    assert_int_equal(rk_cli_exit_of(ZCONNECTIONLOSS), 3);
    assert_int_equal(rk_cli_exit_of(ZSESSIONEXPIRED), 3);
    assert_int_equal(rk_cli_exit_of(ZNOAUTH), 4);
    assert_int_equal(rk_cli_exit_of(RK_CLI_CUT), 130);
    assert_int_equal(rk_cli_exit_of(-9999), 1);
    assert_string_equal(rk_cli_error_name(ZNONODE), "NONODE");
    assert_string_equal(rk_cli_error_name(-9999), "UNKNOWN");
    assert_string_equal(rk_cli_error_text(ZNOTEMPTY), "Directory not empty");
}

static void values_become_json_whatever_they_hold(void **state)
{
    json_t *object = json_object();
    json_t *text = rk_cli_json_text("a\xff"
                                    "b\x1b");

    (void)state;
    assert_true(rk_cli_json_data(object, "a\0b", 3));
    assert_null(json_object_get(object, "data"));
    assert_string_equal(json_string_value(json_object_get(object, "data_base64")), "YQBi");
    assert_true(rk_cli_json_data(object, "a b", 3));
    assert_string_equal(json_string_value(json_object_get(object, "data")), "a b");
    assert_true(rk_cli_json_data(object, NULL, -1));
    assert_true(json_is_null(json_object_get(object, "data")));
    assert_true(rk_cli_json_data(object, "\xff\xfe", 2));
    assert_string_equal(json_string_value(json_object_get(object, "data_base64")), "//4=");
    assert_string_equal(json_string_value(text), "a\xef\xbf\xbd"
                                                 "b\x1b");
    json_decref(text);
    json_decref(object);
}

static void candidates_share_whole_characters(void **state)
{
    struct rk_cli_candidates c = {NULL, 0, 0, 0, false, NULL};

    (void)state;
    assert_int_equal(rk_cli_common_bytes(&c), 0);
    assert_true(rk_cli_add_candidate(&c, "/a\xc3\xbc"));
    assert_int_equal(rk_cli_common_bytes(&c), 4);
    assert_true(rk_cli_add_candidate(&c, "/a\xc3\xa4"));
    assert_int_equal(rk_cli_common_bytes(&c), 2);
    assert_true(rk_cli_add_candidate(&c, "x"));
    assert_int_equal(rk_cli_common_bytes(&c), 0);
    rk_cli_candidates_free(&c);
}

static void words_without_a_server_are_completed(void **state)
{
    static const struct {
        const char *line;
        const char *found;
    } rows[] = {
        {"getA", "getAcl getAllChildrenNumber "},
        {"", NULL},
        {"stat -", "-w "},
        {"reconfig --f", "--file "},
        {"printwatches ", "off on "},
        {"addWatch -m PERSISTENT_", "PERSISTENT_RECURSIVE "},
        {"help qu", "quit "},
        {"ls ", "/ "},
        {"nothing ", ""},
        {"whoami -", ""},
    };
    struct rk_cli *cli = make_cli(false);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rk_cli_candidates c;
        char seen[2000] = "";
        assert_true(rk_cli_complete(cli, rows[i].line, &c));
        for (int k = 0; k < c.count && k < 20; k++) {
            strncat(seen, c.list[k], 60);
            strncat(seen, " ", 2);
        }
        if (rows[i].found)
            assert_string_equal(seen, rows[i].found);
        else
            assert_true(c.count > 20);
        rk_cli_candidates_free(&c);
    }
    rk_cli_deinit(cli);
}

static void events_beyond_the_ring_are_counted(void **state)
{
    struct rk_cli *cli = make_cli(true);

    (void)state;
    cli->prints_watches = false;
    for (int i = 0; i < RK_CLI_EVENTS_MAX + 5; i++)
        rk_cli_push_event(cli, 3, 3, -1, strdup("/a"));
    assert_int_equal(cli->events_lost, 5);
    assert_int_equal(cli->event_count, RK_CLI_EVENTS_MAX);
    rk_cli_drain_events(cli);
    assert_int_equal(cli->event_count, 0);
    rk_cli_deinit(cli);
}

static void removed_watches_are_told_of_once_by_kind(void **state)
{
    struct rk_cli *cli = make_cli(true);

    (void)state;
    rk_cli_remember_watch(cli, "/a", RK_CLI_WATCH_DATA);
    rk_cli_remember_watch(cli, "/a", RK_CLI_WATCH_EXIST);
    rk_cli_remember_watch(cli, "/a", RK_CLI_WATCH_CHILD);
    rk_cli_remember_watch(cli, "/b", RK_CLI_WATCH_RECURSIVE);
    rk_cli_forget_watches(cli, "/a", 2);
    assert_int_equal(cli->event_count, 1);
    rk_cli_forget_watches(cli, "/a", 3);
    assert_int_equal(cli->event_count, 2);
    rk_cli_forget_watches(cli, "/a", 3);
    rk_cli_forget_watches(cli, "/b", 4);
    assert_int_equal(cli->event_count, 2);
    rk_cli_forget_watches(cli, "/b", 5);
    assert_int_equal(cli->event_count, 3);
    assert_int_equal(cli->watch_count, 0);
    rk_cli_deinit(cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_bytes_are_made_harmless),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(paths_are_refused_in_javas_words),
        cmocka_unit_test(acls_are_read_as_zkcli_does),
        cmocka_unit_test(permissions_and_times_read_as_in_java),
        cmocka_unit_test(every_result_has_an_exit_code),
        cmocka_unit_test(values_become_json_whatever_they_hold),
        cmocka_unit_test(candidates_share_whole_characters),
        cmocka_unit_test(words_without_a_server_are_completed),
        cmocka_unit_test(events_beyond_the_ring_are_counted),
        cmocka_unit_test(removed_watches_are_told_of_once_by_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
