/* Printing: text or JSON, colours, bytes of strangers made harmless, progress. Only the main thread
 * prints. A reader of stdout that went away ends the command that prints to it. */
#include "cli/cli_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- Text ---------------------------------------------------------------------------------------
 */

bool rk_cli_is_json(const struct rk_cli *cli)
{
    return cli->options.is_json;
}

static void put(struct rk_cli *cli, const char *bytes, size_t count)
{
    if (cli->is_output_gone || fwrite(bytes, 1, count, stdout) == count)
        return;
    cli->is_output_gone = true;
}

void rk_cli_flush(struct rk_cli *cli)
{
    if (!cli->is_output_gone && fflush(stdout) != 0)
        cli->is_output_gone = true;
}

static void put_format(struct rk_cli *cli, const char *format, va_list rest)
{
    if (!cli->is_output_gone && vfprintf(stdout, format, rest) < 0)
        cli->is_output_gone = true;
}

void rk_cli_print(struct rk_cli *cli, const char *format, ...)
{
    va_list rest;

    if (cli->options.is_json)
        return;
    va_start(rest, format);
    put_format(cli, format, rest);
    va_end(rest);
}

const char *rk_cli_code(const struct rk_cli *cli, enum rk_cli_colour colour)
{
    static const char *const codes[] = {
        [RK_CLI_PLAIN] = "\033[0m",   [RK_CLI_BOLD] = "\033[1m",   [RK_CLI_DIM] = "\033[2m",
        [RK_CLI_RED] = "\033[31m",    [RK_CLI_GREEN] = "\033[32m", [RK_CLI_YELLOW] = "\033[33m",
        [RK_CLI_BLUE] = "\033[1;34m", [RK_CLI_CYAN] = "\033[36m",
    };
    return cli->options.is_colour && !cli->options.is_json ? codes[colour] : "";
}

void rk_cli_paint(struct rk_cli *cli, enum rk_cli_colour colour, const char *format, ...)
{
    va_list rest;

    if (cli->options.is_json)
        return;
    rk_cli_print(cli, "%s", rk_cli_code(cli, colour));
    va_start(rest, format);
    put_format(cli, format, rest);
    va_end(rest);
    rk_cli_print(cli, "%s", rk_cli_code(cli, RK_CLI_PLAIN));
}

/* Bytes of the UTF-8 character at text that a terminal may be given as it is; 0: not one. Control
 * characters of both sets are not. */
static size_t safe_char(const unsigned char *text, size_t bytes)
{
    size_t more = text[0] >= 0xf0 ? 3 : text[0] >= 0xe0 ? 2 : 1;
    uint32_t c = text[0];

    if (c < 0x80)
        return c >= 0x20 && c != 0x7f ? 1 : 0;
    if (c < 0xc2 || c > 0xf4 || bytes <= more)
        return 0;
    c &= 0x3fu >> more;
    for (size_t i = 1; i <= more; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (text[i] & 0x3fu);
    }
    if ((c >= 0x80 && c <= 0x9f) || (more == 2 && c < 0x800) || (more == 3 && c < 0x10000) ||
        (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return 0;
    /* Marks that turn the direction of what follows. */
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
        return 0;
    return more + 1;
}

static char *make_safe(const char *text, size_t bytes, bool keeps_lines, size_t *ret_bytes)
{
    char *safe = bytes < SIZE_MAX / 4 - 1 ? malloc(bytes * 4 + 1) : NULL;
    size_t used = 0;

    if (!safe)
        return NULL;
    for (size_t i = 0; i < bytes;) {
        size_t width = safe_char((const unsigned char *)text + i, bytes - i);
        if (width == 0 && keeps_lines && (text[i] == '\n' || text[i] == '\t'))
            width = 1;
        if (width) {
            memcpy(safe + used, text + i, width);
            used += width;
            i += width;
        } else {
            snprintf(safe + used, 5, "\\x%02x", (unsigned)(unsigned char)text[i]);
            used += 4;
            i++;
        }
    }
    safe[used] = 0;
    *ret_bytes = used;
    return safe;
}

char *rk_cli_safe(const char *text, size_t bytes)
{
    size_t ignored;
    return make_safe(text, bytes, false, &ignored);
}

/* Text with its length, NULL without memory. */
static char *form(const char *format, va_list rest, size_t *ret_bytes)
{
    char *text = NULL;
    int bytes = vasprintf(&text, format, rest);

    if (bytes < 0)
        return NULL;
    *ret_bytes = (size_t)bytes;
    return text;
}

/* stdout first, so that a terminal shows both in the order in which they were said. */
static void put_remark(struct rk_cli *cli, const char *text)
{
    rk_cli_flush(cli);
    fputs(text ? text : "out of memory\n", stderr);
}

void rk_cli_note(struct rk_cli *cli, const char *format, ...)
{
    va_list rest;
    char *text, *safe;
    size_t bytes = 0;

    if (cli->options.is_json)
        return;
    va_start(rest, format);
    text = form(format, rest, &bytes);
    va_end(rest);
    safe = text ? make_safe(text, bytes, true, &bytes) : NULL;
    put_remark(cli, safe);
    free(safe);
    free(text);
}

void rk_cli_put_name(struct rk_cli *cli, const char *name)
{
    char *safe;

    if (cli->options.is_json)
        return;
    safe = rk_cli_safe(name, strlen(name));
    put(cli, safe ? safe : "?", safe ? strlen(safe) : 1);
    free(safe);
}

void rk_cli_put_value(struct rk_cli *cli, const char *data, int bytes)
{
    char *safe;
    size_t safe_bytes;

    if (cli->options.is_json)
        return;
    if (!data || bytes < 0) {
        put(cli, "null", 4);
        return;
    }
    if (!isatty(STDOUT_FILENO)) {
        put(cli, data, (size_t)bytes);
        return;
    }
    safe = make_safe(data, (size_t)bytes, true, &safe_bytes);
    if (safe)
        put(cli, safe, safe_bytes);
    free(safe);
}

/* -- JSON ---------------------------------------------------------------------------------------
 */

static bool is_safe(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t width = safe_char((const unsigned char *)text, left);
        if (width == 0)
            return false;
        text += width;
        left -= width;
    }
    return true;
}

char *rk_cli_json_line(const json_t *object)
{
    char *line = json_dumps(object, JSON_COMPACT);

    if (line && isatty(STDOUT_FILENO) && !is_safe(line)) {
        free(line);
        line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    }
    return line;
}

void rk_cli_emit(struct rk_cli *cli, json_t *take_object)
{
    char *line;

    if (!cli->options.is_json) {
        json_decref(take_object);
        return;
    }
    line = take_object ? rk_cli_json_line(take_object) : NULL;
    if (line) {
        put(cli, line, strlen(line));
    } else {
        static const char lost[] = "{\"error\":{\"message\":\"out of memory\"}}";
        put(cli, lost, sizeof lost - 1);
        cli->exit_code = RK_CLI_FAILED;
    }
    put(cli, "\n", 1);
    cli->emitted++;
    free(line);
    json_decref(take_object);
}

json_t *rk_cli_json_text(const char *text)
{
    json_t *json = json_string(text);
    size_t bytes = strlen(text), used = 0;
    char *replaced;

    if (json)
        return json;
    /* Not UTF-8: each byte that does not belong is one U+FFFD. */
    replaced = malloc(bytes * 3 + 1);
    if (!replaced)
        return NULL;
    for (size_t i = 0; i < bytes;) {
        size_t width = safe_char((const unsigned char *)text + i, bytes - i);
        if (width == 0 && (unsigned char)text[i] < 0x80)
            width = 1;
        if (width) {
            memcpy(replaced + used, text + i, width);
            used += width;
            i += width;
        } else {
            memcpy(replaced + used, "\xef\xbf\xbd", 3);
            used += 3;
            i++;
        }
    }
    json = json_stringn(replaced, used);
    free(replaced);
    return json;
}

bool rk_cli_json_data(json_t *object, const char *data, int bytes)
{
    json_t *text;
    char *base64;
    bool is_fine;

    if (bytes < 0 || !data)
        return json_object_set_new(object, "data", json_null()) == 0;
    text = memchr(data, 0, (size_t)bytes) ? NULL : json_stringn(data, (size_t)bytes);
    if (text)
        return json_object_set_new(object, "data", text) == 0;
    base64 = rk_cli_base64(data, (size_t)bytes);
    is_fine = base64 && json_object_set_new(object, "data_base64", json_string(base64)) == 0;
    free(base64);
    return is_fine;
}

/* -- Errors -------------------------------------------------------------------------------------
 */

static void complain(struct rk_cli *cli, const char *format, va_list rest)
{
    bool is_red = cli->options.is_interactive;
    size_t bytes = 0;
    char *text = form(format, rest, &bytes);
    char *safe;

    if (cli->options.is_json) {
        rk_cli_emit(cli, json_pack("{s:{s:o}}", "error", "message",
                                   rk_cli_json_text(text ? text : "out of memory")));
    } else {
        safe = text ? rk_cli_safe(text, bytes) : NULL;
        put_remark(cli, is_red ? rk_cli_code(cli, RK_CLI_RED) : "");
        put_remark(cli, safe ? safe : "out of memory");
        put_remark(cli, is_red ? rk_cli_code(cli, RK_CLI_PLAIN) : "");
        put_remark(cli, "\n");
        free(safe);
    }
    free(text);
}

int rk_cli_error(struct rk_cli *cli, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    complain(cli, format, rest);
    va_end(rest);
    return RK_CLI_FAILED;
}

int rk_cli_misuse(struct rk_cli *cli, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    complain(cli, format, rest);
    va_end(rest);
    return RK_CLI_USAGE;
}

int rk_cli_show_usage(struct rk_cli *cli, const struct rk_cli_command *command)
{
    return rk_cli_misuse(cli, "%s %s", command->name, command->usage);
}

/* -- Progress -----------------------------------------------------------------------------------
 */

/* 1234567 as 1,234,567. */
static void group_digits(int64_t number, char ret[32])
{
    char plain[24];
    int digits = snprintf(plain, sizeof plain, "%" PRId64, number < 0 ? 0 : number);
    int used = 0;

    for (int i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            ret[used++] = ',';
        ret[used++] = plain[i];
    }
    ret[used] = 0;
}

static void draw(const struct rk_cli_progress *p, int64_t now)
{
    int64_t elapsed = now - p->begin_ms;
    char done[32], total[32], rate[32];

    group_digits(p->done, done);
    group_digits(p->total, total);
    group_digits(elapsed > 0 ? p->done * 1000 / elapsed : 0, rate);
    if (p->total > 0) {
        int percent = (int)(p->done * 100 / p->total);
        char bar[21];
        for (int i = 0; i < 20; i++)
            bar[i] = i < percent / 5 ? '#' : '.';
        bar[20] = 0;
        fprintf(stderr, "\r%s %s of %s [%s] %d%%  %s/s\033[K", p->what, done, total, bar, percent,
                rate);
    } else {
        fprintf(stderr, "\r%s %s  %s/s\033[K", p->what, done, rate);
    }
}

void rk_cli_progress_begin(struct rk_cli *cli, struct rk_cli_progress *p, const char *what,
                           int64_t total)
{
    memset(p, 0, sizeof *p);
    p->what = what;
    p->total = total;
    p->begin_ms = p->drawn_ms = rk_cli_now_ms();
    p->is_shown = !cli->options.is_json && isatty(STDERR_FILENO);
}

void rk_cli_progress_add(struct rk_cli *cli, struct rk_cli_progress *p, int64_t count)
{
    int64_t now;

    p->done += count;
    if (!p->is_shown)
        return;
    now = rk_cli_now_ms();
    if (now - p->drawn_ms < 100)
        return;
    p->drawn_ms = now;
    rk_cli_flush(cli);
    draw(p, now);
}

void rk_cli_progress_end(struct rk_cli *cli, struct rk_cli_progress *p)
{
    (void)cli;
    if (p->is_shown && p->drawn_ms != p->begin_ms)
        fprintf(stderr, "\r\033[K");
    p->is_shown = false;
}
