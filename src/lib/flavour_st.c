/* libzookeeper_st.so.2: no threads. */
#include "lib/flavour.h"

const bool rk_lib_flavour_is_threaded = false;
const bool rk_lib_flavour_has_flag = false;
