/* The watches of a client: who wants to hear of which path. One-shot ones leave when they fire;
 * each path is, on every connection, either set at the server or still to be set again.
 *
 * Nothing here allocates but rk_client_watch_order_init: what an accepted request will need when
 * its reply comes is taken from memory beforehand, so that a reply cannot fail. */
#ifndef RK_CLIENT_WATCHES_H
#define RK_CLIENT_WATCHES_H

#include "base/list.h"
#include "client/event.h"
#include "client/trie.h"

#define RK_CLIENT_KINDS 6u /* enum rk_client_watch_kind */

/* A watcher that has at least one watch; without one it may stay until the next step. */
struct rk_client_who {
    struct rk_client_trie trie; /* first */
    struct rk_link dead;
    uint32_t refs;
    uint32_t index; /* in whos */
    uint64_t stamp; /* the event that has it already */
    struct rk_client_watcher watcher;
};

struct rk_client_entry {
    struct rk_link link;
    struct rk_client_who *who;
    enum rk_client_watch_kind kind;
};

/* A path with watches. */
struct rk_client_node {
    struct rk_client_trie trie; /* first */
    struct rk_link link;        /* of unset or set */
    struct rk_link entries;
    uint32_t counts[RK_CLIENT_KINDS];
    uint32_t len;
    uint8_t path[];
};

struct rk_client_watches {
    struct rk_mem *mem;
    uint64_t seed;
    struct rk_client_trie *nodes;
    struct rk_client_trie *whos_by;
    struct rk_link unset; /* known here, not yet to the server of this connection */
    struct rk_link set;
    uint32_t node_count;
    uint32_t recursive_count;       /* paths with recursive watches */
    struct rk_client_watcher *whos; /* each watcher once; also what a session event is told to */
    struct rk_client_who **who_nodes;
    uint32_t who_count;
    uint32_t whos_cap;
    uint32_t who_nodes_cap;
    uint32_t ordered; /* orders that may yet become a new watcher */
    struct rk_link dead;
    bool is_shown; /* whos is in an effect of this step: nothing in it may move */
    uint64_t stamp;
    struct rk_client_watcher *told; /* to whom the events of this step go */
    uint32_t told_count;
    uint32_t told_cap;
};

/* What an accepted request will do to the watches when it is answered. */
struct rk_client_watch_order {
    enum rk_client_watch_kind kind;
    bool is_removal;
    struct rk_client_watcher watcher;
    struct rk_client_node *node; /* new ones, until they are used; node has the path */
    struct rk_client_entry *entry;
    struct rk_client_who *who;
};

void rk_client_watches_init(struct rk_client_watches *t, struct rk_mem *mem, uint64_t seed);
void rk_client_watches_deinit(struct rk_client_watches *t);
/* Once in a step, before anything else: forgets who has no watches left, and who was told. */
void rk_client_watches_begin(struct rk_client_watches *t);

/* false without memory, and then the order is empty. An empty order needs no path. */
bool rk_client_watch_order_init(struct rk_client_watches *t, struct rk_client_watch_order *o,
                                struct rk_bytes path) RK_MUST_CHECK;
void rk_client_watch_order_deinit(struct rk_client_watches *t, struct rk_client_watch_order *o);
/* The reply: registers or removes as result says, and empties the order. ZK: activateWatcher */
void rk_client_watch_order_done(struct rk_client_watches *t, struct rk_client_watch_order *o,
                                int32_t result);

bool rk_client_watches_has(const struct rk_client_watches *t, struct rk_bytes path,
                           enum rk_client_watch_kind kind, struct rk_client_watcher watcher);
/* is_all: whoever it is. NONE is every kind. */
void rk_client_watches_remove(struct rk_client_watches *t, struct rk_bytes path,
                              enum rk_client_watch_kind kind, bool is_all,
                              struct rk_client_watcher watcher);

/* An event of the server: appends to told who hears of it, each once, and forgets the one-shot
 * watches. false without memory, and then nothing has happened. */
bool rk_client_watches_fire(struct rk_client_watches *t, int32_t event, struct rk_bytes path,
                            uint32_t *ret_count) RK_MUST_CHECK;

/* How many of whos a session event is told to; they stay in place for this step. */
uint32_t rk_client_watches_show(struct rk_client_watches *t);

/* A new connection: everything is still to be set. */
void rk_client_watches_unset(struct rk_client_watches *t);

#endif
