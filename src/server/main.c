/* rookery-server: from the command line to serving, told in the order in which it happens. Each
 * step either succeeds or has said in one line why not and gives the exit status that supervisors
 * of ZooKeeper know (spec-quorum A11): 0 stopped in order, 1 unexpected, 2 bad invocation or
 * configuration, 3 data directory inaccessible or in use, 10 (from the log thread) writing to disk
 * failed. */
#include "base/mem_libc.h"
#include "base/num.h"
#include "shell/digest.h"
#include "shell/disk_posix.h"
#include "shell/notify.h"
#include "shell/shell.h"
#include "store/recover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum exit_status {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_INVOCATION = 2,
    EXIT_DATADIR = 3,
};

#define FDS_FOR_OURSELVES 64u      /* logs, snapshots, listeners, epoll, stdio, some to spare */
#define CONN_MAX          1000000u /* more than one machine's kernel carries */
#define EXTRA_SIZE_MIN    1024u    /* ZK: BinaryInputArchive.extraMaxBufferSize */

/* Everything that lives as long as the process. */
struct server {
    struct rk_mem mem; /* of the loop thread */
    struct rk_log log;

    /* configuration */
    struct rk_core_config core_config;
    struct rk_shell_config shell_config;
    struct rk_shell_listen listen;
    const char *data_dir;
    const char *log_dir; /* NULL: the same */
    struct rk_recover_options recover_options;

    struct rk_disk_posix *files;
    struct rk_disk disk;
    struct rk_core *core;
    struct rk_shell *shell;
    struct rk_recovered recovered;
    int64_t recovery_ms;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    int err = clock_gettime(CLOCK_MONOTONIC, &now);
    RK_ASSERT(err == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    int err = clock_gettime(CLOCK_REALTIME, &now);
    RK_ASSERT(err == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t crc32_of(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

/* -- 1. configuration ------------------------------------------------------------------------- */

static void set_defaults(struct server *srv)
{
    struct rk_core_config *core = &srv->core_config;
    rk_shell_config_init(&srv->shell_config);
    *core = (struct rk_core_config){
        .server_id = 1,
        .tick_ms = 3000,
        .frame_bytes_max = srv->shell_config.frame_bytes_max,
        .digest = true,
        .close_session_txn = true,
        .crc32 = crc32_of,
        .digest_scheme = true,
        .snap_count = 100000,
        .snap_size_bytes = INT64_C(4) << 30,
        .snap_slice_nodes = 1000,
        .container_check_ms = 60000,
        .container_per_minute = 10000,
        .container_never_used_ms = 300000,
        .global_outstanding_max = 1000,
        .conn_outstanding_max = 1000,
        .queued_bytes_max = UINT64_C(256) << 20,
        .inflight_bytes_max = UINT64_C(64) << 20,
        .request_throttle_drop_stale = true,
        .request_stale_connection_check = true,
        .large_request_threshold = -1,
        .large_request_bytes_max = INT64_C(100) << 20,
        .connect_fill_time_ms = 1,
        .connect_fill_count = 1,
        .connect_freeze_ms = -1,
        .connect_drop_increase_ppm = 20000,
        .connect_drop_decrease_ppm = 2000,
        .connect_weight_global = 3,
        .connect_weight_local = 1,
        .connect_weight_renew = 2,
    };
    srv->recover_options.db_autocreate = true;
    srv->data_dir = "./rookery-data";
    (void)snprintf(srv->listen.host, sizeof(srv->listen.host), "127.0.0.1");
    srv->listen.port = 2181;
}

static bool parse_between(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    int64_t v;
    if (!rk_num_parse_dec(rk_bytes_str(text), &v) || v < min || v > max) {
        return false;
    }
    *ret = v;
    return true;
}

/* ZK: ZooKeeperServerMain, ServerConfig.parse(String[]): port dataDir [tickTime [maxClientCnxns]]
 */
static bool read_arguments(struct server *srv, int argc, char **argv)
{
    int64_t v;
    if (argc == 2 || argc > 5) {
        return false;
    }
    if (argc >= 3) {
        if (!parse_between(argv[1], 0, UINT16_MAX, &v)) {
            return false;
        }
        srv->listen.port = (uint16_t)v;
        srv->listen.host[0] = '\0';
        srv->data_dir = argv[2];
    }
    if (argc >= 4) {
        if (!parse_between(argv[3], 1, INT32_MAX / 20, &v)) {
            return false;
        }
        srv->core_config.tick_ms = (int32_t)v;
    }
    if (argc >= 5) {
        if (!parse_between(argv[4], 0, INT32_MAX, &v)) {
            return false;
        }
        srv->shell_config.client_conn_max = (uint32_t)v;
    }
    return true;
}

static int configure(struct server *srv, int argc, char **argv)
{
    enum rk_log_level level = RK_LEVEL_INFO;
    const char *level_text = getenv("ROOKERY_LOG_LEVEL");
    bool is_level = level_text == NULL || rk_log_level_parse(rk_bytes_str(level_text), &level);
    rk_log_init(&srv->log, STDERR_FILENO, level);
    if (!is_level) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR,
                     "ROOKERY_LOG_LEVEL=%s is none of error, warn, info, debug", level_text);
        return EXIT_INVOCATION;
    }
    set_defaults(srv);
    if (!read_arguments(srv, argc, argv)) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR,
                     "usage: rookery-server [port dataDir [tickTime [maxClientCnxns]]]");
        return EXIT_INVOCATION;
    }
    return EXIT_OK;
}

/* What depends on the machine, or is drawn anew at each start. */
static int complete_config(struct server *srv)
{
    struct rk_core_config *core = &srv->core_config;
    struct rk_shell_config *shell = &srv->shell_config;
    uint64_t random[2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "no random numbers from the kernel: %s",
                     strerror(errno));
        return EXIT_UNEXPECTED;
    }
    core->seed = random[0];
    shell->wal.nonce = random[1];
    core->clock_ms = wall_ms();
    core->min_session_timeout_ms = core->tick_ms * 2;
    core->max_session_timeout_ms = core->tick_ms * 20;
    uint32_t extra =
        core->frame_bytes_max > EXTRA_SIZE_MIN ? core->frame_bytes_max : EXTRA_SIZE_MIN;
    core->record_bytes_max = core->frame_bytes_max + extra;
    srv->recover_options.record_bytes_max = core->record_bytes_max;
    if (!rk_digest_by_name(rk_bytes_str("SHA1"), &core->digest_alg)) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR,
                     "OpenSSL has no SHA1, which the digest scheme needs");
        return EXIT_INVOCATION;
    }
    shell->listen = &srv->listen;
    shell->listen_count = 1;

    /* As many files as we may have; connections never take the last ones from the log. */
    struct rlimit files;
    rlim_t may_have = 1024;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) == 0 || getrlimit(RLIMIT_NOFILE, &files) == 0) {
            may_have = files.rlim_cur;
        }
    }
    uint32_t slots = may_have > CONN_MAX ? CONN_MAX : (uint32_t)may_have;
    shell->conn_max = slots > 2 * FDS_FOR_OURSELVES ? slots - FDS_FOR_OURSELVES : FDS_FOR_OURSELVES;
    core->conn_max = shell->conn_max;
    return EXIT_OK;
}

/* -- 2. the data directory is ours ------------------------------------------------------------ */

/* Who holds the lock on a directory: for the operator's eyes only. 0: the kernel does not tell. */
static int lock_holder(const char *dir)
{
    char path[4096];
    char line[256];
    char wanted[64];
    struct stat st;
    int holder = 0;
    (void)snprintf(path, sizeof(path), "%s/" RK_DISK_LOCK_NAME, dir);
    if (stat(path, &st) != 0) {
        return 0;
    }
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL) {
        return 0;
    }
    (void)snprintf(wanted, sizeof(wanted), " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev),
                   (unsigned long long)st.st_ino);
    /* "1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF" */
    while (holder == 0 && fgets(line, sizeof(line), locks) != NULL) {
        if (strstr(line, wanted) == NULL || sscanf(line, "%*s FLOCK %*s WRITE %d", &holder) != 1) {
            holder = 0;
        }
    }
    (void)fclose(locks); /* only read */
    return holder;
}

static void tell_holder(struct server *srv)
{
    const char *dirs[] = {srv->data_dir, srv->log_dir};
    for (size_t i = 0; i < 2; i++) {
        int pid = dirs[i] != NULL ? lock_holder(dirs[i]) : 0;
        if (pid > 0) {
            rk_log_write(&srv->log, RK_LEVEL_ERROR,
                         "the lock is held by the process with pid=%d dir=%s", pid, dirs[i]);
        }
    }
}

static int take_data_directory(struct server *srv)
{
    struct rk_disk_posix_options options = {
        .data_dir = srv->data_dir, .data_log_dir = srv->log_dir, .autocreate = true};
    struct rk_problem problem = {.text = ""};
    enum rk_err err = rk_disk_posix_create(&srv->mem, &options, &srv->files, &problem);
    if (err == RK_OK) {
        srv->disk = rk_disk_posix_port(srv->files);
        if (rk_disk_posix_has_two_dirs(srv->files)) {
            err = rk_store_check_dirs(&srv->disk, &problem);
        }
    }
    if (err != RK_OK) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "%s", problem.text);
        if (err == RK_ERR_BUSY) {
            tell_holder(srv);
        }
        return EXIT_DATADIR;
    }
    return EXIT_OK;
}

/* -- 3. what is on disk comes back ------------------------------------------------------------ */

static void tell_recovery(struct server *srv)
{
    const struct rk_recovered *r = &srv->recovered;
    if (r->is_fresh) {
        rk_log_write(&srv->log, RK_LEVEL_INFO,
                     "the data directory is empty: a fresh server data_dir=%s", srv->data_dir);
    }
    if (r->bad_snapshots > 0) {
        rk_log_write(
            &srv->log, RK_LEVEL_WARN,
            "newer snapshots were damaged or unfinished and were passed over; nothing is lost, "
            "the logs replaced them. passed_over=%u used=%s",
            (unsigned)r->bad_snapshots, r->snapshot_name);
    }
    if (r->torn_file[0] != '\0') {
        rk_log_write(
            &srv->log, RK_LEVEL_WARN,
            "the end of a log was torn by a crash and was passed over; nothing acknowledged was "
            "in it. file=%s offset=%llu",
            r->torn_file, (unsigned long long)r->torn_offset);
    }
}

static int recover(struct server *srv)
{
    struct rk_problem problem = {.text = ""};
    int64_t start_ms = monotonic_ms();
    srv->core = rk_core_create(&srv->mem, &srv->core_config);
    if (srv->core == NULL) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "out of memory at the start");
        return EXIT_UNEXPECTED;
    }
    struct rk_restore_sink sink = rk_core_restore_sink(srv->core);
    enum rk_err err =
        rk_recover(&srv->mem, &srv->disk, &srv->recover_options, &sink, &srv->recovered, &problem);
    if (err != RK_OK) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "cannot recover the database: %s: %s",
                     rk_err_text(err), problem.text);
        return err == RK_ERR_DENIED ? EXIT_DATADIR : EXIT_UNEXPECTED;
    }
    srv->recovery_ms = monotonic_ms() - start_ms;
    tell_recovery(srv);
    return EXIT_OK;
}

/* -- 4. serving ------------------------------------------------------------------------------- */

static int exit_status_of(enum rk_err err)
{
    return err == RK_ERR_INVALID ? EXIT_INVOCATION : EXIT_UNEXPECTED;
}

static int start(struct server *srv)
{
    struct rk_shell_parts parts = {
        .mem = &srv->mem, .log = &srv->log, .core = srv->core, .disk = &srv->disk};
    srv->shell = rk_shell_create(&srv->shell_config, &parts);
    if (srv->shell == NULL) {
        return EXIT_UNEXPECTED;
    }
    /* The ports before the core: if they are taken, nothing has been written. */
    enum rk_err err = rk_shell_bind(srv->shell);
    if (err == RK_OK) {
        err = rk_shell_start(srv->shell);
    }
    if (err == RK_OK) {
        err = rk_shell_listen(srv->shell);
    }
    return err == RK_OK ? EXIT_OK : exit_status_of(err);
}

static int serve(struct server *srv)
{
    rk_log_write(
        &srv->log, RK_LEVEL_INFO,
        "rookery: serving %s data_dir=%s last_zxid=0x%llx replayed=%llu recovery_ms=%lld pid=%lld",
        rk_shell_bound(srv->shell), srv->data_dir, (unsigned long long)rk_core_last_zxid(srv->core),
        (unsigned long long)srv->recovered.txn_count, (long long)srv->recovery_ms,
        (long long)getpid());
    if (!rk_notify_send("READY=1")) {
        rk_log_write(&srv->log, RK_LEVEL_WARN, "systemd was not told that the server is ready: %s",
                     strerror(errno));
    }
    return rk_shell_run(srv->shell);
}

int main(int argc, char **argv)
{
    static struct server srv;
    rk_mem_libc_init(&srv.mem, 0);
    int status = configure(&srv, argc, argv);
    if (status == EXIT_OK) {
        status = complete_config(&srv);
    }
    if (status == EXIT_OK) {
        status = take_data_directory(&srv);
    }
    if (status == EXIT_OK) {
        status = recover(&srv);
    }
    if (status == EXIT_OK) {
        status = start(&srv);
    }
    if (status == EXIT_OK) {
        status = serve(&srv);
    }
    rk_shell_destroy(srv.shell);
    rk_core_destroy(srv.core);
    rk_disk_posix_destroy(srv.files);
    return status;
}
