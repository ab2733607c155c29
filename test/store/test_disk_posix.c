/* The disk port over POSIX, in a directory of its own: files, errors, locks, and a log, a snapshot
 * and a recovery over it. */
#include "store_support.h"

#include "shell/disk_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    struct rk_mem mem;
    char root[64];
    char data[128];
    char log[128];
    struct rk_disk_posix *posix;
    struct rk_disk disk;
    struct rk_problem problem;
};

static enum rk_err try_open(struct place *p, bool two_dirs, bool autocreate)
{
    struct rk_disk_posix_options options = {
        .data_dir = p->data, .data_log_dir = two_dirs ? p->log : NULL, .autocreate = autocreate};
    enum rk_err err = rk_disk_posix_create(&p->mem, &options, &p->posix, &p->problem);
    assert_int_equal(err == RK_OK, p->problem.text[0] == '\0');
    if (err == RK_OK) {
        p->disk = rk_disk_posix_port(p->posix);
    }
    return err;
}

static void open_place(struct place *p, bool two_dirs)
{
    memset(p, 0, sizeof(*p));
    rk_mem_libc_init(&p->mem, 0);
    memcpy(p->root, "/tmp/rookery-disk-XXXXXX", sizeof("/tmp/rookery-disk-XXXXXX"));
    assert_non_null(mkdtemp(p->root));
    (void)snprintf(p->data, sizeof(p->data), "%s/a/b/data", p->root);
    (void)snprintf(p->log, sizeof(p->log), "%s/log", p->root);
    assert_int_equal(try_open(p, two_dirs, true), RK_OK);
}

static void close_place(struct place *p)
{
    char command[128];
    rk_disk_posix_destroy(p->posix);
    assert_int_equal(p->mem.used_bytes, 0);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", p->root);
    assert_int_equal(system(command), 0);
}

static void count_names(void *ctx, const char *name)
{
    assert_true(name[0] != '.');
    ++*(uint32_t *)ctx;
}

static void files(void **state)
{
    (void)state;
    struct place p;
    open_place(&p, false);
    const struct rk_disk_ops *ops = p.disk.ops;
    rk_file file = 0;
    uint64_t size = 0;
    size_t got = 0;
    uint8_t bytes[300];
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_SNAP, "x", RK_OPEN_READ, &file),
                     RK_ERR_NOT_FOUND);
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_SNAP, "x", RK_OPEN_MODIFY, &file),
                     RK_ERR_NOT_FOUND);
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_SNAP, "x", RK_OPEN_CREATE, &file), RK_OK);
    assert_true(file > 0);
    assert_true((fcntl(file - 1, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(ops->write(p.disk.ctx, file, 100, "hello", 5), RK_OK);
    assert_int_equal(ops->size(p.disk.ctx, file, &size), RK_OK);
    assert_int_equal(size, 105);
    assert_int_equal(ops->read(p.disk.ctx, file, 98, bytes, sizeof(bytes), &got), RK_OK);
    assert_int_equal(got, 7);
    assert_memory_equal(bytes, "\0\0hello", 7);
    assert_int_equal(ops->read(p.disk.ctx, file, 105, bytes, sizeof(bytes), &got), RK_OK);
    assert_int_equal(got, 0);
    assert_int_equal(ops->allocate(p.disk.ctx, file, 70000), RK_OK);
    assert_int_equal(ops->size(p.disk.ctx, file, &size), RK_OK);
    assert_int_equal(size, 70000);
    struct stat st;
    assert_int_equal(fstat(file - 1, &st), 0);
    assert_true(st.st_blocks * 512 >= 70000);                     /* real, not sparse */
    assert_int_equal(ops->allocate(p.disk.ctx, file, 10), RK_OK); /* never shrinks */
    assert_int_equal(ops->size(p.disk.ctx, file, &size), RK_OK);
    assert_int_equal(size, 70000);
    assert_int_equal(ops->truncate(p.disk.ctx, file, 103), RK_OK);
    assert_int_equal(ops->sync(p.disk.ctx, file), RK_OK);
    ops->close(p.disk.ctx, file);
    assert_int_equal(ops->rename(p.disk.ctx, RK_DIR_SNAP, "x", "y"), RK_OK);
    assert_int_equal(ops->rename(p.disk.ctx, RK_DIR_SNAP, "x", "y"), RK_ERR_NOT_FOUND);
    assert_int_equal(ops->sync_dir(p.disk.ctx, RK_DIR_SNAP), RK_OK);
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_SNAP, "y", RK_OPEN_READ, &file), RK_OK);
    assert_int_equal(ops->read(p.disk.ctx, file, 100, bytes, 10, &got), RK_OK);
    assert_int_equal(got, 3);
    assert_int_equal(ops->write(p.disk.ctx, file, 0, "x", 1), RK_ERR_IO); /* opened to read */
    assert_int_equal(errno, EBADF);
    assert_int_equal(ops->sync(p.disk.ctx, file), RK_OK);
    ops->close(p.disk.ctx, file);
    uint32_t count = 0;
    assert_int_equal(ops->list(p.disk.ctx, RK_DIR_SNAP, count_names, &count), RK_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ops->unlink(p.disk.ctx, RK_DIR_SNAP, "y"), RK_OK);
    assert_int_equal(ops->unlink(p.disk.ctx, RK_DIR_SNAP, "y"), RK_ERR_NOT_FOUND);
    close_place(&p);
}

static void the_four_directories(void **state)
{
    (void)state;
    for (int two = 0; two < 2; two++) {
        struct place p;
        open_place(&p, two);
        assert_int_equal(rk_disk_posix_has_two_dirs(p.posix), two);
        static const char *const where[2][4] = {
            {"a/b/data/version-2/f0", "a/b/data/version-2/f1", "a/b/data/f2", "a/b/data/f3"},
            {"a/b/data/version-2/f0", "log/version-2/f1", "a/b/data/f2", "log/f3"}};
        for (int dir = 0; dir < 4; dir++) {
            char name[8];
            char path[256];
            rk_file file;
            (void)snprintf(name, sizeof(name), "f%d", dir);
            assert_int_equal(
                p.disk.ops->open(p.disk.ctx, (enum rk_disk_dir)dir, name, RK_OPEN_CREATE, &file),
                RK_OK);
            p.disk.ops->close(p.disk.ctx, file);
            (void)snprintf(path, sizeof(path), "%s/%s", p.root, where[two][dir]);
            assert_int_equal(access(path, F_OK), 0);
        }
        close_place(&p);
    }
}

static void a_second_server_is_refused(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct place p;
        struct place q;
        open_place(&p, how != 0);
        q = p;
        if (how == 2) {
            /* Another dataDir with the same dataLogDir. */
            (void)snprintf(q.data, sizeof(q.data), "%s/other", p.root);
        }
        assert_int_equal(try_open(&q, how != 0, true), RK_ERR_BUSY);
        assert_non_null(strstr(q.problem.text, how == 2 ? "/log is in use" : "/data is in use"));
        /* Also from another process, and free again once this one is gone. */
        pid_t child = fork();
        if (child == 0) {
            _exit(try_open(&q, how != 0, true) == RK_ERR_BUSY ? 7 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), 7);
        rk_disk_posix_destroy(p.posix);
        assert_int_equal(try_open(&p, how != 0, true), RK_OK);
        close_place(&p);
    }
}

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    struct place p;
    char path[256];
    open_place(&p, false);
    rk_disk_posix_destroy(p.posix);
    p.posix = NULL;
    (void)snprintf(path, sizeof(path), "%s/version-2", p.data);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(try_open(&p, false, false), RK_ERR_NOT_FOUND);
    assert_non_null(strstr(p.problem.text, "autocreate"));
    (void)snprintf(p.data, sizeof(p.data), "%s/none", p.root);
    assert_int_equal(try_open(&p, false, false), RK_ERR_NOT_FOUND);
    assert_non_null(strstr(p.problem.text, "/none"));
    /* A file where a directory should be. */
    int fd = open(p.data, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd); /* empty */
    assert_int_equal(try_open(&p, false, true), RK_ERR_IO);
    assert_non_null(strstr(p.problem.text, "Not a directory"));
    p.posix = NULL;
    close_place(&p);
}

static void errors_of_the_system_are_told_apart(void **state)
{
    (void)state;
    struct place p;
    rk_file file;
    open_place(&p, false);
    const struct rk_disk_ops *ops = p.disk.ops;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit low = {.rlim_cur = 10000, .rlim_max = old.rlim_max};
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_LOG, "big", RK_OPEN_CREATE, &file), RK_OK);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    uint8_t bytes[8192] = {0};
    assert_int_equal(ops->write(p.disk.ctx, file, 0, bytes, sizeof(bytes)), RK_OK);
    /* Half of it fits: not a success, and errno says what it was. */
    assert_int_equal(ops->write(p.disk.ctx, file, 8192, bytes, sizeof(bytes)), RK_ERR_IO);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler); /* as it was */
    ops->close(p.disk.ctx, file);
    close_place(&p);
}

/* On a file system that can, blocks go past the page cache; what is not aligned goes through it. */
static void direct_files_take_any_write(void **state)
{
    static alignas(RK_DISK_BLOCK) uint8_t blocks[2 * RK_DISK_BLOCK];
    (void)state;
    struct place p;
    rk_file file;
    uint8_t back[2 * RK_DISK_BLOCK + 3];
    size_t got;
    open_place(&p, false);
    const struct rk_disk_ops *ops = p.disk.ops;
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_LOG, "direct", RK_OPEN_CREATE_DIRECT, &file),
                     RK_OK);
    assert_int_equal(ops->allocate(p.disk.ctx, file, sizeof(blocks)), RK_OK);
    memset(blocks, 'a', sizeof(blocks));
    assert_int_equal(ops->write(p.disk.ctx, file, 0, blocks, sizeof(blocks)), RK_OK);
    assert_int_equal(ops->sync(p.disk.ctx, file), RK_OK);
    assert_int_equal(ops->write(p.disk.ctx, file, 4090, "bcd", 3), RK_OK);
    assert_int_equal(ops->write(p.disk.ctx, file, sizeof(blocks), "efg", 3), RK_OK);
    blocks[0] = 'h';
    assert_int_equal(ops->write(p.disk.ctx, file, 0, blocks, 1), RK_OK);
    assert_int_equal(ops->sync(p.disk.ctx, file), RK_OK);
    ops->close(p.disk.ctx, file);
    assert_int_equal(ops->open(p.disk.ctx, RK_DIR_LOG, "direct", RK_OPEN_READ, &file), RK_OK);
    assert_int_equal(ops->read(p.disk.ctx, file, 0, back, sizeof(back), &got), RK_OK);
    assert_int_equal(got, sizeof(back));
    memcpy(blocks + 4090, "bcd", 3);
    assert_memory_equal(back, blocks, sizeof(blocks));
    assert_memory_equal(back + sizeof(blocks), "efg", 3);
    ops->close(p.disk.ctx, file);
    close_place(&p);
}

/* /dev/full says ENOSPC to every write. */
static void a_full_device(void **state)
{
    (void)state;
    struct place p;
    char path[256];
    rk_file file;
    open_place(&p, false);
    (void)snprintf(path, sizeof(path), "%s/version-2/full", p.data);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_int_equal(p.disk.ops->open(p.disk.ctx, RK_DIR_LOG, "full", RK_OPEN_MODIFY, &file),
                     RK_OK);
    assert_int_equal(p.disk.ops->write(p.disk.ctx, file, 0, "x", 1), RK_ERR_NO_SPACE);
    assert_int_equal(errno, ENOSPC);
    p.disk.ops->close(p.disk.ctx, file);
    uint32_t count = 0;
    assert_int_equal(p.disk.ops->list(p.disk.ctx, RK_DIR_LOG, count_names, &count), RK_OK);
    assert_int_equal(count, 0); /* a device is no regular file */
    close_place(&p);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number; /* only counted */
    signals++;
}

static void signals_do_not_disturb(void **state)
{
    (void)state;
    struct place p;
    rk_file file;
    open_place(&p, false);
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
    struct sigaction old;
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    struct itimerval never = {.it_value = {.tv_usec = 0}};
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    size_t len = (size_t)4 << 20;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 7, len);
    for (int i = 0; i < 50 || (signals < 20 && i < 5000); i++) {
        size_t got = 0;
        assert_int_equal(p.disk.ops->open(p.disk.ctx, RK_DIR_LOG, "f", RK_OPEN_CREATE, &file),
                         RK_OK);
        assert_int_equal(p.disk.ops->allocate(p.disk.ctx, file, len), RK_OK);
        assert_int_equal(p.disk.ops->write(p.disk.ctx, file, 0, bytes, len), RK_OK);
        if (i % 10 == 0) {
            assert_int_equal(p.disk.ops->sync(p.disk.ctx, file), RK_OK);
        }
        assert_int_equal(p.disk.ops->read(p.disk.ctx, file, 0, bytes, len, &got), RK_OK);
        assert_int_equal(got, len);
        p.disk.ops->close(p.disk.ctx, file);
    }
    assert_true(signals >= 20);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    free(bytes);
    close_place(&p);
}

static void a_log_over_it(void **state)
{
    (void)state;
    struct place p;
    struct fixture f;
    open_place(&p, true);
    fixture_open(&f);
    struct fake_disk kept = f.disk;
    f.disk.port = p.disk;
    write_snapshot(&f, 0);
    assert_int_equal(try_snapshot(&f, 7, RK_SNAP_GZIP, 50, true), RK_OK);
    write_log(&f, 1, 30, 500, 3);
    enum rk_err err = rk_recover(&f.mem, &f.disk.port, &f.options, &f.sink, &f.out, &f.problem);
    assert_int_equal(err, RK_OK);
    assert_string_equal(f.out.snapshot_name, "snapshot.7.gz");
    assert_int_equal(f.out.last_zxid, 30);
    assert_int_equal(f.seen_count, 23);
    int64_t epoch = 0;
    assert_int_equal(rk_epoch_write(&f.disk.port, "currentEpoch", 5), RK_OK);
    assert_int_equal(rk_epoch_read(&f.disk.port, "currentEpoch", &epoch), RK_OK);
    assert_int_equal(epoch, 5);
    uint32_t deleted = 0;
    assert_int_equal(rk_purge(&f.mem, &f.disk.port, 1, &deleted, &f.problem), RK_OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(rk_store_check_dirs(&f.disk.port, &f.problem), RK_OK);
    f.disk = kept;
    fixture_close(&f);
    close_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(the_four_directories),
        cmocka_unit_test(a_second_server_is_refused),
        cmocka_unit_test(what_cannot_be_used_is_named),
        cmocka_unit_test(errors_of_the_system_are_told_apart),
        cmocka_unit_test(direct_files_take_any_write),
        cmocka_unit_test(a_full_device),
        cmocka_unit_test(signals_do_not_disturb),
        cmocka_unit_test(a_log_over_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
