/* See election_net.h. One loop: find the next moment at which something happens, let it happen. */
#include "election_net.h"

#include "support/cmocka_all.h"

#include <string.h>

#define ROLE_LIMIT_MS 1000 /* to find the leader leading, or a quorum of followers */
#define SILENCE_MS    300  /* until a link that went silent is given up */
#define LONE_MS       100  /* a leader without a quorum gives up */

static struct rk_election_config election_config(const struct net *net, uint32_t who)
{
    return (struct rk_election_config){.my_sid = (int64_t)who + 1,
                                       .is_observer = who >= net->options.voters,
                                       .min_interval_ms = 200,
                                       .max_interval_ms = 60000,
                                       .finalize_ms = 200};
}

int64_t net_below(struct net *net, int64_t bound)
{
    return (int64_t)rk_prng_below(&net->prng, (uint64_t)bound);
}

void net_init(struct net *net, const struct net_options *options, uint64_t seed)
{
    memset(net, 0, sizeof(*net));
    net->options = *options;
    net->count = options->voters + options->observers;
    assert_true(net->count <= NET_SERVERS_MAX);
    rk_prng_init(&net->prng, seed);
    net->quorum.voter_count = options->voters;
    for (uint32_t i = 0; i < NET_SERVERS_MAX; i++) {
        net->quorum.voters[i] = (int64_t)i + 1;
        net->servers[i].restart_ms = NET_NEVER;
        for (uint32_t j = 0; j < NET_SERVERS_MAX; j++) {
            net->open_ms[i][j] = NET_NEVER;
            net->notice_ms[i][j] = NET_NEVER;
        }
    }
}

/* -- what electors say ------------------------------------------------------------------------- */

static bool is_same(const struct rk_vote *a, const struct rk_vote *b)
{
    return a->leader == b->leader && a->zxid == b->zxid && a->round == b->round &&
           a->peer_epoch == b->peer_epoch;
}

static void note_said(struct net *net, uint32_t who)
{
    struct net_said s = {.who = who, .vote = rk_election_vote(&net->servers[who].e)};
    for (uint32_t i = net->said_count; i-- > 0;) {
        if (net->said[i].who == who && is_same(&net->said[i].vote, &s.vote)) {
            return;
        }
    }
    assert_true(net->said_count < NET_SAID_MAX);
    net->said[net->said_count++] = s;
}

/* Who leads was voted for by a quorum, in that round, with that vote. */
static void assert_supported(const struct net *net, uint32_t who)
{
    struct rk_vote v = rk_election_vote(&net->servers[who].e);
    uint64_t bits = 0;
    for (uint32_t i = 0; i < net->said_count; i++) {
        if (net->said[i].who < net->options.voters && is_same(&net->said[i].vote, &v)) {
            bits |= UINT64_C(1) << net->said[i].who;
        }
    }
    assert_true(rk_quorum_contains(&net->quorum, bits));
}

static void send(struct net *net, uint32_t from, uint32_t to, const struct rk_notification *n)
{
    int64_t span = net->options.delay_max_ms - net->options.delay_min_ms + 1;
    int64_t due = net->now_ms + net->options.delay_min_ms + net_below(net, span);
    net->last[from][to] = *n;
    net->has_last[from][to] = true;
    if (!net->is_open[from][to] || net->is_mute[from][to] ||
        net_below(net, 1000) < net->options.lost_per_1000) {
        return;
    }
    if (due < net->arrival_ms[from][to]) {
        due = net->arrival_ms[from][to];
    }
    net->arrival_ms[from][to] = due;
    assert_true(net->under_way < NET_MESSAGES_MAX);
    net->messages[net->under_way++] = (struct net_message){
        .from = from, .to = to, .due_ms = due, .number = net->message_count, .n = *n};
    net->message_count++;
}

static void forget_message(struct net *net, uint32_t i)
{
    net->under_way--;
    net->messages[i] = net->messages[net->under_way];
}

static void carry_out(struct net *net, uint32_t who, const struct rk_election_out *out)
{
    struct net_server *s = &net->servers[who];
    assert_true(out->send_count <= 2);
    if (s->is_amnesiac && !s->e.is_amnesiac) {
        assert_true(s->committed_when_wiped == 0);
    }
    if (out->send_count > 0 || out->is_decided) {
        note_said(net, who);
    }
    for (uint32_t i = 0; i < out->send_count; i++) {
        const struct rk_election_send *m = &out->sends[i];
        for (uint32_t to = 0; to < net->count; to++) {
            bool is_meant = m->is_to_all ? to < net->options.voters : to + 1 == (uint32_t)m->to;
            if (is_meant && to != who) {
                send(net, who, to, &m->message);
            }
        }
    }
    if (out->is_decided) {
        net->decisions++;
        s->role_ms = net->now_ms;
        s->is_joined = false;
        assert_true(out->state != RK_PEER_LEADING || who < net->options.voters);
        assert_int_equal(out->state == RK_PEER_OBSERVING, who >= net->options.voters);
        if (out->state == RK_PEER_LEADING) {
            assert_false(s->e.is_amnesiac);
            assert_supported(net, who);
        }
        if (net->on_decided != NULL) {
            net->on_decided(net, who);
        }
    }
}

static void tell_reachable(struct net *net, uint32_t who, uint32_t whom, bool is_reachable)
{
    struct rk_election_out out;
    net->is_seen[who][whom] = is_reachable;
    net->notice_ms[who][whom] = NET_NEVER;
    rk_election_set_reachable(&net->servers[who].e, (int64_t)whom + 1, is_reachable, net->now_ms,
                              &out);
    carry_out(net, who, &out);
}

static void start_election(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    struct rk_election_out out;
    s->is_joined = false;
    s->is_established = false;
    s->term++;
    s->role_ms = net->now_ms;
    s->lost_ms = NET_NEVER;
    rk_election_start(&s->e, s->zxid, s->epoch, s->is_amnesiac, net->now_ms, &out);
    carry_out(net, who, &out);
}

/* -- processes --------------------------------------------------------------------------------- */

void net_boot(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    struct rk_election_config config = election_config(net, who);
    assert_false(s->is_up);
    s->is_up = true;
    s->restart_ms = NET_NEVER;
    for (uint32_t other = 0; other < net->count; other++) {
        net->has_last[who][other] = false;
        net->is_seen[who][other] = false;
        net->notice_ms[who][other] = NET_NEVER;
    }
    rk_election_init(&s->e, &config, &net->quorum);
    start_election(net, who);
}

void net_boot_at(struct net *net, uint32_t who, int64_t at_ms)
{
    net->servers[who].restart_ms = at_ms;
}

static void close_channel(struct net *net, uint32_t a, uint32_t b)
{
    uint32_t ends[2] = {a, b};
    net->open_ms[a < b ? a : b][a < b ? b : a] = NET_NEVER;
    if (!net->is_open[a][b]) {
        return;
    }
    net->is_open[a][b] = false;
    net->is_open[b][a] = false;
    for (uint32_t i = net->under_way; i-- > 0;) {
        const struct net_message *m = &net->messages[i];
        if ((m->from == a && m->to == b) || (m->from == b && m->to == a)) {
            forget_message(net, i);
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (net->is_seen[ends[i]][ends[1 - i]]) {
            net->notice_ms[ends[i]][ends[1 - i]] =
                net->now_ms + net_below(net, net->options.notice_ms + 1);
        }
    }
}

void net_crash(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    s->is_up = false;
    s->is_joined = false;
    s->is_established = false;
    s->term++;
    s->lost_ms = NET_NEVER;
    s->restart_ms = NET_NEVER;
    for (uint32_t other = 0; other < net->count; other++) {
        close_channel(net, who, other);
        net->notice_ms[who][other] = NET_NEVER;
    }
}

void net_wipe(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    assert_false(s->is_up);
    s->zxid = 0;
    s->epoch = 0;
    s->is_amnesiac = true;
    s->committed_when_wiped = net->committed;
}

void net_set_history(struct net *net, uint32_t who, rk_zxid zxid, int64_t epoch)
{
    net->servers[who].zxid = zxid;
    net->servers[who].epoch = epoch;
    if (epoch > net->last_epoch) {
        net->last_epoch = epoch;
    }
}

/* -- links ------------------------------------------------------------------------------------- */

void net_cut(struct net *net, uint32_t a, uint32_t b, bool is_cut)
{
    net->is_cut[a][b] = is_cut;
    net->is_cut[b][a] = is_cut;
    if (is_cut) {
        close_channel(net, a, b);
    }
}

void net_mute(struct net *net, uint32_t from, uint32_t to, bool is_mute)
{
    net->is_mute[from][to] = is_mute;
}

void net_heal(struct net *net)
{
    memset(net->is_cut, 0, sizeof(net->is_cut));
    memset(net->is_mute, 0, sizeof(net->is_mute));
    net->options.lost_per_1000 = 0;
    for (uint32_t i = 0; i < net->count; i++) {
        if (!net->servers[i].is_up) {
            net_boot(net, i);
        }
    }
}

static void open_channel(struct net *net, uint32_t a, uint32_t b)
{
    uint32_t ends[2] = {a, b};
    net->is_open[a][b] = true;
    net->is_open[b][a] = true;
    net->open_ms[a][b] = NET_NEVER;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t who = ends[i];
        uint32_t whom = ends[1 - i];
        net->arrival_ms[who][whom] = net->now_ms;
        if (net->is_seen[who][whom] && net_below(net, 2) == 0) {
            tell_reachable(net, who, whom, false);
        }
        if (net->has_last[who][whom]) {
            send(net, who, whom, &net->last[who][whom]);
        }
        tell_reachable(net, who, whom, true);
    }
}

static void run_links(struct net *net)
{
    for (uint32_t a = 0; a < net->count; a++) {
        for (uint32_t b = a + 1; b < net->count; b++) {
            bool can_be = net->servers[a].is_up && net->servers[b].is_up && !net->is_cut[a][b];
            if (can_be && !net->is_open[a][b] && net->open_ms[a][b] == NET_NEVER) {
                net->open_ms[a][b] = net->now_ms + 1 + net_below(net, net->options.dial_ms + 1);
            }
            if (net->open_ms[a][b] <= net->now_ms) {
                open_channel(net, a, b);
            }
        }
    }
    for (uint32_t who = 0; who < net->count; who++) {
        for (uint32_t whom = 0; whom < net->count; whom++) {
            if (net->notice_ms[who][whom] <= net->now_ms) {
                tell_reachable(net, who, whom, false);
            }
        }
    }
}

/* -- roles ------------------------------------------------------------------------------------- */

static bool can_talk(const struct net *net, uint32_t a, uint32_t b)
{
    return net->servers[a].is_up && net->servers[b].is_up && !net->is_cut[a][b] &&
           !net->is_mute[a][b] && !net->is_mute[b][a];
}

static bool is_follower_of(const struct net *net, uint32_t who, uint32_t leader)
{
    const struct net_server *s = &net->servers[who];
    const struct net_server *l = &net->servers[leader];
    return s->is_up && s->is_joined && s->joined_term == l->term &&
           rk_election_vote(&s->e).leader == (int64_t)leader + 1 && can_talk(net, who, leader);
}

static bool has_quorum(const struct net *net, uint32_t leader)
{
    uint64_t bits = UINT64_C(1) << leader;
    for (uint32_t i = 0; i < net->options.voters; i++) {
        if (i != leader && is_follower_of(net, i, leader)) {
            bits |= UINT64_C(1) << i;
        }
    }
    return rk_quorum_contains(&net->quorum, bits);
}

static void synchronise(struct net *net, uint32_t who, uint32_t leader)
{
    struct net_server *s = &net->servers[who];
    s->zxid = net->servers[leader].zxid;
    s->epoch = net->servers[leader].epoch;
    s->is_amnesiac = false;
    rk_election_set_epoch(&s->e, s->epoch);
}

static void establish(struct net *net, uint32_t leader)
{
    struct net_server *l = &net->servers[leader];
    assert_true(l->zxid >= net->committed);
    assert_false(l->is_amnesiac && net->committed > 0);
    net->last_epoch++;
    l->epoch = net->last_epoch;
    l->is_established = true;
    net->establishments++;
    synchronise(net, leader, leader);
    for (uint32_t i = 0; i < net->count; i++) {
        if (i != leader && is_follower_of(net, i, leader)) {
            synchronise(net, i, leader);
        }
    }
}

static void lead(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    bool has = has_quorum(net, who);
    if (!s->is_established) {
        if (has) {
            establish(net, who);
        } else if (net->now_ms >= s->role_ms + ROLE_LIMIT_MS) {
            start_election(net, who);
        }
        return;
    }
    if (has) {
        s->lost_ms = NET_NEVER;
    } else if (s->lost_ms == NET_NEVER) {
        s->lost_ms = net->now_ms + LONE_MS;
    } else if (net->now_ms >= s->lost_ms) {
        start_election(net, who);
    }
}

/* Connects, if the leader leads. One with more history than the leader ends its reign. */
static void join(struct net *net, uint32_t who, uint32_t leader)
{
    struct net_server *s = &net->servers[who];
    struct net_server *l = &net->servers[leader];
    bool is_ahead = s->epoch > l->epoch || (s->epoch == l->epoch && s->zxid > l->zxid);
    if (s->e.is_amnesiac && !l->is_established) {
        return;
    }
    if (is_ahead && !l->is_established && who < net->options.voters) {
        start_election(net, leader);
        return;
    }
    s->is_joined = true;
    s->joined_term = l->term;
    s->lost_ms = NET_NEVER;
    if (l->is_established) {
        synchronise(net, who, leader);
    }
}

static void follow(struct net *net, uint32_t who)
{
    struct net_server *s = &net->servers[who];
    uint32_t leader = (uint32_t)(rk_election_vote(&s->e).leader - 1);
    const struct net_server *l = &net->servers[leader];
    bool leads = can_talk(net, who, leader) && l->e.state == RK_PEER_LEADING;
    bool is_silent = l->is_up && !net->is_cut[who][leader] && l->e.state == RK_PEER_LEADING &&
                     l->term == s->joined_term;
    if (!s->is_joined) {
        if (leads) {
            join(net, who, leader);
        }
        if (s->e.state != RK_PEER_LOOKING && !s->is_joined &&
            net->now_ms >= s->role_ms + ROLE_LIMIT_MS) {
            start_election(net, who);
        }
    } else if (leads && l->term == s->joined_term) {
        s->lost_ms = NET_NEVER;
    } else if (s->lost_ms == NET_NEVER) {
        s->lost_ms =
            net->now_ms + (is_silent ? SILENCE_MS : net_below(net, net->options.notice_ms + 1));
    }
    if (s->is_joined && net->now_ms >= s->lost_ms) {
        start_election(net, who);
    }
}

static void run_roles(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        const struct net_server *s = &net->servers[i];
        if (!s->is_up || s->e.state == RK_PEER_LOOKING) {
            continue;
        }
        if (s->e.state == RK_PEER_LEADING) {
            lead(net, i);
        } else {
            follow(net, i);
        }
    }
}

uint32_t net_leader(const struct net *net)
{
    uint32_t leader = NET_NOBODY;
    for (uint32_t i = 0; i < net->count; i++) {
        if (net->servers[i].is_up && net->servers[i].is_established && has_quorum(net, i)) {
            assert_true(leader == NET_NOBODY);
            leader = i;
        }
    }
    return leader;
}

bool net_is_settled(const struct net *net)
{
    uint32_t leader = net_leader(net);
    for (uint32_t i = 0; i < net->count; i++) {
        if (leader == NET_NOBODY ||
            (i != leader && net->servers[i].is_up && !is_follower_of(net, i, leader))) {
            return false;
        }
    }
    return true;
}

void net_propose(struct net *net, bool to_all)
{
    uint32_t leader = net_leader(net);
    struct net_server *l;
    uint64_t bits;
    if (leader == NET_NOBODY) {
        return;
    }
    l = &net->servers[leader];
    l->zxid = l->zxid >> 32 == l->epoch ? l->zxid + 1 : (l->epoch << 32) + 1;
    bits = UINT64_C(1) << leader;
    for (uint32_t i = 0; i < net->count; i++) {
        if (i != leader && is_follower_of(net, i, leader) && (to_all || net_below(net, 2) == 0)) {
            net->servers[i].zxid = l->zxid;
            bits |= i < net->options.voters ? UINT64_C(1) << i : 0;
        }
    }
    if (rk_quorum_contains(&net->quorum, bits)) {
        net->committed = l->zxid;
    }
}

/* -- the loop ---------------------------------------------------------------------------------- */

static void deliver(struct net *net)
{
    for (;;) {
        uint32_t next = UINT32_MAX;
        struct net_message m;
        struct rk_election_out out;
        for (uint32_t i = 0; i < net->under_way; i++) {
            if (net->messages[i].due_ms <= net->now_ms &&
                (next == UINT32_MAX || net->messages[i].number < net->messages[next].number)) {
                next = i;
            }
        }
        if (next == UINT32_MAX) {
            return;
        }
        m = net->messages[next];
        forget_message(net, next);
        rk_election_receive(&net->servers[m.to].e, (int64_t)m.from + 1, &m.n, net->now_ms, &out);
        carry_out(net, m.to, &out);
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_due(const struct net *net)
{
    int64_t due = NET_NEVER;
    for (uint32_t i = 0; i < net->under_way; i++) {
        due = least(due, net->messages[i].due_ms);
    }
    for (uint32_t i = 0; i < net->count; i++) {
        const struct net_server *s = &net->servers[i];
        bool is_settled = s->e.state == RK_PEER_LEADING ? s->is_established : s->is_joined;
        for (uint32_t j = 0; j < net->count; j++) {
            due = least(due, least(net->open_ms[i][j], net->notice_ms[i][j]));
        }
        if (!s->is_up) {
            due = least(due, s->restart_ms);
        } else if (s->e.state == RK_PEER_LOOKING) {
            due = least(due, rk_election_next_due(&s->e));
        } else if (!is_settled || s->lost_ms != NET_NEVER) {
            due = least(due, net->now_ms + 1);
        }
    }
    return due;
}

static void happen(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        if (!net->servers[i].is_up && net->servers[i].restart_ms <= net->now_ms) {
            net_boot(net, i);
        }
    }
    run_links(net);
    deliver(net);
    for (uint32_t i = 0; i < net->count; i++) {
        struct rk_election_out out;
        if (net->servers[i].is_up) {
            rk_election_tick(&net->servers[i].e, net->now_ms, &out);
            carry_out(net, i, &out);
        }
    }
    run_roles(net);
    run_links(net);
}

void net_run(struct net *net, int64_t until_ms)
{
    happen(net);
    for (;;) {
        int64_t due = next_due(net);
        if (due > until_ms) {
            break;
        }
        assert_true(due >= net->now_ms);
        net->now_ms = due;
        happen(net);
    }
    net->now_ms = until_ms;
}

bool net_settle(struct net *net, int64_t until_ms)
{
    happen(net);
    while (!net_is_settled(net)) {
        int64_t due = next_due(net);
        if (due > until_ms) {
            return false;
        }
        net->now_ms = due;
        happen(net);
    }
    return true;
}
