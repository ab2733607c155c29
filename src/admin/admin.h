/* Four-letter words: who asks for one gets Apache's answer, byte for byte in shape. Reads the
 * reports of the core and the shell between two steps, on the loop thread; changes nothing but what
 * crst, srst and stmk are for. spec-client 14, 16; ZK: server.command, MonitorCommand,
 * ServerMetrics. */
#ifndef RK_ADMIN_ADMIN_H
#define RK_ADMIN_ADMIN_H

#include "core/core.h"
#include "shell/shell.h"

/* X(word): the four letters. */
#define RK_ADMIN_WORDS(X)                                                                          \
    X(conf)                                                                                        \
    X(cons)                                                                                        \
    X(crst)                                                                                        \
    X(dirs)                                                                                        \
    X(dump)                                                                                        \
    X(envi)                                                                                        \
    X(gtmk)                                                                                        \
    X(hash)                                                                                        \
    X(isro)                                                                                        \
    X(mntr)                                                                                        \
    X(ruok)                                                                                        \
    X(srst)                                                                                        \
    X(srvr)                                                                                        \
    X(stat)                                                                                        \
    X(stmk)                                                                                        \
    X(wchc)                                                                                        \
    X(wchp)                                                                                        \
    X(wchs)

enum rk_admin_word {
#define RK_WORD_ENUM(word) RK_WORD_##word,
    RK_ADMIN_WORDS(RK_WORD_ENUM)
#undef RK_WORD_ENUM
        RK_WORD_COUNT
};

/* The four letters of a word; NULL-terminated array. For hints about the white list. */
extern const char *const rk_admin_word_names[RK_WORD_COUNT + 1];

struct rk_admin_config {
    uint32_t allowed; /* 4lw.commands.whitelist: bits 1u << enum rk_admin_word; srvr always */
    /* what conf prints */
    int32_t client_port;  /* as configured; what was bound counts where the shell tells */
    const char *snap_dir; /* absolute, with version-2; borrowed as long as the admin lives */
    const char *log_dir;
    int32_t tick_ms;
    int32_t client_conn_max;
    int32_t min_session_timeout_ms, max_session_timeout_ms;
    int32_t listen_backlog;
    int64_t sessionless_timeout_ms; /* width of dump's buckets of connections */
    uint64_t answer_bytes_max;      /* rookery.4lw.answerBytes: a longer answer is cut at a line */
    const struct rk_ensemble_config *ensemble; /* borrowed as well; NULL: standalone */
};

/* What an answer is made of besides the core. The defaults are the machine and the shell; tests put
 * theirs in place. */
struct rk_admin_sources {
    void *ctx; /* of all below */
    int64_t (*now_ms)(void *ctx);
    int64_t (*wall_ms)(void *ctx);
    bool (*conn_text)(void *ctx, rk_conn_id conn, char out[64]);
    void (*shell_stats)(void *ctx, struct rk_shell_stats *ret);
    void (*reset_shell_stats)(void *ctx);
    const char *(*bound)(void *ctx);
    uint64_t (*dir_bytes)(void *ctx, const char *dir); /* sum of its files' sizes */
    int64_t (*open_files)(void *ctx, uint32_t conn_count);
    int64_t (*max_files)(void *ctx);
    /* The core's, so that a test can put a server into any role. */
    void (*ensemble_report)(void *ctx, struct rk_ensemble_report *ret);
    bool (*is_serving)(void *ctx);
    bool (*next_learner)(void *ctx, uint32_t *index, struct rk_learner_report *ret);
    /* os.name, user.dir, ...: fills in the value of a key of envi; false: "<NA>" */
    bool (*environment)(void *ctx, const char *key, char *out, size_t cap);
};

struct rk_admin;

/* config is copied, core borrowed. NULL without memory. Until attach answers lack what only the
 * shell knows. */
struct rk_admin *rk_admin_create(struct rk_mem *mem, const struct rk_admin_config *config,
                                 struct rk_core *core);
void rk_admin_destroy(struct rk_admin *a); /* accepts NULL */
/* For rk_shell_parts.admin; lives as long as the admin. */
const struct rk_admin_hook *rk_admin_hook_of(struct rk_admin *a);
/* The shell that was created with the hook. */
void rk_admin_attach(struct rk_admin *a, struct rk_shell *shell);
/* How long loading the database took: dbinittime of mntr. */
void rk_admin_set_load_time(struct rk_admin *a, int64_t ms);
void rk_admin_set_sources(struct rk_admin *a, const struct rk_admin_sources *sources);

/* "3.9.5-rookery-0.1.0-abcdef0, built on 2026-11-22 22:09 UTC": as srvr and mntr print it. */
const char *rk_admin_version(void);

#endif
