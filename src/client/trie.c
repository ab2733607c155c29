/* The hash tree of the client's watches. Depth is log4 of the count for honest hashes; elements
 * whose whole hashes are equal form a chain. */
#include "client/trie.h"

#include "base/assert.h"

struct rk_client_trie **rk_client_trie_slot(struct rk_client_trie **root, uint64_t hash,
                                            rk_client_trie_eq eq, const void *key)
{
    struct rk_client_trie **slot = root;
    for (uint64_t h = hash; *slot != NULL; h <<= 2) {
        if ((*slot)->hash == hash && eq(*slot, key)) {
            return slot;
        }
        slot = &(*slot)->child[h >> 62];
    }
    return slot;
}

/* Any leaf below may take its place: it shares the bits that led here. */
void rk_client_trie_remove(struct rk_client_trie **slot)
{
    struct rk_client_trie *node = *slot;
    struct rk_client_trie **at = slot;
    RK_ASSERT(node != NULL);
    for (unsigned i = 0; i < 4;) {
        if ((*at)->child[i] != NULL) {
            at = &(*at)->child[i];
            i = 0;
        } else {
            i++;
        }
    }
    struct rk_client_trie *leaf = *at;
    *at = NULL;
    if (leaf != node) {
        for (unsigned i = 0; i < 4; i++) {
            leaf->child[i] = node->child[i];
        }
        *slot = leaf;
    }
    for (unsigned i = 0; i < 4; i++) {
        node->child[i] = NULL;
    }
}
