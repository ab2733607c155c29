/* Reads along what servers say to each other on quorum channels: for coverage marks, for what the
 * checker has to know (forwarded requests, touched sessions), and for rules that hold on the wire
 * itself: nothing is acknowledged that is not durable, nothing is called committed that no quorum
 * holds. One for each direction of a channel where it is sent, one where it is received. */
#ifndef RK_SIM_SNIFF_H
#define RK_SIM_SNIFF_H

#include "base/bytes.h"
#include "sim/world.h"

struct sim_sniff;

struct sim_sniff *rk_sniff_create(struct sim_world *w, uint32_t from, uint32_t to,
                                  bool is_receiver);
void rk_sniff_destroy(struct sim_sniff *s); /* accepts NULL */
void rk_sniff_take(struct sim_sniff *s, struct rk_bytes bytes);
/* In the bytes taken last a synchronisation began: DIFF, TRUNC or SNAP. */
bool rk_sniff_has_begun_sync(const struct sim_sniff *s);

#endif
