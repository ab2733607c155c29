/* Files by POSIX. Guarantees that calls interrupted by signals go on, that nothing leaks into child
 * processes, that a short write or read never passes for a whole one, and that errno survives a
 * failed call. One object serves any number of threads: it holds nothing but directory descriptors.
 *
 * A log that is opened for reading is dropped from the page cache first: after a sync that failed
 * the cache may show what the disk does not have, and recovery must judge by the disk. */
#include "shell/disk_posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_COUNT  4
#define MODE_DIR   0750
#define MODE_FILE  0640
#define VERSION    "version-2"
#define IO_MAX     ((size_t)1 << 30) /* a single read or write; Linux stops a little above anyway */
#define PROBE_NAME "rookery.probe"

struct rk_disk_posix {
    struct rk_mem *mem;
    int dirs[DIR_COUNT]; /* by enum rk_disk_dir */
    int locks[2];        /* -1: none */
    bool has_two_dirs;
};

static enum rk_err to_err(int err)
{
    switch (err) {
    case ENOENT:
        return RK_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return RK_ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EMFILE: /* clients took every descriptor: waited out like a full device, not died of */
    case ENFILE:
        return RK_ERR_NO_SPACE;
    case EOPNOTSUPP:
    case ENOSYS:
        return RK_ERR_UNSUPPORTED;
    default:
        return RK_ERR_IO;
    }
}

static int dir_fd(const void *ctx, enum rk_disk_dir dir)
{
    const struct rk_disk_posix *d = ctx;
    RK_ASSERT((unsigned)dir < DIR_COUNT);
    return d->dirs[dir];
}

/* A handle is the descriptor plus 1, so that 0 is none. */
static int to_fd(rk_file file)
{
    RK_ASSERT(file > 0);
    return file - 1;
}

/* After EINTR Linux has closed the descriptor all the same. */
static void close_fd(int fd)
{
    int err = errno;
    (void)close(fd); /* nothing that matters is left to be written: sync came before */
    errno = err;
}

/* -- The port
 * --------------------------------------------------------------------------------------- */

static bool is_regular(int dir, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        return entry->d_type == DT_REG;
    }
    return fstatat(dir, entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static enum rk_err port_list(void *ctx, enum rk_disk_dir dir,
                             void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    int fd = openat(dir_fd(ctx, dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return to_err(errno);
    }
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        enum rk_err err = to_err(errno);
        close_fd(fd);
        return err;
    }
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(stream)) != NULL) {
        if (is_regular(fd, entry)) {
            each(each_ctx, entry->d_name);
        }
        errno = 0;
    }
    int err = errno;
    (void)closedir(stream); /* read only */
    errno = err;
    return err == 0 ? RK_OK : to_err(err);
}

static int open_file(int dir, const char *name, int flags)
{
    int fd;
    do {
        fd = openat(dir, name, flags, MODE_FILE);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static enum rk_err port_open(void *ctx, enum rk_disk_dir dir, const char *name,
                             enum rk_disk_open how, rk_file *ret_file)
{
    int flags = O_CLOEXEC;
    switch (how) {
    case RK_OPEN_READ:
        flags |= O_RDONLY;
        break;
    case RK_OPEN_CREATE:
        flags |= O_RDWR | O_CREAT | O_TRUNC;
        break;
    case RK_OPEN_CREATE_DIRECT:
        flags |= O_RDWR | O_CREAT | O_TRUNC | O_DIRECT;
        break;
    case RK_OPEN_MODIFY:
        flags |= O_RDWR;
        break;
    }
    int fd = open_file(dir_fd(ctx, dir), name, flags);
    if (fd < 0 && errno == EINVAL && (flags & O_DIRECT) != 0) {
        fd = open_file(dir_fd(ctx, dir), name, flags & ~O_DIRECT);
    }
    if (fd < 0) {
        return to_err(errno);
    }
    if (how == RK_OPEN_READ && dir == RK_DIR_LOG) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* only advice */
    }
    *ret_file = fd + 1;
    return RK_OK;
}

static void port_close(void *ctx, rk_file file)
{
    (void)ctx; /* a descriptor says it all */
    close_fd(to_fd(file));
}

static enum rk_err port_size(void *ctx, rk_file file, uint64_t *ret_size)
{
    struct stat st;
    (void)ctx; /* as above */
    if (fstat(to_fd(file), &st) != 0) {
        return to_err(errno);
    }
    *ret_size = (uint64_t)st.st_size;
    return RK_OK;
}

static enum rk_err port_read(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                             size_t *ret_got)
{
    size_t got = 0;
    (void)ctx; /* as above */
    RK_ASSERT(offset <= INT64_MAX - len);
    while (got < len) {
        size_t want = len - got < IO_MAX ? len - got : IO_MAX;
        ssize_t n = pread(to_fd(file), (uint8_t *)out + got, want, (off_t)(offset + got));
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

/* Some file systems say only now that they cannot, or want larger blocks; and the rest of a write
 * that was cut short is not aligned. */
static bool gave_up_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

static enum rk_err port_write(void *ctx, rk_file file, uint64_t offset, const void *data,
                              size_t len)
{
    size_t done = 0;
    (void)ctx; /* as above */
    RK_ASSERT(offset <= INT64_MAX - len);
    while (done < len) {
        size_t want = len - done < IO_MAX ? len - done : IO_MAX;
        ssize_t n = pwrite(to_fd(file), (const uint8_t *)data + done, want, (off_t)(offset + done));
        if (n < 0 && (errno == EINTR || (errno == EINVAL && gave_up_direct(to_fd(file))))) {
            continue;
        }
        if (n < 0) {
            return to_err(errno);
        }
        if (n == 0) {
            errno = EIO;
            return RK_ERR_IO;
        }
        done += (size_t)n;
    }
    return RK_OK;
}

static enum rk_err port_truncate(void *ctx, rk_file file, uint64_t size)
{
    int rc;
    (void)ctx; /* as above */
    RK_ASSERT(size <= INT64_MAX);
    do {
        rc = ftruncate(to_fd(file), (off_t)size);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_allocate(void *ctx, rk_file file, uint64_t size)
{
    struct stat st;
    int rc;
    RK_ASSERT(size <= INT64_MAX);
    if (fstat(to_fd(file), &st) != 0) {
        return to_err(errno);
    }
    /* fallocate itself: posix_fallocate would write every block where the file system cannot do it.
     */
    do {
        rc = fallocate(to_fd(file), 0, 0, (off_t)size);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) {
        return RK_OK;
    }
    int err = errno;
    if (err == ENOSPC || err == EDQUOT) {
        /* Part of it may have been taken; others can use it better. */
        (void)port_truncate(ctx, file, (uint64_t)st.st_size);
        errno = err;
    }
    return to_err(err);
}

static enum rk_err port_sync(void *ctx, rk_file file)
{
    int rc;
    (void)ctx; /* as above */
    do {
        rc = fdatasync(to_fd(file));
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_sync_dir(void *ctx, enum rk_disk_dir dir)
{
    int rc;
    do {
        rc = fsync(dir_fd(ctx, dir));
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_rename(void *ctx, enum rk_disk_dir dir, const char *from, const char *to)
{
    int fd = dir_fd(ctx, dir);
    return renameat(fd, from, fd, to) == 0 ? RK_OK : to_err(errno);
}

static enum rk_err port_unlink(void *ctx, enum rk_disk_dir dir, const char *name)
{
    return unlinkat(dir_fd(ctx, dir), name, 0) == 0 ? RK_OK : to_err(errno);
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

/* -- Directories and locks
 * -------------------------------------------------------------------------- */

static void set_problem(struct rk_problem *p, const char *path, const char *what,
                        const char *advice)
{
    (void)snprintf(p->text, sizeof(p->text), "%s %s: %s. %s", path, what, strerror(errno), advice);
}

/* One directory, its entry made durable; one that exists is fine. */
static enum rk_err make_dir(const char *path)
{
    if (mkdir(path, MODE_DIR) != 0) {
        return errno == EEXIST || errno == EISDIR ? RK_OK : to_err(errno);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rk_err err = parent >= 0 && fsync(parent) == 0 ? RK_OK : to_err(errno);
    if (parent >= 0) {
        close_fd(parent);
    }
    if (fd >= 0) {
        close_fd(fd);
    }
    return err;
}

/* mkdir -p */
static enum rk_err make_path(const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return RK_ERR_INVALID;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        enum rk_err err = make_dir(part);
        if (err != RK_OK) {
            return err;
        }
    }
    return RK_OK;
}

static enum rk_err open_dir(int at, const char *path, int *ret_fd)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return to_err(errno);
    }
    *ret_fd = fd;
    return RK_OK;
}

/* The mode bits do not tell everything (read-only mounts, quotas), so it is tried. */
static enum rk_err probe(int dir)
{
    int fd = openat(dir, PROBE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, MODE_FILE);
    if (fd < 0) {
        return to_err(errno);
    }
    close_fd(fd);
    return unlinkat(dir, PROBE_NAME, 0) == 0 ? RK_OK : to_err(errno);
}

/* Opens base and its version-2. */
static enum rk_err open_base(const char *base, bool autocreate, int *ret_base, int *ret_version,
                             struct rk_problem *p)
{
    enum rk_err err = autocreate ? make_path(base) : RK_OK;
    if (err != RK_OK) {
        set_problem(p, base, "cannot be made", "Make it, or choose another dataDir.");
        return err;
    }
    err = open_dir(AT_FDCWD, base, ret_base);
    if (err != RK_OK) {
        set_problem(p, base, "cannot be opened",
                    "Check that it exists and belongs to the server's user.");
        return err;
    }
    if (autocreate && mkdirat(*ret_base, VERSION, MODE_DIR) == 0) {
        err = fsync(*ret_base) == 0 ? RK_OK : to_err(errno);
    } else if (autocreate && errno != EEXIST) {
        err = to_err(errno);
    }
    if (err == RK_OK) {
        err = open_dir(*ret_base, VERSION, ret_version);
    }
    if (err != RK_OK) {
        set_problem(p, base, "has no " VERSION " that can be opened",
                    autocreate ? "Check its owner, its mode and the mount."
                               : "zookeeper.datadir.autocreate=false forbids to make it.");
    }
    return err;
}

static enum rk_err check_writable(int version, const char *base, struct rk_problem *p)
{
    enum rk_err err = probe(version);
    if (err != RK_OK) {
        set_problem(p, base, "holds a " VERSION " that cannot be written",
                    "Check its owner, its mode and the mount.");
    }
    return err;
}

static enum rk_err lock(int base, const char *path, int *ret_lock, struct rk_problem *p)
{
    int fd = openat(base, RK_DISK_LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, MODE_FILE);
    if (fd < 0) {
        enum rk_err err = to_err(errno);
        set_problem(p, path, "cannot hold the lock file " RK_DISK_LOCK_NAME,
                    "Check its owner, its mode and the mount.");
        return err;
    }
    int rc;
    do {
        rc = flock(fd, LOCK_EX | LOCK_NB);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) {
        *ret_lock = fd;
        return RK_OK;
    }
    bool is_busy = errno == EWOULDBLOCK;
    enum rk_err err = is_busy ? RK_ERR_BUSY : to_err(errno);
    set_problem(p, path, is_busy ? "is in use by another server" : "cannot be locked",
                is_busy ? "Stop that one, or give this one a data directory of its own."
                        : "The file system must know flock.");
    close_fd(fd);
    return err;
}

static bool is_same_dir(int a, int b)
{
    struct stat x;
    struct stat y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum rk_err open_all(struct rk_disk_posix *d, const struct rk_disk_posix_options *o,
                            struct rk_problem *p)
{
    const char *log_dir = o->data_log_dir != NULL ? o->data_log_dir : o->data_dir;
    enum rk_err err =
        open_base(o->data_dir, o->autocreate, &d->dirs[RK_DIR_DATA], &d->dirs[RK_DIR_SNAP], p);
    if (err == RK_OK) {
        err = open_base(log_dir, o->autocreate, &d->dirs[RK_DIR_DATALOG], &d->dirs[RK_DIR_LOG], p);
    }
    if (err != RK_OK) {
        return err;
    }
    d->has_two_dirs = !is_same_dir(d->dirs[RK_DIR_SNAP], d->dirs[RK_DIR_LOG]);
    err = lock(d->dirs[RK_DIR_DATA], o->data_dir, &d->locks[0], p);
    if (err == RK_OK && !is_same_dir(d->dirs[RK_DIR_DATA], d->dirs[RK_DIR_DATALOG])) {
        err = lock(d->dirs[RK_DIR_DATALOG], log_dir, &d->locks[1], p);
    }
    if (err == RK_OK) {
        err = check_writable(d->dirs[RK_DIR_SNAP], o->data_dir, p);
    }
    if (err == RK_OK && d->has_two_dirs) {
        err = check_writable(d->dirs[RK_DIR_LOG], log_dir, p);
    }
    return err;
}

enum rk_err rk_disk_posix_create(struct rk_mem *mem, const struct rk_disk_posix_options *options,
                                 struct rk_disk_posix **ret, struct rk_problem *ret_problem)
{
    struct rk_disk_posix *d = rk_mem_zalloc(mem, sizeof(*d));
    if (d == NULL) {
        return RK_ERR_NOMEM;
    }
    d->mem = mem;
    d->locks[0] = -1;
    d->locks[1] = -1;
    for (int i = 0; i < DIR_COUNT; i++) {
        d->dirs[i] = -1;
    }
    ret_problem->text[0] = '\0';
    enum rk_err err = open_all(d, options, ret_problem);
    if (err != RK_OK) {
        rk_disk_posix_destroy(d);
        return err;
    }
    *ret = d;
    return RK_OK;
}

void rk_disk_posix_destroy(struct rk_disk_posix *d)
{
    if (d == NULL) {
        return;
    }
    for (int i = 0; i < DIR_COUNT; i++) {
        if (d->dirs[i] >= 0) {
            close_fd(d->dirs[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (d->locks[i] >= 0) {
            close_fd(d->locks[i]);
        }
    }
    rk_mem_free(d->mem, d, sizeof(*d));
}

struct rk_disk rk_disk_posix_port(struct rk_disk_posix *d)
{
    return (struct rk_disk){&ops, d};
}

bool rk_disk_posix_has_two_dirs(const struct rk_disk_posix *d)
{
    return d->has_two_dirs;
}
