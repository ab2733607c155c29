/* doctor: what a configuration says, by itself. */
#include "cli/x_base.h"
#include "cli/x_doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Settings one by one */

struct range {
    const char *key;
    int64_t low, high; /* what is usual */
    const char *advice;
};

static const struct range ranges[] = {
    {"tickTime", 500, 10000, "2000 is usual: it is the unit of session timeouts and heartbeats"},
    {"initLimit", 2, 600, "5 to 30 ticks are usual: the time to copy a snapshot to a follower"},
    {"syncLimit", 2, 100, "2 to 10 ticks are usual: a slower follower is cut off"},
    {"snapCount", 1000, 10000000, "100000 is usual: smaller means snapshots all the time"},
    {"clientPort", 1, 65535, "a port is 1 to 65535"},
    {"globalOutstandingLimit", 10, 1000000, "1000 is usual"},
    {"autopurge.snapRetainCount", 3, 1000, "at least 3 are kept in any case"},
    {"maxClientCnxns", 1, 100000, "60 is usual; 0 lets one address take all connections there are"},
};

struct odd {
    const char *key, *value;
    enum rk_x_level level;
    const char *advice;
};

static const struct odd odds[] = {
    {"forceSync", "no", RK_X_FAIL, "remove it: a power cut loses what was acknowledged"},
    {"zookeeper.forceSync", "no", RK_X_FAIL, "remove it: a power cut loses what was acknowledged"},
    {"skipACL", "yes", RK_X_WARN, "remove it: ACLs are not looked at"},
    {"4lw.commands.whitelist", "*", RK_X_WARN,
     "name the words that are needed, such as srvr, mntr, ruok, conf"},
    {"admin.enableServer", "true", RK_X_WARN,
     "the admin page answers everybody: see that a firewall is in front of its port"},
    {"electionAlg", "0", RK_X_FAIL, "remove it: only 3 is supported"},
};

static void check_ranges(struct rk_x_doctor *d)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *r = &ranges[i];
        const char *text = rk_x_setting(d, r->key, NULL);
        int64_t value;
        if (text == NULL)
            continue;
        if (!rk_cli_number(text, INT64_MIN, INT64_MAX, &value))
            rk_x_finding(d, RK_X_FAIL, "config", r->advice, "%s=%s is no number", r->key, text);
        else if (value < r->low || value > r->high)
            rk_x_finding(d, RK_X_WARN, "config", r->advice, "%s=%s is unusual", r->key, text);
    }
    for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
        const char *text = rk_x_setting(d, odds[i].key, NULL);
        if (text != NULL && strcasecmp(text, odds[i].value) == 0)
            rk_x_finding(d, odds[i].level, "config", odds[i].advice, "%s=%s", odds[i].key, text);
    }
}

static void check_doubles(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->setting_count; i++)
        for (int k = i + 1; k < d->setting_count; k++)
            if (strcmp(d->settings[i].key, d->settings[k].key) == 0)
                rk_x_finding(d, RK_X_WARN, "config", "remove one: the last one counts",
                             "%s is there twice (lines %d and %d)", d->settings[i].key,
                             d->settings[i].line, d->settings[k].line);
}

static void check_needed(struct rk_x_doctor *d)
{
    if (rk_x_setting(d, "dataDir", NULL) == NULL)
        rk_x_finding(d, RK_X_FAIL, "config", "set dataDir", "there is no dataDir");
    bool has_client = rk_x_setting(d, "clientPort", NULL) != NULL ||
                      rk_x_setting(d, "secureClientPort", NULL) != NULL;
    for (int i = 0; i < d->member_count; i++)
        has_client = has_client || d->members[i].client_port[0] != '\0';
    if (!has_client)
        rk_x_finding(d, RK_X_FAIL, "config", "set clientPort", "there is no port for clients");
    if (d->member_count > 0) {
        static const char *const keys[] = {"initLimit", "syncLimit"};
        for (size_t i = 0; i < 2; i++)
            if (rk_x_setting(d, keys[i], NULL) == NULL)
                rk_x_finding(d, RK_X_FAIL, "config", "set it: an ensemble does not start without",
                             "there is no %s", keys[i]);
    }
}

static void check_timeouts(struct rk_x_doctor *d)
{
    int64_t tick = rk_x_setting_number(d, "tickTime", 3000);
    int64_t low = rk_x_setting_number(d, "minSessionTimeout", tick * 2);
    int64_t high = rk_x_setting_number(d, "maxSessionTimeout", tick * 20);
    if (low > high)
        rk_x_finding(d, RK_X_FAIL, "config", "make minSessionTimeout the smaller one",
                     "minSessionTimeout %" PRId64 " is more than maxSessionTimeout %" PRId64, low,
                     high);
    else if (low < tick * 2)
        rk_x_finding(d, RK_X_WARN, "config", "at least two ticks are usual",
                     "minSessionTimeout %" PRId64 " is less than two ticks of %" PRId64 " ms", low,
                     tick);
}

static void check_purge(struct rk_x_doctor *d)
{
    if (rk_x_setting_number(d, "autopurge.purgeInterval", 0) == 0)
        rk_x_finding(d, RK_X_WARN, "purge",
                     "set autopurge.purgeInterval=24, or delete old files by a job of your own",
                     "old snapshots and logs are not purged: the disk will fill up");
    else
        rk_x_finding(d, RK_X_OK, "purge", NULL, "every %s hours, %s snapshots are kept",
                     rk_x_setting(d, "autopurge.purgeInterval", ""),
                     rk_x_setting(d, "autopurge.snapRetainCount", "3"));
}

void rk_x_check_settings(struct rk_x_doctor *d)
{
    int before = d->counts[RK_X_WARN] + d->counts[RK_X_FAIL];
    check_needed(d);
    check_doubles(d);
    check_ranges(d);
    check_timeouts(d);
    if (d->counts[RK_X_WARN] + d->counts[RK_X_FAIL] == before)
        rk_x_finding(d, RK_X_OK, "config", NULL, "no unusual settings");
    check_purge(d);
}

/* -- Members */

static void check_pairs(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->member_count; i++)
        for (int k = i + 1; k < d->member_count; k++) {
            const struct rk_x_member *a = &d->members[i], *b = &d->members[k];
            if (a->id == b->id)
                rk_x_finding(d, RK_X_FAIL, "ensemble", "give each server its own number",
                             "server.%" PRId64 " is there twice", a->id);
            bool same_host = strcmp(a->host, b->host) == 0;
            if (same_host && (strcmp(a->quorum_port, b->quorum_port) == 0 ||
                              strcmp(a->election_port, b->election_port) == 0))
                rk_x_finding(d, RK_X_FAIL, "ensemble", "give each server its own ports",
                             "server.%" PRId64 " and server.%" PRId64 " share a port of %s", a->id,
                             b->id, a->host);
            else if (same_host && strncmp(a->host, "127.", 4) != 0 &&
                     strcmp(a->host, "localhost") != 0)
                rk_x_finding(d, RK_X_WARN, "ensemble",
                             "put them on machines of their own: one failure takes both",
                             "server.%" PRId64 " and server.%" PRId64 " are both on %s", a->id,
                             b->id, a->host);
        }
}

void rk_x_check_members(struct rk_x_doctor *d)
{
    int voters = 0;
    for (int i = 0; i < d->member_count; i++)
        voters += !d->members[i].is_observer;
    if (d->member_count == 0) {
        rk_x_finding(d, RK_X_OK, "ensemble", NULL, "standalone: no other servers");
        return;
    }
    check_pairs(d);
    if (voters < 3)
        rk_x_finding(d, RK_X_WARN, "ensemble", "three voters bear the loss of one",
                     "%d voters: the loss of one stops all writes", voters);
    else if (voters % 2 == 0)
        rk_x_finding(
            d, RK_X_WARN, "ensemble", "one voter less bears as many losses; or make it an observer",
            "%d voters bear the loss of %d, as %d would", voters, (voters - 1) / 2, voters - 1);
    else
        rk_x_finding(d, RK_X_OK, "ensemble", NULL, "%d voters, the loss of %d is borne", voters,
                     (voters - 1) / 2);
}

/* -- myid */

void rk_x_check_myid(struct rk_x_doctor *d)
{
    const char *folder = rk_x_setting(d, "dataDir", NULL);
    if (folder == NULL || d->member_count == 0)
        return;
    char *name = rk_x_format("%s/myid", folder);
    FILE *file = fopen(name, "re");
    char text[64] = "";
    int64_t id = -1;
    if (file == NULL) {
        rk_x_finding(d, RK_X_FAIL, "myid", "write this server's number into it",
                     "%s cannot be read: %s", name, strerror(errno));
    } else {
        if (fgets(text, sizeof text, file) == NULL)
            text[0] = '\0';
        (void)fclose(file); /* was only read */
        text[strcspn(text, " \t\r\n")] = '\0';
        bool is_member = false;
        if (rk_cli_number(text, 0, INT64_MAX, &id))
            for (int i = 0; i < d->member_count; i++)
                is_member = is_member || d->members[i].id == id;
        if (id < 0)
            rk_x_finding(d, RK_X_FAIL, "myid", "write this server's number into it",
                         "%s holds no number", name);
        else if (!is_member)
            rk_x_finding(d, RK_X_FAIL, "myid", "add server.N to the configuration or mend myid",
                         "%s says %" PRId64 ", which no server line has", name, id);
        else
            rk_x_finding(d, id > 255 ? RK_X_WARN : RK_X_OK, "myid",
                         id > 255 ? "numbers above 255 make session ids collide" : NULL, "%" PRId64,
                         id);
    }
    free(name);
}
