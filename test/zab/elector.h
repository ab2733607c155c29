/* One elector in a test's hands: what it hears, what it says, what it decides. A sid above 90 is an
 * observer's. */
#ifndef RK_TEST_ZAB_ELECTOR_H
#define RK_TEST_ZAB_ELECTOR_H

#include "zab/election.h"

#define LOOKING   RK_PEER_LOOKING
#define FOLLOWING RK_PEER_FOLLOWING
#define LEADING   RK_PEER_LEADING
#define OBSERVING RK_PEER_OBSERVING

#define MIN_MS      200
#define MAX_MS      60000
#define FINALIZE_MS 200

struct elector {
    struct rk_election e;
    struct rk_election_out out; /* of the last call */
    int64_t now_ms;
};

struct said {
    int64_t sid;
    enum rk_peer_state state;
    int64_t leader;
    rk_zxid zxid;
    int64_t round;
    int64_t epoch;
};

/* Servers 1 to voters. */
struct rk_quorum majority(uint32_t voters);
void open_with(struct elector *t, const struct rk_quorum *q, int64_t sid);
/* Server sid of an ensemble of `voters`, looking with history (zxid, epoch), everybody reachable.
 */
void open_looking(struct elector *t, uint32_t voters, int64_t sid, rk_zxid zxid, int64_t epoch);
void start(struct elector *t, rk_zxid zxid, int64_t epoch);
/* Everybody else is or is not reachable. */
void reach_all(struct elector *t, bool is_reachable);
void hear(struct elector *t, int64_t sid, enum rk_peer_state state, int64_t leader, rk_zxid zxid,
          int64_t round, int64_t epoch);
void hear_version(struct elector *t, struct said s, int32_t version);
void pass(struct elector *t, int64_t ms); /* time, with a tick at its end */

/* The last call sent exactly this one message; to 0: to all. */
void assert_sent(const struct elector *t, int64_t to, enum rk_peer_state state, int64_t leader,
                 rk_zxid zxid, int64_t round, int64_t epoch);
void assert_silent(const struct elector *t); /* and decided nothing */
void assert_decided(const struct elector *t, enum rk_peer_state state, int64_t leader);

#endif
