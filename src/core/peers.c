/* Channels in general, and those between election ports: for each pair of servers one channel, the
 * one that the server with the larger sid dialed. A smaller one knocks: it dials, says who it is
 * and hangs up, and is dialed back. Only the last notification counts: it is what a new channel
 * begins with. Strangers are refused with one line (reliability.md Q1, Q2). ZK: QuorumCnxManager.
 */
#include "core/ensemble_int.h"

#include <string.h>

/* -- channels in general ----------------------------------------------------------------------- */

#define CHAN_BYTES_MAX ((size_t)512 << 20)

struct chan *rk_ens_chan_find(struct rk_core *c, rk_chan_id id)
{
    struct rk_link *it;
    for (it = c->ens->chans.next; it != &c->ens->chans; it = it->next) {
        struct chan *chan = RK_CONTAINER_OF(it, struct chan, link);
        if (chan->id == id) {
            return chan;
        }
    }
    return NULL;
}

struct chan *rk_ens_chan_dial(struct rk_core *c, enum rk_chan_port port, struct rk_bytes host,
                              uint16_t number, int32_t timeout_ms)
{
    struct ensemble *e = c->ens;
    struct chan *chan = rk_mem_must_zalloc(c->mem, sizeof(*chan));
    e->next_dial++;
    chan->id = RK_CHAN_DIALED | e->next_dial;
    chan->port = port;
    chan->opened_ms = c->now_ms;
    rk_buf_init(&chan->in, c->mem, CHAN_BYTES_MAX);
    rk_list_push(&e->chans, &chan->link);
    e->chan_count++;
    rk_fx_chan_dial(c->fx, chan->id, port, host, number, timeout_ms);
    return chan;
}

void rk_ens_chan_send(struct rk_core *c, struct chan *chan, struct rk_bytes bytes)
{
    RK_ASSERT(chan->is_connected && chan->owner != CHAN_DONE);
    rk_fx_chan_send(c->fx, chan->id, bytes);
}

void rk_ens_chan_pause(struct rk_core *c, struct chan *chan)
{
    if (!chan->is_paused) {
        chan->is_paused = true;
        rk_fx_chan(c->fx, RK_FX_CHAN_PAUSE, chan->id);
    }
}

void rk_ens_chan_resume(struct rk_core *c, struct chan *chan)
{
    if (chan->is_paused) {
        chan->is_paused = false;
        rk_fx_chan(c->fx, RK_FX_CHAN_RESUME, chan->id);
    }
}

void rk_ens_chan_close(struct rk_core *c, struct chan *chan)
{
    if (chan->owner != CHAN_DONE) {
        chan->owner = CHAN_DONE;
        chan->peer = NULL;
        chan->learner = NULL;
        rk_buf_deinit(&chan->in);
        rk_fx_chan(c->fx, RK_FX_CHAN_CLOSE, chan->id);
    }
}

/* -- who is who -------------------------------------------------------------------------------- */

static struct peer *find_peer(struct rk_core *c, int64_t sid)
{
    for (uint32_t i = 0; i < c->ens->peer_count; i++) {
        if (c->ens->peers[i].member->sid == sid) {
            return &c->ens->peers[i];
        }
    }
    return NULL;
}

static void tell_reachable(struct rk_core *c, const struct peer *p, bool is_reachable)
{
    struct rk_election_out out;
    memset(&out, 0, sizeof(out));
    rk_election_set_reachable(&c->ens->election, p->member->sid, is_reachable, c->now_ms, &out);
    rk_peers_run(c, &out);
}

/* -- sending ----------------------------------------------------------------------------------- */

static void dial(struct rk_core *c, struct peer *p)
{
    struct rk_bytes host = rk_bytes_str(p->member->host);
    uint16_t number = p->member->election_port;
    if (p->dialing != NULL || p->up != NULL) {
        return;
    }
    p->dialing = rk_ens_chan_dial(c, RK_PORT_ELECTION, host, number, c->ens->config.cnx_timeout_ms);
    p->dialing->owner = CHAN_PEER;
    p->dialing->peer = p;
}

static void write_last(struct rk_core *c, struct peer *p)
{
    struct ensemble *e = c->ens;
    p->last.version = RK_NOTIFICATION_VERSION;
    p->last.config = rk_buf_view(&e->text);
    rk_buf_reset(&e->out);
    rk_peer_write_notification(&e->out, &p->last);
    RK_ASSERT(!e->out.failed);
    rk_ens_chan_send(c, p->up, rk_buf_view(&e->out));
}

static void send_to(struct rk_core *c, struct peer *p, const struct rk_notification *n)
{
    p->last = *n;
    p->has_message = true;
    if (p->up != NULL) {
        write_last(c, p);
    } else {
        dial(c, p);
    }
}

static void send_to_voters(struct rk_core *c, const struct rk_notification *n)
{
    for (uint32_t i = 0; i < c->ens->peer_count; i++) {
        if (!c->ens->peers[i].member->is_observer) {
            send_to(c, &c->ens->peers[i], n);
        }
    }
}

void rk_peers_run(struct rk_core *c, const struct rk_election_out *out)
{
    for (uint32_t i = 0; i < out->send_count; i++) {
        const struct rk_election_send *s = &out->sends[i];
        struct peer *p = s->is_to_all ? NULL : find_peer(c, s->to);
        if (s->is_to_all) {
            send_to_voters(c, &s->message);
        } else if (p != NULL) {
            send_to(c, p, &s->message);
        }
    }
    if (out->dial_all) {
        for (uint32_t i = 0; i < c->ens->peer_count; i++) {
            if (!c->ens->peers[i].member->is_observer) {
                dial(c, &c->ens->peers[i]);
            }
        }
    }
    if (out->is_decided) {
        rk_ens_take_role(c, out->state);
    }
}

/* -- channels come and go ---------------------------------------------------------------------- */

static void drop_up(struct rk_core *c, struct peer *p)
{
    if (p->up != NULL) {
        struct chan *old = p->up;
        p->up = NULL;
        rk_ens_chan_close(c, old);
    }
}

static void become_up(struct rk_core *c, struct peer *p, struct chan *chan)
{
    drop_up(c, p);
    chan->owner = CHAN_PEER;
    chan->peer = p;
    p->up = chan;
    if (p->has_message) {
        write_last(c, p);
    }
    tell_reachable(c, p, true);
}

/* Names and IPv4 addresses have no colon. */
static bool is_v6_literal(const char *host)
{
    for (; *host != '\0'; host++) {
        if (*host == ':') {
            return true;
        }
    }
    return false;
}

/* The address by which others reach our election port, as the initial message has it. */
static void write_initial(struct rk_core *c)
{
    const struct rk_ensemble_config *g = &c->ens->config;
    const struct rk_member *me = rk_members_find(&g->members, g->my_sid);
    char port[8];
    size_t at = sizeof(port);
    uint16_t number = me->election_port;
    struct rk_buf address;
    bool is_v6 = is_v6_literal(me->host);
    do {
        port[--at] = (char)('0' + number % 10);
        number = (uint16_t)(number / 10);
    } while (number > 0);
    rk_buf_init(&address, c->mem, RK_PEER_ADDRESS_BYTES_MAX);
    if (is_v6) {
        rk_buf_put_u8(&address, '[');
    }
    rk_buf_put(&address, me->host, strlen(me->host));
    if (is_v6) {
        rk_buf_put_u8(&address, ']');
    }
    rk_buf_put_u8(&address, ':');
    rk_buf_put(&address, port + at, sizeof(port) - at);
    rk_buf_reset(&c->ens->out);
    rk_peer_write_initial(&c->ens->out, g->my_sid, rk_buf_view(&address));
    rk_buf_deinit(&address);
}

void rk_peers_on_connected(struct rk_core *c, struct chan *chan)
{
    struct peer *p = chan->peer;
    RK_ASSERT(p != NULL && p->dialing == chan);
    p->dialing = NULL;
    write_initial(c);
    rk_ens_chan_send(c, chan, rk_buf_view(&c->ens->out));
    if (p->member->sid > c->ens->config.my_sid) {
        rk_ens_chan_close(c, chan); /* a knock: it dials back */
    } else {
        become_up(c, p, chan);
    }
}

void rk_peers_on_closed(struct rk_core *c, struct chan *chan)
{
    struct peer *p = chan->peer;
    if (p == NULL) {
        return;
    }
    if (p->dialing == chan) {
        p->dialing = NULL;
    }
    if (p->up == chan) {
        p->up = NULL;
        chan->peer = NULL;
        tell_reachable(c, p, false);
    }
}

void rk_peers_on_accepted(struct rk_core *c, struct chan *chan)
{
    (void)c;
    RK_ASSERT(chan->owner == CHAN_STRANGER);
}

static void refuse(struct rk_core *c, struct chan *chan, int64_t number)
{
    rk_fx_note(c->fx, RK_NOTE_STRANGER, 0, 0, number, rk_bytes_str(chan->address));
    rk_ens_chan_close(c, chan);
}

/* A stranger's first words. */
static void on_initial(struct rk_core *c, struct chan *chan)
{
    struct rk_peer_initial initial;
    struct peer *p;
    size_t used = 0;
    enum rk_parse parsed = rk_peer_parse_initial(rk_buf_view(&chan->in), &initial, &used);
    if (parsed == RK_PARSE_MORE) {
        return;
    }
    p = parsed == RK_PARSE_OK ? find_peer(c, initial.sid) : NULL;
    if (p == NULL) {
        refuse(c, chan, parsed == RK_PARSE_OK ? initial.sid : -1);
        return;
    }
    if (initial.sid < c->ens->config.my_sid) {
        /* It knocks, so it has no channel to us, whatever we believe. */
        rk_ens_chan_close(c, chan);
        if (p->up != NULL) {
            drop_up(c, p);
            tell_reachable(c, p, false);
        }
        dial(c, p);
        return;
    }
    memmove(chan->in.data, chan->in.data + used, chan->in.len - used);
    chan->in.len -= used;
    become_up(c, p, chan);
}

/* A server with a newer config than ours was reconfigured by somebody, which this version cannot
 * follow; its vote counts all the same. */
static void on_notification(struct rk_core *c, int64_t sid, const struct rk_notification *n)
{
    struct rk_election_out out;
    memset(&out, 0, sizeof(out));
    if (c->ens->phase == RK_PHASE_LEAVING) {
        return; /* no answer in the name of a role that is over; ours follows with the election */
    }
    rk_election_receive(&c->ens->election, sid, n, c->now_ms, &out);
    rk_peers_run(c, &out);
}

void rk_peers_on_bytes(struct rk_core *c, struct chan *chan)
{
    size_t at = 0;
    if (chan->owner == CHAN_STRANGER) {
        on_initial(c, chan);
    }
    while (chan->owner == CHAN_PEER && chan->peer->up == chan) {
        struct rk_bytes rest = rk_bytes_of(chan->in.data + at, chan->in.len - at);
        struct rk_notification n;
        struct rk_bytes body;
        size_t used = 0;
        enum rk_parse parsed = rk_peer_parse_frame(rest, &body, &used);
        if (parsed == RK_PARSE_BAD) {
            struct peer *p = chan->peer;
            rk_fx_note(c->fx, RK_NOTE_PEER_BAD, 0, 0, p->member->sid,
                       rk_bytes_str("election port"));
            p->up = NULL;
            rk_ens_chan_close(c, chan);
            tell_reachable(c, p, false);
            return;
        }
        if (parsed == RK_PARSE_MORE) {
            break;
        }
        at += used;
        if (rk_peer_parse_notification(body, &n)) {
            on_notification(c, chan->peer->member->sid, &n);
        }
    }
    if (chan->owner == CHAN_PEER && at > 0) {
        memmove(chan->in.data, chan->in.data + at, chan->in.len - at);
        chan->in.len -= at;
        if (chan->in.len == 0 && chan->in.cap > 65536) {
            rk_buf_deinit(&chan->in);
        }
    }
}
