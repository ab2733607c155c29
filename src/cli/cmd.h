/* The commands of table.c, each defined in the file that says what it does. */
#ifndef RK_CLI_CMD_H
#define RK_CLI_CMD_H

#include "cli/command.h"

extern const struct rk_cli_command rk_cli_cmd_addauth, rk_cli_cmd_add_watch, rk_cli_cmd_close,
    rk_cli_cmd_config, rk_cli_cmd_connect, rk_cli_cmd_create, rk_cli_cmd_delete,
    rk_cli_cmd_deleteall, rk_cli_cmd_delquota, rk_cli_cmd_exit, rk_cli_cmd_get, rk_cli_cmd_get_acl,
    rk_cli_cmd_get_all_children_number, rk_cli_cmd_get_ephemerals, rk_cli_cmd_help,
    rk_cli_cmd_history, rk_cli_cmd_listquota, rk_cli_cmd_ls, rk_cli_cmd_printwatches,
    rk_cli_cmd_quit, rk_cli_cmd_reconfig, rk_cli_cmd_redo, rk_cli_cmd_removewatches, rk_cli_cmd_set,
    rk_cli_cmd_set_acl, rk_cli_cmd_setquota, rk_cli_cmd_stat, rk_cli_cmd_sync, rk_cli_cmd_version,
    rk_cli_cmd_whoami;

#endif
