/* Lines into words. What is expected here is what an engine of regular expressions (Python's) made
 * of the same lines with zkCli's pattern \s*([^"']\S*|"[^"]*"|'[^']*')\s* (quotes around a word
 * taken off). */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_int.h"

struct row {
    const char *line;
    const char *words; /* each in <> */
};

static const struct row rows[] = {
    {"ls /", "<ls></>"},
    {"  ls\t/a  ", "<ls></a>"},
    {"set /a \"b c\"", "<set></a><b c>"},
    {"set /a 'b \"c\" d'", "<set></a><b \"c\" d>"},
    {"set /a \"\"", "<set></a><>"},
    {"a\"b c\"", "<a\"b><c\">"},
    {"\"a\"\"b\"'c'", "<a><b><c>"},
    {"\"a\"b", "<a><b>"},
    {"ls \"/a b", "<ls></a><b>"},
    {"ls 'it", "<ls><it>"},
    {"  \"ab", "< \"ab>"},
    {"ls \"", "<ls>"},
    {"\"", ""},
    {"\"'", ""},
    {"", ""},
    {"   ", "< >"},
    {"\t", "<\t>"},
    {"a\n\"b\nc\"", "<a><b\nc>"},
    {"create /\xc3\xbc '\xe2\x82\xac '", "<create></\xc3\xbc><\xe2\x82\xac >"},
    {"a;b ;c", "<a;b><;c>"},
    {"a\\ b", "<a\\><b>"},
    {"'a' \"b' 'c", "<a><b'><c>"},
};

static void a_line_is_split_as_zkcli_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rk_cli_words words;
        char seen[256] = "";
        size_t used = 0;
        assert_true(rk_cli_split(rows[i].line, &words));
        for (int k = 0; k < words.count; k++)
            used += (size_t)snprintf(seen + used, sizeof seen - used, "<%s>", words.list[k]);
        assert_string_equal(seen, rows[i].words);
        assert_null(words.list[words.count]);
        rk_cli_words_free(&words);
    }
}

static void a_million_words_are_split(void **state)
{
    enum { COUNT = 1000000 };
    char *line = malloc(COUNT * 3 + 1);
    struct rk_cli_words words;

    (void)state;
    assert_non_null(line);
    for (int i = 0; i < COUNT; i++)
        memcpy(line + i * 3, "-s ", 3);
    line[COUNT * 3] = 0;
    assert_true(rk_cli_split(line, &words));
    assert_int_equal(words.count, COUNT);
    rk_cli_words_free(&words);
    free(line);
}

static void commands_of_a_text_end_at_semicolons_and_lines(void **state)
{
    static const struct {
        const char *text;
        size_t end;
    } ends[] = {
        {"ls /", 4},       {"ls /; ls", 4},      {"ls /;ls", 4},
        {"ls /\nls", 4},   {"set a 'b;c';", 11}, {"set a \"b\nc\"\n", 11},
        {"set a b'c;", 9}, {"set a 'b;", 8},     {";", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        assert_int_equal(rk_cli_command_end(ends[i].text), ends[i].end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_split_as_zkcli_does),
        cmocka_unit_test(a_million_words_are_split),
        cmocka_unit_test(commands_of_a_text_end_at_semicolons_and_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
