/* Mending: that nothing is lost which nobody agreed to, and that it helps where a start stops. */
#include "inspect_support.h"

#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "store/wal_format.h"
#include "store/wal_mark.h"

static const char *const cut[] = {"repair", "--truncate", "@log.1", NULL};

/* log.1 with record 10, of zxid 0xb, damaged in its type. */
static void open_damaged(struct bench *b, struct bench_records *r)
{
    size_t len;
    bench_open(b);
    uint8_t *data = bench_log_1(b, &len, r);
    data[r->at[10] + 40] ^= 1;
    bench_write(b, "log.1", data, len);
    free(data);
}

static void chop_looks_no_further_than_its_zxid(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    size_t len;
    open_damaged(&b, &r);
    assert_int_equal(LOG(&b, "chop", "-z", "0xa", "@log.1"), RK_INS_OK);
    uint8_t *data = bench_read(&b, "log.1", &len);
    data[r.at[10] + 8] = 0x7f; /* an impossible length */
    bench_write(&b, "log.1", data, len);
    assert_int_equal(LOG(&b, "chop", "-z", "0xa", "-o", "@other", "@log.1"), RK_INS_OK);
    assert_int_equal(LOG(&b, "chop", "-z", "0xb", "@log.1"), RK_INS_DAMAGED);
    assert_int_equal(LOG(&b, "compare", "@other", "@log.1.chopped10"), RK_INS_OK);
    assert_true(says(b.out, "equal: 10 transactions, 0x1 to 0xa"));
    free(data);
    bench_close(&b);
}

/* Only the first word of a line is an answer, however long the line is. */
static void a_long_line_is_one_answer(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    char line[128];
    open_damaged(&b, &r);
    memset(line, '?', 63);
    (void)snprintf(line + 63, sizeof(line) - 63, "yes\nn\n");
    assert_int_equal(bench_log(&b, line, cut), RK_INS_REFUSED);
    assert_false(bench_has(&b, "damaged.log.1"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chop_looks_no_further_than_its_zxid),
        cmocka_unit_test(a_long_line_is_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
