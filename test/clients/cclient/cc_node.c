/* Cases of the C client: every synchronous call on nodes, their Stat fields and error codes. */
#include "cc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int logged_lines;

static void count_log_line(const char *message)
{
    (void)message;
    logged_lines++;
}

static void nothing(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh, (void)type, (void)state, (void)path, (void)context;
}

static void handle_facts(void)
{
    struct cc_client *client = cc_open();
    char marker;
    struct sockaddr_in address;
    socklen_t address_bytes = sizeof address;
    static const char no_password[16];

    CC_EQ(zoo_state(client->zh), ZOO_CONNECTED_STATE);
    CC_EQ(zoo_recv_timeout(client->zh), CC_SESSION_MS);
    CC_CHECK(zoo_client_id(client->zh)->client_id != 0);
    CC_CHECK(memcmp(zoo_client_id(client->zh)->passwd, no_password, sizeof no_password) != 0);
    CC_CHECK(zoo_get_context(client->zh) == client);
    zoo_set_context(client->zh, &marker);
    CC_CHECK(zoo_get_context(client->zh) == &marker);
    zoo_set_context(client->zh, client);
    watcher_fn before = zoo_set_watcher(client->zh, nothing);
    CC_CHECK(zoo_set_watcher(client->zh, before) == nothing);
    CC_CHECK(zookeeper_get_connected_host(client->zh, (struct sockaddr *)&address,
                                          &address_bytes) != NULL);
    CC_EQ(ntohs(address.sin_port), strtol(strrchr(cc_hosts, ':') + 1, NULL, 10));
    CC_STR(zoo_get_current_server(client->zh), cc_hosts);
    CC_RC(is_unrecoverable(client->zh), ZOK);
    CC_CHECK(cc_close(client));
}

static void log_callbacks(void)
{
    zoo_set_debug_level(ZOO_LOG_LEVEL_INFO);
    logged_lines = 0;
    zhandle_t *zh =
        zookeeper_init2(cc_hosts, nothing, CC_SESSION_MS, NULL, NULL, 0, count_log_line);
    CC_CHECK(zh != NULL);
    CC_CHECK(zoo_get_log_callback(zh) == count_log_line);
    CC_CHECK(logged_lines > 0);
    zoo_set_log_callback(zh, NULL);
    CC_CHECK(zoo_get_log_callback(zh) == NULL);
    zoo_set_log_stream(stderr);
    CC_RC(zookeeper_close(zh), ZOK);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
}

static void timeout_is_clamped(void)
{
    struct cc_client *low = cc_open_at(cc_hosts, 700, NULL);
    CC_CHECK(cc_wait_state(low, ZOO_CONNECTED_STATE));
    CC_EQ(zoo_recv_timeout(low->zh), 1000);
    struct cc_client *high = cc_open_at(cc_hosts, 100000000, NULL);
    CC_CHECK(cc_wait_state(high, ZOO_CONNECTED_STATE));
    CC_EQ(zoo_recv_timeout(high->zh), 60000);
    CC_CHECK(zoo_client_id(low->zh)->client_id != zoo_client_id(high->zh)->client_id);
    CC_CHECK(cc_close(low));
    CC_CHECK(cc_close(high));
}

static void node_life(void)
{
    struct cc_client *client = cc_open();
    struct Stat stat, before;
    char buffer[64];
    int bytes = sizeof buffer;

    CC_RC(cc_make(client, "/life", "one"), ZOK);
    CC_RC(zoo_get(client->zh, "/life", 0, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, 3);
    CC_CHECK(memcmp(buffer, "one", 3) == 0);
    CC_CHECK(stat.czxid > 0);
    CC_EQ(stat.mzxid, stat.czxid);
    CC_EQ(stat.pzxid, stat.czxid);
    CC_EQ(stat.mtime, stat.ctime);
    CC_EQ(stat.version, 0);
    CC_EQ(stat.cversion, 0);
    CC_EQ(stat.aversion, 0);
    CC_EQ(stat.ephemeralOwner, 0);
    CC_EQ(stat.dataLength, 3);
    CC_EQ(stat.numChildren, 0);
    before = stat;
    CC_RC(zoo_set2(client->zh, "/life", "three", 5, 0, &stat), ZOK);
    CC_EQ(stat.version, 1);
    CC_EQ(stat.czxid, before.czxid);
    CC_EQ(stat.mzxid, before.mzxid + 1);
    CC_EQ(stat.pzxid, before.pzxid);
    CC_EQ(stat.dataLength, 5);
    CC_RC(zoo_set(client->zh, "/life", "f", 1, -1), ZOK);
    CC_RC(zoo_exists(client->zh, "/life", 0, &stat), ZOK);
    CC_EQ(stat.version, 2);
    before = stat;
    CC_RC(cc_make(client, "/life/child", ""), ZOK);
    CC_RC(zoo_exists(client->zh, "/life", 0, &stat), ZOK);
    CC_EQ(stat.cversion, 1);
    CC_EQ(stat.numChildren, 1);
    CC_EQ(stat.pzxid, before.mzxid + 1);
    CC_EQ(stat.mzxid, before.mzxid);
    CC_RC(zoo_delete(client->zh, "/life/child", -1), ZOK);
    CC_RC(zoo_exists(client->zh, "/life", 0, &stat), ZOK);
    CC_EQ(stat.cversion, 2);
    CC_EQ(stat.numChildren, 0);
    CC_EQ(stat.pzxid, before.mzxid + 2);
    CC_RC(zoo_delete(client->zh, "/life", 2), ZOK);
    CC_RC(zoo_exists(client->zh, "/life", 0, &stat), ZNONODE);
    CC_CHECK(cc_close(client));
}

static void null_and_empty_data_differ(void)
{
    struct cc_client *client = cc_open();
    char buffer[8];
    int bytes = sizeof buffer;
    struct Stat stat;

    CC_RC(zoo_create(client->zh, "/null", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0),
          ZOK);
    CC_RC(zoo_get(client->zh, "/null", 0, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, -1);
    CC_EQ(stat.dataLength, 0);
    CC_RC(zoo_set(client->zh, "/null", "", 0, 0), ZOK);
    bytes = sizeof buffer;
    CC_RC(zoo_get(client->zh, "/null", 0, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, 0);
    CC_RC(zoo_set(client->zh, "/null", NULL, -1, 1), ZOK);
    bytes = sizeof buffer;
    CC_RC(zoo_get(client->zh, "/null", 0, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, -1);
    CC_RC(zoo_delete(client->zh, "/null", 2), ZOK);
    CC_CHECK(cc_close(client));
}

/* All 256 byte values, and a name beyond ASCII. */
static void binary_data_and_unicode_names(void)
{
    struct cc_client *client = cc_open();
    const char *path = "/gr\xc3\xb6\xc3\x9f"
                       "e-\xe4\xb8\xad";
    char data[256], buffer[300];
    int bytes = sizeof buffer;
    struct String_vector children;

    for (int i = 0; i < 256; i++) {
        data[i] = (char)i;
    }
    CC_RC(zoo_create(client->zh, path, data, sizeof data, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                     NULL, 0),
          ZOK);
    CC_RC(zoo_get(client->zh, path, 0, buffer, &bytes, NULL), ZOK);
    CC_EQ(bytes, 256);
    CC_CHECK(memcmp(buffer, data, sizeof data) == 0);
    CC_RC(zoo_get_children(client->zh, "/", 0, &children), ZOK);
    CC_CHECK(strstr(cc_join(&children), path + 1) != NULL);
    deallocate_String_vector(&children);
    CC_RC(zoo_delete(client->zh, path, -1), ZOK);
    CC_CHECK(cc_close(client));
}

static void sequences_count_all_children(void)
{
    struct cc_client *client = cc_open();
    char path[64];
    struct Stat stat;

    CC_RC(cc_make(client, "/seq", ""), ZOK);
    CC_RC(zoo_create(client->zh, "/seq/a-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     path, sizeof path),
          ZOK);
    CC_STR(path, "/seq/a-0000000000");
    CC_RC(cc_make(client, "/seq/plain", ""), ZOK);
    CC_RC(zoo_create(client->zh, "/seq/a-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, path,
                     sizeof path),
          ZOK);
    CC_STR(path, "/seq/a-0000000002");
    CC_RC(zoo_delete(client->zh, "/seq/a-0000000002", -1), ZOK);
    CC_RC(zoo_create(client->zh, "/seq/e-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL,
                     path, sizeof path),
          ZOK);
    CC_STR(path, "/seq/e-0000000003");
    CC_RC(zoo_exists(client->zh, path, 0, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, zoo_client_id(client->zh)->client_id);
    CC_RC(zoo_create2(client->zh, "/seq/", "xy", 2, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                      path, sizeof path, &stat),
          ZOK);
    CC_STR(path, "/seq/0000000004");
    CC_EQ(stat.dataLength, 2);
    /* A buffer that is too small gets the truncated name. */
    CC_RC(zoo_create(client->zh, "/seq/a-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     path, 8),
          ZOK);
    CC_STR(path, "/seq/a-");
    CC_CHECK(cc_close(client));
}

static void create2_gives_the_stat(void)
{
    struct cc_client *client = cc_open();
    char path[64];
    struct Stat stat, again;

    CC_RC(zoo_create2(client->zh, "/two", "data", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                      sizeof path, &stat),
          ZOK);
    CC_STR(path, "/two");
    CC_RC(zoo_exists(client->zh, "/two", 0, &again), ZOK);
    CC_CHECK(cc_is_same_stat(&stat, &again));
    CC_RC(zoo_create2(client->zh, "/two/e", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, path,
                      sizeof path, &stat),
          ZOK);
    CC_EQ(stat.ephemeralOwner, zoo_client_id(client->zh)->client_id);
    CC_EQ(stat.czxid, again.czxid + 1);
    CC_RC(zoo_create2(client->zh, "/two", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                      sizeof path, &stat),
          ZNODEEXISTS);
    CC_CHECK(cc_close(client));
}

/* A container goes away once its last child did; the driver makes the server look often. */
static void containers_are_reaped(void)
{
    struct cc_client *client = cc_open();
    struct Stat stat;

    CC_RC(zoo_create(client->zh, "/box", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0), ZOK);
    CC_RC(zoo_create2(client->zh, "/box2", "b", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0,
                      &stat),
          ZOK);
    CC_EQ(stat.ephemeralOwner, 0);
    CC_EQ(stat.dataLength, 1);
    CC_RC(cc_make(client, "/box/child", ""), ZOK);
    CC_RC(zoo_wexists(client->zh, "/box", cc_watch, client->watches, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, 0);
    CC_EQ(stat.numChildren, 1);
    CC_RC(zoo_delete(client->zh, "/box/child", -1), ZOK);
    CC_CHECK(cc_events_wait(client->watches, 1));
    CC_STR(cc_events_take(client->watches), "deleted /box");
    CC_RC(zoo_exists(client->zh, "/box", 0, NULL), ZNONODE);
    CC_CHECK(cc_close(client));
}

static void ttl_nodes_are_reaped(void)
{
    struct cc_client *client = cc_open();
    char path[64];
    struct Stat stat;

    CC_RC(cc_make(client, "/ttl", ""), ZOK);
    CC_RC(zoo_create_ttl(client->zh, "/ttl/one", "1", 1, &ZOO_OPEN_ACL_UNSAFE,
                         ZOO_PERSISTENT_WITH_TTL, 200, path, sizeof path),
          ZOK);
    CC_STR(path, "/ttl/one");
    CC_RC(zoo_wexists(client->zh, "/ttl/one", cc_watch, client->watches, &stat), ZOK);
    CC_CHECK(cc_events_wait(client->watches, 1));
    CC_STR(cc_events_take(client->watches), "deleted /ttl/one");
    CC_RC(zoo_create2_ttl(client->zh, "/ttl/s-", "22", 2, &ZOO_OPEN_ACL_UNSAFE,
                          ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 3600000, path, sizeof path, &stat),
          ZOK);
    CC_STR(path, "/ttl/s-0000000001");
    CC_EQ(stat.ephemeralOwner, 0);
    CC_EQ(stat.dataLength, 2);
    /* With children a TTL node stays, whatever its age. */
    CC_RC(zoo_create_ttl(client->zh, "/ttl/two", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                         ZOO_PERSISTENT_WITH_TTL, 1, path, sizeof path),
          ZOK);
    CC_RC(cc_make(client, "/ttl/two/child", ""), ZOK);
    CC_RC(zoo_create_ttl(client->zh, "/ttl/bad", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                         ZOO_PERSISTENT_WITH_TTL, 0, path, sizeof path),
          ZBADARGUMENTS);
    CC_RC(zoo_create_ttl(client->zh, "/ttl/bad", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                         ZOO_PERSISTENT_WITH_TTL, 1LL << 40, path, sizeof path),
          ZBADARGUMENTS);
    CC_CHECK(cc_close(client));
}

static void children_with_and_without_stat(void)
{
    struct cc_client *client = cc_open();
    struct String_vector children;
    struct Stat stat;

    CC_RC(cc_make(client, "/kids", ""), ZOK);
    CC_RC(zoo_get_children(client->zh, "/kids", 0, &children), ZOK);
    CC_EQ(children.count, 0);
    deallocate_String_vector(&children);
    CC_RC(cc_make(client, "/kids/c", ""), ZOK);
    CC_RC(cc_make(client, "/kids/a", ""), ZOK);
    CC_RC(cc_make(client, "/kids/b", ""), ZOK);
    CC_RC(zoo_get_children(client->zh, "/kids", 0, &children), ZOK);
    CC_STR(cc_join(&children), "a b c");
    deallocate_String_vector(&children);
    CC_RC(zoo_get_children2(client->zh, "/kids", 0, &children, &stat), ZOK);
    CC_STR(cc_join(&children), "a b c");
    CC_EQ(stat.numChildren, 3);
    CC_EQ(stat.cversion, 3);
    deallocate_String_vector(&children);
    CC_RC(zoo_get_children(client->zh, "/kids/none", 0, &children), ZNONODE);
    CC_RC(zoo_get_children2(client->zh, "/kids/none", 0, &children, &stat), ZNONODE);
    CC_CHECK(cc_close(client));
}

static void error_codes(void)
{
    struct cc_client *client = cc_open();
    char buffer[8];
    int bytes = sizeof buffer;
    struct Stat stat;

    CC_RC(cc_make(client, "/err", ""), ZOK);
    CC_RC(cc_make(client, "/err", ""), ZNODEEXISTS);
    CC_RC(cc_make(client, "/nowhere/child", ""), ZNONODE);
    CC_RC(zoo_get(client->zh, "/nowhere", 0, buffer, &bytes, &stat), ZNONODE);
    CC_RC(zoo_set(client->zh, "/nowhere", "", 0, -1), ZNONODE);
    CC_RC(zoo_set2(client->zh, "/err", "", 0, 7, &stat), ZBADVERSION);
    CC_RC(zoo_delete(client->zh, "/nowhere", -1), ZNONODE);
    CC_RC(zoo_delete(client->zh, "/err", 3), ZBADVERSION);
    CC_RC(cc_make(client, "/err/child", ""), ZOK);
    CC_RC(zoo_delete(client->zh, "/err", 3), ZBADVERSION);
    CC_RC(zoo_delete(client->zh, "/err", -1), ZNOTEMPTY);
    CC_RC(zoo_create(client->zh, "/err/e", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0),
          ZOK);
    CC_RC(cc_make(client, "/err/e/child", ""), ZNOCHILDRENFOREPHEMERALS);
    CC_RC(zoo_delete(client->zh, "/zookeeper", -1), ZBADARGUMENTS);
    CC_RC(zoo_delete(client->zh, "/", -1), ZBADARGUMENTS);
    CC_RC(cc_make(client, "no-slash", ""), ZBADARGUMENTS);
    CC_RC(cc_make(client, "/err//x", ""), ZBADARGUMENTS);
    CC_RC(cc_make(client, "/err/.", ""), ZBADARGUMENTS);
    CC_RC(cc_make(client, "/err/\x01", ""), ZBADARGUMENTS);
    CC_RC(cc_make(client, "/err/\xf0\x9f\x98\x80", ""), ZBADARGUMENTS);
    CC_CHECK(cc_close(client));
}

static void config_and_reconfig_when_switched_off(void)
{
    struct cc_client *client = cc_open();
    char buffer[256];
    int bytes = sizeof buffer;
    struct Stat stat;

    CC_RC(zoo_getconfig(client->zh, 0, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, 0);
    CC_EQ(stat.version, 0);
    bytes = sizeof buffer;
    CC_RC(zoo_wgetconfig(client->zh, cc_watch, client->watches, buffer, &bytes, &stat), ZOK);
    CC_EQ(bytes, 0);
    bytes = sizeof buffer;
    CC_RC(
        zoo_reconfig(client->zh, "server.2=127.0.0.1:3:4;5", NULL, NULL, -1, buffer, &bytes, &stat),
        ZRECONFIGDISABLED);
    bytes = sizeof buffer;
    CC_RC(
        zoo_reconfig(client->zh, NULL, NULL, "server.1=127.0.0.1:3:4;5", -1, buffer, &bytes, &stat),
        ZRECONFIGDISABLED);
    CC_RC(zoo_set(client->zh, "/zookeeper/config", "x", 1, -1), ZNOAUTH);
    CC_CHECK(cc_close(client));
}

/* The largest frame goes in and comes out; one byte more ends the connection, not the session. */
static void frame_limit(void)
{
    enum { FRAME_BYTES_MAX = 0xfffff };
    /* xid, type, path length, "/big", data length, version */
    enum { OVERHEAD = 4 + 4 + 4 + 4 + 4 + 4 };
    struct cc_client *client = cc_open();
    int bytes = FRAME_BYTES_MAX - OVERHEAD;
    int bytes_read = FRAME_BYTES_MAX;
    char *data = malloc(FRAME_BYTES_MAX);
    char *buffer = malloc(FRAME_BYTES_MAX);

    CC_CHECK(data != NULL && buffer != NULL);
    memset(data, 'b', FRAME_BYTES_MAX);
    CC_RC(cc_make(client, "/big", ""), ZOK);
    CC_RC(zoo_set(client->zh, "/big", data, bytes, -1), ZOK);
    CC_RC(zoo_get(client->zh, "/big", 0, buffer, &bytes_read, NULL), ZOK);
    CC_EQ(bytes_read, bytes);
    CC_CHECK(memcmp(buffer, data, (size_t)bytes) == 0);
    CC_CHECK(cc_fence(client));
    (void)cc_events_take(client->states);
    CC_RC(zoo_set(client->zh, "/big", data, bytes + 1, -1), ZCONNECTIONLOSS);
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    CC_RC(zoo_set(client->zh, "/big", "small", 5, 1), ZOK);
    free(data);
    free(buffer);
    CC_CHECK(cc_close(client));
}

static void chroot_is_a_prefix(void)
{
    struct cc_client *client = cc_open();
    char hosts[128], path[64];
    struct String_vector children;

    CC_RC(cc_make(client, "/jail", ""), ZOK);
    snprintf(hosts, sizeof hosts, "%s/jail", cc_hosts);
    struct cc_client *inside = cc_open_at(hosts, CC_SESSION_MS, NULL);
    CC_CHECK(cc_wait_state(inside, ZOO_CONNECTED_STATE));
    CC_RC(zoo_create(inside->zh, "/n-", "in", 2, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     path, sizeof path),
          ZOK);
    CC_STR(path, "/n-0000000000");
    CC_RC(zoo_wexists(inside->zh, "/later", cc_watch, inside->watches, NULL), ZNONODE);
    CC_RC(zoo_get_children(inside->zh, "/", 1, &children), ZOK);
    CC_STR(cc_join(&children), "n-0000000000");
    deallocate_String_vector(&children);
    CC_RC(cc_make(client, "/jail/later", ""), ZOK);
    CC_EVENTS(inside, inside->watches, "created /later; child /");
    CC_RC(zoo_exists(client->zh, "/jail/n-0000000000", 0, NULL), ZOK);
    CC_CHECK(cc_close(inside));
    CC_CHECK(cc_close(client));
}

const struct cc_case cc_cases_node[] = {
    {"handle_facts", handle_facts},
    {"log_callbacks", log_callbacks},
    {"timeout_is_clamped", timeout_is_clamped},
    {"node_life", node_life},
    {"null_and_empty_data_differ", null_and_empty_data_differ},
    {"binary_data_and_unicode_names", binary_data_and_unicode_names},
    {"sequences_count_all_children", sequences_count_all_children},
    {"create2_gives_the_stat", create2_gives_the_stat},
    {"containers_are_reaped", containers_are_reaped},
    {"ttl_nodes_are_reaped", ttl_nodes_are_reaped},
    {"children_with_and_without_stat", children_with_and_without_stat},
    {"error_codes", error_codes},
    {"config_and_reconfig_when_switched_off", config_and_reconfig_when_switched_off},
    {"frame_limit", frame_limit},
    {"chroot_is_a_prefix", chroot_is_a_prefix},
    {NULL, NULL},
};
