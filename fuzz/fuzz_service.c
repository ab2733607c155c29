/* What a service's node holds: JSON from anybody who may write there. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rookery/recipes_group.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What was taken can be written, and then reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct rk_services one, two;
    char *json = NULL;
    if (rk_service_from_json((const char *)data, (int)bytes, &one) != ZOK) {
        return 0;
    }
    const struct rk_service *a = &one.services[0];
    must(rk_service_to_json(a, &json) == ZOK);
    must(rk_service_from_json(json, (int)strlen(json), &two) == ZOK);
    const struct rk_service *b = &two.services[0];
    must(is_same(a->name, b->name) && is_same(a->id, b->id) && is_same(a->address, b->address));
    must(is_same(a->payload, b->payload) && is_same(a->uri_spec, b->uri_spec));
    must(a->port == b->port && a->ssl_port == b->ssl_port && a->type == b->type);
    must(a->registered_at_ms == b->registered_at_ms && a->is_enabled == b->is_enabled);
    free(json);
    rk_services_free(&one);
    rk_services_free(&two);
    return 0;
}
