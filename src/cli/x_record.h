/* One node as a record, and as a line of JSON: the unit of export files, of copies and of diffs.
 *
 *   {"path": "/a/b", "type": "persistent", "data": "text", "acl": [...], "stat": {...}}
 *
 * The path is relative to the root of the export ("/" is that root). data is a string, null for a
 * null value, or left out in favour of "data_base64" if the bytes are no UTF-8 or have a 0 in
 * them. type is persistent, ephemeral, container or ttl (then with "ttl_ms"). acl and stat may be
 * missing. What a line may hold otherwise is said in docs/internals/cli-extras.md. */
#ifndef RK_CLI_X_RECORD_H
#define RK_CLI_X_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zookeeper/zookeeper.h>

enum rk_x_type { RK_X_PERSISTENT, RK_X_EPHEMERAL, RK_X_CONTAINER, RK_X_TTL };
const char *rk_x_type_name(enum rk_x_type type);
/* What a server shows of it: persistent or ephemeral. The other types come from files only. */
enum rk_x_type rk_x_type_of(const struct Stat *stat);

struct rk_x_record {
    const char *path;
    const char *data; /* NULL: null value */
    int data_bytes;   /* 0 for a null value */
    enum rk_x_type type;
    int64_t ttl_ms;
    bool has_stat;
    struct Stat stat;
    const struct ACL_vector *acl; /* NULL: not known */
    bool is_acl_hidden;           /* acl is not known though asked for, or not the whole of it */
    int rc;                       /* ZNOAUTH: data and children could not be read */
    struct ACL_vector own_acl;    /* what rk_x_record_parse allocated */
    char *own_path, *own_data;
};

/* What a line of a file is. */
enum rk_x_line { RK_X_LINE_NODE, RK_X_LINE_HEAD, RK_X_LINE_END };

/* Fills ret_record from an object of a file; on failure returns false with the reason in `wrong`
 * and nothing to free. Everything is checked: types, ranges, the path, the base64. */
bool rk_x_record_parse(const char *line, size_t bytes, enum rk_x_line *ret_line,
                       struct rk_x_record *ret_record, int64_t *ret_node_count, char wrong[160]);
void rk_x_record_free(struct rk_x_record *record);

/* The object of a record; the caller drops it. NULL when out of memory only. */
json_t *rk_x_record_json(const struct rk_x_record *record);

/* The permissions that letters of cdrwa stand for; -1: there is no such letter. */
int32_t rk_x_perms_parse(const char *text);
/* Whether a server has kept hashes to itself: who may not administer a node is shown its digests as
 * "user:x". A node made with such an ACL is nobody's. */
bool rk_x_acl_is_masked(const struct ACL_vector *acl);
bool rk_x_acl_equal(const struct ACL_vector *a, const struct ACL_vector *b);
void rk_x_acl_copy(const struct ACL_vector *from, struct ACL_vector *ret_acl);
void rk_x_acl_free(struct ACL_vector *acl);

#endif
