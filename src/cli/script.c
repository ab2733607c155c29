/* Commands that nobody types: texts of -c, and lines of stdin. */
#include "cli/start.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rk_cli_run_texts(struct rk_cli *cli, const char *const *texts, int count)
{
    for (int i = 0; i < count; i++) {
        const char *at = texts[i];
        while (*at && !cli->is_quitting) {
            size_t bytes = rk_cli_command_end(at);
            char *line = strndup(at, bytes);
            if (!line) {
                cli->exit_code = rk_cli_error(cli, "out of memory");
                return;
            }
            (void)rk_cli_run_line(cli, line);
            free(line);
            at += bytes + (at[bytes] != 0);
        }
    }
}

/* Bytes of stdin that are no whole line yet. */
struct input {
    char *at;
    size_t bytes, room;
    size_t looked_at; /* no line end among the first so many */
    bool is_end;
};

/* Reads what is there; false: nothing more will come, or there is no memory for it. */
static bool read_more(struct rk_cli *cli, struct input *in)
{
    ssize_t got;

    if (in->room - in->bytes < 65536) {
        size_t room = in->room ? in->room * 2 : 131072;
        char *at = room <= 2 * RK_CLI_LINE_MAX ? realloc(in->at, room) : NULL;
        if (!at) {
            cli->exit_code = rk_cli_misuse(cli, "a line of more than %zu bytes", RK_CLI_LINE_MAX);
            return false;
        }
        in->at = at;
        in->room = room;
    }
    got = read(STDIN_FILENO, in->at + in->bytes, in->room - in->bytes - 1);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got == 0)
        in->is_end = true;
    in->bytes += (size_t)got;
    return true;
}

/* Runs the whole lines that were read; the rest stays. */
static void run_lines(struct rk_cli *cli, struct input *in)
{
    size_t used = 0;

    while (used < in->bytes && !cli->is_quitting) {
        char *line = in->at + used;
        size_t known = used < in->looked_at ? in->looked_at - used : 0;
        char *end = memchr(line + known, '\n', in->bytes - used - known);
        if (!end && !in->is_end) {
            in->looked_at = in->bytes;
            break;
        }
        if (!end)
            end = in->at + in->bytes;
        used = (size_t)(end - in->at) + 1;
        *end = 0;
        if (end > line && end[-1] == '\r')
            end[-1] = 0;
        (void)rk_cli_run_line(cli, line);
    }
    used = used < in->bytes ? used : in->bytes;
    memmove(in->at, in->at + used, in->bytes - used);
    in->bytes -= used;
    in->looked_at -= in->looked_at < used ? in->looked_at : used;
}

void rk_cli_run_stdin(struct rk_cli *cli)
{
    struct input in = {NULL, 0, 0, 0, false};

    while (!in.is_end && !cli->is_quitting) {
        rk_cli_drain_events(cli);
        if (rk_cli_is_stopped(cli)) {
            cli->exit_code = cli->stop_signal ? 128 + cli->stop_signal : RK_CLI_FAILED;
            break;
        }
        if (!rk_cli_poll(cli, STDIN_FILENO, -1))
            continue;
        if (!read_more(cli, &in))
            break;
        run_lines(cli, &in);
    }
    free(in.at);
}
