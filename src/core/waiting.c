/* What a server that finds no leader waits for, told now and then in one line, so that whoever
 * looks at the log knows what to do. Above all one with an empty disk: two wiped servers of three
 * look just like two of a new ensemble, so without a word of the operator nobody but all voters
 * together can say that there is nothing to lose (reliability.md 3.4; docs/operating.md). */
#include "core/ensemble_int.h"

#define FIRST_MS 3000
#define AGAIN_MS 10000
#define TEXT_MAX 280u

struct line {
    char text[TEXT_MAX];
    size_t len;
};

static void put(struct line *l, const char *text)
{
    while (*text != '\0' && l->len < TEXT_MAX) {
        l->text[l->len++] = *text++;
    }
}

static void put_number(struct line *l, int64_t number)
{
    char digits[24];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    RK_ASSERT(number >= 0);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(l, digits + at);
}

/* "server 2, 3" */
static void put_servers(struct line *l, const struct rk_quorum *q, uint64_t bits)
{
    const char *before = "server ";
    for (uint32_t i = 0; i < q->voter_count; i++) {
        if ((bits >> i & 1u) != 0) {
            put(l, before);
            put_number(l, q->voters[i]);
            before = ", ";
        }
    }
}

/* Voters but this one by what is known of them. */
struct others {
    uint64_t unreachable, blank, rest;
};

static struct others look(const struct ensemble *e)
{
    struct others o = {0};
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (e->quorum.voters[i] == e->config.my_sid) {
            continue;
        }
        if (!e->election.voters[i].is_reachable) {
            o.unreachable |= bit;
        } else if (e->election.voters[i].is_blank) {
            o.blank |= bit;
        } else {
            o.rest |= bit;
        }
    }
    return o;
}

/* It has nothing on disk and no vote. */
static void put_amnesiac(struct line *l, const struct ensemble *e, const struct others *o)
{
    if (o->rest != 0) {
        put_servers(l, &e->quorum, o->rest);
        put(l,
            " may have data: waits for a leader that a majority without this server has elected");
        if (o->unreachable != 0) {
            put(l, "; cannot be reached: ");
            put_servers(l, &e->quorum, o->unreachable);
        }
        return;
    }
    put(l, "this server's disk is empty, and ");
    put_servers(l, &e->quorum, o->unreachable);
    put(l,
        " cannot be reached: start it, it may have the data. Only if this ensemble never held any: "
        "stop, make the file initialize in dataLogDir (else dataDir) of each server, start");
}

static bool describe(const struct ensemble *e, struct line *l)
{
    struct others o = look(e);
    uint64_t all = o.blank | o.rest | o.unreachable;
    int32_t me = rk_quorum_index(&e->quorum, e->config.my_sid);
    uint64_t mine = me < 0 ? 0 : UINT64_C(1) << me;
    if (e->is_amnesiac && all != o.blank) {
        put_amnesiac(l, e, &o);
    } else if (!rk_quorum_contains(&e->quorum, o.blank | o.rest | mine)) {
        put(l, "too few voters can be reached; missing: ");
        put_servers(l, &e->quorum, o.unreachable);
    }
    return l->len > 0;
}

void rk_ens_tell_waiting(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct line l = {.len = 0};
    if (e->phase != RK_PHASE_ELECTION) {
        e->tell_ms = INT64_MAX;
        return;
    }
    if (e->tell_ms == INT64_MAX) {
        e->tell_ms = c->now_ms + FIRST_MS;
    }
    if (c->now_ms >= e->tell_ms) {
        e->tell_ms = c->now_ms + AGAIN_MS;
        if (describe(e, &l)) {
            rk_fx_note(c->fx, RK_NOTE_WAITING, 0, 0, 0, rk_bytes_of(l.text, l.len));
        }
    }
}
