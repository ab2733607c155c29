/* A queue: items are sequential nodes; who works on one carefully claims it with an ephemeral node.
 *
 * Of several claimers and takers of one item one gets it: the create of the claim decides. A
 * claimer makes it in one transaction with a check that the item is still there, a taker in one
 * that removes both. */
#include "recipes/recipes_int.h"
#include <rookery/recipes_sync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_CHARS 16

struct rk_queue {
    struct rk_object object; /* first */
    char *path;
    char *claims;
};

struct rk_item {
    struct rk_queue_item shown; /* first */
    char *data;
    char *path;
    struct rk_node *claim; /* with a mark of its own */
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
    int rc = rk_object_open(&q->object, keeper, q->path != NULL && q->claims != NULL, NULL);
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
    int rc = rk_object_shut(&q->object);
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

/* Below claims, of no session yet. */
static struct rk_node *claims_node(const struct rk_queue *q, const char *name)
{
    struct rk_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->path = rk_rec_join(q->claims, name);
    if (node->path == NULL) {
        rk_node_free(node);
        return NULL;
    }
    return node;
}

/* The put of one item: protected by a mark that is made with it and found again after a lost
 * answer. Java reads names as qn-<number>, so that the mark cannot be in the name; it is an empty
 * ephemeral node of its own, and with its session goes the only proof that the item was put. */
struct rk_put {
    char *item;
    struct rk_node *mark;
    const void *data;
    int data_bytes;
};

static int put_once(struct rk_try *t, const struct rk_queue *q, const struct rk_put *put)
{
    const char *mark = put->mark->path;
    t->generation = t->used_generation;
    put->mark->generation = t->used_generation;
    if (t->lost > 0) {
        /* The sync brings what our earlier connection had in flight. */
        int rc = rk_sync(t->zh, mark);
        rc = rc == ZOK ? zoo_exists(t->zh, mark, 0, NULL) : rc;
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
    zoo_create_op_init(&ops[1], mark, NULL, -1, acl, ZOO_EPHEMERAL, path, (int)sizeof(path));
    int rc = ZNONODE;
    for (int i = 0; i < RK_PARENT_TRIES && rc == ZNONODE; i++) {
        rc = zoo_multi(t->zh, 2, ops, results);
        if (rc == ZNONODE) {
            rc = rk_rec_make_path(t, q->claims);
            rc = rc == ZOK ? ZNONODE : rc;
        }
    }
    return rc;
}

static int put(struct rk_queue *q, const struct rk_put *p, int64_t deadline_ms)
{
    struct rk_keeper *keeper = q->object.keeper;
    struct rk_try t = {.keeper = keeper, .object = &q->object, .deadline_ms = deadline_ms};
    while (rk_try(&t)) {
        t.rc = put_once(&t, q, p);
    }
    if (t.rc == ZOK) {
        (void)rk_node_remove(keeper, p->mark, rk_rec_deadline(RK_RELEASE_MS));
    } else if (t.lost > 0 || t.rc == ZSYSTEMERROR) {
        rk_keeper_discard(keeper, p->mark); /* it may stand */
    } else {
        rk_node_free(p->mark);
    }
    return t.rc;
}

int rk_queue_put(struct rk_queue *q, const void *data, int data_bytes, int32_t priority,
                 int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    if (!rk_rec_is_data(data, data_bytes)) {
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
    struct rk_put p = {.item = rk_rec_join(q->path, prefix),
                       .mark = claims_node(q, uuid),
                       .data = data,
                       .data_bytes = data_bytes};
    if (p.item == NULL || p.mark == NULL) {
        rk_node_free(p.mark);
        rc = ZSYSTEMERROR;
    } else {
        rc = put(q, &p, deadline_ms);
    }
    free(p.item);
    rk_object_leave(&q->object);
    return rc;
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
        return ZCONNECTIONLOSS; /* removed just now: once more */
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
        rk_node_free(item->claim);
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
    char *mark = malloc(RK_UUID_CHARS + 1u);
    item->path = rk_rec_join(q->path, entry->name);
    item->claim = claims_node(q, entry->name);
    item->shown.priority = entry->priority;
    if (mark == NULL || item->path == NULL || item->claim == NULL) {
        free(mark);
        item_free(item);
        return NULL;
    }
    rk_rec_uuid(mark);
    item->claim->content = mark;
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

static void init_claim_op(const struct rk_try *t, const struct rk_item *item, zoo_op_t *op)
{
    zoo_create_op_init(op, item->claim->path, item->claim->content, (int)RK_UUID_CHARS,
                       rk_keeper_acl(t->keeper), ZOO_EPHEMERAL, NULL, 0);
}

/* After ZNONODE of a multi. The claims' parent may be what is missing: it is made on the way round.
 */
static int tell_missing(const struct rk_try *t, const struct rk_item *item)
{
    int rc = zoo_exists(t->zh, item->path, 0, NULL);
    return rc == ZOK ? ZCONNECTIONLOSS : rc;
}

/* ZNODEEXISTS: claimed by another one; ZNONODE: gone. A lost answer is not repeated: whether it was
 * ours that removed the item could not be told. */
static int take_item(struct rk_try *t, struct rk_item *item)
{
    zoo_op_t ops[3];
    zoo_op_result_t results[3];
    int rc = item_read(t, item);
    if (rc != ZOK) {
        return rc;
    }
    init_claim_op(t, item, &ops[0]);
    zoo_delete_op_init(&ops[1], item->claim->path, -1);
    zoo_delete_op_init(&ops[2], item->path, -1);
    rc = zoo_multi(t->zh, 3, ops, results);
    return rc == ZNONODE ? tell_missing(t, item) : rc;
}

static int claim_marked(struct rk_try *t, struct rk_item *item, bool *ret_may_stand)
{
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    item->claim->generation = t->used_generation;
    zoo_check_op_init(&ops[0], item->path, -1);
    init_claim_op(t, item, &ops[1]);
    int rc = zoo_multi(t->zh, 2, ops, results);
    *ret_may_stand = rc == ZOK || rk_rec_is_lost(rc) || rc == ZSYSTEMERROR;
    if (rc == ZNONODE) {
        return tell_missing(t, item);
    }
    struct Stat stat;
    if (rc == ZOK) {
        rc = zoo_exists(t->zh, item->claim->path, 0, &stat);
    }
    if (rc == ZOK) {
        rc = item_read(t, item);
        item->shown.token = stat.czxid;
    }
    return rc;
}

/* As above. Each attempt has an item with a mark of its own: when the answer is lost, or the claim
 * is of no use, one with that mark is removed in the background, and is as good as another one's
 * until then. */
static int claim_item(struct rk_try *t, struct rk_item *item)
{
    bool may_stand = false;
    int rc = claim_marked(t, item, &may_stand);
    if (rc != ZOK && may_stand) {
        rk_keeper_discard(t->keeper, item->claim);
        item->claim = NULL;
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
    int rc = rk_rec_make_path(t, q->claims);
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
        int rc = rk_object_wait_again(&q->object, seen, deadline_ms);
        if (rc != ZOK) {
            return rc;
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

/* Ends the claim, and frees the item. */
static int give_back(struct rk_queue *q, struct rk_item *item)
{
    int rc = rk_node_remove(q->object.keeper, item->claim, rk_rec_deadline(RK_RELEASE_MS));
    item->claim = NULL;
    item_free(item);
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
    if (rc == ZOK && !rk_object_lend(&q->object)) {
        (void)give_back(q, item);
        rc = ZCLOSING;
    } else if (rc == ZOK) {
        *ret_item = &item->shown;
    }
    rk_object_leave(&q->object);
    return rc;
}

int rk_queue_done(struct rk_queue *q, struct rk_queue_item *shown, int timeout_ms)
{
    struct rk_item *item = (struct rk_item *)shown;
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    struct rk_try t = {.keeper = q->object.keeper,
                       .deadline_ms = rk_rec_deadline(timeout_ms),
                       .generation = item->claim->generation};
    zoo_delete_op_init(&ops[0], item->claim->path, -1);
    zoo_delete_op_init(&ops[1], item->path, -1);
    while (rk_try(&t)) {
        t.rc = zoo_multi(t.zh, 2, ops, results);
        if (t.rc == ZNONODE && t.lost > 0) {
            t.rc = ZOK; /* by the attempt whose answer was lost: the claim was ours all the time */
        }
    }
    if (t.rc == ZSESSIONEXPIRED && t.lost > 0) {
        t.rc = ZOPERATIONTIMEOUT; /* that attempt may have been carried out */
    }
    if (t.rc != ZOK) {
        rk_keeper_discard(q->object.keeper, item->claim); /* or nobody else would get the item */
        item->claim = NULL;
    }
    item_free(item);
    rk_object_take_back(&q->object);
    return t.rc == ZNONODE ? ZSESSIONEXPIRED : t.rc;
}

int rk_queue_giveup(struct rk_queue *q, struct rk_queue_item *shown)
{
    int rc = give_back(q, (struct rk_item *)shown);
    rk_object_take_back(&q->object);
    return rc;
}
