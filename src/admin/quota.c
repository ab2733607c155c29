/* Limits and use of quotas, added up by the first component of the path, as mntr's gauge sets have
 * them. Reads /zookeeper/quota as any client could. ZK: QuotaMetricsUtils, StatsTrack. */
#include "admin/admin_int.h"

#include "base/num.h"

#include <string.h>

#define ROOT           "/zookeeper/quota"
#define NAMESPACES_MAX 1000u

enum gauge { COUNT_LIMIT, BYTES_LIMIT, COUNT_USAGE, BYTES_USAGE, GAUGE_COUNT };

static const char *const gauge_names[GAUGE_COUNT] = {
    "_quota_count_limit_per_namespace\t", "_quota_bytes_limit_per_namespace\t",
    "_quota_count_usage_per_namespace\t", "_quota_bytes_usage_per_namespace\t"};

struct sums {
    int64_t values[GAUGE_COUNT];
    bool has_limits, has_usage;
};

/* The number behind "key=" in "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1"; -1 if absent.
 */
static int64_t field_of(struct rk_bytes text, const char *key)
{
    size_t key_len = strlen(key);
    size_t at = 0;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && text.data[end] != ',' && text.data[end] != ';') {
            end++;
        }
        struct rk_bytes part = rk_bytes_of(text.data + at, end - at);
        int64_t value;
        while (part.len > 0 && part.data[part.len - 1] == '=') {
            part.len--;
        }
        if (part.len > key_len + 1 && memcmp(part.data, key, key_len) == 0 &&
            part.data[key_len] == '=' &&
            rk_num_parse_dec(rk_bytes_of(part.data + key_len + 1, part.len - key_len - 1),
                             &value)) {
            return value;
        }
        at = end + 1;
    }
    return -1;
}

static void add_leaf(const struct rk_tree *tree, rk_node_id n, struct sums *sums)
{
    struct rk_bytes name = rk_tree_name(tree, n);
    struct rk_bytes data = rk_tree_data(tree, n);
    if (data.data == NULL) {
        return;
    }
    int64_t count = field_of(data, "count");
    int64_t bytes = field_of(data, "bytes");
    if (rk_bytes_is(name, "zookeeper_limits")) {
        int64_t hard_count = field_of(data, "countHardLimit");
        int64_t hard_bytes = field_of(data, "byteHardLimit");
        sums->values[COUNT_LIMIT] += hard_count > -1 ? hard_count : count;
        sums->values[BYTES_LIMIT] += hard_bytes > -1 ? hard_bytes : bytes;
        sums->has_limits = true;
    } else if (rk_bytes_is(name, "zookeeper_stats")) {
        sums->values[COUNT_USAGE] += count;
        sums->values[BYTES_USAGE] += bytes;
        sums->has_usage = true;
    }
}

/* Every leaf below top, without recursion. */
static void add_below(const struct rk_tree *tree, rk_node_id top, struct sums *sums)
{
    rk_node_id n = top;
    while (n != RK_NODE_NONE) {
        rk_node_id child = rk_tree_first_child(tree, n);
        if (child != RK_NODE_NONE) {
            n = child;
            continue;
        }
        add_leaf(tree, n, sums);
        while (n != top && rk_tree_next_sibling(tree, n) == RK_NODE_NONE) {
            n = rk_tree_parent(tree, n);
        }
        n = n == top ? RK_NODE_NONE : rk_tree_next_sibling(tree, n);
    }
}

static void put_gauge(struct rk_buf *b, struct rk_bytes name, enum gauge gauge, int64_t value)
{
    rk_admin_put(b, "zk_");
    rk_buf_put(b, name.data, name.len);
    rk_admin_put(b, gauge_names[gauge]);
    rk_admin_put_int(b, value);
    rk_buf_put_u8(b, '\n');
}

void rk_admin_put_quotas(struct rk_admin *a, struct rk_buf *b)
{
    const struct rk_tree *tree = rk_core_tree(a->core);
    rk_node_id root = rk_tree_find(tree, rk_bytes_str(ROOT));
    uint32_t count = 0;
    if (root == RK_NODE_NONE) {
        return;
    }
    for (rk_node_id n = rk_tree_first_child(tree, root);
         n != RK_NODE_NONE && count < NAMESPACES_MAX; n = rk_tree_next_sibling(tree, n), count++) {
        struct sums sums = {.has_limits = false};
        add_below(tree, n, &sums);
        for (enum gauge gauge = 0; gauge < GAUGE_COUNT; gauge++) {
            bool is_known = gauge <= BYTES_LIMIT ? sums.has_limits : sums.has_usage;
            if (is_known) {
                put_gauge(b, rk_tree_name(tree, n), gauge, sums.values[gauge]);
            }
        }
    }
}
