/* The world of one seed: virtual time, the queue of what is due, and everything that lives in it.
 * Time jumps from one event to the next; nothing here reads a clock. */
#ifndef RK_SIM_WORLD_H
#define RK_SIM_WORLD_H

#include "base/mem_libc.h"
#include "sim/disk.h"
#include "sim/faults.h"
#include "sim/mark.h"
#include "sim/trace.h"

#define SIM_NODES_MAX RK_SIM_NODES_MAX

struct sim_world;
struct sim_node;
struct sim_net;
struct sim_wire;
struct sim_truth;
struct sim_clients;
struct sim_check;
struct sim_plan;

typedef void (*sim_event_fn)(struct sim_world *w, void *ctx, uint64_t arg);

struct sim_event {
    int64_t at_us;
    uint64_t tie; /* random: order among those due at once */
    uint64_t seq;
    sim_event_fn fn;
    void *ctx;
    uint64_t arg;
};

enum sim_phase {
    SIM_PHASE_FAULTS, /* whatever the options have */
    SIM_PHASE_HEAL,   /* no more faults; everything must come to rest */
    SIM_PHASE_DONE,
};

struct sim_world {
    struct rk_mem mem; /* of the simulation itself */
    struct sim_tape tape;
    struct sim_trace trace;
    struct sim_stats stats;
    struct sim_options opt;
    enum sim_phase phase;
    int64_t now_us;
    struct sim_event *queue; /* a heap */
    uint32_t queue_count;
    uint32_t queue_cap;
    uint64_t next_seq;
    uint32_t node_count;
    uint32_t up_bits; /* servers that may run; those that are to be well after the heal */
    struct sim_disk *disks[SIM_NODES_MAX];
    struct sim_node *nodes[SIM_NODES_MAX];
    struct sim_check *checks[SIM_NODES_MAX];
    struct sim_truth *truth;
    struct sim_net *net;   /* between clients and servers */
    struct sim_wire *wire; /* between servers */
    struct sim_clients *clients;
    struct sim_plan *plan;
};

static inline bool rk_sim_is_ensemble(const struct sim_world *w)
{
    return w->opt.ens.count > 0;
}

#define RK_MARK(w, name) ((void)((w)->stats.marks[SIM_MARK_##name]++))

void rk_sim_world_init(struct sim_world *w, const struct sim_options *options, FILE *trace_out);
void rk_sim_world_deinit(struct sim_world *w);

void rk_sim_after(struct sim_world *w, int64_t delay_us, sim_event_fn fn, void *ctx, uint64_t arg);
/* Runs what is due up to (and at) until_us, or until the phase changes. False: the queue is empty.
 */
bool rk_sim_world_run(struct sim_world *w, int64_t until_us);

/* What a check found. Does not return: the seed is over. */
_Noreturn void rk_sim_fail(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where failures go; must not return; set once by the program. */
void rk_sim_set_on_fail(void (*on_fail)(const struct sim_world *w, const char *text));

/* Draws. */
int64_t rk_sim_delay(struct sim_world *w, enum sim_site site, int64_t max_us); /* in [0, max_us] */
bool rk_sim_pct(struct sim_world *w, enum sim_site site, uint32_t pct);

#endif
