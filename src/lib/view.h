/* Views: handles on the session of another one, with a root and a timeout of their own. */
#ifndef RK_LIB_VIEW_H
#define RK_LIB_VIEW_H

#include "lib/lib_int.h"

/* Under the lock: a call of the handle is on its way, and has gone its way. Only views count. */
void rk_lib_view_use(zhandle_t *zh);
void rk_lib_view_release(zhandle_t *zh);

/* What names this watcher of this handle to the machine. */
struct rk_client_watcher rk_lib_view_watcher(zhandle_t *zh, watcher_fn fn, void *context);
/* Whether its watchers are still called: not once it, or the handle of the session, was closed. */
bool rk_lib_view_hears(const zhandle_t *zh);
/* Without the lock: calls it with the event as its handle sees it, unless that is closed. */
void rk_lib_view_tell(struct rk_lib *s, const struct rk_client_watcher *watcher, int type,
                      int state, const char *path);

/* Under the lock, which it lets go: what zookeeper_close does with a view. */
int rk_lib_view_close(zhandle_t *zh);
/* With the session: frees those that are still there. */
void rk_lib_view_free_all(struct rk_lib *s);

#endif
