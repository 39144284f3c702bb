#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>

#include "rserpool-csp.h"
#include "rserpool-policytypes.h"

/*
 * Reliable Server Pooling (RFC 5351-5356) in C. A server joins a pool:
 *
 *    rsp_initinfo, rsp_initarg, rsp_initialize, rsp_socket, rsp_listen, rsp_register, rsp_recvmsg, rsp_sendmsg, rsp_close
 *
 * and a client starts a session with the pool, which outlives the servers:
 *
 *    rsp_initinfo, rsp_initarg, rsp_initialize, rsp_socket, rsp_connect, rsp_sendmsg, rsp_recvmsg, rsp_close
 *
 * For all functions:
 *
 *  - Failure is -1 with errno, if nothing else is said. Nothing ends the process. Beside the errors listed with a
 *    function: EACCES, rsp_initialize() was not called; EOWNERDEAD, the process is a child of fork(), where only
 *    rsp_cleanup() and then rsp_initialize() help; ENOTRECOVERABLE, an internal error of the library, now or earlier, where
 *    only rsp_cleanup() and then rsp_initialize() help.
 *  - The manual pages, rserpool(7) first, say the same at length, with all errors and examples.
 *  - Any function may be called from any thread, also on one descriptor at the same time.
 *  - A pool handle has 1 to 32 bytes. Times are in milliseconds.
 *  - Pointers are only used during the call, and stay the caller's. What the caller has to free is said.
 */

/* Where registrars announce themselves, by default. */
#define ASAP_ANNOUNCE_MULTICAST_ADDRESS "239.0.0.50:3863"
#define ENRP_ANNOUNCE_MULTICAST_ADDRESS "239.0.0.51:9901"

/* rsp_getaddrinfo(): the number of elements wanted. */
#define RSPGETADDRS_MIN     ((size_t)1)
#define RSPGETADDRS_MAX     ((size_t)0xffffffff)
#define RSPGETADDRS_DEFAULT ((size_t)0)
