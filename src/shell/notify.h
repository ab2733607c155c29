/* Tells systemd (Type=notify) how far the server is; does nothing without NOTIFY_SOCKET. */
#ifndef RK_SHELL_NOTIFY_H
#define RK_SHELL_NOTIFY_H

#include "base/types.h"

/* "READY=1", "STOPPING=1". False if there is a socket and the text did not get there. */
bool rk_notify_send(const char *state);

#endif
