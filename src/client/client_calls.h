/* What the files of the client machine ask of each other. */
#ifndef RK_CLIENT_CLIENT_CALLS_H
#define RK_CLIENT_CLIENT_CALLS_H

#include "client/client_int.h"

/* effects.c */
/* Room for everything that may have to be told without a chance to fail, and extra more. */
bool rk_client_fx_reserve(struct rk_client *c, uint32_t extra) RK_MUST_CHECK;
struct rk_client_effect *rk_client_fx(struct rk_client *c, enum rk_client_effect_type type);
/* Room in out for a message; then rk_client_fx_sent after it was written. */
bool rk_client_out_room(struct rk_client *c, size_t bytes) RK_MUST_CHECK;
void rk_client_fx_sent(struct rk_client *c, uint64_t conn, size_t from);
void rk_client_fx_state(struct rk_client *c, enum rk_client_state state, bool is_new_session);
void rk_client_fx_begin(struct rk_client *c);
void rk_client_fx_end(struct rk_client *c, struct rk_client_effects *out);

/* session.c */
bool rk_client_is_connected(const struct rk_client *c);
bool rk_client_is_over(const struct rk_client *c); /* a terminal state */
void rk_client_open(struct rk_client *c, const struct rk_client_target *target);
void rk_client_on_connected(struct rk_client *c, uint64_t conn);
void rk_client_on_gone(struct rk_client *c, uint64_t conn);
enum rk_client_loss { RK_CLIENT_LOSS_GONE, RK_CLIENT_LOSS_DROP, RK_CLIENT_LOSS_LEAVE };
void rk_client_lose(struct rk_client *c, enum rk_client_loss loss);
void rk_client_leave(struct rk_client *c);
void rk_client_end_round(struct rk_client *c); /* every server has failed once */
void rk_client_end(struct rk_client *c, enum rk_client_state state, int32_t result);
void rk_client_on_close(struct rk_client *c, uint32_t close_ms);
void rk_client_session_timers(struct rk_client *c);
int64_t rk_client_session_wake(const struct rk_client *c);

/* handshake.c */
bool rk_client_handshake_send(struct rk_client *c) RK_MUST_CHECK;
void rk_client_handshake_take(struct rk_client *c, struct rk_bytes frame);

/* frames.c */
void rk_client_on_bytes(struct rk_client *c, uint64_t conn, struct rk_bytes bytes);
void rk_client_frames_forget(struct rk_client *c);

/* servers.c */
void rk_client_on_servers(struct rk_client *c, uint32_t count, bool is_new_list);
void rk_client_on_resolved(struct rk_client *c, uint32_t server, uint32_t count,
                           const struct rk_client_addr *addrs);
void rk_client_resolve(struct rk_client *c); /* all names, once more */
void rk_client_servers_timers(struct rk_client *c);
int64_t rk_client_servers_wake(const struct rk_client *c);
void rk_client_servers_free(struct rk_client *c);

/* targets.c: the order of trying. */
bool rk_client_addr_equal(const struct rk_client_addr *a, const struct rk_client_addr *b);
int32_t rk_client_target_find(const struct rk_client_target *list, uint32_t count,
                              const struct rk_client_addr *addr); /* -1: none */
/* A list of all known addresses in the order wanted; false without memory. count may be 0. */
bool rk_client_targets_build(struct rk_client *c, struct rk_client_target **ret_list,
                             uint32_t *ret_count) RK_MUST_CHECK;
const struct rk_client_target *rk_client_target_next(struct rk_client *c);
/* Before the old list goes: true if the client is to leave its server. ZK: ZOOKEEPER-1355 */
bool rk_client_rebalance(struct rk_client *c, struct rk_client_target *list, uint32_t count);

/* probe.c */
void rk_client_probe_start(struct rk_client *c);
void rk_client_probe_stop(struct rk_client *c, bool is_gone);
void rk_client_probe_connected(struct rk_client *c);
void rk_client_probe_bytes(struct rk_client *c, struct rk_bytes bytes);
void rk_client_probe_timers(struct rk_client *c);
int64_t rk_client_probe_wake(const struct rk_client *c);

/* request.c */
void rk_client_on_request(struct rk_client *c, const struct rk_client_request *request);
void rk_client_complete(struct rk_client *c, struct rk_client_pending *p, int32_t result,
                        rk_zxid zxid, struct rk_bytes body);
void rk_client_complete_all(struct rk_client *c, struct rk_link *list, int32_t result);
bool rk_client_header_send(struct rk_client *c, int32_t xid, int32_t op,
                           struct rk_bytes body) RK_MUST_CHECK;
int32_t rk_client_xid(struct rk_client *c);
void rk_client_pump(struct rk_client *c);
void rk_client_request_timers(struct rk_client *c);
int64_t rk_client_request_wake(const struct rk_client *c);

/* auth.c */
void rk_client_on_auth(struct rk_client *c, uint64_t tag, struct rk_bytes scheme,
                       struct rk_bytes auth);
bool rk_client_auth_send(struct rk_client *c) RK_MUST_CHECK; /* all that were not sent */
void rk_client_auth_take(struct rk_client *c, int32_t err, rk_zxid zxid);
void rk_client_auth_connect(struct rk_client *c); /* a new connection knows none */
/* Those that wait (only those that were sent, or all) get the result. */
void rk_client_auth_fail(struct rk_client *c, bool is_all, int32_t result);
void rk_client_auth_free(struct rk_client *c);

/* path.c */
bool rk_client_chroot_is_valid(struct rk_bytes chroot);

/* set_watches.c: one chunk; false without memory. */
bool rk_client_set_watches_send(struct rk_client *c) RK_MUST_CHECK;

#endif
