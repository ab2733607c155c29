/* What waits to be told, and how much of it there may be. */
#include "lib/queue.h"

#include <string.h>

#include "lib/session.h"
#include "lib/view.h"
#include "rig.h"
#include "support/cmocka_all.h"

#define MIB (UINT64_C(1) << 20)

static void more_comes(int rc, const void *data)
{
    struct rk_lib *s = (struct rk_lib *)(uintptr_t)data;
    (void)rc;
    rk_lib_lock(s);
    s->untold_bytes += 100 * MIB;
    assert_true(rk_lib_queue_is_full(s));
    rk_lib_unlock(s);
}

static void reading_goes_on_when_the_queue_was_full_meanwhile(void **state)
{
    (void)state;
    struct rk_lib *s = rig_session(true);
    rk_lib_lock(s);
    struct rk_lib_call *call = rk_lib_call_new(s);
    assert_non_null(call);
    call->zh = s->handle;
    call->kind = RK_LIB_VOID;
    call->fn.void_result = more_comes;
    call->data = s;
    rk_lib_view_use(call->zh);
    rk_lib_queue_call(s, call, ZOK, 0, (struct rk_bytes){0});
    call->body_bytes = 200 * MIB;
    s->untold_bytes += 200 * MIB;
    assert_false(rk_lib_queue_is_full(s));
    s->is_io_asleep = true;
    rk_lib_tell_all(s);
    assert_int_equal(s->untold_bytes, 100 * MIB);
    assert_true(s->is_io_signalled);
    rk_lib_unref(s);
}

static uint32_t told_len;
static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)context;
    told_len = (uint32_t)strlen(path);
}

static void the_path_of_an_event_counts(void **state)
{
    static char path[MIB];
    (void)state;
    struct rk_lib *s = rig_session(true);
    struct rk_client_watcher watcher = {.fn = (uint64_t)(uintptr_t)on_event};
    memset(path, '/', sizeof(path));
    rk_lib_lock(s);
    assert_true(rk_lib_queue_watch(s, ZOO_CHANGED_EVENT, ZOO_CONNECTED_STATE, 1,
                                   rk_bytes_of(path, sizeof(path)), &watcher, 1));
    assert_true(s->untold_bytes > MIB);
    rk_lib_tell_all(s);
    assert_int_equal(told_len, MIB);
    assert_int_equal(s->untold_bytes, 0);
    rk_lib_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_goes_on_when_the_queue_was_full_meanwhile),
        cmocka_unit_test(the_path_of_an_event_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
