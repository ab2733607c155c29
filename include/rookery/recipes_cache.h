/* Local copies of nodes that follow the ensemble. Rules: recipes_keeper.h.
 *
 * Guarantees
 * - The copy never goes back: for a node it only moves to later states, and once the ensemble is
 *   quiet and the link CONNECTED it is the ensemble's state.
 * - on_event is called for every difference between the copy before and after, in the order in
 *   which the copy changes; parents are ADDED before and REMOVED after their children. Changes in
 *   quick succession may be seen as one (a watch does not tell of each).
 * - After SUSPENDED the copy stays readable as it was; after RESUMED and in a new session
 *   everything is read again and the differences are told.
 *
 * Limits
 * - Different nodes may be from different moments: the copy is no snapshot of one zxid.
 * - One request per node and change, one after the other; nodes_max bounds what is held.
 * - A node that may not be read (ACL) is as if it had no data; one whose children may not be listed
 *   as if it had none.
 *
 * Watches: one persistent recursive watch where the server has them (3.6) and depth is unlimited;
 * else one or two per node. */
#ifndef ROOKERY_RECIPES_CACHE_H
#define ROOKERY_RECIPES_CACHE_H

#include <rookery/recipes_keeper.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rk_cache_depth {
    RK_CACHE_NODE = 0,     /* the node at path; it may not exist yet */
    RK_CACHE_CHILDREN = 1, /* and its children */
    RK_CACHE_TREE = -1     /* and everything below; any other number >= 0 is a depth as well */
};

enum rk_cache_event_type {
    RK_CACHE_ADDED = 1,
    RK_CACHE_CHANGED = 2, /* data or ACL; not: children */
    RK_CACHE_REMOVED = 3, /* data and stat are the last that were known */
    RK_CACHE_READY = 4,   /* everything was read once; told once per cache */
    RK_CACHE_LINK = 5,    /* link has changed; LOST before the copy is read in a new session */
    RK_CACHE_FULL = 6     /* nodes_max reached: nodes are missing from now on */
};
struct rk_cache_event {
    enum rk_cache_event_type type;
    const char *path; /* whole path; NULL for READY, LINK and FULL */
    const char *data; /* NULL for a null value; ends in 0 behind data_bytes */
    int data_bytes;
    const struct Stat *stat;
    enum rk_link link;
};
struct rk_cache;
typedef void (*rk_cache_fn)(struct rk_cache *cache, const struct rk_cache_event *event,
                            void *context);

struct rk_cache_options {
    int depth;                    /* enum rk_cache_depth; default RK_CACHE_TREE */
    bool is_without_data;         /* only names and stats */
    bool is_with_classic_watches; /* even where the server has better ones */
    int nodes_max;                /* default 1,000,000 */
    rk_cache_fn on_event;         /* may be NULL */
    void *context;
};
ROOKERY_API void rk_cache_options_init(struct rk_cache_options *options);

/* Starts to read in the background. path need not exist. options NULL: defaults. */
ROOKERY_API int rk_cache_open(struct rk_keeper *keeper, const char *path,
                              const struct rk_cache_options *options, struct rk_cache **ret_cache);
ROOKERY_API int rk_cache_close(struct rk_cache *cache);
/* ZOK as soon as everything was read once. */
ROOKERY_API int rk_cache_wait(struct rk_cache *cache, int timeout_ms);
/* ZOK when the copy has everything that was answered to anybody before this call: syncs and waits
 * until the copy was read again. */
ROOKERY_API int rk_cache_refresh(struct rk_cache *cache, int timeout_ms);

/* From the copy; paths are whole. ZNONODE if it is not there. *ret_data is malloced (NULL for a
 * null value, one byte longer and ends in 0); ret_data, ret_bytes and ret_stat may be NULL. */
ROOKERY_API int rk_cache_get(struct rk_cache *cache, const char *path, char **ret_data,
                             int *ret_bytes, struct Stat *ret_stat);
/* Names in byte order; freed with deallocate_String_vector. */
ROOKERY_API int rk_cache_children(struct rk_cache *cache, const char *path,
                                  struct String_vector *ret_names);
/* Nodes in the copy. */
ROOKERY_API int rk_cache_count(struct rk_cache *cache);

/* -- Configuration watch -----------------------------------------------------------------------
 * A subtree as typed settings: the node root/a/b is the key "a/b", its data the text of its value.
 * Once `quiet_ms` passed without a change (or 10 times that with changes), on_change is called for
 * each key that differs from what it was told before. A text that its type does not take is told
 * once, with is_bad, and the value stays what it was. A node that is in no table of keys is one as
 * long as it stands. */
enum rk_config_type {
    RK_CONFIG_TEXT = 0,
    RK_CONFIG_INT = 1,   /* decimal or 0x, with min and max; k, M, G: times 1024, 1024^2, 1024^3 */
    RK_CONFIG_BOOL = 2,  /* true false yes no on off 1 0, any case */
    RK_CONFIG_DOUBLE = 3 /* with a point whatever the locale */
};
struct rk_config_key {
    const char *key;
    enum rk_config_type type;
    const char *fallback;     /* while there is no node; must suit the type; NULL: "", 0, false */
    int64_t int_min, int_max; /* both 0: any */
};
struct rk_config_value {
    const char *key;
    enum rk_config_type type;
    const char *text; /* of the value in force */
    int64_t integer;
    double real;
    bool boolean;
    bool is_set;          /* there is a node; else it is the fallback */
    bool is_bad;          /* bad_text was refused */
    const char *bad_text; /* else NULL */
};
struct rk_config;
typedef void (*rk_config_fn)(struct rk_config *config, const struct rk_config_value *value,
                             void *context);
/* keys are copied; nodes without one are TEXT. ZBADARGUMENTS for a fallback that does not suit. */
ROOKERY_API int rk_config_open(struct rk_keeper *keeper, const char *root,
                               const struct rk_config_key *keys, int key_count, int quiet_ms,
                               rk_config_fn on_change, void *context,
                               struct rk_config **ret_config);
ROOKERY_API int rk_config_close(struct rk_config *config);
/* ZOK once every key has been told. */
ROOKERY_API int rk_config_wait(struct rk_config *config, int timeout_ms);
/* Of the values in force, from any thread. ZNONODE: no such key; ZINVALIDSTATE: of another type. */
ROOKERY_API int rk_config_int(struct rk_config *config, const char *key, int64_t *ret_value);
ROOKERY_API int rk_config_bool(struct rk_config *config, const char *key, bool *ret_value);
ROOKERY_API int rk_config_double(struct rk_config *config, const char *key, double *ret_value);
/* Any type; *ret_text is malloced. */
ROOKERY_API int rk_config_text(struct rk_config *config, const char *key, char **ret_text);

#ifdef __cplusplus
}
#endif
#endif
