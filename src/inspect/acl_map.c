/* ACLs by id. Memory in proportion to what the file has of them. */
#include "inspect/acl_map.h"

#include "inspect/tool.h"
#include "proto/opcode.h"

struct item {
    struct rk_map_entry entry;
    struct rk_vec_acl acl;
};

void rk_ins_acl_map_init(struct rk_ins_acl_map *m, struct rk_mem *mem)
{
    rk_map_init(&m->map, mem, rk_ins_seed());
    rk_arena_init(&m->arena, mem);
}

void rk_ins_acl_map_deinit(struct rk_ins_acl_map *m)
{
    rk_map_deinit(&m->map);
    rk_arena_deinit(&m->arena);
}

void rk_ins_acl_map_add(struct rk_ins_acl_map *m, int64_t id, const struct rk_vec_acl *acl)
{
    if (rk_map_find(&m->map, (uint64_t)id) != NULL) {
        return; /* verify tells */
    }
    struct item *item = rk_arena_alloc(&m->arena, sizeof(*item));
    size_t count = acl->count > 0 ? (size_t)acl->count : 0;
    item->acl.count = acl->count;
    item->acl.items = rk_arena_alloc(&m->arena, (count + 1) * sizeof(*acl->items));
    for (size_t i = 0; i < count; i++) {
        item->acl.items[i].perms = acl->items[i].perms;
        item->acl.items[i].id.scheme = rk_arena_dup(&m->arena, acl->items[i].id.scheme);
        item->acl.items[i].id.id = rk_arena_dup(&m->arena, acl->items[i].id.id);
    }
    rk_map_insert(&m->map, &item->entry, (uint64_t)id);
}

const struct rk_vec_acl *rk_ins_acl_map_find(const struct rk_ins_acl_map *m, int64_t id)
{
    static struct rk_acl anyone = {RK_PERM_ALL,
                                   {{(const uint8_t *)"world", 5}, {(const uint8_t *)"anyone", 6}}};
    static const struct rk_vec_acl open = {1, &anyone};
    if (id == -1) {
        return &open;
    }
    const struct item *item = (const struct item *)rk_map_find(&m->map, (uint64_t)id);
    return item != NULL ? &item->acl : NULL;
}

void rk_ins_perms_text(int32_t perms, char out[RK_INS_PERMS_MAX])
{
    static const struct {
        int32_t bit;
        char letter;
    } letters[] = {{RK_PERM_CREATE, 'c'},
                   {RK_PERM_DELETE, 'd'},
                   {RK_PERM_READ, 'r'},
                   {RK_PERM_WRITE, 'w'},
                   {RK_PERM_ADMIN, 'a'}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if ((perms & letters[i].bit) != 0) {
            *out++ = letters[i].letter;
        }
    }
    *out = '\0';
}
