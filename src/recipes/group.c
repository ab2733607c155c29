/* Group membership: an ephemeral node that is kept standing over sessions; and the list of all of
 * them. Services stand by the same means (service.c). */
#include "recipes/group_int.h"

#include <stdlib.h>
#include <string.h>

#define PUT_UP_TRIES 4 /* each may find what the next one is for; then it is tried again later */

static void tell(struct rk_member *m, bool is_in, int code)
{
    pthread_mutex_lock(&m->object.mutex);
    bool is_news = m->is_in != is_in || m->code != code;
    m->is_in = is_in;
    m->code = code;
    pthread_cond_broadcast(&m->object.cond); /* for rk_member_wait */
    pthread_mutex_unlock(&m->object.mutex);
    if (is_news && m->on_change != NULL) {
        m->on_change(m->is_service ? NULL : m, is_in, code, m->context);
    }
}

/* A copy, so that it can be sent without the mutex. */
static int copy_data(struct rk_member *m, char **ret_data, int *ret_bytes, uint64_t *ret_edition)
{
    pthread_mutex_lock(&m->object.mutex);
    *ret_data = rk_rec_memdup(m->data, m->data_bytes);
    *ret_bytes = m->data_bytes;
    *ret_edition = m->edition;
    pthread_mutex_unlock(&m->object.mutex);
    return *ret_data == NULL ? ZSYSTEMERROR : ZOK;
}

static void note_written(struct rk_member *m, uint64_t generation, uint64_t edition)
{
    pthread_mutex_lock(&m->object.mutex);
    m->generation = generation;
    m->written = edition;
    pthread_cond_broadcast(&m->object.cond);
    pthread_mutex_unlock(&m->object.mutex);
}

/* There is a node of the name. ZOK: it is ours of this session; ZNONODE: it went, or was of one of
 * our earlier sessions and is removed; ZNODEEXISTS: of another one. */
static int judge(struct rk_try *t, struct rk_member *m)
{
    struct Stat stat;
    char byte;
    int bytes = 0;
    int rc = zoo_wget(t->zh, m->path, rk_object_watcher, m->object.cell, &byte, &bytes, &stat);
    if (rc != ZOK || !m->is_ephemeral) {
        return rc;
    }
    if (stat.ephemeralOwner == rk_keeper_session_id(t->keeper)) {
        return ZOK;
    }
    if (!rk_keeper_was_ours(m->object.keeper, stat.ephemeralOwner)) {
        return ZNODEEXISTS;
    }
    rc = zoo_delete(t->zh, m->path, stat.version);
    return rc == ZOK || rc == ZBADVERSION ? ZNONODE : rc;
}

static int create(struct rk_try *t, struct rk_member *m, const char *data, int bytes)
{
    m->tried = t->used_generation;
    int rc = zoo_create(t->zh, m->path, data, bytes, rk_keeper_acl(t->keeper),
                        m->is_ephemeral ? ZOO_EPHEMERAL : ZOO_PERSISTENT, NULL, 0);
    return rc == ZNONODE ? rk_rec_make_path(t, m->parent) : rc;
}

static int put_up(struct rk_try *t, struct rk_member *m, const char *data, int bytes)
{
    int rc = judge(t, m);
    for (int i = 0; i < PUT_UP_TRIES && rc == ZNONODE; i++) {
        rc = create(t, m, data, bytes);
        if (rc == ZOK || rc == ZNODEEXISTS) {
            rc = judge(t, m); /* who has it now; and leaves a watch */
        }
    }
    return rc;
}

/* One look, with what it says told. Lost connections are not waited out: whoever is out hears so.
 */
static int keep_once(struct rk_member *m)
{
    char *data = NULL;
    int bytes = 0;
    uint64_t edition = 0;
    int rc = copy_data(m, &data, &bytes, &edition);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_look look;
    rk_keeper_look(m->object.keeper, &look);
    if (m->generation != 0 && m->generation != look.generation) {
        tell(m, false, ZCONNECTIONLOSS);
    }
    struct rk_try t = {
        .keeper = m->object.keeper, .object = &m->object, .deadline_ms = rk_rec_now_ms()};
    while (rk_try(&t)) {
        t.rc = put_up(&t, m, data, bytes);
        pthread_mutex_lock(&m->object.mutex);
        bool is_stale = m->generation != t.used_generation || m->written != edition;
        pthread_mutex_unlock(&m->object.mutex);
        /* A node of ours that an earlier attempt made may hold older data. */
        if (t.rc == ZOK && is_stale) {
            t.rc = zoo_set(t.zh, m->path, data, bytes, -1);
        }
    }
    free(data);
    if (t.rc == ZOK) {
        note_written(m, t.used_generation, edition);
    }
    if (t.rc != ZCLOSING) {
        tell(m, t.rc == ZOK, t.rc == ZOPERATIONTIMEOUT ? ZCONNECTIONLOSS : t.rc);
    }
    return t.rc;
}

static void member_run(struct rk_object *object)
{
    struct rk_member *m = (struct rk_member *)object;
    bool is_open = true;
    while (is_open) {
        uint64_t seen = rk_object_pokes(object);
        int rc = keep_once(m);
        /* Another one's node is watched; everything else is tried again. */
        bool is_quiet = rc == ZOK || rc == ZNODEEXISTS;
        is_open =
            rk_object_wait(object, seen, is_quiet ? RK_FOREVER : rk_rec_now_ms() + RK_RETRY_MS);
    }
}

static void member_free(struct rk_member *m)
{
    free(m->path);
    free(m->parent);
    free(m->data);
    free(m);
}

int rk_member_new(struct rk_keeper *keeper, const struct rk_member_plan *plan,
                  struct rk_member **ret_member)
{
    if (keeper == NULL || !rk_rec_is_path(plan->parent) || !rk_rec_is_name(plan->id) ||
        !rk_rec_is_data(plan->data, plan->data_bytes)) {
        return ZBADARGUMENTS;
    }
    struct rk_member *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return ZSYSTEMERROR;
    }
    m->on_change = plan->on_change;
    m->context = plan->context;
    m->is_ephemeral = plan->is_ephemeral;
    m->is_service = plan->is_service;
    m->edition = 1;
    m->parent = strdup(plan->parent);
    m->path = rk_rec_join(plan->parent, plan->id);
    m->data = rk_rec_memdup(plan->data, plan->data_bytes);
    m->data_bytes = plan->data_bytes;
    bool is_whole = m->parent != NULL && m->path != NULL && m->data != NULL;
    int rc = rk_object_open(&m->object, keeper, is_whole, member_run);
    if (rc != ZOK) {
        member_free(m);
        return rc;
    }
    *ret_member = m;
    return ZOK;
}

int rk_member_open(struct rk_keeper *keeper, const char *path, const char *id, const void *data,
                   int data_bytes, rk_member_fn on_change, void *context,
                   struct rk_member **ret_member)
{
    struct rk_member_plan plan = {.parent = path,
                                  .id = id,
                                  .data = data,
                                  .data_bytes = data_bytes,
                                  .on_change = on_change,
                                  .context = context,
                                  .is_ephemeral = true};
    return rk_member_new(keeper, &plan, ret_member);
}

/* Removes the node if it is ours. */
static void take_down(struct rk_member *m)
{
    struct rk_node *node = calloc(1, sizeof(*node));
    if (node == NULL || m->tried == 0 || !m->is_ephemeral) {
        free(node); /* without memory it goes with the session */
        return;
    }
    node->path = m->path;
    node->generation = m->tried;
    node->is_by_owner = true;
    m->path = NULL;
    (void)rk_node_remove(m->object.keeper, node, rk_rec_deadline(RK_RELEASE_MS)); /* or later */
}

int rk_member_close(struct rk_member *m)
{
    if (m == NULL) {
        return ZOK;
    }
    int rc = rk_object_shut(&m->object);
    if (rc != ZOK) {
        return rc;
    }
    take_down(m);
    rk_object_deinit(&m->object);
    member_free(m);
    return ZOK;
}

int rk_member_wait(struct rk_member *m, int timeout_ms)
{
    return rk_object_wait_flag(&m->object, &m->is_in, timeout_ms);
}

int rk_member_set(struct rk_member *m, const void *data, int data_bytes, int timeout_ms)
{
    /* The member's own thread cannot wait for itself. */
    int64_t deadline_ms = rk_rec_deadline(rk_object_is_own_thread(&m->object) ? 0 : timeout_ms);
    if (!rk_rec_is_data(data, data_bytes)) {
        return ZBADARGUMENTS;
    }
    int rc = rk_object_enter(&m->object);
    if (rc != ZOK) {
        return rc;
    }
    void *copy = rk_rec_memdup(data, data_bytes);
    if (copy == NULL) {
        rk_object_leave(&m->object);
        return ZSYSTEMERROR;
    }
    pthread_mutex_lock(&m->object.mutex);
    free(m->data);
    m->data = copy;
    m->data_bytes = data_bytes;
    uint64_t edition = ++m->edition;
    m->object.pokes++;
    pthread_cond_broadcast(&m->object.cond);
    while (m->written < edition && !m->object.is_closing && rk_rec_now_ms() < deadline_ms) {
        rk_rec_cond_wait(&m->object.cond, &m->object.mutex, deadline_ms);
    }
    rc = m->written >= edition ? ZOK : m->object.is_closing ? ZCLOSING : ZOPERATIONTIMEOUT;
    pthread_mutex_unlock(&m->object.mutex);
    rk_object_leave(&m->object);
    return rc;
}

/* -- The list -------------------------------------------------------------------------------------
 */

void rk_group_free(struct rk_group *group)
{
    for (int i = 0; i < group->count; i++) {
        free(group->entries[i].id);
        free(group->entries[i].data);
    }
    free(group->entries);
    *group = (struct rk_group){0};
}

static int read_entry(struct rk_try *t, const char *path, const char *name, struct rk_group *group)
{
    struct rk_group_entry *e = &group->entries[group->count];
    char *child = rk_rec_join(path, name);
    if (child == NULL) {
        return ZSYSTEMERROR;
    }
    int rc = rk_get(t->zh, child, NULL, NULL, &e->data, &e->data_bytes, &e->stat);
    free(child);
    if (rc == ZNONODE) {
        return ZOK; /* gone meanwhile */
    }
    if (rc == ZOK) {
        e->id = strdup(name);
        if (e->id == NULL) {
            free(e->data);
            return ZSYSTEMERROR;
        }
        group->count++;
    }
    return rc;
}

static int list_once(struct rk_try *t, const char *path, struct rk_group *group)
{
    struct String_vector names = {0};
    int rc = zoo_get_children(t->zh, path, 0, &names);
    if (rc != ZOK) {
        return rc;
    }
    rk_rec_strings_sort(&names);
    group->entries = calloc((size_t)names.count + 1u, sizeof(*group->entries));
    rc = group->entries == NULL ? ZSYSTEMERROR : ZOK;
    for (int i = 0; i < names.count && rc == ZOK; i++) {
        rc = read_entry(t, path, names.data[i], group);
    }
    deallocate_String_vector(&names);
    return rc;
}

int rk_group_list(struct rk_keeper *keeper, const char *path, int timeout_ms,
                  struct rk_group *ret_group)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_group group = {0};
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        rk_group_free(&group);
        t.rc = rk_sync(t.zh, path);
        if (t.rc == ZOK) {
            t.rc = list_once(&t, path, &group);
        }
    }
    if (t.rc == ZOK || t.rc == ZNONODE) {
        *ret_group = group;
        return ZOK;
    }
    rk_group_free(&group);
    return t.rc;
}
