/* A walk over a subtree: every node in sorted pre-order (a node before those below it, siblings by
 * the bytes of their names), read ahead by a window of asynchronous requests.
 *
 * Memory is bounded: at most `window` nodes are held (in flight or waiting for their turn), no new
 * one is asked for while `held_bytes_max` are held, and of every node on the way from the root to
 * the window the names of its children. Nodes that vanish between the listing of their parent and
 * their own turn are left out and counted; a lost connection is borne for `patience_ms`, then the
 * requests are repeated (they are all reads).
 *
 * One thread uses a walk. The completions run on the handle's completion thread. */
#ifndef RK_CLI_WALK_H
#define RK_CLI_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zookeeper/zookeeper.h>

struct rk_walk_options {
    int window;            /* 0: 256 */
    size_t held_bytes_max; /* 0: 32 MiB */
    int depth_max;         /* of nodes below the root; below 0: all */
    bool wants_data, wants_acl;
    bool skips_system;                 /* leaves out /zookeeper */
    int patience_ms;                   /* 0: the session's timeout, at most 15,000 */
    bool (*is_stopped)(void *context); /* asked now and then; NULL: never */
    void *context;
};

/* Borrowed from the walk until the next call. */
struct rk_walk_node {
    const char *path;
    int depth;    /* 0: the root of the walk */
    int rc;       /* ZOK; ZNOAUTH: not readable, has_stat says whether stat is known */
    int acl_rc;   /* of the ACL, if wanted */
    bool is_last; /* of its siblings, when they were listed */
    bool has_stat;
    struct Stat stat;
    const char *data; /* NULL: null value */
    int data_bytes;
    const struct ACL_vector *acl;
};

struct rk_walk;
/* root is copied; the handle is borrowed until rk_walk_close, and must then be closed in the end.
 */
struct rk_walk *rk_walk_open(zhandle_t *zh, const char *root,
                             const struct rk_walk_options *options);
/* 1 with a node; 0 at the end; else what ended the walk: ZNONODE (there is no root),
 * ZCONNECTIONLOSS, ZOPERATIONTIMEOUT, ZSESSIONEXPIRED..., ZCLOSING when is_stopped said so. */
int rk_walk_next(struct rk_walk *walk, struct rk_walk_node *ret_node);
int64_t rk_walk_vanished(const struct rk_walk *walk);
/* Does not wait: requests that are out free what they need when they are answered. NULL is taken.
 */
void rk_walk_close(struct rk_walk *walk);

#endif
