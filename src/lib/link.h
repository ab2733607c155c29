/* The sockets of a session. Everything here is called under its lock. */
#ifndef RK_LIB_LINK_H
#define RK_LIB_LINK_H

#include "lib/lib_int.h"

struct rk_lib_out {
    uint8_t *data;
    size_t len;
    size_t at; /* sent up to here */
    size_t cap;
};
struct rk_lib_link {
    struct rk_lib_link *next;
    uint64_t conn;
    int fd;
    uint32_t users; /* threads that use fd without the lock: it is closed by the last one */
    bool is_connecting;
    bool is_dropped;
    bool is_writing; /* one thread writes at a time */
    bool is_full;    /* the kernel takes no more for now */
    struct rk_client_addr addr;
    struct rk_lib_out pending; /* to be sent behind sending */
    struct rk_lib_out sending;
};

/* Begins to connect. Failing at once is told by rk_lib_gone. */
void rk_lib_link_open(struct rk_lib *s, uint64_t conn, const struct rk_client_addr *addr);
void rk_lib_link_drop(struct rk_lib *s, uint64_t conn);
/* Queues; rk_lib_link_flush sends. */
void rk_lib_link_send(struct rk_lib *s, uint64_t conn, struct rk_bytes bytes);
/* Sends what is queued on every connection as far as the kernel takes it; the lock is let go
 * meanwhile. */
void rk_lib_link_flush(struct rk_lib *s);
/* What poll says about a connection: connects, reads and steps the machine; lets go of the lock
 * meanwhile. The caller holds a use of the link. True if anything was read. */
bool rk_lib_link_ready(struct rk_lib *s, struct rk_lib_link *link, int events);
/* Bytes of the session's connection that the kernel has not taken yet. */
uint64_t rk_lib_link_unsent(const struct rk_lib *s);
/* poll's events that the connection waits for. */
int rk_lib_link_wants(const struct rk_lib_link *link);

struct rk_lib_link *rk_lib_link_find(const struct rk_lib *s, uint64_t conn);
/* That of the session, not one that only looks for a server; NULL without. */
struct rk_lib_link *rk_lib_link_main(const struct rk_lib *s);
/* Gives back a use; closes and frees a dropped one with the last. */
void rk_lib_link_put(struct rk_lib *s, struct rk_lib_link *link);
void rk_lib_link_free_all(struct rk_lib *s);

#endif
