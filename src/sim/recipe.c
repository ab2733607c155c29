/* Recipes, one "name value" a line. */
#include "sim/recipe.h"

#include "base/assert.h"

#include <inttypes.h>
#include <string.h>

enum key_type {
    KEY_BOOL,
    KEY_32,
    KEY_64,
};

/* X(field, type, the simplest value) */
#define KEY_TABLE(X)                                                                               \
    X(ens.mishap_mask, KEY_64, 0)                                                                  \
    X(duration_us_max, KEY_64, 0)                                                                  \
    X(client.count, KEY_32, 1)                                                                     \
    X(client.library_count, KEY_32, 0)                                                             \
    X(client.request_budget, KEY_32, 0)                                                            \
    X(client.path_count, KEY_32, 3)                                                                \
    X(client.depth_max, KEY_32, 1)                                                                 \
    X(client.value_bytes_max, KEY_32, 0)                                                           \
    X(client.watch_pct, KEY_32, 0)                                                                 \
    X(client.sequential_pct, KEY_32, 0)                                                            \
    X(client.ephemeral_pct, KEY_32, 0)                                                             \
    X(client.versioned_pct, KEY_32, 0)                                                             \
    X(client.restricted_pct, KEY_32, 0)                                                            \
    X(client.rude_pct, KEY_32, 0)                                                                  \
    X(client.forgets_sessions, KEY_BOOL, 0)                                                        \
    X(net.delay_us_max, KEY_64, 0)                                                                 \
    X(net.split_pct, KEY_32, 0)                                                                    \
    X(net.reset_ppm, KEY_32, 0)                                                                    \
    X(ens.wire.delay_us_max, KEY_64, 0)                                                            \
    X(ens.wire.split_pct, KEY_32, 0)                                                               \
    X(ens.wire.reset_ppm, KEY_32, 0)                                                               \
    X(ens.wire.sync_break_pct, KEY_32, 0)                                                          \
    X(ens.wire.send_bytes, KEY_32, 1 << 20)                                                        \
    X(ens.wire.receive_bytes, KEY_32, 1 << 20)                                                     \
    X(ens.wire.overflow_ppm, KEY_32, 0)                                                            \
    X(ens.count, KEY_32, 3)                                                                        \
    X(ens.observers, KEY_32, 0)                                                                    \
    X(ens.commit_log_count, KEY_32, 500)                                                           \
    X(ens.history_bytes_max, KEY_64, 1 << 24)                                                      \
    X(ens.history_pin_bytes_max, KEY_64, 1 << 24)                                                  \
    X(ens.snapshot_size_permille, KEY_32, 0)                                                       \
    X(ens.says_nothing_more, KEY_BOOL, 0)                                                          \
    X(ens.force_snapshot_sync, KEY_BOOL, 0)                                                        \
    X(ens.epoch_txns_max, KEY_32, 0)                                                               \
    X(disk.write_us_max, KEY_64, 0)                                                                \
    X(disk.sync_us_max, KEY_64, 0)                                                                 \
    X(disk.is_dir_op_slow, KEY_BOOL, 0)                                                            \
    X(disk.log_fault_ppm, KEY_32, 0)                                                               \
    X(disk.snap_fault_ppm, KEY_32, 0)                                                              \
    X(disk.start_fault_ppm, KEY_32, 0)                                                             \
    X(disk.has_full_episodes, KEY_BOOL, 0)                                                         \
    X(crash.count, KEY_32, 0)                                                                      \
    X(crash.kill_pct, KEY_32, 0)                                                                   \
    X(crash.clean_pct, KEY_32, 0)                                                                  \
    X(crash.in_start_pct, KEY_32, 0)                                                               \
    X(crash.rot_pct, KEY_32, 0)                                                                    \
    X(crash.probe_count, KEY_32, 0)                                                                \
    X(node.wake_us_max, KEY_64, 0)                                                                 \
    X(node.turn_frames_max, KEY_32, 64)                                                            \
    X(node.purge_every_us, KEY_64, 0)                                                              \
    X(node.epoch_every_us, KEY_64, 0)                                                              \
    X(node.clock_rate_permille, KEY_32, 1000)                                                      \
    X(node.has_clock_steps, KEY_BOOL, 0)                                                           \
    X(node.log_reserve_bytes, KEY_64, 0)                                                           \
    X(node.wal.prealloc_bytes, KEY_64, 0)                                                          \
    X(node.wal.size_limit_bytes, KEY_64, 0)                                                        \
    X(node.core.snap_count, KEY_64, 100000)                                                        \
    X(node.core.snap_size_bytes, KEY_64, 0)                                                        \
    X(node.core.container_check_ms, KEY_64, 0)

static const struct {
    const char *name;
    size_t offset;
    enum key_type type;
    int64_t plain;
} keys[] = {
#define KEY_ENTRY(field, type, plain) {#field, offsetof(struct sim_options, field), type, plain},
    KEY_TABLE(KEY_ENTRY)
#undef KEY_ENTRY
};

uint32_t rk_sim_recipe_keys(void)
{
    return sizeof(keys) / sizeof(keys[0]);
}

const char *rk_sim_recipe_key(uint32_t key)
{
    RK_ASSERT(key < rk_sim_recipe_keys());
    return keys[key].name;
}

int64_t rk_sim_recipe_plain(uint32_t key)
{
    RK_ASSERT(key < rk_sim_recipe_keys());
    return keys[key].plain;
}

int64_t rk_sim_recipe_get(const struct sim_options *o, uint32_t key)
{
    const uint8_t *at = (const uint8_t *)o + keys[key].offset;
    int64_t wide = 0;
    int32_t narrow = 0;
    bool flag = false;
    switch (keys[key].type) {
    case KEY_BOOL:
        memcpy(&flag, at, sizeof(flag));
        return flag;
    case KEY_32:
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    case KEY_64:
        memcpy(&wide, at, sizeof(wide));
        break;
    }
    return wide;
}

void rk_sim_recipe_set(struct sim_options *o, uint32_t key, int64_t value)
{
    uint8_t *at = (uint8_t *)o + keys[key].offset;
    int32_t narrow = (int32_t)value;
    bool flag = value != 0;
    switch (keys[key].type) {
    case KEY_BOOL:
        memcpy(at, &flag, sizeof(flag));
        break;
    case KEY_32:
        memcpy(at, &narrow, sizeof(narrow));
        break;
    case KEY_64:
        memcpy(at, &value, sizeof(value));
        break;
    }
}

/* -- The file -- */

static const char first_line[] = "rookery-sim recipe 1";

void rk_sim_recipe_write(FILE *out, const struct sim_options *o)
{
    struct sim_size size = {.is_ensemble = o->nodes != 1, .count = o->nodes};
    struct sim_options drawn;
    rk_sim_seed_options(o->seed, &size, &drawn);
    (void)fprintf(out, "%s\nseed %" PRIu64 "\nnodes %u\n", first_line, o->seed, o->nodes);
    for (uint32_t key = 0; key < rk_sim_recipe_keys(); key++) {
        if (rk_sim_recipe_get(o, key) != rk_sim_recipe_get(&drawn, key)) {
            (void)fprintf(out, "%s %" PRId64 "\n", keys[key].name, rk_sim_recipe_get(o, key));
        }
    }
}

static bool read_key(struct sim_options *o, const char *name, int64_t value)
{
    for (uint32_t key = 0; key < rk_sim_recipe_keys(); key++) {
        if (strcmp(keys[key].name, name) == 0) {
            rk_sim_recipe_set(o, key, value);
            return true;
        }
    }
    return false;
}

bool rk_sim_recipe_read(FILE *in, struct sim_options *ret, char *ret_why, size_t room)
{
    char line[160];
    char name[80];
    int64_t value;
    int64_t seed = 0;
    uint32_t number = 1;
    if (fgets(line, sizeof(line), in) == NULL ||
        strncmp(line, first_line, strlen(first_line)) != 0) {
        (void)snprintf(ret_why, room, "it does not begin with \"%s\"", first_line);
        return false;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        number++;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (sscanf(line, "%79s %" SCNd64, name, &value) != 2) {
            (void)snprintf(ret_why, room, "line %u is not a name and a number", number);
            return false;
        }
        if (strcmp(name, "seed") == 0) {
            seed = value;
        } else if (strcmp(name, "nodes") == 0) {
            struct sim_size size = {.is_ensemble = value != 1, .count = (uint32_t)value};
            rk_sim_seed_options((uint64_t)seed, &size, ret);
        } else if (!read_key(ret, name, value)) {
            (void)snprintf(ret_why, room, "line %u: there is no option %s", number, name);
            return false;
        }
    }
    return true;
}
