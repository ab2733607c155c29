/* Services: registered as JSON in the form of Curator's ServiceInstance, and read back. */
#include "recipes/group_int.h"
#include "recipes/json.h"

#include <stdlib.h>
#include <string.h>

struct rk_registration {
    struct rk_member *member;
    struct rk_services copy; /* one */
};

static const char *const type_names[] = {[RK_SERVICE_DYNAMIC] = "DYNAMIC",
                                         [RK_SERVICE_STATIC] = "STATIC",
                                         [RK_SERVICE_PERMANENT] = "PERMANENT",
                                         [RK_SERVICE_DYNAMIC_SEQUENTIAL] = "DYNAMIC_SEQUENTIAL"};
#define TYPES (sizeof(type_names) / sizeof(type_names[0]))

void rk_service_init(struct rk_service *service)
{
    *service = (struct rk_service){.port = -1, .ssl_port = -1, .is_enabled = true};
}

/* -- JSON -----------------------------------------------------------------------------------------
 */

static void add_port(struct rk_text *text, const char *key, int port)
{
    rk_text_add(text, key);
    if (port < 0) {
        rk_text_add(text, "null");
    } else {
        rk_text_add_integer(text, port);
    }
}

static bool is_json(const char *text)
{
    return text == NULL || rk_json_is_value(text, strlen(text));
}

/* Keys in the order in which Curator writes them. */
int rk_service_to_json(const struct rk_service *s, char **ret_json)
{
    if (!is_json(s->payload) || !is_json(s->uri_spec) || (size_t)s->type >= TYPES) {
        return ZMARSHALLINGERROR;
    }
    struct rk_text text = {0};
    rk_text_add(&text, "{\"name\":");
    rk_text_add_string(&text, s->name);
    rk_text_add(&text, ",\"id\":");
    rk_text_add_string(&text, s->id);
    rk_text_add(&text, ",\"address\":");
    rk_text_add_string(&text, s->address);
    add_port(&text, ",\"port\":", s->port);
    add_port(&text, ",\"sslPort\":", s->ssl_port);
    rk_text_add(&text, ",\"payload\":");
    rk_text_add(&text, s->payload != NULL ? s->payload : "null");
    rk_text_add(&text, ",\"registrationTimeUTC\":");
    rk_text_add_integer(&text, s->registered_at_ms);
    rk_text_add(&text, ",\"serviceType\":");
    rk_text_add_string(&text, type_names[s->type]);
    rk_text_add(&text, ",\"uriSpec\":");
    rk_text_add(&text, s->uri_spec != NULL ? s->uri_spec : "null");
    rk_text_add(&text, s->is_enabled ? ",\"enabled\":true}" : ",\"enabled\":false}");
    if (text.is_failed) {
        free(text.data);
        return ZSYSTEMERROR;
    }
    *ret_json = text.data;
    return ZOK;
}

static void service_free(struct rk_service *s)
{
    free((void *)(uintptr_t)s->name);
    free((void *)(uintptr_t)s->id);
    free((void *)(uintptr_t)s->address);
    free((void *)(uintptr_t)s->payload);
    free((void *)(uintptr_t)s->uri_spec);
}

void rk_services_free(struct rk_services *services)
{
    for (int i = 0; i < services->count; i++) {
        service_free(&services->services[i]);
    }
    free(services->services);
    *services = (struct rk_services){0};
}

/* A string or null. The last of several members of a name counts, as with Curator. */
static bool take_string(struct rk_json_value value, const char **text)
{
    char *own = NULL;
    if (!rk_json_is(value, "null") && !rk_json_string(value, &own)) {
        return false;
    }
    free((void *)(uintptr_t)*text);
    *text = own;
    return true;
}

static bool take_raw(struct rk_json_value value, const char **text)
{
    char *own = NULL;
    if (!rk_json_is(value, "null")) {
        own = strndup(value.text, value.bytes);
        if (own == NULL) {
            return false;
        }
    }
    free((void *)(uintptr_t)*text);
    *text = own;
    return true;
}

static bool take_port(struct rk_json_value value, int *port)
{
    int64_t number = -1;
    if (!rk_json_is(value, "null") &&
        (!rk_json_integer(value, &number) || number < INT32_MIN || number > INT32_MAX)) {
        return false;
    }
    *port = number < 0 ? -1 : (int)number;
    return true;
}

static bool take_type(struct rk_json_value value, enum rk_service_type *type)
{
    const char *text = NULL;
    bool is_known = false;
    if (!take_string(value, &text)) {
        return false;
    }
    for (size_t i = 0; text != NULL && i < TYPES; i++) {
        if (strcmp(text, type_names[i]) == 0) {
            *type = (enum rk_service_type)i;
            is_known = true;
        }
    }
    bool is_null = text == NULL;
    free((void *)(uintptr_t)text);
    return is_known || is_null;
}

static bool take_member(struct rk_service *s, struct rk_json_value key, struct rk_json_value value)
{
    if (rk_json_is(key, "name")) {
        return take_string(value, &s->name);
    }
    if (rk_json_is(key, "id")) {
        return take_string(value, &s->id);
    }
    if (rk_json_is(key, "address")) {
        return take_string(value, &s->address);
    }
    if (rk_json_is(key, "port")) {
        return take_port(value, &s->port);
    }
    if (rk_json_is(key, "sslPort")) {
        return take_port(value, &s->ssl_port);
    }
    if (rk_json_is(key, "payload")) {
        return take_raw(value, &s->payload);
    }
    if (rk_json_is(key, "registrationTimeUTC")) {
        return rk_json_is(value, "null") || rk_json_integer(value, &s->registered_at_ms);
    }
    if (rk_json_is(key, "serviceType")) {
        return take_type(value, &s->type);
    }
    if (rk_json_is(key, "uriSpec")) {
        return take_raw(value, &s->uri_spec);
    }
    if (rk_json_is(key, "enabled")) {
        s->is_enabled = rk_json_is(value, "true");
        return s->is_enabled || rk_json_is(value, "false");
    }
    return true;
}

static bool parse(const char *text, size_t bytes, struct rk_service *s)
{
    struct rk_json json = {.at = text, .end = text + bytes};
    struct rk_json_value key, value;
    bool is_end = false;
    if (!rk_json_is_value(text, bytes) || !rk_json_open(&json)) {
        return false;
    }
    while (rk_json_member(&json, &key, &value, &is_end)) {
        if (!take_member(s, key, value)) {
            return false;
        }
    }
    return is_end && s->name != NULL && s->id != NULL;
}

int rk_service_from_json(const char *json, int json_bytes, struct rk_services *ret_services)
{
    struct rk_service *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ZSYSTEMERROR;
    }
    rk_service_init(s);
    if (json == NULL || json_bytes < 0 || !parse(json, (size_t)json_bytes, s)) {
        service_free(s);
        free(s);
        return ZMARSHALLINGERROR;
    }
    *ret_services = (struct rk_services){.count = 1, .services = s};
    return ZOK;
}

/* -- Registering ----------------------------------------------------------------------------------
 */

static int register_json(struct rk_keeper *keeper, const char *base, const char *json,
                         rk_member_fn on_change, void *context, struct rk_registration *r)
{
    const struct rk_service *s = &r->copy.services[0];
    char *parent = rk_rec_join(base, s->name);
    if (parent == NULL) {
        return ZSYSTEMERROR;
    }
    struct rk_member_plan plan = {.parent = parent,
                                  .id = s->id,
                                  .data = json,
                                  .data_bytes = (int)strlen(json),
                                  .on_change = on_change,
                                  .context = context,
                                  .is_ephemeral = s->type == RK_SERVICE_DYNAMIC,
                                  .is_service = true};
    int rc = rk_member_new(keeper, &plan, &r->member);
    free(parent);
    return rc;
}

int rk_service_register(struct rk_keeper *keeper, const char *base,
                        const struct rk_service *service, rk_member_fn on_change, void *context,
                        struct rk_registration **ret_registration)
{
    char uuid[RK_UUID_CHARS + 1u];
    struct rk_service s = *service;
    if (s.id == NULL) {
        rk_rec_uuid(uuid);
        s.id = uuid;
    }
    if (s.registered_at_ms == 0) {
        s.registered_at_ms = rk_rec_wall_ms();
    }
    if (!rk_rec_is_path(base) || !rk_rec_is_name(s.name) || !rk_rec_is_name(s.id) ||
        (size_t)s.type >= RK_SERVICE_DYNAMIC_SEQUENTIAL) {
        return ZBADARGUMENTS;
    }
    char *json = NULL;
    int rc = rk_service_to_json(&s, &json);
    if (rc != ZOK) {
        return rc == ZMARSHALLINGERROR ? ZBADARGUMENTS : rc;
    }
    struct rk_registration *r = calloc(1, sizeof(*r));
    rc = r == NULL ? ZSYSTEMERROR : rk_service_from_json(json, (int)strlen(json), &r->copy);
    if (rc == ZOK) {
        rc = register_json(keeper, base, json, on_change, context, r);
    }
    free(json);
    if (rc != ZOK) {
        if (r != NULL) {
            rk_services_free(&r->copy);
        }
        free(r);
        return rc == ZMARSHALLINGERROR ? ZBADARGUMENTS : rc;
    }
    *ret_registration = r;
    return ZOK;
}

int rk_registration_wait(struct rk_registration *r, int timeout_ms)
{
    return rk_member_wait(r->member, timeout_ms);
}

const struct rk_service *rk_registration_service(const struct rk_registration *r)
{
    return &r->copy.services[0];
}

int rk_registration_close(struct rk_registration *r)
{
    if (r == NULL) {
        return ZOK;
    }
    int rc = rk_member_close(r->member);
    if (rc == ZOK) {
        rk_services_free(&r->copy);
        free(r);
    }
    return rc;
}

int rk_service_remove(struct rk_keeper *keeper, const char *base, const char *name, const char *id,
                      int timeout_ms)
{
    if (!rk_rec_is_path(base) || !rk_rec_is_name(name) || !rk_rec_is_name(id)) {
        return ZBADARGUMENTS;
    }
    char *parent = rk_rec_join(base, name);
    char *path = parent == NULL ? NULL : rk_rec_join(parent, id);
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    if (path == NULL) {
        t.rc = ZSYSTEMERROR;
    } else {
        while (rk_try(&t)) {
            t.rc = zoo_delete(t.zh, path, -1);
            t.rc = t.rc == ZNONODE && t.lost > 0 ? ZOK : t.rc;
        }
    }
    free(parent);
    free(path);
    return t.rc;
}

/* -- Finding --------------------------------------------------------------------------------------
 */

int rk_service_list(struct rk_keeper *keeper, const char *base, const char *name, int timeout_ms,
                    struct rk_services *ret_services)
{
    if (!rk_rec_is_path(base) || !rk_rec_is_name(name)) {
        return ZBADARGUMENTS;
    }
    struct rk_group group = {0};
    char *path = rk_rec_join(base, name);
    int rc = path == NULL ? ZSYSTEMERROR : rk_group_list(keeper, path, timeout_ms, &group);
    free(path);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_services found = {0};
    found.services = calloc((size_t)group.count + 1u, sizeof(*found.services));
    rc = found.services == NULL ? ZSYSTEMERROR : ZOK;
    for (int i = 0; rc == ZOK && i < group.count; i++) {
        const struct rk_group_entry *e = &group.entries[i];
        struct rk_service *s = &found.services[found.count];
        rk_service_init(s);
        if (e->data != NULL && parse(e->data, (size_t)e->data_bytes, s)) {
            found.count++;
        } else {
            service_free(s);
            found.bad_count++;
        }
    }
    rk_group_free(&group);
    if (rc == ZOK) {
        *ret_services = found;
    }
    return rc;
}

int rk_service_names(struct rk_keeper *keeper, const char *base, int timeout_ms,
                     struct String_vector *ret_names)
{
    if (!rk_rec_is_path(base)) {
        return ZBADARGUMENTS;
    }
    struct String_vector names = {0};
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = rk_sync(t.zh, base);
        if (t.rc == ZOK) {
            t.rc = zoo_get_children(t.zh, base, 0, &names);
        }
    }
    if (t.rc == ZOK || t.rc == ZNONODE) {
        *ret_names = names;
        return ZOK;
    }
    return t.rc;
}
