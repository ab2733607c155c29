/* doctor: what is shared by its checks. */
#ifndef RK_CLI_X_DOCTOR_H
#define RK_CLI_X_DOCTOR_H

#include "cli/cli.h"
#include "cli/x_four.h"

enum rk_x_level { RK_X_OK, RK_X_WARN, RK_X_FAIL };

struct rk_x_setting {
    char *key, *value;
    int line;
};

struct rk_x_doctor {
    struct rk_cli *cli;
    int counts[3];
    bool is_quick; /* nothing that takes long or writes */
    int timeout_ms;

    char *file; /* NULL: no configuration */
    struct rk_x_setting *settings;
    int setting_count;
    struct rk_x_member *members;
    int member_count;
};

/* A finding. advice: what to do, NULL with RK_X_OK. */
void rk_x_finding(struct rk_x_doctor *doctor, enum rk_x_level level, const char *check,
                  const char *advice, const char *form, ...) __attribute__((format(printf, 5, 6)));

/* Reads the file (and the one that dynamicConfigFile names). False: it cannot be read, which was
 * told. */
bool rk_x_doctor_read(struct rk_x_doctor *doctor, const char *file);
void rk_x_doctor_free(struct rk_x_doctor *doctor);
/* The last setting of that name, fallback if there is none. */
const char *rk_x_setting(const struct rk_x_doctor *doctor, const char *key, const char *fallback);
int64_t rk_x_setting_number(const struct rk_x_doctor *doctor, const char *key, int64_t fallback);

/* -- The checks: x_doctor_config.c, x_doctor_host.c, x_doctor_net.c -- */
void rk_x_check_settings(struct rk_x_doctor *doctor);
void rk_x_check_members(struct rk_x_doctor *doctor);
void rk_x_check_myid(struct rk_x_doctor *doctor);
void rk_x_check_disks(struct rk_x_doctor *doctor);
void rk_x_check_machine(struct rk_x_doctor *doctor);
void rk_x_check_names(struct rk_x_doctor *doctor);
void rk_x_check_ports(struct rk_x_doctor *doctor);
/* Words, clocks and the like of servers that run. */
void rk_x_check_servers(struct rk_x_doctor *doctor, const struct rk_x_hosts *hosts);

#endif
