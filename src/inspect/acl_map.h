/* The ACL map of a snapshot, kept while its nodes are read. */
#ifndef RK_INSPECT_ACL_MAP_H
#define RK_INSPECT_ACL_MAP_H

#include "base/arena.h"
#include "base/map.h"
#include "proto/records.h"

struct rk_ins_acl_map {
    struct rk_map map;
    struct rk_arena arena;
};

void rk_ins_acl_map_init(struct rk_ins_acl_map *m, struct rk_mem *mem);
void rk_ins_acl_map_deinit(struct rk_ins_acl_map *m);
/* Copies; the first of an id counts. */
void rk_ins_acl_map_add(struct rk_ins_acl_map *m, int64_t id, const struct rk_vec_acl *acl);
/* NULL: an id that the file does not explain. -1 is open to all. */
const struct rk_vec_acl *rk_ins_acl_map_find(const struct rk_ins_acl_map *m, int64_t id);

#define RK_INS_PERMS_MAX 6u
/* "cdrwa", as far as granted. */
void rk_ins_perms_text(int32_t perms, char out[RK_INS_PERMS_MAX]);

#endif
