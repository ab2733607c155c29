/* Messages from one thread to another: order, completeness, waking, timeouts. */
#include "support/cmocka_all.h"

#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "shell/mailbox.h"

#define MESSAGE_COUNT 200000u
#define KIND_LAST     77u

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put(struct rk_mailbox *box, uint32_t kind, int64_t number, struct rk_bytes bytes)
{
    rk_mailbox_begin(box);
    rk_mailbox_put(box, (struct rk_message){.kind = kind, .number = number}, bytes);
    rk_mailbox_end(box);
    rk_mailbox_wake(box);
}

static void messages_come_whole_and_in_order(void **state)
{
    (void)state;
    struct rk_mailbox box;
    struct rk_bytes all;
    struct rk_bytes bytes;
    struct rk_message message;
    rk_mailbox_init(&box, 1u << 20);
    put(&box, 1, 10, rk_bytes_str("first"));
    put(&box, 2, -20, (struct rk_bytes){NULL, 0});
    put(&box, 3, INT64_MAX, rk_bytes_str("third"));
    rk_mailbox_take(&box, -1, &all);
    assert_true(rk_message_next(&all, &message, &bytes));
    assert_int_equal(message.kind, 1);
    assert_int_equal(message.number, 10);
    assert_true(rk_bytes_is(bytes, "first"));
    assert_true(rk_message_next(&all, &message, &bytes));
    assert_int_equal(message.number, -20);
    assert_int_equal(bytes.len, 0);
    assert_true(rk_message_next(&all, &message, &bytes));
    assert_true(message.number == INT64_MAX);
    assert_true(rk_bytes_is(bytes, "third"));
    assert_false(rk_message_next(&all, &message, &bytes));
    rk_mailbox_deinit(&box);
}

static void taking_from_an_empty_box_ends_after_its_time(void **state)
{
    (void)state;
    struct rk_mailbox box;
    struct rk_bytes all;
    rk_mailbox_init(&box, 1024);
    int64_t before = now_ms();
    rk_mailbox_take(&box, 30, &all);
    assert_int_equal(all.len, 0);
    assert_in_range(now_ms() - before, 29, 5000);
    put(&box, 1, 1, rk_bytes_str("x"));
    rk_mailbox_take(&box, 10000, &all); /* at once */
    assert_true(all.len > 0);
    assert_in_range(now_ms() - before, 29, 9000);
    rk_mailbox_deinit(&box);
}

static void more_than_the_maximum_is_a_bug(void **state)
{
    (void)state;
    struct rk_mailbox box;
    uint8_t bytes[100] = {0};
    rk_mailbox_init(&box, 100);
    rk_mailbox_begin(&box);
    expect_assert_failure(
        rk_mailbox_put(&box, (struct rk_message){.kind = 1}, rk_bytes_of(bytes, sizeof(bytes))));
    rk_mailbox_end(&box);
    rk_mailbox_deinit(&box);
}

struct tally {
    struct rk_mailbox box;
    uint32_t seen;
    uint64_t sum;
    bool is_in_order;
};

static void *take_all(void *ctx)
{
    struct tally *t = ctx;
    bool is_over = false;
    while (!is_over) {
        struct rk_bytes all;
        struct rk_bytes bytes;
        struct rk_message message;
        rk_mailbox_take(&t->box, t->seen % 3 == 0 ? 1 : -1, &all);
        while (rk_message_next(&all, &message, &bytes)) {
            if (message.kind == KIND_LAST) {
                is_over = true;
                break;
            }
            t->is_in_order = t->is_in_order && message.number == (int64_t)t->seen;
            t->seen++;
            for (uint32_t i = 0; i < bytes.len; i++) {
                t->sum += bytes.data[i];
            }
        }
    }
    return NULL;
}

static void nothing_is_lost_between_two_threads(void **state)
{
    (void)state;
    static struct tally t;
    pthread_t taker;
    struct rk_prng prng;
    uint8_t bytes[64];
    uint64_t sum = 0;
    t.is_in_order = true;
    rk_mailbox_init(&t.box, 256u << 20);
    rk_prng_init(&prng, 5);
    assert_int_equal(pthread_create(&taker, NULL, take_all, &t), 0);
    for (uint32_t i = 0; i < MESSAGE_COUNT;) {
        uint32_t batch = 1 + (uint32_t)rk_prng_below(&prng, 20);
        rk_mailbox_begin(&t.box);
        for (uint32_t k = 0; k < batch && i < MESSAGE_COUNT; k++, i++) {
            size_t len = rk_prng_below(&prng, sizeof(bytes));
            for (size_t b = 0; b < len; b++) {
                bytes[b] = (uint8_t)rk_prng_next(&prng);
                sum += bytes[b];
            }
            rk_mailbox_put(&t.box, (struct rk_message){.kind = 1, .number = i},
                           rk_bytes_of(bytes, len));
        }
        rk_mailbox_end(&t.box);
        if (rk_prng_chance(&prng, 9, 10) || i >= MESSAGE_COUNT) {
            rk_mailbox_wake(&t.box);
        }
    }
    put(&t.box, KIND_LAST, 0, rk_bytes_str(""));
    assert_int_equal(pthread_join(taker, NULL), 0);
    assert_true(t.is_in_order);
    assert_int_equal(t.seen, MESSAGE_COUNT);
    assert_true(t.sum == sum);
    rk_mailbox_deinit(&t.box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_whole_and_in_order),
        cmocka_unit_test(taking_from_an_empty_box_ends_after_its_time),
        cmocka_unit_test(more_than_the_maximum_is_a_bug),
        cmocka_unit_test(nothing_is_lost_between_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
