/* Caches and the configuration watch against one server. */
#include "rig.h"

struct log {
    pthread_mutex_t mutex;
    char text[4096];
    _Atomic int links;
};

static void on_cache(struct rk_cache *cache, const struct rk_cache_event *event, void *context)
{
    static const char *const names[] = {"", "+", "*", "-", "ready", "link", "full"};
    (void)cache;
    struct log *log = context;
    pthread_mutex_lock(&log->mutex);
    size_t have = strlen(log->text);
    if (event->type == RK_CACHE_LINK) {
        log->links++;
    } else {
        const char *path = event->path == NULL ? "" : strrchr(event->path, '/');
        snprintf(log->text + have, sizeof(log->text) - have, "%s%s%s%s ", names[event->type], path,
                 event->data == NULL ? "" : "=", event->data == NULL ? "" : event->data);
    }
    pthread_mutex_unlock(&log->mutex);
}

static bool log_is(struct log *log, const char *text)
{
    pthread_mutex_lock(&log->mutex);
    bool is_it = strcmp(log->text, text) == 0;
    pthread_mutex_unlock(&log->mutex);
    return is_it;
}

static bool has(pthread_mutex_t *mutex, const char *text, const char *part)
{
    pthread_mutex_lock(mutex);
    bool is_it = strstr(text, part) != NULL;
    pthread_mutex_unlock(mutex);
    return is_it;
}

static void log_clear(struct log *log)
{
    pthread_mutex_lock(&log->mutex);
    log->text[0] = '\0';
    pthread_mutex_unlock(&log->mutex);
}

#define CHECK_LOG(log, wanted)                                                                     \
    do {                                                                                           \
        int64_t end_ = rig_now_ms() + 10000;                                                       \
        while (!log_is((log), (wanted)) && rig_now_ms() < end_) {                                  \
            usleep(5000);                                                                          \
        }                                                                                          \
        if (!log_is((log), (wanted))) {                                                            \
            printf("  wanted '%s'\n  got    '%s'\n", (wanted), (log)->text);                       \
            CHECK(log_is((log), (wanted)));                                                        \
        }                                                                                          \
        log_clear(log);                                                                            \
    } while (0)

static struct rk_cache *open_cache(struct rig *rig, int depth, bool is_classic, struct log *log)
{
    struct rk_cache_options options;
    struct rk_cache *cache;
    rk_cache_options_init(&options);
    options.depth = depth;
    options.is_with_classic_watches = is_classic;
    options.on_event = on_cache;
    options.context = log;
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &cache));
    CHECK_RC(ZOK, rk_cache_wait(cache, 5000));
    CHECK_SOON(has(&log->mutex, log->text, "ready ")); /* told after that */
    return cache;
}

static void node_cache_follows_its_node(struct rig *rig)
{
    struct log log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_cache *cache = open_cache(rig, RK_CACHE_NODE, false, &log);
    char *data;
    int bytes;
    struct Stat stat;
    CHECK_LOG(&log, "ready ");
    CHECK_RC(ZNONODE, rk_cache_get(cache, rig->root, &data, &bytes, &stat));
    rig_create(rig->b, rig->root, "one");
    CHECK_SOON(rk_cache_count(cache) == 1);
    rig_set(rig->b, rig->root, "two");
    CHECK_SOON(has(&log.mutex, log.text, "=two"));
    log_clear(&log);
    rig_create(rig->b, rig_path(rig, "child"), NULL);
    rig_delete(rig->b, rig_path(rig, "child"));
    CHECK_RC(ZOK, rk_cache_get(cache, rig->root, &data, &bytes, &stat));
    CHECK(bytes == 3 && strcmp(data, "two") == 0 && stat.version == 1);
    free(data);
    rig_delete(rig->b, rig->root);
    CHECK_SOON(rk_cache_count(cache) == 0);
    CHECK(has(&log.mutex, log.text, "-") && !has(&log.mutex, log.text, "child"));
    rig_create(rig->b, rig->root, "again");
    CHECK_SOON(rk_cache_count(cache) == 1);
    CHECK_RC(ZOK, rk_cache_close(cache));
}

static void children_cache_follows_children_only(struct rig *rig)
{
    struct log log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct String_vector names = {0};
    rig_create(rig->b, rig->root, NULL);
    rig_create(rig->b, rig_path(rig, "b"), "B");
    struct rk_cache *cache = open_cache(rig, RK_CACHE_CHILDREN, false, &log);
    CHECK(rk_cache_count(cache) == 2);
    log_clear(&log);
    rig_create(rig->b, rig_path(rig, "a"), "A");
    CHECK_LOG(&log, "+/a=A ");
    rig_create(rig->b, rig_path(rig, "a/deep"), "D");
    rig_set(rig->b, rig_path(rig, "b"), "BB");
    CHECK_LOG(&log, "*/b=BB ");
    CHECK_RC(ZOK, rk_cache_children(cache, rig->root, &names));
    CHECK(names.count == 2 && strcmp(names.data[0], "a") == 0);
    deallocate_String_vector(&names);
    CHECK_RC(ZNONODE, rk_cache_get(cache, rig_path(rig, "a/deep"), NULL, NULL, NULL));
    rig_delete(rig->b, rig_path(rig, "b"));
    CHECK_LOG(&log, "-/b=BB ");
    CHECK_RC(ZOK, rk_cache_close(cache));
}

static void tree_follows(struct rig *rig, bool is_classic)
{
    struct log log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_cache *cache = open_cache(rig, RK_CACHE_TREE, is_classic, &log);
    rig_create(rig->b, rig->root, "r");
    rig_create(rig->b, rig_path(rig, "x"), "X");
    rig_create(rig->b, rig_path(rig, "x/y"), "Y");
    CHECK_SOON(rk_cache_count(cache) == 3);
    log_clear(&log);
    rig_set(rig->b, rig_path(rig, "x/y"), "YY");
    CHECK_LOG(&log, "*/y=YY ");
    rig_create(rig->b, rig_path(rig, "x/y/z"), NULL);
    CHECK_LOG(&log, "+/z ");
    rig_delete(rig->b, rig_path(rig, "x/y/z"));
    CHECK_LOG(&log, "-/z ");
    /* Behind the cache's back: in the time between two sessions. */
    rig_end_session(rig->a);
    rig_set(rig->b, rig_path(rig, "x"), "XX");
    rig_delete(rig->b, rig_path(rig, "x/y"));
    rig_create(rig->b, rig_path(rig, "w"), "W");
    CHECK_RC(ZOK, rk_cache_refresh(cache, 10000));
    CHECK(rk_cache_count(cache) == 3 && log.links >= 2);
    CHECK(has(&log.mutex, log.text, "*/x=XX ") && has(&log.mutex, log.text, "+/w=W ") &&
          has(&log.mutex, log.text, "-/y=YY "));
    log_clear(&log);
    rig_set(rig->b, rig_path(rig, "w"), "WW");
    CHECK_LOG(&log, "*/w=WW ");
    CHECK_RC(ZOK, rk_cache_close(cache));
}

static void tree_cache_follows_by_recursive_watch(struct rig *rig)
{
    tree_follows(rig, false);
}

static void tree_cache_follows_by_classic_watches(struct rig *rig)
{
    tree_follows(rig, true);
}

static void tree_cache_agrees_after_many_changes(struct rig *rig)
{
    struct rk_cache *caches[2];
    struct rk_cache_options options;
    rk_cache_options_init(&options);
    rig_create(rig->b, rig->root, NULL);
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &caches[0]));
    options.is_with_classic_watches = true;
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &caches[1]));
    uint32_t state = 12345;
    zhandle_t *zh = rk_keeper_hold(rig->b);
    for (int i = 0; i < 3000; i++) {
        char path[256];
        state = state * 1103515245u + 12345u;
        unsigned x = state >> 16 & 7u, y = state >> 19 & 7u, what = state >> 22 & 3u;
        snprintf(path, sizeof(path), "%s/%u%s%.0u", rig->root, x, y ? "/" : "", y);
        if (what == 0) {
            (void)zoo_delete(zh, path, -1);
        } else if (what == 1) {
            (void)zoo_set(zh, path, path, (int)(state >> 8 & 15u), -1);
        } else {
            (void)zoo_create(zh, path, "n", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
        }
    }
    rk_keeper_release(rig->b);
    CHECK_RC(ZOK, rk_cache_refresh(caches[0], 10000));
    CHECK_RC(ZOK, rk_cache_refresh(caches[1], 10000));
    struct rk_cache *fresh;
    CHECK_RC(ZOK, rk_cache_open(rig->b, rig->root, NULL, &fresh));
    CHECK_RC(ZOK, rk_cache_wait(fresh, 10000));
    CHECK(rk_cache_count(fresh) > 5);
    for (int i = 0; i < 2; i++) {
        CHECK(rk_cache_count(caches[i]) == rk_cache_count(fresh));
    }
    for (unsigned x = 0; x < 8; x++) {
        for (unsigned y = 0; y < 8; y++) {
            char path[256];
            snprintf(path, sizeof(path), "%s/%u%s%.0u", rig->root, x, y ? "/" : "", y);
            struct Stat one, two;
            int rc = rk_cache_get(fresh, path, NULL, NULL, &one);
            for (int i = 0; i < 2; i++) {
                CHECK_RC(rc, rk_cache_get(caches[i], path, NULL, NULL, &two));
                CHECK(rc != ZOK || one.mzxid == two.mzxid);
            }
        }
    }
    CHECK_RC(ZOK, rk_cache_close(caches[0]));
    CHECK_RC(ZOK, rk_cache_close(caches[1]));
    CHECK_RC(ZOK, rk_cache_close(fresh));
}

struct slow {
    _Atomic bool is_in, may_go;
};

static void on_cache_slowly(struct rk_cache *cache, const struct rk_cache_event *event,
                            void *context)
{
    (void)cache;
    struct slow *s = context;
    if (event->type == RK_CACHE_CHANGED) {
        s->is_in = true;
        while (!s->may_go) {
            usleep(1000);
        }
    }
}

/* The connection goes and comes back while the cache's thread looks elsewhere. */
static void cache_reads_again_after_an_unseen_reconnect(struct rig *rig)
{
    struct slow slow = {0};
    struct rk_cache_options options;
    struct rk_cache *cache;
    struct Stat stat = {0};
    rk_cache_options_init(&options);
    options.on_event = on_cache_slowly;
    options.context = &slow;
    rig_create(rig->b, rig->root, NULL);
    rig_create(rig->b, rig_path(rig, "x"), "X");
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &cache));
    CHECK_RC(ZOK, rk_cache_wait(cache, 5000));
    rig_set(rig->b, rig->root, "1");
    CHECK_SOON(slow.is_in);
    rig_disconnect(rig->a);
    rig_set(rig->b, rig_path(rig, "x"), "XX");
    rig_reconnect(rig->a);
    slow.may_go = true;
    CHECK_SOON(rk_cache_get(cache, rig_path(rig, "x"), NULL, NULL, &stat) == ZOK &&
               stat.version == 1);
    CHECK_RC(ZOK, rk_cache_close(cache));
}

static void on_added(struct rk_cache *cache, const struct rk_cache_event *event, void *context)
{
    (void)cache;
    _Atomic int *without_data = context;
    *without_data += event->type == RK_CACHE_ADDED && event->data == NULL;
}

static void node_cache_has_data_of_a_node_that_comes_and_goes(struct rig *rig)
{
    _Atomic int without_data = 0;
    struct rk_cache_options options;
    struct rk_cache *cache;
    rk_cache_options_init(&options);
    options.depth = RK_CACHE_NODE;
    options.on_event = on_added;
    options.context = &without_data;
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &cache));
    for (int i = 0; i < 1000; i++) {
        rig_create(rig->b, rig->root, "data");
        rig_delete(rig->b, rig->root);
    }
    CHECK_RC(ZOK, rk_cache_refresh(cache, 5000));
    CHECK(without_data == 0);
    CHECK_RC(ZOK, rk_cache_close(cache));
}

static void cache_is_bounded(struct rig *rig)
{
    struct log log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_cache_options options;
    struct rk_cache *cache;
    rk_cache_options_init(&options);
    options.nodes_max = 3;
    options.on_event = on_cache;
    options.context = &log;
    rig_create(rig->b, rig->root, NULL);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof(name), "%d", i);
        rig_create(rig->b, rig_path(rig, name), NULL);
    }
    CHECK_RC(ZOK, rk_cache_open(rig->a, rig->root, &options, &cache));
    CHECK_RC(ZOK, rk_cache_wait(cache, 5000));
    CHECK(rk_cache_count(cache) == 3);
    CHECK(has(&log.mutex, log.text, "full")); /* told before */
    CHECK_RC(ZOK, rk_cache_close(cache));
}

struct told {
    pthread_mutex_t mutex;
    char text[4096];
};

static void on_config(struct rk_config *config, const struct rk_config_value *v, void *context)
{
    (void)config;
    struct told *told = context;
    pthread_mutex_lock(&told->mutex);
    size_t have = strlen(told->text);
    snprintf(told->text + have, sizeof(told->text) - have, "%s=%s%s%s ", v->key, v->text,
             v->is_set ? "" : "(fallback)", v->is_bad ? "!" : "");
    pthread_mutex_unlock(&told->mutex);
}

static bool has_key(struct rk_config *config, const char *key)
{
    char *text;
    bool has_it = rk_config_text(config, key, &text) == ZOK;
    if (has_it) {
        free(text);
    }
    return has_it;
}

static void config_tells_typed_values(struct rig *rig)
{
    static const struct rk_config_key keys[] = {
        {.key = "pool/size", .type = RK_CONFIG_INT, .fallback = "8", .int_min = 1, .int_max = 4096},
        {.key = "debug", .type = RK_CONFIG_BOOL},
        {.key = "rate", .type = RK_CONFIG_DOUBLE, .fallback = "0.5"}};
    struct told told = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_config *config;
    int64_t number;
    bool flag;
    double real;
    char *text;
    rig_create(rig->b, rig->root, NULL);
    rig_create(rig->b, rig_path(rig, "debug"), " Yes\n");
    CHECK_RC(ZOK, rk_config_open(rig->a, rig->root, keys, 3, 20, on_config, &told, &config));
    CHECK_RC(ZOK, rk_config_wait(config, 5000));
    CHECK(has(&told.mutex, told.text, "pool/size=8(fallback) ") &&
          has(&told.mutex, told.text, "debug= Yes\n "));
    CHECK_RC(ZOK, rk_config_bool(config, "debug", &flag));
    CHECK(flag);
    CHECK_RC(ZINVALIDSTATE, rk_config_int(config, "debug", &number));
    CHECK_RC(ZNONODE, rk_config_int(config, "nothing", &number));
    CHECK_RC(ZOK, rk_config_double(config, "rate", &real));
    CHECK(real > 0.49 && real < 0.51);
    rig_create(rig->b, rig_path(rig, "pool"), NULL);
    rig_create(rig->b, rig_path(rig, "pool/size"), "2k");
    CHECK_SOON(rk_config_int(config, "pool/size", &number) == ZOK && number == 2048);
    rig_set(rig->b, rig_path(rig, "pool/size"), "9000");
    CHECK_SOON(has(&told.mutex, told.text, "pool/size=2k! "));
    CHECK_RC(ZOK, rk_config_int(config, "pool/size", &number));
    CHECK(number == 2048);
    rig_delete(rig->b, rig_path(rig, "pool/size"));
    CHECK_SOON(rk_config_int(config, "pool/size", &number) == ZOK && number == 8);
    CHECK_RC(ZOK, rk_config_text(config, "pool", &text));
    CHECK(text[0] == '\0');
    free(text);
    rig_delete(rig->b, rig_path(rig, "pool"));
    CHECK_SOON(has(&told.mutex, told.text, "pool=(fallback) "));
    CHECK_SOON(!has_key(config, "pool"));
    CHECK(has_key(config, "pool/size"));
    CHECK_RC(ZOK, rk_config_close(config));
    static const struct rk_config_key bad = {.key = "x", .type = RK_CONFIG_INT, .fallback = "none"};
    CHECK_RC(ZBADARGUMENTS,
             rk_config_open(rig->a, rig->root, &bad, 1, 20, on_config, &told, &config));
}

const struct rig_case cache_cases[] = {
    {"node_cache_follows_its_node", node_cache_follows_its_node},
    {"children_cache_follows_children_only", children_cache_follows_children_only},
    {"tree_cache_follows_by_recursive_watch", tree_cache_follows_by_recursive_watch},
    {"tree_cache_follows_by_classic_watches", tree_cache_follows_by_classic_watches},
    {"tree_cache_agrees_after_many_changes", tree_cache_agrees_after_many_changes},
    {"cache_reads_again_after_an_unseen_reconnect", cache_reads_again_after_an_unseen_reconnect},
    {"node_cache_has_data_of_a_node_that_comes_and_goes",
     node_cache_has_data_of_a_node_that_comes_and_goes},
    {"cache_is_bounded", cache_is_bounded},
    {"config_tells_typed_values", config_tells_typed_values},
    {NULL, NULL}};
