/* A session without its threads: the test is what they would be. */
#ifndef RK_TEST_LIB_RIG_H
#define RK_TEST_LIB_RIG_H

#include "lib/lib_int.h"

/* Its server is 127.0.0.1:1, which nobody has looked up yet. Freed with rk_lib_unref. */
struct rk_lib *rig_session(bool is_threaded);

#endif
