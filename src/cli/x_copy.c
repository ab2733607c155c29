/* Copying trees; see x_copy.h. Comparing copies (mirror, mv's second half) are in x_mirror.c. */
#include "cli/x_copy.h"

#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/x_base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SAID_MAX = 10 };

/* -- Begin and end */

bool rk_x_copy_begin(struct rk_x_copy *c, const char *from, const char *to, int *ret_exit)
{
    *ret_exit = RK_CLI_USAGE;
    if (!rk_x_place_of(c->cli, from, &c->from) || !rk_x_place_of(c->cli, to, &c->to))
        return false;
    if (c->from.kind == RK_X_FILE && c->to.kind == RK_X_FILE) {
        (void)rk_cli_misuse(c->cli, "one of both must be a node; use cp of the system for files");
        return false;
    }
    if (rk_x_place_same_tree(&c->from, &c->to) && rk_x_path_is_in(c->from.path, c->to.path)) {
        (void)rk_cli_misuse(c->cli, "%s is in %s", c->to.path, c->from.path);
        return false;
    }
    if (c->deletes && rk_x_place_same_tree(&c->from, &c->to) &&
        rk_x_path_is_in(c->to.path, c->from.path)) {
        (void)rk_cli_misuse(c->cli, "%s is in %s and would be deleted", c->from.path, c->to.path);
        return false;
    }
    *ret_exit = RK_CLI_NOT_CONNECTED;
    if (c->from.kind != RK_X_FILE) {
        c->zh_from = rk_x_place_dial(c->cli, &c->from);
        if (c->zh_from == NULL)
            return false;
    }
    if (c->to.kind != RK_X_FILE) {
        c->zh_to = rk_x_place_dial(c->cli, &c->to);
        if (c->zh_to == NULL)
            return false;
    }
    return true;
}

void rk_x_copy_end(struct rk_x_copy *c)
{
    rk_x_writer_close(c->writer);
    c->writer = NULL;
    rk_x_place_hang_up(c->cli, &c->from, c->zh_from);
    rk_x_place_hang_up(c->cli, &c->to, c->zh_to);
    rk_x_place_free(&c->from);
    rk_x_place_free(&c->to);
}

/* -- What is said */

void rk_x_copy_say(struct rk_x_copy *c, const char *what, const char *path)
{
    if (rk_cli_is_json(c->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "would", json_string(what));
        (void)json_object_set_new(object, "path", rk_cli_json_text(path));
        rk_cli_emit(c->cli, object);
        return;
    }
    rk_cli_print(c->cli, "would %s ", what);
    rk_cli_put_name(c->cli, path);
    rk_cli_print(c->cli, "\n");
}

static void remark(struct rk_x_copy *c, const char *path, const char *what)
{
    if (c->said++ == SAID_MAX)
        rk_cli_note(c->cli, "... and more of the kind\n");
    if (c->said > SAID_MAX)
        return;
    char *safe = rk_cli_safe(path, strlen(path));
    rk_cli_note(c->cli, "%s: %s\n", safe != NULL ? safe : "?", what);
    free(safe);
}

void rk_x_copy_complain(struct rk_x_copy *c, const char *path, int rc)
{
    c->tally.failed++;
    if (c->said++ == SAID_MAX)
        rk_cli_note(c->cli, "... and more of the kind\n");
    if (c->said <= SAID_MAX)
        (void)rk_cli_fail(c->cli, rc, path);
}

bool rk_x_copy_passes(struct rk_x_copy *c, const struct rk_x_record *r)
{
    if (r->rc != ZOK || (c->with_acl && r->is_acl_hidden)) {
        c->tally.unreadable++;
        remark(c, r->path,
               r->rc != ZOK ? "not copied, it may not be read"
                            : "not copied, its ACL may not be read");
        return true;
    }
    if (r->type != RK_X_EPHEMERAL)
        return false;
    c->tally.ephemerals++;
    remark(c, r->path, "not copied, it is ephemeral");
    return true;
}

void rk_x_copy_report(struct rk_x_copy *c, const char *verb)
{
    const struct rk_x_tally *t = &c->tally;
    if (rk_cli_is_json(c->cli)) {
        rk_cli_emit(c->cli,
                    json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "dry_run",
                              c->is_dry, "created", (json_int_t)t->created, "set",
                              (json_int_t)t->set, "unchanged", (json_int_t)t->unchanged, "deleted",
                              (json_int_t)t->deleted, "bytes", (json_int_t)t->bytes, "ephemerals",
                              (json_int_t)t->ephemerals, "kept", (json_int_t)t->kept, "unreadable",
                              (json_int_t)t->unreadable, "failed", (json_int_t)t->failed,
                              "vanished", (json_int_t)t->vanished));
        return;
    }
    rk_cli_print(c->cli, "%s%s: %" PRId64 " %s", c->is_dry ? "would have " : "", verb, t->created,
                 c->to.kind == RK_X_FILE ? "nodes" : "created");
    const struct {
        int64_t count;
        const char *what;
    } rest[] = {{t->set, "set"},
                {t->deleted, "deleted"},
                {t->unchanged, "left as they were"},
                {t->ephemerals, "ephemerals left out"},
                {t->kept, "kept"},
                {t->vanished, "vanished meanwhile"},
                {t->unreadable, "not readable"},
                {t->failed, "failed"}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        if (rest[i].count > 0)
            rk_cli_print(c->cli, ", %" PRId64 " %s", rest[i].count, rest[i].what);
    char size[16];
    rk_x_size_text(t->bytes, size);
    rk_cli_print(c->cli, " (%s%s)\n", size, t->bytes < 1024 ? " bytes" : "");
}

int rk_x_copy_exit(const struct rk_x_copy *c, int status)
{
    if (status != RK_CLI_OK)
        return status;
    return c->tally.failed > 0 || c->tally.unreadable > 0 ? RK_CLI_FAILED : RK_CLI_OK;
}

/* -- To nodes */

void rk_x_copy_written(void *context, const struct rk_x_write *write, int rc, bool was_there)
{
    struct rk_x_copy *c = context;
    rk_cli_progress_add(c->cli, &c->progress, 1);
    if (rc == ZOK && write->kind == RK_X_DELETE) {
        c->tally.deleted++;
    } else if (rc == ZOK && was_there && write->exists == RK_X_EXISTS_STAYS) {
        c->tally.unchanged++;
    } else if (rc == ZOK && write->kind != RK_X_SET_ACL) {
        c->tally.created += write->kind == RK_X_CREATE && !was_there;
        c->tally.set += write->kind == RK_X_SET || was_there;
        c->tally.bytes += write->data_bytes;
    } else if (rc != ZOK) {
        rk_x_copy_complain(c, write->path, rc);
        c->is_given_up =
            c->is_given_up || (rc == ZNODEEXISTS && write->exists == RK_X_EXISTS_FAILS);
    }
}

void rk_x_copy_put(struct rk_x_copy *c, const struct rk_x_write *write)
{
    if (c->fatal == ZOK)
        c->fatal = rk_x_writer_put(c->writer, write);
}

int rk_x_copy_finish(struct rk_x_copy *c, int status, const char *path)
{
    int rc = rk_x_writer_finish(c->writer);
    if (c->fatal == ZOK)
        c->fatal = rc;
    rk_cli_progress_end(c->cli, &c->progress);
    if (c->fatal == ZOK || status != RK_CLI_OK)
        return status;
    int unknown = rk_x_writer_unknown(c->writer);
    if (unknown > 0)
        rk_cli_note(c->cli, "ended early: of %d writes it is not known whether they were done\n",
                    unknown);
    return rk_cli_fail(c->cli, c->fatal, path);
}

struct rk_x_write rk_x_copy_create(const struct rk_x_copy *c, const struct rk_x_record *r,
                                   const char *path)
{
    return (struct rk_x_write){
        .kind = RK_X_CREATE,
        .exists = c->exists,
        .path = path,
        .data = r->data,
        .data_bytes = r->data_bytes,
        .acl = c->with_acl ? r->acl : NULL,
        .sets_acl = c->with_acl,
        .type = c->is_plain ? RK_X_PERSISTENT : r->type,
        .ttl_ms = r->ttl_ms,
        .version = -1,
    };
}

static void copy_record(struct rk_x_copy *c, const struct rk_x_record *r)
{
    if (rk_x_copy_passes(c, r))
        return;
    char *path = rk_x_path_at(c->to.path, r->path);
    struct rk_x_write write = rk_x_copy_create(c, r, path);
    /* The root is always there and cannot be created. */
    if (strcmp(path, "/") != 0)
        rk_x_copy_put(c, &write);
    else if (c->exists == RK_X_EXISTS_IS_SET) {
        write.kind = RK_X_SET;
        rk_x_copy_put(c, &write);
    } else
        c->tally.unchanged++;
    free(path);
}

/* The first node alone: if it may not be there and is, nothing else is begun. */
static bool goes_on(struct rk_x_copy *c, int64_t count)
{
    if (count == 1 && c->fatal == ZOK)
        c->fatal = rk_x_writer_finish(c->writer);
    return c->fatal == ZOK && !c->is_given_up;
}

int rk_x_copy_nodes(struct rk_x_copy *c)
{
    struct rk_x_source_options options = {
        .wants_data = true, .wants_acl = c->with_acl, .is_single = !c->is_recursive};
    struct rk_x_source *source = rk_x_source_open(c->cli, &c->from, c->zh_from, &options);
    if (source == NULL)
        return RK_CLI_FAILED;
    c->writer = rk_x_writer_open(c->cli, c->zh_to, rk_x_copy_written, c);
    rk_cli_progress_begin(c->cli, &c->progress, "copied", -1);
    struct rk_x_record record;
    int rc = 1;
    int64_t count = 0, left_out = 0;
    while (rc == 1 && (count == 0 || goes_on(c, count)) &&
           (rc = rk_x_source_next(source, &record)) == 1) {
        count++;
        left_out += !c->is_recursive && record.has_stat ? record.stat.numChildren : 0;
        copy_record(c, &record);
    }
    int status = rk_x_copy_finish(c, RK_CLI_OK, c->to.path);
    if (rc < 0 && status == RK_CLI_OK)
        status = rk_x_source_exit(source);
    if (left_out > 0 && c->tally.failed == 0)
        rk_cli_note(c->cli, "%" PRId64 " children not copied: use -r\n", left_out);
    c->tally.vanished += rk_x_source_vanished(source);
    rk_x_source_close(source);
    return status;
}

int rk_x_copy_make_parents(struct rk_x_copy *c)
{
    for (const char *at = c->to.path + 1; (at = strchr(at, '/')) != NULL; at++) {
        char *parent = rk_x_dup_bytes(c->to.path, (size_t)(at - c->to.path));
        int rc = c->is_dry ? ZOK
                           : rk_cli_create(c->cli, c->zh_to, parent, "", 0, NULL, ZOO_PERSISTENT, 0,
                                           NULL);
        int status = rc == ZOK || rc == ZNODEEXISTS ? RK_CLI_OK : rk_cli_fail(c->cli, rc, parent);
        free(parent);
        if (status != RK_CLI_OK)
            return status;
    }
    return RK_CLI_OK;
}

/* -- To a file */

struct target {
    FILE *file;
    char *part;      /* the name until it is whole; NULL: written in place */
    bool is_missing; /* a line, for want of memory */
};

static bool open_target(struct rk_x_copy *c, struct target *t)
{
    const char *name = c->to.file;
    if (strcmp(name, "-") == 0) {
        t->file = stdout;
        c->cli->emitted++; /* the records are the objects of --json */
        return true;
    }
    struct stat st;
    int fd;
    if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
        /* A device or a pipe is written to, not put something else in the place of. */
        fd = open(name, O_WRONLY | O_CLOEXEC);
    } else {
        /* Values may be secrets: nobody else reads the file, nor made it for us. */
        t->part = rk_x_format("%s.part", name);
        (void)unlink(t->part); /* of a run that broke off; what cannot go is found next */
        fd = open(t->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    t->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (t->file != NULL)
        return true;
    (void)rk_cli_error(c->cli, "cannot write %s: %s", t->part != NULL ? t->part : name,
                       strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    free(t->part);
    return false;
}

static void put_line(struct target *t, json_t *take_object)
{
    char *line = rk_cli_json_line(take_object);
    t->is_missing = t->is_missing || line == NULL;
    /* A full disk is found out when the file is closed. */
    if (line != NULL)
        (void)fprintf(t->file, "%s\n", line);
    free(line);
    json_decref(take_object);
}

static int close_target(struct rk_x_copy *c, struct target *t, bool is_whole)
{
    bool is_good = !t->is_missing && !ferror(t->file) && fflush(t->file) == 0;
    if (is_good && t->part != NULL)
        is_good = fsync(fileno(t->file)) == 0;
    if (t->file != stdout)
        is_good = fclose(t->file) == 0 && is_good;
    if (is_good && is_whole && t->part != NULL)
        is_good = rename(t->part, c->to.file) == 0;
    int status = RK_CLI_OK;
    if (!is_good)
        status = rk_cli_error(c->cli, "cannot write %s: %s", c->to.file,
                              t->is_missing ? "out of memory" : strerror(errno));
    if (t->part != NULL && (!is_good || !is_whole))
        (void)unlink(t->part); /* is in nobody's way but takes room */
    free(t->part);
    return status;
}

static json_t *head_line(const struct rk_x_copy *c)
{
    char when[32];
    rk_x_time_text(rk_x_epoch_ms(), when);
    json_t *head = json_object();
    (void)json_object_set_new(head, "format", json_string("rookery-export"));
    (void)json_object_set_new(head, "version", json_integer(1));
    (void)json_object_set_new(head, "root", rk_cli_json_text(c->from.path));
    (void)json_object_set_new(head, "time", json_string(when));
    return head;
}

int rk_x_copy_to_file(struct rk_x_copy *c)
{
    struct target target = {0};
    struct rk_x_source_options options = {
        .wants_data = true, .wants_acl = c->with_acl, .is_single = !c->is_recursive};
    struct rk_x_source *source = rk_x_source_open(c->cli, &c->from, c->zh_from, &options);
    if (!open_target(c, &target)) {
        rk_x_source_close(source);
        return RK_CLI_FAILED;
    }
    rk_cli_progress_begin(c->cli, &c->progress, "written", -1);
    put_line(&target, head_line(c));
    struct rk_x_record record;
    int64_t nodes = 0;
    int rc;
    while ((rc = rk_x_source_next(source, &record)) == 1 && !ferror(target.file)) {
        nodes++;
        /* Here ephemerals are kept: an import leaves them out, a reader may want them. */
        c->tally.created++;
        c->tally.bytes += record.data_bytes;
        if (record.rc == ZOK && record.is_acl_hidden)
            remark(c, record.path, "written, but its ACL may not be read: no import will take it");
        c->tally.unreadable += record.rc != ZOK || record.is_acl_hidden;
        put_line(&target, rk_x_record_json(&record));
        rk_cli_progress_add(c->cli, &c->progress, 1);
    }
    if (rc == 0)
        put_line(&target, json_pack("{s:b, s:I}", "end", 1, "nodes", (json_int_t)nodes));
    rk_cli_progress_end(c->cli, &c->progress);
    int status = close_target(c, &target, rc == 0);
    if (rc < 0)
        status = rk_x_source_exit(source);
    c->tally.vanished += rk_x_source_vanished(source);
    rk_x_source_close(source);
    return status;
}
