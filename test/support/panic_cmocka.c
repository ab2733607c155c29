/* rk_panic for unit tests: expect_assert_failure() catches it, anything else fails the test and
 * names the broken condition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"

_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    mock_assert(0, what, file, line);
    abort(); /* mock_assert jumps; this tells the compiler */
}
