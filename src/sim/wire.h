/* The network between servers: channels as two byte streams each, with delay, segmentation, small
 * socket buffers, refused and timed-out dials, resets; and paths that are cut, each direction for
 * itself: what is under way then waits, as TCP would have it retransmitted, and neither end is told
 * anything. A host that lost its power answers nothing until it is up again, and then with a reset.
 * Streams keep their order; between channels there is none. */
#ifndef RK_SIM_WIRE_H
#define RK_SIM_WIRE_H

#include "core/effects.h"
#include "sim/world.h"

struct sim_wire *rk_wire_create(struct sim_world *w);
void rk_wire_destroy(struct sim_wire *wire);

/* Names and ports of the servers, as their configuration has them. */
void rk_wire_host(uint32_t node, char ret[16]);
#define SIM_QUORUM_PORT   2888u
#define SIM_ELECTION_PORT 3888u

/* -- for a server -- */
void rk_wire_effect(struct sim_wire *wire, uint32_t node, const struct rk_effect *e,
                    struct rk_bytes bytes, const rk_chan_id *many);
/* What has happened to the channels of this server: gives it at most one event of each, in any
 * order of channels. True: there is more. */
bool rk_wire_turn(struct sim_wire *wire, struct sim_node *n);
/* Its process is gone: the kernel closes what it had, or nobody does. */
void rk_wire_died(struct sim_wire *wire, uint32_t node, bool has_power);
/* Its host answers again. */
void rk_wire_host_up(struct sim_wire *wire, uint32_t node);

/* -- for the plan -- */
/* Nothing passes from one to the other (or does again). */
void rk_wire_cut(struct sim_wire *wire, uint32_t from, uint32_t to, bool is_cut);
bool rk_wire_is_cut(const struct sim_wire *wire, uint32_t from, uint32_t to);

#endif
