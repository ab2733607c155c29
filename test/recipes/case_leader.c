/* Leader latch and election against one server. */
#include "rig.h"

struct watch {
    pthread_mutex_t mutex;
    _Atomic int on, off;
    _Atomic int64_t token;
    _Atomic bool is_stopping;
    _Atomic int led;
    struct rk_election *election;
};

static void on_latch(struct rk_latch *latch, bool is_leader, int64_t token, void *context)
{
    (void)latch;
    struct watch *w = context;
    pthread_mutex_lock(&w->mutex);
    w->on += is_leader;
    w->off += !is_leader;
    w->token = token;
    pthread_mutex_unlock(&w->mutex);
}

static int count_of(struct watch *w, const _Atomic int *count)
{
    pthread_mutex_lock(&w->mutex);
    int value = *count;
    pthread_mutex_unlock(&w->mutex);
    return value;
}

static void latch_has_one_leader(struct rig *rig)
{
    struct watch wa = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_latch *a, *b;
    int64_t first = 0, second = 0;
    char *leader = NULL;
    struct String_vector ids = {0};
    CHECK_RC(ZNONODE, rk_latch_leader(rig->a, rig->root, 1000, &leader));
    CHECK_RC(ZOK, rk_latch_open(rig->a, rig->root, "anna", on_latch, &wa, &a));
    CHECK_RC(ZOK, rk_latch_wait(a, 5000, &first));
    CHECK_RC(ZOK, rk_latch_open(rig->b, rig->root, "berta", NULL, NULL, &b));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_latch_wait(b, 200, &second));
    CHECK(rk_latch_is_leader(a, &first) && !rk_latch_is_leader(b, NULL));
    CHECK_RC(ZOK, rk_latch_leader(rig->b, rig->root, 1000, &leader));
    CHECK(strcmp(leader, "anna") == 0);
    free(leader);
    CHECK_RC(ZOK, rk_latch_participants(rig->b, rig->root, 1000, &ids));
    CHECK(ids.count == 2 && strcmp(ids.data[1], "berta") == 0);
    deallocate_String_vector(&ids);
    char *name = rig_child(rig->a, rig->root, "-latch-");
    CHECK(name != NULL);
    free(name);
    CHECK_RC(ZOK, rk_latch_close(a));
    CHECK(wa.on == 1 && wa.off == 1 && wa.token == first);
    CHECK_RC(ZOK, rk_latch_wait(b, 5000, &second));
    CHECK(second > first);
    CHECK_RC(ZOK, rk_latch_close(b));
}

static void latch_stands_again_in_a_new_session(struct rig *rig)
{
    struct watch wa = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_latch *a;
    int64_t first = 0, second = 0;
    CHECK_RC(ZOK, rk_latch_open(rig->a, rig->root, "anna", on_latch, &wa, &a));
    CHECK_RC(ZOK, rk_latch_wait(a, 5000, &first));
    rig_end_session(rig->a);
    CHECK_SOON(count_of(&wa, &wa.on) == 2);
    CHECK(count_of(&wa, &wa.off) == 1);
    CHECK(rk_latch_is_leader(a, &second) && second > first);
    CHECK_RC(ZOK, rk_latch_close(a));
}

static void latch_hears_of_its_deleted_node(struct rig *rig)
{
    struct watch wa = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_latch *a;
    CHECK_RC(ZOK, rk_latch_open(rig->a, rig->root, "anna", on_latch, &wa, &a));
    CHECK_RC(ZOK, rk_latch_wait(a, 5000, NULL));
    char *name = rig_child(rig->b, rig->root, "-latch-");
    usleep(100000);
    rig_delete(rig->b, rig_path(rig, name));
    CHECK_SOON(count_of(&wa, &wa.off) == 1 && count_of(&wa, &wa.on) == 2);
    CHECK_RC(ZOK, rk_latch_close(a));
    free(name);
}

struct slow {
    _Atomic bool is_in, may_go;
};

static void on_latch_slowly(struct rk_latch *latch, bool is_leader, int64_t token, void *context)
{
    (void)token;
    struct slow *s = context;
    CHECK(is_leader == (rk_latch_wait(latch, -1, NULL) == ZOK)); /* never waits for itself */
    s->is_in = true;
    while (!s->may_go) {
        usleep(1000);
    }
}

static void latch_wait_knows_of_a_lost_connection(struct rig *rig)
{
    struct slow slow = {0};
    struct rk_latch *a;
    CHECK_RC(ZOK, rk_latch_open(rig->a, rig->root, "anna", on_latch_slowly, &slow, &a));
    CHECK_RC(ZOK, rk_latch_wait(a, 5000, NULL));
    CHECK_SOON(slow.is_in);
    rig_disconnect(rig->a);
    CHECK(!rk_latch_is_leader(a, NULL));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_latch_wait(a, 100, NULL));
    rig_reconnect(rig->a);
    slow.may_go = true;
    CHECK_RC(ZOK, rk_latch_wait(a, 5000, NULL));
    CHECK_RC(ZOK, rk_latch_close(a));
}

static void lead(struct rk_election *election, int64_t token, void *context)
{
    struct watch *w = context;
    w->election = election;
    w->token = token;
    w->led++;
    CHECK_RC(ZINVALIDSTATE, rk_election_close(election));
    while (!w->is_stopping && rk_election_pause(election, 50)) {
    }
    pthread_mutex_lock(&w->mutex);
    w->off++;
    pthread_mutex_unlock(&w->mutex);
}

static void election_runs_while_leader(struct rig *rig)
{
    struct watch wa = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct watch wb = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_election_options oa = {.lead = lead, .context = &wa};
    struct rk_election_options ob = {.lead = lead, .context = &wb, .is_standing_again = true};
    struct rk_election *a, *b;
    CHECK_RC(ZOK, rk_election_open(rig->a, rig->root, "anna", &oa, &a));
    CHECK_SOON(wa.led == 1);
    CHECK_RC(ZOK, rk_election_open(rig->b, rig->root, "berta", &ob, &b));
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 2);
    CHECK(rk_election_is_leader(a) && !rk_election_is_leader(b) && wb.led == 0);
    CHECK_RC(ZINVALIDSTATE, rk_election_stand(a));
    wa.is_stopping = true;
    CHECK_SOON(wb.led == 1);
    CHECK(wa.off == 1 && wb.token > wa.token);
    CHECK_SOON(wa.off == 1 && rig_child_count(rig->a, rig->root) == 1);
    CHECK_RC(ZOK, rk_election_stand(a));
    wa.is_stopping = false;
    rig_end_session(rig->b);
    CHECK_SOON(wa.led == 2 && count_of(&wb, &wb.off) == 1);
    CHECK_RC(ZOK, rk_election_close(a));
    CHECK_SOON(wb.led == 2);
    CHECK_RC(ZOK, rk_election_close(b));
    CHECK(rig_child_count(rig->a, rig->root) == 0);
}

const struct rig_case leader_cases[] = {
    {"latch_has_one_leader", latch_has_one_leader},
    {"latch_stands_again_in_a_new_session", latch_stands_again_in_a_new_session},
    {"latch_hears_of_its_deleted_node", latch_hears_of_its_deleted_node},
    {"latch_wait_knows_of_a_lost_connection", latch_wait_knows_of_a_lost_connection},
    {"election_runs_while_leader", election_runs_while_leader},
    {NULL, NULL}};
