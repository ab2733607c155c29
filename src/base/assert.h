/* Assertions, on in every build. They guard programmer errors only: never a byte that came from
 * outside. rk_panic is the one way out of the pure rooms; the shell (or a test) supplies it. */
#ifndef RK_BASE_ASSERT_H
#define RK_BASE_ASSERT_H

/* Reports the broken condition and ends the process. Never returns. Defined once per program. */
_Noreturn void rk_panic(const char *file, int line, const char *what);

#define RK_ASSERT(cond) ((cond) ? (void)0 : rk_panic(__FILE__, __LINE__, #cond))

/* Documents that both outcomes are fine. */
#define RK_MAYBE(cond) ((void)(cond))

#define RK_MUST_CHECK __attribute__((warn_unused_result))

#endif
