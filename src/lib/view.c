/* Views. The machine knows one session and one root; a view adds its root to paths on their way in
 * and takes it off on their way out. The machine keeps with a watcher whose it is, by number: a
 * closed view is freed when its calls have ended, and watches of it that are left find nobody. */
#include "lib/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/decode.h"
#include "lib/session.h"

static void view_free(zhandle_t *zh)
{
    free(zh->root);
    free(zh);
}

static void free_if_done(zhandle_t *zh)
{
    if (!zh->is_closed || zh->users > 0)
        return;
    zhandle_t **at = &zh->s->views;
    while (*at != zh)
        at = &(*at)->next;
    *at = zh->next;
    view_free(zh);
}

void rk_lib_view_use(zhandle_t *zh)
{
    zh->users++;
}

void rk_lib_view_release(zhandle_t *zh)
{
    RK_ASSERT(zh->users > 0);
    zh->users--;
    if (zh->is_view)
        free_if_done(zh);
}

struct rk_client_watcher rk_lib_view_watcher(zhandle_t *zh, watcher_fn fn, void *context)
{
    return (struct rk_client_watcher){
        .fn = (uint64_t)(uintptr_t)fn, .ctx = (uint64_t)(uintptr_t)context, .owner = zh->number};
}

bool rk_lib_view_hears(const zhandle_t *zh)
{
    return !__atomic_load_n(&zh->is_closed, __ATOMIC_RELAXED) &&
           !__atomic_load_n(&zh->s->handle->is_closed, __ATOMIC_RELAXED);
}

static void call_watcher(zhandle_t *zh, const struct rk_client_watcher *watcher, int type,
                         int state, const char *path)
{
    watcher_fn fn = (watcher_fn)(uintptr_t)watcher->fn;
    if (!rk_lib_view_hears(zh))
        return;
    if (path && zh->root && strncmp(path, zh->root, zh->root_len) == 0) {
        if (path[zh->root_len] == 0)
            path = "/";
        else if (path[zh->root_len] == '/')
            path += zh->root_len;
    }
    fn(zh, type, state, path, (void *)(uintptr_t)watcher->ctx);
}

void rk_lib_view_tell(struct rk_lib *s, const struct rk_client_watcher *watcher, int type,
                      int state, const char *path)
{
    if (watcher->owner == 0) {
        call_watcher(s->handle, watcher, type, state, path);
        return;
    }
    rk_lib_lock(s);
    zhandle_t *zh = s->views;
    while (zh && zh->number != watcher->owner)
        zh = zh->next;
    if (zh) {
        rk_lib_view_use(zh);
        rk_lib_unlock(s);
        call_watcher(zh, watcher, type, state, path);
        rk_lib_lock(s);
        rk_lib_view_release(zh);
    }
    rk_lib_unlock(s);
}

int rk_lib_view_close(zhandle_t *zh)
{
    struct rk_lib *s = zh->s;
    __atomic_store_n(&zh->is_closed, true, __ATOMIC_RELAXED);
    free_if_done(zh);
    rk_lib_unref(s);
    return ZOK;
}

void rk_lib_view_free_all(struct rk_lib *s)
{
    while (s->views) {
        zhandle_t *next = s->views->next;
        view_free(s->views);
        s->views = next;
    }
}

static bool is_good_root(const zhandle_t *zh, const char *root)
{
    struct rk_lib *s = zh->s;
    rk_buf_reset(&s->path);
    return rk_client_path(s->client, rk_bytes_str(root), false, &s->path);
}

zhandle_t *rk_view(zhandle_t *zh, const char *sub_root, int request_timeout_ms)
{
    if (!zh || request_timeout_ms < 0) {
        errno = EINVAL;
        return NULL;
    }
    struct rk_lib *s = zh->s;
    bool is_root = sub_root && strcmp(sub_root, "/") != 0;
    size_t outer = zh->root_len, inner = is_root ? strlen(sub_root) : 0;
    zhandle_t *view = calloc(1, sizeof(*view));
    char *root = outer + inner > 0 ? malloc(outer + inner + 1) : NULL;
    if (!view || (outer + inner > 0 && !root)) {
        free(view);
        free(root);
        errno = ENOMEM;
        return NULL;
    }
    if (root) {
        if (outer > 0)
            memcpy(root, zh->root, outer);
        if (inner > 0)
            memcpy(root + outer, sub_root, inner);
        root[outer + inner] = 0;
    }
    rk_lib_lock(s);
    if (is_root && !is_good_root(zh, sub_root)) {
        rk_lib_unlock(s);
        free(view);
        free(root);
        errno = EINVAL;
        return NULL;
    }
    *view = (zhandle_t){.s = s,
                        .watcher = __atomic_load_n(&zh->watcher, __ATOMIC_RELAXED),
                        .context = __atomic_load_n(&zh->context, __ATOMIC_RELAXED),
                        .request_timeout_ms = request_timeout_ms,
                        .is_view = true,
                        .number = ++s->last_view,
                        .root = root,
                        .root_len = outer + inner,
                        .next = s->views};
    s->views = view;
    s->refs++;
    rk_lib_unlock(s);
    return view;
}
