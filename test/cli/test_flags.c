/* Words into flags and arguments, by the rules and in the words of commons-cli 1.5, as zkCli uses
 * it. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_int.h"

static const struct rk_cli_flag flags[] = {
    {.name = "s", .help = "stats"},
    {.name = "w", .help = "watch"},
    {.name = "v", .value = "version", .help = "version"},
    {.name = "file", .value = "path", .help = "a file"},
    {.name = "deep", .help = "a switch"},
    {.name = "n", .value = "val", .help = "num", .group = 'q'},
    {.name = "B", .value = "val", .help = "bytes", .group = 'q'},
    {.name = NULL},
};
static const struct rk_cli_command command = {.name = "cmd", .usage = "", .flags = flags};
static const struct rk_cli_command needy = {
    .name = "cmd", .usage = "", .flags = flags, .traits = RK_CLI_GROUP_NEEDED};
static const struct rk_cli_command raw = {
    .name = "cmd", .usage = "", .flags = flags, .traits = RK_CLI_UNPARSED};
static const struct rk_cli_command bare = {.name = "cmd", .usage = ""};

struct row {
    const char *line;
    const char *seen; /* flags as name=value, arguments in <>, or !problem */
    const struct rk_cli_command *command;
};

static const struct row rows[] = {
    {"cmd /a", "</a>", &command},
    {"cmd -s /a", "s </a>", &command},
    {"cmd /a -s", "s </a>", &command},
    {"cmd -sw /a", "s w </a>", &command},
    {"cmd -s -s /a", "s </a>", &command},
    {"cmd -v 3 /a", "v=3 </a>", &command},
    {"cmd -v3 /a", "v=3 </a>", &command},
    {"cmd -v=3 /a", "v=3 </a>", &command},
    {"cmd -sv3 /a", "s v=3 </a>", &command},
    {"cmd -sv 3 /a", "s v=3 </a>", &command},
    {"cmd -v -1 /a", "v=-1 </a>", &command},
    {"cmd -v -1.5e3 /a", "v=-1.5e3 </a>", &command},
    {"cmd -v 1 -v 2", "v=1 ", &command},
    {"cmd -v -s /a", "!Missing argument for option: v", &command},
    {"cmd /a -v", "!Missing argument for option: v", &command},
    {"cmd -v -z /a", "v=-z </a>", &command},
    {"cmd -z /a", "!Unrecognized option: -z", &command},
    {"cmd -sz /a", "!Unrecognized option: -sz", &command},
    {"cmd /a -1", "!Unrecognized option: -1", &command},
    {"cmd -s=1 /a", "!Unrecognized option: -s=1", &command},
    {"cmd --s /a", "!Unrecognized option: --s", &command},
    {"cmd -file x", "file=x ", &command},
    {"cmd --file x", "file=x ", &command},
    {"cmd --file=x", "file=x ", &command},
    {"cmd -file=a=b", "file=a=b ", &command},
    {"cmd -deep", "deep ", &command},
    {"cmd --deep", "deep ", &command},
    {"cmd --deep=1", "!Unrecognized option: --deep=1", &command},
    {"cmd --nothing", "!Unrecognized option: --nothing", &command},
    {"cmd - -s", "s <->", &command},
    {"cmd -- -s --", "<-s><-->", &command},
    {"cmd -v --", "!Missing argument for option: v", &command},
    {"cmd -n 1 -n 2", "n=1 ", &command},
    {"cmd -n 1 -B 2",
     "!The option 'B' was specified but an option from this group has already been selected: 'n'",
     &command},
    {"cmd /a", "!Missing required option: [-n num, -B bytes]", &needy},
    {"cmd -n 1 /a", "n=1 </a>", &needy},
    {"cmd -s --x -v", "<-s><--x><-v>", &raw},
    {"cmd a b", "<a><b>", &bare},
    {"cmd -a", "!Unrecognized option: -a", &bare},
    {"cmd", "", &bare},
};

static void describe(const struct rk_cli_args *args, char *ret, size_t bytes)
{
    size_t used = 0;

    ret[0] = 0;
    for (int i = 0; args->command->flags && args->command->flags[i].name; i++)
        if (args->flags[i])
            used +=
                (size_t)snprintf(ret + used, bytes - used, "%s%s%s ", args->command->flags[i].name,
                                 args->flags[i][0] ? "=" : "", args->flags[i]);
    for (int i = 0; i < args->count; i++)
        used += (size_t)snprintf(ret + used, bytes - used, "<%s>", args->values[i]);
    assert_null(args->values[args->count]);
}

static void flags_are_read_as_commons_cli_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rk_cli_words words;
        struct rk_cli_args args;
        const char *values[16];
        char problem[300], seen[400] = "!";
        assert_true(rk_cli_split(rows[i].line, &words));
        if (rk_cli_parse_args(rows[i].command, words.count, words.list, values, &args, problem,
                              sizeof problem))
            describe(&args, seen, sizeof seen);
        else
            snprintf(seen, sizeof seen, "!%s", problem);
        if (strcmp(seen, rows[i].seen) != 0)
            print_message("# %s\n", rows[i].line);
        assert_string_equal(seen, rows[i].seen);
        rk_cli_words_free(&words);
    }
}

static void a_long_unknown_flag_does_not_overflow_the_message(void **state)
{
    static char word[100000];
    char *words[] = {(char *)"cmd", word, NULL};
    const char *values[3];
    struct rk_cli_args args;
    char problem[64];

    (void)state;
    memset(word, '-', sizeof word - 1);
    assert_false(rk_cli_parse_args(&command, 2, words, values, &args, problem, sizeof problem));
    assert_int_equal(strlen(problem), sizeof problem - 1);
}

static void flags_and_arguments_are_found_by_name_and_place(void **state)
{
    char *words[] = {(char *)"cmd", (char *)"-v", (char *)"7", (char *)"/a", NULL};
    const char *values[5];
    struct rk_cli_args args;
    char problem[64];

    (void)state;
    assert_true(rk_cli_parse_args(&command, 4, words, values, &args, problem, sizeof problem));
    assert_true(rk_cli_has(&args, "v"));
    assert_false(rk_cli_has(&args, "s"));
    assert_false(rk_cli_has(&args, "unknown"));
    assert_string_equal(rk_cli_flag(&args, "v", "none"), "7");
    assert_string_equal(rk_cli_flag(&args, "file", "none"), "none");
    assert_string_equal(rk_cli_arg(&args, 0), "/a");
    assert_null(rk_cli_arg(&args, 1));
    assert_null(rk_cli_arg(&args, -1));
}

static void numbers_are_whole_and_within_bounds(void **state)
{
    int64_t value = 42;

    (void)state;
    assert_true(rk_cli_number("-7", -7, 7, &value));
    assert_int_equal(value, -7);
    assert_false(rk_cli_number("8", -7, 7, &value));
    assert_false(rk_cli_number("", -7, 7, &value));
    assert_false(rk_cli_number(" 1", -7, 7, &value));
    assert_false(rk_cli_number("1 ", -7, 7, &value));
    assert_false(rk_cli_number("1x", -7, 7, &value));
    assert_false(rk_cli_number("99999999999999999999", INT64_MIN, INT64_MAX, &value));
    assert_int_equal(value, -7);
}

/* Every command's table is one that the parser, help and the pages can use. */
static void tables_of_commands_are_sound(void **state)
{
    (void)state;
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++) {
        int count = 0;
        assert_non_null((*c)->name);
        assert_non_null((*c)->usage);
        assert_non_null((*c)->summary);
        assert_non_null((*c)->run);
        assert_true((*c)->args_max < 0 || (*c)->args_max >= (*c)->args_min);
        assert_int_not_equal((*c)->summary[strlen((*c)->summary) - 1], '.');
        assert_ptr_equal(rk_cli_find((*c)->name), *c);
        if (c[1])
            assert_true(strcmp((*c)->name, c[1]->name) < 0);
        for (const struct rk_cli_flag *f = (*c)->flags; f && f->name; f++, count++) {
            assert_non_null(f->help);
            assert_int_not_equal(f->name[0], '-');
        }
        assert_true(count <= RK_CLI_FLAGS_MAX);
    }
    assert_null(rk_cli_find("nothing"));
    assert_null(rk_cli_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_read_as_commons_cli_does),
        cmocka_unit_test(a_long_unknown_flag_does_not_overflow_the_message),
        cmocka_unit_test(flags_and_arguments_are_found_by_name_and_place),
        cmocka_unit_test(numbers_are_whole_and_within_bounds),
        cmocka_unit_test(tables_of_commands_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
