/* The shell for people, on libedit: its own reader of characters, so that events of watches are
 * printed above the line while it waits for a key, and Ctrl-C drops the line and not the shell. */
#include "cli/start.h"
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#define SHOWN_MAX 200 /* candidates that are listed */

struct editor {
    EditLine *el;
    History *history;
    char *history_path; /* NULL: none is kept */
    char prompt[512];
    bool was_cut; /* Ctrl-C at the prompt */
};

static volatile sig_atomic_t is_resized;

static void on_resize(int signal)
{
    (void)signal;
    is_resized = 1;
}

static struct rk_cli *cli_of(EditLine *el)
{
    void *data = NULL;
    el_get(el, EL_CLIENTDATA, &data);
    return data;
}

/* One shell, one editor. */
static struct editor editor;

/* -- Reading keys -------------------------------------------------------------------------------
 */

/* Around what is printed while a line is edited: the line makes room, and is drawn again. */
static void on_print(struct rk_cli *cli, bool is_begin)
{
    (void)cli;
    if (is_begin)
        fputs("\r\033[J", stdout);
    else
        el_set(editor.el, EL_REFRESH);
}

static bool wait_for_key(struct rk_cli *cli)
{
    for (;;) {
        if (cli->stop_signal)
            return false;
        if (is_resized) {
            is_resized = 0;
            el_resize(editor.el);
        }
        rk_cli_drain_events(cli);
        if (rk_cli_poll(cli, STDIN_FILENO, -1))
            return true;
    }
}

static int read_key(EditLine *el, wchar_t *ret)
{
    struct rk_cli *cli = cli_of(el);
    mbstate_t state;
    size_t used;
    char byte;

    memset(&state, 0, sizeof state);
    do {
        ssize_t got;
        if (!wait_for_key(cli)) {
            editor.was_cut = true;
            errno = EINTR;
            return -1;
        }
        got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            used = (size_t)-2;
            continue;
        }
        if (got <= 0)
            return (int)got;
        used = mbrtowc(ret, &byte, 1, &state);
        if (used == (size_t)-1) {
            /* No character: take it for Latin-1 rather than lose a key. */
            *ret = (wchar_t)(unsigned char)byte;
            used = 1;
        }
    } while (used == (size_t)-2);
    return 1;
}

/* -- The prompt ---------------------------------------------------------------------------------
 */

static char *prompt_of(EditLine *el)
{
    struct rk_cli *cli = cli_of(el);
    const char *state = rk_cli_session_state(cli);
    bool is_good = strncmp(state, "CONNECTED", 9) == 0;
    char *safe = rk_cli_safe(cli->server, strnlen(cli->server, 100));
    const char *begin = rk_cli_code(cli, is_good ? RK_CLI_GREEN : RK_CLI_RED);

    if (*begin)
        snprintf(editor.prompt, sizeof editor.prompt, "[zk: %.200s(\1%s\1%s\1%s\1) %d] ",
                 safe ? safe : "", begin, state, rk_cli_code(cli, RK_CLI_PLAIN),
                 cli->command_count);
    else
        snprintf(editor.prompt, sizeof editor.prompt, "[zk: %.200s(%s) %d] ", safe ? safe : "",
                 state, cli->command_count);
    free(safe);
    return editor.prompt;
}

/* -- Completion ---------------------------------------------------------------------------------
 */

static int columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Beneath the line, in columns; of paths only the last component. */
static void list_candidates(const struct rk_cli_candidates *c)
{
    int shown = c->count < SHOWN_MAX ? c->count : SHOWN_MAX;
    int widest = 0, across, rows;

    if (c->left_out > 0) {
        printf("\n%lld children: too many to list\n", (long long)c->left_out);
        return;
    }
    for (int i = 0; i < shown; i++) {
        const char *slash = c->is_path ? strrchr(c->list[i], '/') : NULL;
        int width = (int)strlen(slash && slash[1] ? slash + 1 : c->list[i]);
        widest = width > widest ? width : widest;
    }
    across = columns() / (widest + 2);
    across = across < 1 ? 1 : across;
    rows = (shown + across - 1) / across;
    for (int row = 0; row < rows; row++) {
        printf("\n");
        for (int i = row; i < shown; i += rows) {
            const char *slash = c->is_path ? strrchr(c->list[i], '/') : NULL;
            const char *name = slash && slash[1] ? slash + 1 : c->list[i];
            char *safe = rk_cli_safe(name, strlen(name));
            printf("%-*s", widest + 2, safe ? safe : "?");
            free(safe);
        }
    }
    if (c->count > shown)
        printf("\n... %d more", c->count - shown);
    printf("\n");
}

/* The bytes that all candidates share, in place of the partial word; quoted if it takes quotes. */
static bool put_in(EditLine *el, const struct rk_cli_candidates *c, size_t partial_bytes)
{
    size_t common = rk_cli_common_bytes(c);
    bool is_whole = c->count == 1;
    bool is_quoted =
        c->partial[0] == '"' || c->partial[0] == '\'' || memchr(c->list[0], ' ', common) != NULL;
    bool is_done = is_whole && !c->is_path;
    char *text;
    int bytes;
    bool is_new;

    bytes = asprintf(&text, "%s%.*s%s%s", is_quoted ? "\"" : "", (int)common, c->list[0],
                     is_quoted && is_done ? "\"" : "", is_done ? " " : "");
    if (bytes < 0)
        return false;
    /* In a locale that has no such characters libedit would put nothing in the place of the word.
     */
    is_new = mbstowcs(NULL, text, 0) != (size_t)-1 &&
             ((size_t)bytes != partial_bytes || memcmp(text, c->partial, partial_bytes) != 0);
    if (is_new) {
        size_t characters = 0;
        mbstate_t state;
        /* libedit counts characters. */
        memset(&state, 0, sizeof state);
        for (size_t i = 0; i < partial_bytes; characters++) {
            size_t step = mbrtowc(NULL, c->partial + i, partial_bytes - i, &state);
            i += step == 0 || step > partial_bytes ? 1 : step;
        }
        el_deletestr(el, (int)characters);
        (void)el_insertstr(el, text);
    }
    free(text);
    return is_new;
}

static unsigned char on_tab(EditLine *el, int key)
{
    struct rk_cli *cli = cli_of(el);
    const LineInfo *info = el_line(el);
    struct rk_cli_candidates c;
    char *line = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
    unsigned char what = CC_REFRESH;
    bool is_new;

    (void)key;
    if (!line || !rk_cli_complete(cli, line, &c)) {
        free(line);
        return CC_ERROR;
    }
    is_new = c.count > 0 && put_in(el, &c, strlen(c.partial));
    if (!is_new && (c.count > 1 || c.left_out > 0)) {
        list_candidates(&c);
        fflush(stdout);
        what = CC_REDISPLAY;
    } else if (c.count == 0) {
        what = CC_REFRESH_BEEP;
    }
    rk_cli_candidates_free(&c);
    free(line);
    return what;
}

/* -- History ------------------------------------------------------------------------------------
 */

static char *find_history_path(void)
{
    const char *path = getenv("ROOKERY_HISTORY");
    const char *home = getenv("HOME");
    char *whole = NULL;

    if (path)
        return *path ? strdup(path) : NULL;
    if (!home || asprintf(&whole, "%s/.rookery_cli_history", home) < 0)
        return NULL;
    return whole;
}

/* Lines with passwords stay out of the file, and of what the arrow keys bring back. */
static bool is_secret(const char *line)
{
    struct rk_cli_words words;
    const struct rk_cli_command *command = NULL;

    if (!rk_cli_split(line, &words))
        return true;
    if (words.count > 0)
        command = rk_cli_find(words.list[0]);
    rk_cli_words_free(&words);
    return command && (command->traits & RK_CLI_SECRET);
}

static void keep_line(const char *line)
{
    HistEvent event;

    if (is_secret(line))
        return;
    history(editor.history, &event, H_ENTER, line);
    if (editor.history_path) {
        mode_t before = umask(077);
        history(editor.history, &event, H_SAVE, editor.history_path);
        umask(before);
    }
}

/* -- The loop -----------------------------------------------------------------------------------
 */

static bool begin_edit(struct rk_cli *cli)
{
    struct sigaction action;
    HistEvent event;

    editor.el = el_init("rookery-cli", stdin, stdout, stderr);
    editor.history = history_init();
    if (!editor.el || !editor.history)
        return false;
    editor.history_path = find_history_path();
    history(editor.history, &event, H_SETSIZE, RK_CLI_HISTORY_MAX);
    history(editor.history, &event, H_SETUNIQUE, 1);
    if (editor.history_path)
        history(editor.history, &event, H_LOAD, editor.history_path);
    el_set(editor.el, EL_CLIENTDATA, cli);
    el_set(editor.el, EL_HIST, history, editor.history);
    el_set(editor.el, EL_PROMPT_ESC, prompt_of, '\1');
    el_set(editor.el, EL_EDITOR, "emacs");
    el_set(editor.el, EL_SIGNAL, 0);
    el_set(editor.el, EL_GETCFN, read_key);
    el_set(editor.el, EL_ADDFN, "rookery-complete", "complete a word", on_tab);
    el_set(editor.el, EL_BIND, "^I", "rookery-complete", NULL);
    el_set(editor.el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(editor.el, EL_BIND, "^D", "em-delete-or-list", NULL);
    (void)el_source(editor.el, NULL);
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_resize;
    sigaction(SIGWINCH, &action, NULL);
    return true;
}

static void end_edit(struct rk_cli *cli)
{
    cli->on_print = NULL;
    if (editor.history)
        history_end(editor.history);
    if (editor.el)
        el_end(editor.el);
    free(editor.history_path);
    memset(&editor, 0, sizeof editor);
}

/* A line without its end, malloced; NULL at the end of input. "" for a line that was dropped. */
static char *read_line(struct rk_cli *cli)
{
    const char *line;
    int bytes = 0;

    editor.was_cut = false;
    cli->on_print = on_print;
    /* Before the prompt can be seen: what is typed from then on is for the editor. */
    el_set(editor.el, EL_PREP_TERM, 1);
    line = el_gets(editor.el, &bytes);
    cli->on_print = NULL;
    if (editor.was_cut) {
        el_reset(editor.el);
        fputs("^C\n", stdout);
        return cli->stop_signal == SIGINT ? strdup("") : NULL;
    }
    if (!line || bytes <= 0) {
        fputs("\n", stdout);
        return NULL;
    }
    if (line[bytes - 1] == '\n')
        bytes--;
    return strndup(line, (size_t)bytes);
}

bool rk_cli_interact(struct rk_cli *cli)
{
    char *line;

    if (!begin_edit(cli)) {
        end_edit(cli);
        return false;
    }
    /* Most connections are there at once: the first prompt is to say so. */
    for (int i = 0; i < 20 && strcmp(rk_cli_session_state(cli), "CONNECTING") == 0; i++)
        if (rk_cli_wait(cli, 20) == RK_CLI_INTERRUPTED)
            break;
    while (!cli->is_quitting && (line = read_line(cli))) {
        if (line[strspn(line, " \t")]) {
            keep_line(line);
            (void)rk_cli_run_line(cli, line);
            if (cli->stop_signal == SIGINT)
                fputs("\n", stdout); /* the terminal has shown ^C itself */
        }
        /* It was for that line, not for the next. */
        if (cli->stop_signal == SIGINT)
            cli->stop_signal = 0;
        free(line);
    }
    if (cli->stop_signal && cli->stop_signal != SIGINT)
        cli->exit_code = 128 + cli->stop_signal;
    end_edit(cli);
    return true;
}
