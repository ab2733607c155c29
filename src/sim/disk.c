/* The calls of the disk port, and the bookkeeping of what is durable. What is promised by a call is
 * what POSIX promises: a sync of a file covers its bytes and its size but not its name; a sync of a
 * directory covers the names in it and nothing else. */
#include "sim/disk_int.h"

#include <string.h>

static const char *const call_names[] = {
#define CALL_NAME(name, text) text,
    RK_SIM_DISK_CALL_TABLE(CALL_NAME)
#undef CALL_NAME
};

static const char *const persist_names[] = {
#define PERSIST_NAME(name, text) text,
    RK_SIM_PERSIST_TABLE(PERSIST_NAME)
#undef PERSIST_NAME
};

const char *rk_sim_disk_call_name(enum sim_disk_call call)
{
    RK_ASSERT((uint32_t)call < SIM_DISK_CALL_COUNT);
    return call_names[call];
}

const char *rk_sim_persist_name(enum sim_persist policy)
{
    RK_ASSERT((uint32_t)policy < SIM_PERSIST_COUNT);
    return persist_names[policy];
}

/* -- Names -- */

struct sim_entry *rk_sim_names_find(const struct sim_names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].name, name) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static void copy_name(char to[SIM_NAME_MAX], const char *name)
{
    size_t len = strlen(name);
    RK_ASSERT(len < SIM_NAME_MAX);
    memset(to, 0, SIM_NAME_MAX);
    memcpy(to, name, len);
}

void rk_sim_names_set(struct rk_mem *mem, struct sim_names *names, const char *name, uint32_t inode)
{
    struct sim_entry *e = rk_sim_names_find(names, name);
    if (e != NULL && inode != 0) {
        e->inode = inode;
    } else if (e != NULL) {
        names->count--;
        *e = names->items[names->count];
    } else if (inode != 0) {
        if (names->count == names->cap) {
            uint32_t cap = names->cap == 0 ? 8 : names->cap * 2;
            names->items =
                rk_mem_must_resize(mem, names->items, names->cap * sizeof(names->items[0]),
                                   cap * sizeof(names->items[0]));
            names->cap = cap;
        }
        e = &names->items[names->count++];
        copy_name(e->name, name);
        e->inode = inode;
    }
}

void rk_sim_names_copy(struct rk_mem *mem, struct sim_names *to, const struct sim_names *from)
{
    rk_mem_free(mem, to->items, to->cap * sizeof(to->items[0]));
    *to = (struct sim_names){.count = from->count, .cap = from->count};
    if (from->count > 0) {
        to->items = rk_mem_must_alloc(mem, from->count * sizeof(to->items[0]));
        memcpy(to->items, from->items, from->count * sizeof(to->items[0]));
    }
}

void rk_sim_names_apply(struct rk_mem *mem, struct sim_names *names, const struct sim_dir_op *op)
{
    if (op->from[0] != '\0') {
        rk_sim_names_set(mem, names, op->from, 0);
    }
    rk_sim_names_set(mem, names, op->to, op->inode);
}

static void change_names(struct sim_disk *d, struct sim_dir *dir, const char *from, const char *to,
                         uint32_t inode)
{
    if (dir->op_count == dir->op_cap) {
        uint32_t cap = dir->op_cap == 0 ? 8 : dir->op_cap * 2;
        dir->ops = rk_mem_must_resize(d->mem, dir->ops, dir->op_cap * sizeof(dir->ops[0]),
                                      cap * sizeof(dir->ops[0]));
        dir->op_cap = cap;
    }
    struct sim_dir_op *op = &dir->ops[dir->op_count++];
    *op = (struct sim_dir_op){.seq = d->next_seq++, .inode = inode};
    copy_name(op->from, from);
    copy_name(op->to, to);
    rk_sim_names_apply(d->mem, &dir->now, op);
}

struct sim_dir *rk_sim_disk_dir(struct sim_disk *d, enum rk_disk_dir dir)
{
    uint32_t index = (uint32_t)dir;
    RK_ASSERT(index < SIM_DIRS);
    if (d->shape.is_one_dir && dir == RK_DIR_LOG) {
        index = RK_DIR_SNAP;
    } else if (d->shape.is_one_dir && dir == RK_DIR_DATALOG) {
        index = RK_DIR_DATA;
    }
    return &d->dirs[index];
}

/* -- Files -- */

/* By binary search: they are in the order of their ids. */
struct sim_inode *rk_sim_disk_inode(const struct sim_disk *d, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = d->inode_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (d->inodes[mid]->id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < d->inode_count && d->inodes[low]->id == id ? d->inodes[low] : NULL;
}

static struct sim_inode *add_inode(struct sim_disk *d)
{
    if (d->inode_count == d->inode_cap) {
        uint32_t cap = d->inode_cap == 0 ? 16 : d->inode_cap * 2;
        d->inodes = rk_mem_must_resize(d->mem, d->inodes, d->inode_cap * sizeof(struct sim_inode *),
                                       cap * sizeof(struct sim_inode *));
        d->inode_cap = cap;
    }
    struct sim_inode *inode = rk_mem_must_zalloc(d->mem, sizeof(*inode));
    inode->id = d->next_inode++;
    d->inodes[d->inode_count++] = inode;
    return inode;
}

void rk_sim_inode_forget_writes(struct rk_mem *mem, struct sim_inode *inode)
{
    for (uint32_t i = 0; i < inode->write_count; i++) {
        struct sim_write *w = &inode->writes[i];
        rk_mem_free(mem, w->data, w->data == NULL ? 0 : w->len);
    }
    inode->write_count = 0;
}

static void free_inode(struct rk_mem *mem, struct sim_inode *inode)
{
    rk_sim_inode_forget_writes(mem, inode);
    rk_mem_free(mem, inode->writes, inode->write_cap * sizeof(inode->writes[0]));
    rk_sim_image_free(mem, &inode->now);
    rk_sim_image_free(mem, &inode->durable);
    rk_mem_free(mem, inode, sizeof(*inode));
}

static void mark_open(const struct sim_disk *d)
{
    for (uint32_t i = 0; i < d->inode_count; i++) {
        d->inodes[i]->is_marked = d->inodes[i]->handles > 0;
    }
}

static void mark(const struct sim_disk *d, uint32_t id)
{
    struct sim_inode *inode = rk_sim_disk_inode(d, id);
    if (inode != NULL) {
        inode->is_marked = true;
    }
}

static void mark_named(const struct sim_disk *d, const struct sim_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        mark(d, names->items[i].inode);
    }
}

void rk_sim_disk_collect(struct sim_disk *d)
{
    uint32_t kept = 0;
    mark_open(d);
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        const struct sim_dir *dir = &d->dirs[k];
        mark_named(d, &dir->now);
        mark_named(d, &dir->durable);
        for (uint32_t i = 0; i < dir->op_count; i++) {
            mark(d, dir->ops[i].inode);
        }
    }
    for (uint32_t i = 0; i < d->inode_count; i++) {
        struct sim_inode *inode = d->inodes[i];
        if (inode->is_marked) {
            d->inodes[kept++] = inode;
        } else {
            free_inode(d->mem, inode);
        }
    }
    d->inode_count = kept;
}

uint64_t rk_sim_disk_used(const struct sim_disk *d)
{
    uint64_t used = 0;
    mark_open(d);
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        mark_named(d, &d->dirs[k].now);
    }
    for (uint32_t i = 0; i < d->inode_count; i++) {
        const struct sim_inode *inode = d->inodes[i];
        if (inode->charged_bytes > 0 && inode->is_marked) {
            used += (inode->charged_bytes + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES * SIM_PAGE_BYTES;
        }
    }
    return used;
}

void rk_sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes)
{
    d->shape.capacity_bytes = bytes;
}

/* Blocks for the file up to end. */
static bool charge(struct sim_disk *d, struct sim_inode *inode, uint64_t end)
{
    if (end <= inode->charged_bytes) {
        return true;
    }
    uint64_t before = inode->charged_bytes;
    inode->charged_bytes = end;
    if (d->shape.capacity_bytes != 0 && rk_sim_disk_used(d) > d->shape.capacity_bytes) {
        inode->charged_bytes = before;
        return false;
    }
    return true;
}

static bool is_all_zero(const uint8_t *data, uint64_t len)
{
    return len >= SIM_PAGE_BYTES && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void remember(struct sim_disk *d, struct sim_inode *inode, uint64_t offset,
                     const uint8_t *data, uint64_t len)
{
    if (inode->write_count == inode->write_cap) {
        uint32_t cap = inode->write_cap == 0 ? 4 : inode->write_cap * 2;
        inode->writes =
            rk_mem_must_resize(d->mem, inode->writes, inode->write_cap * sizeof(inode->writes[0]),
                               cap * sizeof(inode->writes[0]));
        inode->write_cap = cap;
    }
    struct sim_write *w = &inode->writes[inode->write_count++];
    *w = (struct sim_write){
        .seq = d->next_seq++, .offset = offset, .len = len, .new_size = inode->now.size};
    if (data != NULL && len > 0) {
        w->data = rk_mem_must_alloc(d->mem, len);
        memcpy(w->data, data, len);
    }
}

static void write_bytes(struct sim_disk *d, struct sim_inode *inode, uint64_t offset,
                        const uint8_t *data, uint64_t len)
{
    if (is_all_zero(data, len)) {
        data = NULL;
    }
    rk_sim_image_write(d->mem, &inode->now, offset, data, len);
    remember(d, inode, offset, data, len);
}

/* -- The port -- */

static enum rk_err before(struct sim_disk *d, enum sim_disk_call call)
{
    if (d->is_cut) {
        return RK_ERR_IO;
    }
    enum rk_err err = d->hooks.before == NULL ? RK_OK : d->hooks.before(d->hooks.ctx, call);
    return d->is_cut ? RK_ERR_IO : err;
}

/* The call has had its effect; the process may die now, before it hears of it. */
static enum rk_err after(struct sim_disk *d, enum sim_disk_call call, const char *name, uint64_t a,
                         uint64_t b, enum rk_err err)
{
    if (d->hooks.after != NULL && !d->is_cut) {
        d->hooks.after(d->hooks.ctx, call, name, a, b, err);
    }
    return d->is_cut ? RK_ERR_IO : err;
}

static struct sim_handle *handle_of(struct sim_disk *d, rk_file file)
{
    RK_ASSERT(file > 0 && (uint32_t)file <= SIM_HANDLES);
    struct sim_handle *h = &d->handles[file - 1];
    RK_ASSERT(h->inode != NULL);
    return h;
}

static enum rk_err op_list(void *ctx, enum rk_disk_dir dir,
                           void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_LIST);
    if (err == RK_OK) {
        const struct sim_names *names = &rk_sim_disk_dir(d, dir)->now;
        uint64_t first =
            names->count == 0 ? 0 : rk_sim_below(d->tape, SIM_SITE_DISK_ORDER, names->count);
        for (uint32_t i = 0; i < names->count; i++) {
            each(each_ctx, names->items[(first + i) % names->count].name);
        }
    }
    return after(d, SIM_DISK_LIST, "", (uint64_t)dir, 0, err);
}

/* What a failed sync left in the cache alone is dropped from it; what will be synced stays. */
static void drop_ghosts(struct sim_disk *d, struct sim_inode *inode)
{
    struct sim_image now;
    rk_sim_image_copy(d->mem, &now, &inode->durable);
    for (uint32_t i = 0; i < inode->write_count; i++) {
        const struct sim_write *w = &inode->writes[i];
        if (w->len > 0) {
            rk_sim_image_write(d->mem, &now, w->offset, w->data, w->len);
        }
        rk_sim_image_resize(d->mem, &now, w->new_size);
    }
    rk_sim_image_free(d->mem, &inode->now);
    inode->now = now;
    inode->has_ghosts = false;
}

static enum rk_err open_file(struct sim_disk *d, enum rk_disk_dir dir, const char *name,
                             enum rk_disk_open how, rk_file *ret_file)
{
    struct sim_dir *at = rk_sim_disk_dir(d, dir);
    struct sim_entry *e = rk_sim_names_find(&at->now, name);
    struct sim_inode *inode = e == NULL ? NULL : rk_sim_disk_inode(d, e->inode);
    uint32_t slot = 0;
    if (inode == NULL && !rk_disk_creates(how)) {
        return RK_ERR_NOT_FOUND;
    }
    while (slot < SIM_HANDLES && d->handles[slot].inode != NULL) {
        slot++;
    }
    RK_ASSERT(slot < SIM_HANDLES); /* the store leaks files */
    if (inode == NULL) {
        inode = add_inode(d);
        change_names(d, at, "", name, inode->id);
    } else if (rk_disk_creates(how) && inode->now.size > 0) {
        rk_sim_image_resize(d->mem, &inode->now, 0);
        inode->charged_bytes = 0;
        remember(d, inode, 0, NULL, 0);
    }
    if (inode->has_ghosts && how == RK_OPEN_READ && inode->handles == 0) {
        drop_ghosts(d, inode);
    }
    d->handles[slot] = (struct sim_handle){.inode = inode,
                                           .can_write = how != RK_OPEN_READ,
                                           .is_direct = how == RK_OPEN_CREATE_DIRECT};
    copy_name(d->handles[slot].name, name);
    inode->handles++;
    *ret_file = (rk_file)(slot + 1);
    return RK_OK;
}

static enum rk_err op_open(void *ctx, enum rk_disk_dir dir, const char *name, enum rk_disk_open how,
                           rk_file *ret_file)
{
    struct sim_disk *d = ctx;
    rk_file file = 0;
    enum rk_err err = before(d, SIM_DISK_OPEN);
    if (err == RK_OK) {
        err = open_file(d, dir, name, how, &file);
    }
    err = after(d, SIM_DISK_OPEN, name, (uint64_t)how, 0, err);
    if (err == RK_OK) {
        *ret_file = file;
    }
    return err;
}

static void op_close(void *ctx, rk_file file)
{
    struct sim_disk *d = ctx;
    if (d->is_cut) {
        return; /* closed with its process */
    }
    struct sim_handle *h = handle_of(d, file);
    RK_ASSERT(h->inode->handles > 0);
    h->inode->handles--;
    h->inode = NULL;
}

static enum rk_err op_size(void *ctx, rk_file file, uint64_t *ret_size)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_SIZE);
    if (err == RK_OK) {
        *ret_size = handle_of(d, file)->inode->now.size;
    }
    return err;
}

static enum rk_err op_read(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                           size_t *ret_got)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_READ);
    if (err == RK_OK) {
        *ret_got = rk_sim_image_read(&handle_of(d, file)->inode->now, offset, out, len);
    }
    return err;
}

static bool is_aligned(uint64_t offset, const void *data, size_t len)
{
    return offset % RK_DISK_BLOCK == 0 && len % RK_DISK_BLOCK == 0 &&
           (uintptr_t)data % RK_DISK_BLOCK == 0;
}

/* What a write of whole blocks changes: the records of earlier commits in front of it, and the
 * zeros behind it, are written again as they are, which harms them as little as if they had only
 * shared a sector with it. */
static void leave_out_same(const struct sim_inode *inode, uint64_t *offset, const uint8_t **data,
                           size_t *len)
{
    uint8_t old[2][RK_DISK_BLOCK];
    uint64_t last = *offset + *len - RK_DISK_BLOCK;
    size_t front = 0;
    size_t back = 0;
    if (*len < RK_DISK_BLOCK ||
        rk_sim_image_read(&inode->now, *offset, old[0], RK_DISK_BLOCK) < RK_DISK_BLOCK ||
        rk_sim_image_read(&inode->now, last, old[1], RK_DISK_BLOCK) < RK_DISK_BLOCK) {
        return;
    }
    while (front < RK_DISK_BLOCK && old[0][front] == (*data)[front]) {
        front++;
    }
    while (back < RK_DISK_BLOCK && old[1][RK_DISK_BLOCK - 1 - back] == (*data)[*len - 1 - back]) {
        back++;
    }
    if (front + back < *len) {
        *offset += front;
        *data += front;
        *len -= front + back;
    }
}

static enum rk_err op_write(void *ctx, rk_file file, uint64_t offset, const void *whole, size_t len)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_WRITE);
    const uint8_t *data = whole;
    const char *name = "";
    if (err == RK_OK) {
        struct sim_handle *h = handle_of(d, file);
        RK_ASSERT(h->can_write);
        RK_ASSERT(!h->is_direct || is_aligned(offset, data, len));
        name = h->name;
        if (h->is_direct) {
            leave_out_same(h->inode, &offset, &data, &len);
        }
        if (charge(d, h->inode, offset + len)) {
            write_bytes(d, h->inode, offset, data, len);
        } else {
            /* As far as there was room, and no further. */
            uint64_t part = rk_sim_below(d->tape, SIM_SITE_DISK_FAULT, len + 1);
            if (charge(d, h->inode, offset + part)) {
                write_bytes(d, h->inode, offset, data, part);
            }
            err = RK_ERR_NO_SPACE;
        }
    }
    return after(d, SIM_DISK_WRITE, name, offset, len, err);
}

static enum rk_err op_allocate(void *ctx, rk_file file, uint64_t size)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_ALLOCATE);
    const char *name = "";
    if (err == RK_OK) {
        struct sim_handle *h = handle_of(d, file);
        RK_ASSERT(h->can_write);
        name = h->name;
        if (d->shape.no_allocate) {
            err = RK_ERR_UNSUPPORTED;
        } else if (!charge(d, h->inode, size)) {
            err = RK_ERR_NO_SPACE;
        } else if (size > h->inode->now.size) {
            rk_sim_image_resize(d->mem, &h->inode->now, size);
            remember(d, h->inode, 0, NULL, 0);
        }
    }
    return after(d, SIM_DISK_ALLOCATE, name, size, 0, err);
}

static enum rk_err op_truncate(void *ctx, rk_file file, uint64_t size)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_TRUNCATE);
    const char *name = "";
    if (err == RK_OK) {
        struct sim_handle *h = handle_of(d, file);
        RK_ASSERT(h->can_write);
        name = h->name;
        if (size < h->inode->charged_bytes) {
            h->inode->charged_bytes = size;
        }
        rk_sim_image_resize(d->mem, &h->inode->now, size);
        remember(d, h->inode, 0, NULL, 0);
    }
    return after(d, SIM_DISK_TRUNCATE, name, size, 0, err);
}

static void make_durable(struct sim_disk *d, struct sim_inode *inode)
{
    for (uint32_t i = 0; i < inode->write_count; i++) {
        const struct sim_write *w = &inode->writes[i];
        rk_sim_image_take(d->mem, &inode->durable, &inode->now, w->offset, w->len);
    }
    if (inode->write_count > 0) {
        /* Pages that a shrinking dropped are gone on both sides. */
        if (inode->now.size < inode->durable.size) {
            rk_sim_image_resize(d->mem, &inode->durable, inode->now.size);
        }
        inode->durable.size = inode->now.size;
    }
    rk_sim_inode_forget_writes(d->mem, inode);
}

static enum rk_err op_sync(void *ctx, rk_file file)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_SYNC);
    const char *name = "";
    uint32_t moved = 0;
    if (!d->is_cut) {
        struct sim_handle *h = handle_of(d, file);
        name = h->name;
        moved = h->inode->write_count;
        if (err == RK_OK) {
            make_durable(d, h->inode);
        } else {
            h->inode->has_ghosts = true;
            rk_sim_inode_forget_writes(d->mem, h->inode);
        }
    }
    return after(d, SIM_DISK_SYNC, name, moved, 0, err);
}

static enum rk_err op_sync_dir(void *ctx, enum rk_disk_dir dir)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_SYNC_DIR);
    uint32_t moved = 0;
    if (err == RK_OK) {
        struct sim_dir *at = rk_sim_disk_dir(d, dir);
        moved = at->op_count;
        at->op_count = 0;
        rk_sim_names_copy(d->mem, &at->durable, &at->now);
        rk_sim_disk_collect(d);
    }
    return after(d, SIM_DISK_SYNC_DIR, "", (uint64_t)dir, moved, err);
}

static enum rk_err op_rename(void *ctx, enum rk_disk_dir dir, const char *from, const char *to)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_RENAME);
    if (err == RK_OK) {
        struct sim_dir *at = rk_sim_disk_dir(d, dir);
        struct sim_entry *e = rk_sim_names_find(&at->now, from);
        if (e == NULL) {
            err = RK_ERR_NOT_FOUND;
        } else {
            change_names(d, at, from, to, e->inode);
        }
    }
    return after(d, SIM_DISK_RENAME, to, 0, 0, err);
}

static enum rk_err op_unlink(void *ctx, enum rk_disk_dir dir, const char *name)
{
    struct sim_disk *d = ctx;
    enum rk_err err = before(d, SIM_DISK_UNLINK);
    if (err == RK_OK) {
        struct sim_dir *at = rk_sim_disk_dir(d, dir);
        if (rk_sim_names_find(&at->now, name) == NULL) {
            err = RK_ERR_NOT_FOUND;
        } else {
            change_names(d, at, "", name, 0);
        }
    }
    return after(d, SIM_DISK_UNLINK, name, (uint64_t)dir, 0, err);
}

struct rk_disk rk_sim_disk_port(struct sim_disk *d)
{
    static const struct rk_disk_ops ops = {
        .list = op_list,
        .open = op_open,
        .close = op_close,
        .size = op_size,
        .read = op_read,
        .write = op_write,
        .allocate = op_allocate,
        .truncate = op_truncate,
        .sync = op_sync,
        .sync_dir = op_sync_dir,
        .rename = op_rename,
        .unlink = op_unlink,
    };
    return (struct rk_disk){.ops = &ops, .ctx = d};
}

/* -- Making and unmaking -- */

struct sim_disk *rk_sim_disk_create(struct rk_mem *mem, struct sim_tape *tape,
                                    const struct sim_disk_shape *shape)
{
    struct sim_disk *d = rk_mem_must_zalloc(mem, sizeof(*d));
    d->mem = mem;
    d->tape = tape;
    d->shape = *shape;
    d->next_inode = 1;
    return d;
}

void rk_sim_disk_destroy(struct sim_disk *d)
{
    for (uint32_t i = 0; i < d->inode_count; i++) {
        free_inode(d->mem, d->inodes[i]);
    }
    rk_mem_free(d->mem, d->inodes, d->inode_cap * sizeof(struct sim_inode *));
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        struct sim_dir *dir = &d->dirs[k];
        rk_mem_free(d->mem, dir->now.items, dir->now.cap * sizeof(dir->now.items[0]));
        rk_mem_free(d->mem, dir->durable.items, dir->durable.cap * sizeof(dir->durable.items[0]));
        rk_mem_free(d->mem, dir->ops, dir->op_cap * sizeof(dir->ops[0]));
    }
    rk_mem_free(d->mem, d, sizeof(*d));
}

static void clone_inode(struct sim_disk *d, const struct sim_inode *from)
{
    struct sim_inode *inode = add_inode(d);
    inode->id = from->id;
    inode->charged_bytes = from->charged_bytes;
    inode->has_ghosts = from->has_ghosts;
    rk_sim_image_copy(d->mem, &inode->now, &from->now);
    rk_sim_image_copy(d->mem, &inode->durable, &from->durable);
    if (from->write_count == 0) {
        return;
    }
    inode->writes = rk_mem_must_alloc(d->mem, from->write_count * sizeof(inode->writes[0]));
    inode->write_cap = from->write_count;
    inode->write_count = from->write_count;
    for (uint32_t i = 0; i < from->write_count; i++) {
        inode->writes[i] = from->writes[i];
        if (from->writes[i].data != NULL) {
            inode->writes[i].data = rk_mem_must_alloc(d->mem, from->writes[i].len);
            memcpy(inode->writes[i].data, from->writes[i].data, from->writes[i].len);
        }
    }
}

struct sim_disk *rk_sim_disk_clone(const struct sim_disk *from)
{
    struct sim_disk *d = rk_sim_disk_create(from->mem, from->tape, &from->shape);
    for (uint32_t i = 0; i < from->inode_count; i++) {
        clone_inode(d, from->inodes[i]);
    }
    d->next_inode = from->next_inode;
    d->next_seq = from->next_seq;
    for (uint32_t k = 0; k < SIM_DIRS; k++) {
        const struct sim_dir *source = &from->dirs[k];
        struct sim_dir *dir = &d->dirs[k];
        rk_sim_names_copy(d->mem, &dir->now, &source->now);
        rk_sim_names_copy(d->mem, &dir->durable, &source->durable);
        if (source->op_count > 0) {
            dir->ops = rk_mem_must_alloc(d->mem, source->op_count * sizeof(dir->ops[0]));
            memcpy(dir->ops, source->ops, source->op_count * sizeof(dir->ops[0]));
            dir->op_count = source->op_count;
            dir->op_cap = source->op_count;
        }
    }
    return d;
}

void rk_sim_disk_set_hooks(struct sim_disk *d, const struct sim_disk_hooks *hooks)
{
    d->hooks = *hooks;
}
