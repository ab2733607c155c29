/* The library's test stand. */
#include "rig.h"

#include "lib/session.h"
#include "support/cmocka_all.h"

struct rk_lib *rig_session(bool is_threaded)
{
    struct rk_lib_hosts hosts;
    struct rk_options options;
    rk_options_init(&options);
    options.session_timeout_ms = 10000;
    options.is_single_threaded = !is_threaded;
    assert_int_equal(rk_lib_hosts_parse("127.0.0.1:1", &hosts), 0);
    struct rk_lib *s = rk_lib_create(&hosts, &options);
    assert_non_null(s);
    s->handle->s = s;
    return s;
}
