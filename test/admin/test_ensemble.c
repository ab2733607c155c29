/* The words of a member of an ensemble, in each of its roles: the shapes are those captured from an
 * ensemble of Apache ZooKeeper 3.8.0 (three voters and an observer, one of them read-only). */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_int.h"
#include "admin_support.h"

#define MEMBERSHIP                                                                                 \
    "server.1=127.0.0.1:2888:3888:participant\nserver.2=127.0.0.1:2889:3889:participant\n"         \
    "server.3=127.0.0.1:2890:3890:participant\nserver.4=127.0.0.1:2891:3891:observer"

static struct desk desk; /* large */
static struct rk_ensemble_config ensemble;

static void init_member(int64_t sid, enum rk_peer_state state)
{
    const char *why = "";
    memset(&ensemble, 0, sizeof(ensemble));
    assert_int_equal(rk_members_parse(rk_bytes_str(MEMBERSHIP), &ensemble.members, &why), RK_OK);
    ensemble.my_sid = sid;
    ensemble.init_limit = 20;
    ensemble.sync_limit = 10;
    ensemble.leader_serves = true;
    desk_init_member(&desk, 0, 0, &ensemble);
    desk.report = (struct rk_ensemble_report){.state = state,
                                              .phase = RK_PHASE_BROADCAST,
                                              .my_sid = sid,
                                              .leader_sid = 3,
                                              .epoch = 1,
                                              .accepted_epoch = 2,
                                              .last_logged = 0x100000022,
                                              .last_committed = 0x100000020,
                                              .election_ms = 230,
                                              .serving_ms = 3099,
                                              .last_proposal_bytes = -1,
                                              .min_proposal_bytes = -1,
                                              .max_proposal_bytes = -1};
}

static void set_looking(void)
{
    desk.report.state = RK_PEER_LOOKING;
    desk.report.phase = RK_PHASE_ELECTION;
    desk.report.leader_sid = RK_SID_NONE;
    desk.is_serving = false;
}

static void set_read_only(void)
{
    set_looking();
    desk.report.is_read_only = true;
}

/* -- Nobody leads
 * ----------------------------------------------------------------------------------- */

static void without_a_leader_most_words_say_so(void **state)
{
    static const char text[] = "This ZooKeeper instance is not currently serving requests\n";
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    set_looking();
    for (uint32_t i = 0; i < RK_WORD_COUNT; i++) {
        const char *word = rk_admin_word_names[i];
        bool is_always = strstr("envi gtmk hash isro ruok stmk", word) != NULL;
        if (!is_always) {
            desk_expect(d, word, text);
        }
    }
    desk_expect(d, "hash", "This ZooKeeper instance is not currently serving requests");
    desk_expect(d, "isro", "null");
    desk_expect(d, "ruok", "imok");
    desk_expect(d, "gtmk", "306");
    desk_expect(d, "stmk", "");
    assert_non_null(strstr(desk_ask(d, "envi"), "host.name="));
    assert_int_equal(d->shell_resets, 0);
    desk_deinit(d);
}

static void who_synchronises_does_not_serve_either(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    d->report.phase = RK_PHASE_SYNCHRONIZATION;
    d->is_serving = false;
    desk_expect(d, "srvr", "This ZooKeeper instance is not currently serving requests\n");
    desk_expect(d, "isro", "null");
    desk_deinit(d);
}

static void the_white_list_comes_first(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    desk_deinit(d);
    desk_init_member(d, 1u << RK_WORD_srvr, 0, &ensemble);
    d->report.is_standalone = false;
    set_looking();
    desk_expect(d, "ruok", "ruok is not executed because it is not in the whitelist.\n");
    desk_expect(d, "mntr", "mntr is not executed because it is not in the whitelist.\n");
    desk_expect(d, "srvr", "This ZooKeeper instance is not currently serving requests\n");
    desk_deinit(d);
}

/* -- srvr, stat, isro
 * ------------------------------------------------------------------------------- */

static void srvr_tells_the_role(void **state)
{
    static const struct {
        enum rk_peer_state state;
        const char *end;
    } rows[] = {
        {RK_PEER_FOLLOWING, "Mode: follower\nNode count: 5\n"},
        {RK_PEER_OBSERVING, "Mode: observer\nNode count: 5\n"},
        {RK_PEER_LEADING, "Mode: leader\nNode count: 5\nProposal sizes last/min/max: -1/-1/-1\n"},
    };
    struct desk *d = &desk;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[512];
        init_member(3, rows[i].state);
        (void)snprintf(expected, sizeof(expected),
                       "Zookeeper version: %s\nLatency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\n"
                       "Connections: 1\nOutstanding: 0\nZxid: 0x0\n%s",
                       rk_admin_version(), rows[i].end);
        desk_expect(d, "srvr", expected);
        desk_expect(d, "isro", "rw");
        desk_deinit(d);
    }
}

static void a_leader_tells_the_sizes_of_proposals(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(3, RK_PEER_LEADING);
    d->report.last_proposal_bytes = 48;
    d->report.min_proposal_bytes = 36;
    d->report.max_proposal_bytes = 257;
    assert_non_null(strstr(desk_ask(d, "srvr"), "\nProposal sizes last/min/max: 48/36/257\n"));
    assert_non_null(strstr(desk_ask(d, "stat"), "\nProposal sizes last/min/max: 48/36/257\n"));
    desk_deinit(d);
}

static void a_leader_without_clients_sends_them_away(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(3, RK_PEER_LEADING);
    ensemble.leader_serves = false;
    desk_expect(d, "isro", "null");
    assert_non_null(strstr(desk_ask(d, "srvr"), "\nMode: leader\n"));
    d->report.state = RK_PEER_FOLLOWING;
    desk_expect(d, "isro", "rw");
    desk_deinit(d);
}

static void a_read_only_server_says_so_twice(void **state)
{
    char expected[512];
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    set_read_only();
    (void)snprintf(expected, sizeof(expected),
                   "Zookeeper version: %s\nREAD-ONLY mode; serving only read-only clients\n"
                   "Clients:\n /127.0.0.1:40060[0](queued=0,recved=1,sent=0)\n\n"
                   "Latency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\n"
                   "Outstanding: 0\nZxid: 0x0\nMode: read-only\nNode count: 5\n",
                   rk_admin_version());
    desk_expect(d, "stat", expected);
    desk_expect(d, "isro", "ro");
    desk_deinit(d);
}

/* -- conf, dump
 * ------------------------------------------------------------------------------------- */

static void conf_tells_the_membership(void **state)
{
    static const char head[] =
        "clientPort=2181\nsecureClientPort=-1\ndataDir=/d/version-2\ndataDirSize=67109358\n"
        "dataLogDir=/l/version-2\ndataLogSize=457\ntickTime=2000\nmaxClientCnxns=60\n"
        "minSessionTimeout=4000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\n";
    static const struct {
        int64_t sid;
        const char *own;
    } rows[] = {{1, "serverId=1\ninitLimit=20\nsyncLimit=10\nelectionAlg=3\nelectionPort=3888\n"
                    "quorumPort=2888\npeerType=0\n"},
                {4, "serverId=4\ninitLimit=20\nsyncLimit=10\nelectionAlg=3\nelectionPort=3891\n"
                    "quorumPort=2891\npeerType=1\n"}};
    struct desk *d = &desk;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[2048];
        init_member(rows[i].sid, RK_PEER_FOLLOWING);
        (void)snprintf(expected, sizeof(expected), "%s%smembership: \n%s\nversion=0", head,
                       rows[i].own, MEMBERSHIP);
        desk_expect(d, "conf", expected);
        set_read_only();
        (void)snprintf(expected, sizeof(expected), "%s%s", head, rows[i].own);
        desk_expect(d, "conf", expected);
        desk_deinit(d);
    }
}

static void only_a_leader_knows_when_sessions_expire(void **state)
{
    static const char global[] =
        "SessionTracker dump:\nGlobal Sessions(2):\n0x%llx\t10000ms\n0x%llx\t10000ms\n"
        "ephemeral nodes dump:\nSessions with Ephemerals (0):\nConnections dump:\n";
    char expected[512];
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    rk_session_id a = rig_connect(&d->rig, 1);
    rk_session_id b = rig_connect(&d->rig, 2);
    (void)snprintf(expected, sizeof(expected), global, (unsigned long long)a,
                   (unsigned long long)b);
    assert_int_equal(strncmp(desk_ask(d, "dump"), expected, strlen(expected)), 0);
    d->report.state = RK_PEER_OBSERVING;
    assert_int_equal(strncmp(desk_ask(d, "dump"), expected, strlen(expected)), 0);
    d->report.state = RK_PEER_LEADING;
    assert_non_null(strstr(desk_ask(d, "dump"), "SessionTracker dump:\nSession Sets ("));
    desk_deinit(d);
}

static void local_sessions_are_told_apart(void **state)
{
    char expected[512];
    struct desk *d = &desk;
    (void)state;
    init_member(3, RK_PEER_LEADING);
    ensemble.local_sessions = true;
    rk_session_id a = rig_connect(&d->rig, 1);
    rk_session_id b = rig_connect(&d->rig, 2);
    struct rk_sessions *sessions = (struct rk_sessions *)(uintptr_t)rk_core_sessions(d->rig.core);
    rk_session_find(sessions, a)->is_local = true;
    const char *dump = desk_ask(d, "dump");
    (void)snprintf(expected, sizeof(expected),
                   ":\n\t0x%llx\nGlobal Session Sets (1)/(1):\n1 expire", (unsigned long long)a);
    assert_int_equal(
        strncmp(dump, "SessionTracker dump:\nLocal Session Sets (1)/(1):\n1 expire at", 59), 0);
    assert_non_null(strstr(dump, expected));
    (void)snprintf(expected, sizeof(expected), ":\n\t0x%llx\nephemeral nodes dump:\n",
                   (unsigned long long)b);
    assert_non_null(strstr(dump, expected));
    d->report.state = RK_PEER_FOLLOWING;
    dump = desk_ask(d, "dump");
    (void)snprintf(expected, sizeof(expected), ":\n\t0x%llx\nGlobal Sessions(",
                   (unsigned long long)a);
    assert_non_null(strstr(dump, expected));
    desk_expect_metric(d, "local_sessions", "1");
    rk_session_find(sessions, a)->is_local = false; /* as the core knows it */
    desk_expect_metric(d, "local_sessions", "0");
    desk_deinit(d);
}

/* -- mntr
 * ------------------------------------------------------------------------------------------- */

static const char *const leaders_own[] = {
    "learners",           "synced_followers",  "synced_non_voting_followers",
    "synced_observers",   "pending_syncs",     "leader_uptime",
    "last_proposal_size", "max_proposal_size", "min_proposal_size"};

static void expect_leader_keys(struct desk *d, bool is_there)
{
    for (size_t i = 0; i < sizeof(leaders_own) / sizeof(leaders_own[0]); i++) {
        assert_int_equal(desk_metric(d, leaders_own[i]) != NULL, is_there);
    }
}

static void mntr_of_a_follower(void **state)
{
    char start[256];
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    (void)snprintf(start, sizeof(start),
                   "zk_version\t%s\nzk_server_state\tfollower\nzk_peer_state\tfollowing - "
                   "broadcast\nzk_quorum_size\t3\nzk_avg_latency\t",
                   rk_admin_version());
    assert_int_equal(strncmp(desk_ask(d, "mntr"), start, strlen(start)), 0);
    expect_leader_keys(d, false);
    assert_null(desk_metric(d, "observer_master_id"));
    desk_expect_metric(d, "rookery_server_id", "1");
    desk_expect_metric(d, "rookery_leader_id", "3");
    desk_expect_metric(d, "rookery_epoch", "1");
    desk_expect_metric(d, "rookery_accepted_epoch", "2");
    desk_expect_metric(d, "rookery_last_logged", "4294967330");
    desk_expect_metric(d, "rookery_election_ms", "230");
    d->shell.peer_dials_failed = 17;
    desk_expect_metric(d, "rookery_peer_dials_failed", "17");
    assert_null(desk_metric(d, "rookery_outstanding_proposals"));
    desk_deinit(d);
}

static void mntr_of_an_observer(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(4, RK_PEER_OBSERVING);
    desk_expect_metric(d, "server_state", "observer");
    desk_expect_metric(d, "peer_state", "observing - broadcast");
    desk_expect_metric(d, "observer_master_id", "3");
    desk_expect_metric(d, "quorum_size", "3");
    expect_leader_keys(d, false);
    desk_deinit(d);
}

static void mntr_of_a_leader(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(3, RK_PEER_LEADING);
    d->report.learners = 4;
    d->report.synced_followers = 2;
    d->report.synced_non_voting = 1;
    d->report.synced_observers = 1;
    d->report.pending_syncs = 5;
    d->report.outstanding_proposals = 7;
    d->report.last_proposal_bytes = 48;
    d->report.min_proposal_bytes = 36;
    d->report.max_proposal_bytes = 257;
    desk_expect_metric(d, "server_state", "leader");
    desk_expect_metric(d, "peer_state", "leading - broadcast");
    desk_expect_metric(d, "quorum_size", "3");
    desk_expect_metric(d, "learners", "4");
    desk_expect_metric(d, "synced_followers", "3");
    desk_expect_metric(d, "synced_non_voting_followers", "1");
    desk_expect_metric(d, "synced_observers", "1");
    desk_expect_metric(d, "pending_syncs", "5");
    desk_expect_metric(d, "leader_uptime", "3099");
    desk_expect_metric(d, "last_proposal_size", "48");
    desk_expect_metric(d, "min_proposal_size", "36");
    desk_expect_metric(d, "max_proposal_size", "257");
    desk_expect_metric(d, "rookery_outstanding_proposals", "7");
    desk_deinit(d);
}

static void a_leader_tells_of_each_learner(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(3, RK_PEER_LEADING);
    d->learners[0] = (struct rk_learner_report){
        .sid = 1, .is_synced = true, .last_acked = 0x100000020, .heard_ms_ago = 12};
    d->learners[1] = (struct rk_learner_report){.sid = 2, .heard_ms_ago = 900};
    d->learners[2] = (struct rk_learner_report){
        .sid = 4, .is_observer = true, .is_synced = true, .heard_ms_ago = 3};
    d->learner_count = 3;
    desk_expect_metric(d, "1_rookery_learner_is_synced", "1");
    desk_expect_metric(d, "1_rookery_learner_heard_ms_ago", "12");
    desk_expect_metric(d, "1_rookery_learner_lag", "2");
    desk_expect_metric(d, "2_rookery_learner_is_synced", "0");
    assert_null(desk_metric(d, "2_rookery_learner_lag"));
    desk_expect_metric(d, "4_rookery_learner_heard_ms_ago", "3");
    assert_null(desk_metric(d, "4_rookery_learner_lag"));
    desk_deinit(d);
}

static void mntr_of_a_read_only_server(void **state)
{
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    set_read_only();
    desk_expect_metric(d, "server_state", "read-only");
    assert_null(desk_metric(d, "peer_state"));
    assert_null(desk_metric(d, "quorum_size"));
    desk_expect_metric(d, "rookery_leader_id", "-1");
    desk_deinit(d);
}

static void mntr_has_no_zero_for_what_is_not_measured(void **state)
{
    static const char *const names[] = {"request_commit_queued", "cnt_proposal_latency",
                                        "cnt_commit_process_time"};
    struct desk *d = &desk;
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_null(desk_metric(d, names[i]));
    }
    desk_expect_metric(d, "tls_handshake_exceeded", "0");
    desk_expect_metric(d, "diff_count", "0"); /* these are */
    desk_expect_metric(d, "p999_quorum_ack_latency", "0");
    desk_expect_metric(d, "looking_count", "0");
    desk_expect_metric(d, "cnt_election_time", "0");
    desk_deinit(d);
    desk_init(d, 0, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        desk_expect_metric(d, names[i], "0");
    }
    assert_null(desk_metric(d, "quorum_size"));
    assert_null(desk_metric(d, "rookery_epoch"));
    desk_deinit(d);
}

static void peer_states_are_named_as_in_apache(void **state)
{
    static const struct {
        enum rk_peer_state state;
        enum rk_phase phase;
        const char *text;
    } rows[] = {
        {RK_PEER_LOOKING, RK_PHASE_LEAVING, "looking"},
        {RK_PEER_LOOKING, RK_PHASE_ELECTION, "looking"},
        {RK_PEER_LEADING, RK_PHASE_DISCOVERY, "leading - discovery"},
        {RK_PEER_FOLLOWING, RK_PHASE_SYNCHRONIZATION, "following - synchronization"},
        {RK_PEER_OBSERVING, RK_PHASE_BROADCAST, "observing - broadcast"},
    };
    (void)state;
    init_member(1, RK_PEER_FOLLOWING);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rk_ensemble_report r = {.state = rows[i].state, .phase = rows[i].phase};
        rk_buf_reset(&desk.answer);
        rk_admin_put_peer_state(&desk.answer, &r);
        rk_buf_put_u8(&desk.answer, 0);
        assert_string_equal((const char *)desk.answer.data, rows[i].text);
    }
    desk_deinit(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_leader_most_words_say_so),
        cmocka_unit_test(who_synchronises_does_not_serve_either),
        cmocka_unit_test(the_white_list_comes_first),
        cmocka_unit_test(srvr_tells_the_role),
        cmocka_unit_test(a_leader_tells_the_sizes_of_proposals),
        cmocka_unit_test(a_leader_without_clients_sends_them_away),
        cmocka_unit_test(a_read_only_server_says_so_twice),
        cmocka_unit_test(conf_tells_the_membership),
        cmocka_unit_test(only_a_leader_knows_when_sessions_expire),
        cmocka_unit_test(local_sessions_are_told_apart),
        cmocka_unit_test(mntr_of_a_follower),
        cmocka_unit_test(mntr_of_an_observer),
        cmocka_unit_test(mntr_of_a_leader),
        cmocka_unit_test(a_leader_tells_of_each_learner),
        cmocka_unit_test(mntr_of_a_read_only_server),
        cmocka_unit_test(mntr_has_no_zero_for_what_is_not_measured),
        cmocka_unit_test(peer_states_are_named_as_in_apache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
