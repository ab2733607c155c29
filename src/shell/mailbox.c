/* One lock, two bags. Guarantees order, and that neither thread ever waits for more than the
 * other's copying or swapping. What messages mean is the worker's business. */
#include "shell/mailbox.h"

#include "base/mem_libc.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* A bag that grew past this in a burst is given back once it is empty. */
#define BAG_KEEP_BYTES (8u << 20)

void rk_mailbox_init(struct rk_mailbox *box, size_t max_bytes)
{
    RK_ASSERT(max_bytes <= UINT32_MAX); /* a view's length is 32 bits */
    memset(box, 0, sizeof(*box));
    pthread_condattr_t attr;
    int err = pthread_mutex_init(&box->lock, NULL);
    RK_ASSERT(err == 0);
    err = pthread_condattr_init(&attr);
    RK_ASSERT(err == 0);
    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    RK_ASSERT(err == 0);
    err = pthread_cond_init(&box->more, &attr);
    RK_ASSERT(err == 0);
    (void)pthread_condattr_destroy(&attr); /* cannot fail */
    for (size_t i = 0; i < 2; i++) {
        rk_mem_libc_init(&box->bags[i].mem, 0);
        rk_buf_init(&box->bags[i].bytes, &box->bags[i].mem, max_bytes);
    }
}

void rk_mailbox_deinit(struct rk_mailbox *box)
{
    for (size_t i = 0; i < 2; i++) {
        rk_buf_deinit(&box->bags[i].bytes);
        RK_ASSERT(box->bags[i].mem.used_bytes == 0);
    }
    (void)pthread_cond_destroy(&box->more);  /* nobody waits any more */
    (void)pthread_mutex_destroy(&box->lock); /* nor holds it */
}

static void lock(struct rk_mailbox *box)
{
    int err = pthread_mutex_lock(&box->lock);
    RK_ASSERT(err == 0);
}

static void unlock(struct rk_mailbox *box)
{
    int err = pthread_mutex_unlock(&box->lock);
    RK_ASSERT(err == 0);
}

void rk_mailbox_begin(struct rk_mailbox *box)
{
    lock(box);
}

void rk_mailbox_put(struct rk_mailbox *box, struct rk_message message, struct rk_bytes bytes)
{
    struct rk_buf *to = &box->bags[box->filling].bytes;
    message.len = bytes.len;
    rk_buf_put(to, &message, sizeof(message));
    if (bytes.len > 0) {
        rk_buf_put(to, bytes.data, bytes.len);
    }
    /* The core bounds what is in flight; losing a record of the log is not an option. */
    RK_ASSERT(!to->failed);
}

void rk_mailbox_end(struct rk_mailbox *box)
{
    unlock(box);
}

void rk_mailbox_wake(struct rk_mailbox *box)
{
    lock(box);
    bool must_wake = box->is_waiting && box->bags[box->filling].bytes.len > 0;
    unlock(box);
    if (must_wake) {
        int err = pthread_cond_signal(&box->more);
        RK_ASSERT(err == 0);
    }
}

static struct timespec time_after(int64_t timeout_ms)
{
    struct timespec at;
    int err = clock_gettime(CLOCK_MONOTONIC, &at);
    RK_ASSERT(err == 0);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += timeout_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void rk_mailbox_take(struct rk_mailbox *box, int64_t timeout_ms, struct rk_bytes *ret)
{
    struct timespec until = time_after(timeout_ms < 0 ? 0 : timeout_ms);
    /* Only the taker changes `filling`, so it may look at it, and at its own bag, without the lock.
     */
    struct rk_mailbag *mine = &box->bags[1 - box->filling];
    rk_buf_reset(&mine->bytes);
    if (mine->bytes.cap > BAG_KEEP_BYTES) {
        rk_buf_deinit(&mine->bytes);
    }
    lock(box);
    while (box->bags[box->filling].bytes.len == 0) {
        box->is_waiting = true;
        int err = timeout_ms < 0 ? pthread_cond_wait(&box->more, &box->lock)
                                 : pthread_cond_timedwait(&box->more, &box->lock, &until);
        RK_ASSERT(err == 0 || err == ETIMEDOUT);
        if (err == ETIMEDOUT) {
            break;
        }
    }
    box->is_waiting = false;
    box->filling = 1 - box->filling;
    *ret = rk_buf_view(&box->bags[1 - box->filling].bytes);
    unlock(box);
}

bool rk_message_next(struct rk_bytes *messages, struct rk_message *ret, struct rk_bytes *ret_bytes)
{
    if (messages->len == 0) {
        return false;
    }
    RK_ASSERT(messages->len >= sizeof(*ret));
    memcpy(ret, messages->data, sizeof(*ret));
    messages->data += sizeof(*ret);
    messages->len -= (uint32_t)sizeof(*ret);
    RK_ASSERT(messages->len >= ret->len);
    *ret_bytes = rk_bytes_of(messages->data, ret->len);
    messages->data += ret->len;
    messages->len -= ret->len;
    return true;
}
