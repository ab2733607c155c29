/* Printing transactions. The text is that of Apache's TxnLogToolkit (3.8), line ends inside ACL
 * lists included, because scripts read it; with two differences: what a client may have put in is
 * escaped where a terminal could take it for a command, and the elements of a multi are shown like
 * transactions of their own instead of as raw bytes.
 *
 * ZK: TxnLogToolkit.printTxn, ToStringOutputArchive, Request.op2String */
#include "inspect/txn_show.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "inspect/out.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"

static const struct {
    int32_t type;
    const char *text;
} ops[] = {
    {RK_OP_CREATE, "create"},
    {RK_OP_CREATE2, "create2"},
    {RK_OP_CREATE_CONTAINER, "createContainer"},
    {RK_OP_CREATE_TTL, "createTtl"},
    {RK_OP_DELETE, "delete"},
    {RK_OP_DELETE_CONTAINER, "deleteContainer"},
    {RK_OP_SET_DATA, "setData"},
    {RK_OP_SET_ACL, "setACL"},
    {RK_OP_RECONFIG, "reconfig"},
    {RK_OP_CHECK, "check"},
    {RK_OP_MULTI, "multi"},
    {RK_OP_CREATE_SESSION, "createSession"},
    {RK_OP_CLOSE_SESSION, "closeSession"},
    {RK_OP_ERROR, "error"},
};

#define OP_COUNT (sizeof(ops) / sizeof(ops[0]))

const char *rk_ins_op_text(int32_t type, char buf[32])
{
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (ops[i].type == type) {
            return ops[i].text;
        }
    }
    (void)snprintf(buf, 32, "unknown %" PRId32, type);
    return buf;
}

bool rk_ins_op_parse(const char *word, int32_t *ret)
{
    for (size_t i = 0; i < OP_COUNT; i++) {
        if (strcasecmp(ops[i].text, word) == 0 || strcasecmp(rk_op_name(ops[i].type), word) == 0) {
            *ret = ops[i].type;
            return true;
        }
    }
    return false;
}

/* -- Text
 * ------------------------------------------------------------------------------------------ */

/* String.valueOf */
static void put_string(FILE *to, struct rk_bytes v)
{
    if (v.data == NULL) {
        (void)fputs("null", to);
    } else {
        rk_ins_put_text(to, v);
    }
}

/* ZK: ToStringOutputArchive.escapeString; line ends and zeros are escaped there, too, as %XX. */
static void put_jute(FILE *to, struct rk_bytes v)
{
    if (v.data == NULL) {
        return;
    }
    (void)fputc('\'', to);
    uint32_t start = 0;
    for (uint32_t i = 0; i < v.len; i++) {
        uint8_t c = v.data[i];
        if (c == 0 || c == '\n' || c == '\r' || c == ',' || c == '}' || c == '%') {
            rk_ins_put_text(to, rk_bytes_of(v.data + start, i - start));
            (void)fprintf(to, "%%%02X", c);
            start = i + 1;
        }
    }
    rk_ins_put_text(to, rk_bytes_of(v.data + start, v.len - start));
}

static void put_jute_acl(FILE *to, const struct rk_acl *acl)
{
    (void)fprintf(to, "%" PRId32 ",s{", acl->perms);
    put_jute(to, acl->id.scheme);
    (void)fputc(',', to);
    put_jute(to, acl->id.id);
    (void)fputc('}', to);
}

/* List.toString of what ends with a line end each. */
static void put_acl_list(FILE *to, const struct rk_vec_acl *acl)
{
    if (acl->count < 0) {
        (void)fputs("null", to);
        return;
    }
    (void)fputc('[', to);
    for (int32_t i = 0; i < acl->count; i++) {
        (void)fputs(i > 0 ? ", " : "", to);
        put_jute_acl(to, &acl->items[i]);
        (void)fputc('\n', to);
    }
    (void)fputc(']', to);
}

static void put_set_acl(FILE *to, const struct rk_set_acl_txn *txn)
{
    put_jute(to, txn->path);
    (void)fputs(",v{", to);
    for (int32_t i = 0; i < txn->acl.count; i++) {
        (void)fputs(i > 0 ? ",s{" : "s{", to);
        put_jute_acl(to, &txn->acl.items[i]);
        (void)fputc('}', to);
    }
    (void)fprintf(to, "},%" PRId32, txn->version);
}

static void put_close_session(FILE *to, const struct rk_close_session_txn *txn)
{
    if (txn->paths.count < 0) {
        return;
    }
    (void)fputs("v{", to);
    for (int32_t i = 0; i < txn->paths.count; i++) {
        (void)fputs(i > 0 ? "," : "", to);
        put_jute(to, txn->paths.items[i]);
    }
    (void)fputs("}", to);
}

static void put_path_data(FILE *to, struct rk_bytes path, struct rk_bytes data)
{
    put_string(to, path);
    (void)fputc(',', to);
    rk_ins_put_text(to, data);
    (void)fputc(',', to);
}

static void put_body(FILE *to, int32_t type, const union rk_txn_body *b)
{
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        put_path_data(to, b->create.path, b->create.data);
        put_acl_list(to, &b->create.acl);
        (void)fprintf(to, ",%s,%" PRId32, b->create.ephemeral ? "true" : "false",
                      b->create.parent_cversion);
        return;
    case RK_OP_CREATE_CONTAINER:
        put_path_data(to, b->create_container.path, b->create_container.data);
        put_acl_list(to, &b->create_container.acl);
        (void)fprintf(to, ",%" PRId32, b->create_container.parent_cversion);
        return;
    case RK_OP_CREATE_TTL:
        put_path_data(to, b->create_ttl.path, b->create_ttl.data);
        put_acl_list(to, &b->create_ttl.acl);
        (void)fprintf(to, ",%" PRId32 ",%" PRId64, b->create_ttl.parent_cversion,
                      b->create_ttl.ttl);
        return;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        put_path_data(to, b->set_data.path, b->set_data.data);
        (void)fprintf(to, "%" PRId32, b->set_data.version);
        return;
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        put_jute(to, b->delete_.path);
        return;
    case RK_OP_SET_ACL:
        put_set_acl(to, &b->set_acl);
        return;
    case RK_OP_CHECK:
        put_jute(to, b->check.path);
        (void)fprintf(to, ",%" PRId32, b->check.version);
        return;
    case RK_OP_CREATE_SESSION:
        (void)fprintf(to, "%" PRId32, b->create_session.time_out);
        return;
    case RK_OP_CLOSE_SESSION:
        put_close_session(to, &b->close_session);
        return;
    case RK_OP_ERROR:
        (void)fprintf(to, "%" PRId32, b->error.err);
        return;
    default:
        return;
    }
}

/* An element that cannot be decoded is shown as Apache shows them all. */
static void put_element(FILE *to, struct rk_mem *mem, const struct rk_sub_txn *sub)
{
    char buf[32];
    struct rk_arena arena;
    struct rk_txn txn;
    (void)fprintf(to, "%s:", rk_ins_op_text(sub->type, buf));
    rk_arena_init(&arena, mem);
    if (rk_txn_decode_body(sub->type, sub->data, &arena, RK_INS_LIMIT_BYTES, &txn) == RK_OK) {
        put_body(to, sub->type, &txn.body);
    } else {
        rk_ins_put_text(to, sub->data);
    }
    rk_arena_deinit(&arena);
}

void rk_ins_txn_text(FILE *to, struct rk_mem *mem, const struct rk_ins_record *r)
{
    char buf[32];
    if (!r->is_decoded) {
        (void)fprintf(to, "offset %" PRIu64 ": %u bytes that are no transaction: %s\n", r->offset,
                      r->bytes, rk_err_text(r->decode_err));
        return;
    }
    const struct rk_txn *txn = &r->txn;
    rk_ins_put_date(to, txn->header.time);
    (void)fprintf(to, " session 0x%" PRIx64 " cxid 0x%" PRIx64 " zxid 0x%" PRIx64 " %s ",
                  (uint64_t)txn->header.client_id, (uint64_t)txn->header.cxid,
                  (uint64_t)txn->header.zxid, rk_ins_op_text(txn->type, buf));
    if (txn->type == RK_OP_MULTI) {
        for (int32_t i = 0; i < txn->body.multi.txns.count; i++) {
            (void)fputs(i > 0 ? ";" : "", to);
            put_element(to, mem, &txn->body.multi.txns.items[i]);
        }
    } else {
        put_body(to, txn->type, &txn->body);
    }
    (void)fputc('\n', to);
}

/* -- JSON
 * ------------------------------------------------------------------------------------------ */

void rk_ins_json_acl(FILE *to, const struct rk_vec_acl *acl)
{
    if (acl->count < 0) {
        (void)fputs("null", to);
        return;
    }
    (void)fputc('[', to);
    for (int32_t i = 0; i < acl->count; i++) {
        (void)fprintf(to, "%s{\"perms\":%" PRId32 ",\"scheme\":", i > 0 ? "," : "",
                      acl->items[i].perms);
        rk_ins_json_text(to, acl->items[i].id.scheme);
        (void)fputs(",\"id\":", to);
        rk_ins_json_text(to, acl->items[i].id.id);
        (void)fputc('}', to);
    }
    (void)fputc(']', to);
}

static void json_path(FILE *to, struct rk_bytes path)
{
    (void)fputs(",\"path\":", to);
    rk_ins_json_text(to, path);
}

static void json_data(FILE *to, struct rk_bytes data, bool has_data)
{
    (void)fprintf(to, ",\"dataLength\":%" PRIu32, data.len);
    if (has_data) {
        (void)fputs(",\"data\":", to);
        rk_ins_json_data(to, data);
    }
}

static void json_create(FILE *to, struct rk_bytes path, struct rk_bytes data,
                        const struct rk_vec_acl *acl, int32_t parent_cversion, bool has_data)
{
    json_path(to, path);
    json_data(to, data, has_data);
    (void)fputs(",\"acl\":", to);
    rk_ins_json_acl(to, acl);
    (void)fprintf(to, ",\"parentCversion\":%" PRId32, parent_cversion);
}

static void json_close_session(FILE *to, const struct rk_close_session_txn *txn)
{
    if (txn->paths.count < 0) {
        return;
    }
    (void)fputs(",\"paths\":[", to);
    for (int32_t i = 0; i < txn->paths.count; i++) {
        (void)fputs(i > 0 ? "," : "", to);
        rk_ins_json_text(to, txn->paths.items[i]);
    }
    (void)fputc(']', to);
}

static void json_body(FILE *to, int32_t type, const union rk_txn_body *b, bool has_data)
{
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        json_create(to, b->create.path, b->create.data, &b->create.acl, b->create.parent_cversion,
                    has_data);
        (void)fprintf(to, ",\"ephemeral\":%s", b->create.ephemeral ? "true" : "false");
        break;
    case RK_OP_CREATE_CONTAINER:
        json_create(to, b->create_container.path, b->create_container.data,
                    &b->create_container.acl, b->create_container.parent_cversion, has_data);
        break;
    case RK_OP_CREATE_TTL:
        json_create(to, b->create_ttl.path, b->create_ttl.data, &b->create_ttl.acl,
                    b->create_ttl.parent_cversion, has_data);
        (void)fprintf(to, ",\"ttl\":%" PRId64, b->create_ttl.ttl);
        break;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        json_path(to, b->set_data.path);
        json_data(to, b->set_data.data, has_data);
        (void)fprintf(to, ",\"version\":%" PRId32, b->set_data.version);
        break;
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        json_path(to, b->delete_.path);
        break;
    case RK_OP_SET_ACL:
        json_path(to, b->set_acl.path);
        (void)fputs(",\"acl\":", to);
        rk_ins_json_acl(to, &b->set_acl.acl);
        (void)fprintf(to, ",\"version\":%" PRId32, b->set_acl.version);
        break;
    case RK_OP_CHECK:
        json_path(to, b->check.path);
        (void)fprintf(to, ",\"version\":%" PRId32, b->check.version);
        break;
    case RK_OP_CREATE_SESSION:
        (void)fprintf(to, ",\"timeout\":%" PRId32, b->create_session.time_out);
        break;
    case RK_OP_CLOSE_SESSION:
        json_close_session(to, &b->close_session);
        break;
    case RK_OP_ERROR:
        (void)fprintf(to, ",\"error\":%" PRId32, b->error.err);
        break;
    default:
        break;
    }
}

static void json_element(FILE *to, struct rk_mem *mem, const struct rk_sub_txn *sub, bool has_data)
{
    char buf[32];
    struct rk_arena arena;
    struct rk_txn txn;
    (void)fprintf(to, "{\"type\":\"%s\"", rk_ins_op_text(sub->type, buf));
    rk_arena_init(&arena, mem);
    if (rk_txn_decode_body(sub->type, sub->data, &arena, RK_INS_LIMIT_BYTES, &txn) == RK_OK) {
        json_body(to, sub->type, &txn.body, has_data);
    } else {
        (void)fputs(",\"undecoded\":", to);
        rk_ins_json_data(to, sub->data);
    }
    (void)fputc('}', to);
    rk_arena_deinit(&arena);
}

void rk_ins_txn_json(FILE *to, struct rk_mem *mem, const char *file, enum rk_ins_found found,
                     const struct rk_ins_record *r, bool has_data)
{
    char buf[32];
    const struct rk_txn *txn = &r->txn;
    (void)fputc('{', to);
    if (file != NULL) {
        (void)fputs("\"file\":", to);
        rk_ins_json_text(to, rk_bytes_str(file));
        (void)fputc(',', to);
    }
    (void)fprintf(to, "\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 ",\"checksum\":\"%s\"", r->offset,
                  r->bytes, found == RK_INS_RECORD ? "ok" : "bad");
    if (!r->is_decoded) {
        (void)fputs(",\"undecoded\":", to);
        rk_ins_json_data(to, r->payload);
        (void)fputs("}\n", to);
        return;
    }
    (void)fprintf(to,
                  ",\"zxid\":\"0x%" PRIx64 "\",\"time\":%" PRId64 ",\"session\":\"0x%" PRIx64
                  "\",\"cxid\":%" PRId32 ",\"type\":\"%s\"",
                  (uint64_t)txn->header.zxid, txn->header.time, (uint64_t)txn->header.client_id,
                  txn->header.cxid, rk_ins_op_text(txn->type, buf));
    if (txn->type == RK_OP_MULTI) {
        (void)fputs(",\"txns\":[", to);
        for (int32_t i = 0; i < txn->body.multi.txns.count; i++) {
            (void)fputs(i > 0 ? "," : "", to);
            json_element(to, mem, &txn->body.multi.txns.items[i], has_data);
        }
        (void)fputc(']', to);
    } else {
        json_body(to, txn->type, &txn->body, has_data);
    }
    if (txn->has_digest) {
        (void)fputs(",\"digest\":", to);
        rk_ins_json_hex(to, txn->digest.tree_digest);
    }
    (void)fputs("}\n", to);
}

/* -- What is touched
 * -------------------------------------------------------------------------------------- */

static bool touch_body(int32_t type, const union rk_txn_body *b,
                       bool (*each)(void *ctx, const struct rk_ins_touch *touch), void *ctx)
{
    struct rk_ins_touch touch = {.type = type};
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        touch.path = b->create.path;
        touch.data = b->create.data;
        break;
    case RK_OP_CREATE_CONTAINER:
        touch.path = b->create_container.path;
        touch.data = b->create_container.data;
        break;
    case RK_OP_CREATE_TTL:
        touch.path = b->create_ttl.path;
        touch.data = b->create_ttl.data;
        break;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        touch.path = b->set_data.path;
        touch.data = b->set_data.data;
        break;
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        touch.path = b->delete_.path;
        break;
    case RK_OP_SET_ACL:
        touch.path = b->set_acl.path;
        break;
    case RK_OP_CHECK:
        touch.path = b->check.path;
        break;
    case RK_OP_CLOSE_SESSION:
        for (int32_t i = 0; i < b->close_session.paths.count; i++) {
            touch.path = b->close_session.paths.items[i];
            if (!each(ctx, &touch)) {
                return false;
            }
        }
        return b->close_session.paths.count > 0 || each(ctx, &touch);
    default:
        break;
    }
    return each(ctx, &touch);
}

void rk_ins_txn_touches(struct rk_mem *mem, const struct rk_txn *txn,
                        bool (*each)(void *ctx, const struct rk_ins_touch *touch), void *ctx)
{
    if (txn->type != RK_OP_MULTI) {
        (void)touch_body(txn->type, &txn->body, each, ctx); /* it was the only one anyway */
        return;
    }
    struct rk_arena arena;
    bool goes_on = true;
    rk_arena_init(&arena, mem);
    for (int32_t i = 0; goes_on && i < txn->body.multi.txns.count; i++) {
        const struct rk_sub_txn *sub = &txn->body.multi.txns.items[i];
        struct rk_txn element;
        rk_arena_reset(&arena);
        if (rk_txn_decode_body(sub->type, sub->data, &arena, RK_INS_LIMIT_BYTES, &element) ==
            RK_OK) {
            goes_on = touch_body(sub->type, &element.body, each, ctx);
        }
    }
    rk_arena_deinit(&arena);
}
