/* A disk in memory for the store's tests: it fails the call it is told to, knows what was synced,
 * and crashes in every way a disk may. */
#ifndef RK_TEST_FAKE_DISK_H
#define RK_TEST_FAKE_DISK_H

#include "base/prng.h"
#include "store/disk.h"

#define FAKE_SECTOR 512u
#define FAKE_FILES  512u
#define FAKE_OPS    512u

struct fake_file {
    bool used;
    uint32_t open_count;
    bool is_direct; /* takes whole blocks alone */
    uint8_t *now;   /* what a reader sees */
    size_t now_len;
    uint8_t *synced; /* what a crash leaves at least */
    size_t synced_len;
};

struct fake_entry {
    bool used;
    enum rk_disk_dir dir;
    char name[64];
    uint32_t file;
};

/* A change of a directory that was not synced yet. */
struct fake_op {
    enum rk_disk_dir dir;
    char from[64]; /* "" = made */
    char to[64];   /* "" = removed */
    uint32_t file;
};

struct fake_disk {
    struct rk_disk port;
    struct fake_file files[FAKE_FILES];
    struct fake_entry now[FAKE_FILES];
    struct fake_entry synced[FAKE_FILES];
    struct fake_op ops[FAKE_OPS];
    uint32_t op_count;

    uint64_t calls;      /* that can fail, so far */
    uint64_t fail_at;    /* this one does; 0 = none */
    uint64_t fail_calls; /* and so many behind it */
    enum rk_err fail_err;
    uint64_t space_bytes; /* all files together; 0 = any */
    bool cannot_allocate;
    uint64_t writes;
    uint64_t syncs;
};

void fake_disk_init(struct fake_disk *d);
void fake_disk_deinit(struct fake_disk *d);
/* A copy with no file open; into one that was not initialised. */
void fake_disk_copy(struct fake_disk *to, const struct fake_disk *from);

/* How much of what was not synced is there after the crash. */
enum fake_crash {
    FAKE_CRASH_ALL, /* the process died, the system did not */
    FAKE_CRASH_NONE,
    FAKE_CRASH_SECTORS, /* each sector and each directory change by itself, old or new */
};
/* All handles are closed. */
void fake_disk_crash(struct fake_disk *d, enum fake_crash how, struct rk_prng *prng);

/* Files, whole, durable at once. dir and log are the same directory here: RK_DIR_SNAP and
 * RK_DIR_LOG keep their own names. */
void fake_disk_put(struct fake_disk *d, enum rk_disk_dir dir, const char *name, const void *data,
                   size_t len);
/* NULL if there is none. */
struct fake_file *fake_disk_get(struct fake_disk *d, enum rk_disk_dir dir, const char *name);
void fake_disk_drop(struct fake_disk *d, enum rk_disk_dir dir, const char *name);
uint32_t fake_disk_count(const struct fake_disk *d, enum rk_disk_dir dir, const char *prefix);
uint32_t fake_disk_open_count(const struct fake_disk *d);

#endif
