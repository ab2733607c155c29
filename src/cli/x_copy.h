/* Copying trees: what cp, import, export, mirror and mv have in common. */
#ifndef RK_CLI_X_COPY_H
#define RK_CLI_X_COPY_H

#include "cli/out.h"
#include "cli/x_place.h"
#include "cli/x_write.h"

/* What was done, or (is_dry) would be. */
struct rk_x_tally {
    int64_t created, set, unchanged, deleted, bytes;
    int64_t ephemerals; /* left out: they belong to a session */
    int64_t kept;       /* not deleted: something below had to stay */
    int64_t unreadable, failed, vanished;
};

struct rk_x_copy {
    struct rk_cli *cli;
    struct rk_x_place from, to;
    zhandle_t *zh_from, *zh_to;
    bool is_recursive, with_acl, is_dry, is_plain;
    bool compares, deletes; /* mirror */
    enum rk_x_exists exists;
    struct rk_x_tally tally;
    struct rk_x_writer *writer;
    struct rk_cli_progress progress;
    int fatal;        /* of the writer */
    bool is_given_up; /* a node that must not be there was */
    int said;         /* complaints about single nodes that were printed */
};

/* Parses both places and dials; false: printed, *ret_exit is what the command ends with.
 * rk_x_copy_end gives everything back, also after a failure. */
bool rk_x_copy_begin(struct rk_x_copy *copy, const char *from, const char *to, int *ret_exit);
void rk_x_copy_end(struct rk_x_copy *copy);

/* Copies every record of `from` to nodes of `to`, in one go through it. Returns an exit code. */
int rk_x_copy_nodes(struct rk_x_copy *copy);
/* Writes every record of `from` to the file `to`, which takes its name when it is whole. */
int rk_x_copy_to_file(struct rk_x_copy *copy);
/* Makes `to` like `from` by comparing both. */
int rk_x_copy_mirror(struct rk_x_copy *copy);
/* Deletes those nodes of `from` that `to` has just the same. */
int rk_x_copy_delete_source(struct rk_x_copy *copy);
/* Creates what is missing above `to`. */
int rk_x_copy_make_parents(struct rk_x_copy *copy);

/* Prints the tally; verb: "copied". */
void rk_x_copy_report(struct rk_x_copy *copy, const char *verb);
/* RK_CLI_OK, or what the tally makes of it. */
int rk_x_copy_exit(const struct rk_x_copy *copy, int status);

/* Pieces for the files of the copies. */
/* Waits for the writes that are out. status, or what went wrong with path if that is RK_CLI_OK. */
int rk_x_copy_finish(struct rk_x_copy *copy, int status, const char *path);
void rk_x_copy_complain(struct rk_x_copy *copy, const char *path, int rc);
void rk_x_copy_put(struct rk_x_copy *copy, const struct rk_x_write *write);
/* The write that makes path what record is. Borrows both. */
struct rk_x_write rk_x_copy_create(const struct rk_x_copy *copy, const struct rk_x_record *record,
                                   const char *path);
void rk_x_copy_written(void *context, const struct rk_x_write *write, int rc, bool was_there);
/* An ephemeral or an unreadable node is counted and told; true: nothing to copy. */
bool rk_x_copy_passes(struct rk_x_copy *copy, const struct rk_x_record *record);
/* A line for --dry-run. */
void rk_x_copy_say(struct rk_x_copy *copy, const char *what, const char *path);
bool rk_x_copy_same_data(const struct rk_x_record *a, const struct rk_x_record *b);

#endif
