/* The lines server.N, group.N and weight.N, in zoo.cfg or in the file that dynamicConfigFile names.
 * Decides what Apache decides from them: no server or exactly one voter is a standalone server,
 * which may still learn its client address from its own line; anything else is an ensemble, which
 * this version refuses. ZK: QuorumPeerConfig.parseDynamicConfig, setupMyId, setupClientPort;
 * QuorumPeer.QuorumServer. */
#include "server/config_int.h"
#include "server/properties.h"

#include "base/num.h"

#include <string.h>
#include <strings.h>

static bool parse_port(struct rk_bytes text, uint16_t *ret)
{
    int64_t port;
    if (!rk_num_parse_dec(text, &port) || port < 0 || port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

/* Up to the next separator outside of brackets; *at is then behind it. */
static struct rk_bytes take_part(const char **at, const char *end, char separator)
{
    const char *start = *at;
    const char *p = start;
    bool is_inside = false;
    while (p < end && (is_inside || *p != separator)) {
        is_inside = *p == '[' || (is_inside && *p != ']');
        p++;
    }
    *at = p < end ? p + 1 : end;
    return rk_bytes_of(start, (size_t)(p - start));
}

static bool is_word(struct rk_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* host:port:port[:role] */
static bool parse_address(struct rk_bytes text, bool *ret_is_observer)
{
    const char *at = (const char *)text.data;
    const char *end = at + text.len;
    uint16_t port;
    struct rk_bytes host = take_part(&at, end, ':');
    if (host.len == 0 || !parse_port(take_part(&at, end, ':'), &port) ||
        !parse_port(take_part(&at, end, ':'), &port)) {
        return false;
    }
    if (at < end) {
        struct rk_bytes role = take_part(&at, end, ':');
        *ret_is_observer = is_word(role, "observer");
        return at == end && (*ret_is_observer || is_word(role, "participant"));
    }
    return true;
}

/* [host:]port */
static bool parse_client(struct rk_server_config *config, struct rk_bytes text,
                         struct rk_config_member *m)
{
    const char *at = (const char *)text.data;
    const char *end = at + text.len;
    struct rk_bytes host = take_part(&at, end, ':');
    struct rk_bytes port = rk_bytes_of(at, (size_t)(end - at));
    if (at == end) {
        port = host;
        host = rk_bytes_of("", 0);
    }
    m->has_client = true;
    m->client_host = rk_config_dup(config, (const char *)host.data, host.len);
    return parse_port(port, &m->client_port);
}

static bool parse_member(struct rk_server_config *config, const char *value,
                         struct rk_config_member *m)
{
    const char *at = value;
    const char *end = value + strlen(value);
    struct rk_bytes addresses = take_part(&at, end, ';');
    struct rk_bytes client = take_part(&at, end, ';');
    const char *address_at = (const char *)addresses.data;
    const char *address_end = address_at + addresses.len;
    do {
        if (!parse_address(take_part(&address_at, address_end, '|'), &m->is_observer)) {
            return false;
        }
    } while (address_at < address_end);
    return client.len == 0 || parse_client(config, client, m);
}

static struct rk_config_member *new_member(struct rk_server_config *config)
{
    if (config->member_count == config->member_cap) {
        uint32_t cap = config->member_cap == 0 ? 8 : 2 * config->member_cap;
        struct rk_config_member *all = rk_arena_alloc(&config->arena, cap * sizeof(*all));
        if (config->member_count > 0) {
            memcpy(all, config->members, config->member_count * sizeof(*all));
        }
        config->members = all;
        config->member_cap = cap;
    }
    return &config->members[config->member_count++];
}

void rk_config_add_member(struct rk_server_config *config, const char *name, const char *value,
                          struct rk_config_place place)
{
    struct rk_config_member m = {.place = place};
    if (strncmp(name, "server.", 7) != 0) {
        rk_config_say(config, RK_LEVEL_INFO, &place, "%s is not used: it is for ensembles", name);
        return;
    }
    if (!rk_num_parse_dec(rk_bytes_str(name + 7), &m.sid)) {
        rk_config_say(config, RK_LEVEL_ERROR, &place,
                      "%s: what follows \"server.\" must be a number", name);
        return;
    }
    if (!parse_member(config, value, &m)) {
        rk_config_say(config, RK_LEVEL_ERROR, &place,
                      "%s=%s: this must be host:port:port[:participant|:observer][;[host:]port]",
                      name, value);
        return;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i].sid == m.sid) {
            rk_config_say(config, RK_LEVEL_WARN, &place,
                          "%s is given a second time; line %u does not count", name,
                          (unsigned)config->members[i].place.line);
            config->members[i] = m;
            return;
        }
    }
    *new_member(config) = m;
}

/* ZK: QuorumPeerConfig.parse; in this file nothing but the members may stand. */
static void read_dynamic_file(struct rk_server_config *config, const char *file)
{
    struct rk_properties properties;
    struct rk_bytes text;
    uint32_t line = 0;
    const char *what = "";
    if (!rk_config_slurp(config, file, &text)) {
        return;
    }
    if (rk_properties_parse(text, &config->arena, &properties, &line, &what) != RK_OK) {
        struct rk_config_place place = {file, line};
        rk_config_say(config, RK_LEVEL_ERROR, &place, "%s", what);
        return;
    }
    for (uint32_t i = 0; i < properties.count; i++) {
        struct rk_config_place place = {file, properties.items[i].line};
        const char *name = rk_config_trim(config, properties.items[i].key);
        const char *value = rk_config_trim(config, properties.items[i].value);
        if (strncmp(name, "server.", 7) != 0 && strncmp(name, "group", 5) != 0 &&
            strncmp(name, "weight", 6) != 0) {
            rk_config_say(
                config, RK_LEVEL_ERROR, &place,
                "%s may not stand in a dynamic configuration file, only server.N, group.N and "
                "weight.N may",
                name);
            continue;
        }
        rk_config_add_member(config, name, value, place);
    }
}

void rk_config_check_members(struct rk_server_config *config)
{
    const char *dynamic = rk_config_text(config, RK_KEY_dynamic_config_file);
    uint32_t voters = 0;
    if (dynamic != NULL) {
        for (uint32_t i = 0; i < config->member_count; i++) {
            rk_config_say(config, RK_LEVEL_ERROR, &config->members[i].place,
                          "server.%lld must stand in the file that dynamicConfigFile names",
                          (long long)config->members[i].sid);
        }
        read_dynamic_file(config, dynamic);
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        voters += !config->members[i].is_observer;
    }
    bool is_standalone_off = rk_config_number(config, RK_KEY_standalone_enabled) == 0;
    if (is_standalone_off || voters > 1) {
        struct rk_config_place place = rk_config_place_of(config, RK_KEY_standalone_enabled);
        rk_config_say(
            config, RK_LEVEL_ERROR, voters > 1 ? &config->members[1].place : &place,
            "ensembles come with a later version; this one serves alone, with at most one "
            "server.N line and standaloneEnabled=true");
    } else if (config->member_count > voters) {
        rk_config_say(config, RK_LEVEL_ERROR, &config->members[0].place,
                      "observers without a quorum to observe are no valid configuration");
    } else if (voters == 1) {
        rk_config_say(config, RK_LEVEL_WARN, &config->members[0].place,
                      "only one server is given, so it runs standalone");
    }
}

const struct rk_config_member *rk_config_self(struct rk_server_config *config)
{
    char path[1024];
    char first[64];
    int64_t sid;
    const char *data_dir = rk_config_text(config, RK_KEY_data_dir);
    if (config->member_count == 0 || data_dir == NULL) {
        return NULL;
    }
    (void)snprintf(path, sizeof(path), "%s/myid", data_dir);
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        return NULL; /* a standalone server needs none */
    }
    bool has_line = fgets(first, sizeof(first), in) != NULL;
    (void)fclose(in); /* only read from */
    first[has_line ? strcspn(first, "\r\n") : 0] = '\0';
    if (!rk_num_parse_dec(rk_bytes_str(first), &sid)) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL, "%s: the first line must be a number", path);
        return NULL;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i].sid == sid) {
            return &config->members[i];
        }
    }
    return NULL;
}
