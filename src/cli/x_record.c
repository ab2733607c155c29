/* One node as a record and as a line of JSON; see x_record.h. What is read here comes from files
 * that people edit: nothing is believed before it was looked at. */
#include "cli/x_record.h"

#include "cli/cli_int.h"
#include "cli/out.h"
#include "cli/x_base.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACL_MAX = 10000, TTL_BITS = 40 };

static const char *const type_names[] = {"persistent", "ephemeral", "container", "ttl"};

const char *rk_x_type_name(enum rk_x_type type)
{
    return type_names[type];
}

/* ZK: DataNode.copyStat shows the owner of an ephemeral only: to a client a container, or a node
 * with a TTL, looks like any other. */
enum rk_x_type rk_x_type_of(const struct Stat *stat)
{
    return stat->ephemeralOwner != 0 ? RK_X_EPHEMERAL : RK_X_PERSISTENT;
}

/* -- ACLs */

static const struct {
    char letter;
    int32_t bit;
} perms[] = {{'c', 4}, {'d', 8}, {'r', 1}, {'w', 2}, {'a', 16}};

int32_t rk_x_perms_parse(const char *text)
{
    int32_t set = 0;
    for (; *text != '\0'; text++) {
        int32_t bit = 0;
        for (size_t i = 0; i < sizeof perms / sizeof *perms; i++)
            if (*text == perms[i].letter)
                bit = perms[i].bit;
        if (bit == 0)
            return -1;
        set |= bit;
    }
    return set;
}

void rk_x_acl_copy(const struct ACL_vector *from, struct ACL_vector *to)
{
    to->count = from->count;
    to->data = rk_x_alloc((size_t)from->count * sizeof *to->data);
    for (int i = 0; i < from->count; i++) {
        to->data[i].perms = from->data[i].perms;
        to->data[i].id.scheme = rk_x_dup(from->data[i].id.scheme);
        to->data[i].id.id = rk_x_dup(from->data[i].id.id);
    }
}

void rk_x_acl_free(struct ACL_vector *acl)
{
    for (int i = 0; i < acl->count; i++) {
        free(acl->data[i].id.scheme);
        free(acl->data[i].id.id);
    }
    free(acl->data);
    *acl = (struct ACL_vector){0};
}

/* ZK: FinalRequestProcessor, getACL: replaceAll(":.*", ":x"). */
bool rk_x_acl_is_masked(const struct ACL_vector *acl)
{
    for (int i = 0; i < acl->count; i++) {
        const char *colon = strchr(acl->data[i].id.id, ':');
        if (strcmp(acl->data[i].id.scheme, "digest") == 0 && colon != NULL &&
            strcmp(colon, ":x") == 0)
            return true;
    }
    return false;
}

static bool has_entry(const struct ACL_vector *acl, const struct ACL *e)
{
    for (int i = 0; i < acl->count; i++)
        if (acl->data[i].perms == e->perms && strcmp(acl->data[i].id.scheme, e->id.scheme) == 0 &&
            strcmp(acl->data[i].id.id, e->id.id) == 0)
            return true;
    return false;
}

/* The order of the entries means nothing to a server. */
bool rk_x_acl_equal(const struct ACL_vector *a, const struct ACL_vector *b)
{
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (!has_entry(b, &a->data[i]) || !has_entry(a, &b->data[i]))
            return false;
    return true;
}

/* -- To JSON */

json_t *rk_x_record_json(const struct rk_x_record *r)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "path", rk_cli_json_text(r->path));
    (void)json_object_set_new(object, "type", json_string(rk_x_type_name(r->type)));
    if (r->type == RK_X_TTL)
        (void)json_object_set_new(object, "ttl_ms", json_integer(r->ttl_ms));
    if (r->rc != ZOK)
        (void)json_object_set_new(object, "unreadable", json_true());
    else
        (void)rk_cli_json_data(object, r->data, r->data != NULL ? r->data_bytes : -1);
    if (r->acl != NULL)
        (void)json_object_set_new(object, "acl", rk_cli_json_acl(r->acl));
    if (r->has_stat)
        (void)json_object_set_new(object, "stat", rk_cli_json_stat(&r->stat));
    return object;
}

/* -- From JSON */

static bool fail(char wrong[160], const char *what)
{
    (void)snprintf(wrong, 160, "%s", what);
    return false;
}

static bool parse_type(const json_t *object, struct rk_x_record *r, char wrong[160])
{
    const json_t *type = json_object_get(object, "type");
    if (type == NULL)
        return true;
    const char *name = json_string_value(type);
    size_t i = 0;
    while (i < 4 && (name == NULL || strcmp(name, type_names[i]) != 0))
        i++;
    if (i == 4)
        return fail(wrong, "\"type\" is none of persistent, ephemeral, container, ttl");
    r->type = (enum rk_x_type)i;
    const json_t *ttl = json_object_get(object, "ttl_ms");
    if (r->type != RK_X_TTL)
        return true;
    if (!json_is_integer(ttl) || json_integer_value(ttl) <= 0 ||
        json_integer_value(ttl) >= 1ll << TTL_BITS)
        return fail(wrong, "a node of type ttl needs \"ttl_ms\", a number above 0");
    r->ttl_ms = json_integer_value(ttl);
    return true;
}

static bool parse_data(const json_t *object, struct rk_x_record *r, char wrong[160])
{
    const json_t *text = json_object_get(object, "data");
    const json_t *coded = json_object_get(object, "data_base64");
    if (coded != NULL) {
        if (!json_is_string(coded) ||
            !rk_cli_unbase64(json_string_value(coded), &r->own_data, &r->data_bytes))
            return fail(wrong, "\"data_base64\" is no base64");
    } else if (json_is_string(text)) {
        size_t bytes = json_string_length(text);
        if (bytes > INT32_MAX)
            return fail(wrong, "\"data\" is too long");
        r->own_data = rk_x_dup_bytes(json_string_value(text), bytes);
        r->data_bytes = (int)bytes;
    } else if (text != NULL && !json_is_null(text)) {
        return fail(wrong, "\"data\" is neither a string nor null");
    }
    r->data = r->own_data;
    return true;
}

static bool parse_acl_entry(const json_t *object, struct ACL *ret_entry)
{
    const char *scheme = json_string_value(json_object_get(object, "scheme"));
    const char *id = json_string_value(json_object_get(object, "id"));
    const char *letters = json_string_value(json_object_get(object, "perms"));
    int32_t set = letters != NULL ? rk_x_perms_parse(letters) : -1;
    if (scheme == NULL || id == NULL || set < 0)
        return false;
    ret_entry->perms = set;
    ret_entry->id.scheme = rk_x_dup(scheme);
    ret_entry->id.id = rk_x_dup(id);
    return true;
}

static bool parse_acl(const json_t *object, struct rk_x_record *r, char wrong[160])
{
    const json_t *list = json_object_get(object, "acl");
    if (list == NULL)
        return true;
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > ACL_MAX)
        return fail(wrong, "\"acl\" is no list with entries");
    r->own_acl.data = rk_x_alloc(count * sizeof *r->own_acl.data);
    for (size_t i = 0; i < count; i++) {
        if (!parse_acl_entry(json_array_get(list, i), &r->own_acl.data[i]))
            return fail(wrong, "an entry of \"acl\" lacks scheme, id or perms (of cdrwa)");
        r->own_acl.count++;
    }
    r->acl = &r->own_acl;
    r->is_acl_hidden = rk_x_acl_is_masked(r->acl);
    return true;
}

static bool stat_number(const json_t *stat, const char *key, int64_t low, int64_t high,
                        int64_t *ret_value)
{
    const json_t *value = json_object_get(stat, key);
    *ret_value = 0;
    if (value == NULL)
        return true;
    if (json_is_integer(value)) {
        *ret_value = json_integer_value(value);
    } else if (json_is_string(value)) {
        char *end;
        errno = 0;
        *ret_value = (int64_t)strtoull(json_string_value(value), &end, 16);
        if (errno != 0 || *end != '\0' || end == json_string_value(value))
            return false;
    } else {
        return false;
    }
    return *ret_value >= low && *ret_value <= high;
}

static bool parse_stat(const json_t *object, struct rk_x_record *r, char wrong[160])
{
    const json_t *stat = json_object_get(object, "stat");
    if (stat == NULL)
        return true;
    struct Stat *s = &r->stat;
    struct {
        const char *key;
        int64_t *wide;
        int32_t *narrow;
    } fields[] = {{"czxid", &s->czxid, NULL},
                  {"mzxid", &s->mzxid, NULL},
                  {"ctime", &s->ctime, NULL},
                  {"mtime", &s->mtime, NULL},
                  {"version", NULL, &s->version},
                  {"cversion", NULL, &s->cversion},
                  {"aversion", NULL, &s->aversion},
                  {"ephemeralOwner", &s->ephemeralOwner, NULL},
                  {"dataLength", NULL, &s->dataLength},
                  {"numChildren", NULL, &s->numChildren},
                  {"pzxid", &s->pzxid, NULL}};
    if (!json_is_object(stat))
        return fail(wrong, "\"stat\" is no object");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        bool is_wide = fields[i].wide != NULL;
        int64_t value;
        if (!stat_number(stat, fields[i].key, is_wide ? INT64_MIN : INT32_MIN,
                         is_wide ? INT64_MAX : INT32_MAX, &value)) {
            (void)snprintf(wrong, 160, "\"%s\" of \"stat\" is no number in range", fields[i].key);
            return false;
        }
        if (is_wide)
            *fields[i].wide = value;
        else
            *fields[i].narrow = (int32_t)value;
    }
    r->has_stat = true;
    return true;
}

static bool parse_node(const json_t *object, struct rk_x_record *r, char wrong[160])
{
    const char *path = json_string_value(json_object_get(object, "path"));
    if (path == NULL)
        return fail(wrong, "there is no \"path\"");
    const char *path_wrong = rk_x_path_wrong(path);
    if (path_wrong != NULL) {
        (void)snprintf(wrong, 160, "the path %.80s %s", path, path_wrong);
        return false;
    }
    r->own_path = rk_x_dup(path);
    r->path = r->own_path;
    if (json_is_true(json_object_get(object, "unreadable")))
        r->rc = ZNOAUTH;
    return parse_type(object, r, wrong) && parse_data(object, r, wrong) &&
           parse_acl(object, r, wrong) && parse_stat(object, r, wrong);
}

static bool parse_object(const json_t *object, enum rk_x_line *ret_line, struct rk_x_record *r,
                         int64_t *ret_node_count, char wrong[160])
{
    const json_t *form = json_object_get(object, "format");
    const json_t *end = json_object_get(object, "end");
    if (form != NULL) {
        const char *name = json_string_value(form);
        if (name == NULL || strcmp(name, "rookery-export") != 0)
            return fail(wrong, "\"format\" is not rookery-export");
        if (json_integer_value(json_object_get(object, "version")) != 1)
            return fail(wrong, "only version 1 of the format is known");
        *ret_line = RK_X_LINE_HEAD;
        return true;
    }
    if (json_is_true(end)) {
        *ret_line = RK_X_LINE_END;
        *ret_node_count = json_integer_value(json_object_get(object, "nodes"));
        return true;
    }
    *ret_line = RK_X_LINE_NODE;
    return parse_node(object, r, wrong);
}

bool rk_x_record_parse(const char *line, size_t bytes, enum rk_x_line *ret_line,
                       struct rk_x_record *ret_record, int64_t *ret_node_count, char wrong[160])
{
    json_error_t error;
    json_t *object = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &error);
    *ret_record = (struct rk_x_record){.rc = ZOK};
    if (!json_is_object(object)) {
        (void)snprintf(wrong, 160, "not a JSON object%s%.100s", object == NULL ? ": " : "",
                       object == NULL ? error.text : "");
        json_decref(object);
        return false;
    }
    bool is_good = parse_object(object, ret_line, ret_record, ret_node_count, wrong);
    json_decref(object);
    if (!is_good)
        rk_x_record_free(ret_record);
    return is_good;
}

void rk_x_record_free(struct rk_x_record *r)
{
    rk_x_acl_free(&r->own_acl);
    free(r->own_path);
    free(r->own_data);
    *r = (struct rk_x_record){.rc = ZOK};
}
