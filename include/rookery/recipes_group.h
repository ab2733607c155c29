/* Who is there: groups and services. Rules: recipes_keeper.h. What a process says of itself stands
 * from open to close and is put up again in each new session; a session that was lost takes it away
 * within the session timeout. To follow a group or a service as it changes, open a cache of
 * RK_CACHE_CHILDREN on its path (recipes_cache.h).
 *
 * Layout: path/<id>, ephemeral, as Curator's GroupMember; base/<name>/<id> with JSON, as Curator's
 * x-discovery (ServiceInstance of JsonInstanceSerializer), ephemeral for a DYNAMIC service. */
#ifndef ROOKERY_RECIPES_GROUP_H
#define ROOKERY_RECIPES_GROUP_H

#include <rookery/recipes_keeper.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- Group membership --------------------------------------------------------------------------
 */
struct rk_member;
/* is_in: our node stands. False: SUSPENDED, LOST, or another one holds the id (code ZNODEEXISTS; it
 * is tried again when that one goes), or the server refused (code). */
typedef void (*rk_member_fn)(struct rk_member *member, bool is_in, int code, void *context);
/* on_change may be NULL. Two live processes with one id: the first keeps it. A node of one of our
 * own earlier sessions is replaced at once. Deleted by somebody else: made again. */
ROOKERY_API int rk_member_open(struct rk_keeper *keeper, const char *path, const char *id,
                               const void *data, int data_bytes, rk_member_fn on_change,
                               void *context, struct rk_member **ret_member);
/* Removes the node. Accepts NULL. */
ROOKERY_API int rk_member_close(struct rk_member *member);
ROOKERY_API int rk_member_wait(struct rk_member *member, int timeout_ms);
/* Changes the data, also of the nodes of later sessions. ZOK: at the server. On ZOPERATIONTIMEOUT
 * it will be written later. */
ROOKERY_API int rk_member_set(struct rk_member *member, const void *data, int data_bytes,
                              int timeout_ms);

struct rk_group_entry {
    char *id;
    char *data; /* ends in 0 behind data_bytes; NULL for a null value */
    int data_bytes;
    struct Stat stat;
};
struct rk_group {
    int count;
    struct rk_group_entry *entries; /* by id */
};
/* All members just now. Freed with rk_group_free. A path that does not exist is an empty group. */
ROOKERY_API int rk_group_list(struct rk_keeper *keeper, const char *path, int timeout_ms,
                              struct rk_group *ret_group);
ROOKERY_API void rk_group_free(struct rk_group *group);

/* -- Services ----------------------------------------------------------------------------------
 */
enum rk_service_type {
    RK_SERVICE_DYNAMIC = 0,           /* ephemeral */
    RK_SERVICE_STATIC = 1,            /* stays until rk_service_remove */
    RK_SERVICE_PERMANENT = 2,         /* the same, by another name, as in Curator */
    RK_SERVICE_DYNAMIC_SEQUENTIAL = 3 /* read only: cannot be registered here */
};
struct rk_service {
    const char *name;         /* no slash */
    const char *id;           /* NULL when registering: a random UUID */
    const char *address;      /* may be NULL */
    int port;                 /* < 0: null */
    int ssl_port;             /* < 0: null */
    const char *payload;      /* JSON of any kind, written as it is; NULL: null. Checked. */
    int64_t registered_at_ms; /* 0 when registering: now */
    enum rk_service_type type;
    const char *uri_spec; /* JSON object of Curator's UriSpec, as it is; NULL: null */
    bool is_enabled;
};
ROOKERY_API void rk_service_init(struct rk_service *service);

struct rk_registration;
/* Strings are UTF-8. ZBADARGUMENTS: a name or id with a slash, a payload that is no JSON. on_change
 * as with a group member, with member NULL. */
ROOKERY_API int rk_service_register(struct rk_keeper *keeper, const char *base,
                                    const struct rk_service *service, rk_member_fn on_change,
                                    void *context, struct rk_registration **ret_registration);
ROOKERY_API int rk_registration_wait(struct rk_registration *registration, int timeout_ms);
/* Borrowed: as registered, with id and time. */
ROOKERY_API const struct rk_service *
rk_registration_service(const struct rk_registration *registration);
/* Removes a DYNAMIC service; leaves others. Accepts NULL. */
ROOKERY_API int rk_registration_close(struct rk_registration *registration);
ROOKERY_API int rk_service_remove(struct rk_keeper *keeper, const char *base, const char *name,
                                  const char *id, int timeout_ms);

struct rk_services {
    int count;
    struct rk_service *services; /* by id */
    int bad_count;               /* nodes whose data are no ServiceInstance; they are left out */
};
/* All instances of a service, disabled ones too; none is no error. */
ROOKERY_API int rk_service_list(struct rk_keeper *keeper, const char *base, const char *name,
                                int timeout_ms, struct rk_services *ret_services);
ROOKERY_API void rk_services_free(struct rk_services *services);
/* Names of services; freed with deallocate_String_vector. */
ROOKERY_API int rk_service_names(struct rk_keeper *keeper, const char *base, int timeout_ms,
                                 struct String_vector *ret_names);
/* To and from the JSON of a node. ZOK or ZMARSHALLINGERROR; *ret_json is malloced; parse fills one
 * service of *ret_services. Unknown fields are passed over. */
ROOKERY_API int rk_service_to_json(const struct rk_service *service, char **ret_json);
ROOKERY_API int rk_service_from_json(const char *json, int json_bytes,
                                     struct rk_services *ret_services);

#ifdef __cplusplus
}
#endif
#endif
