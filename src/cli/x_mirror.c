/* Copies that compare: what mirror does, and the deletes of mv. Both trees are read side by side in
 * their order, so memory is bounded by their depth. See x_copy.h. */
#include "cli/x_copy.h"

#include "cli/x_base.h"

#include <stdlib.h>
#include <string.h>

/* Nodes that are to be deleted after those below them: the way from the first of them to the
 * present one. */
struct doomed {
    char *path; /* below the root */
    int version;
    bool is_kept; /* something below stays */
};
struct doom {
    struct rk_x_copy *copy;
    const char *root;
    struct doomed *stack;
    size_t count, room;
    char *blind; /* a node of the source that may not be read: what is below it is not known */
};

static void delete_top(struct doom *d)
{
    struct doomed top = d->stack[--d->count];
    struct rk_x_copy *c = d->copy;
    char *path = rk_x_path_at(d->root, top.path);
    if (top.is_kept) {
        c->tally.kept++;
        if (d->count > 0)
            d->stack[d->count - 1].is_kept = true;
    } else if (c->is_dry) {
        c->tally.deleted++;
        rk_x_copy_say(c, "delete", path);
    } else {
        struct rk_x_write write = {.kind = RK_X_DELETE, .path = path, .version = top.version};
        rk_x_copy_put(c, &write);
    }
    free(path);
    free(top.path);
}

/* Deletes what does not hold path (NULL: everything). */
static void delete_up_to(struct doom *d, const char *path)
{
    while (d->count > 0 && (path == NULL || !rk_x_path_is_in(d->stack[d->count - 1].path, path)))
        delete_top(d);
}

static void doom(struct doom *d, const struct rk_x_record *r)
{
    if (d->count == d->room) {
        d->room = d->room * 2 + 16;
        d->stack = rk_x_resize(d->stack, d->room * sizeof *d->stack);
    }
    d->stack[d->count++] =
        (struct doomed){.path = rk_x_dup(r->path), .version = r->has_stat ? r->stat.version : -1};
}

/* A node that stays, among doomed ones: those above it stay, too. */
static void keep(struct doom *d)
{
    if (d->count > 0)
        d->stack[d->count - 1].is_kept = true;
}

bool rk_x_copy_same_data(const struct rk_x_record *a, const struct rk_x_record *b)
{
    if (a->data == NULL || b->data == NULL)
        return a->data == b->data;
    return a->data_bytes == b->data_bytes && memcmp(a->data, b->data, (size_t)a->data_bytes) == 0;
}

static bool same_acl(const struct rk_x_record *a, const struct rk_x_record *b)
{
    return a->acl == NULL || b->acl == NULL || rk_x_acl_equal(a->acl, b->acl);
}

/* -- mirror */

static void put_or_say(struct rk_x_copy *c, const struct rk_x_write *write, const char *what)
{
    if (!c->is_dry) {
        rk_x_copy_put(c, write);
        return;
    }
    rk_x_copy_say(c, what, write->path);
    c->tally.created += write->kind == RK_X_CREATE;
    c->tally.set += write->kind == RK_X_SET;
    c->tally.bytes += write->kind != RK_X_SET_ACL ? write->data_bytes : 0;
}

static void make_alike(struct rk_x_copy *c, const struct rk_x_record *a,
                       const struct rk_x_record *b, const char *path)
{
    bool is_same = rk_x_copy_same_data(a, b);
    struct rk_x_write write = rk_x_copy_create(c, a, path);
    write.kind = RK_X_SET;
    write.version = b->has_stat ? b->stat.version : -1;
    if (!is_same)
        put_or_say(c, &write, "set");
    bool sets_acl = c->with_acl && a->acl != NULL && !same_acl(a, b);
    if (sets_acl) {
        write.kind = RK_X_SET_ACL;
        write.version = b->has_stat ? b->stat.aversion : -1;
        put_or_say(c, &write, "set the ACL of");
    }
    c->tally.unchanged += is_same && !sets_acl;
    c->tally.set += is_same && sets_acl;
}

static bool is_below_blind(const struct doom *d, const char *path)
{
    return d->blind != NULL && rk_x_path_is_in(d->blind, path);
}

static void go_blind(struct doom *d, const struct rk_x_record *a)
{
    if (a->rc == ZOK)
        return;
    free(d->blind);
    d->blind = rk_x_dup(a->path);
}

/* What only the target has. */
static void mirror_surplus(struct rk_x_copy *c, struct doom *d, const struct rk_x_record *b)
{
    if (!c->deletes || is_below_blind(d, b->path))
        return;
    if (b->type == RK_X_EPHEMERAL) {
        c->tally.ephemerals++;
        keep(d);
    } else {
        doom(d, b);
    }
}

static void mirror_pair(struct rk_x_copy *c, struct doom *d, const struct rk_x_pair *pair)
{
    const struct rk_x_record *a = pair->a, *b = pair->b;
    delete_up_to(d, b != NULL ? b->path : a->path);
    if (a == NULL && strcmp(b->path, "/") == 0) {
        /* Never everything, for a source that has nothing. */
        c->fatal = ZNONODE;
        return;
    }
    if (a == NULL) {
        mirror_surplus(c, d, b);
        return;
    }
    go_blind(d, a);
    /* A node that is ephemeral or unreadable on either side is not ours to change. */
    if (rk_x_copy_passes(c, a) || (b != NULL && rk_x_copy_passes(c, b)))
        return;
    char *path = rk_x_path_at(c->to.path, a->path);
    if (b == NULL) {
        struct rk_x_write write = rk_x_copy_create(c, a, path);
        write.exists = RK_X_EXISTS_FAILS; /* somebody else has made it meanwhile */
        put_or_say(c, &write, "create");
    } else if (c->exists == RK_X_EXISTS_IS_SET) {
        make_alike(c, a, b, path);
    } else if (c->exists == RK_X_EXISTS_STAYS) {
        c->tally.unchanged++;
    } else {
        rk_x_copy_complain(c, path, ZNODEEXISTS);
    }
    free(path);
}

static int open_both(struct rk_x_copy *c, struct rk_x_join *join)
{
    struct rk_x_source_options options = {.wants_data = true,
                                          .wants_acl = c->with_acl,
                                          .is_single = !c->is_recursive,
                                          .needs_order = true};
    join->a = rk_x_source_open(c->cli, &c->from, c->zh_from, &options);
    options.may_lack = true;
    join->b = join->a != NULL ? rk_x_source_open(c->cli, &c->to, c->zh_to, &options) : NULL;
    return join->b != NULL ? RK_CLI_OK : RK_CLI_FAILED;
}

static void close_both(struct rk_x_copy *c, struct rk_x_join *join)
{
    if (join->a != NULL)
        c->tally.vanished += rk_x_source_vanished(join->a);
    rk_x_source_close(join->a);
    rk_x_source_close(join->b);
}

int rk_x_copy_mirror(struct rk_x_copy *c)
{
    struct rk_x_join join = {0};
    int status = open_both(c, &join);
    struct doom d = {.copy = c, .root = c->to.path};
    c->writer = rk_x_writer_open(c->cli, c->zh_to, rk_x_copy_written, c);
    rk_cli_progress_begin(c->cli, &c->progress, "changed", -1);
    struct rk_x_pair pair;
    int rc = 0;
    while (status == RK_CLI_OK && c->fatal == ZOK &&
           (rc = rk_x_join_next(&join, &pair, &status)) == 1)
        mirror_pair(c, &d, &pair);
    if (status == RK_CLI_OK && c->fatal == ZOK)
        delete_up_to(&d, NULL);
    while (d.count > 0) /* broken off: nothing more is deleted */
        free(d.stack[--d.count].path);
    free(d.stack);
    free(d.blind);
    status = rk_x_copy_finish(c, status, c->to.path);
    close_both(c, &join);
    return status;
}

/* -- mv: the second half */

static void delete_pair(struct doom *d, const struct rk_x_pair *pair)
{
    const struct rk_x_record *a = pair->a, *b = pair->b;
    if (a == NULL)
        return;
    delete_up_to(d, a->path);
    doom(d, a);
    bool stays = b == NULL || a->type == RK_X_EPHEMERAL || a->rc != ZOK || b->rc != ZOK ||
                 !rk_x_copy_same_data(a, b);
    if (stays)
        keep(d);
}

int rk_x_copy_delete_source(struct rk_x_copy *c)
{
    struct rk_x_join join = {0};
    bool with_acl = c->with_acl;
    c->with_acl = false;
    int status = open_both(c, &join);
    c->with_acl = with_acl;
    struct doom d = {.copy = c, .root = c->from.path};
    rk_x_writer_close(c->writer);
    c->writer = rk_x_writer_open(c->cli, c->zh_from, rk_x_copy_written, c);
    rk_cli_progress_begin(c->cli, &c->progress, "deleted", -1);
    struct rk_x_pair pair;
    while (status == RK_CLI_OK && c->fatal == ZOK && rk_x_join_next(&join, &pair, &status) == 1)
        delete_pair(&d, &pair);
    if (status == RK_CLI_OK && c->fatal == ZOK)
        delete_up_to(&d, NULL);
    while (d.count > 0)
        free(d.stack[--d.count].path);
    free(d.stack);
    status = rk_x_copy_finish(c, status, c->from.path);
    close_both(c, &join);
    return status;
}
