/* Names of results, from the one table in zk_error.h. Total: any code has a text. */
#include "proto/zk_error.h"

const char *rk_zk_error_name(int32_t code)
{
    switch (code) {
#define ERROR_NAME(name, value)                                                                    \
    case value:                                                                                    \
        return #name;
        RK_ZK_ERROR_TABLE(ERROR_NAME)
#undef ERROR_NAME
    default:
        return "UNKNOWN";
    }
}
