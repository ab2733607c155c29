/* The ensemble's membership: who is in it, where they are, who votes and with what weight; and the
 * text that says so in zoo.cfg, in /zookeeper/config, in notifications and in NEWLEADER
 * (spec-quorum D1, D2, B3.6). ZK: QuorumVerifier, QuorumMaj, QuorumHierarchical,
 * QuorumPeer.QuorumServer. */
#ifndef RK_ZAB_MEMBERS_H
#define RK_ZAB_MEMBERS_H

#include "base/bytes.h"
#include "base/err.h"

#define RK_MEMBERS_MAX      64u
#define RK_GROUPS_MAX       32u
#define RK_MEMBER_HOST_MAX  256u
#define RK_MEMBERS_TEXT_MAX 65536u
#define RK_MEMBERS_LINE_MAX 4096u /* of one logical line of the text */
#define RK_GROUP_NONE       (-1)
#define RK_WEIGHT_NONE      (-1)
#define RK_WEIGHT_MAX       INT32_MAX

struct rk_member {
    int64_t sid;
    bool is_observer;
    char host[RK_MEMBER_HOST_MAX]; /* name or address, without brackets */
    uint16_t quorum_port;
    uint16_t election_port; /* of election_host */
    bool has_client;
    char client_host[RK_MEMBER_HOST_MAX]; /* "0.0.0.0" if the text gave none */
    uint16_t client_port;
    /* Settled by rk_members_finish: */
    int32_t group;  /* index into groups, RK_GROUP_NONE */
    int64_t weight; /* 1 unless the text says otherwise; RK_WEIGHT_NONE: observer without one */
};

/* What "group" and "weight" lines say of a server, which may come before its own line. */
struct rk_member_mark {
    int64_t sid;
    int32_t group;
    int64_t weight;
};

struct rk_members {
    struct rk_member items[RK_MEMBERS_MAX]; /* by sid, rising */
    uint32_t count;
    bool is_hierarchical;          /* any group or weight was given */
    int64_t groups[RK_GROUPS_MAX]; /* their numbers */
    uint32_t group_count;          /* by number, rising */
    struct rk_member_mark marks[RK_MEMBERS_MAX];
    uint32_t mark_count;
    int64_t version; /* 0: static */
};

/* One "server.N" value as D1 has it; what follows the client part (";;host:port") is accepted and
 * dropped, several addresses ("|") are an error that says so. RK_ERR_INVALID with *ret_why static.
 */
enum rk_err rk_member_parse(int64_t sid, struct rk_bytes value, struct rk_member *ret,
                            const char **ret_why) RK_MUST_CHECK;
void rk_members_init(struct rk_members *m);
/* RK_ERR_INVALID: full, or the sid is there already. */
enum rk_err rk_members_add(struct rk_members *m, const struct rk_member *member) RK_MUST_CHECK;
/* "group.G = 1:2:3", "weight.S = w", 0..RK_WEIGHT_MAX; every sid must be a member when
 * rk_members_finish is called, not before. */
enum rk_err rk_members_add_group(struct rk_members *m, int64_t group, struct rk_bytes sids,
                                 const char **ret_why) RK_MUST_CHECK;
enum rk_err rk_members_add_weight(struct rk_members *m, int64_t sid, struct rk_bytes weight,
                                  const char **ret_why) RK_MUST_CHECK;
/* Checks what only the whole shows: every voter in exactly one group, nobody in two, no observer in
 * one (Apache crashes or counts it), no groups or weights of strangers, at least one voter and one
 * with weight. *m stays as it was if something is wrong. */
enum rk_err rk_members_finish(struct rk_members *m, const char **ret_why) RK_MUST_CHECK;

/* The text of D2: properties; only server.*, group.*, weight.*, version, none of them twice. The
 * result is finished; untouched on failure. RK_ERR_TOO_BIG: more than RK_MEMBERS_TEXT_MAX. */
enum rk_err rk_members_parse(struct rk_bytes text, struct rk_members *ret,
                             const char **ret_why) RK_MUST_CHECK;
/* Lines in order of sid, no newline at the end, version in hex last. Never a third ';' part. */
void rk_members_print(struct rk_buf *b, const struct rk_members *m);
/* Same members, roles, addresses, client addresses, groups and weights; versions do not matter.
 * Names are compared without case, IPv6 addresses whatever their spelling. Both finished. */
bool rk_members_equal(const struct rk_members *a, const struct rk_members *b);
const struct rk_member *rk_members_find(const struct rk_members *m, int64_t sid); /* NULL */
uint32_t rk_members_voter_count(const struct rk_members *m);

#endif
