/* Reads zoo.cfg and -D definitions into settings; every key is honoured, or named with the reason
 * why it is not, or named as unknown. Values of keys that are not honoured are never shown: they
 * may be passwords. ZK: QuorumPeerConfig.parse, parseProperties. */
#include "server/config_int.h"
#include "server/properties.h"

#include <errno.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)
#define PREFIX         "zookeeper."

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool say_unreadable(struct rk_server_config *config, const char *file, const char *why)
{
    rk_config_say(config, RK_LEVEL_ERROR, NULL, "cannot read %s: %s", file, why);
    return false;
}

/* Into buffer, which has room for one byte more than is allowed. */
static bool read_all(struct rk_server_config *config, const char *file, char *buffer,
                     size_t *ret_len)
{
    FILE *in = fopen(file, "rbe");
    if (in == NULL) {
        return say_unreadable(config, file, strerror(errno));
    }
    size_t len = fread(buffer, 1, FILE_BYTES_MAX + 1u, in);
    int err = ferror(in) ? errno : 0;
    (void)fclose(in); /* only read from */
    if (err != 0) {
        return say_unreadable(config, file, strerror(err));
    }
    if (len > FILE_BYTES_MAX) {
        return say_unreadable(config, file, "longer than a megabyte, so it is no configuration");
    }
    *ret_len = len;
    return true;
}

bool rk_config_slurp(struct rk_server_config *config, const char *file, struct rk_bytes *ret)
{
    size_t len = 0;
    char *buffer = rk_mem_must_alloc(config->mem, FILE_BYTES_MAX + 1u);
    bool is_read = read_all(config, file, buffer, &len);
    if (is_read) {
        *ret = rk_bytes_of(rk_config_dup(config, buffer, len), len);
    }
    rk_mem_free(config->mem, buffer, FILE_BYTES_MAX + 1u);
    return is_read;
}

/* -- One key
 * ---------------------------------------------------------------------------------------- */

/* What concerns members only is told when it is known whether this is one. */
static void keep_other(struct rk_server_config *config, const struct rk_other_key *other,
                       const char *name, const struct rk_config_place *place)
{
    config->others = rk_config_grow(config, config->others, config->other_count, &config->other_cap,
                                    sizeof(*config->others));
    config->others[config->other_count++] = (struct rk_config_other){other, name, *place};
}

static void set_other(struct rk_server_config *config, const struct rk_other_key *other,
                      const char *name, const char *value, const struct rk_config_place *place)
{
    if (rk_other_key_is_harmless(other, value)) {
        return;
    }
    switch (other->why) {
    case RK_OTHER_MEMBER_LATER:
    case RK_OTHER_MEMBER_NO_USE:
    case RK_OTHER_MEMBER_NEEDED:
        keep_other(config, other, name, place);
        break;
    case RK_OTHER_LATER:
        rk_config_say(config, RK_LEVEL_WARN, place, "%s is known but not supported yet: %s", name,
                      other->reason);
        break;
    case RK_OTHER_NO_USE:
        rk_config_say(config, RK_LEVEL_WARN, place, "%s has no meaning here: %s", name,
                      other->reason);
        break;
    }
}

static void say_unknown(struct rk_server_config *config, const char *name,
                        const struct rk_config_place *place)
{
    const char *nearest = rk_key_nearest(name);
    if (nearest != NULL) {
        rk_config_say(config, RK_LEVEL_WARN, place, "%s is no key that is known; is %s meant?",
                      name, nearest);
    } else {
        rk_config_say(config, RK_LEVEL_WARN, place, "%s is no key that is known", name);
    }
}

/* A name without the prefix, wherever it came from. */
static void set_key(struct rk_server_config *config, const char *name, const char *value,
                    struct rk_config_place place)
{
    enum rk_key_id id = rk_key_find(name);
    const struct rk_other_key *other = rk_other_key_find(name);
    if (id != RK_KEY_COUNT) {
        rk_config_set(config, id, name, value, place);
    } else if (starts_with(name, "authProvider.")) {
        rk_config_add_provider(config, name, value, place);
    } else if (other != NULL) {
        set_other(config, other, name, value, &place);
    } else {
        say_unknown(config, name, &place);
    }
}

/* -- Where keys come from
 * --------------------------------------------------------------------------- */

void rk_config_define(struct rk_server_config *config, const char *definition)
{
    struct rk_config_place place = {NULL, 0};
    const char *equals = strchr(definition, '=');
    size_t name_len = equals == NULL ? strlen(definition) : (size_t)(equals - definition);
    const char *name = rk_config_dup(config, definition, name_len);
    const char *value = rk_config_trim(config, equals == NULL ? "" : equals + 1);
    if (name_len == 0) {
        rk_config_say(config, RK_LEVEL_ERROR, &place, "-D must be followed by name=value");
        return;
    }
    set_key(config, starts_with(name, PREFIX) ? name + strlen(PREFIX) : name, value, place);
}

static bool is_member_line(const char *name)
{
    return starts_with(name, "server.") || starts_with(name, "group") ||
           starts_with(name, "weight");
}

static void read_property(struct rk_server_config *config, const char *file,
                          const struct rk_property *property)
{
    struct rk_config_place place = {file, property->line};
    const char *name = rk_config_trim(config, property->key);
    const char *value = rk_config_trim(config, property->value);
    if (property->has_non_ascii) {
        rk_config_say(
            config, RK_LEVEL_WARN, &place,
            "%s: bytes beyond ASCII are read as ISO-8859-1, as Java does; write \\uXXXX instead",
            name);
    }
    if (is_member_line(name)) {
        rk_config_add_member(config, name, value, place);
        return;
    }
    if (starts_with(name, PREFIX)) {
        name += strlen(PREFIX);
        rk_config_say(config, RK_LEVEL_INFO, &place,
                      "%s is read without its prefix " PREFIX "; Apache ZooKeeper would ignore it",
                      name);
    }
    set_key(config, name, value, place);
}

void rk_config_read_text(struct rk_server_config *config, const char *file, struct rk_bytes text)
{
    struct rk_properties properties;
    uint32_t line = 0;
    const char *what = "";
    file = rk_config_dup(config, file, strlen(file));
    if (rk_properties_parse(text, &config->arena, &properties, &line, &what) != RK_OK) {
        struct rk_config_place place = {file, line};
        rk_config_say(config, RK_LEVEL_ERROR, &place, "%s", what);
        return;
    }
    config->file = file;
    for (uint32_t i = 0; i < properties.count; i++) {
        read_property(config, file, &properties.items[i]);
    }
}

void rk_config_read_file(struct rk_server_config *config, const char *file)
{
    struct rk_bytes text;
    if (rk_config_slurp(config, file, &text)) {
        rk_config_read_text(config, file, text);
    }
}
