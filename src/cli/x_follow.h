/* Following the changes of a node or a subtree, for watch and exec-on-change. With a server that
 * has persistent watches (3.6) by one of them, else by ordinary watches on every node, which are
 * set again whenever one fires. What is missed while disconnected is told as a gap: a server does
 * not replay it. */
#ifndef RK_CLI_X_FOLLOW_H
#define RK_CLI_X_FOLLOW_H

#include "cli/cli.h"

enum rk_x_change_type { RK_X_CREATED, RK_X_CHANGED, RK_X_DELETED, RK_X_GAP, RK_X_ENDED };
const char *rk_x_change_name(enum rk_x_change_type type);

struct rk_x_change {
    enum rk_x_change_type type;
    char *path;   /* owned by the change; NULL for a gap and the end */
    int64_t zxid; /* -1: the server does not say */
};

struct rk_x_follow;
/* is_plain: ordinary watches from the start. NULL: an error was printed, *ret_exit says which. */
struct rk_x_follow *rk_x_follow_open(struct rk_cli *cli, const char *path, bool is_recursive,
                                     bool is_plain, int *ret_exit);
/* The next change: 1; none within timeout_ms (-1: no limit): 0; Ctrl-C: -1. The caller frees
 * ret_change->path. RK_X_ENDED: the session is over, nothing more will come. */
int rk_x_follow_next(struct rk_x_follow *follow, int timeout_ms, struct rk_x_change *ret_change);
bool rk_x_follow_is_plain(const struct rk_x_follow *follow);
void rk_x_follow_close(struct rk_x_follow *follow);

#endif
