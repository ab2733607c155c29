/* What the tests of the tree share; see tree_support.h. */
#include "tree_support.h"

#include <zlib.h>

uint32_t test_crc32(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32(crc, data, (uInt)len);
}

struct rk_tree_config test_config(void)
{
    return (struct rk_tree_config){
        .seed = 4711, .extended_types = true, .digest = true, .crc32 = test_crc32};
}

static uint8_t hex_digit(char c)
{
    assert_true((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

size_t test_unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = 0;
    for (; *hex != '\n' && *hex != '\0'; hex += 2) {
        assert_true(len < cap);
        out[len] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        len++;
    }
    return len;
}

void fixture_open(struct fixture *f, const struct rk_tree_config *config)
{
    struct rk_tree_config standard = test_config();
    memset(f, 0, sizeof(*f));
    rk_mem_libc_init(&f->mem, 0);
    rk_arena_init(&f->arena, &f->mem);
    rk_arena_init(&f->bodies, &f->mem);
    f->t = rk_tree_create(&f->mem, config == NULL ? &standard : config);
    assert_non_null(f->t);
}

void fixture_close(struct fixture *f)
{
    rk_tree_check(f->t);
    rk_tree_destroy(f->t);
    rk_arena_deinit(&f->arena);
    rk_arena_deinit(&f->bodies);
    assert_int_equal(f->mem.used_bytes, 0);
}

const struct rk_vec_acl *test_acl(int which)
{
    static struct rk_acl items[TEST_ACLS][2];
    static struct rk_vec_acl lists[TEST_ACLS];
    static const struct rk_vec_acl null_list = {-1, NULL};
    if (which < 0) {
        return &null_list;
    }
    assert_in_range(which, 0, TEST_ACLS - 1);
    items[which][0] = (struct rk_acl){RK_PERM_ALL, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    items[which][1] = (struct rk_acl){which, {rk_bytes_str("digest"), rk_bytes_str("u:secret")}};
    lists[which] = (struct rk_vec_acl){which == 0 ? 1 : 2, items[which]};
    return &lists[which];
}

struct rk_txn txn_create(int32_t type, const char *path, const char *data, int32_t parent_cversion)
{
    struct rk_txn txn = {.type = type};
    txn.body.create = (struct rk_create_txn){rk_bytes_str(path), rk_bytes_str(data), *test_acl(0),
                                             false, parent_cversion};
    return txn;
}

struct rk_txn txn_container(const char *path, int32_t parent_cversion)
{
    struct rk_txn txn = {.type = RK_OP_CREATE_CONTAINER};
    txn.body.create_container = (struct rk_create_container_txn){
        rk_bytes_str(path), rk_bytes_str(""), *test_acl(0), parent_cversion};
    return txn;
}

struct rk_txn txn_ttl(const char *path, int64_t ttl, int32_t parent_cversion)
{
    struct rk_txn txn = {.type = RK_OP_CREATE_TTL};
    txn.body.create_ttl = (struct rk_create_ttl_txn){rk_bytes_str(path), rk_bytes_str(""),
                                                     *test_acl(0), parent_cversion, ttl};
    return txn;
}

struct rk_txn txn_delete(const char *path)
{
    struct rk_txn txn = {.type = RK_OP_DELETE};
    txn.body.delete_.path = rk_bytes_str(path);
    return txn;
}

struct rk_txn txn_set_data(const char *path, const char *data, int32_t version)
{
    struct rk_txn txn = {.type = RK_OP_SET_DATA};
    txn.body.set_data = (struct rk_set_data_txn){rk_bytes_str(path), rk_bytes_str(data), version};
    return txn;
}

struct rk_txn txn_set_acl(const char *path, const struct rk_vec_acl *acl, int32_t version)
{
    struct rk_txn txn = {.type = RK_OP_SET_ACL};
    txn.body.set_acl = (struct rk_set_acl_txn){rk_bytes_str(path), *acl, version};
    return txn;
}

struct rk_txn txn_check(const char *path)
{
    struct rk_txn txn = {.type = RK_OP_CHECK};
    txn.body.check = (struct rk_check_version_txn){rk_bytes_str(path), 1};
    return txn;
}

struct rk_txn txn_error(int32_t err)
{
    struct rk_txn txn = {.type = RK_OP_ERROR};
    txn.body.error.err = err;
    return txn;
}

struct rk_txn txn_close(const char *const *paths)
{
    static struct rk_bytes items[64];
    struct rk_txn txn = {.type = RK_OP_CLOSE_SESSION};
    int32_t count = 0;
    while (paths != NULL && paths[count] != NULL) {
        assert_in_range(count, 0, 63);
        items[count] = rk_bytes_str(paths[count]);
        count++;
    }
    txn.body.close_session.paths = (struct rk_vec_bytes){paths == NULL ? -1 : count, items};
    return txn;
}

static void print_events(struct fixture *f)
{
    static const char *const names[] = {"", "created", "deleted", "data", "children"};
    size_t len = 0;
    f->events[0] = '\0';
    for (uint32_t i = 0; i < f->out.event_count && len < sizeof(f->events); i++) {
        const struct rk_tree_event *e = &f->out.events[i];
        assert_in_range(e->type, 1, 4);
        len += (size_t)snprintf(f->events + len, sizeof(f->events) - len, "%s%s %.*s",
                                i == 0 ? "" : ", ", names[e->type], (int)e->path.len,
                                (const char *)e->path.data);
    }
}

int32_t apply_as(struct fixture *f, rk_session_id session, struct rk_txn txn)
{
    f->zxid++;
    txn.header = (struct rk_txn_header){.client_id = session,
                                        .cxid = 1,
                                        .zxid = f->zxid,
                                        .time = TIME_OF(f->zxid),
                                        .type = txn.type};
    rk_arena_reset(&f->arena);
    rk_tree_apply(f->t, &txn, &f->arena, &f->out);
    print_events(f);
    return f->out.result.err;
}

int32_t apply(struct fixture *f, struct rk_txn txn)
{
    return apply_as(f, 0, txn);
}

int32_t apply_multi_as(struct fixture *f, rk_session_id session, const struct rk_txn *elements,
                       int count)
{
    struct rk_sub_txn subs[32];
    struct rk_buf body;
    assert_in_range(count, 0, 32);
    rk_arena_reset(&f->bodies);
    rk_buf_init(&body, &f->mem, 1 << 20);
    for (int i = 0; i < count; i++) {
        rk_buf_reset(&body);
        rk_txn_encode_body(&body, &elements[i]);
        subs[i] =
            (struct rk_sub_txn){elements[i].type, rk_arena_dup(&f->bodies, rk_buf_view(&body))};
    }
    rk_buf_deinit(&body);
    struct rk_txn txn = {.type = RK_OP_MULTI};
    txn.body.multi.txns = (struct rk_vec_sub_txn){count, subs};
    return apply_as(f, session, txn);
}

void assert_same_stat(const struct rk_stat *a, const struct rk_stat *b)
{
    struct rk_mem mem;
    struct rk_buf bufs[2];
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&bufs[0], &mem, 1000);
    rk_buf_init(&bufs[1], &mem, 1000);
    rk_proto_write_stat(&bufs[0], a);
    rk_proto_write_stat(&bufs[1], b);
    assert_int_equal(bufs[0].len, 68);
    assert_memory_equal(bufs[0].data, bufs[1].data, bufs[0].len);
    rk_buf_deinit(&bufs[0]);
    rk_buf_deinit(&bufs[1]);
}

void assert_same_persisted(const struct rk_stat_persisted *a, const struct rk_stat_persisted *b)
{
    assert_int_equal(a->czxid, b->czxid);
    assert_int_equal(a->mzxid, b->mzxid);
    assert_int_equal(a->ctime, b->ctime);
    assert_int_equal(a->mtime, b->mtime);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->cversion, b->cversion);
    assert_int_equal(a->aversion, b->aversion);
    assert_int_equal(a->ephemeral_owner, b->ephemeral_owner);
    assert_int_equal(a->pzxid, b->pzxid);
}

int32_t next_cversion(const struct fixture *f, const char *path)
{
    char parent[512];
    size_t len = (size_t)(strrchr(path, '/') - path);
    assert_true(len < sizeof(parent));
    memcpy(parent, path, len);
    parent[len] = '\0';
    return persisted_of(f, parent).cversion + 1;
}

void make(struct fixture *f, const char *path, const char *data)
{
    assert_int_equal(apply(f, txn_create(RK_OP_CREATE, path, data, next_cversion(f, path))), 0);
}

rk_node_id find(const struct fixture *f, const char *path)
{
    return rk_tree_find(f->t, rk_bytes_str(path));
}

struct rk_stat stat_of(const struct fixture *f, const char *path)
{
    struct rk_stat stat;
    rk_node_id n = find(f, path);
    assert_int_not_equal(n, RK_NODE_NONE);
    rk_tree_stat(f->t, n, &stat);
    return stat;
}

struct rk_stat_persisted persisted_of(const struct fixture *f, const char *path)
{
    struct rk_stat_persisted stat;
    rk_node_id n = find(f, path);
    assert_int_not_equal(n, RK_NODE_NONE);
    rk_tree_stat_persisted(f->t, n, &stat);
    return stat;
}

const char *data_of(const struct fixture *f, const char *path)
{
    static char text[512];
    rk_node_id n = find(f, path);
    if (n == RK_NODE_NONE) {
        return "(none)";
    }
    struct rk_bytes data = rk_tree_data(f->t, n);
    if (data.data == NULL) {
        return "(null)";
    }
    assert_in_range(data.len, 0, sizeof(text) - 1);
    memcpy(text, data.data, data.len);
    text[data.len] = '\0';
    return text;
}
