/* The commands that zkCli does not have. Each is in a file x_<command>.c or with its kin. */
#include "cli/x_table.h"

const struct rk_cli_command *const rk_cli_more_commands[] = {
    &rk_cli_cmd_cp,     &rk_cli_cmd_diff,  &rk_cli_cmd_doctor,         &rk_cli_cmd_du,
    &rk_cli_cmd_edit,   &rk_cli_cmd_elect, &rk_cli_cmd_exec_on_change, &rk_cli_cmd_export,
    &rk_cli_cmd_find,   &rk_cli_cmd_grep,  &rk_cli_cmd_import,         &rk_cli_cmd_lock,
    &rk_cli_cmd_mirror, &rk_cli_cmd_mv,    &rk_cli_cmd_status,         &rk_cli_cmd_top,
    &rk_cli_cmd_tree,   &rk_cli_cmd_txn,   &rk_cli_cmd_watch,          NULL,
};
