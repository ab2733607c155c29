/* Snapshots and purge beside the traffic. Guarantees one `snapshots_done` for every snapshot
 * opened, whatever happens to it, and one `slices_taken` for every slice end. The bytes are the
 * core's, the file is the store's. */
#include "shell/snap_thread.h"

#include "base/mem_libc.h"
#include "core/event.h"
#include "shell/mailbox.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum kind {
    KIND_OPEN,
    KIND_PUT,
    KIND_FINISH,
    KIND_ABORT,
    KIND_PURGE,
    KIND_READ,
    KIND_READ_END,
    KIND_STOP,
};

#define FLAG_SLICE_END  1u
#define FLAG_HAS_DIGEST 1u

/* Of slices of the log on their way back. */
#define FLAG_IS_OK   1u
#define FLAG_IS_LAST 2u

struct rk_snap_thread {
    /* set before the thread starts */
    struct rk_mem *home; /* the loop thread's */
    struct rk_snap_thread_config config;
    const struct rk_disk *disk;
    struct rk_log *log;
    uv_async_t *news;
    pthread_t thread;

    struct rk_mailbox box;
    struct rk_mailbox slices; /* the other way */

    pthread_mutex_t report_lock;
    struct rk_snap_report report;

    /* the thread's own */
    struct rk_mem mem;
    struct rk_snap_writer *writer; /* NULL: none open, or the open one failed */
    rk_zxid zxid;                  /* of the one open */
    struct rk_log_slicer *slicer;  /* NULL before the first slice */
    bool is_stopping;
};

static void lock_report(struct rk_snap_thread *t)
{
    int err = pthread_mutex_lock(&t->report_lock);
    RK_ASSERT(err == 0);
}

static void unlock_report(struct rk_snap_thread *t)
{
    int err = pthread_mutex_unlock(&t->report_lock);
    RK_ASSERT(err == 0);
}

static void tell(struct rk_snap_thread *t)
{
    int err = uv_async_send(t->news);
    RK_ASSERT(err == 0);
}

/* The one place where a snapshot ends. Later messages for it find no writer and are dropped. */
static void end_snapshot(struct rk_snap_thread *t, bool is_ok)
{
    rk_snap_writer_destroy(t->writer);
    t->writer = NULL;
    lock_report(t);
    t->report.snapshots_done++;
    t->report.zxid = t->zxid;
    t->report.is_ok = is_ok;
    t->report.written += is_ok ? 1 : 0;
    t->report.failed += is_ok ? 0 : 1;
    unlock_report(t);
    tell(t);
}

static void fail_snapshot(struct rk_snap_thread *t, enum rk_err err, int os_err, const char *what)
{
    rk_log_write(
        t->log, RK_LEVEL_ERROR,
        "%s the snapshot failed: %s%s%s. The transaction log still holds everything; a later "
        "snapshot will be tried. zxid=0x%llx",
        what, rk_err_text(err), os_err != 0 ? ": " : "", os_err != 0 ? strerror(os_err) : "",
        (unsigned long long)t->zxid);
    end_snapshot(t, false);
}

static void open_snapshot(struct rk_snap_thread *t, rk_zxid zxid)
{
    RK_ASSERT(t->writer == NULL);
    t->zxid = zxid;
    errno = 0;
    enum rk_err err =
        rk_snap_writer_create(&t->mem, t->disk, zxid, t->config.compression, &t->writer);
    if (err != RK_OK) {
        fail_snapshot(t, err, errno, "Opening");
    }
}

static void put(struct rk_snap_thread *t, struct rk_bytes body, bool is_slice_end)
{
    if (t->writer != NULL) {
        errno = 0;
        enum rk_err err = rk_snap_writer_put(t->writer, body);
        if (err != RK_OK) {
            fail_snapshot(t, err, errno, "Writing");
        }
    }
    if (is_slice_end) {
        lock_report(t);
        t->report.slices_taken++;
        unlock_report(t);
        tell(t);
    }
}

static void finish(struct rk_snap_thread *t, const struct rk_message *message)
{
    if (t->writer == NULL) {
        return;
    }
    bool has_digest = (message->flags & FLAG_HAS_DIGEST) != 0;
    errno = 0;
    enum rk_err err = rk_snap_writer_finish(t->writer, has_digest, message->number, message->extra);
    if (err != RK_OK) {
        fail_snapshot(t, err, errno, "Finishing");
    } else {
        end_snapshot(t, true);
    }
}

static void purge(struct rk_snap_thread *t)
{
    struct rk_problem problem = {.text = ""};
    uint32_t deleted = 0;
    enum rk_err err = rk_purge(&t->mem, t->disk, t->config.purge_keep, &deleted, &problem);
    if (err != RK_OK) {
        rk_log_write(t->log, RK_LEVEL_WARN, "purging old snapshots and logs failed: %s: %s",
                     rk_err_text(err), problem.text);
    } else {
        rk_log_write(t->log, deleted > 0 ? RK_LEVEL_INFO : RK_LEVEL_DEBUG,
                     "purged old snapshots and logs files=%u keep=%u", (unsigned)deleted,
                     (unsigned)t->config.purge_keep);
    }
    lock_report(t);
    t->report.purges_done++;
    t->report.purged_files += err == RK_OK ? deleted : 0;
    unlock_report(t);
    tell(t);
}

/* A failure is no fault of this server's: files may be gone, or cost too much. */
static void read_log(struct rk_snap_thread *t, struct rk_bytes ask_bytes)
{
    struct rk_problem problem = {.text = ""};
    struct rk_log_slice slice = {.is_ok = false};
    struct rk_log_ask ask;
    RK_ASSERT(ask_bytes.len == sizeof(ask));
    memcpy(&ask, ask_bytes.data, sizeof(ask));
    if (t->slicer == NULL) {
        t->slicer = rk_log_slicer_create(&t->mem, t->disk, RK_LOG_READERS_MAX, RK_LOG_SLICE_BYTES);
    }
    if (t->slicer != NULL) {
        rk_log_slicer_next(t->slicer, &ask, &slice, &problem);
    }
    if (!slice.is_ok) {
        rk_log_write(t->log, RK_LEVEL_INFO, "the log cannot be read for a learner: %s",
                     problem.text);
    }
    struct rk_message reply = {.number = slice.before,
                               .extra = ask.reader,
                               .flags = (slice.is_ok ? FLAG_IS_OK : 0) |
                                        (slice.is_last ? FLAG_IS_LAST : 0)};
    rk_mailbox_begin(&t->slices);
    rk_mailbox_put(&t->slices, reply, slice.bytes);
    rk_mailbox_end(&t->slices);
    rk_mailbox_wake(&t->slices);
    tell(t);
}

static void take_messages(struct rk_snap_thread *t, struct rk_bytes messages)
{
    struct rk_message message;
    struct rk_bytes bytes;
    while (!t->is_stopping && rk_message_next(&messages, &message, &bytes)) {
        switch ((enum kind)message.kind) {
        case KIND_OPEN:
            open_snapshot(t, message.number);
            break;
        case KIND_PUT:
            put(t, bytes, (message.flags & FLAG_SLICE_END) != 0);
            break;
        case KIND_FINISH:
            finish(t, &message);
            break;
        case KIND_ABORT:
            if (t->writer != NULL) {
                end_snapshot(t, false);
            }
            break;
        case KIND_PURGE:
            purge(t);
            break;
        case KIND_READ:
            read_log(t, bytes);
            break;
        case KIND_READ_END:
            if (t->slicer != NULL) {
                rk_log_slicer_drop(t->slicer, message.extra);
            }
            break;
        case KIND_STOP:
            t->is_stopping = true;
            break;
        }
    }
}

static void *run(void *ctx)
{
    struct rk_snap_thread *t = ctx;
    while (!t->is_stopping) {
        struct rk_bytes messages;
        rk_mailbox_take(&t->box, -1, &messages);
        take_messages(t, messages);
    }
    rk_snap_writer_destroy(t->writer);
    t->writer = NULL;
    rk_log_slicer_destroy(t->slicer);
    return NULL;
}

/* Signals are the loop's: a worker starts with all of them blocked. */
static bool start(struct rk_snap_thread *t)
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

struct rk_snap_thread *rk_snap_thread_create(struct rk_mem *mem,
                                             const struct rk_snap_thread_config *config,
                                             const struct rk_disk *disk, struct rk_log *log,
                                             uv_async_t *news)
{
    struct rk_snap_thread *t = rk_mem_zalloc(mem, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->home = mem;
    t->config = *config;
    t->disk = disk;
    t->log = log;
    t->news = news;
    rk_mailbox_init(&t->box, config->queue_bytes_max);
    rk_mailbox_init(&t->slices, config->queue_bytes_max);
    int err = pthread_mutex_init(&t->report_lock, NULL);
    RK_ASSERT(err == 0);
    rk_mem_libc_init(&t->mem, 0);
    if (!start(t)) {
        rk_mailbox_deinit(&t->box);
        rk_mailbox_deinit(&t->slices);
        rk_mem_free(mem, t, sizeof(*t));
        return NULL;
    }
    return t;
}

static void send_one(struct rk_snap_thread *t, struct rk_message message, struct rk_bytes bytes)
{
    rk_mailbox_begin(&t->box);
    rk_mailbox_put(&t->box, message, bytes);
    rk_mailbox_end(&t->box);
    rk_mailbox_wake(&t->box);
}

static const struct rk_bytes no_bytes = {NULL, 0};

void rk_snap_thread_destroy(struct rk_snap_thread *t)
{
    if (t == NULL) {
        return;
    }
    send_one(t, (struct rk_message){.kind = KIND_STOP}, no_bytes);
    int err = pthread_join(t->thread, NULL);
    RK_ASSERT(err == 0);
    rk_mailbox_deinit(&t->box);
    rk_mailbox_deinit(&t->slices);
    (void)pthread_mutex_destroy(&t->report_lock); /* nobody holds it */
    rk_mem_free(t->home, t, sizeof(*t));
}

void rk_snap_thread_open(struct rk_snap_thread *t, rk_zxid zxid)
{
    send_one(t, (struct rk_message){.kind = KIND_OPEN, .number = zxid}, no_bytes);
}

void rk_snap_thread_put(struct rk_snap_thread *t, struct rk_bytes body, bool is_slice_end)
{
    struct rk_message message = {.kind = KIND_PUT, .flags = is_slice_end ? FLAG_SLICE_END : 0};
    send_one(t, message, body);
}

void rk_snap_thread_finish(struct rk_snap_thread *t, bool has_digest, rk_zxid zxid, uint64_t digest)
{
    struct rk_message message = {.kind = KIND_FINISH,
                                 .number = zxid,
                                 .extra = digest,
                                 .flags = has_digest ? FLAG_HAS_DIGEST : 0};
    send_one(t, message, no_bytes);
}

void rk_snap_thread_abort(struct rk_snap_thread *t)
{
    send_one(t, (struct rk_message){.kind = KIND_ABORT}, no_bytes);
}

void rk_snap_thread_purge(struct rk_snap_thread *t)
{
    send_one(t, (struct rk_message){.kind = KIND_PURGE}, no_bytes);
}

void rk_snap_thread_read(struct rk_snap_thread *t, const struct rk_log_ask *ask)
{
    send_one(t, (struct rk_message){.kind = KIND_READ}, rk_bytes_of(ask, sizeof(*ask)));
}

void rk_snap_thread_read_end(struct rk_snap_thread *t, uint64_t reader)
{
    send_one(t, (struct rk_message){.kind = KIND_READ_END, .extra = reader}, no_bytes);
}

void rk_snap_thread_slices(struct rk_snap_thread *t, struct rk_bytes *ret)
{
    rk_mailbox_take(&t->slices, 0, ret);
}

bool rk_snap_next_slice(struct rk_bytes *slices, uint64_t *ret_reader, struct rk_log_slice *ret)
{
    struct rk_message message;
    if (!rk_message_next(slices, &message, &ret->bytes)) {
        return false;
    }
    *ret_reader = message.extra;
    ret->is_ok = (message.flags & FLAG_IS_OK) != 0;
    ret->is_last = (message.flags & FLAG_IS_LAST) != 0;
    ret->before = message.number;
    return true;
}

void rk_snap_thread_report(struct rk_snap_thread *t, struct rk_snap_report *ret)
{
    lock_report(t);
    *ret = t->report;
    unlock_report(t);
}
