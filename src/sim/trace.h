/* The trace of a run: one line per transition, and a hash over all of them. Two runs of a seed are
 * the same exactly if their hashes are. */
#ifndef RK_SIM_TRACE_H
#define RK_SIM_TRACE_H

#include "base/bytes.h"

#include <stdio.h>

struct sim_trace {
    uint64_t hash;
    uint64_t lines;
    FILE *out; /* NULL: hash only */
};

void rk_sim_trace_init(struct sim_trace *t, FILE *out);
/* what: static text. Bytes are shown as far as they are short. */
void rk_sim_trace_line(struct sim_trace *t, int64_t now_us, const char *what, uint64_t a,
                       uint64_t b, struct rk_bytes bytes);

#endif
