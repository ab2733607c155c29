/* The machine's promises, looked at from its user's side: every accepted request completes once and
 * in order, none is sent twice, no answer shows a change that a watch was not told of before, and
 * an event goes to those who watch and nobody else. Whether the server's answers are right is the
 * checker's business. */
#include "base/map.h"
#include "sim/client_lib.h"

#include "proto/records.h"
#include "sim/truth.h"

#include <string.h>

uint64_t rk_lib_hash(int32_t op, struct rk_bytes body)
{
    return rk_hash_bytes(body.data, body.len, (uint64_t)(uint32_t)op);
}

struct lib_asked *rk_lib_asked(struct sim_lib *lib, uint64_t tag)
{
    struct lib_asked *a = &lib->asked[tag % LIB_TAGS];
    return tag != 0 && a->tag == tag ? a : NULL;
}

/* -- Sending -- */

/* The next one accepted that has not been sent and is still open. */
static struct lib_asked *next_unsent(struct sim_lib *lib)
{
    while (lib->sent_tag < lib->tags) {
        struct lib_asked *a = rk_lib_asked(lib, ++lib->sent_tag);
        if (a != NULL && !a->is_sent) {
            return a;
        }
    }
    return NULL;
}

static void check_request(struct sim_world *w, struct sim_client *c, struct rk_bytes frame)
{
    struct sim_lib *lib = c->lib;
    int32_t xid = rk_load_i32(frame.data);
    int32_t op = rk_load_i32(frame.data + 4);
    if (xid <= 0 || op == RK_OP_CLOSE_SESSION) {
        return;
    }
    if (xid <= lib->sent_xid) {
        rk_sim_fail(w, "client %u sends xid %d after %d", c->index, xid, lib->sent_xid);
    }
    lib->sent_xid = xid;
    struct lib_asked *a = next_unsent(lib);
    if (a == NULL || a->hash != rk_lib_hash(op, rk_bytes_of(frame.data + 8, frame.len - 8))) {
        rk_sim_fail(w, "client %u sends what is not next, or was sent before", c->index);
    }
    a->is_sent = true;
}

/* A server that is behind that must not take it; the rest the checker of the server reads. */
static void check_handshake(struct sim_world *w, const struct sim_client *c, struct rk_bytes bytes)
{
    rk_zxid said = rk_load_i64(bytes.data + RK_FRAME_HEADER_BYTES + 4);
    if (said < c->lib->seen) {
        rk_sim_fail(w, "client %u says that it has seen zxid %llx and was shown %llx", c->index,
                    (unsigned long long)said, (unsigned long long)c->lib->seen);
    }
}

void rk_lib_check_sent(struct sim_world *w, struct sim_client *c, struct rk_bytes bytes)
{
    struct rk_bytes frame;
    if (c->lib->state == RK_CLIENT_ASSOCIATING) {
        check_handshake(w, c, bytes);
        return;
    }
    while (rk_frame_next(&bytes, INT32_MAX, &frame) == RK_OK) {
        check_request(w, c, frame);
    }
    if (bytes.len != 0) {
        rk_sim_fail(w, "client %u sends a part of a frame", c->index);
    }
}

/* -- Watches -- */

static bool is_checked(const struct sim_world *w, const char *path)
{
    /* With ACLs an event may rightly be withheld, with a limit a watch may not be there, and what
     * is under /zookeeper servers have for themselves. */
    return w->opt.client.restricted_pct == 0 && w->opt.node.core.watch_per_conn_max == 0 &&
           strncmp(path, "/zookeeper", 10) != 0;
}

static struct lib_watch *find(struct sim_lib *lib, enum watched kind, const char *path)
{
    for (uint32_t i = 0; i < lib->watch_count; i++) {
        if (lib->watches[i].kind == kind && strcmp(lib->watches[i].path, path) == 0) {
            return &lib->watches[i];
        }
    }
    return NULL;
}

static void drop(struct sim_lib *lib, struct lib_watch *watch)
{
    *watch = lib->watches[--lib->watch_count];
}

static void drop_kind(struct sim_lib *lib, enum watched kind, const char *path)
{
    struct lib_watch *watch = find(lib, kind, path);
    if (watch != NULL) {
        drop(lib, watch);
    }
}

static void note_watch(struct sim_lib *lib, enum watched kind, const char *path, rk_zxid value)
{
    struct lib_watch *watch = find(lib, kind, path);
    if (watch == NULL) {
        RK_ASSERT(lib->watch_count < LIB_WATCHES);
        watch = &lib->watches[lib->watch_count++];
        *watch = (struct lib_watch){.kind = kind, .value = value};
        (void)snprintf(watch->path, sizeof(watch->path), "%s", path);
    }
}

static bool is_at_or_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    return strcmp(path, top) == 0 || strcmp(top, "/") == 0 ||
           (strncmp(path, top, len) == 0 && path[len] == '/');
}

static bool hears(const struct lib_watch *watch, int32_t event, const char *path)
{
    bool is_here = strcmp(watch->path, path) == 0;
    switch (watch->kind) {
    case WATCHED_DATA:
    case WATCHED_EXIST:
        return is_here && event != RK_EVENT_NODE_CHILDREN_CHANGED;
    case WATCHED_CHILD:
        return is_here &&
               (event == RK_EVENT_NODE_CHILDREN_CHANGED || event == RK_EVENT_NODE_DELETED);
    case WATCHED_PERSISTENT:
        return is_here;
    default:
        return event != RK_EVENT_NODE_CHILDREN_CHANGED && is_at_or_below(path, watch->path);
    }
}

/* A watcher is its kind of watch, whatever the path: exists on a node that is there stays EXIST. */
void rk_lib_check_watch(struct sim_world *w, struct sim_client *c,
                        const struct rk_client_effect *fx)
{
    struct sim_lib *lib = c->lib;
    char path[SIM_PATH_BYTES * 2];
    uint32_t told = 0;
    uint32_t due = 0;
    if (fx->u.watch.event == -1) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%.*s", (int)fx->u.watch.path.len,
                   (const char *)fx->u.watch.path.data);
    for (uint32_t i = 0; i < fx->u.watch.count; i++) {
        told |= 1u << fx->u.watch.watchers[i].ctx;
    }
    for (uint32_t i = 0; i < lib->watch_count;) {
        struct lib_watch *watch = &lib->watches[i];
        if (!hears(watch, fx->u.watch.event, path)) {
            i++;
            continue;
        }
        due |= 1u << watch->kind;
        watch->told = fx->u.watch.zxid;
        if (watch->kind < WATCHED_PERSISTENT) {
            drop(lib, watch);
        } else {
            i++;
        }
    }
    if (told != due) {
        rk_sim_fail(w, "client %u: event %d of %s went to %x, not to %x", c->index,
                    fx->u.watch.event, path, told, due);
    }
}

/* An answer about path that was asked without doubt: what does it show? */
static void check_shown(struct sim_world *w, struct sim_client *c, const char *path,
                        const struct rk_stat *stat)
{
    for (uint32_t i = 0; i < c->lib->watch_count; i++) {
        const struct lib_watch *watch = &c->lib->watches[i];
        if (strcmp(watch->path, path) != 0 || watch->kind >= WATCHED_PERSISTENT) {
            continue;
        }
        bool was_missing = watch->kind == WATCHED_EXIST && watch->told < 0;
        rk_zxid shown = stat == NULL ? 0 : watch->kind == WATCHED_CHILD ? stat->pzxid : stat->mzxid;
        if (was_missing ? stat != NULL : stat == NULL || shown > watch->value) {
            rk_sim_fail(w, "client %u is shown a change of %s (%llx) before its watch is told",
                        c->index, path, (unsigned long long)shown);
        }
    }
}

/* Its own write: persistent watches heard of it before the answer. */
static void check_own_write(struct sim_world *w, struct sim_client *c, const char *path,
                            rk_zxid zxid)
{
    for (uint32_t i = 0; i < c->lib->watch_count; i++) {
        const struct lib_watch *watch = &c->lib->watches[i];
        if (watch->kind >= WATCHED_PERSISTENT && watch->told < zxid &&
            hears(watch, RK_EVENT_NODE_DATA_CHANGED, path)) {
            rk_sim_fail(w, "client %u was not told of its own write %llx to %s, watched at %s",
                        c->index, (unsigned long long)zxid, path, watch->path);
        }
    }
}

/* The Stat of an answer that has one; false for the others. */
static bool read_stat(int32_t op, struct rk_bytes body, struct rk_stat *ret)
{
    if ((op != RK_OP_GET_DATA && op != RK_OP_EXISTS && op != RK_OP_GET_CHILDREN2) ||
        body.len < RK_STAT_BYTES_MIN) {
        return false;
    }
    struct rk_reader r;
    rk_reader_init(&r, rk_bytes_of(body.data + body.len - RK_STAT_BYTES_MIN, RK_STAT_BYTES_MIN), 0);
    return rk_proto_read_stat(&r, NULL, ret);
}

static void check_watches(struct sim_world *w, struct sim_client *c, const struct lib_asked *a,
                          const struct rk_client_effect *fx)
{
    struct rk_stat stat;
    int32_t result = fx->u.complete.result;
    bool is_read = a->op == RK_OP_GET_DATA || a->op == RK_OP_EXISTS || a->op == RK_OP_GET_CHILDREN2;
    bool has_stat = result == RK_ZK_OK && read_stat(a->op, fx->u.complete.body, &stat);
    if (is_checked(w, a->path) && (has_stat || (is_read && result == RK_ZK_NO_NODE))) {
        check_shown(w, c, a->path, has_stat ? &stat : NULL);
    }
    if (is_checked(w, a->path) && a->op == RK_OP_SET_DATA && result == RK_ZK_OK) {
        check_own_write(w, c, a->path, fx->u.complete.zxid);
    }
    if (a->op == RK_OP_EXISTS && a->list != 0 && result == RK_ZK_NO_NODE) {
        note_watch(c->lib, WATCHED_EXIST, a->path, fx->u.complete.zxid);
        find(c->lib, WATCHED_EXIST, a->path)->told = -1; /* was missing */
    } else if (a->list != 0 && result == RK_ZK_OK) {
        enum watched kind = (enum watched)(a->list - 1);
        note_watch(c->lib, kind, a->path,
                   !has_stat               ? fx->u.complete.zxid
                   : kind == WATCHED_CHILD ? stat.pzxid
                                           : stat.mzxid);
    }
}

static void check_removal(struct sim_client *c, const struct lib_asked *a)
{
    static const enum rk_client_watch_kind kinds[] = {
        RK_CLIENT_WATCH_DATA, RK_CLIENT_WATCH_EXISTS, RK_CLIENT_WATCH_CHILD,
        RK_CLIENT_WATCH_PERSISTENT, RK_CLIENT_WATCH_RECURSIVE};
    for (uint32_t kind = 0; kind < WATCHED_COUNT; kind++) {
        if (a->removed == RK_CLIENT_WATCH_NONE || a->removed == kinds[kind] ||
            (a->removed == RK_CLIENT_WATCH_DATA && kind == WATCHED_EXIST)) {
            drop_kind(c->lib, (enum watched)kind, a->path);
        }
    }
}

/* -- Completions -- */

static bool is_answer(int32_t result)
{
    return result != RK_ZK_CONNECTION_LOSS && result != RK_ZK_OPERATION_TIMEOUT &&
           result != RK_ZK_SYSTEM_ERROR && result != RK_CLIENT_CLOSING &&
           result != RK_ZK_SESSION_EXPIRED && result != RK_ZK_AUTH_FAILED;
}

void rk_lib_check_complete(struct sim_world *w, struct sim_client *c,
                           const struct rk_client_effect *fx)
{
    struct sim_lib *lib = c->lib;
    uint64_t tag = fx->u.complete.tag;
    struct lib_asked *a = rk_lib_asked(lib, tag);
    if (a == NULL || a->op != fx->u.complete.op) {
        rk_sim_fail(w, "client %u: request %llu completes twice", c->index,
                    (unsigned long long)tag);
    }
    bool has_answer = is_answer(fx->u.complete.result);
    if (a->is_sent ? tag <= lib->answered && fx->u.complete.result != RK_ZK_OPERATION_TIMEOUT
                   : has_answer) {
        rk_sim_fail(w, "client %u: request %llu completes after %llu", c->index,
                    (unsigned long long)tag, (unsigned long long)lib->answered);
    }
    if (a->is_sent && fx->u.complete.result != RK_ZK_OPERATION_TIMEOUT) {
        lib->answered = tag;
    }
    if (has_answer) {
        rk_zxid zxid = fx->u.complete.zxid;
        if (zxid > 0 && zxid < lib->seen) {
            rk_sim_fail(w, "client %u has seen zxid %llx and is shown %llx", c->index,
                        (unsigned long long)lib->seen, (unsigned long long)zxid);
        }
        lib->seen = zxid > 0 ? zxid : lib->seen;
        check_watches(w, c, a, fx);
        if ((a->op == RK_OP_REMOVE_WATCHES || a->op == RK_OP_CHECK_WATCHES) &&
            fx->u.complete.result == RK_ZK_OK) {
            check_removal(c, a);
        }
    }
    *a = (struct lib_asked){.tag = 0};
}

void rk_lib_check_state(struct sim_world *w, struct sim_client *c, enum rk_client_state state,
                        bool is_new_session)
{
    struct sim_lib *lib = c->lib;
    bool is_ok = state != RK_CLIENT_CONNECTED || lib->state == RK_CLIENT_ASSOCIATING;
    is_ok = is_ok && (state != RK_CLIENT_ASSOCIATING || lib->state == RK_CLIENT_CONNECTING);
    is_ok = is_ok && (lib->state < RK_CLIENT_EXPIRED || state == RK_CLIENT_CLOSED);
    if (!is_ok || (is_new_session && lib->had_session)) {
        rk_sim_fail(w, "client %u goes from state %d to %d", c->index, lib->state, state);
    }
    if (state == RK_CLIENT_CONNECTED) {
        if (lib->had_session) {
            RK_MARK(w, LIBRARY_RESUMED);
            if (w->opt.ens.is_calm && rk_truth_epochs(w->truth) == 1) {
                rk_sim_fail(w, "client %u lost its connection, and nothing had happened", c->index);
            }
        }
        lib->had_session = true;
        lib->answered = 0;
    }
    lib->state = state;
}

void rk_lib_check_end(struct sim_world *w, struct sim_client *c)
{
    for (uint32_t i = 0; i < LIB_TAGS; i++) {
        if (c->lib->asked[i].tag != 0) {
            rk_sim_fail(w, "client %u: request %llu was never completed", c->index,
                        (unsigned long long)c->lib->asked[i].tag);
        }
    }
}
