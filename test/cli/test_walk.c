/* The walk over a subtree against a tree that is made up here: the functions of zookeeper.h that it
 * calls are this file's. A thread answers what is asked, in any order, and can lose, deny and
 * forget. */
#include "cli/walk.h"
#include "cli/x_base.h"
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 4096 };

enum question { ASK_DATA, ASK_CHILDREN, ASK_STAT, ASK_ACL };

struct asked {
    enum question question;
    char *path;
    union {
        data_completion_t data;
        strings_stat_completion_t children;
        stat_completion_t stat;
        acl_completion_t acl;
    } done;
    const void *context;
};

/* A tree of `fan` children a node, down to `depth`. */
static struct {
    int fan, depth;
    const char *vanishes, *denied;
    int loses_every; /* answers ZCONNECTIONLOSS to every n-th question */
    bool is_down;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct asked asked[ASKED_MAX];
    int count, most;
    long total;
    uint32_t random;
    bool is_ending;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int ask(enum question question, const char *path, struct asked asked)
{
    (void)pthread_mutex_lock(&fake.lock);
    assert_true(fake.count < ASKED_MAX);
    asked.question = question;
    asked.path = strdup(path);
    fake.asked[fake.count++] = asked;
    if (fake.count > fake.most)
        fake.most = fake.count;
    (void)pthread_cond_signal(&fake.changed);
    (void)pthread_mutex_unlock(&fake.lock);
    return ZOK;
}

int zoo_aget(zhandle_t *zh, const char *path, int watch, data_completion_t done, const void *data)
{
    (void)zh;
    (void)watch;
    return ask(ASK_DATA, path, (struct asked){.done.data = done, .context = data});
}

int zoo_aget_children2(zhandle_t *zh, const char *path, int watch, strings_stat_completion_t done,
                       const void *data)
{
    (void)zh;
    (void)watch;
    return ask(ASK_CHILDREN, path, (struct asked){.done.children = done, .context = data});
}

int zoo_aexists(zhandle_t *zh, const char *path, int watch, stat_completion_t done,
                const void *data)
{
    (void)zh;
    (void)watch;
    return ask(ASK_STAT, path, (struct asked){.done.stat = done, .context = data});
}

int zoo_aget_acl(zhandle_t *zh, const char *path, acl_completion_t done, const void *data)
{
    (void)zh;
    return ask(ASK_ACL, path, (struct asked){.done.acl = done, .context = data});
}

int zoo_state(zhandle_t *zh)
{
    (void)zh;
    return fake.is_down ? ZOO_CONNECTING_STATE : ZOO_CONNECTED_STATE;
}

int zoo_recv_timeout(zhandle_t *zh)
{
    (void)zh;
    return 10000;
}

int is_unrecoverable(zhandle_t *zh)
{
    (void)zh;
    return ZOK;
}

static int depth_of(const char *path)
{
    int depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

static void answer(struct asked *q, int rc)
{
    int depth = depth_of(q->path);
    struct Stat stat = {.numChildren = depth < fake.depth ? fake.fan : 0, .dataLength = 4};
    char *names[64];
    char world[] = "world", anyone[] = "anyone";
    struct ACL entry = {31, {world, anyone}};
    struct ACL_vector acl = {1, &entry};
    struct String_vector list = {stat.numChildren, names};
    if (rc == ZOK && fake.vanishes != NULL && strcmp(fake.vanishes, q->path) == 0)
        rc = ZNONODE;
    if (rc == ZOK && fake.denied != NULL && strcmp(fake.denied, q->path) == 0 &&
        q->question != ASK_STAT)
        rc = ZNOAUTH;
    bool is_good = rc == ZOK;
    /* The other way round than they are wanted. */
    for (int i = 0; i < list.count; i++)
        names[i] = rk_x_format("n%02d", list.count - 1 - i);
    if (q->question == ASK_DATA)
        q->done.data(rc, is_good ? "data" : NULL, is_good ? 4 : -1, is_good ? &stat : NULL,
                     q->context);
    else if (q->question == ASK_CHILDREN)
        q->done.children(rc, is_good ? &list : NULL, is_good ? &stat : NULL, q->context);
    else if (q->question == ASK_STAT)
        q->done.stat(rc, is_good ? &stat : NULL, q->context);
    else
        q->done.acl(rc, is_good ? &acl : NULL, is_good ? &stat : NULL, q->context);
    for (int i = 0; i < list.count; i++)
        free(names[i]);
    free(q->path);
}

static void *answer_all(void *context)
{
    (void)context;
    for (;;) {
        (void)pthread_mutex_lock(&fake.lock);
        while (fake.count == 0 && !fake.is_ending)
            (void)pthread_cond_wait(&fake.changed, &fake.lock);
        if (fake.count == 0) {
            (void)pthread_mutex_unlock(&fake.lock);
            return NULL;
        }
        fake.random = fake.random * 1664525u + 1013904223u;
        int at = (int)(fake.random >> 8) % fake.count;
        struct asked q = fake.asked[at];
        fake.asked[at] = fake.asked[--fake.count];
        bool is_lost =
            fake.is_down || (fake.loses_every > 0 && ++fake.total % fake.loses_every == 0);
        (void)pthread_mutex_unlock(&fake.lock);
        answer(&q, is_lost ? ZCONNECTIONLOSS : ZOK);
    }
}

static int begin(void **state)
{
    (void)state;
    fake.fan = 5;
    fake.depth = 4;
    fake.vanishes = fake.denied = NULL;
    fake.loses_every = 0;
    fake.is_down = fake.is_ending = false;
    fake.most = 0;
    fake.random = 7;
    return pthread_create(&fake.thread, NULL, answer_all, NULL);
}

static int end(void **state)
{
    (void)state;
    (void)pthread_mutex_lock(&fake.lock);
    fake.is_ending = true;
    (void)pthread_cond_signal(&fake.changed);
    (void)pthread_mutex_unlock(&fake.lock);
    return pthread_join(fake.thread, NULL);
}

/* Walks everything, checking the order; returns what ended it. */
static int walk_all(const struct rk_walk_options *options, int *ret_count, int *ret_denied)
{
    struct rk_walk *walk = rk_walk_open(NULL, "/r", options);
    struct rk_walk_node node;
    char *last = NULL;
    int rc;
    *ret_count = *ret_denied = 0;
    while ((rc = rk_walk_next(walk, &node)) == 1) {
        if (last != NULL)
            assert_true(rk_x_path_compare(last, node.path) < 0);
        free(last);
        last = rk_x_dup(node.path);
        (*ret_count)++;
        *ret_denied += node.rc == ZNOAUTH;
        assert_int_equal(node.depth, depth_of(node.path) - 1);
        if (options->wants_data && node.rc == ZOK)
            assert_memory_equal(node.data, "data", 4);
        if (options->wants_acl && node.rc == ZOK)
            assert_int_equal(node.acl->count, 1);
    }
    free(last);
    rk_walk_close(walk);
    return rc;
}

/* 1 + 5 + 25 + 125: /r is at depth 1 of the tree. */
enum { ALL = 156 };

static void nodes_come_in_order_whatever_the_answers_do(void **state)
{
    (void)state;
    int count, denied;
    struct rk_walk_options options = {.depth_max = -1};
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, ALL);
    options.wants_data = options.wants_acl = true;
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, ALL);
    options.depth_max = 1;
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, 6);
    options.depth_max = 0;
    options.wants_data = false;
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, 1);
}

static void no_more_is_asked_than_the_window_has(void **state)
{
    (void)state;
    int count, denied;
    struct rk_walk_options options = {.depth_max = -1, .window = 3, .wants_acl = true};
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, ALL);
    assert_true(fake.most <= 6); /* two questions a node */
    options.held_bytes_max = 1;
    fake.most = 0;
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, ALL);
    assert_true(fake.most <= 2);
}

static void what_vanishes_is_left_out_and_counted(void **state)
{
    (void)state;
    fake.vanishes = "/r/n02/n01";
    struct rk_walk_options options = {.depth_max = -1, .wants_data = true};
    struct rk_walk *walk = rk_walk_open(NULL, "/r", &options);
    struct rk_walk_node node;
    int rc, count = 0;
    while ((rc = rk_walk_next(walk, &node)) == 1)
        count++;
    assert_int_equal(rc, 0);
    assert_int_equal(count, ALL - 6);
    assert_true(rk_walk_vanished(walk) == 1);
    rk_walk_close(walk);
    fake.vanishes = "/r";
    int denied;
    assert_int_equal(walk_all(&options, &count, &denied), ZNONODE);
}

static void what_is_denied_is_handed_out_without_its_children(void **state)
{
    (void)state;
    int count, denied;
    fake.denied = "/r/n03";
    for (int with_data = 0; with_data < 2; with_data++) {
        struct rk_walk_options options = {.depth_max = -1, .wants_data = with_data == 1};
        assert_int_equal(walk_all(&options, &count, &denied), 0);
        assert_int_equal(denied, 1);
        assert_int_equal(count, ALL - 30);
    }
}

static void lost_answers_are_asked_for_again(void **state)
{
    (void)state;
    int count, denied;
    fake.loses_every = 3;
    struct rk_walk_options options = {.depth_max = -1, .wants_data = true, .wants_acl = true};
    assert_int_equal(walk_all(&options, &count, &denied), 0);
    assert_int_equal(count, ALL);
}

static void patience_ends(void **state)
{
    (void)state;
    int count, denied;
    fake.is_down = true;
    struct rk_walk_options options = {.depth_max = -1, .patience_ms = 120};
    assert_int_equal(walk_all(&options, &count, &denied), ZCONNECTIONLOSS);
    assert_int_equal(count, 0);
}

static bool is_stopped_soon(void *context)
{
    int *left = context;
    return --*left < 0;
}

static void a_stop_ends_it_with_questions_out(void **state)
{
    (void)state;
    int count, denied, left = 20;
    struct rk_walk_options options = {
        .depth_max = -1, .wants_data = true, .is_stopped = is_stopped_soon, .context = &left};
    assert_int_equal(walk_all(&options, &count, &denied), ZCLOSING);
    assert_true(count < ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_come_in_order_whatever_the_answers_do, begin, end),
        cmocka_unit_test_setup_teardown(no_more_is_asked_than_the_window_has, begin, end),
        cmocka_unit_test_setup_teardown(what_vanishes_is_left_out_and_counted, begin, end),
        cmocka_unit_test_setup_teardown(what_is_denied_is_handed_out_without_its_children, begin,
                                        end),
        cmocka_unit_test_setup_teardown(lost_answers_are_asked_for_again, begin, end),
        cmocka_unit_test_setup_teardown(patience_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_stop_ends_it_with_questions_out, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
