/* rk_panic for unit tests: expect_assert_failure() catches it, anything else fails the test and
 * names the broken condition. */
#include "support/cmocka_all.h"

#include <stdlib.h>

#include "base/assert.h"

jmp_buf *rk_test_panic_env;

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>

void rk_test_leaks_ignored(void)
{
    __lsan_disable();
}

void rk_test_leaks_counted(void)
{
    __lsan_enable();
}
#else
void rk_test_leaks_ignored(void)
{
}

void rk_test_leaks_counted(void)
{
}
#endif

_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    if (rk_test_panic_env != NULL) {
        longjmp(*rk_test_panic_env, 1);
    }
    mock_assert(0, what, file, line);
    abort(); /* mock_assert jumps; this tells the compiler */
}
