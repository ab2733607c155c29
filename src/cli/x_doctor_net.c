/* doctor: names, ports, and servers that run. */
#include "cli/call.h"
#include "cli/x_base.h"
#include "cli/x_doctor.h"
#include "cli/x_sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOCK_WARN_MS = 500, CLOCK_FAIL_MS = 10000, CLOCK_SLACK_MS = 50 };

/* -- Names, both ways */

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* The name that an address has: the same, or the same up to a domain. */
static bool fits(const char *host, const char *back)
{
    size_t bytes = strlen(host);
    size_t back_bytes = strlen(back);
    size_t shorter = bytes < back_bytes ? bytes : back_bytes;
    const char *longer = bytes < back_bytes ? back : host;
    return strncasecmp(host, back, shorter) == 0 &&
           (longer[shorter] == '\0' || longer[shorter] == '.');
}

static void check_back(struct rk_x_doctor *d, const char *host, const struct addrinfo *a)
{
    char address[INET6_ADDRSTRLEN + 32] = "?", back[NI_MAXHOST] = "";
    (void)getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof address, NULL, 0, NI_NUMERICHOST);
    int rc = getnameinfo(a->ai_addr, a->ai_addrlen, back, sizeof back, NULL, 0, NI_NAMEREQD);
    if (is_address(host))
        return; /* needs no name */
    if (rc != 0)
        rk_x_finding(d, RK_X_WARN, "names", "add a PTR record: SASL and logs go by it",
                     "%s is %s, which has no name: %s", host, address, gai_strerror(rc));
    else if (!fits(host, back))
        rk_x_finding(d, RK_X_WARN, "names", "let both ways agree: SASL goes by the name",
                     "%s is %s, which is %s", host, address, back);
    else
        rk_x_finding(d, RK_X_OK, "names", NULL, "%s is %s and back", host, address);
}

/* Whether the whole ensemble is on this machine, as for a try. */
static bool all_local(const struct rk_x_doctor *d)
{
    for (int i = 0; i < d->member_count; i++) {
        const char *host = d->members[i].host;
        if (strcmp(host, "localhost") != 0 && strncmp(host, "127.", 4) != 0 &&
            strcmp(host, "::1") != 0)
            return false;
    }
    return true;
}

void rk_x_check_names(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->member_count; i++) {
        const char *host = d->members[i].host;
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
        int rc = getaddrinfo(host, NULL, &hints, &found);
        if (rc != 0) {
            rk_x_finding(d, RK_X_FAIL, "names", "mend DNS or /etc/hosts",
                         "server.%" PRId64 ", %s: %s", d->members[i].id, host, gai_strerror(rc));
            continue;
        }
        bool is_local = is_loopback(found->ai_addr);
        if (is_local && !all_local(d))
            rk_x_finding(
                d, RK_X_FAIL, "names",
                "take the name off the 127.0.x.1 line of /etc/hosts: others cannot come in",
                "server.%" PRId64 ", %s is an address of this machine alone", d->members[i].id,
                host);
        else
            check_back(d, host, found);
        freeaddrinfo(found);
    }
}

/* -- Ports. The quorum port is open on the leader only, so it is not asked. */

void rk_x_check_ports(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->member_count && !rk_cli_is_stopped(d->cli); i++) {
        const struct rk_x_member *m = &d->members[i];
        char wrong[160];
        int fd = rk_x_dial_tcp(m->host, m->election_port, d->timeout_ms, wrong);
        if (fd >= 0) {
            (void)close(fd); /* nothing was sent */
            rk_x_finding(d, RK_X_OK, "ports", NULL, "server.%" PRId64 ": %s:%s is reached", m->id,
                         m->host, m->election_port);
        } else {
            rk_x_finding(d, RK_X_WARN, "ports",
                         "start that server; if it runs, open the port in the firewalls between",
                         "server.%" PRId64 ": election port %s:%s: %s", m->id, m->host,
                         m->election_port, wrong);
        }
    }
}

/* -- Servers that run */

static void check_role(struct rk_x_doctor *d, const struct rk_x_sample *s)
{
    struct rk_x_vitals v;
    rk_x_vitals_of(s, &v);
    const char *name = s->host->text;
    if (!v.is_up)
        rk_x_finding(d, RK_X_FAIL, "server", "start it, or look why it is not reached",
                     "%s does not answer: %s", name, s->wrong);
    else if (s->answers[RK_X_SRVR] == NULL)
        rk_x_finding(d, RK_X_WARN, "words", "4lw.commands.whitelist=srvr, mntr, conf, ruok",
                     "%s runs, but does not say how it is", name);
    else if (!v.serves)
        rk_x_finding(d, RK_X_FAIL, "server", "see that more than half of the voters run",
                     "%s runs, but serves no clients", name);
    else
        rk_x_finding(d, RK_X_OK, "server", NULL, "%s: %s, %s", name, v.role, v.version);
    if (v.serves && v.latency_avg > 100)
        rk_x_finding(d, RK_X_WARN, "server", "look at its disk and its load",
                     "%s: the mean latency is %.0f ms", name, v.latency_avg);
    if (v.serves && s->answers[RK_X_MNTR] == NULL)
        rk_x_finding(d, RK_X_WARN, "words", "add mntr to 4lw.commands.whitelist for monitoring",
                     "%s does not answer mntr", name);
    const char *mntr = s->answers[RK_X_MNTR];
    int64_t open = mntr != NULL ? rk_x_four_number(mntr, "zk_open_file_descriptor_count", -1) : -1;
    int64_t most = mntr != NULL ? rk_x_four_number(mntr, "zk_max_file_descriptor_count", -1) : -1;
    if (open >= 0 && most > 0 && open > most / 10 * 8)
        rk_x_finding(d, RK_X_WARN, "limits", "raise nofile for the server",
                     "%s has %" PRId64 " of %" PRId64 " files open", name, open, most);
}

/* The server's clock: cons says when our connection was made, by the clock there. */
static bool server_clock(const struct rk_x_host *host, int64_t session, int timeout_ms,
                         int64_t *ret_ms)
{
    char wrong[160], key[40];
    char *cons = rk_x_four(host, "cons", timeout_ms, wrong);
    if (cons == NULL)
        return false;
    (void)snprintf(key, sizeof key, "sid=0x%" PRIx64 ",", (uint64_t)session);
    char *ours = strstr(cons, key);
    char *line_end = ours != NULL ? strchr(ours, '\n') : NULL;
    if (line_end != NULL)
        *line_end = '\0';
    char *est = ours != NULL ? strstr(ours, "est=") : NULL;
    if (est != NULL)
        *ret_ms = strtoll(est + 4, NULL, 10);
    free(cons);
    return est != NULL;
}

static void check_clock(struct rk_x_doctor *d, const struct rk_x_host *host)
{
    int64_t before = rk_x_epoch_ms();
    zhandle_t *zh = rk_cli_dial(d->cli, host->text, d->timeout_ms, true);
    int64_t after = rk_x_epoch_ms();
    if (zh == NULL) {
        rk_x_finding(d, RK_X_WARN, "server",
                     "see whether it is overloaded or full (maxClientCnxns)",
                     "%s gives no session within %d ms", host->text, d->timeout_ms);
        return;
    }
    int64_t there = 0;
    bool is_known = server_clock(host, zoo_client_id(zh)->client_id, d->timeout_ms, &there);
    rk_cli_hang_up(d->cli, zh);
    if (!is_known) {
        rk_x_finding(d, RK_X_OK, "clock", NULL, "%s does not answer cons: its clock is not known",
                     host->text);
        return;
    }
    int64_t off = there < before - CLOCK_SLACK_MS  ? there - before
                  : there > after + CLOCK_SLACK_MS ? there - after
                                                   : 0;
    int64_t size = off < 0 ? -off : off;
    enum rk_x_level level = size > CLOCK_FAIL_MS   ? RK_X_FAIL
                            : size > CLOCK_WARN_MS ? RK_X_WARN
                                                   : RK_X_OK;
    rk_x_finding(d, level, "clock",
                 level == RK_X_OK ? NULL
                                  : "let NTP keep the clocks: times of nodes go by the leader's",
                 "%s is %" PRId64 " ms off this machine's", host->text, off);
}

void rk_x_check_servers(struct rk_x_doctor *d, const struct rk_x_hosts *hosts)
{
    unsigned words = 1u << RK_X_MNTR | 1u << RK_X_CONF;
    struct rk_x_sample *samples = rk_x_sample_all(hosts, words, d->timeout_ms);
    int leaders = 0, serving = 0;
    for (int i = 0; i < hosts->count && !rk_cli_is_stopped(d->cli); i++) {
        struct rk_x_vitals v;
        check_role(d, &samples[i]);
        rk_x_vitals_of(&samples[i], &v);
        serving += v.serves;
        leaders += strcmp(v.role, "leader") == 0;
        if (v.serves)
            check_clock(d, &hosts->list[i]);
    }
    if (leaders > 1)
        rk_x_finding(d, RK_X_FAIL, "server", "see that all have the same server lines",
                     "%d servers say that they lead", leaders);
    if (serving > 1 && leaders == 0)
        rk_x_finding(d, RK_X_WARN, "server", "ask all members: -servers host:port,...",
                     "none of those that serve is the leader");
    rk_x_sample_free(samples, hosts->count);
}
