/* Places and streams of records; see x_place.h. */
#include "cli/x_place.h"

#include "cli/out.h"
#include "cli/walk.h"
#include "cli/x_base.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value of 1 MiB as base64 is 1.4 MiB; servers can be told to take more. */
enum { LINE_BYTES_MAX = 128 << 20, LINE_STEP = 64 << 10 };

/* -- Places */

/* The length of "host:port[,host:port]" at the start of text, up to a slash or the end; 0 if there
 * is none. */
static size_t hosts_bytes(const char *text)
{
    size_t bytes = strcspn(text, "/");
    size_t digits = 0;
    while (digits < bytes && text[bytes - digits - 1] >= '0' && text[bytes - digits - 1] <= '9')
        digits++;
    bool has_port =
        digits > 0 && digits <= 5 && digits + 1 < bytes && text[bytes - digits - 1] == ':';
    return has_port && strncmp(text, "file:", 5) != 0 ? bytes : 0;
}

static bool place_node(const char *path, struct rk_x_place *place, char wrong[160])
{
    const char *why = rk_x_path_wrong(path);
    if (why != NULL) {
        (void)snprintf(wrong, 160, "the path %.100s %s", path, why);
        return false;
    }
    place->path = rk_x_dup(path);
    return true;
}

bool rk_x_place_parse(const char *text, struct rk_x_place *ret_place, char wrong[160])
{
    struct rk_x_place place = {.kind = RK_X_FILE};
    size_t hosts = hosts_bytes(text);
    if (text[0] == '/') {
        place.kind = RK_X_HERE;
        if (!place_node(text, &place, wrong))
            return false;
    } else if (hosts > 0) {
        place.kind = RK_X_SERVER;
        if (!place_node(text[hosts] == '\0' ? "/" : text + hosts, &place, wrong))
            return false;
        place.hosts = rk_x_dup_bytes(text, hosts);
    } else {
        const char *name = strncmp(text, "file:", 5) == 0 ? text + 5 : text;
        if (name[0] == '\0') {
            (void)snprintf(wrong, 160, "a file needs a name");
            return false;
        }
        place.file = rk_x_dup(name);
        place.path = rk_x_dup("/");
    }
    *ret_place = place;
    return true;
}

void rk_x_place_free(struct rk_x_place *place)
{
    free(place->hosts);
    free(place->path);
    free(place->file);
    *place = (struct rk_x_place){0};
}

/* "/" alone is no chroot. */
static bool has_chroot(const struct rk_cli *cli)
{
    const char *slash = strchr(rk_cli_options(cli)->server, '/');
    return slash != NULL && slash[1] != '\0';
}

bool rk_x_place_of(struct rk_cli *cli, const char *text, struct rk_x_place *ret_place)
{
    char wrong[160];
    if (!rk_x_place_parse(text, ret_place, wrong)) {
        (void)rk_cli_misuse(cli, "%s", wrong);
        return false;
    }
    const char *server = rk_cli_options(cli)->server;
    size_t bytes = strcspn(server, "/");
    if (ret_place->kind == RK_X_SERVER && !has_chroot(cli) && strlen(ret_place->hosts) == bytes &&
        memcmp(ret_place->hosts, server, bytes) == 0)
        ret_place->kind = RK_X_HERE; /* so that source and target are seen to be one tree */
    return true;
}

bool rk_x_place_same_tree(const struct rk_x_place *a, const struct rk_x_place *b)
{
    if (a->kind != b->kind || a->kind == RK_X_FILE)
        return false;
    return a->kind == RK_X_HERE || strcmp(a->hosts, b->hosts) == 0;
}

zhandle_t *rk_x_place_dial(struct rk_cli *cli, const struct rk_x_place *place)
{
    if (place->kind == RK_X_SERVER)
        return rk_cli_dial(cli, place->hosts, rk_cli_options(cli)->wait_ms, false);
    zhandle_t *zh = rk_cli_handle(cli);
    if (zh == NULL)
        (void)rk_cli_fail(cli, ZCONNECTIONLOSS, place->path);
    return zh;
}

void rk_x_place_hang_up(struct rk_cli *cli, const struct rk_x_place *place, zhandle_t *zh)
{
    if (place->kind == RK_X_SERVER && zh != NULL)
        rk_cli_hang_up(cli, zh);
}

/* -- Streams */

struct rk_x_source {
    struct rk_cli *cli;
    struct rk_x_source_options options;
    int exit;
    char *root;

    struct rk_walk *walk;

    FILE *file;
    char *name;
    int64_t line_number, node_count;
    char *line;
    size_t line_room;
    bool has_head, has_end;
    struct rk_x_record record;
    char *last_path;
};

bool rk_x_is_stopped(void *cli)
{
    return rk_cli_is_stopped(cli);
}

int rk_x_walk_end(struct rk_cli *cli, const struct rk_walk *walk, int rc, const char *root,
                  int64_t unreadable)
{
    if (rk_walk_vanished(walk) > 0)
        rk_cli_note(cli, "%" PRId64 " nodes vanished meanwhile\n", rk_walk_vanished(walk));
    if (unreadable > 0)
        rk_cli_note(cli, "%" PRId64 " nodes could not be read: no permission\n", unreadable);
    if (rc == 0)
        return unreadable > 0 ? RK_CLI_DENIED : RK_CLI_OK;
    return rk_cli_is_stopped(cli) ? RK_CLI_STOPPED : rk_cli_fail(cli, rc, root);
}

/* /zookeeper is the server's own, unless we are below a chroot: there it is a node like others. */
static bool is_whole_tree(const struct rk_cli *cli, const struct rk_x_place *place)
{
    return place->kind == RK_X_SERVER || !has_chroot(cli);
}

static void open_walk(struct rk_x_source *s, zhandle_t *zh, const struct rk_x_place *place)
{
    struct rk_walk_options options = {
        .window = s->options.window,
        .depth_max = s->options.is_single ? 0 : -1,
        .wants_data = s->options.wants_data,
        .wants_acl = s->options.wants_acl,
        .skips_system = is_whole_tree(s->cli, place),
        .is_stopped = rk_x_is_stopped,
        .context = s->cli,
    };
    s->walk = rk_walk_open(zh, place->path, &options);
}

struct rk_x_source *rk_x_source_open(struct rk_cli *cli, const struct rk_x_place *place,
                                     zhandle_t *zh, const struct rk_x_source_options *options)
{
    struct rk_x_source *s = rk_x_alloc(sizeof *s);
    s->cli = cli;
    s->options = *options;
    s->root = rk_x_dup(place->path);
    if (place->kind != RK_X_FILE) {
        open_walk(s, zh, place);
        return s;
    }
    s->name = rk_x_dup(place->file);
    s->file = strcmp(place->file, "-") == 0 ? stdin : fopen(place->file, "re");
    if (s->file != NULL || (errno == ENOENT && options->may_lack))
        return s;
    (void)rk_cli_error(cli, "cannot read %s: %s", place->file, strerror(errno));
    rk_x_source_close(s);
    return NULL;
}

void rk_x_record_of(const struct rk_walk_node *node, const char *root, bool wants_acl,
                    struct rk_x_record *ret_record)
{
    *ret_record = (struct rk_x_record){
        .path = rk_x_path_below(root, node->path),
        .data = node->data,
        .data_bytes = node->data_bytes > 0 ? node->data_bytes : 0,
        .type = node->has_stat ? rk_x_type_of(&node->stat) : RK_X_PERSISTENT,
        .has_stat = node->has_stat,
        .stat = node->stat,
        .acl = wants_acl && node->acl_rc == ZOK ? node->acl : NULL,
        .is_acl_hidden = wants_acl && (node->acl_rc != ZOK || rk_x_acl_is_masked(node->acl)),
        .rc = node->rc,
    };
}

static int next_of_walk(struct rk_x_source *s, struct rk_x_record *ret_record)
{
    struct rk_walk_node node;
    int rc = rk_walk_next(s->walk, &node);
    if (rc == 1) {
        rk_x_record_of(&node, s->root, s->options.wants_acl, ret_record);
        return 1;
    }
    if (rc == 0 || (rc == ZNONODE && s->options.may_lack))
        return 0;
    s->exit = rk_cli_is_stopped(s->cli) ? RK_CLI_STOPPED : rk_cli_fail(s->cli, rc, s->root);
    return -1;
}

static int broken(struct rk_x_source *s, const char *what)
{
    s->exit = rk_cli_error(s->cli, "%s, line %" PRId64 ": %s", s->name, s->line_number, what);
    return -1;
}

/* A line without its end; grows with what was really read. -1 at the end of the file, -2 if it is
 * too long. */
static ssize_t read_line(struct rk_x_source *s)
{
    size_t bytes = 0;
    for (;;) {
        if (s->line_room < bytes + LINE_STEP) {
            s->line_room = bytes * 2 + LINE_STEP;
            s->line = rk_x_resize(s->line, s->line_room);
        }
        /* fgets cannot tell a 0 in the line from its end; such a line is no JSON either way. */
        if (fgets(s->line + bytes, LINE_STEP, s->file) == NULL)
            return bytes > 0 ? (ssize_t)bytes : -1;
        bytes += strlen(s->line + bytes);
        if (bytes > 0 && s->line[bytes - 1] == '\n')
            return (ssize_t)bytes - 1;
        if (bytes > LINE_BYTES_MAX)
            return -2;
    }
}

static int end_of_file(struct rk_x_source *s)
{
    if (ferror(s->file))
        return broken(s, strerror(errno));
    if (s->has_head && !s->has_end)
        return broken(s, "the file breaks off: its last line, {\"end\": true}, is missing");
    return 0;
}

static int check_order(struct rk_x_source *s, const char *path)
{
    if (s->options.needs_order && s->last_path != NULL &&
        rk_x_path_compare(s->last_path, path) >= 0)
        return broken(s, "the nodes are not in the order that export writes them in");
    free(s->last_path);
    s->last_path = rk_x_dup(path);
    return 1;
}

static int next_of_file(struct rk_x_source *s, struct rk_x_record *ret_record)
{
    if (s->file == NULL)
        return 0;
    while (!rk_cli_is_stopped(s->cli)) {
        ssize_t bytes = read_line(s);
        if (bytes == -1)
            return end_of_file(s);
        s->line_number++;
        if (bytes == -2)
            return broken(s, "the line is longer than 128 MiB");
        if (bytes == 0)
            continue;
        enum rk_x_line kind;
        int64_t count = 0;
        char wrong[160];
        rk_x_record_free(&s->record);
        if (!rk_x_record_parse(s->line, (size_t)bytes, &kind, &s->record, &count, wrong))
            return broken(s, wrong);
        if (s->has_end)
            return broken(s, "there is something behind the end");
        s->has_head = s->has_head || kind == RK_X_LINE_HEAD;
        s->has_end = kind == RK_X_LINE_END;
        if (s->has_end && count != s->node_count)
            return broken(s, "the number of nodes at the end is not that of the lines before it");
        if (kind != RK_X_LINE_NODE)
            continue;
        s->node_count++;
        *ret_record = s->record;
        if (s->options.is_single && strcmp(s->record.path, "/") != 0)
            continue;
        return check_order(s, s->record.path);
    }
    s->exit = RK_CLI_STOPPED;
    return -1;
}

int rk_x_source_next(struct rk_x_source *s, struct rk_x_record *ret_record)
{
    return s->walk != NULL ? next_of_walk(s, ret_record) : next_of_file(s, ret_record);
}

/* Reads on where the last pair took something. */
static int refill(struct rk_x_source *s, struct rk_x_record *record, bool *has, int *ret_exit)
{
    int rc = rk_x_source_next(s, record);
    *has = rc == 1;
    if (rc < 0)
        *ret_exit = rk_x_source_exit(s);
    return rc;
}

int rk_x_join_next(struct rk_x_join *j, struct rk_x_pair *ret_pair, int *ret_exit)
{
    bool is_first = !j->has_begun;
    j->has_begun = true;
    if ((is_first || j->given.a != NULL) && refill(j->a, &j->record_a, &j->has_a, ret_exit) < 0)
        return -1;
    if ((is_first || j->given.b != NULL) && refill(j->b, &j->record_b, &j->has_b, ret_exit) < 0)
        return -1;
    if (!j->has_a && !j->has_b)
        return 0;
    int order = !j->has_b   ? -1
                : !j->has_a ? 1
                            : rk_x_path_compare(j->record_a.path, j->record_b.path);
    j->given.a = order <= 0 ? &j->record_a : NULL;
    j->given.b = order >= 0 ? &j->record_b : NULL;
    *ret_pair = j->given;
    return 1;
}

int rk_x_source_exit(const struct rk_x_source *s)
{
    return s->exit;
}

int64_t rk_x_source_vanished(const struct rk_x_source *s)
{
    return s->walk != NULL ? rk_walk_vanished(s->walk) : 0;
}

void rk_x_source_close(struct rk_x_source *s)
{
    if (s == NULL)
        return;
    rk_walk_close(s->walk);
    if (s->file != NULL && s->file != stdin)
        (void)fclose(s->file); /* was only read */
    rk_x_record_free(&s->record);
    free(s->last_path);
    free(s->line);
    free(s->name);
    free(s->root);
    free(s);
}
