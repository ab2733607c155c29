/* What the files of the admin room share: the state, and writing text the way Java prints it. */
#ifndef RK_ADMIN_ADMIN_INT_H
#define RK_ADMIN_ADMIN_INT_H

#include "admin/admin.h"

#define RK_TRACE_MASK_PRESET 306 /* ZK: ZooTrace.traceMask */

struct rk_admin {
    struct rk_mem *mem;
    struct rk_admin_config config;
    struct rk_core *core;
    struct rk_shell *shell; /* NULL until attached */
    struct rk_admin_hook hook;
    struct rk_admin_sources sources;
    struct rk_arena arena; /* of one answer */
    int64_t start_ms;
    int64_t load_ms; /* < 0: not told */
    int64_t trace_mask;
    int64_t own_files;                  /* open files that are no connections, as last counted */
    char user_name[64], user_home[256]; /* looked up once: it may ask a name service; "": unknown */
};

/* -- text.c
 * ---------------------------------------------------------------------------------------- */

void rk_admin_put(struct rk_buf *b, const char *text);
void rk_admin_put_int(struct rk_buf *b, int64_t v);
void rk_admin_put_count(struct rk_buf *b, uint64_t v); /* as Java's long */
void rk_admin_put_hex(struct rk_buf *b, uint64_t v);
/* ZK: Double.toString */
void rk_admin_put_double(struct rk_buf *b, double v);
/* sum / count, half up at the fourth decimal; 0.0 if empty. ZK: AvgMinMaxCounter.getAvg */
void rk_admin_put_average(struct rk_buf *b, uint64_t sum, uint64_t count);
double rk_admin_average(uint64_t sum, uint64_t count);
/* No more lines fit into an answer. */
bool rk_admin_is_full(const struct rk_admin *a, const struct rk_buf *b);

/* -- the words
 * -------------------------------------------------------------------------------------- */

void rk_admin_srvr(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking, bool has_clients);
void rk_admin_cons(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking);
void rk_admin_dump(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchs(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchc(struct rk_admin *a, struct rk_buf *b);
void rk_admin_wchp(struct rk_admin *a, struct rk_buf *b);
void rk_admin_conf(struct rk_admin *a, struct rk_buf *b);
void rk_admin_dirs(struct rk_admin *a, struct rk_buf *b);
void rk_admin_envi(struct rk_admin *a, struct rk_buf *b);
void rk_admin_hash(struct rk_admin *a, struct rk_buf *b);
void rk_admin_mntr(struct rk_admin *a, struct rk_buf *b);
/* quota.c: the gauge sets of quotas, for mntr. */
void rk_admin_put_quotas(struct rk_admin *a, struct rk_buf *b);

/* -- sources.c
 * -------------------------------------------------------------------------------------- */

void rk_admin_default_sources(struct rk_admin *a, struct rk_admin_sources *ret);

#endif
