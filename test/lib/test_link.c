/* The end of a connection, and whose error it is. */
#include "lib/link.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/session.h"
#include "rig.h"
#include "support/cmocka_all.h"

static int listen_somewhere(struct rk_client_addr *ret_addr)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_addr = (struct rk_client_addr){.len = sizeof(at)};
    memcpy(ret_addr->bytes, &at, sizeof(at));
    return fd;
}

static bool ready(struct rk_lib *s, struct rk_lib_link *link)
{
    struct pollfd p = {.fd = link->fd, .events = (short)rk_lib_link_wants(link)};
    assert_int_equal(poll(&p, 1, 10000), 1);
    return rk_lib_link_ready(s, link, p.revents);
}

static void a_search_that_ends_is_no_error_of_the_session(void **state)
{
    struct rk_client_addr addr;
    (void)state;
    struct rk_lib *s = rig_session(false);
    int listener = listen_somewhere(&addr);
    rk_lib_lock(s);
    rk_lib_link_open(s, 99, &addr); /* a connection that the machine does not talk over */
    struct rk_lib_link *link = rk_lib_link_find(s, 99);
    assert_non_null(link);
    link->users++;
    assert_false(ready(s, link));
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    (void)close(accepted);
    assert_false(ready(s, link));
    assert_true(link->is_dropped);
    assert_int_equal(s->last_error, ZOK);
    rk_lib_link_put(s, link);
    assert_null(s->links);
    rk_lib_unref(s);
    (void)close(listener);
}

int main(void)
{
    zoo_set_debug_level((ZooLogLevel)0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_that_ends_is_no_error_of_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
