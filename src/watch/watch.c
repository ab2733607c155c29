/* Watch tables. A watch is one (path, connection, table) with its mode bits; it is on three things
 * at once: the list of its path in that table (order of registration, so that receivers come in an
 * order that every run repeats), the list of its connection (so that a connection goes away in
 * O(its watches)) and a hash of (table, path, connection) (so that adding and removing are O(1)
 * however long the lists).
 *
 * A recursive watch has a second record on its path's recursive list, so that an event below looks
 * at recursive watches only, not at everybody who watches the ancestor. That record is on no
 * connection's list, counts as no watch, and goes with the mode bit of the watch it stands beside.
 *
 * Left to others: what a change triggers (core), who may see it (core, at delivery), encoding.
 * ZK: WatchManager, WatchStats, PathParentIterator, DataTree.removeWatch. */
#include "watch/watch.h"

#include "base/map.h"
#include "base/slab.h"

#include <string.h>

/* The lists of a path. The first two are the tables. */
enum list {
    LIST_DATA = RK_WATCH_DATA,
    LIST_CHILD = RK_WATCH_CHILD,
    LIST_RECURSIVE,
    LIST_COUNT,
};

#define MODES_ALL ((uint32_t)(RK_WATCH_STANDARD | RK_WATCH_PERSISTENT | RK_WATCH_RECURSIVE))

/* Path slots take 30 bits of a key; every path has a watch, every watch at most two records. */
#define WATCHES_MAX ((1u << 29) - 1u)

/* Paths up to this length live in their entry. */
#define TEXT_HERE_BYTES 32u

/* Text is charged in units, and a limit of n watches allows n of this many (256 bytes each), but at
 * least one path of any size: a count alone would let a million megabytes be watched. */
#define TEXT_UNIT_BYTES    64u
#define TEXT_UNITS_A_WATCH 4u
#define TEXT_UNITS_LEAST   32768u

/* Classes of path length, for skipping ancestors at which no recursive watch can be. */
#define LENGTH_CLASSES 1024u

/* The first receivers of an event; doubled when there are more. */
#define HITS_FIRST 8u

struct rk_watch {
    struct rk_map_entry by_key; /* see key_of */
    uint32_t slot;
    uint32_t modes; /* enum rk_watch_mode, never 0 */
    uint32_t path_prev;
    uint32_t path_next;
    uint32_t conn_prev;
    uint32_t conn_next;
};
_Static_assert(sizeof(struct rk_watch) <= 40, "with its share of the hash a watch costs 48 bytes");

struct rk_watch_path {
    struct rk_map_entry by_text;
    uint32_t first[LIST_COUNT];
    uint32_t last[LIST_COUNT];
    uint32_t slot;
    uint32_t len;
    union {
        uint8_t here[TEXT_HERE_BYTES];
        uint8_t *away; /* when len > TEXT_HERE_BYTES */
    } text;
};
_Static_assert(sizeof(struct rk_watch_path) <= 80, "a watched path stays small");

struct rk_watch_conn {
    struct rk_map_entry by_id;
    uint64_t stamp; /* of the last event it was told of or excused from */
    uint32_t slot;
    uint32_t first;
    uint32_t last;
    uint32_t count;      /* watches */
    uint32_t data_count; /* those in the data table */
    uint32_t text_units; /* of the paths of all of them */
};
_Static_assert(sizeof(struct rk_watch_conn) <= 48, "a watching connection stays small");

struct rk_watches {
    struct rk_mem *mem;
    struct rk_watch_limits limits; /* 0 replaced by what the slots can hold */
    struct rk_slab watch_slab;
    struct rk_slab path_slab;
    struct rk_slab conn_slab;
    struct rk_map by_key;
    struct rk_bytemap by_text;
    struct rk_map by_id;
    uint64_t stamp;
    uint64_t text_units; /* of all connections */
    uint32_t count;      /* watches, without the records on recursive lists */
    uint32_t data_count;
    uint32_t data_paths;
    uint32_t data_conns;
    uint32_t recursive_count;
    uint32_t recursive_paths[LENGTH_CLASSES]; /* paths with a recursive watch, by length */
};

struct collector {
    struct rk_arena *arena;
    rk_conn_id *conns;
    uint32_t count;
    uint32_t cap;
    uint64_t stamp;
};

/* -- entries ----------------------------------------------------------------------------------- */

static struct rk_bytes text_of(const struct rk_map_entry *entry)
{
    const struct rk_watch_path *p = (const struct rk_watch_path *)(const void *)entry;
    const uint8_t *text = p->len > TEXT_HERE_BYTES ? p->text.away : p->text.here;
    return (struct rk_bytes){.data = text, .len = p->len};
}
_Static_assert(offsetof(struct rk_watch_path, by_text) == 0, "text_of casts");
_Static_assert(offsetof(struct rk_watch, by_key) == 0, "found entries are cast");
_Static_assert(offsetof(struct rk_watch_conn, by_id) == 0, "found entries are cast");

/* Clients may send a null path with addWatch. It is kept as the empty one, which no event has. */
static struct rk_bytes never_null(struct rk_bytes path)
{
    return path.data != NULL ? path : rk_bytes_of("", 0);
}

static struct rk_watch *watch_at(const struct rk_watches *w, uint32_t slot)
{
    return rk_slab_at(&w->watch_slab, slot);
}

static uint64_t key_of(enum list list, uint32_t path_slot, uint32_t conn_slot)
{
    return (uint64_t)path_slot << 34 | (uint64_t)list << 32 | conn_slot;
}

static enum list list_of(const struct rk_watch *watch)
{
    return (enum list)(watch->by_key.key >> 32 & 3u);
}

static struct rk_watch_path *path_of(const struct rk_watches *w, const struct rk_watch *watch)
{
    return rk_slab_at(&w->path_slab, (uint32_t)(watch->by_key.key >> 34));
}

static struct rk_watch_conn *conn_of(const struct rk_watches *w, const struct rk_watch *watch)
{
    return rk_slab_at(&w->conn_slab, (uint32_t)watch->by_key.key);
}

static struct rk_watch_path *find_path(const struct rk_watches *w, struct rk_bytes path)
{
    return (struct rk_watch_path *)(void *)rk_bytemap_find(&w->by_text, path);
}

static struct rk_watch_conn *find_conn(const struct rk_watches *w, rk_conn_id conn)
{
    return (struct rk_watch_conn *)(void *)rk_map_find(&w->by_id, conn);
}

static struct rk_watch *find_record(const struct rk_watches *w, enum list list,
                                    const struct rk_watch_path *p, const struct rk_watch_conn *c)
{
    return (struct rk_watch *)(void *)rk_map_find(&w->by_key, key_of(list, p->slot, c->slot));
}

/* The watch of conn at path in this table, or NULL. */
static struct rk_watch *find_watch(const struct rk_watches *w, enum rk_watch_table table,
                                   struct rk_bytes path, rk_conn_id conn)
{
    const struct rk_watch_conn *c = find_conn(w, conn);
    const struct rk_watch_path *p = c == NULL ? NULL : find_path(w, path);
    return p == NULL ? NULL : find_record(w, (enum list)table, p, c);
}

static struct rk_watch_path *make_path(struct rk_watches *w, struct rk_bytes path)
{
    uint32_t slot = rk_slab_take(&w->path_slab);
    RK_ASSERT(slot != 0);
    struct rk_watch_path *p = rk_slab_at(&w->path_slab, slot);
    p->slot = slot;
    p->len = path.len;
    uint8_t *text = p->text.here;
    if (path.len > TEXT_HERE_BYTES) {
        text = rk_mem_must_alloc(w->mem, path.len);
        p->text.away = text;
    }
    memcpy(text, path.data, path.len);
    rk_bytemap_insert(&w->by_text, &p->by_text);
    return p;
}

static void drop_path(struct rk_watches *w, struct rk_watch_path *p)
{
    rk_bytemap_remove(&w->by_text, &p->by_text);
    if (p->len > TEXT_HERE_BYTES) {
        rk_mem_free(w->mem, p->text.away, p->len);
    }
    rk_slab_give(&w->path_slab, p->slot);
}

static struct rk_watch_conn *make_conn(struct rk_watches *w, rk_conn_id conn)
{
    uint32_t slot = rk_slab_take(&w->conn_slab);
    RK_ASSERT(slot != 0);
    struct rk_watch_conn *c = rk_slab_at(&w->conn_slab, slot);
    c->slot = slot;
    rk_map_insert(&w->by_id, &c->by_id, conn);
    return c;
}

static void drop_conn(struct rk_watches *w, struct rk_watch_conn *c)
{
    struct rk_map_entry *entry = rk_map_remove(&w->by_id, c->by_id.key);
    RK_ASSERT(entry == &c->by_id);
    rk_slab_give(&w->conn_slab, c->slot);
}

/* -- records ----------------------------------------------------------------------------------- */

/* A record at the end of a path's list. */
static struct rk_watch *link_record(struct rk_watches *w, enum list list, struct rk_watch_path *p,
                                    const struct rk_watch_conn *c)
{
    uint32_t slot = rk_slab_take(&w->watch_slab);
    RK_ASSERT(slot != 0);
    struct rk_watch *watch = watch_at(w, slot);
    watch->slot = slot;
    watch->path_prev = p->last[list];
    if (p->last[list] != 0) {
        watch_at(w, p->last[list])->path_next = slot;
    } else {
        p->first[list] = slot;
    }
    p->last[list] = slot;
    rk_map_insert(&w->by_key, &watch->by_key, key_of(list, p->slot, c->slot));
    return watch;
}

static void unlink_record(struct rk_watches *w, struct rk_watch_path *p, struct rk_watch *watch)
{
    enum list list = list_of(watch);
    if (watch->path_prev != 0) {
        watch_at(w, watch->path_prev)->path_next = watch->path_next;
    } else {
        RK_ASSERT(p->first[list] == watch->slot);
        p->first[list] = watch->path_next;
    }
    if (watch->path_next != 0) {
        watch_at(w, watch->path_next)->path_prev = watch->path_prev;
    } else {
        RK_ASSERT(p->last[list] == watch->slot);
        p->last[list] = watch->path_prev;
    }
    struct rk_map_entry *entry = rk_map_remove(&w->by_key, watch->by_key.key);
    RK_ASSERT(entry == &watch->by_key);
    rk_slab_give(&w->watch_slab, watch->slot);
}

static uint32_t text_units(size_t len)
{
    return (uint32_t)(len / TEXT_UNIT_BYTES);
}

static bool is_within(uint64_t count, uint64_t units, uint32_t count_max)
{
    return count < count_max &&
           units <= TEXT_UNITS_LEAST + (uint64_t)count_max * TEXT_UNITS_A_WATCH;
}

/* Room for one more watch, on a path of this length. */
static bool has_room(const struct rk_watches *w, const struct rk_watch_conn *c, size_t len)
{
    uint32_t units = text_units(len);
    return is_within(w->count, w->text_units + units, w->limits.total_max) &&
           (c == NULL ||
            is_within(c->count, (uint64_t)c->text_units + units, w->limits.per_conn_max));
}

static struct rk_watch *add_watch(struct rk_watches *w, enum rk_watch_table table,
                                  struct rk_watch_path *p, struct rk_watch_conn *c)
{
    if (table == RK_WATCH_DATA) {
        w->data_paths += p->first[LIST_DATA] == 0;
        w->data_conns += c->data_count == 0;
        w->data_count++;
        c->data_count++;
    }
    struct rk_watch *watch = link_record(w, (enum list)table, p, c);
    watch->conn_prev = c->last;
    if (c->last != 0) {
        watch_at(w, c->last)->conn_next = watch->slot;
    } else {
        c->first = watch->slot;
    }
    c->last = watch->slot;
    c->count++;
    w->count++;
    c->text_units += text_units(p->len);
    w->text_units += text_units(p->len);
    return watch;
}

/* With it goes its path or its connection if nothing else is there. */
static void drop_watch(struct rk_watches *w, struct rk_watch *watch)
{
    RK_ASSERT(watch->modes == 0);
    struct rk_watch_path *p = path_of(w, watch);
    struct rk_watch_conn *c = conn_of(w, watch);
    bool is_data = list_of(watch) == LIST_DATA;
    RK_ASSERT(c->count > 0);
    if (watch->conn_prev != 0) {
        watch_at(w, watch->conn_prev)->conn_next = watch->conn_next;
    } else {
        RK_ASSERT(c->first == watch->slot);
        c->first = watch->conn_next;
    }
    if (watch->conn_next != 0) {
        watch_at(w, watch->conn_next)->conn_prev = watch->conn_prev;
    } else {
        RK_ASSERT(c->last == watch->slot);
        c->last = watch->conn_prev;
    }
    unlink_record(w, p, watch);
    c->count--;
    w->count--;
    c->text_units -= text_units(p->len);
    w->text_units -= text_units(p->len);
    if (is_data) {
        c->data_count--;
        w->data_count--;
        w->data_paths -= p->first[LIST_DATA] == 0;
        w->data_conns -= c->data_count == 0;
    }
    if (c->count == 0) {
        drop_conn(w, c);
    }
    if (p->first[LIST_DATA] == 0 && p->first[LIST_CHILD] == 0) {
        RK_ASSERT(p->first[LIST_RECURSIVE] == 0);
        drop_path(w, p);
    }
}

static void set_recursive(struct rk_watches *w, struct rk_watch_path *p,
                          const struct rk_watch_conn *c)
{
    w->recursive_paths[p->len % LENGTH_CLASSES] += p->first[LIST_RECURSIVE] == 0;
    link_record(w, LIST_RECURSIVE, p, c)->modes = RK_WATCH_RECURSIVE;
    w->recursive_count++;
}

static void clear_recursive(struct rk_watches *w, struct rk_watch_path *p,
                            const struct rk_watch_conn *c)
{
    struct rk_watch *record = find_record(w, LIST_RECURSIVE, p, c);
    RK_ASSERT(record != NULL);
    RK_ASSERT(w->recursive_count > 0);
    unlink_record(w, p, record);
    w->recursive_paths[p->len % LENGTH_CLASSES] -= p->first[LIST_RECURSIVE] == 0;
    w->recursive_count--;
}

/* Takes modes off a watch, and the watch itself with the last one. False if it had none of them. */
static bool clear_modes(struct rk_watches *w, struct rk_watch *watch, uint32_t modes)
{
    uint32_t gone = watch->modes & modes;
    if ((gone & RK_WATCH_RECURSIVE) != 0) {
        clear_recursive(w, path_of(w, watch), conn_of(w, watch));
    }
    watch->modes &= ~gone;
    if (watch->modes == 0) {
        drop_watch(w, watch);
    }
    return gone != 0;
}

/* -- the room's functions ---------------------------------------------------------------------- */

static uint32_t limit_of(uint32_t configured)
{
    return configured == 0 || configured > WATCHES_MAX ? WATCHES_MAX : configured;
}

struct rk_watches *rk_watches_create(struct rk_mem *mem, uint64_t seed,
                                     const struct rk_watch_limits *limits)
{
    struct rk_watches *w = rk_mem_zalloc(mem, sizeof(*w));
    if (w == NULL) {
        return NULL;
    }
    w->mem = mem;
    w->limits.per_conn_max = limit_of(limits->per_conn_max);
    w->limits.total_max = limit_of(limits->total_max);
    rk_slab_init(&w->watch_slab, mem, sizeof(struct rk_watch), WATCHES_MAX * 2u);
    rk_slab_init(&w->path_slab, mem, sizeof(struct rk_watch_path), WATCHES_MAX);
    rk_slab_init(&w->conn_slab, mem, sizeof(struct rk_watch_conn), WATCHES_MAX);
    rk_map_init(&w->by_key, mem, seed);
    rk_bytemap_init(&w->by_text, mem, seed, text_of);
    rk_map_init(&w->by_id, mem, seed);
    return w;
}

void rk_watches_destroy(struct rk_watches *w)
{
    if (w == NULL) {
        return;
    }
    struct rk_map_entry *entry = rk_map_drain(&w->by_text.map);
    while (entry != NULL) {
        struct rk_watch_path *p = (struct rk_watch_path *)(void *)entry;
        if (p->len > TEXT_HERE_BYTES) {
            rk_mem_free(w->mem, p->text.away, p->len);
        }
        entry = rk_map_drain(&w->by_text.map);
    }
    rk_bytemap_deinit(&w->by_text);
    rk_map_deinit(&w->by_key);
    rk_map_deinit(&w->by_id);
    rk_slab_deinit(&w->watch_slab);
    rk_slab_deinit(&w->path_slab);
    rk_slab_deinit(&w->conn_slab);
    rk_mem_free(w->mem, w, sizeof(*w));
}

enum rk_err rk_watch_add(struct rk_watches *w, enum rk_watch_table table, struct rk_bytes path,
                         rk_conn_id conn, enum rk_watch_mode mode)
{
    RK_ASSERT(conn != 0);
    RK_ASSERT(mode == RK_WATCH_STANDARD || mode == RK_WATCH_PERSISTENT ||
              mode == RK_WATCH_RECURSIVE);
    if (mode == RK_WATCH_RECURSIVE) {
        RK_ASSERT(table == RK_WATCH_DATA);
    }
    path = never_null(path);
    struct rk_watch_path *p = find_path(w, path);
    struct rk_watch_conn *c = find_conn(w, conn);
    struct rk_watch *watch = p == NULL || c == NULL ? NULL : find_record(w, (enum list)table, p, c);
    if (watch == NULL) {
        if (!has_room(w, c, path.len)) {
            return RK_ERR_TOO_BIG;
        }
        p = p != NULL ? p : make_path(w, path);
        c = c != NULL ? c : make_conn(w, conn);
        watch = add_watch(w, table, p, c);
    }
    if (mode == RK_WATCH_RECURSIVE && (watch->modes & RK_WATCH_RECURSIVE) == 0) {
        set_recursive(w, p, c);
    }
    watch->modes |= (uint32_t)mode;
    return RK_OK;
}

/* The mode bits that a client-visible type stands for in one table. ZK: DataTree.removeWatch; a
 * persistent watch sits in both tables. */
static uint32_t modes_of(enum rk_watcher_type type, enum rk_watch_table table)
{
    switch (type) {
    case RK_WATCHER_CHILDREN:
        return table == RK_WATCH_CHILD ? RK_WATCH_STANDARD : 0;
    case RK_WATCHER_DATA:
        return table == RK_WATCH_DATA ? RK_WATCH_STANDARD : 0;
    case RK_WATCHER_PERSISTENT:
        return RK_WATCH_PERSISTENT;
    case RK_WATCHER_PERSISTENT_RECURSIVE:
        return table == RK_WATCH_DATA ? RK_WATCH_RECURSIVE : 0;
    case RK_WATCHER_ANY:
        return MODES_ALL;
    }
    rk_panic(__FILE__, __LINE__, "watcher type unknown");
}

bool rk_watch_has(const struct rk_watches *w, rk_conn_id conn, struct rk_bytes path,
                  enum rk_watcher_type type)
{
    path = never_null(path);
    const struct rk_watch *data = find_watch(w, RK_WATCH_DATA, path, conn);
    const struct rk_watch *child = find_watch(w, RK_WATCH_CHILD, path, conn);
    return (data != NULL && (data->modes & modes_of(type, RK_WATCH_DATA)) != 0) ||
           (child != NULL && (child->modes & modes_of(type, RK_WATCH_CHILD)) != 0);
}

bool rk_watch_remove(struct rk_watches *w, rk_conn_id conn, struct rk_bytes path,
                     enum rk_watcher_type type)
{
    path = never_null(path);
    bool has_removed = false;
    for (enum rk_watch_table table = RK_WATCH_DATA; table <= RK_WATCH_CHILD; table++) {
        struct rk_watch *watch = find_watch(w, table, path, conn);
        if (watch != NULL && clear_modes(w, watch, modes_of(type, table))) {
            has_removed = true;
        }
    }
    RK_ASSERT(!rk_watch_has(w, conn, path, type));
    return has_removed;
}

bool rk_watch_remove_some(struct rk_watches *w, rk_conn_id conn, uint32_t max)
{
    const struct rk_watch_conn *c = find_conn(w, conn);
    uint32_t slot = c == NULL ? 0 : c->first;
    for (uint32_t i = 0; slot != 0 && i < max; i++) {
        struct rk_watch *watch = watch_at(w, slot);
        slot = watch->conn_next;
        bool had_modes = clear_modes(w, watch, MODES_ALL);
        RK_ASSERT(had_modes);
    }
    return slot == 0;
}

void rk_watch_remove_conn(struct rk_watches *w, rk_conn_id conn)
{
    bool is_done = rk_watch_remove_some(w, conn, UINT32_MAX);
    RK_ASSERT(is_done);
}

static void collect(struct collector *out, struct rk_watch_conn *c)
{
    if (c->stamp == out->stamp) {
        return;
    }
    c->stamp = out->stamp;
    if (out->count == out->cap) {
        uint32_t cap = out->cap == 0 ? HITS_FIRST : out->cap * 2;
        rk_conn_id *grown = rk_arena_alloc(out->arena, cap * sizeof(grown[0]));
        if (out->count > 0) {
            memcpy(grown, out->conns, out->count * sizeof(grown[0]));
        }
        out->conns = grown;
        out->cap = cap;
    }
    out->conns[out->count] = c->by_id.key;
    out->count++;
}

/* Everybody at the path itself; standard watches are used up, told or excused alike. */
static void fire_at(struct rk_watches *w, enum list list, struct rk_bytes path,
                    struct collector *out)
{
    const struct rk_watch_path *p = find_path(w, path);
    uint32_t slot = p == NULL ? 0 : p->first[list];
    while (slot != 0) {
        struct rk_watch *watch = watch_at(w, slot);
        slot = watch->path_next;
        collect(out, conn_of(w, watch));
        (void)clear_modes(w, watch, RK_WATCH_STANDARD); /* persistent ones have none */
    }
}

/* Recursive watches above the path, nearest ancestor first. Ancestors are hashed only where a
 * recursive watch at a path of that length (class) exists: with a handful of recursive watches this
 * looks at a handful of ancestors, and a long path does not cost its length squared. */
static void fire_above(const struct rk_watches *w, struct rk_bytes path, struct collector *out)
{
    if (path.len < 2 || path.data[0] != '/') {
        return;
    }
    for (uint32_t end = path.len - 1; end > 0;) {
        while (end > 0 && path.data[end] != '/') {
            end--;
        }
        uint32_t len = end == 0 ? 1 : end; /* above "/a" is "/" */
        if (w->recursive_paths[len % LENGTH_CLASSES] != 0) {
            const struct rk_watch_path *p = find_path(w, rk_bytes_of(path.data, len));
            uint32_t slot = p == NULL ? 0 : p->first[LIST_RECURSIVE];
            while (slot != 0) {
                const struct rk_watch *watch = watch_at(w, slot);
                slot = watch->path_next;
                collect(out, conn_of(w, watch));
            }
        }
        end = end == 0 ? 0 : end - 1;
    }
}

void rk_watch_fire(struct rk_watches *w, enum rk_watch_table table, struct rk_bytes path,
                   const struct rk_watch_hits *skip, struct rk_arena *a, struct rk_watch_hits *ret)
{
    struct collector out = {.arena = a};
    path = never_null(path);
    if (w->count > 0) {
        w->stamp++;
        out.stamp = w->stamp;
        for (uint32_t i = 0; skip != NULL && i < skip->count; i++) {
            struct rk_watch_conn *c = find_conn(w, skip->conns[i]);
            if (c != NULL) {
                c->stamp = w->stamp;
            }
        }
        fire_at(w, (enum list)table, path, &out);
        if (table == RK_WATCH_DATA && w->recursive_count > 0) {
            fire_above(w, path, &out);
        }
    }
    *ret = (struct rk_watch_hits){.conns = out.conns, .count = out.count};
}

bool rk_watch_none(const struct rk_watches *w)
{
    return w->count == 0;
}

void rk_watch_counts(const struct rk_watches *w, struct rk_watch_counts *ret)
{
    *ret = (struct rk_watch_counts){
        .total = w->count,
        .data_conns = w->data_conns,
        .data_paths = w->data_paths,
        .data_total = w->data_count,
    };
}

bool rk_watch_next(const struct rk_watches *w, struct rk_watch_cursor *c, struct rk_bytes *ret_path,
                   rk_conn_id *ret_conn)
{
    struct rk_map_entry *entry = c->entry;
    uint32_t slot = c->watcher == NULL ? 0 : ((const struct rk_watch *)c->watcher)->path_next;
    while (slot == 0) {
        entry = rk_map_next(&w->by_text.map, &c->bucket, entry);
        if (entry == NULL) {
            c->entry = NULL;
            c->watcher = NULL;
            return false;
        }
        slot = ((const struct rk_watch_path *)(const void *)entry)->first[LIST_DATA];
    }
    struct rk_watch *watch = watch_at(w, slot);
    c->entry = entry;
    c->watcher = watch;
    *ret_path = text_of(entry);
    *ret_conn = conn_of(w, watch)->by_id.key;
    return true;
}

bool rk_watch_next_of_conn(const struct rk_watches *w, rk_conn_id conn, struct rk_watch_cursor *c,
                           struct rk_bytes *ret_path)
{
    uint32_t slot = 0;
    if (c->entry == NULL) {
        struct rk_watch_conn *of = find_conn(w, conn);
        c->entry = of;
        slot = of == NULL ? 0 : of->first;
    } else if (c->watcher != NULL) {
        slot = ((const struct rk_watch *)c->watcher)->conn_next;
    }
    while (slot != 0 && list_of(watch_at(w, slot)) != LIST_DATA) {
        slot = watch_at(w, slot)->conn_next;
    }
    c->watcher = slot == 0 ? NULL : watch_at(w, slot);
    if (slot == 0) {
        return false;
    }
    *ret_path = text_of(&path_of(w, watch_at(w, slot))->by_text);
    return true;
}

/* -- invariants -------------------------------------------------------------------------------- */

static uint32_t check_list(const struct rk_watches *w, const struct rk_watch_path *p,
                           enum list list)
{
    uint32_t count = 0;
    uint32_t prev = 0;
    for (uint32_t slot = p->first[list]; slot != 0;) {
        const struct rk_watch *watch = watch_at(w, slot);
        const struct rk_watch_conn *c = conn_of(w, watch);
        RK_ASSERT(watch->slot == slot);
        RK_ASSERT(watch->path_prev == prev);
        RK_ASSERT(watch->modes != 0);
        RK_ASSERT(list_of(watch) == list);
        RK_ASSERT(path_of(w, watch) == p);
        RK_ASSERT(find_record(w, list, p, c) == watch);
        bool is_recursive = (watch->modes & RK_WATCH_RECURSIVE) != 0;
        if (list == LIST_RECURSIVE) {
            RK_ASSERT(watch->modes == RK_WATCH_RECURSIVE);
            const struct rk_watch *beside = find_record(w, LIST_DATA, p, c);
            RK_ASSERT(beside != NULL);
            RK_ASSERT((beside->modes & RK_WATCH_RECURSIVE) != 0);
        } else if (list == LIST_CHILD) {
            RK_ASSERT(!is_recursive);
        } else {
            RK_ASSERT(is_recursive == (find_record(w, LIST_RECURSIVE, p, c) != NULL));
        }
        count++;
        prev = slot;
        slot = watch->path_next;
    }
    RK_ASSERT(p->last[list] == prev);
    return count;
}

static void check_paths(const struct rk_watches *w)
{
    uint32_t counts[LIST_COUNT] = {0};
    uint32_t data_paths = 0;
    uint32_t recursive_paths = 0;
    size_t bucket = 0;
    struct rk_map_entry *entry = rk_map_next(&w->by_text.map, &bucket, NULL);
    while (entry != NULL) {
        const struct rk_watch_path *p = (const struct rk_watch_path *)(const void *)entry;
        RK_ASSERT(rk_slab_at(&w->path_slab, p->slot) == p);
        RK_ASSERT(find_path(w, text_of(entry)) == p);
        RK_ASSERT(p->first[LIST_DATA] != 0 || p->first[LIST_CHILD] != 0);
        for (enum list list = LIST_DATA; list < LIST_COUNT; list++) {
            counts[list] += check_list(w, p, list);
        }
        data_paths += p->first[LIST_DATA] != 0;
        recursive_paths += p->first[LIST_RECURSIVE] != 0;
        entry = rk_map_next(&w->by_text.map, &bucket, entry);
    }
    RK_ASSERT(w->count == counts[LIST_DATA] + counts[LIST_CHILD]);
    RK_ASSERT(w->data_count == counts[LIST_DATA]);
    RK_ASSERT(w->recursive_count == counts[LIST_RECURSIVE]);
    RK_ASSERT(w->data_paths == data_paths);
    for (uint32_t i = 0; i < LENGTH_CLASSES; i++) {
        RK_ASSERT(recursive_paths >= w->recursive_paths[i]);
        recursive_paths -= w->recursive_paths[i];
    }
    RK_ASSERT(recursive_paths == 0);
}

static void check_conns(const struct rk_watches *w)
{
    uint32_t total = 0;
    uint32_t data_total = 0;
    uint32_t data_conns = 0;
    size_t bucket = 0;
    struct rk_map_entry *entry = rk_map_next(&w->by_id, &bucket, NULL);
    while (entry != NULL) {
        const struct rk_watch_conn *c = (const struct rk_watch_conn *)(const void *)entry;
        RK_ASSERT(rk_slab_at(&w->conn_slab, c->slot) == c);
        RK_ASSERT(c->stamp <= w->stamp);
        RK_ASSERT(c->count > 0);
        RK_ASSERT(c->count <= w->limits.per_conn_max);
        uint32_t count = 0;
        uint32_t data_count = 0;
        uint32_t prev = 0;
        for (uint32_t slot = c->first; slot != 0;) {
            const struct rk_watch *watch = watch_at(w, slot);
            RK_ASSERT(watch->conn_prev == prev);
            RK_ASSERT(conn_of(w, watch) == c);
            RK_ASSERT(list_of(watch) != LIST_RECURSIVE);
            count++;
            data_count += list_of(watch) == LIST_DATA;
            prev = slot;
            slot = watch->conn_next;
        }
        RK_ASSERT(c->last == prev);
        RK_ASSERT(c->count == count);
        RK_ASSERT(c->data_count == data_count);
        total += count;
        data_total += data_count;
        data_conns += data_count != 0;
        entry = rk_map_next(&w->by_id, &bucket, entry);
    }
    RK_ASSERT(w->count == total);
    RK_ASSERT(w->data_count == data_total);
    RK_ASSERT(w->data_conns == data_conns);
}

void rk_watches_check(const struct rk_watches *w)
{
    check_paths(w);
    check_conns(w);
    RK_ASSERT(w->count <= w->limits.total_max);
    RK_ASSERT(w->watch_slab.live == w->count + w->recursive_count);
    RK_ASSERT(w->by_key.count == w->watch_slab.live);
    RK_ASSERT(w->by_text.map.count == w->path_slab.live);
    RK_ASSERT(w->by_id.count == w->conn_slab.live);
}
