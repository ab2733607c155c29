/* Shared values with version check, and counters of eight bytes. */
#include "recipes/recipes_int.h"
#include <rookery/recipes_sync.h>

#include <stdlib.h>
#include <string.h>

#define COUNTER_BYTES 8

/* Reads behind a sync. A node that is not there is version -1. */
static int read_value(struct rk_try *t, const char *path, struct rk_value *ret_value)
{
    struct rk_value value = {.version = -1};
    struct Stat stat;
    int rc = rk_sync(t->zh, path);
    if (rc == ZOK) {
        rc = rk_get(t->zh, path, NULL, NULL, &value.data, &value.data_bytes, &stat);
    }
    if (rc == ZOK) {
        value.version = stat.version;
    }
    if (rc == ZOK || rc == ZNONODE) {
        *ret_value = value;
        return ZOK;
    }
    return rc;
}

int rk_value_get(struct rk_keeper *keeper, const char *path, int timeout_ms,
                 struct rk_value *ret_value)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = read_value(&t, path, ret_value);
    }
    return t.rc;
}

int rk_value_set(struct rk_keeper *keeper, const char *path, const void *data, int data_bytes,
                 int timeout_ms)
{
    if (!rk_rec_is_path(path) || data_bytes < 0) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = ZNONODE;
        for (int i = 0; i < 3 && (t.rc == ZNONODE || t.rc == ZNODEEXISTS); i++) {
            t.rc = zoo_set(t.zh, path, data, data == NULL ? -1 : data_bytes, -1);
            if (t.rc == ZNONODE) {
                t.rc = rk_rec_create(&t, path, data, data_bytes);
            }
        }
    }
    return t.rc;
}

static bool is_same(const struct rk_value *value, const void *data, int data_bytes)
{
    if (data == NULL || value->data == NULL) {
        return data == NULL && value->data == NULL;
    }
    return value->data_bytes == data_bytes && memcmp(value->data, data, (size_t)data_bytes) == 0;
}

/* After a lost answer: ZOK: the node is as it was, try again; ZBADVERSION: others wrote and ours
 * was not among them for certain; ZNOTHING: nobody can tell. */
static int tell_fate(struct rk_try *t, const char *path, int32_t version, const void *data,
                     int data_bytes)
{
    struct rk_value now;
    int rc = read_value(t, path, &now);
    if (rc != ZOK) {
        return rc;
    }
    int32_t next = version + 1; /* of our write, if it was the next one; 0 of a create */
    if (now.version == version) {
        rc = ZOK;
    } else if (now.version == next && !is_same(&now, data, data_bytes)) {
        rc = ZBADVERSION;
    } else {
        rc = ZNOTHING;
    }
    free(now.data);
    return rc;
}

static int swap_once(struct rk_try *t, const char *path, int32_t version, const void *data,
                     int data_bytes, int32_t *ret_version)
{
    if (t->lost > 0) {
        int rc = tell_fate(t, path, version, data, data_bytes);
        if (rc != ZOK) {
            return rc;
        }
    }
    if (version < 0) {
        int rc = rk_rec_create(t, path, data, data_bytes);
        *ret_version = 0;
        return rc == ZNODEEXISTS ? ZBADVERSION : rc;
    }
    struct Stat stat;
    int rc = zoo_set2(t->zh, path, data, data == NULL ? -1 : data_bytes, version, &stat);
    *ret_version = stat.version;
    return rc == ZNONODE ? ZBADVERSION : rc;
}

static int swap(struct rk_try *t, const char *path, int32_t version, const void *data,
                int data_bytes, int32_t *ret_version)
{
    int32_t new_version = -1;
    while (rk_try(t)) {
        /* What this session has in flight is done before tell_fate reads; an earlier one's may not.
         */
        t->generation = t->used_generation;
        t->rc = swap_once(t, path, version, data, data_bytes, &new_version);
    }
    bool is_unknown = t->rc == ZNOTHING || (t->lost > 0 && rk_rec_is_lost(t->rc));
    if (t->rc == ZOK && ret_version != NULL) {
        *ret_version = new_version;
    }
    return is_unknown ? ZCONNECTIONLOSS : t->rc;
}

int rk_value_swap(struct rk_keeper *keeper, const char *path, int32_t version, const void *data,
                  int data_bytes, int timeout_ms, int32_t *ret_version)
{
    if (!rk_rec_is_path(path) || data_bytes < 0 || version < -1) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    return swap(&t, path, version, data, data_bytes, ret_version);
}

/* -- Counter --------------------------------------------------------------------------------------
 */

static void encode(int64_t number, char bytes[COUNTER_BYTES])
{
    uint64_t bits = (uint64_t)number;
    for (int i = COUNTER_BYTES - 1; i >= 0; i--) {
        bytes[i] = (char)(uint8_t)bits;
        bits >>= 8;
    }
}

/* Frees the data. */
static int decode(struct rk_value *value, int64_t *ret_number)
{
    int rc = ZOK;
    uint64_t bits = 0;
    if (value->data_bytes == COUNTER_BYTES && value->data != NULL) {
        for (int i = 0; i < COUNTER_BYTES; i++) {
            bits = bits << 8 | (uint8_t)value->data[i];
        }
    } else if (value->data_bytes > 0) {
        rc = ZMARSHALLINGERROR;
    }
    free(value->data);
    value->data = NULL;
    if (rc == ZOK) {
        *ret_number = (int64_t)bits;
    }
    return rc;
}

static int counter_read(struct rk_keeper *keeper, const char *path, int64_t deadline_ms,
                        int64_t *ret_number, int32_t *ret_version)
{
    struct rk_value value = {.version = 0};
    struct rk_try t = {.keeper = keeper, .deadline_ms = deadline_ms};
    while (rk_try(&t)) {
        t.rc = read_value(&t, path, &value);
    }
    if (t.rc != ZOK) {
        return t.rc;
    }
    *ret_version = value.version;
    return decode(&value, ret_number);
}

int rk_counter_get(struct rk_keeper *keeper, const char *path, int timeout_ms, int64_t *ret_number)
{
    int32_t version;
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    return counter_read(keeper, path, rk_rec_deadline(timeout_ms), ret_number, &version);
}

static int counter_write(struct rk_keeper *keeper, const char *path, int32_t version,
                         int64_t number, int64_t deadline_ms)
{
    char bytes[COUNTER_BYTES];
    encode(number, bytes);
    struct rk_try t = {.keeper = keeper, .deadline_ms = deadline_ms};
    return swap(&t, path, version, bytes, COUNTER_BYTES, NULL);
}

static int counter_add(struct rk_keeper *keeper, const char *path, int64_t delta,
                       int64_t deadline_ms, int64_t *ret_number)
{
    for (;;) {
        int64_t number = 0;
        int32_t version;
        int rc = counter_read(keeper, path, deadline_ms, &number, &version);
        if (rc != ZOK) {
            return rc;
        }
        number = (int64_t)((uint64_t)number + (uint64_t)delta);
        rc = counter_write(keeper, path, version, number, deadline_ms);
        if (rc == ZOK && ret_number != NULL) {
            *ret_number = number;
        }
        if (rc != ZBADVERSION) {
            return rc;
        }
        if (rk_rec_now_ms() >= deadline_ms) {
            return ZOPERATIONTIMEOUT;
        }
    }
}

int rk_counter_add(struct rk_keeper *keeper, const char *path, int64_t delta, int timeout_ms,
                   int64_t *ret_number)
{
    int rc = rk_rec_is_path(path) ? rk_keeper_enter(keeper) : ZBADARGUMENTS;
    if (rc == ZOK) {
        rc = counter_add(keeper, path, delta, rk_rec_deadline(timeout_ms), ret_number);
        rk_keeper_leave(keeper);
    }
    return rc;
}

static int counter_swap(struct rk_keeper *keeper, const char *path, int64_t from, int64_t to,
                        int64_t deadline_ms)
{
    int64_t number = 0;
    int32_t version;
    int rc = counter_read(keeper, path, deadline_ms, &number, &version);
    if (rc != ZOK) {
        return rc;
    }
    return number != from ? ZBADVERSION : counter_write(keeper, path, version, to, deadline_ms);
}

int rk_counter_swap(struct rk_keeper *keeper, const char *path, int64_t from, int64_t to,
                    int timeout_ms)
{
    int rc = rk_rec_is_path(path) ? rk_keeper_enter(keeper) : ZBADARGUMENTS;
    if (rc == ZOK) {
        rc = counter_swap(keeper, path, from, to, rk_rec_deadline(timeout_ms));
        rk_keeper_leave(keeper);
    }
    return rc;
}
