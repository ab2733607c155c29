/* Keys that Apache ZooKeeper reads and this server does not honour, each with the reason that the
 * operator is told. A key is harmless when the value given asks for what happens here anyway; then
 * nothing is said. */
#include "server/config_keys.h"

#include <string.h>
#include <strings.h>

#define HEAP      "it tunes the JVM's heap use"
#define POOL      "there are no such threads here"
#define TLS       "TLS comes with a later version"
#define SASL      "SASL logins come with a later version"
#define HTTP      "the HTTP admin page comes with a later version"
#define PROM      "the Prometheus page comes with a later version; mntr has the same numbers"
#define PEER_TLS  "TLS between servers comes with a later version"
#define PEER_SASL "SASL between servers comes with a later version"
#define MASTER    "observers are served by the leader"
#define ADDRESSES "a server has one address for now"
#define ASYNC     "nothing here waits for a socket"
#define PROBES    "it is for Apache's own tests"
#define ONE_QUEUE "there is no such queue"

static const struct rk_other_key others[] = {
    /* -- A1: parsed by QuorumPeerConfig -- */
    {"observerMasterPort", "0", RK_OTHER_MEMBER_LATER, MASTER},
    {"sslQuorum", "false", RK_OTHER_MEMBER_NEEDED,
     PEER_TLS ", and without it the servers would talk in the clear"},
    {"portUnification", "false", RK_OTHER_MEMBER_LATER, PEER_TLS},
    {"sslQuorumReloadCertFiles", "false", RK_OTHER_MEMBER_LATER, PEER_TLS},
    {"quorum.auth.enableSasl", "false", RK_OTHER_MEMBER_LATER,
     PEER_SASL "; no server is asked who it is"},
    {"quorum.auth.serverRequireSasl", "false", RK_OTHER_MEMBER_NEEDED,
     PEER_SASL ", and without it anybody could join the ensemble"},
    {"quorum.auth.learnerRequireSasl", "false", RK_OTHER_MEMBER_NEEDED,
     PEER_SASL ", and without it anybody could pose as the leader"},
    {"quorum.auth.server.saslLoginContext", NULL, RK_OTHER_MEMBER_LATER, PEER_SASL},
    {"quorum.auth.learner.saslLoginContext", NULL, RK_OTHER_MEMBER_LATER, PEER_SASL},
    {"quorum.auth.kerberos.servicePrincipal", NULL, RK_OTHER_MEMBER_LATER, PEER_SASL},
    {"quorum.cnxn.threads.size", NULL, RK_OTHER_MEMBER_NO_USE, POOL},
    {"jvm.pause.monitor", "false", RK_OTHER_NO_USE, "there is no JVM that could pause"},
    {"jvm.pause.sleep.time.ms", NULL, RK_OTHER_NO_USE, "there is no JVM that could pause"},
    {"jvm.pause.warn-threshold.ms", NULL, RK_OTHER_NO_USE, "there is no JVM that could pause"},
    {"jvm.pause.info-threshold.ms", NULL, RK_OTHER_NO_USE, "there is no JVM that could pause"},
    {"metricsProvider.className",
     "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider,"
     "org.apache.zookeeper.metrics.impl.NullMetricsProvider",
     RK_OTHER_LATER, PROM},
    {"metricsProvider.*", NULL, RK_OTHER_LATER, PROM},
    {"multiAddress.enabled", "false", RK_OTHER_MEMBER_LATER, ADDRESSES},
    {"multiAddress.reachabilityCheckTimeoutMs", NULL, RK_OTHER_MEMBER_LATER, ADDRESSES},
    {"multiAddress.reachabilityCheckEnabled", NULL, RK_OTHER_MEMBER_LATER, ADDRESSES},
    {"oraclePath", NULL, RK_OTHER_MEMBER_LATER, "of two servers neither goes on alone"},
    /* -- A2: persistence -- */
    {"flushDelay", "0", RK_OTHER_NO_USE, "batches form by themselves while the disk is busy"},
    {"maxWriteQueuePollTime", "0", RK_OTHER_NO_USE,
     "batches form by themselves while the disk is busy"},
    {"maxBatchSize", "1000", RK_OTHER_NO_USE,
     "batches form by themselves; rookery.requests.inflightBytes bounds them"},
    {"serializeLastProcessedZxid.enabled", "true", RK_OTHER_NO_USE, "it is always written"},
    {"testingonly.initialZxid", NULL, RK_OTHER_MEMBER_NO_USE, PROBES},
    {"test.allowDiscontinuousProposals", "false", RK_OTHER_MEMBER_NO_USE, PROBES},
    /* -- A3: client I/O -- */
    {"serverCnxnFactory",
     "org.apache.zookeeper.server.NIOServerCnxnFactory,"
     "org.apache.zookeeper.server.NettyServerCnxnFactory",
     RK_OTHER_NO_USE,
     "no class can be loaded; both of Apache's behave alike to clients without TLS"},
    {"nio.numSelectorThreads", NULL, RK_OTHER_NO_USE, POOL},
    {"nio.numWorkerThreads", NULL, RK_OTHER_NO_USE, POOL},
    {"nio.directBufferBytes", NULL, RK_OTHER_NO_USE, HEAP},
    {"nio.shutdownTimeout", NULL, RK_OTHER_NO_USE, POOL ", see rookery.shutdownMs"},
    {"intBufferStartingSizeBytes", NULL, RK_OTHER_NO_USE, HEAP},
    {"maxResponseCacheSize", NULL, RK_OTHER_NO_USE,
     "there is nothing to cache: answers are not encoded twice"},
    {"maxGetChildrenResponseCacheSize", NULL, RK_OTHER_NO_USE,
     "there is nothing to cache: answers are not encoded twice"},
    {"netty.advancedFlowControl.enabled", NULL, RK_OTHER_NO_USE,
     "a client that does not read is always held back, see rookery.output.*"},
    {"advancedFlowControlEnabled", NULL, RK_OTHER_NO_USE,
     "a client that does not read is always held back, see rookery.output.*"},
    {"netty.server.outstandingHandshake.limit", "-1", RK_OTHER_LATER, TLS},
    {"outstandingHandshake.limit", "-1", RK_OTHER_LATER, TLS},
    {"netty.server.earlyDropSecureConnectionHandshakes", "false", RK_OTHER_LATER, TLS},
    {"client.portUnification", "false", RK_OTHER_LATER, TLS},
    {"client.certReload", "false", RK_OTHER_LATER, TLS},
    /* -- A4: throttling -- */
    {"request_throttle_stall_time", NULL, RK_OTHER_NO_USE,
     "held requests go on as soon as there is room, without polling"},
    {"requestThrottleStallTime", NULL, RK_OTHER_NO_USE,
     "held requests go on as soon as there is room, without polling"},
    {"request_throttler.shutdownTimeout", NULL, RK_OTHER_NO_USE, POOL ", see rookery.shutdownMs"},
    /* -- A5: watches, pipeline -- */
    {"watchManagerName", NULL, RK_OTHER_NO_USE, "there is one watch table, with every mode"},
    {"watcherCleanThreadsNum", NULL, RK_OTHER_NO_USE, "watches go with their connection at once"},
    {"watcherCleanThreshold", NULL, RK_OTHER_NO_USE, "watches go with their connection at once"},
    {"watcherCleanIntervalInSeconds", NULL, RK_OTHER_NO_USE,
     "watches go with their connection at once"},
    {"maxInProcessingDeadWatchers", NULL, RK_OTHER_NO_USE,
     "watches go with their connection at once"},
    {"bitHashCacheSize", NULL, RK_OTHER_NO_USE, HEAP},
    {"commitProcessor.*", NULL, RK_OTHER_MEMBER_NO_USE, POOL},
    {"enableEagerACLCheck", "false", RK_OTHER_MEMBER_NO_USE,
     "the leader checks, as it must anyway"},
    {"forward_learner_requests_to_commit_processor_disabled", NULL, RK_OTHER_MEMBER_NO_USE,
     ONE_QUEUE},
    {"follower.skipLearnerRequestToNextProcessor", NULL, RK_OTHER_MEMBER_NO_USE, ONE_QUEUE},
    {"pathStats.*", NULL, RK_OTHER_LATER, "statistics by path come with a later version"},
    {"messageTracker.*", NULL, RK_OTHER_MEMBER_LATER,
     "messages between servers are not kept for inspection"},
    /* -- A6: quorum -- */
    {"quorumCnxnTimeoutMs", "-1", RK_OTHER_MEMBER_NO_USE,
     "who connects and does not say who it is gets no thread to hold"},
    {"leader.ackLoggingFrequency", NULL, RK_OTHER_MEMBER_NO_USE, "acknowledgements are not logged"},
    {"leader.closeSocketAsync", NULL, RK_OTHER_MEMBER_NO_USE, ASYNC},
    {"leader.nodelay", "true", RK_OTHER_MEMBER_NO_USE,
     "nothing is ever held back to fill a packet"},
    {"learner.closeSocketAsync", NULL, RK_OTHER_MEMBER_NO_USE, ASYNC},
    {"learner.asyncSending", NULL, RK_OTHER_MEMBER_NO_USE, ASYNC},
    {"observer.reconnectDelayMs", "0", RK_OTHER_MEMBER_LATER,
     "an observer looks for its leader again at once"},
    {"observerMaster.sizeLimit", NULL, RK_OTHER_MEMBER_LATER, MASTER},
    {"follower.nodelay", "true", RK_OTHER_MEMBER_NO_USE,
     "nothing is ever held back to fill a packet"},
    {"closeSocketAsync", NULL, RK_OTHER_MEMBER_NO_USE, ASYNC},
    {"asyncSending", NULL, RK_OTHER_MEMBER_NO_USE, ASYNC},
    /* -- A7: authentication -- */
    {"IPAuthenticationProvider.usexforwardedfor", "false", RK_OTHER_LATER, HTTP},
    {"X509AuthenticationProvider.superUser", NULL, RK_OTHER_LATER, TLS},
    {"superUser", NULL, RK_OTHER_LATER, SASL},
    {"superUser.*", NULL, RK_OTHER_LATER, SASL},
    {"SASLAuthenticationProvider.superPassword", NULL, RK_OTHER_LATER, SASL},
    {"allowSaslFailedClients", "false", RK_OTHER_LATER, SASL},
    {"letAnySaslUserDoX", NULL, RK_OTHER_LATER, SASL},
    {"sasl.serverconfig", NULL, RK_OTHER_LATER, SASL},
    {"java.security.auth.login.config", NULL, RK_OTHER_LATER, SASL},
    {"java.security.krb5.conf", NULL, RK_OTHER_LATER, SASL},
    {"kerberos.*", NULL, RK_OTHER_LATER, SASL},
    {"security.*", NULL, RK_OTHER_LATER, SASL},
    {"requireKerberosConfig", NULL, RK_OTHER_LATER, SASL},
    {"server.realm", NULL, RK_OTHER_LATER, SASL},
    {"kinit", NULL, RK_OTHER_LATER, SASL},
    {"fips-mode", NULL, RK_OTHER_LATER, TLS},
    /* -- A8: TLS -- */
    {"ssl.quorum.*", NULL, RK_OTHER_MEMBER_LATER, PEER_TLS},
    {"ssl.*", NULL, RK_OTHER_LATER, TLS},
    /* -- A9: admin and the rest -- */
    {"admin.enableServer", "false", RK_OTHER_LATER, HTTP},
    {"admin.*", NULL, RK_OTHER_LATER, HTTP},
    {"audit.enable", "false", RK_OTHER_LATER, "the audit log comes with a later version"},
    {"audit.impl.class", NULL, RK_OTHER_LATER, "the audit log comes with a later version"},
    {"jmx.log4j.*", NULL, RK_OTHER_NO_USE, "there is no JMX and no log4j"},
    {"controllerPort", NULL, RK_OTHER_NO_USE, "it belongs to Apache's own test controller"},
    /* -- what Apache's scripts put on the command line, and what a JVM reads -- */
    {"log.dir", NULL, RK_OTHER_NO_USE, "log lines go to stderr"},
    {"log.file", NULL, RK_OTHER_NO_USE, "log lines go to stderr"},
    {"root.logger", NULL, RK_OTHER_NO_USE, "log lines go to stderr, see rookery.log.level"},
    {"console.threshold", NULL, RK_OTHER_NO_USE, "log lines go to stderr, see rookery.log.level"},
    {"log.threshold", NULL, RK_OTHER_NO_USE, "log lines go to stderr, see rookery.log.level"},
    {"java.*", NULL, RK_OTHER_NO_USE, "there is no JVM"},
    {"javax.*", NULL, RK_OTHER_NO_USE, "there is no JVM"},
    {"sun.*", NULL, RK_OTHER_NO_USE, "there is no JVM"},
    {"com.sun.*", NULL, RK_OTHER_NO_USE, "there is no JVM and no JMX"},
    {"log4j.*", NULL, RK_OTHER_NO_USE, "there is no log4j, see rookery.log.level"},
    {"org.slf4j.*", NULL, RK_OTHER_NO_USE, "there is no slf4j, see rookery.log.level"},
    {"logback.*", NULL, RK_OTHER_NO_USE, "there is no logback, see rookery.log.level"},
    {"file.encoding", NULL, RK_OTHER_NO_USE, "there is no JVM"},
};

#define OTHER_COUNT (sizeof(others) / sizeof(others[0]))

const struct rk_other_key *rk_other_key_find(const char *name)
{
    for (size_t i = 0; i < OTHER_COUNT; i++) {
        size_t len = strlen(others[i].name);
        bool is_family = others[i].name[len - 1] == '*';
        if (is_family ? strncmp(others[i].name, name, len - 1) == 0 && name[len - 1] != '\0'
                      : strcmp(others[i].name, name) == 0) {
            return &others[i];
        }
    }
    return NULL;
}

bool rk_other_key_is_harmless(const struct rk_other_key *key, const char *value)
{
    const char *at = key->harmless;
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ",");
        if (strlen(value) == len && strncasecmp(at, value, len) == 0) {
            return true;
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return false;
}

const char *rk_other_key_name_at(size_t index)
{
    return index < OTHER_COUNT ? others[index].name : NULL;
}
