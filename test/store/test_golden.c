/* Data directories that Apache 3.8.0 wrote (tools/make-golden): read, replayed into a tree, and
 * compared node by node with what a client of that server saw. */
#include "store_support.h"
#include "tree_sink.h"

#include <dirent.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 8192

static const char *const directories[] = {"plain", "gzip", "snappy", "nodigest", "noclosetxn"};

/* Loads golden/<name> into the disk; logs get `padding` zeros behind them, as they had on Apache's
 * disk. */
static void load(struct fixture *f, const char *name, size_t padding)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", RK_TEST_GOLDEN, name);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s/%.200s", RK_TEST_GOLDEN, name, entry->d_name);
        bool is_log = strncmp(entry->d_name, "log.", 4) == 0;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "expected.txt") == 0) {
            continue;
        }
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t cap = 65536 + padding;
        uint8_t *bytes = calloc(1, cap);
        assert_non_null(bytes);
        size_t len = fread(bytes, 1, 65536, file);
        assert_true(len > 0 && len < 65536);
        fake_disk_put(&f->disk, is_log ? RK_DIR_LOG : RK_DIR_SNAP, entry->d_name, bytes,
                      len + (is_log ? padding : 0));
        free(bytes);
        (void)fclose(file); /* read only */
    }
    (void)closedir(dir); /* read only */
}

static void put_hex(struct rk_buf *b, struct rk_bytes data)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < data.len; i++) {
        rk_buf_put_u8(b, (uint8_t)digits[data.data[i] >> 4]);
        rk_buf_put_u8(b, (uint8_t)digits[data.data[i] & 15]);
    }
}

static void put_text(struct rk_buf *b, const char *text)
{
    rk_buf_put(b, text, strlen(text));
}

/* One line as tools/make-golden writes it; with_acl false ends it before the ACL. */
static void describe(struct rk_buf *b, const struct rk_tree *t, const char *path, bool with_acl)
{
    char text[300];
    struct rk_stat s;
    rk_node_id n = rk_tree_find(t, rk_bytes_str(path));
    assert_int_not_equal(n, RK_NODE_NONE);
    rk_tree_stat(t, n, &s);
    put_text(b, path);
    (void)snprintf(text, sizeof(text), " %lld %lld %lld %lld %d %d %d %lld %d %d %lld ",
                   (long long)s.czxid, (long long)s.mzxid, (long long)s.ctime, (long long)s.mtime,
                   (int)s.version, (int)s.cversion, (int)s.aversion, (long long)s.ephemeral_owner,
                   (int)s.data_length, (int)s.num_children, (long long)s.pzxid);
    put_text(b, text);
    struct rk_bytes data = rk_tree_data(t, n);
    if (data.len == 0) {
        put_text(b, data.data == NULL ? "null" : "empty");
    }
    put_hex(b, data);
    put_text(b, " ");
    const struct rk_vec_acl *acl = rk_tree_acl(t, n);
    assert_non_null(acl);
    for (int32_t i = 0; with_acl && i < acl->count; i++) {
        (void)snprintf(text, sizeof(text), "%s%d:%.*s:%.*s", i > 0 ? "," : "",
                       (int)acl->items[i].perms, (int)acl->items[i].id.scheme.len,
                       (const char *)acl->items[i].id.scheme.data, (int)acl->items[i].id.id.len,
                       (const char *)acl->items[i].id.id.data);
        put_text(b, text);
    }
    rk_buf_put_u8(b, 0);
}

static void compare(struct fixture *f, const struct tree_sink *sink, const char *name)
{
    char path[512];
    long long zxid = 0;
    unsigned nodes = 0;
    (void)snprintf(path, sizeof(path), "%s/%s/expected.txt", RK_TEST_GOLDEN, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "zxid %lld nodes %u\n", &zxid, &nodes), 2);
    assert_int_equal(f->out.last_zxid, zxid);
    char *line = malloc(LINE_MAX_BYTES);
    assert_non_null(line);
    struct rk_buf b;
    rk_buf_init(&b, &f->mem, LINE_MAX_BYTES);
    unsigned seen = 0;
    while (fgets(line, LINE_MAX_BYTES, file) != NULL) {
        bool is_hidden = strstr(line, " hidden\n") != NULL;
        line[strcspn(line, "\n")] = '\0';
        if (is_hidden) {
            line[strlen(line) - strlen("hidden")] = '\0';
        }
        size_t path_len = strcspn(line, " ");
        (void)snprintf(path, sizeof(path), "%.*s", (int)path_len, line);
        rk_buf_reset(&b);
        describe(&b, sink->tree, path, !is_hidden);
        assert_string_equal((const char *)b.data, line);
        seen++;
    }
    assert_int_equal(seen, nodes);
    assert_true(nodes > 20);
    rk_node_id root = rk_tree_find(sink->tree, rk_bytes_str("/"));
    assert_int_equal(rk_tree_descendant_count(sink->tree, root) + 1, nodes);
    rk_tree_check(sink->tree);
    rk_buf_deinit(&b);
    free(line);
    (void)fclose(file); /* read only */
}

static enum rk_err restore(struct fixture *f, struct tree_sink *sink)
{
    struct rk_restore_sink port = tree_sink_port(sink);
    return rk_recover(&f->mem, &f->disk.port, &f->options, &port, &f->out, &f->problem);
}

static void every_directory_of_apache(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        /* From the newest snapshot, from the oldest, and with Apache's preallocation behind the
         * records. */
        for (int how = 0; how < 3; how++) {
            struct fixture f;
            struct tree_sink sink;
            fixture_open(&f);
            tree_sink_open(&sink, &f.mem);
            load(&f, directories[i], how == 2 ? 200000 : 0);
            if (how == 1) {
                fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.1c");
                fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.1c.gz");
                fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.1c.snappy");
            }
            assert_int_equal(restore(&f, &sink), RK_OK);
            assert_int_equal(f.out.snapshot_zxid, how == 1 ? 0 : 0x1c);
            assert_string_equal(f.out.torn_file, "");
            compare(&f, &sink, directories[i]);
            assert_int_equal(sink.mismatches, 0);
            bool has_digests = strcmp(directories[i], "nodigest") != 0;
            assert_true(has_digests ? sink.digests > 20 : sink.digests == 0);
            /* One per round, and the one that wrote the list. */
            assert_int_equal(sink.sessions, 3);
            tree_sink_close(&sink);
            fixture_close(&f);
        }
    }
}

static void our_first_snapshot_is_apaches(void **state)
{
    (void)state;
    struct fixture f;
    struct fixture apache;
    fixture_open(&f);
    fixture_open(&apache);
    load(&apache, "nodigest", 0);
    assert_int_equal(recover(&f), RK_OK);
    const struct fake_file *ours = fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.0");
    const struct fake_file *theirs = fake_disk_get(&apache.disk, RK_DIR_SNAP, "snapshot.0");
    assert_non_null(ours);
    assert_int_equal(ours->now_len, theirs->now_len);
    assert_memory_equal(ours->now, theirs->now, theirs->now_len);
    fixture_close(&apache);
    fixture_close(&f);
}

static void a_kill_in_apaches_last_record(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    load(&f, "plain", 0);
    size_t end = end_of(&f, "log.1d");
    size_t last = offset_of(&f, "log.1d", 57);
    for (size_t len = last; len < end; len++) {
        struct tree_sink sink;
        tree_sink_open(&sink, &f.mem);
        log_file(&f, "log.1d")->now_len = len;
        assert_int_equal(restore(&f, &sink), RK_OK);
        assert_int_equal(f.out.last_zxid, 56);
        assert_int_equal(sink.mismatches, 0);
        assert_string_equal(f.out.torn_file, len == last ? "" : "log.1d");
        tree_sink_close(&sink);
    }
    fixture_close(&f);
}

static void a_flipped_byte_in_apaches_files(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    load(&f, "plain", 0);
    size_t end = end_of(&f, "log.1d");
    size_t last = offset_of(&f, "log.1d", 57);
    for (size_t at = 16; at < end; at++) {
        struct tree_sink sink;
        tree_sink_open(&sink, &f.mem);
        log_file(&f, "log.1d")->now[at] ^= 0x20;
        enum rk_err err = restore(&f, &sink);
        assert_int_equal(err, at < last ? RK_ERR_CORRUPT : RK_OK);
        log_file(&f, "log.1d")->now[at] ^= 0x20;
        tree_sink_close(&sink);
    }
    /* A damaged snapshot costs nothing: the older one and the logs give the same. */
    struct fake_file *snapshot = fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.1c");
    for (size_t at = 0; at < snapshot->now_len; at += 7) {
        struct tree_sink sink;
        tree_sink_open(&sink, &f.mem);
        snapshot->now[at] ^= 0x20;
        assert_int_equal(restore(&f, &sink), RK_OK);
        /* The version and the dbid in the header, alone, are not looked at but for the seal. */
        assert_int_equal(f.out.snapshot_zxid, 0);
        compare(&f, &sink, "plain");
        snapshot->now[at] ^= 0x20;
        tree_sink_close(&sink);
    }
    fixture_close(&f);
}

static void we_go_on_where_apache_stopped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        struct fixture f;
        fixture_open(&f);
        load(&f, directories[i], 1000);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 0x1d, 57);
        write_log(&f, 58, 70, 30, 3);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 0x1d, 70);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_directory_of_apache),
        cmocka_unit_test(our_first_snapshot_is_apaches),
        cmocka_unit_test(a_kill_in_apaches_last_record),
        cmocka_unit_test(a_flipped_byte_in_apaches_files),
        cmocka_unit_test(we_go_on_where_apache_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
