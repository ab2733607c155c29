/* One line for the operator about what is wrong with the files. */
#ifndef RK_STORE_PROBLEM_H
#define RK_STORE_PROBLEM_H

/* File, offset, what, and what to do. */
struct rk_problem {
    char text[512];
};

/* printf; cut if it does not fit. */
void rk_problem_set(struct rk_problem *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
