/* The network: connections between clients and the server as two byte streams each, delivered in
 * pieces and late, closed in order or reset. Streams keep their order; between connections there is
 * none. Servers among themselves have the wire (wire.h). */
#ifndef RK_SIM_NET_H
#define RK_SIM_NET_H

#include "sim/world.h"

#define SIM_CONNS_MAX 96u /* slots, the first is never used */

struct sim_net *rk_sim_net_create(struct sim_world *w);
void rk_sim_net_destroy(struct sim_net *net);

/* Client's side. 0: refused. Ends with rk_sim_client_gone, unless the client closes it itself. */
rk_conn_id rk_sim_net_connect(struct sim_net *net, uint32_t client, uint32_t node);
void rk_sim_net_client_send(struct sim_net *net, rk_conn_id id, struct rk_bytes bytes);
/* Orderly: what was sent arrives. Else it may not. */
void rk_sim_net_client_close(struct sim_net *net, rk_conn_id id, bool is_orderly);

/* Server's side. */
void rk_sim_net_server_send(struct sim_net *net, rk_conn_id id, struct rk_bytes bytes);
/* After what was sent; ends with rk_sim_node_conn_gone. */
void rk_sim_net_server_close(struct sim_net *net, rk_conn_id id);
/* Stop, or go on, taking bytes from it. */
void rk_sim_net_server_hold(struct sim_net *net, rk_conn_id id, bool is_held);
/* The server's process is gone, with all its connections. */
void rk_sim_net_server_died(struct sim_net *net, uint32_t node);
/* Bytes that arrived at the server and were not taken; NULL if the connection is gone or closing.
 */
struct rk_buf *rk_sim_net_arrived(struct sim_net *net, uint32_t node, uint32_t slot,
                                  rk_conn_id *ret_id);
/* The client has closed, and everything it sent has been taken. */
bool rk_sim_net_is_eof(const struct sim_net *net, rk_conn_id id);
/* The server has it and was not told yet that it is gone. */
bool rk_sim_net_is_known(const struct sim_net *net, rk_conn_id id);
/* The core was told that it is gone. */
void rk_sim_net_server_forget(struct sim_net *net, rk_conn_id id);
bool rk_sim_net_is_held(const struct sim_net *net, rk_conn_id id);

#endif
