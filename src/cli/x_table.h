/* The commands of x_table.c, each defined in the file that says what it does. */
#ifndef RK_CLI_X_TABLE_H
#define RK_CLI_X_TABLE_H

#include "cli/command.h"

extern const struct rk_cli_command rk_cli_cmd_cp, rk_cli_cmd_diff, rk_cli_cmd_doctor, rk_cli_cmd_du,
    rk_cli_cmd_edit, rk_cli_cmd_elect, rk_cli_cmd_exec_on_change, rk_cli_cmd_export,
    rk_cli_cmd_find, rk_cli_cmd_grep, rk_cli_cmd_import, rk_cli_cmd_lock, rk_cli_cmd_mirror,
    rk_cli_cmd_mv, rk_cli_cmd_status, rk_cli_cmd_top, rk_cli_cmd_tree, rk_cli_cmd_txn,
    rk_cli_cmd_watch;

#endif
