/* Test of librookery: what becomes of the session is told, in order. */
#include "cl.h"

#include <stdio.h>
#include <string.h>

struct told {
    struct cl_count count;
    int changes[16];
    int64_t ids[16];
};

static void on_session(zhandle_t *zh, enum rk_session_change change, int64_t id, void *context)
{
    struct told *told = context;
    (void)zh;
    pthread_mutex_lock(&told->count.lock);
    if (told->count.value < 16) {
        told->changes[told->count.value] = (int)change;
        told->ids[told->count.value] = id;
    }
    pthread_mutex_unlock(&told->count.lock);
    cl_add(&told->count, 1);
}

static zhandle_t *open_told(const char *hosts, struct told *told, const clientid_t *id, int ms)
{
    struct rk_options options;
    rk_options_init(&options);
    options.on_session = on_session;
    options.on_session_context = told;
    options.session_timeout_ms = ms;
    options.client_id = id;
    return cl_open(hosts, &options);
}

static void a_lost_connection_is_told_and_mended(void)
{
    static struct told told = {.count = CL_COUNT};
    zhandle_t *zh = open_told(cl_hosts_forwarded, &told, NULL, CL_SESSION_MS);
    CL_CHECK(cl_wait_for(&told.count, 1));
    int64_t id = zoo_client_id(zh)->client_id;
    int64_t zxid = rk_last_zxid(zh);
    cl_cut();
    CL_CHECK(cl_wait_for(&told.count, 3));
    CL_RC(zoo_exists(zh, "/", 0, NULL), ZOK);
    CL_CHECK(rk_last_zxid(zh) >= zxid);
    CL_CHECK(told.changes[0] == RK_SESSION_NEW && told.changes[1] == RK_SESSION_SUSPENDED &&
             told.changes[2] == RK_SESSION_RESUMED);
    CL_CHECK(told.ids[2] == id && zoo_client_id(zh)->client_id == id && id != 0);
    CL_RC(zookeeper_close(zh), ZOK);
}

static int said_of_names;
static void count_names(const char *line)
{
    if (strstr(line, "names are not looked up"))
        __atomic_fetch_add(&said_of_names, 1, __ATOMIC_RELAXED);
}

static void an_expired_session_is_told(void)
{
    static struct told told = {.count = CL_COUNT};
    zhandle_t *zh = open_told(cl_hosts, &told, NULL, 30000);
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    zoo_set_log_callback(zh, count_names);
    CL_RC(zoo_set_servers_resolution_delay(zh, 5), ZOK);
    clientid_t id = *zoo_client_id(zh);
    /* Another handle takes the session up and ends it. */
    static struct told other = {.count = CL_COUNT};
    zhandle_t *second = open_told(cl_hosts, &other, &id, 30000);
    CL_CHECK(other.changes[0] == RK_SESSION_RESUMED || cl_wait_for(&other.count, 1));
    CL_RC(zookeeper_close(second), ZOK);
    for (int i = 0; i < CL_PATIENCE_MS && zoo_state(zh) != ZOO_EXPIRED_SESSION_STATE; i += 10)
        cl_sleep_ms(10);
    CL_CHECK(zoo_state(zh) == ZOO_EXPIRED_SESSION_STATE);
    CL_CHECK(cl_wait_for(&told.count, 3));
    int last = told.changes[cl_value(&told.count) - 1];
    CL_CHECK(last == RK_SESSION_EXPIRED);
    CL_RC(is_unrecoverable(zh), ZINVALIDSTATE);
    CL_RC(zoo_exists(zh, "/", 0, NULL), ZINVALIDSTATE);
    CL_RC(rk_wait_connected(zh, 100), ZSESSIONEXPIRED);
    cl_sleep_ms(50);
    CL_CHECK(__atomic_load_n(&said_of_names, __ATOMIC_RELAXED) == 0);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void names_are_found_again_after_a_change_of_servers(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    char hosts[256];
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    CL_CHECK(zookeeper_get_connected_host(zh, (struct sockaddr *)&addr, &len) != NULL);
    CL_CHECK(strcmp(zoo_get_current_server(zh), cl_hosts) == 0);
    snprintf(hosts, sizeof(hosts), "no-such-name.invalid:1,%s", cl_hosts_forwarded);
    CL_RC(zoo_set_servers(zh, hosts), ZOK);
    int rc = ZCONNECTIONLOSS;
    for (int i = 0; i < 200; i++) {
        (void)rk_wait_connected(zh, CL_PATIENCE_MS);
        rc = zoo_exists(zh, "/", 0, NULL);
        if (rc == ZOK && strcmp(zoo_get_current_server(zh), cl_hosts_forwarded) == 0)
            break;
        cl_sleep_ms(10);
    }
    CL_RC(rc, ZOK);
    CL_CHECK(strcmp(zoo_get_current_server(zh), cl_hosts_forwarded) == 0);
    zoo_cycle_next_server(zh);
    cl_sleep_ms(50);
    CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void looking_names_up_while_connected_changes_nothing(void)
{
    static struct told told = {.count = CL_COUNT};
    zhandle_t *zh = open_told(cl_hosts, &told, NULL, CL_SESSION_MS);
    CL_CHECK(cl_wait_for(&told.count, 1));
    CL_RC(zoo_set_servers_resolution_delay(zh, 20), ZOK);
    for (int i = 0; i < 20; i++) {
        cl_sleep_ms(20);
        CL_RC(zoo_exists(zh, "/", 0, NULL), ZOK);
    }
    CL_RC(zoo_set_servers_resolution_delay(zh, -1), ZOK);
    CL_CHECK(cl_value(&told.count) == 1);
    CL_RC(zookeeper_close(zh), ZOK);
}

const struct cl_case cl_cases_session[] = {
    {"a_lost_connection_is_told_and_mended", a_lost_connection_is_told_and_mended},
    {"an_expired_session_is_told", an_expired_session_is_told},
    {"names_are_found_again_after_a_change_of_servers",
     names_are_found_again_after_a_change_of_servers},
    {"looking_names_up_while_connected_changes_nothing",
     looking_names_up_while_connected_changes_nothing},
    {NULL, NULL},
};
