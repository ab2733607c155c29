/* What librookery offers on top of Apache ZooKeeper's C interface (<zookeeper/zookeeper.h>). Every
 * function here takes a zhandle_t and may be mixed freely with those.
 *
 * Rules for all of them, and for the functions of zookeeper.h in this library:
 * - Strings and buffers that are passed in are borrowed for the call; those handed to a callback
 * are borrowed for the callback. What a synchronous call fills in belongs to the caller and is
 * freed with the deallocate_ function of its type.
 * - Results are ZOK or one of enum ZOO_ERRORS (zookeeper.h). An asynchronous function that returns
 *   anything but ZOK never calls its completion; one that returns ZOK calls it exactly once, with
 *   ZCLOSING at the latest when the handle is closed.
 * - Completions and watchers of a threaded handle run on its completion thread, one at a time, in
 * the order in which the server answered. A synchronous call from one of them would wait for
 *   itself; the library knows its own threads and refuses it with ZINVALIDSTATE.
 * - zookeeper_close may be called from any callback and any thread, once. No watcher is called any
 *   more; completions of what was outstanding are. From a callback it returns at once, and the
 *   handle is freed when they have been called.
 * - A handle belongs to the process that opened it. A child made by fork has neither its threads
 *   nor a connection of its own and may not use it, nor close it: that would end the session of its
 *   parent. exec closes the descriptors.
 * - Nothing is shared between handles, except what zoo_set_debug_level and zoo_set_log_stream set,
 *   for all handles that have no level or callback of their own, and zoo_deterministic_conn_order,
 *   for handles opened afterwards. */
#ifndef ROOKERY_ROOKERY_H
#define ROOKERY_ROOKERY_H

#include <stdint.h>
#include <zookeeper/zookeeper.h>
#include <zookeeper/zookeeper_poll.h>
#include <zookeeper/zookeeper_sync.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROOKERY_API __attribute__((visibility("default")))

/* -- Handles with options -----------------------------------------------------------------------
 */

enum rk_connect_order {
    RK_ORDER_RANDOM = 0, /* spreads clients over the servers; what zookeeper_init does */
    RK_ORDER_AS_GIVEN = 1,
    RK_ORDER_NEAREST = 2 /* own host, own subnet, then the others; random among equals */
};

/* What became of the session. */
enum rk_session_change {
    RK_SESSION_NEW = 1,        /* created: ephemerals and watches of an older one are gone */
    RK_SESSION_RESUMED = 2,    /* connected again, watches set again */
    RK_SESSION_SUSPENDED = 3,  /* connection lost; whether the session lives is not known */
    RK_SESSION_EXPIRED = 4,    /* the server said so; the handle is of no more use */
    RK_SESSION_AUTH_FAILED = 5 /* the same */
};
/* Runs like a watcher, before any watcher that hears of the same change. */
typedef void (*rk_session_fn)(zhandle_t *zh, enum rk_session_change change, int64_t session_id,
                              void *context);

/* Fill with rk_options_init, then change what is to differ. 0 means the default unless said. */
struct rk_options {
    uint32_t size; /* set by rk_options_init; lets later versions add fields */
    watcher_fn watcher;
    void *context; /* zoo_get_context */
    rk_session_fn on_session;
    void *on_session_context;
    const clientid_t *client_id; /* NULL: a new session */
    int session_timeout_ms;      /* default 30,000 */
    int connect_timeout_ms;      /* of one server; default: session timeout / servers */
    int request_timeout_ms;      /* of every request: over it ZOPERATIONTIMEOUT; default none */
    int is_read_only_allowed;    /* ZOO_READONLY */
    int is_single_threaded;      /* driven by zookeeper_interest and zookeeper_process */
    enum rk_connect_order order;
    int backoff_min_ms,
        backoff_max_ms;       /* once no server answers; default 100 and 5,000, jittered */
    int requests_max;         /* without an answer; default 100,000; over it ZAPIERROR is
                                 returned at once */
    int64_t queued_bytes_max; /* of requests that wait to be sent; default 64 MiB; the same */
    int reply_bytes_max;      /* default 64 MiB; a longer reply ends the connection */
    log_callback_fn log;      /* NULL: as zoo_set_log_stream says */
    ZooLogLevel log_level;    /* default: as zoo_set_debug_level says */
};
ROOKERY_API void rk_options_init(struct rk_options *options);

/* zookeeper_init with options (NULL: defaults). hosts: "host:port,[::1]:port/chroot"; the port may
 * be left out (2181). NULL with errno EINVAL (hosts, options), ENOMEM or what the system said;
 * connecting goes on in the background. Closed with zookeeper_close. */
ROOKERY_API zhandle_t *rk_open(const char *hosts, const struct rk_options *options);

/* Waits until the handle is connected (read-only counts if allowed): ZOK; ZOPERATIONTIMEOUT;
 * ZSESSIONEXPIRED, ZAUTHFAILED, ZCLOSING (it was closed meanwhile) when it never will be. */
ROOKERY_API int rk_wait_connected(zhandle_t *zh, int timeout_ms);

/* A view: another handle on the same session with its own request timeout and, if sub_root is not
 * NULL, rooted at that path below the first one's root. Every function takes it in place of a
 * handle; zookeeper_close ends the view only, and does not wait for its callbacks. The session's
 * handle closes its views with it (they answer ZINVALIDSTATE from then on and still want to be
 * closed). NULL with errno on failure. */
ROOKERY_API zhandle_t *rk_view(zhandle_t *zh, const char *sub_root, int request_timeout_ms);

/* Of the last answer seen, for "read what I know to be written" across clients. */
ROOKERY_API int64_t rk_last_zxid(zhandle_t *zh);
/* The zxid of the transaction that fired the watch, inside a watcher (3.9 servers; else -1). */
ROOKERY_API int64_t rk_watch_zxid(zhandle_t *zh);

/* -- Requests that Apache's C client lacks ------------------------------------------------------
 */

enum rk_watch_mode { RK_WATCH_PERSISTENT = 0, RK_WATCH_RECURSIVE = 1 };
/* addWatch (server 3.6 and later; ZUNIMPLEMENTED before): fires for every change until removed with
 * zoo_remove_watches; RECURSIVE for every node below too, without child events. */
ROOKERY_API int rk_aadd_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode,
                              watcher_fn watcher, void *watcher_context, void_completion_t done,
                              const void *data);
ROOKERY_API int rk_add_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode,
                             watcher_fn watcher, void *watcher_context);

/* Paths of this session's ephemerals under prefix ("/" for all), without chroot. */
ROOKERY_API int rk_aget_ephemerals(zhandle_t *zh, const char *prefix, strings_completion_t done,
                                   const void *data);
ROOKERY_API int rk_get_ephemerals(zhandle_t *zh, const char *prefix, struct String_vector *ret);

typedef void (*rk_number_completion_t)(int rc, int number, const void *data);
/* Number of all nodes below path. */
ROOKERY_API int rk_aget_all_children_number(zhandle_t *zh, const char *path,
                                            rk_number_completion_t done, const void *data);
ROOKERY_API int rk_get_all_children_number(zhandle_t *zh, const char *path, int *ret_number);

/* This connection's identities (server 3.7 and later). ClientInfo.user is the id, e.g. 127.0.0.1.
 */
typedef void (*rk_who_completion_t)(int rc, const struct ClientInfo_vector *who, const void *data);
ROOKERY_API int rk_awho_am_i(zhandle_t *zh, rk_who_completion_t done, const void *data);
ROOKERY_API int rk_who_am_i(zhandle_t *zh, struct ClientInfo_vector *ret);

/* multiRead (server 3.6 and later): several reads at one point in time. */
enum rk_read_type { RK_READ_DATA = 4, RK_READ_CHILDREN = 8 };
struct rk_read {
    enum rk_read_type type;
    const char *path;
};
struct rk_read_result {
    int rc;                        /* of this read; the others do not suffer from it */
    struct buffer data;            /* RK_READ_DATA */
    struct Stat stat;              /* RK_READ_DATA */
    struct String_vector children; /* RK_READ_CHILDREN */
};
typedef void (*rk_reads_completion_t)(int rc, const struct rk_read_result *results, int count,
                                      const void *data);
ROOKERY_API int rk_amulti_read(zhandle_t *zh, int count, const struct rk_read *reads,
                               rk_reads_completion_t done, const void *data);
ROOKERY_API int rk_multi_read(zhandle_t *zh, int count, const struct rk_read *reads,
                              struct rk_read_result *ret_results);
/* Frees what rk_multi_read put into results[0..count). */
ROOKERY_API void rk_read_results_free(struct rk_read_result *results, int count);

/* zoo_get and zoo_get_children without a guess of the size: *ret_data is malloced (NULL for a null
 * value), one byte longer than *ret_bytes and ends in 0. Watcher may be NULL. */
ROOKERY_API int rk_get(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcher_context,
                       char **ret_data, int *ret_bytes, struct Stat *ret_stat);

/* zoo_create2 that survives a lost connection: the name carries a random mark (like Curator's
 * protection), and after a connection loss the library looks for it before it tries again, within
 * timeout_ms. The node that it finally answers with is there exactly once. *ret_path is malloced.
 */
ROOKERY_API int rk_create_protected(zhandle_t *zh, const char *path, const char *value,
                                    int value_bytes, const struct ACL_vector *acl, int mode,
                                    int timeout_ms, char **ret_path, struct Stat *ret_stat);

/* sync, waiting for the answer. */
ROOKERY_API int rk_sync(zhandle_t *zh, const char *path);

#ifdef __cplusplus
}
#endif
#endif
