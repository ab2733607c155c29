/* Output to other servers. What the kernel takes at once never touches the heap; the rest is copied
 * and goes out as the other side reads, up to a bound, over which the channel ends: a server that
 * is so far behind is brought up to date faster by a new synchronisation. */
#include "shell/shell_int.h"

#include <string.h>

#define CHUNK_BYTES_MIN 4096u
#define CHUNK_BYTES_MAX (128u << 10)
#define MARK_BYTES      (256u << 10) /* RK_EV_CHAN_FLUSHED when less than this is unsent */

struct rk_channel_chunk {
    uv_write_t req;
    struct rk_channel *chan;
    struct rk_channel_chunk *next;
    uint32_t len;
    uint32_t cap;
    uint8_t data[];
};

static size_t chunk_size(uint32_t cap)
{
    return sizeof(struct rk_channel_chunk) + cap;
}

static void free_chunk(struct rk_channel *ch, struct rk_channel_chunk *chunk)
{
    size_t size = chunk_size(chunk->cap);
    RK_ASSERT(ch->out_held >= chunk->len);
    RK_ASSERT(ch->shell->stats.peer_queue_bytes >= size);
    ch->out_held -= chunk->len;
    ch->shell->stats.peer_queue_bytes -= size;
    rk_mem_free(ch->shell->parts.mem, chunk, size);
}

void rk_channel_free_output(struct rk_channel *ch)
{
    /* One that is in a uv_write is given back by its callback. */
    struct rk_channel_chunk *chunk = ch->is_writing ? ch->out_first->next : ch->out_first;
    while (chunk != NULL) {
        struct rk_channel_chunk *next = chunk->next;
        free_chunk(ch, chunk);
        chunk = next;
    }
    if (ch->is_writing) {
        ch->out_first->next = NULL;
        ch->out_last = ch->out_first;
    } else {
        ch->out_first = NULL;
        ch->out_last = NULL;
    }
}

/* Asked of the kernel and not taken by it. */
static uint64_t unsent_bytes(const struct rk_channel *ch)
{
    uint64_t bytes = ch->out_held;
    if (ch->is_writing) {
        bytes -= ch->out_first->len;
        bytes += uv_stream_get_write_queue_size((const uv_stream_t *)&ch->tcp);
    }
    return bytes;
}

static bool add_chunk(struct rk_channel *ch, size_t more)
{
    uint32_t cap = ch->out_last == NULL ? CHUNK_BYTES_MIN : ch->out_last->cap * 2;
    cap = more > cap ? (uint32_t)(more < CHUNK_BYTES_MAX ? more : CHUNK_BYTES_MAX) : cap;
    cap = cap > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : cap;
    struct rk_channel_chunk *chunk = rk_mem_alloc(ch->shell->parts.mem, chunk_size(cap));
    if (chunk == NULL) {
        return false;
    }
    chunk->chan = ch;
    chunk->next = NULL;
    chunk->len = 0;
    chunk->cap = cap;
    if (ch->out_last == NULL) {
        ch->out_first = chunk;
    } else {
        ch->out_last->next = chunk;
    }
    ch->out_last = chunk;
    ch->shell->stats.peer_queue_bytes += chunk_size(cap);
    return true;
}

static bool hold(struct rk_channel *ch, const char *data, size_t len)
{
    while (len > 0) {
        struct rk_channel_chunk *chunk = ch->out_last;
        bool is_in_write = ch->is_writing && chunk == ch->out_first;
        if (chunk == NULL || is_in_write || chunk->len == chunk->cap) {
            if (!add_chunk(ch, len)) {
                return false;
            }
            chunk = ch->out_last;
        }
        size_t n = chunk->cap - chunk->len < len ? chunk->cap - chunk->len : len;
        memcpy(chunk->data + chunk->len, data, n);
        chunk->len += (uint32_t)n;
        ch->out_held += n;
        data += n;
        len -= n;
    }
    return true;
}

/* -- Marks ------------------------------------------------------------------------------------ */

static void look_at_marks(struct rk_channel *ch)
{
    uint64_t taken = ch->out_sent - unsent_bytes(ch);
    uint32_t reached = 0;
    while (reached < ch->mark_count && ch->marks[reached] < taken + MARK_BYTES) {
        reached++;
    }
    if (reached == 0 || ch->state != RK_CHAN_OPEN) {
        return;
    }
    ch->mark_count -= reached;
    memmove(ch->marks, ch->marks + reached, ch->mark_count * sizeof(ch->marks[0]));
    ch->flushed += reached;
    rk_list_unlink(&ch->flushed_link);
    rk_list_push(&ch->shell->chans_flushed, &ch->flushed_link);
}

void rk_channel_mark(struct rk_channel *ch)
{
    RK_ASSERT(ch->mark_count < RK_CHAN_MARKS_MAX);
    ch->marks[ch->mark_count] = ch->out_sent;
    ch->mark_count++;
    rk_channel_set_dirty(ch); /* what was sent before it goes out first */
}

void rk_channel_tell_flushed(struct rk_shell *s)
{
    struct rk_link end; /* who joins meanwhile waits for the next turn */
    if (rk_list_empty(&s->chans_flushed)) {
        return;
    }
    rk_turn_begin(s);
    rk_list_push(&s->chans_flushed, &end);
    struct rk_link *it;
    while ((it = rk_list_pop(&s->chans_flushed)) != &end) {
        struct rk_channel *ch = RK_CONTAINER_OF(it, struct rk_channel, flushed_link);
        struct rk_event event = rk_turn_event(s, RK_EV_CHAN_FLUSHED, 0);
        event.u.chan.chan = ch->id;
        event.u.chan.port = ch->port;
        for (; ch->flushed > 0; ch->flushed--) {
            rk_turn_step(s, &event);
        }
    }
}

/* -- Writing ---------------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status);

static void start_write(struct rk_channel *ch)
{
    struct rk_channel_chunk *chunk = ch->out_first;
    uv_buf_t buf = uv_buf_init((char *)chunk->data, chunk->len);
    RK_ASSERT(!ch->is_writing);
    int err = uv_write(&chunk->req, (uv_stream_t *)&ch->tcp, &buf, 1, on_written);
    if (err != 0) {
        rk_channel_end(ch, uv_strerror(err));
        return;
    }
    ch->is_writing = true;
}

static void on_written(uv_write_t *req, int status)
{
    struct rk_channel_chunk *chunk = RK_CONTAINER_OF(req, struct rk_channel_chunk, req);
    struct rk_channel *ch = chunk->chan;
    RK_ASSERT(ch->magic == RK_CHAN_MAGIC);
    RK_ASSERT(ch->is_writing && ch->out_first == chunk);
    ch->is_writing = false;
    ch->out_first = chunk->next;
    if (ch->out_first == NULL) {
        ch->out_last = NULL;
    }
    uint32_t len = chunk->len;
    free_chunk(ch, chunk);
    if (ch->state == RK_CHAN_ENDING) {
        return;
    }
    if (status != 0) {
        rk_channel_end(ch, uv_strerror(status));
        return;
    }
    ch->shell->stats.peer_bytes_written += len;
    if (ch->out_first != NULL) {
        start_write(ch);
    } else if (ch->state == RK_CHAN_FLUSHING && !ch->is_dirty) {
        rk_channel_drained(ch);
        return;
    }
    look_at_marks(ch);
}

static void overrun(struct rk_channel *ch, uint64_t bytes)
{
    struct rk_shell *s = ch->shell;
    char to[RK_ADDR_TEXT_MAX];
    (void)rk_addr_text(&ch->addr, to); /* its length is not needed */
    rk_log_write(s->parts.log, RK_LEVEL_WARN,
                 "another server does not take what is sent to it, its channel is closed "
                 "(rookery.peer.queueBytes) port=%s to=%s unsent_bytes=%llu",
                 ch->port == RK_PORT_ELECTION ? "election" : "quorum", to,
                 (unsigned long long)bytes);
    rk_channel_end(ch, "too much is unsent");
}

void rk_channel_send(struct rk_channel *ch, uv_buf_t *bufs, uint32_t count)
{
    struct rk_shell *s = ch->shell;
    uint64_t len = 0;
    size_t skip = 0;
    RK_ASSERT(ch->state == RK_CHAN_OPEN || ch->state == RK_CHAN_FLUSHING);
    for (uint32_t i = 0; i < count; i++) {
        len += bufs[i].len;
    }
    if (ch->out_first == NULL) {
        int n = uv_try_write((uv_stream_t *)&ch->tcp, bufs, count);
        if (n < 0 && n != UV_EAGAIN) {
            rk_channel_end(ch, uv_strerror(n));
            return;
        }
        skip = n > 0 ? (size_t)n : 0;
        s->stats.peer_bytes_written += skip;
    }
    uint64_t unsent = unsent_bytes(ch) + len - skip;
    if (unsent > s->config.peer_queue_bytes) {
        overrun(ch, unsent);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t n = skip < bufs[i].len ? skip : bufs[i].len;
        skip -= n;
        if (n < bufs[i].len && !hold(ch, bufs[i].base + n, bufs[i].len - n)) {
            rk_channel_end(ch, "no memory for what is sent");
            return;
        }
    }
    if (ch->out_first != NULL && !ch->is_writing) {
        start_write(ch);
    }
}

void rk_channel_set_dirty(struct rk_channel *ch)
{
    if (!ch->is_dirty) {
        ch->is_dirty = true;
        ch->seg_first = 0;
        rk_list_push(&ch->shell->chans_dirty, &ch->dirty_link);
    }
}

void rk_channel_turn_done(struct rk_channel *ch)
{
    if (ch->state == RK_CHAN_FLUSHING && ch->out_first == NULL) {
        rk_channel_drained(ch);
    } else if (ch->state == RK_CHAN_OPEN && ch->mark_count > 0) {
        look_at_marks(ch);
    }
}
