/* The store as a program, for tests with Apache's server:
 *
 *     store_tool list DIR                        recovers DIR, prints what it holds
 *     store_tool write DIR SEED COUNT KIND       recovers DIR, appends COUNT transactions of every
 * type, takes snapshots (KIND plain, gz or snappy), prints what it then holds
 *     store_tool truncate DIR ZXID               recovers DIR, cuts its history behind ZXID,
 * recovers it again in the same process, prints what it then holds
 *
 * The print is "zxid Z sessions N digests compared/mismatched", then a line per node: path, Stat,
 * data in hex, ACL. Exit 1 with the problem on stderr if DIR cannot be recovered. */
#include "tree_sink.h"

#include "base/mem_libc.h"
#include "base/prng.h"
#include "shell/disk_posix.h"
#include "store/recover.h"
#include "store/snap.h"
#include "store/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES   40u
#define DATA    600u
#define SESSION 0x1000aaaa00000000

struct tool {
    struct rk_mem mem;
    struct rk_disk_posix *posix;
    struct rk_disk disk;
    struct tree_sink sink;
    struct rk_arena arena;
    struct rk_arena outcome;
    struct rk_prng prng;
    struct rk_recovered out;
    struct rk_wal *wal;
    struct rk_buf payload;
    int64_t sessions[3];
    uint32_t session_count;
    rk_zxid zxid;
    enum rk_snap_compression kind;
};

_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* -- Printing
 * --------------------------------------------------------------------------------------- */

static void print_node(const struct tool *t, rk_node_id n, struct rk_bytes path)
{
    struct rk_stat s;
    rk_tree_stat(t->sink.tree, n, &s);
    struct rk_bytes data = rk_tree_data(t->sink.tree, n);
    const struct rk_vec_acl *acl = rk_tree_acl(t->sink.tree, n);
    printf("%.*s %lld %lld %lld %lld %d %d %d %lld %d %d %lld %s", (int)path.len,
           (const char *)path.data, (long long)s.czxid, (long long)s.mzxid, (long long)s.ctime,
           (long long)s.mtime, (int)s.version, (int)s.cversion, (int)s.aversion,
           (long long)s.ephemeral_owner, (int)s.data_length, (int)s.num_children,
           (long long)s.pzxid,
           data.data == NULL ? "null"
           : data.len == 0   ? "empty"
                             : "");
    for (uint32_t i = 0; i < data.len; i++) {
        printf("%02x", data.data[i]);
    }
    printf(" ");
    for (int32_t i = 0; acl != NULL && i < acl->count; i++) {
        const struct rk_acl *a = &acl->items[i];
        printf("%s%d:%.*s:%.*s", i > 0 ? "," : "", (int)a->perms, (int)a->id.scheme.len,
               (const char *)a->id.scheme.data, (int)a->id.id.len, (const char *)a->id.id.data);
    }
    printf("\n");
}

static void print_tree(struct tool *t)
{
    const struct rk_tree *tree = t->sink.tree;
    rk_node_id root = rk_tree_find(tree, rk_bytes_str("/"));
    rk_node_id n = root;
    while (n != RK_NODE_NONE) {
        rk_arena_reset(&t->arena);
        print_node(t, n, rk_tree_path(tree, n, &t->arena));
        rk_node_id next = rk_tree_first_child(tree, n);
        while (next == RK_NODE_NONE && n != root) {
            next = rk_tree_next_sibling(tree, n);
            n = next == RK_NODE_NONE ? rk_tree_parent(tree, n) : n;
        }
        n = next;
    }
}

static void print_all(struct tool *t)
{
    printf("zxid %lld sessions %u digests %u/%u torn %s bad %u snapshot %s\n", (long long)t->zxid,
           (unsigned)t->sink.sessions, (unsigned)t->sink.digests, (unsigned)t->sink.mismatches,
           t->out.torn_file[0] != '\0' ? t->out.torn_file : "-", (unsigned)t->out.bad_snapshots,
           t->out.snapshot_name[0] != '\0' ? t->out.snapshot_name : "-");
    print_tree(t);
}

/* -- Making transactions
 * ---------------------------------------------------------------------------- */

static struct rk_bytes text(struct tool *t, const char *format, unsigned a, unsigned b)
{
    char out[64];
    (void)snprintf(out, sizeof(out), format, a, b);
    return rk_arena_dup(&t->arena, rk_bytes_str(out));
}

static struct rk_bytes some_data(struct tool *t)
{
    uint32_t len = (uint32_t)rk_prng_below(&t->prng, DATA);
    if (len < 20) {
        return len < 10 ? rk_bytes_str(NULL) : rk_bytes_str("");
    }
    uint8_t *data = rk_arena_alloc(&t->arena, len);
    for (uint32_t i = 0; i < len; i++) {
        data[i] = (uint8_t)rk_prng_next(&t->prng);
    }
    return (struct rk_bytes){data, len};
}

static struct rk_vec_acl some_acl(struct tool *t)
{
    static struct rk_acl open = {31,
                                 {{(const uint8_t *)"world", 5}, {(const uint8_t *)"anyone", 6}}};
    if (rk_prng_chance(&t->prng, 2, 3)) {
        return (struct rk_vec_acl){1, &open};
    }
    struct rk_acl *items = rk_arena_alloc(&t->arena, 2 * sizeof(*items));
    items[0] = (struct rk_acl){31, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    items[1] = (struct rk_acl){(int32_t)rk_prng_below(&t->prng, 31) + 1,
                               {rk_bytes_str("digest"),
                                text(t, "user%u:hash%u", (unsigned)rk_prng_below(&t->prng, 5), 1)}};
    return (struct rk_vec_acl){2, items};
}

/* "/t<i>" or a child of it. */
static struct rk_bytes some_path(struct tool *t)
{
    unsigned i = (unsigned)rk_prng_below(&t->prng, NAMES);
    if (rk_prng_chance(&t->prng, 1, 3)) {
        return text(t, "/t%u", i, 0);
    }
    return text(t, "/t%u/c%u", i, (unsigned)rk_prng_below(&t->prng, NAMES));
}

static struct rk_bytes parent_of(struct rk_bytes path)
{
    while (path.len > 1 && path.data[path.len - 1] != '/') {
        path.len--;
    }
    path.len -= path.len > 1;
    return path;
}

static void set_error(struct rk_txn *txn, int32_t err)
{
    txn->type = RK_OP_ERROR;
    txn->body.error.err = err;
}

static void make_create(struct tool *t, struct rk_txn *txn, struct rk_bytes path)
{
    struct rk_tree *tree = t->sink.tree;
    rk_node_id parent = rk_tree_find(tree, parent_of(path));
    if (parent == RK_NODE_NONE || rk_tree_kind(tree, parent) == RK_NODE_EPHEMERAL) {
        set_error(txn, -101);
        return;
    }
    struct rk_stat_persisted stat;
    rk_tree_stat_persisted(tree, parent, &stat);
    int32_t cversion = stat.cversion + 1;
    struct rk_bytes data = some_data(t);
    struct rk_vec_acl acl = some_acl(t);
    switch (rk_prng_below(&t->prng, 6)) {
    case 0:
        txn->type = RK_OP_CREATE_CONTAINER;
        txn->body.create_container = (struct rk_create_container_txn){path, data, acl, cversion};
        break;
    case 1:
        txn->type = RK_OP_CREATE_TTL;
        txn->body.create_ttl = (struct rk_create_ttl_txn){path, data, acl, cversion, 100000000};
        break;
    default:
        txn->type = rk_prng_chance(&t->prng, 1, 2) ? RK_OP_CREATE : RK_OP_CREATE2;
        txn->body.create = (struct rk_create_txn){
            path, data, acl, t->session_count > 0 && path.data[path.len - 2] != 't', cversion};
        txn->header.client_id = t->session_count > 0 ? t->sessions[0] : 1;
        break;
    }
}

static void make_change(struct tool *t, struct rk_txn *txn, struct rk_bytes path, rk_node_id n)
{
    struct rk_stat_persisted stat;
    rk_tree_stat_persisted(t->sink.tree, n, &stat);
    switch (rk_prng_below(&t->prng, 3)) {
    case 0:
        txn->type = RK_OP_SET_ACL;
        txn->body.set_acl = (struct rk_set_acl_txn){path, some_acl(t), stat.aversion + 1};
        break;
    case 1:
        if (rk_tree_child_count(t->sink.tree, n) > 0) {
            set_error(txn, -111);
            break;
        }
        txn->type = RK_OP_DELETE;
        txn->body.delete_.path = path;
        break;
    default:
        txn->type = RK_OP_SET_DATA;
        txn->body.set_data = (struct rk_set_data_txn){path, some_data(t), stat.version + 1};
        break;
    }
}

/* setData, check and, when it is to fail, an error behind them. */
static void make_multi(struct tool *t, struct rk_txn *txn, struct rk_bytes path, rk_node_id n)
{
    struct rk_stat_persisted stat;
    struct rk_sub_txn *items = rk_arena_alloc(&t->arena, 3 * sizeof(*items));
    bool fails = rk_prng_chance(&t->prng, 1, 3);
    struct rk_txn sub[3];
    rk_tree_stat_persisted(t->sink.tree, n, &stat);
    sub[0] = (struct rk_txn){.type = RK_OP_SET_DATA};
    sub[0].body.set_data = (struct rk_set_data_txn){path, some_data(t), stat.version + 1};
    sub[1] = (struct rk_txn){.type = RK_OP_CHECK};
    sub[1].body.check = (struct rk_check_version_txn){path, stat.version + 2};
    sub[2] = (struct rk_txn){.type = RK_OP_ERROR};
    sub[2].body.error.err = -103;
    for (int i = 0; i < 3; i++) {
        struct rk_buf b;
        rk_buf_init(&b, &t->mem, 65536);
        rk_txn_encode_body(&b, &sub[i]);
        items[i] = (struct rk_sub_txn){sub[i].type, rk_arena_dup(&t->arena, rk_buf_view(&b))};
        rk_buf_deinit(&b);
    }
    txn->type = RK_OP_MULTI;
    txn->body.multi.txns = (struct rk_vec_sub_txn){fails ? 3 : 2, items};
}

static void make_session(struct tool *t, struct rk_txn *txn)
{
    if (t->session_count < 3) {
        int64_t id = SESSION + t->zxid;
        t->sessions[t->session_count++] = id;
        txn->type = RK_OP_CREATE_SESSION;
        txn->header.client_id = id;
        txn->body.create_session.time_out = 4000000;
        return;
    }
    /* With the list of its ephemerals, or without a body as old servers wrote it. */
    int64_t id = t->sessions[0];
    uint32_t count = rk_tree_count_of_owner(t->sink.tree, id);
    struct rk_bytes *paths = rk_arena_alloc(&t->arena, (count + 1) * sizeof(*paths));
    rk_node_id n = rk_tree_first_of_owner(t->sink.tree, id);
    for (uint32_t i = 0; i < count; i++) {
        paths[i] = rk_tree_path(t->sink.tree, n, &t->arena);
        n = rk_tree_next_of_owner(t->sink.tree, n);
    }
    txn->type = RK_OP_CLOSE_SESSION;
    txn->header.client_id = id;
    txn->body.close_session.paths =
        (struct rk_vec_bytes){rk_prng_chance(&t->prng, 1, 3) ? -1 : (int32_t)count, paths};
    t->session_count--;
    memmove(t->sessions, t->sessions + 1, t->session_count * sizeof(t->sessions[0]));
}

static void make(struct tool *t, struct rk_txn *txn)
{
    *txn = (struct rk_txn){.header = {.client_id = 1, .cxid = (int32_t)t->zxid, .zxid = t->zxid}};
    txn->header.time = 1700000000000 + t->zxid;
    struct rk_bytes path = some_path(t);
    rk_node_id n = rk_tree_find(t->sink.tree, path);
    if (rk_prng_chance(&t->prng, 1, 15)) {
        make_session(t, txn);
    } else if (n == RK_NODE_NONE) {
        make_create(t, txn, path);
    } else if (rk_prng_chance(&t->prng, 1, 4)) {
        make_multi(t, txn, path, n);
    } else {
        make_change(t, txn, path, n);
    }
    txn->header.type = txn->type;
}

/* Applies it, so that its digest is known, and appends it. */
static void log_it(struct tool *t, struct rk_txn *txn)
{
    struct rk_tree_outcome out;
    rk_arena_reset(&t->outcome);
    rk_tree_apply(t->sink.tree, txn, &t->outcome, &out);
    txn->has_digest = txn->type != RK_OP_ERROR;
    txn->digest = (struct rk_txn_digest){2, (int64_t)rk_tree_digest(t->sink.tree)};
    rk_buf_reset(&t->payload);
    rk_txn_encode(&t->payload, txn);
    RK_ASSERT(!t->payload.failed);
    rk_wal_append(t->wal, txn->header.zxid, rk_buf_view(&t->payload));
}

static enum rk_err take_snapshot(struct tool *t)
{
    struct rk_buf b;
    struct rk_snap_writer *w = NULL;
    rk_buf_init(&b, &t->mem, (size_t)1 << 30);
    rk_buf_put_i32(&b, (int32_t)t->session_count);
    for (uint32_t i = 0; i < t->session_count; i++) {
        rk_buf_put_i64(&b, t->sessions[i]);
        rk_buf_put_i32(&b, 4000000);
    }
    (void)rk_tree_snap_begin(t->sink.tree, &b);
    while (!rk_tree_snap_step(t->sink.tree, 0, 100)) {
        RK_MAYBE(b.len > 0);
    }
    rk_tree_snap_end(t->sink.tree, 0);
    enum rk_err err = rk_snap_writer_create(&t->mem, &t->disk, t->zxid, t->kind, &w);
    if (err == RK_OK) {
        err = rk_snap_writer_put(w, rk_buf_view(&b));
    }
    if (err == RK_OK) {
        err = rk_snap_writer_finish(w, true, t->zxid, rk_tree_digest(t->sink.tree));
    }
    rk_snap_writer_destroy(w);
    rk_buf_deinit(&b);
    return err;
}

/* Sessions of before are left alone: this one knows only its own. */
static int write_more(struct tool *t, uint32_t count)
{
    struct rk_wal_options options = {.prealloc_bytes = 65536,
                                     .force_sync = true,
                                     .direct = true,
                                     .nonce = rk_prng_next(&t->prng)};
    enum rk_err err = t->out.is_fresh ? take_snapshot(t) : RK_OK;
    t->wal = rk_wal_create(&t->mem, &t->disk, &options);
    for (uint32_t i = 0; i < count && err == RK_OK; i++) {
        struct rk_txn txn;
        rk_arena_reset(&t->arena);
        t->zxid++;
        make(t, &txn);
        log_it(t, &txn);
        if (rk_prng_chance(&t->prng, 1, 4) || i + 1 == count) {
            err = rk_wal_commit(t->wal);
        }
        if (err == RK_OK && t->sink.sessions == 0 && rk_prng_chance(&t->prng, 1, 120)) {
            rk_wal_roll(t->wal);
            err = take_snapshot(t);
        }
    }
    rk_wal_destroy(t->wal);
    if (err != RK_OK) {
        (void)fprintf(stderr, "writing failed: %s\n", rk_err_text(err));
        return 1;
    }
    return 0;
}

static int recover(struct tool *t)
{
    struct rk_problem problem;
    struct rk_recover_options options = {.record_bytes_max = 2097150, .db_autocreate = true};
    struct rk_restore_sink port = tree_sink_port(&t->sink);
    enum rk_err err = rk_recover(&t->mem, &t->disk, &options, &port, &t->out, &problem);
    if (err != RK_OK) {
        (void)fprintf(stderr, "%s: %s\n", rk_err_text(err), problem.text);
        return 1;
    }
    t->zxid = t->out.last_zxid;
    return 0;
}

static int open_and_recover(struct tool *t, const char *dir)
{
    struct rk_problem problem;
    struct rk_disk_posix_options where = {.data_dir = dir, .autocreate = true};
    enum rk_err err = rk_disk_posix_create(&t->mem, &where, &t->posix, &problem);
    if (err != RK_OK) {
        (void)fprintf(stderr, "%s: %s\n", rk_err_text(err), problem.text);
        return 1;
    }
    t->disk = rk_disk_posix_port(t->posix);
    return recover(t);
}

static int truncate_to(struct tool *t, rk_zxid zxid)
{
    struct rk_wal_options options = {
        .prealloc_bytes = 65536, .force_sync = true, .direct = true, .nonce = 7};
    rk_zxid last = 0;
    t->wal = rk_wal_create(&t->mem, &t->disk, &options);
    enum rk_err err = rk_wal_truncate(t->wal, zxid, &last);
    if (err != RK_OK) {
        (void)fprintf(stderr, "truncation failed: %s\n", rk_err_text(err));
    }
    int status = err == RK_OK ? recover(t) : 1;
    rk_wal_destroy(t->wal);
    return status;
}

int main(int argc, char **argv)
{
    struct tool t = {.zxid = 0};
    bool is_write = argc == 6 && strcmp(argv[1], "write") == 0;
    bool is_truncate = argc == 4 && strcmp(argv[1], "truncate") == 0;
    if (!is_write && !is_truncate && (argc != 3 || strcmp(argv[1], "list") != 0)) {
        (void)fprintf(stderr, "usage: store_tool list DIR | write DIR SEED COUNT plain|gz|snappy |"
                              " truncate DIR ZXID\n");
        return 2;
    }
    rk_mem_libc_init(&t.mem, 0);
    rk_arena_init(&t.arena, &t.mem);
    rk_arena_init(&t.outcome, &t.mem);
    rk_buf_init(&t.payload, &t.mem, (size_t)1 << 20);
    tree_sink_open(&t.sink, &t.mem);
    int status = open_and_recover(&t, argv[2]);
    if (status == 0 && is_truncate) {
        status = truncate_to(&t, strtoll(argv[3], NULL, 10));
    }
    if (status == 0 && is_write) {
        rk_prng_init(&t.prng, strtoull(argv[3], NULL, 10));
        t.kind = strcmp(argv[5], "gz") == 0       ? RK_SNAP_GZIP
                 : strcmp(argv[5], "snappy") == 0 ? RK_SNAP_SNAPPY
                                                  : RK_SNAP_PLAIN;
        status = write_more(&t, (uint32_t)strtoul(argv[4], NULL, 10));
    }
    if (status == 0) {
        print_all(&t);
    }
    rk_disk_posix_destroy(t.posix);
    tree_sink_close(&t.sink);
    rk_buf_deinit(&t.payload);
    rk_arena_deinit(&t.arena);
    rk_arena_deinit(&t.outcome);
    RK_ASSERT(t.mem.used_bytes == 0);
    return status;
}
