/* libzookeeper_mt.so.2: threads. */
#include "lib/flavour.h"

const bool rk_lib_flavour_is_threaded = true;
const bool rk_lib_flavour_has_flag = false;
