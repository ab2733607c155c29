/* The servers: their names and addresses, and when to try the next one. Names are looked up at
 * first, after every lost connection and after every round of failures, always beside the trying:
 * a slow resolver delays nobody who has an address. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"

static void free_list(struct rk_client *c, struct rk_client_server *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        rk_mem_free(c->mem, list[i].addrs, list[i].count * sizeof(list[i].addrs[0]));
    }
    rk_mem_free(c->mem, list, count * sizeof(list[0]));
}

void rk_client_servers_free(struct rk_client *c)
{
    free_list(c, c->servers, c->server_count);
    rk_mem_free(c->mem, c->targets, c->target_count * sizeof(c->targets[0]));
}

void rk_client_resolve(struct rk_client *c)
{
    for (uint32_t i = 0; i < c->server_count; i++) {
        if (!c->servers[i].is_asked) {
            c->servers[i].is_asked = true;
            c->asked_count++;
            rk_client_fx(c, RK_CLIENT_FX_RESOLVE)->u.resolve.server = i;
        }
    }
    c->settle_ms = c->now_ms + c->timeout_ms / 3;
}

void rk_client_on_servers(struct rk_client *c, uint32_t count, bool is_new_list)
{
    if (rk_client_is_over(c) || count == 0 || count > RK_CLIENT_SERVERS_MAX) {
        c->result = rk_client_is_over(c) ? (int32_t)RK_CLIENT_INVALID_STATE : RK_ZK_BAD_ARGUMENTS;
        return;
    }
    struct rk_client_server *list = rk_mem_zalloc(c->mem, count * sizeof(list[0]));
    if (list == NULL || !rk_client_fx_reserve(c, count)) {
        rk_mem_free(c->mem, list, count * sizeof(list[0]));
        c->result = RK_ZK_SYSTEM_ERROR;
        return;
    }
    free_list(c, c->servers, c->server_count);
    c->servers = list;
    c->server_count = count;
    c->asked_count = 0;
    c->is_list_new = true;
    c->is_rebalance = is_new_list && c->target_count > 0;
    rk_client_resolve(c);
}

/* The list of addresses is exchanged, and trying begins with its first one. */
static void exchange(struct rk_client *c, struct rk_client_target *list, uint32_t count)
{
    rk_mem_free(c->mem, c->targets, c->target_count * sizeof(c->targets[0]));
    c->targets = list;
    c->target_count = count;
    c->target_at = 0;
    c->probe_at = 0;
    c->failures = 0;
}

static bool is_same_set(const struct rk_client *c, const struct rk_client_target *list,
                        uint32_t count)
{
    bool is_same = count == c->target_count;
    for (uint32_t i = 0; is_same && i < count; i++) {
        is_same = rk_client_target_find(c->targets, c->target_count, &list[i].addr) >= 0;
    }
    return is_same;
}

/* Enough answers are there: takes the addresses over. With none at all the old ones stay, and the
 * names are asked again after a pause. */
static void settle(struct rk_client *c)
{
    struct rk_client_target *list;
    uint32_t count;
    c->settle_ms = c->asked_count == 0 ? RK_CLIENT_NEVER : c->now_ms + c->timeout_ms / 3;
    if (!rk_client_targets_build(c, &list, &count)) {
        return;
    }
    if (count == 0 || (!c->is_list_new && is_same_set(c, list, count))) {
        rk_mem_free(c->mem, list, count * sizeof(list[0]));
        return;
    }
    bool is_leaving = c->is_rebalance && rk_client_rebalance(c, list, count);
    exchange(c, list, count);
    c->is_list_new = false;
    c->is_rebalance = false;
    if (is_leaving) {
        rk_client_leave(c);
    }
}

static bool keep_addrs(struct rk_client *c, struct rk_client_server *s, uint32_t count,
                       const struct rk_client_addr *addrs)
{
    uint32_t kept = count > RK_CLIENT_ADDRS_MAX ? RK_CLIENT_ADDRS_MAX : count;
    struct rk_client_addr *list = rk_mem_alloc(c->mem, kept * sizeof(list[0]));
    if (list == NULL) {
        return false;
    }
    memcpy(list, addrs, kept * sizeof(list[0]));
    rk_mem_free(c->mem, s->addrs, s->count * sizeof(s->addrs[0]));
    s->addrs = list;
    s->count = kept;
    return true;
}

void rk_client_on_resolved(struct rk_client *c, uint32_t server, uint32_t count,
                           const struct rk_client_addr *addrs)
{
    if (server >= c->server_count || !c->servers[server].is_asked || rk_client_is_over(c)) {
        return;
    }
    struct rk_client_server *s = &c->servers[server];
    s->is_asked = false;
    c->asked_count--;
    if (count > 0) {
        /* Without memory the old ones stay, as if the name were not known just now. */
        RK_MAYBE(keep_addrs(c, s, count, addrs));
    }
    if (c->asked_count == 0) {
        settle(c);
    }
}

/* No connection, and none under way: the next server, if it is time. */
static void seek(struct rk_client *c)
{
    if (c->now_ms < c->retry_ms) {
        return;
    }
    if (c->target_count > 0) {
        rk_client_open(c, rk_client_target_next(c));
    } else if (c->asked_count > 0) {
        rk_client_fx_state(c, RK_CLIENT_RESOLVING, false);
    } else if (c->server_count > 0) {
        /* No name is known: as if every server had failed. */
        rk_client_fx_state(c, RK_CLIENT_IDLE, false);
        rk_client_end_round(c);
    }
}

void rk_client_servers_timers(struct rk_client *c)
{
    if (rk_client_is_over(c)) {
        return;
    }
    if (c->asked_count > 0 && c->now_ms >= c->settle_ms) {
        settle(c);
        if (c->target_count == 0) {
            /* Nobody waits for a resolver longer than for servers. */
            rk_client_complete_all(c, &c->waiting, RK_ZK_CONNECTION_LOSS);
            rk_client_auth_fail(c, true, RK_ZK_CONNECTION_LOSS);
        }
    }
    if (c->line.id == 0 && !c->is_closing) {
        seek(c);
    }
}

int64_t rk_client_servers_wake(const struct rk_client *c)
{
    int64_t wake_ms = RK_CLIENT_NEVER;
    if (rk_client_is_over(c) || c->server_count == 0) {
        return wake_ms;
    }
    if (c->asked_count > 0) {
        wake_ms = c->settle_ms;
    }
    if (c->line.id == 0 && c->retry_ms > c->now_ms && c->retry_ms < wake_ms) {
        wake_ms = c->retry_ms;
    }
    return wake_ms;
}
