/* Intrusive list. Guarantees that an unlinked link is a lone one: unlinking twice is harmless and
 * rk_list_empty tells whether an element is on a list. */
#include "base/list.h"

#include "base/assert.h"

void rk_list_init(struct rk_link *head)
{
    head->prev = head;
    head->next = head;
}

bool rk_list_empty(const struct rk_link *head)
{
    RK_ASSERT((head->next == head) == (head->prev == head));
    return head->next == head;
}

void rk_list_push(struct rk_link *head, struct rk_link *link)
{
    RK_ASSERT(head != link);
    struct rk_link *last = head->prev;
    RK_ASSERT(last->next == head);
    link->prev = last;
    link->next = head;
    last->next = link;
    head->prev = link;
}

void rk_list_unlink(struct rk_link *link)
{
    RK_ASSERT(link->prev->next == link);
    RK_ASSERT(link->next->prev == link);
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link;
    link->next = link;
}

struct rk_link *rk_list_first(struct rk_link *head)
{
    return rk_list_empty(head) ? NULL : head->next;
}

struct rk_link *rk_list_pop(struct rk_link *head)
{
    struct rk_link *link = rk_list_first(head);
    if (link != NULL) {
        rk_list_unlink(link);
    }
    return link;
}
