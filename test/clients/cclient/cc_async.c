/* Cases of the C client: every asynchronous call, its completion, and many of them in flight. */
#include "cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Starts an asynchronous call and leaves its result in `result`. */
#define CC_CALL(result, call)                                                                      \
    do {                                                                                           \
        CC_RC(call, ZOK);                                                                          \
        result = cc_wait_for(wait);                                                                \
        CC_CHECK(result != NULL);                                                                  \
    } while (0)

static void async_creates(void)
{
    struct cc_client *client = cc_open();
    const struct cc_result *result;
    struct cc_wait *wait = cc_wait_create();

    CC_CALL(result, zoo_acreate(client->zh, "/as", "a", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                                cc_on_string, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/as");
    wait = cc_wait_create();
    CC_CALL(result, zoo_acreate(client->zh, "/as", "a", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                                cc_on_string, wait));
    CC_RC(result->rc, ZNODEEXISTS);
    wait = cc_wait_create();
    CC_CALL(result, zoo_acreate2(client->zh, "/as/s-", "ab", 2, &ZOO_OPEN_ACL_UNSAFE,
                                 ZOO_EPHEMERAL_SEQUENTIAL, cc_on_string_stat, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/as/s-0000000000");
    CC_EQ(result->stat.dataLength, 2);
    CC_EQ(result->stat.ephemeralOwner, zoo_client_id(client->zh)->client_id);
    wait = cc_wait_create();
    CC_CALL(result,
            zoo_acreate_ttl(client->zh, "/as/t-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                            ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 3600000, cc_on_string, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/as/t-0000000001");
    wait = cc_wait_create();
    CC_CALL(result, zoo_acreate2_ttl(client->zh, "/as/t", "abc", 3, &ZOO_OPEN_ACL_UNSAFE,
                                     ZOO_PERSISTENT_WITH_TTL, 3600000, cc_on_string_stat, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/as/t");
    CC_EQ(result->stat.dataLength, 3);
    wait = cc_wait_create();
    CC_CALL(result, zoo_acreate2(client->zh, "/as/box", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER,
                                 cc_on_string_stat, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/as/box");
    CC_CHECK(cc_close(client));
}

static void async_reads(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();
    const struct cc_result *result;
    struct cc_wait *wait = cc_wait_create();

    CC_RC(cc_make(client, "/ar", "data"), ZOK);
    CC_CALL(result, zoo_aexists(client->zh, "/ar", 0, cc_on_stat, wait));
    CC_RC(result->rc, ZOK);
    CC_EQ(result->stat.dataLength, 4);
    wait = cc_wait_create();
    CC_CALL(result, zoo_awexists(client->zh, "/ar/x", cc_watch, own, cc_on_stat, wait));
    CC_RC(result->rc, ZNONODE);
    wait = cc_wait_create();
    CC_CALL(result, zoo_aget(client->zh, "/ar", 1, cc_on_data, wait));
    CC_RC(result->rc, ZOK);
    CC_EQ(result->value_bytes, 4);
    CC_STR(result->value, "data");
    wait = cc_wait_create();
    CC_CALL(result, zoo_awget(client->zh, "/ar", cc_watch, own, cc_on_data, wait));
    CC_STR(result->value, "data");
    wait = cc_wait_create();
    CC_CALL(result, zoo_aget_children(client->zh, "/ar", 1, cc_on_strings, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->children, "");
    wait = cc_wait_create();
    CC_CALL(result, zoo_awget_children(client->zh, "/ar", cc_watch, own, cc_on_strings, wait));
    CC_RC(result->rc, ZOK);
    CC_RC(cc_make(client, "/ar/x", ""), ZOK);
    CC_EVENTS(client, own, "created /ar/x; child /ar");
    CC_EVENTS(client, client->watches, "child /ar");
    wait = cc_wait_create();
    CC_CALL(result, zoo_aget_children2(client->zh, "/ar", 1, cc_on_strings_stat, wait));
    CC_STR(result->children, "x");
    CC_EQ(result->stat.numChildren, 1);
    wait = cc_wait_create();
    CC_CALL(result,
            zoo_awget_children2(client->zh, "/ar", cc_watch, own, cc_on_strings_stat, wait));
    CC_STR(result->children, "x");
    CC_RC(zoo_delete(client->zh, "/ar/x", -1), ZOK);
    CC_RC(zoo_set(client->zh, "/ar", "", 0, -1), ZOK);
    CC_EVENTS(client, own, "child /ar; changed /ar");
    CC_EVENTS(client, client->watches, "child /ar; changed /ar");
    wait = cc_wait_create();
    CC_CALL(result, zoo_async(client->zh, "/ar", cc_on_string, wait));
    CC_RC(result->rc, ZOK);
    CC_STR(result->path, "/ar");
    CC_CHECK(cc_close(client));
}

static void async_writes(void)
{
    struct cc_client *client = cc_open();
    const struct cc_result *result;
    struct cc_wait *wait = cc_wait_create();

    CC_RC(cc_make(client, "/aw", ""), ZOK);
    CC_CALL(result, zoo_aset(client->zh, "/aw", "xyz", 3, 0, cc_on_stat, wait));
    CC_RC(result->rc, ZOK);
    CC_EQ(result->stat.version, 1);
    CC_EQ(result->stat.dataLength, 3);
    wait = cc_wait_create();
    CC_CALL(result, zoo_aset(client->zh, "/aw", "", 0, 0, cc_on_stat, wait));
    CC_RC(result->rc, ZBADVERSION);
    wait = cc_wait_create();
    CC_CALL(result, zoo_aset_acl(client->zh, "/aw", 0, &ZOO_READ_ACL_UNSAFE, cc_on_void, wait));
    CC_RC(result->rc, ZOK);
    wait = cc_wait_create();
    CC_CALL(result, zoo_aget_acl(client->zh, "/aw", cc_on_acl, wait));
    CC_RC(result->rc, ZOK);
    CC_EQ(result->acl_count, 1);
    CC_EQ(result->acl_perms, ZOO_PERM_READ);
    CC_STR(result->acl_scheme, "world");
    CC_STR(result->acl_id, "anyone");
    CC_EQ(result->stat.aversion, 1);
    wait = cc_wait_create();
    CC_CALL(result, zoo_adelete(client->zh, "/aw", 9, cc_on_void, wait));
    CC_RC(result->rc, ZBADVERSION);
    wait = cc_wait_create();
    CC_CALL(result, zoo_adelete(client->zh, "/aw", 1, cc_on_void, wait));
    CC_RC(result->rc, ZOK);
    CC_CHECK(cc_close(client));
}

static void async_config(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();
    const struct cc_result *result;
    struct cc_wait *wait = cc_wait_create();

    CC_CALL(result, zoo_agetconfig(client->zh, 0, cc_on_data, wait));
    CC_RC(result->rc, ZOK);
    CC_EQ(result->value_bytes, 0);
    wait = cc_wait_create();
    CC_CALL(result, zoo_awgetconfig(client->zh, cc_watch, own, cc_on_data, wait));
    CC_RC(result->rc, ZOK);
    wait = cc_wait_create();
    CC_CALL(result, zoo_areconfig(client->zh, NULL, "3", NULL, -1, cc_on_data, wait));
    CC_RC(result->rc, ZRECONFIGDISABLED);
    CC_CHECK(cc_close(client));
}

enum { BURST = 2000 };

static int order_seen[BURST];
static int order_count;

/* Runs on the completion thread only; the fence makes it visible to the case. */
static void on_burst(int rc, const struct Stat *stat, const void *data)
{
    order_seen[order_count++] =
        rc == ZOK && stat != NULL ? stat->version - (int)(intptr_t)data : -1;
}

/* Thousands in flight are all answered, in order, each with the version that is its own. */
static void a_burst_is_answered_in_order(void)
{
    struct cc_client *client = cc_open();

    CC_RC(cc_make(client, "/burst", ""), ZOK);
    order_count = 0;
    for (intptr_t i = 0; i < BURST; i++) {
        CC_RC(zoo_aset(client->zh, "/burst", "x", 1, -1, on_burst, (const void *)i), ZOK);
    }
    CC_CHECK(cc_fence(client));
    CC_EQ(order_count, BURST);
    for (int i = 0; i < BURST; i++) {
        CC_EQ(order_seen[i], 1); /* version i + 1 for write i */
    }
    CC_CHECK(cc_close(client));
}

static int reads_wrong;
static int reads_count;

static void on_own_read(int rc, const char *value, int value_bytes, const struct Stat *stat,
                        const void *data)
{
    char expected[32];
    int n = snprintf(expected, sizeof expected, "%d", (int)(intptr_t)data);
    reads_count++;
    if (rc != ZOK || stat == NULL || value_bytes != n || memcmp(value, expected, (size_t)n) != 0) {
        reads_wrong++;
    }
}

static void ignore_stat(int rc, const struct Stat *stat, const void *data)
{
    (void)rc, (void)stat, (void)data;
}

static void pipelined_reads_see_the_writes_before_them(void)
{
    struct cc_client *client = cc_open();
    char text[32];

    CC_RC(cc_make(client, "/pipe", ""), ZOK);
    reads_wrong = reads_count = 0;
    for (intptr_t i = 0; i < BURST / 4; i++) {
        int n = snprintf(text, sizeof text, "%d", (int)i);
        CC_RC(zoo_aset(client->zh, "/pipe", text, n, -1, ignore_stat, NULL), ZOK);
        CC_RC(zoo_aget(client->zh, "/pipe", 0, on_own_read, (const void *)i), ZOK);
    }
    CC_CHECK(cc_fence(client));
    CC_EQ(reads_count, BURST / 4);
    CC_EQ(reads_wrong, 0);
    CC_CHECK(cc_close(client));
}

const struct cc_case cc_cases_async[] = {
    {"async_creates", async_creates},
    {"async_reads", async_reads},
    {"async_writes", async_writes},
    {"async_config", async_config},
    {"a_burst_is_answered_in_order", a_burst_is_answered_in_order},
    {"pipelined_reads_see_the_writes_before_them", pipelined_reads_see_the_writes_before_them},
    {NULL, NULL},
};
