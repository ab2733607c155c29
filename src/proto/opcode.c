/* Names of operation codes, from the one table in opcode.h. Total: any code has a text. */
#include "proto/opcode.h"

const char *rk_op_lop(int32_t code)
{
    switch (code) {
#define OP_LOP(name, value, lop, lower)                                                            \
    case value:                                                                                    \
        return lop;
        RK_OP_TABLE(OP_LOP)
#undef OP_LOP
    default:
        return "NA";
    }
}

const char *rk_op_name(int32_t code)
{
    switch (code) {
#define OP_NAME(name, value, lop, lower)                                                           \
    case value:                                                                                    \
        return #lower;
        RK_OP_TABLE(OP_NAME)
#undef OP_NAME
    default:
        return "unknown";
    }
}
