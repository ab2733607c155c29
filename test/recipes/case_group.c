/* Groups and services against one server. */
#include "rig.h"

struct heard {
    _Atomic int in, out;
    _Atomic int code;
};

static void on_member(struct rk_member *member, bool is_in, int code, void *context)
{
    (void)member;
    struct heard *h = context;
    h->code = code;
    if (is_in) {
        h->in++;
    } else {
        h->out++;
    }
}

static int group_count(struct rig *rig)
{
    struct rk_group group;
    CHECK_RC(ZOK, rk_group_list(rig->a, rig->root, 1000, &group));
    int count = group.count;
    rk_group_free(&group);
    return count;
}

static void group_lists_its_members(struct rig *rig)
{
    struct rk_member *a, *b;
    struct rk_group group;
    CHECK(group_count(rig) == 0);
    CHECK_RC(ZOK, rk_member_open(rig->a, rig->root, "anna", "1", 1, NULL, NULL, &a));
    CHECK_RC(ZOK, rk_member_open(rig->b, rig->root, "berta", NULL, 0, NULL, NULL, &b));
    CHECK_RC(ZOK, rk_member_wait(a, 5000));
    CHECK_RC(ZOK, rk_member_wait(b, 5000));
    CHECK_RC(ZOK, rk_member_set(b, "two", 3, 5000));
    CHECK_RC(ZOK, rk_group_list(rig->a, rig->root, 1000, &group));
    CHECK(group.count == 2 && strcmp(group.entries[0].id, "anna") == 0 &&
          strcmp(group.entries[1].data, "two") == 0);
    rk_group_free(&group);
    CHECK_RC(ZOK, rk_member_close(a));
    CHECK(group_count(rig) == 1);
    CHECK_RC(ZOK, rk_member_close(b));
    CHECK(group_count(rig) == 0);
    CHECK_RC(ZBADARGUMENTS, rk_member_open(rig->a, rig->root, "a/b", NULL, 0, NULL, NULL, &a));
}

static bool group_is(struct rig *rig, const char *data)
{
    struct rk_group group;
    CHECK_RC(ZOK, rk_group_list(rig->b, rig->root, 1000, &group));
    bool is_it = group.count == 1 && strcmp(group.entries[0].data, data) == 0;
    rk_group_free(&group);
    return is_it;
}

static void member_comes_back_after_session_loss_and_deletion(struct rig *rig)
{
    struct heard h = {0};
    struct rk_member *a;
    CHECK_RC(ZOK, rk_member_open(rig->a, rig->root, "anna", "1", 1, on_member, &h, &a));
    CHECK_SOON(h.in == 1);
    CHECK_RC(ZOK, rk_member_set(a, "new", 3, 5000));
    rig_end_session(rig->a);
    CHECK_SOON(h.in >= 2 && h.out >= 1);
    CHECK_SOON(group_is(rig, "new"));
    rig_delete(rig->b, rig_path(rig, "anna"));
    CHECK_SOON(group_count(rig) == 1);
    CHECK_RC(ZOK, rk_member_close(a));
    CHECK(group_count(rig) == 0);
}

static void on_member_set(struct rk_member *member, bool is_in, int code, void *context)
{
    (void)code;
    _Atomic int *rc = context;
    if (is_in) {
        *rc = rk_member_set(member, "mine", 4, -1);
    }
}

static void member_cannot_wait_for_itself(struct rig *rig)
{
    _Atomic int rc = ZNOTHING;
    struct rk_member *a;
    CHECK_RC(ZOK, rk_member_open(rig->a, rig->root, "anna", "1", 1, on_member_set, &rc, &a));
    CHECK_SOON(rc != ZNOTHING);
    CHECK_RC(ZOPERATIONTIMEOUT, rc);
    CHECK_SOON(group_is(rig, "mine"));
    CHECK_RC(ZOK, rk_member_close(a));
}

static void member_waits_for_another_of_its_name(struct rig *rig)
{
    struct heard h = {0};
    struct rk_member *a, *b;
    CHECK_RC(ZOK, rk_member_open(rig->a, rig->root, "twin", "a", 1, NULL, NULL, &a));
    CHECK_RC(ZOK, rk_member_wait(a, 5000));
    CHECK_RC(ZOK, rk_member_open(rig->b, rig->root, "twin", "b", 1, on_member, &h, &b));
    CHECK_SOON(h.code == ZNODEEXISTS);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_member_wait(b, 100));
    CHECK_RC(ZOK, rk_member_close(a));
    CHECK_RC(ZOK, rk_member_wait(b, 5000));
    CHECK_RC(ZOK, rk_member_close(b));
}

static void service_is_registered_and_found(struct rig *rig)
{
    struct rk_service s;
    struct rk_services found;
    struct rk_registration *r;
    struct String_vector names = {0};
    rk_service_init(&s);
    s.name = "api";
    s.address = "10.0.0.\"1\"";
    s.port = 8080;
    s.payload = "{\"zone\":[1,2,{\"a\":null}]}";
    CHECK_RC(ZOK, rk_service_register(rig->a, rig->root, &s, NULL, NULL, &r));
    CHECK_RC(ZOK, rk_registration_wait(r, 5000));
    CHECK(strlen(rk_registration_service(r)->id) == 36);
    rig_create(rig->b, rig_path(rig, "api/broken"), "{\"name\":");
    CHECK_RC(ZOK, rk_service_list(rig->b, rig->root, "api", 1000, &found));
    CHECK(found.count == 1 && found.bad_count == 1);
    CHECK(strcmp(found.services[0].address, s.address) == 0 && found.services[0].port == 8080);
    CHECK(found.services[0].ssl_port == -1 && found.services[0].is_enabled);
    CHECK(strcmp(found.services[0].payload, s.payload) == 0);
    rk_services_free(&found);
    rig_end_session(rig->a);
    CHECK_SOON(rig_child_count(rig->b, rig_path(rig, "api")) == 2);
    CHECK_RC(ZOK, rk_service_names(rig->b, rig->root, 1000, &names));
    CHECK(names.count == 1 && strcmp(names.data[0], "api") == 0);
    deallocate_String_vector(&names);
    CHECK_RC(ZOK, rk_registration_close(r));
    CHECK(rig_child_count(rig->b, rig_path(rig, "api")) == 1);
    s.payload = "{";
    CHECK_RC(ZBADARGUMENTS, rk_service_register(rig->a, rig->root, &s, NULL, NULL, &r));
}

static void static_service_stays(struct rig *rig)
{
    struct rk_service s;
    struct rk_services found;
    struct rk_registration *r;
    rk_service_init(&s);
    s.name = "db";
    s.id = "one";
    s.type = RK_SERVICE_STATIC;
    CHECK_RC(ZOK, rk_service_register(rig->a, rig->root, &s, NULL, NULL, &r));
    CHECK_RC(ZOK, rk_registration_wait(r, 5000));
    CHECK_RC(ZOK, rk_registration_close(r));
    CHECK_RC(ZOK, rk_service_list(rig->b, rig->root, "db", 1000, &found));
    CHECK(found.count == 1 && found.services[0].type == RK_SERVICE_STATIC);
    rk_services_free(&found);
    CHECK_RC(ZOK, rk_service_remove(rig->b, rig->root, "db", "one", 1000));
    CHECK_RC(ZNONODE, rk_service_remove(rig->b, rig->root, "db", "one", 1000));
}

/* As Curator 5 writes it, with a field that is new to us. */
static const char curator_json[] =
    "{\"name\":\"api\",\"id\":\"ad72\",\"address\":\"h\\u00e9\\ud83d\\ude00\",\"port\":1,"
    "\"sslPort\":null,\"payload\":{\"@class\":\"x.Y\",\"v\":-1.5e3},"
    "\"registrationTimeUTC\":1700000000123,\"serviceType\":\"DYNAMIC\",\"uriSpec\":"
    "{\"parts\":[{\"value\":\"scheme\",\"variable\":true}]},\"enabled\":false,\"later\":[[]]}";

static void service_json_is_curators(struct rig *rig)
{
    (void)rig;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "null",
                                      "{\"name\":\"a\"}",
                                      "{\"name\":\"a\",\"id\":\"b\",}",
                                      "{\"name\":\"a\",\"id\":7}",
                                      "{\"name\":\"a\",\"id\":\"b\"}x",
                                      "{\"name\":\"a\",\"id\":\"\\ud800\"}",
                                      "{\"name\":\"a\",\"id\":\"\\u0000\"}",
                                      "{\"name\":\"a\",\"id\":\"b\",\"port\":1e3}",
                                      "{\"name\":\"a\",\"id\":\"b\",\"port\":01}",
                                      "{\"name\":\"a\",\"id\":\"b\",\"serviceType\":\"ODD\"}",
                                      "{\"name\":\"a\",\"id\":\"b\n\"}",
                                      "{\"name\":\"a\",\"id\":\"b\",\"enabled\":1}",
                                      "{\"name\":\"a\" \"id\":\"b\"}"};
    struct rk_services s;
    char *json = NULL;
    CHECK_RC(ZOK, rk_service_from_json(curator_json, (int)strlen(curator_json), &s));
    CHECK(strcmp(s.services[0].address, "h\xc3\xa9\xf0\x9f\x98\x80") == 0);
    CHECK(s.services[0].registered_at_ms == 1700000000123 && !s.services[0].is_enabled);
    CHECK(strcmp(s.services[0].payload, "{\"@class\":\"x.Y\",\"v\":-1.5e3}") == 0);
    CHECK_RC(ZOK, rk_service_to_json(&s.services[0], &json));
    CHECK(strstr(json, "\"sslPort\":null,\"payload\":{\"@class\"") != NULL);
    rk_services_free(&s);
    free(json);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_RC(ZMARSHALLINGERROR, rk_service_from_json(bad[i], (int)strlen(bad[i]), &s));
    }
    /* Every prefix, and nesting without end. */
    for (int i = 0; i < (int)strlen(curator_json); i++) {
        char *part = malloc((size_t)i + 1u);
        memcpy(part, curator_json, (size_t)i);
        CHECK_RC(ZMARSHALLINGERROR, rk_service_from_json(part, i, &s));
        free(part);
    }
    char deep[1000];
    memset(deep, '[', sizeof(deep));
    CHECK_RC(ZMARSHALLINGERROR, rk_service_from_json(deep, (int)sizeof(deep), &s));
}

const struct rig_case group_cases[] = {
    {"group_lists_its_members", group_lists_its_members},
    {"member_comes_back_after_session_loss_and_deletion",
     member_comes_back_after_session_loss_and_deletion},
    {"member_cannot_wait_for_itself", member_cannot_wait_for_itself},
    {"member_waits_for_another_of_its_name", member_waits_for_another_of_its_name},
    {"service_is_registered_and_found", service_is_registered_and_found},
    {"static_service_stays", static_service_stays},
    {"service_json_is_curators", service_json_is_curators},
    {NULL, NULL}};
