/* Test of librookery: the calls that Apache's client lacks, and the edges of those it has. */
#include "cl.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen {
    struct cl_count count;
    char text[512];
};

static void on_node(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct seen *seen = context;
    (void)zh;
    (void)state;
    if (type == ZOO_SESSION_EVENT)
        return;
    pthread_mutex_lock(&seen->count.lock);
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof(seen->text) - used, "%d %s;", type, path);
    pthread_mutex_unlock(&seen->count.lock);
    cl_add(&seen->count, 1);
}

static void check_text(struct seen *seen, const char *wanted)
{
    pthread_mutex_lock(&seen->count.lock);
    if (strcmp(seen->text, wanted) != 0)
        cl_fail(__FILE__, __LINE__, "events \"%s\", not \"%s\"", seen->text, wanted);
    pthread_mutex_unlock(&seen->count.lock);
}

static void a_recursive_watch_sees_everything_below(void)
{
    static struct seen seen = {.count = CL_COUNT};
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    CL_RC(cl_make(zh, "/deep", ""), ZOK);
    CL_RC(rk_add_watch(zh, "/deep", RK_WATCH_RECURSIVE, on_node, &seen), ZOK);
    CL_RC(cl_make(zh, "/deep/a", ""), ZOK);
    CL_RC(cl_make(zh, "/deep/a/b", ""), ZOK);
    CL_RC(zoo_set(zh, "/deep/a/b", "x", 1, -1), ZOK);
    CL_RC(zoo_delete(zh, "/deep/a/b", -1), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 4));
    check_text(&seen, "1 /deep/a;1 /deep/a/b;3 /deep/a/b;2 /deep/a/b;");
    CL_RC(zoo_remove_all_watches(zh, "/deep", ZWATCHTYPE_ANY, 0), ZOK);
    CL_RC(zoo_delete(zh, "/deep/a", -1), ZOK);
    CL_RC(rk_sync(zh, "/"), ZOK);
    CL_CHECK(cl_value(&seen.count) == 4);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void a_persistent_watch_outlives_the_server(void)
{
    static struct seen seen = {.count = CL_COUNT};
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    CL_RC(cl_make(zh, "/lasting", ""), ZOK);
    CL_RC(rk_add_watch(zh, "/lasting", RK_WATCH_PERSISTENT, on_node, &seen), ZOK);
    CL_RC(zoo_set(zh, "/lasting", "1", 1, -1), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 1));
    cl_ask("restart");
    int rc = ZCONNECTIONLOSS;
    for (int i = 0; i < 100 && rc != ZOK; i++) {
        CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZOK);
        rc = zoo_set(zh, "/lasting", "2", 1, -1);
    }
    CL_RC(rc, ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 2));
    CL_RC(cl_make(zh, "/lasting/child", ""), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 3));
    CL_RC(zookeeper_close(zh), ZOK);
}

static void on_paths(int rc, const struct String_vector *paths, const void *data)
{
    struct seen *seen = (struct seen *)(uintptr_t)data;
    for (int i = 0; rc == ZOK && i < paths->count; i++)
        strncat(seen->text, paths->data[i], sizeof(seen->text) - strlen(seen->text) - 1);
    cl_add(&seen->count, 1);
}

static void asking_for_paths_and_numbers(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    static struct seen seen = {.count = CL_COUNT};
    struct String_vector paths = {0};
    int number = 0;
    char inside_hosts[128];
    CL_RC(cl_make(zh, "/eph", ""), ZOK);
    CL_RC(zoo_create(zh, "/eph/one", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
    CL_RC(rk_get_ephemerals(zh, "/eph", &paths), ZOK);
    CL_CHECK(paths.count == 1 && strcmp(paths.data[0], "/eph/one") == 0);
    deallocate_String_vector(&paths);
    CL_RC(rk_get_all_children_number(zh, "/eph", &number), ZOK);
    CL_CHECK(number == 1);
    CL_RC(rk_get_all_children_number(zh, "/no such node", &number), ZNONODE);
    snprintf(inside_hosts, sizeof(inside_hosts), "%s/eph", cl_hosts);
    zhandle_t *inside = cl_open(inside_hosts, NULL);
    CL_RC(zoo_create(inside, "/two", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
    CL_RC(rk_get_ephemerals(inside, "/", &paths), ZOK);
    CL_CHECK(paths.count == 1 && strcmp(paths.data[0], "/two") == 0);
    deallocate_String_vector(&paths);
    CL_RC(rk_aget_ephemerals(inside, "/", on_paths, &seen), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 1));
    check_text(&seen, "/two");
    CL_RC(zookeeper_close(inside), ZOK);
    struct ClientInfo_vector who;
    CL_RC(rk_who_am_i(zh, &who), ZOK);
    CL_CHECK(who.count >= 1 && strcmp(who.data[0].authScheme, "ip") == 0 &&
             strcmp(who.data[0].user, "127.0.0.1") == 0);
    deallocate_ClientInfo_vector(&who);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void several_reads_at_once(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    struct rk_read_result results[4];
    CL_RC(cl_make(zh, "/reads", "data"), ZOK);
    CL_RC(cl_make(zh, "/reads/child", ""), ZOK);
    CL_RC(zoo_create(zh, "/reads/null", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
    struct rk_read reads[4] = {{RK_READ_DATA, "/reads"},
                               {RK_READ_DATA, "/reads/none"},
                               {RK_READ_CHILDREN, "/reads"},
                               {RK_READ_DATA, "/reads/null"}};
    CL_RC(rk_multi_read(zh, 4, reads, results), ZOK);
    CL_CHECK(results[0].rc == ZOK && results[0].data.len == 4 &&
             memcmp(results[0].data.buff, "data", 4) == 0 && results[0].stat.numChildren == 2);
    CL_CHECK(results[1].rc == ZNONODE);
    CL_CHECK(results[2].rc == ZOK && results[2].children.count == 2);
    CL_CHECK(results[3].rc == ZOK && results[3].data.len == -1 && !results[3].data.buff);
    rk_read_results_free(results, 4);
    reads[0].path = "no path";
    CL_RC(rk_multi_read(zh, 4, reads, results), ZBADARGUMENTS);
    CL_RC(rk_multi_read(zh, 0, reads, results), ZBADARGUMENTS);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void data_of_any_size(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    char *data = NULL, *big = malloc(300000);
    int bytes = 0, short_bytes = 10;
    char buffer[10];
    struct Stat stat;
    memset(big, 'x', 300000);
    CL_RC(zoo_create(zh, "/big", big, 300000, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
    CL_RC(rk_get(zh, "/big", NULL, NULL, &data, &bytes, &stat), ZOK);
    CL_CHECK(bytes == 300000 && memcmp(data, big, 300000) == 0 && data[bytes] == 0);
    free(data);
    CL_RC(zoo_get(zh, "/big", 0, buffer, &short_bytes, &stat), ZOK);
    CL_CHECK(short_bytes == 10 && stat.dataLength == 300000);
    CL_RC(zoo_set(zh, "/big", NULL, -1, -1), ZOK);
    CL_RC(rk_get(zh, "/big", NULL, NULL, &data, &bytes, NULL), ZOK);
    CL_CHECK(!data && bytes == 0);
    CL_RC(rk_get(zh, "/none", NULL, NULL, &data, &bytes, NULL), ZNONODE);
    free(big);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void views_have_a_root_of_their_own(void)
{
    static struct seen seen = {.count = CL_COUNT};
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    char path[64];
    struct String_vector names = {0};
    CL_RC(cl_make(zh, "/view", ""), ZOK);
    CL_RC(cl_make(zh, "/view/sub", "v"), ZOK);
    CL_CHECK(!rk_view(zh, "no path", 0) && errno == EINVAL);
    zhandle_t *view = rk_view(zh, "/view", 5000);
    zhandle_t *inner = rk_view(view, "/sub", 0);
    CL_CHECK(view && inner && zoo_state(view) == ZOO_CONNECTED_STATE);
    CL_RC(zoo_create(inner, "/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path,
                     sizeof(path)),
          ZOK);
    CL_CHECK(strcmp(path, "/n-0000000000") == 0);
    CL_RC(zoo_create(inner, "/", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, path,
                     sizeof(path)),
          ZOK);
    CL_CHECK(strcmp(path, "/0000000001") == 0);
    CL_RC(zoo_delete(zh, "/view/sub/0000000001", -1), ZOK);
    CL_RC(zoo_exists(zh, "/view/sub/n-0000000000", 0, NULL), ZOK);
    CL_RC(zoo_wget_children(view, "/sub", on_node, &seen, &names), ZOK);
    CL_CHECK(names.count == 1);
    deallocate_String_vector(&names);
    CL_RC(zoo_wexists(inner, "/", on_node, &seen, NULL), ZOK);
    CL_RC(cl_make(zh, "/view/sub/x", ""), ZOK);
    CL_RC(zoo_set(zh, "/view/sub", "w", 1, -1), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 2));
    check_text(&seen, "4 /sub;3 /;");
    CL_RC(zoo_remove_watches(view, "/sub", ZWATCHTYPE_DATA, on_node, &seen, 1), ZNOWATCHER);
    CL_RC(zookeeper_close(view), ZOK);
    CL_RC(zoo_exists(inner, "/x", 0, NULL), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
    CL_RC(zoo_exists(inner, "/x", 0, NULL), ZINVALIDSTATE);
    CL_RC(zookeeper_close(inner), ZOK);
}

static void count_stat(int rc, const struct Stat *stat, const void *data)
{
    (void)rc;
    (void)stat;
    cl_add((struct cl_count *)(uintptr_t)data, 1);
}

static void count_void(int rc, const void *data)
{
    count_stat(rc, NULL, data);
}

/* Sets watches with contexts from..from+999 and takes them away again. */
static void watch_for_a_while(zhandle_t *zh, uintptr_t from, struct cl_count *done)
{
    int before = cl_value(done);
    for (uintptr_t i = from; i < from + 1000; i++)
        CL_RC(zoo_awexists(zh, "/", on_node, (void *)i, count_stat, done), ZOK);
    CL_CHECK(cl_wait_for(done, before + 1000));
    for (uintptr_t i = from; i < from + 1000; i++)
        CL_RC(zoo_aremove_watches(zh, "/", ZWATCHTYPE_DATA, on_node, (void *)i, 1,
                                  (void_completion_t *)(uintptr_t)count_void, done),
              ZOK);
    CL_CHECK(cl_wait_for(done, before + 2000));
}

/* What the heap may grow by while the client's thread still holds what it delivers in one go: a
 * thousand calls of some hundred bytes. 50 rounds that leaked would be at least 32 bytes times
 * 50,000. */
#define CL_HEAP_IN_FLIGHT 400000

static void a_view_keeps_nothing_of_watches_that_are_over(void)
{
    struct cl_count done = CL_COUNT;
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    zhandle_t *view = rk_view(zh, NULL, 0);
    watch_for_a_while(view, 1, &done);
    size_t before = mallinfo2().uordblks; /* 0 with sanitizers */
    for (uintptr_t i = 1; i <= 50; i++)
        watch_for_a_while(view, i * 1000 + 1, &done);
    if (mallinfo2().uordblks > before + CL_HEAP_IN_FLIGHT)
        cl_fail(__FILE__, __LINE__, "%zu bytes more", mallinfo2().uordblks - before);
    CL_RC(zookeeper_close(view), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void a_closed_view_leaves_nothing(void)
{
    static struct seen seen = {.count = CL_COUNT};
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 2000; i++) {
        zhandle_t *view = rk_view(zh, "/zookeeper", 0);
        CL_RC(zoo_wexists(view, "/none", on_node, &seen, NULL), ZNONODE);
        CL_RC(zoo_remove_watches(view, "/none", ZWATCHTYPE_DATA, on_node, &seen, 1), ZOK);
        CL_RC(zookeeper_close(view), ZOK);
    }
    if (mallinfo2().uordblks > before + 100000)
        cl_fail(__FILE__, __LINE__, "%zu bytes more", mallinfo2().uordblks - before);
    zhandle_t *view = rk_view(zh, "/zookeeper", 0);
    CL_RC(zoo_wexists(view, "/none", on_node, &seen, NULL), ZNONODE);
    CL_RC(zookeeper_close(view), ZOK);
    CL_RC(zoo_wexists(zh, "/zookeeper/none", on_node, &seen, NULL), ZNONODE);
    CL_RC(cl_make(zh, "/zookeeper/none", ""), ZOK);
    CL_CHECK(cl_wait_for(&seen.count, 1));
    CL_RC(zoo_delete(zh, "/zookeeper/none", -1), ZOK);
    check_text(&seen, "1 /zookeeper/none;");
    CL_RC(zookeeper_close(zh), ZOK);
}

static void bad_arguments_are_refused(void)
{
    static const char *const bad_hosts[] = {"",  "host:0", "host:65536", "host:x",      "[::1",
                                            ",", "/a",     "h:2181/a/",  "h:2181/a//b", "[::1]x"};
    struct rk_options options;
    for (size_t i = 0; i < sizeof(bad_hosts) / sizeof(bad_hosts[0]); i++) {
        errno = 0;
        zhandle_t *none = rk_open(bad_hosts[i], NULL);
        if (none || errno != EINVAL)
            cl_fail(__FILE__, __LINE__, "rk_open(\"%s\"): errno %d", bad_hosts[i], errno);
    }
    rk_options_init(&options);
    options.size = 7777;
    CL_CHECK(!rk_open(cl_hosts, &options) && errno == EINVAL);
    CL_CHECK(!rk_open(NULL, NULL) && errno == EINVAL);
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    static const char *const bad_paths[] = {"", "a", "/a/", "//", "/a/../b", "/a/./b", "/a//b"};
    for (size_t i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++)
        CL_RC(zoo_exists(zh, bad_paths[i], 0, NULL), ZBADARGUMENTS);
    CL_RC(zoo_exists(zh, NULL, 0, NULL), ZBADARGUMENTS);
    CL_RC(zoo_exists(NULL, "/", 0, NULL), ZBADARGUMENTS);
    CL_RC(zoo_get(zh, "/", 0, NULL, NULL, NULL), ZBADARGUMENTS);
    CL_RC(rk_add_watch(zh, "/", RK_WATCH_PERSISTENT, NULL, NULL), ZBADARGUMENTS);
    CL_RC(zoo_create_ttl(zh, "/t", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, 5, NULL, 0),
          ZBADARGUMENTS);
    CL_RC(zoo_set_servers(zh, "x:y"), ZBADARGUMENTS);
    CL_RC(zoo_set_servers(zh, "127.0.0.1:1/chroot"), ZBADARGUMENTS);
    CL_RC(zoo_set_servers_resolution_delay(zh, -2), ZBADARGUMENTS);
    CL_RC(zookeeper_close(zh), ZOK);
    CL_RC(zookeeper_close(NULL), ZBADARGUMENTS);
}

/* Declared in zookeeper.h only for programs that know the security libraries. */
zhandle_t *zookeeper_init_ssl(const char *host, const char *cert, watcher_fn fn, int recv_timeout,
                              const clientid_t *clientid, void *context, int flags);

static void quiet(const char *message)
{
    (void)message;
}

static void tls_says_that_it_is_not_there(void)
{
    zoo_set_debug_level((ZooLogLevel)0);
    errno = 0;
    CL_CHECK(!zookeeper_init_ssl(cl_hosts, "ca.pem", NULL, 1000, NULL, NULL, 0));
    CL_CHECK(errno == ENOTSUP);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    CL_CHECK(strcmp(zoo_version_str(), ZOO_VERSION) == 0);
}

static void records_are_encoded_and_decoded(void)
{
    struct oarchive *out = create_buffer_oarchive();
    struct ACL acl[2] = {{31, {(char *)"world", (char *)"anyone"}}, {1, {(char *)"ip", NULL}}};
    struct CreateRequest request = {(char *)"/a/b", {3, (char *)"abc"}, {2, acl}, 1}, again;
    CL_RC(serialize_CreateRequest(out, "x", &request), 0);
    int len = get_buffer_len(out);
    for (int cut = 0; cut <= len; cut++) {
        struct iarchive *in = create_buffer_iarchive(get_buffer(out), cut);
        int rc = deserialize_CreateRequest(in, "x", &again);
        CL_CHECK((rc == 0) == (cut == len));
        if (rc == 0)
            CL_CHECK(strcmp(again.path, "/a/b") == 0 && again.data.len == 3 && again.flags == 1 &&
                     again.acl.count == 2 && strcmp(again.acl.data[0].id.id, "anyone") == 0 &&
                     !again.acl.data[1].id.id);
        deallocate_CreateRequest(&again);
        close_buffer_iarchive(&in);
    }
    struct ACL one;
    struct iarchive *short_in = create_buffer_iarchive(get_buffer(out), 3);
    memset(&one, 0xff, sizeof(one));
    CL_CHECK(deserialize_ACL(short_in, "x", &one) != 0);
    deallocate_ACL(&one);
    close_buffer_iarchive(&short_in);
    close_buffer_oarchive(&out, 1);
    CL_CHECK(zoo_htonll(zoo_htonll(0x0123456789abcdefLL)) == 0x0123456789abcdefLL);
}

static void a_log_callback_gets_the_lines(void)
{
    struct rk_options options;
    rk_options_init(&options);
    options.log = quiet;
    options.log_level = ZOO_LOG_LEVEL_DEBUG;
    zhandle_t *zh = cl_open(cl_hosts, &options);
    CL_CHECK(zoo_get_log_callback(zh) == quiet);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void protected_nodes_are_there_once(void)
{
    struct String_vector names = {0};
    zhandle_t *zh = cl_open(cl_hosts_forwarded, NULL);
    CL_RC(cl_make(zh, "/prot", ""), ZOK);
    for (int i = 0; i < 10; i++) {
        char *path = NULL;
        struct Stat stat;
        if (i == 3 || i == 6)
            cl_cut();
        CL_RC(rk_create_protected(zh, "/prot/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE,
                                  ZOO_EPHEMERAL_SEQUENTIAL, CL_PATIENCE_MS, &path, &stat),
              ZOK);
        CL_CHECK(path && strncmp(path, "/prot/_c_", 9) == 0 && strstr(path, "-n-") &&
                 stat.ephemeralOwner == zoo_client_id(zh)->client_id);
        free(path);
    }
    CL_RC(zoo_get_children(zh, "/prot", 0, &names), ZOK);
    CL_CHECK(names.count == 10);
    deallocate_String_vector(&names);
    char *path = NULL;
    CL_RC(rk_create_protected(zh, "/none/n-", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, 1000, &path, NULL),
          ZNONODE);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void a_request_may_time_out(void)
{
    struct rk_options options;
    rk_options_init(&options);
    options.request_timeout_ms = 300;
    options.session_timeout_ms = CL_SESSION_MS;
    zhandle_t *zh = cl_open(cl_hosts, &options);
    zhandle_t *patient = rk_view(zh, NULL, CL_PATIENCE_MS);
    cl_ask("pause");
    int64_t begin = cl_now_ms();
    CL_RC(zoo_exists(zh, "/", 0, NULL), ZOPERATIONTIMEOUT);
    CL_CHECK(cl_now_ms() - begin >= 290 && cl_now_ms() - begin < 3000);
    cl_ask("resume");
    CL_RC(zoo_exists(patient, "/", 0, NULL), ZOK);
    CL_RC(zookeeper_close(patient), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
}

const struct cl_case cl_cases_calls[] = {
    {"a_recursive_watch_sees_everything_below", a_recursive_watch_sees_everything_below},
    {"a_persistent_watch_outlives_the_server", a_persistent_watch_outlives_the_server},
    {"asking_for_paths_and_numbers", asking_for_paths_and_numbers},
    {"several_reads_at_once", several_reads_at_once},
    {"data_of_any_size", data_of_any_size},
    {"views_have_a_root_of_their_own", views_have_a_root_of_their_own},
    {"a_view_keeps_nothing_of_watches_that_are_over",
     a_view_keeps_nothing_of_watches_that_are_over},
    {"a_closed_view_leaves_nothing", a_closed_view_leaves_nothing},
    {"bad_arguments_are_refused", bad_arguments_are_refused},
    {"tls_says_that_it_is_not_there", tls_says_that_it_is_not_there},
    {"records_are_encoded_and_decoded", records_are_encoded_and_decoded},
    {"a_log_callback_gets_the_lines", a_log_callback_gets_the_lines},
    {"protected_nodes_are_there_once", protected_nodes_are_there_once},
    {"a_request_may_time_out", a_request_may_time_out},
    {NULL, NULL},
};
