/* Cases of the C client: identities, access lists and what they allow. */
#include "cc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* id that the digest scheme makes of "bob:secret" */
#define BOB_ID   "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="
#define BOB_ID_X "bob:x"

static int add_auth(struct cc_client *client, const char *scheme, const char *data)
{
    struct cc_wait *wait = cc_wait_create();
    int rc = zoo_add_auth(client->zh, scheme, data, (int)strlen(data), cc_on_void, wait);
    if (rc != ZOK) {
        return rc;
    }
    const struct cc_result *result = cc_wait_for(wait);
    return result == NULL ? ZOPERATIONTIMEOUT : result->rc;
}

static int make_with(struct cc_client *client, const char *path, int perms, const char *scheme,
                     const char *id)
{
    struct ACL entry = {perms, {(char *)(uintptr_t)scheme, (char *)(uintptr_t)id}};
    struct ACL_vector acl = {1, &entry};
    return zoo_create(client->zh, path, "", 0, &acl, ZOO_PERSISTENT, NULL, 0);
}

static void auth_expands_to_the_digest(void)
{
    struct cc_client *client = cc_open();
    struct ACL_vector acl;
    struct Stat stat;

    CC_RC(zoo_create(client->zh, "/mine", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
          ZINVALIDACL);
    CC_RC(add_auth(client, "digest", "bob:secret"), ZOK);
    CC_RC(zoo_create(client->zh, "/mine", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0),
          ZOK);
    CC_RC(zoo_get_acl(client->zh, "/mine", &acl, &stat), ZOK);
    CC_EQ(acl.count, 1);
    CC_EQ(acl.data[0].perms, ZOO_PERM_ALL);
    CC_STR(acl.data[0].id.scheme, "digest");
    CC_STR(acl.data[0].id.id, BOB_ID);
    CC_EQ(stat.aversion, 0);
    deallocate_ACL_vector(&acl);
    CC_CHECK(cc_close(client));
}

static void strangers_are_refused(void)
{
    struct cc_client *bob = cc_open();
    struct cc_client *stranger = cc_open();
    char buffer[8];
    int bytes = sizeof buffer;
    struct ACL_vector acl;
    struct Stat stat;
    struct String_vector children;

    CC_RC(add_auth(bob, "digest", "bob:secret"), ZOK);
    CC_RC(zoo_create(bob->zh, "/shut", "", 0, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0), ZOK);
    CC_RC(zoo_get(stranger->zh, "/shut", 0, buffer, &bytes, &stat), ZNOAUTH);
    CC_RC(zoo_set(stranger->zh, "/shut", "", 0, -1), ZNOAUTH);
    CC_RC(zoo_get_children(stranger->zh, "/shut", 0, &children), ZNOAUTH);
    CC_RC(zoo_get_children2(stranger->zh, "/shut", 0, &children, &stat), ZNOAUTH);
    CC_RC(cc_make(stranger, "/shut/x", ""), ZNOAUTH);
    CC_RC(zoo_get_acl(stranger->zh, "/shut", &acl, &stat), ZNOAUTH);
    CC_RC(zoo_set_acl(stranger->zh, "/shut", -1, &ZOO_OPEN_ACL_UNSAFE), ZNOAUTH);
    CC_RC(cc_make(bob, "/shut/x", ""), ZOK);
    CC_RC(zoo_delete(stranger->zh, "/shut/x", -1), ZNOAUTH);
    /* The permission to delete is the parent's: the open child does not help, the parent's ACL
     * is asked before the child is looked up. */
    CC_RC(zoo_delete(stranger->zh, "/shut/none", -1), ZNOAUTH);
    CC_RC(add_auth(stranger, "digest", "bob:secret"), ZOK);
    CC_RC(zoo_delete(stranger->zh, "/shut/x", -1), ZOK);
    CC_CHECK(cc_close(stranger));
    CC_CHECK(cc_close(bob));
}

static void each_permission_alone(void)
{
    struct cc_client *client = cc_open();
    char buffer[8];
    int bytes = sizeof buffer;
    struct ACL_vector acl;
    struct Stat stat;
    char path[32];

    for (int perms = 1; perms <= 16; perms *= 2) {
        snprintf(path, sizeof path, "/perm-%d", perms);
        CC_RC(make_with(client, path, perms, "world", "anyone"), ZOK);
        CC_RC(zoo_get(client->zh, path, 0, buffer, &bytes, &stat),
              perms == ZOO_PERM_READ ? ZOK : ZNOAUTH);
        CC_RC(zoo_set(client->zh, path, "", 0, -1), perms == ZOO_PERM_WRITE ? ZOK : ZNOAUTH);
        int rc = zoo_get_acl(client->zh, path, &acl, &stat);
        CC_RC(rc, perms == ZOO_PERM_READ || perms == ZOO_PERM_ADMIN ? ZOK : ZNOAUTH);
        if (rc == ZOK) {
            deallocate_ACL_vector(&acl);
        }
        CC_RC(zoo_set_acl(client->zh, path, 0, &ZOO_READ_ACL_UNSAFE),
              perms == ZOO_PERM_ADMIN ? ZOK : ZNOAUTH);
        snprintf(path, sizeof path, "/perm-%d/c", perms);
        CC_RC(cc_make(client, path, ""), perms == ZOO_PERM_CREATE ? ZOK : ZNOAUTH);
        CC_RC(zoo_delete(client->zh, path, -1), perms == ZOO_PERM_DELETE ? ZNONODE : ZNOAUTH);
    }
    CC_CHECK(cc_close(client));
}

static void set_acl_counts_its_own_version(void)
{
    struct cc_client *client = cc_open();
    struct Stat before, stat;
    struct ACL_vector acl;

    CC_RC(cc_make(client, "/aver", ""), ZOK);
    CC_RC(zoo_exists(client->zh, "/aver", 1, &before), ZOK);
    CC_RC(zoo_set_acl(client->zh, "/aver", 5, &ZOO_READ_ACL_UNSAFE), ZBADVERSION);
    struct ACL entries[3] = {
        {31, {"world", "anyone"}}, {1, {"ip", "127.0.0.1"}}, {31, {"world", "anyone"}}};
    struct ACL_vector three = {3, entries};
    CC_RC(zoo_set_acl(client->zh, "/aver", 0, &three), ZOK);
    CC_RC(zoo_get_acl(client->zh, "/aver", &acl, &stat), ZOK);
    CC_EQ(acl.count, 2); /* the duplicate was dropped */
    CC_STR(acl.data[1].id.scheme, "ip");
    deallocate_ACL_vector(&acl);
    CC_EQ(stat.aversion, 1);
    CC_EQ(stat.version, 0);
    CC_EQ(stat.mzxid, before.mzxid);
    CC_RC(zoo_set_acl(client->zh, "/aver", -1, &ZOO_OPEN_ACL_UNSAFE), ZOK);
    CC_RC(zoo_set_acl(client->zh, "/nowhere", -1, &ZOO_OPEN_ACL_UNSAFE), ZNONODE);
    CC_EVENTS(client, client->watches, ""); /* no watch hears of it */
    CC_CHECK(cc_close(client));
}

static void ids_are_masked_without_admin(void)
{
    struct cc_client *client = cc_open();
    struct ACL_vector acl;
    struct Stat stat;
    struct ACL entries[2] = {{1, {"world", "anyone"}}, {31, {"digest", BOB_ID}}};
    struct ACL_vector two = {2, entries};

    CC_RC(zoo_create(client->zh, "/mask", "", 0, &two, ZOO_PERSISTENT, NULL, 0), ZOK);
    CC_RC(zoo_get_acl(client->zh, "/mask", &acl, &stat), ZOK);
    CC_EQ(acl.count, 2);
    CC_STR(acl.data[1].id.id, BOB_ID_X);
    deallocate_ACL_vector(&acl);
    CC_RC(add_auth(client, "digest", "bob:secret"), ZOK);
    CC_RC(zoo_get_acl(client->zh, "/mask", &acl, &stat), ZOK);
    CC_STR(acl.data[1].id.id, BOB_ID);
    deallocate_ACL_vector(&acl);
    CC_CHECK(cc_close(client));
}

static void invalid_lists(void)
{
    struct cc_client *client = cc_open();
    struct ACL_vector empty = {0, NULL};

    CC_RC(zoo_create(client->zh, "/inv", "", 0, &empty, ZOO_PERSISTENT, NULL, 0), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "world", "somebody"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "nonsense", "x"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "super", "x"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "digest", "nocolon"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "digest", "a:b:c"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "ip", "300.1.1.1"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "ip", "10.0.0.0/33"), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "auth", ""), ZINVALIDACL);
    CC_RC(make_with(client, "/inv", 31, "digest", "a:b"), ZOK);
    CC_CHECK(cc_close(client));
}

static void ip_lists(void)
{
    struct cc_client *client = cc_open();

    CC_RC(make_with(client, "/ip-me", 31, "ip", "127.0.0.1"), ZOK);
    CC_RC(cc_make(client, "/ip-me/c", ""), ZOK);
    CC_RC(make_with(client, "/ip-net", 31, "ip", "127.0.0.0/8"), ZOK);
    CC_RC(cc_make(client, "/ip-net/c", ""), ZOK);
    CC_RC(make_with(client, "/ip-other", 31, "ip", "10.0.0.0/8"), ZOK);
    CC_RC(cc_make(client, "/ip-other/c", ""), ZNOAUTH);
    CC_CHECK(cc_close(client));
}

/* The driver configures super:test as the superuser. */
static void super_may_everything(void)
{
    struct cc_client *client = cc_open();

    CC_RC(make_with(client, "/none-may", 31, "digest", "nobody:x"), ZOK);
    CC_RC(zoo_set(client->zh, "/none-may", "", 0, -1), ZNOAUTH);
    CC_RC(add_auth(client, "digest", "super:test"), ZOK);
    CC_RC(zoo_set(client->zh, "/none-may", "s", 1, 0), ZOK);
    CC_RC(zoo_set_acl(client->zh, "/none-may", -1, &ZOO_OPEN_ACL_UNSAFE), ZOK);
    CC_RC(zoo_delete(client->zh, "/none-may", 1), ZOK);
    CC_CHECK(cc_close(client));
}

static void unknown_scheme_ends_the_connection(void)
{
    struct cc_client *client = cc_open();

    CC_RC(add_auth(client, "nonsense", "x"), ZAUTHFAILED);
    CC_CHECK(cc_wait_state(client, ZOO_AUTH_FAILED_STATE));
    CC_EQ(zoo_state(client->zh), ZOO_AUTH_FAILED_STATE);
    CC_RC(is_unrecoverable(client->zh), ZINVALIDSTATE);
    (void)zookeeper_close(client->zh);
}

const struct cc_case cc_cases_acl[] = {
    {"auth_expands_to_the_digest", auth_expands_to_the_digest},
    {"strangers_are_refused", strangers_are_refused},
    {"each_permission_alone", each_permission_alone},
    {"set_acl_counts_its_own_version", set_acl_counts_its_own_version},
    {"ids_are_masked_without_admin", ids_are_masked_without_admin},
    {"invalid_lists", invalid_lists},
    {"ip_lists", ip_lists},
    {"super_may_everything", super_may_everything},
    {"unknown_scheme_ends_the_connection", unknown_scheme_ends_the_connection},
    {NULL, NULL},
};
