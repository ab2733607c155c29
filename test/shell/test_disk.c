/* The shell on a bad disk: full, broken, slow. Nothing is acknowledged that is not durable, nothing
 * that was acknowledged is lost, and reads go on as long as they can. */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/rig.h"

static uint8_t buf[1 << 16];

static int32_t err_of(const uint8_t *reply)
{
    return rk_load_i32(reply + 12);
}

static struct rk_shell_stats stats_of(const struct rig *r)
{
    struct rk_shell_stats stats;
    rk_shell_stats(r->shell, &stats);
    return stats;
}

static void writes_are_refused_while_full_and_reads_go_on(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    rig_send(fd, buf, put_create(buf, 1, "/a", 10));
    assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
    atomic_store(&r.device, RIG_DEVICE_FULL);
    /* The reserve takes some, all of them durable; then errors; never silence. */
    int32_t acked = 0;
    int32_t refused = 0;
    for (int32_t i = 0; i < 2000 && refused < 50; i++) {
        rig_send(fd, buf, put_set(buf, 100 + i, "/a", 2000));
        assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) >= 16);
        assert_int_equal(rk_load_i32(buf), 100 + i);
        if (err_of(buf) == 0) {
            assert_int_equal(refused, 0);
            acked++;
        } else {
            refused++;
        }
    }
    assert_int_equal(refused, 50);
    assert_true(stats_of(&r).is_log_full);
    assert_true(rig_has_logged(&r, "no room on the log device: writes are refused, reads go on"));
    rig_send(fd, buf, put_get(buf, 5000, "/a"));
    assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
    assert_int_equal(err_of(buf), 0);
    assert_int_equal(rk_load_i32(buf + 20 + rk_load_i32(buf + 16) + 32), acked); /* version */
    rig_turn(&r, 1200); /* more than one retry */
    assert_true(stats_of(&r).is_log_full);
    atomic_store(&r.device, RIG_DEVICE_GOOD);
    rig_turn(&r, 1200);
    assert_false(stats_of(&r).is_log_full);
    assert_true(rig_has_logged(&r, "room on the log device again"));
    rig_send(fd, buf, put_set(buf, 6000, "/a", 10));
    assert_int_equal(rig_frame(&r, fd, buf, sizeof(buf), 5000), 16 + 68);
    assert_int_equal(err_of(buf), 0);
    close(fd);
    rig_close(&r);
}

/* Without a reserve the device fills up under what is in flight: it waits, and is not lost. */
static void what_is_in_flight_waits_for_room(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.log_reserve_bytes = 0;
    config.wal.prealloc_bytes = 0;
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    int reader = rig_session(&r, 0);
    rig_send(fd, buf, put_create(buf, 1, "/a", 10));
    assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
    atomic_store(&r.device, RIG_DEVICE_FULL);
    rig_send(fd, buf, put_set(buf, 2, "/a", 20));
    rig_turn(&r, 700);
    assert_true(stats_of(&r).is_log_full);
    assert_int_equal(rig_frame(&r, fd, buf, sizeof(buf), 100), -3); /* not acknowledged */
    rig_send(reader, buf, put_get(buf, 3, "/a"));
    assert_int_equal(rig_frame(&r, reader, buf, sizeof(buf), 5000),
                     16 + 4 + 10 + 68); /* nor seen */
    atomic_store(&r.device, RIG_DEVICE_GOOD);
    assert_int_equal(rig_frame(&r, fd, buf, sizeof(buf), 5000), 16 + 68);
    assert_int_equal(err_of(buf), 0);
    close(fd);
    close(reader);
    rig_close(&r);
}

/* In a child, because it ends the process. */
static void a_failed_sync_ends_the_process_before_any_answer(void **state)
{
    (void)state;
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rk_shell_config config;
        struct rig r;
        rig_config(&config);
        rig_open(&r, &config, NULL);
        r.log.fd = out[1];
        int fd = rig_session(&r, 0);
        atomic_store(&r.device, RIG_DEVICE_BROKEN);
        rig_send(fd, buf, put_create(buf, 1, "/a", 10));
        int32_t got = rig_frame(&r, fd, buf, sizeof(buf), 10000);
        _exit(got > 0 ? 99 : 98); /* an answer, or we are still here */
    }
    close(out[1]);
    char line[4096];
    size_t len = 0;
    ssize_t n;
    while ((n = read(out[0], line + len, sizeof(line) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    line[len] = '\0';
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10);
    assert_non_null(strstr(line, " ERROR Writing or syncing of the transaction log failed: "));
    assert_non_null(strstr(line, "Input/output error"));
    assert_non_null(strstr(line, "file=log."));
    close(out[0]);
}

static void a_slow_sync_is_told(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.fsync_warn_ms = 40;
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    int reader = rig_session(&r, 0);
    atomic_store(&r.device, RIG_DEVICE_SLOW);
    rig_send(fd, buf, put_create(buf, 1, "/a", 10));
    rig_turn(&r, 5);
    rig_send(reader, buf, put_ping(buf));
    assert_int_equal(rig_frame(&r, reader, buf, sizeof(buf), 30), 16); /* nobody else waits */
    assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
    assert_true(rig_has_logged(&r, "a commit of the transaction log was slow"));
    struct rk_shell_stats stats = stats_of(&r);
    assert_true(stats.fsync_us.max >= 50000);
    close(fd);
    close(reader);
    rig_close(&r);
}

/* While one sync runs everything else collects: many writes, few commits. */
static void writes_share_commits(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    int fds[20];
    rig_config(&config);
    rig_open(&r, &config, NULL);
    for (unsigned i = 0; i < 20; i++) {
        fds[i] = rig_session(&r, 0);
    }
    rig_send(fds[0], buf, put_create(buf, 1, "/a", 10));
    assert_true(rig_frame(&r, fds[0], buf, sizeof(buf), 5000) > 16);
    uint64_t before = stats_of(&r).fsync_us.count;
    atomic_store(&r.device, RIG_DEVICE_SLOW);
    for (unsigned i = 0; i < 20; i++) {
        for (int32_t k = 0; k < 10; k++) {
            rig_send(fds[i], buf, put_set(buf, k, "/a", 10));
        }
    }
    for (unsigned i = 0; i < 20; i++) {
        for (int32_t k = 0; k < 10; k++) {
            assert_int_equal(rig_frame(&r, fds[i], buf, sizeof(buf), 5000), 16 + 68);
            assert_int_equal(rk_load_i32(buf), k);
            assert_int_equal(err_of(buf), 0);
        }
        close(fds[i]);
    }
    assert_in_range(stats_of(&r).fsync_us.count - before, 1, 10);
    rig_close(&r);
}

static void a_snapshot_that_fails_costs_only_itself(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    rig_turn(&r, 50);
    assert_int_equal(stats_of(&r).snapshots_written, 1); /* of the fresh server */
    int fd = rig_session(&r, 0);
    rig_send(fd, buf, put_create(buf, 1, "/a", 10));
    assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
    atomic_store(&r.device,
                 RIG_DEVICE_BROKEN); /* for the snapshot thread alone: no write is sent */
    rk_snap_thread_open(r.shell->snap_thread, 77);
    rk_snap_thread_put(r.shell->snap_thread, rk_bytes_str("body"), false);
    rk_snap_thread_finish(r.shell->snap_thread, true, 77, 1);
    struct rk_snap_report report = {.failed = 0};
    for (unsigned i = 0; i < 2000 && report.failed == 0; i++) {
        (void)usleep(1000);
        rk_snap_thread_report(r.shell->snap_thread, &report);
    }
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.snapshots_done, 2);
    assert_false(report.is_ok);
    assert_true(rig_has_logged(&r, "the snapshot failed"));
    atomic_store(&r.device, RIG_DEVICE_GOOD);
    rk_snap_thread_open(r.shell->snap_thread, 78);
    rk_snap_thread_abort(r.shell->snap_thread);
    rk_snap_thread_abort(r.shell->snap_thread); /* nothing to abort any more */
    for (unsigned i = 0; i < 2000 && report.snapshots_done < 3; i++) {
        (void)usleep(1000);
        rk_snap_thread_report(r.shell->snap_thread, &report);
    }
    assert_int_equal(report.snapshots_done, 3);
    close(fd);
    rig_close(&r);
}

/* Enough writes for several snapshots beside the traffic, and a restart on what they left. */
static void snapshots_are_taken_beside_writes(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    int32_t sent = 0;
    int32_t seen = 0;
    while (seen < 5000) {
        while (sent < 5000 && sent - seen < 200) {
            char path[32];
            (void)snprintf(path, sizeof(path), "/n%d", sent);
            rig_send(fd, buf, put_create(buf, sent, path, 100));
            sent++;
        }
        assert_true(rig_frame(&r, fd, buf, sizeof(buf), 5000) > 16);
        assert_int_equal(rk_load_i32(buf), seen);
        assert_int_equal(err_of(buf), 0);
        seen++;
    }
    rig_turn(&r, 300);
    assert_true(stats_of(&r).snapshots_written >= 4);
    assert_int_equal(stats_of(&r).snapshots_failed, 0);
    close(fd);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_sync_ends_the_process_before_any_answer),
        cmocka_unit_test(writes_are_refused_while_full_and_reads_go_on),
        cmocka_unit_test(what_is_in_flight_waits_for_room),
        cmocka_unit_test(a_slow_sync_is_told),
        cmocka_unit_test(writes_share_commits),
        cmocka_unit_test(a_snapshot_that_fails_costs_only_itself),
        cmocka_unit_test(snapshots_are_taken_beside_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
