/* Intrusive doubly linked list: a link embedded in the element, a head that is itself a link. */
#ifndef RK_BASE_LIST_H
#define RK_BASE_LIST_H

#include "base/types.h"

struct rk_link {
    struct rk_link *prev;
    struct rk_link *next;
};

#define RK_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Safe against removal of the element under it. */
#define RK_LIST_EACH(it, tmp, head)                                                                \
    for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); (it) = (tmp), (tmp) = (it)->next)

void rk_list_init(struct rk_link *head);
bool rk_list_empty(const struct rk_link *head);
void rk_list_push(struct rk_link *head, struct rk_link *link); /* at the end */
void rk_list_unlink(struct rk_link *link);                     /* and makes it a lone link */
struct rk_link *rk_list_first(struct rk_link *head);           /* NULL if empty */
struct rk_link *rk_list_pop(struct rk_link *head);             /* first, unlinked; NULL if empty */

#endif
