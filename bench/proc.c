/* Reads /proc and the CPU clocks of other processes. CPU time comes from the clock, exact to the
 * nanosecond; the ticks of /proc/pid/stat only divide it into user and system. */
#include "proc.h"

#include "base/assert.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define TEXT_MAX 8192u

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    int err = clock_gettime(clock, &now);
    RK_ASSERT(err == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rk_bench_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t rk_bench_own_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static bool read_text(const char *path, char text[TEXT_MAX])
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    size_t n = fread(text, 1, TEXT_MAX - 1, f);
    bool is_read = ferror(f) == 0;
    (void)fclose(f); /* was only read */
    text[n] = '\0';
    return is_read && n > 0;
}

/* The number after "name:" at the start of a line; 0 if there is none. */
static uint64_t value_of(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            return strtoull(line + len + 1, NULL, 10);
        }
    }
    return 0;
}

static bool add_cpu(int64_t pid, struct rk_bench_proc *to)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return false;
    }
    to->cpu_ns += (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;

    char path[64];
    char text[TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    if (!read_text(path, text)) {
        return false;
    }
    /* The second field is the name in parentheses and may hold anything; utime is the 14th. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 14; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return false;
    }
    char *next;
    to->user_ticks += strtoull(at, &next, 10);
    to->system_ticks += strtoull(next, NULL, 10);
    return true;
}

static void add_switches(int64_t pid, struct rk_bench_proc *to)
{
    char path[600];
    char text[TEXT_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%lld/task", (long long)pid);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0])) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "/proc/%lld/task/%s/status", (long long)pid,
                       entry->d_name);
        if (read_text(path, text)) {
            to->switch_voluntary += value_of(text, "voluntary_ctxt_switches");
            to->switch_forced += value_of(text, "nonvoluntary_ctxt_switches");
        }
    }
    (void)closedir(dir);
}

enum rk_err rk_bench_proc_read(const int64_t *pids, uint32_t count, struct rk_bench_proc *ret)
{
    struct rk_bench_proc sum = {.has_io = count > 0};
    char path[64];
    char text[TEXT_MAX];
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pids[i]);
        if (!add_cpu(pids[i], &sum) || !read_text(path, text)) {
            return RK_ERR_NOT_FOUND;
        }
        sum.rss_bytes += value_of(text, "VmRSS") * 1024;
        sum.hwm_bytes += value_of(text, "VmHWM") * 1024;
        add_switches(pids[i], &sum);
        (void)snprintf(path, sizeof(path), "/proc/%lld/io", (long long)pids[i]);
        if (read_text(path, text)) {
            sum.disk_bytes += value_of(text, "write_bytes");
            sum.written_bytes += value_of(text, "wchar");
            sum.write_calls += value_of(text, "syscw");
        } else {
            sum.has_io = false; /* another user's process */
        }
    }
    *ret = sum;
    return RK_OK;
}
