/* The configuration watch: a cached tree, looked at once it has been quiet for a while, and
 * compared with the values that are in force. */
#include "recipes/cache_int.h"
#include "recipes/config_int.h"

#include <stdlib.h>
#include <string.h>

#define BUSY_TIMES 10 /* with changes all the time it is looked at after that many quiet_ms */

struct rk_setting {
    struct rk_config_key key; /* strings are ours */
    struct rk_config_value value;
    char *text;     /* of value; under object.mutex */
    char *bad_text; /* the last that was refused; NULL: none */
    bool is_told;
    bool is_listed; /* in the caller's table */
    bool is_there;  /* during a comparison */
};

struct rk_config {
    struct rk_object object; /* first */
    struct rk_cache *cache;
    char *root;
    int quiet_ms;
    rk_config_fn on_change;
    void *context;
    /* Under object.mutex. */
    struct rk_setting **settings;
    int count;
    int64_t changed_at_ms; /* 0: nothing to look at */
    int64_t busy_since_ms;
    bool is_ready; /* the cache is */
    bool is_told;  /* every key */
};

/* -- Settings -------------------------------------------------------------------------------------
 */

static void setting_free(struct rk_setting *s)
{
    if (s != NULL) {
        free((void *)(uintptr_t)s->key.key);
        free((void *)(uintptr_t)s->key.fallback);
        free(s->text);
        free(s->bad_text);
        free(s);
    }
}

/* ZBADARGUMENTS for a fallback that does not suit. */
static int setting_new(const struct rk_config_key *key, struct rk_setting **ret_setting)
{
    struct rk_setting *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ZSYSTEMERROR;
    }
    const char *fallback = key->fallback != NULL ? key->fallback : rk_config_empty(key->type);
    s->key = *key;
    s->key.key = strdup(key->key);
    s->key.fallback = strdup(fallback);
    s->text = strdup(fallback);
    s->value = (struct rk_config_value){.key = s->key.key, .type = key->type};
    int rc = s->key.key == NULL || s->key.fallback == NULL || s->text == NULL ? ZSYSTEMERROR : ZOK;
    if (rc == ZOK && !rk_config_parse(&s->key, fallback, &s->value)) {
        rc = ZBADARGUMENTS;
    }
    s->value.text = s->text;
    if (rc != ZOK) {
        setting_free(s);
        return rc;
    }
    *ret_setting = s;
    return ZOK;
}

static struct rk_setting *find(const struct rk_config *c, const char *key)
{
    for (int i = 0; i < c->count; i++) {
        if (strcmp(c->settings[i]->key.key, key) == 0) {
            return c->settings[i];
        }
    }
    return NULL;
}

static int add(struct rk_config *c, const struct rk_config_key *key,
               struct rk_setting **ret_setting)
{
    int rc = setting_new(key, ret_setting);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_setting **list =
        realloc(c->settings, ((size_t)c->count + 1u) * sizeof(struct rk_setting *));
    if (list == NULL) {
        setting_free(*ret_setting);
        return ZSYSTEMERROR;
    }
    c->settings = list;
    c->settings[c->count++] = *ret_setting;
    return ZOK;
}

/* What stood there without being in the caller's table is forgotten when it goes. */
static void forget_gone(struct rk_config *c)
{
    int kept = 0;
    pthread_mutex_lock(&c->object.mutex);
    for (int i = 0; i < c->count; i++) {
        struct rk_setting *s = c->settings[i];
        if (s->is_there || s->is_listed) {
            c->settings[kept++] = s;
        } else {
            setting_free(s);
        }
    }
    c->count = kept;
    pthread_mutex_unlock(&c->object.mutex);
}

/* -- Comparing ------------------------------------------------------------------------------------
 */

/* What is to be told of it: value in force, or the refusal. Under the mutex. False: nothing. */
static bool apply(struct rk_setting *s, const char *text, bool is_set)
{
    struct rk_config_value value = {.key = s->key.key, .type = s->key.type, .is_set = is_set};
    if (!rk_config_parse(&s->key, text, &value)) {
        if (s->bad_text != NULL && strcmp(s->bad_text, text) == 0) {
            return false;
        }
        free(s->bad_text);
        s->bad_text = strdup(text);
        s->value.is_bad = true;
        s->value.bad_text = s->bad_text;
        return true;
    }
    bool is_news =
        !s->is_told || s->value.is_set != is_set || strcmp(s->text, text) != 0 || s->value.is_bad;
    char *own = strdup(text);
    if (own == NULL) {
        return false; /* what is in force stays; the next look tries again */
    }
    free(s->text);
    free(s->bad_text);
    s->text = own;
    s->bad_text = NULL;
    value.text = own;
    s->value = value;
    return is_news;
}

static void compare(struct rk_config *c, struct rk_setting *s, const char *text, bool is_set)
{
    pthread_mutex_lock(&c->object.mutex);
    bool is_news = apply(s, text, is_set);
    s->is_told = true;
    struct rk_config_value value = s->value; /* its texts are changed by this thread only */
    pthread_mutex_unlock(&c->object.mutex);
    if (is_news && c->on_change != NULL) {
        c->on_change(c, &value, c->context);
    }
}

static int compare_node(struct rk_config *c, const struct rk_cache_pair *pair)
{
    size_t root = strlen(c->root);
    const char *key = pair->path + (root == 1u ? 1u : root + 1u);
    pthread_mutex_lock(&c->object.mutex);
    struct rk_setting *s = find(c, key);
    int rc = ZOK;
    if (s == NULL) {
        struct rk_config_key plain = {.key = key};
        rc = add(c, &plain, &s);
    }
    pthread_mutex_unlock(&c->object.mutex);
    if (rc == ZOK) {
        s->is_there = true;
        compare(c, s, pair->data, true);
    }
    return rc;
}

static int look(struct rk_config *c)
{
    struct rk_cache_pair *pairs = NULL;
    int count = 0;
    int rc = rk_cache_pairs(c->cache, &pairs, &count);
    for (int i = 0; i < c->count; i++) {
        c->settings[i]->is_there = false;
    }
    for (int i = 0; rc == ZOK && i < count; i++) {
        rc = compare_node(c, &pairs[i]);
    }
    if (rc == ZOK) {
        for (int i = 0; i < c->count; i++) {
            if (!c->settings[i]->is_there) {
                compare(c, c->settings[i], c->settings[i]->key.fallback, false);
            }
        }
        forget_gone(c);
    }
    rk_cache_pairs_free(pairs, count);
    return rc;
}

/* When to look; RK_FOREVER: there is nothing. Under the mutex. */
static int64_t due(const struct rk_config *c)
{
    if (!c->is_ready || c->changed_at_ms == 0) {
        return RK_FOREVER;
    }
    int64_t quiet = c->changed_at_ms + c->quiet_ms;
    int64_t busy = c->busy_since_ms + (int64_t)c->quiet_ms * BUSY_TIMES;
    return quiet < busy ? quiet : busy;
}

static void config_run(struct rk_object *object)
{
    struct rk_config *c = (struct rk_config *)object;
    bool is_open = true;
    while (is_open) {
        pthread_mutex_lock(&object->mutex);
        uint64_t seen = object->pokes;
        int64_t at = due(c);
        bool is_due = at != RK_FOREVER && rk_rec_now_ms() >= at;
        if (is_due) {
            c->changed_at_ms = 0;
            c->busy_since_ms = 0;
        }
        pthread_mutex_unlock(&object->mutex);
        int rc = is_due ? look(c) : ZOK;
        if (is_due) {
            pthread_mutex_lock(&object->mutex);
            if (rc != ZOK) {
                c->changed_at_ms = c->busy_since_ms = rk_rec_now_ms(); /* again */
            }
            c->is_told = c->is_told || rc == ZOK;
            pthread_cond_broadcast(&object->cond);
            pthread_mutex_unlock(&object->mutex);
            at = rc == ZOK ? rk_rec_now_ms() : rk_rec_now_ms() + RK_RETRY_MS;
        }
        is_open = rk_object_wait(object, seen, at);
    }
}

static void on_cache(struct rk_cache *cache, const struct rk_cache_event *event, void *context)
{
    (void)cache;
    struct rk_config *c = context;
    bool is_change = event->type == RK_CACHE_ADDED || event->type == RK_CACHE_CHANGED ||
                     event->type == RK_CACHE_REMOVED;
    if (!is_change && event->type != RK_CACHE_READY) {
        return;
    }
    pthread_mutex_lock(&c->object.mutex);
    int64_t now = rk_rec_now_ms();
    c->changed_at_ms = now;
    if (c->busy_since_ms == 0) {
        c->busy_since_ms = now;
    }
    c->is_ready = c->is_ready || event->type == RK_CACHE_READY;
    c->object.pokes++;
    pthread_cond_broadcast(&c->object.cond);
    pthread_mutex_unlock(&c->object.mutex);
}

/* -- Open, close, read ----------------------------------------------------------------------------
 */

static void config_free(struct rk_config *c)
{
    for (int i = 0; i < c->count; i++) {
        setting_free(c->settings[i]);
    }
    free(c->settings);
    free(c->root);
    free(c);
}

static int start(struct rk_config *c, struct rk_keeper *keeper)
{
    struct rk_cache_options options;
    rk_cache_options_init(&options);
    options.on_event = on_cache;
    options.context = c;
    int rc = rk_object_init(&c->object, keeper);
    if (rc != ZOK) {
        return rc;
    }
    rc = rk_cache_open(keeper, c->root, &options, &c->cache);
    if (rc == ZOK) {
        rc = rk_object_start(&c->object, config_run);
    }
    if (rc != ZOK) {
        (void)rk_cache_close(c->cache); /* NULL or nobody is in it */
        rk_object_deinit(&c->object);
    }
    return rc;
}

int rk_config_open(struct rk_keeper *keeper, const char *root, const struct rk_config_key *keys,
                   int key_count, int quiet_ms, rk_config_fn on_change, void *context,
                   struct rk_config **ret_config)
{
    if (keeper == NULL || !rk_rec_is_path(root) || key_count < 0 || quiet_ms < 0) {
        return ZBADARGUMENTS;
    }
    struct rk_config *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ZSYSTEMERROR;
    }
    c->quiet_ms = quiet_ms;
    c->on_change = on_change;
    c->context = context;
    c->root = strdup(root);
    int rc = c->root == NULL ? ZSYSTEMERROR : ZOK;
    for (int i = 0; i < key_count && rc == ZOK; i++) {
        struct rk_setting *s;
        bool is_bad = keys[i].key == NULL || find(c, keys[i].key) != NULL;
        rc = is_bad ? ZBADARGUMENTS : add(c, &keys[i], &s);
        if (rc == ZOK) {
            s->is_listed = true;
        }
    }
    if (rc == ZOK) {
        rc = start(c, keeper);
    }
    if (rc != ZOK) {
        config_free(c);
        return rc;
    }
    *ret_config = c;
    return ZOK;
}

int rk_config_close(struct rk_config *c)
{
    if (c == NULL) {
        return ZOK;
    }
    int rc = rk_object_shut(&c->object);
    if (rc != ZOK) {
        return rc;
    }
    (void)rk_cache_close(c->cache); /* we are on no thread of it: it calls nobody but us */
    rk_object_deinit(&c->object);
    config_free(c);
    return ZOK;
}

int rk_config_wait(struct rk_config *c, int timeout_ms)
{
    return rk_object_wait_flag(&c->object, &c->is_told, timeout_ms);
}

/* A copy of the value in force, without its texts. */
static int get(struct rk_config *c, const char *key, enum rk_config_type type,
               struct rk_config_value *ret_value)
{
    pthread_mutex_lock(&c->object.mutex);
    const struct rk_setting *s = find(c, key);
    int rc = s == NULL ? ZNONODE : s->key.type != type ? ZINVALIDSTATE : ZOK;
    if (rc == ZOK) {
        *ret_value = s->value;
    }
    pthread_mutex_unlock(&c->object.mutex);
    return rc;
}

int rk_config_int(struct rk_config *c, const char *key, int64_t *ret_value)
{
    struct rk_config_value value;
    int rc = get(c, key, RK_CONFIG_INT, &value);
    if (rc == ZOK) {
        *ret_value = value.integer;
    }
    return rc;
}

int rk_config_bool(struct rk_config *c, const char *key, bool *ret_value)
{
    struct rk_config_value value;
    int rc = get(c, key, RK_CONFIG_BOOL, &value);
    if (rc == ZOK) {
        *ret_value = value.boolean;
    }
    return rc;
}

int rk_config_double(struct rk_config *c, const char *key, double *ret_value)
{
    struct rk_config_value value;
    int rc = get(c, key, RK_CONFIG_DOUBLE, &value);
    if (rc == ZOK) {
        *ret_value = value.real;
    }
    return rc;
}

int rk_config_text(struct rk_config *c, const char *key, char **ret_text)
{
    pthread_mutex_lock(&c->object.mutex);
    const struct rk_setting *s = find(c, key);
    char *text = s == NULL ? NULL : strdup(s->text);
    int rc = s == NULL ? ZNONODE : text == NULL ? ZSYSTEMERROR : ZOK;
    pthread_mutex_unlock(&c->object.mutex);
    if (rc == ZOK) {
        *ret_text = text;
    }
    return rc;
}
