/* conf, dirs, envi: what the server was told and where it runs. ZK: ZooKeeperServer.dumpConf,
 * DirsCommand, Environment.list. */
#include "admin/admin_int.h"

#include <stdlib.h>
#include <string.h>

static void put_int_line(struct rk_buf *b, const char *name, int64_t value)
{
    rk_admin_put(b, name);
    rk_admin_put_int(b, value);
    rk_buf_put_u8(b, '\n');
}

static void put_text_line(struct rk_buf *b, const char *name, const char *value)
{
    rk_admin_put(b, name);
    rk_admin_put(b, value);
    rk_buf_put_u8(b, '\n');
}

static uint64_t dir_bytes(struct rk_admin *a, const char *dir)
{
    return a->sources.dir_bytes(a->sources.ctx, dir);
}

/* Of the first address that was bound: configured as 0 the port is any free one. */
static int64_t client_port(struct rk_admin *a)
{
    const char *bound = a->sources.bound(a->sources.ctx);
    size_t len = strcspn(bound, ",");
    while (len > 0 && bound[len - 1] != ':') {
        len--;
    }
    long port = len == 0 ? 0 : strtol(bound + len, NULL, 10);
    return port > 0 ? port : a->config.client_port;
}

/* ZK: QuorumZooKeeperServer.dumpConf, ReadOnlyZooKeeperServer.dumpConf */
static void put_ensemble(struct rk_admin *a, struct rk_buf *b)
{
    struct rk_ensemble_report report;
    const struct rk_ensemble_config *e = a->config.ensemble;
    const struct rk_member *self = rk_members_find(&e->members, e->my_sid);
    RK_ASSERT(self != NULL);
    put_int_line(b, "initLimit=", e->init_limit);
    put_int_line(b, "syncLimit=", e->sync_limit);
    put_int_line(b, "electionAlg=", 3);
    put_int_line(b, "electionPort=", self->election_port);
    put_int_line(b, "quorumPort=", self->quorum_port);
    put_int_line(b, "peerType=", self->is_observer);
    if (rk_admin_role(a, &report) != RK_ROLE_READ_ONLY) {
        rk_admin_put(b, "membership: \n");
        rk_members_print(b, &e->members);
    }
}

void rk_admin_conf(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_admin_config *g = &a->config;
    put_int_line(b, "clientPort=", client_port(a));
    put_int_line(b, "secureClientPort=", -1);
    put_text_line(b, "dataDir=", g->snap_dir);
    put_int_line(b, "dataDirSize=", (int64_t)dir_bytes(a, g->snap_dir));
    put_text_line(b, "dataLogDir=", g->log_dir);
    put_int_line(b, "dataLogSize=", (int64_t)dir_bytes(a, g->log_dir));
    put_int_line(b, "tickTime=", g->tick_ms);
    put_int_line(b, "maxClientCnxns=", g->client_conn_max);
    put_int_line(b, "minSessionTimeout=", g->min_session_timeout_ms);
    put_int_line(b, "maxSessionTimeout=", g->max_session_timeout_ms);
    put_int_line(b, "clientPortListenBacklog=", g->listen_backlog);
    put_int_line(b, "serverId=", g->ensemble == NULL ? 0 : g->ensemble->my_sid);
    if (g->ensemble != NULL) {
        put_ensemble(a, b);
    }
}

void rk_admin_dirs(struct rk_admin *a, struct rk_buf *b)
{
    put_int_line(b, "datadir_size: ", (int64_t)dir_bytes(a, a->config.snap_dir));
    put_int_line(b, "logdir_size: ", (int64_t)dir_bytes(a, a->config.log_dir));
}

/* The JVM's keys stay for those who look for them; they have no values here. */
void rk_admin_envi(struct rk_admin *a, struct rk_buf *b)
{
    static const char *const keys[] = {
        "host.name",         "java.version",   "java.vendor",   "java.home", "java.class.path",
        "java.library.path", "java.io.tmpdir", "java.compiler", "os.name",   "os.arch",
        "os.version",        "user.name",      "user.home",     "user.dir",  "os.memory.free",
        "os.memory.max",     "os.memory.total"};
    put_text_line(b, "Environment:\nzookeeper.version=", rk_admin_version());
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char value[1024];
        bool is_known = a->sources.environment(a->sources.ctx, keys[i], value, sizeof(value));
        rk_admin_put(b, keys[i]);
        rk_buf_put_u8(b, '=');
        put_text_line(b, "", is_known ? value : "<NA>");
    }
}
