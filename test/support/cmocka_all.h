/* cmocka with the headers it wants before it, and its expect_assert_failure() for rk_panic, made
 * quiet so that the output stays TAP. */
#ifndef RK_TEST_CMOCKA_ALL_H
#define RK_TEST_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Where rk_panic goes while one is expected; NULL otherwise, and then a panic fails the test. */
extern jmp_buf *rk_test_panic_env;

/* A panic by contract ends the process with everything it holds, and here the test goes on: between
 * these two the leak checker does not look. */
void rk_test_leaks_ignored(void);
void rk_test_leaks_counted(void);

#undef expect_assert_failure
#define expect_assert_failure(call)                                                                \
    do {                                                                                           \
        jmp_buf panic_env;                                                                         \
        rk_test_panic_env = &panic_env;                                                            \
        if (setjmp(panic_env) == 0) {                                                              \
            call;                                                                                  \
            rk_test_panic_env = NULL;                                                              \
            fail_msg("%s did not panic", #call);                                                   \
        }                                                                                          \
        rk_test_panic_env = NULL;                                                                  \
    } while (0)

#endif
