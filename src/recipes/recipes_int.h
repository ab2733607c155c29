/* What the files of this room share. Nothing here is seen outside.
 *
 * The pattern of the room: an object (struct rk_object) is level-triggered. Watches and changes of
 * the connection only poke it; whoever waits in it, or its thread, then looks at the ensemble
 * again. A poke too many costs a look, so watches need no bookkeeping: their context is a cell that
 * outlives the object and is used again by another one.
 *
 * Order of mutexes: keeper, then object. Neither is held during a request or a callback. */
#ifndef RK_RECIPES_INT_H
#define RK_RECIPES_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rookery/recipes_keeper.h>

#define RK_FOREVER INT64_MAX
/* Objects that keep something at the server look at it at least this often once a look failed. */
#define RK_RETRY_MS 200
/* How long what is given up is tried to be removed at once; then it is left to the background. */
#define RK_RELEASE_MS   1000
#define RK_PARENT_TRIES 3 /* to make one: the server may remove a container at once */

/* -- util.c -- */

int64_t rk_rec_now_ms(void); /* monotonic */
int64_t rk_rec_wall_ms(void);
int64_t rk_rec_deadline(int timeout_ms);
/* A cond that takes deadlines of rk_rec_now_ms. False: it failed. */
bool rk_rec_cond_init(pthread_cond_t *cond);
/* Up to deadline_ms; spurious returns are possible. */
void rk_rec_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms);
/* Starts a thread that gets no signals. ZOK or ZSYSTEMERROR. */
int rk_rec_thread(pthread_t *ret_thread, void *(*fn)(void *), void *arg);
/* All malloced; NULL without memory. */
char *rk_rec_join(const char *parent, const char *name);
char *rk_rec_parent(const char *path);
void *rk_rec_memdup(const void *data, int bytes); /* one byte more, 0 */
const char *rk_rec_name(const char *path);        /* behind the last slash */
bool rk_rec_is_path(const char *path);
bool rk_rec_is_name(const char *name); /* of one node */
bool rk_rec_is_data(const void *data, int bytes);
#define RK_UUID_CHARS 36u
/* Random, version 4, with a 0 at the end. */
void rk_rec_uuid(char text[RK_UUID_CHARS + 1u]);
/* Rather wait and try again: the answer was lost or there was no connection. */
bool rk_rec_is_lost(int rc);
bool rk_rec_strings_alloc(struct String_vector *ret, int count); /* of NULLs */
/* Of names without null pointers; an empty vector has none at all. */
void rk_rec_strings_sort(struct String_vector *strings);
bool rk_rec_strings_have(const struct String_vector *sorted, const char *text);

/* -- object.c -- */

struct rk_object;
struct rk_node;
struct rk_cell {
    struct rk_keeper *keeper;
    struct rk_object *object; /* NULL: nobody listens */
    struct rk_cell *next;     /* all of a keeper */
};

struct rk_object {
    struct rk_keeper *keeper;
    struct rk_object *next, *previous; /* of the keeper; under its mutex */
    struct rk_cell *cell;
    /* Hears of node events, with mutex held; NULL: pokes are enough. */
    void (*on_event)(struct rk_object *object, int type, const char *path);
    void (*run)(struct rk_object *object);
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows, and of the fields of the object around it */
    pthread_cond_t cond;
    uint64_t pokes;
    int users; /* threads inside */
    int lent;  /* what the program holds of it: no closing before that is given back */
    bool is_closing;
    bool has_thread;
};

int rk_object_init(struct rk_object *object, struct rk_keeper *keeper);
/* Runs `run` on a thread of the object, which must end when is_closing. */
int rk_object_start(struct rk_object *object, void (*run)(struct rk_object *object));
/* Both, run NULL: without a thread; all or nothing. is_whole false: ZSYSTEMERROR. */
int rk_object_open(struct rk_object *object, struct rk_keeper *keeper, bool is_whole,
                   void (*run)(struct rk_object *object));
/* ZINVALIDSTATE on the completion thread. */
int rk_object_enter(struct rk_object *object);
void rk_object_leave(struct rk_object *object);
/* First half of shut: whoever waits in it leaves with ZCLOSING. */
void rk_object_begin_closing(struct rk_object *object);
/* No one is inside and the thread has ended when this returns ZOK. ZINVALIDSTATE on that thread,
 * and while something is lent. */
int rk_object_shut(struct rk_object *object);
/* Shut and deinit; between them *node, if there is one, is removed, or in the background. */
int rk_object_close(struct rk_object *object, struct rk_node *const *node);
/* False: it is being closed, nothing may be lent any more. */
bool rk_object_lend(struct rk_object *object);
void rk_object_take_back(struct rk_object *object);
bool rk_object_is_own_thread(struct rk_object *object);
/* After shut (or init alone). */
void rk_object_deinit(struct rk_object *object);
void rk_object_poke(struct rk_object *object);
uint64_t rk_object_pokes(struct rk_object *object);
/* Waits until there were more pokes than `seen`. False: closing. */
bool rk_object_wait(struct rk_object *object, uint64_t seen, int64_t deadline_ms);
/* The same for those who look again while there is time: ZOK, ZCLOSING, ZOPERATIONTIMEOUT. */
int rk_object_wait_again(struct rk_object *object, uint64_t seen, int64_t deadline_ms);
/* Enters and waits until *flag, which is under mutex and told of by cond: results as above. */
int rk_object_wait_flag(struct rk_object *object, const bool *flag, int timeout_ms);
/* The watcher for everything; its context is object->cell. */
void rk_object_watcher(zhandle_t *zh, int type, int state, const char *path, void *cell);

/* -- keeper.c -- */

struct rk_look {
    enum rk_link link;
    uint64_t generation;
    uint64_t moves; /* of the link until now: what was between two looks counts, too */
};
void rk_keeper_look(struct rk_keeper *keeper, struct rk_look *ret_look);
bool rk_keeper_is_gone(struct rk_keeper *keeper, uint64_t generation); /* that session is over */
bool rk_keeper_was_ours(struct rk_keeper *keeper, int64_t session_id); /* now or lately */
int64_t rk_keeper_session_id(struct rk_keeper *keeper);                /* as last connected */
const struct ACL_vector *rk_keeper_acl(const struct rk_keeper *keeper);
/* Of the handle's callbacks, or of on_link. */
bool rk_keeper_on_own_thread(struct rk_keeper *keeper);
void rk_keeper_lock(struct rk_keeper *keeper);
void rk_keeper_unlock(struct rk_keeper *keeper);
/* With the keeper locked. */
void rk_keeper_link_object(struct rk_keeper *keeper, struct rk_object *object);
void rk_keeper_unlink_object(struct rk_keeper *keeper, struct rk_object *object);
/* Wakes those who wait in rk_try. */
void rk_keeper_wake(struct rk_keeper *keeper);
/* A keeper is not freed before all have left. ZINVALIDSTATE on one of its threads, ZCLOSING. */
int rk_keeper_enter(struct rk_keeper *keeper);
void rk_keeper_leave(struct rk_keeper *keeper);

/* -- try.c -- */

/* A request that is repeated until it has an answer:
 *     struct rk_try t = {.keeper = k, .deadline_ms = d};
 *     while (rk_try(&t)) {
 *         t.rc = zoo_delete(t.zh, path, -1);
 *     }
 * Ends with rc as the last attempt set it, unless that was a lost connection: then with
 * ZOPERATIONTIMEOUT, ZCLOSING, ZAUTHFAILED, or ZSESSIONEXPIRED if it is tied to a session. */
struct rk_try {
    struct rk_keeper *keeper;
    int64_t deadline_ms;
    struct rk_object *object; /* ends when that one closes; may be NULL */
    uint64_t generation;      /* of the session it is tied to; 0: any */
    zhandle_t *zh;            /* during an attempt */
    uint64_t used_generation; /* of the attempt */
    int rc;
    int lost;       /* attempts without an answer */
    bool is_inside; /* the keeper */
};
bool rk_try(struct rk_try *t);

/* -- node.c -- */

/* An ephemeral node that is ours, or may be: created with protection. */
struct rk_node {
    char *path; /* with sequence number, once known; else NULL */
    char *parent;
    char *prefix;     /* _c_<uuid>- and the name */
    char *content;    /* if not NULL: ours only with these data */
    bool is_by_owner; /* ours only if it is of our session */
    uint64_t generation;
    int64_t token; /* czxid */
    struct rk_node *next;
};
struct rk_node_plan {
    const char *parent;
    const char *name; /* lock- */
    const void *data;
    int data_bytes;
    int mode; /* ZOO_EPHEMERAL or ZOO_EPHEMERAL_SEQUENTIAL */
};
/* Makes the parent if need be. What may stand in spite of a failure is removed in the background.
 */
int rk_node_create(struct rk_keeper *keeper, struct rk_object *object,
                   const struct rk_node_plan *plan, int64_t deadline_ms, struct rk_node **ret_node);
/* Deletes and frees; in the background if it does not work by deadline_ms. ZSESSIONEXPIRED: it was
 * gone with its session. */
int rk_node_remove(struct rk_keeper *keeper, struct rk_node *node, int64_t deadline_ms);
void rk_node_free(struct rk_node *node);
/* ZOK: still there with its session; ZSESSIONEXPIRED: not. watcher: is told when it goes. */
int rk_node_verify(struct rk_keeper *keeper, struct rk_object *watcher, const char *path,
                   uint64_t generation, int64_t deadline_ms);
/* Hands a node to the keeper's thread (keeper.c), and what that one does with it. */
void rk_keeper_discard(struct rk_keeper *keeper, struct rk_node *node);
bool rk_node_sweep(struct rk_keeper *keeper, zhandle_t *zh, const struct rk_node *node);
int rk_rec_make_path(struct rk_try *t, const char *path);
/* A persistent node, and what is missing above it. One attempt, as the one before. */
int rk_rec_create(struct rk_try *t, const char *path, const void *data, int data_bytes);

#endif
