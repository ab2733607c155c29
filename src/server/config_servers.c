/* The lines server.N, group.G and weight.S, in zoo.cfg or in the file that dynamicConfigFile names.
 * Decides what Apache decides from them: no server or exactly one voter is a standalone server,
 * which may still learn its client address from its own line; anything else is a member of an
 * ensemble, and dataDir/myid says which one. What a line means is zab/members.h's. ZK:
 * QuorumPeerConfig.parseDynamicConfig, setupMyId, getVersionFromFilename; spec-quorum D1, D3, D7.
 */
#include "server/config_int.h"
#include "server/properties.h"

#include "base/num.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* -- Lines
 * ------------------------------------------------------------------------------------------ */

/* The number behind "server.", "group." or "weight."; false: said. */
static bool take_number(struct rk_server_config *config, const char *name, const char *prefix,
                        const struct rk_config_place *place, int64_t *ret)
{
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) == 0 && rk_num_parse_dec(rk_bytes_str(name + len), ret)) {
        return true;
    }
    rk_config_say(config, RK_LEVEL_ERROR, place, "%s: what follows \"%s\" must be a number", name,
                  prefix);
    config->bad_member_count++;
    return false;
}

static void say_twice(struct rk_server_config *config, const char *name,
                      const struct rk_config_place *place, uint32_t old_line)
{
    rk_config_say(config, RK_LEVEL_WARN, place, "%s is given a second time; line %u does not count",
                  name, (unsigned)old_line);
}

static void add_share(struct rk_server_config *config, const char *name, const char *value,
                      struct rk_config_place place)
{
    struct rk_config_share share = {
        .is_weight = *name == 'w', .value = value, .place = place, .number = 0};
    if (!take_number(config, name, share.is_weight ? "weight." : "group.", &place, &share.number)) {
        return;
    }
    for (uint32_t i = 0; i < config->share_count; i++) {
        struct rk_config_share *old = &config->shares[i];
        if (old->is_weight == share.is_weight && old->number == share.number) {
            say_twice(config, name, &place, old->place.line);
            *old = share;
            return;
        }
    }
    config->shares = rk_config_grow(config, config->shares, config->share_count, &config->share_cap,
                                    sizeof(*config->shares));
    config->shares[config->share_count++] = share;
}

static void add_server(struct rk_server_config *config, const char *name, const char *value,
                       struct rk_config_place place)
{
    struct rk_config_member line = {.place = place};
    const char *why = "";
    int64_t sid;
    if (!take_number(config, name, "server.", &place, &sid)) {
        return;
    }
    if (rk_member_parse(sid, rk_bytes_str(value), &line.member, &why) != RK_OK) {
        rk_config_say(config, RK_LEVEL_ERROR, &place, "%s=%s: %s", name, value, why);
        config->bad_member_count++;
        return;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i].member.sid == sid) {
            say_twice(config, name, &place, config->members[i].place.line);
            config->members[i] = line;
            return;
        }
    }
    config->members = rk_config_grow(config, config->members, config->member_count,
                                     &config->member_cap, sizeof(*config->members));
    config->members[config->member_count++] = line;
}

void rk_config_add_member(struct rk_server_config *config, const char *name, const char *value,
                          struct rk_config_place place)
{
    if (strncmp(name, "server.", 7) == 0) {
        add_server(config, name, value, place);
    } else {
        add_share(config, name, value, place);
    }
}

/* -- The dynamic file
 * ------------------------------------------------------------------------------- */

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

static void take_dynamic_file(struct rk_server_config *config, const char *file)
{
    for (uint32_t i = 0; i < config->member_count; i++) {
        rk_config_say(config, RK_LEVEL_ERROR, &config->members[i].place,
                      "server.%lld must stand in the file that dynamicConfigFile names",
                      (long long)config->members[i].member.sid);
    }
    for (uint32_t i = 0; i < config->share_count; i++) {
        rk_config_say(config, RK_LEVEL_ERROR, &config->shares[i].place,
                      "%s.%lld must stand in the file that dynamicConfigFile names",
                      config->shares[i].is_weight ? "weight" : "group",
                      (long long)config->shares[i].number);
    }
    read_dynamic_file(config, file);
}

/* "zoo.cfg.dynamic.100000011" has version 0x100000011; without a hexadecimal end it is 0. */
static int64_t version_of(const char *file)
{
    const char *dot = file == NULL ? NULL : strrchr(file, '.');
    uint64_t version = 0;
    if (dot == NULL || !rk_num_parse_hex(rk_bytes_str(dot + 1), &version) || version > INT64_MAX) {
        return 0;
    }
    return (int64_t)version;
}

/* A proposed change that was not committed yet when its server stopped. Both quorums would have to
 * agree on everything until it is; with the old one alone there could be two leaders. */
static void check_next_file(struct rk_server_config *config)
{
    char path[1024];
    if (config->file == NULL) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s.dynamic.next", config->file);
    if (access(path, F_OK) == 0) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "%s: a change of the members was under way when this server stopped, and "
                      "reconfiguration comes with a later version. Let Apache ZooKeeper finish it, "
                      "or delete the file if the change was given up",
                      path);
    }
}

/* -- The ensemble
 * ----------------------------------------------------------------------------------- */

static void add_shares(struct rk_server_config *config, struct rk_members *m)
{
    for (uint32_t i = 0; i < config->share_count; i++) {
        const struct rk_config_share *share = &config->shares[i];
        struct rk_bytes value = rk_bytes_str(share->value);
        const char *why = "";
        enum rk_err err = share->is_weight ? rk_members_add_weight(m, share->number, value, &why)
                                           : rk_members_add_group(m, share->number, value, &why);
        if (err != RK_OK) {
            rk_config_say(config, RK_LEVEL_ERROR, &share->place, "%s.%lld=%s: %s",
                          share->is_weight ? "weight" : "group", (long long)share->number,
                          share->value, why);
        }
    }
}

/* All lines were read: what only the whole shows. */
static void assemble(struct rk_server_config *config, struct rk_members *m)
{
    const char *why = "";
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (rk_members_add(m, &config->members[i].member) != RK_OK) {
            rk_config_say(config, RK_LEVEL_ERROR, &config->members[i].place,
                          "an ensemble has at most %u servers", RK_MEMBERS_MAX);
            return;
        }
    }
    uint32_t errors = config->error_count;
    add_shares(config, m);
    if (config->error_count == errors && rk_members_finish(m, &why) != RK_OK) {
        const struct rk_config_place *place =
            config->share_count > 0 ? &config->shares[0].place : &config->members[0].place;
        rk_config_say(config, RK_LEVEL_ERROR, place, "%s", why);
    }
    m->version = version_of(rk_config_text(config, RK_KEY_dynamic_config_file));
}

/* ZK: QuorumPeerConfig.parseDynamicConfig, its warnings */
static void advise(struct rk_server_config *config, uint32_t voters)
{
    const struct rk_config_place *place = &config->members[0].place;
    if (voters <= 2) {
        rk_config_say(config, RK_LEVEL_WARN, place,
                      "with %u voter%s no failure of a server is tolerated; at least 3 are needed",
                      (unsigned)voters, voters == 1 ? "" : "s");
    } else if (voters % 2 == 0 && config->share_count == 0) {
        rk_config_say(config, RK_LEVEL_WARN, place,
                      "%u voters tolerate no more failures than %u would", (unsigned)voters,
                      (unsigned)voters - 1);
    }
}

static void make_ensemble(struct rk_server_config *config, uint32_t voters)
{
    config->ensemble = rk_arena_alloc(&config->arena, sizeof(*config->ensemble));
    memset(config->ensemble, 0, sizeof(*config->ensemble));
    rk_members_init(&config->ensemble->members);
    if (config->bad_member_count > 0) {
        return; /* what is wrong with the rest would only hide that */
    }
    assemble(config, &config->ensemble->members);
    advise(config, voters);
    if (rk_config_is_given(config, RK_KEY_dynamic_config_file)) {
        check_next_file(config);
    }
}

/* Standalone or not? Lines that could not be read count as voters. */
static void decide(struct rk_server_config *config)
{
    bool may_stand_alone = rk_config_number(config, RK_KEY_standalone_enabled) != 0;
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_standalone_enabled);
    uint32_t voters = config->bad_member_count;
    for (uint32_t i = 0; i < config->member_count; i++) {
        voters += !config->members[i].member.is_observer;
    }
    bool has_observers = config->member_count + config->bad_member_count > voters;
    if (voters > 1 || (voters == 1 && !may_stand_alone)) {
        make_ensemble(config, voters);
    } else if (voters == 0 && !may_stand_alone) {
        rk_config_say(config, RK_LEVEL_ERROR, &place,
                      "standaloneEnabled=false needs at least one server.N line of a participant");
    } else if (has_observers) {
        rk_config_say(config, RK_LEVEL_ERROR, &config->members[0].place,
                      "observers without a quorum to observe are no valid configuration%s",
                      voters == 1 ? "; standaloneEnabled=false makes a quorum of one server" : "");
    } else if (voters == 1 && config->bad_member_count == 0) {
        rk_config_say(config, RK_LEVEL_WARN, &config->members[0].place,
                      "only one server is given, so it runs standalone");
    }
}

/* -- Which one is this
 * ------------------------------------------------------------------------------ */

/* The first line of dataDir/myid; false: there is none, which only a member must be told. */
static bool read_myid(struct rk_server_config *config, const char *path, int64_t *ret_sid)
{
    char first[64];
    FILE *in = fopen(path, "re");
    if (in == NULL && config->ensemble != NULL) {
        bool is_missing = errno == ENOENT;
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "cannot read %s: %s. It must hold the N of this server's server.N line%s%s",
                      path, strerror(errno), is_missing ? ", for instance: echo 1 > " : "",
                      is_missing ? path : "");
    }
    if (in == NULL) {
        return false;
    }
    bool has_line = fgets(first, sizeof(first), in) != NULL;
    (void)fclose(in); /* only read from */
    if (!has_line || !rk_num_parse_dec(rk_bytes_str(rk_config_trim(config, first)), ret_sid)) {
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "%s: the first line must be a number, the N of this server's server.N line",
                      path);
        return false;
    }
    return true;
}

static void find_self(struct rk_server_config *config)
{
    char path[1024];
    int64_t sid = 0;
    const char *data_dir = rk_config_text(config, RK_KEY_data_dir);
    if (config->member_count == 0 || data_dir == NULL) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/myid", data_dir);
    if (!read_myid(config, path, &sid)) {
        return;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        if (config->members[i].member.sid == sid) {
            config->self = &config->members[i];
            return;
        }
    }
    if (config->ensemble != NULL && config->bad_member_count == 0) {
        const char *list = config->members[0].place.file;
        rk_config_say(config, RK_LEVEL_ERROR, NULL,
                      "%s says %lld, but there is no server.%lld line in %s: correct one of them",
                      path, (long long)sid, (long long)sid, list == NULL ? "the list" : list);
    }
}

void rk_config_check_members(struct rk_server_config *config)
{
    const char *dynamic = rk_config_text(config, RK_KEY_dynamic_config_file);
    if (dynamic != NULL) {
        take_dynamic_file(config, dynamic);
    }
    decide(config);
    find_self(config);
}
