/* Paths: validation as Apache's PathUtils does it, and their parts. */
#ifndef RK_TREE_PATH_H
#define RK_TREE_PATH_H

#include "base/bytes.h"

/* proto/path.h, with nothing to be appended. */
bool rk_path_is_valid(struct rk_bytes path);
/* Contains '/' and no NUL: the first check of create and delete. */
bool rk_path_has_parent(struct rk_bytes path);
/* Part before the last '/' ("" for first-level nodes). Needs rk_path_has_parent. */
struct rk_bytes rk_path_parent(struct rk_bytes path);
struct rk_bytes rk_path_name(struct rk_bytes path); /* part after the last '/' */
/* "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config": never deleted. */
bool rk_path_is_special(struct rk_bytes path);
/* path is below prefix by component ("/a/b" below "/a", "/ab" not). */
bool rk_path_is_below(struct rk_bytes path, struct rk_bytes prefix);
/* First component without '/', empty for "/": the namespace of metrics. */
struct rk_bytes rk_path_namespace(struct rk_bytes path);

#endif
