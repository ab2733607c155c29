/* rk_panic for unit tests: expect_assert_failure() catches it, anything else fails the test and
 * names the broken condition. */
#include "support/cmocka_all.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/bug.h"

#include <string.h>

#ifdef RK_BUGS
/* With one of the known bugs (tools/mutants): ROOKERY_BUG names it. */
extern uint32_t rk_bug_active __attribute__((weak)); /* not every test has the core */

__attribute__((constructor)) static void take_bug(void)
{
    static const char *const names[] = {
#define BUG_NAME(name, where, issue, text) #name,
        RK_BUG_TABLE(BUG_NAME)
#undef BUG_NAME
    };
    const char *wanted = getenv("ROOKERY_BUG");
    for (uint32_t i = 0; wanted != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (&rk_bug_active != NULL && strcmp(names[i], wanted) == 0) {
            rk_bug_active = i + 1;
        }
    }
}
#endif

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
