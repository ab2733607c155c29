/* The tables of a client's watches. Guarantees that a watcher hears of an event once, whatever it
 * watches there; that an order, once filled in, is carried out without memory; and that the cost of
 * an event is that of its watchers and of the length of its path. */
#include "client/watches.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "proto/opcode.h"

#define WHOS_FIRST 8u

/* FNV-1a, so that the hashes of all ancestors come out of one pass; what is kept is mixed, for the
 * tree starts with the highest bits. */
static uint64_t hash_step(uint64_t h, uint8_t byte)
{
    return (h ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_mix(uint64_t h)
{
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static uint64_t path_hash(const struct rk_client_watches *t, struct rk_bytes path)
{
    uint64_t h = t->seed;
    for (uint32_t i = 0; i < path.len; i++) {
        h = hash_step(h, path.data[i]);
    }
    return hash_mix(h);
}

static bool is_path(const struct rk_client_trie *trie, const void *key)
{
    const struct rk_client_node *node = (const struct rk_client_node *)trie;
    const struct rk_bytes *path = key;
    return node->len == path->len && memcmp(node->path, path->data, path->len) == 0;
}

static struct rk_client_node *find_hashed(const struct rk_client_watches *t, uint64_t hash,
                                          struct rk_bytes path)
{
    struct rk_client_trie *root = t->nodes;
    return (struct rk_client_node *)*rk_client_trie_slot(&root, hash, is_path, &path);
}

static struct rk_client_node *find(const struct rk_client_watches *t, struct rk_bytes path)
{
    return find_hashed(t, path_hash(t, path), path);
}

/* -- Watchers -- */

static uint64_t who_hash(const struct rk_client_watches *t, struct rk_client_watcher watcher)
{
    uint64_t h = hash_mix(watcher.fn ^ t->seed);
    h = hash_mix(h + watcher.ctx * UINT64_C(0x9e3779b97f4a7c15));
    return hash_mix(h + watcher.owner * UINT64_C(0x9e3779b97f4a7c15));
}

static bool is_same(struct rk_client_watcher a, struct rk_client_watcher b)
{
    return a.fn == b.fn && a.ctx == b.ctx && a.owner == b.owner;
}

static bool is_who(const struct rk_client_trie *trie, const void *key)
{
    const struct rk_client_who *who = (const struct rk_client_who *)trie;
    const struct rk_client_watcher *watcher = key;
    return is_same(who->watcher, *watcher);
}

static struct rk_client_trie **who_slot(struct rk_client_watches *t,
                                        struct rk_client_watcher watcher)
{
    return rk_client_trie_slot(&t->whos_by, who_hash(t, watcher), is_who, &watcher);
}

static void unref(struct rk_client_watches *t, struct rk_client_who *who)
{
    RK_ASSERT(who->refs > 0);
    who->refs--;
    if (who->refs == 0) {
        rk_list_push(&t->dead, &who->dead);
    }
}

/* The last of the row takes its place in it. */
static void bury(struct rk_client_watches *t, struct rk_client_who *who)
{
    uint32_t last = t->who_count - 1;
    RK_ASSERT(who->refs == 0 && t->who_nodes[who->index] == who);
    t->whos[who->index] = t->whos[last];
    t->who_nodes[who->index] = t->who_nodes[last];
    t->who_nodes[who->index]->index = who->index;
    t->who_count = last;
    rk_client_trie_remove(who_slot(t, who->watcher));
    rk_mem_free(t->mem, who, sizeof(*who));
}

/* The watcher of an order; the order's own record is used up if it is a new one. */
static struct rk_client_who *ref(struct rk_client_watches *t, struct rk_client_watch_order *o)
{
    struct rk_client_trie **slot = who_slot(t, o->watcher);
    struct rk_client_who *who = (struct rk_client_who *)*slot;
    if (who == NULL) {
        who = o->who;
        o->who = NULL;
        *who = (struct rk_client_who){.watcher = o->watcher, .index = t->who_count};
        who->trie.hash = who_hash(t, o->watcher);
        rk_list_init(&who->dead);
        *slot = &who->trie;
        RK_ASSERT(t->who_count < t->whos_cap && t->who_count < t->who_nodes_cap);
        t->whos[t->who_count] = o->watcher;
        t->who_nodes[t->who_count] = who;
        t->who_count++;
    }
    rk_list_unlink(&who->dead);
    who->refs++;
    return who;
}

static bool grow(struct rk_mem *mem, void **list, uint32_t *cap, uint32_t need, size_t each)
{
    if (need <= *cap) {
        return true;
    }
    uint32_t more = *cap == 0 ? WHOS_FIRST : *cap;
    while (more < need) {
        if (more > UINT32_MAX / 2) {
            return false;
        }
        more *= 2;
    }
    void *grown = rk_mem_resize(mem, *list, *cap * each, more * each);
    if (grown == NULL) {
        return false;
    }
    *list = grown;
    *cap = more;
    return true;
}

static bool grow_whos(struct rk_client_watches *t, uint32_t need)
{
    void *whos = t->whos;
    void *nodes = t->who_nodes;
    bool is_ok = grow(t->mem, &whos, &t->whos_cap, need, sizeof(t->whos[0])) &&
                 grow(t->mem, &nodes, &t->who_nodes_cap, need, sizeof(t->who_nodes[0]));
    t->whos = whos;
    t->who_nodes = nodes;
    return is_ok;
}

/* -- Paths -- */

static void free_node(struct rk_client_watches *t, struct rk_client_node *node)
{
    if (node != NULL) {
        rk_mem_free(t->mem, node, sizeof(*node) + node->len);
    }
}

static void drop_entry(struct rk_client_watches *t, struct rk_client_node *node,
                       struct rk_client_entry *entry)
{
    RK_ASSERT(node->counts[entry->kind] > 0);
    node->counts[entry->kind]--;
    if (entry->kind == RK_CLIENT_WATCH_RECURSIVE && node->counts[entry->kind] == 0) {
        t->recursive_count--;
    }
    unref(t, entry->who);
    rk_list_unlink(&entry->link);
    rk_mem_free(t->mem, entry, sizeof(*entry));
}

static void drop_if_empty(struct rk_client_watches *t, struct rk_client_node *node)
{
    if (!rk_list_empty(&node->entries)) {
        return;
    }
    struct rk_bytes path = {node->path, node->len};
    rk_list_unlink(&node->link);
    rk_client_trie_remove(rk_client_trie_slot(&t->nodes, node->trie.hash, is_path, &path));
    free_node(t, node);
    t->node_count--;
}

/* ZK: zk_hashtable.c, removeWatchers: data means exists as well. */
static bool is_kind(enum rk_client_watch_kind asked, enum rk_client_watch_kind kind)
{
    return asked == RK_CLIENT_WATCH_NONE || asked == kind ||
           (asked == RK_CLIENT_WATCH_DATA && kind == RK_CLIENT_WATCH_EXISTS) ||
           (asked == RK_CLIENT_WATCH_EXISTS && kind == RK_CLIENT_WATCH_DATA);
}

bool rk_client_watches_has(const struct rk_client_watches *t, struct rk_bytes path,
                           enum rk_client_watch_kind kind, struct rk_client_watcher watcher)
{
    struct rk_client_node *node = find(t, path);
    struct rk_link *it;
    struct rk_link *tmp;
    if (node == NULL) {
        return false;
    }
    RK_LIST_EACH(it, tmp, &node->entries)
    {
        const struct rk_client_entry *e = RK_CONTAINER_OF(it, struct rk_client_entry, link);
        if (is_kind(kind, e->kind) && is_same(e->who->watcher, watcher)) {
            return true;
        }
    }
    return false;
}

void rk_client_watches_remove(struct rk_client_watches *t, struct rk_bytes path,
                              enum rk_client_watch_kind kind, bool is_all,
                              struct rk_client_watcher watcher)
{
    struct rk_client_node *node = find(t, path);
    struct rk_link *it;
    struct rk_link *tmp;
    if (node == NULL) {
        return;
    }
    RK_LIST_EACH(it, tmp, &node->entries)
    {
        struct rk_client_entry *e = RK_CONTAINER_OF(it, struct rk_client_entry, link);
        if (is_kind(kind, e->kind) && (is_all || is_same(e->who->watcher, watcher))) {
            drop_entry(t, node, e);
        }
    }
    drop_if_empty(t, node);
}

/* -- Orders -- */

bool rk_client_watch_order_init(struct rk_client_watches *t, struct rk_client_watch_order *o,
                                struct rk_bytes path)
{
    if (o->kind == RK_CLIENT_WATCH_NONE && !o->is_removal) {
        return true;
    }
    o->node = rk_mem_alloc(t->mem, sizeof(*o->node) + path.len);
    if (o->node == NULL) {
        return false;
    }
    memset(o->node, 0, sizeof(*o->node));
    o->node->trie.hash = path_hash(t, path);
    o->node->len = path.len;
    if (path.len > 0) {
        memcpy(o->node->path, path.data, path.len);
    }
    rk_list_init(&o->node->link);
    rk_list_init(&o->node->entries);
    if (o->is_removal) {
        return true;
    }
    t->ordered++;
    o->entry = rk_mem_alloc(t->mem, sizeof(*o->entry));
    o->who = rk_mem_alloc(t->mem, sizeof(*o->who));
    if (o->entry == NULL || o->who == NULL || !grow_whos(t, t->who_count + t->ordered)) {
        rk_client_watch_order_deinit(t, o);
        return false;
    }
    return true;
}

void rk_client_watch_order_deinit(struct rk_client_watches *t, struct rk_client_watch_order *o)
{
    if (o->kind != RK_CLIENT_WATCH_NONE && !o->is_removal) {
        RK_ASSERT(t->ordered > 0);
        t->ordered--;
    }
    free_node(t, o->node);
    rk_mem_free(t->mem, o->entry, sizeof(*o->entry));
    rk_mem_free(t->mem, o->who, sizeof(*o->who));
    *o = (struct rk_client_watch_order){.kind = RK_CLIENT_WATCH_NONE};
}

static void add(struct rk_client_watches *t, struct rk_client_watch_order *o,
                enum rk_client_watch_kind kind)
{
    struct rk_bytes path = {o->node->path, o->node->len};
    struct rk_link *it;
    struct rk_link *tmp;
    struct rk_client_trie **slot =
        rk_client_trie_slot(&t->nodes, o->node->trie.hash, is_path, &path);
    if (*slot == NULL) {
        *slot = &o->node->trie;
        rk_list_push(&t->set, &o->node->link);
        t->node_count++;
        o->node = NULL;
    }
    struct rk_client_node *node = (struct rk_client_node *)*slot;
    RK_LIST_EACH(it, tmp, &node->entries)
    {
        const struct rk_client_entry *e = RK_CONTAINER_OF(it, struct rk_client_entry, link);
        if (e->kind == kind && is_same(e->who->watcher, o->watcher)) {
            return;
        }
    }
    *o->entry = (struct rk_client_entry){.who = ref(t, o), .kind = kind};
    rk_list_init(&o->entry->link);
    rk_list_push(&node->entries, &o->entry->link);
    node->counts[kind]++;
    if (kind == RK_CLIENT_WATCH_RECURSIVE && node->counts[kind] == 1) {
        t->recursive_count++;
    }
    o->entry = NULL;
}

void rk_client_watch_order_done(struct rk_client_watches *t, struct rk_client_watch_order *o,
                                int32_t result)
{
    enum rk_client_watch_kind kind = o->kind;
    if (kind == RK_CLIENT_WATCH_EXISTS && result == RK_ZK_OK) {
        kind = RK_CLIENT_WATCH_DATA;
    }
    bool is_good =
        result == RK_ZK_OK || (kind == RK_CLIENT_WATCH_EXISTS && result == RK_ZK_NO_NODE);
    if (o->is_removal && result == RK_ZK_OK) {
        rk_client_watches_remove(t, (struct rk_bytes){o->node->path, o->node->len}, o->kind,
                                 o->watcher.fn == 0, o->watcher);
    } else if (!o->is_removal && kind != RK_CLIENT_WATCH_NONE && is_good) {
        add(t, o, kind);
    }
    rk_client_watch_order_deinit(t, o);
}

/* -- Events -- */

/* ZK: ZKWatchManager.materialize */
static bool is_heard(int32_t event, enum rk_client_watch_kind kind)
{
    switch (kind) {
    case RK_CLIENT_WATCH_DATA:
    case RK_CLIENT_WATCH_EXISTS:
        return event != RK_EVENT_NODE_CHILDREN_CHANGED;
    case RK_CLIENT_WATCH_CHILD:
        return event == RK_EVENT_NODE_CHILDREN_CHANGED || event == RK_EVENT_NODE_DELETED;
    case RK_CLIENT_WATCH_PERSISTENT:
        return true;
    default:
        return event != RK_EVENT_NODE_CHILDREN_CHANGED;
    }
}

static void tell(struct rk_client_watches *t, const struct rk_client_entry *e)
{
    if (e->who->stamp != t->stamp) {
        e->who->stamp = t->stamp;
        RK_ASSERT(t->told_count < t->told_cap);
        t->told[t->told_count++] = e->who->watcher;
    }
}

/* At the path itself; the one-shot ones are used up. */
static void fire_node(struct rk_client_watches *t, struct rk_client_node *node, int32_t event)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &node->entries)
    {
        struct rk_client_entry *e = RK_CONTAINER_OF(it, struct rk_client_entry, link);
        if (is_heard(event, e->kind)) {
            tell(t, e);
            if (e->kind < RK_CLIENT_WATCH_PERSISTENT) {
                drop_entry(t, node, e);
            }
        }
    }
    drop_if_empty(t, node);
}

/* How many may be told at that node; if is_told, tells the recursive ones. */
static uint32_t above(struct rk_client_watches *t, struct rk_client_node *node, bool is_told)
{
    struct rk_link *it;
    struct rk_link *tmp;
    if (is_told) {
        RK_LIST_EACH(it, tmp, &node->entries)
        {
            const struct rk_client_entry *e = RK_CONTAINER_OF(it, struct rk_client_entry, link);
            if (e->kind == RK_CLIENT_WATCH_RECURSIVE) {
                tell(t, e);
            }
        }
    }
    return node->counts[RK_CLIENT_WATCH_RECURSIVE];
}

/* The ancestors of path that have recursive watches, "/" included. */
static uint32_t walk_up(struct rk_client_watches *t, struct rk_bytes path, bool is_told)
{
    uint32_t count = 0;
    uint64_t h = t->seed;
    if (t->recursive_count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < path.len; i++) {
        if (path.data[i] == '/' && path.len > 1) {
            uint64_t hash = hash_mix(i == 0 ? hash_step(h, '/') : h);
            struct rk_bytes prefix = {path.data, i == 0 ? 1 : i};
            struct rk_client_node *node = find_hashed(t, hash, prefix);
            count += node == NULL ? 0 : above(t, node, is_told);
        }
        h = hash_step(h, path.data[i]);
    }
    return count;
}

bool rk_client_watches_fire(struct rk_client_watches *t, int32_t event, struct rk_bytes path,
                            uint32_t *ret_count)
{
    struct rk_client_node *node = find(t, path);
    uint32_t most = 0;
    bool is_recursive = event != RK_EVENT_NODE_CHILDREN_CHANGED;
    for (uint32_t k = 0; node != NULL && k < RK_CLIENT_KINDS; k++) {
        most += node->counts[k];
    }
    most += is_recursive ? walk_up(t, path, false) : 0;
    void *told = t->told;
    bool is_ok = grow(t->mem, &told, &t->told_cap, t->told_count + most, sizeof(t->told[0]));
    t->told = told;
    if (!is_ok) {
        return false;
    }
    uint32_t before = t->told_count;
    t->stamp++;
    if (node != NULL) {
        fire_node(t, node, event);
    }
    if (is_recursive) {
        (void)walk_up(t, path, true); /* the count is known */
    }
    *ret_count = t->told_count - before;
    return true;
}

/* -- Life -- */

void rk_client_watches_init(struct rk_client_watches *t, struct rk_mem *mem, uint64_t seed)
{
    *t = (struct rk_client_watches){.mem = mem, .seed = seed | 1};
    rk_list_init(&t->unset);
    rk_list_init(&t->set);
    rk_list_init(&t->dead);
}

void rk_client_watches_unset(struct rk_client_watches *t)
{
    if (rk_list_empty(&t->set)) {
        return;
    }
    struct rk_link *first = t->set.next;
    struct rk_link *last = t->set.prev;
    rk_list_init(&t->set);
    last->next = &t->unset;
    first->prev = t->unset.prev;
    t->unset.prev->next = first;
    t->unset.prev = last;
}

uint32_t rk_client_watches_show(struct rk_client_watches *t)
{
    struct rk_link *link;
    while (!t->is_shown && (link = rk_list_pop(&t->dead)) != NULL) {
        bury(t, RK_CONTAINER_OF(link, struct rk_client_who, dead));
    }
    t->is_shown = true;
    return t->who_count;
}

void rk_client_watches_begin(struct rk_client_watches *t)
{
    t->is_shown = false;
    RK_MAYBE(rk_client_watches_show(t) == 0);
    t->is_shown = false;
    t->told_count = 0;
}

void rk_client_watches_deinit(struct rk_client_watches *t)
{
    struct rk_link *link;
    rk_client_watches_unset(t);
    while ((link = rk_list_first(&t->unset)) != NULL) {
        struct rk_client_node *node = RK_CONTAINER_OF(link, struct rk_client_node, link);
        struct rk_link *it;
        struct rk_link *tmp;
        RK_LIST_EACH(it, tmp, &node->entries)
        {
            drop_entry(t, node, RK_CONTAINER_OF(it, struct rk_client_entry, link));
        }
        drop_if_empty(t, node);
    }
    rk_client_watches_begin(t);
    RK_ASSERT(t->who_count == 0 && t->node_count == 0 && t->ordered == 0);
    rk_mem_free(t->mem, t->whos, t->whos_cap * sizeof(t->whos[0]));
    rk_mem_free(t->mem, t->who_nodes, t->who_nodes_cap * sizeof(t->who_nodes[0]));
    rk_mem_free(t->mem, t->told, t->told_cap * sizeof(t->told[0]));
}
