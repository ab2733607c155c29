/* Results, constants, structures and callbacks of the C interface. Part of zookeeper.h. */
#ifndef ZOOKEEPER_TYPES_H_
#define ZOOKEEPER_TYPES_H_

#include <stdint.h>
#include <stdio.h>
#ifdef HAVE_OPENSSL_H
#include <openssl/types.h>
#endif

#include "zookeeper.jute.h"

/* What functions return and completions are given. From -100 down the server says so. */
enum ZOO_ERRORS {
    ZOK = 0,
    ZSYSTEMERROR = -1, /* of the operating system, or out of memory */
    ZRUNTIMEINCONSISTENCY = -2,
    ZDATAINCONSISTENCY = -3,
    ZCONNECTIONLOSS = -4, /* whether the request was carried out is not known */
    ZMARSHALLINGERROR = -5,
    ZUNIMPLEMENTED = -6,
    ZOPERATIONTIMEOUT = -7,
    ZBADARGUMENTS = -8,
    ZINVALIDSTATE = -9,        /* the session is over, or the handle cannot do this */
    ZNEWCONFIGNOQUORUM = -13,  /* reconfig: no quorum of the new servers follows the leader */
    ZRECONFIGINPROGRESS = -14, /* reconfig: another one is under way */
    ZSSLCONNECTIONERROR = -15, /* the TLS handshake failed */
    ZAPIERROR = -100,          /* the first of the server's */
    ZNONODE = -101,            /* no such node */
    ZNOAUTH = -102,            /* the ACL does not allow it */
    ZBADVERSION = -103,        /* not the version that was asked for */
    ZNOCHILDRENFOREPHEMERALS = -108,
    ZNODEEXISTS = -110,
    ZNOTEMPTY = -111, /* delete: the node has children */
    ZSESSIONEXPIRED = -112,
    ZINVALIDCALLBACK = -113,
    ZINVALIDACL = -114,
    ZAUTHFAILED = -115,
    ZCLOSING = -116,      /* the handle was closed before the answer came */
    ZNOTHING = -117,      /* no error: nothing to read */
    ZSESSIONMOVED = -118, /* the session is connected to another server meanwhile */
    ZNOTREADONLY = -119,  /* a change was sent to a read-only server */
    ZEPHEMERALONLOCALSESSION = -120,
    ZNOWATCHER = -121,                    /* no such watcher */
    ZRECONFIGDISABLED = -123,             /* the servers do not have reconfig switched on */
    ZSESSIONCLOSEDREQUIRESASLAUTH = -124, /* the server wants a login first */
    ZTHROTTLEDOP = -127                   /* not carried out because of overload; try again later */
};

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ZOO_LOG_LEVEL_ERROR = 1,
    ZOO_LOG_LEVEL_WARN = 2,
    ZOO_LOG_LEVEL_INFO = 3,
    ZOO_LOG_LEVEL_DEBUG = 4
} ZooLogLevel;

/* Permissions of an ACL. */
extern ZOOAPI const int ZOO_PERM_READ;
extern ZOOAPI const int ZOO_PERM_WRITE;
extern ZOOAPI const int ZOO_PERM_CREATE; /* of children */
extern ZOOAPI const int ZOO_PERM_DELETE; /* of children */
extern ZOOAPI const int ZOO_PERM_ADMIN;  /* to set the ACL */
extern ZOOAPI const int ZOO_PERM_ALL;

/* The node with the ensemble's configuration. */
#define ZOO_CONFIG_NODE "/zookeeper/config"

/* Flags of zookeeper_init. */
#define ZOO_READONLY         1       /* a server without a quorum will do for reads */
#define ZOO_NO_LOG_CLIENTENV 2       /* no lines about the environment */
#define ZOO_SINGLE_THREADED  0x10000 /* of librookery: no threads (zookeeper.h says when) */

extern ZOOAPI struct Id ZOO_ANYONE_ID_UNSAFE;        /* everybody */
extern ZOOAPI struct Id ZOO_AUTH_IDS;                /* whoever is logged in, in ACLs to be set */
extern ZOOAPI struct ACL_vector ZOO_OPEN_ACL_UNSAFE; /* everybody everything */
extern ZOOAPI struct ACL_vector ZOO_READ_ACL_UNSAFE; /* everybody may read */
extern ZOOAPI struct ACL_vector ZOO_CREATOR_ALL_ACL; /* the creator everything */

/* Bits of zookeeper_interest and zookeeper_process. */
extern ZOOAPI const int ZOOKEEPER_WRITE;
extern ZOOAPI const int ZOOKEEPER_READ;

/* Kinds of nodes, for mode arguments. Ephemerals end with their session, sequential ones get a
 * counter behind the name, containers go when their last child has gone, those with a time to live
 * when they have had neither change nor child for that long. */
extern ZOOAPI const int ZOO_PERSISTENT;
extern ZOOAPI const int ZOO_EPHEMERAL;
extern ZOOAPI const int ZOO_PERSISTENT_SEQUENTIAL;
extern ZOOAPI const int ZOO_EPHEMERAL_SEQUENTIAL;
extern ZOOAPI const int ZOO_CONTAINER;
extern ZOOAPI const int ZOO_PERSISTENT_WITH_TTL;
extern ZOOAPI const int ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;
/* A bit of old programs; the kinds above have replaced it. */
extern ZOOAPI const int ZOO_SEQUENCE;

/* States of a handle; 0 is "between two connections". */
extern ZOOAPI const int ZOO_EXPIRED_SESSION_STATE; /* for good */
extern ZOOAPI const int ZOO_AUTH_FAILED_STATE;     /* for good */
extern ZOOAPI const int ZOO_CONNECTING_STATE;
extern ZOOAPI const int ZOO_ASSOCIATING_STATE; /* waits for the server's welcome */
extern ZOOAPI const int ZOO_CONNECTED_STATE;
extern ZOOAPI const int ZOO_READONLY_STATE; /* connected to a server without a quorum */
extern ZOOAPI const int ZOO_SSL_CONNECTING_STATE;
extern ZOOAPI const int ZOO_NOTCONNECTED_STATE; /* nothing was tried yet */

/* What a watcher is told. */
extern ZOOAPI const int ZOO_CREATED_EVENT;
extern ZOOAPI const int ZOO_DELETED_EVENT;
extern ZOOAPI const int ZOO_CHANGED_EVENT;     /* the data */
extern ZOOAPI const int ZOO_CHILD_EVENT;       /* the list of children */
extern ZOOAPI const int ZOO_SESSION_EVENT;     /* the connection or the session; see the state */
extern ZOOAPI const int ZOO_NOTWATCHING_EVENT; /* the watch was removed */

typedef struct _zhandle zhandle_t;

/* Certificates, and a socket with or without TLS. Of no use to programs, here for their sizes. */
typedef struct _zcert {
    char *certstr;
    char *ca;
    char *cert;
    char *key;
    char *passwd;
} zcert_t;
typedef struct _zsock {
    int sock;
    zcert_t *cert;
#ifdef HAVE_OPENSSL_H
    SSL *ssl_sock;
    SSL_CTX *ssl_ctx;
#endif
} zsock_t;

/* Names a session to the servers. Opaque; keep it to take the session up again. */
typedef struct {
    int64_t client_id;
    char passwd[16];
} clientid_t;

/* type: a ZOO_..._EVENT; state: a ZOO_..._STATE; path: NULL for session events. */
typedef void (*watcher_fn)(zhandle_t *zh, int type, int state, const char *path, void *watcherCtx);
typedef void (*log_callback_fn)(const char *message);

/* Completions: rc first; unless it is ZOK the others are NULL and 0. All of it is borrowed. */
typedef void (*void_completion_t)(int rc, const void *data);
typedef void (*stat_completion_t)(int rc, const struct Stat *stat, const void *data);
/* value NULL and value_len -1: the node has null for data. */
typedef void (*data_completion_t)(int rc, const char *value, int value_len, const struct Stat *stat,
                                  const void *data);
typedef void (*strings_completion_t)(int rc, const struct String_vector *strings, const void *data);
typedef void (*string_stat_completion_t)(int rc, const char *string, const struct Stat *stat,
                                         const void *data);
typedef void (*strings_stat_completion_t)(int rc, const struct String_vector *strings,
                                          const struct Stat *stat, const void *data);
typedef void (*string_completion_t)(int rc, const char *value, const void *data);
typedef void (*acl_completion_t)(int rc, struct ACL_vector *acl, struct Stat *stat,
                                 const void *data);

typedef enum {
    ZWATCHTYPE_CHILD = 1,
    ZWATCHTYPE_DATA = 2, /* of zoo_get and zoo_exists */
    ZWATCHTYPE_ANY = 3
} ZooWatcherType;

#ifdef __cplusplus
}
#endif
#endif
