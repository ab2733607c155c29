/* Output to clients. What the kernel takes at once never touches the heap; the rest is copied into
 * chunks and goes out as the peer reads. Guarantees the bounds of rk_shell_config: a peer that does
 * not read is not read from, then dropped; all of them together hold no more than the total. */
#include "shell/shell_int.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#define CHUNK_BYTES_MIN 4096u
#define CHUNK_BYTES_MAX (256u << 10)

struct rk_chunk {
    uv_write_t req;
    struct rk_conn *conn;
    struct rk_chunk *next;
    uint32_t len;
    uint32_t cap;
    uint8_t data[];
};

static size_t chunk_size(uint32_t cap)
{
    return sizeof(struct rk_chunk) + cap;
}

static void free_chunk(struct rk_conn *c, struct rk_chunk *chunk)
{
    size_t size = chunk_size(chunk->cap);
    RK_ASSERT(c->out_bytes >= size);
    RK_ASSERT(c->shell->stats.output_bytes >= size);
    c->out_bytes -= size;
    c->shell->stats.output_bytes -= size;
    rk_mem_free(c->shell->parts.mem, chunk, size);
}

void rk_output_free(struct rk_conn *c)
{
    /* One that is in a uv_write is given back by its callback. */
    struct rk_chunk *chunk = c->is_writing ? c->out_first->next : c->out_first;
    while (chunk != NULL) {
        struct rk_chunk *next = chunk->next;
        free_chunk(c, chunk);
        chunk = next;
    }
    if (c->is_writing) {
        c->out_first->next = NULL;
        c->out_last = c->out_first;
    } else {
        c->out_first = NULL;
        c->out_last = NULL;
    }
}

/* A new last chunk with room for part of `more` bytes; NULL without memory. */
static struct rk_chunk *add_chunk(struct rk_conn *c, size_t more)
{
    uint32_t cap = c->out_last == NULL ? CHUNK_BYTES_MIN : c->out_last->cap * 2;
    if (more > cap) {
        cap = more > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : (uint32_t)more;
    }
    if (cap > CHUNK_BYTES_MAX) {
        cap = CHUNK_BYTES_MAX;
    }
    struct rk_chunk *chunk = rk_mem_alloc(c->shell->parts.mem, chunk_size(cap));
    if (chunk == NULL) {
        return NULL;
    }
    chunk->conn = c;
    chunk->next = NULL;
    chunk->len = 0;
    chunk->cap = cap;
    if (c->out_last == NULL) {
        c->out_first = chunk;
        c->progress_ms = (int64_t)uv_now(&c->shell->loop);
        c->out_seen = 0;
        rk_list_push(&c->shell->stalled, &c->stall_link);
        c->shell->stats.stalled_count++;
        rk_conn_need_chores(c->shell);
    } else {
        c->out_last->next = chunk;
    }
    c->out_last = chunk;
    c->out_bytes += chunk_size(cap);
    c->shell->stats.output_bytes += chunk_size(cap);
    return chunk;
}

static bool hold(struct rk_conn *c, const uint8_t *data, size_t len)
{
    while (len > 0) {
        struct rk_chunk *chunk = c->out_last;
        bool is_in_write = c->is_writing && chunk == c->out_first;
        if (chunk == NULL || is_in_write || chunk->len == chunk->cap) {
            chunk = add_chunk(c, len);
            if (chunk == NULL) {
                return false;
            }
        }
        size_t n = chunk->cap - chunk->len < len ? chunk->cap - chunk->len : len;
        memcpy(chunk->data + chunk->len, data, n);
        chunk->len += (uint32_t)n;
        data += n;
        len -= n;
    }
    return true;
}

static void drop(struct rk_conn *c, const char *why)
{
    c->shell->stats.dropped_slow++;
    rk_conn_log(c, RK_LIMIT_SLOW, RK_LEVEL_WARN, "%s, connection dropped held_bytes=%llu", why,
                (unsigned long long)c->out_bytes);
    rk_conn_kill(c, true);
}

static void on_written(uv_write_t *req, int status);

static void start_write(struct rk_conn *c)
{
    struct rk_chunk *chunk = c->out_first;
    uv_buf_t buf = uv_buf_init((char *)chunk->data, chunk->len);
    RK_ASSERT(!c->is_writing);
    c->is_writing = true;
    int err = uv_write(&chunk->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
    if (err != 0) {
        c->is_writing = false;
        rk_conn_kill(c, false);
    }
}

static void on_written(uv_write_t *req, int status)
{
    struct rk_chunk *chunk = RK_CONTAINER_OF(req, struct rk_chunk, req);
    struct rk_conn *c = chunk->conn;
    struct rk_shell *s = c->shell;
    RK_ASSERT(c->magic == RK_CONN_MAGIC);
    RK_ASSERT(c->is_writing && c->out_first == chunk);
    c->is_writing = false;
    c->out_first = chunk->next;
    if (c->out_first == NULL) {
        c->out_last = NULL;
    }
    uint32_t len = chunk->len;
    free_chunk(c, chunk);
    if (c->state == RK_CONN_DEAD) {
        return;
    }
    if (c->out_first == NULL) {
        rk_list_unlink(&c->stall_link);
        s->stats.stalled_count--;
    }
    if (status != 0) {
        rk_conn_kill(c, false);
        return;
    }
    s->stats.bytes_written += len;
    c->progress_ms = (int64_t)uv_now(&s->loop);
    c->out_seen = 0;
    if (c->out_first != NULL) {
        start_write(c);
        if (c->state == RK_CONN_DEAD) {
            return;
        }
    }
    if (c->out_bytes <= s->config.output_pause_bytes / 4) {
        rk_conn_release(c, RK_HOLD_OUTPUT);
    }
    if (c->out_first == NULL && c->state == RK_CONN_FLUSHING) {
        rk_conn_flushed(c);
    }
}

/* The peer that holds most pays for all. */
static void relieve_total(struct rk_shell *s)
{
    while (s->stats.output_bytes > s->config.output_total_bytes) {
        struct rk_conn *most = NULL;
        struct rk_link *it;
        struct rk_link *next;
        RK_LIST_EACH(it, next, &s->stalled)
        {
            struct rk_conn *c = RK_CONTAINER_OF(it, struct rk_conn, stall_link);
            if (most == NULL || c->out_bytes > most->out_bytes) {
                most = c;
            }
        }
        if (most == NULL) {
            return; /* the rest belongs to dead ones and is freed with them */
        }
        drop(most, "all clients together do not read what is sent to them; this one least");
    }
}

void rk_output_send(struct rk_conn *c, uv_buf_t *bufs, uint32_t count)
{
    struct rk_shell *s = c->shell;
    size_t skip = 0;
    RK_ASSERT(c->state == RK_CONN_OPEN || c->state == RK_CONN_CLOSING);
    if (c->out_first == NULL) {
        int n = uv_try_write((uv_stream_t *)&c->tcp, bufs, count);
        if (n < 0 && n != UV_EAGAIN) {
            rk_conn_kill(c, false);
            return;
        }
        skip = n > 0 ? (size_t)n : 0;
        s->stats.bytes_written += skip;
    } else if (c->out_bytes > s->config.output_drop_bytes) {
        /* Asked before adding, so that one message of any size may be on its way. */
        drop(c, "client does not read what is sent to it");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t n = skip < bufs[i].len ? skip : bufs[i].len;
        skip -= n;
        if (n < bufs[i].len && !hold(c, (uint8_t *)bufs[i].base + n, bufs[i].len - n)) {
            drop(c, "no memory for output");
            return;
        }
    }
    if (c->out_first == NULL) {
        return;
    }
    if (!c->is_writing) {
        start_write(c);
        if (c->state == RK_CONN_DEAD) {
            return;
        }
    }
    if (c->out_bytes > s->config.output_pause_bytes) {
        rk_conn_hold(c, RK_HOLD_OUTPUT);
    }
    relieve_total(s);
}

/* What libuv holds and what the kernel holds: the kernel asks for more only when a third of its
 * buffer, which may be megabytes, is free, and a slow link takes its time for that. */
static uint64_t untaken_bytes(struct rk_conn *c)
{
    uint64_t bytes = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);
    uv_os_fd_t fd;
    int in_kernel = 0;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0 && ioctl(fd, SIOCOUTQ, &in_kernel) == 0) {
        bytes += (uint64_t)in_kernel;
    }
    return bytes;
}

void rk_output_look_for_progress(struct rk_conn *c)
{
    struct rk_shell *s = c->shell;
    int64_t now_ms = (int64_t)uv_now(&s->loop);
    uint64_t untaken = untaken_bytes(c);
    if (untaken < c->out_seen) {
        c->progress_ms = now_ms;
    }
    c->out_seen = untaken;
    if (now_ms - c->progress_ms >= s->config.output_stall_ms) {
        drop(c, "client has stopped reading what is sent to it");
    }
}
