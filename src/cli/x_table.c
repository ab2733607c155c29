/* The commands that zkCli does not have. Each is in a file x_<command>.c. */
#include "cli/command.h"

const struct rk_cli_command *const rk_cli_more_commands[] = {NULL};
