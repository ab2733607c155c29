/* rookery-snapshot: standard streams, memory, and the exit status. */
#include <signal.h>

#include "base/mem_libc.h"
#include "inspect/tool.h"

int main(int argc, char **argv)
{
    struct rk_mem mem;
    struct rk_ins_tool tool = {
        .name = "rookery-snapshot", .in = stdin, .out = stdout, .err = stderr, .mem = &mem};
    rk_mem_libc_init(&mem, 0);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of writing */
    return rk_ins_tool_finish(&tool, rk_ins_snapshot_run(&tool, argc, argv));
}
