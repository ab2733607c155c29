/* Group commit. Guarantees that `durable` is told only after rk_wal_commit returned RK_OK for it,
 * and that a failed write or sync is the last thing this process does: no retry, because after a
 * failed fsync the kernel may have dropped the pages and the next one would lie. What is refused
 * while the device is full is the core's decision. */
#include "shell/log_thread.h"

#include "base/mem_libc.h"
#include "shell/mailbox.h"
#include "store/recover.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind {
    KIND_APPEND,
    KIND_ROLL,
    KIND_EPOCH,
    KIND_TRUNCATE,
    KIND_STOP,
};

#define MARK_IDLE_MS 200    /* without a record for so long: the durability mark catches up */
#define SLICE_NS     100000 /* the least that Linux grants */
#define PAUSE_US     10000  /* while there is no room for an epoch: how soon a stop is noticed */

struct rk_log_thread {
    /* set before the thread starts */
    struct rk_mem *home; /* the loop thread's */
    struct rk_log_thread_config config;
    struct rk_log *log;
    uv_async_t *news;
    pthread_t thread;

    struct rk_mailbox box;

    pthread_mutex_t report_lock;
    struct rk_log_report report;
    struct rk_log_done done[RK_LOG_DONE_MAX]; /* a ring */
    uint32_t done_first, done_count;
    atomic_bool must_stop; /* a thread that waits for room does not see KIND_STOP */

    /* the thread's own */
    struct rk_mem mem;
    const struct rk_disk *disk;
    struct rk_wal *wal;
    struct rk_bytes left; /* messages taken and not worked on */
    rk_zxid appended;
    uint64_t records;  /* appended and not committed */
    bool is_mark_late; /* commits since the durability mark was told to catch up */
    bool is_full;
    bool is_stopping;
    int64_t retry_at_ms;
};

static int64_t now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static void lock_report(struct rk_log_thread *t)
{
    int err = pthread_mutex_lock(&t->report_lock);
    RK_ASSERT(err == 0);
}

static void unlock_report(struct rk_log_thread *t)
{
    int err = pthread_mutex_unlock(&t->report_lock);
    RK_ASSERT(err == 0);
}

static _Noreturn void die(struct rk_log_thread *t, enum rk_err err, int os_err, const char *what)
{
    struct rk_wal_status status;
    rk_wal_status(t->wal, &status);
    rk_log_write(
        t->log, RK_LEVEL_ERROR,
        "%s failed: %s%s%s. The server stops now; nothing was "
        "acknowledged that is not durable. Check the device and its file system, then start "
        "again. file=%s durable_zxid=0x%llx",
        what, rk_err_text(err), os_err != 0 ? ": " : "", os_err != 0 ? strerror(os_err) : "",
        status.file_name[0] != '\0' ? status.file_name : "(a new one)",
        (unsigned long long)status.durable_zxid);
    _exit(RK_EXIT_STORAGE);
}

static void tell(struct rk_log_thread *t)
{
    int err = uv_async_send(t->news);
    RK_ASSERT(err == 0);
}

static void set_full(struct rk_log_thread *t, bool is_full)
{
    if (t->is_full == is_full) {
        return;
    }
    t->is_full = is_full;
    lock_report(t);
    t->report.is_full = is_full;
    unlock_report(t);
    tell(t);
}

static void commit(struct rk_log_thread *t)
{
    int64_t start_us = now_us();
    errno = 0;
    enum rk_err err = rk_wal_commit(t->wal);
    int os_err = errno;
    int64_t took_us = now_us() - start_us;
    if (err == RK_ERR_NO_SPACE) {
        set_full(t, true);
        return;
    }
    if (err != RK_OK) {
        die(t, err, os_err, "Writing or syncing of the transaction log");
    }
    lock_report(t);
    t->report.durable = t->appended;
    rk_summary_add(&t->report.commit_us, (uint64_t)took_us);
    rk_summary_add(&t->report.commit_records, t->records);
    unlock_report(t);
    t->records = 0;
    tell(t);
    if (took_us / 1000 >= t->config.fsync_warn_ms && t->config.fsync_warn_ms > 0) {
        rk_log_write(
            t->log, RK_LEVEL_WARN,
            "a commit of the transaction log was slow; every write waited for it. took_ms=%lld "
            "threshold_ms=%lld",
            (long long)(took_us / 1000), (long long)t->config.fsync_warn_ms);
    }
}

/* Room is promised ahead, so that what is in flight when the device fills up still fits and only
 * new writes are refused. */
/* Nothing came for a while: what was synced last is marked as durable now, so that damage to it can
 * be told from a torn tail (store/recover.h). No sync, no wait. */
static void mark(struct rk_log_thread *t)
{
    errno = 0;
    enum rk_err err = rk_wal_commit(t->wal);
    if (err != RK_OK && err != RK_ERR_NO_SPACE) {
        die(t, err, errno, "Writing or syncing of the transaction log");
    }
    t->is_mark_late = false;
}

static void reserve(struct rk_log_thread *t)
{
    if (t->config.reserve_bytes == 0) {
        set_full(t, false);
        return;
    }
    errno = 0;
    enum rk_err err = rk_wal_reserve(t->wal, t->config.reserve_bytes);
    if (err == RK_OK || err == RK_ERR_UNSUPPORTED) {
        set_full(t, false);
    } else if (err == RK_ERR_NO_SPACE) {
        set_full(t, true);
    } else {
        die(t, err, errno, "Reserving room of the transaction log");
    }
}

/* -- Epochs, and cutting the log -------------------------------------------------------------- */

static void add_done(struct rk_log_thread *t, struct rk_log_done done)
{
    lock_report(t);
    RK_ASSERT(t->done_count < RK_LOG_DONE_MAX);
    done.durable = t->report.durable;
    t->done[(t->done_first + t->done_count) % RK_LOG_DONE_MAX] = done;
    t->done_count++;
    if (done.kind == RK_EV_TRUNCATED && done.is_ok && t->report.durable > done.number) {
        t->report.durable = done.number;
    }
    unlock_report(t);
    tell(t);
}

/* False: there is no room. What was appended before comes first. */
static bool commit_pending(struct rk_log_thread *t)
{
    if (t->records > 0) {
        commit(t);
        t->is_mark_late = true;
    }
    return t->records == 0;
}

static bool write_epoch(struct rk_log_thread *t, enum rk_epoch_file file, int64_t epoch)
{
    if (!commit_pending(t)) {
        return false;
    }
    const char *name = file == RK_EPOCH_ACCEPTED ? RK_NAME_ACCEPTED_EPOCH : RK_NAME_CURRENT_EPOCH;
    errno = 0;
    enum rk_err err = rk_epoch_write(t->disk, name, epoch);
    if (err == RK_ERR_NO_SPACE) {
        set_full(t, true);
        return false;
    }
    if (err != RK_OK) {
        die(t, err, errno,
            file == RK_EPOCH_ACCEPTED ? "Writing the file acceptedEpoch"
                                      : "Writing the file currentEpoch");
    }
    add_done(t, (struct rk_log_done){.kind = RK_EV_EPOCH_STORED, .file = file, .number = epoch});
    return true;
}

static bool cut(struct rk_log_thread *t, rk_zxid zxid)
{
    rk_zxid last = 0;
    if (!commit_pending(t)) {
        return false;
    }
    errno = 0;
    enum rk_err err = rk_wal_truncate(t->wal, zxid, &last);
    if (err != RK_OK && err != RK_ERR_NOT_FOUND) {
        die(t, err, errno, "Cutting of the transaction log");
    }
    rk_log_write(t->log, err == RK_OK ? RK_LEVEL_INFO : RK_LEVEL_ERROR,
                 "%s zxid=0x%llx last_zxid=0x%llx",
                 err == RK_OK ? "the transaction log was cut, as the leader wants it"
                              : "the transaction log cannot be cut where the leader wants it: what "
                                "is here does not lead there",
                 (unsigned long long)zxid, (unsigned long long)(err == RK_OK ? last : t->appended));
    if (err == RK_OK) {
        t->appended = t->appended > zxid ? zxid : t->appended;
        t->is_mark_late = false;
    }
    add_done(t,
             (struct rk_log_done){.kind = RK_EV_TRUNCATED, .number = zxid, .is_ok = err == RK_OK});
    return true;
}

/* A leader's snapshot takes the place of everything. */
static bool replace(struct rk_log_thread *t, rk_zxid zxid, enum rk_cut cut)
{
    enum rk_err err;
    if (!commit_pending(t)) {
        return false;
    }
    errno = 0;
    err = cut == RK_CUT_REPLACE ? rk_wal_replace_begin(t->wal, zxid)
                                : rk_wal_replace_end(t->wal, zxid);
    if (err == RK_ERR_NO_SPACE) {
        set_full(t, true);
        return false;
    }
    if (err != RK_OK) {
        die(t, err, errno, "Replacing of the history");
    }
    if (cut == RK_CUT_REPLACED) {
        rk_log_write(t->log, RK_LEVEL_INFO,
                     "the leader's snapshot is all the history there is zxid=0x%llx",
                     (unsigned long long)zxid);
    }
    t->is_mark_late = false;
    add_done(t, (struct rk_log_done){.kind = RK_EV_TRUNCATED, .number = zxid, .is_ok = true});
    return true;
}

/* -- The thread ------------------------------------------------------------------------------- */

/* False: not now, for want of room. */
static bool handle(struct rk_log_thread *t, const struct rk_message *message, struct rk_bytes bytes)
{
    switch ((enum kind)message->kind) {
    case KIND_APPEND:
        rk_wal_append(t->wal, message->number, bytes);
        t->appended = message->number;
        t->records++;
        return true;
    case KIND_ROLL:
        rk_wal_roll(t->wal);
        return true;
    case KIND_EPOCH:
        return write_epoch(t, (enum rk_epoch_file)message->extra, message->number);
    case KIND_TRUNCATE:
        return message->extra == RK_CUT_BEHIND
                   ? cut(t, message->number)
                   : replace(t, message->number, (enum rk_cut)message->extra);
    case KIND_STOP:
        t->is_stopping = true;
        return true;
    }
    rk_panic(__FILE__, __LINE__, "no such message");
}

static int64_t now_ms(void)
{
    return now_us() / 1000;
}

static void work_on_messages(struct rk_log_thread *t)
{
    struct rk_message message;
    struct rk_bytes bytes;
    struct rk_bytes at = t->left;
    while (rk_message_next(&at, &message, &bytes)) {
        if (!handle(t, &message, bytes)) {
            t->retry_at_ms = now_ms() + t->config.retry_ms;
            return;
        }
        t->left = at;
    }
}

/* There is no room for what comes next, and what follows it has to wait, too. */
static void wait_for_room(struct rk_log_thread *t)
{
    while (now_ms() < t->retry_at_ms && !t->is_stopping) {
        (void)usleep(PAUSE_US); /* an early end does no harm */
        t->is_stopping = atomic_load(&t->must_stop);
    }
}

static void commit_or_mark(struct rk_log_thread *t, bool is_idle)
{
    if (t->is_full && now_ms() < t->retry_at_ms && !t->is_stopping) {
        return;
    }
    t->retry_at_ms = now_ms() + t->config.retry_ms;
    if (t->records > 0) {
        commit(t);
        t->is_mark_late = true;
    } else if (t->is_mark_late && is_idle) {
        mark(t);
    }
    if (t->records == 0) {
        reserve(t);
    }
}

/* Everybody waits for this thread and it computes little: with a short slice the scheduler lets it
 * run soon after it wakes (EEVDF, Linux 6.12). Best effort: other kernels ignore it. */
static void ask_for_short_slices(void)
{
    /* Of linux/sched/types.h, which <pthread.h> does not let in. */
    struct {
        uint32_t size;
        uint32_t policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns;
        uint64_t deadline_ns;
        uint64_t period_ns;
    } attr = {.size = sizeof(attr)};
    if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == 0 && attr.policy == SCHED_OTHER) {
        attr.runtime_ns = SLICE_NS;
        (void)syscall(SYS_sched_setattr, 0, &attr, 0); /* without it all works, too */
    }
}

static void *run(void *ctx)
{
    struct rk_log_thread *t = ctx;
    ask_for_short_slices();
    while (!t->is_stopping) {
        bool is_idle = false;
        if (t->left.len > 0) {
            wait_for_room(t);
        } else {
            int64_t wait_ms = t->is_mark_late ? MARK_IDLE_MS : -1;
            if (t->is_full) {
                wait_ms = t->retry_at_ms - now_ms();
                wait_ms = wait_ms < 1 ? 1 : wait_ms;
            }
            rk_mailbox_take(&t->box, wait_ms, &t->left);
            is_idle = t->left.len == 0;
        }
        work_on_messages(t);
        if (t->left.len == 0) {
            commit_or_mark(t, is_idle);
        }
    }
    return NULL;
}

static void reset_summaries(struct rk_log_report *report)
{
    report->commit_us = (struct rk_summary){.min = UINT64_MAX};
    report->commit_records = (struct rk_summary){.min = UINT64_MAX};
}

/* Signals are the loop's: a worker starts with all of them blocked. */
static bool start(struct rk_log_thread *t)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    bool is_started = pthread_create(&t->thread, NULL, run, t) == 0;
    int err = pthread_sigmask(SIG_SETMASK, &before, NULL);
    RK_ASSERT(err == 0);
    return is_started;
}

struct rk_log_thread *rk_log_thread_create(struct rk_mem *mem,
                                           const struct rk_log_thread_config *config,
                                           const struct rk_disk *disk, struct rk_log *log,
                                           uv_async_t *news)
{
    struct rk_log_thread *t = rk_mem_zalloc(mem, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->home = mem;
    t->config = *config;
    t->log = log;
    t->news = news;
    t->disk = disk;
    rk_mailbox_init(&t->box, config->queue_bytes_max);
    int err = pthread_mutex_init(&t->report_lock, NULL);
    RK_ASSERT(err == 0);
    reset_summaries(&t->report);
    rk_mem_libc_init(&t->mem, 0);
    t->wal = rk_wal_create(&t->mem, disk, &config->wal);
    if (t->wal == NULL || !start(t)) {
        rk_wal_destroy(t->wal);
        rk_mailbox_deinit(&t->box);
        rk_mem_free(t->home, t, sizeof(*t));
        return NULL;
    }
    return t;
}

void rk_log_thread_destroy(struct rk_log_thread *t)
{
    if (t == NULL) {
        return;
    }
    atomic_store(&t->must_stop, true);
    rk_mailbox_begin(&t->box);
    rk_mailbox_put(&t->box, (struct rk_message){.kind = KIND_STOP}, (struct rk_bytes){NULL, 0});
    rk_mailbox_end(&t->box);
    rk_mailbox_wake(&t->box);
    int err = pthread_join(t->thread, NULL);
    RK_ASSERT(err == 0);
    rk_wal_destroy(t->wal);
    rk_mailbox_deinit(&t->box);
    (void)pthread_mutex_destroy(&t->report_lock); /* nobody holds it */
    rk_mem_free(t->home, t, sizeof(*t));
}

void rk_log_thread_begin(struct rk_log_thread *t)
{
    rk_mailbox_begin(&t->box);
}

void rk_log_thread_append(struct rk_log_thread *t, rk_zxid zxid, struct rk_bytes payload)
{
    rk_mailbox_put(&t->box, (struct rk_message){.kind = KIND_APPEND, .number = zxid}, payload);
}

void rk_log_thread_roll(struct rk_log_thread *t)
{
    rk_mailbox_put(&t->box, (struct rk_message){.kind = KIND_ROLL}, (struct rk_bytes){NULL, 0});
}

void rk_log_thread_epoch(struct rk_log_thread *t, enum rk_epoch_file file, int64_t epoch)
{
    rk_mailbox_put(
        &t->box, (struct rk_message){.kind = KIND_EPOCH, .number = epoch, .extra = (uint64_t)file},
        (struct rk_bytes){NULL, 0});
}

void rk_log_thread_truncate(struct rk_log_thread *t, rk_zxid zxid, enum rk_cut cut)
{
    rk_mailbox_put(
        &t->box, (struct rk_message){.kind = KIND_TRUNCATE, .number = zxid, .extra = (uint64_t)cut},
        (struct rk_bytes){NULL, 0});
}

void rk_log_thread_end(struct rk_log_thread *t)
{
    rk_mailbox_end(&t->box);
}

void rk_log_thread_wake(struct rk_log_thread *t)
{
    rk_mailbox_wake(&t->box);
}

void rk_log_thread_report(struct rk_log_thread *t, struct rk_log_report *ret)
{
    lock_report(t);
    *ret = t->report;
    unlock_report(t);
}

bool rk_log_thread_next_done(struct rk_log_thread *t, struct rk_log_done *ret)
{
    lock_report(t);
    bool is_here = t->done_count > 0;
    if (is_here) {
        *ret = t->done[t->done_first];
        t->done_first = (t->done_first + 1) % RK_LOG_DONE_MAX;
        t->done_count--;
    }
    unlock_report(t);
    return is_here;
}

void rk_log_thread_reset_report(struct rk_log_thread *t)
{
    lock_report(t);
    reset_summaries(&t->report);
    unlock_report(t);
}
