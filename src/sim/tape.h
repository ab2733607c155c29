/* The decision tape: everything random in a run is drawn here, each draw with the site that asks.
 * Sites have streams of their own, so that one more draw at one site does not change the others. */
#ifndef RK_SIM_TAPE_H
#define RK_SIM_TAPE_H

#include "base/prng.h"

/* X(NAME, what is decided there) */
#define RK_SIM_SITE_TABLE(X)                                                                       \
    X(OPTIONS, "what this seed has at all")                                                        \
    X(TIE, "order of events due at the same time")                                                 \
    X(NET, "delays, segments, resets")                                                             \
    X(CLIENT, "when clients do what")                                                              \
    X(OP, "the fields of requests")                                                                \
    X(RUDE, "what is wrong with a rude client")                                                    \
    X(DISK_TIME, "latency of disk calls")                                                          \
    X(DISK_FAULT, "which disk calls fail")                                                         \
    X(DISK_ORDER, "order of directory listings")                                                   \
    X(CRASH, "when, and of what kind")                                                             \
    X(PERSIST, "what of the unsynced state survives")                                              \
    X(PROBE, "what would have survived")                                                           \
    X(ROT, "bytes that change at rest")                                                            \
    X(NODE, "pace of the server's own work, clock steps")                                          \
    X(PLAN, "episodes: full disk, purge, epochs")                                                  \
    X(MISHAP, "what befalls an ensemble")                                                          \
    X(ENSEMBLE, "the options of an ensemble")                                                      \
    X(LIBRARY, "the clients that are the client machine")

enum sim_site {
#define RK_SIM_SITE_ENUM(name, text) SIM_SITE_##name,
    RK_SIM_SITE_TABLE(RK_SIM_SITE_ENUM)
#undef RK_SIM_SITE_ENUM
        SIM_SITE_COUNT
};

struct sim_tape {
    uint64_t seed;
    uint64_t draws;
    struct rk_prng streams[SIM_SITE_COUNT];
};

void rk_sim_tape_init(struct sim_tape *t, uint64_t seed);
/* Another stream for one site; 0 leaves it as it is. */
void rk_sim_tape_salt(struct sim_tape *t, enum sim_site site, uint64_t salt);
/* Uniform in [0, bound); bound > 0. */
uint64_t rk_sim_below(struct sim_tape *t, enum sim_site site, uint64_t bound);
/* Uniform in [low, high]. */
int64_t rk_sim_between(struct sim_tape *t, enum sim_site site, int64_t low, int64_t high);
/* In [low, high], as likely between 1 and 2 as between 1000 and 2000; low > 0. */
int64_t rk_sim_log_between(struct sim_tape *t, enum sim_site site, int64_t low, int64_t high);
bool rk_sim_chance(struct sim_tape *t, enum sim_site site, uint32_t num, uint32_t den);

#endif
