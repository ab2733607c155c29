/* TLS and SASL: the names are there, so that programs that know them link; they say that this
 * version of the library has neither. The types of the security libraries do not matter for that.
 */
#include <errno.h>
#include <stddef.h>

#include "zookeeper/zookeeper_log.h"

ZOOAPI zhandle_t *zookeeper_init_ssl(const char *host, const char *cert, watcher_fn fn,
                                     int recv_timeout, const clientid_t *clientid, void *context,
                                     int flags);
ZOOAPI zhandle_t *zookeeper_init_sasl(const char *host, watcher_fn fn, int recv_timeout,
                                      const clientid_t *clientid, void *context, int flags,
                                      log_callback_fn log_callback, void *sasl_params);
ZOOAPI void *zoo_sasl_make_basic_callbacks(const char *user, const char *realm,
                                           const char *password_file);
ZOOAPI void *zoo_sasl_make_password_callbacks(const char *user, const char *realm, void *password);

static void *refuse(log_callback_fn log, const char *what)
{
    LOG_ERROR(log, "%s is not supported by this version of librookery", what);
    errno = ENOTSUP;
    return NULL;
}

zhandle_t *zookeeper_init_ssl(const char *host, const char *cert, watcher_fn fn, int recv_timeout,
                              const clientid_t *clientid, void *context, int flags)
{
    (void)host;
    (void)cert;
    (void)fn;
    (void)recv_timeout;
    (void)clientid;
    (void)context;
    (void)flags;
    return refuse(NULL, "TLS");
}

zhandle_t *zookeeper_init_sasl(const char *host, watcher_fn fn, int recv_timeout,
                               const clientid_t *clientid, void *context, int flags,
                               log_callback_fn log_callback, void *sasl_params)
{
    (void)host;
    (void)fn;
    (void)recv_timeout;
    (void)clientid;
    (void)context;
    (void)flags;
    (void)sasl_params;
    return refuse(log_callback, "SASL");
}

void *zoo_sasl_make_basic_callbacks(const char *user, const char *realm, const char *password_file)
{
    (void)user;
    (void)realm;
    (void)password_file;
    return refuse(NULL, "SASL");
}

void *zoo_sasl_make_password_callbacks(const char *user, const char *realm, void *password)
{
    (void)user;
    (void)realm;
    (void)password;
    return refuse(NULL, "SASL");
}
