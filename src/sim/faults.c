/* Drawing the options of a seed (swarm testing): which features and faults exist, then how much of
 * each. Small constants make rare paths common. */
#include "sim/faults.h"

#include "sim/model.h"
#include "sim/net.h"

#include <libdeflate.h>
#include <string.h>

static bool pct(struct sim_tape *t, uint32_t percent)
{
    return rk_sim_chance(t, SIM_SITE_OPTIONS, percent, 100);
}

static int64_t log_of(struct sim_tape *t, int64_t low, int64_t high)
{
    return rk_sim_log_between(t, SIM_SITE_OPTIONS, low, high);
}

static uint32_t log32(struct sim_tape *t, int64_t low, int64_t high)
{
    return (uint32_t)log_of(t, low, high);
}

/* -- The server -- */

/* What every server has, before anything is drawn. */
static void base_core(struct rk_core_config *g)
{
    *g = (struct rk_core_config){
        .server_id = 1,
        .tick_ms = 200,
        .min_session_timeout_ms = 400,
        .max_session_timeout_ms = 4000,
        .frame_bytes_max = 100000,
        .record_bytes_max = 200000,
        .conn_max = SIM_CONNS_MAX,
        .extended_types = true,
        .digest = true,
        .close_session_txn = true,
        .crc32 = libdeflate_crc32,
        .digest_alg = {.hash = rk_sim_one_way, .len = SIM_ONE_WAY_BYTES},
        .digest_scheme = true,
        .snap_count = 100,
        .snap_slice_nodes = 16,
        .container_check_ms = 200,
        .container_per_minute = 10000,
        .global_outstanding_max = 1000,
        .conn_outstanding_max = 1000,
        .queued_bytes_max = 16 << 20,
        .inflight_bytes_max = 16 << 20,
        .request_throttle_drop_stale = true,
        .request_stale_connection_check = true,
        .large_request_threshold = -1,
        .connect_fill_time_ms = 1,
        .connect_fill_count = 1,
        .connect_freeze_ms = -1,
    };
}

static void draw_throttles(struct rk_core_config *g, struct sim_tape *t)
{
    if (pct(t, 25)) {
        g->conn_outstanding_max = log32(t, 1, 20);
    }
    if (pct(t, 25)) {
        g->global_outstanding_max = log32(t, 1, 60);
    }
    if (pct(t, 15)) {
        g->queued_bytes_max = (uint64_t)log_of(t, 50, 20000);
    }
    if (pct(t, 20)) {
        g->inflight_bytes_max = (uint64_t)log_of(t, 100, 20000);
    }
    if (pct(t, 20)) {
        g->request_throttle_max = log32(t, 1, 30);
        g->request_stale_latency_check = pct(t, 20);
        g->throttled_op_wait_ms = pct(t, 50) ? log_of(t, 1, 50) : 0;
    }
    if (pct(t, 10)) {
        g->connect_tokens = log_of(t, 1, 20);
        g->connect_fill_time_ms = log_of(t, 1, 500);
        g->connect_weight_enabled = pct(t, 50);
        g->connect_weight_global = 3;
        g->connect_weight_local = 1;
        g->connect_weight_renew = 2;
        g->connect_freeze_ms = pct(t, 50) ? 20 : -1;
        g->connect_drop_increase_ppm = 20000;
        g->connect_drop_decrease_ppm = 2000;
    }
    if (pct(t, 20)) {
        g->watch_per_conn_max = log32(t, 1, 30);
    }
}

/* One of these owns what it is allowed to. */
static void draw_super(struct rk_core_config *g)
{
    /* "super:" and the one-way function of "super:pw", worked out by hand once per process. */
    static char text[80];
    struct rk_mem mem;
    struct sim_blob *id;
    rk_mem_libc_init(&mem, 0);
    bool is_ok = rk_sim_digest_login(&mem, rk_bytes_str("super:pw"), &id);
    RK_ASSERT(is_ok && id->len < sizeof(text));
    memcpy(text, id->data, id->len);
    g->super_digest = rk_bytes_of(text, id->len);
    rk_sim_blob_drop(&mem, id);
}

static void draw_core(struct rk_core_config *g, struct sim_tape *t)
{
    base_core(g);
    g->tick_ms = (int32_t)log_of(t, 20, 2000);
    g->min_session_timeout_ms = 2 * g->tick_ms;
    g->max_session_timeout_ms = 20 * g->tick_ms;
    g->extended_types = pct(t, 75);
    g->digest = pct(t, 80);
    g->close_session_txn = pct(t, 85);
    g->skip_acl = pct(t, 5);
    g->enforce_quota = pct(t, 25);
    g->digest_scheme = pct(t, 95);
    if (g->digest_scheme && pct(t, 5)) {
        g->enforce_auth_schemes = rk_bytes_str("digest");
    }
    if (pct(t, 40)) {
        draw_super(g);
    }
    g->frame_bytes_max = pct(t, 20) ? log32(t, 200, 4000) : 100000;
    g->record_bytes_max = 2 * g->frame_bytes_max;
    g->snap_count = log_of(t, 3, 500);
    if (pct(t, 20)) {
        g->snap_size_bytes = log_of(t, 500, 100000);
    }
    g->snap_slice_nodes = log32(t, 1, 200);
    g->container_check_ms = pct(t, 80) ? log_of(t, 20, 2000) : 0;
    g->container_per_minute = log_of(t, 100, 100000);
    g->container_never_used_ms = pct(t, 50) ? log_of(t, 50, 5000) : 0;
    draw_throttles(g, t);
}

static void draw_node(struct sim_node_options *o, struct sim_tape *t)
{
    static const uint64_t preallocs[] = {0, 0, 4096, 10000, 16384, 65536, 131072, 700000};
    draw_core(&o->core, t);
    o->wal = (struct rk_wal_options){
        .prealloc_bytes = preallocs[rk_sim_below(t, SIM_SITE_OPTIONS, 8)],
        .size_limit_bytes = pct(t, 40) ? (uint64_t)log_of(t, 200, 50000) : 0,
        .force_sync = true,
        .direct = true,
        .nonce = rk_sim_below(t, SIM_SITE_OPTIONS, UINT64_MAX),
    };
    o->log_reserve_bytes = pct(t, 60) ? (uint64_t)log_of(t, 100, 30000) : 0;
    o->compression = (enum rk_snap_compression)rk_sim_below(t, SIM_SITE_OPTIONS, 3);
    o->purge_keep = pct(t, 30) ? 1 : 3;
    o->purge_every_us = pct(t, 60) ? log_of(t, 20000, 1000000) : 0;
    o->epoch_every_us = pct(t, 40) ? log_of(t, 20000, 1000000) : 0;
    o->wake_us_max = pct(t, 70) ? log_of(t, 10, 2000) : 0;
    o->turn_frames_max = log32(t, 1, 64);
    o->clock_rate_permille = pct(t, 70) ? 1000 : log32(t, 500, 2000);
    o->has_clock_steps = pct(t, 20);
    o->check_every = 16;
}

/* -- Everything else -- */

static void draw_weights(uint32_t weights[SIM_OP_COUNT], struct sim_tape *t)
{
    /* Times ten; each is off in a part of the seeds, but for the writes that make nodes. */
    static const uint8_t usual[SIM_OP_COUNT] = {
        [SIM_OP_CREATE] = 60,       [SIM_OP_DELETE] = 30,        [SIM_OP_SET_DATA] = 40,
        [SIM_OP_SET_ACL] = 8,       [SIM_OP_MULTI] = 20,         [SIM_OP_GET_DATA] = 30,
        [SIM_OP_EXISTS] = 20,       [SIM_OP_GET_CHILDREN] = 20,  [SIM_OP_GET_ACL] = 5,
        [SIM_OP_ADD_WATCH] = 8,     [SIM_OP_REMOVE_WATCHES] = 6, [SIM_OP_MULTI_READ] = 6,
        [SIM_OP_SYNC] = 5,          [SIM_OP_PING] = 5,           [SIM_OP_MISC_READ] = 10,
        [SIM_OP_AUTH] = 5,          [SIM_OP_QUOTA] = 6,          [SIM_OP_RUDE] = 5,
        [SIM_OP_CLOSE_SESSION] = 1, [SIM_OP_DISCONNECT] = 2,
    };
    for (uint32_t i = 0; i < SIM_OP_COUNT; i++) {
        bool is_off = i != SIM_OP_CREATE && pct(t, i < SIM_OP_GET_DATA ? 10 : 35);
        weights[i] = is_off ? 0 : 1 + usual[i] * log32(t, 1, 20) / 4;
    }
}

static void draw_client(struct sim_client_options *o, struct sim_tape *t, int32_t timeout_ms_max)
{
    o->count = log32(t, 1, 16);
    o->request_budget = log32(t, 150, 1600);
    draw_weights(o->weights, t);
    o->path_count = log32(t, 3, 50);
    o->depth_max = log32(t, 1, 30);
    o->value_bytes_max = pct(t, 30) ? log32(t, 10, 3000) : 0;
    o->think_us_max = log_of(t, 100, 60000);
    o->watch_pct = pct(t, 60) ? log32(t, 5, 80) : 0;
    o->sequential_pct = pct(t, 60) ? log32(t, 5, 60) : 0;
    o->ephemeral_pct = pct(t, 60) ? log32(t, 5, 60) : 0;
    o->versioned_pct = pct(t, 60) ? log32(t, 5, 60) : 0;
    o->restricted_pct = pct(t, 40) ? log32(t, 2, 50) : 0;
    o->rude_pct = pct(t, 40) ? log32(t, 2, 40) : 0;
    o->timeout_ms_max = timeout_ms_max;
    o->forgets_sessions = pct(t, 40);
}

static void draw_disk(struct sim_disk_options *o, struct sim_tape *t)
{
    o->shape.is_one_dir = pct(t, 50);
    o->shape.no_allocate = pct(t, 15);
    o->write_us_max = pct(t, 60) ? log_of(t, 5, 3000) : 0;
    o->sync_us_max = pct(t, 80) ? log_of(t, 20, 50000) : 0;
    o->is_dir_op_slow = pct(t, 40);
    o->log_fault_ppm = pct(t, 15) ? log32(t, 200, 10000) : 0;
    o->snap_fault_ppm = pct(t, 20) ? log32(t, 500, 50000) : 0;
    o->start_fault_ppm = pct(t, 15) ? log32(t, 500, 20000) : 0;
    o->has_full_episodes = pct(t, 20);
}

static void draw_crash(struct sim_crash_options *o, struct sim_tape *t)
{
    o->count = pct(t, 10) ? 0 : log32(t, 1, 12);
    o->kill_pct = pct(t, 70) ? log32(t, 10, 90) : 0;
    o->clean_pct = pct(t, 40) ? log32(t, 5, 50) : 0;
    o->at_call_pct = pct(t, 85) ? log32(t, 30, 100) : 0;
    o->policies = (uint32_t)rk_sim_between(t, SIM_SITE_OPTIONS, 1, (1 << SIM_PERSIST_COUNT) - 1);
    o->in_start_pct = pct(t, 40) ? log32(t, 5, 50) : 0;
    o->rot_pct = pct(t, 25) ? log32(t, 5, 60) : 0;
    o->probe_count = pct(t, 70) ? 2 : 0;
    o->down_us_max = log_of(t, 1000, 500000);
}

void rk_sim_options_draw(struct sim_options *o, struct sim_tape *t)
{
    o->duration_us_max = 60000000;
    draw_node(&o->node, t);
    draw_client(&o->client, t, o->node.core.max_session_timeout_ms);
    o->net.delay_us_max = pct(t, 80) ? log_of(t, 10, 20000) : 0;
    o->net.split_pct = pct(t, 50) ? log32(t, 2, 60) : 0;
    o->net.reset_ppm = pct(t, 40) ? log32(t, 100, 5000) : 0;
    draw_disk(&o->disk, t);
    draw_crash(&o->crash, t);
    if (rk_sim_chance(t, SIM_SITE_LIBRARY, 2, 3)) {
        o->client.library_count = (uint32_t)rk_sim_between(t, SIM_SITE_LIBRARY, 0, o->client.count);
    }
}

void rk_sim_options_script(struct sim_options *o, uint32_t variant)
{
    RK_ASSERT(variant < RK_SIM_SCRIPT_VARIANTS);
    *o = (struct sim_options){.seed = 1 + variant, .is_script = true};
    o->duration_us_max = 60000000;
    base_core(&o->node.core);
    o->node.core.snap_count = variant % 2 == 0 ? 12 : 8;
    o->node.core.snap_slice_nodes = 4;
    o->node.wal = (struct rk_wal_options){
        .prealloc_bytes = variant == 0   ? 4096
                          : variant == 1 ? 0
                                         : 300000,
        .size_limit_bytes = variant == 2 ? 900 : 0,
        .force_sync = true,
        .direct = true,
        .nonce = UINT64_C(0x1234567),
    };
    o->node.log_reserve_bytes = variant == 3 ? 2000 : 0;
    o->node.compression = (enum rk_snap_compression)(variant % 3);
    o->node.purge_keep = 1;
    o->node.purge_every_us = 15000;
    o->node.epoch_every_us = 20000;
    o->node.wake_us_max = 50;
    o->node.turn_frames_max = 16;
    o->node.clock_rate_permille = 1000;
    o->node.check_every = 4;
    o->client = (struct sim_client_options){.count = 1,
                                            .path_count = 6,
                                            .depth_max = 16,
                                            .value_bytes_max = 600,
                                            .think_us_max = 3000,
                                            .timeout_ms_max = 4000};
    o->net.delay_us_max = 100;
    o->disk.shape.is_one_dir = variant % 2 == 0;
    o->disk.shape.no_allocate = variant == 3;
    o->disk.write_us_max = 100;
    o->disk.sync_us_max = 800;
    o->disk.is_dir_op_slow = true;
    o->crash.down_us_max = 1000;
    o->crash.count = 1;
    o->crash.policies = (1 << SIM_PERSIST_COUNT) - 1;
}
