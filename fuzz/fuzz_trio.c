/* Three whole servers, and the input decides what happens next: whose channel delivers how many of
 * its bytes, which one breaks, who is killed and what its disk had done by then, who starts again,
 * whose disk gets on, how much time passes, what clients ask. Between servers that serve: the same
 * transaction at the same zxid, the same digest at the same zxid, one leader for an epoch, and a
 * leader has everything that anybody who served ever applied. No server ends itself. */
#include "member.h"

#include <string.h>

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODES      3u
#define WIRES      64u
#define AGREED_MAX 2048u
#define EPOCHS_MAX 256u
#define STEPS_MAX  300u

/* Of a wire: 0 the end that dialed, 1 the other. */
struct end {
    uint32_t node;
    rk_chan_id id;
    bool is_up;     /* the core has not been told CLOSED */
    bool is_told;   /* CONNECTED or ACCEPTED */
    bool is_closed; /* the core asked for it */
    bool is_done;   /* that, or it broke: nothing comes but CLOSED */
    bool is_paused;
    uint32_t marks;
    struct rk_buf in; /* on the way to it */
    size_t at;
};

struct wire {
    enum rk_chan_port port;
    struct end ends[2];
};

struct agreed {
    rk_zxid zxid;
    uint32_t crc;
    bool has_digest;
    uint64_t digest;
};

struct trio {
    struct member nodes[NODES];
    bool is_cut[NODES];
    uint32_t looked_at[NODES]; /* log records compared since it serves */
    struct rk_mem mem;
    struct wire wires[WIRES];
    uint64_t next_id;
    struct agreed agreed[AGREED_MAX]; /* by zxid */
    uint32_t agreed_count;
    int64_t leaders[EPOCHS_MAX];
    int64_t now_ms;
};

/* -- wires ------------------------------------------------------------------------------------- */

static struct trio *trio_of(struct member *m)
{
    return m->ctx;
}

static struct end *find_end(struct trio *t, uint32_t node, rk_chan_id id, struct end **ret_other)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            struct end *e = &t->wires[i].ends[k];
            if (e->is_up && e->node == node && e->id == id) {
                *ret_other = &t->wires[i].ends[1 - k];
                return e;
            }
        }
    }
    return NULL;
}

static void open_end(struct trio *t, struct end *e, uint32_t node, rk_chan_id id)
{
    memset(e, 0, sizeof(*e));
    e->node = node;
    e->id = id;
    e->is_up = true;
    rk_buf_init(&e->in, &t->mem, 1 << 24);
}

static void dial(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    uint32_t to = fx->u.chan.number % 1000u - 1;
    for (uint32_t i = 0; i < WIRES; i++) {
        struct wire *w = &t->wires[i];
        if (w->ends[0].is_up || w->ends[1].is_up) {
            continue;
        }
        rk_buf_deinit(&w->ends[0].in);
        rk_buf_deinit(&w->ends[1].in);
        w->port = fx->u.chan.port;
        open_end(t, &w->ends[0], node, fx->u.chan.chan);
        t->next_id++;
        open_end(t, &w->ends[1], to, t->next_id);
        w->ends[1].is_up = t->nodes[to].core != NULL && !t->is_cut[to] && !t->is_cut[node];
        return;
    }
    rk_panic(__FILE__, __LINE__, "channels without end");
}

static void send_bytes(struct trio *t, uint32_t node, rk_chan_id id, struct rk_bytes bytes)
{
    struct end *other = NULL;
    struct end *e = find_end(t, node, id, &other);
    RK_ASSERT(e != NULL && !e->is_closed);
    if (other->is_up) {
        rk_buf_put(&other->in, bytes.data, bytes.len);
    }
}

static void on_chan(struct member *m, const struct rk_effect *fx)
{
    struct trio *t = trio_of(m);
    uint32_t node = (uint32_t)(m - t->nodes);
    struct end *other = NULL;
    struct end *e;
    if (fx->kind == RK_FX_CHAN_DIAL) {
        dial(t, node, fx);
        return;
    }
    if (fx->kind == RK_FX_CHAN_SEND_MANY) {
        for (uint32_t i = 0; i < fx->u.many.count; i++) {
            send_bytes(t, node, m->fx.conns[fx->u.many.first + i], rk_effects_bytes(&m->fx, fx));
        }
        return;
    }
    e = find_end(t, node, fx->u.chan.chan, &other);
    RK_ASSERT(e != NULL);
    switch (fx->kind) {
    case RK_FX_CHAN_SEND:
        send_bytes(t, node, fx->u.chan.chan, rk_effects_bytes(&m->fx, fx));
        break;
    case RK_FX_CHAN_MARK:
        e->marks++;
        break;
    case RK_FX_CHAN_PAUSE:
    case RK_FX_CHAN_RESUME:
        e->is_paused = fx->kind == RK_FX_CHAN_PAUSE;
        break;
    default:
        RK_ASSERT(!e->is_closed);
        e->is_closed = true;
        e->is_done = true;
        break;
    }
}

/* The next thing that comes to this end, of bytes at most max. False: nothing does. */
static bool deliver(struct trio *t, struct wire *w, uint32_t side, size_t max)
{
    struct end *e = &w->ends[side];
    struct end *other = &w->ends[1 - side];
    struct member *m = &t->nodes[e->node];
    bool is_gone = !other->is_up || other->is_done;
    size_t left = e->in.len - e->at;
    if (!e->is_up || m->core == NULL) {
        return false;
    }
    if (!e->is_told && !e->is_done && (other->is_up || side == 1)) {
        e->is_told = true;
        member_chan(m, side == 0 ? RK_EV_CHAN_CONNECTED : RK_EV_CHAN_ACCEPTED, e->id, w->port,
                    rk_bytes_str("127.0.0.1"));
    } else if (e->marks > 0 && !e->is_done) {
        e->marks--;
        member_chan(m, RK_EV_CHAN_FLUSHED, e->id, w->port, rk_bytes_str(""));
    } else if (!e->is_done && left > 0 && !e->is_paused) {
        size_t len = max == 0 || max > left ? left : max;
        struct rk_buf copy; /* what is sent in answer may move the buffer */
        rk_buf_init(&copy, &t->mem, 1 << 24);
        rk_buf_put(&copy, e->in.data + e->at, len);
        e->at += len;
        if (e->at == e->in.len) {
            rk_buf_reset(&e->in);
            e->at = 0;
        }
        member_chan(m, RK_EV_CHAN_BYTES, e->id, w->port, rk_buf_view(&copy));
        rk_buf_deinit(&copy);
    } else if (e->is_done || (is_gone && (left == 0 || !e->is_told))) {
        e->is_up = false;
        if (side == 1 && !e->is_told) {
            return true; /* never was */
        }
        member_chan(m, RK_EV_CHAN_CLOSED, e->id, w->port, rk_bytes_str("end of file"));
    } else {
        return false;
    }
    return true;
}

/* Both ends lose what is under way. */
static void break_wire(struct wire *w)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct end *e = &w->ends[i];
        if (e->is_up) {
            e->is_done = true;
        }
    }
}

static void break_wires_of(struct trio *t, uint32_t node)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        if (t->wires[i].ends[0].node == node || t->wires[i].ends[1].node == node) {
            break_wire(&t->wires[i]);
        }
    }
}

/* -- what must hold ---------------------------------------------------------------------------- */

static struct agreed *agreed_at(struct trio *t, rk_zxid zxid, bool *ret_is_new)
{
    uint32_t at = t->agreed_count;
    while (at > 0 && t->agreed[at - 1].zxid > zxid) {
        at--;
    }
    *ret_is_new = at == 0 || t->agreed[at - 1].zxid != zxid;
    if (!*ret_is_new) {
        return &t->agreed[at - 1];
    }
    RK_ASSERT(t->agreed_count < AGREED_MAX);
    memmove(t->agreed + at + 1, t->agreed + at, (t->agreed_count - at) * sizeof(t->agreed[0]));
    memset(&t->agreed[at], 0, sizeof(t->agreed[at]));
    t->agreed[at].zxid = zxid;
    t->agreed_count++;
    return &t->agreed[at];
}

static void agree(struct trio *t, const struct member_record *r)
{
    uint32_t crc = (uint32_t)crc32(0, r->bytes.data, (uInt)r->bytes.len);
    bool is_new;
    struct agreed *a = agreed_at(t, r->zxid, &is_new);
    RK_ASSERT(is_new || a->crc == 0 || a->crc == crc);
    a->crc = crc;
}

static void check_history(struct trio *t, uint32_t node)
{
    struct member *m = &t->nodes[node];
    rk_zxid applied = m->core->ens->applied;
    uint32_t at = t->looked_at[node];
    bool is_new;
    struct agreed *a;
    for (; at < m->log_count && m->log[at].zxid <= applied; at++) {
        agree(t, &m->log[at]);
    }
    t->looked_at[node] = at;
    for (uint32_t i = 0; i < m->op_count; i++) {
        if (m->ops[i].kind == RK_FX_APPEND && m->ops[i].record.zxid <= applied) {
            agree(t, &m->ops[i].record);
        }
    }
    if (RK_ZXID_COUNTER(applied) == 0) {
        return;
    }
    a = agreed_at(t, applied, &is_new);
    RK_ASSERT(!a->has_digest || a->digest == rk_tree_digest(rk_core_tree(m->core)));
    a->has_digest = true;
    a->digest = rk_tree_digest(rk_core_tree(m->core));
}

static void check_leader(struct trio *t, uint32_t node)
{
    const struct ensemble *e = t->nodes[node].core->ens;
    uint32_t at = t->agreed_count;
    RK_ASSERT(e->leader.epoch < EPOCHS_MAX);
    RK_ASSERT(t->leaders[e->leader.epoch] == 0 || t->leaders[e->leader.epoch] == node + 1);
    t->leaders[e->leader.epoch] = node + 1;
    while (at > 0 && RK_ZXID_EPOCH(t->agreed[at - 1].zxid) >= e->leader.epoch) {
        at--;
    }
    RK_ASSERT(at == 0 || e->applied >= t->agreed[at - 1].zxid);
}

static void check(struct trio *t)
{
    for (uint32_t i = 0; i < NODES; i++) {
        struct member *m = &t->nodes[i];
        RK_ASSERT(!m->is_fatal);
        if (m->core == NULL || m->core->ens->phase != RK_PHASE_BROADCAST) {
            t->looked_at[i] = 0;
            continue;
        }
        RK_ASSERT(rk_core_metrics(m->core)->digest_mismatches_count == 0);
        check_history(t, i);
        if (m->core->ens->state == RK_PEER_LEADING) {
            check_leader(t, i);
        }
    }
}

/* -- what happens ------------------------------------------------------------------------------ */

static bool deliver_all(struct trio *t)
{
    bool did = false;
    for (uint32_t i = 0; i < WIRES * 2; i++) {
        for (uint32_t k = 0; k < 64 && deliver(t, &t->wires[i / 2], i % 2, 0); k++) {
            did = true;
        }
    }
    check(t);
    for (uint32_t i = 0; i < NODES; i++) {
        if (t->nodes[i].core != NULL && member_is_busy(&t->nodes[i])) {
            member_disk(&t->nodes[i], 8, true);
            member_snap(&t->nodes[i], true);
            check(t);
            did = true;
        }
    }
    return did;
}

static void pass(struct trio *t, int64_t ms)
{
    t->now_ms += ms;
    for (uint32_t i = 0; i < NODES; i++) {
        t->nodes[i].now_ms = t->now_ms;
        if (t->nodes[i].core != NULL && rk_core_next_due(t->nodes[i].core) <= t->now_ms) {
            member_tick(&t->nodes[i]);
        }
    }
    check(t);
}

/* All goes well for some time. */
static void run(struct trio *t, int64_t ms)
{
    int64_t end_ms = t->now_ms + ms;
    while (t->now_ms < end_ms) {
        int64_t due = end_ms;
        for (uint32_t k = 0; k < 100 && deliver_all(t); k++) {
        }
        for (uint32_t i = 0; i < NODES; i++) {
            int64_t next = t->nodes[i].core == NULL ? due : rk_core_next_due(t->nodes[i].core);
            due = next < due ? next : due;
        }
        pass(t, due - t->now_ms < 1 ? 1 : due - t->now_ms);
    }
}

static void toggle(struct trio *t, uint32_t node, uint8_t choice)
{
    struct member *m = &t->nodes[node];
    if (m->core == NULL) {
        member_start(m);
        return;
    }
    member_kill(m, (choice & 1) != 0);
    for (uint32_t i = 0; i < WIRES * 2; i++) {
        struct end *e = &t->wires[i / 2].ends[i % 2];
        if (e->node == node && e->is_up) {
            e->is_up = false;
            if ((choice & 2) != 0) { /* what it sent is lost */
                break_wire(&t->wires[i / 2]);
            }
        }
    }
}

/* The n-th wire that has something to deliver. */
static void deliver_nth(struct trio *t, uint8_t n, size_t max)
{
    for (uint32_t k = 0; k < WIRES * 2; k++) {
        uint32_t i = (n + k) % (WIRES * 2);
        if (deliver(t, &t->wires[i / 2], i % 2, max)) {
            return;
        }
    }
}

static void client(struct trio *t, struct tape *tape, uint8_t choice)
{
    struct member *m = &t->nodes[choice % NODES];
    uint32_t slot = choice / 3 % MEMBER_CONNS;
    uint8_t what = tape_byte(tape);
    if (m->core == NULL) {
        return;
    }
    if (!m->is_open[slot]) {
        member_connect(m, slot, what < 64 ? t->nodes[what % NODES].last_session : 0);
    } else if (what == 255) {
        member_disconnect(m, slot);
    } else {
        member_request(m, slot, what, tape_bytes(tape, 40));
    }
}

static void hand_over(struct trio *t, uint32_t node)
{
    struct rk_event e = {.kind = RK_EV_HAND_OVER};
    member_step(&t->nodes[node], &e);
}

static void step(struct trio *t, struct tape *tape)
{
    uint8_t what = tape_byte(tape);
    uint8_t choice = tape_byte(tape);
    uint32_t node = choice % NODES;
    switch (what & 15) {
    case 0:
        toggle(t, node, choice / 3);
        break;
    case 1:
        break_wire(&t->wires[choice % WIRES]);
        break;
    case 2:
        t->is_cut[node] = !t->is_cut[node];
        if (t->is_cut[node]) {
            break_wires_of(t, node);
        }
        break;
    case 3:
    case 4:
        member_disk(&t->nodes[node], 1 + choice / 3 % 8, true);
        break;
    case 5:
        member_snap(&t->nodes[node], choice < 240);
        break;
    case 6:
        pass(t, choice);
        break;
    case 7:
        run(t, 10 * (choice & 63));
        break;
    case 8:
    case 9:
    case 10:
        client(t, tape, choice);
        break;
    case 11:
        hand_over(t, node);
        break;
    case 12:
        deliver_nth(t, choice, 1 + (what >> 4) * 4u);
        break;
    default:
        for (uint32_t i = 0; i <= (uint32_t)(what >> 4); i++) {
            deliver_nth(t, choice, 0);
            check(t);
        }
        break;
    }
    check(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trio t; /* large */
    struct tape tape = {data, size};
    uint8_t options = tape_byte(&tape);
    memset(&t, 0, sizeof(t));
    rk_mem_libc_init(&t.mem, 0);
    t.now_ms = 100000;
    for (uint32_t i = 0; i < NODES; i++) {
        struct member *m = &t.nodes[i];
        bool has_observer = (options & 1) != 0;
        member_init(m, i + 1, has_observer ? 2 : 3, has_observer ? 1 : 0);
        m->config.snap_count = (options & 2) != 0 ? 6 : 100000;
        m->ensemble.commit_log_count = (options & 4) != 0 ? 2 : 100;
        m->ctx = &t;
        m->on_chan = on_chan;
        member_start(m);
    }
    if ((options & 8) == 0) {
        run(&t, 1000);
    }
    for (uint32_t n = 0; n < STEPS_MAX && tape.left > 0; n++) {
        step(&t, &tape);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (t.nodes[i].core != NULL) {
            rk_tree_check(rk_core_tree(t.nodes[i].core));
        }
        member_deinit(&t.nodes[i]);
    }
    for (uint32_t i = 0; i < WIRES * 2; i++) {
        rk_buf_deinit(&t.wires[i / 2].ends[i % 2].in);
    }
    RK_ASSERT(t.mem.used_bytes == 0);
    return 0;
}
