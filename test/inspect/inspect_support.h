/* The tools run in this process, on files in a directory of their own. */
#ifndef RK_TEST_INSPECT_SUPPORT_H
#define RK_TEST_INSPECT_SUPPORT_H

#include "support/cmocka_all.h"

#include <string.h>

#include "base/mem_libc.h"
#include "inspect/tool.h"

/* Offsets of the records of golden/plain/log.1 and of its end. */
struct bench_records {
    size_t at[64];
    size_t count; /* at[count] is the end */
};

struct bench {
    char dir[64]; /* removed by bench_close, with all that is in it */
    struct rk_mem mem;
    char *out; /* of the last run */
    char *err;
    size_t out_len;
    size_t err_len;
};

void bench_open(struct bench *b);
/* Also checks that no memory is held. */
void bench_close(struct bench *b);

/* argv behind the program's name, up to NULL; "@name" is name in the bench's directory. answers are
 * what a person types. */
int bench_log(struct bench *b, const char *answers, const char *const *argv);
int bench_snapshot(struct bench *b, const char *answers, const char *const *argv);
#define LOG(b, ...)      bench_log(b, "", (const char *const[]){__VA_ARGS__, NULL})
#define SNAPSHOT(b, ...) bench_snapshot(b, "", (const char *const[]){__VA_ARGS__, NULL})

bool says(const char *text, const char *what);
size_t count_of(const char *text, const char *what);

/* Copies test/store/golden/<from> to name; the caller frees nothing. */
void bench_golden(struct bench *b, const char *from, const char *name);
void bench_write(struct bench *b, const char *name, const void *data, size_t len);
/* NULL if there is no such file; to be freed. */
uint8_t *bench_read(struct bench *b, const char *name, size_t *ret_len);
bool bench_has(struct bench *b, const char *name);
/* golden/plain/log.1 as log.1, and its bytes; to be freed. */
uint8_t *bench_log_1(struct bench *b, size_t *ret_len, struct bench_records *ret);
/* The path of name; until the next call. */
const char *bench_path(struct bench *b, const char *name);

#endif
