//! The numbers of `rserpool.h`.

use std::ffi::{c_int, c_uint};

/// Version of the interface, as rsplib counts it.
pub const RSPLIB_VERSION: c_uint = 2;
/// Revision of the interface, as rsplib counts it.
pub const RSPLIB_REVISION: c_uint = 3;

/// SCTP and TCP port of registrars for pool elements and pool users (RFC 5352).
pub const ASAP_PORT: c_int = 3863;
/// SCTP port of registrars among each other (RFC 5353).
pub const ENRP_PORT: c_int = 9901;

/// rsp_register(), rsp_pe_registration(): do not wait for the registrar's answer.
pub const REGF_DONTWAIT: c_int = 1;
/// rsp_register(): the element has a control channel (it always has).
pub const REGF_CONTROLCHANNEL: c_int = 2;
/// rsp_register(): succeed even when there is no usable local address yet.
pub const REGF_DAEMONMODE: c_int = 4;
/// rsp_deregister(), rsp_pe_deregistration(): do not wait for the registrar's answer.
pub const DEREGF_DONTWAIT: c_int = 1;

/// rsp_getaddrinfo(): there is no such pool, or it is empty.
pub const REAI_NONAME: c_int = -1;
/// rsp_getaddrinfo(): out of memory.
pub const REAI_MEMORY: c_int = -2;
/// rsp_getaddrinfo(): another error, which is in errno.
pub const REAI_SYSTEM: c_int = -3;
/// rsp_getaddrinfo(): unsupported address family.
pub const REAI_FAMILY: c_int = -4;

/// rsplib's number of sessions. Kept for programs that name it: there is no such limit here.
pub const SESSION_SETSIZE: c_int = 16384;

/// Set in `*msg_flags` by rsp_recvmsg(): the buffer holds a union rserpool_notification, not data.
pub const MSG_RSERPOOL_NOTIFICATION: c_int = 1;
/// Set in `*msg_flags` by rsp_recvmsg(): the buffer holds a cookie, the session's state from its last server, not data.
pub const MSG_RSERPOOL_COOKIE_ECHO: c_int = 2;

/// rf_state: the session lost its pool element. Call rsp_forcefailover().
pub const RSERPOOL_FAILOVER_NECESSARY: c_uint = 1;
/// rf_state: the session has a new pool element.
pub const RSERPOOL_FAILOVER_COMPLETE: c_uint = 2;
/// rsc_state: a session came.
pub const RSERPOOL_SESSION_ADD: c_uint = 1;
/// rsc_state: a session went.
pub const RSERPOOL_SESSION_REMOVE: c_uint = 2;

/// rn_type: struct rserpool_session_change.
pub const RSERPOOL_SESSION_CHANGE: u16 = 1;
/// rn_type: struct rserpool_failover.
pub const RSERPOOL_FAILOVER: u16 = 2;
/// rn_type: struct rserpool_shutdown_event.
pub const RSERPOOL_SHUTDOWN_EVENT: u16 = 3;

/// rn_type: struct rserpool_send_failed.
pub const RSERPOOL_SEND_FAILED: u16 = 4;
/// rn_type: struct rserpool_registration_change.
pub const RSERPOOL_REGISTRATION_CHANGE: u16 = 5;

/// rsp_sendto_pool(): when the element cannot be reached, another one gets the message (ASAP_SEND_FAILOVER of RFC 5352).
pub const RSP_SEND_FAILOVER: c_uint = 0x0001;
/// rsp_sendto_pool(): nobody gets the message when the element cannot be reached; the default.
pub const RSP_SEND_NO_FAILOVER: c_uint = 0x0002;
/// rsp_sendto_pool(): to the element that the last message to this pool went to.
pub const RSP_SEND_TO_LAST: c_uint = 0x0004;
/// rsp_sendto_pool(): to every element of the pool, but not to the sender itself.
pub const RSP_SEND_TO_ALL: c_uint = 0x0008;
/// rsp_sendto_pool(), with RSP_SEND_TO_ALL: also to the sender itself.
pub const RSP_SEND_TO_SELF: c_uint = 0x0010;
/// rsp_sendto_pool(): without regard to the order of messages (ASAP_SCTP_UNORDER of RFC 5352).
pub const RSP_SEND_UNORDERED: c_uint = 0x1000;

/// rsp_forcefailover(): do not report the old pool element.
pub const FFF_NONE: c_uint = 0;
/// rsp_forcefailover(): tell the registrar that the old pool element does not answer.
pub const FFF_UNREACHABLE: c_uint = 1;

/// rsp_getsockopt(), rsp_setsockopt(): the level of the options below. Each value is an int.
pub const SOL_RSERPOOL: c_int = 0x5253;
/// Socket option. 1: when a session loses its pool element, the library moves it to another one by itself, and tells so by
/// notifications. 0 (default): the program calls rsp_forcefailover().
pub const RSERPOOL_AUTO_FAILOVER: c_int = 1;
/// Socket option. 1: after a failover the library sends again what the old element never acknowledged, right after the
/// cookie. 0 (default): it is dropped, and RSERPOOL_SEND_FAILED tells how many messages that were.
pub const RSERPOOL_FAILOVER_RESEND: c_int = 2;
/// Socket option: how long a search for a pool element may take with all its connects, in milliseconds.
pub const RSERPOOL_CONNECT_TIMEOUT_MS: c_int = 3;
/// Socket option: pause before a pool that was empty or unreachable is asked for again, in milliseconds.
pub const RSERPOOL_RESOLUTION_RETRY_DELAY_MS: c_int = 4;
/// Socket option: bytes that a session may have unread, 64 for each message included. A peer that sends more loses its session.
pub const RSERPOOL_UNREAD_LIMIT: c_int = 5;
/// Socket option, to be read only: how the session with a pool stands, as an errno. 0: it has a pool element. EINPROGRESS: one is
/// being searched. ENOTCONN: the socket has no session. Any other: the reason why it has no element.
pub const RSERPOOL_SESSION_ERROR: c_int = 8;
/// Socket option, to be read only: how the registration stands, as an errno. 0: a registrar has taken it. EINPROGRESS: its answer is
/// waited for. EEXIST, EBUSY, EPROTOTYPE: one has refused it, as another element has the identifier, for lack of resources, or as the
/// pool's elements have another policy or transport, and is asked again.
/// EPERM: one has refused it for good. ENOENT: the socket is not to be registered.
pub const RSERPOOL_REGISTRATION_ERROR: c_int = 9;
/// Socket option, to be read only: how many cookies of clients were dropped because no server of the pool had sealed them, for all
/// sessions of a listening socket together. 0 where the environment has no RSERPOOL_COOKIE_KEYS.
pub const RSERPOOL_COOKIES_REFUSED: c_int = 10;
/// Socket option. 1: RSERPOOL_REGISTRATION_CHANGE tells whenever the registration of the socket stands otherwise than before. On a
/// socket for rsp_accept(), rsp_poll() shows that by POLLPRI. 0 (default): it is not told.
pub const RSERPOOL_REGISTRATION_EVENT: c_int = 11;

#[cfg(test)]
mod tests {
    use crate::api;

    #[test]
    fn socket_options_are_those_of_the_api() {
        assert_eq!(super::SOL_RSERPOOL, api::SOL_RSERPOOL);
        assert_eq!(super::RSERPOOL_AUTO_FAILOVER, api::OPTION_AUTO_FAILOVER);
        assert_eq!(super::RSERPOOL_FAILOVER_RESEND, api::OPTION_FAILOVER_RESEND);
        assert_eq!(super::RSERPOOL_CONNECT_TIMEOUT_MS, api::OPTION_CONNECT_TIMEOUT_MS);
        assert_eq!(super::RSERPOOL_UNREAD_LIMIT, api::OPTION_UNREAD_LIMIT);
        assert_eq!(super::RSERPOOL_SESSION_ERROR, api::OPTION_SESSION_ERROR);
        assert_eq!(super::RSERPOOL_REGISTRATION_ERROR, api::OPTION_REGISTRATION_ERROR);
        assert_eq!(super::RSERPOOL_COOKIES_REFUSED, api::OPTION_COOKIES_REFUSED);
        assert_eq!(super::RSERPOOL_REGISTRATION_EVENT, api::OPTION_REGISTRATION_EVENT);
        assert_eq!(super::RSERPOOL_RESOLUTION_RETRY_DELAY_MS, api::OPTION_RESOLUTION_RETRY_DELAY_MS);
    }
}
