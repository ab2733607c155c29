/* The configuration under arbitrary definitions and files: what stands before the first byte 0xff
 * is -D definitions, one a line, the rest a zoo.cfg. Whatever is accepted must be something that a
 * core can be made of; messages are whole; no memory is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem_libc.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_BYTES_MAX 512u

static void define_all(struct rk_server_config *config, const uint8_t *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        char line[LINE_BYTES_MAX];
        size_t count = 0;
        while (at < len && text[at] != '\n' && text[at] != '\0' && count < sizeof(line) - 1) {
            line[count++] = (char)text[at++];
        }
        line[count] = '\0';
        rk_config_define(config, line);
        at++;
    }
}

static char data_dir[] = "/tmp/rk-fuzz-config-XXXXXX";

static void remove_data_dir(void)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/myid", data_dir);
    (void)unlink(path);
    (void)rmdir(data_dir);
}

/* A data directory of server 1, so that ensembles are accepted, too. */
static void make_data_dir(void)
{
    char path[64];
    RK_ASSERT(mkdtemp(data_dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/myid", data_dir);
    FILE *out = fopen(path, "we");
    RK_ASSERT(out != NULL);
    RK_ASSERT(fputs("1\n", out) >= 0 && fclose(out) == 0);
    RK_ASSERT(atexit(remove_data_dir) == 0);
}

/* Files that an input names must not be opened: they may be devices that never end. */
static void forget_files(struct rk_server_config *config)
{
    config->settings[RK_KEY_dynamic_config_file].text = NULL;
    if (config->settings[RK_KEY_data_dir].text != NULL) {
        config->settings[RK_KEY_data_dir].text = data_dir;
    }
}

static void check_messages(const struct rk_server_config *config)
{
    uint32_t errors = 0;
    for (uint32_t i = 0; i < config->message_count; i++) {
        RK_ASSERT(strlen(config->messages[i].text) > 0);
        RK_ASSERT(strlen(config->messages[i].text) < 1100);
        errors += config->messages[i].level == RK_LEVEL_ERROR;
    }
    RK_ASSERT(errors == config->error_count);
}

static void check_accepted(struct rk_server_config *config)
{
    const struct rk_shell_config *shell = &config->shell;
    RK_ASSERT(config->error_count == 0);
    RK_ASSERT(shell->listen_count >= 1 && shell->listen_count <= RK_LISTEN_MAX);
    RK_ASSERT(shell->output_pause_bytes <= shell->output_drop_bytes);
    RK_ASSERT(shell->purge_keep >= 3 && shell->purge_interval_ms >= 0);
    RK_ASSERT(shell->frame_bytes_max == config->core.frame_bytes_max);
    RK_ASSERT(config->core.record_bytes_max > config->core.frame_bytes_max);
    RK_ASSERT((config->admin.allowed & 1u << RK_WORD_srvr) != 0);
    RK_ASSERT(config->admin.snap_dir[0] == '/');
    RK_ASSERT(shell->has_ensemble == (config->ensemble != NULL));
    RK_ASSERT(config->core.ensemble == config->ensemble);
    RK_ASSERT(config->ensemble == NULL || config->ensemble->my_sid == 1);
    struct rk_core *core = rk_core_create(config->mem, &config->core);
    RK_ASSERT(core != NULL);
    rk_core_destroy(core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    static bool has_data_dir;
    static struct rk_server_config config;
    struct rk_mem mem;
    const uint8_t *split = memchr(data, 0xff, size);
    size_t head = split == NULL ? 0 : (size_t)(split - data);
    size_t text = split == NULL ? 0 : head + 1;
    if (!has_data_dir) {
        make_data_dir();
        has_data_dir = true;
    }
    rk_mem_libc_init(&mem, 0);
    rk_server_config_init(&config, &mem);
    define_all(&config, data, head);
    rk_config_read_text(&config, "zoo.cfg", rk_bytes_of(data + text, size - text));
    forget_files(&config);
    if (rk_config_finish(&config) == RK_OK) {
        check_accepted(&config);
    } else {
        RK_ASSERT(config.error_count > 0);
    }
    check_messages(&config);
    if (null == NULL) {
        null = fopen("/dev/null", "we");
        RK_ASSERT(null != NULL);
    }
    rk_config_print_messages(&config, null);
    rk_config_print(&config, null);
    rk_server_config_deinit(&config);
    RK_ASSERT(mem.used_bytes == 0);
    return 0;
}
