/* Quotas of the reference model: usage is counted anew after every change. That is what the
 * server's running sums must come to as long as quotas do not nest and their two nodes appear
 * together, as the simulator's clients make them. */
#include "sim/model.h"

#include <stdio.h>
#include <string.h>

#define QUOTA_ROOT  "/zookeeper/quota"
#define LIMITS_NAME "/zookeeper_limits"
#define STATS_NAME  "/zookeeper_stats"

/* The path below which n limits, empty if it is no limits node. */
static struct rk_bytes limited_path(const struct sim_znode *n)
{
    uint32_t root = (uint32_t)strlen(QUOTA_ROOT);
    uint32_t leaf = (uint32_t)strlen(LIMITS_NAME);
    const struct sim_blob *p = n->path;
    if (p->len <= root + leaf || memcmp(p->data, QUOTA_ROOT "/", root + 1) != 0 ||
        memcmp(p->data + p->len - leaf, LIMITS_NAME, leaf) != 0) {
        return rk_bytes_of("", 0);
    }
    return rk_bytes_of(p->data + root, p->len - root - leaf);
}

/* "count=2,bytes=8": the number behind key, -1 without. */
static int64_t limit_of(const struct sim_znode *n, const char *key)
{
    char text[256];
    uint32_t len = n->data == NULL ? 0 : n->data->len;
    RK_ASSERT(len < sizeof(text));
    if (len > 0) {
        memcpy(text, n->data->data, len);
    }
    text[len] = '\0';
    size_t key_len = strlen(key);
    for (const char *at = text; at != NULL && *at != '\0';) {
        at += strspn(at, ",;");
        if (strncmp(at, key, key_len) == 0 && at[key_len] == '=') {
            long long value = -1;
            return sscanf(at + key_len + 1, "%lld", &value) == 1 ? value : -1;
        }
        at = strpbrk(at, ",;");
    }
    return -1;
}

static bool is_at_or_below(struct rk_bytes path, struct rk_bytes root)
{
    return rk_bytes_starts_with(path, root) && (path.len == root.len || path.data[root.len] == '/');
}

static void usage(const struct sim_model *m, struct rk_bytes root, int64_t *ret_count,
                  int64_t *ret_bytes)
{
    *ret_count = 0;
    *ret_bytes = 0;
    for (uint32_t i = 0; i < m->node_count; i++) {
        const struct sim_znode *n = &m->nodes[i];
        if (is_at_or_below(rk_sim_bytes(n->path), root)) {
            (*ret_count)++;
            *ret_bytes += n->data == NULL ? 0 : n->data->len;
        }
    }
}

static bool is_over(const struct sim_znode *limits, const char *hard, int64_t after)
{
    int64_t limit = limit_of(limits, hard);
    return limit > -1 && after > limit;
}

bool rk_sim_quota_forbids(const struct sim_model *view, struct rk_bytes path, int64_t count,
                          int64_t bytes)
{
    if (!view->rules.enforce_quota || view->quota_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < view->node_count; i++) {
        const struct sim_znode *n = &view->nodes[i];
        struct rk_bytes root = limited_path(n);
        int64_t nodes;
        int64_t used;
        if (root.len == 0 || !is_at_or_below(path, root)) {
            continue;
        }
        usage(view, root, &nodes, &used);
        return (count != 0 && is_over(n, "countHardLimit", nodes + count)) ||
               (bytes != 0 && is_over(n, "byteHardLimit", used + bytes));
    }
    return false;
}

void rk_sim_quota_refresh(struct sim_model *m)
{
    char path[1100];
    char text[64];
    for (uint32_t i = 0; m->quota_count > 0 && i < m->node_count; i++) {
        struct rk_bytes root = limited_path(&m->nodes[i]);
        int64_t count;
        int64_t bytes;
        if (root.len == 0) {
            continue;
        }
        int len = snprintf(path, sizeof(path), "%s%.*s%s", QUOTA_ROOT, (int)root.len,
                           (const char *)root.data, STATS_NAME);
        RK_ASSERT(len > 0 && (size_t)len < sizeof(path));
        struct sim_znode *stats = rk_sim_find(m, rk_bytes_of(path, (size_t)len));
        if (stats == NULL) {
            continue;
        }
        usage(m, root, &count, &bytes);
        len = snprintf(text, sizeof(text), "count=%lld,bytes=%lld", (long long)count,
                       (long long)bytes);
        struct rk_bytes now = rk_bytes_of(text, (size_t)len);
        if (!rk_bytes_equal(rk_sim_bytes(stats->data), now)) {
            rk_sim_blob_drop(m->mem, stats->data);
            stats->data = rk_sim_blob(m->mem, now);
        }
    }
}
