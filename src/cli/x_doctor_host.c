/* doctor: the machine: disks, limits, settings of the kernel. */
#include "cli/x_base.h"
#include "cli/x_doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { SYNCS = 25, SYNC_BYTES = 4096, SLOW_US = 20000, VERY_SLOW_US = 100000, FILES_MIN = 4096 };

/* -- Disks */

static void check_room(struct rk_x_doctor *d, const char *folder)
{
    struct statvfs fs;
    if (statvfs(folder, &fs) != 0) {
        rk_x_finding(d, RK_X_WARN, "disk", "look at the file system", "%s: %s", folder,
                     strerror(errno));
        return;
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t all = (uint64_t)fs.f_blocks * fs.f_frsize;
    char text[16], whole[16];
    rk_x_size_text((int64_t)free_bytes, text);
    rk_x_size_text((int64_t)all, whole);
    enum rk_x_level level = RK_X_OK;
    if (free_bytes < 100u << 20)
        level = RK_X_FAIL;
    else if (free_bytes < 1u << 30 || free_bytes < all / 10)
        level = RK_X_WARN;
    rk_x_finding(d, level, "disk",
                 level == RK_X_OK ? NULL : "make room: a server stops when its disk is full",
                 "%s: %s of %s free", folder, text, whole);
    if (fs.f_files > 0 && fs.f_favail < 1000)
        rk_x_finding(d, RK_X_FAIL, "disk", "make room: no files can be created soon",
                     "%s: %" PRIu64 " inodes free", folder, (uint64_t)fs.f_favail);
}

static void check_kind(struct rk_x_doctor *d, const char *folder)
{
    struct statfs fs;
    if (statfs(folder, &fs) != 0)
        return; /* said by check_room */
    static const struct {
        unsigned long magic;
        const char *name, *advice;
    } kinds[] = {
        {0x01021994, "tmpfs", "use a disk: all is gone with the power"},
        {0x858458f6, "ramfs", "use a disk: all is gone with the power"},
        {0x6969, "NFS", "use a local disk: syncs over the network are slow and may lie"},
        {0x794c7630, "overlayfs", "use a volume: what is in a container's layer goes with it"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((unsigned long)fs.f_type == kinds[i].magic)
            rk_x_finding(d, RK_X_WARN, "disk", kinds[i].advice, "%s is on %s", folder,
                         kinds[i].name);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Writes and syncs as a log does. False with errno. */
static bool time_syncs(const char *folder, int64_t us[SYNCS])
{
    static const char block[SYNC_BYTES];
    char *name = rk_x_format("%s/.rookery-doctor-XXXXXX", folder);
    int fd = mkostemp(name, O_CLOEXEC);
    bool is_good = fd >= 0;
    if (is_good)
        (void)unlink(name); /* gone with the last use, whatever happens */
    for (int i = 0; i < SYNCS && is_good; i++) {
        int64_t begin = now_us();
        is_good = write(fd, block, sizeof block) == sizeof block && fdatasync(fd) == 0;
        us[i] = now_us() - begin;
    }
    int error = errno;
    if (fd >= 0)
        (void)close(fd); /* of a file without a name */
    free(name);
    errno = error;
    return is_good;
}

static void check_sync(struct rk_x_doctor *d, const char *folder)
{
    int64_t us[SYNCS];
    if (d->is_quick)
        return;
    if (!time_syncs(folder, us)) {
        rk_x_finding(d, RK_X_FAIL, "disk", "see that the server's user may write there",
                     "%s cannot be written and synced: %s", folder, strerror(errno));
        return;
    }
    qsort(us, SYNCS, sizeof *us, by_size);
    int64_t middle = us[SYNCS / 2], worst = us[SYNCS - 1];
    enum rk_x_level level = middle > VERY_SLOW_US                          ? RK_X_FAIL
                            : middle > SLOW_US || worst > VERY_SLOW_US * 5 ? RK_X_WARN
                                                                           : RK_X_OK;
    rk_x_finding(d, level, "disk",
                 level == RK_X_OK ? NULL
                                  : "every write waits for this: give the log a disk of its own",
                 "%s: a sync takes %.2f ms, at worst %.2f ms", folder, (double)middle / 1000,
                 (double)worst / 1000);
}

static void count_files(struct rk_x_doctor *d, const char *folder)
{
    char *name = rk_x_format("%s/version-2", folder);
    DIR *dir = opendir(name);
    int snapshots = 0, logs = 0;
    int64_t bytes = 0;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        struct stat st;
        bool is_snapshot = strncmp(e->d_name, "snapshot.", 9) == 0;
        bool is_log = strncmp(e->d_name, "log.", 4) == 0;
        snapshots += is_snapshot;
        logs += is_log;
        if ((is_snapshot || is_log) && fstatat(dirfd(dir), e->d_name, &st, 0) == 0)
            bytes += st.st_size;
    }
    if (dir != NULL)
        (void)closedir(dir); /* was only read */
    if (snapshots + logs > 0) {
        char size[16];
        rk_x_size_text(bytes, size);
        bool is_many = snapshots > 50 || logs > 50;
        rk_x_finding(d, is_many ? RK_X_WARN : RK_X_OK, "files",
                     is_many ? "set autopurge.purgeInterval, or delete old ones" : NULL,
                     "%s: %d snapshots and %d logs, %s", name, snapshots, logs, size);
    }
    free(name);
}

static void check_folder(struct rk_x_doctor *d, const char *key, const char *folder)
{
    struct stat st;
    if (stat(folder, &st) != 0) {
        rk_x_finding(d, RK_X_FAIL, key, "create it for the server's user", "%s: %s", folder,
                     strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        rk_x_finding(d, RK_X_FAIL, key, "name a directory", "%s is none", folder);
        return;
    }
    if (access(folder, W_OK | X_OK) != 0)
        rk_x_finding(d, RK_X_FAIL, key, "chown it to the server's user, or run doctor as that one",
                     "%s cannot be written: %s", folder, strerror(errno));
    else
        rk_x_finding(d, RK_X_OK, key, NULL, "%s can be written", folder);
    check_room(d, folder);
    check_kind(d, folder);
    check_sync(d, folder);
    count_files(d, folder);
}

void rk_x_check_disks(struct rk_x_doctor *d)
{
    const char *data = rk_x_setting(d, "dataDir", NULL);
    const char *log = rk_x_setting(d, "dataLogDir", NULL);
    if (data != NULL)
        check_folder(d, "dataDir", data);
    if (log != NULL && (data == NULL || strcmp(log, data) != 0))
        check_folder(d, "dataLogDir", log);
}

/* -- Limits and the kernel */

static bool read_line(const char *file, char *ret, int ret_bytes)
{
    FILE *in = fopen(file, "re");
    bool is_good = in != NULL && fgets(ret, ret_bytes, in) != NULL;
    if (in != NULL)
        (void)fclose(in); /* was only read */
    return is_good;
}

static void check_limits(struct rk_x_doctor *d)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return; /* cannot fail for this limit */
    bool is_few = files.rlim_cur < FILES_MIN;
    rk_x_finding(
        d, is_few ? RK_X_WARN : RK_X_OK, "limits",
        is_few ? "raise nofile (LimitNOFILE= of the unit, limits.conf): each client is one" : NULL,
        "%" PRIu64 " open files for a program started from here", (uint64_t)files.rlim_cur);
}

static void check_swap(struct rk_x_doctor *d)
{
    char text[256];
    int64_t swappiness = 0;
    if (read_line("/proc/sys/vm/swappiness", text, sizeof text)) {
        text[strcspn(text, "\n")] = '\0';
        if (rk_cli_number(text, 0, 200, &swappiness) && swappiness > 10)
            rk_x_finding(d, RK_X_WARN, "memory", "sysctl vm.swappiness=1",
                         "vm.swappiness is %" PRId64
                         ": a server that is swapped out loses its sessions",
                         swappiness);
        else
            rk_x_finding(d, RK_X_OK, "memory", NULL, "vm.swappiness is %" PRId64, swappiness);
    }
    if (read_line("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) &&
        strstr(text, "[always]") != NULL)
        rk_x_finding(d, RK_X_WARN, "memory",
                     "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                     "transparent huge pages are always on: expect pauses and more memory");
}

void rk_x_check_machine(struct rk_x_doctor *d)
{
    check_limits(d);
    check_swap(d);
}
