/* Preloaded: an allocator that fails when it is told to, and counts what is held. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* glibc's own, under the names that it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

void failing_malloc_at(long n);
long failing_malloc_count(void);
long failing_malloc_live(void);

static atomic_long fail_at, counted, live;

/* The allocation with number n from now on fails; 0: none. */
void failing_malloc_at(long n)
{
    atomic_store(&counted, 0);
    atomic_store(&fail_at, n);
}

long failing_malloc_count(void)
{
    return atomic_load(&counted);
}

long failing_malloc_live(void)
{
    return atomic_load(&live);
}

static int must_fail(void)
{
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (number != atomic_load(&fail_at))
        return 0;
    errno = ENOMEM;
    return 1;
}

static void *held(void *made)
{
    if (made)
        atomic_fetch_add(&live, 1);
    return made;
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : held(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : held(__libc_calloc(count, size));
}

void *realloc(void *ptr, size_t size)
{
    if (must_fail())
        return NULL;
    void *made = __libc_realloc(ptr, size);
    return ptr ? made : held(made);
}

void free(void *ptr)
{
    if (ptr)
        atomic_fetch_sub(&live, 1);
    __libc_free(ptr);
}
