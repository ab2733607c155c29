/* Coroutines over ucontext. AddressSanitizer is told of every switch of stacks. */
#include "sim/fiber.h"

#include "base/assert.h"
#include "base/poison.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define STACK_BYTES ((size_t)512 << 10)

#ifdef RK_POISON
/* Of the sanitizer's runtime. */
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old,
                                     size_t *size_old);
#endif

enum fiber_state {
    FIBER_IDLE,
    FIBER_READY,
    FIBER_SUSPENDED,
    FIBER_RUNNING,
};

struct sim_fiber {
    enum fiber_state state;
    ucontext_t inside;
    ucontext_t outside;
    void *stack;
    void (*body)(void *ctx);
    void *ctx;
    const void *outer_bottom;
    size_t outer_size;
};

struct sim_fiber *rk_sim_fiber_create(void)
{
    struct sim_fiber *f = calloc(1, sizeof(*f));
    RK_ASSERT(f != NULL);
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    RK_ASSERT(f->stack != MAP_FAILED);
    return f;
}

void rk_sim_fiber_destroy(struct sim_fiber *f)
{
    if (f == NULL) {
        return;
    }
    RK_ASSERT(f->state == FIBER_IDLE);
    int err = munmap(f->stack, STACK_BYTES);
    RK_ASSERT(err == 0);
    free(f);
}

static void switch_out(struct sim_fiber *f, bool is_last)
{
#ifdef RK_POISON
    void *fake = NULL;
    __sanitizer_start_switch_fiber(is_last ? NULL : &fake, f->outer_bottom, f->outer_size);
#else
    (void)is_last;
#endif
    int err = swapcontext(&f->inside, &f->outside);
    RK_ASSERT(err == 0);
#ifdef RK_POISON
    __sanitizer_finish_switch_fiber(fake, &f->outer_bottom, &f->outer_size);
#endif
}

/* makecontext passes ints only. */
static void run(unsigned high, unsigned low)
{
    struct sim_fiber *f = (struct sim_fiber *)(((uintptr_t)high << 32) | (uintptr_t)low);
#ifdef RK_POISON
    __sanitizer_finish_switch_fiber(NULL, &f->outer_bottom, &f->outer_size);
#endif
    f->body(f->ctx);
    f->state = FIBER_IDLE;
    switch_out(f, true);
    rk_panic(__FILE__, __LINE__, "an ended fiber was resumed");
}

void rk_sim_fiber_start(struct sim_fiber *f, void (*body)(void *ctx), void *ctx)
{
    RK_ASSERT(f->state == FIBER_IDLE);
    int err = getcontext(&f->inside);
    RK_ASSERT(err == 0);
    f->inside.uc_stack.ss_sp = f->stack;
    f->inside.uc_stack.ss_size = STACK_BYTES;
    f->inside.uc_link = NULL;
    f->body = body;
    f->ctx = ctx;
    makecontext(&f->inside, (void (*)(void))run, 2, (unsigned)((uintptr_t)f >> 32),
                (unsigned)(uintptr_t)f);
    f->state = FIBER_READY;
}

void rk_sim_fiber_resume(struct sim_fiber *f)
{
    RK_ASSERT(f->state == FIBER_READY || f->state == FIBER_SUSPENDED);
    f->state = FIBER_RUNNING;
#ifdef RK_POISON
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, f->stack, STACK_BYTES);
#endif
    int err = swapcontext(&f->outside, &f->inside);
    RK_ASSERT(err == 0);
#ifdef RK_POISON
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    RK_ASSERT(f->state != FIBER_RUNNING);
}

void rk_sim_fiber_yield(struct sim_fiber *f)
{
    RK_ASSERT(f->state == FIBER_RUNNING);
    f->state = FIBER_SUSPENDED;
    switch_out(f, false);
}

bool rk_sim_fiber_is_idle(const struct sim_fiber *f)
{
    return f->state == FIBER_IDLE;
}

bool rk_sim_fiber_is_inside(const struct sim_fiber *f)
{
    return f->state == FIBER_RUNNING;
}
