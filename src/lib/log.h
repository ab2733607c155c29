/* Log lines of a session. They are collected under its lock and written behind it, because a log
 * callback may call anything. */
#ifndef RK_LIB_LOG_H
#define RK_LIB_LOG_H

#include "lib/lib_int.h"
#include "zookeeper/zookeeper_log.h"

bool rk_lib_logs(const struct rk_lib *s, int level);
void rk_lib_log(struct rk_lib *s, int level, int line, const char *function, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
/* Writes and frees. */
void rk_lib_log_flush(log_callback_fn callback, struct rk_lib_log_line *lines);

#define RK_LIB_LOG(s, level, ...)                                                                  \
    do {                                                                                           \
        if (rk_lib_logs((s), ZOO_LOG_LEVEL_##level))                                               \
            rk_lib_log((s), ZOO_LOG_LEVEL_##level, __LINE__, __func__, __VA_ARGS__);               \
    } while (0)

#endif
