/* Where trees are: nodes of this session, nodes of another server, files. And reading them as one
 * stream of records, whatever they are. */
#ifndef RK_CLI_X_PLACE_H
#define RK_CLI_X_PLACE_H

#include "cli/cli.h"
#include "cli/x_record.h"

/* "/a/b"                      a node of this session
 * "host:2181,[::1]:2182/a/b"  a node of another ensemble ("host:2181" alone: its root)
 * "-"                         standard input or output
 * "file:/tmp/x.json", or anything else without a slash in front: a file */
enum rk_x_place_kind { RK_X_HERE, RK_X_SERVER, RK_X_FILE };

struct rk_x_place {
    enum rk_x_place_kind kind;
    char *hosts; /* RK_X_SERVER */
    char *path;  /* of the node; "/" for a file */
    char *file;  /* RK_X_FILE; "-" */
};
/* False with the reason in `wrong` and nothing to free. */
bool rk_x_place_parse(const char *text, struct rk_x_place *ret_place, char wrong[160]);
void rk_x_place_free(struct rk_x_place *place);
/* Parses an argument of a command; a usage error is printed. The hosts of the session itself, in
 * its own words, are RK_X_HERE. */
bool rk_x_place_of(struct rk_cli *cli, const char *text, struct rk_x_place *ret_place);
/* Whether both are in one tree, as far as the words say. */
bool rk_x_place_same_tree(const struct rk_x_place *a, const struct rk_x_place *b);

/* The handle for a place that is no file, dialled if it is another server. NULL: an error was
 * printed. rk_x_place_hang_up takes it back (NULL too). */
zhandle_t *rk_x_place_dial(struct rk_cli *cli, const struct rk_x_place *place);
void rk_x_place_hang_up(struct rk_cli *cli, const struct rk_x_place *place, zhandle_t *zh);

struct rk_x_source_options {
    bool wants_data, wants_acl;
    bool is_single;   /* the root alone */
    bool may_lack;    /* no root: an empty stream */
    bool needs_order; /* refuses a file whose nodes are not in the order of a walk */
    int window;       /* 0: as a walk's */
};

/* A stream of records, in the order of a walk. /zookeeper is left out. */
struct rk_x_source;
/* zh of rk_x_place_dial, borrowed; NULL for a file. NULL: an error was printed. */
struct rk_x_source *rk_x_source_open(struct rk_cli *cli, const struct rk_x_place *place,
                                     zhandle_t *zh, const struct rk_x_source_options *options);
/* 1: a record, borrowed until the next call; 0: the end; -1: it broke off and that was printed, or
 * it was stopped: rk_x_source_exit is what the command ends with. */
int rk_x_source_next(struct rk_x_source *source, struct rk_x_record *ret_record);
int rk_x_source_exit(const struct rk_x_source *source);
int64_t rk_x_source_vanished(const struct rk_x_source *source);
void rk_x_source_close(struct rk_x_source *source);

struct rk_walk;
struct rk_walk_node;
/* What a command ends with whose walk ended with rc (of rk_walk_next). Says what went wrong, and
 * how many nodes vanished or (unreadable) could not be read. */
int rk_x_walk_end(struct rk_cli *cli, const struct rk_walk *walk, int rc, const char *root,
                  int64_t unreadable);
/* For rk_walk_options: Ctrl-C. The context is the struct rk_cli. */
bool rk_x_is_stopped(void *cli);

/* Fills in a record from a node of a walk; borrows all from it. */
void rk_x_record_of(const struct rk_walk_node *node, const char *root, bool wants_acl,
                    struct rk_x_record *ret_record);

/* -- Two streams side by side ------------------------------------------------------------------ */

/* The records of the same path in both, or the one that is alone; both streams in order. */
struct rk_x_pair {
    const struct rk_x_record *a, *b; /* NULL: not there */
};
struct rk_x_join {
    struct rk_x_source *a, *b; /* borrowed */
    struct rk_x_record record_a, record_b;
    bool has_a, has_b, has_begun;
    struct rk_x_pair given;
};
/* Zero-initialise but for a and b. 1, 0 or -1 as rk_x_source_next; the exit code is in *ret_exit.
 */
int rk_x_join_next(struct rk_x_join *join, struct rk_x_pair *ret_pair, int *ret_exit);

#endif
