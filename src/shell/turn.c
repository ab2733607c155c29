/* One turn of the loop: events into the core, effects out of it. Effects are collected over all
 * reads of a turn and carried out together, so that the log gets one hand-over and each connection
 * one write. The bytes of answers go from the effects to the kernel without a copy. */
#include "shell/shell_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* So much output is not kept waiting for the end of the turn: clients work while we go on. */
#define TURN_OUTPUT_BYTES (16u << 10)

#define IOV_MAX_OURS  64u
#define IOV_MAX_CHANS 256u
#define SLICES_MAX    2u /* handed to the snapshot thread and not written yet */

/* -- Events ----------------------------------------------------------------------------------- */

void rk_turn_begin(struct rk_shell *s)
{
    if (s->has_time) {
        return;
    }
    struct timespec wall;
    int err = clock_gettime(CLOCK_REALTIME, &wall);
    RK_ASSERT(err == 0);
    s->now_ms = (int64_t)uv_now(&s->loop);
    s->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    s->has_time = true;
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
    struct rk_chan *ch = rk_chan_find(s, id);
    if (ch == NULL || len == 0) {
        return; /* it ended before the core heard of that */
    }
    RK_ASSERT(ch->state == RK_CHAN_OPEN);
    rk_chan_set_dirty(ch);
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

static void flush_chan(struct rk_shell *s, struct rk_chan *ch)
{
    uv_buf_t bufs[IOV_MAX_CHANS];
    uint32_t at = ch->seg_first;
    ch->is_dirty = false;
    while (at != 0 && ch->state != RK_CHAN_ENDING) {
        uint32_t count = collect(s, &at, bufs, IOV_MAX_CHANS);
        rk_chan_send(ch, bufs, count);
    }
    rk_chan_turn_done(ch);
}

/* Other servers first: clients of all of them wait for what goes there. */
static void flush_dirty(struct rk_shell *s)
{
    struct rk_link *it;
    while ((it = rk_list_pop(&s->chans_dirty)) != NULL) {
        flush_chan(s, RK_CONTAINER_OF(it, struct rk_chan, dirty_link));
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

static void note_fields(const struct rk_shell *s, const struct rk_effect *fx, char *out,
                        size_t room)
{
    enum rk_note note = fx->u.note.note;
    bool is_zxid = note == RK_NOTE_HANDSHAKE_AHEAD || note == RK_NOTE_DIGEST_MISMATCH ||
                   note == RK_NOTE_SNAPSHOT_STARTED || note == RK_NOTE_SNAPSHOT_DONE ||
                   note == RK_NOTE_SNAPSHOT_FAILED || note == RK_NOTE_LOG_FULL ||
                   note == RK_NOTE_LOG_ROOM;
    struct rk_bytes detail = rk_effects_bytes(&s->fx, fx);
    out[0] = '\0';
    if (fx->u.note.session != 0) {
        put_field(out, room, " session=0x%llx", (unsigned long long)fx->u.note.session);
    }
    if (is_zxid) {
        put_field(out, room, " zxid=0x%llx", (unsigned long long)fx->u.note.number);
    } else if (fx->u.note.number != 0) {
        put_field(out, room, " value=%lld", (long long)fx->u.note.number);
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

static void run_snap_effect(struct rk_shell *s, const struct rk_effect *fx)
{
    if (fx->kind == RK_FX_SNAP_BEGIN) {
        rk_snap_thread_open(s->snap_thread, fx->u.log.zxid);
    } else if (fx->kind == RK_FX_SNAP_BYTES) {
        rk_snap_thread_put(s->snap_thread, rk_effects_bytes(&s->fx, fx), fx->u.log.is_slice_end);
        if (fx->u.log.is_slice_end) {
            s->slices_in_flight++;
            s->is_slice_due = s->slices_in_flight < SLICES_MAX;
            s->is_slice_owed = !s->is_slice_due;
        }
    } else if (fx->kind == RK_FX_SNAP_END) {
        rk_snap_thread_finish(s->snap_thread, fx->u.log.has_digest, fx->u.log.zxid,
                              fx->u.log.digest);
    } else {
        RK_ASSERT(fx->kind == RK_FX_SNAP_ABORT);
        rk_snap_thread_abort(s->snap_thread);
    }
}

/* The log thread's mailbox is opened once for all effects. */
static void run_log_effect(struct rk_shell *s, const struct rk_effect *fx)
{
    if (!s->is_log_open) {
        rk_log_thread_begin(s->log_thread);
        s->is_log_open = true;
    }
    if (fx->kind == RK_FX_ROLL) {
        rk_log_thread_roll(s->log_thread);
        return;
    }
    RK_ASSERT(fx->u.log.zxid > s->appended);
    s->appended = fx->u.log.zxid;
    s->stats.log_appended_bytes += fx->len;
    rk_log_thread_append(s->log_thread, fx->u.log.zxid, rk_effects_bytes(&s->fx, fx));
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
        case RK_FX_APPEND:
        case RK_FX_ROLL:
            run_log_effect(s, fx);
            break;
        case RK_FX_CLOSE:
        case RK_FX_PAUSE:
        case RK_FX_RESUME:
            run_conn_effect(s, fx);
            break;
        case RK_FX_SNAP_BEGIN:
        case RK_FX_SNAP_BYTES:
        case RK_FX_SNAP_END:
        case RK_FX_SNAP_ABORT:
            run_snap_effect(s, fx);
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
            rk_chan_run_effect(s, fx);
            break;
        case RK_FX_EPOCH:
        case RK_FX_TRUNCATE:
        case RK_FX_RELOAD:
        case RK_FX_FATAL:
            rk_panic(__FILE__, __LINE__, "an ensemble's effect in a standalone server");
        }
    }
    if (s->is_log_open) {
        s->is_log_open = false;
        rk_log_thread_end(s->log_thread);
        s->must_wake_log = true;
    }
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

/* A tick so late means that we stood still (SIGSTOP, a suspended machine, no CPU). What clients
 * sent meanwhile waits in the kernel and is read first, or sessions would expire whose pings are
 * here. */
#define TICK_LATE_MS 500

static void on_tick(uv_timer_t *timer)
{
    struct rk_shell *s = timer->data;
    rk_turn_begin(s);
    if (s->now_ms - s->tick_due_ms > TICK_LATE_MS &&
        s->now_ms - s->tick_put_off_ms > TICK_LATE_MS) {
        s->tick_put_off_ms = s->now_ms; /* once for each time we stood still */
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
    int64_t now_ms = (int64_t)uv_now(&s->loop);
    uint64_t wait_ms = due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0;
    int err = uv_timer_start(&s->tick, on_tick, wait_ms, 0);
    RK_ASSERT(err == 0);
}

static void carry_out(struct rk_shell *s)
{
    while (s->fx.count > 0 || !rk_list_empty(&s->gone)) {
        run_effects(s);
        tell_gone(s);
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

/* -- What the threads report ------------------------------------------------------------------ */

/* Completed work makes the core look at its deadlines, too: the same rule as for ticks. True: the
 * news will come again in the next turn. */
static bool puts_off(struct rk_shell *s, uv_async_t *news)
{
    if ((int64_t)uv_now(&s->loop) - s->turn_end_ms <= TICK_LATE_MS) {
        return false;
    }
    int err = uv_async_send(news);
    RK_ASSERT(err == 0);
    return true;
}

void rk_turn_report_log(struct rk_shell *s)
{
    struct rk_log_report report;
    if (puts_off(s, &s->log_news)) {
        return;
    }
    rk_log_thread_report(s->log_thread, &report);
    rk_turn_begin(s);
    if (report.durable > s->log_report.durable) {
        struct rk_event event = rk_turn_event(s, RK_EV_LOG_SYNCED, 0);
        event.u.log_synced.zxid = report.durable;
        rk_turn_step(s, &event);
    }
    if (report.is_full != s->log_report.is_full) {
        struct rk_event event =
            rk_turn_event(s, report.is_full ? RK_EV_LOG_FULL : RK_EV_LOG_ROOM, 0);
        rk_turn_step(s, &event);
    }
    s->log_report = report;
    rk_turn_relieve(s);
}

static void next_slice(struct rk_shell *s)
{
    s->is_slice_due = false;
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_SNAP_READY, 0);
    rk_turn_step(s, &event);
}

void rk_turn_report_snap(struct rk_shell *s)
{
    struct rk_snap_report report;
    if (puts_off(s, &s->snap_news)) {
        return;
    }
    rk_snap_thread_report(s->snap_thread, &report);
    uint64_t taken = report.slices_taken - s->snap_report.slices_taken;
    RK_ASSERT(taken <= s->slices_in_flight);
    s->slices_in_flight -= (uint32_t)taken;
    if (s->is_slice_owed && s->slices_in_flight < SLICES_MAX) {
        s->is_slice_owed = false;
        s->is_slice_due = true;
    }
    bool is_done = report.snapshots_done != s->snap_report.snapshots_done;
    s->snap_report = report;
    if (is_done) {
        s->is_slice_owed = false;
        s->is_slice_due = false;
        rk_turn_begin(s);
        struct rk_event event = rk_turn_event(s, RK_EV_SNAP_DONE, 0);
        event.u.snap_done.zxid = report.zxid;
        event.u.snap_done.is_ok = report.is_ok;
        rk_turn_step(s, &event);
    }
}

void rk_turn_end(struct rk_shell *s)
{
    rk_chan_tell_flushed(s);
    rk_input_run_backlog(s);
    if (s->is_slice_due) {
        next_slice(s);
    }
    rk_turn_settle(s);
    s->turn++;
    s->turn_end_ms = (int64_t)uv_now(&s->loop);
    s->stats.turns++;
}
