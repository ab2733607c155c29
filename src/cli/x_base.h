/* What the extra commands share: memory, texts, paths, sizes and times of day, time.
 *
 * Memory: a command line tool that is out of memory has nothing left to say, so rk_x_alloc and what
 * builds on it never return NULL: they end the program with one line. What can grow
 * by what a server or a file says is bounded where it is read. */
#ifndef RK_CLI_X_BASE_H
#define RK_CLI_X_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed. */
void *rk_x_alloc(size_t bytes);
void *rk_x_resize(void *old, size_t bytes);
char *rk_x_dup(const char *text);
char *rk_x_dup_bytes(const void *from, size_t bytes); /* ends in 0 */
char *rk_x_format(const char *form, ...) __attribute__((format(printf, 1, 2)));

/* A text or bytes that grow; always ends in 0 once something was added. Zero-initialised is empty.
 */
struct rk_x_text {
    char *at;
    size_t bytes, room;
};
void rk_x_text_add(struct rk_x_text *t, const void *from, size_t bytes);
void rk_x_text_free(struct rk_x_text *t);

/* -- Paths: absolute, no slash at the end except "/" itself ------------------------------------ */

/* NULL if path is one that a server takes, else what is wrong with it. */
const char *rk_x_path_wrong(const char *path);
char *rk_x_path_join(const char *parent, const char *name);
/* path of a node relative to root as "/a/b", "/" for root itself. path must be in root. */
const char *rk_x_path_below(const char *root, const char *path);
/* root and a path as rk_x_path_below gives them, put together again. */
char *rk_x_path_at(const char *root, const char *below);
bool rk_x_path_is_in(const char *root, const char *path);
/* The last component; "/" of the root. */
const char *rk_x_path_name(const char *path);
/* In the order of a walk: a node before those below it, siblings by the bytes of their names. */
int rk_x_path_compare(const char *a, const char *b);

/* -- Numbers ------------------------------------------------------------------------------------
 */

/* "17", "+10k", "-3M" (1024s); for find: ret_sign is -1, 0 or 1. False if it is no such thing. */
bool rk_x_parse_size(const char *text, int *ret_sign, int64_t *ret_bytes);
/* "90" (seconds), "1500ms", "30s", "5m", "2h", "7d", with a sign as above. */
bool rk_x_parse_age(const char *text, int *ret_sign, int64_t *ret_ms);
/* "873", "12.3K", "4.0M": at most seven characters. */
void rk_x_size_text(int64_t bytes, char out[16]);
void rk_x_time_text(int64_t epoch_ms, char out[32]); /* 2026-01-31T10:20:30.123Z */

/* -- Clocks -------------------------------------------------------------------------------------
 */

int64_t rk_x_clock_ms(void);    /* monotonic */
int64_t rk_x_epoch_ms(void);    /* time of day */
void rk_x_sleep_ms(int64_t ms); /* ends early on a signal */

/* -- Patterns ------------------------------------------------------------------------------------
 */

bool rk_x_is_text(const char *bytes, size_t count); /* valid UTF-8 without 0 */

#endif
