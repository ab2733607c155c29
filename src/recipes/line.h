/* Standing in line: what stands in lines asks this of line.c. */
#ifndef RK_RECIPES_LINE_H
#define RK_RECIPES_LINE_H

#include "recipes/recipes_int.h"

enum rk_line_kind { RK_LINE_LOCK, RK_LINE_READ, RK_LINE_WRITE, RK_LINE_LATCH };
const char *rk_line_prefix(enum rk_line_kind kind);
/* Where our node stands: *ret_is_first, else the object is poked when that may have changed.
 * ZSESSIONEXPIRED: the node is gone. */
int rk_line_place(struct rk_object *object, const struct rk_node *node, enum rk_line_kind kind,
                  int64_t deadline_ms, bool *ret_is_first);
/* Data of those in the line, in order. */
int rk_line_list(struct rk_keeper *keeper, const char *path, enum rk_line_kind kind, int timeout_ms,
                 int limit, struct String_vector *ret_data);
/* Creates a node in the line and waits until it is the first, over sessions. */
int rk_line_acquire(struct rk_object *object, const struct rk_node_plan *plan,
                    enum rk_line_kind kind, int64_t deadline_ms, struct rk_node **ret_node);

#endif
