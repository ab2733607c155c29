/* rookery-server: from the command line to serving, told in the order in which it happens. Each
 * step either succeeds or has said in one line why not and gives the exit status that supervisors
 * of ZooKeeper know (spec-quorum A11): 0 stopped in order, 1 unexpected, 2 bad invocation or
 * configuration, 3 data directory inaccessible or in use, 10 (from the log thread) writing to disk
 * failed. */
#include "admin/admin.h"
#include "base/mem_libc.h"
#include "server/config.h"
#include "shell/crc32.h"
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

enum exit_status {
    EXIT_OK = 0,
    EXIT_UNEXPECTED = 1,
    EXIT_INVOCATION = RK_EXIT_CONFIG,
    EXIT_DATADIR = 3,
    EXIT_DONE = 256, /* not one: there is nothing left to do, and all is well */
};

#define FDS_FOR_OURSELVES 64u /* logs, snapshots, listeners, epoll, stdio, some to spare */

/* Everything that lives as long as the process. */
struct server {
    struct rk_mem mem; /* of the loop thread */
    struct rk_log log;
    struct rk_server_config config;
    struct rk_disk_posix *files;
    struct rk_disk disk;
    struct rk_core *core;
    struct rk_admin *admin;
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

/* -- 1. configuration ---------------------------------------------------------------------------
 */

/* The questions that are answered without a server. */
static int answer_question(struct server *srv, enum rk_config_action action, bool is_valid)
{
    if (action == RK_CONFIG_HELP) {
        rk_config_print_help(stdout);
    } else if (action == RK_CONFIG_VERSION) {
        (void)printf("rookery-server %s\n", rk_admin_version());
    } else {
        rk_config_print_messages(&srv->config, stdout);
        rk_config_print(&srv->config, stdout);
    }
    if (fflush(stdout) != 0) {
        return EXIT_UNEXPECTED;
    }
    return is_valid ? EXIT_DONE : EXIT_INVOCATION;
}

static int configure(struct server *srv, int argc, char **argv)
{
    enum rk_config_action action = RK_CONFIG_RUN;
    rk_server_config_init(&srv->config, &srv->mem);
    enum rk_err err = rk_config_load_args(&srv->config, argc, argv, &action);
    if (action != RK_CONFIG_RUN) {
        return answer_question(srv, action, err == RK_OK);
    }
    rk_log_init(&srv->log, STDERR_FILENO, srv->config.log_level);
    for (uint32_t i = 0; i < srv->config.message_count; i++) {
        const struct rk_config_message *message = &srv->config.messages[i];
        rk_log_write(&srv->log, message->level, "%s", message->text);
    }
    return err == RK_OK ? EXIT_OK : EXIT_INVOCATION;
}

/* As many files as we may have; connections never take the last ones from the log. */
static void fit_connections(struct server *srv)
{
    struct rlimit files;
    rlim_t may_have = 1024;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        may_have = files.rlim_cur;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) == 0) {
            may_have = files.rlim_max;
        }
    }
    uint32_t fit = may_have > UINT32_MAX ? UINT32_MAX : (uint32_t)may_have;
    fit = fit > 2 * FDS_FOR_OURSELVES ? fit - FDS_FOR_OURSELVES : FDS_FOR_OURSELVES;
    if (fit >= srv->config.shell.conn_max) {
        return;
    }
    bool is_asked = srv->config.settings[RK_KEY_conn_max].text != NULL ||
                    srv->config.shell.total_conn_max >= fit;
    rk_log_write(&srv->log, is_asked ? RK_LEVEL_WARN : RK_LEVEL_DEBUG,
                 "the limit of open files (%llu) leaves room for fewer connections than configured "
                 "connections=%u",
                 (unsigned long long)may_have, (unsigned)fit);
    srv->config.shell.conn_max = fit;
    srv->config.core.conn_max = fit;
}

/* What depends on the machine, or is drawn anew at each start. */
static int complete_config(struct server *srv)
{
    uint64_t random[2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "no random numbers from the kernel: %s",
                     strerror(errno));
        return EXIT_UNEXPECTED;
    }
    srv->config.core.seed = random[0];
    srv->config.shell.wal.nonce = random[1];
    srv->config.core.clock_ms = wall_ms();
    if (srv->config.core.crc32 != NULL) {
        srv->config.core.crc32 = rk_crc32; /* the same values, sooner */
    }
    fit_connections(srv);
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
    const char *dirs[] = {srv->config.data_dir, srv->config.data_log_dir};
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
    struct rk_disk_posix_options options = {.data_dir = srv->config.data_dir,
                                            .data_log_dir = srv->config.data_log_dir,
                                            .autocreate = srv->config.datadir_autocreate};
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

/* -- 3. the parts, and the ports are ours --------------------------------------------------------
 */

static int exit_status_of(enum rk_err err)
{
    return err == RK_ERR_INVALID ? EXIT_INVOCATION : EXIT_UNEXPECTED;
}

/* The ports before the database: if they are taken, nothing is read or written. */
static int build(struct server *srv)
{
    srv->core = rk_core_create(&srv->mem, &srv->config.core);
    srv->admin =
        srv->core == NULL ? NULL : rk_admin_create(&srv->mem, &srv->config.admin, srv->core);
    if (srv->admin == NULL) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "out of memory at the start");
        return EXIT_UNEXPECTED;
    }
    struct rk_shell_parts parts = {.mem = &srv->mem,
                                   .log = &srv->log,
                                   .core = srv->core,
                                   .disk = &srv->disk,
                                   .admin = rk_admin_hook_of(srv->admin)};
    srv->shell = rk_shell_create(&srv->config.shell, &parts);
    if (srv->shell == NULL) {
        return EXIT_UNEXPECTED;
    }
    rk_admin_attach(srv->admin, srv->shell);
    enum rk_err err = rk_shell_bind(srv->shell);
    return err == RK_OK ? EXIT_OK : exit_status_of(err);
}

/* -- 4. what is on disk comes back ------------------------------------------------------------ */

static void tell_recovery(struct server *srv)
{
    const struct rk_recovered *r = &srv->recovered;
    if (r->is_fresh) {
        rk_log_write(&srv->log, RK_LEVEL_INFO,
                     "the data directory is empty: a fresh server data_dir=%s",
                     srv->config.data_dir);
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
    struct rk_restore_sink sink = rk_core_restore_sink(srv->core);
    enum rk_err err =
        rk_recover(&srv->mem, &srv->disk, &srv->config.recover, &sink, &srv->recovered, &problem);
    if (err != RK_OK) {
        rk_log_write(&srv->log, RK_LEVEL_ERROR, "cannot recover the database: %s: %s",
                     rk_err_text(err), problem.text);
        return err == RK_ERR_DENIED ? EXIT_DATADIR : EXIT_UNEXPECTED;
    }
    srv->recovery_ms = monotonic_ms() - start_ms;
    tell_recovery(srv);
    return EXIT_OK;
}

/* -- 5. serving ------------------------------------------------------------------------------- */

static int start(struct server *srv)
{
    rk_admin_set_load_time(srv->admin, srv->recovery_ms);
    enum rk_err err = rk_shell_start(srv->shell);
    if (err == RK_OK) {
        err = rk_shell_listen(srv->shell);
    }
    return err == RK_OK ? EXIT_OK : exit_status_of(err);
}

static int serve(struct server *srv)
{
    rk_log_write(&srv->log, RK_LEVEL_INFO,
                 "rookery: serving %s data_dir=%s last_zxid=0x%llx replayed=%llu recovery_ms=%lld "
                 "connections_max=%u pid=%lld",
                 rk_shell_bound(srv->shell), srv->config.data_dir,
                 (unsigned long long)rk_core_last_zxid(srv->core),
                 (unsigned long long)srv->recovered.txn_count, (long long)srv->recovery_ms,
                 (unsigned)srv->config.shell.conn_max - 1, (long long)getpid());
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
        status = build(&srv);
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
    rk_admin_destroy(srv.admin);
    rk_core_destroy(srv.core);
    rk_disk_posix_destroy(srv.files);
    rk_server_config_deinit(&srv.config);
    return status == EXIT_DONE ? EXIT_OK : status;
}
