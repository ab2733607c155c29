/* What the files of the admin room share: the state, and writing text the way Java prints it. */
#ifndef RK_ADMIN_ADMIN_INT_H
#define RK_ADMIN_ADMIN_INT_H

#include "admin/admin.h"

#define RK_TRACE_MASK_PRESET 306 /* ZK: ZooTrace.traceMask */

struct rk_admin {
    struct rk_mem *mem;
    struct rk_admin_config config;
    struct rk_core *core;
    struct rk_shell *shell; /* NULL until attached */
    struct rk_admin_hook hook;
    struct rk_admin_sources sources;
    struct rk_arena arena; /* of one answer */
    int64_t start_ms;
    int64_t load_ms; /* < 0: not told */
    int64_t trace_mask;
    int64_t own_files;                  /* open files that are no connections, as last counted */
    char user_name[64], user_home[256]; /* looked up once: it may ask a name service; "": unknown */
};

/* -- text.c
 * ---------------------------------------------------------------------------------------- */

void rk_admin_put(struct rk_buf *b, const char *text);
void rk_admin_put_int(struct rk_buf *b, int64_t v);
void rk_admin_put_count(struct rk_buf *b, uint64_t v); /* as Java's long */
void rk_admin_put_hex(struct rk_buf *b, uint64_t v);
/* ZK: Double.toString */
void rk_admin_put_double(struct rk_buf *b, double v);
/* sum / count, half up at the fourth decimal; 0.0 if empty. ZK: AvgMinMaxCounter.getAvg */
void rk_admin_put_average(struct rk_buf *b, uint64_t sum, uint64_t count);
double rk_admin_average(uint64_t sum, uint64_t count);
/* "zk_<prefix><name>\t", and with a number and a line's end behind it: mntr. */
void rk_admin_put_key(struct rk_buf *b, const char *prefix, const char *name);
void rk_admin_put_number(struct rk_buf *b, const char *prefix, const char *name, int64_t value);
/* No more lines fit into an answer. */
bool rk_admin_is_full(const struct rk_admin *a, const struct rk_buf *b);

/* -- role.c
 * ---------------------------------------------------------------------------------------- */

/* What this server is at the moment. */
enum rk_admin_role {
    RK_ROLE_STANDALONE,
    RK_ROLE_LEADER,
    RK_ROLE_FOLLOWER,
    RK_ROLE_OBSERVER,
    RK_ROLE_READ_ONLY, /* serves reads without a leader */
    RK_ROLE_NONE,      /* looks for a leader, or synchronises: nothing is served */
};

enum rk_admin_role rk_admin_role(const struct rk_admin *a, struct rk_ensemble_report *ret);
/* "leader", as srvr and mntr print it; not of NONE. */
const char *rk_admin_role_text(enum rk_admin_role role);
/* "leading - broadcast". ZK: QuorumPeer.getDetailedPeerState */
void rk_admin_put_peer_state(struct rk_buf *b, const struct rk_ensemble_report *r);

/* -- the words
 * -------------------------------------------------------------------------------------- */

void rk_admin_srvr(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking, bool has_clients);
void rk_admin_cons(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking);
void rk_admin_dump(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchs(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchc(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchp(struct rk_admin *a, struct rk_buf *b);
void rk_admin_conf(struct rk_admin *a, struct rk_buf *b);
void rk_admin_dirs(struct rk_admin *a, struct rk_buf *b);
void rk_admin_envi(struct rk_admin *a, struct rk_buf *b);
void rk_admin_hash(struct rk_admin *a, struct rk_buf *b);
void rk_admin_mntr(struct rk_admin *a, struct rk_buf *b);
/* mntr_ensemble.c: gauges of a member, and its own numbers. */
void rk_admin_put_member_gauges(struct rk_admin *a, struct rk_buf *b, enum rk_admin_role role,
                                const struct rk_ensemble_report *r);
void rk_admin_put_member_own(struct rk_admin *a, struct rk_buf *b,
                             const struct rk_ensemble_report *r);
/* quota.c: the gauge sets of quotas, for mntr. */
void rk_admin_put_quotas(struct rk_admin *a, struct rk_buf *b);

/* -- sources.c
 * -------------------------------------------------------------------------------------- */

void rk_admin_default_sources(struct rk_admin *a, struct rk_admin_sources *ret);

#endif
