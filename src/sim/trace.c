/* Hashing covers what is printed and the bytes that are not, but not the text of the line: printing
 * costs more than the simulation. */
#include "sim/trace.h"

#include "base/map.h"

#include <string.h>

#define SHOWN_MAX 96u

void rk_sim_trace_init(struct sim_trace *t, FILE *out)
{
    *t = (struct sim_trace){.hash = UINT64_C(0x726f6f6b657279), .out = out};
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
    hash = (hash ^ v) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 29);
}

static void show_bytes(FILE *out, struct rk_bytes bytes)
{
    uint32_t n = bytes.len < SHOWN_MAX ? bytes.len : SHOWN_MAX;
    fputc('"', out);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t c = bytes.data[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            fputc(c, out);
        } else {
            (void)fprintf(out, "\\%02x", c); /* a full disk cuts the trace, no more */
        }
    }
    fputs(n < bytes.len ? "\"..." : "\"", out);
}

void rk_sim_trace_line(struct sim_trace *t, int64_t now_us, const char *what, uint64_t a,
                       uint64_t b, struct rk_bytes bytes)
{
    uint64_t hash = mix(mix(mix(t->hash, (uint64_t)now_us), a), b);
    hash = rk_hash_bytes(what, strlen(what), hash);
    t->hash = bytes.len == 0 ? hash : rk_hash_bytes(bytes.data, bytes.len, hash);
    t->lines++;
    if (t->out == NULL) {
        return;
    }
    (void)fprintf(t->out, "%6lld.%06lld %-18s %llx %llx ", (long long)(now_us / 1000000),
                  (long long)(now_us % 1000000), what, (unsigned long long)a,
                  (unsigned long long)b);
    if (bytes.len > 0) {
        show_bytes(t->out, bytes);
    }
    fputc('\n', t->out);
}
