/* write + fdatasync in a loop, over a file that was written before, which is the cheapest sync
 * there is. The budget for a durable write by one session is a multiple of this and two loopback
 * hops. */
#include "raw_sync.h"

#include "base/assert.h"
#include "null_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES (UINT64_C(16) << 20)

bool rk_bench_raw_sync_run(const struct rk_bench_options *o, struct rk_bench_result *result)
{
    int file = rk_bench_null_log_open_file(o->file, FILE_BYTES);
    if (file < 0) {
        return false;
    }
    uint8_t *record = malloc(o->record_bytes);
    RK_ASSERT(record != NULL);
    memset(record, 'r', o->record_bytes);
    uint64_t begin_ns = rk_bench_now_ns();
    uint64_t until_ns = o->duration_ms > 0 ? begin_ns + o->duration_ms * 1000000u : UINT64_MAX;
    uint64_t now_ns = begin_ns;
    off_t pos = 0;
    bool is_good = true;
    while (is_good && now_ns < until_ns && (o->count == 0 || result->ops < o->count)) {
        if ((uint64_t)pos + o->record_bytes > FILE_BYTES) {
            pos = 0;
        }
        is_good = pwrite(file, record, o->record_bytes, pos) == (ssize_t)o->record_bytes &&
                  fdatasync(file) == 0;
        pos += (off_t)o->record_bytes;
        uint64_t done_ns = rk_bench_now_ns();
        rk_hist_add(&result->latency_ns, done_ns - now_ns);
        result->ops++;
        now_ns = done_ns;
    }
    if (!is_good) {
        (void)fprintf(stderr, "rookery-bench: %s: %s\n", o->file, strerror(errno));
    }
    result->measured_ns = now_ns - begin_ns;
    free(record);
    (void)close(file);
    return is_good;
}
