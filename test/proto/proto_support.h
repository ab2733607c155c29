/* What the tests of this room share: a fixture, hexadecimal text, and the record table put to use:
 * random values, comparison and a description that Apache's side can produce as well. */
#ifndef RK_TEST_PROTO_SUPPORT_H
#define RK_TEST_PROTO_SUPPORT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/prng.h"
#include "proto/records_table.h"

struct fixture {
    struct rk_mem mem;
    struct rk_arena a; /* for what the test makes itself */
    struct rk_buf b;
};

/* For cmocka: setup and teardown; the latter fails if memory is still held. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Bytes of hexadecimal text, blanks allowed; from the arena, so that sanitizers see its end. */
struct rk_bytes unhex(struct fixture *f, const char *hex);
/* A copy in a malloc'd block of just this size, to be freed: a read past the end is caught. */
uint8_t *exact_copy(struct rk_bytes bytes);

/* Fails the test if there is none. */
const struct rk_proto_record *record_named(const char *name, size_t len);
void random_record(struct rk_prng *p, struct rk_arena *a, const struct rk_proto_record *t,
                   void *ret);
bool records_equal(const struct rk_proto_record *t, const void *x, const void *y);
/* (name=1,name=<hex>,name=[..],name=null): see test/proto/apache/JuteVectors.java. */
void describe_record(struct rk_buf *b, const struct rk_proto_record *t, const void *v);

#endif
