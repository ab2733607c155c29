/* What differs between the shared objects that are made of this room: one file each defines it. */
#ifndef RK_LIB_FLAVOUR_H
#define RK_LIB_FLAVOUR_H

#include "base/types.h"

/* Whether handles have threads unless said otherwise. */
extern const bool rk_lib_flavour_is_threaded;
/* Whether ZOO_SINGLE_THREADED counts, which headers add without being asked. */
extern const bool rk_lib_flavour_has_flag;

#endif
