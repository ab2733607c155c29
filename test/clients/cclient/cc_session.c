/* Cases of the C client: sessions that are taken up again, expire, or outlive the server. */
#include "cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lets another process make a session with an ephemeral and end without closing it. */
static bool left_session(int timeout_ms, const char *path, clientid_t *ret_id)
{
    char command[512], line[128] = "";
    snprintf(command, sizeof command, "%s --leave %s %d %s", cc_program, cc_hosts, timeout_ms,
             path);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL) {
        return false;
    }
    bool has_line = fgets(line, sizeof line, pipe) != NULL;
    if (pclose(pipe) != 0 || !has_line || strlen(line) < 16 + 1 + 32) {
        return false;
    }
    line[16] = '\0';
    ret_id->client_id = (int64_t)strtoull(line, NULL, 16);
    for (size_t i = 0; i < sizeof ret_id->passwd; i++) {
        char byte[3] = {line[17 + 2 * i], line[18 + 2 * i], '\0'};
        ret_id->passwd[i] = (char)strtoul(byte, NULL, 16);
    }
    return true;
}

static void session_is_taken_up_by_id(void)
{
    struct cc_client *client = cc_open();
    clientid_t id;
    struct Stat stat;

    CC_CHECK(left_session(CC_SESSION_MS, "/taken", &id));
    CC_RC(zoo_exists(client->zh, "/taken", 1, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, id.client_id);
    struct cc_client *again = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(again, ZOO_CONNECTED_STATE));
    CC_EQ(zoo_client_id(again->zh)->client_id, id.client_id);
    CC_CHECK(memcmp(zoo_client_id(again->zh)->passwd, id.passwd, sizeof id.passwd) == 0);
    CC_RC(zoo_set(again->zh, "/taken", "mine", 4, 0), ZOK);
    CC_EVENTS(client, client->watches, "changed /taken");
    CC_RC(zoo_exists(client->zh, "/taken", 1, &stat), ZOK);
    CC_CHECK(cc_close(again));
    CC_EVENTS(client, client->watches, "deleted /taken");
    /* Closed is closed: the id is worth nothing any more. */
    again = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(again, ZOO_EXPIRED_SESSION_STATE));
    CC_RC(zoo_exists(again->zh, "/", 0, &stat), ZINVALIDSTATE);
    (void)zookeeper_close(again->zh);
    CC_CHECK(cc_close(client));
}

static void wrong_password_is_refused(void)
{
    struct cc_client *client = cc_open();
    clientid_t id;
    struct Stat stat;

    CC_CHECK(left_session(CC_SESSION_MS, "/guarded", &id));
    id.passwd[3] ^= 1;
    struct cc_client *thief = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(thief, ZOO_EXPIRED_SESSION_STATE));
    CC_EQ(zoo_state(thief->zh), ZOO_EXPIRED_SESSION_STATE);
    CC_RC(is_unrecoverable(thief->zh), ZINVALIDSTATE);
    (void)zookeeper_close(thief->zh);
    CC_RC(zoo_exists(client->zh, "/guarded", 0, &stat), ZOK);
    id.passwd[3] ^= 1;
    struct cc_client *owner = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(owner, ZOO_CONNECTED_STATE));
    CC_CHECK(cc_close(owner));
    CC_CHECK(cc_close(client));
}

static void session_expires_with_its_ephemerals(void)
{
    struct cc_client *client = cc_open();
    clientid_t id;
    struct Stat stat;

    CC_CHECK(left_session(1000, "/fleeting", &id));
    CC_RC(zoo_exists(client->zh, "/fleeting", 1, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, id.client_id);
    CC_CHECK(cc_events_wait(client->watches, 1));
    CC_EVENTS(client, client->watches, "deleted /fleeting");
    CC_RC(zoo_exists(client->zh, "/fleeting", 0, &stat), ZNONODE);
    struct cc_client *late = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(late, ZOO_EXPIRED_SESSION_STATE));
    (void)zookeeper_close(late->zh);
    CC_CHECK(cc_close(client));
}

/* Pings alone keep a session alive for several times its timeout. */
static void an_idle_session_lives_on_pings(void)
{
    struct cc_client *idle = cc_open_at(cc_hosts, 1500, NULL);
    struct cc_client *client = cc_open();
    clientid_t id;
    struct Stat stat;

    CC_CHECK(cc_wait_state(idle, ZOO_CONNECTED_STATE));
    int64_t session = zoo_client_id(idle->zh)->client_id;
    CC_RC(zoo_create(idle->zh, "/idle", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
    /* The measure of time is another session's expiry, twice, not a sleep. */
    for (int i = 0; i < 2; i++) {
        CC_CHECK(left_session(2000, "/clock", &id));
        CC_RC(zoo_exists(client->zh, "/clock", 1, &stat), ZOK);
        CC_CHECK(cc_events_wait(client->watches, 1));
        CC_EVENTS(client, client->watches, "deleted /clock");
    }
    CC_RC(zoo_exists(client->zh, "/idle", 0, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, session);
    CC_RC(zoo_set(idle->zh, "/idle", "", 0, 0), ZOK);
    CC_EQ(zoo_client_id(idle->zh)->client_id, session);
    CC_CHECK(cc_close(idle));
    CC_CHECK(cc_close(client));
}

/* While the connection is cut others change what is watched; SetWatches tells it afterwards. */
static void missed_changes_are_told_on_reconnect(void)
{
    struct cc_client *other = cc_open();
    struct cc_client *client = cc_open_at(cc_hosts_forwarded, CC_SESSION_MS, NULL);
    struct cc_events *data = cc_events_create();
    struct cc_events *gone = cc_events_create();
    struct cc_events *born = cc_events_create();
    struct cc_events *child = cc_events_create();
    struct cc_events *still = cc_events_create();
    struct String_vector children;
    char buffer[8];
    int bytes = sizeof buffer;

    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    int64_t session = zoo_client_id(client->zh)->client_id;
    CC_RC(cc_make(client, "/cut", ""), ZOK);
    CC_RC(cc_make(client, "/cut/a", ""), ZOK);
    CC_RC(cc_make(client, "/cut/b", ""), ZOK);
    CC_RC(cc_make(client, "/cut/c", ""), ZOK);
    CC_RC(zoo_wget(client->zh, "/cut/a", cc_watch, data, buffer, &bytes, NULL), ZOK);
    CC_RC(zoo_wget(client->zh, "/cut/b", cc_watch, gone, buffer, &bytes, NULL), ZOK);
    CC_RC(zoo_wexists(client->zh, "/cut/n", cc_watch, born, NULL), ZNONODE);
    CC_RC(zoo_wget_children(client->zh, "/cut", cc_watch, child, &children), ZOK);
    deallocate_String_vector(&children);
    CC_RC(zoo_wget(client->zh, "/cut/c", cc_watch, still, buffer, &bytes, NULL), ZOK);
    CC_CHECK(cc_fence(client));
    (void)cc_events_take(client->states);
    cc_ask("cut");
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTING_STATE));
    CC_RC(zoo_set(other->zh, "/cut/a", "new", 3, -1), ZOK);
    CC_RC(zoo_delete(other->zh, "/cut/b", -1), ZOK);
    CC_RC(cc_make(other, "/cut/n", ""), ZOK);
    cc_ask("heal");
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    CC_EQ(zoo_client_id(client->zh)->client_id, session);
    CC_EVENTS(client, data, "changed /cut/a");
    CC_EVENTS(client, gone, "deleted /cut/b");
    CC_EVENTS(client, born, "created /cut/n");
    CC_EVENTS(client, child, "child /cut");
    CC_EVENTS(client, still, "");
    /* What did not change is still watched. */
    CC_RC(zoo_set(other->zh, "/cut/c", "x", 1, -1), ZOK);
    CC_EVENTS(client, still, "changed /cut/c");
    CC_CHECK(cc_close(client));
    CC_CHECK(cc_close(other));
}

/* Sessions, ephemerals, data, ACLs and watches are there after the server was killed. */
static void everything_outlives_the_server(void)
{
    struct cc_client *client = cc_open_at(cc_hosts_forwarded, CC_SESSION_MS, NULL);
    struct cc_events *own = cc_events_create();
    struct Stat before, after;
    char buffer[16];
    int bytes = sizeof buffer;
    clientid_t id;

    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    int64_t session = zoo_client_id(client->zh)->client_id;
    CC_CHECK(left_session(CC_SESSION_MS, "/left-before", &id));
    CC_RC(zoo_add_auth(client->zh, "digest", "bob:secret", 10, NULL, NULL), ZOK);
    CC_RC(zoo_create(client->zh, "/outlive", "kept", 4, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL,
                     0),
          ZOK);
    CC_RC(zoo_create(client->zh, "/outlive/e", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_EPHEMERAL, NULL, 0),
          ZOK);
    CC_RC(zoo_wget(client->zh, "/outlive", cc_watch, own, buffer, &bytes, &before), ZOK);
    CC_CHECK(cc_fence(client));
    (void)cc_events_take(client->states);
    cc_ask("restart");
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    CC_EQ(zoo_client_id(client->zh)->client_id, session);
    bytes = sizeof buffer;
    CC_RC(zoo_get(client->zh, "/outlive", 0, buffer, &bytes, &after), ZOK);
    CC_CHECK(cc_is_same_stat(&before, &after));
    CC_EQ(bytes, 4);
    CC_CHECK(memcmp(buffer, "kept", 4) == 0);
    CC_RC(zoo_exists(client->zh, "/outlive/e", 0, &after), ZOK);
    CC_EQ(after.ephemeralOwner, session);
    /* The identity was given again and the watch set again by the library, unasked. */
    CC_RC(zoo_set(client->zh, "/outlive", "new", 3, 0), ZOK);
    CC_EVENTS(client, own, "changed /outlive");
    struct cc_client *again = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(again, ZOO_CONNECTED_STATE));
    CC_RC(zoo_exists(again->zh, "/left-before", 0, &after), ZOK);
    CC_EQ(after.ephemeralOwner, zoo_client_id(again->zh)->client_id);
    CC_CHECK(cc_close(again));
    CC_CHECK(cc_close(client));
}

/* A second connection with the same id takes the session over and the first one loses it. */
static void the_latest_connection_has_the_session(void)
{
    struct cc_client *first = cc_open_at(cc_hosts_forwarded, CC_SESSION_MS, NULL);
    CC_CHECK(cc_wait_state(first, ZOO_CONNECTED_STATE));
    clientid_t id = *zoo_client_id(first->zh);
    CC_RC(zoo_create(first->zh, "/moving", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0),
          ZOK);
    cc_ask("refuse"); /* the first cannot come back while the second is at work */
    struct cc_client *second = cc_open_at(cc_hosts, CC_SESSION_MS, &id);
    CC_CHECK(cc_wait_state(second, ZOO_CONNECTED_STATE));
    CC_CHECK(cc_wait_state(first, ZOO_CONNECTING_STATE));
    CC_RC(zoo_set(second->zh, "/moving", "2", 1, 0), ZOK);
    CC_CHECK(cc_close(second));
    cc_ask("heal");
    CC_CHECK(cc_wait_state(first, ZOO_EXPIRED_SESSION_STATE));
    (void)zookeeper_close(first->zh);
}

/* The client is told a new list of servers and moves to the one that lives. */
static void the_server_list_can_change(void)
{
    char hosts[256];
    struct cc_client *client = cc_open_at(cc_hosts_forwarded, CC_SESSION_MS, NULL);

    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    int64_t session = zoo_client_id(client->zh)->client_id;
    CC_RC(zoo_set_servers_resolution_delay(client->zh, 0), ZOK);
    cc_ask("cut");
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTING_STATE));
    CC_RC(zoo_set_servers(client->zh, cc_hosts), ZOK);
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    CC_STR(zoo_get_current_server(client->zh), cc_hosts);
    CC_EQ(zoo_client_id(client->zh)->client_id, session);
    CC_RC(zoo_exists(client->zh, "/", 0, NULL), ZOK);
    CC_CHECK(cc_close(client));
    cc_ask("heal");

    /* The first of the two has nobody listening; the client goes on to the second. */
    zoo_deterministic_conn_order(1);
    snprintf(hosts, sizeof hosts, "127.0.0.1:1,%s", cc_hosts);
    client = cc_open_at(hosts, CC_SESSION_MS, NULL);
    CC_CHECK(cc_wait_state(client, ZOO_CONNECTED_STATE));
    CC_RC(zoo_exists(client->zh, "/", 0, NULL), ZOK);
    zoo_cycle_next_server(client->zh);
    CC_CHECK(cc_close(client));
    zoo_deterministic_conn_order(0);
}

const struct cc_case cc_cases_session[] = {
    {"session_is_taken_up_by_id", session_is_taken_up_by_id},
    {"wrong_password_is_refused", wrong_password_is_refused},
    {"session_expires_with_its_ephemerals", session_expires_with_its_ephemerals},
    {"an_idle_session_lives_on_pings", an_idle_session_lives_on_pings},
    {"missed_changes_are_told_on_reconnect", missed_changes_are_told_on_reconnect},
    {"the_latest_connection_has_the_session", the_latest_connection_has_the_session},
    {"the_server_list_can_change", the_server_list_can_change},
    {"everything_outlives_the_server", everything_outlives_the_server},
    {NULL, NULL},
};
