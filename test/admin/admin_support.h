/* A core under the four-letter words, with clocks, addresses and directories that a test decides.
 */
#ifndef RK_TEST_ADMIN_ADMIN_SUPPORT_H
#define RK_TEST_ADMIN_ADMIN_SUPPORT_H

#include "admin/admin.h"
#include "core/rig.h"

struct desk {
    struct rig rig;
    struct rk_admin *admin;
    struct rk_admin_config config;
    struct rk_shell_stats shell;
    uint32_t shell_resets;
    const char *bound;
    struct rk_buf answer;
    /* what the core would say of its part in an ensemble; standalone unless a test says more */
    struct rk_ensemble_report report;
    bool is_serving;
    struct rk_learner_report learners[4];
    uint32_t learner_count;
};

#define DESK_ASKING ((rk_conn_id)7 << 32 | 60) /* slot 60 asks */

/* allowed: bits of words; 0: all of them. answer_bytes 0: plenty. */
void desk_init(struct desk *d, uint32_t allowed, uint64_t answer_bytes);
/* The words of a member; the core under them stays a standalone one. */
void desk_init_member(struct desk *d, uint32_t allowed, uint64_t answer_bytes,
                      const struct rk_ensemble_config *ensemble);
void desk_deinit(struct desk *d);
/* Opens a connection, asks, closes it; the text is valid until the next question. */
const char *desk_ask(struct desk *d, const char *word);
const char *desk_ask_with(struct desk *d, const char *word, struct rk_bytes rest);
void desk_expect(struct desk *d, const char *word, const char *expected);
/* The value behind "zk_<name>\t", NULL if there is none; valid until the next question. */
const char *desk_metric(struct desk *d, const char *name);
void desk_expect_metric(struct desk *d, const char *name, const char *value);

#endif
