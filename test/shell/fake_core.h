/* A core without a will of its own: it records the events it gets and asks for what the test puts
 * into the effects. Linked in place of src/core/core.c and its like, under the same names, so that
 * the shell's ensemble half can be tested alone. */
#ifndef RK_TEST_SHELL_FAKE_CORE_H
#define RK_TEST_SHELL_FAKE_CORE_H

#include "core/core.h"

#define FAKE_EVENTS_MAX 4096u
#define FAKE_CHANS_MAX  64u

struct fake_event {
    enum rk_event_kind kind;
    int64_t now_ms;
    rk_conn_id conn;
    rk_chan_id chan;
    enum rk_chan_port port;
    char text[256]; /* of channel events but BYTES: its bytes */
    rk_zxid zxid;
    bool is_ok; /* snap_done, truncated, reloaded; TICK: is_late */
    enum rk_epoch_file file;
    int64_t epoch;
};

/* What came on one channel. */
struct fake_input {
    rk_chan_id chan;
    struct rk_buf bytes;
    uint32_t events;
    uint64_t total; /* also what was not kept */
};

struct rk_core {
    struct rk_mem *mem;
    struct fake_event events[FAKE_EVENTS_MAX];
    uint32_t count;
    struct fake_input inputs[FAKE_CHANS_MAX];
    uint32_t input_count;
    bool is_input_kept; /* else only counted */

    /* what the shell may ask */
    int64_t due_ms;
    bool is_drained;
    rk_zxid last_zxid;
    struct rk_metrics metrics;
    struct rk_ensemble_report report;
    rk_zxid restored_zxid; /* what the sink was fed up to; -1: begun */
    uint32_t restores;

    /* Called in every step after recording: to answer events with effects. */
    void (*on_event)(struct rk_core *c, const struct rk_event *event, struct rk_effects *fx);
    void *ctx;
};

/* Events of this kind (and of this channel, unless 0) so far. */
uint32_t fake_count(const struct rk_core *c, enum rk_event_kind kind, rk_chan_id chan);
/* The last of them; NULL: none. */
const struct fake_event *fake_last(const struct rk_core *c, enum rk_event_kind kind,
                                   rk_chan_id chan);
/* What came on a channel; made empty if there is none. */
struct fake_input *fake_input(struct rk_core *c, rk_chan_id chan);
void fake_forget_events(struct rk_core *c);

#endif
