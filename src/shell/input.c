/* Input from clients: bytes to frames to events. All connections share one read buffer; only a part
 * of a frame, or frames over a connection's share of a turn, are copied. Guarantees that a
 * connection gets one read and a bounded number of frames per turn, and all of them together a
 * bounded time, that memory follows the bytes that came and never a length that was claimed, and
 * that what is no frame ends the connection with one line. */
#include "shell/shell_int.h"

#include "proto/frame.h"

#include <string.h>

/* A connection's share of one turn. */
#define TURN_FRAMES_MAX 64u
#define TURN_MADE_MAX   (512u << 10) /* bytes of answers */
#define TURN_MADE_FREE  (64u << 10)  /* for each so many of them it sits one more turn out */

/* What all clients get of a turn, twice: for what is read and for what waited. Other servers'
 * heartbeats, ticks and the log thread's news come between turns. */
#define TURN_SHARE_NS UINT64_C(20000000)
#define STANDSTILL_NS UINT64_C(500000000)

#define FRAME_BYTES_MIN 8u    /* xid and type; the first frame of a connection has neither */
#define PART_EXACT_MAX  4096u /* up to here a part gets room for its whole frame at once */
#define PART_CAP_MIN    512u
#define THROWN_MAX      (1u << 20) /* a lingering peer may send this much into the void */

static struct rk_conn *conn_of(void *handle)
{
    struct rk_conn *c = RK_CONTAINER_OF((uv_tcp_t *)handle, struct rk_conn, tcp);
    RK_ASSERT(c->magic == RK_CONN_MAGIC);
    return c;
}

/* Turn numbers wrap around. */
static bool is_its_turn(const struct rk_conn *c)
{
    return (int32_t)(c->next_turn - c->shell->turn) <= 0;
}

/* -- Shares of a turn ------------------------------------------------------------------------- */

/* The loop's clock is as old as its last wait. If the process was stopped since then, the core must
 * learn the time before the next event. */
static uint64_t look_at_clock(struct rk_shell *s)
{
    uint64_t now_ns = uv_hrtime();
    if (now_ns - s->looked_ns > STANDSTILL_NS && s->config.has_ensemble) {
        uv_update_time(&s->loop);
        s->has_time = false;
    }
    s->looked_ns = now_ns;
    return now_ns;
}

static bool has_share(struct rk_shell *s)
{
    uint64_t now_ns = look_at_clock(s);
    if (s->share_end_ns == 0) {
        s->share_end_ns = now_ns + TURN_SHARE_NS;
    }
    s->is_share_used = s->is_share_used || now_ns >= s->share_end_ns;
    return !s->is_share_used;
}

/* epoll names busy sockets in the same order each time. Who was read in a turn that ended early is
 * therefore not read again before all others were: that is a round. */
static bool may_read(struct rk_conn *c)
{
    struct rk_shell *s = c->shell;
    if ((s->is_round_late && c->round == s->round) || !has_share(s)) {
        return false;
    }
    c->round = s->round;
    return true;
}

void rk_input_turn_over(struct rk_shell *s)
{
    s->is_round_late = s->is_share_used;
    s->round += s->is_share_used ? 0 : 1;
    s->is_share_used = false;
    s->share_end_ns = 0;
}

/* -- Bytes held ------------------------------------------------------------------------------- */

void rk_input_free(struct rk_conn *c)
{
    rk_mem_free(c->shell->parts.mem, c->in, c->in_cap);
    c->shell->stats.input_bytes -= c->in_cap;
    c->in = NULL;
    c->in_at = 0;
    c->in_len = 0;
    c->in_cap = 0;
}

static struct rk_bytes held(const struct rk_conn *c)
{
    return rk_bytes_of(c->in + c->in_at, c->in_len - c->in_at);
}

/* Room for cap bytes in all; kills the connection when that is too much for everybody. */
static bool set_cap(struct rk_conn *c, uint32_t cap)
{
    struct rk_shell *s = c->shell;
    if (cap > c->in_cap && s->stats.input_bytes + (cap - c->in_cap) > s->config.input_bytes_max) {
        rk_conn_log(c, RK_LIMIT_MEMORY, RK_LEVEL_WARN,
                    "unfinished frames of all clients hold %llu bytes, connection dropped",
                    (unsigned long long)s->stats.input_bytes);
        rk_conn_kill(c, true);
        return false;
    }
    uint8_t *block = rk_mem_resize(s->parts.mem, c->in, c->in_cap, cap);
    if (block == NULL) {
        rk_conn_log(c, RK_LIMIT_MEMORY, RK_LEVEL_WARN, "no memory for a frame, connection dropped");
        rk_conn_kill(c, true);
        return false;
    }
    s->stats.input_bytes += cap;
    s->stats.input_bytes -= c->in_cap;
    c->in = block;
    c->in_cap = cap;
    return true;
}

/* Appends to the part of a frame. frame_bytes is how long it will be, as far as known. */
static bool append_part(struct rk_conn *c, const uint8_t *data, uint32_t len, uint32_t frame_bytes)
{
    if (c->in_at > 0) {
        memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
        c->in_len -= c->in_at;
        c->in_at = 0;
    }
    uint32_t need = c->in_len + len;
    if (need > c->in_cap) {
        uint32_t cap = frame_bytes;
        if (frame_bytes > PART_EXACT_MAX) {
            cap = c->in_cap * 2 > PART_CAP_MIN ? c->in_cap * 2 : PART_CAP_MIN;
            cap = cap > frame_bytes ? frame_bytes : cap;
        }
        if (!set_cap(c, cap > need ? cap : need)) {
            return false;
        }
    }
    memcpy(c->in + c->in_len, data, len);
    c->in_len += len;
    return true;
}

/* What feed left over: nothing, a part of a frame, or (has_frame) frames for the next turn. */
static void keep(struct rk_conn *c, struct rk_bytes rest, bool has_frame)
{
    struct rk_shell *s = c->shell;
    bool is_inside = c->in != NULL && rest.data >= c->in && rest.data <= c->in + c->in_len;
    if (rest.len == 0) {
        rk_input_free(c);
    } else if (is_inside) {
        c->in_at = c->in_len - rest.len;
        if (rest.len < c->in_cap / 4 && c->in_cap > PART_EXACT_MAX) {
            memmove(c->in, rest.data, rest.len);
            c->in_at = 0;
            c->in_len = rest.len;
            if (!set_cap(c, rest.len)) {
                return;
            }
        }
    } else {
        RK_ASSERT(c->in_len == 0);
        uint32_t missing = has_frame ? 0 : rk_frame_need(rest);
        if (!append_part(c, rest.data, rest.len, rest.len + missing)) {
            return;
        }
    }
    if (has_frame) {
        c->holds |= RK_HOLD_BACKLOG;
        if (c->holds == RK_HOLD_BACKLOG) {
            rk_list_push(&s->backlog, &c->backlog_link);
        }
    } else if ((c->holds & RK_HOLD_BACKLOG) != 0) {
        rk_conn_release(c, RK_HOLD_BACKLOG);
    }
}

/* -- What is no frame ------------------------------------------------------------------------- */

static const char *guess(const uint8_t *head)
{
    static const char http[][4] = {"GET ", "POST", "HEAD", "PUT ", "OPTI", "DELE", "CONN", "PRI "};
    for (size_t i = 0; i < sizeof(http) / sizeof(http[0]); i++) {
        if (memcmp(head, http[i], 4) == 0) {
            return "HTTP request on the client port";
        }
    }
    if (head[0] == 0x16 && head[1] == 0x03) {
        return "TLS hello on the client port, which is not secure";
    }
    for (size_t i = 0; i < 4; i++) {
        if (head[i] < 'a' || head[i] > 'z') {
            return "no ZooKeeper client";
        }
    }
    return "unknown four-letter word";
}

static void reject(struct rk_conn *c, struct rk_bytes input)
{
    RK_ASSERT(input.len >= RK_FRAME_HEADER_BYTES);
    int32_t len = rk_load_i32(input.data);
    char word[20];
    (void)rk_log_escape(word, sizeof(word),
                        rk_bytes_of(input.data, 4)); /* its length is not needed */
    c->shell->stats.garbage++;
    if (!c->has_frame && (len < 0 || (uint32_t)len > c->shell->config.frame_bytes_max)) {
        rk_conn_log(c, RK_LIMIT_GARBAGE, RK_LEVEL_WARN, "%s, connection closed first_bytes=\"%s\"",
                    guess(input.data), word);
    } else {
        rk_conn_log(c, RK_LIMIT_GARBAGE, RK_LEVEL_WARN,
                    "frame length %d is outside %u to %u (jute.maxbuffer), connection closed", len,
                    FRAME_BYTES_MIN, (unsigned)c->shell->config.frame_bytes_max);
    }
    rk_conn_close(c);
}

/* Four-letter words come instead of the first frame's length. rest: what came behind these four
 * bytes. */
static bool take_word(struct rk_conn *c, const uint8_t *head, struct rk_bytes rest)
{
    struct rk_shell *s = c->shell;
    const struct rk_admin_hook *admin = s->parts.admin;
    int32_t word = rk_load_i32(head);
    if (admin == NULL || !admin->is_word(admin->ctx, word)) {
        return false;
    }
    char text[20];
    (void)rk_log_escape(text, sizeof(text), rk_bytes_of(head, 4)); /* its length is not needed */
    if (rk_log_is_on(s->parts.log, RK_LEVEL_DEBUG)) {
        rk_conn_log(c, RK_LIMIT_WORDS, RK_LEVEL_DEBUG, "four-letter word %s", text);
    }
    struct rk_buf answer;
    rk_buf_init(&answer, s->parts.mem, RK_ADMIN_ANSWER_BYTES_MAX);
    admin->answer(admin->ctx, word, rest, c->id, &answer);
    s->stats.words++;
    if (answer.len > 0) {
        uv_buf_t buf = uv_buf_init((char *)answer.data, (unsigned)answer.len);
        rk_output_send(c, &buf, 1);
    }
    rk_buf_deinit(&answer);
    if (c->state == RK_CONN_OPEN) {
        rk_conn_close(c);
    }
    return true;
}

/* -- Frames ----------------------------------------------------------------------------------- */

/* Gives the core what is whole, within this turn's share, and keeps the rest. */
static void feed(struct rk_conn *c, struct rk_bytes in)
{
    struct rk_shell *s = c->shell;
    size_t made_from = s->fx.bytes.len;
    struct rk_event event = rk_turn_event(s, RK_EV_FRAME, c->id);
    enum rk_err err;
    /* Holds come with effects, and those are carried out between feeds. */
    RK_ASSERT(c->state == RK_CONN_OPEN && (c->holds & ~RK_HOLD_BACKLOG) == 0);
    for (uint32_t frames = 0;; frames++) {
        if (!c->has_frame && in.len >= RK_FRAME_HEADER_BYTES &&
            take_word(c, in.data, rk_bytes_of(in.data + 4, in.len - 4))) {
            return;
        }
        struct rk_bytes peeked = in;
        err = rk_frame_next(&peeked, s->config.frame_bytes_max, &event.u.frame.bytes);
        if (err != RK_OK || frames == TURN_FRAMES_MAX ||
            s->fx.bytes.len - made_from > TURN_MADE_MAX) {
            break;
        }
        if (c->has_frame && event.u.frame.bytes.len < FRAME_BYTES_MIN) {
            err = RK_ERR_MALFORMED;
            break;
        }
        c->has_frame = true;
        rk_turn_step(s, &event);
        in = peeked;
    }
    c->next_turn = s->turn + 1 + (uint32_t)((s->fx.bytes.len - made_from) / TURN_MADE_FREE);
    if (err == RK_ERR_MALFORMED || err == RK_ERR_TOO_BIG) {
        reject(c, in);
        return;
    }
    keep(c, in, err == RK_OK);
    if (c->state == RK_CONN_OPEN && c->is_eof && c->holds == 0) {
        rk_conn_close(c);
    }
}

/* Fills the held part up to one whole frame. False: not yet, or the connection is over. */
static bool complete_part(struct rk_conn *c, struct rk_bytes *fresh)
{
    while (true) {
        uint32_t have = c->in_len - c->in_at;
        if (have == RK_FRAME_HEADER_BYTES) {
            if (!c->has_frame && take_word(c, c->in + c->in_at, *fresh)) {
                return false;
            }
            struct rk_bytes head = held(c);
            struct rk_bytes none;
            enum rk_err err = rk_frame_next(&head, c->shell->config.frame_bytes_max, &none);
            if (err == RK_ERR_MALFORMED || err == RK_ERR_TOO_BIG) {
                reject(c, held(c));
                return false;
            }
        }
        uint32_t need = rk_frame_need(held(c));
        if (need == 0) {
            return true;
        }
        uint32_t n = need < fresh->len ? need : fresh->len;
        if (n == 0 || !append_part(c, fresh->data, n, have + need)) {
            return false;
        }
        fresh->data += n;
        fresh->len -= n;
    }
}

static void take_bytes(struct rk_conn *c, struct rk_bytes fresh)
{
    if (c->in_len > c->in_at) {
        if (!complete_part(c, &fresh)) {
            return;
        }
        feed(c, held(c));
        if (c->state != RK_CONN_OPEN || fresh.len == 0) {
            return;
        }
        RK_ASSERT(c->in_len == 0); /* one frame, and it is gone */
    }
    feed(c, fresh);
}

void rk_input_run_backlog(struct rk_shell *s)
{
    struct rk_link end; /* who joins during the round waits for the next one */
    struct rk_link *it;
    if (rk_list_empty(&s->backlog)) {
        return;
    }
    rk_list_push(&s->backlog, &end);
    uint64_t end_ns = uv_hrtime() + TURN_SHARE_NS;
    while (uv_hrtime() < end_ns && (it = rk_list_pop(&s->backlog)) != &end) {
        struct rk_conn *c = RK_CONTAINER_OF(it, struct rk_conn, backlog_link);
        RK_ASSERT(c->state == RK_CONN_OPEN && c->holds == RK_HOLD_BACKLOG);
        if (!is_its_turn(c)) {
            rk_list_push(&s->backlog, &c->backlog_link);
            continue;
        }
        rk_turn_begin(s);
        feed(c, held(c));
        rk_turn_relieve(s);
    }
    rk_list_unlink(&end);
}

/* -- libuv ------------------------------------------------------------------------------------ */

/* Giving no buffer makes libuv call rk_input_read with UV_ENOBUFS and come back in the next turn.
 */
void rk_input_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested; /* always 64 KiB, as ours */
    struct rk_conn *c = conn_of(handle);
    struct rk_shell *s = c->shell;
    if (c->holds != 0 || !is_its_turn(c) || !may_read(c)) {
        *ret_buf = uv_buf_init(NULL, 0);
        return;
    }
    c->next_turn = s->turn + 1;
    *ret_buf = uv_buf_init((char *)s->read_buf, RK_READ_BYTES);
}

static void stop_reading(struct rk_conn *c)
{
    (void)uv_read_stop((uv_stream_t *)&c->tcp); /* always 0 */
    c->is_reading = false;
}

static void end_of_input(struct rk_conn *c, ssize_t nread)
{
    stop_reading(c);
    if (nread != UV_EOF || c->state == RK_CONN_LINGERING) {
        rk_conn_kill(c, false);
        return;
    }
    c->is_eof = true;
    if (c->state == RK_CONN_OPEN && c->holds == 0) {
        rk_conn_close(c);
    }
}

void rk_input_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct rk_conn *c = conn_of(stream);
    struct rk_shell *s = c->shell;
    RK_ASSERT(c->state != RK_CONN_DEAD);
    if (nread == UV_ENOBUFS) {
        /* Stopping costs system calls, so it waits until the client really sends. */
        if ((c->holds & ~RK_HOLD_BACKLOG) != 0) {
            stop_reading(c);
        }
        return;
    }
    if (nread < 0) {
        end_of_input(c, nread);
        return;
    }
    if (nread == 0) {
        return;
    }
    s->stats.bytes_read += (uint64_t)nread;
    if (c->state != RK_CONN_OPEN) {
        c->thrown_bytes += (uint64_t)nread;
        if (c->thrown_bytes > THROWN_MAX) {
            rk_conn_kill(c, true);
        }
        return;
    }
    rk_turn_begin(s);
    take_bytes(c, rk_bytes_of(buf->base, (size_t)nread));
    rk_turn_relieve(s);
}
