/* Hashes of OpenSSL behind the core's plain function pointer. */
#include "shell/digest.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define HASH_BYTES_MAX 64u

static void hash(const EVP_MD *md, const void *data, size_t len, uint8_t ret[HASH_BYTES_MAX])
{
    unsigned size = 0;
    int is_ok = EVP_Digest(data, len, ret, &size, md, NULL);
    RK_ASSERT(is_ok == 1); /* rk_digest_by_name has tried it */
    RK_ASSERT(size <= HASH_BYTES_MAX);
}

#define HASH_FUNCTION(name, md)                                                                    \
    static void name(const void *data, size_t len, uint8_t ret[HASH_BYTES_MAX])                    \
    {                                                                                              \
        hash(md(), data, len, ret);                                                                \
    }

HASH_FUNCTION(hash_md5, EVP_md5)
HASH_FUNCTION(hash_sha1, EVP_sha1)
HASH_FUNCTION(hash_sha224, EVP_sha224)
HASH_FUNCTION(hash_sha256, EVP_sha256)
HASH_FUNCTION(hash_sha384, EVP_sha384)
HASH_FUNCTION(hash_sha512, EVP_sha512)
HASH_FUNCTION(hash_sha3_224, EVP_sha3_224)
HASH_FUNCTION(hash_sha3_256, EVP_sha3_256)
HASH_FUNCTION(hash_sha3_384, EVP_sha3_384)
HASH_FUNCTION(hash_sha3_512, EVP_sha3_512)

static const struct {
    const char *name;
    const char *openssl;
    struct rk_digest_alg alg;
} algs[] = {
    {"MD5", "MD5", {hash_md5, 16}},
    {"SHA", "SHA1", {hash_sha1, 20}},
    {"SHA1", "SHA1", {hash_sha1, 20}},
    {"SHA-1", "SHA1", {hash_sha1, 20}},
    {"SHA-224", "SHA224", {hash_sha224, 28}},
    {"SHA-256", "SHA256", {hash_sha256, 32}},
    {"SHA-384", "SHA384", {hash_sha384, 48}},
    {"SHA-512", "SHA512", {hash_sha512, 64}},
    {"SHA3-224", "SHA3-224", {hash_sha3_224, 28}},
    {"SHA3-256", "SHA3-256", {hash_sha3_256, 32}},
    {"SHA3-384", "SHA3-384", {hash_sha3_384, 48}},
    {"SHA3-512", "SHA3-512", {hash_sha3_512, 64}},
};

static bool works(const char *openssl)
{
    uint8_t out[HASH_BYTES_MAX];
    unsigned size = 0;
    EVP_MD *md = EVP_MD_fetch(NULL, openssl, NULL);
    if (md == NULL) {
        return false;
    }
    bool is_ok = EVP_Digest("", 0, out, &size, md, NULL) == 1 && size <= sizeof(out);
    EVP_MD_free(md);
    return is_ok;
}

bool rk_digest_by_name(struct rk_bytes name, struct rk_digest_alg *ret)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (name.len == strlen(algs[i].name) &&
            strncasecmp((const char *)name.data, algs[i].name, name.len) == 0) {
            if (!works(algs[i].openssl)) {
                return false;
            }
            *ret = algs[i].alg;
            return true;
        }
    }
    return false;
}
