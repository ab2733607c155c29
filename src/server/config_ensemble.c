/* What a member of an ensemble is told: limits in ticks, who dials whom, the histories it keeps.
 * The members themselves are config_servers.c's. ZK: QuorumPeerConfig.parseProperties,
 * checkValidity, setupPeerType; spec-quorum appendix 1. */
#include "server/config_int.h"

#include <string.h>
#include <strings.h>

#define COMMIT_LOG_MIN    500 /* ZK: ZKDatabase: fewer are not accepted */
#define SID_MAX           255 /* the first byte of a session's id */
#define SID_MAX_EXTENDED  254 /* ZK: EphemeralType.MAX_EXTENDED_SERVER_ID */
#define ELECTION_FINAL_MS 200 /* ZK: FastLeaderElection.finalizeWait */
#define EPOCH_WAIT_MS     400 /* two of those: others have elected by then */

static int64_t number(const struct rk_server_config *config, enum rk_key_id id)
{
    return rk_config_number(config, id);
}

static bool flag(const struct rk_server_config *config, enum rk_key_id id)
{
    return rk_config_number(config, id) != 0;
}

/* -- Keys that are the other kind of server's
 * ------------------------------------------------------- */

static void tell_other(struct rk_server_config *config, const struct rk_config_other *other)
{
    const char *reason = other->key->reason;
    if (config->ensemble == NULL) {
        rk_config_say(config, RK_LEVEL_INFO, &other->place, "%s is not used: it is for ensembles",
                      other->name);
    } else if (other->key->why == RK_OTHER_MEMBER_NEEDED) {
        rk_config_say(config, RK_LEVEL_ERROR, &other->place, "%s: %s", other->name, reason);
    } else if (other->key->why == RK_OTHER_MEMBER_LATER) {
        rk_config_say(config, RK_LEVEL_WARN, &other->place, "%s is known but not supported yet: %s",
                      other->name, reason);
    } else {
        rk_config_say(config, RK_LEVEL_WARN, &other->place, "%s has no meaning here: %s",
                      other->name, reason);
    }
}

void rk_config_tell_others(struct rk_server_config *config)
{
    for (uint32_t i = 0; i < config->other_count; i++) {
        tell_other(config, &config->others[i]);
    }
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT && config->ensemble == NULL; id++) {
        const struct rk_config_setting *s = &config->settings[id];
        struct rk_config_place place = rk_config_place_of(config, id);
        bool is_told = (rk_key_of(id)->flags & RK_KEY_ENSEMBLE) != 0 && s->text != NULL &&
                       s->number != rk_key_of(id)->preset;
        if (is_told) {
            rk_config_say(config, RK_LEVEL_INFO, &place, "%s is not used: it is for ensembles",
                          s->name);
        }
    }
    for (uint32_t i = 0; i < config->share_count && config->ensemble == NULL; i++) {
        const struct rk_config_share *share = &config->shares[i];
        rk_config_say(config, RK_LEVEL_INFO, &share->place,
                      "%s.%lld is not used: it is for ensembles",
                      share->is_weight ? "weight" : "group", (long long)share->number);
    }
}

/* -- Who this is
 * ------------------------------------------------------------------------------------- */

/* Session ids begin with the low byte of the sid: no two servers may hand out the same ones. */
static void check_sids(struct rk_server_config *config)
{
    const struct rk_members *m = &config->ensemble->members;
    for (uint32_t i = 0; i < m->count; i++) {
        for (uint32_t j = i + 1; j < m->count; j++) {
            if (((m->items[i].sid ^ m->items[j].sid) & 0xff) == 0) {
                rk_config_say(config, RK_LEVEL_ERROR, NULL,
                              "server.%lld and server.%lld would hand out the same session ids, "
                              "which begin with the number's last eight bits",
                              (long long)m->items[i].sid, (long long)m->items[j].sid);
            }
        }
    }
}

static void take_self(struct rk_server_config *config)
{
    const struct rk_config_member *self = config->self;
    bool is_extended = flag(config, RK_KEY_extended_types);
    int64_t max = is_extended ? SID_MAX_EXTENDED : SID_MAX;
    check_sids(config);
    if (self == NULL) {
        return;
    }
    int64_t sid = self->member.sid;
    if (sid < 0 || sid > max) {
        rk_config_say(config, RK_LEVEL_ERROR, &self->place,
                      "server.%lld: the number must be from 0 to %lld%s: session ids begin with it",
                      (long long)sid, (long long)max,
                      is_extended ? " with extendedTypesEnabled=true" : "");
    }
    config->ensemble->my_sid = sid;
    config->core.server_id = (uint8_t)sid;
}

/* The list counts. ZK: QuorumPeerConfig.setupPeerType */
static void check_peer_type(struct rk_server_config *config)
{
    const char *type = rk_config_text(config, RK_KEY_peer_type);
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_peer_type);
    if (type == NULL || config->self == NULL) {
        return;
    }
    bool is_observer = config->self->member.is_observer;
    if (is_observer != (strcasecmp(type, "observer") == 0)) {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "peerType=%s, but the list of servers says that server.%lld is %s; the list "
                      "counts",
                      type, (long long)config->self->member.sid,
                      is_observer ? "an observer" : "a participant");
    }
}

/* -- Limits
 * ------------------------------------------------------------------------------------------ */

static void require(struct rk_server_config *config, enum rk_key_id id, const char *what)
{
    if (!rk_config_is_given(config, id)) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "%s is not set, and an ensemble needs it: the ticks that %s",
                      rk_key_of(id)->name, what);
    }
}

/* In ms; 0 and an error if that does not fit. */
static int32_t ticks(struct rk_server_config *config, enum rk_key_id id)
{
    int64_t count = number(config, id);
    struct rk_config_place place = rk_config_place_of(config, id);
    if (count > 0 && count > INT32_MAX / config->core.tick_ms) {
        rk_config_say(config, RK_LEVEL_ERROR, &place,
                      "%s=%lld: with tickTime=%d that is longer than 24 days", rk_key_of(id)->name,
                      (long long)count, (int)config->core.tick_ms);
        return 0;
    }
    return count < 0 ? 0 : (int32_t)count * config->core.tick_ms;
}

static void derive_limits(struct rk_server_config *config)
{
    struct rk_ensemble_config *e = config->ensemble;
    require(config, RK_KEY_init_limit, "a server may take to connect and synchronise, usually 10");
    require(config, RK_KEY_sync_limit, "a server may be silent, usually 5");
    e->init_limit =
        ticks(config, RK_KEY_init_limit) == 0 ? 0 : (int32_t)number(config, RK_KEY_init_limit);
    e->sync_limit =
        ticks(config, RK_KEY_sync_limit) == 0 ? 0 : (int32_t)number(config, RK_KEY_sync_limit);
    e->connect_limit_ms = ticks(config, RK_KEY_connect_limit);
    e->cnx_timeout_ms = (int32_t)number(config, RK_KEY_cnx_timeout);
    e->connect_retry_ms = number(config, RK_KEY_connect_retry);
    e->election_min_ms = number(config, RK_KEY_election_min);
    e->election_max_ms = number(config, RK_KEY_election_max);
    e->election_finalize_ms = ELECTION_FINAL_MS;
    e->epoch_wait_ms = number(config, RK_KEY_epoch_wait);
    if (e->epoch_wait_ms < 0) {
        e->epoch_wait_ms = EPOCH_WAIT_MS;
    }
    if (e->election_min_ms > e->election_max_ms) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "fastleader.minNotificationInterval must not be larger than "
                      "fastleader.maxNotificationInterval (defaults are 200 and 60000)");
    }
    e->observer_delay_ms = number(config, RK_KEY_observer_delay);
}

/* ZK: LeaderZooKeeperServer, FollowerZooKeeperServer.getGlobalOutstandingLimit: the limit is the
 * ensemble's, and each voter keeps its part of it. */
static void share_outstanding(struct rk_server_config *config)
{
    uint32_t voters = rk_members_voter_count(&config->ensemble->members);
    uint32_t *limit = &config->core.global_outstanding_max;
    if (config->self != NULL && !config->self->member.is_observer && voters > 2 && *limit > 0) {
        *limit = *limit < voters - 1 ? 1 : *limit / (voters - 1);
    }
}

/* -- What is kept for others
 * ------------------------------------------------------------------------- */

/* Below 0: off. 0: without limit, and nothing else is that. */
static int32_t permille_of(int64_t millionths)
{
    if (millionths <= 0) {
        return millionths < 0 ? -1 : 0;
    }
    if (millionths / 1000 > INT32_MAX) {
        return INT32_MAX;
    }
    return millionths < 1000 ? 1 : (int32_t)(millionths / 1000);
}

static void derive_histories(struct rk_server_config *config)
{
    struct rk_ensemble_config *e = config->ensemble;
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_commit_log_count);
    int64_t count = number(config, RK_KEY_commit_log_count);
    if (count < COMMIT_LOG_MIN) {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "commitLogCount must be 500 or more; 500 is used");
        count = COMMIT_LOG_MIN;
    }
    e->commit_log_count = (uint32_t)count;
    e->history_bytes_max = (uint64_t)number(config, RK_KEY_history_bytes);
    e->history_pin_bytes_max = (uint64_t)number(config, RK_KEY_history_pin_bytes);
    e->max_concurrent_snap_syncs = (uint32_t)number(config, RK_KEY_snap_syncs);
    e->max_concurrent_diff_syncs = (uint32_t)number(config, RK_KEY_diff_syncs);
    e->snapshot_size_permille = permille_of(number(config, RK_KEY_snapshot_size_factor));
    e->force_snapshot_sync = flag(config, RK_KEY_force_snapshot_sync);
}

/* -- Ports
 * ------------------------------------------------------------------------------------------- */

static void set_port(struct rk_shell_listen *at, const char *host, uint16_t port)
{
    memset(at, 0, sizeof(*at));
    (void)snprintf(at->host, sizeof(at->host), "%s", host); /* a member's host is not longer */
    at->port = port;
}

/* Where others find this server is where it listens, as its line of the list says. */
static void derive_ports(struct rk_server_config *config)
{
    struct rk_shell_config *shell = &config->shell;
    _Static_assert(RK_MEMBER_HOST_MAX <= RK_SHELL_HOST_MAX, "a member's host fits");
    if (config->self != NULL) {
        const struct rk_member *self = &config->self->member;
        bool is_any = flag(config, RK_KEY_listen_on_all) || rk_config_is_wildcard(self->host);
        set_port(&shell->election, is_any ? "" : self->host, self->election_port);
        set_port(&shell->quorum, is_any ? "" : self->host, self->quorum_port);
    }
    shell->has_ensemble = true;
    shell->bind_tries = (uint32_t)number(config, RK_KEY_bind_retry);
    shell->peer_tcp_keepalive = flag(config, RK_KEY_peer_keep_alive);
    if (number(config, RK_KEY_peer_accepted) > 0) {
        shell->peer_accepted_max = (uint32_t)number(config, RK_KEY_peer_accepted);
    }
    if (number(config, RK_KEY_peer_queue) > 0) {
        shell->peer_queue_bytes = (uint64_t)number(config, RK_KEY_peer_queue);
    }
}

/* Understood, but the core does not act on it. */
static void tell_unbuilt(struct rk_server_config *config)
{
    const struct rk_config_setting *s = &config->settings[RK_KEY_observer_sync];
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_observer_sync);
    if (s->text != NULL && s->number == 0) {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "%s=%s is known but not supported yet: an observer keeps its log", s->name,
                      s->text);
    }
}

static void derive_roles(struct rk_server_config *config)
{
    struct rk_ensemble_config *e = config->ensemble;
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_reconfig_enabled);
    e->leader_serves = flag(config, RK_KEY_leader_serves);
    e->local_sessions = flag(config, RK_KEY_local_sessions);
    e->local_sessions_upgrading = flag(config, RK_KEY_local_upgrading);
    e->read_only_mode = flag(config, RK_KEY_read_only_mode);
    e->observer_sync = flag(config, RK_KEY_observer_sync);
    if (config->core.reconfig_enabled) {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "reconfigEnabled=true: changing the members while the ensemble runs comes "
                      "with a later version; reconfig is answered as if it were switched off "
                      "(-123). Change the server.N lines and restart one server after the other");
        config->core.reconfig_enabled = false;
    }
}

void rk_config_derive_ensemble(struct rk_server_config *config)
{
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_election_alg);
    if (number(config, RK_KEY_election_alg) != 3) {
        rk_config_say(config, RK_LEVEL_ERROR, &place,
                      "electionAlg must be 3: there is no other any more");
    }
    if (config->ensemble == NULL) {
        return;
    }
    take_self(config);
    check_peer_type(config);
    derive_limits(config);
    share_outstanding(config);
    derive_histories(config);
    derive_ports(config);
    derive_roles(config);
    tell_unbuilt(config);
    config->core.ensemble = config->ensemble;
    config->admin.ensemble = config->ensemble;
}

/* -- Printing
 * --------------------------------------------------------------------------------------- */

static uint32_t count_observers(const struct rk_members *m)
{
    return m->count - rk_members_voter_count(m);
}

void rk_config_print_ensemble(const struct rk_server_config *config, FILE *out)
{
    struct rk_buf text;
    char own[32];
    size_t at = 0;
    if (config->ensemble == NULL || config->self == NULL || config->error_count > 0) {
        return;
    }
    const struct rk_members *m = &config->ensemble->members;
    (void)fprintf(out, "# server %lld of an ensemble of %u voters and %u observers, %s\n",
                  (long long)config->ensemble->my_sid, (unsigned)rk_members_voter_count(m),
                  (unsigned)count_observers(m),
                  m->is_hierarchical ? "quorums by groups and weights" : "majority quorums");
    int own_len = snprintf(own, sizeof(own), "server.%lld=", (long long)config->ensemble->my_sid);
    rk_buf_init(&text, config->mem, RK_MEMBERS_TEXT_MAX);
    rk_members_print(&text, m);
    while (at < text.len) {
        const char *line = (const char *)text.data + at;
        const char *end = memchr(line, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - line);
        bool is_own = len >= (size_t)own_len && memcmp(line, own, (size_t)own_len) == 0;
        (void)fprintf(out, "#   %.*s%s\n", (int)len, line, is_own ? "  <- this server" : "");
        at += len + 1;
    }
    rk_buf_deinit(&text);
}
