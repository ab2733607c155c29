/* Cases of the C client: transactions, whole or not at all, with a result for each operation. */
#include "cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void all_kinds_of_operations(void)
{
    struct cc_client *client = cc_open();
    char path[64] = "", sequential[64] = "";
    struct Stat set_stat, stat;
    zoo_op_t ops[6];
    zoo_op_result_t results[6];

    CC_RC(cc_make(client, "/mu", ""), ZOK);
    CC_RC(cc_make(client, "/mu/old", ""), ZOK);
    zoo_create_op_init(&ops[0], "/mu/new", "n", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                       sizeof path);
    zoo_check_op_init(&ops[1], "/mu/new", 0);
    zoo_set_op_init(&ops[2], "/mu/new", "nn", 2, 0, &set_stat);
    zoo_delete_op_init(&ops[3], "/mu/old", 0);
    zoo_create_op_init(&ops[4], "/mu/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                       sequential, sizeof sequential);
    zoo_check_op_init(&ops[5], "/mu/new", 1);
    CC_RC(zoo_multi(client->zh, 6, ops, results), ZOK);
    for (int i = 0; i < 6; i++) {
        CC_EQ(results[i].err, ZOK);
    }
    CC_STR(path, "/mu/new");
    CC_STR(sequential, "/mu/s-0000000002");
    CC_EQ(set_stat.version, 1);
    CC_EQ(set_stat.dataLength, 2);
    CC_EQ(set_stat.czxid, set_stat.mzxid); /* one transaction */
    CC_RC(zoo_exists(client->zh, "/mu", 0, &stat), ZOK);
    CC_EQ(stat.pzxid, set_stat.czxid);
    CC_EQ(stat.cversion, 4);
    CC_EQ(stat.numChildren, 2);
    CC_RC(zoo_exists(client->zh, "/mu/old", 0, NULL), ZNONODE);
    CC_CHECK(cc_close(client));
}

static void one_failure_undoes_all(void)
{
    struct cc_client *client = cc_open();
    char path[64] = "";
    struct Stat before, after;
    zoo_op_t ops[4];
    zoo_op_result_t results[4];

    CC_RC(cc_make(client, "/mf", "old"), ZOK);
    CC_RC(zoo_exists(client->zh, "/mf", 0, &before), ZOK);
    zoo_create_op_init(&ops[0], "/mf/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                       path, sizeof path);
    zoo_set_op_init(&ops[1], "/mf", "new", 3, 0, NULL);
    zoo_check_op_init(&ops[2], "/mf", 5);
    zoo_delete_op_init(&ops[3], "/mf", -1);
    CC_RC(zoo_multi(client->zh, 4, ops, results), ZBADVERSION);
    CC_EQ(results[0].err, ZOK);
    CC_EQ(results[1].err, ZOK);
    CC_EQ(results[2].err, ZBADVERSION);
    CC_EQ(results[3].err, ZRUNTIMEINCONSISTENCY);
    CC_RC(zoo_exists(client->zh, "/mf", 0, &after), ZOK);
    CC_CHECK(cc_is_same_stat(&before, &after));
    /* The counter for sequential names was put back too. */
    CC_RC(zoo_create(client->zh, "/mf/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     path, sizeof path),
          ZOK);
    CC_STR(path, "/mf/s-0000000000");
    CC_CHECK(cc_close(client));
}

static void ignore_string(int rc, const char *value, const void *data)
{
    (void)rc, (void)value, (void)data;
}

/* The same among requests that are all in flight at once: what the failed transaction did to nodes
 * that are themselves not on disk yet is undone, and what was done before it is not. */
static void one_failure_in_flight_undoes_all(void)
{
    struct cc_client *client = cc_open();

    for (int round = 0; round < 20; round++) {
        struct cc_wait *multi = cc_wait_create(), *made = cc_wait_create();
        char top[64], child[80], sequence[80], expected[96];
        zoo_op_t ops[3];
        zoo_op_result_t results[3];
        snprintf(top, sizeof top, "/mg-%d", round);
        snprintf(child, sizeof child, "%s/c", top);
        snprintf(sequence, sizeof sequence, "%s/s-", top);
        snprintf(expected, sizeof expected, "%s0000000001", sequence);
        zoo_create_op_init(&ops[0], sequence, "", 0, &ZOO_OPEN_ACL_UNSAFE,
                           ZOO_PERSISTENT_SEQUENTIAL, NULL, 0);
        zoo_delete_op_init(&ops[1], child, 0);
        zoo_check_op_init(&ops[2], top, 9);
        CC_RC(zoo_acreate(client->zh, top, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                          ignore_string, NULL),
              ZOK);
        CC_RC(zoo_acreate(client->zh, child, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                          ignore_string, NULL),
              ZOK);
        CC_RC(zoo_amulti(client->zh, 3, ops, results, cc_on_void, multi), ZOK);
        CC_RC(zoo_acreate(client->zh, sequence, "", 0, &ZOO_OPEN_ACL_UNSAFE,
                          ZOO_PERSISTENT_SEQUENTIAL, cc_on_string, made),
              ZOK);
        const struct cc_result *result = cc_wait_for(made);
        CC_CHECK(result != NULL);
        CC_STR(result->path, expected);
        result = cc_wait_for(multi);
        CC_CHECK(result != NULL);
        CC_RC(result->rc, ZBADVERSION);
        CC_RC(zoo_delete(client->zh, child, 0), ZOK);
    }
    CC_CHECK(cc_close(client));
}

/* Each code that an operation can fail with, alone in its transaction. */
static void codes_of_single_operations(void)
{
    struct cc_client *client = cc_open();
    struct ACL_vector no_acl = {0, NULL};
    zoo_op_t op;
    zoo_op_result_t result;

    CC_RC(cc_make(client, "/mc", ""), ZOK);
    CC_RC(cc_make(client, "/mc/c", ""), ZOK);
    zoo_create_op_init(&op, "/mc", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNODEEXISTS);
    zoo_create_op_init(&op, "/none/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNONODE);
    zoo_create_op_init(&op, "/mc/acl", "", 0, &no_acl, 0, NULL, 0);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZINVALIDACL);
    zoo_delete_op_init(&op, "/mc", -1);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNOTEMPTY);
    zoo_delete_op_init(&op, "/mc", 4);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZBADVERSION);
    zoo_set_op_init(&op, "/none", "", 0, -1, NULL);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNONODE);
    zoo_set_op_init(&op, "/zookeeper/config", "", 0, -1, NULL);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNOAUTH);
    zoo_check_op_init(&op, "/none", 0);
    CC_RC(zoo_multi(client->zh, 1, &op, &result), ZNONODE);
    CC_CHECK(cc_close(client));
}

static void an_empty_transaction_succeeds(void)
{
    struct cc_client *client = cc_open();
    zoo_op_t op;
    zoo_op_result_t result;

    zoo_check_op_init(&op, "/", -1);
    CC_RC(zoo_multi(client->zh, 0, &op, &result), ZOK);
    CC_CHECK(cc_close(client));
}

static void asynchronous_transaction(void)
{
    struct cc_client *client = cc_open();
    struct cc_wait *wait = cc_wait_create();
    char path[64] = "";
    zoo_op_t ops[2];
    zoo_op_result_t results[2];

    zoo_create_op_init(&ops[0], "/ma", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                       sizeof path);
    zoo_create_op_init(&ops[1], "/ma/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    CC_RC(zoo_amulti(client->zh, 2, ops, results, cc_on_void, wait), ZOK);
    const struct cc_result *result = cc_wait_for(wait);
    CC_CHECK(result != NULL);
    CC_RC(result->rc, ZOK);
    CC_STR(path, "/ma");
    wait = cc_wait_create();
    CC_RC(zoo_amulti(client->zh, 2, ops, results, cc_on_void, wait), ZOK);
    result = cc_wait_for(wait);
    CC_CHECK(result != NULL);
    CC_RC(result->rc, ZNODEEXISTS);
    CC_EQ(results[0].err, ZNODEEXISTS);
    CC_EQ(results[1].err, ZRUNTIMEINCONSISTENCY);
    CC_CHECK(cc_close(client));
}

static void watches_fire_for_each_operation(void)
{
    struct cc_client *client = cc_open();
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    struct String_vector children;

    CC_RC(cc_make(client, "/mw", ""), ZOK);
    CC_RC(zoo_exists(client->zh, "/mw/a", 1, NULL), ZNONODE);
    CC_RC(zoo_exists(client->zh, "/mw", 1, NULL), ZOK);
    CC_RC(zoo_get_children(client->zh, "/mw", 1, &children), ZOK);
    deallocate_String_vector(&children);
    zoo_create_op_init(&ops[0], "/mw/a", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    zoo_set_op_init(&ops[1], "/mw", "x", 1, -1, NULL);
    zoo_set_op_init(&ops[2], "/mw", "y", 1, -1, NULL);
    zoo_delete_op_init(&ops[3], "/mw/a", -1);
    CC_RC(zoo_multi(client->zh, 4, ops, results), ZOK);
    CC_EVENTS(client, client->watches, "created /mw/a; child /mw; changed /mw");
    CC_CHECK(cc_close(client));
}

static void three_hundred_operations(void)
{
    enum { COUNT = 300 };
    struct cc_client *client = cc_open();
    static char paths[COUNT][64], made[COUNT][64];
    static zoo_op_t ops[COUNT];
    static zoo_op_result_t results[COUNT];
    struct Stat stat;

    CC_RC(cc_make(client, "/mm", ""), ZOK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(paths[i], sizeof paths[i], "/mm/n-%03d-", i);
        zoo_create_op_init(&ops[i], paths[i], "d", 1, &ZOO_OPEN_ACL_UNSAFE,
                           ZOO_PERSISTENT_SEQUENTIAL, made[i], sizeof made[i]);
    }
    CC_RC(zoo_multi(client->zh, COUNT, ops, results), ZOK);
    CC_STR(made[0], "/mm/n-000-0000000000");
    CC_STR(made[COUNT - 1], "/mm/n-299-0000000299");
    CC_RC(zoo_exists(client->zh, "/mm", 0, &stat), ZOK);
    CC_EQ(stat.numChildren, COUNT);
    for (int i = 0; i < COUNT; i++) {
        zoo_delete_op_init(&ops[i], made[i], 0);
    }
    CC_RC(zoo_multi(client->zh, COUNT, ops, results), ZOK);
    CC_RC(zoo_exists(client->zh, "/mm", 0, &stat), ZOK);
    CC_EQ(stat.numChildren, 0);
    CC_CHECK(cc_close(client));
}

const struct cc_case cc_cases_multi[] = {
    {"all_kinds_of_operations", all_kinds_of_operations},
    {"one_failure_undoes_all", one_failure_undoes_all},
    {"one_failure_in_flight_undoes_all", one_failure_in_flight_undoes_all},
    {"codes_of_single_operations", codes_of_single_operations},
    {"an_empty_transaction_succeeds", an_empty_transaction_succeeds},
    {"asynchronous_transaction", asynchronous_transaction},
    {"watches_fire_for_each_operation", watches_fire_for_each_operation},
    {"three_hundred_operations", three_hundred_operations},
    {NULL, NULL},
};
