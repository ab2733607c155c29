/* rookery-log and rookery-snapshot over arbitrary bytes. The first byte says what the rest is: a
 * log or a snapshot as it lies there, or the payloads of a log's records, or the body of a
 * snapshot, which get right checksums, so that what lies behind these is reached, too. Whatever
 * comes: no crash, no memory held, and nothing but printable text (or JSON's escapes) on the
 * output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem_libc.h"
#include "inspect/tool.h"
#include "store/snap_format.h"
#include "store/wal_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)1 << 18)

struct file {
    uint8_t bytes[INPUT_MAX * 2 + 256];
    size_t len;
};

static void put(struct file *f, const void *data, size_t len)
{
    RK_ASSERT(len <= sizeof(f->bytes) - f->len);
    memcpy(f->bytes + f->len, data, len);
    f->len += len;
}

/* Two bytes of length, then a payload. Long enough ones cost fewer than twice their bytes. */
static void put_records(struct file *f, const uint8_t *data, size_t size)
{
    uint8_t head[RK_WAL_HEADER_BYTES];
    uint8_t end = RK_WAL_END_BYTE;
    rk_wal_put_header(head, 0);
    put(f, head, sizeof(head));
    while (size >= 2 + RK_WAL_PAYLOAD_MIN) {
        size_t n = ((size_t)data[0] << 8 | data[1]) % 4096;
        n = n < RK_WAL_PAYLOAD_MIN ? RK_WAL_PAYLOAD_MIN : n;
        n = n < size - 2 ? n : size - 2;
        rk_store_i64(head, (int64_t)adler32(adler32(0, NULL, 0), data + 2, (uInt)n));
        rk_store_i32(head + 8, (int32_t)n);
        put(f, head, RK_WAL_HEAD_BYTES);
        put(f, data + 2, n);
        put(f, &end, 1);
        data += 2 + n;
        size -= 2 + n;
    }
}

static void put_snapshot(struct file *f, const uint8_t *data, size_t size)
{
    uint8_t head[RK_SNAP_HEADER_BYTES];
    uint8_t seal[RK_SNAP_SEAL_BYTES];
    rk_snap_put_header(head);
    put(f, head, sizeof(head));
    put(f, data, size);
    put(f, rk_snap_tail, RK_SNAP_TAIL_BYTES);
    rk_snap_put_seal(seal, (uint32_t)adler32(adler32(0, NULL, 0), f->bytes, (uInt)f->len));
    put(f, seal, sizeof(seal));
}

static void check_text(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        RK_ASSERT(c == '\n' || (c >= 0x20 && c != 0x7f));
    }
}

static void run(bool is_log, const char *path, const char *const *words, size_t count)
{
    struct rk_mem mem;
    char *text = NULL;
    size_t len = 0;
    char *args[8];
    char name[16];
    (void)snprintf(name, sizeof(name), "fuzz");
    rk_mem_libc_init(&mem, 0);
    struct rk_ins_tool tool = {.name = name, .mem = &mem};
    tool.in = fopen("/dev/null", "r");
    tool.out = open_memstream(&text, &len);
    tool.err = fopen("/dev/null", "w");
    RK_ASSERT(tool.in != NULL && tool.out != NULL && tool.err != NULL && count + 2 < 8);
    args[0] = name;
    for (size_t i = 0; i < count; i++) {
        args[i + 1] = (char *)(uintptr_t)words[i];
    }
    args[count + 1] = (char *)(uintptr_t)path;
    enum rk_ins_exit status = is_log ? rk_ins_log_run(&tool, (int)count + 2, args)
                                     : rk_ins_snapshot_run(&tool, (int)count + 2, args);
    RK_ASSERT(status <= RK_INS_REFUSED);
    (void)fclose(tool.in);
    (void)fclose(tool.out);
    (void)fclose(tool.err);
    check_text(text, len);
    free(text);
    RK_ASSERT(mem.used_bytes == 0);
}

static void run_all(bool is_log, const char *path)
{
    static const char *const log[][4] = {{"dump"},
                                         {"dump", "-j", "-v"},
                                         {"verify"},
                                         {"verify", "-j"},
                                         {"summary", "-d", "2"},
                                         {"summary", "-j"},
                                         {"grep", "-p", "/a**b*"},
                                         {"grep", "-d", "a+$"}};
    static const char *const snapshot[][4] = {
        {"dump", "-d"},   {"dump", "-l", "-d"}, {"dump", "--json"}, {"verify"},
        {"verify", "-j"}, {"summary"},          {"export"},         {"compare"}};
    for (size_t i = 0; i < 8; i++) {
        const char *const *words = is_log ? log[i] : snapshot[i];
        size_t count = 0;
        while (count < 4 && words[count] != NULL) {
            count++;
        }
        const char *compare[] = {"compare", "-b", "0", "-l", path};
        if (!is_log && i == 7) {
            run(false, path, compare, 5);
        } else {
            run(is_log, path, words, count);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct file f;
    char path[64];
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    uint8_t mode = data[0] % 4;
    f.len = 0;
    if (mode == 0 || mode == 1) {
        put(&f, data + 1, size - 1);
    } else if (mode == 2) {
        put_records(&f, data + 1, size - 1);
    } else {
        put_snapshot(&f, data + 1, size - 1);
    }
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    RK_ASSERT(fd >= 0);
    ssize_t written = write(fd, f.bytes, f.len);
    RK_ASSERT(written == (ssize_t)f.len);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    run_all(mode == 0 || mode == 2, path);
    (void)close(fd);
    return 0;
}
