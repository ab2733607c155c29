/* A hash map whose nodes are its elements (a four-way tree walked by two bits of the hash at a
 * time): inserting takes no memory and cannot fail, and no insertion pays for others. */
#ifndef RK_CLIENT_TRIE_H
#define RK_CLIENT_TRIE_H

#include "base/types.h"

struct rk_client_trie {
    struct rk_client_trie *child[4];
    uint64_t hash;
};

typedef bool (*rk_client_trie_eq)(const struct rk_client_trie *node, const void *key);

/* Where the element with that key is, or, if *slot is NULL, where it belongs: put a node with that
 * hash and without children there. */
struct rk_client_trie **rk_client_trie_slot(struct rk_client_trie **root, uint64_t hash,
                                            rk_client_trie_eq eq, const void *key);
/* Takes the element at *slot out. */
void rk_client_trie_remove(struct rk_client_trie **slot);

#endif
