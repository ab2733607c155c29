/* The recipes: locks, elections, caches and the like on top of a ZooKeeper ensemble, "as Curator
 * has them for Java". Nodes are laid out as Curator 5 lays them out wherever it has the recipe, so
 * that C and Java processes exclude, count and see one another. The parts:
 *
 *   recipes_keeper.h  the session that all of a program's recipes share, and the common rules
 *   recipes_lock.h    lock, read-write lock, semaphore
 *   recipes_leader.h  leader latch, leader election
 *   recipes_sync.h    barrier, double barrier, queue, counter, atomic value
 *   recipes_cache.h   cached node, cached children, cached tree, configuration watch
 *   recipes_group.h   group membership, service registry and discovery */
#ifndef ROOKERY_RECIPES_H
#define ROOKERY_RECIPES_H

#include <rookery/recipes_cache.h>
#include <rookery/recipes_group.h>
#include <rookery/recipes_keeper.h>
#include <rookery/recipes_leader.h>
#include <rookery/recipes_lock.h>
#include <rookery/recipes_sync.h>

#endif
