/* Simulated clients: they speak the wire protocol through the production codec, keep sessions over
 * reconnects as real clients do, and some of them misbehave. What they send is drawn; whether the
 * answers are right is the checker's business, not theirs. */
#ifndef RK_SIM_CLIENT_H
#define RK_SIM_CLIENT_H

#include "sim/world.h"

struct sim_clients *rk_sim_clients_create(struct sim_world *w);
void rk_sim_clients_destroy(struct sim_clients *all);
void rk_sim_clients_start(struct sim_clients *all);
/* No more faults: each has a last word, then falls silent. */
void rk_sim_clients_heal(struct sim_clients *all);
bool rk_sim_clients_are_at_rest(const struct sim_clients *all);
uint32_t rk_sim_clients_sent(const struct sim_clients *all); /* requests so far */

/* From the network. */
void rk_sim_client_bytes(struct sim_clients *all, uint32_t client, rk_conn_id id,
                         struct rk_bytes bytes);
void rk_sim_client_gone(struct sim_clients *all, uint32_t client, rk_conn_id id);

#endif
