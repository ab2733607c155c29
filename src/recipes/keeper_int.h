/* The keeper's fields, for keeper.c and try.c. */
#ifndef RK_RECIPES_KEEPER_INT_H
#define RK_RECIPES_KEEPER_INT_H

#include "recipes/recipes_int.h"

#define RK_KEEPER_SESSIONS 8 /* of our own that are remembered */
#define RK_KEEPER_NEWS     16

struct rk_auth {
    struct rk_auth *next;
    char *scheme;
    char *cert;
    int cert_bytes;
};

struct rk_keeper {
    struct rk_keeper_options options;
    char *hosts;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t cond;   /* any change of it */
    zhandle_t *zh;
    int holders; /* of the handle */
    int users;   /* threads in calls that take the keeper itself */
    bool is_closing;
    bool is_ending; /* the handle is to be replaced: nobody takes hold of it any more */
    enum rk_link link;
    uint64_t generation;
    uint64_t moves;          /* of link */
    bool has_session;        /* connected at least once in this generation */
    int64_t suspended_at_ms; /* while SUSPENDED with a session */
    int session_timeout_ms;  /* negotiated, once known */
    int64_t sessions[RK_KEEPER_SESSIONS];
    unsigned session_count;
    struct rk_object *objects;
    struct rk_cell *cells;
    struct rk_auth *auths;
    struct rk_node *discarded;
    bool is_sweeping_late;             /* the last sweep failed: wait before the next */
    enum rk_link news[RK_KEEPER_NEWS]; /* not yet told to on_link; the oldest are dropped */
    unsigned news_count;
    pthread_t thread;
    pthread_t callback_thread; /* the handle's completion thread */
    bool has_callback_thread;
};

#endif
