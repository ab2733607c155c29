/* Operating errors of the code itself (not the results clients see: those are proto/zk_error.h).
 * One table gives the enum and its texts. */
#ifndef RK_BASE_ERR_H
#define RK_BASE_ERR_H

#define RK_ERR_TABLE(X)                                                                            \
    X(OK, "ok")                                                                                    \
    X(NOMEM, "out of memory or over the configured limit")                                         \
    X(SHORT, "input ends before the record does")                                                  \
    X(MALFORMED, "malformed input")                                                                \
    X(TOO_BIG, "over the size limit")                                                              \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "exists already")                                                                    \
    X(IO, "input/output error")                                                                    \
    X(NO_SPACE, "no space left on the device")                                                     \
    X(CORRUPT, "damaged data")                                                                     \
    X(END, "end of input")                                                                         \
    X(BUSY, "in use by another process")                                                           \
    X(DENIED, "permission denied")                                                                 \
    X(INVALID, "invalid argument or configuration")                                                \
    X(UNSUPPORTED, "not supported")                                                                \
    X(AGAIN, "try again later")

enum rk_err {
#define RK_ERR_ENUM(name, text) RK_ERR_##name,
    RK_ERR_TABLE(RK_ERR_ENUM)
#undef RK_ERR_ENUM
};
#define RK_OK RK_ERR_OK

/* A static English text, never NULL. */
const char *rk_err_text(enum rk_err err);

#endif
