/* A member of an ensemble inside the test; see peer_rig.h. */
#include "support/cmocka_all.h"

#include "shell/peer_rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t peer_now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void peer_config(struct rk_shell_config *config)
{
    rig_config(config);
    config->has_ensemble = true;
    config->bind_tries = 1;
    (void)snprintf(config->election.host, sizeof(config->election.host), "127.0.0.1");
    (void)snprintf(config->quorum.host, sizeof(config->quorum.host), "127.0.0.1");
}

void peer_open(struct rig *r, const struct rk_shell_config *config)
{
    rig_open(r, config, NULL);
}

/* -- sockets ---------------------------------------------------------------------------------- */

static struct sockaddr_in address(const char *host, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, host, &at.sin_addr), 1);
    return at;
}

static void make_nonblocking(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

int peer_connect(struct rig *r, enum rk_chan_port port, int rcvbuf)
{
    struct sockaddr_in to = address("127.0.0.1", rk_shell_peer_port(r->shell, port));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (rcvbuf > 0) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    make_nonblocking(fd);
    return fd;
}

int peer_listen(const char *host, uint16_t *port, int backlog)
{
    struct sockaddr_in at = address(host, *port);
    socklen_t len = sizeof(at);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    make_nonblocking(fd);
    return fd;
}

int peer_accept(struct rig *r, int fd)
{
    int64_t until = peer_now_ms() + 5000;
    while (peer_now_ms() < until) {
        int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            return got;
        }
        assert_true(errno == EAGAIN);
        rig_turn(r, 0);
    }
    fail_msg("nobody dialed");
    return -1;
}

uint16_t peer_closed_port(void)
{
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 1);
    close(fd);
    return port;
}

bool peer_reads_end(struct rig *r, int fd, int64_t ms)
{
    char buf[65536];
    int64_t until = peer_now_ms() + ms;
    while (peer_now_ms() < until) {
        ssize_t n = recv(fd, buf, sizeof(buf), 0);
        if (n == 0) {
            return true;
        }
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        if (n < 0) {
            rig_turn(r, 0);
        }
    }
    return false;
}

/* -- effects ---------------------------------------------------------------------------------- */

void peer_dial(struct rig *r, rk_chan_id chan, const char *host, uint16_t port, int32_t timeout_ms)
{
    rk_fx_chan_dial(&r->shell->fx, chan, RK_PORT_ELECTION, rk_bytes_str(host), port, timeout_ms);
}

void peer_send(struct rig *r, rk_chan_id chan, const void *data, size_t len)
{
    rk_fx_chan_send(&r->shell->fx, chan, rk_bytes_of(data, len));
}

void peer_send_many(struct rig *r, const rk_chan_id *chans, uint32_t count, const void *data,
                    size_t len)
{
    rk_fx_chan_send_many(&r->shell->fx, chans, count, rk_bytes_of(data, len));
}

void peer_ask(struct rig *r, enum rk_effect_kind kind, rk_chan_id chan)
{
    rk_fx_chan(&r->shell->fx, kind, chan);
}

void peer_go(struct rig *r)
{
    rk_turn_settle(r->shell);
}

/* -- waiting ---------------------------------------------------------------------------------- */

bool peer_wait(struct rig *r, enum rk_event_kind kind, rk_chan_id chan, uint32_t count, int64_t ms)
{
    int64_t until = peer_now_ms() + ms;
    while (fake_count(r->core, kind, chan) < count) {
        if (peer_now_ms() >= until) {
            return false;
        }
        rig_turn_once(r);
        (void)usleep(200);
    }
    return true;
}

bool peer_wait_input(struct rig *r, rk_chan_id chan, uint64_t total, int64_t ms)
{
    int64_t until = peer_now_ms() + ms;
    while (fake_input(r->core, chan)->total < total) {
        if (peer_now_ms() >= until) {
            return false;
        }
        rig_turn_once(r);
    }
    return true;
}

int peer_dialed(struct rig *r, rk_chan_id chan, int rcvbuf)
{
    uint16_t port = 0;
    int listener = peer_listen("127.0.0.1", &port, 8);
    if (rcvbuf > 0) { /* of those that are accepted */
        assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
    }
    peer_dial(r, chan, "127.0.0.1", port, 5000);
    peer_go(r);
    int fd = peer_accept(r, listener);
    close(listener);
    assert_true(peer_wait(r, RK_EV_CHAN_CONNECTED, chan, 1, 5000));
    return fd;
}

uint32_t peer_fd_count(void)
{
    uint32_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}
