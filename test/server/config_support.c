/* Loads configurations for tests and looks into what came of them. */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/mem_libc.h"
#include "server/config_support.h"

static void begin(struct loaded *l)
{
    memset(l, 0, sizeof(*l));
    rk_mem_libc_init(&l->mem, 0);
    rk_server_config_init(&l->config, &l->mem);
}

void load_text(struct loaded *l, const char *const *definitions, const char *text)
{
    begin(l);
    for (size_t i = 0; definitions != NULL && definitions[i] != NULL; i++) {
        rk_config_define(&l->config, definitions[i]);
    }
    rk_config_read_text(&l->config, "zoo.cfg", rk_bytes_str(text));
    l->err = rk_config_finish(&l->config);
}

void load_valid(struct loaded *l, const char *text)
{
    char whole[4096];
    (void)snprintf(whole, sizeof(whole), "dataDir=/tmp/data\nclientPort=2181\n%s", text);
    load_text(l, NULL, whole);
}

void load_args(struct loaded *l, const char *const *args)
{
    char *argv[32] = {(char *)(uintptr_t) "rookery-server"};
    int argc = 1;
    for (; args[argc - 1] != NULL; argc++) {
        assert_true(argc < 31);
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    }
    begin(l);
    l->err = rk_config_load_args(&l->config, argc, argv, &l->action);
}

void unload(struct loaded *l)
{
    rk_server_config_deinit(&l->config);
    assert_int_equal(l->mem.used_bytes, 0);
}

bool says(const struct loaded *l, enum rk_log_level level, const char *text)
{
    for (uint32_t i = 0; i < l->config.message_count; i++) {
        const struct rk_config_message *m = &l->config.messages[i];
        if (m->level == level && strstr(m->text, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void print_messages(const struct loaded *l)
{
    for (uint32_t i = 0; i < l->config.message_count; i++) {
        print_message("%d %s\n", (int)l->config.messages[i].level, l->config.messages[i].text);
    }
}

void expect_says(const struct loaded *l, enum rk_log_level level, const char *text)
{
    if (!says(l, level, text)) {
        print_messages(l);
        fail_msg("no message of level %d says: %s", (int)level, text);
    }
}

void expect_none(const struct loaded *l, enum rk_log_level level)
{
    if (says(l, level, "")) {
        print_messages(l);
        fail_msg("a message of level %d", (int)level);
    }
}
