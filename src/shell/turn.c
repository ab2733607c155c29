/* One turn of the loop: events into the core, effects out of it. Effects are collected over all
 * reads of a turn and carried out together, so that the log gets one hand-over and each connection
 * one write. The bytes of answers go from the effects to the kernel without a copy. */
#include "shell/shell_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* So much output is not kept waiting for the end of the turn: clients work while we go on. */
#define TURN_OUTPUT_BYTES (16u << 10)

/* So long without a step may mean that we stood still (SIGSTOP, a suspended machine, no CPU). What
 * clients sent meanwhile waits in the kernel and is read before the next tick, or sessions would
 * expire whose pings are here. */
#define STANDSTILL_MS 500

/* Two clocks are not read at the same moment. */
#define SLEEP_NOISE_MS 20

#define IOV_MAX_OURS  64u
#define IOV_MAX_CHANS 256u

/* -- Events ----------------------------------------------------------------------------------- */

/* How much longer the machine has been running than its processes could. */
static int64_t suspended_ms(void)
{
    struct timespec boot;
    struct timespec awake;
    int err = clock_gettime(CLOCK_BOOTTIME, &boot);
    err |= clock_gettime(CLOCK_MONOTONIC, &awake);
    RK_ASSERT(err == 0);
    return ((int64_t)boot.tv_sec - (int64_t)awake.tv_sec) * 1000 +
           ((int64_t)boot.tv_nsec - (int64_t)awake.tv_nsec) / 1000000;
}

void rk_turn_start_clock(struct rk_shell *s)
{
    uv_update_time(&s->loop);
    s->has_time = false;
    s->asleep_base_ms = suspended_ms();
    s->told_ms = INT64_MAX;
    s->gap_turn = s->turn - 2;
}

/* In an ensemble time also goes on while the machine is suspended, because it does so for the
 * others: what a leader knows of them is as old. libuv's clock stands still then. */
static void look_for_sleep(struct rk_shell *s)
{
    if (s->config.has_ensemble) {
        int64_t asleep_ms = suspended_ms() - s->asleep_base_ms;
        if (asleep_ms > s->asleep_ms + SLEEP_NOISE_MS) { /* time never goes back */
            s->asleep_ms = asleep_ms;
        }
    }
}

int64_t rk_turn_clock_ms(const struct rk_shell *s)
{
    return (int64_t)uv_now(&s->loop) + s->asleep_ms;
}

int64_t rk_shell_clock_ms(const struct rk_shell *s)
{
    return rk_turn_clock_ms(s);
}

struct rk_event rk_turn_event(const struct rk_shell *s, enum rk_event_kind kind, rk_conn_id conn)
{
    RK_ASSERT(s->has_time);
    return (struct rk_event){
        .kind = kind, .now_ms = s->now_ms, .wall_ms = s->wall_ms, .conn = conn};
}

void rk_turn_step(struct rk_shell *s, const struct rk_event *event)
{
    rk_core_step(s->parts.core, event, &s->fx);
}

/* Before anything else that came while we stood still: a leader that did so for too long is none
 * any more, and must know that before it answers anybody. Sessions wait for the ordinary tick,
 * which waits for the sockets. */
static void late_tick(struct rk_shell *s)
{
    struct rk_ensemble_report report;
    if (!s->config.has_ensemble) {
        return;
    }
    rk_core_ensemble_report(s->parts.core, &report);
    if (report.state == RK_PEER_LEADING) {
        struct rk_event event = rk_turn_event(s, RK_EV_TICK, 0);
        event.u.tick.is_late = true;
        rk_turn_step(s, &event);
    }
}

void rk_turn_begin(struct rk_shell *s)
{
    if (s->has_time) {
        return;
    }
    struct timespec wall;
    int err = clock_gettime(CLOCK_REALTIME, &wall);
    RK_ASSERT(err == 0);
    look_for_sleep(s);
    s->now_ms = rk_turn_clock_ms(s);
    s->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    s->has_time = true;
    int64_t gap_ms = s->now_ms - s->told_ms;
    s->told_ms = s->now_ms;
    if (gap_ms > STANDSTILL_MS) {
        s->gap_turn = s->turn;
        s->gap_ms = s->now_ms;
        late_tick(s);
    }
}

/* -- Effects: output -------------------------------------------------------------------------- */

/* Its number, from 1. */
static uint32_t new_seg(struct rk_shell *s, size_t offset, size_t len)
{
    if (s->seg_count == s->seg_cap) {
        uint32_t cap = s->seg_cap == 0 ? 256 : s->seg_cap * 2;
        s->segs = rk_mem_must_resize(s->parts.mem, s->segs, s->seg_cap * sizeof(s->segs[0]),
                                     cap * sizeof(s->segs[0]));
        s->seg_cap = cap;
    }
    s->segs[s->seg_count] = (struct rk_seg){.len = (uint32_t)len, .offset = offset};
    s->seg_count++;
    return s->seg_count;
}

static void add_seg(struct rk_shell *s, rk_conn_id id, size_t offset, size_t len)
{
    struct rk_conn *c = rk_conn_find(s, id);
    if (c == NULL) {
        return; /* it ended before its answer came */
    }
    if (!c->is_established) {
        c->is_established = true;
        rk_list_unlink(&c->phase_link);
    }
    uint32_t seg = new_seg(s, offset, len);
    if (c->is_dirty) {
        s->segs[c->seg_last - 1].next = seg;
    } else {
        c->is_dirty = true;
        c->seg_first = seg;
        rk_list_push(&s->dirty, &c->dirty_link);
    }
    c->seg_last = seg;
}

static void add_chan_seg(struct rk_shell *s, rk_chan_id id, size_t offset, size_t len)
{
    struct rk_channel *ch = rk_channel_find(s, id);
    if (ch == NULL || len == 0) {
        return; /* it ended before the core heard of that */
    }
    RK_ASSERT(ch->state == RK_CHAN_OPEN);
    rk_channel_set_dirty(ch);
    uint32_t seg = new_seg(s, offset, len);
    if (ch->seg_first != 0) {
        s->segs[ch->seg_last - 1].next = seg;
    } else {
        ch->seg_first = seg;
    }
    ch->seg_last = seg;
    ch->out_sent += len;
}

/* The next segments of a chain as buffers. */
static uint32_t collect(const struct rk_shell *s, uint32_t *at, uv_buf_t *bufs, uint32_t max)
{
    uint32_t count = 0;
    while (*at != 0 && count < max) {
        const struct rk_seg *seg = &s->segs[*at - 1];
        bufs[count] = uv_buf_init((char *)s->fx.bytes.data + seg->offset, seg->len);
        count++;
        *at = seg->next;
    }
    return count;
}

static void flush(struct rk_shell *s, struct rk_conn *c)
{
    uv_buf_t bufs[IOV_MAX_OURS];
    uint32_t at = c->seg_first;
    c->is_dirty = false;
    while (at != 0 && c->state != RK_CONN_DEAD) {
        uint32_t count = collect(s, &at, bufs, IOV_MAX_OURS);
        rk_output_send(c, bufs, count);
    }
}

static void flush_chan(struct rk_shell *s, struct rk_channel *ch)
{
    uv_buf_t bufs[IOV_MAX_CHANS];
    uint32_t at = ch->seg_first;
    ch->is_dirty = false;
    while (at != 0 && ch->state != RK_CHAN_ENDING) {
        uint32_t count = collect(s, &at, bufs, IOV_MAX_CHANS);
        rk_channel_send(ch, bufs, count);
    }
    rk_channel_turn_done(ch);
}

/* Other servers first: clients of all of them wait for what goes there. */
static void flush_dirty(struct rk_shell *s)
{
    struct rk_link *it;
    while ((it = rk_list_pop(&s->chans_dirty)) != NULL) {
        flush_chan(s, RK_CONTAINER_OF(it, struct rk_channel, dirty_link));
    }
    while ((it = rk_list_pop(&s->dirty)) != NULL) {
        flush(s, RK_CONTAINER_OF(it, struct rk_conn, dirty_link));
    }
    s->seg_count = 0;
}

/* -- Effects: notes --------------------------------------------------------------------------- */

static const struct {
    enum rk_log_level level;
    const char *text;
} notes[] = {
#define NOTE_ENTRY(name, level, text) {RK_LEVEL_##level, text},
    RK_NOTE_TABLE(NOTE_ENTRY)
#undef NOTE_ENTRY
};

/* Lines of one kind per second. */
#define NOTE_BURST 20u

/* Appends as much of the field as fits. */
static void put_field(char *out, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put_field(char *out, size_t room, const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out + used, room - used, format, args); /* cut is fine */
    va_end(args);
}

/* What a note's number is: "zxid" is written in hexadecimal. */
static const char *number_name(enum rk_note note)
{
    switch (note) {
    case RK_NOTE_HANDSHAKE_AHEAD:
    case RK_NOTE_DIGEST_MISMATCH:
    case RK_NOTE_SNAPSHOT_STARTED:
    case RK_NOTE_SNAPSHOT_DONE:
    case RK_NOTE_SNAPSHOT_FAILED:
    case RK_NOTE_LOG_FULL:
    case RK_NOTE_LOG_ROOM:
    case RK_NOTE_LOOKING:
    case RK_NOTE_LEADING:
    case RK_NOTE_SERVING:
    case RK_NOTE_SYNC_BEGAN:
    case RK_NOTE_SNAP_RECEIVED:
    case RK_NOTE_LEADER_HANDING_OVER:
        return "zxid";
    case RK_NOTE_FOLLOWING:
    case RK_NOTE_PEER_BAD:
    case RK_NOTE_LEARNER_CONNECTED:
    case RK_NOTE_LEARNER_REFUSED:
    case RK_NOTE_LEARNER_ALARM:
    case RK_NOTE_LEARNER_SYNC:
    case RK_NOTE_LEARNER_STREAMED:
    case RK_NOTE_LEARNER_ACTIVE:
    case RK_NOTE_LEARNER_ODD:
    case RK_NOTE_LEARNER_DROPPED:
    case RK_NOTE_LEARNER_GONE:
        return "server";
    case RK_NOTE_LEADER_EPOCH:
        return "epoch";
    case RK_NOTE_ROLE_LEFT:
        return NULL; /* which role that was, the lines before it say */
    default:
        return "value";
    }
}

static void note_fields(const struct rk_shell *s, const struct rk_effect *fx, char *out,
                        size_t room)
{
    const char *name = number_name(fx->u.note.note);
    long long number = (long long)fx->u.note.number;
    struct rk_bytes detail = rk_effects_bytes(&s->fx, fx);
    out[0] = '\0';
    if (fx->u.note.session != 0) {
        put_field(out, room, " session=0x%llx", (unsigned long long)fx->u.note.session);
    }
    if (name != NULL && strcmp(name, "zxid") == 0) {
        put_field(out, room, " zxid=0x%llx", (unsigned long long)number);
    } else if (name != NULL && (number != 0 || strcmp(name, "server") == 0)) {
        put_field(out, room, " %s=%lld", name, number);
    }
    if (detail.len > 0) {
        char escaped[300];
        (void)rk_log_escape(escaped, sizeof(escaped), detail); /* its length is not needed */
        put_field(out, room, " detail=\"%s\"", escaped);
    }
}

static void write_note(struct rk_shell *s, const struct rk_effect *fx)
{
    enum rk_note note = fx->u.note.note;
    enum rk_limit limit = (enum rk_limit)((unsigned)RK_LIMIT_NOTES + (unsigned)note);
    char more[48];
    s->limits[limit].burst = NOTE_BURST;
    if (!rk_log_is_on(s->parts.log, notes[note].level) || !rk_shell_may_log(s, limit, more)) {
        return;
    }
    char who[RK_ADDR_TEXT_MAX + 32] = "";
    char addr[RK_ADDR_TEXT_MAX];
    if (fx->conn != 0) {
        bool is_known = rk_shell_conn_text(s, fx->conn, addr);
        (void)snprintf(who, sizeof(who), "[conn 0x%llx%s%s] ", (unsigned long long)fx->conn,
                       is_known ? " " : "", is_known ? addr : "");
    }
    char fields[512];
    note_fields(s, fx, fields, sizeof(fields));
    rk_log_write(s->parts.log, notes[note].level, "%s%s%s%s", who, notes[note].text, fields, more);
}

/* -- Effects: all ----------------------------------------------------------------------------- */

static void run_conn_effect(struct rk_shell *s, const struct rk_effect *fx)
{
    struct rk_conn *c = rk_conn_find(s, fx->conn);
    if (c == NULL || c->state != RK_CONN_OPEN) {
        return;
    }
    if (fx->kind == RK_FX_CLOSE) {
        rk_conn_close(c);
    } else if (fx->kind == RK_FX_PAUSE) {
        rk_conn_hold(c, RK_HOLD_CORE);
    } else {
        RK_ASSERT(fx->kind == RK_FX_RESUME);
        rk_conn_release(c, RK_HOLD_CORE);
    }
}

/* The core cannot go on: what it decided, it decided for good. Nothing is handed over or flushed,
 * as if the machine had failed, which is safe at any time. */
static _Noreturn void run_fatal(struct rk_shell *s, const struct rk_effect *fx)
{
    struct rk_bytes why = rk_effects_bytes(&s->fx, fx);
    rk_log_write(s->parts.log, RK_LEVEL_ERROR, "%.*s. The server stops now. status=%d",
                 (int)why.len, (const char *)why.data, (int)fx->u.status);
    _exit(fx->u.status);
}

static void run_effects(struct rk_shell *s)
{
    for (size_t i = 0; i < s->fx.count; i++) {
        const struct rk_effect *fx = &s->fx.items[i];
        switch (fx->kind) {
        case RK_FX_SEND:
            add_seg(s, fx->conn, fx->offset, fx->len);
            break;
        case RK_FX_SEND_MANY:
            for (uint32_t k = 0; k < fx->u.many.count; k++) {
                add_seg(s, s->fx.conns[fx->u.many.first + k], fx->offset, fx->len);
            }
            break;
        case RK_FX_CLOSE:
        case RK_FX_PAUSE:
        case RK_FX_RESUME:
            run_conn_effect(s, fx);
            break;
        case RK_FX_APPEND:
        case RK_FX_ROLL:
        case RK_FX_EPOCH:
        case RK_FX_TRUNCATE:
        case RK_FX_RELOAD:
        case RK_FX_LOG_READ:
        case RK_FX_LOG_READ_END:
        case RK_FX_SNAP_BEGIN:
        case RK_FX_SNAP_BYTES:
        case RK_FX_SNAP_END:
        case RK_FX_SNAP_ABORT:
            rk_storage_run_effect(s, fx);
            break;
        case RK_FX_NOTE:
            write_note(s, fx);
            break;
        case RK_FX_CHAN_SEND:
            add_chan_seg(s, fx->u.chan.chan, fx->offset, fx->len);
            break;
        case RK_FX_CHAN_SEND_MANY:
            for (uint32_t k = 0; k < fx->u.many.count; k++) {
                add_chan_seg(s, s->fx.conns[fx->u.many.first + k], fx->offset, fx->len);
            }
            break;
        case RK_FX_CHAN_DIAL:
        case RK_FX_CHAN_MARK:
        case RK_FX_CHAN_PAUSE:
        case RK_FX_CHAN_RESUME:
        case RK_FX_CHAN_CLOSE:
            rk_channel_run_effect(s, fx);
            break;
        case RK_FX_FATAL:
            run_fatal(s, fx);
        }
    }
    rk_storage_effects_done(s);
    flush_dirty(s);
    rk_effects_reset(&s->fx);
    s->fx_seen = 0;
}

static void tell_gone(struct rk_shell *s)
{
    struct rk_link *it;
    while ((it = rk_list_pop(&s->gone)) != NULL) {
        struct rk_conn *c = RK_CONTAINER_OF(it, struct rk_conn, gone_link);
        rk_turn_begin(s);
        struct rk_event event = rk_turn_event(s, RK_EV_CONN_CLOSED, c->id);
        rk_turn_step(s, &event);
        rk_conn_told(c);
    }
}

/* -- Ticks ------------------------------------------------------------------------------------ */

/* The wait that was under way when we stood still may have ended with the first of many sockets;
 * the next one brings all. If clients then have more to say than fits their share, they get a few
 * turns more, but not for ever. */
static bool is_unread(const struct rk_shell *s)
{
    return s->turn - s->gap_turn < 2 ||
           (s->is_round_late && s->now_ms - s->gap_ms <= STANDSTILL_MS);
}

static void on_tick(uv_timer_t *timer)
{
    struct rk_shell *s = timer->data;
    rk_turn_begin(s);
    if (is_unread(s)) {
        s->has_time = false;
        int err = uv_timer_start(&s->tick, on_tick, 1, 0); /* not 0: that is before the sockets */
        RK_ASSERT(err == 0);
        return;
    }
    s->tick_due_ms = INT64_MAX;
    struct rk_event event = rk_turn_event(s, RK_EV_TICK, 0);
    rk_turn_step(s, &event);
    rk_turn_settle(s);
}

static void arm_tick(struct rk_shell *s)
{
    int64_t due_ms = rk_core_next_due(s->parts.core);
    if (due_ms == s->tick_due_ms) {
        return;
    }
    s->tick_due_ms = due_ms;
    if (due_ms == INT64_MAX) {
        (void)uv_timer_stop(&s->tick); /* always 0 */
        return;
    }
    int64_t now_ms = rk_turn_clock_ms(s);
    uint64_t wait_ms = due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0;
    int err = uv_timer_start(&s->tick, on_tick, wait_ms, 0);
    RK_ASSERT(err == 0);
}

static void carry_out(struct rk_shell *s)
{
    while (s->fx.count > 0 || !rk_list_empty(&s->gone) || rk_storage_has_work(s)) {
        run_effects(s);
        tell_gone(s);
        if (rk_storage_must_reload(s)) {
            rk_storage_reload(s);
        }
    }
}

/* Being active is all it is for: then libuv does not wait. */
static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void arm_idle(struct rk_shell *s)
{
    bool must_go_on =
        !rk_list_empty(&s->backlog) || !rk_list_empty(&s->chans_flushed) || s->is_slice_due;
    bool is_on = uv_is_active((uv_handle_t *)&s->idle) != 0;
    if (must_go_on != is_on) {
        int err = must_go_on ? uv_idle_start(&s->idle, on_idle) : uv_idle_stop(&s->idle);
        RK_ASSERT(err == 0);
    }
}

void rk_turn_settle(struct rk_shell *s)
{
    carry_out(s);
    if (s->must_wake_log) {
        s->must_wake_log = false;
        rk_log_thread_wake(s->log_thread);
    }
    arm_tick(s);
    arm_idle(s);
    s->has_time = false; /* what comes next may come after a wait */
    if (s->stop_phase != RK_STOP_NOT) {
        rk_shell_check_stop(s);
    }
}

void rk_turn_relieve(struct rk_shell *s)
{
    if (s->fx.bytes.len > TURN_OUTPUT_BYTES) {
        carry_out(s);
    }
}

/* Completed work makes the core look at its deadlines, too: the same rule as for ticks. True: the
 * news will come again in the next turn. */
bool rk_turn_puts_off(struct rk_shell *s, uv_async_t *news)
{
    rk_turn_begin(s);
    if (!is_unread(s)) {
        return false;
    }
    int err = uv_async_send(news);
    RK_ASSERT(err == 0);
    return true;
}

void rk_turn_end(struct rk_shell *s)
{
    rk_input_turn_over(s);
    rk_channel_tell_flushed(s);
    rk_input_run_backlog(s);
    if (s->is_slice_due) {
        rk_storage_next_slice(s);
    }
    rk_turn_settle(s);
    s->turn++;
    s->stats.turns++;
}
