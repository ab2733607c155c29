/* Delta debugging over the options of a run. Two failures are the same if their texts are, numbers
 * aside. */
#include "sim/shrink.h"

#include "base/assert.h"
#include "sim/campaign.h"
#include "sim/mishap.h"
#include "sim/recipe.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define TEXT_BYTES 700u

struct shrinker {
    struct sim_options best;
    char wanted[TEXT_BYTES];
    char text[TEXT_BYTES]; /* of the best */
    uint32_t tries;
    uint32_t tries_max;
};

/* Every word with a digit in it becomes one and the same. */
static void strip(const char *text, char *out, size_t room)
{
    size_t at = 0;
    while (*text != '\0' && at + 2 < room) {
        if (!isalnum((unsigned char)*text)) {
            out[at++] = *text++;
            continue;
        }
        size_t len = 0;
        bool has_digit = false;
        while (isalnum((unsigned char)text[len])) {
            has_digit = has_digit || isdigit((unsigned char)text[len]);
            len++;
        }
        if (has_digit) {
            out[at++] = '#';
        }
        for (size_t i = 0; i < len && !has_digit && at + 2 < room; i++) {
            out[at++] = text[i];
        }
        text += len;
    }
    out[at] = '\0';
}

/* True: it still fails in the same way, and is the best now. */
static bool try_it(struct shrinker *s, const struct sim_options *o)
{
    char text[TEXT_BYTES];
    char stripped[TEXT_BYTES];
    if (s->tries >= s->tries_max) {
        return false;
    }
    s->tries++;
    if (!rk_sim_campaign_fails(o, text, sizeof(text))) {
        return false;
    }
    strip(text, stripped, sizeof(stripped));
    if (strcmp(stripped, s->wanted) != 0) {
        return false;
    }
    s->best = *o;
    memcpy(s->text, text, sizeof(text));
    return true;
}

/* -- Mishaps -- */

static uint64_t all_mishaps(const struct sim_options *o)
{
    uint32_t count = o->ens.mishap_count;
    return count == 0 ? 0 : UINT64_MAX >> (64 - count);
}

/* The lowest `count` bits that are set. */
static uint64_t lowest_of(uint64_t bits, uint32_t count)
{
    uint64_t out = 0;
    for (uint32_t i = 0; i < count && bits != 0; i++) {
        out |= bits & (~bits + 1);
        bits &= bits - 1;
    }
    return out;
}

static bool drop_mishaps(struct shrinker *s)
{
    bool is_better = false;
    uint64_t left = all_mishaps(&s->best) & ~s->best.ens.mishap_mask;
    uint32_t size = (uint32_t)__builtin_popcountll(left);
    for (; size > 0; size /= 2) {
        uint64_t open = all_mishaps(&s->best) & ~s->best.ens.mishap_mask;
        while (open != 0) {
            struct sim_options o = s->best;
            uint64_t chunk = lowest_of(open, size);
            open &= ~chunk;
            o.ens.mishap_mask |= chunk;
            is_better |= try_it(s, &o);
        }
    }
    return is_better;
}

/* -- Numbers -- */

static bool lower(struct shrinker *s, uint32_t key)
{
    struct sim_options o = s->best;
    int64_t plain = rk_sim_recipe_plain(key);
    int64_t now = rk_sim_recipe_get(&s->best, key);
    if (now == plain || strcmp(rk_sim_recipe_key(key), "ens.mishap_mask") == 0) {
        return false;
    }
    rk_sim_recipe_set(&o, key, plain);
    if (try_it(s, &o)) {
        return true;
    }
    bool is_better = false;
    while (now > plain + 1) {
        o = s->best;
        now = plain + (now - plain) / 2;
        rk_sim_recipe_set(&o, key, now);
        if (!try_it(s, &o)) {
            break;
        }
        is_better = true;
    }
    return is_better;
}

static void print_what_is_left(const struct shrinker *s)
{
    struct sim_mishap items[SIM_MISHAPS_MAX];
    uint32_t count = rk_sim_mishap_list(&s->best, items);
    printf("after %u tries: %s\n", s->tries, s->text);
    printf("%u clients, %u requests, %u mishaps:\n", s->best.client.count,
           s->best.client.request_budget, count);
    for (uint32_t i = 0; i < count; i++) {
        printf("  %10.6f s  %s (%" PRId64 " us)\n", (double)items[i].at_us / 1e6,
               rk_sim_mishap_text(items[i].kind), items[i].for_us);
    }
}

int rk_sim_shrink(const struct sim_options *options, const char *path, uint32_t tries_max)
{
    struct shrinker s = {.best = *options, .tries_max = tries_max};
    if (!rk_sim_campaign_fails(options, s.text, sizeof(s.text))) {
        printf("it does not fail\n");
        return 1;
    }
    strip(s.text, s.wanted, sizeof(s.wanted));
    printf("to be made smaller: %s\n", s.text);
    bool is_better = true;
    while (is_better && s.tries < s.tries_max) {
        is_better = drop_mishaps(&s);
        for (uint32_t key = 0; key < rk_sim_recipe_keys(); key++) {
            is_better |= lower(&s, key);
        }
    }
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        (void)fprintf(stderr, "%s cannot be written\n", path);
        return 1;
    }
    rk_sim_recipe_write(out, &s.best);
    (void)fprintf(out, "# %s\n", s.text);
    (void)fclose(out);
    print_what_is_left(&s);
    printf("replay: rookery-sim --recipe %s --trace\n", path);
    return 0;
}
