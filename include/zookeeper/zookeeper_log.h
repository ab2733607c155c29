/* The log of the library, for programs that want their own lines in it.
 *
 * A line is "yyyy-mm-dd hh:mm:ss,mmm:pid(thread):LEVEL@function@line: text". It goes to the
 * callback if there is one, else to the stream of zoo_set_log_stream (stderr by default). */
#ifndef ZK_LOG_H_
#define ZK_LOG_H_

#include "zookeeper.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Set by zoo_set_debug_level; 0 is silence. */
extern ZOOAPI ZooLogLevel logLevel;

#define LOGCALLBACK(_zh) zoo_get_log_callback(_zh)
#define LOGSTREAM        NULL

#define LOG_ERROR(_cb, ...)                                                                        \
    if (logLevel >= ZOO_LOG_LEVEL_ERROR)                                                           \
    log_message(_cb, ZOO_LOG_LEVEL_ERROR, __LINE__, __func__, __VA_ARGS__)
#define LOG_WARN(_cb, ...)                                                                         \
    if (logLevel >= ZOO_LOG_LEVEL_WARN)                                                            \
    log_message(_cb, ZOO_LOG_LEVEL_WARN, __LINE__, __func__, __VA_ARGS__)
#define LOG_INFO(_cb, ...)                                                                         \
    if (logLevel >= ZOO_LOG_LEVEL_INFO)                                                            \
    log_message(_cb, ZOO_LOG_LEVEL_INFO, __LINE__, __func__, __VA_ARGS__)
#define LOG_DEBUG(_cb, ...)                                                                        \
    if (logLevel == ZOO_LOG_LEVEL_DEBUG)                                                           \
    log_message(_cb, ZOO_LOG_LEVEL_DEBUG, __LINE__, __func__, __VA_ARGS__)

/* Writes one line, whatever the level; longer than 4095 bytes it is cut. callback NULL: to the
 * stream. */
ZOOAPI void log_message(log_callback_fn callback, ZooLogLevel curLevel, int line,
                        const char *funcName, const char *format, ...);

ZOOAPI FILE *zoo_get_log_stream(void);

#ifdef __cplusplus
}
#endif
#endif
