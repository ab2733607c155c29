/* Log lines: one line per decision, to one file descriptor (stderr in production). A line is
 *   2026-11-22T22:01:02.123Z INFO  text key=value
 * or, when the descriptor is the journal's, `<6>text key=value`. Whatever the text holds, it stays
 * one line of printable UTF-8: everything else is escaped, so callers may pass bytes of clients.
 * Any thread may write; a line goes out with one write call. */
#ifndef RK_SHELL_LOG_H
#define RK_SHELL_LOG_H

#include "base/bytes.h"

#include <stdatomic.h>

enum rk_log_level {
    RK_LEVEL_ERROR,
    RK_LEVEL_WARN,
    RK_LEVEL_INFO,
    RK_LEVEL_DEBUG,
};

#define RK_LOG_LINE_MAX 2048u

struct rk_log {
    int fd;
    enum rk_log_level level;
    bool is_journal;
    atomic_uint_fast64_t lost; /* lines the descriptor did not take */
};

/* Does not take the descriptor over. Finds out whether it is the journal's (JOURNAL_STREAM). */
void rk_log_init(struct rk_log *log, int fd, enum rk_log_level level);
/* "error", "warn", "info", "debug", in any case; false for anything else. */
bool rk_log_level_parse(struct rk_bytes text, enum rk_log_level *ret_level);
bool rk_log_is_on(const struct rk_log *log, enum rk_log_level level);
/* Longer lines are cut and marked. */
void rk_log_write(struct rk_log *log, enum rk_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Printable form of bytes: printable UTF-8 as it is, the rest as \xNN, a backslash doubled; cut at
 * cap with "..." at the end. Always NUL-terminated; cap >= 8. Returns the length. For a field of a
 * line whose bytes may hold NUL, or must not run long. */
size_t rk_log_escape(char *out, size_t cap, struct rk_bytes text);
/* "2026-11-22T22:01:02.123Z" for milliseconds since 1970. Always 24 characters and a NUL. */
void rk_log_time(char out[25], int64_t wall_ms);

/* At most `burst` lines of one kind per second; what was held back is told with the next line. One
 * thread uses it. */
struct rk_log_limit {
    int64_t window_ms; /* start of the current second */
    uint32_t burst;
    uint32_t used;
    uint64_t suppressed;
};
/* True if the line may go out; *ret_suppressed is then how many did not since the last one. */
bool rk_log_limit_pass(struct rk_log_limit *limit, int64_t now_ms, uint64_t *ret_suppressed);

#endif
