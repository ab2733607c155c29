/* Settings and messages of the configuration: who said what where, and which of two sayings holds.
 * The order of Apache: zoo.cfg puts what it does not parse itself into system properties, over what
 * -D had put there; a property that is read without the prefix can only come from -D. Reading files
 * is config_file.c's, meaning is config_derive.c's. */
#include "server/config_int.h"

#include <stdarg.h>
#include <string.h>

#define MESSAGE_MAX 1024u

void rk_server_config_init(struct rk_server_config *config, struct rk_mem *mem)
{
    memset(config, 0, sizeof(*config));
    config->mem = mem;
    rk_arena_init(&config->arena, mem);
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        config->settings[id].number = rk_key_of(id)->preset;
    }
    rk_shell_config_init(&config->shell);
    config->log_level = RK_LEVEL_INFO;
}

void rk_server_config_deinit(struct rk_server_config *config)
{
    rk_arena_deinit(&config->arena);
    memset(config, 0, sizeof(*config));
}

/* -- Texts
 * ------------------------------------------------------------------------------------------ */

char *rk_config_dup(struct rk_server_config *config, const char *text, size_t len)
{
    char *copy = rk_arena_alloc(&config->arena, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *rk_config_trim(struct rk_server_config *config, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (uint8_t)text[len - 1] <= ' ') {
        len--;
    }
    while (len > 0 && (uint8_t)text[0] <= ' ') {
        text++;
        len--;
    }
    return rk_config_dup(config, text, len);
}

/* -- Messages
 * --------------------------------------------------------------------------------------- */

void *rk_config_grow(struct rk_server_config *config, void *items, uint32_t count, uint32_t *cap,
                     size_t item_bytes)
{
    RK_ASSERT(count <= *cap);
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 16 : 2 * *cap;
    void *all = rk_arena_alloc(&config->arena, *cap * item_bytes);
    if (count > 0) {
        memcpy(all, items, count * item_bytes);
    }
    return all;
}

static struct rk_config_message *new_message(struct rk_server_config *config)
{
    config->messages = rk_config_grow(config, config->messages, config->message_count,
                                      &config->message_cap, sizeof(*config->messages));
    return &config->messages[config->message_count++];
}

void rk_config_say(struct rk_server_config *config, enum rk_log_level level,
                   const struct rk_config_place *place, const char *format, ...)
{
    char text[MESSAGE_MAX];
    size_t used = 0;
    va_list args;
    text[0] = '\0';
    if (place != NULL && place->file != NULL) {
        (void)snprintf(text, sizeof(text) / 2, "%s:%u: ", place->file, (unsigned)place->line);
    } else if (place != NULL) {
        (void)snprintf(text, sizeof(text), "command line: ");
    }
    used = strlen(text);
    va_start(args, format);
    (void)vsnprintf(text + used, sizeof(text) - used, format, args); /* a longer line is cut */
    va_end(args);
    struct rk_config_message *message = new_message(config);
    message->level = level;
    message->text = rk_config_dup(config, text, strlen(text));
    config->error_count += level == RK_LEVEL_ERROR;
}

/* -- Settings
 * --------------------------------------------------------------------------------------- */

bool rk_config_is_given(const struct rk_server_config *config, enum rk_key_id id)
{
    return config->settings[id].text != NULL;
}

struct rk_config_place rk_config_place_of(const struct rk_server_config *config, enum rk_key_id id)
{
    return (struct rk_config_place){config->settings[id].file, config->settings[id].line};
}

int64_t rk_config_number(const struct rk_server_config *config, enum rk_key_id id)
{
    RK_ASSERT(rk_key_of(id)->kind != RK_KIND_TEXT);
    return config->settings[id].number;
}

const char *rk_config_text(const struct rk_server_config *config, enum rk_key_id id)
{
    RK_ASSERT(rk_key_of(id)->kind == RK_KIND_TEXT);
    return config->settings[id].text;
}

void rk_config_preset(struct rk_server_config *config, enum rk_key_id id, const char *text)
{
    struct rk_config_setting *s = &config->settings[id];
    if (s->text == NULL) {
        bool is_good = rk_key_parse(rk_key_of(id), text, &s->number);
        RK_ASSERT(is_good);
        s->text = text;
        s->name = rk_key_of(id)->name;
        s->is_preset = true;
    }
}

/* Does what is there stand against the new one? Says so if it was given by somebody else. */
static bool keeps_old(struct rk_server_config *config, const struct rk_key *key,
                      const struct rk_config_setting *old, const char *name,
                      const struct rk_config_place *place)
{
    bool is_old_doc = key->doc_name != NULL && strcmp(old->name, key->doc_name) == 0;
    bool is_new_doc = key->doc_name != NULL && strcmp(name, key->doc_name) == 0;
    if (is_old_doc != is_new_doc) {
        rk_config_say(config, RK_LEVEL_WARN, place,
                      "%s and %s are two names of one key; %s is used, as in Apache ZooKeeper",
                      key->name, key->doc_name, key->name);
        return is_new_doc;
    }
    if (place->file == NULL || old->file != NULL) {
        if (place->file != NULL) {
            rk_config_say(config, RK_LEVEL_WARN, place,
                          "%s is given a second time; line %u does not count", name,
                          (unsigned)old->line);
        }
        return false;
    }
    bool keeps = (key->flags & RK_KEY_BARE) != 0;
    rk_config_say(config, RK_LEVEL_INFO, place, "%s is given on the command line, too; %s counts",
                  name, keeps ? "that one" : "this one");
    return keeps;
}

void rk_config_set(struct rk_server_config *config, enum rk_key_id id, const char *name,
                   const char *value, struct rk_config_place place)
{
    const struct rk_key *key = rk_key_of(id);
    struct rk_config_setting *s = &config->settings[id];
    int64_t number = 0;
    if (s->text != NULL && !s->is_preset && keeps_old(config, key, s, name, &place)) {
        return;
    }
    if (!rk_key_parse(key, value, &number)) {
        char form[160];
        rk_key_form(key, form, sizeof(form));
        rk_config_say(config, RK_LEVEL_ERROR, &place, "%s=%s: this must be %s", name, value, form);
        return;
    }
    s->text = value;
    s->number = number;
    s->name = name;
    s->file = place.file;
    s->line = place.line;
    s->is_preset = false;
}
