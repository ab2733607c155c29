/* The names of the four-letter words. ZK: FourLetterCommands. */
#include "admin/admin.h"

const char *const rk_admin_word_names[RK_WORD_COUNT + 1] = {
#define RK_WORD_NAME(word) #word,
    RK_ADMIN_WORDS(RK_WORD_NAME)
#undef RK_WORD_NAME
        NULL};
