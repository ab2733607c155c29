/* A queue: items are sequential nodes; who works on one carefully claims it with an ephemeral node.
 *
 * Two takers of one item: the delete decides, only one of them gets ZOK. Two claimers: the create
 * of the claim decides, and it is made in one transaction with a check that the item is still
 * there. */
#include "recipes/recipes_int.h"
#include <rookery/recipes_sync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELEASE_MS   1000
#define PREFIX_CHARS 16

struct rk_queue {
    struct rk_object object; /* first */
    char *path;
    char *claims;
    int out_count; /* claimed items; under object.mutex */
};

struct rk_item {
    struct rk_queue_item shown; /* first */
    char *data;
    char *path;
    char *claim;
    uint64_t generation;
};

struct rk_entry {
    const char *name;
    int32_t priority;
    int64_t number;
};

static void queue_free(struct rk_queue *q)
{
    free(q->path);
    free(q->claims);
    free(q);
}

int rk_queue_open(struct rk_keeper *keeper, const char *path, struct rk_queue **ret_queue)
{
    if (keeper == NULL || !rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_queue *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        return ZSYSTEMERROR;
    }
    q->path = strdup(path);
    q->claims = rk_rec_join(path, "claims");
    bool is_short = q->path == NULL || q->claims == NULL;
    int rc = is_short ? ZSYSTEMERROR : rk_object_init(&q->object, keeper);
    if (rc != ZOK) {
        queue_free(q);
        return rc;
    }
    *ret_queue = q;
    return ZOK;
}

int rk_queue_close(struct rk_queue *q)
{
    if (q == NULL) {
        return ZOK;
    }
    pthread_mutex_lock(&q->object.mutex);
    int out_count = q->out_count;
    pthread_mutex_unlock(&q->object.mutex);
    int rc = out_count > 0 ? ZINVALIDSTATE : rk_object_shut(&q->object);
    if (rc == ZOK) {
        rk_object_deinit(&q->object);
        queue_free(q);
    }
    return rc;
}

static void prefix_of(int32_t priority, char prefix[PREFIX_CHARS])
{
    if (priority == 0) {
        (void)snprintf(prefix, PREFIX_CHARS, "qn-"); /* fits */
    } else {
        uint32_t shifted = (uint32_t)priority ^ 0x80000000u;
        (void)snprintf(prefix, PREFIX_CHARS, "qp-%08" PRIx32 "-", shifted); /* fits */
    }
}

/* The put of one item: protected by a mark in the node that only a create can have made, found
 * again after a lost answer. Java reads names as qn-<number>, so that the mark cannot be in the
 * name; it is an empty ephemeral node of its own, made in the same transaction. */
struct rk_put {
    char *item;
    char *mark;
    const void *data;
    int data_bytes;
};

static int put_once(struct rk_try *t, const struct rk_queue *q, const struct rk_put *put)
{
    if (t->lost > 0) {
        /* The sync brings what our earlier connection had in flight. */
        int rc = rk_sync(t->zh, put->mark);
        rc = rc == ZOK ? zoo_exists(t->zh, put->mark, 0, NULL) : rc;
        if (rc != ZNONODE) {
            return rc;
        }
    }
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    char path[2];
    const struct ACL_vector *acl = rk_keeper_acl(t->keeper);
    zoo_create_op_init(&ops[0], put->item, put->data, put->data == NULL ? -1 : put->data_bytes, acl,
                       ZOO_PERSISTENT_SEQUENTIAL, path, (int)sizeof(path));
    zoo_create_op_init(&ops[1], put->mark, NULL, -1, acl, ZOO_PERSISTENT, path, (int)sizeof(path));
    int rc = ZNONODE;
    for (int i = 0; i < 3 && rc == ZNONODE; i++) {
        rc = zoo_multi(t->zh, 2, ops, results);
        if (rc == ZNONODE) {
            rc = rk_rec_make_path(t, q->claims);
            rc = rc == ZOK ? ZNONODE : rc;
        }
    }
    return rc;
}

int rk_queue_put(struct rk_queue *q, const void *data, int data_bytes, int32_t priority,
                 int timeout_ms)
{
    if (data_bytes < 0 || (data == NULL && data_bytes > 0)) {
        return ZBADARGUMENTS;
    }
    int rc = rk_object_enter(&q->object);
    if (rc != ZOK) {
        return rc;
    }
    char prefix[PREFIX_CHARS];
    char uuid[RK_UUID_CHARS + 1u];
    prefix_of(priority, prefix);
    rk_rec_uuid(uuid);
    struct rk_put put = {.data = data, .data_bytes = data_bytes};
    put.item = rk_rec_join(q->path, prefix);
    put.mark = rk_rec_join(q->claims, uuid);
    struct rk_try t = {.keeper = q->object.keeper,
                       .object = &q->object,
                       .deadline_ms = rk_rec_deadline(timeout_ms)};
    if (put.item == NULL || put.mark == NULL) {
        t.rc = ZSYSTEMERROR;
    } else {
        while (rk_try(&t)) {
            t.rc = put_once(&t, q, &put);
        }
    }
    if (t.rc == ZOK) {
        /* The mark has done its work. */
        struct rk_try r = {.keeper = q->object.keeper, .deadline_ms = rk_rec_deadline(RELEASE_MS)};
        while (rk_try(&r)) {
            r.rc = zoo_delete(r.zh, put.mark, -1);
        }
    }
    free(put.item);
    free(put.mark);
    rk_object_leave(&q->object);
    return t.rc;
}

/* -- The list -------------------------------------------------------------------------------------
 */

static bool parse(const char *name, struct rk_entry *entry)
{
    const char *number = NULL;
    char *end = NULL;
    entry->name = name;
    entry->priority = 0;
    if (strncmp(name, "qn-", 3) == 0) {
        number = name + 3;
    } else if (strncmp(name, "qp-", 3) == 0 && strlen(name) > 12 && name[11] == '-') {
        unsigned long shifted = strtoul(name + 3, &end, 16);
        if (end != name + 11 || shifted > UINT32_MAX) {
            return false;
        }
        entry->priority = (int32_t)((uint32_t)shifted ^ 0x80000000u);
        number = name + 12;
    } else {
        return false;
    }
    entry->number = strtoll(number, &end, 10);
    return end != number && *end == '\0';
}

static int compare(const void *a, const void *b)
{
    const struct rk_entry *x = a;
    const struct rk_entry *y = b;
    if (x->priority != y->priority) {
        return x->priority < y->priority ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* With a watch on path. */
static int list(struct rk_try *t, const struct rk_queue *q, struct String_vector *names,
                struct rk_entry **ret_entries, int *ret_count)
{
    struct rk_cell *cell = q->object.cell;
    int rc = zoo_wget_children(t->zh, q->path, rk_object_watcher, cell, names);
    if (rc == ZNONODE) {
        /* Nothing to watch yet. */
        rc = rk_rec_make_path(t, q->path);
        return rc == ZOK ? ZCONNECTIONLOSS : rc; /* once more */
    }
    if (rc != ZOK) {
        return rc;
    }
    struct rk_entry *entries = calloc((size_t)names->count + 1u, sizeof(*entries));
    if (entries == NULL) {
        deallocate_String_vector(names);
        return ZSYSTEMERROR;
    }
    int count = 0;
    for (int i = 0; i < names->count; i++) {
        count += parse(names->data[i], &entries[count]);
    }
    qsort(entries, (size_t)count, sizeof(*entries), compare);
    *ret_entries = entries;
    *ret_count = count;
    return ZOK;
}

int rk_queue_count(struct rk_queue *q, int timeout_ms, int *ret_count)
{
    int rc = rk_object_enter(&q->object);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_try t = {.keeper = q->object.keeper,
                       .object = &q->object,
                       .deadline_ms = rk_rec_deadline(timeout_ms)};
    int count = 0;
    while (rk_try(&t)) {
        struct String_vector names = {0};
        struct rk_entry entry;
        t.rc = rk_sync(t.zh, q->path);
        t.rc = t.rc == ZOK ? zoo_get_children(t.zh, q->path, 0, &names) : t.rc;
        if (t.rc == ZOK) {
            count = 0;
            for (int i = 0; i < names.count; i++) {
                count += parse(names.data[i], &entry);
            }
            deallocate_String_vector(&names);
        }
    }
    rk_object_leave(&q->object);
    if (t.rc == ZOK || t.rc == ZNONODE) {
        *ret_count = t.rc == ZOK ? count : 0;
        return ZOK;
    }
    return t.rc;
}

/* -- Take, claim ----------------------------------------------------------------------------------
 */

static void item_free(struct rk_item *item)
{
    if (item != NULL) {
        free(item->data);
        free(item->path);
        free(item->claim);
        free(item);
    }
}

void rk_queue_item_free(struct rk_queue_item *item)
{
    item_free((struct rk_item *)item);
}

static struct rk_item *item_new(const struct rk_queue *q, const struct rk_entry *entry)
{
    struct rk_item *item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return NULL;
    }
    item->path = rk_rec_join(q->path, entry->name);
    item->claim = rk_rec_join(q->claims, entry->name);
    item->shown.priority = entry->priority;
    if (item->path == NULL || item->claim == NULL) {
        item_free(item);
        return NULL;
    }
    return item;
}

static int item_read(struct rk_try *t, struct rk_item *item)
{
    struct Stat stat;
    int bytes = 0;
    free(item->data);
    item->data = NULL;
    int rc = rk_get(t->zh, item->path, NULL, NULL, &item->data, &bytes, &stat);
    if (rc == ZOK) {
        item->shown.data = item->data;
        item->shown.data_bytes = item->data == NULL ? 0 : bytes;
        item->shown.token = stat.czxid;
        item->shown.put_at_ms = stat.ctime;
    }
    return rc;
}

/* ZNONODE: another one has it. A lost answer of the delete is not repeated: whether it was ours
 * that removed the item could not be told. */
static int take_item(struct rk_try *t, struct rk_item *item)
{
    int rc = zoo_exists(t->zh, item->claim, 0, NULL);
    if (rc != ZNONODE) {
        return rc == ZOK ? ZNODEEXISTS : rc;
    }
    rc = item_read(t, item);
    return rc == ZOK ? zoo_delete(t->zh, item->path, -1) : rc;
}

/* ZNODEEXISTS: claimed by another one; ZNONODE: gone. */
static int claim_marked(struct rk_try *t, struct rk_item *item, const char *mark)
{
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    zoo_check_op_init(&ops[0], item->path, -1);
    zoo_create_op_init(&ops[1], item->claim, mark, (int)RK_UUID_CHARS, rk_keeper_acl(t->keeper),
                       ZOO_EPHEMERAL, NULL, 0);
    int rc = zoo_multi(t->zh, 2, ops, results);
    if (rc == ZNONODE) {
        rc = zoo_exists(t->zh, item->path, 0, NULL);
        if (rc == ZOK) {
            return ZCONNECTIONLOSS; /* the claims' parent is missing; it is made on the way round */
        }
        return rc;
    }
    if (rc != ZOK) {
        return rc;
    }
    struct Stat stat;
    rc = zoo_exists(t->zh, item->claim, 0, &stat);
    if (rc == ZOK) {
        rc = item_read(t, item);
        item->shown.token = stat.czxid;
        item->generation = t->used_generation;
    }
    if (rc == ZNONODE) {
        (void)zoo_delete(t->zh, item->claim, -1); /* a taker was faster: nothing to claim */
    }
    return rc;
}

/* With a mark of its own for every attempt: when the answer is lost, a claim with that mark is
 * removed in the background, and is as good as another one's until then. */
static int claim_item(struct rk_try *t, struct rk_item *item)
{
    struct rk_node *node = calloc(1, sizeof(*node));
    char *mark = malloc(RK_UUID_CHARS + 1u);
    char *path = strdup(item->claim);
    if (node == NULL || mark == NULL || path == NULL) {
        free(node);
        free(mark);
        free(path);
        return ZSYSTEMERROR;
    }
    rk_rec_uuid(mark);
    *node = (struct rk_node){
        .path = path, .content = mark, .generation = t->used_generation, .is_ephemeral = true};
    int rc = claim_marked(t, item, mark);
    if (rk_rec_is_lost(rc) || rc == ZSYSTEMERROR) {
        rk_keeper_discard(t->keeper, node);
    } else {
        rk_node_free(node);
    }
    return rc;
}

/* To be told when the claim ends. */
static int watch_claim(struct rk_try *t, struct rk_queue *q, const char *name)
{
    char byte;
    int bytes = 0;
    char *claim = rk_rec_join(q->claims, name);
    if (claim == NULL) {
        return ZSYSTEMERROR;
    }
    int rc = zoo_wget(t->zh, claim, rk_object_watcher, q->object.cell, &byte, &bytes, NULL);
    free(claim);
    return rc == ZOK ? ZNOTHING : rc;
}

/* Walks the list for an item that nobody has. ZNOTHING: there is none. */
static int walk(struct rk_try *t, struct rk_queue *q, bool is_claim, struct rk_item **ret_item)
{
    struct String_vector names = {0};
    struct rk_entry *entries = NULL;
    int count = 0;
    int rc = is_claim ? rk_rec_make_path(t, q->claims) : ZOK;
    if (rc == ZOK) {
        rc = list(t, q, &names, &entries, &count);
    }
    if (rc != ZOK) {
        return rc;
    }
    rc = ZNOTHING;
    for (int i = 0; i < count && rc == ZNOTHING; i++) {
        struct rk_item *item = item_new(q, &entries[i]);
        rc = item == NULL ? ZSYSTEMERROR : is_claim ? claim_item(t, item) : take_item(t, item);
        if (rc == ZOK) {
            *ret_item = item;
        } else {
            item_free(item);
        }
        if (rc == ZNODEEXISTS) {
            rc = watch_claim(t, q, entries[i].name);
            i -= rc == ZNONODE; /* it ended just now: that item again */
        }
        rc = rc == ZNONODE ? ZNOTHING : rc;
    }
    free(entries);
    deallocate_String_vector(&names);
    return rc;
}

static int get_item(struct rk_queue *q, bool is_claim, int64_t deadline_ms,
                    struct rk_item **ret_item)
{
    for (;;) {
        uint64_t seen = rk_object_pokes(&q->object);
        struct rk_try t = {
            .keeper = q->object.keeper, .object = &q->object, .deadline_ms = deadline_ms};
        while (rk_try(&t)) {
            t.rc = walk(&t, q, is_claim, ret_item);
        }
        if (t.rc != ZNOTHING) {
            return t.rc;
        }
        if (!rk_object_wait(&q->object, seen, deadline_ms)) {
            return ZCLOSING;
        }
        if (rk_rec_now_ms() >= deadline_ms) {
            return ZOPERATIONTIMEOUT;
        }
    }
}

int rk_queue_take(struct rk_queue *q, int timeout_ms, struct rk_queue_item **ret_item)
{
    struct rk_item *item = NULL;
    int rc = rk_object_enter(&q->object);
    if (rc != ZOK) {
        return rc;
    }
    rc = get_item(q, false, rk_rec_deadline(timeout_ms), &item);
    if (rc == ZOK) {
        *ret_item = &item->shown;
    }
    rk_object_leave(&q->object);
    return rc;
}

int rk_queue_claim(struct rk_queue *q, int timeout_ms, struct rk_queue_item **ret_item)
{
    struct rk_item *item = NULL;
    int rc = rk_object_enter(&q->object);
    if (rc != ZOK) {
        return rc;
    }
    rc = get_item(q, true, rk_rec_deadline(timeout_ms), &item);
    if (rc == ZOK) {
        pthread_mutex_lock(&q->object.mutex);
        q->out_count++;
        pthread_mutex_unlock(&q->object.mutex);
        *ret_item = &item->shown;
    }
    rk_object_leave(&q->object);
    return rc;
}

static void give_back(struct rk_queue *q, struct rk_item *item)
{
    item_free(item);
    pthread_mutex_lock(&q->object.mutex);
    q->out_count--;
    pthread_mutex_unlock(&q->object.mutex);
}

int rk_queue_done(struct rk_queue *q, struct rk_queue_item *shown, int timeout_ms)
{
    struct rk_item *item = (struct rk_item *)shown;
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    struct rk_try t = {.keeper = q->object.keeper,
                       .deadline_ms = rk_rec_deadline(timeout_ms),
                       .generation = item->generation};
    zoo_delete_op_init(&ops[0], item->claim, -1);
    zoo_delete_op_init(&ops[1], item->path, -1);
    while (rk_try(&t)) {
        t.rc = zoo_multi(t.zh, 2, ops, results);
        if (t.rc == ZNONODE && t.lost > 0) {
            t.rc = ZOK; /* by the attempt whose answer was lost: the claim was ours all the time */
        }
    }
    give_back(q, item);
    return t.rc == ZNONODE ? ZSESSIONEXPIRED : t.rc;
}

int rk_queue_giveup(struct rk_queue *q, struct rk_queue_item *shown)
{
    struct rk_item *item = (struct rk_item *)shown;
    struct rk_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return ZSYSTEMERROR;
    }
    *node =
        (struct rk_node){.path = item->claim, .generation = item->generation, .is_ephemeral = true};
    item->claim = NULL;
    int rc = rk_node_remove(q->object.keeper, node, rk_rec_deadline(RELEASE_MS));
    give_back(q, item);
    return rc;
}
