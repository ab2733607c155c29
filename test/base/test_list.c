/* The intrusive list: order, removal while walking, lone links. */
#include "support/cmocka_all.h"

#include "base/list.h"

struct item {
    int value;
    struct rk_link link;
};

static struct item *item_of(struct rk_link *link)
{
    return RK_CONTAINER_OF(link, struct item, link);
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct rk_link head;
    struct item items[10];
    rk_list_init(&head);
    assert_true(rk_list_empty(&head));
    assert_null(rk_list_first(&head));
    assert_null(rk_list_pop(&head));
    for (int i = 0; i < 10; i++) {
        items[i].value = i;
        rk_list_push(&head, &items[i].link);
    }
    assert_int_equal(item_of(rk_list_first(&head))->value, 0);
    for (int i = 0; i < 10; i++) {
        struct rk_link *link = rk_list_pop(&head);
        assert_int_equal(item_of(link)->value, i);
        assert_true(rk_list_empty(link)); /* a lone link now */
    }
    assert_true(rk_list_empty(&head));
}

static void the_walk_survives_removal_of_any_subset(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 64; mask++) {
        struct rk_link head;
        struct item items[6];
        rk_list_init(&head);
        for (int i = 0; i < 6; i++) {
            items[i].value = i;
            rk_list_push(&head, &items[i].link);
        }
        struct rk_link *it;
        struct rk_link *tmp;
        int seen = 0;
        RK_LIST_EACH(it, tmp, &head)
        {
            assert_int_equal(item_of(it)->value, seen);
            if (mask & 1u << seen) {
                rk_list_unlink(it);
                rk_list_unlink(it); /* a lone link may be unlinked again */
            }
            seen++;
        }
        assert_int_equal(seen, 6);
        for (int i = 0; i < 6; i++) {
            if (!(mask & 1u << i)) {
                assert_int_equal(item_of(rk_list_pop(&head))->value, i);
            }
        }
        assert_null(rk_list_pop(&head));
    }
}

static void broken_links_are_caught(void **state)
{
    (void)state;
    struct rk_link head;
    struct rk_link a;
    struct rk_link b;
    rk_list_init(&head);
    rk_list_push(&head, &a);
    rk_list_push(&head, &b);
    b.prev = &head;
    expect_assert_failure(rk_list_unlink(&b));
    expect_assert_failure(rk_list_push(&head, &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(the_walk_survives_removal_of_any_subset),
        cmocka_unit_test(broken_links_are_caught),
    };
    return cmocka_run_group_tests_name("base list", tests, NULL, NULL);
}
