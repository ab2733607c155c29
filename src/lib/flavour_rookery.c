/* librookery.so: threads, unless the including file does not define THREADED. */
#include "lib/flavour.h"

const bool rk_lib_flavour_is_threaded = true;
const bool rk_lib_flavour_has_flag = true;
