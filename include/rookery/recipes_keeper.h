/* A keeper keeps a session with an ensemble for the recipes, and opens a new one when it is lost.
 * This page also holds the rules that every recipe follows.
 *
 * Results are ZOK or one of enum ZOO_ERRORS: ZOPERATIONTIMEOUT when the time given ran out,
 * ZINVALIDSTATE for a call that the object's state does not allow, ZCLOSING when the object or the
 * keeper was closed meanwhile, ZSYSTEMERROR without memory or threads, ZBADARGUMENTS for malformed
 * arguments, ZSESSIONEXPIRED where a session was lost half-way and the recipe does not go on by
 * itself; ZNOAUTH, ZAUTHFAILED and the like as the server said. On failure ret_ arguments are
 * untouched.
 *
 * Time. timeout_ms < 0 waits for ever, 0 tries once. Lost connections are waited out and requests
 * repeated within that time; a call may take longer by one request that no server answers: at most
 * rk_options.request_timeout_ms, which is the session timeout if not set.
 *
 * Threads. A keeper and all objects may be used from any thread, except where an object says that
 * it has one owner. Calls of recipes block and are refused with ZINVALIDSTATE in watchers and
 * completions of the keeper's handle and in its on_link. Callbacks of an object run on a thread of
 * that object, one at a time; they may call any function, but neither close their own object nor
 * wait for it (ZINVALIDSTATE).
 *
 * Ownership. What an _open function returns is freed by its _close and by nothing else. Objects are
 * closed before their keeper: rk_keeper_close answers ZINVALIDSTATE while there are any. _close
 * wakes those who wait in the object (they get ZCLOSING) and waits until they have left and its
 * callback has returned; rk_keeper_close does so with calls that take the keeper itself. Paths,
 * names and data handed in are copied. Strings handed to a callback are borrowed for the callback.
 *
 * Connection. An object goes through these states of its keeper:
 *   CONNECTED  what the object says was true at the server when it was last heard of.
 *   SUSPENDED  the connection is lost. Ephemeral nodes still stand and locks are still held as long
 *              as the session lives, which nobody here can know: whoever must not do a thing twice
 *              stops now, or hands the fencing token along with whatever it does. Waiting goes on.
 *   (RESUMED)  CONNECTED again with the same session: objects look whether their nodes are there
 *              and go on.
 *   LOST       the server said EXPIRED, or SUSPENDED lasted as long as the session timeout; the
 *              session is given up for good, even if a server would still know it. Locks, leases
 *              and leadership are lost. The keeper opens a new session at once, in which waiters
 *              queue up again (at the end) and latches, elections, group members, services and
 *              caches start over by themselves. Locks and leases that were held are not taken
 *              again.
 *   FAILED     authentication was refused: nothing will work any more.
 *
 * A process that was stopped (SIGSTOP, a long pause of the machine) hears of all this when it goes
 * on, not before: only fencing tokens protect from that. */
#ifndef ROOKERY_RECIPES_KEEPER_H
#define ROOKERY_RECIPES_KEEPER_H

#include <rookery/rookery.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rk_link { /* the connection, as above */
               RK_LINK_CONNECTED = 1,
               RK_LINK_SUSPENDED = 2, /* also before the first connection */
               RK_LINK_LOST = 3, /* heard by callbacks only: SUSPENDED in a new session follows */
               RK_LINK_FAILED = 4
};

struct rk_keeper;
/* Runs on the keeper's thread; a slow one delays the next session. */
typedef void (*rk_link_fn)(struct rk_keeper *keeper, enum rk_link link, void *context);

struct rk_keeper_options {
    uint32_t size;                /* set by rk_keeper_options_init */
    struct rk_options session;    /* of every handle. watcher is called with context as always, but
                                     zoo_get_context is the keeper's. request_timeout_ms 0: the session
                                     timeout. is_single_threaded, is_read_only_allowed and client_id
                                     must stay 0 */
    const struct ACL_vector *acl; /* of nodes that recipes make; borrowed for the keeper's life;
                                     NULL: anyone may do anything */
    rk_link_fn on_link;           /* NULL: none */
    void *on_link_context;
};
ROOKERY_API void rk_keeper_options_init(struct rk_keeper_options *options);

/* Starts to connect and returns at once. hosts as in zookeeper_init, with chroot (which must
 * exist). options NULL: defaults. ZBADARGUMENTS for malformed hosts or options. */
ROOKERY_API int rk_keeper_open(const char *hosts, const struct rk_keeper_options *options,
                               struct rk_keeper **ret_keeper);
/* Ends the session; its ephemeral nodes go. ZINVALIDSTATE, and nothing done, while objects are open
 * or when called from one of its callbacks. Accepts NULL. */
ROOKERY_API int rk_keeper_close(struct rk_keeper *keeper);

/* ZOK once connected; ZAUTHFAILED; ZOPERATIONTIMEOUT. */
ROOKERY_API int rk_keeper_wait(struct rk_keeper *keeper, int timeout_ms);
ROOKERY_API enum rk_link rk_keeper_link(struct rk_keeper *keeper);
/* 1 for the first session, one more for each that followed a lost one. */
ROOKERY_API uint64_t rk_keeper_generation(struct rk_keeper *keeper);

/* zoo_add_auth to this and every later session. */
ROOKERY_API int rk_keeper_add_auth(struct rk_keeper *keeper, const char *scheme, const char *cert,
                                   int cert_bytes);

/* The handle of the present session, for calls of zookeeper.h and rookery.h; it stays until
 * rk_keeper_release, which must come soon: a new session waits for it. NULL when the keeper is
 * being closed or has no handle just now. Not to be closed. */
ROOKERY_API zhandle_t *rk_keeper_hold(struct rk_keeper *keeper);
ROOKERY_API void rk_keeper_release(struct rk_keeper *keeper);

/* Creates path and what is missing above it, as containers (the server removes them when they have
 * become empty; before 3.5: persistent). ZOK if it was there. */
ROOKERY_API int rk_keeper_make_path(struct rk_keeper *keeper, const char *path, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
