/* Who may log in how: the providers behind ACL schemes, the superuser, what is asked of every
 * client. A configuration that would refuse everybody is an error, and so is one whose guard cannot
 * be kept. ZK: ProviderRegistry, AuthenticationHelper, DigestAuthenticationProvider. */
#include "server/config_int.h"

#include "shell/digest.h"

#include <string.h>

#define AUTH_PACKAGE "org.apache.zookeeper.server.auth."

static const struct {
    const char *class_name;
    uint32_t provider; /* 0: always there */
} classes[] = {
    {AUTH_PACKAGE "SASLAuthenticationProvider", RK_PROVIDER_SASL},
    {AUTH_PACKAGE "X509AuthenticationProvider", RK_PROVIDER_X509},
    {AUTH_PACKAGE "DigestAuthenticationProvider", RK_PROVIDER_DIGEST},
    {AUTH_PACKAGE "EnsembleAuthenticationProvider", RK_PROVIDER_ENSEMBLE},
    {AUTH_PACKAGE "IPAuthenticationProvider", 0},
};

void rk_config_add_provider(struct rk_server_config *config, const char *name, const char *value,
                            struct rk_config_place place)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcmp(classes[i].class_name, value) != 0) {
            continue;
        }
        config->providers |= classes[i].provider;
        if (classes[i].provider == RK_PROVIDER_SASL || classes[i].provider == RK_PROVIDER_X509) {
            rk_config_say(
                config, RK_LEVEL_WARN, &place,
                "%s: ids of this scheme are valid in ACLs, but nobody can log in with it yet",
                name);
        }
        return;
    }
    rk_config_say(
        config, RK_LEVEL_WARN, &place,
        "%s=%s is not supported: a class cannot be loaded, so its scheme is unknown in ACLs and "
        "logins",
        name, value);
}

/* -- enforce.auth
 * ----------------------------------------------------------------------------------- */

/* Can a client satisfy it today? */
static bool is_scheme_usable(const struct rk_server_config *config, struct rk_bytes scheme,
                             bool *ret_known)
{
    const struct rk_core_config *core = &config->core;
    if (rk_bytes_is(scheme, "ip")) {
        *ret_known = true;
        return true;
    }
    if (rk_bytes_is(scheme, "digest")) {
        *ret_known = core->digest_scheme;
        return core->digest_scheme;
    }
    *ret_known = (rk_bytes_is(scheme, "sasl") && core->sasl_scheme) ||
                 (rk_bytes_is(scheme, "x509") && core->x509_scheme);
    return false;
}

static void check_schemes(struct rk_server_config *config, const char *list,
                          const struct rk_config_place *place)
{
    uint32_t usable = 0;
    for (const char *at = list; *at != '\0';) {
        size_t len = strcspn(at, ",");
        const char *scheme = rk_config_trim(config, rk_config_dup(config, at, len));
        bool is_known = false;
        at += len + (at[len] == ',' ? 1 : 0);
        usable += is_scheme_usable(config, rk_bytes_str(scheme), &is_known);
        if (!is_known) {
            rk_config_say(
                config, RK_LEVEL_ERROR, place,
                "clients must log in with %s, but there is no such scheme; authProvider.* adds "
                "sasl and x509",
                scheme);
        }
    }
    if (usable == 0) {
        rk_config_say(config, RK_LEVEL_ERROR, place,
                      "no client could log in with %s yet, so every one would be refused", list);
    }
}

static void derive_enforcement(struct rk_server_config *config)
{
    const char *schemes = rk_config_text(config, RK_KEY_enforce_auth_schemes);
    struct rk_config_place place = rk_config_place_of(config, RK_KEY_enforce_auth_schemes);
    if (rk_config_number(config, RK_KEY_require_sasl) != 0) {
        schemes = "sasl";
        place = rk_config_place_of(config, RK_KEY_require_sasl);
    } else if (rk_config_number(config, RK_KEY_enforce_auth_enabled) == 0) {
        return;
    } else if (schemes == NULL || *schemes == '\0') {
        place = rk_config_place_of(config, RK_KEY_enforce_auth_enabled);
        rk_config_say(
            config, RK_LEVEL_ERROR, &place,
            "enforce.auth.enabled=true needs enforce.auth.schemes, a list like digest,ip");
        return;
    }
    check_schemes(config, schemes, &place);
    config->core.enforce_auth_schemes = rk_bytes_str(schemes);
}

/* -- digest, ensemble
 * ------------------------------------------------------------------------------- */

static void derive_digest(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    const char *alg = rk_config_text(config, RK_KEY_digest_alg);
    const char *super_digest = rk_config_text(config, RK_KEY_super_digest);
    if (!rk_digest_by_name(rk_bytes_str(alg == NULL ? "SHA1" : alg), &core->digest_alg)) {
        struct rk_config_place place = rk_config_place_of(config, RK_KEY_digest_alg);
        rk_config_say(
            config, RK_LEVEL_ERROR, &place,
            "DigestAuthenticationProvider.digestAlg=%s: this must be a hash that OpenSSL has, "
            "like SHA1, SHA-256, SHA-512 or SHA3-256",
            alg == NULL ? "SHA1" : alg);
    }
    if (super_digest == NULL || *super_digest == '\0') {
        return;
    }
    if (strchr(super_digest, ':') == NULL) {
        struct rk_config_place place = rk_config_place_of(config, RK_KEY_super_digest);
        rk_config_say(
            config, RK_LEVEL_WARN, &place,
            "DigestAuthenticationProvider.superDigest is not of the form super:base64 of the "
            "hash, so nobody can be superuser by it");
    }
    core->super_digest = rk_bytes_str(super_digest);
}

static void derive_ensemble_names(struct rk_server_config *config)
{
    const char *names = rk_config_text(config, RK_KEY_ensemble_names);
    bool has_provider = (config->providers & RK_PROVIDER_ENSEMBLE) != 0;
    if (names != NULL && !has_provider) {
        struct rk_config_place place = rk_config_place_of(config, RK_KEY_ensemble_names);
        rk_config_say(config, RK_LEVEL_WARN, &place,
                      "ensembleAuthName has no effect without authProvider.ensemble=" AUTH_PACKAGE
                      "EnsembleAuthenticationProvider");
    } else if (names == NULL && has_provider) {
        rk_config_say(config, RK_LEVEL_WARN, NULL,
                      "the ensemble scheme is off: ensembleAuthName is not set");
    } else if (names != NULL) {
        config->core.ensemble_names = rk_bytes_str(names);
    }
}

void rk_config_derive_auth(struct rk_server_config *config)
{
    struct rk_core_config *core = &config->core;
    core->skip_acl = rk_config_number(config, RK_KEY_skip_acl) != 0;
    core->digest_scheme = rk_config_number(config, RK_KEY_digest_scheme) != 0 ||
                          (config->providers & RK_PROVIDER_DIGEST) != 0;
    core->sasl_scheme = (config->providers & RK_PROVIDER_SASL) != 0;
    core->x509_scheme = (config->providers & RK_PROVIDER_X509) != 0;
    if (core->skip_acl) {
        struct rk_config_place place = rk_config_place_of(config, RK_KEY_skip_acl);
        rk_config_say(config, RK_LEVEL_WARN, &place, "skipACL=yes: everybody may do everything");
    }
    derive_digest(config);
    derive_ensemble_names(config);
    derive_enforcement(config);
}
