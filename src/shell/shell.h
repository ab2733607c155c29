/* The shell: everything around the core that touches the world. One loop thread (libuv) accepts
 * clients, splits frames, runs the core and carries its effects out; a log thread makes records
 * durable; a snapshot thread writes snapshots and purges old files. The shell decides nothing about
 * the protocol and the core waits for nothing.
 *
 * Order of use: create, bind (ports are ours or not), start (threads, core), listen, run, destroy.
 */
#ifndef RK_SHELL_SHELL_H
#define RK_SHELL_SHELL_H

#include "core/core.h"
#include "shell/admin_hook.h"
#include "shell/log.h"
#include "shell/lookup.h"
#include "store/recover.h"
#include "store/snap.h"
#include "store/wal.h"

struct rk_shell;

#define RK_SHELL_HOST_MAX     256u
#define RK_EXIT_ELECTION_PORT 14 /* spec-quorum A11: cannot bind the election port */

/* host "": every address of the machine, IPv4 and IPv6. Port 0: any free one (see rk_shell_bound).
 */
struct rk_shell_listen {
    char host[RK_SHELL_HOST_MAX];
    uint16_t port;
};

struct rk_shell_config {
    const struct rk_shell_listen *listen; /* copied */
    uint32_t listen_count;
    int32_t backlog; /* clientPortListenBacklog; <= 0: as long as the kernel allows */

    /* -- clients ----------------------------------------------------------------------------------
     */
    uint32_t conn_max;              /* slots; the core's conn_max must be the same. Costs nothing */
    uint32_t client_conn_max;       /* maxClientCnxns: per address; 0 = no limit */
    uint32_t total_conn_max;        /* maxCnxns; 0 = no limit */
    bool tcp_keepalive;             /* clientTcpKeepAlive */
    int64_t sessionless_timeout_ms; /* nio.sessionlessCnxnTimeout: handshake complete by then */
    uint32_t frame_bytes_max;       /* jute.maxbuffer */
    uint64_t input_bytes_max; /* rookery.input.totalBytes: parts of frames held, all clients */

    /* -- output that a client does not take -------------------------------------------------------
     */
    uint64_t output_pause_bytes; /* rookery.output.pauseBytes: no more is read from it */
    uint64_t output_drop_bytes;  /* rookery.output.dropBytes: it is dropped */
    uint64_t output_total_bytes; /* rookery.output.totalBytes: the one holding most is dropped */
    int64_t output_stall_ms;     /* rookery.output.stallMs: without progress it is dropped */

    /* -- disk -------------------------------------------------------------------------------------
     */
    struct rk_wal_options wal;
    uint64_t
        log_reserve_bytes; /* rookery.log.reserveBytes: kept free so that what is in flight fits */
    int64_t fsync_warn_ms; /* fsync.warningthresholdms */
    enum rk_snap_compression snap_compression; /* snapshot.compression.method */
    int64_t purge_interval_ms;                 /* autopurge.purgeInterval; 0 = off */
    uint32_t purge_keep;                       /* autopurge.snapRetainCount */

    int64_t shutdown_ms; /* rookery.shutdownMs: what is in flight may take this long */

    /* -- other servers ----------------------------------------------------------------------------
     */
    bool has_ensemble;               /* else the rest means nothing */
    struct rk_shell_listen election; /* bound and accepting as long as the process lives, both */
    struct rk_shell_listen quorum;
    uint32_t bind_tries;        /* electionPortBindRetry, 1 s apart; 0: for ever */
    bool peer_tcp_keepalive;    /* tcpKeepAlive */
    uint32_t peer_accepted_max; /* rookery.peer.accepted: channels accepted, of each port */
    uint64_t peer_queue_bytes;  /* rookery.peer.queueBytes: unsent on a channel, then it ends */
};

/* Every default; listen stays empty. */
void rk_shell_config_init(struct rk_shell_config *config);

/* All borrowed, alive until destroy. */
struct rk_shell_parts {
    struct rk_mem *mem; /* of the loop thread; may be the core's */
    struct rk_log *log;
    struct rk_core *core;
    const struct rk_disk *disk;        /* safe to use from two threads */
    const struct rk_admin_hook *admin; /* NULL: no four-letter words */
    rk_lookup_fn lookup;               /* of hosts to dial; NULL: the system's */
    /* How RK_FX_RELOAD reads the disk (but never db_autocreate); NULL: strictly, with twice
     * frame_bytes_max. */
    const struct rk_recover_options *recover;
};

/* NULL without memory or without what libuv needs; a line says why. */
struct rk_shell *rk_shell_create(const struct rk_shell_config *config,
                                 const struct rk_shell_parts *parts);
/* Accepts NULL and half-started. */
void rk_shell_destroy(struct rk_shell *s);

/* Takes the ports without accepting yet; those for other servers are tried for again, which may
 * take as long as bind_tries says. RK_ERR_BUSY, RK_ERR_INVALID (no such address), RK_ERR_DENIED,
 * RK_ERR_IO: logged. */
enum rk_err rk_shell_bind(struct rk_shell *s) RK_MUST_CHECK;
/* After bind or listen failed: what the process should end with, RK_EXIT_ELECTION_PORT, 2 for an
 * address that this machine does not have, 1 for everything else. */
int rk_shell_bind_status(const struct rk_shell *s);
/* Starts the threads and the core (its rk_core_start). */
enum rk_err rk_shell_start(struct rk_shell *s) RK_MUST_CHECK;
/* Clients and other servers may come. */
enum rk_err rk_shell_listen(struct rk_shell *s) RK_MUST_CHECK;
/* "127.0.0.1:2181, [0:0:0:0:0:0:0:1]:2181": what was bound. Valid until destroy. */
const char *rk_shell_bound(const struct rk_shell *s);
/* The bound port for other servers; 0 without an ensemble. */
uint16_t rk_shell_peer_port(const struct rk_shell *s, enum rk_chan_port port);
/* File descriptors that are needed beside those of clients, at most. */
uint32_t rk_shell_fds_needed(const struct rk_shell_config *config);
/* Serves until SIGTERM or SIGINT; returns the exit status. A second signal ends the process at
 * once. */
int rk_shell_run(struct rk_shell *s);

/* -- reports, on the loop thread (admin) ------------------------------------------------------ */

struct rk_shell_stats {
    uint32_t conn_count; /* open to the core */
    uint32_t conn_peak;
    uint32_t closing_count;      /* closed to the core, being flushed or lingering */
    uint64_t accepted;           /* ever */
    uint64_t refused_client_max; /* over maxClientCnxns */
    uint64_t refused_total_max;  /* over maxCnxns or out of slots */
    uint64_t refused_no_fd;
    uint64_t sessionless_expired; /* no handshake in time */
    uint64_t garbage;             /* bad length, HTTP, TLS: closed */
    uint64_t words;               /* four-letter words answered */
    uint64_t dropped_slow;        /* did not read: stalled or over a limit */
    uint64_t input_bytes;         /* parts of frames held now */
    uint64_t output_bytes;        /* output held now */
    uint32_t stalled_count;       /* connections with output held */
    uint64_t bytes_read, bytes_written;
    uint64_t turns;
    uint64_t log_appended_bytes;
    struct rk_summary fsync_us;       /* of each commit: write and sync */
    struct rk_summary commit_records; /* per commit */
    bool is_log_full;
    uint64_t snapshots_written, snapshots_failed, purged_files;
    bool is_shutting_down;
    /* other servers */
    uint32_t peer_chans;    /* channels now, whatever they do */
    uint64_t peer_accepted; /* ever */
    uint64_t peer_refused;  /* over peer_accepted_max */
    uint64_t peer_dials;    /* ever */
    uint64_t peer_dials_failed;
    uint64_t peer_bytes_read, peer_bytes_written;
    uint64_t peer_queue_bytes; /* held now for those that do not take what is sent */
};
void rk_shell_stats(const struct rk_shell *s, struct rk_shell_stats *ret);
/* srst: summaries and the totals that Apache resets. */
void rk_shell_reset_stats(struct rk_shell *s);
/* "10.1.2.3:4711" as rk_addr_text prints it; false if there is no such connection. */
bool rk_shell_conn_text(const struct rk_shell *s, rk_conn_id conn, char out[64]);
/* The core's clock, of which its deadlines are: monotonic, and in an ensemble it goes on while the
 * machine is suspended. */
int64_t rk_shell_clock_ms(const struct rk_shell *s);

#endif
