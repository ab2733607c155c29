/* From a zoo.cfg's text to what the rooms are given: defaults, every honoured key, rules between
 * keys, messages with file and line, which source wins. */
#include "support/cmocka_all.h"

#include <string.h>

#include "server/config_support.h"

static void defaults_are_apaches(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l, "");
    const struct rk_core_config *core = &l.config.core;
    const struct rk_shell_config *shell = &l.config.shell;
    assert_int_equal(l.err, RK_OK);
    expect_none(&l, RK_LEVEL_WARN);
    assert_int_equal(core->tick_ms, 3000);
    assert_int_equal(core->min_session_timeout_ms, 6000);
    assert_int_equal(core->max_session_timeout_ms, 60000);
    assert_int_equal(core->frame_bytes_max, 0xfffff);
    assert_int_equal(core->record_bytes_max, 2 * 0xfffff);
    assert_int_equal(core->server_id, 1);
    assert_true(core->digest && core->close_session_txn && core->digest_scheme);
    assert_false(core->extended_types || core->skip_acl || core->enforce_quota);
    assert_false(core->sasl_scheme || core->x509_scheme);
    assert_int_equal(core->digest_alg.len, 20);
    assert_int_equal(core->snap_count, 100000);
    assert_true(core->snap_size_bytes == INT64_C(4) << 30);
    assert_int_equal(core->container_check_ms, 60000);
    assert_int_equal(core->container_per_minute, 10000);
    assert_int_equal(core->container_never_used_ms, 0);
    assert_int_equal(core->global_outstanding_max, 1000);
    assert_int_equal(core->large_request_threshold, -1);
    assert_int_equal(core->large_request_bytes_max, 104857600);
    assert_int_equal(core->connect_freeze_ms, -1);
    assert_int_equal(core->connect_drop_increase_ppm, 20000);
    assert_int_equal(core->connect_weight_global, 3);
    assert_null(core->super_digest.data);
    assert_null(core->enforce_auth_schemes.data);
    assert_int_equal(shell->client_conn_max, 60);
    assert_int_equal(shell->total_conn_max, 0);
    assert_int_equal(shell->frame_bytes_max, 0xfffff);
    assert_int_equal(shell->sessionless_timeout_ms, 10000);
    assert_int_equal(shell->wal.prealloc_bytes, 64 << 20);
    assert_int_equal(shell->wal.size_limit_bytes, 0);
    assert_true(shell->wal.force_sync);
    assert_int_equal(shell->fsync_warn_ms, 1000);
    assert_int_equal(shell->purge_interval_ms, 0);
    assert_int_equal(shell->purge_keep, 3);
    assert_int_equal(shell->listen_count, 1);
    assert_string_equal(shell->listen[0].host, "");
    assert_int_equal(shell->listen[0].port, 2181);
    assert_int_equal(l.config.admin.allowed, 1u << RK_WORD_srvr);
    assert_true(l.config.recover.db_autocreate && l.config.datadir_autocreate);
    assert_false(l.config.recover.trust_empty || l.config.recover.allow_holes);
    assert_string_equal(l.config.data_dir, "/tmp/data");
    assert_null(l.config.data_log_dir);
    unload(&l);
}

/* -- Every number
 * ----------------------------------------------------------------------------------- */

#define CORE(field)                                                                                \
    offsetof(struct rk_server_config, core.field), sizeof(((struct rk_core_config *)0)->field)
#define SHELL(field)                                                                               \
    offsetof(struct rk_server_config, shell.field), sizeof(((struct rk_shell_config *)0)->field)
#define REST(field)                                                                                \
    offsetof(struct rk_server_config, field), sizeof(((struct rk_server_config *)0)->field)

static const struct {
    const char *line;
    size_t offset, size;
    int64_t expected;
} fields[] = {
    {"tickTime=500", CORE(tick_ms), 500},
    {"tickTime=500", CORE(min_session_timeout_ms), 1000},
    {"tickTime=500", CORE(max_session_timeout_ms), 10000},
    {"tickTime=2147483647", CORE(max_session_timeout_ms), INT32_MAX},
    {"minSessionTimeout=1", CORE(min_session_timeout_ms), 1},
    {"maxSessionTimeout=7000", CORE(max_session_timeout_ms), 7000},
    {"minSessionTimeout=-1", CORE(min_session_timeout_ms), 6000},
    {"closeSessionTxn.enabled=false", CORE(close_session_txn), 0},
    {"maxClientCnxns=0", SHELL(client_conn_max), 0},
    {"maxClientCnxns=-1", SHELL(client_conn_max), 0},
    {"maxClientCnxns=7", SHELL(client_conn_max), 7},
    {"maxCnxns=9", SHELL(total_conn_max), 9},
    {"clientTcpKeepAlive=true", SHELL(tcp_keepalive), 1},
    {"nio.sessionlessCnxnTimeout=123", SHELL(sessionless_timeout_ms), 123},
    {"clientPortListenBacklog=77", SHELL(backlog), 77},
    {"jute.maxbuffer=0x400000", CORE(frame_bytes_max), 0x400000},
    {"jute.maxbuffer=0x400000", SHELL(frame_bytes_max), 0x400000},
    {"jute.maxbuffer=0x400000", CORE(record_bytes_max), 0x800000},
    {"jute.maxbuffer=0x400000", REST(recover.record_bytes_max), 0x800000},
    {"jute.maxbuffer=100", CORE(record_bytes_max), 1124},
    {"jute.maxbuffer.extrasize=2000", CORE(record_bytes_max), 0xfffff + 2000},
    {"jute.maxbuffer=0x10000000", SHELL(input_bytes_max), INT64_C(4) << 28},
    {"jute.maxbuffer=0x10000000", SHELL(output_drop_bytes), INT64_C(4) << 28},
    {"jute.maxbuffer=0x10000000", SHELL(output_total_bytes), INT64_C(8) << 28},
    {"jute.maxbuffer=2147483647", CORE(record_bytes_max), 4294967294},
    {"globalOutstandingLimit=1", CORE(global_outstanding_max), 1},
    {"request_throttle_max_requests=20", CORE(request_throttle_max), 20},
    {"requestThrottleLimit=20", CORE(request_throttle_max), 20},
    {"request_throttle_max_requests=-3", CORE(request_throttle_max), 0},
    {"request_throttle_drop_stale=false", CORE(request_throttle_drop_stale), 0},
    {"requestThrottleDropStale=false", CORE(request_throttle_drop_stale), 0},
    {"request_stale_latency_check=true", CORE(request_stale_latency_check), 1},
    {"request_stale_connection_check=false", CORE(request_stale_connection_check), 0},
    {"throttled_op_wait_time=40", CORE(throttled_op_wait_ms), 40},
    {"throttledOpWaitTime=40", CORE(throttled_op_wait_ms), 40},
    {"largeRequestThreshold=1000", CORE(large_request_threshold), 1000},
    {"largeRequestMaxBytes=2000", CORE(large_request_bytes_max), 2000},
    {"connection_throttle_tokens=5", CORE(connect_tokens), 5},
    {"connectionMaxTokens=5", CORE(connect_tokens), 5},
    {"connection_throttle_fill_time=6", CORE(connect_fill_time_ms), 6},
    {"connection_throttle_fill_count=7", CORE(connect_fill_count), 7},
    {"connection_throttle_freeze_time=8", CORE(connect_freeze_ms), 8},
    {"connection_throttle_drop_increase=0.5", CORE(connect_drop_increase_ppm), 500000},
    {"connection_throttle_drop_decrease=0.25", CORE(connect_drop_decrease_ppm), 250000},
    {"connection_throttle_decrease_ratio=1", CORE(connect_decrease_ratio_ppm), 1000000},
    {"connection_throttle_weight_enabled=true", CORE(connect_weight_enabled), 1},
    {"connection_throttle_global_session_weight=4", CORE(connect_weight_global), 4},
    {"connection_throttle_local_session_weight=5", CORE(connect_weight_local), 5},
    {"connection_throttle_renew_session_weight=6", CORE(connect_weight_renew), 6},
    {"extendedTypesEnabled=true", CORE(extended_types), 1},
    {"emulate353TTLNodes=true", CORE(emulate_353_ttl), 1},
    {"enforceQuota=true", CORE(enforce_quota), 1},
    {"digest.enabled=false", CORE(digest), 0},
    {"znode.container.checkIntervalMs=0", CORE(container_check_ms), 0},
    {"znode.container.maxPerMinute=5", CORE(container_per_minute), 5},
    {"znode.container.maxNeverUsedIntervalMs=300000", CORE(container_never_used_ms), 300000},
    {"skipACL=yes", CORE(skip_acl), 1},
    {"DigestAuthenticationProvider.enabled=false", CORE(digest_scheme), 0},
    {"DigestAuthenticationProvider.digestAlg=SHA-256", CORE(digest_alg.len), 32},
    {"snapCount=2", CORE(snap_count), 2},
    {"snapCount=1", CORE(snap_count), 2},
    {"snapCount=-9", CORE(snap_count), 2},
    {"snapSizeLimitInKb=8", CORE(snap_size_bytes), 8192},
    {"snapSizeLimitInKb=-1", CORE(snap_size_bytes), 0},
    {"snapshot.compression.method=GZ", SHELL(snap_compression), RK_SNAP_GZIP},
    {"snapshot.compression.method=snappy", SHELL(snap_compression), RK_SNAP_SNAPPY},
    {"snapshot.compression.method=", SHELL(snap_compression), RK_SNAP_PLAIN},
    {"snapshot.trust.empty=true", REST(recover.trust_empty), 1},
    {"db.autocreate=false", REST(recover.db_autocreate), 0},
    {"datadir.autocreate=false", REST(datadir_autocreate), 0},
    {"preAllocSize=4", SHELL(wal.prealloc_bytes), 4096},
    {"preAllocSize=-4", SHELL(wal.prealloc_bytes), 0},
    {"txnLogSizeLimitInKb=4", SHELL(wal.size_limit_bytes), 4096},
    {"forceSync=no", SHELL(wal.force_sync), 0},
    {"fsync.warningthresholdms=20", SHELL(fsync_warn_ms), 20},
    {"autopurge.snapRetainCount=5", SHELL(purge_keep), 5},
    {"autopurge.snapRetainCount=1", SHELL(purge_keep), 3},
    {"autopurge.purgeInterval=1", SHELL(purge_interval_ms), 3600000},
    {"autopurge.purgeInterval=2s", SHELL(purge_interval_ms), 2000},
    {"autopurge.purgeInterval=-1", SHELL(purge_interval_ms), 0},
    {"4lw.commands.whitelist=*", REST(admin.allowed), (1 << RK_WORD_COUNT) - 1},
    {"4lw.commands.whitelist=ruok, mntr ,", REST(admin.allowed),
     1 << RK_WORD_srvr | 1 << RK_WORD_ruok | 1 << RK_WORD_mntr},
    {"4lw.commands.whitelist=", REST(admin.allowed), 1 << RK_WORD_srvr},
    {"readonlymode.enabled=true", REST(admin.allowed), 1 << RK_WORD_srvr | 1 << RK_WORD_isro},
    {"maxClientCnxns=-1", REST(admin.client_conn_max), -1},
    {"rookery.log.level=debug", REST(log_level), RK_LEVEL_DEBUG},
    {"rookery.connections.max=1000", CORE(conn_max), 1000},
    {"rookery.connections.max=1000", SHELL(conn_max), 1000},
    {"rookery.requests.perConnection=5", CORE(conn_outstanding_max), 5},
    {"rookery.requests.queuedBytes=1m", CORE(queued_bytes_max), 1 << 20},
    {"rookery.requests.inflightBytes=2m", CORE(inflight_bytes_max), 2 << 20},
    {"rookery.watches.perConnection=0", CORE(watch_per_conn_max), 0},
    {"rookery.watches.total=10", CORE(watch_total_max), 10},
    {"rookery.input.totalBytes=3m", SHELL(input_bytes_max), 3 << 20},
    {"rookery.output.pauseBytes=4k", SHELL(output_pause_bytes), 4096},
    {"rookery.output.dropBytes=5m", SHELL(output_drop_bytes), 5 << 20},
    {"rookery.output.totalBytes=6m", SHELL(output_total_bytes), 6 << 20},
    {"rookery.output.stallMs=7", SHELL(output_stall_ms), 7},
    {"", SHELL(wal.direct), 1},
    {"rookery.log.direct=false", SHELL(wal.direct), 0},
    {"rookery.log.reserveBytes=8k", SHELL(log_reserve_bytes), 8192},
    {"rookery.shutdownMs=9", SHELL(shutdown_ms), 9},
    {"rookery.snapshot.sliceNodes=10", CORE(snap_slice_nodes), 10},
    {"rookery.allowHoles=true", REST(recover.allow_holes), 1},
    {"rookery.4lw.answerBytes=1m", REST(admin.answer_bytes_max), 1 << 20},
};

static int64_t field_at(const struct rk_server_config *config, size_t offset, size_t size)
{
    const uint8_t *at = (const uint8_t *)config + offset;
    uint8_t u8 = 0;
    uint32_t u32 = 0;
    int64_t i64 = 0;
    switch (size) {
    case 1:
        memcpy(&u8, at, 1);
        return u8;
    case 4:
        memcpy(&u32, at, 4);
        return u32;
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
        load_valid(&l, fields[i].line);
        int64_t got = field_at(&l.config, fields[i].offset, fields[i].size);
        bool is_same = fields[i].size == 4 ? (uint32_t)got == (uint32_t)fields[i].expected
                                           : got == fields[i].expected;
        if (l.err != RK_OK || !is_same) {
            fail_msg("%s: error %d, %lld instead of %lld", fields[i].line, (int)l.err,
                     (long long)got, (long long)fields[i].expected);
        }
        unload(&l);
    }
}

/* -- Messages
 * --------------------------------------------------------------------------------------- */

static const struct {
    const char *text; /* behind dataDir and clientPort, so it begins in line 3 */
    enum rk_log_level level;
    const char *message;
} told[] = {
    {"tickTime=abc", RK_LEVEL_ERROR,
     "zoo.cfg:3: tickTime=abc: this must be a whole decimal number"},
    {"\n\nmaxClientCnxns=1x", RK_LEVEL_ERROR, "zoo.cfg:5: maxClientCnxns=1x: this must be"},
    {"clientPort=70000", RK_LEVEL_ERROR, "from 0 to 65535"},
    {"skipACL=true", RK_LEVEL_ERROR, "zoo.cfg:3: skipACL=true: this must be yes or no"},
    {"digest.enabled=on", RK_LEVEL_ERROR, "this must be true or false"},
    {"jute.maxbuffer=5m", RK_LEVEL_ERROR, "hexadecimal"},
    {"a=\\u12", RK_LEVEL_ERROR, "zoo.cfg:3: \\u must be followed"},
    {"minSessionTimeout=9000\nmaxSessionTimeout=8000", RK_LEVEL_ERROR,
     "zoo.cfg:3: minSessionTimeout must not be larger"},
    {"maxSessionTimeout=100", RK_LEVEL_ERROR, "zoo.cfg:3: minSessionTimeout must not be larger"},
    {"snapshot.compression.method=zip", RK_LEVEL_ERROR,
     "zoo.cfg:3: snapshot.compression.method must be"},
    {"rookery.log.level=loud", RK_LEVEL_ERROR, "zoo.cfg:3: rookery.log.level must be"},
    {"rookery.output.pauseBytes=1g", RK_LEVEL_ERROR,
     "must not be larger than rookery.output.dropBytes"},
    {"secureClientPort=2281", RK_LEVEL_ERROR, "zoo.cfg:3: TLS comes with a later version"},
    {"secureClientPortAddress=::1", RK_LEVEL_ERROR, "zoo.cfg:3: TLS comes with a later version"},
    {"clientPortAddress=a,,b", RK_LEVEL_ERROR, "zoo.cfg:3: clientPortAddress: an address is empty"},
    {"peerType=boss", RK_LEVEL_ERROR, "peerType must be participant or observer"},
    {"peerType=observer", RK_LEVEL_INFO, "zoo.cfg:3: peerType=observer is not used"},
    {"standaloneEnabled=false", RK_LEVEL_ERROR,
     "zoo.cfg:3: standaloneEnabled=false needs at least one server.N line of a participant"},
    {"DigestAuthenticationProvider.digestAlg=ROT13", RK_LEVEL_ERROR, "a hash that OpenSSL has"},
    {"enforce.auth.enabled=true", RK_LEVEL_ERROR, "zoo.cfg:3: enforce.auth.enabled=true needs"},
    {"enforce.auth.enabled=true\nenforce.auth.schemes=sasl", RK_LEVEL_ERROR,
     "there is no such scheme"},
    {"sessionRequireClientSASLAuth=true", RK_LEVEL_ERROR,
     "zoo.cfg:3: no client could log in with sasl"},
    {"forceSync=no", RK_LEVEL_WARN, "zoo.cfg:3: forceSync=no"},
    {"skipACL=yes", RK_LEVEL_WARN, "everybody may do everything"},
    {"snapCount=1", RK_LEVEL_WARN, "zoo.cfg:3: snapCount should be 2 or more"},
    {"autopurge.snapRetainCount=1", RK_LEVEL_WARN, "autopurge.snapRetainCount must be 3 or more"},
    {"4lw.commands.whitelist=ruok,lead", RK_LEVEL_WARN,
     "zoo.cfg:3: 4lw.commands.whitelist: lead is no"},
    {"tickTimee=3", RK_LEVEL_WARN,
     "zoo.cfg:3: tickTimee is no key that is known; is tickTime meant?"},
    {"colour=red", RK_LEVEL_WARN, "zoo.cfg:3: colour is no key that is known"},
    {"initLimit=10", RK_LEVEL_INFO, "zoo.cfg:3: initLimit is not used: it is for ensembles"},
    {"maxConcurrentSnapSyncs=1", RK_LEVEL_INFO, "zoo.cfg:3: maxConcurrentSnapSyncs is not used"},
    {"sslQuorum=true", RK_LEVEL_INFO, "zoo.cfg:3: sslQuorum is not used: it is for ensembles"},
    {"commitProcessor.numWorkerThreads=2", RK_LEVEL_INFO,
     "commitProcessor.numWorkerThreads is not used"},
    {"initLimit=0", RK_LEVEL_ERROR,
     "zoo.cfg:3: initLimit=0: this must be a whole decimal number of at least 1"},
    {"electionAlg=2", RK_LEVEL_ERROR, "zoo.cfg:3: electionAlg must be 3"},
    {"ssl.keyStore.location=/x", RK_LEVEL_WARN,
     "zoo.cfg:3: ssl.keyStore.location is known but not"},
    {"admin.serverPort=8080", RK_LEVEL_WARN, "admin.serverPort is known but not supported yet"},
    {"nio.numWorkerThreads=8", RK_LEVEL_WARN,
     "nio.numWorkerThreads has no meaning here: there are no"},
    {"jvm.pause.monitor=true", RK_LEVEL_WARN, "jvm.pause.monitor has no meaning here"},
    {"tickTime=5\ntickTime=6", RK_LEVEL_WARN, "zoo.cfg:4: tickTime is given a second time; line 3"},
    {"zookeeper.snapCount=5", RK_LEVEL_INFO, "Apache ZooKeeper would ignore it"},
    {"requestThrottleLimit=5\nrequest_throttle_max_requests=6", RK_LEVEL_WARN,
     "two names of one key"},
    {"authProvider.1=com.example.Auth", RK_LEVEL_WARN, "a class cannot be loaded"},
    {"authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider", RK_LEVEL_WARN,
     "nobody can log in with it yet"},
    {"ensembleAuthName=a", RK_LEVEL_WARN, "ensembleAuthName has no effect without authProvider"},
    {"dataLogDir=logs", RK_LEVEL_WARN, "zoo.cfg:3: dataLogDir=logs is relative"},
    {"dataLogDir=~/logs", RK_LEVEL_WARN, "~ is not expanded"},
    {"dataLogDir=", RK_LEVEL_ERROR, "zoo.cfg:3: dataLogDir is empty"},
    {"snapCount=9\xe9", RK_LEVEL_WARN, "zoo.cfg:3: snapCount: bytes beyond ASCII"},
};

static void tells_file_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct loaded l;
        load_valid(&l, told[i].text);
        expect_says(&l, told[i].level, told[i].message);
        assert_int_equal(l.err == RK_OK, !says(&l, RK_LEVEL_ERROR, ""));
        unload(&l);
    }
}

static void errors_are_all_told_at_once(void **state)
{
    struct loaded l;
    (void)state;
    load_text(&l, NULL, "tickTime=x\nmaxClientCnxns=y\nskipACL=maybe");
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg:1: tickTime=x");
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg:2: maxClientCnxns=y");
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg:3: skipACL=maybe");
    expect_says(&l, RK_LEVEL_ERROR, "dataDir is not set");
    expect_says(&l, RK_LEVEL_ERROR, "clientPort is not set");
    unload(&l);
}

static void says_nothing_about_what_happens_anyway(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l,
               "admin.enableServer=false\nsslQuorum=false\nreconfigEnabled=FALSE\nelectionAlg=3\n"
               "localSessionsEnabled=false\nsyncEnabled=true\nleaderServes=yes\n"
               "serializeLastProcessedZxid.enabled=true\npeerType=participant\n"
               "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n");
    assert_int_equal(l.config.message_count, 0);
    unload(&l);
}

static void secrets_are_in_no_message(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l,
               "ssl.keyStore.password=hunter2\nSASLAuthenticationProvider.superPassword=hunter2\n"
               "DigestAuthenticationProvider.superDigest=hunter2\nssl.keyStore.pasword=hunter2\n"
               "unknown.password=hunter2\nDigestAuthenticationProvider.superDigest=hunter2\n");
    assert_true(l.config.message_count >= 5);
    assert_false(says(&l, RK_LEVEL_WARN, "hunter2") || says(&l, RK_LEVEL_INFO, "hunter2") ||
                 says(&l, RK_LEVEL_ERROR, "hunter2"));
    FILE *out = tmpfile();
    char printed[65536] = "";
    rk_config_print(&l.config, out);
    rk_config_print_messages(&l.config, out);
    rewind(out);
    assert_true(fread(printed, 1, sizeof(printed) - 1, out) > 1000);
    (void)fclose(out);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "superDigest=(hidden)  # zoo.cfg:8"));
    unload(&l);
}

/* -- Which source wins
 * ------------------------------------------------------------------------------ */

static void the_file_wins_over_properties(void **state)
{
    const char *const definitions[] = {"zookeeper.snapCount=5", "zookeeper.tickTime=100",
                                       "maxCnxns=3", NULL};
    struct loaded l;
    (void)state;
    load_text(&l, definitions, "dataDir=/d\nclientPort=1\nsnapCount=7");
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.core.snap_count, 7);
    assert_int_equal(l.config.core.tick_ms, 100);
    assert_int_equal(l.config.shell.total_conn_max, 3);
    expect_says(&l, RK_LEVEL_INFO,
                "zoo.cfg:3: snapCount is given on the command line, too; this one counts");
    unload(&l);
}

static void properties_without_prefix_win_over_the_file(void **state)
{
    const char *const definitions[] = {"jute.maxbuffer=1000", "znode.container.maxPerMinute=1",
                                       NULL};
    struct loaded l;
    (void)state;
    load_text(&l, definitions,
              "dataDir=/d\nclientPort=1\njute.maxbuffer=2000\nznode.container.maxPerMinute=2");
    assert_int_equal(l.config.core.frame_bytes_max, 1000);
    assert_int_equal(l.config.core.container_per_minute, 1);
    expect_says(&l, RK_LEVEL_INFO,
                "zoo.cfg:3: jute.maxbuffer is given on the command line, too; that one");
    unload(&l);
}

static void apaches_name_wins_over_the_documented_one(void **state)
{
    const char *const texts[] = {"requestThrottleLimit=5\nrequest_throttle_max_requests=6",
                                 "request_throttle_max_requests=6\nrequestThrottleLimit=5"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct loaded l;
        load_valid(&l, texts[i]);
        assert_int_equal(l.config.core.request_throttle_max, 6);
        unload(&l);
    }
}

static void the_last_line_wins(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l, "tickTime=5\ntickTime : 6\ntickTime 7");
    assert_int_equal(l.config.core.tick_ms, 7);
    unload(&l);
}

/* -- Addresses
 * -------------------------------------------------------------------------------------- */

static void listens_where_it_is_told(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l, "clientPortAddress=127.0.0.1");
    assert_int_equal(l.config.shell.listen_count, 1);
    assert_string_equal(l.config.shell.listen[0].host, "127.0.0.1");
    unload(&l);
    load_valid(&l, "clientPortAddress= 127.0.0.1 , [::1], node-7.example.org");
    assert_int_equal(l.config.shell.listen_count, 3);
    assert_string_equal(l.config.shell.listen[0].host, "127.0.0.1");
    assert_string_equal(l.config.shell.listen[1].host, "::1");
    assert_string_equal(l.config.shell.listen[2].host, "node-7.example.org");
    assert_int_equal(l.config.shell.listen[2].port, 2181);
    unload(&l);
    load_valid(&l, "clientPortAddress=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17");
    expect_says(&l, RK_LEVEL_ERROR, "at most 16 addresses");
    unload(&l);
}

static void shows_directories_as_java_does(void **state)
{
    struct loaded l;
    (void)state;
    load_text(&l, NULL, "dataDir=/a//b/\ndataLogDir=./c\nclientPort=1");
    assert_string_equal(l.config.admin.snap_dir, "/a/b/version-2");
    assert_non_null(strstr(l.config.admin.log_dir, "/./c/version-2"));
    assert_int_equal(l.config.admin.log_dir[0], '/');
    assert_string_equal(l.config.data_dir, "/a//b/");
    expect_none(&l, RK_LEVEL_WARN);
    unload(&l);
}

/* -- Logins
 * ----------------------------------------------------------------------------------------- */

static void providers_make_schemes(void **state)
{
    struct loaded l;
    (void)state;
    load_valid(&l,
               "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n"
               "authProvider.x509=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n"
               "authProvider.e=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider\n"
               "ensembleAuthName=a,b\nDigestAuthenticationProvider.superDigest=super:abc=\n"
               "enforce.auth.enabled=true\nenforce.auth.schemes=sasl, digest\n");
    assert_int_equal(l.err, RK_OK);
    assert_true(l.config.core.sasl_scheme && l.config.core.x509_scheme);
    assert_true(rk_bytes_is(l.config.core.ensemble_names, "a,b"));
    assert_true(rk_bytes_is(l.config.core.super_digest, "super:abc="));
    assert_true(rk_bytes_is(l.config.core.enforce_auth_schemes, "sasl, digest"));
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_apaches),
        cmocka_unit_test(every_key_reaches_its_field),
        cmocka_unit_test(tells_file_and_line),
        cmocka_unit_test(errors_are_all_told_at_once),
        cmocka_unit_test(says_nothing_about_what_happens_anyway),
        cmocka_unit_test(secrets_are_in_no_message),
        cmocka_unit_test(the_file_wins_over_properties),
        cmocka_unit_test(properties_without_prefix_win_over_the_file),
        cmocka_unit_test(apaches_name_wins_over_the_documented_one),
        cmocka_unit_test(the_last_line_wins),
        cmocka_unit_test(listens_where_it_is_told),
        cmocka_unit_test(shows_directories_as_java_does),
        cmocka_unit_test(providers_make_schemes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
