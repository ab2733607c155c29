/* Which word is asked, whether it may be answered, and the short ones. Guarantees an answer within
 * the configured size: a longer one ends with a whole line and a line that says so. ZK:
 * NIOServerCnxn .checkFourLetterWord, FourLetterCommands, CommandExecutor. */
#include "admin/admin_int.h"

#include <string.h>

#define NOT_SERVING "This ZooKeeper instance is not currently serving requests"

#define WORD_BYTES   4u
#define TELNET_CLOSE ((int32_t)0xfff4fffd) /* what telnet sends when it closes */
#define PACKET_BYTES 8192u                 /* ZK: BufferedWriter: one counted packet each */

static bool is_word(void *ctx, int32_t word)
{
    (void)ctx; /* every word that Apache knows, allowed or not */
    if (word == TELNET_CLOSE) {
        return true;
    }
    for (uint32_t i = 0; i < RK_WORD_COUNT; i++) {
        if (rk_load_i32((const uint8_t *)rk_admin_word_names[i]) == word) {
            return true;
        }
    }
    return false;
}

static enum rk_admin_word word_of(int32_t word)
{
    for (enum rk_admin_word i = 0; i < RK_WORD_COUNT; i++) {
        if (rk_load_i32((const uint8_t *)rk_admin_word_names[i]) == word) {
            return i;
        }
    }
    return RK_WORD_COUNT;
}

/* ZK: SetTraceMaskCommand: the eight bytes must be there already. The mask steers nothing here. */
static void set_trace_mask(struct rk_admin *a, struct rk_bytes rest, struct rk_buf *b)
{
    if (rest.len < 8) {
        return;
    }
    a->trace_mask = rk_load_i64(rest.data);
    rk_admin_put_int(b, a->trace_mask);
}

static void reset_conns(struct rk_admin *a, struct rk_buf *b)
{
    rk_core_reset_conn_stats(a->core);
    rk_admin_put(b, "Connection stats reset.\n");
}

static void reset_server(struct rk_admin *a, struct rk_buf *b)
{
    rk_core_reset_server_stats(a->core);
    a->sources.reset_shell_stats(a->sources.ctx);
    rk_admin_put(b, "Server stats reset.\n");
}

/* A client that asks would come here if the answer is "rw". */
static void put_is_read_only(struct rk_admin *a, struct rk_buf *b)
{
    struct rk_ensemble_report report;
    enum rk_admin_role role = rk_admin_role(a, &report);
    bool is_closed =
        role == RK_ROLE_NONE || (role == RK_ROLE_LEADER && !a->config.ensemble->leader_serves);
    rk_admin_put(b, is_closed ? "null" : role == RK_ROLE_READ_ONLY ? "ro" : "rw");
}

/* Words about the process, which is always there. The others need a server that serves. ZK:
 * AbstractFourLetterCommand.isZKServerRunning */
static bool needs_server(enum rk_admin_word word)
{
    const uint32_t always = 1u << RK_WORD_ruok | 1u << RK_WORD_envi | 1u << RK_WORD_gtmk |
                            1u << RK_WORD_stmk | 1u << RK_WORD_isro;
    return (always & 1u << word) == 0;
}

static bool is_unserved(struct rk_admin *a, enum rk_admin_word word)
{
    struct rk_ensemble_report report;
    return needs_server(word) && rk_admin_role(a, &report) == RK_ROLE_NONE;
}

static void run(struct rk_admin *a, enum rk_admin_word word, struct rk_bytes rest, rk_conn_id conn,
                struct rk_buf *b)
{
    switch (word) {
    case RK_WORD_conf:
        rk_admin_conf(a, b);
        break;
    case RK_WORD_cons:
        rk_admin_cons(a, b, conn);
        break;
    case RK_WORD_crst:
        reset_conns(a, b);
        break;
    case RK_WORD_dirs:
        rk_admin_dirs(a, b);
        break;
    case RK_WORD_dump:
        rk_admin_dump(a, b);
        break;
    case RK_WORD_envi:
        rk_admin_envi(a, b);
        break;
    case RK_WORD_gtmk:
        rk_admin_put_int(b, a->trace_mask);
        break;
    case RK_WORD_hash:
        rk_admin_hash(a, b);
        break;
    case RK_WORD_isro:
        put_is_read_only(a, b);
        break;
    case RK_WORD_mntr:
        rk_admin_mntr(a, b);
        break;
    case RK_WORD_ruok:
        rk_admin_put(b, "imok");
        break;
    case RK_WORD_srst:
        reset_server(a, b);
        break;
    case RK_WORD_srvr:
        rk_admin_srvr(a, b, conn, false);
        break;
    case RK_WORD_stat:
        rk_admin_srvr(a, b, conn, true);
        break;
    case RK_WORD_stmk:
        set_trace_mask(a, rest, b);
        break;
    case RK_WORD_wchc:
        rk_admin_wchc(a, b);
        break;
    case RK_WORD_wchp:
        rk_admin_wchp(a, b);
        break;
    case RK_WORD_wchs:
        rk_admin_wchs(a, b);
        break;
    case RK_WORD_COUNT:
        break;
    }
}

/* Ends an answer that got too long with a whole line. */
static void cut(const struct rk_admin *a, struct rk_buf *b)
{
    size_t len = b->len > a->config.answer_bytes_max ? a->config.answer_bytes_max : b->len;
    while (len > 0 && b->data[len - 1] != '\n') {
        len--;
    }
    b->len = len;
    b->failed = false;
    rk_admin_put(b, "... cut here, see rookery.4lw.answerBytes\n");
}

static void count_packets(struct rk_metrics *m, size_t answer_bytes)
{
    m->packets_sent += (answer_bytes + PACKET_BYTES - 1) / PACKET_BYTES;
}

static void answer(void *ctx, int32_t code, struct rk_bytes rest, rk_conn_id conn, struct rk_buf *b)
{
    struct rk_admin *a = ctx;
    enum rk_admin_word word = word_of(code);
    struct rk_metrics *m = rk_core_metrics(a->core);
    size_t before = b->len;
    RK_ASSERT(is_word(ctx, code));
    m->packets_received++;
    m->bytes_received_count += WORD_BYTES;
    if (word == RK_WORD_COUNT) {
        return; /* telnet takes its leave */
    }
    if ((a->config.allowed & 1u << word) == 0) {
        rk_admin_put(b, rk_admin_word_names[word]);
        rk_admin_put(b, " is not executed because it is not in the whitelist.\n");
    } else if (is_unserved(a, word)) {
        rk_admin_put(b, word == RK_WORD_hash ? NOT_SERVING : NOT_SERVING "\n");
    } else {
        run(a, word, rest, conn, b);
        rk_arena_reset(&a->arena);
    }
    if (rk_admin_is_full(a, b)) {
        cut(a, b);
    }
    count_packets(m, b->len - before);
}

/* -- The room as a whole
 * ---------------------------------------------------------------------------- */

struct rk_admin *rk_admin_create(struct rk_mem *mem, const struct rk_admin_config *config,
                                 struct rk_core *core)
{
    struct rk_admin *a = rk_mem_zalloc(mem, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    RK_ASSERT(config->snap_dir != NULL && config->log_dir != NULL);
    a->mem = mem;
    a->config = *config;
    a->core = core;
    a->config.allowed |= 1u << RK_WORD_srvr;
    a->trace_mask = RK_TRACE_MASK_PRESET;
    a->load_ms = -1;
    a->hook = (struct rk_admin_hook){.ctx = a, .is_word = is_word, .answer = answer};
    rk_arena_init(&a->arena, mem);
    struct rk_admin_sources sources;
    rk_admin_default_sources(a, &sources);
    rk_admin_set_sources(a, &sources);
    return a;
}

void rk_admin_destroy(struct rk_admin *a)
{
    if (a != NULL) {
        rk_arena_deinit(&a->arena);
        rk_mem_free(a->mem, a, sizeof(*a));
    }
}

const struct rk_admin_hook *rk_admin_hook_of(struct rk_admin *a)
{
    return &a->hook;
}

void rk_admin_attach(struct rk_admin *a, struct rk_shell *shell)
{
    a->shell = shell;
}

void rk_admin_set_load_time(struct rk_admin *a, int64_t ms)
{
    a->load_ms = ms;
}

void rk_admin_set_sources(struct rk_admin *a, const struct rk_admin_sources *sources)
{
    a->sources = *sources;
    a->start_ms = sources->now_ms(sources->ctx);
}
