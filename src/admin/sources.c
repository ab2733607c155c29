/* Where answers get what the core does not know: clocks, the shell's reports, directories, the
 * process and the machine. While serving nothing waits longer than listing a directory takes. */
#include "admin/admin_int.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define FILES_COUNTED_BELOW 4096u /* connections; above, /proc/self/fd takes too long to list */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    int err = clock_gettime(clock, &t);
    RK_ASSERT(err == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The core's times are of its own clock, which a member's shell does not let stand still while the
 * machine is suspended. */
static int64_t now_ms(void *ctx)
{
    const struct rk_admin *a = ctx;
    return a->shell != NULL ? rk_shell_clock_ms(a->shell) : clock_ms(CLOCK_MONOTONIC);
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

/* -- The shell
 * -------------------------------------------------------------------------------------- */

static bool conn_text(void *ctx, rk_conn_id conn, char out[64])
{
    struct rk_admin *a = ctx;
    return a->shell != NULL && rk_shell_conn_text(a->shell, conn, out);
}

static void shell_stats(void *ctx, struct rk_shell_stats *ret)
{
    struct rk_admin *a = ctx;
    memset(ret, 0, sizeof(*ret));
    if (a->shell != NULL) {
        rk_shell_stats(a->shell, ret);
    }
}

static void reset_shell_stats(void *ctx)
{
    struct rk_admin *a = ctx;
    if (a->shell != NULL) {
        rk_shell_reset_stats(a->shell);
    }
}

static const char *bound(void *ctx)
{
    struct rk_admin *a = ctx;
    return a->shell == NULL ? "" : rk_shell_bound(a->shell);
}

/* -- The core's part in an ensemble
 * ------------------------------------------------------------------ */

static void ensemble_report(void *ctx, struct rk_ensemble_report *ret)
{
    rk_core_ensemble_report(((struct rk_admin *)ctx)->core, ret);
}

static bool is_serving(void *ctx)
{
    return rk_core_is_serving(((struct rk_admin *)ctx)->core);
}

static bool next_learner(void *ctx, uint32_t *index, struct rk_learner_report *ret)
{
    return rk_core_next_learner(((struct rk_admin *)ctx)->core, index, ret);
}

/* -- Files
 * ------------------------------------------------------------------------------------------ */

static uint64_t dir_bytes(void *ctx, const char *dir)
{
    uint64_t sum = 0;
    struct dirent *entry;
    DIR *d = opendir(dir);
    (void)ctx;
    if (d == NULL) {
        return 0;
    }
    while ((entry = readdir(d)) != NULL) {
        struct stat at;
        if (fstatat(dirfd(d), entry->d_name, &at, 0) == 0 && S_ISREG(at.st_mode)) {
            sum += (uint64_t)at.st_size;
        }
    }
    (void)closedir(d); /* only read from */
    return sum;
}

static int64_t count_files(void)
{
    int64_t count = 0;
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL) {
        return -1;
    }
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(d); /* only read from */
    return count - 1;  /* the listing's own */
}

static int64_t open_files(void *ctx, uint32_t conn_count)
{
    struct rk_admin *a = ctx;
    if (conn_count < FILES_COUNTED_BELOW) {
        int64_t count = count_files();
        if (count >= 0) {
            a->own_files = count - conn_count;
            return count;
        }
    }
    return a->own_files + conn_count;
}

static int64_t max_files(void *ctx)
{
    struct rlimit files;
    (void)ctx;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 0;
    }
    return files.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)files.rlim_cur;
}

/* -- The machine
 * ------------------------------------------------------------------------------------ */

static bool put_memory(const char *what, char *out, size_t cap)
{
    struct sysinfo info;
    if (sysinfo(&info) != 0) {
        return false;
    }
    uint64_t bytes = (uint64_t)(strcmp(what, "free") == 0 ? info.freeram : info.totalram);
    (void)snprintf(out, cap, "%lluMB", (unsigned long long)(bytes * info.mem_unit >> 20));
    return true;
}

/* Java names it so. */
static const char *arch_name(const char *machine)
{
    return strcmp(machine, "x86_64") == 0 ? "amd64" : machine;
}

static bool put_system(const char *key, char *out, size_t cap)
{
    struct utsname system;
    if (uname(&system) != 0) {
        return false;
    }
    const char *value = strcmp(key, "host.name") == 0    ? system.nodename
                        : strcmp(key, "os.name") == 0    ? system.sysname
                        : strcmp(key, "os.arch") == 0    ? arch_name(system.machine)
                        : strcmp(key, "os.version") == 0 ? system.release
                                                         : NULL;
    if (value != NULL) {
        (void)snprintf(out, cap, "%s", value);
    }
    return value != NULL;
}

static void look_up_user(struct rk_admin *a)
{
    struct passwd entry;
    struct passwd *user = NULL;
    char buffer[2048];
    if (getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &user) == 0 && user != NULL) {
        (void)snprintf(a->user_name, sizeof(a->user_name), "%s", user->pw_name);
        (void)snprintf(a->user_home, sizeof(a->user_home), "%s", user->pw_dir);
    }
}

static bool put_user(const struct rk_admin *a, const char *key, char *out, size_t cap)
{
    if (strcmp(key, "user.dir") == 0) {
        return getcwd(out, cap) != NULL;
    }
    const char *value = strcmp(key, "user.name") == 0 ? a->user_name : a->user_home;
    (void)snprintf(out, cap, "%s", value);
    return *value != '\0';
}

static bool environment(void *ctx, const char *key, char *out, size_t cap)
{
    if (strncmp(key, "os.memory.", 10) == 0) {
        return put_memory(key + 10, out, cap);
    }
    if (strncmp(key, "java.", 5) == 0) {
        return false;
    }
    return strncmp(key, "user.", 5) == 0 ? put_user(ctx, key, out, cap) : put_system(key, out, cap);
}

void rk_admin_default_sources(struct rk_admin *a, struct rk_admin_sources *ret)
{
    look_up_user(a);
    *ret = (struct rk_admin_sources){.ctx = a,
                                     .now_ms = now_ms,
                                     .wall_ms = wall_ms,
                                     .conn_text = conn_text,
                                     .shell_stats = shell_stats,
                                     .reset_shell_stats = reset_shell_stats,
                                     .bound = bound,
                                     .dir_bytes = dir_bytes,
                                     .open_files = open_files,
                                     .max_files = max_files,
                                     .ensemble_report = ensemble_report,
                                     .is_serving = is_serving,
                                     .next_learner = next_learner,
                                     .environment = environment};
}
