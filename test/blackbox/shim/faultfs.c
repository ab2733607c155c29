/* A file system that fails on command, for LD_PRELOAD under a server.
 *
 * FAULTFS_CONTROL names a file of rules, one a line, read again whenever it changes:
 *
 *     <call> <part of the file's name> <from the nth call> <how often> <errno> <delay ms>
 *
 * call is one of open, pwrite, fdatasync, fsync, rename, fallocate, or short (a pwrite that takes
 * half). For rename the new name counts, for fsync that of the directory. Errno 0 with a delay only
 * delays.
 *
 * FAULTFS_TRACE names a file that gets a line per finished call on a data file ("pwrite log.1 120",
 * "fdatasync log.1", "rename log.5") and per write to a socket ("send 20"), in order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX 16

struct rule {
    char call[16];
    char name[64];
    long from, times, err, delay_ms, seen;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static int rule_count;
static struct timespec rules_time;
static ino_t rules_inode; /* times are coarse: two versions may have the same */
static int trace_fd = -2;

static long raw_write(int fd, const void *data, size_t len)
{
    return syscall(SYS_write, fd, data, len);
}

static void name_of(int fd, char *out, size_t cap)
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, cap - 1);
    out[n < 0 ? 0 : n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL) {
        memmove(out, slash + 1, strlen(slash + 1) + 1);
    }
}

static void load_rules(void)
{
    const char *path = getenv("FAULTFS_CONTROL");
    struct stat st;
    if (path == NULL || stat(path, &st) != 0 ||
        (st.st_ino == rules_inode && st.st_mtim.tv_sec == rules_time.tv_sec &&
         st.st_mtim.tv_nsec == rules_time.tv_nsec)) {
        return;
    }
    rules_time = st.st_mtim;
    rules_inode = st.st_ino;
    rule_count = 0;
    char text[2048];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    long n = fd < 0 ? 0 : syscall(SYS_read, fd, text, sizeof(text) - 1);
    (void)syscall(SYS_close, fd);
    text[n < 0 ? 0 : n] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL && rule_count < RULES_MAX;
         line = strtok_r(NULL, "\n", &save)) {
        struct rule *r = &rules[rule_count];
        memset(r, 0, sizeof(*r));
        if (sscanf(line, "%15s %63s %ld %ld %ld %ld", r->call, r->name, &r->from, &r->times,
                   &r->err, &r->delay_ms) == 6) {
            rule_count++;
        }
    }
}

/* The errno to fail with, 0 to go on; sleeps if told to. */
static int judge(const char *call, const char *name)
{
    long delay_ms = 0;
    int err = 0;
    (void)pthread_mutex_lock(&lock);
    load_rules();
    for (int i = 0; i < rule_count; i++) {
        struct rule *r = &rules[i];
        if (strcmp(r->call, call) != 0 || strstr(name, r->name) == NULL) {
            continue;
        }
        r->seen++;
        if (r->seen >= r->from && r->seen < r->from + r->times) {
            err = (int)r->err;
            delay_ms = r->delay_ms;
        }
    }
    (void)pthread_mutex_unlock(&lock);
    if (delay_ms > 0) {
        struct timespec t = {delay_ms / 1000, delay_ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
    }
    return err;
}

static void trace(const char *call, const char *name, long number)
{
    if (trace_fd == -2) {
        const char *path = getenv("FAULTFS_TRACE");
        trace_fd = path == NULL ? -1
                                : (int)syscall(SYS_openat, AT_FDCWD, path,
                                               O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    if (trace_fd >= 0) {
        char line[160];
        int n = snprintf(line, sizeof(line), "%s %s %ld\n", call, name, number);
        (void)raw_write(trace_fd, line, (size_t)n);
    }
}

static int is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static ssize_t do_pwrite(int fd, const void *data, size_t len, off_t at)
{
    char name[256];
    name_of(fd, name, sizeof(name));
    int err = judge("pwrite", name);
    if (err != 0) {
        errno = err;
        return -1;
    }
    if (len > 1 && judge("short", name) != 0) {
        len /= 2;
    }
    ssize_t n = syscall(SYS_pwrite64, fd, data, len, at);
    trace("pwrite", name, (long)n);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return do_pwrite(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return do_pwrite(fd, data, len, at);
}

static int do_sync(const char *call, long number, int fd)
{
    char name[256];
    name_of(fd, name, sizeof(name));
    int err = judge(call, name);
    if (err != 0) {
        errno = err;
        return -1;
    }
    int rc = (int)syscall(number, fd);
    trace(call, name, rc);
    return rc;
}

int fdatasync(int fd)
{
    return do_sync("fdatasync", SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return do_sync("fsync", SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int err = judge("rename", to);
    if (err != 0) {
        errno = err;
        return -1;
    }
    int rc = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
    trace("rename", to, rc);
    return rc;
}

static int do_open(int dir, const char *path, int flags, unsigned mode)
{
    int err = (flags & O_ACCMODE) == O_RDONLY ? 0 : judge("open", path);
    if (err != 0) {
        errno = err;
        return -1;
    }
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);
    return do_open(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    unsigned mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;
    va_end(args);
    return do_open(dir, path, flags, mode);
}

static int do_fallocate(int fd, int mode, off_t at, off_t len)
{
    char name[256];
    name_of(fd, name, sizeof(name));
    int err = judge("fallocate", name);
    if (err != 0) {
        errno = err;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return do_fallocate(fd, mode, at, len);
}

int fallocate64(int fd, int mode, off64_t at, off64_t len)
{
    return do_fallocate(fd, mode, at, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (trace_fd != -1 && is_socket(fd)) {
        trace("send", "socket", (long)len);
    }
    return raw_write(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    if (trace_fd != -1 && is_socket(fd)) {
        trace("send", "socket", count);
    }
    return syscall(SYS_writev, fd, v, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (trace_fd != -1) {
        trace("send", "socket", (long)message->msg_iovlen);
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}
