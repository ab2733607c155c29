/* What the files of this room share: the session behind a handle, its connections, its calls.
 *
 * One mutex per session guards the client machine and everything that hangs on it. Nothing that may
 * block and no code of the program runs under it: rk_lib_unlock wakes who waits and writes the log
 * after it has let go. Callbacks run from the queue of items, on the completion thread or in
 * zookeeper_process. */
#ifndef RK_LIB_LIB_INT_H
#define RK_LIB_LIB_INT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "client/client.h"
#include "lib/hosts.h"
#include "rookery/rookery.h"

struct rk_lib;
struct rk_lib_link;
struct rk_lib_lookup;

/* -- What waits to be told to the program -- */

enum rk_lib_item_kind { RK_LIB_ITEM_CALL, RK_LIB_ITEM_WATCH, RK_LIB_ITEM_STATE };
struct rk_lib_item {
    struct rk_lib_item *next;
    enum rk_lib_item_kind kind;
    bool is_reserve; /* of the session's reserve, used when malloc has failed */
};

/* A watch event with its watchers, and its path behind them (ends in 0; of a session event: none).
 */
struct rk_lib_watch {
    struct rk_lib_item item;
    int event;
    int state;
    int64_t zxid;
    size_t bytes; /* of all this */
    uint32_t count;
    bool has_path;
    struct rk_client_watcher watchers[];
};

struct rk_lib_state_item {
    struct rk_lib_item item;
    int state;  /* a ZOO_..._STATE */
    int change; /* enum rk_session_change */
    int64_t session_id;
};

/* What a completion looks like. */
enum rk_lib_kind {
    RK_LIB_VOID,
    RK_LIB_STAT,
    RK_LIB_DATA,
    RK_LIB_STRING,
    RK_LIB_STRING_STAT,
    RK_LIB_STRINGS, /* names */
    RK_LIB_PATHS,   /* the same as strings, with the chroot to be taken off */
    RK_LIB_STRINGS_STAT,
    RK_LIB_ACLS,
    RK_LIB_MULTI,
    RK_LIB_NUMBER,
    RK_LIB_WHO,
    RK_LIB_READS
};
union rk_lib_fn {
    void_completion_t void_result;
    stat_completion_t stat;
    data_completion_t data;
    string_completion_t string;
    string_stat_completion_t string_stat;
    strings_completion_t strings;
    strings_stat_completion_t strings_stat;
    acl_completion_t acls;
    rk_number_completion_t number;
    rk_who_completion_t who;
    rk_reads_completion_t reads;
};

#define RK_LIB_INLINE_BYTES 256u
/* One request on its way, and then its reply. */
struct rk_lib_call {
    struct rk_lib_item item;
    zhandle_t *zh;
    enum rk_lib_kind kind;
    union rk_lib_fn fn;
    const void *data;
    void *extra;   /* MULTI: struct rk_lib_multi; READS: the types asked for. Freed with the call */
    sem_t *waiter; /* of a synchronous call, which frees the call itself */
    int rc;
    int64_t zxid;
    uint32_t body_bytes;
    uint8_t *body; /* inline_body or malloced; with room for one byte more */
    uint8_t inline_body[RK_LIB_INLINE_BYTES];
};

/* -- The session -- */

#define RK_LIB_GONE_MAX      8u
#define RK_LIB_RESERVE_BYTES (64u * 1024u)
struct rk_lib_log_line {
    struct rk_lib_log_line *next;
    char text[];
};

struct rk_lib {
    pthread_mutex_t mu;
    struct rk_mem mem; /* of the client machine and of the two buffers */
    struct rk_client *client;
    struct rk_buf path; /* of the request that is being made: the server's */
    struct rk_buf body;
    uint64_t queued_bytes_max;
    bool is_threaded;
    bool is_closing;
    uint32_t refs;    /* the handle, the threads, callers that wait */
    atomic_int state; /* a ZOO_..._STATE or 0 */
    bool was_connected;
    bool was_tried;
    zhandle_t *handle;
    zhandle_t *views;
    uint64_t last_view;
    clientid_t id;
    atomic_int timeout_ms;
    _Atomic int64_t last_zxid;
    int64_t watch_zxid; /* of the event whose watcher is running */
    int last_error;     /* of the connection, for zookeeper_process */
    int resolve_delay_ms;
    int64_t resolved_ms;

    struct rk_lib_hosts hosts;
    uint32_t hosts_version; /* changes with the list */
    bool is_nearest;
    uint8_t *wanted; /* for each server: RESOLVE is to be answered */
    uint32_t wanted_count;
    struct rk_lib_lookup *lookup; /* the one that is under way */

    struct rk_lib_link *links;
    uint64_t gone[RK_LIB_GONE_MAX]; /* connections whose end the machine does not know yet */
    uint32_t gone_count;
    int64_t wake_at_ms;

    struct rk_lib_item *done_first; /* to be told */
    struct rk_lib_item **done_last;
    uint64_t untold_bytes;     /* of replies and events that malloc holds */
    struct rk_lib_call *spare; /* calls to be used again */
    uint32_t spare_count;
    uint8_t *reserve;
    uint32_t reserve_used;
    uint32_t reserve_items;

    struct rk_lib_call *woken; /* synchronous calls to be woken by rk_lib_unlock */
    struct rk_lib_log_line *log_first;
    struct rk_lib_log_line **log_last;

    int wake_fd;
    pthread_t io;
    pthread_t teller;
    bool is_io_asleep;
    bool is_io_signalled;
    bool must_stop_io;
    bool must_stop_teller;
    bool is_teller_asleep;
    bool is_telling; /* without threads: callbacks are running */
    pthread_cond_t to_tell;
    pthread_cond_t changed; /* the state */
    uint8_t *in;            /* what the I/O side reads into */

    rk_session_fn on_session;
    void *on_session_context;
    _Atomic(log_callback_fn) log;
    int log_level; /* 0: the global one */
};

/* A handle, or a view: the session with a root and a timeout of its own. */
struct _zhandle {
    struct rk_lib *s;
    watcher_fn watcher;
    void *context;
    int request_timeout_ms;
    bool is_view;
    bool is_closed; /* its watchers are not called any more */
    uint32_t users; /* calls of it on their way */
    char *root;     /* of a view; NULL: that of the session */
    size_t root_len;
    zhandle_t *next; /* of the session's views */
    uint64_t number; /* of a view: the owner of its watchers; 0: the handle of the session */
};

#endif
