/* The end of a process, of the power, of bytes at rest. What a loss of power may do to unsynced
 * changes: every sector shows any of the versions it had since the last sync, or nonsense where it
 * was being written; the size is any it had; every directory operation happened or did not. Bytes
 * that no unsynced write covers are never harmed: sectors are written whole. */
#include "sim/disk_int.h"

#include "base/map.h"

#include <string.h>

void rk_sim_disk_cut(struct sim_disk *d)
{
    d->is_cut = true;
}

void rk_sim_disk_kill(struct sim_disk *d)
{
    for (uint32_t i = 0; i < SIM_HANDLES; i++) {
        if (d->handles[i].inode != NULL) {
            d->handles[i].inode->handles--;
            d->handles[i].inode = NULL;
        }
    }
    d->is_cut = false;
    rk_sim_disk_collect(d);
}

uint32_t rk_sim_disk_unsynced(const struct sim_disk *d)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->inode_count; i++) {
        count += d->inodes[i]->write_count;
    }
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        count += d->dirs[k].op_count;
    }
    return count;
}

/* -- What survives -- */

struct loss {
    struct sim_disk *d;
    enum sim_persist policy;
    enum sim_site site;
    uint64_t cut_seq;  /* PREFIX: everything before it survives */
    uint32_t keep_pct; /* SUBSET, GARBAGE: of directory operations and sizes */
};

/* The part of w that lies in [from, to). */
static void put_part(struct loss *l, struct sim_image *img, const struct sim_write *w,
                     uint64_t from, uint64_t to)
{
    uint64_t begin = w->offset > from ? w->offset : from;
    uint64_t end = w->offset + w->len < to ? w->offset + w->len : to;
    if (begin < end) {
        rk_sim_image_write(l->d->mem, img, begin,
                           w->data == NULL ? NULL : w->data + (begin - w->offset), end - begin);
    }
}

static void put_nonsense(struct loss *l, struct sim_image *img, const struct sim_write *w,
                         uint64_t from, uint64_t to)
{
    uint8_t bytes[SIM_SECTOR_BYTES];
    uint64_t begin = w->offset > from ? w->offset : from;
    uint64_t end = w->offset + w->len < to ? w->offset + w->len : to;
    RK_ASSERT(begin < end && end - begin <= sizeof(bytes));
    uint64_t kind = rk_sim_below(l->d->tape, l->site, 3);
    uint64_t noise = rk_sim_below(l->d->tape, l->site, UINT64_MAX);
    memset(bytes, kind == 0 ? 0 : 0xff, sizeof(bytes));
    for (uint32_t i = 0; kind == 2 && i < sizeof(bytes); i++) {
        noise = noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(noise >> 56);
    }
    rk_sim_image_write(l->d->mem, img, begin, bytes, end - begin);
}

static bool touches(const struct sim_write *w, uint64_t from, uint64_t to)
{
    return w->len > 0 && w->offset < to && w->offset + w->len > from;
}

/* One sector: some of the writes to it, the oldest first, happened. */
static void settle_sector(struct loss *l, struct sim_image *img, const struct sim_inode *inode,
                          uint64_t sector)
{
    uint64_t from = sector * SIM_SECTOR_BYTES;
    uint64_t to = from + SIM_SECTOR_BYTES;
    uint64_t count = 0;
    for (uint32_t i = 0; i < inode->write_count; i++) {
        count += touches(&inode->writes[i], from, to);
    }
    uint64_t kept = rk_sim_below(l->d->tape, l->site, count + 1);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < inode->write_count && seen <= kept; i++) {
        const struct sim_write *w = &inode->writes[i];
        if (!touches(w, from, to)) {
            continue;
        }
        seen++;
        if (seen <= kept) {
            put_part(l, img, w, from, to);
        } else if (l->policy == SIM_PERSIST_GARBAGE && rk_sim_chance(l->d->tape, l->site, 1, 2)) {
            put_nonsense(l, img, w, from, to);
        }
    }
}

/* Sectors one by one, each once: at the first write that touches it. */
static void settle_sectors(struct loss *l, struct sim_image *img, const struct sim_inode *inode)
{
    for (uint32_t i = 0; i < inode->write_count; i++) {
        const struct sim_write *w = &inode->writes[i];
        if (w->len == 0) {
            continue;
        }
        uint64_t last = (w->offset + w->len - 1) / SIM_SECTOR_BYTES;
        for (uint64_t sector = w->offset / SIM_SECTOR_BYTES; sector <= last; sector++) {
            bool is_first = true;
            for (uint32_t k = 0; k < i && is_first; k++) {
                is_first = !touches(&inode->writes[k], sector * SIM_SECTOR_BYTES,
                                    (sector + 1) * SIM_SECTOR_BYTES);
            }
            /* Zeros far behind everything else: not one draw for each of hundreds of sectors. */
            if (is_first && (w->data != NULL || sector == w->offset / SIM_SECTOR_BYTES ||
                             inode->durable.size > sector * SIM_SECTOR_BYTES)) {
                settle_sector(l, img, inode, sector);
            }
        }
    }
}

static void settle_prefix(struct loss *l, struct sim_image *img, const struct sim_inode *inode)
{
    for (uint32_t i = 0; i < inode->write_count; i++) {
        const struct sim_write *w = &inode->writes[i];
        if (w->seq > l->cut_seq) {
            return;
        }
        if (w->seq < l->cut_seq) {
            if (w->len == 0) {
                rk_sim_image_resize(l->d->mem, img, w->new_size);
            }
            put_part(l, img, w, w->offset, w->offset + w->len);
        } else if (w->len > 0) {
            uint64_t part = rk_sim_below(l->d->tape, l->site, w->len + 1);
            if (rk_sim_chance(l->d->tape, l->site, 1, 2)) {
                uint64_t end = (w->offset + part) / SIM_SECTOR_BYTES * SIM_SECTOR_BYTES;
                part = end > w->offset ? end - w->offset : 0;
            }
            put_part(l, img, w, w->offset, w->offset + part);
        }
    }
}

/* Any size it had since the last sync. */
static uint64_t settle_size(struct loss *l, const struct sim_inode *inode)
{
    uint64_t at = rk_sim_below(l->d->tape, l->site, inode->write_count + 1);
    if (rk_sim_chance(l->d->tape, l->site, l->keep_pct, 100)) {
        at = inode->write_count;
    }
    return at == 0 ? inode->durable.size : inode->writes[at - 1].new_size;
}

static void settle_file(struct loss *l, struct sim_inode *inode)
{
    struct sim_image img;
    if (inode->write_count > 0 && l->policy != SIM_PERSIST_NONE) {
        rk_sim_image_copy(l->d->mem, &img,
                          l->policy == SIM_PERSIST_ALL ? &inode->now : &inode->durable);
        if (l->policy == SIM_PERSIST_PREFIX) {
            settle_prefix(l, &img, inode);
        } else if (l->policy != SIM_PERSIST_ALL) {
            settle_sectors(l, &img, inode);
            rk_sim_image_resize(l->d->mem, &img, settle_size(l, inode));
        }
        rk_sim_image_free(l->d->mem, &inode->durable);
        inode->durable = img;
    }
    rk_sim_inode_forget_writes(l->d->mem, inode);
    inode->has_ghosts = false;
    rk_sim_image_free(l->d->mem, &inode->now);
    rk_sim_image_copy(l->d->mem, &inode->now, &inode->durable);
}

static bool op_survives(struct loss *l, const struct sim_dir_op *op)
{
    switch (l->policy) {
    case SIM_PERSIST_NONE:
        return false;
    case SIM_PERSIST_ALL:
        return true;
    case SIM_PERSIST_PREFIX:
        return op->seq < l->cut_seq;
    default:
        return rk_sim_chance(l->d->tape, l->site, l->keep_pct, 100);
    }
}

static void settle_dir(struct loss *l, struct sim_dir *dir)
{
    for (uint32_t i = 0; i < dir->op_count; i++) {
        if (op_survives(l, &dir->ops[i])) {
            rk_sim_names_apply(l->d->mem, &dir->durable, &dir->ops[i]);
        }
    }
    dir->op_count = 0;
    rk_sim_names_copy(l->d->mem, &dir->now, &dir->durable);
}

/* A place in the order of the unsynced changes. */
static uint64_t draw_cut(struct sim_disk *d, enum sim_site site)
{
    uint64_t oldest = d->next_seq;
    for (uint32_t i = 0; i < d->inode_count; i++) {
        if (d->inodes[i]->write_count > 0 && d->inodes[i]->writes[0].seq < oldest) {
            oldest = d->inodes[i]->writes[0].seq;
        }
    }
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        if (d->dirs[k].op_count > 0 && d->dirs[k].ops[0].seq < oldest) {
            oldest = d->dirs[k].ops[0].seq;
        }
    }
    return oldest + rk_sim_below(d->tape, site, d->next_seq - oldest + 1);
}

void rk_sim_disk_lose_power(struct sim_disk *d, enum sim_persist policy, enum sim_site site)
{
    static const uint32_t keeps[] = {5, 50, 95};
    rk_sim_disk_kill(d);
    struct loss l = {.d = d, .policy = policy, .site = site};
    l.cut_seq = policy == SIM_PERSIST_PREFIX ? draw_cut(d, site) : 0;
    l.keep_pct = keeps[rk_sim_below(d->tape, site, 3)];
    for (uint32_t i = 0; i < d->inode_count; i++) {
        settle_file(&l, d->inodes[i]);
    }
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        settle_dir(&l, &d->dirs[k]);
    }
    rk_sim_disk_collect(d);
}

/* -- Damage and identity -- */

uint32_t rk_sim_disk_file(struct sim_disk *d, enum rk_disk_dir dir, const char *name)
{
    const struct sim_entry *e = rk_sim_names_find(&rk_sim_disk_dir(d, dir)->now, name);
    return e == NULL ? 0 : e->inode;
}

bool rk_sim_disk_flip(struct sim_disk *d, uint32_t file, uint64_t offset, uint8_t mask)
{
    struct sim_inode *inode = rk_sim_disk_inode(d, file);
    uint8_t byte = 0;
    if (inode == NULL || rk_sim_image_read(&inode->now, offset, &byte, 1) != 1) {
        return false;
    }
    byte ^= mask;
    rk_sim_image_write(d->mem, &inode->now, offset, &byte, 1);
    if (rk_sim_image_read(&inode->durable, offset, &byte, 1) == 1) {
        byte ^= mask;
        rk_sim_image_write(d->mem, &inode->durable, offset, &byte, 1);
    }
    return true;
}

bool rk_sim_disk_name_at(const struct sim_disk *d, enum rk_disk_dir dir, uint32_t index,
                         char ret_name[SIM_NAME_MAX], uint64_t *ret_size)
{
    const struct sim_names *names = &rk_sim_disk_dir((struct sim_disk *)d, dir)->now;
    if (index >= names->count) {
        return false;
    }
    memcpy(ret_name, names->items[index].name, SIM_NAME_MAX);
    *ret_size = rk_sim_disk_inode(d, names->items[index].inode)->now.size;
    return true;
}

void rk_sim_disk_move(struct sim_disk *d, enum rk_disk_dir dir, const char *from, const char *to)
{
    struct sim_dir *at = rk_sim_disk_dir(d, dir);
    struct sim_names *sides[] = {&at->now, &at->durable};
    for (uint32_t i = 0; i < 2; i++) {
        struct sim_entry *e = rk_sim_names_find(sides[i], from);
        if (e != NULL) {
            uint32_t inode = e->inode;
            rk_sim_names_set(d->mem, sides[i], from, 0);
            rk_sim_names_set(d->mem, sides[i], to, inode);
        }
    }
}

uint64_t rk_sim_disk_hash(const struct sim_disk *d)
{
    uint8_t page[SIM_PAGE_BYTES];
    uint64_t sum = 0;
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        for (uint32_t i = 0; i < d->dirs[k].now.count; i++) {
            const struct sim_entry *e = &d->dirs[k].now.items[i];
            const struct sim_inode *inode = rk_sim_disk_inode(d, e->inode);
            uint64_t hash = rk_hash_bytes(e->name, strlen(e->name), k);
            for (uint64_t at = 0; at < inode->now.size; at += SIM_PAGE_BYTES) {
                uint64_t got = rk_sim_image_read(&inode->now, at, page, sizeof(page));
                hash = rk_hash_bytes(page, got, hash);
            }
            sum += hash; /* of names in no order */
        }
    }
    return sum;
}
