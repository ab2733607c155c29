/* What the tree costs per operation, in nanoseconds, at a million nodes: not a test. One line of
 * JSON per measurement. Run: ninja -C build test/tree/bench_tree && build/test/tree/bench_tree
 * [nodes] */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "proto/opcode.h"
#include "tree/tree.h"

#define DIRS 1000u
#define OPS  1000000u
#define HOT  64u

struct bench {
    struct rk_mem mem;
    struct rk_arena arena;
    struct rk_tree *t;
    struct rk_prng prng;
    uint32_t nodes;
    rk_zxid zxid;
    char data[100];
};

_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

static double now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void report(const char *what, double start_ns, uint32_t ops)
{
    printf("{\"bench\": \"tree\", \"op\": \"%s\", \"ns_per_op\": %.1f}\n", what,
           (now_ns() - start_ns) / ops);
    fflush(stdout);
}

static size_t path_of(char *out, size_t cap, uint32_t i)
{
    return (size_t)snprintf(out, cap, "/app/directory%u/node%06u", i % DIRS, i / DIRS);
}

static void run(struct bench *b, struct rk_txn *txn)
{
    struct rk_tree_outcome out;
    b->zxid++;
    txn->header = (struct rk_txn_header){1, 1, b->zxid, b->zxid, txn->type};
    rk_tree_apply(b->t, txn, &b->arena, &out);
    if (out.result.err != 0) {
        abort();
    }
    rk_arena_reset(&b->arena);
}

static void create(struct bench *b, const char *path, size_t len)
{
    struct rk_acl world = {31, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_txn txn = {.type = RK_OP_CREATE};
    txn.body.create = (struct rk_create_txn){
        rk_bytes_of(path, len), rk_bytes_of(b->data, sizeof(b->data)), {1, &world}, false, -1};
    run(b, &txn);
}

static void set(struct bench *b, const char *path, size_t len, size_t data_len)
{
    struct rk_txn txn = {.type = RK_OP_SET_DATA};
    txn.body.set_data =
        (struct rk_set_data_txn){rk_bytes_of(path, len), rk_bytes_of(b->data, data_len), 1};
    run(b, &txn);
}

static void drop(struct bench *b, const char *path, size_t len)
{
    struct rk_txn txn = {.type = RK_OP_DELETE};
    txn.body.delete_.path = rk_bytes_of(path, len);
    run(b, &txn);
}

/* A table of paths made beforehand, so that printing them is not measured. */
struct paths {
    char (*text)[48];
    uint8_t *len;
};

static struct paths pick(struct bench *b, uint32_t among)
{
    struct paths p = {malloc(OPS * sizeof(p.text[0])), malloc(OPS)};
    if (p.text == NULL || p.len == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < OPS; i++) {
        uint32_t node = (uint32_t)rk_prng_below(&b->prng, among);
        p.len[i] = (uint8_t)path_of(p.text[i], sizeof(p.text[i]), node);
    }
    return p;
}

static void measure(struct bench *b, const char *kind, uint32_t among)
{
    char what[64];
    struct paths p = pick(b, among);
    double start = now_ns();
    uint64_t sum = 0;
    for (uint32_t i = 0; i < OPS; i++) {
        sum += rk_tree_find(b->t, rk_bytes_of(p.text[i], p.len[i]));
    }
    snprintf(what, sizeof(what), "find %s", kind);
    report(what, start, OPS);
    if (sum == 0) {
        abort();
    }
    start = now_ns();
    for (uint32_t i = 0; i < OPS; i++) {
        set(b, p.text[i], p.len[i], 100);
    }
    snprintf(what, sizeof(what), "setData, same length, %s", kind);
    report(what, start, OPS);
    start = now_ns();
    for (uint32_t i = 0; i < OPS; i++) {
        set(b, p.text[i], p.len[i], 50 + i % 50);
    }
    snprintf(what, sizeof(what), "setData, other length, %s", kind);
    report(what, start, OPS);
    free(p.text);
    free(p.len);
}

static void fill(struct bench *b)
{
    char path[48];
    create(b, "/app", 4);
    for (uint32_t i = 0; i < DIRS; i++) {
        create(b, path, (size_t)snprintf(path, sizeof(path), "/app/directory%u", i));
    }
    double start = now_ns();
    for (uint32_t i = 0; i < b->nodes; i++) {
        create(b, path, path_of(path, sizeof(path), i));
    }
    report("create, with making the path", start, b->nodes);
}

static void snapshot(struct bench *b)
{
    struct rk_buf out;
    rk_buf_init(&out, &b->mem, (size_t)4 << 30);
    double start = now_ns();
    double longest = 0;
    (void)rk_tree_snap_begin(b->t, &out);
    bool is_done = false;
    while (!is_done) {
        double step = now_ns();
        is_done = rk_tree_snap_step(b->t, 0, 512);
        step = now_ns() - step;
        longest = step > longest ? step : longest;
        out.len = 0;
    }
    rk_tree_snap_end(b->t, 0);
    report("snapshot, a node", start, b->nodes);
    printf("{\"bench\": \"tree\", \"op\": \"snapshot, longest step of 512\", \"us\": %.0f}\n",
           longest / 1e3);
    rk_buf_deinit(&out);
}

int main(int argc, char **argv)
{
    struct bench b = {.nodes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000u};
    struct rk_tree_config config = {4711, true, false, true, libdeflate_crc32};
    if (b.nodes < HOT) {
        return 2;
    }
    memset(b.data, 'd', sizeof(b.data));
    rk_mem_libc_init(&b.mem, 0);
    rk_arena_init(&b.arena, &b.mem);
    rk_prng_init(&b.prng, 1);
    b.t = rk_tree_create(&b.mem, &config);
    fill(&b);
    measure(&b, "64 hot nodes", HOT);
    measure(&b, "any node", b.nodes);
    snapshot(&b);
    char path[48];
    double start = now_ns();
    for (uint32_t i = 0; i < b.nodes; i++) {
        drop(&b, path, path_of(path, sizeof(path), i));
    }
    report("delete, with making the path", start, b.nodes);
    rk_tree_destroy(b.t);
    rk_arena_deinit(&b.arena);
    return 0;
}
