/* Putting the line together. */
#include "store/problem.h"

#include <stdarg.h>
#include <stdio.h>

void rk_problem_set(struct rk_problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->text, sizeof(p->text), format, args); /* cut if it does not fit */
    va_end(args);
}
