/* Names: <prefix>.<hex zxid>[.<more>], as Apache writes and reads them (spec-quorum A1). Guarantees
 * that a name is taken for a log or a snapshot exactly if Apache takes it for one, and that lists
 * come sorted whatever order the directory gave. */
#include "store/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

#define LIST_MAX 1000000u /* files of one kind in one directory; beyond is no data directory */

/* ZK: Util.getZxidFromName; negative zxids are "no zxid" there. */
bool rk_store_parse_name(const char *name, const char *prefix, rk_zxid *ret_zxid)
{
    size_t prefix_len = strlen(prefix);
    if (strncmp(name, prefix, prefix_len) != 0 || name[prefix_len] != '.') {
        return false;
    }
    const char *hex = name + prefix_len + 1;
    const char *dot = strchr(hex, '.');
    size_t len = dot != NULL ? (size_t)(dot - hex) : strlen(hex);
    uint64_t value;
    if (len == 0 || !rk_num_parse_hex(rk_bytes_of(hex, len), &value) || value > INT64_MAX) {
        return false;
    }
    *ret_zxid = (rk_zxid)value;
    return true;
}

void rk_store_name_make(char out[RK_STORE_NAME_MAX], const char *prefix, rk_zxid zxid,
                        const char *suffix)
{
    int n = snprintf(out, RK_STORE_NAME_MAX, "%s.%llx%s", prefix, (unsigned long long)zxid, suffix);
    RK_ASSERT(n > 0 && (size_t)n < RK_STORE_NAME_MAX);
}

void rk_store_name_show(char *out, size_t cap, const char *name)
{
    size_t len = strnlen(name, cap - 1);
    memcpy(out, name, len);
    out[len] = '\0';
}

enum rk_snap_compression rk_store_name_compression(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot != NULL && strcasecmp(dot, ".gz") == 0) {
        return RK_SNAP_GZIP;
    }
    if (dot != NULL && strcasecmp(dot, ".snappy") == 0) {
        return RK_SNAP_SNAPPY;
    }
    return RK_SNAP_PLAIN;
}

bool rk_store_name_is_unfinished(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && strcasecmp(dot, ".tmp") == 0;
}

struct listing {
    struct rk_store_names *names;
    const char *prefix;
    enum rk_err err;
};

static void list_one(void *ctx, const char *name)
{
    struct listing *l = ctx;
    struct rk_store_names *names = l->names;
    rk_zxid zxid;
    if (l->err != RK_OK || !rk_store_parse_name(name, l->prefix, &zxid) ||
        strlen(name) >= RK_STORE_NAME_MAX) {
        return;
    }
    if (names->count == names->cap) {
        uint32_t cap = names->cap == 0 ? 16 : names->cap * 2;
        struct rk_store_name *items = NULL;
        if (cap <= LIST_MAX) {
            items = rk_mem_resize(names->mem, names->items, names->cap * sizeof(*items),
                                  cap * sizeof(*items));
        }
        if (items == NULL) {
            l->err = RK_ERR_NOMEM;
            return;
        }
        names->items = items;
        names->cap = cap;
    }
    struct rk_store_name *item = &names->items[names->count++];
    item->zxid = zxid;
    memcpy(item->name, name, strlen(name) + 1);
}

static int compare(const void *a, const void *b)
{
    const struct rk_store_name *x = a;
    const struct rk_store_name *y = b;
    if (x->zxid != y->zxid) {
        return x->zxid < y->zxid ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

enum rk_err rk_store_names_list(struct rk_mem *mem, const struct rk_disk *disk,
                                enum rk_disk_dir dir, const char *prefix,
                                struct rk_store_names *ret)
{
    struct rk_store_names names = {.mem = mem};
    struct listing l = {.names = &names, .prefix = prefix};
    enum rk_err err = disk->ops->list(disk->ctx, dir, list_one, &l);
    if (err == RK_OK) {
        err = l.err;
    }
    if (err != RK_OK) {
        rk_store_names_deinit(&names);
        return err;
    }
    if (names.count > 1) {
        qsort(names.items, names.count, sizeof(*names.items), compare);
    }
    *ret = names;
    return RK_OK;
}

void rk_store_names_deinit(struct rk_store_names *names)
{
    if (names->items != NULL) {
        rk_mem_free(names->mem, names->items, names->cap * sizeof(*names->items));
    }
    *names = (struct rk_store_names){.mem = names->mem};
}
