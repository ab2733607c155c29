/* Texts of the operating errors, from the one table in err.h. Guarantees a text for every value,
 * also for one that a careless cast made up. */
#include "base/err.h"

#include "base/types.h"

static const char *const texts[] = {
#define RK_ERR_TEXT(name, text) text,
    RK_ERR_TABLE(RK_ERR_TEXT)
#undef RK_ERR_TEXT
};

const char *rk_err_text(enum rk_err err)
{
    size_t index = (size_t)err;
    if (index >= sizeof(texts) / sizeof(texts[0])) {
        return "unknown error";
    }
    return texts[index];
}
