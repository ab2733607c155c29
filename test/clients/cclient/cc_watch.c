/* Cases of the C client: one-shot watches, their events and order, and taking them away again. */
#include "cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int get_watched(struct cc_client *client, const char *path, struct cc_events *events)
{
    char buffer[8];
    int bytes = sizeof buffer;
    return zoo_wget(client->zh, path, cc_watch, events, buffer, &bytes, NULL);
}

static int children_watched(struct cc_client *client, const char *path, struct cc_events *events)
{
    struct String_vector children;
    int rc = zoo_wget_children(client->zh, path, cc_watch, events, &children);
    if (rc == ZOK) {
        deallocate_String_vector(&children);
    }
    return rc;
}

static void each_watch_fires_once(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();

    CC_RC(cc_make(client, "/w1", ""), ZOK);
    CC_RC(get_watched(client, "/w1", own), ZOK);
    CC_RC(children_watched(client, "/w1", own), ZOK);
    CC_RC(zoo_wexists(client->zh, "/w1/c", cc_watch, own, NULL), ZNONODE);
    CC_RC(zoo_set(client->zh, "/w1", "1", 1, -1), ZOK);
    CC_RC(zoo_set(client->zh, "/w1", "2", 1, -1), ZOK);
    CC_RC(cc_make(client, "/w1/c", ""), ZOK);
    CC_RC(cc_make(client, "/w1/d", ""), ZOK);
    CC_RC(zoo_set(client->zh, "/w1/c", "1", 1, -1), ZOK);
    CC_EVENTS(client, own, "changed /w1; created /w1/c; child /w1");
    CC_EVENTS(client, client->watches, "");
    CC_CHECK(cc_close(client));
}

static void deletion_reaches_each_kind_of_watch(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *data = cc_events_create();
    struct cc_events *exists = cc_events_create();
    struct cc_events *child = cc_events_create();
    struct cc_events *parent = cc_events_create();

    CC_RC(cc_make(client, "/w2", ""), ZOK);
    CC_RC(cc_make(client, "/w2/c", ""), ZOK);
    CC_RC(get_watched(client, "/w2/c", data), ZOK);
    CC_RC(zoo_wexists(client->zh, "/w2/c", cc_watch, exists, NULL), ZOK);
    CC_RC(children_watched(client, "/w2/c", child), ZOK);
    CC_RC(children_watched(client, "/w2", parent), ZOK);
    CC_RC(zoo_delete(client->zh, "/w2/c", -1), ZOK);
    CC_EVENTS(client, data, "deleted /w2/c");
    CC_EVENTS(client, exists, "deleted /w2/c");
    CC_EVENTS(client, child, "deleted /w2/c");
    CC_EVENTS(client, parent, "child /w2");
    CC_CHECK(cc_close(client));
}

static void reads_that_fail_leave_no_watch(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();

    CC_RC(get_watched(client, "/w3", own), ZNONODE);
    CC_RC(children_watched(client, "/w3", own), ZNONODE);
    CC_RC(cc_make(client, "/w3", ""), ZOK);
    CC_EVENTS(client, own, "");
    CC_CHECK(cc_close(client));
}

static void other_sessions_changes_are_seen(void)
{
    struct cc_client *client = cc_open();
    struct cc_client *other = cc_open();
    struct String_vector children;
    char buffer[16];
    int bytes = sizeof buffer;
    struct Stat stat;

    CC_RC(cc_make(client, "/w4", ""), ZOK);
    CC_RC(zoo_get(client->zh, "/w4", 1, buffer, &bytes, NULL), ZOK);
    CC_RC(zoo_get_children2(client->zh, "/w4", 1, &children, &stat), ZOK);
    deallocate_String_vector(&children);
    CC_RC(zoo_exists(client->zh, "/w4/e", 1, NULL), ZNONODE);
    CC_RC(zoo_set(other->zh, "/w4", "new", 3, -1), ZOK);
    CC_RC(zoo_create(other->zh, "/w4/e", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
    CC_EVENTS(client, client->watches, "changed /w4; created /w4/e; child /w4");
    /* The end of the other session is seen as the end of its ephemeral. */
    CC_RC(zoo_exists(client->zh, "/w4/e", 1, &stat), ZOK);
    CC_EQ(stat.ephemeralOwner, zoo_client_id(other->zh)->client_id);
    CC_RC(zoo_wget_children2(client->zh, "/w4", cc_watch, client->watches, &children, &stat), ZOK);
    deallocate_String_vector(&children);
    CC_CHECK(cc_close(other));
    CC_EVENTS(client, client->watches, "deleted /w4/e; child /w4");
    CC_CHECK(cc_close(client));
}

/* The event must not come after the reply of a read that shows the change. */
static void event_comes_before_the_state_it_tells(void)
{
    struct cc_client *client = cc_open();
    struct cc_client *other = cc_open();
    struct cc_events *own = cc_events_create();
    char text[16];

    CC_RC(cc_make(client, "/w5", ""), ZOK);
    for (int i = 0; i < 200; i++) {
        CC_RC(get_watched(client, "/w5", own), ZOK);
        int n = snprintf(text, sizeof text, "%d", i);
        CC_RC(zoo_set(other->zh, "/w5", text, n, -1), ZOK);
        struct cc_wait *wait = cc_wait_create();
        CC_RC(zoo_aget(client->zh, "/w5", 0, cc_on_data, wait), ZOK);
        const struct cc_result *result = cc_wait_for(wait);
        CC_CHECK(result != NULL);
        CC_STR(result->value, text);
        CC_STR(cc_events_take(own), "changed /w5");
    }
    CC_CHECK(cc_close(other));
    CC_CHECK(cc_close(client));
}

static void removed_watches_are_silent(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *a = cc_events_create();
    struct cc_events *b = cc_events_create();

    CC_RC(cc_make(client, "/w6", ""), ZOK);
    CC_RC(zoo_remove_watches(client->zh, "/w6", ZWATCHTYPE_DATA, cc_watch, a, 0), ZNOWATCHER);
    CC_RC(get_watched(client, "/w6", a), ZOK);
    CC_RC(get_watched(client, "/w6", b), ZOK);
    CC_RC(children_watched(client, "/w6", a), ZOK);
    CC_RC(zoo_remove_watches(client->zh, "/w6", ZWATCHTYPE_DATA, cc_watch, a, 0), ZOK);
    CC_RC(zoo_remove_watches(client->zh, "/w6", ZWATCHTYPE_DATA, cc_watch, a, 0), ZNOWATCHER);
    CC_RC(zoo_set(client->zh, "/w6", "", 0, -1), ZOK);
    CC_EVENTS(client, a, "");
    CC_EVENTS(client, b, "changed /w6");
    CC_RC(zoo_remove_watches(client->zh, "/w6", ZWATCHTYPE_CHILD, cc_watch, a, 0), ZOK);
    CC_RC(cc_make(client, "/w6/c", ""), ZOK);
    CC_EVENTS(client, a, "");
    CC_RC(get_watched(client, "/w6", a), ZOK);
    CC_RC(children_watched(client, "/w6", b), ZOK);
    CC_RC(zoo_remove_all_watches(client->zh, "/w6", ZWATCHTYPE_ANY, 0), ZOK);
    CC_RC(zoo_set(client->zh, "/w6", "", 0, -1), ZOK);
    CC_RC(zoo_delete(client->zh, "/w6/c", -1), ZOK);
    CC_EVENTS(client, a, "");
    CC_EVENTS(client, b, "");
    CC_CHECK(cc_close(client));
}

static void removed_locally_only(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();

    CC_RC(cc_make(client, "/w7", ""), ZOK);
    CC_RC(get_watched(client, "/w7", own), ZOK);
    CC_RC(zoo_remove_watches(client->zh, "/w7", ZWATCHTYPE_DATA, cc_watch, own, 1), ZOK);
    CC_RC(zoo_set(client->zh, "/w7", "", 0, -1), ZOK);
    CC_EVENTS(client, own, "");
    CC_CHECK(cc_close(client));
}

/* The header declares the completion as a pointer to a function pointer, but calls it as is. */
static void removed_asynchronously(void)
{
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();
    struct cc_wait *wait = cc_wait_create();
    void_completion_t *completion = (void_completion_t *)(uintptr_t)cc_on_void;

    CC_RC(cc_make(client, "/w8", ""), ZOK);
    CC_RC(get_watched(client, "/w8", own), ZOK);
    CC_RC(
        zoo_aremove_watches(client->zh, "/w8", ZWATCHTYPE_DATA, cc_watch, own, 0, completion, wait),
        ZOK);
    const struct cc_result *result = cc_wait_for(wait);
    CC_CHECK(result != NULL);
    CC_RC(result->rc, ZOK);
    CC_RC(children_watched(client, "/w8", own), ZOK);
    wait = cc_wait_create();
    CC_RC(zoo_aremove_all_watches(client->zh, "/w8", ZWATCHTYPE_ANY, 0, completion, wait), ZOK);
    result = cc_wait_for(wait);
    CC_CHECK(result != NULL);
    CC_RC(result->rc, ZOK);
    CC_RC(zoo_set(client->zh, "/w8", "", 0, -1), ZOK);
    CC_RC(zoo_delete(client->zh, "/w8", -1), ZOK);
    CC_EVENTS(client, own, "");
    CC_CHECK(cc_close(client));
}

static void a_thousand_watches(void)
{
    enum { COUNT = 1000 };
    struct cc_client *client = cc_open();
    struct cc_events *own = cc_events_create();
    char path[64];

    CC_RC(cc_make(client, "/w9", ""), ZOK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "/w9/%d", i);
        CC_RC(zoo_awexists(client->zh, path, cc_watch, own, cc_on_stat, cc_wait_create()), ZOK);
    }
    for (int i = 0; i < COUNT; i++) {
        char expected[80];
        snprintf(path, sizeof path, "/w9/%d", i);
        snprintf(expected, sizeof expected, "created %s", path);
        CC_RC(cc_make(client, path, ""), ZOK);
        CC_CHECK(cc_events_wait(own, 1));
        CC_STR(cc_events_take(own), expected);
    }
    CC_CHECK(cc_close(client));
}

const struct cc_case cc_cases_watch[] = {
    {"each_watch_fires_once", each_watch_fires_once},
    {"deletion_reaches_each_kind_of_watch", deletion_reaches_each_kind_of_watch},
    {"reads_that_fail_leave_no_watch", reads_that_fail_leave_no_watch},
    {"other_sessions_changes_are_seen", other_sessions_changes_are_seen},
    {"event_comes_before_the_state_it_tells", event_comes_before_the_state_it_tells},
    {"removed_watches_are_silent", removed_watches_are_silent},
    {"removed_locally_only", removed_locally_only},
    {"removed_asynchronously", removed_asynchronously},
    {"a_thousand_watches", a_thousand_watches},
    {NULL, NULL},
};
