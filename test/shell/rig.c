/* A whole server inside the test; see rig.h. */
#include "support/cmocka_all.h"

#include "shell/rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem_libc.h"
#include "shell/digest.h"

rk_lookup_fn rig_lookup;

static uint32_t crc32_of(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rig_config(struct rk_shell_config *config)
{
    rk_shell_config_init(config);
    config->conn_max = 4096;
    config->client_conn_max = 0;
    config->wal.prealloc_bytes = 1u << 20;
    config->log_reserve_bytes = 64u << 10;
    config->wal.nonce = 4711;
}

static void make_core(struct rig *r, const struct rk_shell_config *config)
{
    struct rk_core_config core = {
        .seed = 1,
        .server_id = 1,
        .clock_ms = 1700000000000,
        .tick_ms = 1000,
        .min_session_timeout_ms = 2000,
        .max_session_timeout_ms = 60000,
        .frame_bytes_max = config->frame_bytes_max,
        .record_bytes_max = config->frame_bytes_max * 2,
        .conn_max = config->conn_max,
        .digest = true,
        .close_session_txn = true,
        .crc32 = crc32_of,
        .digest_scheme = true,
        .snap_count = 1000,
        .snap_slice_nodes = 100,
        .container_check_ms = 60000,
        .container_per_minute = 10000,
        .global_outstanding_max = 100000,
        .conn_outstanding_max = 10000,
        .queued_bytes_max = 64u << 20,
        .inflight_bytes_max = 64u << 20,
        .large_request_threshold = -1,
        .connect_fill_time_ms = 1,
        .connect_fill_count = 1,
        .connect_freeze_ms = -1,
    };
    assert_true(rk_digest_by_name(rk_bytes_str("SHA1"), &core.digest_alg));
    r->core = rk_core_create(&r->mem, &core);
    assert_non_null(r->core);
    struct rk_recover_options options = {.record_bytes_max = core.record_bytes_max,
                                         .db_autocreate = true};
    struct rk_restore_sink sink = rk_core_restore_sink(r->core);
    struct rk_recovered recovered;
    struct rk_problem problem;
    assert_int_equal(rk_recover(&r->mem, &r->disk, &options, &sink, &recovered, &problem), RK_OK);
}

static uint16_t port_of(const char *bound)
{
    const char *colon = strrchr(bound, ':');
    assert_non_null(colon);
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* -- the device
 * ------------------------------------------------------------------------------------ */

static enum rk_err device_open(void *ctx, enum rk_disk_dir dir, const char *name,
                               enum rk_disk_open how, rk_file *ret_file)
{
    struct rig *r = ctx;
    if (atomic_load(&r->device) == RIG_DEVICE_FULL && rk_disk_creates(how)) {
        return RK_ERR_NO_SPACE;
    }
    return r->real_disk.ops->open(r->real_disk.ctx, dir, name, how, ret_file);
}

static enum rk_err device_write(void *ctx, rk_file file, uint64_t offset, const void *data,
                                size_t len)
{
    struct rig *r = ctx;
    uint64_t size = 0;
    if (atomic_load(&r->device) == RIG_DEVICE_FULL) {
        enum rk_err err = r->real_disk.ops->size(r->real_disk.ctx, file, &size);
        if (err != RK_OK || offset + len > size) {
            return RK_ERR_NO_SPACE;
        }
    }
    return r->real_disk.ops->write(r->real_disk.ctx, file, offset, data, len);
}

static enum rk_err device_allocate(void *ctx, rk_file file, uint64_t size)
{
    struct rig *r = ctx;
    if (atomic_load(&r->device) == RIG_DEVICE_FULL) {
        return RK_ERR_NO_SPACE;
    }
    return r->real_disk.ops->allocate(r->real_disk.ctx, file, size);
}

static enum rk_err device_sync(void *ctx, rk_file file)
{
    struct rig *r = ctx;
    int device = atomic_load(&r->device);
    if (device == RIG_DEVICE_BROKEN) {
        errno = EIO;
        return RK_ERR_IO;
    }
    if (device == RIG_DEVICE_SLOW) {
        (void)usleep(50000);
    }
    return r->real_disk.ops->sync(r->real_disk.ctx, file);
}

static enum rk_err device_list(void *ctx, enum rk_disk_dir dir,
                               void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct rig *r = ctx;
    return r->real_disk.ops->list(r->real_disk.ctx, dir, each, each_ctx);
}

static void device_close(void *ctx, rk_file file)
{
    struct rig *r = ctx;
    r->real_disk.ops->close(r->real_disk.ctx, file);
}

static enum rk_err device_size(void *ctx, rk_file file, uint64_t *ret_size)
{
    struct rig *r = ctx;
    return r->real_disk.ops->size(r->real_disk.ctx, file, ret_size);
}

static enum rk_err device_read(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                               size_t *ret_got)
{
    struct rig *r = ctx;
    return r->real_disk.ops->read(r->real_disk.ctx, file, offset, out, len, ret_got);
}

static enum rk_err device_truncate(void *ctx, rk_file file, uint64_t size)
{
    struct rig *r = ctx;
    return r->real_disk.ops->truncate(r->real_disk.ctx, file, size);
}

static enum rk_err device_sync_dir(void *ctx, enum rk_disk_dir dir)
{
    struct rig *r = ctx;
    return r->real_disk.ops->sync_dir(r->real_disk.ctx, dir);
}

static enum rk_err device_rename(void *ctx, enum rk_disk_dir dir, const char *from, const char *to)
{
    struct rig *r = ctx;
    return r->real_disk.ops->rename(r->real_disk.ctx, dir, from, to);
}

static enum rk_err device_unlink(void *ctx, enum rk_disk_dir dir, const char *name)
{
    struct rig *r = ctx;
    return r->real_disk.ops->unlink(r->real_disk.ctx, dir, name);
}

static const struct rk_disk_ops device_ops = {
    .list = device_list,
    .open = device_open,
    .close = device_close,
    .size = device_size,
    .read = device_read,
    .write = device_write,
    .allocate = device_allocate,
    .truncate = device_truncate,
    .sync = device_sync,
    .sync_dir = device_sync_dir,
    .rename = device_rename,
    .unlink = device_unlink,
};

/* -- up and down
 * ----------------------------------------------------------------------------------- */

void rig_open(struct rig *r, const struct rk_shell_config *config,
              const struct rk_admin_hook *admin)
{
    memset(r, 0, sizeof(*r));
    rk_mem_libc_init(&r->mem, 0);
    r->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(r->log_fd >= 0);
    rk_log_init(&r->log, r->log_fd, RK_LEVEL_DEBUG);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/rk-shell-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    struct rk_disk_posix_options disk_options = {.data_dir = r->dir, .autocreate = true};
    struct rk_problem problem;
    assert_int_equal(rk_disk_posix_create(&r->mem, &disk_options, &r->files, &problem), RK_OK);
    r->real_disk = rk_disk_posix_port(r->files);
    r->disk = (struct rk_disk){.ops = &device_ops, .ctx = r};
    make_core(r, config);
    struct rk_shell_listen listen = {.host = "127.0.0.1", .port = 0};
    struct rk_shell_config with_port = *config;
    with_port.listen = &listen;
    with_port.listen_count = 1;
    struct rk_shell_parts parts = {.mem = &r->mem,
                                   .log = &r->log,
                                   .core = r->core,
                                   .disk = &r->disk,
                                   .admin = admin,
                                   .lookup = rig_lookup};
    r->shell = rk_shell_create(&with_port, &parts);
    assert_non_null(r->shell);
    assert_int_equal(rk_shell_bind(r->shell), RK_OK);
    assert_int_equal(rk_shell_start(r->shell), RK_OK);
    assert_int_equal(rk_shell_listen(r->shell), RK_OK);
    r->port = port_of(rk_shell_bound(r->shell));
}

static void remove_files(const char *dir)
{
    char path[400];
    DIR *stream = opendir(dir);
    assert_non_null(stream);
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%.255s", dir, entry->d_name);
        if (entry->d_type == DT_DIR) {
            remove_files(path);
        } else {
            assert_int_equal(unlink(path), 0);
        }
    }
    closedir(stream);
    assert_int_equal(rmdir(dir), 0);
}

void rig_close(struct rig *r)
{
    rk_shell_destroy(r->shell);
    rk_core_destroy(r->core);
    rk_disk_posix_destroy(r->files);
    assert_int_equal(r->mem.used_bytes, 0);
    remove_files(r->dir);
    close(r->log_fd);
}

void rig_turn_once(struct rig *r)
{
    (void)uv_run(&r->shell->loop, UV_RUN_NOWAIT);
}

void rig_turn(struct rig *r, int64_t ms)
{
    int64_t until = now_ms() + ms;
    do {
        rig_turn_once(r);
        (void)usleep(500);
    } while (now_ms() < until);
}

bool rig_has_logged(const struct rig *r, const char *text)
{
    off_t size = lseek(r->log_fd, 0, SEEK_CUR);
    char *all = malloc((size_t)size + 1);
    assert_non_null(all);
    assert_int_equal(pread(r->log_fd, all, (size_t)size, 0), size);
    all[size] = '\0';
    bool has = strstr(all, text) != NULL;
    free(all);
    return has;
}

int rig_connect(struct rig *r, int rcvbuf)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (rcvbuf > 0) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

int rig_session(struct rig *r, int rcvbuf)
{
    uint8_t bytes[128];
    int fd = rig_connect(r, rcvbuf);
    rig_send(fd, bytes, put_connect(bytes, 0, 30000));
    assert_int_equal(rig_frame(r, fd, bytes, sizeof(bytes), 5000), 37);
    assert_true(rk_load_i64(bytes + 8) != 0);
    return fd;
}

void rig_send(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* 0 at the end of the stream, -1 for nothing there, -2 for a reset. */
static ssize_t recv_some(int fd, void *out, size_t len)
{
    ssize_t n = recv(fd, out, len, 0);
    if (n < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
    }
    return n;
}

size_t rig_recv(struct rig *r, int fd, void *out, size_t len, int64_t ms)
{
    size_t got = 0;
    int64_t until = now_ms() + ms;
    while (got < len && now_ms() < until) {
        ssize_t n = recv_some(fd, (uint8_t *)out + got, len - got);
        if (n == 0 || n == -2) {
            break;
        }
        if (n > 0) {
            got += (size_t)n;
        } else {
            rig_turn(r, 0);
        }
    }
    return got;
}

int32_t rig_frame(struct rig *r, int fd, uint8_t *out, size_t cap, int64_t ms)
{
    uint8_t head[4];
    size_t got = 0;
    int64_t until = now_ms() + ms;
    while (got < sizeof(head)) {
        ssize_t n = recv_some(fd, head + got, sizeof(head) - got);
        if (n == 0 || n == -2) {
            return n == 0 ? -1 : -2;
        }
        if (n > 0) {
            got += (size_t)n;
        } else if (now_ms() >= until) {
            return -3;
        } else {
            rig_turn(r, 0);
        }
    }
    int32_t len = rk_load_i32(head);
    assert_in_range(len, 0, cap);
    assert_int_equal(rig_recv(r, fd, out, (size_t)len, 5000), len);
    return len;
}

static size_t put_end(uint8_t *out, size_t len)
{
    rk_store_i32(out, (int32_t)(len - 4));
    return len;
}

static size_t put_head(uint8_t *out, int32_t xid, int32_t op)
{
    rk_store_i32(out + 4, xid);
    rk_store_i32(out + 8, op);
    return 12;
}

static size_t put_path(uint8_t *out, size_t at, const char *path)
{
    rk_store_i32(out + at, (int32_t)strlen(path));
    memcpy(out + at + 4, path, strlen(path));
    return at + 4 + strlen(path);
}

/* Bytes that tell where they are from. */
static size_t put_data(uint8_t *out, size_t at, size_t data_len)
{
    rk_store_i32(out + at, (int32_t)data_len);
    for (size_t i = 0; i < data_len; i++) {
        out[at + 4 + i] = (uint8_t)(i * 7 + i / 256);
    }
    return at + 4 + data_len;
}

size_t put_connect(uint8_t *out, int64_t session, int32_t timeout_ms)
{
    memset(out, 0, 49);
    rk_store_i32(out + 16, timeout_ms);
    rk_store_i64(out + 20, session);
    rk_store_i32(out + 28, 16);
    return put_end(out, 49);
}

size_t put_create(uint8_t *out, int32_t xid, const char *path, size_t data_len)
{
    size_t at = put_path(out, put_head(out, xid, 1), path);
    at = put_data(out, at, data_len);
    rk_store_i32(out + at, 1);      /* one ACL */
    rk_store_i32(out + at + 4, 31); /* everything */
    at = put_path(out, at + 8, "world");
    at = put_path(out, at, "anyone");
    rk_store_i32(out + at, 0);
    return put_end(out, at + 4);
}

size_t put_get(uint8_t *out, int32_t xid, const char *path)
{
    size_t at = put_path(out, put_head(out, xid, 4), path);
    out[at] = 0;
    return put_end(out, at + 1);
}

size_t put_set(uint8_t *out, int32_t xid, const char *path, size_t data_len)
{
    size_t at = put_path(out, put_head(out, xid, 5), path);
    at = put_data(out, at, data_len);
    rk_store_i32(out + at, -1);
    return put_end(out, at + 4);
}

size_t put_ping(uint8_t *out)
{
    return put_end(out, put_head(out, -2, 11));
}

size_t put_close(uint8_t *out, int32_t xid)
{
    return put_end(out, put_head(out, xid, -11));
}
