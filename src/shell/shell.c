/* The shell as a whole: handles, threads, signals, shutdown, reports. Guarantees that an orderly
 * stop answers what was in flight as far as the disk and the clients let it in shutdown_ms, and
 * that nothing is acknowledged on the way out that is not durable. */
#include "shell/notify.h"
#include "shell/shell_int.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LOG_QUEUE_BYTES_MAX  (UINT32_MAX) /* the core's inflight_bytes_max is far below */
#define SNAP_QUEUE_BYTES_MAX (UINT32_MAX) /* slices, and old images of nodes in one burst */
#define LOG_RETRY_MS         500
#define LINES_PER_SECOND     5u /* of a kind that strangers can cause */
#define SLAB_SEED            UINT64_C(0x726f6f6b657279)

static const int our_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
#define SIGNAL_COUNT (sizeof(our_signals) / sizeof(our_signals[0]))

void rk_shell_config_init(struct rk_shell_config *config)
{
    *config = (struct rk_shell_config){
        .backlog = -1,
        .conn_max = 1u << 20,
        .client_conn_max = 60,
        .sessionless_timeout_ms = 10000,
        .frame_bytes_max = 0xfffff,
        .input_bytes_max = UINT64_C(256) << 20,
        .output_pause_bytes = UINT64_C(1) << 20,
        .output_drop_bytes = UINT64_C(64) << 20,
        .output_total_bytes = UINT64_C(512) << 20,
        .output_stall_ms = 30000,
        .wal = {.prealloc_bytes = UINT64_C(64) << 20, .force_sync = true, .direct = true},
        .log_reserve_bytes = UINT64_C(1) << 20,
        .fsync_warn_ms = 1000,
        .snap_compression = RK_SNAP_PLAIN,
        .purge_keep = 3,
        .shutdown_ms = 5000,
        .bind_tries = 3,
        .peer_accepted_max = 256,
        .peer_queue_bytes = UINT64_C(256) << 20,
    };
}

/* -- Making and unmaking ---------------------------------------------------------------------- */

static bool copy_config(struct rk_shell *s, const struct rk_shell_config *config)
{
    RK_ASSERT(config->listen_count <= RK_LISTENERS_MAX);
    RK_ASSERT(config->conn_max > 1);
    s->config = *config;
    size_t bytes = config->listen_count * sizeof(config->listen[0]);
    if (bytes > 0) {
        void *copy = rk_mem_alloc(s->parts.mem, bytes);
        if (copy == NULL) {
            s->config.listen_count = 0;
            return false;
        }
        memcpy(copy, config->listen, bytes);
        s->config.listen = copy;
    }
    return true;
}

static void on_check(uv_check_t *check)
{
    rk_turn_end(check->data);
}

static void on_log_news(uv_async_t *async)
{
    rk_storage_report_log(async->data);
}

static void on_snap_news(uv_async_t *async)
{
    rk_storage_report_snap(async->data);
}

static void init_handles(struct rk_shell *s)
{
    /* Of these only uv_async_init and uv_signal_init can fail, for want of descriptors at the very
     * start. */
    int err = uv_check_init(&s->loop, &s->check);
    err |= uv_idle_init(&s->loop, &s->idle);
    err |= uv_timer_init(&s->loop, &s->tick);
    err |= uv_timer_init(&s->loop, &s->chores);
    err |= uv_timer_init(&s->loop, &s->purge);
    err |= uv_timer_init(&s->loop, &s->stop);
    err |= uv_async_init(&s->loop, &s->log_news, on_log_news);
    err |= uv_async_init(&s->loop, &s->snap_news, on_snap_news);
    s->check.data = s;
    s->idle.data = s;
    s->tick.data = s;
    s->chores.data = s;
    s->purge.data = s;
    s->stop.data = s;
    s->log_news.data = s;
    s->snap_news.data = s;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        err |= uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
    }
    RK_ASSERT(err == 0);
}

struct rk_shell *rk_shell_create(const struct rk_shell_config *config,
                                 const struct rk_shell_parts *parts)
{
    struct rk_shell *s = rk_mem_zalloc(parts->mem, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->parts = *parts;
    s->reserve_fd = -1;
    s->tick_due_ms = INT64_MAX;
    rk_shell_reset_stats(s);
    for (size_t i = 0; i < RK_LIMIT_COUNT; i++) {
        s->limits[i].burst = LINES_PER_SECOND;
    }
    s->limits[RK_LIMIT_TRAFFIC].burst = UINT32_MAX;
    struct rk_link *lists[] = {&s->sessionless, &s->lingering, &s->stalled,
                               &s->dirty,       &s->backlog,   &s->gone};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        rk_list_init(lists[i]);
    }
    rk_effects_init(&s->fx, parts->mem);
    rk_slab_init(&s->conns, parts->mem, sizeof(struct rk_conn), config->conn_max - 1);
    rk_bytemap_init(&s->ips, parts->mem, SLAB_SEED ^ uv_hrtime(), rk_conn_ip_key);
    int err = uv_loop_init(&s->loop);
    if (err != 0 || !copy_config(s, config)) {
        rk_log_write(parts->log, RK_LEVEL_ERROR, "cannot set up the event loop: %s",
                     err != 0 ? uv_strerror(err) : "out of memory");
        rk_mem_free(parts->mem, s, sizeof(*s));
        return NULL;
    }
    init_handles(s);
    if (!rk_channel_init_all(s)) {
        rk_log_write(parts->log, RK_LEVEL_ERROR, "out of memory at the start");
        rk_shell_destroy(s);
        return NULL;
    }
    return s;
}

static void close_handle(uv_handle_t *handle)
{
    if (uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

static void kill_all(struct rk_shell *s)
{
    for (uint32_t slot = 1; slot < s->conns.high; slot++) {
        struct rk_conn *c = rk_slab_at(&s->conns, slot);
        if (c->magic == RK_CONN_MAGIC) {
            rk_conn_kill(c, false);
            rk_list_unlink(&c->gone_link); /* the core ends with us */
        }
    }
}

void rk_shell_destroy(struct rk_shell *s)
{
    if (s == NULL) {
        return;
    }
    rk_log_thread_destroy(s->log_thread);
    rk_snap_thread_destroy(s->snap_thread);
    rk_listener_close_all(s);
    kill_all(s);
    rk_channel_kill_all(s);
    close_handle((uv_handle_t *)&s->check);
    close_handle((uv_handle_t *)&s->idle);
    close_handle((uv_handle_t *)&s->tick);
    close_handle((uv_handle_t *)&s->chores);
    close_handle((uv_handle_t *)&s->purge);
    close_handle((uv_handle_t *)&s->stop);
    close_handle((uv_handle_t *)&s->log_news);
    close_handle((uv_handle_t *)&s->snap_news);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        close_handle((uv_handle_t *)&s->signals[i]);
    }
    (void)uv_run(&s->loop, UV_RUN_DEFAULT); /* close callbacks only: nothing else is left */
    int err = uv_loop_close(&s->loop);
    RK_ASSERT(err == 0);
    RK_ASSERT(s->conns.live == 0 && s->stats.output_bytes == 0 && s->stats.input_bytes == 0);
    rk_channel_deinit_all(s);
    rk_effects_deinit(&s->fx);
    rk_slab_deinit(&s->conns);
    rk_bytemap_deinit(&s->ips);
    rk_mem_free(s->parts.mem, s->segs, s->seg_cap * sizeof(s->segs[0]));
    rk_mem_free(s->parts.mem, (void *)(uintptr_t)s->config.listen,
                s->config.listen_count * sizeof(s->config.listen[0]));
    rk_mem_free(s->parts.mem, s, sizeof(*s));
}

/* -- Starting --------------------------------------------------------------------------------- */

enum rk_err rk_shell_bind(struct rk_shell *s)
{
    return rk_listener_bind_all(s);
}

enum rk_err rk_shell_listen(struct rk_shell *s)
{
    return rk_listener_start_all(s);
}

const char *rk_shell_bound(const struct rk_shell *s)
{
    return s->bound;
}

int rk_shell_bind_status(const struct rk_shell *s)
{
    return s->bind_status;
}

uint16_t rk_shell_peer_port(const struct rk_shell *s, enum rk_chan_port port)
{
    enum rk_listener_kind kind =
        port == RK_PORT_ELECTION ? RK_LISTENER_ELECTION : RK_LISTENER_QUORUM;
    for (uint32_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].kind == kind) {
            return s->listeners[i].port;
        }
    }
    return 0;
}

/* Logs, snapshots, listeners, epoll, stdio, and some to spare. A socket that is accepted over the
 * limit is closed before the next one. */
#define FDS_FOR_OURSELVES 64u

uint32_t rk_shell_fds_needed(const struct rk_shell_config *config)
{
    uint32_t dials = RK_LOOKUPS_MAX + RK_LOOKUPS_MAX; /* each member's two ports, and to spare */
    return FDS_FOR_OURSELVES + (config->has_ensemble ? 2 * config->peer_accepted_max + dials : 0);
}

static void on_purge(uv_timer_t *timer)
{
    rk_storage_purge(timer->data);
}

static bool start_threads(struct rk_shell *s)
{
    struct rk_log_thread_config log_config = {.wal = s->config.wal,
                                              .reserve_bytes = s->config.log_reserve_bytes,
                                              .fsync_warn_ms = s->config.fsync_warn_ms,
                                              .retry_ms = LOG_RETRY_MS,
                                              .queue_bytes_max = LOG_QUEUE_BYTES_MAX};
    struct rk_snap_thread_config snap_config = {.compression = s->config.snap_compression,
                                                .purge_keep = s->config.purge_keep,
                                                .queue_bytes_max = SNAP_QUEUE_BYTES_MAX};
    s->log_thread =
        rk_log_thread_create(s->parts.mem, &log_config, s->parts.disk, s->parts.log, &s->log_news);
    s->snap_thread = rk_snap_thread_create(s->parts.mem, &snap_config, s->parts.disk, s->parts.log,
                                           &s->snap_news);
    return s->log_thread != NULL && s->snap_thread != NULL;
}

static void on_signal(uv_signal_t *handle, int number);

enum rk_err rk_shell_start(struct rk_shell *s)
{
    if (!start_threads(s)) {
        rk_log_write(s->parts.log, RK_LEVEL_ERROR, "cannot start the log and snapshot threads");
        return RK_ERR_NOMEM;
    }
    s->appended = rk_core_last_zxid(s->parts.core);
    s->durable = s->appended;
    /* A peer that is gone is an error of the write, not a signal. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int err = sigaction(SIGPIPE, &ignore, NULL);
    err |= uv_check_start(&s->check, on_check);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        err |= uv_signal_start(&s->signals[i], on_signal, our_signals[i]);
    }
    if (err != 0) {
        rk_log_write(s->parts.log, RK_LEVEL_ERROR, "cannot watch for signals");
        return RK_ERR_IO;
    }
    if (s->config.purge_interval_ms > 0) {
        uint64_t every_ms = (uint64_t)s->config.purge_interval_ms;
        rk_storage_purge(s);
        err = uv_timer_start(&s->purge, on_purge, every_ms, every_ms);
        RK_ASSERT(err == 0);
    }
    rk_turn_start_clock(s);
    rk_turn_begin(s);
    rk_core_start(s->parts.core, s->now_ms, s->wall_ms, &s->fx);
    rk_turn_settle(s);
    return RK_OK;
}

/* -- Stopping --------------------------------------------------------------------------------- */

static void on_stop_late(uv_timer_t *timer)
{
    struct rk_shell *s = timer->data;
    rk_log_write(
        s->parts.log, RK_LEVEL_WARN,
        "shutdown takes longer than %lld ms: what is still in flight is given up, nothing of it "
        "was acknowledged",
        (long long)s->config.shutdown_ms);
    s->stop_phase = RK_STOP_DONE;
    uv_stop(&s->loop);
}

static void begin_stop(struct rk_shell *s, int number)
{
    rk_log_write(s->parts.log, RK_LEVEL_INFO, "stopping on %s",
                 number == SIGTERM ? "SIGTERM" : "SIGINT");
    (void)rk_notify_send("STOPPING=1"); /* systemd sees the exit anyway */
    rk_listener_close_clients(s);       /* other servers are needed for handing over */
    (void)uv_timer_stop(&s->purge);     /* always 0 */
    int err = uv_timer_start(&s->stop, on_stop_late, (uint64_t)s->config.shutdown_ms, 0);
    RK_ASSERT(err == 0);
    s->stop_phase = RK_STOP_DRAINING;
    s->stats.is_shutting_down = true;
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_SHUTDOWN, 0);
    rk_turn_step(s, &event);
    rk_turn_settle(s);
}

/* Another leader, please: before maintenance of this one. */
static void hand_over(struct rk_shell *s)
{
    if (!s->config.has_ensemble) {
        rk_log_write(s->parts.log, RK_LEVEL_INFO, "SIGUSR2 ignored: there is no other server");
        return;
    }
    rk_log_write(s->parts.log, RK_LEVEL_INFO, "SIGUSR2: another leader is asked for");
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_HAND_OVER, 0);
    rk_turn_step(s, &event);
    rk_turn_settle(s);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct rk_shell *s = handle->data;
    if (number == SIGUSR2) {
        hand_over(s);
        return;
    }
    if (number == SIGHUP) {
        rk_log_write(s->parts.log, RK_LEVEL_INFO,
                     "SIGHUP ignored: the configuration is read at start, log lines go to stderr");
        return;
    }
    if (s->stop_phase != RK_STOP_NOT) {
        rk_log_write(s->parts.log, RK_LEVEL_WARN, "second signal: ending at once");
        _exit(128 + number);
    }
    begin_stop(s, number);
}

void rk_shell_check_stop(struct rk_shell *s)
{
    if (s->stop_phase == RK_STOP_DRAINING && rk_core_is_drained(s->parts.core) &&
        s->durable >= s->appended) {
        s->stop_phase = RK_STOP_FLUSHING;
        rk_listener_close_all(s);
        s->is_ending = true;
        rk_channel_close_all(s);
        for (uint32_t slot = 1; slot < s->conns.high; slot++) {
            struct rk_conn *c = rk_slab_at(&s->conns, slot);
            if (c->magic == RK_CONN_MAGIC) {
                rk_conn_close(c);
            }
        }
        rk_turn_settle(s);
    }
    if (s->stop_phase == RK_STOP_FLUSHING && rk_list_empty(&s->stalled) && s->chan_count == 0) {
        s->stop_phase = RK_STOP_DONE;
        uv_stop(&s->loop);
    }
}

int rk_shell_run(struct rk_shell *s)
{
    (void)uv_run(&s->loop, UV_RUN_DEFAULT); /* uv_stop ends it, with handles alive */
    RK_ASSERT(s->stop_phase == RK_STOP_DONE);
    rk_log_write(s->parts.log, RK_LEVEL_INFO, "stopped last_zxid=0x%llx",
                 (unsigned long long)rk_core_last_zxid(s->parts.core));
    return 0;
}

/* -- Reports ---------------------------------------------------------------------------------- */

void rk_shell_stats(const struct rk_shell *s, struct rk_shell_stats *ret)
{
    *ret = s->stats;
    ret->peer_chans = s->chan_count;
    ret->fsync_us = s->log_report.commit_us;
    ret->commit_records = s->log_report.commit_records;
    ret->is_log_full = s->log_report.is_full;
    ret->snapshots_written = s->snap_report.written;
    ret->snapshots_failed = s->snap_report.failed;
    ret->purged_files = s->snap_report.purged_files;
}

void rk_shell_reset_stats(struct rk_shell *s)
{
    if (s->log_thread != NULL) {
        rk_log_thread_reset_report(s->log_thread);
    }
    s->log_report.commit_us = (struct rk_summary){.min = UINT64_MAX};
    s->log_report.commit_records = (struct rk_summary){.min = UINT64_MAX};
}

bool rk_shell_conn_text(const struct rk_shell *s, rk_conn_id conn, char out[64])
{
    uint32_t slot = (uint32_t)conn;
    if (slot == 0 || slot >= s->conns.high) {
        return false;
    }
    const struct rk_conn *c = rk_slab_at(&s->conns, slot);
    if (c->id != conn || c->magic != RK_CONN_MAGIC) {
        return false;
    }
    (void)rk_addr_text(&c->addr, out); /* its length is not needed */
    return true;
}
