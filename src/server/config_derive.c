/* From settings to what the core, the shell, the store and the four-letter words are given, with
 * the rules that Apache applies on the way. Every default is in the table of config_keys.h or the
 * shell's own. ZK: QuorumPeerConfig.parseProperties (end), ZooKeeperServer, ContainerManager,
 * FileTxnLog. */
#include "server/config_int.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define EXTRA_SIZE_MIN     1024u /* ZK: BinaryInputArchive: extraMaxBufferSize is at least this */
#define PURGE_KEEP_MIN     3
#define SNAP_COUNT_MIN     2
#define PURGE_INTERVAL_MAX (INT64_C(10) * 365 * 24 * 3600 * 1000)

static int64_t number(const struct rk_server_config *config, enum rk_key_id id)
{
    return rk_config_number(config, id);
}

static bool flag(const struct rk_server_config *config, enum rk_key_id id)
{
    return rk_config_number(config, id) != 0;
}

static int32_t to_i32(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

/* Zero and less mean "no limit" or "off". */
static uint32_t to_limit(int64_t v)
{
    return v <= 0 ? 0 : (uint32_t)to_i32(v);
}

static void say_at(struct rk_server_config *config, enum rk_log_level level, enum rk_key_id id,
                   const char *text)
{
    struct rk_config_place place = rk_config_place_of(config, id);
    bool has_place = rk_config_is_given(config, id) && !config->settings[id].is_preset;
    rk_config_say(config, level, has_place ? &place : NULL, "%s", text);
}

/* -- Directories
 * ------------------------------------------------------------------------------------ */

/* ZK: VerifyingFileFactory.warnForRelativePath */
static void check_path(struct rk_server_config *config, enum rk_key_id id)
{
    const char *path = rk_config_text(config, id);
    struct rk_config_place place = rk_config_place_of(config, id);
    if (path == NULL || config->settings[id].is_preset) {
        return;
    }
    if (*path == '\0') {
        rk_config_say(config, RK_LEVEL_ERROR, &place, "%s is empty", rk_key_of(id)->name);
    } else if (*path == '~') {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "%s=%s: ~ is not expanded, it is part of the directory's name",
                      rk_key_of(id)->name, path);
    } else if (*path != '/' && strncmp(path, "./", 2) != 0) {
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "%s=%s is relative. Prepend ./ to indicate that you're sure!",
                      rk_key_of(id)->name, path);
    }
}

/* Absolute as Java's File makes it: doubled and trailing slashes go, "." stays. */
static const char *absolute(struct rk_server_config *config, const char *path)
{
    char cwd[4096] = "";
    size_t cwd_len = 0;
    if (*path != '/') {
        (void)getcwd(cwd, sizeof(cwd)); /* without one the path stays relative: it is only shown */
        cwd_len = strlen(cwd);
    }
    size_t cap = cwd_len + strlen(path) + sizeof("//version-2");
    char *out = rk_arena_alloc(&config->arena, cap);
    size_t len = 0;
    (void)snprintf(out, cap, "%s%s%s/version-2", cwd, cwd_len > 0 ? "/" : "", path);
    for (size_t i = 0; out[i] != '\0'; i++) {
        if (out[i] != '/' || out[i + 1] != '/') {
            out[len++] = out[i];
        }
    }
    out[len] = '\0';
    return out;
}

static void derive_dirs(struct rk_server_config *config)
{
    config->data_dir = rk_config_text(config, RK_KEY_data_dir);
    config->data_log_dir = rk_config_text(config, RK_KEY_data_log_dir);
    config->datadir_autocreate = flag(config, RK_KEY_datadir_autocreate);
    check_path(config, RK_KEY_data_dir);
    check_path(config, RK_KEY_data_log_dir);
    if (config->data_dir == NULL) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL, "dataDir is not set");
        return;
    }
    config->admin.snap_dir = absolute(config, config->data_dir);
    config->admin.log_dir = config->data_log_dir == NULL ? config->admin.snap_dir
                                                         : absolute(config, config->data_log_dir);
}

/* -- Addresses
 * -------------------------------------------------------------------------------------- */

static void add_listen(struct rk_server_config *config, struct rk_bytes host, uint16_t port)
{
    struct rk_shell_listen *at = &config->listen[config->shell.listen_count];
    if (config->shell.listen_count == RK_LISTEN_MAX || host.len >= sizeof(at->host)) {
        say_at(config, RK_LEVEL_ERROR, RK_KEY_client_port_address,
               "clientPortAddress: at most 16 addresses of at most 255 characters");
        return;
    }
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = rk_bytes_of(host.data + 1, host.len - 2);
    }
    memset(at, 0, sizeof(*at));
    memcpy(at->host, host.data, host.len);
    at->port = port;
    config->shell.listen_count++;
}

/* One address as in Apache, or several with commas between them. */
static void add_addresses(struct rk_server_config *config, const char *list, uint16_t port)
{
    for (const char *at = list;;) {
        size_t len = strcspn(at, ",");
        const char *host = rk_config_trim(config, rk_config_dup(config, at, len));
        if (*host == '\0') {
            say_at(config, RK_LEVEL_ERROR, RK_KEY_client_port_address,
                   "clientPortAddress: an address is empty");
        } else {
            add_listen(config, rk_bytes_str(host), port);
        }
        if (at[len] == '\0') {
            return;
        }
        at += len + 1;
    }
}

bool rk_config_is_wildcard(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Is the address given in zoo.cfg the one of the server's own line? A wildcard only needs the port.
 * ZK: QuorumPeerConfig.setupClientPort */
static bool agrees(const struct rk_member *self, const char *address, int64_t port)
{
    bool is_any = address == NULL || rk_config_is_wildcard(address);
    return port == self->client_port && (is_any || strcasecmp(address, self->client_host) == 0);
}

static void derive_listen(struct rk_server_config *config)
{
    int64_t port = number(config, RK_KEY_client_port);
    const char *address = rk_config_text(config, RK_KEY_client_port_address);
    const struct rk_member *self = config->self == NULL ? NULL : &config->self->member;
    config->shell.listen = config->listen;
    config->shell.backlog = (int32_t)number(config, RK_KEY_listen_backlog);
    if (number(config, RK_KEY_secure_client_port) > 0 ||
        rk_config_is_given(config, RK_KEY_secure_client_port_address)) {
        say_at(config, RK_LEVEL_ERROR,
               number(config, RK_KEY_secure_client_port) > 0 ? RK_KEY_secure_client_port
                                                             : RK_KEY_secure_client_port_address,
               "TLS comes with a later version; this one cannot serve a secure client port");
    }
    if (self != NULL && self->has_client) {
        if (port >= 0 && !agrees(self, address, port)) {
            rk_config_say(
                config, RK_LEVEL_ERROR, &config->self->place,
                "the client address of this line differs from clientPort and clientPortAddress");
        }
        port = self->client_port;
        address = rk_config_is_wildcard(self->client_host) ? NULL : self->client_host;
    }
    if (port < 0) {
        say_at(config, RK_LEVEL_ERROR, RK_KEY_client_port_address,
               "clientPort is not set, so no client could connect");
        return;
    }
    config->admin.client_port = (int32_t)port;
    if (address == NULL) {
        add_listen(config, rk_bytes_of("", 0), (uint16_t)port);
    } else {
        add_addresses(config, address, (uint16_t)port);
    }
}

/* -- Sessions, sizes, throttles
 * --------------------------------------------------------------------- */

static void derive_sessions(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    int64_t tick = number(config, RK_KEY_tick_time);
    int64_t min = number(config, RK_KEY_min_session_timeout);
    int64_t max = number(config, RK_KEY_max_session_timeout);
    core->tick_ms = (int32_t)tick;
    core->min_session_timeout_ms = to_i32(min == -1 ? 2 * tick : min);
    core->max_session_timeout_ms = to_i32(max == -1 ? 20 * tick : max);
    if (core->min_session_timeout_ms > core->max_session_timeout_ms) {
        say_at(config, RK_LEVEL_ERROR,
               min != -1 ? RK_KEY_min_session_timeout : RK_KEY_max_session_timeout,
               "minSessionTimeout must not be larger than maxSessionTimeout (defaults are 2 and 20 "
               "ticks)");
    }
    core->close_session_txn = flag(config, RK_KEY_close_session_txn);
    config->shell.client_conn_max = to_limit(number(config, RK_KEY_max_client_cnxns));
    config->shell.total_conn_max = to_limit(number(config, RK_KEY_max_cnxns));
    config->shell.tcp_keepalive = flag(config, RK_KEY_tcp_keep_alive);
    config->shell.sessionless_timeout_ms = number(config, RK_KEY_sessionless_timeout);
    if (number(config, RK_KEY_conn_max) > 0) {
        config->shell.conn_max = (uint32_t)number(config, RK_KEY_conn_max);
    }
    core->conn_max = config->shell.conn_max;
}

static void derive_sizes(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    uint32_t frame = (uint32_t)number(config, RK_KEY_jute_maxbuffer);
    int64_t extra = number(config, RK_KEY_jute_extrasize);
    extra = extra < 0 ? frame : extra;
    extra = extra < EXTRA_SIZE_MIN ? EXTRA_SIZE_MIN : extra;
    core->frame_bytes_max = frame;
    core->record_bytes_max = frame + (uint32_t)extra;
    config->shell.frame_bytes_max = frame;
    config->recover.record_bytes_max = core->record_bytes_max;
    core->large_request_threshold = number(config, RK_KEY_large_request_threshold);
    core->large_request_bytes_max = number(config, RK_KEY_large_request_max_bytes);
    core->global_outstanding_max = (uint32_t)number(config, RK_KEY_global_outstanding_limit);
    core->conn_outstanding_max = (uint32_t)number(config, RK_KEY_conn_outstanding);
    core->queued_bytes_max = (uint64_t)number(config, RK_KEY_queued_bytes);
    core->inflight_bytes_max = (uint64_t)number(config, RK_KEY_inflight_bytes);
    core->watch_per_conn_max = (uint32_t)number(config, RK_KEY_watch_per_conn);
    core->watch_total_max = (uint32_t)number(config, RK_KEY_watch_total);
}

static void derive_throttles(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    core->request_throttle_max = to_limit(number(config, RK_KEY_request_throttle_max));
    core->throttled_op_wait_ms = number(config, RK_KEY_throttled_op_wait_time);
    core->request_throttle_drop_stale = flag(config, RK_KEY_request_throttle_drop_stale);
    core->request_stale_latency_check = flag(config, RK_KEY_request_stale_latency_check);
    core->request_stale_connection_check = flag(config, RK_KEY_request_stale_connection_check);
    core->connect_tokens = number(config, RK_KEY_connect_tokens);
    core->connect_fill_time_ms = number(config, RK_KEY_connect_fill_time);
    core->connect_fill_count = number(config, RK_KEY_connect_fill_count);
    core->connect_freeze_ms = number(config, RK_KEY_connect_freeze_time);
    core->connect_drop_increase_ppm = (int32_t)number(config, RK_KEY_connect_drop_increase);
    core->connect_drop_decrease_ppm = (int32_t)number(config, RK_KEY_connect_drop_decrease);
    core->connect_decrease_ratio_ppm = (int32_t)number(config, RK_KEY_connect_decrease_ratio);
    core->connect_weight_enabled = flag(config, RK_KEY_connect_weight_enabled);
    core->connect_weight_global = number(config, RK_KEY_connect_weight_global);
    core->connect_weight_local = number(config, RK_KEY_connect_weight_local);
    core->connect_weight_renew = number(config, RK_KEY_connect_weight_renew);
}

static void derive_tree(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    core->server_id = 1; /* ZK: ZooKeeperServer.createSessionTrackerServerId */
    core->crc32 = libdeflate_crc32;
    core->extended_types = flag(config, RK_KEY_extended_types);
    core->emulate_353_ttl = flag(config, RK_KEY_emulate_353_ttl);
    core->enforce_quota = flag(config, RK_KEY_enforce_quota);
    core->reconfig_enabled = flag(config, RK_KEY_reconfig_enabled);
    core->digest = flag(config, RK_KEY_digest);
    core->container_check_ms = number(config, RK_KEY_container_check);
    core->container_per_minute = number(config, RK_KEY_container_per_minute);
    core->container_never_used_ms = number(config, RK_KEY_container_never_used);
}

/* -- Disk
 * ------------------------------------------------------------------------------------------- */

static void derive_snapshots(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    const char *compression = rk_config_text(config, RK_KEY_snap_compression);
    core->snap_count = number(config, RK_KEY_snap_count);
    if (core->snap_count < SNAP_COUNT_MIN) {
        say_at(config, RK_LEVEL_WARN, RK_KEY_snap_count,
               "snapCount should be 2 or more; 2 is used");
        core->snap_count = SNAP_COUNT_MIN;
    }
    core->snap_size_bytes = number(config, RK_KEY_snap_size_limit) <= 0
                                ? 0
                                : number(config, RK_KEY_snap_size_limit) * 1024;
    core->snap_slice_nodes = (uint32_t)number(config, RK_KEY_slice_nodes);
    if (compression == NULL || *compression == '\0') {
        config->shell.snap_compression = RK_SNAP_PLAIN;
    } else if (strcasecmp(compression, "gz") == 0) {
        config->shell.snap_compression = RK_SNAP_GZIP;
    } else if (strcasecmp(compression, "snappy") == 0) {
        config->shell.snap_compression = RK_SNAP_SNAPPY;
    } else {
        say_at(config, RK_LEVEL_ERROR, RK_KEY_snap_compression,
               "snapshot.compression.method must be gz, snappy or empty");
    }
    config->recover.trust_empty = flag(config, RK_KEY_snap_trust_empty);
    config->recover.db_autocreate = flag(config, RK_KEY_db_autocreate);
    config->recover.allow_holes = flag(config, RK_KEY_allow_holes);
}

static void derive_log(struct rk_server_config *config)
{
    struct rk_shell_config *shell = &config->shell;
    int64_t prealloc = number(config, RK_KEY_prealloc_size);
    int64_t limit = number(config, RK_KEY_log_size_limit);
    int64_t keep = number(config, RK_KEY_purge_keep);
    int64_t interval = number(config, RK_KEY_purge_interval);
    shell->wal.prealloc_bytes = prealloc <= 0 ? 0 : (uint64_t)prealloc * 1024;
    shell->wal.size_limit_bytes = limit <= 0 ? 0 : (uint64_t)limit * 1024;
    shell->wal.force_sync = flag(config, RK_KEY_force_sync);
    shell->wal.direct = flag(config, RK_KEY_log_direct);
    shell->fsync_warn_ms = number(config, RK_KEY_fsync_warn);
    if (!shell->wal.force_sync) {
        say_at(config, RK_LEVEL_WARN, RK_KEY_force_sync,
               "forceSync=no: what was acknowledged can be lost when the machine fails");
    }
    if (keep < PURGE_KEEP_MIN) {
        say_at(config, RK_LEVEL_WARN, RK_KEY_purge_keep,
               "autopurge.snapRetainCount must be 3 or more; 3 is used");
        keep = PURGE_KEEP_MIN;
    }
    shell->purge_keep = (uint32_t)keep;
    shell->purge_interval_ms = interval <= 0                   ? 0
                               : interval > PURGE_INTERVAL_MAX ? PURGE_INTERVAL_MAX
                                                               : interval;
    if (flag(config, RK_KEY_allow_holes)) {
        say_at(config, RK_LEVEL_WARN, RK_KEY_allow_holes,
               "rookery.allowHoles=true: a damaged log is read past its damage; what was there is "
               "lost");
    }
}

/* -- This server's own keys
 * ------------------------------------------------------------------------- */

static void take_bytes(const struct rk_server_config *config, enum rk_key_id id, uint64_t *field)
{
    if (number(config, id) >= 0) {
        *field = (uint64_t)number(config, id);
    }
}

static void at_least(uint64_t *field, uint64_t least)
{
    *field = *field < least ? least : *field;
}

/* With a large jute.maxbuffer the shell's defaults would refuse single frames of that size. */
static void grow_defaults(struct rk_shell_config *shell)
{
    uint64_t frame = shell->frame_bytes_max;
    at_least(&shell->input_bytes_max, 4 * frame);
    at_least(&shell->output_drop_bytes, 4 * frame);
    at_least(&shell->output_total_bytes, 2 * shell->output_drop_bytes);
}

static void derive_own(struct rk_server_config *config)
{
    struct rk_shell_config *shell = &config->shell;
    const char *level = rk_config_text(config, RK_KEY_log_level);
    grow_defaults(shell);
    take_bytes(config, RK_KEY_input_bytes, &shell->input_bytes_max);
    take_bytes(config, RK_KEY_output_pause, &shell->output_pause_bytes);
    take_bytes(config, RK_KEY_output_drop, &shell->output_drop_bytes);
    take_bytes(config, RK_KEY_output_total, &shell->output_total_bytes);
    take_bytes(config, RK_KEY_log_reserve, &shell->log_reserve_bytes);
    if (number(config, RK_KEY_output_stall) >= 0) {
        shell->output_stall_ms = number(config, RK_KEY_output_stall);
    }
    if (number(config, RK_KEY_shutdown) >= 0) {
        shell->shutdown_ms = number(config, RK_KEY_shutdown);
    }
    if (level != NULL && !rk_log_level_parse(rk_bytes_str(level), &config->log_level)) {
        say_at(config, RK_LEVEL_ERROR, RK_KEY_log_level,
               "rookery.log.level must be error, warn, info or debug");
    }
    if (shell->output_pause_bytes > shell->output_drop_bytes) {
        say_at(config, RK_LEVEL_ERROR,
               rk_config_is_given(config, RK_KEY_output_pause) ? RK_KEY_output_pause
                                                               : RK_KEY_output_drop,
               "rookery.output.pauseBytes must not be larger than rookery.output.dropBytes");
    }
}

/* -- Four-letter words
 * ------------------------------------------------------------------------------ */

/* ZK: FourLetterCommands.isEnabled; srvr always, because zkServer.sh asks it. */
static void derive_words(struct rk_server_config *config)
{
    const char *list = rk_config_text(config, RK_KEY_words);
    uint32_t allowed = 1u << RK_WORD_srvr;
    if (flag(config, RK_KEY_read_only_mode)) {
        allowed |= 1u << RK_WORD_isro;
    }
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, ",");
        const char *word = rk_config_trim(config, rk_config_dup(config, at, len));
        bool is_word = *word == '\0';
        if (strcmp(word, "*") == 0) {
            allowed = (1u << RK_WORD_COUNT) - 1u;
            break;
        }
        for (uint32_t i = 0; i < RK_WORD_COUNT && !is_word; i++) {
            is_word = strcmp(rk_admin_word_names[i], word) == 0;
            allowed |= is_word ? 1u << i : 0;
        }
        if (!is_word) {
            struct rk_config_place place = rk_config_place_of(config, RK_KEY_words);
            rk_config_say(config, RK_LEVEL_WARN, &place,
                          "4lw.commands.whitelist: %s is no four-letter word", word);
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    config->admin.allowed = allowed;
    config->admin.answer_bytes_max = (uint64_t)number(config, RK_KEY_answer_bytes);
    config->admin.tick_ms = config->core.tick_ms;
    config->admin.client_conn_max = (int32_t)number(config, RK_KEY_max_client_cnxns);
    config->admin.min_session_timeout_ms = config->core.min_session_timeout_ms;
    config->admin.max_session_timeout_ms = config->core.max_session_timeout_ms;
    config->admin.listen_backlog = config->shell.backlog;
    config->admin.sessionless_timeout_ms = config->shell.sessionless_timeout_ms;
}

/* A standalone Apache takes it from the servers' list, which is empty, and says so. */
static void check_peer_type(struct rk_server_config *config)
{
    const char *type = rk_config_text(config, RK_KEY_peer_type);
    if (type == NULL || strcasecmp(type, "participant") == 0) {
        return;
    }
    if (strcasecmp(type, "observer") != 0) {
        say_at(config, RK_LEVEL_ERROR, RK_KEY_peer_type,
               "peerType must be participant or observer");
    } else if (config->ensemble == NULL) {
        say_at(config, RK_LEVEL_INFO, RK_KEY_peer_type,
               "peerType=observer is not used: a server alone observes nobody");
    }
}

void rk_config_derive(struct rk_server_config *config)
{
    rk_config_check_members(config);
    rk_config_tell_others(config);
    check_peer_type(config);
    derive_dirs(config);
    derive_listen(config);
    derive_sessions(config);
    derive_sizes(config);
    derive_throttles(config);
    derive_tree(config);
    derive_snapshots(config);
    derive_log(config);
    derive_own(config);
    derive_words(config);
    rk_config_derive_ensemble(config);
    rk_config_derive_auth(config);
}

enum rk_err rk_config_finish(struct rk_server_config *config)
{
    rk_config_derive(config);
    return config->error_count == 0 ? RK_OK : RK_ERR_INVALID;
}
