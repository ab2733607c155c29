/* See the header. */
#include "inspect_support.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/wal_format.h"

#define ARGS_MAX 24

void bench_open(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    /* Thousands of files are written anew, which a disk would be asked to keep each time. */
    bool has_shm = access("/dev/shm", W_OK) == 0;
    (void)snprintf(b->dir, sizeof(b->dir), "%s/rookery-inspect-XXXXXX",
                   has_shm ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(b->dir));
    rk_mem_libc_init(&b->mem, (size_t)256 << 20);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
}

static void forget_output(struct bench *b)
{
    free(b->out);
    free(b->err);
    b->out = NULL;
    b->err = NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void bench_close(struct bench *b)
{
    assert_int_equal(nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    forget_output(b);
    assert_int_equal(b->mem.used_bytes, 0);
}

static int run(struct bench *b, const char *answers, const char *const *argv, const char *name,
               enum rk_ins_exit (*tool_run)(struct rk_ins_tool *t, int argc, char **argv))
{
    static char words[ARGS_MAX][512];
    char *args[ARGS_MAX + 1];
    int argc = 1;
    (void)snprintf(words[0], sizeof(words[0]), "%s", name);
    for (int i = 0; argv[i] != NULL; i++, argc++) {
        assert_true(argc < ARGS_MAX);
        const char *slash = argv[i][0] == '@' ? b->dir : "";
        (void)snprintf(words[argc], sizeof(words[argc]), "%s%s%s", slash,
                       argv[i][0] == '@' ? "/" : "", argv[i] + (argv[i][0] == '@' ? 1 : 0));
    }
    for (int i = 0; i < argc; i++) {
        args[i] = words[i];
    }
    args[argc] = NULL;
    forget_output(b);
    struct rk_ins_tool tool = {.name = name, .mem = &b->mem};
    tool.in = fmemopen(NULL, strlen(answers) + 1, "w+");
    assert_non_null(tool.in);
    (void)fputs(answers, tool.in);
    rewind(tool.in);
    tool.out = open_memstream(&b->out, &b->out_len);
    tool.err = open_memstream(&b->err, &b->err_len);
    assert_true(tool.out != NULL && tool.err != NULL);
    int status = rk_ins_tool_finish(&tool, tool_run(&tool, argc, args));
    (void)fclose(tool.in);
    (void)fclose(tool.out);
    (void)fclose(tool.err);
    assert_int_equal(b->mem.used_bytes, 0);
    return status;
}

int bench_log(struct bench *b, const char *answers, const char *const *argv)
{
    return run(b, answers, argv, "rookery-log", rk_ins_log_run);
}

int bench_snapshot(struct bench *b, const char *answers, const char *const *argv)
{
    return run(b, answers, argv, "rookery-snapshot", rk_ins_snapshot_run);
}

bool says(const char *text, const char *what)
{
    return strstr(text, what) != NULL;
}

size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        count++;
    }
    return count;
}

static uint8_t *read_path(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long len = ftell(file);
    assert_true(len >= 0);
    rewind(file);
    uint8_t *data = malloc((size_t)len + 1);
    assert_non_null(data);
    *ret_len = fread(data, 1, (size_t)len, file);
    assert_int_equal(*ret_len, len);
    (void)fclose(file);
    return data;
}

void bench_golden(struct bench *b, const char *from, const char *name)
{
    char path[512];
    size_t len;
    (void)snprintf(path, sizeof(path), "%s/%s", RK_TEST_GOLDEN, from);
    uint8_t *data = read_path(path, &len);
    assert_non_null(data);
    bench_write(b, name, data, len);
    free(data);
}

const char *bench_path(struct bench *b, const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", b->dir, name);
    return path;
}

void bench_write(struct bench *b, const char *name, const void *data, size_t len)
{
    FILE *file = fopen(bench_path(b, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint8_t *bench_read(struct bench *b, const char *name, size_t *ret_len)
{
    return read_path(bench_path(b, name), ret_len);
}

bool bench_has(struct bench *b, const char *name)
{
    return access(bench_path(b, name), F_OK) == 0;
}

uint8_t *bench_log_1(struct bench *b, size_t *ret_len, struct bench_records *ret)
{
    bench_golden(b, "plain/log.1", "log.1");
    uint8_t *data = bench_read(b, "log.1", ret_len);
    assert_non_null(data);
    size_t at = RK_WAL_HEADER_BYTES;
    ret->count = 0;
    while (at < *ret_len) {
        ret->at[ret->count++] = at;
        at += RK_WAL_HEAD_BYTES + (size_t)rk_load_i32(data + at + 8) + 1;
    }
    ret->at[ret->count] = at;
    assert_int_equal(at, *ret_len);
    assert_int_equal(ret->count, 28);
    return data;
}
