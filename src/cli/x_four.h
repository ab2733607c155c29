/* Four-letter words: asked over a socket of its own, with a time limit for all of it. And what
 * their answers look like. */
#ifndef RK_CLI_X_FOUR_H
#define RK_CLI_X_FOUR_H

#include "cli/cli.h"

/* One server as the words of a connect string name it. */
struct rk_x_host {
    char *name; /* without brackets */
    char *port;
    char *text; /* "name:port", with brackets where needed */
};
struct rk_x_hosts {
    struct rk_x_host *list;
    int count;
};
/* "host:port,[::1]:port/chroot"; a port left out is 2181. False if there is nothing in it. */
bool rk_x_hosts_parse(const char *text, struct rk_x_hosts *ret_hosts);
/* Not if there are 255, or with what no name of a host has in it. */
void rk_x_hosts_add(struct rk_x_hosts *hosts, const char *name, const char *port);
void rk_x_hosts_free(struct rk_x_hosts *hosts);

/* A connected TCP socket, or -1 with the reason. */
int rk_x_dial_tcp(const char *name, const char *port, int timeout_ms, char wrong[160]);

/* The whole answer (at most 64 MiB), malloced; NULL with the reason. From any thread. */
char *rk_x_four(const struct rk_x_host *host, const char *word, int timeout_ms, char wrong[160]);
/* "mntr is not executed because it is not in the whitelist." */
bool rk_x_four_is_refused(const char *answer);

/* What follows `key` (and separators: blanks, tabs, : and =) on the line that starts with it,
 * copied into ret; false if no line does. "Zxid", "zk_znode_count", "tickTime". */
bool rk_x_four_field(const char *answer, const char *key, char *ret, size_t ret_bytes);
/* The same as a number, fallback if there is none. */
int64_t rk_x_four_number(const char *answer, const char *key, int64_t fallback);

/* A server's line of a configuration: "server.1=host:2888:3888:participant;host:2181". */
struct rk_x_member {
    int64_t id;
    char host[256], quorum_port[8], election_port[8];
    char client_host[256], client_port[8]; /* empty: not said */
    bool is_observer;
};
bool rk_x_member_parse(const char *line, struct rk_x_member *ret_member);

#endif
