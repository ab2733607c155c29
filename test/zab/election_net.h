/* Many electors in one test: channels that open, break and go silent, messages that take time, in
 * order on each channel, servers that crash, come back, or come back with an empty disk. All from
 * one seed, in simulated milliseconds.
 *
 * What comes after an election is here as coarse as it can be: who follows needs its leader to lead
 * and both to hear each other; a leader is established when a quorum has joined it, none of them
 * with more history, and then begins a new epoch; who loses the other side looks again. A history
 * is (current epoch, last zxid). Asserted at all times: a leader that is established has everything
 * that was ever committed; who decides to lead has a quorum that said so in that round; nobody
 * without memory leads, or begins to vote if anything had been committed when it lost its memory;
 * sends are bounded. */
#ifndef RK_TEST_ZAB_ELECTION_NET_H
#define RK_TEST_ZAB_ELECTION_NET_H

#include "base/prng.h"
#include "zab/election.h"

#define NET_SERVERS_MAX  8u
#define NET_MESSAGES_MAX 1024u
#define NET_SAID_MAX     4096u
#define NET_NEVER        INT64_MAX
#define NET_NOBODY       UINT32_MAX

/* How long things take; each up to its value, drawn anew every time. */
struct net_options {
    uint32_t voters;
    uint32_t observers;
    int64_t delay_min_ms, delay_max_ms; /* of a message */
    int64_t dial_ms;                    /* 1 and up to this more until a channel is open */
    int64_t notice_ms;                  /* until a closed channel is noticed */
    uint32_t lost_per_1000;             /* messages, while faults last */
};

struct net_server {
    struct rk_election e;
    bool is_up;
    rk_zxid zxid; /* the disk: survives a crash */
    int64_t epoch;
    bool is_amnesiac;
    rk_zxid committed_when_wiped;
    int64_t restart_ms; /* if down */
    bool is_joined;     /* to the leader of `term` */
    bool is_established;
    uint32_t term; /* counts own elections; a follower's: the leader's that it joined */
    uint32_t joined_term;
    int64_t role_ms; /* when the role, or LOOKING, was entered */
    int64_t lost_ms; /* when the other side, missed now, will be given up */
};

struct net_message {
    uint32_t from, to;
    int64_t due_ms;
    uint64_t number;
    struct rk_notification n;
};

struct net_said {
    uint32_t who;
    struct rk_vote vote;
};

struct net {
    struct net_options options;
    struct rk_prng prng;
    struct rk_quorum quorum;
    struct net_server servers[NET_SERVERS_MAX]; /* sid: index + 1 */
    uint32_t count;
    int64_t now_ms;
    bool is_open[NET_SERVERS_MAX][NET_SERVERS_MAX];      /* channel, same both ways */
    bool is_cut[NET_SERVERS_MAX][NET_SERVERS_MAX];       /* no channel can be, same both ways */
    bool is_mute[NET_SERVERS_MAX][NET_SERVERS_MAX];      /* [from][to]: all is lost, silently */
    int64_t open_ms[NET_SERVERS_MAX][NET_SERVERS_MAX];   /* dialed, [smaller][larger] */
    bool is_seen[NET_SERVERS_MAX][NET_SERVERS_MAX];      /* [who][whom]: was told "reachable" */
    int64_t notice_ms[NET_SERVERS_MAX][NET_SERVERS_MAX]; /* [who][whom]: will be told it is not */
    bool has_last[NET_SERVERS_MAX][NET_SERVERS_MAX];     /* [from][to]: a channel begins with it */
    struct rk_notification last[NET_SERVERS_MAX][NET_SERVERS_MAX];
    int64_t arrival_ms[NET_SERVERS_MAX][NET_SERVERS_MAX]; /* [from][to]: of the last one sent */
    struct net_message messages[NET_MESSAGES_MAX];
    uint32_t under_way;
    uint64_t message_count; /* ever sent */
    struct net_said said[NET_SAID_MAX];
    uint32_t said_count;
    int64_t last_epoch;
    rk_zxid committed;
    uint32_t decisions; /* ever */
    uint32_t establishments;
    void (*on_decided)(struct net *net, uint32_t who); /* may be NULL */
    void *ctx;
};

/* Nobody is up. */
void net_init(struct net *net, const struct net_options *options, uint64_t seed);
int64_t net_below(struct net *net, int64_t bound); /* random, 0 to bound - 1 */
/* The process starts, at once or then. */
void net_boot(struct net *net, uint32_t who);
void net_boot_at(struct net *net, uint32_t who, int64_t at_ms);
void net_crash(struct net *net, uint32_t who);
void net_wipe(struct net *net, uint32_t who); /* of a server that is down */
void net_set_history(struct net *net, uint32_t who, rk_zxid zxid, int64_t epoch);
/* Links between a and b: cut closes the channel, and both notice; mute loses what a says to b. */
void net_cut(struct net *net, uint32_t a, uint32_t b, bool is_cut);
void net_mute(struct net *net, uint32_t from, uint32_t to, bool is_mute);
void net_heal(
    struct net *net); /* all links; everybody down boots now; nothing gets lost any more */
void net_run(struct net *net, int64_t until_ms);
/* Runs until net_is_settled, at most until then; false: it is not. */
bool net_settle(struct net *net, int64_t until_ms);

uint32_t net_leader(const struct net *net); /* established; NET_NOBODY */
/* One leader, and all that are up have joined it. */
bool net_is_settled(const struct net *net);
/* The leader logs a transaction together with some of those who joined it; a quorum of them is a
 * commit. */
void net_propose(struct net *net, bool to_all);

#endif
