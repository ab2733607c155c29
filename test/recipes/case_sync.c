/* Barriers, queues and values against one server. */
#include "rig.h"

struct wait {
    struct rk_keeper *keeper;
    const char *path;
};

static int wait_barrier(void *arg)
{
    struct wait *w = arg;
    return rk_barrier_wait(w->keeper, w->path, 10000);
}

static void barrier_holds_until_lifted(struct rig *rig)
{
    struct rig_thread thread;
    struct wait w = {rig->b, rig->root};
    CHECK_RC(ZOK, rk_barrier_wait(rig->b, rig->root, 0));
    CHECK_RC(ZOK, rk_barrier_set(rig->a, rig->root, 1000));
    CHECK_RC(ZOK, rk_barrier_set(rig->b, rig->root, 1000));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_barrier_wait(rig->b, rig->root, 100));
    rig_start(&thread, wait_barrier, &w);
    usleep(100000);
    CHECK(!thread.is_done);
    rig_end_session(rig->b);
    usleep(100000);
    CHECK(!thread.is_done);
    CHECK_RC(ZOK, rk_barrier_lift(rig->a, rig->root, 1000));
    CHECK_RC(ZOK, rk_barrier_lift(rig->a, rig->root, 1000));
    CHECK_RC(ZOK, rig_join(&thread));
}

static int enter(void *barrier)
{
    return rk_double_barrier_enter(barrier, 10000);
}

static int leave(void *barrier)
{
    return rk_double_barrier_leave(barrier, 10000);
}

static void double_barrier_begins_and_ends_together(struct rig *rig)
{
    struct rk_double_barrier *b[3];
    struct rig_thread threads[3];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            CHECK_RC(ZOK, rk_double_barrier_open(i % 2 ? rig->a : rig->b, rig->root, 3, &b[i]));
        }
        CHECK_RC(ZINVALIDSTATE, rk_double_barrier_leave(b[0], 0));
        CHECK_RC(ZOPERATIONTIMEOUT, rk_double_barrier_enter(b[0], 100));
        rig_start(&threads[0], enter, b[0]);
        rig_start(&threads[1], enter, b[1]);
        usleep(100000);
        CHECK(!threads[0].is_done && !threads[1].is_done);
        CHECK_RC(ZOK, enter(b[2]));
        CHECK_RC(ZOK, rig_join(&threads[0]));
        CHECK_RC(ZOK, rig_join(&threads[1]));
        rig_start(&threads[0], leave, b[0]);
        rig_start(&threads[1], leave, b[1]);
        usleep(100000);
        CHECK(!threads[0].is_done && !threads[1].is_done);
        CHECK_RC(ZOK, leave(b[2]));
        CHECK_RC(ZOK, rig_join(&threads[0]));
        CHECK_RC(ZOK, rig_join(&threads[1]));
        for (int i = 0; i < 3; i++) {
            CHECK_RC(ZOK, rk_double_barrier_close(b[i]));
        }
    }
}

static void double_barrier_does_not_wait_for_the_dead(struct rig *rig)
{
    struct rk_double_barrier *a, *b;
    struct rig_thread thread;
    CHECK_RC(ZOK, rk_double_barrier_open(rig->a, rig->root, 2, &a));
    CHECK_RC(ZOK, rk_double_barrier_open(rig->b, rig->root, 2, &b));
    rig_start(&thread, enter, a);
    CHECK_RC(ZOK, enter(b));
    CHECK_RC(ZOK, rig_join(&thread));
    rig_end_session(rig->b);
    CHECK_RC(ZOK, leave(a));
    CHECK_RC(ZSESSIONEXPIRED, leave(b));
    CHECK_RC(ZOK, rk_double_barrier_close(a));
    CHECK_RC(ZOK, rk_double_barrier_close(b));
}

static void take_is(struct rk_queue *q, const char *wanted, int32_t priority)
{
    struct rk_queue_item *item = NULL;
    CHECK_RC(ZOK, rk_queue_take(q, 5000, &item));
    CHECK(item->data_bytes == (int)strlen(wanted) &&
          (wanted[0] == '\0' || memcmp(item->data, wanted, strlen(wanted)) == 0));
    CHECK(item->priority == priority && item->token > 0);
    rk_queue_item_free(item);
}

static void queue_keeps_order_and_priorities(struct rig *rig)
{
    struct rk_queue *q;
    struct rk_queue_item *item;
    int count = -1;
    CHECK_RC(ZOK, rk_queue_open(rig->a, rig->root, &q));
    CHECK_RC(ZOK, rk_queue_count(q, 1000, &count));
    CHECK(count == 0);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_queue_take(q, 100, &item));
    CHECK_RC(ZOK, rk_queue_put(q, "one", 3, 0, 1000));
    CHECK_RC(ZOK, rk_queue_put(q, "two", 3, 0, 1000));
    CHECK_RC(ZOK, rk_queue_put(q, "late", 4, 7, 1000));
    CHECK_RC(ZOK, rk_queue_put(q, "early", 5, -7, 1000));
    CHECK_RC(ZOK, rk_queue_put(q, NULL, 0, INT32_MIN, 1000));
    CHECK_RC(ZOK, rk_queue_count(q, 1000, &count));
    CHECK(count == 5);
    char *name = rig_child(rig->b, rig->root, "qn-");
    CHECK(name != NULL);
    free(name);
    take_is(q, "", INT32_MIN);
    take_is(q, "early", -7);
    take_is(q, "one", 0);
    take_is(q, "two", 0);
    take_is(q, "late", 7);
    CHECK_RC(ZOK, rk_queue_close(q));
}

static int take_one(void *arg)
{
    struct rk_queue_item *item = NULL;
    int rc = rk_queue_take(arg, 10000, &item);
    rk_queue_item_free(item);
    return rc;
}

static void queue_take_waits_for_a_put(struct rig *rig)
{
    struct rk_queue *a, *b;
    struct rig_thread thread;
    CHECK_RC(ZOK, rk_queue_open(rig->a, rig->root, &a));
    CHECK_RC(ZOK, rk_queue_open(rig->b, rig->root, &b));
    rig_start(&thread, take_one, a);
    usleep(100000);
    CHECK(!thread.is_done);
    rig_end_session(rig->a);
    CHECK_RC(ZOK, rk_queue_put(b, "x", 1, 0, 1000));
    CHECK_RC(ZOK, rig_join(&thread));
    rig_start(&thread, take_one, a);
    usleep(100000);
    CHECK_RC(ZOK, rk_queue_close(a));
    CHECK_RC(ZCLOSING, rig_join(&thread));
    CHECK_RC(ZOK, rk_queue_close(b));
}

static void queue_claim_comes_back_when_the_consumer_dies(struct rig *rig)
{
    struct rk_queue *a, *b;
    struct rk_queue_item *x, *y;
    int64_t token;
    CHECK_RC(ZOK, rk_queue_open(rig->a, rig->root, &a));
    CHECK_RC(ZOK, rk_queue_open(rig->b, rig->root, &b));
    CHECK_RC(ZOK, rk_queue_put(a, "job", 3, 0, 1000));
    CHECK_RC(ZOK, rk_queue_claim(a, 1000, &x));
    token = x->token;
    CHECK_RC(ZOPERATIONTIMEOUT, rk_queue_claim(b, 100, &y));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_queue_take(b, 100, &y));
    CHECK_RC(ZINVALIDSTATE, rk_queue_close(a));
    rig_end_session(rig->a);
    CHECK_RC(ZOK, rk_queue_claim(b, 5000, &y));
    CHECK(y->token > token && y->data_bytes == 3);
    CHECK_RC(ZSESSIONEXPIRED, rk_queue_done(a, x, 1000));
    CHECK_RC(ZOK, rk_queue_giveup(b, y));
    CHECK_RC(ZOK, rk_queue_claim(a, 1000, &x));
    CHECK_RC(ZOK, rk_queue_done(a, x, 1000));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_queue_claim(b, 100, &y));
    CHECK(rig_child_count(rig->a, rig_path(rig, "claims")) == 0);
    CHECK_RC(ZOK, rk_queue_close(a));
    CHECK_RC(ZOK, rk_queue_close(b));
}

struct served {
    struct rk_queue *queue;
    int count;
};

static int take_all(void *arg)
{
    struct served *s = arg;
    struct rk_queue_item *item;
    int rc = rk_queue_take(s->queue, 500, &item);
    while (rc == ZOK) {
        rk_queue_item_free(item);
        s->count++;
        rc = rk_queue_take(s->queue, 500, &item);
    }
    return rc;
}

static int claim_all(void *arg)
{
    struct served *s = arg;
    struct rk_queue_item *item;
    int rc = rk_queue_claim(s->queue, 500, &item);
    while (rc == ZOK) {
        CHECK_RC(ZOK, rk_queue_done(s->queue, item, 1000));
        s->count++;
        rc = rk_queue_claim(s->queue, 500, &item);
    }
    return rc;
}

static void queue_item_goes_to_a_taker_or_a_claimer(struct rig *rig)
{
    struct served taker = {0}, claimer = {0};
    struct rig_thread threads[2];
    CHECK_RC(ZOK, rk_queue_open(rig->a, rig->root, &taker.queue));
    CHECK_RC(ZOK, rk_queue_open(rig->b, rig->root, &claimer.queue));
    for (int i = 0; i < 300; i++) {
        CHECK_RC(ZOK, rk_queue_put(taker.queue, "x", 1, 0, 1000));
    }
    rig_start(&threads[0], take_all, &taker);
    rig_start(&threads[1], claim_all, &claimer);
    CHECK_RC(ZOPERATIONTIMEOUT, rig_join(&threads[0]));
    CHECK_RC(ZOPERATIONTIMEOUT, rig_join(&threads[1]));
    CHECK(taker.count + claimer.count == 300);
    CHECK(rig_child_count(rig->a, rig_path(rig, "claims")) == 0);
    CHECK_RC(ZOK, rk_queue_close(taker.queue));
    CHECK_RC(ZOK, rk_queue_close(claimer.queue));
}

static void queue_done_in_vain_gives_the_item_back(struct rig *rig)
{
    struct rk_queue *a, *b;
    struct rk_queue_item *x, *y;
    CHECK_RC(ZOK, rk_queue_open(rig->a, rig->root, &a));
    CHECK_RC(ZOK, rk_queue_open(rig->b, rig->root, &b));
    CHECK_RC(ZOK, rk_queue_put(a, "job", 3, 0, 1000));
    CHECK_RC(ZOK, rk_queue_claim(a, 1000, &x));
    rig_disconnect(rig->a);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_queue_done(a, x, 100));
    rig_reconnect(rig->a);
    CHECK_RC(ZOK, rk_queue_claim(b, 5000, &y));
    /* An item that is removed behind the claimer's back leaves no claim either. */
    char *name = rig_child(rig->a, rig->root, "qn-");
    CHECK(name != NULL);
    rig_delete(rig->a, rig_path(rig, name));
    free(name);
    CHECK_RC(ZSESSIONEXPIRED, rk_queue_done(b, y, 1000));
    CHECK_SOON(rig_child_count(rig->a, rig_path(rig, "claims")) == 0);
    CHECK_RC(ZOK, rk_queue_close(a));
    CHECK_RC(ZOK, rk_queue_close(b));
}

static int get_forever(void *keeper)
{
    struct rk_value value;
    return rk_value_get(keeper, "/x", -1, &value);
}

static int add_forever(void *keeper)
{
    return rk_counter_add(keeper, "/x", 1, -1, NULL);
}

static int wait_forever(void *keeper)
{
    return rk_keeper_wait(keeper, -1);
}

static void keeper_close_waits_for_calls(struct rig *rig)
{
    (void)rig;
    struct rk_keeper *keeper;
    struct rig_thread threads[3];
    CHECK_RC(ZOK, rk_keeper_open("127.0.0.1:1", NULL, &keeper));
    rig_start(&threads[0], get_forever, keeper);
    rig_start(&threads[1], add_forever, keeper);
    rig_start(&threads[2], wait_forever, keeper);
    usleep(100000);
    CHECK_RC(ZOK, rk_keeper_close(keeper));
    for (int i = 0; i < 3; i++) {
        CHECK_RC(ZCLOSING, rig_join(&threads[i]));
    }
}

static void on_link(struct rk_keeper *keeper, enum rk_link link, void *context)
{
    _Atomic int *rc = context;
    if (link == RK_LINK_CONNECTED) {
        *rc = get_forever(keeper);
    }
}

static void keeper_refuses_calls_in_on_link(struct rig *rig)
{
    _Atomic int rc = ZNOTHING;
    struct rk_keeper *keeper;
    struct rk_keeper_options options;
    rk_keeper_options_init(&options);
    options.on_link = on_link;
    options.on_link_context = &rc;
    CHECK_RC(ZOK, rk_keeper_open(rig->hosts, &options, &keeper));
    CHECK_SOON(rc != ZNOTHING);
    CHECK_RC(ZINVALIDSTATE, rc);
    CHECK_RC(ZOK, rk_keeper_close(keeper));
}

static void value_is_written_under_its_version(struct rig *rig)
{
    struct rk_value value = {0};
    int32_t version = -7;
    const char *path = rig_path(rig, "deep/value");
    CHECK_RC(ZOK, rk_value_get(rig->a, path, 1000, &value));
    CHECK(value.data == NULL && value.version == -1);
    CHECK_RC(ZBADVERSION, rk_value_swap(rig->a, path, 0, "x", 1, 1000, &version));
    CHECK_RC(ZOK, rk_value_swap(rig->a, path, -1, "one", 3, 1000, &version));
    CHECK(version == 0);
    CHECK_RC(ZBADVERSION, rk_value_swap(rig->b, path, -1, "two", 3, 1000, &version));
    CHECK_RC(ZOK, rk_value_swap(rig->b, path, 0, "two", 3, 1000, &version));
    CHECK(version == 1);
    CHECK_RC(ZOK, rk_value_set(rig->a, path, NULL, 0, 1000));
    CHECK_RC(ZOK, rk_value_get(rig->b, path, 1000, &value));
    CHECK(value.data == NULL && value.version == 2);
    CHECK_RC(ZOK, rk_value_set(rig->a, rig_path(rig, "new/one"), "v", 1, 1000));
    CHECK_RC(ZOK, rk_value_get(rig->b, rig_path(rig, "new/one"), 1000, &value));
    CHECK(value.data_bytes == 1 && strcmp(value.data, "v") == 0);
    free(value.data);
}

struct adder {
    struct rk_keeper *keeper;
    const char *path;
};

static int add_fifty(void *arg)
{
    struct adder *a = arg;
    for (int i = 0; i < 50; i++) {
        CHECK_RC(ZOK, rk_counter_add(a->keeper, a->path, 1, -1, NULL));
    }
    return ZOK;
}

static void counter_counts_for_several(struct rig *rig)
{
    struct rig_thread threads[4];
    struct adder adders[4];
    const char *path = rig_path(rig, "count");
    int64_t number = -1;
    CHECK_RC(ZOK, rk_counter_get(rig->a, path, 1000, &number));
    CHECK(number == 0);
    for (int i = 0; i < 4; i++) {
        adders[i] = (struct adder){i % 2 ? rig->a : rig->b, path};
        rig_start(&threads[i], add_fifty, &adders[i]);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_RC(ZOK, rig_join(&threads[i]));
    }
    CHECK_RC(ZOK, rk_counter_get(rig->b, path, 1000, &number));
    CHECK(number == 200);
    CHECK_RC(ZOK, rk_counter_add(rig->b, path, -201, 1000, &number));
    CHECK(number == -1);
    CHECK_RC(ZBADVERSION, rk_counter_swap(rig->b, path, 5, 6, 1000));
    CHECK_RC(ZOK, rk_counter_swap(rig->b, path, -1, INT64_MAX, 1000));
    CHECK_RC(ZOK, rk_counter_add(rig->b, path, 1, 1000, &number));
    CHECK(number == INT64_MIN);
    rig_set(rig->a, path, "not eight");
    CHECK_RC(ZMARSHALLINGERROR, rk_counter_get(rig->a, path, 1000, &number));
}

const struct rig_case sync_cases[] = {
    {"barrier_holds_until_lifted", barrier_holds_until_lifted},
    {"double_barrier_begins_and_ends_together", double_barrier_begins_and_ends_together},
    {"double_barrier_does_not_wait_for_the_dead", double_barrier_does_not_wait_for_the_dead},
    {"queue_keeps_order_and_priorities", queue_keeps_order_and_priorities},
    {"queue_take_waits_for_a_put", queue_take_waits_for_a_put},
    {"queue_claim_comes_back_when_the_consumer_dies",
     queue_claim_comes_back_when_the_consumer_dies},
    {"queue_item_goes_to_a_taker_or_a_claimer", queue_item_goes_to_a_taker_or_a_claimer},
    {"queue_done_in_vain_gives_the_item_back", queue_done_in_vain_gives_the_item_back},
    {"keeper_close_waits_for_calls", keeper_close_waits_for_calls},
    {"keeper_refuses_calls_in_on_link", keeper_refuses_calls_in_on_link},
    {"value_is_written_under_its_version", value_is_written_under_its_version},
    {"counter_counts_for_several", counter_counts_for_several},
    {NULL, NULL}};
