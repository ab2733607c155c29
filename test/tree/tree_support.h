/* What the tests of the tree share: a tree with its memory, transactions in one line each, and the
 * text of outcomes. */
#ifndef RK_TEST_TREE_SUPPORT_H
#define RK_TEST_TREE_SUPPORT_H

#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"
#include "tree/tree.h"

/* Times in the tests: a zxid's transaction happened then. */
#define TIME_OF(zxid) (INT64_C(1600000000000) + (zxid)*10)

struct fixture {
    struct rk_mem mem;
    struct rk_arena arena;  /* of the last transaction */
    struct rk_arena bodies; /* of the last multi */
    struct rk_tree *t;
    rk_zxid zxid; /* of the last transaction */
    struct rk_tree_outcome out;
    char events[4096]; /* of the last transaction: "created /a, children /" */
};

uint32_t test_crc32(uint32_t crc, const void *data, size_t len);
struct rk_tree_config test_config(void); /* extended types and digest on */

/* Up to the end of the line; returns how many bytes. */
size_t test_unhex(const char *hex, uint8_t *out, size_t cap);

void fixture_open(struct fixture *f, const struct rk_tree_config *config); /* NULL: test_config */
void fixture_close(struct fixture *f); /* checks the tree and that all memory came back */

#define TEST_ACLS 20
/* One ACL list of TEST_ACLS that differ: 0 is world:anyone:31; null for -1. */
const struct rk_vec_acl *test_acl(int which);

/* Transactions without their header. */
struct rk_txn txn_create(int32_t type, const char *path, const char *data, int32_t parent_cversion);
struct rk_txn txn_container(const char *path, int32_t parent_cversion);
struct rk_txn txn_ttl(const char *path, int64_t ttl, int32_t parent_cversion);
struct rk_txn txn_delete(const char *path);
struct rk_txn txn_set_data(const char *path, const char *data, int32_t version);
struct rk_txn txn_set_acl(const char *path, const struct rk_vec_acl *acl, int32_t version);
struct rk_txn txn_check(const char *path);
struct rk_txn txn_error(int32_t err);
/* NULL-terminated list of paths; paths NULL: no body. */
struct rk_txn txn_close(const char *const *paths);

/* Applies it as the next zxid of this session; f->out and f->events tell what came of it. Returns
 * err. */
int32_t apply_as(struct fixture *f, rk_session_id session, struct rk_txn txn);
int32_t apply(struct fixture *f, struct rk_txn txn); /* of session 0 */
/* Encodes the elements into a multi and applies it. */
int32_t apply_multi_as(struct fixture *f, rk_session_id session, const struct rk_txn *elements,
                       int count);
/* A persistent node, and what a leader would have said of its parent. Must succeed. */
void make(struct fixture *f, const char *path, const char *data);

/* Field by field: the structs have padding. */
void assert_same_stat(const struct rk_stat *a, const struct rk_stat *b);
void assert_same_persisted(const struct rk_stat_persisted *a, const struct rk_stat_persisted *b);

rk_node_id find(const struct fixture *f, const char *path);
struct rk_stat stat_of(const struct fixture *f, const char *path); /* must exist */
struct rk_stat_persisted persisted_of(const struct fixture *f, const char *path);
/* Of the node: its data as text; "(null)" and "(none)" for null data and a missing node. */
const char *data_of(const struct fixture *f, const char *path);
int32_t next_cversion(const struct fixture *f, const char *path); /* of the parent of path */

#endif
