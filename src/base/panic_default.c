/* rk_panic for programs: one line on stderr, then abort, so that a core dump shows the caller. A
 * program with a log of its own defines rk_panic itself and this file is not linked. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    /* Nothing is left to do about a failing stderr. */
    (void)fprintf(stderr, "%s:%d: panic: %s\n", file, line, what);
    (void)fflush(stderr);
    abort();
}
