/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi/ by scripts/headers
 */

#ifndef RSERPOOL_H
#define RSERPOOL_H


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

/**
 * Version of the interface, as rsplib counts it.
 */
#define RSPLIB_VERSION 2

/**
 * Revision of the interface, as rsplib counts it.
 */
#define RSPLIB_REVISION 3

/**
 * SCTP and TCP port of registrars for pool elements and pool users (RFC 5352).
 */
#define ASAP_PORT 3863

/**
 * SCTP port of registrars among each other (RFC 5353).
 */
#define ENRP_PORT 9901

/**
 * rsp_register(), rsp_pe_registration(): do not wait for the registrar's answer.
 */
#define REGF_DONTWAIT 1

/**
 * rsp_register(): the element has a control channel (it always has).
 */
#define REGF_CONTROLCHANNEL 2

/**
 * rsp_register(): succeed even when there is no usable local address yet.
 */
#define REGF_DAEMONMODE 4

/**
 * rsp_deregister(), rsp_pe_deregistration(): do not wait for the registrar's answer.
 */
#define DEREGF_DONTWAIT 1

/**
 * rsp_getaddrinfo(): there is no such pool, or it is empty.
 */
#define REAI_NONAME -1

/**
 * rsp_getaddrinfo(): out of memory.
 */
#define REAI_MEMORY -2

/**
 * rsp_getaddrinfo(): another error, which is in errno.
 */
#define REAI_SYSTEM -3

/**
 * rsp_getaddrinfo(): unsupported address family.
 */
#define REAI_FAMILY -4

/**
 * rsplib's number of sessions. Kept for programs that name it: there is no such limit here.
 */
#define SESSION_SETSIZE 16384

/**
 * Set in `*msg_flags` by rsp_recvmsg(): the buffer holds a union rserpool_notification, not data.
 */
#define MSG_RSERPOOL_NOTIFICATION 1

/**
 * Set in `*msg_flags` by rsp_recvmsg(): the buffer holds a cookie, the session's state from its last server, not data.
 */
#define MSG_RSERPOOL_COOKIE_ECHO 2

/**
 * rf_state: the session lost its pool element. Call rsp_forcefailover().
 */
#define RSERPOOL_FAILOVER_NECESSARY 1

/**
 * rf_state: the session has a new pool element.
 */
#define RSERPOOL_FAILOVER_COMPLETE 2

/**
 * rsc_state: a session came.
 */
#define RSERPOOL_SESSION_ADD 1

/**
 * rsc_state: a session went.
 */
#define RSERPOOL_SESSION_REMOVE 2

/**
 * rn_type: struct rserpool_session_change.
 */
#define RSERPOOL_SESSION_CHANGE 1

/**
 * rn_type: struct rserpool_failover.
 */
#define RSERPOOL_FAILOVER 2

/**
 * rn_type: struct rserpool_shutdown_event.
 */
#define RSERPOOL_SHUTDOWN_EVENT 3

/**
 * rn_type: struct rserpool_send_failed.
 */
#define RSERPOOL_SEND_FAILED 4

/**
 * rn_type: struct rserpool_registration_change.
 */
#define RSERPOOL_REGISTRATION_CHANGE 5

/**
 * rsp_sendto_pool(): when the element cannot be reached, another one gets the message (ASAP_SEND_FAILOVER of RFC 5352).
 */
#define RSP_SEND_FAILOVER 1

/**
 * rsp_sendto_pool(): nobody gets the message when the element cannot be reached; the default.
 */
#define RSP_SEND_NO_FAILOVER 2

/**
 * rsp_sendto_pool(): to the element that the last message to this pool went to.
 */
#define RSP_SEND_TO_LAST 4

/**
 * rsp_sendto_pool(): to every element of the pool, but not to the sender itself.
 */
#define RSP_SEND_TO_ALL 8

/**
 * rsp_sendto_pool(), with RSP_SEND_TO_ALL: also to the sender itself.
 */
#define RSP_SEND_TO_SELF 16

/**
 * rsp_sendto_pool(): without regard to the order of messages (ASAP_SCTP_UNORDER of RFC 5352).
 */
#define RSP_SEND_UNORDERED 4096

/**
 * rsp_forcefailover(): do not report the old pool element.
 */
#define FFF_NONE 0

/**
 * rsp_forcefailover(): tell the registrar that the old pool element does not answer.
 */
#define FFF_UNREACHABLE 1

/**
 * rsp_getsockopt(), rsp_setsockopt(): the level of the options below. Each value is an int.
 */
#define SOL_RSERPOOL 21075

/**
 * Socket option. 1: when a session loses its pool element, the library moves it to another one by itself, and tells so by
 * notifications. 0 (default): the program calls rsp_forcefailover().
 */
#define RSERPOOL_AUTO_FAILOVER 1

/**
 * Socket option. 1: after a failover the library sends again what the old element never acknowledged, right after the
 * cookie. 0 (default): it is dropped, and RSERPOOL_SEND_FAILED tells how many messages that were.
 */
#define RSERPOOL_FAILOVER_RESEND 2

/**
 * Socket option: how long a search for a pool element may take with all its connects, in milliseconds.
 */
#define RSERPOOL_CONNECT_TIMEOUT_MS 3

/**
 * Socket option: pause before a pool that was empty or unreachable is asked for again, in milliseconds.
 */
#define RSERPOOL_RESOLUTION_RETRY_DELAY_MS 4

/**
 * Socket option: bytes that a session may have unread, 64 for each message included. A peer that sends more loses its session.
 */
#define RSERPOOL_UNREAD_LIMIT 5

/**
 * Socket option, to be read only: how the session with a pool stands, as an errno. 0: it has a pool element. EINPROGRESS: one is
 * being searched. ENOTCONN: the socket has no session. Any other: the reason why it has no element.
 */
#define RSERPOOL_SESSION_ERROR 8

/**
 * Socket option, to be read only: how the registration stands, as an errno. 0: a registrar has taken it. EINPROGRESS: its answer is
 * waited for. EEXIST, EBUSY, EPROTOTYPE: one has refused it, as another element has the identifier, for lack of resources, or as the
 * pool's elements have another policy or transport, and is asked again.
 * EPERM: one has refused it for good. ENOENT: the socket is not to be registered.
 */
#define RSERPOOL_REGISTRATION_ERROR 9

/**
 * Socket option, to be read only: how many cookies of clients were dropped because no server of the pool had sealed them, for all
 * sessions of a listening socket together. 0 where the environment has no RSERPOOL_COOKIE_KEYS.
 */
#define RSERPOOL_COOKIES_REFUSED 10

/**
 * Socket option. 1: RSERPOOL_REGISTRATION_CHANGE tells whenever the registration of the socket stands otherwise than before. On a
 * socket for rsp_accept(), rsp_poll() shows that by POLLPRI. 0 (default): it is not told.
 */
#define RSERPOOL_REGISTRATION_EVENT 11

/**
 * rpi_flags: as many elements are listed as a call lists, or was asked for: the pool may have more.
 */
#define RSP_POOL_PARTIAL 1

/**
 * rpe_change: nothing has happened to the element since the last look, or it was the first one.
 */
#define RSP_ELEMENT_SAME 0

/**
 * rpe_change: the element came.
 */
#define RSP_ELEMENT_ADDED 1

/**
 * rpe_change: the element has other addresses, policy values or another home registrar.
 */
#define RSP_ELEMENT_CHANGED 2

/**
 * rpe_change: the element went. The rest of the structure tells how it was.
 */
#define RSP_ELEMENT_REMOVED 3

/**
 * A registrar known beforehand: an element of the list `rsp_info.ri_registrars`.
 */
struct rsp_registrar_info
{
   /**
    * The next registrar, or NULL.
    */
   struct rsp_registrar_info *rri_next;
   /**
    * `rri_addrs` addresses, one directly behind the other, each as long as its family says.
    */
   struct sockaddr *rri_addr;
   /**
    * Number of addresses, 1 to 64; all have the same port.
    */
   size_t rri_addrs;
};

/**
 * Settings for rsp_initialize(). Make it with rsp_initinfo(), fill it by rsp_initarg() or by hand, free what it holds with
 * rsp_freeinfo(). A value of 0 means "the library's default".
 */
struct rsp_info
{
   /**
    * Set by rsp_initialize(): RSPLIB_VERSION.
    */
   unsigned int ri_version;
   /**
    * Set by rsp_initialize(): RSPLIB_REVISION.
    */
   unsigned int ri_revision;
   /**
    * Set by rsp_initialize(): NULL. Deprecated.
    */
   const char *ri_build_date;
   /**
    * Set by rsp_initialize(): NULL. Deprecated.
    */
   const char *ri_build_time;
   /**
    * Registrars known beforehand, tried together with those that announce themselves; NULL: none.
    */
   struct rsp_registrar_info *ri_registrars;
   /**
    * Not 0: do not listen for registrars that announce themselves by multicast.
    */
   int ri_disable_autoconfig;
   /**
    * Multicast address of the announcements; NULL: that of RFC 5352, 224.0.1.185:3863, and
    * ASAP_ANNOUNCE_MULTICAST_ADDRESS.
    */
   struct sockaddr *ri_registrar_announce;
   /**
    * For how long an announced registrar is remembered, in milliseconds: T7-ENRPoutdate (RFC 5352 section 3.6), 5000 by
    * default.
    */
   unsigned int ri_registrar_announce_timeout;
   /**
    * Time for one connect to a registrar, in milliseconds; 1500 by default.
    */
   unsigned int ri_registrar_connect_timeout;
   /**
    * Rounds of connects to all known registrars after which a request fails, when none was reached (T5-Serverhunt,
    * RFC 5352 section 3.6). Only the time of the request limits them by default.
    */
   unsigned int ri_registrar_connect_max_trials;
   /**
    * The longest that a request may take, looking for a registrar included, in milliseconds. Where only the other timeouts are
    * given and are long, it is as long as they allow. 5000 by default.
    */
   unsigned int ri_registrar_request_timeout;
   /**
    * Time for the answer of a registrar before another one is asked, in milliseconds: T1-ENRPrequest, T2-registration and
    * T3-deregistration (RFC 5352 section 7.1); by default 1000 for a handle resolution, 2000 for the others.
    */
   unsigned int ri_registrar_response_timeout;
   /**
    * Times that a request is sent before it fails; by default 2 for a registration, 3 for a handle resolution.
    */
   unsigned int ri_registrar_request_max_trials;
   /**
    * Component status reports (rsp_csp_setstatus()): identifier of this component; 0: that of its first registered pool
    * element.
    */
   uint64_t ri_csp_identifier;
   /**
    * Component status reports: the address to which they go by UDP; NULL: none are sent.
    */
   struct sockaddr *ri_csp_server;
   /**
    * Component status reports: the interval, in milliseconds; 0: none are sent.
    */
   unsigned int ri_csp_interval;
};

/**
 * Basic mode: one pool element, as rsp_getaddrinfo() finds it or rsp_pe_registration() registers it.
 */
struct rsp_addrinfo
{
   /**
    * AF_INET, or AF_INET6 as soon as one address is IPv6.
    */
   int ai_family;
   /**
    * SOCK_STREAM for SCTP and TCP, else SOCK_DGRAM.
    */
   int ai_socktype;
   /**
    * IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, ...
    */
   int ai_protocol;
   /**
    * Room for one address of any family: 28, whatever the length of each address is.
    */
   size_t ai_addrlen;
   /**
    * Number of addresses, 1 at least.
    */
   size_t ai_addrs;
   /**
    * `ai_addrs` addresses, one directly behind the other, each as long as its family says.
    */
   struct sockaddr *ai_addr;
   /**
    * The next element, or NULL.
    */
   struct rsp_addrinfo *ai_next;
   /**
    * The element's identifier, unique in its pool.
    */
   uint32_t ai_pe_id;
};

/**
 * The selection policy of a pool and the values of one element: see rserpool-policytypes.h.
 */
struct rsp_loadinfo
{
   /**
    * The policy: a PPT_ constant.
    */
   uint32_t rli_policy;
   /**
    * Weight (weighted policies): twice the weight is chosen twice as often, 0 never. PPT_PRIORITY: the priority, of which the
    * highest is used. 0 to 0xffffffff.
    */
   uint32_t rli_weight;
   /**
    * PPT_WEIGHTED_RANDOM_DPF: the part of the weight that each millisecond of distance takes away, from 0 to 0xffffffff, all of
    * it. A weight of 1 is left at least.
    */
   uint32_t rli_weight_dpf;
   /**
    * Load: 0 is idle, PPV_MAX_LOAD is 100 %.
    */
   uint32_t rli_load;
   /**
    * Policies with degradation: by how much one more session raises the load; from 0 to PPV_MAX_LOAD_DEGRADATION, 100 %.
    */
   uint32_t rli_load_degradation;
   /**
    * Policies of load with DPF: what each millisecond of distance adds to the load, from 0 to PPV_MAX_LOADDPF, 100 %.
    */
   uint32_t rli_load_dpf;
};

/**
 * How fast a dead peer is noticed: the SCTP parameters of a socket's associations (RFC 9260 section 16).
 */
struct rserpool_session_parameters
{
   /**
    * RTO.Initial in milliseconds, up to one day; 250 by default. 0, here and below: stays as it is.
    */
   unsigned int sp_rto_initial;
   /**
    * RTO.Min in milliseconds, up to one day; 100 by default.
    */
   unsigned int sp_rto_min;
   /**
    * RTO.Max in milliseconds, up to one day; 500 by default.
    */
   unsigned int sp_rto_max;
   /**
    * Association.Max.Retrans of an association with one path; each further path adds sp_path_max_rxt, up to what all
    * paths have together. Up to 65535; 4 by default.
    */
   unsigned int sp_assoc_max_rxt;
   /**
    * Path.Max.Retrans, up to 65535; 3 by default.
    */
   unsigned int sp_path_max_rxt;
   /**
    * HB.interval in milliseconds, up to one day; 500 by default.
    */
   unsigned int sp_hbinterval;
};

/**
 * Names a session.
 */
typedef int rserpool_session_t;

/**
 * What came with a message, or belongs to it.
 */
struct rsp_sndrcvinfo
{
   /**
    * The session.
    */
   rserpool_session_t rinfo_session;
   /**
    * Payload protocol identifier (RFC 9260 section 3.3.1), in network byte order; 11 is that of ASAP, and refused.
    */
   uint32_t rinfo_ppid;
   /**
    * Identifier of the pool element at the other end; 0 when that is not a pool element.
    */
   uint32_t rinfo_pe_id;
   /**
    * For how long a message may wait to be sent (RFC 3758), in milliseconds; 0: as long as it takes. 0 with received ones.
    */
   uint32_t rinfo_timetolive;
   /**
    * SCTP stream, from 0 to the number of streams less one.
    */
   uint16_t rinfo_stream;
};

/**
 * One pool element in a struct rsp_poolinfo.
 */
struct rsp_poolelement
{
   /**
    * The element's identifier, unique in its pool; never 0.
    */
   uint32_t rpe_identifier;
   /**
    * Identifier of the registrar that looks after it.
    */
   uint32_t rpe_home_registrar;
   /**
    * RSP_ELEMENT_SAME, RSP_ELEMENT_ADDED, RSP_ELEMENT_CHANGED or RSP_ELEMENT_REMOVED; of rsp_getpoolinfo() always
    * RSP_ELEMENT_SAME.
    */
   unsigned int rpe_change;
   /**
    * For how many seconds it stays registered when it does not register again; 0xffffffff: for ever.
    */
   uint32_t rpe_life;
   /**
    * Policy values that it registered: load, weight, ...
    */
   struct rsp_loadinfo rpe_load;
   /**
    * SOCK_STREAM for SCTP and TCP, else SOCK_DGRAM.
    */
   int rpe_socktype;
   /**
    * IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, ...; 0: reached in a way that IP does not know.
    */
   int rpe_protocol;
   /**
    * Not 0: it talks ASAP with its users, that is, gives cookies.
    */
   int rpe_control_channel;
   /**
    * Number of addresses at `rpe_addr`.
    */
   size_t rpe_addrs;
   /**
    * `rpe_addrs` addresses, one directly behind the other, each as long as its family says; NULL when there are none.
    */
   struct sockaddr *rpe_addr;
};

/**
 * A pool, as rsp_getpoolinfo() and rsp_getpoolchange() tell it.
 */
struct rsp_poolinfo
{
   /**
    * The pool handle, without a byte behind it.
    */
   const unsigned char *rpi_handle;
   /**
    * Its length in bytes, 1 to 32.
    */
   size_t rpi_handle_size;
   /**
    * The pool's selection policy, a PPT_ constant; 0: there is no such pool, or it is empty.
    */
   uint32_t rpi_policy;
   /**
    * RSP_POOL_PARTIAL, or 0.
    */
   unsigned int rpi_flags;
   /**
    * Number of elements at `rpi_element`.
    */
   size_t rpi_elements;
   /**
    * `rpi_elements` elements, one behind the other.
    */
   struct rsp_poolelement *rpi_element;
};

/**
 * What all notifications begin with.
 */
struct rserpool_notification_header
{
   /**
    * RSERPOOL_SESSION_CHANGE, RSERPOOL_FAILOVER, RSERPOOL_SHUTDOWN_EVENT, RSERPOOL_SEND_FAILED or RSERPOOL_REGISTRATION_CHANGE.
    */
   uint16_t rn_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rn_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rn_length;
};

/**
 * Notification: a session lost its pool element, or found a new one.
 */
struct rserpool_failover
{
   /**
    * RSERPOOL_FAILOVER.
    */
   uint16_t rf_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rf_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rf_length;
   /**
    * RSERPOOL_FAILOVER_NECESSARY or RSERPOOL_FAILOVER_COMPLETE.
    */
   unsigned int rf_state;
   /**
    * The session.
    */
   rserpool_session_t rf_session;
   /**
    * Not 0: there is a cookie, so the new pool element gets the session's state.
    */
   unsigned char rf_has_cookie;
};

/**
 * Notification: a session came to a one-to-many socket, or went.
 */
struct rserpool_session_change
{
   /**
    * RSERPOOL_SESSION_CHANGE.
    */
   uint16_t rsc_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rsc_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rsc_length;
   /**
    * RSERPOOL_SESSION_ADD or RSERPOOL_SESSION_REMOVE.
    */
   unsigned int rsc_state;
   /**
    * The session.
    */
   rserpool_session_t rsc_session;
};

/**
 * Notification: the other end closes the session.
 */
struct rserpool_shutdown_event
{
   /**
    * RSERPOOL_SHUTDOWN_EVENT.
    */
   uint16_t rse_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rse_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rse_length;
   /**
    * The session.
    */
   rserpool_session_t rse_session;
};

/**
 * Notification: an element never acknowledged messages of a session or of rsp_sendto_pool(), and nobody else gets them.
 */
struct rserpool_send_failed
{
   /**
    * RSERPOOL_SEND_FAILED.
    */
   uint16_t rsf_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rsf_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rsf_length;
   /**
    * How many messages, 1 at least.
    */
   unsigned int rsf_messages;
   /**
    * The session that they were sent in; it is over.
    */
   rserpool_session_t rsf_session;
   /**
    * The element's identifier.
    */
   uint32_t rsf_identifier;
};

/**
 * Notification: the registration of the socket stands otherwise than before. Only with RSERPOOL_REGISTRATION_EVENT.
 */
struct rserpool_registration_change
{
   /**
    * RSERPOOL_REGISTRATION_CHANGE.
    */
   uint16_t rrc_type;
   /**
    * Always 0: no flags are defined.
    */
   uint16_t rrc_flags;
   /**
    * Length of the notification in bytes, this header included.
    */
   uint32_t rrc_length;
   /**
    * How it stands, as RSERPOOL_REGISTRATION_ERROR tells it; 0: a registrar has taken it.
    */
   int rrc_error;
   /**
    * The element's identifier.
    */
   uint32_t rrc_identifier;
};

/**
 * What rsp_recvmsg() writes to the buffer when it sets MSG_RSERPOOL_NOTIFICATION.
 */
union rserpool_notification
{
   /**
    * Look here first: `rn_type` tells which member is valid.
    */
   struct rserpool_notification_header rn_header;
   /**
    * When `rn_type` is RSERPOOL_FAILOVER.
    */
   struct rserpool_failover rn_failover;
   /**
    * When `rn_type` is RSERPOOL_SESSION_CHANGE.
    */
   struct rserpool_session_change rn_session_change;
   /**
    * When `rn_type` is RSERPOOL_SHUTDOWN_EVENT.
    */
   struct rserpool_shutdown_event rn_shutdown_event;
   /**
    * When `rn_type` is RSERPOOL_SEND_FAILED.
    */
   struct rserpool_send_failed rn_send_failed;
   /**
    * When `rn_type` is RSERPOOL_REGISTRATION_CHANGE.
    */
   struct rserpool_registration_change rn_registration_change;
};

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * Sets all fields to their defaults, which are 0, and applies the environment variables CSP_SERVER and CSP_INTERVAL.
 * Call it before anything else is done with the structure.
 *
 * Standards:
 * RFC 5352 sections 3.6 (looking for a registrar) and 7 (timers).
 */
void rsp_initinfo(struct rsp_info *info);

/**
 * Frees what rsp_initarg() allocated: the list of registrars. May be called right after rsp_initialize(), and twice.
 */
void rsp_freeinfo(struct rsp_info *info);

/**
 * Takes one command line argument, if it is one of the library's:
 *
 *     -registrar=ADDRESS:PORT{,ADDRESS:PORT}   a registrar, with all its addresses; may be repeated
 *     -registrar=NAME:PORT                     a registrar that is looked up whenever one is looked for
 *     -asapannounce=auto|off|ADDRESS:PORT      where registrars announce themselves by multicast
 *     -transport=auto|sctp|sctp-udp            the kernel's SCTP, or SCTP in UDP
 *     -profile=default|fast                    timers for any network, or for noticing failures within 0.3 s
 *     -tls=off|require                         whether registrars are asked under TLS, and by nothing else (docs/security.md)
 *     -tls-ca=FILE, -tls-cert=FILE, -tls-key=FILE, -tls-crl=FILE, -tls-psk-file=FILE, -tls-name=NAME, -tls-profile=default|rfc5352
 *     -loglevel=0..9, -loglevel=error|warn|info|debug|trace, -logfile=FILE, -logappend=FILE, -logquiet
 *     -cspserver=ADDRESS:PORT, -cspinterval=MILLISECONDS, -cspidentifier=NUMBER
 *     -registrarannouncetimeout=, -registrarconnecttimeout=, -registrarrequesttimeout=, -registrarresponsetimeout=
 *     -registrarconnectmaxtrials=, -registrarrequestmaxtrials=
 *
 * In a library that was built without TLS, as the usual one is, "-tls=off" is the only one of these.
 *
 * The last two lines are applied, but answered with 0, as programs know it from rsplib.
 *
 * Returns:
 * 1 when the argument was taken; 0 when it is unknown, or for NULL; -1 when its value is bad or its name misspelt.
 *
 * Errors:
 * EINVAL: the value is bad, or the name differs by one or two letters from one of the library's. rsp_last_error() tells
 * which, and so does the log after rsp_initialize().
 */
int rsp_initarg(struct rsp_info *info,
                const char *arg);

/**
 * Starts the library. Every other function but rsp_initinfo(), rsp_initarg() and rsp_freeinfo() needs it first.
 * The environment variables RSERPOOL_REGISTRARS (ADDRESS:PORT or NAME:PORT, with commas between: further registrars), RSERPOOL_TRANSPORT
 * (auto, sctp, sctp-udp), RSERPOOL_PROFILE (default, fast) and RSERPOOL_LOG (error, warn, info, debug or trace, then optionally a comma and a file) hold
 * where the structure and the arguments leave it open. NULL: defaults.
 *
 * Returns:
 * 0, also when the library runs already (nothing changes then); -1 on failure.
 *
 * Errors:
 * EINVAL: an address list is too long, or mixes ports, or an environment variable makes no sense. EFAULT: an address is
 * NULL. EAFNOSUPPORT: an address is neither IPv4 nor IPv6. EPROTONOSUPPORT: the transport asked for is not available.
 * EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN: no descriptors, memory or threads left. EIO: the system refuses for another
 * reason. EOWNERDEAD: in a child of fork(); call rsp_cleanup() first.
 *
 * Standards:
 * RFC 5352; RFC 6951 (SCTP in UDP).
 */
int rsp_initialize(struct rsp_info *info);

/**
 * Stops the library: de-registers, closes all sockets, wakes all blocked calls, which fail with ECANCELED. After that
 * rsp_initialize() starts it afresh. Does nothing when the library does not run.
 */
void rsp_cleanup(void);

/**
 * Resolves a pool handle into elements, best first. `items`: how many at most; RSPGETADDRS_DEFAULT: as many as the
 * registrar gives. The registrar is not asked when its last answer is younger than `staleCacheValue` milliseconds.
 * Free the list with rsp_freeaddrinfo().
 *
 * Returns:
 * The number of elements, 1 at least; REAI_NONAME: no such pool, or it is empty; REAI_MEMORY: out of memory; REAI_SYSTEM:
 * any other error, which is in errno. In all these cases `*rserpoolAddrInfo` is NULL.
 *
 * Errors:
 * With REAI_SYSTEM: EACCES: rsp_initialize() was not called. EFAULT: NULL. EINVAL: the handle is empty. ENAMETOOLONG: the
 * handle is longer than 32 bytes. EHOSTUNREACH: no registrar can be reached. EMFILE: no descriptors left to reach one by.
 * ETIMEDOUT: no registrar answers. EPERM: the registrar refuses. EBUSY: too many requests are under way. EINTR: a signal handler ran while the answer was waited for,
 * SA_RESTART or not. ECANCELED: rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 sections 3.3 (handle resolution), 6.3 (cache) and 6.9.1 (Translation.Request).
 */
int rsp_getaddrinfo(const uint8_t *poolHandle,
                    size_t poolHandleSize,
                    struct rsp_addrinfo **rserpoolAddrInfo,
                    size_t items,
                    unsigned int staleCacheValue);

/**
 * Frees a list of rsp_getaddrinfo(). NULL is allowed.
 */
void rsp_freeaddrinfo(struct rsp_addrinfo *rserpoolAddrInfo);

/**
 * Tells the registrar that an element does not answer. Does not wait for the registrar.
 *
 * Returns:
 * 0; 0x1000: rsp_initialize() was not called; another code: an argument is bad. errno tells it, too.
 *
 * Errors:
 * EFAULT: NULL. EINVAL: the handle is empty, or the identifier 0. ENAMETOOLONG: the handle is longer than 32 bytes.
 * ECANCELED: rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 sections 3.5 (unreachable endpoints) and 6.9.2 (Transport.Failure).
 */
unsigned int rsp_pe_failure(const uint8_t *poolHandle, size_t poolHandleSize, uint32_t identifier);

/**
 * Registers an element that is not an RSerPool socket, for `registrationLife` milliseconds, of which a third is also the
 * interval at which the library registers it again, until rsp_pe_deregistration() or rsp_cleanup(). `rspAddrInfo` tells how
 * users reach it; `ai_pe_id` 0: an identifier is chosen and written there. `rspLoadInfo` NULL: round robin. `flags`:
 * REGF_DONTWAIT, after which 0 does not say that a registrar has taken it; REGF_CONTROLCHANNEL.
 *
 * Returns:
 * 0; 0x1000: rsp_initialize() was not called; 0x1007: no registrar can be reached; 0x1008: no registrar answers; else
 * another code: the registrar refused, or an argument is bad. errno tells it, too.
 *
 * Errors:
 * As rsp_getaddrinfo(); after EINTR the registration goes on. EINVAL, also: no address, addresses with different ports, or an unknown policy. EAFNOSUPPORT: an
 * address is neither IPv4 nor IPv6. EPROTONOSUPPORT: `ai_protocol` is none that can be registered.
 *
 * Standards:
 * RFC 5352 sections 3.1 and 6.1 (registration); RFC 5354 section 3.12 (error causes).
 */
unsigned int rsp_pe_registration(const uint8_t *poolHandle,
                                 size_t poolHandleSize,
                                 struct rsp_addrinfo *rspAddrInfo,
                                 const struct rsp_loadinfo *rspLoadInfo,
                                 unsigned int registrationLife,
                                 int flags);

/**
 * De-registers an element of rsp_pe_registration(). `flags`: DEREGF_DONTWAIT.
 *
 * Returns:
 * 0, or a code as for rsp_pe_registration().
 *
 * Errors:
 * As rsp_getaddrinfo(); after EINTR the de-registration goes on. EINVAL, also: the identifier is 0.
 *
 * Standards:
 * RFC 5352 sections 3.2 and 6.2 (de-registration).
 */
unsigned int rsp_pe_deregistration(const uint8_t *poolHandle, size_t poolHandleSize, uint32_t identifier, int flags);

/**
 * Makes an RSerPool socket. The descriptor is a real one of the kernel: it works with poll(), select(), epoll and every
 * event loop (readable while rsp_recvmsg() or rsp_accept() would succeed, writable while rsp_sendmsg() would not block),
 * and stays the same across failovers. Only rsp_ functions may read, write and close it. With several sessions on it,
 * writable means that one of them at least may take a message: from EAGAIN for one session on, the descriptor is not
 * writable until a session that gave EAGAIN has room again or is gone, or a message to another one is taken.
 *
 * `domain`: 0, AF_INET, or AF_INET6: it makes no difference, the addresses given to rsp_bind() do.
 * `type`: SOCK_SEQPACKET for pool users, and for servers with all sessions on one descriptor; SOCK_STREAM for servers with a
 * descriptor for each session, by rsp_accept().
 * `protocol`: IPPROTO_SCTP, or 0.
 *
 * Returns:
 * The descriptor, or -1.
 *
 * Errors:
 * EACCES: rsp_initialize() was not called. EPROTONOSUPPORT, ESOCKTNOSUPPORT, EAFNOSUPPORT: not SCTP, another type,
 * another domain. EMFILE, ENFILE, ENOMEM: no descriptors or memory left. EOWNERDEAD: in a child of fork().
 *
 * Standards:
 * RFC 5352; RFC 6458 sections 3 and 4 for the two types of sockets, with SCTP instead of RSerPool.
 */
int rsp_socket(int domain,
               int type,
               int protocol);

/**
 * Sets SCTP parameters of the socket's associations. Values of 0 stay as they are, unless another one contradicts them. All
 * values that hold now are written back. Sockets that are connected without having been bound share them.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EFAULT: `params` is NULL. EINVAL: values that contradict each other, as RTO.Min above RTO.Max. EBADF: not an open RSerPool
 * socket. EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 9260 section 16; RFC 6458 sections 8.1.1, 8.1.2 and 8.1.12.
 */
int rsp_update_session_parameters(int sd,
                                  struct rserpool_session_parameters *params);

/**
 * Binds the socket. `addrs` are `addrcnt` addresses, one directly behind the other, each as long as its family says, all
 * with the same port. `addrcnt` < 1: any address, any free port.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EFAULT: `addrs` is NULL. EINVAL: more than 64 addresses, different ports, or bound already. EAFNOSUPPORT: neither IPv4
 * nor IPv6. EADDRINUSE, EADDRNOTAVAIL, EACCES, EIO: the system refuses the address. EMFILE, ENFILE, ENOBUFS, ENOMEM: no
 * descriptors or memory left. EBADF: not an open RSerPool socket. EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 6458 section 9.1 (sctp_bindx); RFC 6951 section 5.1.
 */
int rsp_bind(int sd,
             const struct sockaddr *addrs,
             int addrcnt);

/**
 * Closes the socket with its sessions and, on a pool element, its registration. Closing a server's sessions makes its
 * clients fail over. Calls on the socket that are blocked in other threads return. On mapped descriptors it is close().
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket, nor mapped.
 *
 * Standards:
 * RFC 5352 section 3.2 (de-registration).
 */
int rsp_close(int sd);

/**
 * Tells which pool the socket is registered in, and as what. On entry `*poolHandleSize` is the size of the buffer, on
 * return the size of the handle. `identifier` may be NULL.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket, or not registered. EFAULT: NULL. ENOBUFS: the buffer is too small.
 *
 * Standards:
 * RFC 5352 section 1.1 (pool handle, pool element handle).
 */
int rsp_getsockname(int sd, uint8_t *poolHandle, size_t *poolHandleSize, uint32_t *identifier);

/**
 * Tells which pool the socket is connected to, and which of its elements serves the session now. On entry
 * `*poolHandleSize` is the size of the buffer, on return the size of the handle. `identifier` may be NULL.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. ENOTCONN: not connected to a pool. EFAULT: NULL. ENOBUFS: the buffer is too small.
 *
 * Standards:
 * RFC 5352 section 1.1 (pool handle, pool element handle).
 */
int rsp_getpeername(int sd,
                    uint8_t *poolHandle,
                    size_t *poolHandleSize,
                    uint32_t *identifier);

/**
 * Reads a socket option. RSerPool sockets have those of level SOL_RSERPOOL, each an int, and of level IPPROTO_SCTP those of
 * timers and thresholds with the structures of netinet/sctp.h: SCTP_RTOINFO, SCTP_ASSOCINFO (sasoc_asocmaxrxt),
 * SCTP_PEER_ADDR_PARAMS (spp_hbinterval, spp_pathmaxrxt) and SCTP_PEER_ADDR_THLDS. These are for all associations and
 * addresses of the socket, over kernel SCTP and, except for the thresholds of paths, over SCTP in UDP, where they count for
 * associations to be made. Fields that are not named here are 0. On mapped descriptors it is getsockopt(). On entry `*optlen` is the size of the buffer, on return the length of the value.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EFAULT: NULL. ENOPROTOOPT: no such option. EINVAL: the buffer is too small.
 *
 * Standards:
 * RFC 5352 section 6.5.5 (message delivery options: retransmission and failover); RFC 6458 sections 8.1.1, 8.1.2 and
 * 8.1.12; RFC 7829.
 */
int rsp_getsockopt(int sd,
                   int level,
                   int optname,
                   void *optval,
                   socklen_t *optlen);

/**
 * Sets a socket option: see rsp_getsockopt().
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EFAULT: NULL. ENOPROTOOPT: no such option. EINVAL: a bad value or
 * length, values that contradict each other, or an SCTP option for one association or address.
 */
int rsp_setsockopt(int sd, int level, int optname, const void *optval, socklen_t optlen);

/**
 * Registers the socket as an element of the pool; binds it and listens first where that was not done. Again for the same
 * pool: changes the registration, e.g. its load, without waiting. The library re-registers by itself every
 * `reregistrationInterval` milliseconds, and with another registrar when the one in use is lost. `loadinfo` NULL: round
 * robin. `flags`: REGF_DONTWAIT, REGF_DAEMONMODE.
 *
 * Returns:
 * 0, also when no registrar is there yet (the library goes on trying); -1 on failure.
 *
 * Errors:
 * EBADF: not an open RSerPool socket, or registered in another pool. EFAULT: the handle is NULL. EINVAL: the handle is
 * empty, or the policy unknown. ENAMETOOLONG: the handle is longer than 32 bytes. EADDRNOTAVAIL: there is no usable local
 * address, and not REGF_DAEMONMODE. EISCONN: the socket is connected. EOPNOTSUPP: a mapped descriptor. As rsp_bind(), where
 * the socket is bound only now. EINTR: a signal handler ran while the registrar's answer was waited for, SA_RESTART or not;
 * the registration goes on.
 *
 * Standards:
 * RFC 5352 sections 3.1 and 6.1 (registration), 3.4 (keep-alive) and 7.1 (T2, T3, T4); RFC 5356 (policies).
 */
int rsp_register(int sd,
                 const uint8_t *poolHandle,
                 size_t poolHandleSize,
                 const struct rsp_loadinfo *loadinfo,
                 unsigned int reregistrationInterval,
                 int flags);

/**
 * Takes the element out of its pool: no new sessions come. Those that are there stay. Waits for the registrar's answer, some
 * seconds at most, unless `flags` are DEREGF_DONTWAIT.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket, or not registered. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran while
 * the registrar's answer was waited for, SA_RESTART or not; the de-registration goes on.
 *
 * Standards:
 * RFC 5352 sections 3.2 and 6.2 (de-registration).
 */
int rsp_deregister(int sd,
                   int flags);

/**
 * Accepts sessions from now on. Binds the socket first where that was not done.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EISCONN: the socket is connected. EOPNOTSUPP: a mapped descriptor. As rsp_bind(),
 * where the socket is bound only now.
 *
 * Standards:
 * RFC 6458 sections 3.1.3 and 4.1.3 (listen).
 */
int rsp_listen(int sd, int backlog);

/**
 * Takes a new session from a listening SOCK_STREAM socket. `timeout` in milliseconds; negative: no limit.
 *
 * Returns:
 * The session's own descriptor, or -1.
 *
 * Errors:
 * EAGAIN: no session came in time. EINTR: a signal came. EBADF: not an open RSerPool socket, or closed by another thread.
 * ENOTCONN: not a listening SOCK_STREAM socket. EMFILE, ENFILE, ENOMEM: no descriptors or memory left; the session goes on
 * waiting, as with accept(2). ECANCELED: rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 6458 section 4.1.4 (accept).
 */
int rsp_accept(int sd,
               int timeout);

/**
 * Gives the client of a session the session's state. The client's library keeps the last cookie, and hands it to the next
 * pool element after a failover, where it arrives with MSG_RSERPOOL_COOKIE_ECHO. Cookies and data of a session keep their
 * order. `timeout` as in rsp_sendmsg().
 *
 * Returns:
 * The length of the cookie, or -1.
 *
 * Errors:
 * As rsp_sendmsg(). EMSGSIZE: the cookie is empty or longer than 65524 bytes. EBADF, also: the socket is a pool user's.
 * EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 5352 sections 2.2.11, 2.2.12 and 3.8; RFC 5355 for why to sign them.
 */
ssize_t rsp_send_cookie(int sd,
                        const uint8_t *cookie,
                        size_t cookieSize,
                        rserpool_session_t sessionID,
                        int timeout);

/**
 * Tells the clients of a registered socket where to go when this element fails: they try the `count` elements with these
 * identifiers, in this order, before they ask a registrar (a business card, RFC 5352 section 3.9). All sessions are told,
 * those that are there and those that come. Call it again for another order; with `count` 0 new sessions get none. At most
 * 32 elements; the call asks a registrar for their addresses, and leaves out who is not in the pool. Not for pools with
 * clients that use rsplib, which cannot read business cards.
 *
 * Returns:
 * The number of elements listed, or -1.
 *
 * Errors:
 * EBADF: not a registered RSerPool socket, or closed by another thread. EFAULT: `identifiers` is NULL. EINVAL: more than 32
 * elements. ENOENT: none of them is in the pool. EHOSTUNREACH, EMFILE, ETIMEDOUT, EPERM, EBUSY, EINTR: as
 * rsp_getaddrinfo().
 * ECANCELED: rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 5352 sections 2.2.13 and 3.9.
 */
int rsp_send_businesscard(int sd,
                          const uint32_t *identifiers,
                          size_t count);

/**
 * Starts a session with the pool: an element is chosen by the pool's policy and connected. The registrar is not asked when
 * its last answer is younger than `staleCacheValue` milliseconds.
 *
 * Returns:
 * 0, also when no element can be reached now: then the session begins with RSERPOOL_FAILOVER_NECESSARY. -1 on failure.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EISCONN: it has or had a session, or is a server's. EFAULT: the handle is NULL. EINVAL: the
 * handle is empty. ENAMETOOLONG: the handle is longer than 32 bytes. EMFILE, ENFILE, ENOBUFS, ENOMEM: out of descriptors or
 * memory. EADDRINUSE, EIO: the system gives no port. ETIMEDOUT: still searching after a minute. ECANCELED: rsp_cleanup() was
 * called. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran while an element was searched or connected,
 * SA_RESTART or not; that goes on, as with connect(): the descriptor becomes writable when it has ended, and brings
 * RSERPOOL_FAILOVER_NECESSARY when no element was found.
 *
 * Standards:
 * RFC 5352 sections 3.3 (handle resolution), 3.5 (unreachable endpoints), 6.3 (cache) and 6.5.2 (selection).
 */
int rsp_connect(int sd,
                const uint8_t *poolHandle,
                size_t poolHandleSize,
                unsigned int staleCacheValue);

/**
 * Tells whether the session's pool element has given a cookie, so that the next one can go on with the session.
 *
 * Returns:
 * 1: yes. 0: no, or not connected. -1 on failure.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EOPNOTSUPP: a mapped descriptor.
 *
 * Standards:
 * RFC 5352 sections 2.2.11, 2.2.12 and 3.8.
 */
int rsp_has_cookie(int sd);

/**
 * Moves the session to another pool element, and waits until that is done. The cookie, if any, is the first thing that the
 * new element gets; RSERPOOL_FAILOVER_COMPLETE is the first thing to receive here afterwards. Not needed with the socket
 * option RSERPOOL_AUTO_FAILOVER. `flags`: FFF_UNREACHABLE tells the registrar that the old element does not answer.
 *
 * Returns:
 * 0, also when the pool is empty: then RSERPOOL_FAILOVER_NECESSARY comes again, to try again. -1 on failure.
 *
 * Errors:
 * EIO: the new element could not be connected either, or no registrar answers; try again. EBADF: not an open RSerPool
 * socket, or not connected, or the program has ended the session. ETIMEDOUT: still searching after a minute. ECANCELED:
 * rsp_cleanup() was called. EOPNOTSUPP: a mapped descriptor. EINTR: a signal handler ran meanwhile, SA_RESTART or not; the
 * search goes on, and its result comes as a notification. Called again, it waits for that search.
 *
 * Standards:
 * RFC 5352 sections 3.5 (unreachable endpoints), 3.8 (cookies) and 6.5.5 (failover).
 */
int rsp_forcefailover(int sd,
                      unsigned int flags,
                      unsigned int staleCacheValue);

/**
 * Sends a message. `sessionID` names the session on a one-to-many server; connected sockets ignore it. `sctpPPID` is in
 * network byte order; not 11, which is ASAP's. `sctpTimeToLive` in milliseconds, 0: no limit. `sctpFlags`:
 * SCTP_UNORDERED, SCTP_EOF, SCTP_ABORT (the last two end the session, and need no data). `msg_flags`: MSG_DONTWAIT.
 * `timeout` in milliseconds: how long to wait while the send queue is full; 0 and negative: not at all.
 *
 * Returns:
 * The length of the data, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. ENOTCONN: it has no such session. EIO: the session lost its pool element, and needs a failover; or
 * it has ended. EAGAIN: the send queue is full, or the library is just failing over. EMSGSIZE: the message is too long. ENOMEM: there
 * is no memory for it.
 * EINVAL: no data, PPID 11, or no such stream. EFAULT: `data` is NULL. EINTR: a signal came. ECANCELED: rsp_cleanup() was
 * called.
 *
 * Standards:
 * RFC 5352 section 6.5 (DataSendRequest); RFC 6458 section 5.3.2 (flags); RFC 3758 (time to live).
 */
ssize_t rsp_sendmsg(int sd,
                    const void *data,
                    size_t dataLength,
                    unsigned int msg_flags,
                    rserpool_session_t sessionID,
                    uint32_t sctpPPID,
                    uint16_t sctpStreamID,
                    uint32_t sctpTimeToLive,
                    uint16_t sctpFlags,
                    int timeout);

/**
 * Receives data, a notification (MSG_RSERPOOL_NOTIFICATION in `*msg_flags`) or a cookie that came from a client after a
 * failover (MSG_RSERPOOL_COOKIE_ECHO). MSG_EOR in `*msg_flags` marks the end of a message; the rest of a longer one
 * follows with the next call. `*msg_flags` is only written. `rinfo` and `msg_flags` may be NULL, then the difference between
 * data and the rest is lost. `timeout` in milliseconds; 0 and negative: does not wait. On mapped descriptors it is read(),
 * as soon as there is something to read.
 *
 * Returns:
 * The number of bytes; 0 when the session has ended; -1 on failure.
 *
 * Errors:
 * EAGAIN: nothing came in time. EINTR: a signal came. EBADF: not an open RSerPool socket, or closed by another thread.
 * EFAULT: `buffer` is NULL. EINVAL: the buffer is empty, or shorter than a union rserpool_notification and a notification
 * waits (it stays). ENOTCONN: neither connected nor a server. ECANCELED: rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 sections 3.8 (cookies), 6.6 (Data.Received) and 6.7 (Error.Report); RFC 6458 section 3.1.4.
 */
ssize_t rsp_recvmsg(int sd,
                    void *buffer,
                    size_t bufferLength,
                    struct rsp_sndrcvinfo *rinfo,
                    int *msg_flags,
                    int timeout);

/**
 * As rsp_recvmsg(), but waits for the end of the message, or of the buffer. `timeout` in milliseconds; negative: no limit.
 *
 * Returns:
 * The number of bytes; 0 when the session has ended; -1 on failure.
 *
 * Errors:
 * As rsp_recvmsg().
 */
ssize_t rsp_recvfullmsg(int sd,
                        void *buffer,
                        size_t bufferLength,
                        struct rsp_sndrcvinfo *rinfo,
                        int *msg_flags,
                        int timeout);

/**
 * Receives without waiting, as rsp_recvmsg() with timeout 0; on mapped descriptors it is read(), which may wait.
 * Notifications and cookies cannot be told from data: for sockets whose program does not need to know.
 *
 * Returns:
 * The number of bytes; 0 when the session has ended; -1 on failure.
 *
 * Errors:
 * As rsp_recvmsg().
 */
ssize_t rsp_read(int fd, void *buffer, size_t bufferLength);

/**
 * As rsp_read(). `flags` are ignored.
 *
 * Returns:
 * The number of bytes; 0 when the session has ended; -1 on failure.
 *
 * Errors:
 * As rsp_recvmsg().
 */
ssize_t rsp_recv(int sd, void *buffer, size_t bufferLength, int flags);

/**
 * Sends a message on a connected socket without waiting, with PPID 0 on stream 0. On mapped descriptors it is write().
 *
 * Returns:
 * The length of the data, or -1.
 *
 * Errors:
 * As rsp_sendmsg().
 */
ssize_t rsp_write(int fd, const char *data, size_t dataLength);

/**
 * As rsp_write(). `flags` are ignored.
 *
 * Returns:
 * The length of the data, or -1.
 *
 * Errors:
 * As rsp_sendmsg().
 */
ssize_t rsp_send(int sd, const void *data, size_t dataLength, int flags);

/**
 * Sends one message to a pool, or to one of its elements, without rsp_connect() (RFC 5352 section 6.5). For SOCK_SEQPACKET
 * sockets that are not connected: new ones, and those of pool elements, which talk to their peers that way.
 *
 * Whom it goes to: `identifier` 0: one element, chosen by the pool's policy for each message; else the element with that
 * identifier ("pool element handle": pool handle and identifier). `flags`, combined by `|`: RSP_SEND_TO_LAST: the element
 * that the socket's last message to this pool went to; RSP_SEND_TO_ALL: every element, 512 at most, but not the socket
 * itself where it is one of them, unless RSP_SEND_TO_SELF says so; RSP_SEND_FAILOVER: when the element cannot be reached,
 * another one gets the message, also later when SCTP loses the association before the element has acknowledged it (then
 * for 10 seconds); the message may arrive twice when the first element was only cut off. RSP_SEND_NO_FAILOVER: nobody
 * else gets it (default). RSP_SEND_UNORDERED: without regard to the order of messages. MSG_DONTWAIT: as `timeout` 0.
 * RSP_SEND_FAILOVER means nothing together with RSP_SEND_TO_ALL.
 *
 * `info` may be NULL: then stream 0 and PPID 0. On entry rinfo_ppid (network byte order, not 11), rinfo_stream and
 * rinfo_timetolive (milliseconds, 0: no limit) belong to the message. On success rinfo_pe_id and rinfo_session say which
 * element got it, with RSP_SEND_TO_ALL the last one; rsp_sendmsg() may go on in that session.
 *
 * The first message to an element makes a session with it, which the following ones use: RSERPOOL_SESSION_ADD tells its
 * number, RSERPOOL_SESSION_REMOVE its end. Answers come by rsp_recvmsg() with rinfo_session and rinfo_pe_id. A socket has
 * 1024 such sessions at most, with elements of 64 pools; the one that was not used for the longest time makes room. To
 * itself a message goes without an association, in session 0. Messages that an element never acknowledged, and that
 * nobody else takes, are reported by RSERPOOL_SEND_FAILED.
 *
 * `staleCacheValue` in milliseconds: how old the socket's knowledge of the pool may be; with 0 each message asks the
 * registrar. `timeout` in milliseconds; negative: no limit. The call waits for the registrar, for sessions, and for room
 * in their queues; when time is over, whoever has a session with room gets the message, and nobody else will. 0: the call
 * does not wait. Then a message goes to nobody, with EAGAIN, until every element that is to get it has a session or
 * cannot be reached; the library sees to that, the descriptor becomes writable when there is progress, and the same call
 * succeeds in the end.
 *
 * Returns:
 * The number of elements that the message was handed to SCTP for, at least 1: with RSP_SEND_TO_ALL perhaps not all, and
 * rsp_last_error() names the others. -1 when it was none.
 *
 * Errors:
 * EAGAIN: no session, or no room in it, in time. EINTR: a signal handler ran while the call waited; nothing was sent, or
 * with RSP_SEND_TO_ALL to some. ENOENT: no such pool, it is empty, or it has no such element. EHOSTUNREACH: no registrar
 * answers. EIO: the element cannot be reached. EMSGSIZE: the message is too long. ENOBUFS: a limit is reached, or the
 * sender does not read its own messages. EINVAL: no data, PPID 11, an empty handle, unknown flags, or flags or identifier
 * that contradict each other. ENAMETOOLONG: the handle is longer than 32 bytes. EFAULT: the handle or `data` is NULL.
 * EISCONN: the socket is connected. EOPNOTSUPP: a SOCK_STREAM socket, or no socket. EBADF: not an open RSerPool
 * descriptor. EADDRINUSE, EMFILE, ENFILE, ENOMEM: the first call makes an endpoint, as rsp_bind(). ECANCELED:
 * rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 sections 6.5 (DataSendRequest), 6.5.1 (pool handle), 6.5.3 (pool element handle) and 6.5.5 (options).
 */
int rsp_sendto_pool(int sd,
                    const void *data,
                    size_t dataLength,
                    const uint8_t *poolHandle,
                    size_t poolHandleSize,
                    uint32_t identifier,
                    unsigned int flags,
                    struct rsp_sndrcvinfo *info,
                    unsigned int staleCacheValue,
                    int timeout);

/**
 * Asks a registrar what is in a pool: unlike rsp_getaddrinfo() with policy, load, lifetime and home registrar of each
 * element. `items`: how many elements at most; 0: as many as possible, which is 512. The registrar is not asked when its
 * last answer is younger than `staleCacheValue` milliseconds. Free the result with rsp_freepoolinfo().
 *
 * Returns:
 * The number of elements, at least 1, in the order in which to use them by the pool's policy; -1 on failure, then `*info`
 * is NULL.
 *
 * Errors:
 * EACCES: rsp_initialize() was not called. EFAULT: NULL. EINVAL: the handle is empty. ENAMETOOLONG: the handle is longer
 * than 32 bytes. ENOENT: no such pool, or it is empty. EHOSTUNREACH: no registrar can be reached. EMFILE: no descriptors left
 * to reach one by. ETIMEDOUT: no registrar answers. EPERM: the registrar refuses. EBUSY: too many requests are under way. EINTR: a signal handler ran while the
 * answer was waited for. ENOMEM: out of memory. ECANCELED: rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 section 6.9.1 (Translation.Request).
 */
int rsp_getpoolinfo(const uint8_t *poolHandle,
                    size_t poolHandleSize,
                    struct rsp_poolinfo **info,
                    size_t items,
                    unsigned int staleCacheValue);

/**
 * Frees what rsp_getpoolinfo() or rsp_getpoolchange() returned. NULL is allowed.
 */
void rsp_freepoolinfo(struct rsp_poolinfo *info);

/**
 * Subscribes to a pool, whether it exists yet or not (RFC 5352 section 2.2.5). The descriptor is one of the kernel, which
 * becomes readable when the pool changes, and for the first time when a registrar has told how it is; it works with
 * poll(), select(), epoll and every event loop. rsp_getpoolchange() reads the news, rsp_close() ends the subscription. A
 * registrar that tells no changes by itself, such as rsplib's, is asked every second. The subscription outlives the loss
 * of a registrar. A process may subscribe to 64 pools, to each as often as it likes.
 *
 * Returns:
 * The descriptor, or -1.
 *
 * Errors:
 * EACCES: rsp_initialize() was not called. EFAULT: the handle is NULL. EINVAL: the handle is empty. ENAMETOOLONG: the
 * handle is longer than 32 bytes. EBUSY: 64 pools are subscribed to. EMFILE, ENFILE, ENOMEM: no descriptors or memory
 * left. EINTR: a signal handler ran meanwhile. ECANCELED: rsp_cleanup() was called.
 *
 * Standards:
 * RFC 5352 sections 2.2.5 and 2.2.6 (S and A bit).
 */
int rsp_subscribe_pool(const uint8_t *poolHandle,
                       size_t poolHandleSize);

/**
 * Tells what is new in the pool of a subscription: `*info` lists all its elements by identifier, with rpe_change saying
 * what happened to each since the last call, and those that went. However much has happened, one call tells all of it; an
 * element that came and went between two calls is not mentioned. rpi_policy is 0 when there is no such pool, or it is
 * empty. Free the result with rsp_freepoolinfo(). `timeout` in milliseconds: how long to wait for news; 0: not at all;
 * negative: no limit.
 *
 * Returns:
 * The number of elements listed, those that went included; it may be 0. -1 on failure, then `*info` is NULL.
 *
 * Errors:
 * EAGAIN: nothing new in time. EINTR: a signal handler ran while the call waited. EBADF: not an open RSerPool descriptor,
 * or closed by another thread. EOPNOTSUPP: not of rsp_subscribe_pool(). EFAULT: `info` is NULL. ENOMEM: out of memory; the
 * news is lost. ECANCELED: rsp_cleanup() was called.
 */
int rsp_getpoolchange(int sd,
                      struct rsp_poolinfo **info,
                      int timeout);

/**
 * As poll(), for RSerPool sockets, mapped and all other descriptors. `timeout` in milliseconds; negative: no limit.
 * (RSerPool descriptors work with poll() itself, too.)
 *
 * Returns:
 * The number of descriptors with events; 0 when there were none in time; -1 on failure.
 *
 * Errors:
 * EINTR: a signal came. EFAULT: `ufds` is NULL. EINVAL: too many descriptors. ENOMEM: no memory left.
 */
int rsp_poll(struct pollfd *ufds, unsigned int nfds, int timeout);

/**
 * As select(), for RSerPool sockets, mapped and all other descriptors below FD_SETSIZE. Each set may be NULL;
 * `timeout` NULL: no limit. (RSerPool descriptors work with select() itself, too.)
 *
 * Returns:
 * The number of descriptors left in the sets; 0 when nothing happened in time; -1 on failure.
 *
 * Errors:
 * EINTR: a signal came. EBADF: a descriptor in a set is not open. EINVAL: `n` or `timeout` is out of range.
 * ENOMEM: no memory left.
 */
int rsp_select(int n, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout);

/**
 * Makes a descriptor of the system (a pipe, a UDP socket) usable in rsp_ functions like rsp_poll(), rsp_read() and
 * rsp_write(), under the number `toSD`; -1: any free number. Programs written for this library need it not, because
 * RSerPool descriptors are descriptors of the system: it is there for programs written for rsplib.
 *
 * Returns:
 * The number, or -1.
 *
 * Errors:
 * EBADF: `sd` is not open. EINVAL: `sd` is an RSerPool socket, or `toSD` is taken or too large. EMFILE: no number is left.
 */
int rsp_mapsocket(int sd,
                  int toSD);

/**
 * Undoes rsp_mapsocket(). The descriptor of the system stays open.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not mapped.
 */
int rsp_unmapsocket(int sd);

/**
 * The name of a policy, like "LeastUsed".
 *
 * Returns:
 * A string that lives forever, or NULL for an unknown type.
 *
 * Standards:
 * RFC 5356.
 */
const char *rsp_getpolicybytype(unsigned int policyType);

/**
 * The type of the policy with this name. Case matters.
 *
 * Returns:
 * A PPT_ constant; PPT_UNDEFINED for NULL and unknown names.
 *
 * Standards:
 * RFC 5356.
 */
unsigned int rsp_getpolicybyname(const char *policyName);

/**
 * Says in a few words what the program does with a session, for the component status reports that the library sends where
 * `ri_csp_server` and `ri_csp_interval` ask for them. Without it, and with several sessions, they tell the number of
 * sessions. At most 127 bytes of UTF-8 are reported. `sessionID` names the session on a one-to-many server; other sockets ignore it.
 *
 * Returns:
 * 0, or -1.
 *
 * Errors:
 * EBADF: not an open RSerPool socket. EFAULT: `statusText` is NULL. EINVAL: not UTF-8, or the socket has no such session.
 * EOPNOTSUPP: a mapped descriptor. ECANCELED: rsp_cleanup() was called.
 */
int rsp_csp_setstatus(int sd,
                      rserpool_session_t sessionID,
                      const char *statusText);

/**
 * Writes a notification as text, without a newline, like "failover necessary for session 7 (with cookie)".
 * NULL for either argument: does nothing.
 */
void rsp_print_notification(const union rserpool_notification *notification, FILE *fd);

/**
 * Says what an errno means that an rsp_ function gave: cause, consequence, and what to do, in one English line. Unlike
 * strerror(), which names the number only. Thread-safe; `errno` stays as it is.
 *
 * Returns:
 * A text that is never freed or changed; never NULL, whatever the number.
 */
const char *rsp_strerror(int errnum);

/**
 * Tells in one English line what exactly went wrong in the calling thread's last rsp_ call that failed: which socket,
 * pool or pool element, why, and what follows. Like this: element 0x0000beef is not registered in pool "echo" yet: no
 * registrar answered within 1500 ms (3 attempts).
 *
 * rsp_register(), rsp_deregister(), rsp_connect() and rsp_forcefailover() return 0 in cases in which they did not reach
 * what they are for, as programs know it from rsplib, and rsp_sendto_pool() returns how many elements it reached: these
 * set the text in such cases, too, and empty it otherwise. All other functions leave it as it is when they succeed.
 *
 * Returns:
 * The text, never NULL; empty when nothing went wrong so far. It stays valid, however often it is asked for, until another
 * call of the same thread fails or sets it, or the thread ends. Each thread has its own.
 */
const char *rsp_last_error(void);

#ifdef __cplusplus
}  // extern "C"
#endif /* __cplusplus */

#endif  /* RSERPOOL_H */
