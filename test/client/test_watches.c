/* Watches: what registers them, what fires them, and how they come through a reconnect. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/watches.h"
#include "rig.h"
#include "support/cmocka_all.h"

/* What a reply makes of the watch that was asked for. */
struct registration {
    enum rk_client_watch_kind kind;
    int32_t result;
    int32_t event;
    bool is_told;
};

static void the_result_decides_what_is_registered(void **state)
{
    static const struct registration cases[] = {
        {RK_CLIENT_WATCH_DATA, RK_ZK_OK, 3, true},
        {RK_CLIENT_WATCH_DATA, RK_ZK_OK, 2, true},
        {RK_CLIENT_WATCH_DATA, RK_ZK_OK, 4, false},
        {RK_CLIENT_WATCH_DATA, RK_ZK_NO_NODE, 1, false},
        {RK_CLIENT_WATCH_DATA, RK_ZK_NO_AUTH, 3, false},
        {RK_CLIENT_WATCH_EXISTS, RK_ZK_OK, 3, true},
        {RK_CLIENT_WATCH_EXISTS, RK_ZK_OK, 2, true},
        {RK_CLIENT_WATCH_EXISTS, RK_ZK_NO_NODE, 1, true},
        {RK_CLIENT_WATCH_EXISTS, RK_ZK_NO_NODE, 4, false},
        {RK_CLIENT_WATCH_EXISTS, RK_ZK_NO_AUTH, 1, false},
        {RK_CLIENT_WATCH_CHILD, RK_ZK_OK, 4, true},
        {RK_CLIENT_WATCH_CHILD, RK_ZK_OK, 2, true},
        {RK_CLIENT_WATCH_CHILD, RK_ZK_OK, 3, false},
        {RK_CLIENT_WATCH_CHILD, RK_ZK_NO_NODE, 4, false},
        {RK_CLIENT_WATCH_PERSISTENT, RK_ZK_OK, 4, true},
        {RK_CLIENT_WATCH_PERSISTENT, RK_ZK_UNIMPLEMENTED, 3, false},
        {RK_CLIENT_WATCH_RECURSIVE, RK_ZK_OK, 3, true},
        {RK_CLIENT_WATCH_RECURSIVE, RK_ZK_OK, 4, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig r;
        rig_start(&r);
        (void)rig_request(&r, 1, RK_OP_EXISTS, cases[i].kind, "/a", 5, 0);
        rig_reply(&r, 3, cases[i].result, "");
        rig_forget(&r);
        rig_event(&r, cases[i].event, "/a", 4);
        char line[32] = "";
        if (cases[i].is_told) {
            (void)snprintf(line, sizeof(line), "WATCH %d 3 /a: 5\n", cases[i].event);
        }
        rig_expect(&r, line);
        rig_deinit(&r);
    }
}

static void one_shot_watches_fire_once_others_stay(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/a", 2);
    rig_watch(&r, RK_CLIENT_WATCH_PERSISTENT, "/a", 3);
    rig_event(&r, 3, "/a", 4);
    rig_event(&r, 3, "/a", 5);
    rig_event(&r, 4, "/a", 6);
    rig_event(&r, 2, "/a", 7);
    rig_expect(&r, "WATCH 3 3 /a: 1 3\nWATCH 3 3 /a: 3\nWATCH 4 3 /a: 2 3\nWATCH 2 3 /a: 3\n");
    rig_deinit(&r);
}

static void a_watcher_hears_of_an_event_once(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_PERSISTENT, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/", 1);
    rig_event(&r, 2, "/a", 4);
    rig_expect(&r, "WATCH 2 3 /a: 1\n");
    rig_deinit(&r);
}

static void recursive_watches_hear_of_everything_below(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/", 1);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/a/b", 2);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/a/bc", 3);
    rig_event(&r, 1, "/a/b/c", 4);
    rig_event(&r, 3, "/a/b", 5);
    rig_event(&r, 3, "/", 6);
    rig_event(&r, 4, "/a/b", 7);
    rig_expect(&r, "WATCH 1 3 /a/b/c: 1 2\nWATCH 3 3 /a/b: 2 1\nWATCH 3 3 /: 1\n");
    rig_deinit(&r);
}

static void an_event_comes_before_the_reply_behind_it(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    (void)rig_get(&r, 2);
    rig_event(&r, 3, "/a", 4);
    rig_reply(&r, 4, 0, "");
    rig_expect(&r, "SEND 1 get_data\nWATCH 3 3 /a: 1\nDONE 2 rc=0 zxid=4\n");
    rig_deinit(&r);
}

static void session_events_go_to_each_watcher_once(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/b", 1);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/b", 2);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/c", 3);
    rig_event(&r, 3, "/c", 4);
    rig_forget(&r);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_expect(&r, "STATE idle\nWATCH -1 1 : 1 2\nRESOLVE 0\nRESOLVE 1\nRESOLVE 2\n"
                   "STATE connecting\nCONNECT 2 to b\n");
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\nWATCH -1 3 : 1 2\n"
                   "SEND 2 setWatches zxid=3 data=/a,/b exist= child=/b\n");
    rig_deinit(&r);
}

static void watches_are_set_again(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/d", 1);
    rig_watch(&r, RK_CLIENT_WATCH_EXISTS, "/e", 1);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/c", 1);
    rig_watch(&r, RK_CLIENT_WATCH_PERSISTENT, "/p", 1);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/r", 1);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    (void)rig_get(&r, 2);
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\nWATCH -1 3 : 1\n"
                   "SEND 2 setWatches2 zxid=3 data=/d exist=/e child=/c persistent=/p "
                   "recursive=/r\nSEND 2 get_data\n");
    rig_event(&r, 3, "/d", -1);
    rig_reply_xid(&r, -8, 9, 0);
    rig_expect(&r, "WATCH 3 3 /d: 1\n");
    rig_deinit(&r);
}

static void watches_that_cannot_be_set_cost_the_connection(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/d", 1);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_connected(&r, 2);
    rig_welcome(&r, 7, 30000, false);
    rig_forget(&r);
    rig_reply_xid(&r, -8, 9, RK_ZK_THROTTLED_OP);
    rig_expect(&r, "DROP 2\nSTATE idle\nWATCH -1 1 : 1\nSTATE connecting\nCONNECT 3 to c\n");
    rig_deinit(&r);
}

static uint32_t count_lines(const struct rig *r, const char *what)
{
    uint32_t count = 0;
    for (const char *at = r->log; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

static void many_watches_go_in_bounded_requests(void **state)
{
    struct rig r;
    char path[40];
    (void)state;
    rig_init(&r);
    r.config.set_watches_bytes_max = 1000;
    rig_open(&r);
    rig_connect(&r);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(path, sizeof(path), "/thirty-bytes-long-path-%06d", i);
        rig_watch(&r, RK_CLIENT_WATCH_DATA, path, 1);
    }
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    /* 28 of 34 bytes fit. */
    assert_int_equal(count_lines(&r, "setWatches"), 11);
    assert_int_equal(count_lines(&r, "/thirty"), 300);
    rig_deinit(&r);
}

static void a_long_path_goes_kind_by_kind(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.set_watches_bytes_max = 60;
    rig_open(&r);
    rig_connect(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/twenty-bytes-or-more", 1);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/twenty-bytes-or-more", 1);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/twenty-bytes-or-more", 1);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\nWATCH -1 3 : 1\n"
                   "SEND 2 setWatches zxid=3 data=/twenty-bytes-or-more exist= child=\n"
                   "SEND 2 setWatches zxid=3 data= exist= child=/twenty-bytes-or-more\n"
                   "SEND 2 setWatches2 zxid=3 data= exist= child= persistent= "
                   "recursive=/twenty-bytes-or-more\n");
    rig_deinit(&r);
}

static void who_has_no_watch_left_hears_nothing(void **state)
{
    struct rig r;
    uint8_t bytes[100];
    static const char event[] = "\0\0\0\x1e\xff\xff\xff\xff\0\0\0\0\0\0\0\1\0\0\0\0"
                                "\0\0\0\3\0\0\0\3\0\0\0\2/a"
                                "\xff\xff\xff\xff";
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/b", 2);
    memcpy(bytes, event, sizeof(event) - 1);
    rig_bytes(&r, 1, bytes, sizeof(event) - 1); /* the event, and then nonsense */
    rig_expect(&r, "WATCH 3 3 /a: 1\nDROP 1\nSTATE idle\nWATCH -1 1 : 2\n"
                   "STATE connecting\nCONNECT 2 to b\n");
    rig_deinit(&r);
}

static void a_huge_number_of_watches_takes_several_steps(void **state)
{
    struct rig r;
    char path[1100];
    (void)state;
    rig_start(&r);
    memset(path, 'x', sizeof(path));
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(path + 1000, sizeof(path) - 1000, "%06d", i);
        path[0] = '/';
        rig_watch(&r, RK_CLIENT_WATCH_DATA, path, 1);
    }
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    (void)rig_get(&r, 1);
    rig_connected(&r, 2);
    rig_forget(&r);
    r.is_quiet = true;
    rig_welcome(&r, 7, 30000, false);
    assert_int_equal(r.wake_ms, r.now_ms);
    assert_int_equal(r.xid_count, 0);
    int steps = 1;
    for (; r.wake_ms == r.now_ms; steps++) {
        rig_tick(&r, 0);
        assert_in_range(steps, 1, 10);
    }
    assert_int_equal(steps, 3);
    assert_int_equal(r.xid_count, 1); /* what waited goes last */
    rig_deinit(&r);
}

static void remove_here(struct rig *r, const char *path, enum rk_client_watch_kind kind,
                        uint64_t watcher)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_REMOVE_WATCHES};
    e.u.remove.path = rk_bytes_str(path);
    e.u.remove.kind = kind;
    e.u.remove.is_all = watcher == 0;
    e.u.remove.watcher = (struct rk_client_watcher){.fn = watcher, .ctx = watcher * 10};
    rig_step(r, &e);
}

static void removes_locally(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 2);
    rig_watch(&r, RK_CLIENT_WATCH_CHILD, "/a", 1);
    remove_here(&r, "/a", RK_CLIENT_WATCH_DATA, 3);
    assert_int_equal(r.result, RK_ZK_NO_WATCHER);
    remove_here(&r, "/a", RK_CLIENT_WATCH_DATA, 1);
    assert_int_equal(r.result, RK_ZK_OK);
    rig_event(&r, 3, "/a", 4);
    rig_expect(&r, "WATCH 3 3 /a: 2\n");
    remove_here(&r, "/a", RK_CLIENT_WATCH_NONE, 0);
    assert_int_equal(r.result, RK_ZK_OK);
    rig_event(&r, 4, "/a", 4);
    rig_expect(&r, "");
    rig_deinit(&r);
}

static void removes_when_the_server_has(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/a", 1);
    rig_watch(&r, RK_CLIENT_WATCH_EXISTS, "/b", 2);
    assert_int_equal(rig_request(&r, 5, RK_OP_REMOVE_WATCHES, RK_CLIENT_WATCH_DATA, "/a", 2, 0),
                     RK_ZK_NO_WATCHER);
    assert_int_equal(rig_request(&r, 5, RK_OP_CHECK_WATCHES, RK_CLIENT_WATCH_DATA, "/a", 1, 0),
                     RK_ZK_OK);
    rig_reply(&r, 0, RK_ZK_NO_WATCHER, "");
    assert_int_equal(rig_request(&r, 6, RK_OP_REMOVE_WATCHES, RK_CLIENT_WATCH_NONE, "/b", 0, 0),
                     RK_ZK_OK);
    rig_reply(&r, 0, RK_ZK_OK, "");
    rig_forget(&r);
    rig_event(&r, 3, "/a", 4);
    rig_event(&r, 1, "/b", 4);
    rig_expect(&r, "WATCH 3 3 /a: 1\n");
    rig_deinit(&r);
}

static void events_lose_the_chroot(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.chroot = rk_bytes_str("/app");
    rig_open(&r);
    rig_connect(&r);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/app", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/app/x", 1);
    rig_watch(&r, RK_CLIENT_WATCH_DATA, "/apple", 1);
    rig_event(&r, 3, "/app", 4);
    rig_event(&r, 3, "/app/x", 4);
    rig_event(&r, 3, "/apple", 4);
    rig_expect(&r, "WATCH 3 3 /: 1\nWATCH 3 3 /x: 1\nWATCH 3 3 /apple: 1\n");
    rig_deinit(&r);
}

static void unknown_events_are_nobodys(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_PERSISTENT, "/a", 1);
    rig_event(&r, -1, "", 4);
    rig_event(&r, 0, "/a", 4);
    rig_event(&r, 5, "/a", 4);
    rig_event(&r, 3, "/b", 4);
    rig_expect(&r, "");
    rig_deinit(&r);
}

/* Against a plain list: random registrations, events, removals and reconnects. */
#define MODEL_PATHS    7u
#define MODEL_WATCHERS 4u
static const char *const model_paths[MODEL_PATHS] = {"/",     "/a", "/a/b",    "/a/b/c",
                                                     "/a/bb", "/b", "/a/b/c/d"};

struct model {
    bool is_set[RK_CLIENT_KINDS][MODEL_PATHS][MODEL_WATCHERS];
};

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return strcmp(path, top) == 0 || strcmp(top, "/") == 0 ||
           (strncmp(path, top, len) == 0 && path[len] == '/');
}

static uint32_t model_fire(struct model *m, int32_t event, uint32_t p)
{
    uint32_t told = 0;
    for (uint32_t w = 0; w < MODEL_WATCHERS; w++) {
        bool is_told = false;
        for (uint32_t kind = 1; kind < RK_CLIENT_KINDS; kind++) {
            for (uint32_t q = 0; q < MODEL_PATHS; q++) {
                bool is_child_kind = kind == RK_CLIENT_WATCH_CHILD;
                bool is_heard = kind == RK_CLIENT_WATCH_PERSISTENT ||
                                (is_child_kind ? event == 4 || event == 2 : event != 4);
                bool is_here = kind == RK_CLIENT_WATCH_RECURSIVE
                                   ? is_below(model_paths[p], model_paths[q])
                                   : p == q;
                if (m->is_set[kind][q][w] && is_heard && is_here) {
                    is_told = true;
                    if (kind < RK_CLIENT_WATCH_PERSISTENT) {
                        m->is_set[kind][q][w] = false;
                    }
                }
            }
        }
        told |= (uint32_t)is_told << w;
    }
    return told;
}

static void does_what_a_plain_list_does(void **state)
{
    struct rk_mem mem;
    struct rk_client_watches t;
    struct model m;
    struct rk_prng prng;
    (void)state;
    rk_mem_libc_init(&mem, 0);
    rk_prng_init(&prng, 4);
    rk_client_watches_init(&t, &mem, 9);
    memset(&m, 0, sizeof(m));
    for (int step = 0; step < 50000; step++) {
        uint32_t p = (uint32_t)rk_prng_below(&prng, MODEL_PATHS);
        uint32_t w = (uint32_t)rk_prng_below(&prng, MODEL_WATCHERS);
        enum rk_client_watch_kind kind =
            (enum rk_client_watch_kind)(1 + rk_prng_below(&prng, RK_CLIENT_KINDS - 1));
        struct rk_bytes path = rk_bytes_str(model_paths[p]);
        struct rk_client_watcher watcher = {.fn = w + 1};
        rk_client_watches_begin(&t);
        switch (rk_prng_below(&prng, 4)) {
        case 0: {
            int32_t event = 1 + (int32_t)rk_prng_below(&prng, 4);
            uint32_t count;
            uint32_t told = 0;
            assert_true(rk_client_watches_fire(&t, event, path, &count));
            for (uint32_t i = 0; i < count; i++) {
                told |= 1u << (t.told[i].fn - 1);
            }
            assert_int_equal(told, model_fire(&m, event, p));
            break;
        }
        case 1:
            if (rk_prng_chance(&prng, 1, 4)) {
                rk_client_watches_unset(&t);
            }
            rk_client_watches_remove(&t, path, kind, false, watcher);
            m.is_set[kind][p][w] = false;
            if (kind <= RK_CLIENT_WATCH_EXISTS) {
                m.is_set[RK_CLIENT_WATCH_DATA][p][w] = false;
                m.is_set[RK_CLIENT_WATCH_EXISTS][p][w] = false;
            }
            break;
        default: {
            struct rk_client_watch_order o = {.kind = kind, .watcher = watcher};
            int32_t result = kind == RK_CLIENT_WATCH_EXISTS ? RK_ZK_NO_NODE : RK_ZK_OK;
            assert_true(rk_client_watch_order_init(&t, &o, path));
            rk_client_watch_order_done(&t, &o, result);
            m.is_set[kind][p][w] = true;
        }
        }
        bool has = rk_client_watches_has(&t, path, kind, watcher);
        bool is_data = kind == RK_CLIENT_WATCH_DATA || kind == RK_CLIENT_WATCH_EXISTS;
        bool is_set =
            is_data ? m.is_set[RK_CLIENT_WATCH_DATA][p][w] || m.is_set[RK_CLIENT_WATCH_EXISTS][p][w]
                    : m.is_set[kind][p][w];
        assert_int_equal(has, is_set);
    }
    rk_client_watches_deinit(&t);
    assert_int_equal(mem.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_result_decides_what_is_registered),
        cmocka_unit_test(one_shot_watches_fire_once_others_stay),
        cmocka_unit_test(a_watcher_hears_of_an_event_once),
        cmocka_unit_test(recursive_watches_hear_of_everything_below),
        cmocka_unit_test(an_event_comes_before_the_reply_behind_it),
        cmocka_unit_test(session_events_go_to_each_watcher_once),
        cmocka_unit_test(watches_are_set_again),
        cmocka_unit_test(watches_that_cannot_be_set_cost_the_connection),
        cmocka_unit_test(many_watches_go_in_bounded_requests),
        cmocka_unit_test(a_long_path_goes_kind_by_kind),
        cmocka_unit_test(who_has_no_watch_left_hears_nothing),
        cmocka_unit_test(a_huge_number_of_watches_takes_several_steps),
        cmocka_unit_test(removes_locally),
        cmocka_unit_test(removes_when_the_server_has),
        cmocka_unit_test(events_lose_the_chroot),
        cmocka_unit_test(unknown_events_are_nobodys),
        cmocka_unit_test(does_what_a_plain_list_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
