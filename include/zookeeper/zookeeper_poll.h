/* Driving a handle that has no threads of its own. Part of zookeeper.h. */
#ifndef ZOOKEEPER_POLL_H_
#define ZOOKEEPER_POLL_H_

#include "zookeeper_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to wait for: *fd (-1: nothing but the time), *interest (ZOOKEEPER_READ, ZOOKEEPER_WRITE), at
 * most *tv; it also opens connections and sends pings, so call it before each wait. Without a
 * connection it may wait for name servers. ZOK; ZINVALIDSTATE once the session is over; other
 * errors are those of the connection and pass. ZINVALIDSTATE too on a handle with threads. */
ZOOAPI int zookeeper_interest(zhandle_t *zh, int *fd, int *interest, struct timeval *tv);

/* What has come true of it (0 after a timeout): reads, writes, and runs completions and watchers,
 * which may call anything but the synchronous functions. Results as above; ZNOTHING if there was
 * nothing to read. */
ZOOAPI int zookeeper_process(zhandle_t *zh, int events);

#ifdef __cplusplus
}
#endif
#endif
