/* The event queue. Order is by time, then by a number drawn when the event was made: what happens
 * at the same time happens in any order, but in the same one whenever the seed is run. */
#include "sim/world.h"

#include <stdarg.h>

static void (*fail_hook)(const struct sim_world *w, const char *text);

void rk_sim_set_on_fail(void (*on_fail)(const struct sim_world *w, const char *text))
{
    fail_hook = on_fail;
}

void rk_sim_fail(struct sim_world *w, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut if it does not fit */
    va_end(args);
    rk_sim_trace_line(&w->trace, w->now_us, "FAIL", 0, 0, rk_bytes_str(text));
    RK_ASSERT(fail_hook != NULL);
    fail_hook(w, text);
    rk_panic(__FILE__, __LINE__, "a failure was ignored");
}

void rk_sim_world_init(struct sim_world *w, const struct sim_options *options, FILE *trace_out)
{
    *w = (struct sim_world){.opt = *options, .phase = SIM_PHASE_FAULTS};
    rk_mem_libc_init(&w->mem, 0);
    rk_sim_tape_init(&w->tape, options->seed);
    rk_sim_tape_salt(&w->tape, SIM_SITE_PERSIST, options->persist_salt);
    rk_sim_trace_init(&w->trace, trace_out);
}

void rk_sim_world_deinit(struct sim_world *w)
{
    rk_mem_free(&w->mem, w->queue, w->queue_cap * sizeof(w->queue[0]));
    w->queue = NULL;
    RK_ASSERT(w->mem.used_bytes == 0);
}

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    if (a->at_us != b->at_us) {
        return a->at_us < b->at_us;
    }
    return a->tie != b->tie ? a->tie < b->tie : a->seq < b->seq;
}

static void swap_events(struct sim_world *w, uint32_t i, uint32_t k)
{
    struct sim_event e = w->queue[i];
    w->queue[i] = w->queue[k];
    w->queue[k] = e;
}

void rk_sim_after(struct sim_world *w, int64_t delay_us, sim_event_fn fn, void *ctx, uint64_t arg)
{
    RK_ASSERT(delay_us >= 0);
    if (w->queue_count == w->queue_cap) {
        uint32_t cap = w->queue_cap == 0 ? 64 : w->queue_cap * 2;
        w->queue = rk_mem_must_resize(&w->mem, w->queue, w->queue_cap * sizeof(w->queue[0]),
                                      cap * sizeof(w->queue[0]));
        w->queue_cap = cap;
    }
    uint32_t i = w->queue_count++;
    w->queue[i] = (struct sim_event){.at_us = w->now_us + delay_us,
                                     .tie = rk_sim_below(&w->tape, SIM_SITE_TIE, UINT32_MAX),
                                     .seq = w->next_seq++,
                                     .fn = fn,
                                     .ctx = ctx,
                                     .arg = arg};
    while (i > 0 && is_before(&w->queue[i], &w->queue[(i - 1) / 2])) {
        swap_events(w, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static struct sim_event pop(struct sim_world *w)
{
    struct sim_event first = w->queue[0];
    w->queue[0] = w->queue[--w->queue_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t least = i;
        for (uint32_t k = 2 * i + 1; k <= 2 * i + 2; k++) {
            if (k < w->queue_count && is_before(&w->queue[k], &w->queue[least])) {
                least = k;
            }
        }
        if (least == i) {
            return first;
        }
        swap_events(w, i, least);
        i = least;
    }
}

bool rk_sim_world_run(struct sim_world *w, int64_t until_us)
{
    enum sim_phase phase = w->phase;
    while (w->queue_count > 0 && w->phase == phase) {
        if (w->queue[0].at_us > until_us) {
            w->now_us = until_us;
            return true;
        }
        struct sim_event e = pop(w);
        RK_ASSERT(e.at_us >= w->now_us);
        w->now_us = e.at_us;
        w->stats.events++;
        e.fn(w, e.ctx, e.arg);
    }
    return w->queue_count > 0;
}

int64_t rk_sim_delay(struct sim_world *w, enum sim_site site, int64_t max_us)
{
    return max_us == 0 ? 0 : rk_sim_between(&w->tape, site, 0, max_us);
}

bool rk_sim_pct(struct sim_world *w, enum sim_site site, uint32_t pct)
{
    return pct > 0 && rk_sim_chance(&w->tape, site, pct, 100);
}
