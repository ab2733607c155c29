/* The shell's session: opening, closing, opening again after an expiry, and other sessions beside
 * it. Its events come in rk_cli_watcher. */
#include "cli/cli_int.h"
#include <errno.h>
#include <rookery/rookery.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A person learns what matters from the shell itself; the library's log is for --debug. */
static void log_nothing(const char *message)
{
    (void)message;
}

bool rk_cli_init(struct rk_cli *cli, const struct rk_cli_options *options)
{
    memset(cli, 0, sizeof *cli);
    cli->wake_fd = -1;
    cli->options = *options;
    cli->prints_watches = true;
    if (pthread_mutex_init(&cli->lock, NULL) != 0)
        return false;
    cli->events = calloc(RK_CLI_EVENTS_MAX, sizeof *cli->events);
    cli->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return cli->events && cli->wake_fd >= 0 && rk_cli_set_server(cli, options->server);
}

void rk_cli_deinit(struct rk_cli *cli)
{
    for (int i = 0; i < RK_CLI_LINKS_MAX; i++)
        if (cli->links[i])
            rk_cli_hang_up(cli, cli->links[i]);
    rk_cli_close(cli);
    for (int i = 0; i < cli->auth_count; i++) {
        explicit_bzero(cli->auths[i].auth, (size_t)cli->auths[i].bytes);
        free(cli->auths[i].auth);
        free(cli->auths[i].scheme);
    }
    for (int i = 0; i < cli->event_count; i++)
        free(cli->events[(cli->event_first + i) % RK_CLI_EVENTS_MAX].path);
    for (int i = 0; i < RK_CLI_HISTORY_MAX; i++)
        free(cli->history[i]);
    free(cli->events);
    free(cli->server);
    if (cli->wake_fd >= 0)
        close(cli->wake_fd);
    pthread_mutex_destroy(&cli->lock);
}

const struct rk_cli_options *rk_cli_options(const struct rk_cli *cli)
{
    return &cli->options;
}

zhandle_t *rk_cli_handle(struct rk_cli *cli)
{
    return cli->zh;
}

bool rk_cli_set_server(struct rk_cli *cli, const char *hosts)
{
    char *copy = strdup(hosts);

    if (!copy)
        return false;
    free(cli->server);
    cli->server = copy;
    cli->options.server = copy;
    return true;
}

bool rk_cli_keep_auth(struct rk_cli *cli, const char *scheme, const char *auth, int bytes)
{
    struct rk_cli_auth *kept = &cli->auths[cli->auth_count];

    if (cli->auth_count == RK_CLI_AUTHS_MAX)
        return false;
    kept->scheme = strdup(scheme);
    kept->auth = malloc((size_t)bytes + 1);
    if (!kept->scheme || !kept->auth) {
        free(kept->scheme);
        free(kept->auth);
        return false;
    }
    memcpy(kept->auth, auth, (size_t)bytes);
    kept->auth[bytes] = 0;
    kept->bytes = bytes;
    cli->auth_count++;
    return true;
}

static zhandle_t *open_handle(struct rk_cli *cli, const char *hosts, watcher_fn watcher)
{
    struct rk_options options;
    zhandle_t *zh;

    rk_options_init(&options);
    options.watcher = watcher;
    options.context = cli;
    options.session_timeout_ms = cli->options.timeout_ms;
    options.is_read_only_allowed = cli->options.is_read_only;
    options.log = cli->options.is_debug ? NULL : log_nothing;
    options.log_level = cli->options.is_debug ? ZOO_LOG_LEVEL_DEBUG : ZOO_LOG_LEVEL_ERROR;
    zh = rk_open(hosts, &options);
    for (int i = 0; zh && i < cli->auth_count; i++) {
        const struct rk_cli_auth *a = &cli->auths[i];
        (void)zoo_add_auth(zh, a->scheme, a->auth, a->bytes, NULL, NULL);
    }
    return zh;
}

static void say_not_opened(struct rk_cli *cli, const char *hosts)
{
    rk_cli_error(cli, "%s: %s", hosts,
                 errno == EINVAL ? "not a list of servers (host:port,[::1]:port/chroot)"
                                 : strerror(errno));
}

bool rk_cli_connect(struct rk_cli *cli)
{
    rk_cli_close(cli);
    cli->zh = open_handle(cli, cli->server, rk_cli_watcher);
    if (!cli->zh)
        say_not_opened(cli, cli->server);
    return cli->zh != NULL;
}

/* The session's end is told once, and nothing of it afterwards. */
void rk_cli_close(struct rk_cli *cli)
{
    zhandle_t *zh = cli->zh;

    if (!zh)
        return;
    cli->zh = NULL;
    (void)zookeeper_close(zh);
    rk_cli_forget_all_watches(cli);
    rk_cli_push_event(cli, ZOO_SESSION_EVENT, RK_CLI_STATE_CLOSED, -1, NULL);
}

bool rk_cli_is_alive(const struct rk_cli *cli)
{
    int state = cli->zh ? zoo_state(cli->zh) : ZOO_EXPIRED_SESSION_STATE;
    return state != ZOO_EXPIRED_SESSION_STATE && state != ZOO_AUTH_FAILED_STATE;
}

static bool is_connected(zhandle_t *zh)
{
    int state = zoo_state(zh);
    return state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE;
}

const char *rk_cli_session_state(const struct rk_cli *cli)
{
    int state = cli->zh ? zoo_state(cli->zh) : RK_CLI_STATE_CLOSED;

    if (state == ZOO_CONNECTED_STATE)
        return "CONNECTED";
    if (state == ZOO_READONLY_STATE)
        return "CONNECTEDREADONLY";
    if (state == ZOO_AUTH_FAILED_STATE)
        return "AUTH_FAILED";
    if (state == ZOO_EXPIRED_SESSION_STATE || state == RK_CLI_STATE_CLOSED)
        return "CLOSED";
    return "CONNECTING";
}

/* Until zh is connected, will never be, or the time is over. ZOK, ZAUTHFAILED, ZSESSIONEXPIRED,
 * ZOPERATIONTIMEOUT or RK_CLI_CUT. */
static int wait_connected(struct rk_cli *cli, zhandle_t *zh, int wait_ms, bool is_told)
{
    int64_t begin = rk_cli_now_ms();

    for (;;) {
        int state = zoo_state(zh);
        int64_t waited = rk_cli_now_ms() - begin;
        int64_t left = wait_ms - waited;
        if (is_connected(zh))
            return ZOK;
        if (state == ZOO_AUTH_FAILED_STATE)
            return ZAUTHFAILED;
        if (state == ZOO_EXPIRED_SESSION_STATE)
            return ZSESSIONEXPIRED;
        if (left <= 0)
            return ZOPERATIONTIMEOUT;
        if (is_told && waited >= 1000) {
            rk_cli_note(cli, "waiting for a connection to %s (Ctrl-C ends this)\n", cli->server);
            is_told = false;
        }
        /* Not every change of state comes with an event: look now and then. */
        if (rk_cli_wait(cli, left < 50 ? (int)left : 50) == RK_CLI_INTERRUPTED)
            return RK_CLI_CUT;
    }
}

static int say_not_connected(struct rk_cli *cli, int rc, const char *hosts)
{
    if (rc == ZAUTHFAILED)
        rk_cli_error(cli, "Not connected: authentication failed");
    else if (rc == ZSESSIONEXPIRED)
        rk_cli_error(cli, "Not connected: the session has expired");
    else if (rc != RK_CLI_CUT)
        rk_cli_error(cli, "Not connected: no answer from %s", hosts);
    return rc == ZOPERATIONTIMEOUT ? RK_CLI_NOT_CONNECTED : rk_cli_exit_of(rc);
}

int rk_cli_need_connection(struct rk_cli *cli)
{
    int rc;

    if (cli->zh && zoo_state(cli->zh) == ZOO_EXPIRED_SESSION_STATE && !cli->options.is_zkcli) {
        rk_cli_note(cli, "the session has expired: opening a new one\n");
        if (!rk_cli_connect(cli))
            return RK_CLI_NOT_CONNECTED;
    }
    if (!rk_cli_is_alive(cli)) {
        if (cli->zh && zoo_state(cli->zh) == ZOO_AUTH_FAILED_STATE && !cli->options.is_zkcli)
            return say_not_connected(cli, ZAUTHFAILED, cli->server);
        rk_cli_error(cli, "Not connected");
        return RK_CLI_NOT_CONNECTED;
    }
    rc = wait_connected(cli, cli->zh, cli->options.wait_ms, cli->options.is_interactive);
    return rc == ZOK ? RK_CLI_OK : say_not_connected(cli, rc, cli->server);
}

/* -- Other sessions -----------------------------------------------------------------------------
 */

static void wake_only(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    rk_cli_wake(context);
}

zhandle_t *rk_cli_dial(struct rk_cli *cli, const char *hosts, int wait_ms, bool is_quiet)
{
    zhandle_t *zh = NULL;
    int at = 0;
    int rc;

    while (at < RK_CLI_LINKS_MAX && cli->links[at])
        at++;
    if (at == RK_CLI_LINKS_MAX)
        errno = EMFILE;
    else
        zh = open_handle(cli, hosts, wake_only);
    if (!zh) {
        if (!is_quiet)
            say_not_opened(cli, hosts);
        return NULL;
    }
    cli->links[at] = zh;
    rc = wait_connected(cli, zh, wait_ms, false);
    if (rc == ZOK)
        return zh;
    if (!is_quiet)
        (void)say_not_connected(cli, rc, hosts);
    rk_cli_hang_up(cli, zh);
    return NULL;
}

void rk_cli_hang_up(struct rk_cli *cli, zhandle_t *zh)
{
    for (int i = 0; i < RK_CLI_LINKS_MAX; i++)
        if (cli->links[i] == zh)
            cli->links[i] = NULL;
    (void)zookeeper_close(zh);
}
