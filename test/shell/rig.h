/* A whole server inside the test: real core, store and shell on a temporary directory and a free
 * port, turned by hand, with plain sockets as clients. */
#ifndef RK_TEST_SHELL_RIG_H
#define RK_TEST_SHELL_RIG_H

#include "shell/disk_posix.h"
#include "shell/shell_int.h"

#include <stdatomic.h>

/* What the device does from now on; any thread may look. */
enum rig_device {
    RIG_DEVICE_GOOD,
    RIG_DEVICE_FULL,   /* no new block: allocate and writes that need one fail */
    RIG_DEVICE_BROKEN, /* syncs fail */
    RIG_DEVICE_SLOW,   /* syncs take 50 ms */
};

struct rig {
    atomic_int device; /* enum rig_device */
    struct rk_disk real_disk;
    struct rk_mem mem;
    struct rk_log log;
    int log_fd;
    char dir[64];
    struct rk_disk_posix *files;
    struct rk_disk disk;
    struct rk_core *core;
    struct rk_shell *shell;
    uint16_t port;
};

/* What rig_open gives the shell; NULL: the system's. */
extern rk_lookup_fn rig_lookup;

/* Defaults with short times; change what the test is about, then rig_open. */
void rig_config(struct rk_shell_config *config);
void rig_open(struct rig *r, const struct rk_shell_config *config,
              const struct rk_admin_hook *admin);
/* Ends everything and checks that no memory is left. */
void rig_close(struct rig *r);

/* Turns the loop for so long. */
void rig_turn(struct rig *r, int64_t ms);
/* One pass over what is ready, without waiting. */
void rig_turn_once(struct rig *r);
/* Is this text anywhere in the log so far? */
bool rig_has_logged(const struct rig *r, const char *text);

/* A client socket (non-blocking), connected. rcvbuf > 0 makes the kernel take little. */
int rig_connect(struct rig *r, int rcvbuf);
/* ... with a session. */
int rig_session(struct rig *r, int rcvbuf);
void rig_send(int fd, const void *data, size_t len);
/* Turns until len bytes came or ms went by; returns how many came. */
size_t rig_recv(struct rig *r, int fd, void *out, size_t len, int64_t ms);
/* Turns until a whole frame came; its length without the head, or -1 for the end of the stream, -2
 * for a reset, -3 for nothing within ms. */
int32_t rig_frame(struct rig *r, int fd, uint8_t *out, size_t cap, int64_t ms);

/* Frames, lengths included. Each returns how many bytes it wrote. */
size_t put_connect(uint8_t *out, int64_t session, int32_t timeout_ms);
size_t put_create(uint8_t *out, int32_t xid, const char *path, size_t data_len);
size_t put_get(uint8_t *out, int32_t xid, const char *path);
size_t put_set(uint8_t *out, int32_t xid, const char *path, size_t data_len);
size_t put_ping(uint8_t *out);
size_t put_close(uint8_t *out, int32_t xid);

#endif
