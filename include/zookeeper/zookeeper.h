/* The C interface to ZooKeeper: the names, layouts and values of Apache ZooKeeper's client 3.10, so
 * that programs written for it compile and run unchanged. <rookery/rookery.h> has more.
 *
 * A handle is one session with an ensemble. It is opened by zookeeper_init, which returns before
 * there is a connection; the watcher given there is told of every change of the connection.
 * Requests may be made at once: they wait for it.
 *
 * With threads (libzookeeper_mt, librookery) the library reads and writes in a thread of its own
 * and calls completions and watchers in another one, one at a time. Without (libzookeeper_st, or
 * zookeeper_init called from a file that does not define THREADED and linked to librookery) the
 * program calls zookeeper_interest and zookeeper_process, which call them.
 *
 * Contracts that hold for all functions are in <rookery/rookery.h>. */
#ifndef ZOOKEEPER_H_
#define ZOOKEEPER_H_

#include <stdlib.h>

#include <sys/socket.h>
#include <sys/time.h>
#ifdef HAVE_OPENSSL_H
#include <openssl/types.h>
#endif
#include <ctype.h>
#include <stdio.h>
#ifdef HAVE_CYRUS_SASL_H
#include <sasl/sasl.h>
#endif

#include "proto.h"
#include "recordio.h"
#include "zookeeper.jute.h"
#include "zookeeper_types.h"
#include "zookeeper_version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Opening and closing -------------------------------------------------------------------------
 */

/* host: "name:port,name:port/chroot". A chroot is put before every path of the handle. watcher may
 * be NULL. recv_timeout: session timeout in milliseconds that is asked for. clientid: of an earlier
 * session to take up again, NULL for a new one; if that one has expired the watcher hears
 * ZOO_EXPIRED_SESSION_STATE. flags: ZOO_READONLY, ZOO_NO_LOG_CLIENTENV. NULL with errno set: EINVAL
 * for a bad host string, ENOMEM, or what the system said. Closed with zookeeper_close. */
ZOOAPI zhandle_t *zookeeper_init(const char *host, watcher_fn fn, int recv_timeout,
                                 const clientid_t *clientid, void *context, int flags);
/* The same with a log callback for this handle. */
ZOOAPI zhandle_t *zookeeper_init2(const char *host, watcher_fn fn, int recv_timeout,
                                  const clientid_t *clientid, void *context, int flags,
                                  log_callback_fn log_callback);

#ifdef HAVE_OPENSSL_H
/* Over TLS. cert: "ca.pem" or "ca.pem,cert.pem,key.pem,password". This version of the library
 * answers NULL with errno ENOTSUP. */
ZOOAPI zhandle_t *zookeeper_init_ssl(const char *host, const char *cert, watcher_fn fn,
                                     int recv_timeout, const clientid_t *clientid, void *context,
                                     int flags);
#endif
#ifdef HAVE_CYRUS_SASL_H
/* With a login through Cyrus SASL. callbacks must outlive the handle. This version of the library
 * answers NULL with errno ENOTSUP, here and from the makers of callbacks. */
typedef struct zoo_sasl_params {
    const char *service;  /* "zookeeper" */
    const char *host;     /* name of the server for SASL */
    const char *mechlist; /* mechanisms to try, e.g. "DIGEST-MD5" */
    const sasl_callback_t *callbacks;
} zoo_sasl_params_t;
ZOOAPI zhandle_t *zookeeper_init_sasl(const char *host, watcher_fn fn, int recv_timeout,
                                      const clientid_t *clientid, void *context, int flags,
                                      log_callback_fn log_callback, zoo_sasl_params_t *sasl_params);
/* Callbacks that answer with user, realm and the first line of password_file. Freed with free. */
ZOOAPI sasl_callback_t *zoo_sasl_make_basic_callbacks(const char *user, const char *realm,
                                                      const char *password_file);
/* Turns what the password file holds into the password: buf, at most buf_len bytes, *passwd_len of
 * them. SASL_OK or an error of SASL. */
typedef int (*zoo_sasl_password_callback_t)(const char *content, size_t content_len, void *context,
                                            char *buf, size_t buf_len, size_t *passwd_len);
typedef struct zoo_sasl_password {
    const char *password_file;
    void *context;
    zoo_sasl_password_callback_t callback; /* NULL: the first line is the password */
} zoo_sasl_password_t;
ZOOAPI sasl_callback_t *zoo_sasl_make_password_callbacks(const char *user, const char *realm,
                                                         zoo_sasl_password_t *password);
#endif

/* Ends the session, completes what is outstanding with ZCLOSING and frees the handle. From another
 * thread it returns when no callback runs any more; from a callback see <rookery/rookery.h>. ZOK,
 * also if no server could be told within 1.5 s: the ephemerals then live until the session
 * expires. ZINVALIDSTATE while another call closes it. */
ZOOAPI int zookeeper_close(zhandle_t *zh);

/* Closes the socket of sock and marks it closed. */
ZOOAPI void close_zsock(zsock_t *sock);

/* ZOO_VERSION of the library that is running. */
ZOOAPI const char *zoo_version_str(void);

/* -- Servers -------------------------------------------------------------------------------------
 */

/* Another list of servers, without a chroot (ZBADARGUMENTS). The handle moves so that load stays
 * even over the servers, or because its server is not in the list any more. */
ZOOAPI int zoo_set_servers(zhandle_t *zh, const char *hosts);
/* How often names are looked up while connected: every delay_ms; 0 and -1: only when a connection
 * is wanted. ZBADARGUMENTS below -1. */
ZOOAPI int zoo_set_servers_resolution_delay(zhandle_t *zh, int delay_ms);
/* Leaves the server and tries the next one. */
ZOOAPI void zoo_cycle_next_server(zhandle_t *zh);
/* "address:port" being connected to or tried, of thread-local storage; never NULL. */
ZOOAPI const char *zoo_get_current_server(zhandle_t *zh);
/* Peer of the connection into addr; NULL without one. */
ZOOAPI struct sockaddr *zookeeper_get_connected_host(zhandle_t *zh, struct sockaddr *addr,
                                                     socklen_t *addr_len);
/* 1: servers are tried in the order given, by handles opened from now on. */
ZOOAPI void zoo_deterministic_conn_order(int yesOrNo);

/* -- The handle ----------------------------------------------------------------------------------
 */

/* Id and password of the session, for zookeeper_init; borrowed, zero before there is one. */
ZOOAPI const clientid_t *zoo_client_id(zhandle_t *zh);
/* The session timeout: as asked for, and as granted once connected. */
ZOOAPI int zoo_recv_timeout(zhandle_t *zh);
ZOOAPI const void *zoo_get_context(zhandle_t *zh);
ZOOAPI void zoo_set_context(zhandle_t *zh, void *context);
/* Another default watcher; returns the old one. */
ZOOAPI watcher_fn zoo_set_watcher(zhandle_t *zh, watcher_fn newFn);
/* One of the ZOO_..._STATE constants, or 0 between two connections. */
ZOOAPI int zoo_state(zhandle_t *zh);
/* ZINVALIDSTATE once the session has expired or the login failed, else ZOK. */
ZOOAPI int is_unrecoverable(zhandle_t *zh);
/* An English text for a result or a positive errno; static. */
ZOOAPI const char *zerror(int c);

/* -- Log -----------------------------------------------------------------------------------------
 */

/* 0 is silence; ZOO_LOG_LEVEL_INFO is the default. */
ZOOAPI void zoo_set_debug_level(ZooLogLevel logLevel);
/* For lines without a callback; NULL: stderr. */
ZOOAPI void zoo_set_log_stream(FILE *logStream);
ZOOAPI log_callback_fn zoo_get_log_callback(const zhandle_t *zh);
ZOOAPI void zoo_set_log_callback(zhandle_t *zh, log_callback_fn callback);

#ifdef __cplusplus
}
#endif

#include "zookeeper_async.h"
#ifdef THREADED
#include "zookeeper_sync.h"
#else
#include "zookeeper_poll.h"
#ifndef ROOKERY_ROOKERY_H
/* librookery alone looks at this flag; libzookeeper_mt starts its threads as ever. */
#define zookeeper_init(host, fn, timeout, id, context, flags)                                      \
    zookeeper_init(host, fn, timeout, id, context, (flags) | ZOO_SINGLE_THREADED)
#define zookeeper_init2(host, fn, timeout, id, context, flags, log)                                \
    zookeeper_init2(host, fn, timeout, id, context, (flags) | ZOO_SINGLE_THREADED, log)
#endif
#endif

#endif
