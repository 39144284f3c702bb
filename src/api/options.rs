//! Socket options of RSerPool sockets. Each value is a C `int`.

/// The level of all options here, for `rsp_setsockopt`.
pub const SOL_RSERPOOL: libc::c_int = 0x5253;
/// 1: the library fails over by itself when a session fails, telling the application by notifications;
/// 0 (default): the application calls `rsp_forcefailover`.
pub const OPTION_AUTO_FAILOVER: libc::c_int = 1;
/// 1: after a failover the library sends again, right after the cookie echo, what the old element never acknowledged;
/// 0 (default): it is dropped.
pub const OPTION_FAILOVER_RESEND: libc::c_int = 2;
/// How long a connect to one pool element may take, in milliseconds (default 5000).
pub const OPTION_CONNECT_TIMEOUT_MS: libc::c_int = 3;
/// Pause before a pool that was empty or unreachable is asked for again, in milliseconds (default 250).
pub const OPTION_RESOLUTION_RETRY_DELAY_MS: libc::c_int = 4;
