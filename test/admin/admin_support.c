/* A core under the four-letter words, with clocks, addresses and directories that a test decides.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "admin_support.h"

static int64_t now_ms(void *ctx)
{
    return ((struct desk *)ctx)->rig.now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return ((struct desk *)ctx)->rig.wall_ms;
}

/* 127.0.0.1 and a port made of the slot. */
static bool conn_text(void *ctx, rk_conn_id conn, char out[64])
{
    (void)ctx;
    (void)snprintf(out, 64, "127.0.0.1:%u", 40000u + (uint32_t)conn);
    return true;
}

static void shell_stats(void *ctx, struct rk_shell_stats *ret)
{
    *ret = ((struct desk *)ctx)->shell;
}

static void reset_shell_stats(void *ctx)
{
    ((struct desk *)ctx)->shell_resets++;
}

static const char *bound(void *ctx)
{
    return ((struct desk *)ctx)->bound;
}

static uint64_t dir_bytes(void *ctx, const char *dir)
{
    (void)ctx;
    return strcmp(dir, "/d/version-2") == 0 ? 67109358 : 457;
}

static int64_t open_files(void *ctx, uint32_t conn_count)
{
    (void)ctx;
    return 20 + conn_count;
}

static int64_t max_files(void *ctx)
{
    (void)ctx;
    return 20000;
}

static void ensemble_report(void *ctx, struct rk_ensemble_report *ret)
{
    *ret = ((struct desk *)ctx)->report;
}

static bool is_serving(void *ctx)
{
    return ((struct desk *)ctx)->is_serving;
}

static bool next_learner(void *ctx, uint32_t *index, struct rk_learner_report *ret)
{
    const struct desk *d = ctx;
    if (*index >= d->learner_count) {
        return false;
    }
    *ret = d->learners[(*index)++];
    return true;
}

static bool environment(void *ctx, const char *key, char *out, size_t cap)
{
    (void)ctx;
    (void)snprintf(out, cap, "<%s>", key);
    return strncmp(key, "java.", 5) != 0;
}

void desk_init(struct desk *d, uint32_t allowed, uint64_t answer_bytes)
{
    desk_init_member(d, allowed, answer_bytes, NULL);
}

void desk_init_member(struct desk *d, uint32_t allowed, uint64_t answer_bytes,
                      const struct rk_ensemble_config *ensemble)
{
    memset(d, 0, sizeof(*d));
    rig_init(&d->rig, NULL);
    d->bound = "";
    d->is_serving = true;
    d->report = (struct rk_ensemble_report){.is_standalone = true,
                                            .state = RK_PEER_LEADING,
                                            .phase = RK_PHASE_BROADCAST,
                                            .leader_sid = RK_SID_NONE};
    d->shell.conn_count = 1;
    d->config = (struct rk_admin_config){
        .allowed = allowed == 0 ? (1u << RK_WORD_COUNT) - 1u : allowed,
        .client_port = 2181,
        .snap_dir = "/d/version-2",
        .log_dir = "/l/version-2",
        .tick_ms = 2000,
        .client_conn_max = 60,
        .min_session_timeout_ms = 4000,
        .max_session_timeout_ms = 40000,
        .listen_backlog = -1,
        .sessionless_timeout_ms = 10000,
        .answer_bytes_max = answer_bytes == 0 ? 1 << 20 : answer_bytes,
        .ensemble = ensemble,
    };
    d->admin = rk_admin_create(&d->rig.mem, &d->config, d->rig.core);
    assert_non_null(d->admin);
    struct rk_admin_sources sources = {.ctx = d,
                                       .now_ms = now_ms,
                                       .wall_ms = wall_ms,
                                       .conn_text = conn_text,
                                       .shell_stats = shell_stats,
                                       .reset_shell_stats = reset_shell_stats,
                                       .bound = bound,
                                       .dir_bytes = dir_bytes,
                                       .open_files = open_files,
                                       .max_files = max_files,
                                       .ensemble_report = ensemble_report,
                                       .is_serving = is_serving,
                                       .next_learner = next_learner,
                                       .environment = environment};
    rk_admin_set_sources(d->admin, &sources);
    rk_buf_init(&d->answer, &d->rig.mem, 16 << 20);
}

void desk_deinit(struct desk *d)
{
    rk_buf_deinit(&d->answer);
    rk_admin_destroy(d->admin);
    rig_deinit(&d->rig);
}

const char *desk_ask_with(struct desk *d, const char *word, struct rk_bytes rest)
{
    const struct rk_admin_hook *hook = rk_admin_hook_of(d->admin);
    int32_t code = rk_load_i32((const uint8_t *)word);
    rk_buf_reset(&d->answer);
    assert_int_equal(rig_open(&d->rig, 60), DESK_ASKING);
    assert_true(hook->is_word(hook->ctx, code));
    hook->answer(hook->ctx, code, rest, DESK_ASKING, &d->answer);
    rig_close(&d->rig, 60);
    rk_buf_put_u8(&d->answer, 0);
    assert_false(d->answer.failed);
    return (const char *)d->answer.data;
}

const char *desk_ask(struct desk *d, const char *word)
{
    return desk_ask_with(d, word, rk_bytes_of("", 0));
}

void desk_expect(struct desk *d, const char *word, const char *expected)
{
    assert_string_equal(desk_ask(d, word), expected);
}

const char *desk_metric(struct desk *d, const char *name)
{
    char key[128];
    char *text = (char *)(uintptr_t)desk_ask(d, "mntr");
    (void)snprintf(key, sizeof(key), "\nzk_%s\t", name);
    char *at = strstr(text, key);
    if (at == NULL) {
        return NULL;
    }
    at += strlen(key);
    at[strcspn(at, "\n")] = '\0';
    return at;
}

void desk_expect_metric(struct desk *d, const char *name, const char *value)
{
    const char *got = desk_metric(d, name);
    if (got == NULL || strcmp(got, value) != 0) {
        fail_msg("zk_%s is %s instead of %s", name, got == NULL ? "absent" : got, value);
    }
}
