/* Four-letter words: hosts, answers, members, and servers that answer badly. */
#include "cli/x_base.h"
#include "cli/x_four.h"
#include "cli/x_sample.h"
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void hosts_of_a_connect_string(void **state)
{
    (void)state;
    struct rk_x_hosts h;
    assert_true(rk_x_hosts_parse("a:1,[::1]:2,b, c:4/chroot:5", &h));
    assert_int_equal(h.count, 4);
    assert_string_equal(h.list[0].text, "a:1");
    assert_string_equal(h.list[1].text, "[::1]:2");
    assert_string_equal(h.list[1].name, "::1");
    assert_string_equal(h.list[2].text, "b:2181");
    assert_string_equal(h.list[3].text, "c:4");
    rk_x_hosts_free(&h);
    /* What could not be a host's name is not printed as one. */
    assert_true(rk_x_hosts_parse("a\033[31m:1,b:2,\xff:3,c:\007", &h));
    assert_int_equal(h.count, 1);
    assert_string_equal(h.list[0].text, "b:2");
    rk_x_hosts_free(&h);
    assert_false(rk_x_hosts_parse("/only", &h));
    assert_false(rk_x_hosts_parse(",,", &h));
    assert_false(rk_x_hosts_parse("[::1", &h));
}

static void fields_are_found_at_the_start_of_a_line(void **state)
{
    (void)state;
    static const char answer[] = "Zookeeper version: 3.9.5-abc, built on x\nZxid: 0x1f\n"
                                 "zk_watch_count\t7\ntickTime=2000\r\nnot Zxid: 5\nNode count: x\n";
    char text[64];
    assert_true(rk_x_four_field(answer, "Zookeeper version", text, sizeof text));
    assert_string_equal(text, "3.9.5-abc, built on x");
    assert_int_equal(rk_x_four_number(answer, "Zxid", -1), 0x1f);
    assert_int_equal(rk_x_four_number(answer, "zk_watch_count", -1), 7);
    assert_true(rk_x_four_field(answer, "tickTime", text, sizeof text));
    assert_string_equal(text, "2000");
    assert_int_equal(rk_x_four_number(answer, "Node count", -1), -1);
    assert_int_equal(rk_x_four_number(answer, "zk_watch", -1), -1);
    assert_false(rk_x_four_field("", "Zxid", text, sizeof text));
    char small[3];
    assert_true(rk_x_four_field(answer, "tickTime", small, sizeof small));
    assert_string_equal(small, "20");
}

static void members_of_a_configuration(void **state)
{
    (void)state;
    struct rk_x_member m;
    assert_true(
        rk_x_member_parse("server.2=host.example:2888:3888:participant;0.0.0.0:2181\n", &m));
    assert_int_equal(m.id, 2);
    assert_string_equal(m.host, "host.example");
    assert_string_equal(m.quorum_port, "2888");
    assert_string_equal(m.election_port, "3888");
    assert_string_equal(m.client_host, "0.0.0.0");
    assert_string_equal(m.client_port, "2181");
    assert_false(m.is_observer);
    assert_true(rk_x_member_parse("server.3 = [fe80::1]:1:2:observer;[::]:3", &m));
    assert_string_equal(m.host, "fe80::1");
    assert_string_equal(m.client_host, "::");
    assert_string_equal(m.client_port, "3");
    assert_true(m.is_observer);
    assert_true(rk_x_member_parse("server.4=h:1:2;2182", &m));
    assert_string_equal(m.client_host, "");
    assert_string_equal(m.client_port, "2182");
    static const char *const bad[] = {"server.x=h:1:2",    "server.1=h:1",       "server.1=h:0:2",
                                      "server.1=:1:2",     "server.1=h:1:99999", "server.1=h:1:2;x",
                                      "server.1=h:1:2;a:", "server.1",           "group.1=1:2",
                                      "server.=h:1:2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rk_x_member_parse(bad[i], &m))
            fail_msg("%s was taken", bad[i]);
}

/* A server that answers one connection with what it is told to. */
struct fake {
    int fd;
    char port[8];
    const char *answer;
    bool stays_silent;
    pthread_t thread;
};

static void *serve(void *context)
{
    struct fake *f = context;
    int fd = accept(f->fd, NULL, NULL);
    char word[4];
    assert_int_equal(recv(fd, word, sizeof word, MSG_WAITALL), 4);
    if (f->stays_silent)
        rk_x_sleep_ms(400);
    else
        assert_true(send(fd, f->answer, strlen(f->answer), MSG_NOSIGNAL) >= 0);
    (void)close(fd);
    return NULL;
}

static void start_fake(struct fake *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof a;
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(f->fd, 5), 0);
    assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &bytes), 0);
    (void)snprintf(f->port, sizeof f->port, "%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void end_fake(struct fake *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    (void)close(f->fd);
}

static void a_word_is_answered(void **state)
{
    (void)state;
    struct fake f = {.answer = "imok"};
    start_fake(&f);
    struct rk_x_hosts h = {0};
    rk_x_hosts_add(&h, "127.0.0.1", f.port);
    char wrong[160] = "";
    char *answer = rk_x_four(&h.list[0], "ruok", 2000, wrong);
    assert_non_null(answer);
    assert_string_equal(answer, "imok");
    free(answer);
    end_fake(&f);
    rk_x_hosts_free(&h);
}

static void silence_and_refusal_end_in_time(void **state)
{
    (void)state;
    struct fake f = {.stays_silent = true};
    start_fake(&f);
    struct rk_x_hosts h = {0};
    rk_x_hosts_add(&h, "127.0.0.1", f.port);
    char wrong[160] = "";
    int64_t begin = rk_x_clock_ms();
    assert_null(rk_x_four(&h.list[0], "ruok", 100, wrong));
    assert_true(rk_x_clock_ms() - begin < 2000);
    assert_non_null(strstr(wrong, "timed out"));
    end_fake(&f);
    assert_null(rk_x_four(&h.list[0], "ruok", 1000, wrong));
    assert_non_null(strstr(wrong, "refused"));
    rk_x_hosts_free(&h);
}

static void vitals_of_answers(void **state)
{
    (void)state;
    char srvr[] = "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on x\n"
                  "Latency min/avg/max: 0/1.5/90\nReceived: 11\nSent: 12\nConnections: 3\n"
                  "Outstanding: 4\nZxid: 0x100000003\nMode: follower\nNode count: 5\n";
    char silent[] = "This ZooKeeper instance is not currently serving requests\n";
    struct rk_x_sample s = {.answers = {[RK_X_SRVR] = srvr}};
    struct rk_x_vitals v;
    rk_x_vitals_of(&s, &v);
    assert_true(v.is_up && v.serves);
    assert_string_equal(v.role, "follower");
    assert_string_equal(v.version, "3.8.0");
    assert_true(v.zxid == 0x100000003 && v.latency_avg > 1.4 && v.latency_max == 90);
    assert_true(v.received == 11 && v.connections == 3 && v.nodes == 5 && v.watches == -1);
    s.answers[RK_X_SRVR] = silent;
    rk_x_vitals_of(&s, &v);
    assert_true(v.is_up && !v.serves);
    s.answers[RK_X_SRVR] = NULL;
    rk_x_vitals_of(&s, &v);
    assert_false(v.is_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_a_connect_string),
        cmocka_unit_test(fields_are_found_at_the_start_of_a_line),
        cmocka_unit_test(members_of_a_configuration),
        cmocka_unit_test(a_word_is_answered),
        cmocka_unit_test(silence_and_refusal_end_in_time),
        cmocka_unit_test(vitals_of_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
