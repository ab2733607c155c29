/* rookery-server: from the command line to serving, told in the order in which it happens. Each
 * step either succeeds or has said in one line why not and gives the exit status that supervisors
 * of ZooKeeper know (spec-quorum A11): 0 stopped in order, 1 unexpected, 2 bad invocation or
 * configuration, 3 data directory inaccessible or in use, 10 (from the log thread) writing to disk
 * failed, 12 and 13 (from the core) a leader broke the protocol, 14 the election port is taken. */
#include "admin/admin.h"
#include "base/mem_libc.h"
#include "server/config.h"
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
    uint32_t needed = rk_shell_fds_needed(&srv->config.shell);
    uint32_t fit = may_have > UINT32_MAX ? UINT32_MAX : (uint32_t)may_have;
    fit = fit > 2 * needed ? fit - needed : fit / 2;
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

/* A member that has lost its data must not vote by the nothing it has, unless the operator's file
 * `initialize` says that nothing is what it should have. Recovery takes that file away. */
static enum rk_err look_for_marker(struct server *srv, struct rk_problem *ret_problem)
{
    if (srv->config.ensemble == NULL) {
        return RK_OK;
    }
    enum rk_err err = rk_initialize_exists(&srv->disk, &srv->config.ensemble->may_initialize);
    if (err != RK_OK) {
        (void)snprintf(ret_problem->text, sizeof(ret_problem->text),
                       "cannot look for the file initialize: %s", rk_err_text(err));
    }
    return err;
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
    if (err == RK_OK) {
        err = look_for_marker(srv, &problem);
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
                                   .admin = rk_admin_hook_of(srv->admin),
                                   .recover = &srv->config.recover};
    srv->shell = rk_shell_create(&srv->config.shell, &parts);
    if (srv->shell == NULL) {
        return EXIT_UNEXPECTED;
    }
    rk_admin_attach(srv->admin, srv->shell);
    return rk_shell_bind(srv->shell) == RK_OK ? EXIT_OK : rk_shell_bind_status(srv->shell);
}

/* -- 4. what is on disk comes back ------------------------------------------------------------ */

static void tell_fresh(struct server *srv)
{
    const struct rk_ensemble_config *e = srv->config.ensemble;
    const char *what = "a fresh server";
    if (e != NULL && e->may_initialize) {
        what = "a fresh member, and the file initialize says that this is how it should be";
    } else if (e != NULL && rk_members_voter_count(&e->members) > 1) {
        what = "this server has no vote until the others have given it their data, or until every "
               "voter says that it has nothing either";
    }
    rk_log_write(&srv->log, RK_LEVEL_INFO, "the data directory is empty: %s data_dir=%s", what,
                 srv->config.data_dir);
}

static void tell_recovery(struct server *srv)
{
    const struct rk_recovered *r = &srv->recovered;
    if (r->is_fresh) {
        tell_fresh(srv);
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

static int say_unrecoverable(struct server *srv, enum rk_err err, const struct rk_problem *problem)
{
    rk_log_write(&srv->log, RK_LEVEL_ERROR, "cannot recover the database: %s: %s", rk_err_text(err),
                 problem->text);
    return err == RK_ERR_DENIED ? EXIT_DATADIR : EXIT_UNEXPECTED;
}

/* What a member promised and was promised. One without transactions and without an epoch has
 * nothing that it could have acknowledged, or has lost all of it. */
static int recover_epochs(struct server *srv)
{
    struct rk_epochs epochs = {0};
    struct rk_problem problem = {.text = ""};
    rk_zxid last_zxid = srv->recovered.last_zxid;
    enum rk_err err = rk_epochs_load(&srv->disk, last_zxid, &epochs, &problem);
    if (err != RK_OK) {
        return say_unrecoverable(srv, err, &problem);
    }
    bool is_blank = last_zxid == 0 && epochs.accepted == 0 && epochs.current == 0;
    rk_core_set_epochs(srv->core, epochs.accepted, epochs.current, is_blank);
    return EXIT_OK;
}

static int recover(struct server *srv)
{
    struct rk_problem problem = {.text = ""};
    struct rk_recover_options options = srv->config.recover;
    int64_t start_ms = monotonic_ms();
    struct rk_restore_sink sink = rk_core_restore_sink(srv->core);
    /* Whether a member may make a beginning is for the core and the others to say. */
    options.db_autocreate = options.db_autocreate || srv->config.ensemble != NULL;
    enum rk_err err = rk_recover(&srv->mem, &srv->disk, &options, &sink, &srv->recovered, &problem);
    if (err != RK_OK) {
        return say_unrecoverable(srv, err, &problem);
    }
    srv->recovery_ms = monotonic_ms() - start_ms;
    tell_recovery(srv);
    return srv->config.ensemble == NULL ? EXIT_OK : recover_epochs(srv);
}

/* -- 5. serving ------------------------------------------------------------------------------- */

static int start(struct server *srv)
{
    rk_admin_set_load_time(srv->admin, srv->recovery_ms);
    if (rk_shell_start(srv->shell) != RK_OK) {
        return EXIT_UNEXPECTED;
    }
    return rk_shell_listen(srv->shell) == RK_OK ? EXIT_OK : rk_shell_bind_status(srv->shell);
}

/* "rookery: serving ..." means that clients are served; a member serves when it has a leader, and
 * the core's notes say so. */
static void tell_start(struct server *srv)
{
    const struct rk_ensemble_config *e = srv->config.ensemble;
    char what[256] = "serving";
    if (e != NULL) {
        const struct rk_member *self = rk_members_find(&e->members, e->my_sid);
        uint32_t voters = rk_members_voter_count(&e->members);
        (void)snprintf(what, sizeof(what),
                       "server.%lld, %s of an ensemble of %u voters and %u observers, election "
                       "port %u, quorum port %u, clients on",
                       (long long)e->my_sid, self->is_observer ? "observer" : "voter",
                       (unsigned)voters, (unsigned)(e->members.count - voters),
                       (unsigned)rk_shell_peer_port(srv->shell, RK_PORT_ELECTION),
                       (unsigned)rk_shell_peer_port(srv->shell, RK_PORT_QUORUM));
    }
    rk_log_write(&srv->log, RK_LEVEL_INFO,
                 "rookery: %s %s data_dir=%s last_zxid=0x%llx replayed=%llu recovery_ms=%lld "
                 "connections_max=%u pid=%lld",
                 what, rk_shell_bound(srv->shell), srv->config.data_dir,
                 (unsigned long long)rk_core_last_zxid(srv->core),
                 (unsigned long long)srv->recovered.txn_count, (long long)srv->recovery_ms,
                 (unsigned)srv->config.shell.conn_max - 1, (long long)getpid());
}

static int serve(struct server *srv)
{
    tell_start(srv);
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
