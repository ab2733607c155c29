/* Tells AddressSanitizer which parts of a block are not to be touched; nothing in other builds. */
#ifndef RK_BASE_POISON_H
#define RK_BASE_POISON_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RK_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define RK_POISON 1
#endif

#ifdef RK_POISON
/* Of the sanitizer's runtime. */
void __asan_poison_memory_region(void const volatile *at, size_t size);
void __asan_unpoison_memory_region(void const volatile *at, size_t size);
#endif

static inline void rk_poison(void *at, size_t size)
{
#ifdef RK_POISON
    __asan_poison_memory_region(at, size);
#else
    (void)at;
    (void)size;
#endif
}

static inline void rk_unpoison(void *at, size_t size)
{
#ifdef RK_POISON
    __asan_unpoison_memory_region(at, size);
#else
    (void)at;
    (void)size;
#endif
}

#endif
