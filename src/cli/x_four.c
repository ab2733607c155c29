/* Four-letter words; see x_four.h. */
#include "cli/x_four.h"

#include "cli/x_base.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 64 << 20, HOSTS_MAX = 255 };

/* -- Hosts */

static bool is_plain(const char *text)
{
    while (*text > ' ' && *text < 0x7f)
        text++;
    return *text == '\0';
}

void rk_x_hosts_add(struct rk_x_hosts *h, const char *name, const char *port)
{
    /* An ensemble has no more; and servers name others, which are printed. */
    if (h->count >= HOSTS_MAX || !is_plain(name) || !is_plain(port))
        return;
    h->list = rk_x_resize(h->list, (size_t)(h->count + 1) * sizeof *h->list);
    bool is_v6 = strchr(name, ':') != NULL;
    h->list[h->count++] = (struct rk_x_host){
        .name = rk_x_dup(name),
        .port = rk_x_dup(port),
        .text = rk_x_format(is_v6 ? "[%s]:%s" : "%s:%s", name, port),
    };
}

static void add_piece(struct rk_x_hosts *h, char *piece)
{
    char *name = piece, *port = NULL;
    if (piece[0] == '[') {
        char *end = strchr(piece, ']');
        if (end == NULL)
            return;
        *end = '\0';
        name = piece + 1;
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        char *colon = strrchr(piece, ':');
        if (colon != NULL) {
            *colon = '\0';
            port = colon + 1;
        }
    }
    if (name[0] != '\0')
        rk_x_hosts_add(h, name, port != NULL && port[0] != '\0' ? port : "2181");
}

bool rk_x_hosts_parse(const char *text, struct rk_x_hosts *ret_hosts)
{
    *ret_hosts = (struct rk_x_hosts){0};
    char *copy = rk_x_dup_bytes(text, strcspn(text, "/"));
    char *rest = NULL;
    for (char *piece = strtok_r(copy, ", ", &rest); piece != NULL;
         piece = strtok_r(NULL, ", ", &rest))
        add_piece(ret_hosts, piece);
    free(copy);
    return ret_hosts->count > 0;
}

void rk_x_hosts_free(struct rk_x_hosts *h)
{
    for (int i = 0; i < h->count; i++) {
        free(h->list[i].name);
        free(h->list[i].port);
        free(h->list[i].text);
    }
    free(h->list);
    *h = (struct rk_x_hosts){0};
}

/* -- Sockets */

/* Waits for events; false with errno after the deadline. */
static bool wait_for(int fd, short events, int64_t until_ms)
{
    for (;;) {
        int64_t left = until_ms - rk_x_clock_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        struct pollfd p = {.fd = fd, .events = events};
        int rc = poll(&p, 1, (int)left);
        if (rc > 0)
            return true;
        if (rc < 0 && errno != EINTR)
            return false;
    }
}

static int connect_to(const struct addrinfo *a, int64_t until_ms)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t bytes = sizeof error;
        if (!wait_for(fd, POLLOUT, until_ms))
            error = errno;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
            error = errno;
    }
    if (error == 0)
        return fd;
    (void)close(fd);
    errno = error;
    return -1;
}

static int dial_until(const char *name, const char *port, int64_t until_ms, char wrong[160])
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = getaddrinfo(name, port, &hints, &found);
    if (rc != 0) {
        (void)snprintf(wrong, 160, "%s", gai_strerror(rc));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a, until_ms);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        (void)snprintf(wrong, 160, "%s", strerror(error));
    return fd;
}

int rk_x_dial_tcp(const char *name, const char *port, int timeout_ms, char wrong[160])
{
    return dial_until(name, port, rk_x_clock_ms() + timeout_ms, wrong);
}

static bool read_all(int fd, int64_t until_ms, struct rk_x_text *text)
{
    char buffer[16384];
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n > 0 && text->bytes + (size_t)n <= ANSWER_BYTES_MAX) {
            rk_x_text_add(text, buffer, (size_t)n);
        } else if (n == 0 || (n < 0 && errno == ECONNRESET && text->bytes > 0)) {
            return true; /* servers close at once, which may be seen as a reset */
        } else if (n > 0) {
            errno = EMSGSIZE;
            return false;
        } else if (errno != EAGAIN && errno != EINTR) {
            return false;
        } else if (!wait_for(fd, POLLIN, until_ms)) {
            return false;
        }
    }
}

char *rk_x_four(const struct rk_x_host *host, const char *word, int timeout_ms, char wrong[160])
{
    int64_t until = rk_x_clock_ms() + timeout_ms;
    int fd = dial_until(host->name, host->port, until, wrong);
    if (fd < 0)
        return NULL;
    struct rk_x_text text = {0};
    /* Four bytes always fit into a fresh socket. */
    bool is_good = send(fd, word, 4, MSG_NOSIGNAL) == 4 && read_all(fd, until, &text);
    if (!is_good)
        (void)snprintf(wrong, 160, "%s", strerror(errno));
    else if (text.bytes == 0)
        (void)snprintf(wrong, 160, "no answer to %s", word);
    (void)close(fd); /* all was read */
    if (is_good && text.bytes > 0)
        return text.at;
    rk_x_text_free(&text);
    return NULL;
}

bool rk_x_four_is_refused(const char *answer)
{
    return strstr(answer, "is not executed because it is not in the whitelist") != NULL;
}

/* -- Answers */

bool rk_x_four_field(const char *answer, const char *key, char *ret, size_t ret_bytes)
{
    size_t key_bytes = strlen(key);
    for (const char *line = answer; *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        if (strncmp(line, key, key_bytes) == 0 && line[key_bytes] != '\0' &&
            strchr(" \t:=", line[key_bytes]) != NULL) {
            const char *value = line + key_bytes;
            value += strspn(value, " \t:=");
            size_t bytes = value < end ? (size_t)(end - value) : 0;
            if (bytes > 0 && value[bytes - 1] == '\r')
                bytes--;
            if (bytes >= ret_bytes)
                bytes = ret_bytes - 1;
            memcpy(ret, value, bytes);
            ret[bytes] = '\0';
            return true;
        }
        line = *end == '\0' ? end : end + 1;
    }
    return false;
}

int64_t rk_x_four_number(const char *answer, const char *key, int64_t fallback)
{
    char text[64];
    if (!rk_x_four_field(answer, key, text, sizeof text))
        return fallback;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 0);
    return errno == 0 && end != text ? value : fallback;
}

/* -- Members */

/* The next piece up to one of the stop characters; brackets of an IPv6 address are taken off. */
static const char *take_piece(const char *at, const char *stops, char *ret, size_t ret_bytes)
{
    size_t bytes;
    const char *from = at;
    if (*at == '[') {
        from = at + 1;
        bytes = strcspn(from, "]");
        at = from + bytes + (from[bytes] == ']');
    } else {
        bytes = strcspn(at, stops);
        at += bytes;
    }
    if (bytes >= ret_bytes)
        return NULL;
    memcpy(ret, from, bytes);
    ret[bytes] = '\0';
    return at;
}

static bool is_port(const char *text)
{
    int64_t port;
    return rk_cli_number(text, 1, 65535, &port);
}

static bool parse_client(const char *at, struct rk_x_member *m)
{
    at += strspn(at, " \t");
    const char *end = take_piece(at, ":| \t\r\n", m->client_host, sizeof m->client_host);
    if (end == NULL)
        return false;
    if (*end != ':') { /* the port alone */
        m->client_host[0] = '\0';
        end = take_piece(at, ":| \t\r\n", m->client_port, sizeof m->client_port);
        return end != NULL && is_port(m->client_port);
    }
    end = take_piece(end + 1, "| \t\r\n", m->client_port, sizeof m->client_port);
    return end != NULL && is_port(m->client_port);
}

bool rk_x_member_parse(const char *line, struct rk_x_member *m)
{
    *m = (struct rk_x_member){0};
    if (strncmp(line, "server.", 7) != 0)
        return false;
    const char *equals = strchr(line, '=');
    char id[24] = "";
    if (equals == NULL || (size_t)(equals - line - 7) >= sizeof id)
        return false;
    memcpy(id, line + 7, (size_t)(equals - line - 7));
    id[strcspn(id, " \t")] = '\0';
    if (!rk_cli_number(id, 0, INT64_MAX, &m->id))
        return false;
    const char *at = equals + 1 + strspn(equals + 1, " \t");
    at = take_piece(at, ":;", m->host, sizeof m->host);
    if (at == NULL || *at != ':' || m->host[0] == '\0')
        return false;
    at = take_piece(at + 1, ":;| \t\r\n", m->quorum_port, sizeof m->quorum_port);
    if (at == NULL || *at != ':' || !is_port(m->quorum_port))
        return false;
    at = take_piece(at + 1, ":;| \t\r\n", m->election_port, sizeof m->election_port);
    if (at == NULL || !is_port(m->election_port))
        return false;
    m->is_observer = strncasecmp(at, ":observer", 9) == 0;
    const char *client = strchr(at, ';');
    return client == NULL || parse_client(client + 1, m);
}
