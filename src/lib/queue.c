/* The queue of what the program is to be told, and the telling. A batch is taken in one piece; its
 * calls go back to be used again in one piece. */
#include "lib/queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/decode.h"
#include "lib/log.h"
#include "lib/session.h"
#include "lib/view.h"

#define SPARE_MAX        1024u
#define UNTOLD_BYTES_MAX (UINT64_C(256) * 1024 * 1024)

bool rk_lib_queue_is_full(const struct rk_lib *s)
{
    return s->untold_bytes > UNTOLD_BYTES_MAX;
}

/* What an item holds. */
static uint64_t held_bytes(const struct rk_lib_item *item)
{
    if (item->kind == RK_LIB_ITEM_CALL)
        return sizeof(struct rk_lib_call) +
               ((const struct rk_lib_call *)(const void *)item)->body_bytes;
    if (item->kind == RK_LIB_ITEM_WATCH)
        return ((const struct rk_lib_watch *)(const void *)item)->bytes;
    return sizeof(struct rk_lib_state_item);
}

/* -- Calls -- */

struct rk_lib_call *rk_lib_call_new(struct rk_lib *s)
{
    struct rk_lib_call *call = s->spare;
    if (call) {
        s->spare = (struct rk_lib_call *)(void *)call->item.next;
        s->spare_count--;
    } else {
        call = malloc(sizeof(*call));
        if (!call)
            return NULL;
    }
    call->item = (struct rk_lib_item){.kind = RK_LIB_ITEM_CALL};
    call->extra = NULL;
    call->waiter = NULL;
    call->body = call->inline_body;
    call->body_bytes = 0;
    return call;
}

/* All but the memory of the call itself; without the lock. */
static void call_clear(struct rk_lib_call *call)
{
    if (call->body != call->inline_body)
        free(call->body);
    free(call->extra);
    call->body = call->inline_body;
    call->extra = NULL;
}

static void call_keep(struct rk_lib *s, struct rk_lib_call *call)
{
    rk_lib_view_release(call->zh);
    if (s->spare_count >= SPARE_MAX) {
        free(call);
        return;
    }
    call->item.next = (struct rk_lib_item *)(void *)s->spare;
    s->spare = call;
    s->spare_count++;
}

void rk_lib_call_free(struct rk_lib *s, struct rk_lib_call *call)
{
    call_clear(call);
    call_keep(s, call);
}

static void append(struct rk_lib *s, struct rk_lib_item *item)
{
    item->next = NULL;
    s->untold_bytes += held_bytes(item);
    *s->done_last = item;
    s->done_last = &item->next;
    if (s->is_teller_asleep) {
        s->is_teller_asleep = false;
        (void)pthread_cond_signal(&s->to_tell);
    }
}

void rk_lib_queue_call(struct rk_lib *s, struct rk_lib_call *call, int rc, int64_t zxid,
                       struct rk_bytes body)
{
    call->rc = rc;
    call->zxid = zxid;
    if (body.len >= RK_LIB_INLINE_BYTES) {
        call->body = malloc((size_t)body.len + 1);
        if (!call->body) {
            call->body = call->inline_body;
            call->rc = ZSYSTEMERROR;
            body.len = 0;
        }
    }
    if (body.len > 0)
        memcpy(call->body, body.data, body.len);
    call->body_bytes = body.len;
    if (call->waiter) {
        call->item.next = (struct rk_lib_item *)(void *)s->woken;
        s->woken = call;
    } else {
        append(s, &call->item);
    }
}

/* -- Events -- */

/* For what cannot be refused: the reserve helps when malloc fails. */
static void *event_alloc(struct rk_lib *s, size_t bytes, bool *ret_is_reserve)
{
    void *made = malloc(bytes);
    *ret_is_reserve = false;
    if (made)
        return made;
    size_t rounded = (bytes + 15) & ~(size_t)15;
    if (rounded > RK_LIB_RESERVE_BYTES - s->reserve_used)
        return NULL;
    *ret_is_reserve = true;
    made = s->reserve + s->reserve_used;
    s->reserve_used += (uint32_t)rounded;
    s->reserve_items++;
    return made;
}

bool rk_lib_queue_watch(struct rk_lib *s, int event, int state, int64_t zxid, struct rk_bytes path,
                        const struct rk_client_watcher *watchers, uint32_t count)
{
    bool is_reserve;
    size_t list_bytes = (size_t)count * sizeof(*watchers);
    size_t bytes = sizeof(struct rk_lib_watch) + list_bytes + path.len + 1;
    struct rk_lib_watch *watch = event_alloc(s, bytes, &is_reserve);
    if (!watch)
        return false;
    watch->item = (struct rk_lib_item){.kind = RK_LIB_ITEM_WATCH, .is_reserve = is_reserve};
    watch->event = event;
    watch->state = state;
    watch->zxid = zxid;
    watch->bytes = bytes;
    watch->count = count;
    watch->has_path = event != ZOO_SESSION_EVENT;
    if (list_bytes > 0)
        memcpy(watch->watchers, watchers, list_bytes);
    char *text = (char *)(watch->watchers + count);
    if (path.len > 0)
        memcpy(text, path.data, path.len);
    text[path.len] = 0;
    append(s, &watch->item);
    return true;
}

bool rk_lib_queue_state(struct rk_lib *s, int state, int change)
{
    bool is_reserve;
    struct rk_lib_state_item *item = event_alloc(s, sizeof(*item), &is_reserve);
    if (!item)
        return false;
    item->item = (struct rk_lib_item){.kind = RK_LIB_ITEM_STATE, .is_reserve = is_reserve};
    item->state = state;
    item->change = change;
    item->session_id = s->id.client_id;
    append(s, &item->item);
    return true;
}

/* -- Telling; without the lock -- */

static void tell_data(struct rk_lib_call *call)
{
    struct rk_reader r = rk_lib_reply(call);
    struct rk_bytes data = rk_read_bytes(&r);
    struct Stat stat;
    rk_lib_read_stat(&r, &stat);
    int rc = r.failed ? ZMARSHALLINGERROR : ZOK;
    if (rc != ZOK)
        call->fn.data(rc, NULL, 0, NULL, call->data);
    else
        call->fn.data(rc, (const char *)data.data, data.data ? (int)data.len : -1, &stat,
                      call->data);
}

static void tell_string(struct rk_lib_call *call)
{
    struct rk_reader r = rk_lib_reply(call);
    struct rk_bytes path = rk_read_bytes(&r);
    struct Stat stat;
    if (call->kind == RK_LIB_STRING_STAT)
        rk_lib_read_stat(&r, &stat);
    int rc = r.failed ? ZMARSHALLINGERROR : ZOK;
    const char *text = NULL;
    if (rc == ZOK && path.data)
        text = rk_lib_end_string(rk_lib_strip(call->zh, path));
    if (call->kind == RK_LIB_STRING)
        call->fn.string(rc, text, call->data);
    else
        call->fn.string_stat(rc, text, rc == ZOK ? &stat : NULL, call->data);
}

static void tell_strings(struct rk_lib_call *call)
{
    struct String_vector strings;
    struct Stat stat;
    bool is_stat = call->kind == RK_LIB_STRINGS_STAT;
    int rc =
        rk_lib_strings_in_place(call, call->kind == RK_LIB_PATHS, &strings, is_stat ? &stat : NULL);
    if (is_stat)
        call->fn.strings_stat(rc, rc == ZOK ? &strings : NULL, rc == ZOK ? &stat : NULL,
                              call->data);
    else
        call->fn.strings(rc, rc == ZOK ? &strings : NULL, call->data);
    free(strings.data);
}

static void tell_acls(struct rk_lib_call *call)
{
    struct ACL_vector acls;
    struct Stat stat;
    int rc = rk_lib_acls_in_place(call, &acls, &stat);
    call->fn.acls(rc, rc == ZOK ? &acls : NULL, rc == ZOK ? &stat : NULL, call->data);
    free(acls.data);
}

static void tell_stat(struct rk_lib_call *call)
{
    struct rk_reader r = rk_lib_reply(call);
    struct Stat stat;
    rk_lib_read_stat(&r, &stat);
    call->fn.stat(r.failed ? ZMARSHALLINGERROR : ZOK, r.failed ? NULL : &stat, call->data);
}

static void tell_more(struct rk_lib_call *call)
{
    struct rk_reader r = rk_lib_reply(call);
    if (call->kind == RK_LIB_NUMBER) {
        int32_t number = rk_read_i32(&r);
        call->fn.number(r.failed ? ZMARSHALLINGERROR : ZOK, number, call->data);
        return;
    }
    if (call->kind == RK_LIB_WHO) {
        struct ClientInfo_vector who;
        int rc = rk_lib_who(call, &who);
        call->fn.who(rc, rc == ZOK ? &who : NULL, call->data);
        (void)deallocate_ClientInfo_vector(&who);
        return;
    }
    const int *count = call->extra;
    struct rk_read_result *results = calloc((size_t)*count, sizeof(*results));
    int rc = results ? rk_lib_read_results(call, results, *count) : ZSYSTEMERROR;
    call->fn.reads(rc, rc == ZOK ? results : NULL, rc == ZOK ? *count : 0, call->data);
    if (results)
        rk_read_results_free(results, *count);
    free(results);
}

static void tell_failed(struct rk_lib_call *call, int rc)
{
    switch (call->kind) {
    case RK_LIB_VOID:
    case RK_LIB_MULTI:
        call->fn.void_result(rc, call->data);
        break;
    case RK_LIB_STAT:
        call->fn.stat(rc, NULL, call->data);
        break;
    case RK_LIB_DATA:
        call->fn.data(rc, NULL, 0, NULL, call->data);
        break;
    case RK_LIB_STRING:
        call->fn.string(rc, NULL, call->data);
        break;
    case RK_LIB_STRING_STAT:
        call->fn.string_stat(rc, NULL, NULL, call->data);
        break;
    case RK_LIB_STRINGS:
    case RK_LIB_PATHS:
        call->fn.strings(rc, NULL, call->data);
        break;
    case RK_LIB_STRINGS_STAT:
        call->fn.strings_stat(rc, NULL, NULL, call->data);
        break;
    case RK_LIB_ACLS:
        call->fn.acls(rc, NULL, NULL, call->data);
        break;
    case RK_LIB_NUMBER:
        call->fn.number(rc, 0, call->data);
        break;
    case RK_LIB_WHO:
        call->fn.who(rc, NULL, call->data);
        break;
    case RK_LIB_READS:
        call->fn.reads(rc, NULL, 0, call->data);
        break;
    }
}

static void tell_call(struct rk_lib_call *call)
{
    int rc = call->kind == RK_LIB_MULTI ? rk_lib_multi_results(call) : call->rc;
    if (!call->fn.void_result)
        return;
    if (rc != ZOK || call->kind == RK_LIB_VOID || call->kind == RK_LIB_MULTI) {
        tell_failed(call, rc);
        return;
    }
    switch (call->kind) {
    case RK_LIB_STAT:
        tell_stat(call);
        break;
    case RK_LIB_DATA:
        tell_data(call);
        break;
    case RK_LIB_STRING:
    case RK_LIB_STRING_STAT:
        tell_string(call);
        break;
    case RK_LIB_STRINGS:
    case RK_LIB_PATHS:
    case RK_LIB_STRINGS_STAT:
        tell_strings(call);
        break;
    case RK_LIB_ACLS:
        tell_acls(call);
        break;
    default:
        tell_more(call);
        break;
    }
}

static void tell_watch(struct rk_lib *s, struct rk_lib_watch *watch)
{
    zhandle_t *zh = s->handle;
    struct rk_client_watcher standard =
        rk_lib_view_watcher(zh, __atomic_load_n(&zh->watcher, __ATOMIC_RELAXED),
                            __atomic_load_n(&zh->context, __ATOMIC_RELAXED));
    const char *path = watch->has_path ? (const char *)(watch->watchers + watch->count) : NULL;
    s->watch_zxid = watch->zxid;
    for (uint32_t i = 0; i < watch->count; i++) {
        /* The default watcher has heard of the session by the item before. */
        if (path || memcmp(&watch->watchers[i], &standard, sizeof(standard)) != 0)
            rk_lib_view_tell(s, &watch->watchers[i], watch->event, watch->state, path);
    }
    s->watch_zxid = -1;
}

static void tell_state(struct rk_lib *s, const struct rk_lib_state_item *item)
{
    zhandle_t *zh = s->handle;
    if (s->on_session && rk_lib_view_hears(zh))
        s->on_session(zh, (enum rk_session_change)item->change, item->session_id,
                      s->on_session_context);
    watcher_fn fn = __atomic_load_n(&zh->watcher, __ATOMIC_RELAXED);
    if (fn && rk_lib_view_hears(zh))
        fn(zh, ZOO_SESSION_EVENT, item->state, NULL,
           __atomic_load_n(&zh->context, __ATOMIC_RELAXED));
}

static void tell(struct rk_lib *s, struct rk_lib_item *item)
{
    switch (item->kind) {
    case RK_LIB_ITEM_CALL:
        tell_call((struct rk_lib_call *)(void *)item);
        call_clear((struct rk_lib_call *)(void *)item);
        break;
    case RK_LIB_ITEM_WATCH:
        tell_watch(s, (struct rk_lib_watch *)(void *)item);
        break;
    case RK_LIB_ITEM_STATE:
        tell_state(s, (const struct rk_lib_state_item *)(void *)item);
        break;
    }
    if (item->kind != RK_LIB_ITEM_CALL && !item->is_reserve)
        free(item);
}

void rk_lib_tell_all(struct rk_lib *s)
{
    bool was_telling = s->is_telling;
    while (s->done_first) {
        struct rk_lib_item *batch = s->done_first, *kept = NULL;
        uint32_t reserve_items = 0;
        uint64_t bytes = 0;
        s->done_first = NULL;
        s->done_last = &s->done_first;
        s->is_telling = true;
        rk_lib_unlock(s);
        while (batch) {
            struct rk_lib_item *next = batch->next;
            bool is_call = batch->kind == RK_LIB_ITEM_CALL;
            reserve_items += batch->is_reserve;
            bytes += held_bytes(batch);
            tell(s, batch);
            if (is_call) {
                batch->next = kept;
                kept = batch;
            }
            batch = next;
        }
        rk_lib_lock(s);
        s->is_telling = was_telling;
        /* Before the batch is taken off: it may have become full while it was told. */
        bool was_full = rk_lib_queue_is_full(s);
        s->untold_bytes -= bytes;
        if (was_full)
            rk_lib_wake_io(s);
        while (kept) {
            struct rk_lib_item *next = kept->next;
            call_keep(s, (struct rk_lib_call *)(void *)kept);
            kept = next;
        }
        s->reserve_items -= reserve_items;
        if (s->reserve_items == 0)
            s->reserve_used = 0;
    }
}
