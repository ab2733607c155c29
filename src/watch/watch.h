/* Watch tables: who wants to hear of which path. Two tables, data and child, as in Apache 3.9; a
 * connection may hold several modes on one path. Watches belong to a connection and die with it;
 * nothing here is replicated. ZK: WatchManager (3.9), WatcherModeManager. */
#ifndef RK_WATCH_WATCH_H
#define RK_WATCH_WATCH_H

#include "base/arena.h"
#include "base/err.h"

enum rk_watch_table {
    RK_WATCH_DATA,
    RK_WATCH_CHILD,
};

/* Bits. */
enum rk_watch_mode {
    RK_WATCH_STANDARD = 1,
    RK_WATCH_PERSISTENT = 2,
    RK_WATCH_RECURSIVE = 4,
};

/* As clients name them in checkWatches and removeWatches. ZK: Watcher.WatcherType. */
enum rk_watcher_type {
    RK_WATCHER_CHILDREN = 1,
    RK_WATCHER_DATA = 2,
    RK_WATCHER_ANY = 3,
    RK_WATCHER_PERSISTENT = 4,
    RK_WATCHER_PERSISTENT_RECURSIVE = 5,
};

struct rk_watch_limits {
    /* 0 = none. Each also bounds the text of the paths: 256 bytes a watch allowed, plus 2 MiB. */
    uint32_t per_conn_max; /* watches of one connection */
    uint32_t total_max;    /* of the server */
};

struct rk_watches;

struct rk_watches *rk_watches_create(struct rk_mem *mem, uint64_t seed,
                                     const struct rk_watch_limits *limits);
void rk_watches_destroy(struct rk_watches *w);
void rk_watches_check(const struct rk_watches *w); /* asserts every invariant */

/* Adds a mode; again is a no-op. RK_ERR_TOO_BIG over a limit (nothing added). */
enum rk_err rk_watch_add(struct rk_watches *w, enum rk_watch_table table, struct rk_bytes path,
                         rk_conn_id conn, enum rk_watch_mode mode) RK_MUST_CHECK;
/* Does conn have a watch of this client-visible type at path? Types 1 and 2 match standard watches
 * only, 4 and 5 need the mode, 3 matches anything (spec-client 4.8). */
bool rk_watch_has(const struct rk_watches *w, rk_conn_id conn, struct rk_bytes path,
                  enum rk_watcher_type type);
/* Removes what rk_watch_has would find; false if nothing did. */
bool rk_watch_remove(struct rk_watches *w, rk_conn_id conn, struct rk_bytes path,
                     enum rk_watcher_type type);
/* At most max of them, so that whoever has a million holds nobody up; true when none is left. */
bool rk_watch_remove_some(struct rk_watches *w, rk_conn_id conn, uint32_t max);
/* O(watches of conn). */
void rk_watch_remove_conn(struct rk_watches *w, rk_conn_id conn);

/* Receivers of one event, each once, in order of registration at the path, then recursive ones from
 * the nearest ancestor up. One-shot watches at the path are used up. */
struct rk_watch_hits {
    rk_conn_id *conns; /* in the arena */
    uint32_t count;
};
/* skip (may be NULL): connections already told of this change, not repeated (delete: data, then
 * child). spec-client 9.3. */
void rk_watch_fire(struct rk_watches *w, enum rk_watch_table table, struct rk_bytes path,
                   const struct rk_watch_hits *skip, struct rk_arena *a, struct rk_watch_hits *ret);
/* True if nobody watches anything: the fast way out for writes. */
bool rk_watch_none(const struct rk_watches *w);

struct rk_watch_counts {
    uint64_t total;      /* (connection, path) pairs in both tables */
    uint64_t data_conns; /* connections with a watch in the data table: wchs */
    uint64_t data_paths;
    uint64_t data_total;
};
void rk_watch_counts(const struct rk_watches *w, struct rk_watch_counts *ret);

/* Listing of the data table for wchp and wchc, sorted by the caller's needs: steps through (path,
 * conn) pairs grouped by path; start with a zeroed cursor; false at the end. Nothing may change in
 * between. */
struct rk_watch_cursor {
    size_t bucket;
    void *entry;
    void *watcher;
};
bool rk_watch_next(const struct rk_watches *w, struct rk_watch_cursor *c, struct rk_bytes *ret_path,
                   rk_conn_id *ret_conn);
/* The same for one connection: its paths in the data table. */
bool rk_watch_next_of_conn(const struct rk_watches *w, rk_conn_id conn, struct rk_watch_cursor *c,
                           struct rk_bytes *ret_path);

#endif
