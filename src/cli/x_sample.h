/* What every server of an ensemble says of itself, asked of all at once. */
#ifndef RK_CLI_X_SAMPLE_H
#define RK_CLI_X_SAMPLE_H

#include "cli/x_four.h"

enum rk_x_word { RK_X_SRVR, RK_X_MNTR, RK_X_CONF, RK_X_CONS, RK_X_WCHP, RK_X_WORDS };

struct rk_x_sample {
    const struct rk_x_host *host; /* borrowed */
    char *answers[RK_X_WORDS];    /* NULL: not asked, not allowed there, or no answer */
    bool is_refused[RK_X_WORDS];  /* by the whitelist */
    char wrong[160];              /* why there is no srvr */
    int64_t at_ms;
};

/* words: bits 1 << RK_X_SRVR ... ; srvr is always asked first, and nothing else of a server that
 * does not answer it. Returns hosts->count samples. */
struct rk_x_sample *rk_x_sample_all(const struct rk_x_hosts *hosts, unsigned words, int timeout_ms);
void rk_x_sample_free(struct rk_x_sample *samples, int count);

/* From srvr, and mntr where it says more. */
struct rk_x_vitals {
    bool is_up, serves; /* serves: has a role; not "not currently serving requests" */
    char role[32], version[64], zxid_text[24];
    int64_t zxid, connections, outstanding, nodes, received, sent;
    double latency_avg;
    int64_t latency_min, latency_max;
    int64_t watches, ephemerals, data_bytes, uptime_ms; /* -1: not said */
    int64_t server_id;                                  /* of conf; -1: not said */
};
void rk_x_vitals_of(const struct rk_x_sample *sample, struct rk_x_vitals *ret_vitals);

/* The servers that -server or the words of a command name, and the members that those know of.
 * False: an error was printed. */
bool rk_x_ensemble(struct rk_cli *cli, const char *const *words, int count, int timeout_ms,
                   struct rk_x_hosts *ret_hosts);

#endif
