/* The order in which addresses are tried, and how clients move when the list of servers changes, so
 * that the load is even afterwards (ZOOKEEPER-1355). */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"

bool rk_client_addr_equal(const struct rk_client_addr *a, const struct rk_client_addr *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

int32_t rk_client_target_find(const struct rk_client_target *list, uint32_t count,
                              const struct rk_client_addr *addr)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rk_client_addr_equal(&list[i].addr, addr)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static void shuffle(struct rk_client *c, struct rk_client_target *list, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t at = (uint32_t)rk_prng_below(&c->prng, i);
        struct rk_client_target swap = list[i - 1];
        list[i - 1] = list[at];
        list[at] = swap;
    }
}

/* Stable, so that equals stay shuffled. */
static void sort_by_distance(struct rk_client_target *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct rk_client_target t = list[i];
        uint32_t at = i;
        for (; at > 0 && list[at - 1].addr.distance > t.addr.distance; at--) {
            list[at] = list[at - 1];
        }
        list[at] = t;
    }
}

static uint32_t count_addrs(const struct rk_client *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->server_count; i++) {
        count += c->servers[i].count;
    }
    return count > RK_CLIENT_TARGETS_MAX ? RK_CLIENT_TARGETS_MAX : count;
}

bool rk_client_targets_build(struct rk_client *c, struct rk_client_target **ret_list,
                             uint32_t *ret_count)
{
    uint32_t most = count_addrs(c);
    uint32_t count = 0;
    if (most == 0) {
        *ret_list = NULL;
        *ret_count = 0;
        return true;
    }
    struct rk_client_target *list = rk_mem_alloc(c->mem, most * sizeof(list[0]));
    if (list == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < c->server_count; i++) {
        for (uint32_t k = 0; k < c->servers[i].count && count < most; k++) {
            const struct rk_client_addr *addr = &c->servers[i].addrs[k];
            if (rk_client_target_find(list, count, addr) < 0) {
                list[count++] = (struct rk_client_target){.addr = *addr};
            }
        }
    }
    if (count < most) {
        /* Giving some back does not fail. */
        struct rk_client_target *exact =
            rk_mem_resize(c->mem, list, most * sizeof(list[0]), count * sizeof(list[0]));
        if (exact == NULL) {
            rk_mem_free(c->mem, list, most * sizeof(list[0]));
            return false;
        }
        list = exact;
    }
    if (c->config.order != RK_CLIENT_AS_GIVEN) {
        shuffle(c, list, count);
    }
    if (c->config.order == RK_CLIENT_NEAREST) {
        sort_by_distance(list, count);
    }
    *ret_list = list;
    *ret_count = count;
    return true;
}

/* Of the old or the new ones, the first that was not tried; NULL: none. */
static struct rk_client_target *untried(struct rk_client *c, bool is_new)
{
    for (uint32_t i = 0; i < c->target_count; i++) {
        if (c->targets[i].is_new == is_new && !c->targets[i].is_tried) {
            return &c->targets[i];
        }
    }
    return NULL;
}

/* ZK: get_next_server_in_reconfig */
static const struct rk_client_target *next_moving(struct rk_client *c)
{
    bool is_new = rk_prng_below(&c->prng, c->move_den) < c->move_num;
    struct rk_client_target *t = untried(c, is_new);
    t = t == NULL ? untried(c, !is_new) : t;
    if (t != NULL) {
        t->is_tried = true;
    }
    return t;
}

const struct rk_client_target *rk_client_target_next(struct rk_client *c)
{
    RK_ASSERT(c->target_count > 0);
    if (c->has_fixed) {
        int32_t at = rk_client_target_find(c->targets, c->target_count, &c->fixed);
        c->has_fixed = false;
        if (at >= 0) {
            return &c->targets[at];
        }
    }
    if (c->is_moving) {
        const struct rk_client_target *t = next_moving(c);
        if (t != NULL) {
            return t;
        }
        c->is_moving = false;
    }
    const struct rk_client_target *t = &c->targets[c->target_at % c->target_count];
    c->target_at = (c->target_at + 1) % c->target_count;
    return t;
}

static void move(struct rk_client *c, uint32_t num, uint32_t den)
{
    c->is_moving = true;
    c->move_num = num;
    c->move_den = den;
}

/* ZK: update_addrs. Its probabilities as fractions: the lists have at most 4096 addresses each. */
bool rk_client_rebalance(struct rk_client *c, struct rk_client_target *list, uint32_t count)
{
    uint32_t was = c->target_count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        list[i].is_new = rk_client_target_find(c->targets, was, &list[i].addr) < 0;
        kept += !list[i].is_new;
    }
    bool has_current = c->line.id != 0 && rk_client_target_find(list, count, &c->line.addr) >= 0;
    c->is_moving = false;
    if (count > was) {
        /* Each server is to lose some: its clients move to new ones with the right chance. */
        if (has_current && rk_prng_below(&c->prng, count) >= count - was) {
            return false;
        }
        move(c, 1, 1);
        return true;
    }
    if (has_current) {
        return false;
    }
    uint32_t gone = was - kept;
    if (gone == 0) {
        return true; /* the server was not in the old list either */
    }
    uint32_t to_old = kept * (was - count);
    uint32_t all = count * gone;
    RK_ASSERT(to_old <= all);
    move(c, all - to_old, all);
    return true;
}
