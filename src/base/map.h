/* Hash maps without stalls: linear hashing, so that growth splits one bucket per insertion and no
 * single insertion pays for a rehash. Keys are 64-bit integers (rk_map) or bytes (rk_bytemap);
 * entries are embedded in the caller's object. Iteration follows bucket order: it is deterministic
 * for the same seed and the same history, but must never reach a reply, a file or a peer without
 * being sorted. */
#ifndef RK_BASE_MAP_H
#define RK_BASE_MAP_H

#include "base/bytes.h"

/* Embedded in the element. */
struct rk_map_entry {
    struct rk_map_entry *next;
    uint64_t key; /* rk_map: the key; rk_bytemap: the hash */
};

struct rk_map {
    struct rk_mem *mem;
    struct rk_map_entry ***segments; /* directory of bucket segments */
    size_t segment_cap;
    size_t first_buckets; /* room in the first segment, which grows by itself */
    size_t bucket_count;
    size_t count;
    uint64_t seed; /* against hash flooding */
};

void rk_map_init(struct rk_map *m, struct rk_mem *mem, uint64_t seed);
/* The map must be empty or its elements are simply forgotten. */
void rk_map_deinit(struct rk_map *m);
struct rk_map_entry *rk_map_find(const struct rk_map *m, uint64_t key);
/* The key must not be present. Panics when memory is out. */
void rk_map_insert(struct rk_map *m, struct rk_map_entry *entry, uint64_t key);
/* Unlinks and returns it; NULL if absent. */
struct rk_map_entry *rk_map_remove(struct rk_map *m, uint64_t key);
/* Visits every entry: start with *bucket = 0 and entry = NULL, pass the last one returned; NULL at
 * the end. Nothing may be inserted or removed between calls, except by rk_map_drain. */
struct rk_map_entry *rk_map_next(const struct rk_map *m, size_t *bucket,
                                 struct rk_map_entry *entry);
/* Unlinks and returns some entry, NULL when empty: for tearing down. */
struct rk_map_entry *rk_map_drain(struct rk_map *m);

/* Bytes as keys: the element embeds rk_map_entry first and tells its key by this callback. */
typedef struct rk_bytes (*rk_bytemap_key_fn)(const struct rk_map_entry *entry);

struct rk_bytemap {
    struct rk_map map;
    rk_bytemap_key_fn key_of;
};

void rk_bytemap_init(struct rk_bytemap *m, struct rk_mem *mem, uint64_t seed,
                     rk_bytemap_key_fn key_of);
void rk_bytemap_deinit(struct rk_bytemap *m);
struct rk_map_entry *rk_bytemap_find(const struct rk_bytemap *m, struct rk_bytes key);
void rk_bytemap_insert(struct rk_bytemap *m, struct rk_map_entry *entry);
void rk_bytemap_remove(struct rk_bytemap *m, struct rk_map_entry *entry); /* must be present */

/* Seeded 64-bit hash (xxhash) of bytes. */
uint64_t rk_hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
