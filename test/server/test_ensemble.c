/* Members of ensembles: what makes one, which one it is, every key that only a member uses, and
 * every way in which a zoo.cfg or a myid can be wrong, each with its message. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/config_support.h"

#define THREE                                                                                      \
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\ninitLimit=10\nsyncLimit="   \
    "5\n"
#define DIR_MARK "$DIR"

static char dir[64];

static void make_dir(const char *myid)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/rk-ensemble-XXXXXX");
    assert_non_null(mkdtemp(dir));
    if (myid != NULL) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/myid", dir);
        FILE *out = fopen(path, "we");
        assert_non_null(out);
        assert_true(fputs(myid, out) >= 0);
        assert_int_equal(fclose(out), 0);
    }
}

static void write_file(const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void remove_dir(void)
{
    static const char *const names[] = {"myid", "zoo.cfg", "zoo.cfg.dynamic", "dynamic.1f0a",
                                        "zoo.cfg.dynamic.next"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path); /* not every test makes each */
    }
    assert_int_equal(rmdir(dir), 0);
}

/* The text behind dataDir and clientPort, so it begins in line 3; $DIR is the directory. */
static void expand(const char *text, char *out, size_t cap)
{
    size_t len = 0;
    while (*text != '\0' && len + sizeof(dir) < cap) {
        if (strncmp(text, DIR_MARK, strlen(DIR_MARK)) == 0) {
            len += (size_t)snprintf(out + len, cap - len, "%s", dir);
            text += strlen(DIR_MARK);
        } else {
            out[len++] = *text++;
        }
    }
    assert_int_equal(*text, 0);
    out[len] = '\0';
}

static void load_member(struct loaded *l, const char *myid, const char *text)
{
    char expanded[4096];
    char whole[4200];
    make_dir(myid);
    expand(text, expanded, sizeof(expanded));
    (void)snprintf(whole, sizeof(whole), "dataDir=%s\nclientPort=2181\n%s", dir, expanded);
    load_text(l, NULL, whole);
}

static void end_member(struct loaded *l)
{
    unload(l);
    remove_dir();
}

/* One message that is exactly this. */
static void expect_message(const struct loaded *l, enum rk_log_level level, const char *expected)
{
    char text[1200];
    expand(expected, text, sizeof(text));
    for (uint32_t i = 0; i < l->config.message_count; i++) {
        if (l->config.messages[i].level == level && strcmp(l->config.messages[i].text, text) == 0) {
            return;
        }
    }
    for (uint32_t i = 0; i < l->config.message_count; i++) {
        print_message("%d %s\n", (int)l->config.messages[i].level, l->config.messages[i].text);
    }
    fail_msg("no message is: %s", text);
}

/* -- What it is given
 * ------------------------------------------------------------------------------- */

static void three_servers_are_an_ensemble(void **state)
{
    struct loaded l;
    (void)state;
    load_member(&l, "2\n", THREE);
    const struct rk_ensemble_config *e = l.config.ensemble;
    const struct rk_shell_config *shell = &l.config.shell;
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.message_count, 0);
    assert_non_null(e);
    assert_ptr_equal(l.config.core.ensemble, e);
    assert_ptr_equal(l.config.admin.ensemble, e);
    assert_int_equal(e->my_sid, 2);
    assert_int_equal(l.config.core.server_id, 2);
    assert_int_equal(e->members.count, 3);
    assert_int_equal(e->members.version, 0);
    assert_false(e->members.is_hierarchical || e->may_initialize);
    assert_true(e->leader_serves && e->observer_sync);
    assert_int_equal(e->election_finalize_ms, 200);
    assert_int_equal(e->connect_limit_ms, 0);
    assert_true(shell->has_ensemble);
    assert_string_equal(shell->election.host, "b");
    assert_int_equal(shell->election.port, 3888);
    assert_string_equal(shell->quorum.host, "b");
    assert_int_equal(shell->quorum.port, 2888);
    assert_int_equal(shell->listen_count, 1);
    /* the limit is the ensemble's: each voter has its part */
    assert_int_equal(l.config.core.global_outstanding_max, 500);
    end_member(&l);
}

static void one_server_is_an_ensemble_if_asked(void **state)
{
    struct loaded l;
    (void)state;
    load_member(&l, "1",
                "server.1=a:1:2\nserver.7=b:1:2:observer\nstandaloneEnabled=false\ninitLimit=1\n"
                "syncLimit=1");
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.ensemble->members.count, 2);
    assert_int_equal(l.config.core.global_outstanding_max, 1000);
    expect_message(&l, RK_LEVEL_WARN,
                   "zoo.cfg:3: with 1 voter no failure of a server is tolerated; at least 3 are "
                   "needed");
    end_member(&l);
}

static void an_observer_is_one_by_the_list(void **state)
{
    struct loaded l;
    (void)state;
    load_member(&l, "4", THREE "server.4=d:2888:3888:observer\npeerType=observer");
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.message_count, 0);
    assert_int_equal(l.config.core.global_outstanding_max, 1000);
    end_member(&l);
}

static void groups_and_weights_make_a_hierarchy(void **state)
{
    struct loaded l;
    (void)state;
    load_member(&l, "1",
                THREE "server.4=d:1:2\ngroup.1=1:2\ngroup.2=3:4\nweight.1=3\nweight.1=5\n"
                      "weight.4=0");
    assert_int_equal(l.err, RK_OK);
    assert_true(l.config.ensemble->members.is_hierarchical);
    assert_int_equal(rk_members_find(&l.config.ensemble->members, 1)->weight, 5);
    assert_int_equal(rk_members_find(&l.config.ensemble->members, 4)->weight, 0);
    expect_message(&l, RK_LEVEL_WARN,
                   "zoo.cfg:12: weight.1 is given a second time; line 11 does not count");
    end_member(&l);
}

static void ports_are_those_of_the_own_line(void **state)
{
    static const struct {
        const char *text;
        const char *host;
    } rows[] = {{"", "b"},
                {"quorumListenOnAllIPs=true", ""},
                {"server.2=0.0.0.0:2888:3888", ""},
                {"server.2=[::]:2888:3888", ""},
                {"server.2=[::1]:2888:3888", "::1"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;
        char text[512];
        (void)snprintf(text, sizeof(text), "%s%s", THREE, rows[i].text);
        load_member(&l, "2", text);
        assert_int_equal(l.err, RK_OK);
        assert_string_equal(l.config.shell.election.host, rows[i].host);
        assert_string_equal(l.config.shell.quorum.host, rows[i].host);
        end_member(&l);
    }
}

/* -- Every number
 * ----------------------------------------------------------------------------------- */

#define ENSEMBLE(field)                                                                            \
    false, offsetof(struct rk_ensemble_config, field),                                             \
        sizeof(((struct rk_ensemble_config *)0)->field)
#define SHELL(field)                                                                               \
    true, offsetof(struct rk_shell_config, field), sizeof(((struct rk_shell_config *)0)->field)

static const struct {
    const char *line;
    bool is_shell;
    size_t offset, size;
    int64_t expected;
} fields[] = {
    {"", ENSEMBLE(init_limit), 10},
    {"initLimit=7", ENSEMBLE(init_limit), 7},
    {"", ENSEMBLE(sync_limit), 5},
    {"syncLimit=8", ENSEMBLE(sync_limit), 8},
    {"connectToLearnerMasterLimit=4", ENSEMBLE(connect_limit_ms), 12000},
    {"tickTime=500\nconnectToLearnerMasterLimit=4", ENSEMBLE(connect_limit_ms), 2000},
    {"", ENSEMBLE(cnx_timeout_ms), 5000},
    {"cnxTimeout=0x10", ENSEMBLE(cnx_timeout_ms), 16},
    {"", ENSEMBLE(connect_retry_ms), 20},
    {"leaderConnectDelayDuringRetryMs=100", ENSEMBLE(connect_retry_ms), 100},
    {"", ENSEMBLE(election_min_ms), 200},
    {"fastleader.minNotificationInterval=50", ENSEMBLE(election_min_ms), 50},
    {"", ENSEMBLE(epoch_wait_ms), 400},
    {"leader.maxTimeToWaitForEpoch=-1", ENSEMBLE(epoch_wait_ms), 400},
    {"maxTimeToWaitForEpoch=3000", ENSEMBLE(epoch_wait_ms), 3000},
    {"", ENSEMBLE(election_max_ms), 60000},
    {"fastleader.maxNotificationInterval=400", ENSEMBLE(election_max_ms), 400},
    {"", ENSEMBLE(commit_log_count), 500},
    {"commitLogCount=600", ENSEMBLE(commit_log_count), 600},
    {"commitLogCount=20", ENSEMBLE(commit_log_count), 500},
    {"", ENSEMBLE(history_bytes_max), 64 << 20},
    {"rookery.history.bytes=2m", ENSEMBLE(history_bytes_max), 2 << 20},
    {"", ENSEMBLE(history_pin_bytes_max), 256 << 20},
    {"rookery.history.pinBytes=3m", ENSEMBLE(history_pin_bytes_max), 3 << 20},
    {"", ENSEMBLE(max_concurrent_snap_syncs), 10},
    {"", ENSEMBLE(snapshot_size_permille), 330},
    {"snapshotSizeFactor=0.5", ENSEMBLE(snapshot_size_permille), 500},
    {"snapshotSizeFactor=2", ENSEMBLE(snapshot_size_permille), 2000},
    {"snapshotSizeFactor=0.0001", ENSEMBLE(snapshot_size_permille), 1},
    {"snapshotSizeFactor=0", ENSEMBLE(snapshot_size_permille), 0},
    {"snapshotSizeFactor=-0.5", ENSEMBLE(snapshot_size_permille), -1},
    {"leader.maxConcurrentSnapSyncs=3", ENSEMBLE(max_concurrent_snap_syncs), 3},
    {"maxConcurrentSnapSyncs=3", ENSEMBLE(max_concurrent_snap_syncs), 3},
    {"", ENSEMBLE(max_concurrent_diff_syncs), 100},
    {"leader.maxConcurrentDiffSyncs=4", ENSEMBLE(max_concurrent_diff_syncs), 4},
    {"forceSnapshotSync=true", ENSEMBLE(force_snapshot_sync), 1},
    {"leaderServes=no", ENSEMBLE(leader_serves), 0},
    {"localSessionsEnabled=true", ENSEMBLE(local_sessions), 1},
    {"localSessionsUpgradingEnabled=true", ENSEMBLE(local_sessions_upgrading), 1},
    {"readonlymode.enabled=true", ENSEMBLE(read_only_mode), 1},
    {"syncEnabled=false", ENSEMBLE(observer_sync), 0},
    {"observer.syncEnabled=false", ENSEMBLE(observer_sync), 0},
    {"", ENSEMBLE(observer_delay_ms), 200},
    {"observer.election.DelayMs=0", ENSEMBLE(observer_delay_ms), 0},
    {"", SHELL(bind_tries), 3},
    {"electionPortBindRetry=0", SHELL(bind_tries), 0},
    {"tcpKeepAlive=true", SHELL(peer_tcp_keepalive), 1},
    {"rookery.peer.accepted=77", SHELL(peer_accepted_max), 77},
    {"rookery.peer.queueBytes=2m", SHELL(peer_queue_bytes), 2 << 20},
};

static int64_t field_at(const void *base, size_t offset, size_t size)
{
    const uint8_t *at = (const uint8_t *)base + offset;
    uint8_t u8 = 0;
    int32_t i32 = 0;
    int64_t i64 = 0;
    switch (size) {
    case 1:
        memcpy(&u8, at, 1);
        return u8;
    case 4:
        memcpy(&i32, at, 4);
        return i32;
    default:
        assert_int_equal(size, 8);
        memcpy(&i64, at, 8);
        return i64;
    }
}

static void every_key_reaches_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct loaded l;
        char text[512];
        (void)snprintf(text, sizeof(text), "%s%s", THREE, fields[i].line);
        load_member(&l, "1", text);
        assert_int_equal(l.err, RK_OK);
        const void *base =
            fields[i].is_shell ? (const void *)&l.config.shell : (const void *)l.config.ensemble;
        int64_t got = field_at(base, fields[i].offset, fields[i].size);
        if (got != fields[i].expected) {
            fail_msg("%s: %lld instead of %lld", fields[i].line, (long long)got,
                     (long long)fields[i].expected);
        }
        end_member(&l);
    }
}

/* -- Messages
 * --------------------------------------------------------------------------------------- */

static const struct {
    const char *myid;
    const char *text;
    enum rk_log_level level;
    const char *message;
} told[] = {
    /* which server this is */
    {NULL, THREE, RK_LEVEL_ERROR,
     "cannot read $DIR/myid: No such file or directory. It must hold the N of this server's "
     "server.N line, for instance: echo 1 > $DIR/myid"},
    {"", THREE, RK_LEVEL_ERROR,
     "$DIR/myid: the first line must be a number, the N of this server's server.N line"},
    {"one\n", THREE, RK_LEVEL_ERROR,
     "$DIR/myid: the first line must be a number, the N of this server's server.N line"},
    {"4\n", THREE, RK_LEVEL_ERROR,
     "$DIR/myid says 4, but there is no server.4 line in zoo.cfg: correct one of them"},
    {"300", THREE "server.300=d:1:2", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.300: the number must be from 0 to 255: session ids begin with it"},
    {"255", THREE "server.255=d:1:2\nextendedTypesEnabled=true", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.255: the number must be from 0 to 254 with extendedTypesEnabled=true: "
     "session ids begin with it"},
    {"-1", THREE "server.-1=d:1:2", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.-1: the number must be from 0 to 255: session ids begin with it"},
    {"1", THREE "server.257=d:1:2", RK_LEVEL_ERROR,
     "server.1 and server.257 would hand out the same session ids, which begin with the number's "
     "last eight bits"},
    {"2", THREE "peerType=observer", RK_LEVEL_WARN,
     "zoo.cfg:8: peerType=observer, but the list of servers says that server.2 is a participant; "
     "the list counts"},
    {"3", "server.3=c:1:2:observer\n" THREE "server.4=d:1:2\npeerType=participant", RK_LEVEL_WARN,
     "zoo.cfg:6: server.3 is given a second time; line 3 does not count"},
    /* limits */
    {"1", "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nsyncLimit=5", RK_LEVEL_ERROR,
     "initLimit is not set, and an ensemble needs it: the ticks that a server may take to connect "
     "and synchronise, usually 10"},
    {"1", "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ninitLimit=5", RK_LEVEL_ERROR,
     "syncLimit is not set, and an ensemble needs it: the ticks that a server may be silent, "
     "usually 5"},
    {"1", THREE "initLimit=1000000", RK_LEVEL_ERROR,
     "zoo.cfg:8: initLimit=1000000: with tickTime=3000 that is longer than 24 days"},
    {"1", THREE "fastleader.minNotificationInterval=70000", RK_LEVEL_ERROR,
     "fastleader.minNotificationInterval must not be larger than "
     "fastleader.maxNotificationInterval (defaults are 200 and 60000)"},
    {"1", THREE "electionAlg=0", RK_LEVEL_ERROR,
     "zoo.cfg:8: electionAlg must be 3: there is no other any more"},
    {"1", THREE "commitLogCount=7", RK_LEVEL_WARN,
     "zoo.cfg:8: commitLogCount must be 500 or more; 500 is used"},
    /* who is in it */
    {"1", "server.1=a:1:2\nserver.2=b:1:2\ninitLimit=5\nsyncLimit=2", RK_LEVEL_WARN,
     "zoo.cfg:3: with 2 voters no failure of a server is tolerated; at least 3 are needed"},
    {"1", THREE "server.4=d:1:2", RK_LEVEL_WARN,
     "zoo.cfg:3: 4 voters tolerate no more failures than 3 would"},
    {"1", THREE "server.4=d:1", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.4=d:1: a server must be host:port:port[:participant|:observer]"},
    {"1", THREE "server.4=d:1:1", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.4=d:1:1: a server's quorum port and election port must differ"},
    {"1", THREE "server.4=d:1:2|e:1:2", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.4=d:1:2|e:1:2: a server with several addresses (\"|\") is not supported"},
    {"1", THREE "server.four=d:1:2", RK_LEVEL_ERROR,
     "zoo.cfg:8: server.four: what follows \"server.\" must be a number"},
    {"1", THREE "group.1=1:2", RK_LEVEL_ERROR, "zoo.cfg:8: a server that votes is in no group"},
    {"1", THREE "group.1=1:2:9\ngroup.2=3", RK_LEVEL_ERROR,
     "zoo.cfg:8: a group or weight names a server that is no member"},
    {"1", THREE "group.1=1:2\ngroup.2=2:3", RK_LEVEL_ERROR,
     "zoo.cfg:9: group.2=2:3: a server is in two groups"},
    {"1", THREE "group.1=1-3", RK_LEVEL_ERROR,
     "zoo.cfg:8: group.1=1-3: a group must be a list of server numbers with colons"},
    {"1", THREE "weight.1=heavy", RK_LEVEL_ERROR,
     "zoo.cfg:8: weight.1=heavy: a weight must be a number from 0 to 2147483647"},
    /* where clients come */
    {"1", THREE "server.1=a:1:2;2182", RK_LEVEL_ERROR,
     "zoo.cfg:8: the client address of this line differs from clientPort and clientPortAddress"},
    {"1", THREE "server.1=a:1:2;h:2181\nclientPortAddress=i", RK_LEVEL_ERROR,
     "zoo.cfg:8: the client address of this line differs from clientPort and clientPortAddress"},
    /* what is not built */
    {"1", THREE "reconfigEnabled=true", RK_LEVEL_WARN,
     "zoo.cfg:8: reconfigEnabled=true: changing the members while the ensemble runs comes with a "
     "later version; reconfig is answered as if it were switched off (-123). Change the server.N "
     "lines and restart one server after the other"},
    {"1", THREE "sslQuorum=true", RK_LEVEL_ERROR,
     "zoo.cfg:8: sslQuorum: TLS between servers comes with a later version, and without it the "
     "servers would talk in the clear"},
    {"1", THREE "quorum.auth.enableSasl=true", RK_LEVEL_WARN,
     "zoo.cfg:8: quorum.auth.enableSasl is known but not supported yet: SASL between servers comes "
     "with a later version; no server is asked who it is"},
    {"1", THREE "quorum.auth.serverRequireSasl=true", RK_LEVEL_ERROR,
     "zoo.cfg:8: quorum.auth.serverRequireSasl: SASL between servers comes with a later version, "
     "and without it anybody could join the ensemble"},
    {"1", THREE "quorum.auth.learnerRequireSasl=true", RK_LEVEL_ERROR,
     "zoo.cfg:8: quorum.auth.learnerRequireSasl: SASL between servers comes with a later version, "
     "and without it anybody could pose as the leader"},
    {"1", THREE "syncEnabled=false", RK_LEVEL_WARN,
     "zoo.cfg:8: syncEnabled=false is known but not supported yet: an observer keeps its log"},
    {"1", THREE "oraclePath=/x", RK_LEVEL_WARN,
     "zoo.cfg:8: oraclePath is known but not supported yet: of two servers neither goes on alone"},
    {"1", THREE "observerMasterPort=2191", RK_LEVEL_WARN,
     "zoo.cfg:8: observerMasterPort is known but not supported yet: observers are served by the "
     "leader"},
    {"1", THREE "multiAddress.enabled=true", RK_LEVEL_WARN,
     "zoo.cfg:8: multiAddress.enabled is known but not supported yet: a server has one address for "
     "now"},
    {"1", THREE "snapshotSizeFactor=a half", RK_LEVEL_ERROR,
     "zoo.cfg:8: snapshotSizeFactor=a half: this must be a decimal number"},
    {"1", THREE "quorum.cnxn.threads.size=20", RK_LEVEL_WARN,
     "zoo.cfg:8: quorum.cnxn.threads.size has no meaning here: there are no such threads here"},
    {"1", THREE "initLimitt=3", RK_LEVEL_WARN,
     "zoo.cfg:8: initLimitt is no key that is known; is initLimit meant?"},
};

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct loaded l;
        load_member(&l, told[i].myid, told[i].text);
        expect_message(&l, told[i].level, told[i].message);
        assert_int_equal(l.err == RK_OK, told[i].level != RK_LEVEL_ERROR);
        if (l.config.error_count > 1) {
            fail_msg("%s: more than one error", told[i].text);
        }
        end_member(&l);
    }
}

static void says_nothing_about_what_happens_anyway(void **state)
{
    struct loaded l;
    (void)state;
    load_member(&l, "1",
                THREE "sslQuorum=false\nportUnification=false\nquorum.auth.enableSasl=FALSE\n"
                      "multiAddress.enabled=false\nleader.nodelay=true\nfollower.nodelay=true\n"
                      "leader.maxTimeToWaitForEpoch=-1\nobserver.reconnectDelayMs=0\n"
                      "observerMasterPort=0\nelectionAlg=3\npeerType=PARTICIPANT\n"
                      "reconfigEnabled=false\nquorumCnxnTimeoutMs=-1\n");
    assert_int_equal(l.config.message_count, 0);
    assert_false(l.config.core.reconfig_enabled);
    end_member(&l);
}

static void too_many_servers_are_refused(void **state)
{
    struct loaded l;
    char text[4096] = "initLimit=1\nsyncLimit=1\n";
    size_t len = strlen(text);
    (void)state;
    for (unsigned i = 1; i <= RK_MEMBERS_MAX + 1; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "server.%u=a:%u:%u\n", i, 2 * i,
                                2 * i + 1);
    }
    load_member(&l, "1", text);
    expect_message(&l, RK_LEVEL_ERROR, "zoo.cfg:69: an ensemble has at most 64 servers");
    end_member(&l);
}

/* -- Client addresses
 * ------------------------------------------------------------------------------- */

static void the_own_line_may_tell_the_client_address(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } rows[] = {{"server.1=a:1:2;2181", "", 2181},
                {"server.1=a:1:2;0.0.0.0:2181", "", 2181},
                {"server.1=a:1:2;h:2181", "h", 2181},
                {"server.1=a:1:2;h:2181\nclientPortAddress=0.0.0.0", "h", 2181},
                {"server.1=a:1:2;h:2181\nclientPortAddress=H", "h", 2181},
                {"server.2=b:1:2;h:2189\nclientPortAddress=k", "k", 2181}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;
        char text[512];
        (void)snprintf(text, sizeof(text), "%s%s", THREE, rows[i].text);
        load_member(&l, "1", text);
        assert_int_equal(l.err, RK_OK);
        assert_string_equal(l.config.shell.listen[0].host, rows[i].host);
        assert_int_equal(l.config.shell.listen[0].port, rows[i].port);
        end_member(&l);
    }
}

/* -- Files
 * ------------------------------------------------------------------------------------------ */

static void load_file(struct loaded *l, const char *text)
{
    char path[160];
    char expanded[2048];
    expand(text, expanded, sizeof(expanded));
    write_file("zoo.cfg", expanded);
    (void)snprintf(path, sizeof(path), "%s/zoo.cfg", dir);
    load_args(l, (const char *const[]){path, NULL});
}

static void a_dynamic_file_has_its_version_in_its_name(void **state)
{
    struct loaded l;
    (void)state;
    make_dir("1");
    write_file("dynamic.1f0a", "server.1=a:1:2:participant;0.0.0.0:2181\nserver.2=b:1:2\n"
                               "server.3=c:1:2\n");
    load_file(&l, "dataDir=$DIR\ninitLimit=9\nsyncLimit=4\ndynamicConfigFile=$DIR/dynamic.1f0a\n");
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.ensemble->members.version, 0x1f0a);
    assert_int_equal(l.config.shell.listen[0].port, 2181);
    unload(&l);
    write_file("zoo.cfg.dynamic", "server.1=a:1:2;2181\nserver.2=b:1:2\nserver.3=c:1:2\n"
                                  "group.1=1:2:3\n");
    load_file(&l, "dataDir=$DIR\ninitLimit=9\nsyncLimit=4\n"
                  "dynamicConfigFile=$DIR/zoo.cfg.dynamic\n");
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.ensemble->members.version, 0);
    assert_true(l.config.ensemble->members.is_hierarchical);
    unload(&l);
    remove_dir();
}

static void a_change_under_way_is_not_passed_over(void **state)
{
    struct loaded l;
    static const char text[] = "dataDir=$DIR\ninitLimit=9\nsyncLimit=4\nclientPort=1\n"
                               "dynamicConfigFile=$DIR/zoo.cfg.dynamic\n";
    (void)state;
    make_dir("1");
    write_file("zoo.cfg.dynamic", "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n");
    write_file("zoo.cfg.dynamic.next", "server.1=a:1:2\nversion=5\n");
    load_file(&l, text);
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_message(&l, RK_LEVEL_ERROR,
                   "$DIR/zoo.cfg.dynamic.next: a change of the members was under way when this "
                   "server stopped, and reconfiguration comes with a later version. Let Apache "
                   "ZooKeeper finish it, or delete the file if the change was given up");
    unload(&l);
    remove_dir();
}

static void members_stand_in_one_file_only(void **state)
{
    struct loaded l;
    (void)state;
    make_dir("1");
    write_file("zoo.cfg.dynamic", "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nversion=5\n");
    load_file(&l, "dataDir=$DIR\ninitLimit=9\nsyncLimit=4\nclientPort=1\nserver.4=d:1:2\n"
                  "weight.1=2\ndynamicConfigFile=$DIR/zoo.cfg.dynamic\n");
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_message(&l, RK_LEVEL_ERROR,
                   "$DIR/zoo.cfg:5: server.4 must stand in the file that dynamicConfigFile names");
    expect_message(&l, RK_LEVEL_ERROR,
                   "$DIR/zoo.cfg:6: weight.1 must stand in the file that dynamicConfigFile names");
    expect_message(&l, RK_LEVEL_ERROR,
                   "$DIR/zoo.cfg.dynamic:4: version may not stand in a dynamic configuration file, "
                   "only server.N, group.N and weight.N may");
    unload(&l);
    remove_dir();
}

/* -- Printing
 * --------------------------------------------------------------------------------------- */

static void prints_the_ensemble(void **state)
{
    struct loaded l;
    static char printed[65536];
    FILE *out = tmpfile();
    (void)state;
    load_member(&l, "3", THREE "server.4=d:1:2:observer;2181");
    rk_config_print(&l.config, out);
    rewind(out);
    size_t len = fread(printed, 1, sizeof(printed) - 1, out);
    assert_true(len > 1000);
    printed[len] = '\0';
    (void)fclose(out);
    assert_non_null(strstr(
        printed, "\n# server 3 of an ensemble of 3 voters and 1 observers, majority quorums\n"
                 "#   server.1=a:2888:3888:participant\n"
                 "#   server.2=b:2888:3888:participant\n"
                 "#   server.3=c:2888:3888:participant  <- this server\n"
                 "#   server.4=d:1:2:observer;0.0.0.0:2181\n"
                 "#   version=0\n# the server would start with this\n"));
    assert_non_null(strstr(printed, "\ninitLimit=10  # zoo.cfg:6\n"));
    end_member(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_servers_are_an_ensemble),
        cmocka_unit_test(one_server_is_an_ensemble_if_asked),
        cmocka_unit_test(an_observer_is_one_by_the_list),
        cmocka_unit_test(groups_and_weights_make_a_hierarchy),
        cmocka_unit_test(ports_are_those_of_the_own_line),
        cmocka_unit_test(every_key_reaches_its_field),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(says_nothing_about_what_happens_anyway),
        cmocka_unit_test(too_many_servers_are_refused),
        cmocka_unit_test(the_own_line_may_tell_the_client_address),
        cmocka_unit_test(a_dynamic_file_has_its_version_in_its_name),
        cmocka_unit_test(a_change_under_way_is_not_passed_over),
        cmocka_unit_test(members_stand_in_one_file_only),
        cmocka_unit_test(prints_the_ensemble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
