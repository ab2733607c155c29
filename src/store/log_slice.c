/* Slices of the log. Guarantees that a reader holds files only between its first slice and its
 * last. */
#include "store/log_slice.h"

#define SLICE_BYTES_MAX ((size_t)1900 << 20)

struct reader {
    uint64_t number; /* 0: free */
    struct rk_log_read *read;
    rk_zxid to;
};

struct rk_log_slicer {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    struct reader *readers;
    uint32_t max;
    size_t slice_bytes;
    struct rk_buf out;
};

struct rk_log_slicer *rk_log_slicer_create(struct rk_mem *mem, const struct rk_disk *disk,
                                           uint32_t max, size_t slice_bytes)
{
    struct rk_log_slicer *s = rk_mem_zalloc(mem, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->mem = mem;
    s->disk = disk;
    s->max = max;
    s->slice_bytes = slice_bytes;
    rk_buf_init(&s->out, mem, SLICE_BYTES_MAX);
    s->readers = rk_mem_zalloc(mem, max * sizeof(s->readers[0]));
    if (s->readers == NULL) {
        rk_log_slicer_destroy(s);
        return NULL;
    }
    return s;
}

static void end(struct reader *r)
{
    rk_log_read_destroy(r->read);
    *r = (struct reader){.number = 0};
}

void rk_log_slicer_destroy(struct rk_log_slicer *s)
{
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; s->readers != NULL && i < s->max; i++) {
        end(&s->readers[i]);
    }
    rk_buf_deinit(&s->out);
    rk_mem_free(s->mem, s->readers, s->max * sizeof(s->readers[0]));
    rk_mem_free(s->mem, s, sizeof(*s));
}

static struct reader *find(struct rk_log_slicer *s, uint64_t number)
{
    for (uint32_t i = 0; i < s->max; i++) {
        if (s->readers[i].number == number) {
            return &s->readers[i];
        }
    }
    return NULL;
}

void rk_log_slicer_drop(struct rk_log_slicer *s, uint64_t reader)
{
    struct reader *r = find(s, reader);
    if (r != NULL && reader != 0) {
        end(r);
    }
}

static enum rk_err begin(struct rk_log_slicer *s, struct reader *r, const struct rk_log_ask *ask,
                         struct rk_problem *ret_problem)
{
    bool is_cheap = false;
    enum rk_err err =
        rk_log_read_is_cheap(s->mem, s->disk, ask->from, ask->size_permille, &is_cheap);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "the logs cannot be measured: %s", rk_err_text(err));
        return err;
    }
    if (!is_cheap) {
        rk_problem_set(ret_problem, "the logs behind zxid 0x%llx are too large beside a snapshot",
                       (unsigned long long)ask->from);
        return RK_ERR_TOO_BIG;
    }
    err = rk_log_read_create(s->mem, s->disk, ask->from, ask->to, &r->read, ret_problem);
    if (err == RK_OK) {
        r->number = ask->reader;
        r->to = ask->to;
    }
    return err;
}

static enum rk_err fill(struct rk_log_slicer *s, struct reader *r, bool *ret_is_last,
                        struct rk_problem *ret_problem)
{
    while (!*ret_is_last && s->out.len < s->slice_bytes) {
        struct rk_bytes payload;
        rk_zxid zxid = 0;
        enum rk_err err = rk_log_read_next(r->read, &zxid, &payload, ret_problem);
        if (err != RK_OK) {
            return err; /* the end without `to` included */
        }
        rk_buf_put_i64(&s->out, zxid);
        rk_buf_put_bytes(&s->out, payload);
        if (s->out.failed) {
            rk_problem_set(ret_problem, "no memory for a slice of the log");
            return RK_ERR_NOMEM;
        }
        *ret_is_last = zxid == r->to;
    }
    return RK_OK;
}

void rk_log_slicer_next(struct rk_log_slicer *s, const struct rk_log_ask *ask,
                        struct rk_log_slice *ret, struct rk_problem *ret_problem)
{
    struct reader *r = find(s, ask->is_first ? 0 : ask->reader);
    enum rk_err err = RK_OK;
    RK_ASSERT(ask->reader != 0);
    *ret = (struct rk_log_slice){.is_ok = false};
    ret_problem->text[0] = '\0';
    rk_buf_reset(&s->out);
    if (r == NULL) {
        rk_problem_set(ret_problem, "no such reader of the log");
        return;
    }
    if (ask->is_first) {
        err = begin(s, r, ask, ret_problem);
    }
    if (err == RK_OK) {
        err = fill(s, r, &ret->is_last, ret_problem);
        ret->before = rk_log_read_before(r->read);
    }
    ret->is_ok = err == RK_OK;
    if (ret->is_ok) {
        ret->bytes = rk_buf_view(&s->out);
    }
    if (!ret->is_ok || ret->is_last) {
        end(r);
    }
}
