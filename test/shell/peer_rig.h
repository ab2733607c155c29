/* A member of an ensemble inside the test: a real shell, store and disk under a fake core
 * (fake_core.h), turned by hand, with plain sockets as the other servers. */
#ifndef RK_TEST_SHELL_PEER_RIG_H
#define RK_TEST_SHELL_PEER_RIG_H

#include "shell/fake_core.h"
#include "shell/rig.h"

#define OUT(n) (RK_CHAN_DIALED | (n))

/* Defaults, both ports on 127.0.0.1 and free ones. */
void peer_config(struct rk_shell_config *config);
void peer_open(struct rig *r, const struct rk_shell_config *config);

/* -- the other side's sockets, non-blocking ----------------------------------------------------
 */

/* To one of our ports. */
int peer_connect(struct rig *r, enum rk_chan_port port, int rcvbuf);
/* Listens on host (127.x.y.z) and any port, or *port if that is not 0. */
int peer_listen(const char *host, uint16_t *port, int backlog);
/* Waits for a connection to it. */
int peer_accept(struct rig *r, int fd);
/* A port that nobody listens on. */
uint16_t peer_closed_port(void);
/* Turns until fd reads the end of the stream (true) or fails; what comes before is thrown away. */
bool peer_reads_end(struct rig *r, int fd, int64_t ms);

/* -- effects: collected, carried out by peer_go ----------------------------------------------- */

void peer_dial(struct rig *r, rk_chan_id chan, const char *host, uint16_t port, int32_t timeout_ms);
void peer_send(struct rig *r, rk_chan_id chan, const void *data, size_t len);
void peer_send_many(struct rig *r, const rk_chan_id *chans, uint32_t count, const void *data,
                    size_t len);
/* MARK, PAUSE, RESUME, CLOSE. */
void peer_ask(struct rig *r, enum rk_effect_kind kind, rk_chan_id chan);
void peer_go(struct rig *r);

/* -- waiting ---------------------------------------------------------------------------------- */

/* Turns until there are so many events of the kind and channel; false after ms. */
bool peer_wait(struct rig *r, enum rk_event_kind kind, rk_chan_id chan, uint32_t count, int64_t ms);
/* Turns until so many bytes came on the channel. */
bool peer_wait_input(struct rig *r, rk_chan_id chan, uint64_t total, int64_t ms);
/* Dials a socket of the test's and returns the test's end. */
int peer_dialed(struct rig *r, rk_chan_id chan, int rcvbuf);
int64_t peer_now_ms(void);
uint32_t peer_fd_count(void);

#endif
