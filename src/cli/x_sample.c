/* What servers say of themselves; see x_sample.h. One thread a server, each with its own deadline.
 */
#include "cli/x_sample.h"

#include "cli/out.h"
#include "cli/x_base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const word_names[] = {"srvr", "mntr", "conf", "cons", "wchp"};

struct job {
    struct rk_x_sample *sample;
    unsigned words;
    int timeout_ms;
    pthread_t thread;
    bool has_thread;
};

static void ask(struct rk_x_sample *s, enum rk_x_word word, int timeout_ms)
{
    char wrong[160];
    char *answer = rk_x_four(s->host, word_names[word], timeout_ms, wrong);
    if (answer != NULL && rk_x_four_is_refused(answer)) {
        s->is_refused[word] = true;
        free(answer);
        answer = NULL;
        (void)snprintf(wrong, sizeof wrong, "%s is not on the whitelist", word_names[word]);
    }
    s->answers[word] = answer;
    if (word == RK_X_SRVR && answer == NULL)
        memcpy(s->wrong, wrong, sizeof s->wrong);
}

static void *ask_all(void *context)
{
    struct job *j = context;
    ask(j->sample, RK_X_SRVR, j->timeout_ms);
    j->sample->at_ms = rk_x_clock_ms();
    bool is_up = j->sample->answers[RK_X_SRVR] != NULL || j->sample->is_refused[RK_X_SRVR];
    for (int w = RK_X_SRVR + 1; w < RK_X_WORDS && is_up; w++)
        if ((j->words & 1u << w) != 0)
            ask(j->sample, (enum rk_x_word)w, j->timeout_ms);
    return NULL;
}

struct rk_x_sample *rk_x_sample_all(const struct rk_x_hosts *hosts, unsigned words, int timeout_ms)
{
    struct rk_x_sample *samples = rk_x_alloc((size_t)hosts->count * sizeof *samples);
    struct job *jobs = rk_x_alloc((size_t)hosts->count * sizeof *jobs);
    for (int i = 0; i < hosts->count; i++) {
        samples[i].host = &hosts->list[i];
        jobs[i] = (struct job){.sample = &samples[i], .words = words, .timeout_ms = timeout_ms};
        jobs[i].has_thread = pthread_create(&jobs[i].thread, NULL, ask_all, &jobs[i]) == 0;
        if (!jobs[i].has_thread)
            (void)ask_all(&jobs[i]);
    }
    for (int i = 0; i < hosts->count; i++)
        if (jobs[i].has_thread)
            (void)pthread_join(jobs[i].thread, NULL);
    free(jobs);
    return samples;
}

void rk_x_sample_free(struct rk_x_sample *samples, int count)
{
    for (int i = 0; samples != NULL && i < count; i++)
        for (int w = 0; w < RK_X_WORDS; w++)
            free(samples[i].answers[w]);
    free(samples);
}

/* -- Vitals */

static void read_srvr(const char *srvr, struct rk_x_vitals *v)
{
    char text[128];
    if (rk_x_four_field(srvr, "Zookeeper version", text, sizeof text)) {
        text[strcspn(text, ",")] = '\0';
        char *dash = strchr(text, '-');
        if (dash != NULL && strlen(dash) > 16) /* the commit */
            *dash = '\0';
        (void)snprintf(v->version, sizeof v->version, "%.63s", text);
    }
    v->serves = rk_x_four_field(srvr, "Mode", v->role, sizeof v->role);
    if (!v->serves)
        (void)snprintf(v->role, sizeof v->role, "not serving");
    if (rk_x_four_field(srvr, "Zxid", v->zxid_text, sizeof v->zxid_text))
        v->zxid = rk_x_four_number(srvr, "Zxid", 0);
    v->connections = rk_x_four_number(srvr, "Connections", -1);
    v->outstanding = rk_x_four_number(srvr, "Outstanding", -1);
    v->nodes = rk_x_four_number(srvr, "Node count", -1);
    v->received = rk_x_four_number(srvr, "Received", -1);
    v->sent = rk_x_four_number(srvr, "Sent", -1);
    if (rk_x_four_field(srvr, "Latency min/avg/max", text, sizeof text)) {
        char *rest = text;
        v->latency_min = strtoll(rest, &rest, 10);
        rest += *rest == '/';
        v->latency_avg = strtod(rest, &rest);
        rest += *rest == '/';
        v->latency_max = strtoll(rest, &rest, 10);
    }
}

void rk_x_vitals_of(const struct rk_x_sample *s, struct rk_x_vitals *v)
{
    *v = (struct rk_x_vitals){.connections = -1,
                              .outstanding = -1,
                              .nodes = -1,
                              .received = -1,
                              .sent = -1,
                              .watches = -1,
                              .ephemerals = -1,
                              .data_bytes = -1,
                              .uptime_ms = -1,
                              .server_id = -1};
    (void)snprintf(v->role, sizeof v->role, "down");
    const char *srvr = s->answers[RK_X_SRVR], *mntr = s->answers[RK_X_MNTR],
               *conf = s->answers[RK_X_CONF];
    v->is_up = srvr != NULL || s->is_refused[RK_X_SRVR];
    if (v->is_up && srvr == NULL)
        (void)snprintf(v->role, sizeof v->role, "up");
    if (srvr != NULL)
        read_srvr(srvr, v);
    if (mntr != NULL) {
        v->watches = rk_x_four_number(mntr, "zk_watch_count", -1);
        v->ephemerals = rk_x_four_number(mntr, "zk_ephemerals_count", -1);
        v->data_bytes = rk_x_four_number(mntr, "zk_approximate_data_size", -1);
        v->uptime_ms = rk_x_four_number(mntr, "zk_uptime", -1);
    }
    if (conf != NULL)
        v->server_id = rk_x_four_number(conf, "serverId", -1);
}

/* -- Who belongs to the ensemble */

static bool has_host(const struct rk_x_hosts *h, const char *name, const char *port)
{
    for (int i = 0; i < h->count; i++)
        if (strcmp(h->list[i].name, name) == 0 && strcmp(h->list[i].port, port) == 0)
            return true;
    return false;
}

static bool has_id(const struct rk_x_sample *samples, int count, int64_t id)
{
    for (int i = 0; i < count; i++)
        if (samples[i].answers[RK_X_CONF] != NULL &&
            rk_x_four_number(samples[i].answers[RK_X_CONF], "serverId", -1) == id)
            return true;
    return false;
}

/* A member that listens on every address of its machine is reached by the name it has among
 * servers. */
static const char *client_host_of(const struct rk_x_member *m)
{
    bool is_any = m->client_host[0] == '\0' || strcmp(m->client_host, "0.0.0.0") == 0 ||
                  strcmp(m->client_host, "::") == 0;
    return is_any ? m->host : m->client_host;
}

static void add_members(const char *conf, const struct rk_x_sample *samples, int count,
                        struct rk_x_hosts *hosts)
{
    for (const char *line = conf; line != NULL && *line != '\0';) {
        struct rk_x_member m;
        if (rk_x_member_parse(line, &m) && m.client_port[0] != '\0' &&
            !has_id(samples, count, m.id) && !has_host(hosts, client_host_of(&m), m.client_port))
            rk_x_hosts_add(hosts, client_host_of(&m), m.client_port);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

static bool named_hosts(struct rk_cli *cli, const char *const *words, int count,
                        struct rk_x_hosts *ret_hosts)
{
    *ret_hosts = (struct rk_x_hosts){0};
    for (int i = 0; i < count; i++) {
        struct rk_x_hosts some;
        if (!rk_x_hosts_parse(words[i], &some)) {
            (void)rk_cli_misuse(cli, "%s is no list of servers", words[i]);
            rk_x_hosts_free(ret_hosts);
            return false;
        }
        for (int k = 0; k < some.count; k++)
            rk_x_hosts_add(ret_hosts, some.list[k].name, some.list[k].port);
        rk_x_hosts_free(&some);
    }
    if (count == 0 && !rk_x_hosts_parse(rk_cli_options(cli)->server, ret_hosts)) {
        (void)rk_cli_misuse(cli, "no servers are named");
        return false;
    }
    return true;
}

bool rk_x_ensemble(struct rk_cli *cli, const char *const *words, int count, int timeout_ms,
                   struct rk_x_hosts *ret_hosts)
{
    if (!named_hosts(cli, words, count, ret_hosts))
        return false;
    int named = ret_hosts->count;
    struct rk_x_hosts copy = {0}; /* samples point into it; the list may move while it grows */
    for (int i = 0; i < named; i++)
        rk_x_hosts_add(&copy, ret_hosts->list[i].name, ret_hosts->list[i].port);
    struct rk_x_sample *samples = rk_x_sample_all(&copy, 1u << RK_X_CONF, timeout_ms);
    for (int i = 0; i < named; i++)
        if (samples[i].answers[RK_X_CONF] != NULL)
            add_members(samples[i].answers[RK_X_CONF], samples, named, ret_hosts);
    rk_x_sample_free(samples, named);
    rk_x_hosts_free(&copy);
    return true;
}
