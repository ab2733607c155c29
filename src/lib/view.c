/* Views. The machine knows one session and one root; a view adds its root to paths on their way in
 * and takes it off on their way out. Its watchers are told through a small object each, which stays
 * as long as the view (a watcher and its context have one object, so that the machine still sees
 * when they are the same). A closed view stays until its calls have ended, and if it has watchers
 * as long as the session. */
#include "lib/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/decode.h"
#include "lib/session.h"

struct rk_lib_view_watcher {
    struct rk_lib_view_watcher *next;
    zhandle_t *zh;
    watcher_fn fn;
    void *context;
};

static void view_free(zhandle_t *zh)
{
    while (zh->watchers) {
        struct rk_lib_view_watcher *next = zh->watchers->next;
        free(zh->watchers);
        zh->watchers = next;
    }
    free(zh->root);
    free(zh);
}

static void free_if_done(zhandle_t *zh)
{
    if (!zh->is_closed || zh->users > 0 || zh->watchers)
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

/* What the machine calls for a watcher of a view. */
static void forward(zhandle_t *session_zh, int type, int state, const char *path, void *context)
{
    (void)session_zh;
    const struct rk_lib_view_watcher *w = context;
    if (__atomic_load_n(&w->zh->is_closed, __ATOMIC_RELAXED))
        return;
    if (path) {
        /* The path is of the session; its end stays the end. */
        struct rk_bytes text = rk_bytes_str(path);
        size_t root_len = w->zh->root_len;
        if (root_len > 0 && text.len >= root_len && memcmp(path, w->zh->root, root_len) == 0 &&
            (path[root_len] == '/' || path[root_len] == 0))
            path = path[root_len] ? path + root_len : "/";
    }
    w->fn(w->zh, type, state, path, w->context);
}

bool rk_lib_view_watcher(zhandle_t *zh, watcher_fn fn, void *context, bool must_exist,
                         struct rk_client_watcher *ret)
{
    if (!zh->is_view) {
        *ret = (struct rk_client_watcher){(uint64_t)(uintptr_t)fn, (uint64_t)(uintptr_t)context};
        return true;
    }
    struct rk_lib_view_watcher *w = zh->watchers;
    while (w && (w->fn != fn || w->context != context))
        w = w->next;
    if (!w && must_exist)
        return false;
    if (!w) {
        w = malloc(sizeof(*w));
        if (!w)
            return false;
        *w = (struct rk_lib_view_watcher){zh->watchers, zh, fn, context};
        zh->watchers = w;
    }
    *ret = (struct rk_client_watcher){(uint64_t)(uintptr_t)forward, (uint64_t)(uintptr_t)w};
    return true;
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
                        .watcher = zh->watcher,
                        .context = zh->context,
                        .request_timeout_ms = request_timeout_ms,
                        .is_view = true,
                        .root = root,
                        .root_len = outer + inner,
                        .next = s->views};
    s->views = view;
    s->refs++;
    rk_lib_unlock(s);
    return view;
}
