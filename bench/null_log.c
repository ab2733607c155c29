/* Group commit at its barest: one pwrite and one fdatasync for whatever has gathered. The thread
 * and the loop pass one batch back and forth; whose turn it is is told by two eventfds, so there is
 * nothing to lock. */
#include "null_log.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FILE_BYTES (UINT64_C(64) << 20)
#define BATCH_MAX  ((size_t)32 << 20)
/* Written in larger pieces the page cache keeps larger folios, and each sync of 300 bytes then
 * costs up to 10 us more CPU. */
#define ZEROS_BYTES ((size_t)64 << 10)

struct rk_bench_null_log {
    struct rk_mem *mem;
    enum rk_bench_log_mode mode;
    uint32_t record_bytes;
    int file;
    uint64_t pos;
    struct rk_buf open; /* being collected */
    struct rk_buf sent; /* with the thread while is_busy */
    bool is_busy;
    bool is_stopping;
    int work; /* eventfd: the thread may take `sent`, or stop */
    int done; /* eventfd: the loop may have it back */
    pthread_t thread;
};

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "rookery-bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int file, const uint8_t *data, size_t len, uint64_t pos)
{
    while (len > 0) {
        ssize_t n = pwrite(file, data, len, (off_t)pos);
        if (n < 0) {
            give_up("write to the log");
        }
        data += n;
        len -= (size_t)n;
        pos += (uint64_t)n;
    }
}

int rk_bench_null_log_open_file(const char *path, uint64_t bytes)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) {
        (void)fprintf(stderr, "rookery-bench: %s: %s\n", path, strerror(errno));
        return -1;
    }
    uint8_t *zeros = calloc(1, ZEROS_BYTES);
    RK_ASSERT(zeros != NULL);
    for (uint64_t at = 0; at < bytes; at += ZEROS_BYTES) {
        write_all(file, zeros, ZEROS_BYTES, at);
    }
    free(zeros);
    if (fsync(file) != 0) {
        give_up("sync of the log");
    }
    return file;
}

static void write_batch(struct rk_bench_null_log *log, struct rk_buf *batch)
{
    if (log->pos + batch->len > FILE_BYTES) {
        log->pos = 0;
    }
    write_all(log->file, batch->data, batch->len, log->pos);
    log->pos += batch->len;
    if (fdatasync(log->file) != 0) {
        give_up("sync of the log");
    }
    rk_buf_reset(batch);
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one));
    RK_ASSERT(n == (ssize_t)sizeof(one));
}

static void wait_fd(int fd)
{
    uint64_t count;
    ssize_t n;
    do {
        n = read(fd, &count, sizeof(count));
    } while (n < 0 && errno == EINTR);
    RK_ASSERT(n == (ssize_t)sizeof(count));
}

static void *run(void *arg)
{
    struct rk_bench_null_log *log = arg;
    for (;;) {
        wait_fd(log->work);
        if (log->is_stopping) {
            return NULL;
        }
        write_batch(log, &log->sent);
        signal_fd(log->done);
    }
}

struct rk_bench_null_log *rk_bench_null_log_create(struct rk_mem *mem,
                                                   const struct rk_bench_options *o)
{
    int file = rk_bench_null_log_open_file(o->file, FILE_BYTES);
    if (file < 0) {
        return NULL;
    }
    struct rk_bench_null_log *log = rk_mem_must_zalloc(mem, sizeof(*log));
    log->mem = mem;
    log->mode = o->null_log;
    log->record_bytes = o->record_bytes;
    log->file = file;
    rk_buf_init(&log->open, mem, BATCH_MAX);
    rk_buf_init(&log->sent, mem, BATCH_MAX);
    if (log->mode == RK_BENCH_NULL_LOG_THREAD) {
        log->work = eventfd(0, EFD_CLOEXEC);
        log->done = eventfd(0, EFD_CLOEXEC);
        RK_ASSERT(log->work >= 0);
        RK_ASSERT(log->done >= 0);
        int err = pthread_create(&log->thread, NULL, run, log);
        RK_ASSERT(err == 0);
    }
    return log;
}

void rk_bench_null_log_destroy(struct rk_bench_null_log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->mode == RK_BENCH_NULL_LOG_THREAD) {
        if (log->is_busy) {
            rk_bench_null_log_take_done(log);
        }
        log->is_stopping = true;
        signal_fd(log->work);
        int err = pthread_join(log->thread, NULL);
        RK_ASSERT(err == 0);
        (void)close(log->work);
        (void)close(log->done);
    }
    (void)close(log->file);
    rk_buf_deinit(&log->open);
    rk_buf_deinit(&log->sent);
    rk_mem_free(log->mem, log, sizeof(*log));
}

void rk_bench_null_log_append(struct rk_bench_null_log *log, struct rk_bytes request)
{
    rk_buf_put(&log->open, request.data, request.len);
    if (request.len < log->record_bytes) {
        size_t rest = log->record_bytes - request.len;
        bool has_room = rk_buf_reserve(&log->open, rest);
        RK_ASSERT(has_room);
        memset(log->open.data + log->open.len, 0, rest);
        log->open.len += rest;
    }
    RK_ASSERT(!log->open.failed);
}

bool rk_bench_null_log_has_records(const struct rk_bench_null_log *log)
{
    return log->open.len > 0;
}

void rk_bench_null_log_commit(struct rk_bench_null_log *log)
{
    RK_ASSERT(log->mode == RK_BENCH_NULL_LOG_LOOP);
    write_batch(log, &log->open);
}

bool rk_bench_null_log_submit(struct rk_bench_null_log *log)
{
    RK_ASSERT(log->mode == RK_BENCH_NULL_LOG_THREAD);
    RK_ASSERT(log->open.len > 0);
    if (log->is_busy) {
        return false;
    }
    struct rk_buf batch = log->open;
    log->open = log->sent;
    log->sent = batch;
    log->is_busy = true;
    signal_fd(log->work);
    return true;
}

int rk_bench_null_log_fd(const struct rk_bench_null_log *log)
{
    return log->done;
}

void rk_bench_null_log_take_done(struct rk_bench_null_log *log)
{
    RK_ASSERT(log->is_busy);
    wait_fd(log->done);
    log->is_busy = false;
}
