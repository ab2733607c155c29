/* mv: one transaction where the subtree fits into one, else a copy and then the deletes of what was
 * copied just as it still is. */
#include "cli/call.h"
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_copy.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A request may have 1 MiB less one byte (jute.maxbuffer); every operation costs its path twice
 * (create and delete), its data, its ACL, and less than 64 bytes. */
enum { MULTI_BYTES_MAX = 1000000, MULTI_NODES_MAX = 20000, OP_BYTES = 64 };

struct moved {
    char *from, *to, *data;
    int data_bytes, version;
    struct ACL_vector acl;
};
struct move {
    struct moved *nodes;
    size_t count, room;
    size_t bytes;
    const char *unfit; /* why it is no single transaction */
};

static void free_move(struct move *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->nodes[i].from);
        free(m->nodes[i].to);
        free(m->nodes[i].data);
        rk_x_acl_free(&m->nodes[i].acl);
    }
    free(m->nodes);
}

static size_t acl_bytes(const struct ACL_vector *acl)
{
    size_t bytes = 0;
    for (int i = 0; i < acl->count; i++)
        bytes += strlen(acl->data[i].id.scheme) + strlen(acl->data[i].id.id) + 16;
    return bytes;
}

static void take(struct move *m, const struct rk_x_copy *c, const struct rk_x_record *r)
{
    if (m->count == m->room) {
        m->room = m->room * 2 + 64;
        m->nodes = rk_x_resize(m->nodes, m->room * sizeof *m->nodes);
    }
    struct moved *n = &m->nodes[m->count++];
    *n = (struct moved){.from = rk_x_path_at(c->from.path, r->path),
                        .to = rk_x_path_at(c->to.path, r->path),
                        .data =
                            r->data != NULL ? rk_x_dup_bytes(r->data, (size_t)r->data_bytes) : NULL,
                        .data_bytes = r->data != NULL ? r->data_bytes : -1,
                        .version = r->stat.version};
    m->bytes += strlen(n->from) + strlen(n->to) + (size_t)r->data_bytes + OP_BYTES;
    if (r->acl != NULL) {
        rk_x_acl_copy(r->acl, &n->acl);
        m->bytes += acl_bytes(r->acl);
    }
    if (r->is_acl_hidden)
        m->unfit = "the ACL of a node may not be read";
    if (r->type == RK_X_EPHEMERAL)
        m->unfit = "it holds an ephemeral node";
    else if (r->rc != ZOK)
        m->unfit = "it holds a node that may not be read";
    else if (m->bytes > MULTI_BYTES_MAX || m->count > MULTI_NODES_MAX)
        m->unfit = "it is too large for one";
}

/* Reads the subtree as far as it fits. False: broken off, *ret_status says how. */
static bool load(struct rk_x_copy *c, struct move *m, int *ret_status)
{
    struct rk_x_source_options options = {.wants_data = true, .wants_acl = true};
    struct rk_x_source *source = rk_x_source_open(c->cli, &c->from, c->zh_from, &options);
    struct rk_x_record record;
    int rc = 0;
    while (m->unfit == NULL && (rc = rk_x_source_next(source, &record)) == 1)
        take(m, c, &record);
    if (rc < 0)
        *ret_status = rk_x_source_exit(source);
    rk_x_source_close(source);
    return rc >= 0;
}

/* All creates in order, then all deletes the other way round, each with the version that was read:
 * whatever changed meanwhile undoes it all. */
static int move_at_once(struct rk_x_copy *c, struct move *m)
{
    size_t count = m->count * 2;
    zoo_op_t *ops = rk_x_alloc(count * sizeof *ops);
    zoo_op_result_t *results = rk_x_alloc(count * sizeof *results);
    for (size_t i = 0; i < m->count; i++) {
        const struct moved *n = &m->nodes[i];
        zoo_create_op_init(&ops[i], n->to, n->data, n->data_bytes, &n->acl, ZOO_PERSISTENT, NULL,
                           0);
        zoo_delete_op_init(&ops[count - 1 - i], n->from, n->version);
    }
    int rc = rk_cli_multi(c->cli, c->zh_from, (int)count, ops, results);
    bool is_unanswered = rk_cli_is_unanswered(rc);
    int status = RK_CLI_OK;
    if (is_unanswered || rk_cli_exit_of(rc) == RK_CLI_NOT_CONNECTED) {
        status = rk_cli_fail(c->cli, rc, c->from.path);
        rk_cli_note(c->cli, "it is not known whether it was moved\n");
    } else if (rc != ZOK) {
        size_t i = (size_t)rk_cli_multi_failed((int)count, results);
        const char *path = i < m->count ? m->nodes[i].to
                           : i < count  ? m->nodes[count - 1 - i].from
                                        : c->from.path;
        status = rk_cli_fail(c->cli, rc, path);
        rk_cli_note(c->cli, "nothing was moved\n");
    } else {
        c->tally.created = c->tally.deleted = (int64_t)m->count;
        for (size_t i = 0; i < m->count; i++)
            c->tally.bytes += m->nodes[i].data_bytes > 0 ? m->nodes[i].data_bytes : 0;
    }
    free(ops);
    if (!is_unanswered)
        free(results); /* else the answer still goes there */
    return status;
}

static int move_in_two_steps(struct rk_x_copy *c, const char *why)
{
    rk_cli_note(c->cli, "not one transaction: %s; copied first, then deleted\n", why);
    int status = c->to.kind == RK_X_FILE ? rk_x_copy_to_file(c) : rk_x_copy_nodes(c);
    if (status != RK_CLI_OK || c->tally.failed > 0 || c->tally.unreadable > 0) {
        rk_cli_note(c->cli, "the copy is not whole, nothing was deleted\n");
        return rk_x_copy_exit(c, status);
    }
    return rk_x_copy_delete_source(c);
}

static int move(struct rk_x_copy *c)
{
    struct move m = {0};
    int status = RK_CLI_OK;
    if (!rk_x_place_same_tree(&c->from, &c->to))
        m.unfit = "source and target are not on one server";
    if (m.unfit != NULL || load(c, &m, &status)) {
        bool is_kept_whole = m.unfit == NULL && m.count > 0;
        if (c->is_dry)
            rk_x_copy_say(c, is_kept_whole ? "move in one transaction" : "copy, then delete",
                          c->from.path);
        else if (is_kept_whole)
            status = move_at_once(c, &m);
        else
            status = move_in_two_steps(c, m.unfit != NULL ? m.unfit : "there is nothing");
    }
    free_move(&m);
    return status;
}

static int run_mv(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_x_copy c = {.cli = cli,
                          .is_recursive = true,
                          .with_acl = true,
                          .is_dry = rk_cli_has(args, "dry-run"),
                          .exists = RK_X_EXISTS_FAILS};
    int status;
    if (rk_x_copy_begin(&c, rk_cli_arg(args, 0), rk_cli_arg(args, 1), &status)) {
        if (c.from.kind == RK_X_FILE || strcmp(c.from.path, "/") == 0) {
            status = rk_cli_misuse(cli, "only nodes below the root can be moved");
        } else if (c.to.kind == RK_X_FILE && strcmp(c.to.file, "-") == 0) {
            status = rk_cli_misuse(cli, "what is moved must be read again: name a file");
        } else {
            status =
                rk_cli_has(args, "p") && c.zh_to != NULL ? rk_x_copy_make_parents(&c) : RK_CLI_OK;
            if (status == RK_CLI_OK)
                status = move(&c);
            if (!c.is_dry && (status == RK_CLI_OK || c.tally.created > 0))
                rk_x_copy_report(&c, "moved");
            status = rk_x_copy_exit(&c, status);
            if (status == RK_CLI_OK && c.tally.kept > 0)
                status = RK_CLI_FAILED;
        }
    }
    rk_x_copy_end(&c);
    return status;
}

static const struct rk_cli_flag mv_flags[] = {
    {"p", NULL, "create what is missing above the target", RK_CLI_ANY, 0},
    {"dry-run", NULL, "only say whether it would be one transaction", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_mv = {
    .name = "mv",
    .usage = "[-p] [-dry-run] from to",
    .summary = "move a subtree, in one transaction where it fits",
    .help =
        "Data and ACLs go along; versions and times start anew, and containers and nodes with a "
        "TTL become persistent: a server tells no client which those are. On one server a subtree "
        "of less "
        "than "
        "about 1 MB without ephemeral nodes moves in one transaction, or not at all. Else that is "
        "said, the nodes are copied, and then those are deleted that are still as they were "
        "copied; "
        "ephemeral nodes, what stands above them, and what changed meanwhile stay and make the "
        "exit "
        "code 1. Places as for cp.",
    .flags = mv_flags,
    .args = "PP",
    .args_min = 2,
    .args_max = 2,
    .run = run_mv,
};
