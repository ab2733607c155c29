/* One elector under arbitrary notifications, channels, time and new elections: the input says what
 * the ensemble is and who this server is in it, then it is a tape of steps. Whatever comes: no
 * assertion fires, a step sends two messages at most and one of them to all, a decision is made
 * only while looking and fits the role, a server without memory never leads, an observer never
 * votes, and time always moves on: after a tick nothing is due any more. */
#include <string.h>

#include "zab/election.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 2000u

struct tape {
    const uint8_t *at;
    size_t left;
};

static uint8_t byte(struct tape *t)
{
    if (t->left == 0) {
        return 0;
    }
    t->left--;
    return *t->at++;
}

/* Mostly small, so that votes agree; now and then anything, the limits above all. */
static int64_t number(struct tape *t)
{
    uint8_t b = byte(t);
    uint64_t u = 0;
    if (b < 0xe0) {
        return (b & 0x1f) - 2;
    }
    switch (b & 0x1f) {
    case 0:
        return INT64_MAX;
    case 1:
        return INT64_MIN;
    case 2:
        return INT64_MAX - 1;
    case 3:
        return INT64_MIN + 1;
    default:
        for (int i = 0; i < 8; i++) {
            u = u << 8 | byte(t);
        }
        return (int64_t)u;
    }
}

struct host {
    struct rk_election e;
    struct rk_election_out out;
    enum rk_peer_state before;
    int64_t now_ms;
};

static void check(struct host *h)
{
    uint32_t to_all = 0;
    struct rk_vote v = rk_election_vote(&h->e);
    RK_ASSERT(h->out.send_count <= 2);
    for (uint32_t i = 0; i < h->out.send_count; i++) {
        const struct rk_election_send *s = &h->out.sends[i];
        to_all += s->is_to_all;
        RK_ASSERT(s->is_to_all || s->to != h->e.config.my_sid);
        RK_ASSERT(s->message.version == RK_NOTIFICATION_VERSION);
        RK_ASSERT(s->message.state == h->before); /* a decision is told to those who ask */
    }
    RK_ASSERT(to_all <= 1);
    RK_ASSERT((h->e.state != h->before) == h->out.is_decided);
    RK_ASSERT(v.round == h->e.round || !h->e.is_started);
    if (h->out.is_decided) {
        RK_ASSERT(h->before == RK_PEER_LOOKING);
        RK_ASSERT(h->out.state == h->e.state);
        RK_ASSERT(rk_quorum_weight(&h->e.quorum, v.leader) > 0);
        RK_ASSERT((h->out.state == RK_PEER_LEADING) == (v.leader == h->e.config.my_sid));
        RK_ASSERT(h->out.state != RK_PEER_LEADING || !h->e.is_amnesiac);
        RK_ASSERT(h->out.state == RK_PEER_LEADING ||
                  (h->out.state == RK_PEER_OBSERVING) == h->e.config.is_observer);
    }
    if (h->e.state != RK_PEER_LOOKING) {
        RK_ASSERT(rk_election_next_due(&h->e) == INT64_MAX);
    }
    h->before = h->e.state;
}

static void open_host(struct host *h, struct tape *t)
{
    struct rk_quorum q = {.voter_count = 1u + byte(t) % 9u};
    struct rk_election_config config = {.my_sid = byte(t) % 12};
    uint8_t options = byte(t);
    memset(h, 0, sizeof(*h));
    q.is_hierarchical = (options & 1) != 0;
    q.group_count = 3;
    for (uint32_t i = 0; i < q.voter_count; i++) {
        q.voters[i] = (int64_t)i;
        q.weights[i] = q.is_hierarchical ? byte(t) % 4 : 0;
        q.groups[i] = i % 3;
    }
    config.is_observer = (options & 2) != 0 && rk_quorum_index(&q, config.my_sid) < 0;
    config.min_interval_ms = (options & 4) != 0 ? 1 : 200;
    config.max_interval_ms = (options & 8) != 0 ? 1 : 60000;
    config.finalize_ms = (options & 16) != 0 ? 0 : 200;
    rk_election_init(&h->e, &config, &q);
    h->before = h->e.state;
}

static void hear(struct host *h, struct tape *t)
{
    uint8_t who = byte(t);
    int64_t sid = who < 0xf0 ? who % 12 : number(t);
    uint8_t how = byte(t);
    struct rk_notification n = {.state = (enum rk_peer_state)(how % 4), .version = 2};
    n.leader = number(t);
    n.zxid = number(t);
    n.round = number(t);
    n.peer_epoch = number(t);
    if (how >> 4 == 15) {
        n.version = (int32_t)number(t);
    } else if (how >> 4 == 13) { /* one that has nothing */
        n.state = RK_PEER_LOOKING;
        n.zxid = -(n.zxid & 1);
        n.peer_epoch = 0;
    } else if (how >> 4 == 14) { /* the elector's own words come back */
        struct rk_vote v = rk_election_vote(&h->e);
        n.leader = v.leader;
        n.zxid = v.zxid;
        n.round = v.round;
        n.peer_epoch = v.peer_epoch;
    }
    rk_election_receive(&h->e, sid, &n, h->now_ms, &h->out);
}

static void tick(struct host *h, struct tape *t)
{
    int64_t due = rk_election_next_due(&h->e);
    uint8_t how = byte(t);
    if (how < 0x80 && due != INT64_MAX && due > h->now_ms) {
        h->now_ms = due;
    } else {
        h->now_ms += how;
    }
    rk_election_tick(&h->e, h->now_ms, &h->out);
    RK_ASSERT(rk_election_next_due(&h->e) > h->now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host h; /* large */
    struct tape t = {data, size};
    open_host(&h, &t);
    for (uint32_t i = 0; i < STEPS_MAX && t.left > 0; i++) {
        uint8_t step = byte(&t);
        switch (step & 15) {
        case 0: {
            rk_zxid zxid = number(&t);
            int64_t epoch = number(&t);
            rk_election_start(&h.e, zxid, epoch, (step & 16) != 0, h.now_ms, &h.out);
            h.before = RK_PEER_LOOKING;
            break;
        }
        case 1:
        case 2:
            rk_election_set_reachable(&h.e, byte(&t) % 12, (step & 16) != 0, h.now_ms, &h.out);
            break;
        case 3:
        case 4:
            tick(&h, &t);
            break;
        case 5:
            rk_election_set_epoch(&h.e, number(&t));
            continue;
        default:
            hear(&h, &t);
            break;
        }
        check(&h);
    }
    return 0;
}
