/* What rookery-cli reads of files and of servers: lines of an export, places, answers to
 * four-letter words, members of a configuration. The first byte says which. */
#include "cli/x_base.h"
#include "cli/x_four.h"
#include "cli/x_place.h"
#include "cli/x_record.h"
#include "cli/x_sample.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What was taken can be written, and then reads the same. */
static void check_record(const struct rk_x_record *r)
{
    json_t *object = rk_x_record_json(r);
    char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    if (line != NULL) {
        enum rk_x_line kind;
        struct rk_x_record again;
        int64_t count;
        char wrong[160];
        if (!rk_x_record_parse(line, strlen(line), &kind, &again, &count, wrong) ||
            strcmp(again.path, r->path) != 0 || (r->rc == ZOK && again.data_bytes != r->data_bytes))
            abort();
        rk_x_record_free(&again);
    }
    free(line);
    json_decref(object);
}

static void read_record(const char *text, size_t bytes)
{
    enum rk_x_line kind;
    struct rk_x_record r;
    int64_t count;
    char wrong[160];
    if (!rk_x_record_parse(text, bytes, &kind, &r, &count, wrong))
        return;
    if (kind == RK_X_LINE_NODE)
        check_record(&r);
    rk_x_record_free(&r);
}

static void read_answer(char *text)
{
    struct rk_x_sample s = {
        .answers = {[RK_X_SRVR] = text, [RK_X_MNTR] = text, [RK_X_CONF] = text}};
    struct rk_x_vitals v;
    rk_x_vitals_of(&s, &v);
    struct rk_x_member m;
    (void)rk_x_member_parse(text, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    char *text = rk_x_dup_bytes(data + 1, bytes - 1);
    char wrong[160];
    struct rk_x_place place;
    struct rk_x_hosts hosts;
    switch (data[0] % 4) {
    case 0:
        read_record(text, bytes - 1);
        break;
    case 1:
        if (rk_x_place_parse(text, &place, wrong))
            rk_x_place_free(&place);
        break;
    case 2:
        read_answer(text);
        break;
    default:
        if (rk_x_hosts_parse(text, &hosts))
            rk_x_hosts_free(&hosts);
        break;
    }
    free(text);
    return 0;
}
