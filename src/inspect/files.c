/* The disk port of the tools. Guarantees that reading opens regular files only, for reading only,
 * follows no lock and drops nothing from the page cache of a server that uses it; that nothing is
 * changed unless the caller chose so. */
#include "inspect/files.h"
#include "inspect/out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DIR_COUNT 4
#define IO_MAX    ((size_t)1 << 30)
#define LOCK_NAME "rookery.lock"
#define FAKE_FILE INT32_MAX /* what is written there is gone */

static enum rk_err to_err(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
        return RK_ERR_NOT_FOUND;
    case EEXIST:
        return RK_ERR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return RK_ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
        return RK_ERR_NO_SPACE;
    default:
        return RK_ERR_IO;
    }
}

const char *rk_ins_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

bool rk_ins_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* -- The port
 * ------------------------------------------------------------------------------------------- */

static int dir_fd(const struct rk_ins_files *f, enum rk_disk_dir dir)
{
    RK_ASSERT((unsigned)dir < DIR_COUNT);
    return f->dirs[dir];
}

static enum rk_err port_list(void *ctx, enum rk_disk_dir dir,
                             void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct rk_ins_files *f = ctx;
    struct stat st;
    if (f->is_single) {
        each(each_ctx, f->shown);
        return RK_OK;
    }
    int fd = openat(dir_fd(f, dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        enum rk_err err = to_err(errno);
        if (fd >= 0) {
            (void)close(fd); /* read only */
        }
        return err;
    }
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        if (!rk_ins_is_printable(rk_bytes_str(entry->d_name))) {
            f->odd++; /* names are printed; no server gives such ones */
        } else if (fstatat(fd, entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
            each(each_ctx, entry->d_name);
        }
        errno = 0;
    }
    enum rk_err err = errno == 0 ? RK_OK : to_err(errno);
    (void)closedir(stream); /* read only */
    return err;
}

static enum rk_err open_regular(int dir, const char *name, int flags, rk_file *ret)
{
    struct stat st;
    /* Not to wait for the writer of a pipe that somebody put there. */
    int fd = openat(dir, name, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (fd < 0) {
        return to_err(errno);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd); /* nothing was written */
        return RK_ERR_INVALID;
    }
    *ret = fd + 1;
    return RK_OK;
}

static void say(struct rk_ins_files *f, const char *what, enum rk_disk_dir dir, const char *name)
{
    if (f->say == NULL) {
        return;
    }
    const char *at = f->dir_paths[dir == RK_DIR_LOG || dir == RK_DIR_DATALOG ? 1 : 0];
    bool is_base = dir == RK_DIR_DATA || dir == RK_DIR_DATALOG;
    (void)fprintf(f->say, "%s%s/%s%s\n", what, at, is_base ? "../" : "", name);
}

static enum rk_err port_open(void *ctx, enum rk_disk_dir dir, const char *name,
                             enum rk_disk_open how, rk_file *ret)
{
    struct rk_ins_files *f = ctx;
    int fd = dir_fd(f, dir);
    if (how != RK_OPEN_READ && f->mode == RK_INS_PRETEND) {
        f->faked++;
        *ret = FAKE_FILE;
        return RK_OK;
    }
    if (how != RK_OPEN_READ && f->mode == RK_INS_READ) {
        return RK_ERR_DENIED;
    }
    if (fd < 0) {
        return RK_ERR_NOT_FOUND;
    }
    if (f->is_single && strcmp(name, f->shown) == 0) {
        name = f->real;
    } else if (f->is_single && !f->has_mark) {
        return RK_ERR_NOT_FOUND;
    }
    int flags = how == RK_OPEN_READ     ? O_RDONLY
                : how == RK_OPEN_CREATE ? O_RDWR | O_CREAT | O_TRUNC
                                        : O_RDWR;
    enum rk_err err = open_regular(fd, name, flags, ret);
    if (err == RK_OK && how == RK_OPEN_READ) {
        (void)posix_fadvise(*ret - 1, 0, 0, POSIX_FADV_SEQUENTIAL); /* only advice */
    }
    return err;
}

static void port_close(void *ctx, rk_file file)
{
    (void)ctx; /* a descriptor says it all */
    if (file != FAKE_FILE) {
        (void)close(file - 1); /* what matters was synced before */
    }
}

static enum rk_err port_size(void *ctx, rk_file file, uint64_t *ret)
{
    struct stat st;
    (void)ctx; /* as above */
    if (file == FAKE_FILE) {
        *ret = 0;
        return RK_OK;
    }
    if (fstat(file - 1, &st) != 0) {
        return to_err(errno);
    }
    *ret = (uint64_t)st.st_size;
    return RK_OK;
}

static enum rk_err port_read(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                             size_t *ret_got)
{
    size_t got = 0;
    (void)ctx; /* as above */
    while (got < len && file != FAKE_FILE) {
        size_t want = len - got < IO_MAX ? len - got : IO_MAX;
        ssize_t n = pread(file - 1, (uint8_t *)out + got, want, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return to_err(errno);
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    *ret_got = got;
    return RK_OK;
}

static enum rk_err write_all(int fd, uint64_t offset, const void *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t want = len - done < IO_MAX ? len - done : IO_MAX;
        ssize_t n = pwrite(fd, (const uint8_t *)data + done, want, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? to_err(errno) : RK_ERR_IO;
        }
        done += (size_t)n;
    }
    return RK_OK;
}

static enum rk_err port_write(void *ctx, rk_file file, uint64_t offset, const void *data,
                              size_t len)
{
    (void)ctx; /* as above */
    return file == FAKE_FILE ? RK_OK : write_all(file - 1, offset, data, len);
}

static enum rk_err port_allocate(void *ctx, rk_file file, uint64_t size)
{
    (void)ctx;
    (void)file;
    (void)size;
    return RK_ERR_UNSUPPORTED; /* no tool writes logs that grow */
}

static enum rk_err port_truncate(void *ctx, rk_file file, uint64_t size)
{
    (void)ctx; /* as above */
    return file == FAKE_FILE || ftruncate(file - 1, (off_t)size) == 0 ? RK_OK : to_err(errno);
}

/* A reader has nothing to make durable, and a disk that a server uses is left in peace. */
static enum rk_err port_sync(void *ctx, rk_file file)
{
    const struct rk_ins_files *f = ctx;
    bool is_real = f->mode == RK_INS_CHANGE && file != FAKE_FILE;
    return !is_real || fdatasync(file - 1) == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_sync_dir(void *ctx, enum rk_disk_dir dir)
{
    const struct rk_ins_files *f = ctx;
    return f->mode != RK_INS_CHANGE || fsync(dir_fd(f, dir)) == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_rename(void *ctx, enum rk_disk_dir dir, const char *from, const char *to)
{
    struct rk_ins_files *f = ctx;
    if (f->mode == RK_INS_PRETEND) {
        f->faked++;
        say(f, "Would make: ", dir, to);
        return RK_OK;
    }
    if (f->mode == RK_INS_READ) {
        return RK_ERR_DENIED;
    }
    int fd = dir_fd(f, dir);
    return renameat(fd, from, fd, to) == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_unlink(void *ctx, enum rk_disk_dir dir, const char *name)
{
    struct rk_ins_files *f = ctx;
    struct stat st;
    if (f->mode == RK_INS_READ) {
        return RK_ERR_DENIED;
    }
    if (dir_fd(f, dir) < 0 || fstatat(dir_fd(f, dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return RK_ERR_NOT_FOUND;
    }
    say(f, f->mode == RK_INS_PRETEND ? "Would remove: " : "Removing file: ", dir, name);
    if (f->mode == RK_INS_PRETEND) {
        f->faked++;
        return RK_OK;
    }
    return unlinkat(dir_fd(f, dir), name, 0) == 0 ? RK_OK : to_err(errno);
}

static const struct rk_disk_ops ops = {
    .list = port_list,
    .open = port_open,
    .close = port_close,
    .size = port_size,
    .read = port_read,
    .write = port_write,
    .allocate = port_allocate,
    .truncate = port_truncate,
    .sync = port_sync,
    .sync_dir = port_sync_dir,
    .rename = port_rename,
    .unlink = port_unlink,
};

/* -- Opening
 * -------------------------------------------------------------------------------------------- */

static void start(struct rk_ins_files *f, struct rk_mem *mem, enum rk_ins_mode mode)
{
    *f = (struct rk_ins_files){
        .mode = mode, .mem = mem, .dirs = {-1, -1, -1, -1}, .locks = {-1, -1}};
    f->port = (struct rk_disk){&ops, f};
}

static enum rk_err open_dir(int at, const char *path, int *ret)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return to_err(errno);
    }
    *ret = fd;
    return RK_OK;
}

/* What the store is told: the file's own name where that says what it is. */
static void choose_shown(struct rk_ins_files *f, const char *prefix)
{
    rk_zxid zxid;
    char plain[RK_STORE_NAME_MAX];
    static const char *const suffixes[] = {"", ".gz", ".snappy"};
    if (rk_store_parse_name(f->real, prefix, &zxid)) {
        memcpy(f->shown, f->real, sizeof(f->shown));
        rk_store_name_make(plain, prefix, zxid, "");
        f->has_mark = strcmp(plain, f->real) == 0;
    } else {
        rk_store_name_make(f->shown, prefix, 0, suffixes[rk_store_name_compression(f->real)]);
    }
}

enum rk_err rk_ins_files_open_file(struct rk_ins_files *f, struct rk_mem *mem, const char *path,
                                   const char *prefix)
{
    char dir[RK_INS_PATH_MAX];
    const char *base = rk_ins_base_name(path);
    size_t dir_len = (size_t)(base - path);
    rk_file file;
    start(f, mem, RK_INS_READ);
    if (dir_len >= sizeof(dir) || strlen(base) >= sizeof(f->real) || *base == '\0') {
        return RK_ERR_INVALID;
    }
    memcpy(dir, path, dir_len);
    dir[dir_len] = '\0';
    memcpy(f->real, base, strlen(base) + 1);
    f->is_single = true;
    choose_shown(f, prefix);
    enum rk_err err = RK_OK;
    for (int i = 0; i < DIR_COUNT && err == RK_OK; i++) {
        err = open_dir(AT_FDCWD, dir_len == 0 ? "." : dir, &f->dirs[i]);
    }
    if (err == RK_OK) {
        err = open_regular(f->dirs[0], f->real, O_RDONLY, &file);
    }
    if (err != RK_OK) {
        rk_ins_files_close(f);
        return err;
    }
    port_close(f, file);
    return RK_OK;
}

static enum rk_err keep_path(struct rk_ins_files *f, int which, const char *path, bool has_version)
{
    const char *rest = has_version ? "/version-2" : "";
    size_t size = strlen(path) + strlen(rest) + 1;
    f->dir_paths[which] = rk_mem_alloc(f->mem, size);
    if (f->dir_paths[which] == NULL) {
        return RK_ERR_NOMEM;
    }
    (void)snprintf(f->dir_paths[which], size, "%s%s", path, rest);
    return RK_OK;
}

/* base and version may be the same directory, named either way. */
static enum rk_err open_base(struct rk_ins_files *f, const char *path, int which,
                             enum rk_disk_dir base, enum rk_disk_dir version)
{
    enum rk_err err = open_dir(AT_FDCWD, path, &f->dirs[base]);
    if (err != RK_OK) {
        return err;
    }
    err = open_dir(f->dirs[base], "version-2", &f->dirs[version]);
    bool has_version = err != RK_ERR_NOT_FOUND;
    if (has_version && err != RK_OK) {
        return err;
    }
    if (!has_version) {
        /* It is the version-2 itself; what lies beside it is the base. */
        f->dirs[version] = f->dirs[base];
        f->dirs[base] = -1;
        (void)open_dir(f->dirs[version], "..", &f->dirs[base]); /* not there: no marker, no lock */
    }
    return keep_path(f, which, path, has_version);
}

enum rk_err rk_ins_files_open_dirs(struct rk_ins_files *f, struct rk_mem *mem, const char *data_dir,
                                   const char *log_dir, enum rk_ins_mode mode)
{
    start(f, mem, mode);
    enum rk_err err = open_base(f, data_dir, 0, RK_DIR_DATA, RK_DIR_SNAP);
    if (err == RK_OK) {
        err = open_base(f, log_dir != NULL ? log_dir : data_dir, 1, RK_DIR_DATALOG, RK_DIR_LOG);
    }
    if (err != RK_OK) {
        rk_ins_files_close(f);
    }
    return err;
}

void rk_ins_files_close(struct rk_ins_files *f)
{
    for (int i = 0; i < DIR_COUNT; i++) {
        if (f->dirs[i] >= 0) {
            (void)close(f->dirs[i]); /* directories */
            f->dirs[i] = -1;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (f->locks[i] >= 0) {
            (void)close(f->locks[i]); /* and it is let go */
            f->locks[i] = -1;
        }
        if (f->dir_paths[i] != NULL) {
            rk_mem_free(f->mem, f->dir_paths[i], strlen(f->dir_paths[i]) + 1);
            f->dir_paths[i] = NULL;
        }
    }
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". */
static int match_lock(const char *line, const struct stat *st)
{
    int pid;
    unsigned major_number;
    unsigned minor_number;
    unsigned long inode;
    int n =
        sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_number, &minor_number, &inode);
    bool is_it = n == 4 && major_number == major(st->st_dev) && minor_number == minor(st->st_dev) &&
                 inode == st->st_ino;
    return is_it ? pid : 0;
}

int rk_ins_files_holder(const struct rk_ins_files *f)
{
    struct stat st;
    char line[256];
    int pid = 0;
    if (f->dirs[RK_DIR_DATA] < 0 || fstatat(f->dirs[RK_DIR_DATA], LOCK_NAME, &st, 0) != 0) {
        return 0;
    }
    FILE *locks = fopen("/proc/locks", "re");
    while (locks != NULL && pid == 0 && fgets(line, sizeof(line), locks) != NULL) {
        pid = match_lock(line, &st);
    }
    if (locks != NULL) {
        (void)fclose(locks); /* read only */
    }
    return pid;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool rk_ins_files_are_two(const struct rk_ins_files *f)
{
    struct stat a;
    struct stat b;
    return fstat(f->dirs[RK_DIR_SNAP], &a) == 0 && fstat(f->dirs[RK_DIR_LOG], &b) == 0 &&
           !is_same(&a, &b);
}

/* As a server does (shell/disk_posix.c). */
static enum rk_err lock(int dir, const struct stat *other, struct stat *ret_st, int *ret_fd)
{
    int fd = openat(dir, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return to_err(errno);
    }
    enum rk_err err = fstat(fd, ret_st) == 0 ? RK_OK : to_err(errno);
    bool is_held = err == RK_OK && other != NULL && is_same(ret_st, other);
    if (err == RK_OK && !is_held && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? RK_ERR_BUSY : to_err(errno);
    }
    if (err != RK_OK || is_held) {
        (void)close(fd); /* nothing was written */
        return err;
    }
    *ret_fd = fd;
    return RK_OK;
}

enum rk_err rk_ins_files_lock(struct rk_ins_files *f)
{
    static const enum rk_disk_dir dirs[] = {RK_DIR_DATA, RK_DIR_DATALOG};
    struct stat sts[2];
    enum rk_err err = RK_OK;
    for (int i = 0; i < 2 && err == RK_OK; i++) {
        if (f->dirs[dirs[i]] >= 0) {
            err = lock(f->dirs[dirs[i]], i > 0 && f->locks[0] >= 0 ? &sts[0] : NULL, &sts[i],
                       &f->locks[i]);
            err = err == RK_ERR_NOT_FOUND ? RK_OK : err;
        }
    }
    return err;
}

/* -- Files that are made
 * --------------------------------------------------------------------------------- */

#define COPY_BYTES ((size_t)1 << 20)

struct rk_ins_copy {
    struct rk_mem *mem;
    char path[RK_INS_PATH_MAX];
    char part[RK_INS_PATH_MAX];
    int fd; /* -1: finished */
    uint64_t written;
    size_t len;
    enum rk_err failed;
    uint8_t data[COPY_BYTES];
};

bool rk_ins_beside(char out[RK_INS_PATH_MAX], const char *path, const char *prefix,
                   const char *suffix)
{
    const char *base = rk_ins_base_name(path);
    int n = snprintf(out, RK_INS_PATH_MAX, "%.*s%s%s%s", (int)(base - path), path, prefix, base,
                     suffix);
    return n > 0 && (size_t)n < RK_INS_PATH_MAX;
}

/* Of the directory that path lies in. */
static enum rk_err sync_parent(const char *path)
{
    char dir[RK_INS_PATH_MAX];
    const char *base = rk_ins_base_name(path);
    int n = snprintf(dir, sizeof(dir), "%.*s.", (int)(base - path), path);
    int fd = n > 0 && (size_t)n < sizeof(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return to_err(errno);
    }
    enum rk_err err = fsync(fd) == 0 ? RK_OK : to_err(errno);
    (void)close(fd); /* synced */
    return err;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool rk_ins_is_taken(const char *path, const char *that)
{
    struct stat a;
    struct stat b;
    return lstat(path, &a) == 0 && (lstat(that, &b) != 0 || !is_same(&a, &b));
}

enum rk_err rk_ins_rename(const char *from, const char *to)
{
    if (is_there(to)) {
        return RK_ERR_EXISTS;
    }
    if (rename(from, to) != 0) {
        return to_err(errno);
    }
    return sync_parent(to);
}

/* A server has to read what a mended file replaces, whoever mended it. */
static void look_like(int fd, const char *like)
{
    struct stat st;
    if (stat(like, &st) == 0) {
        int rc = fchown(fd, st.st_uid, st.st_gid);
        RK_MAYBE(rc != 0); /* only root may, and it is ours then */
        rc = fchmod(fd, st.st_mode & 0777);
        RK_MAYBE(rc != 0);
    }
}

enum rk_ins_exit rk_ins_copy_create(struct rk_ins_tool *t, const char *path, const char *like,
                                    bool is_replacing, struct rk_ins_copy **ret)
{
    struct rk_ins_copy *c = rk_mem_alloc(t->mem, sizeof(*c));
    if (c == NULL) {
        return rk_ins_cannot(t, "made", path, RK_ERR_NOMEM);
    }
    c->mem = t->mem;
    c->fd = -1;
    c->written = 0;
    c->len = 0;
    c->failed = RK_OK;
    enum rk_err err = RK_OK;
    int n = snprintf(c->path, sizeof(c->path), "%s", path);
    if (n <= 0 || (size_t)n >= sizeof(c->path) || !rk_ins_beside(c->part, path, "part.", "")) {
        err = RK_ERR_TOO_BIG;
    } else if (!is_replacing && is_there(path)) {
        err = RK_ERR_EXISTS;
    } else {
        c->fd = open(c->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        err = c->fd >= 0 ? RK_OK : to_err(errno);
        path = c->part;
    }
    if (err != RK_OK) {
        bool is_left = err == RK_ERR_EXISTS && path == c->part;
        enum rk_ins_exit status = rk_ins_cannot(t, "made", path, err);
        if (is_left) {
            rk_ins_complain(t,
                            "if no other run is under way, one broke off and left it: remove it");
        }
        rk_mem_free(t->mem, c, sizeof(*c));
        return status;
    }
    look_like(c->fd, like);
    *ret = c;
    return RK_INS_OK;
}

static void flush(struct rk_ins_copy *c)
{
    if (c->failed == RK_OK && c->len > 0) {
        c->failed = write_all(c->fd, c->written, c->data, c->len);
    }
    c->written += c->len;
    c->len = 0;
}

void rk_ins_copy_put(struct rk_ins_copy *c, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        size_t n = COPY_BYTES - c->len < len ? COPY_BYTES - c->len : len;
        memcpy(c->data + c->len, at, n);
        c->len += n;
        at += n;
        len -= n;
        if (c->len == COPY_BYTES) {
            flush(c);
        }
    }
}

uint64_t rk_ins_copy_bytes(const struct rk_ins_copy *c)
{
    return c->written + c->len;
}

static enum rk_err make_durable(struct rk_ins_copy *c)
{
    flush(c);
    if (c->failed == RK_OK && fsync(c->fd) != 0) {
        c->failed = to_err(errno);
    }
    return c->failed;
}

/* It has its name. */
static enum rk_err close_copy(struct rk_ins_copy *c)
{
    (void)unlink(c->part); /* gone already if it was renamed */
    (void)close(c->fd);    /* synced */
    c->fd = -1;
    return sync_parent(c->path);
}

enum rk_err rk_ins_copy_finish(struct rk_ins_copy *c)
{
    enum rk_err err = make_durable(c);
    if (err != RK_OK) {
        return err;
    }
    /* link, not rename: it must not replace what came there meanwhile. */
    if (link(c->part, c->path) != 0 && (errno == EEXIST || rename(c->part, c->path) != 0)) {
        return to_err(errno);
    }
    return close_copy(c);
}

enum rk_err rk_ins_copy_replace(struct rk_ins_copy *c, const char *backup)
{
    enum rk_err err = make_durable(c);
    if (err == RK_OK && link(c->path, backup) != 0) {
        err = to_err(errno);
        /* A run that broke off in here has made the link already. */
        err = err == RK_ERR_EXISTS && !rk_ins_is_taken(backup, c->path) ? RK_OK : err;
    }
    if (err == RK_OK) {
        err = sync_parent(c->path);
    }
    if (err == RK_OK && rename(c->part, c->path) != 0) {
        err = to_err(errno);
    }
    return err == RK_OK ? close_copy(c) : err;
}

void rk_ins_copy_destroy(struct rk_ins_copy *c)
{
    if (c == NULL) {
        return;
    }
    if (c->fd >= 0) {
        (void)close(c->fd);    /* to be removed */
        (void)unlink(c->part); /* a leftover does no harm: no server takes its name for anything */
    }
    rk_mem_free(c->mem, c, sizeof(*c));
}
