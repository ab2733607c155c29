/* Dialing other servers: addresses, names, several of them, names that take for ever, time limits;
 * and taking our own ports. */
#include "support/cmocka_all.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem_libc.h"
#include "shell/peer_rig.h"

static struct rig r;
static struct rk_shell_config config;

/* -- a resolver with names of its own --------------------------------------------------------- */

static atomic_int lookups, lookups_ended, must_answer;

static void add(struct rk_addrs *ret, const char *ip)
{
    assert_true(rk_addr_parse(ip, &ret->items[ret->count]));
    ret->count++;
}

static int lookup(const char *host, struct rk_addrs *ret)
{
    int error = 0;
    atomic_fetch_add(&lookups, 1);
    if (strcmp(host, "one.test") == 0) {
        add(ret, "127.0.0.1");
    } else if (strcmp(host, "three.test") == 0) {
        add(ret, "127.0.0.3");
        add(ret, "127.0.0.2");
        add(ret, "127.0.0.1");
    } else if (strncmp(host, "slow", 4) == 0) {
        while (atomic_load(&must_answer) == 0) {
            (void)usleep(1000);
        }
        add(ret, "127.0.0.1");
    } else if (strcmp(host, "empty.test") != 0) {
        error = EAI_NONAME;
    }
    atomic_fetch_add(&lookups_ended, 1);
    return error;
}

static int setup(void **state)
{
    (void)state;
    peer_config(&config);
    rig_lookup = lookup;
    atomic_store(&lookups, 0);
    atomic_store(&lookups_ended, 0);
    atomic_store(&must_answer, 0);
    return 0;
}

static void end_lookups(void)
{
    atomic_store(&must_answer, 1);
    while (atomic_load(&lookups_ended) < atomic_load(&lookups)) {
        (void)usleep(1000);
    }
    (void)usleep(20000); /* the threads' own ends */
}

static const char *why(rk_chan_id chan)
{
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, chan), 1);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CONNECTED, chan), 0);
    return fake_last(r.core, RK_EV_CHAN_CLOSED, chan)->text;
}

/* -- addresses -------------------------------------------------------------------------------- */

static void a_dial_to_an_address_connects(void **state)
{
    (void)state;
    char in[3];
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 0);
    assert_int_equal(atomic_load(&lookups), 0);
    assert_int_equal(fake_last(r.core, RK_EV_CHAN_CONNECTED, 0)->port, RK_PORT_ELECTION);
    peer_send(&r, OUT(1), "abc", 3);
    peer_go(&r);
    assert_int_equal(rig_recv(&r, fd, in, 3, 1000), 3);
    assert_int_equal(send(fd, "de", 2, MSG_NOSIGNAL), 2);
    assert_true(peer_wait_input(&r, OUT(1), 2, 1000));
    close(fd);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(1), 1, 1000));
    rig_close(&r);
}

static void a_dial_to_an_ipv6_address_connects(void **state)
{
    (void)state;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return; /* a machine without IPv6 has nothing to show here */
    }
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "::1", ntohs(at.sin6_port), 2000);
    peer_dial(&r, OUT(2), "[::1]", ntohs(at.sin6_port), 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, 0, 2, 2000));
    assert_int_equal(atomic_load(&lookups), 0);
    close(fd);
    rig_close(&r);
}

static void a_refused_dial_says_so(void **state)
{
    (void)state;
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "127.0.0.1", peer_closed_port(), 2000);
    peer_go(&r);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 0); /* never from within */
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(1), 1, 1000));
    assert_string_equal(why(OUT(1)), "connection refused");
    rig_close(&r);
}

/* A port whose queue of connections is full: the kernel does not answer any more. */
static int deaf_port(const char *host, uint16_t *port, int *ret_filler)
{
    int fd = peer_listen(host, port, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(*port)};
    struct sockaddr_storage at;
    assert_true(rk_addr_parse(host, &at));
    to.sin_addr = ((struct sockaddr_in *)&at)->sin_addr;
    *ret_filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*ret_filler, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void a_dial_without_answer_times_out(void **state)
{
    (void)state;
    uint16_t port = 0;
    int filler;
    int fd = deaf_port("127.0.0.1", &port, &filler);
    peer_open(&r, &config);
    int64_t began_ms = peer_now_ms();
    peer_dial(&r, OUT(1), "127.0.0.1", port, 300);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(1), 1, 3000));
    assert_string_equal(why(OUT(1)), "timed out");
    assert_in_range(peer_now_ms() - began_ms, 290, 900);
    close(filler);
    close(fd);
    rig_close(&r);
}

static void a_dial_can_be_given_up(void **state)
{
    (void)state;
    uint16_t port = 0;
    int filler;
    int fd = deaf_port("127.0.0.1", &port, &filler);
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "127.0.0.1", port, 5000);
    peer_dial(&r, OUT(2), "slow.test", port, 5000);
    peer_go(&r);
    rig_turn(&r, 20);
    peer_ask(&r, RK_FX_CHAN_CLOSE, OUT(1));
    peer_ask(&r, RK_FX_CHAN_CLOSE, OUT(2));
    peer_dial(&r, OUT(3), "127.0.0.1", port, 5000); /* in one go */
    peer_ask(&r, RK_FX_CHAN_CLOSE, OUT(3));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 3, 1000));
    assert_string_equal(why(OUT(1)), "given up");
    assert_string_equal(why(OUT(2)), "given up");
    assert_string_equal(why(OUT(3)), "given up");
    end_lookups();
    rig_turn(&r, 20); /* whose answer nobody waits for any more */
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 3);
    close(filler);
    close(fd);
    rig_close(&r);
}

/* -- names ------------------------------------------------------------------------------------ */

static void a_name_is_looked_up_at_every_dial(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 8);
    peer_open(&r, &config);
    for (rk_chan_id i = 1; i <= 3; i++) {
        peer_dial(&r, OUT(i), "one.test", port, 2000);
        peer_go(&r);
        assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(i), 1, 2000));
        assert_int_equal(atomic_load(&lookups), i);
    }
    close(fd);
    rig_close(&r);
}

static void every_address_of_a_name_is_tried(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 8);
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "three.test", port, 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(1), 1, 2000));
    close(fd);
    peer_dial(&r, OUT(2), "three.test", port, 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(2), 1, 2000));
    assert_string_equal(why(OUT(2)), "connection refused");
    rig_close(&r);
}

/* 127.0.0.3 swallows everything: the others still get their share of the time. */
static void a_deaf_address_does_not_use_up_the_time(void **state)
{
    (void)state;
    uint16_t port = 0;
    int filler;
    int fd = peer_listen("127.0.0.1", &port, 8);
    int deaf = deaf_port("127.0.0.3", &port, &filler);
    peer_open(&r, &config);
    int64_t began_ms = peer_now_ms();
    peer_dial(&r, OUT(1), "three.test", port, 900);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(1), 1, 2000));
    assert_in_range(peer_now_ms() - began_ms, 290, 800);
    close(filler);
    close(deaf);
    close(fd);
    rig_close(&r);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
    (void)state;
    char long_name[400];
    memset(long_name, 'a', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "nobody.test", 2888, 2000);
    peer_dial(&r, OUT(2), "empty.test", 2888, 2000);
    peer_dial(&r, OUT(3), long_name, 2888, 2000);
    peer_dial(&r, OUT(4), "", 2888, 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 4, 2000));
    assert_non_null(strstr(why(OUT(1)), "cannot resolve host nobody.test: "));
    assert_non_null(strstr(why(OUT(2)), "cannot resolve host empty.test: no address"));
    assert_non_null(strstr(why(OUT(3)), "cannot resolve host"));
    assert_non_null(strstr(why(OUT(4)), "cannot resolve host"));
    rig_close(&r);
}

/* Names whose servers do not answer: theirs alone are late, and the end waits for none. */
static void names_that_take_for_ever_delay_nobody(void **state)
{
    (void)state;
    char host[32];
    peer_open(&r, &config);
    for (rk_chan_id i = 1; i <= 40; i++) {
        (void)snprintf(host, sizeof(host), "slow%u.test", (unsigned)i);
        peer_dial(&r, OUT(i), host, 2888, 400);
    }
    peer_go(&r);
    int64_t began_ms = peer_now_ms();
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 8);
    peer_dial(&r, OUT(100), "one.test", port, 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(100), 1, 2000));
    assert_in_range(peer_now_ms() - began_ms, 0, 250);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 40, 2000));
    assert_string_equal(why(OUT(1)), "cannot resolve host slow1.test: timed out");
    began_ms = peer_now_ms();
    close(fd);
    rig_close(&r);
    assert_in_range(peer_now_ms() - began_ms, 0, 1000);
    end_lookups();
}

static void one_lookup_of_a_name_is_enough(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 64);
    peer_open(&r, &config);
    for (rk_chan_id i = 1; i <= 20; i++) {
        peer_dial(&r, OUT(i), "slow.test", port, 100);
    }
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 20, 2000));
    for (rk_chan_id i = 21; i <= 40; i++) {
        peer_dial(&r, OUT(i), "slow.test", port, 5000);
    }
    peer_go(&r);
    rig_turn(&r, 20);
    assert_int_equal(atomic_load(&lookups), 1);
    atomic_store(&must_answer, 1);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, 0, 20, 2000));
    assert_int_equal(atomic_load(&lookups), 1);
    close(fd);
    end_lookups();
    rig_close(&r);
}

static void lookups_are_bounded(void **state)
{
    (void)state;
    char host[32];
    peer_open(&r, &config);
    for (rk_chan_id i = 1; i <= RK_LOOKUPS_MAX + 1; i++) {
        (void)snprintf(host, sizeof(host), "slow%u.test", (unsigned)i);
        peer_dial(&r, OUT(i), host, 2888, 5000);
    }
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(RK_LOOKUPS_MAX + 1), 1, 2000));
    assert_non_null(strstr(why(OUT(RK_LOOKUPS_MAX + 1)), "too many lookups"));
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 1);
    end_lookups();
    rig_close(&r);
}

static void the_systems_resolver_knows_localhost(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = peer_listen("127.0.0.1", &port, 8);
    rig_lookup = NULL;
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "localhost", port, 5000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(1), 1, 5000));
    close(fd);
    rig_close(&r);
}

/* -- many ------------------------------------------------------------------------------------- */

static void ten_thousand_dials_leave_nothing_behind(void **state)
{
    (void)state;
    uint16_t refusing = peer_closed_port();
    uint16_t port = 0;
    peer_open(&r, &config);
    int fd = peer_listen("127.0.0.1", &port, 64);
    peer_dial(&r, OUT(20000), "127.0.0.1", refusing, 2000); /* libuv opens something of its own */
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 1, 2000));
    uint32_t fds = peer_fd_count();
    size_t held = r.mem.used_bytes;
    rk_chan_id next = 1;
    uint32_t connected = 0;
    while (next <= 10000) {
        fake_forget_events(r.core);
        for (uint32_t i = 0; i < 50; i++, next++) {
            peer_dial(&r, OUT(next), "127.0.0.1", i % 2 == 0 ? refusing : port, 2000);
        }
        peer_go(&r);
        assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, 0, 25, 5000));
        assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 25, 5000));
        for (int got; (got = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
            close(got);
            connected++;
        }
        assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 50, 5000));
    }
    assert_int_equal(connected, 5000);
    assert_int_equal(r.shell->chan_count, 0);
    assert_int_equal(peer_fd_count(), fds);
    assert_in_range(r.mem.used_bytes, 0, held + 65536);
    close(fd);
    rig_close(&r);
}

/* -- taking the ports ------------------------------------------------------------------------- */

static void fill(struct rk_shell_listen *at, uint16_t port)
{
    (void)snprintf(at->host, sizeof(at->host), "127.0.0.1");
    at->port = port;
}

/* As rig_open, up to the bind. */
static enum rk_err try_to_bind(int *ret_status, int64_t *ret_took_ms)
{
    struct rk_mem mem;
    struct rk_log log;
    rk_mem_libc_init(&mem, 0);
    rk_log_init(&log, r.log_fd, RK_LEVEL_DEBUG);
    struct rk_shell_parts parts = {.mem = &mem, .log = &log, .core = r.core, .disk = &r.disk};
    struct rk_shell *shell = rk_shell_create(&config, &parts);
    assert_non_null(shell);
    int64_t began_ms = peer_now_ms();
    enum rk_err err = rk_shell_bind(shell);
    *ret_took_ms = peer_now_ms() - began_ms;
    *ret_status = rk_shell_bind_status(shell);
    rk_shell_destroy(shell);
    assert_int_equal(mem.used_bytes, 0);
    return err;
}

static void a_port_that_stays_taken_is_told_with_its_status(void **state)
{
    (void)state;
    uint16_t port = 0;
    int status;
    int64_t took_ms;
    peer_open(&r, &config); /* for its log and core */
    int fd = peer_listen("127.0.0.1", &port, 8);
    config.bind_tries = 2;
    fill(&config.election, port);
    assert_int_equal(try_to_bind(&status, &took_ms), RK_ERR_BUSY);
    assert_int_equal(status, RK_EXIT_ELECTION_PORT);
    assert_in_range(took_ms, 900, 2500);
    assert_true(rig_has_logged(&r, "(election port)"));
    config.bind_tries = 1;
    fill(&config.election, 0);
    fill(&config.quorum, port);
    assert_int_equal(try_to_bind(&status, &took_ms), RK_ERR_BUSY);
    assert_int_equal(status, 1);
    assert_in_range(took_ms, 0, 900);
    (void)snprintf(config.quorum.host, sizeof(config.quorum.host), "192.0.2.1");
    assert_int_equal(try_to_bind(&status, &took_ms), RK_ERR_INVALID);
    assert_int_equal(status, 2);
    close(fd);
    rig_close(&r);
}

static void *close_later(void *ctx)
{
    (void)usleep(300000);
    close(*(int *)ctx);
    return NULL;
}

static void a_port_that_becomes_free_is_taken(void **state)
{
    (void)state;
    uint16_t port = 0;
    int status;
    int64_t took_ms;
    pthread_t thread;
    peer_open(&r, &config);
    int fd = peer_listen("127.0.0.1", &port, 8);
    assert_int_equal(pthread_create(&thread, NULL, close_later, &fd), 0);
    config.bind_tries = 0; /* for ever */
    fill(&config.election, port);
    assert_int_equal(try_to_bind(&status, &took_ms), RK_OK);
    assert_in_range(took_ms, 900, 2500);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_close(&r);
}

static void a_wildcard_takes_every_address(void **state)
{
    (void)state;
    config.election.host[0] = '\0';
    peer_open(&r, &config);
    peer_dial(&r, OUT(1), "127.0.0.2", rk_shell_peer_port(r.shell, RK_PORT_ELECTION), 2000);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CONNECTED, OUT(1), 1, 2000));
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, 1, 2000));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_dial_to_an_address_connects, setup),
        cmocka_unit_test_setup(a_dial_to_an_ipv6_address_connects, setup),
        cmocka_unit_test_setup(a_refused_dial_says_so, setup),
        cmocka_unit_test_setup(a_dial_without_answer_times_out, setup),
        cmocka_unit_test_setup(a_dial_can_be_given_up, setup),
        cmocka_unit_test_setup(a_name_is_looked_up_at_every_dial, setup),
        cmocka_unit_test_setup(every_address_of_a_name_is_tried, setup),
        cmocka_unit_test_setup(a_deaf_address_does_not_use_up_the_time, setup),
        cmocka_unit_test_setup(a_name_that_does_not_exist_is_told, setup),
        cmocka_unit_test_setup(names_that_take_for_ever_delay_nobody, setup),
        cmocka_unit_test_setup(one_lookup_of_a_name_is_enough, setup),
        cmocka_unit_test_setup(lookups_are_bounded, setup),
        cmocka_unit_test_setup(the_systems_resolver_knows_localhost, setup),
        cmocka_unit_test_setup(ten_thousand_dials_leave_nothing_behind, setup),
        cmocka_unit_test_setup(a_port_that_stays_taken_is_told_with_its_status, setup),
        cmocka_unit_test_setup(a_port_that_becomes_free_is_taken, setup),
        cmocka_unit_test_setup(a_wildcard_takes_every_address, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
