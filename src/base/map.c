/* Linear hashing (Litwin 1980): n buckets, of which those past the last power of two are the
 * split-off halves of the first ones. An insertion over load 1 splits one bucket, a removal under
 * load 1/4 merges four back; no operation moves more than four chains. Guarantees the same bucket
 * order for the same seed and history. Callers that let order escape must sort. */
#include "base/map.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Buckets per segment; the first segment starts smaller, so that small maps are small. */
#define SEGMENT_BITS    9u
#define SEGMENT_BUCKETS ((size_t)1 << SEGMENT_BITS)
#define FIRST_BUCKETS   ((size_t)8)
#define DIRECTORY_FIRST ((size_t)1)

uint64_t rk_hash_bytes(const void *data, size_t len, uint64_t seed)
{
    RK_ASSERT(data != NULL || len == 0);
    return XXH3_64bits_withSeed(data, len, seed);
}

/* Every key bit reaches the low bits, which choose the bucket; the seed makes the choice
 * unguessable enough that keys cannot be aimed at one chain. */
static uint64_t mix(uint64_t key, uint64_t seed)
{
    uint64_t h = (key ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static size_t bucket_of(const struct rk_map *m, uint64_t key)
{
    uint64_t h = mix(key, m->seed);
    uint64_t mask = UINT64_MAX >> __builtin_clzll(m->bucket_count | 1u);
    size_t bucket = (size_t)(h & mask);
    if (bucket >= m->bucket_count) {
        bucket &= (size_t)(mask >> 1);
    }
    RK_ASSERT(bucket < m->bucket_count);
    return bucket;
}

static struct rk_map_entry **head_of(const struct rk_map *m, size_t bucket)
{
    return &m->segments[bucket >> SEGMENT_BITS][bucket & (SEGMENT_BUCKETS - 1)];
}

/* The bucket that was split to give this one, for bucket > 0. */
static size_t buddy_of(size_t bucket)
{
    RK_ASSERT(bucket > 0);
    return bucket ^ ((size_t)1 << (63u - (unsigned)__builtin_clzll(bucket)));
}

static size_t segment_count(const struct rk_map *m)
{
    return (m->bucket_count + SEGMENT_BUCKETS - 1) >> SEGMENT_BITS;
}

void rk_map_init(struct rk_map *m, struct rk_mem *mem, uint64_t seed)
{
    *m = (struct rk_map){.mem = mem, .seed = seed};
}

void rk_map_deinit(struct rk_map *m)
{
    size_t count = segment_count(m);
    for (size_t i = 0; i < count; i++) {
        size_t buckets = i == 0 ? m->first_buckets : SEGMENT_BUCKETS;
        rk_mem_free(m->mem, m->segments[i], buckets * sizeof(m->segments[i][0]));
    }
    rk_mem_free(m->mem, m->segments, m->segment_cap * sizeof(m->segments[0]));
    rk_map_init(m, m->mem, m->seed);
}

/* Room for the first segment to hold FIRST_BUCKETS, or twice what it holds. */
static void grow_first(struct rk_map *m)
{
    size_t old_count = m->first_buckets;
    size_t new_count = old_count == 0 ? FIRST_BUCKETS : old_count * 2;
    size_t each = sizeof(m->segments[0][0]);
    RK_ASSERT(new_count <= SEGMENT_BUCKETS);
    struct rk_map_entry **old = old_count == 0 ? NULL : m->segments[0];
    struct rk_map_entry **grown =
        rk_mem_must_resize(m->mem, old, old_count * each, new_count * each);
    memset(grown + old_count, 0, (new_count - old_count) * each);
    m->segments[0] = grown;
    m->first_buckets = new_count;
}

/* Makes sure that bucket number bucket_count has a place, empty. */
static void make_room(struct rk_map *m)
{
    size_t segment = m->bucket_count >> SEGMENT_BITS;
    if (segment == m->segment_cap) {
        size_t cap = m->segment_cap == 0 ? DIRECTORY_FIRST : m->segment_cap * 2;
        size_t each = sizeof(m->segments[0]);
        m->segments = rk_mem_must_resize(m->mem, m->segments, m->segment_cap * each, cap * each);
        m->segment_cap = cap;
    }
    if (segment == 0) {
        if (m->bucket_count == m->first_buckets) {
            grow_first(m);
        }
    } else if ((m->bucket_count & (SEGMENT_BUCKETS - 1)) == 0) {
        m->segments[segment] =
            rk_mem_must_zalloc(m->mem, SEGMENT_BUCKETS * sizeof(m->segments[0][0]));
    }
}

/* Adds one bucket and moves into it what belongs there from its buddy, in order. */
static void split_one(struct rk_map *m)
{
    make_room(m);
    size_t added = m->bucket_count;
    *head_of(m, added) = NULL;
    m->bucket_count++;
    if (added == 0) {
        return;
    }
    struct rk_map_entry **from = head_of(m, buddy_of(added));
    struct rk_map_entry **to = head_of(m, added);
    while (*from != NULL) {
        struct rk_map_entry *entry = *from;
        if (bucket_of(m, entry->key) == added) {
            *from = entry->next;
            entry->next = NULL;
            *to = entry;
            to = &entry->next;
        } else {
            from = &entry->next;
        }
    }
}

/* Takes the last bucket away, its chain going to its buddy. The first segment stays. */
static void merge_one(struct rk_map *m)
{
    RK_ASSERT(m->bucket_count > 1);
    size_t last = m->bucket_count - 1;
    struct rk_map_entry **to = head_of(m, buddy_of(last));
    while (*to != NULL) {
        to = &(*to)->next;
    }
    *to = *head_of(m, last);
    m->bucket_count = last;
    if (last > 0 && (last & (SEGMENT_BUCKETS - 1)) == 0) {
        size_t bytes = SEGMENT_BUCKETS * sizeof(m->segments[0][0]);
        rk_mem_free(m->mem, m->segments[last >> SEGMENT_BITS], bytes);
    }
}

/* Links an entry whose key is set, at its chain's head: what was put in last is looked up first. */
static void link_entry(struct rk_map *m, struct rk_map_entry *entry)
{
    if (m->count >= m->bucket_count) {
        split_one(m);
    }
    struct rk_map_entry **head = head_of(m, bucket_of(m, entry->key));
    entry->next = *head;
    *head = entry;
    m->count++;
}

static void unlink_entry(struct rk_map *m, struct rk_map_entry **at)
{
    struct rk_map_entry *entry = *at;
    RK_ASSERT(m->count > 0);
    *at = entry->next;
    entry->next = NULL;
    m->count--;
    /* Four buckets per entry is what keeps the load at 1/4 while the map empties. */
    for (unsigned i = 0; i < 4; i++) {
        if (m->bucket_count > SEGMENT_BUCKETS && m->count < m->bucket_count / 4) {
            merge_one(m);
        }
    }
}

struct rk_map_entry *rk_map_find(const struct rk_map *m, uint64_t key)
{
    if (m->count == 0) {
        return NULL;
    }
    struct rk_map_entry *entry = *head_of(m, bucket_of(m, key));
    while (entry != NULL && entry->key != key) {
        entry = entry->next;
    }
    return entry;
}

void rk_map_insert(struct rk_map *m, struct rk_map_entry *entry, uint64_t key)
{
    RK_ASSERT(rk_map_find(m, key) == NULL);
    entry->key = key;
    link_entry(m, entry);
}

struct rk_map_entry *rk_map_remove(struct rk_map *m, uint64_t key)
{
    if (m->count == 0) {
        return NULL;
    }
    struct rk_map_entry **at = head_of(m, bucket_of(m, key));
    while (*at != NULL && (*at)->key != key) {
        at = &(*at)->next;
    }
    struct rk_map_entry *entry = *at;
    if (entry != NULL) {
        unlink_entry(m, at);
    }
    return entry;
}

struct rk_map_entry *rk_map_next(const struct rk_map *m, size_t *bucket, struct rk_map_entry *entry)
{
    if (entry != NULL) {
        if (entry->next != NULL) {
            return entry->next;
        }
        (*bucket)++;
    }
    for (; *bucket < m->bucket_count; (*bucket)++) {
        struct rk_map_entry *head = *head_of(m, *bucket);
        if (head != NULL) {
            return head;
        }
    }
    return NULL;
}

/* From the last bucket down, giving empty ones up on the way, so that a whole drain is linear. */
struct rk_map_entry *rk_map_drain(struct rk_map *m)
{
    if (m->count == 0) {
        return NULL;
    }
    while (*head_of(m, m->bucket_count - 1) == NULL) {
        merge_one(m);
    }
    struct rk_map_entry **head = head_of(m, m->bucket_count - 1);
    struct rk_map_entry *entry = *head;
    *head = entry->next;
    entry->next = NULL;
    m->count--;
    return entry;
}

void rk_bytemap_init(struct rk_bytemap *m, struct rk_mem *mem, uint64_t seed,
                     rk_bytemap_key_fn key_of)
{
    RK_ASSERT(key_of != NULL);
    rk_map_init(&m->map, mem, seed);
    m->key_of = key_of;
}

void rk_bytemap_deinit(struct rk_bytemap *m)
{
    rk_map_deinit(&m->map);
}

struct rk_map_entry *rk_bytemap_find(const struct rk_bytemap *m, struct rk_bytes key)
{
    RK_ASSERT(key.data != NULL);
    if (m->map.count == 0) {
        return NULL;
    }
    uint64_t hash = rk_hash_bytes(key.data, key.len, m->map.seed);
    struct rk_map_entry *entry = *head_of(&m->map, bucket_of(&m->map, hash));
    while (entry != NULL) {
        /* Equal hashes are not equal keys: a flood could aim for them. */
        if (entry->key == hash && rk_bytes_equal(m->key_of(entry), key)) {
            return entry;
        }
        entry = entry->next;
    }
    return NULL;
}

void rk_bytemap_insert(struct rk_bytemap *m, struct rk_map_entry *entry)
{
    struct rk_bytes key = m->key_of(entry);
    RK_ASSERT(key.data != NULL);
    RK_ASSERT(rk_bytemap_find(m, key) == NULL);
    entry->key = rk_hash_bytes(key.data, key.len, m->map.seed);
    link_entry(&m->map, entry);
}

void rk_bytemap_remove(struct rk_bytemap *m, struct rk_map_entry *entry)
{
    RK_ASSERT(m->map.count > 0);
    struct rk_map_entry **at = head_of(&m->map, bucket_of(&m->map, entry->key));
    while (*at != NULL && *at != entry) {
        at = &(*at)->next;
    }
    RK_ASSERT(*at == entry);
    unlink_entry(&m->map, at);
}
