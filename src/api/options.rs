//! Socket options of RSerPool sockets. Each value is a C `int`, except for SCTP's own.

use super::lifecycle::instance;
use super::parameters::{self, IPPROTO_SCTP};
use super::registration::registration_error;
use super::sessions::session_error;
use super::sockets::{not_for_subscriptions, not_ours};
use super::{Descriptor, Error, Result};
use crate::driver::client::{Entry, Socket, system};
use crate::session::{PoolUserConfig, UNREAD_LIMITS};
use libc::c_int;
use std::time::Duration;

/// The level of all options here, for `rsp_setsockopt`.
pub const SOL_RSERPOOL: c_int = 0x5253;
/// 1: the library fails over by itself when a session fails, telling the application by notifications;
/// 0 (default): the application calls `rsp_forcefailover`.
pub const OPTION_AUTO_FAILOVER: c_int = 1;
/// 1: after a failover the library sends again, right after the cookie echo, what the old element never acknowledged;
/// 0 (default): it is dropped.
pub const OPTION_FAILOVER_RESEND: c_int = 2;
/// How long a connect to one pool element may take, in milliseconds (default 5000).
pub const OPTION_CONNECT_TIMEOUT_MS: c_int = 3;
/// Pause before a pool that was empty or unreachable is asked for again, in milliseconds (default 250).
pub const OPTION_RESOLUTION_RETRY_DELAY_MS: c_int = 4;

/// Bytes that a session may have unread, 64 for each message included (default 8 MiB): a peer that sends more loses its session.
pub const OPTION_UNREAD_LIMIT: c_int = 5;

/// To be read only: how the session with a pool stands, as an errno. 0: it has an element; `EINPROGRESS`: one is being searched;
/// `ENOTCONN`: there is no session; any other: the reason why it has no element.
pub const OPTION_SESSION_ERROR: c_int = 8;
/// To be read only: how the registration stands, as an errno. 0: a registrar has taken it; `EINPROGRESS`: its answer is waited for;
/// `EEXIST`, `EBUSY`, `EPROTOTYPE`: one has refused it for now, and is asked again; `EPERM`: it has done so for good; `ENOENT`: the socket is not to be
/// registered. What a registrar has said is in [`crate::api::last_error`] then.
pub const OPTION_REGISTRATION_ERROR: c_int = 9;
/// To be read only: how many cookies from pool users were not believed, by this socket, the one that accepted it, or those that it has
/// accepted. 0 where cookies are not sealed.
pub const OPTION_COOKIES_REFUSED: c_int = 10;
/// 1: whenever the registration of the socket stands otherwise than before, the notification
/// [`crate::session::Notification::RegistrationChange`] tells so; 0 (default): it does not.
pub const OPTION_REGISTRATION_EVENT: c_int = 11;

/// Bytes of a C int.
const INT_LEN: usize = size_of::<c_int>();

/// Reads a socket option into `value`; returns its length. Works on mapped descriptors as getsockopt(2).
pub fn getsockopt(sd: Descriptor, level: c_int, name: c_int, value: &mut [u8]) -> Result<usize> {
    let instance = instance()?;
    match instance.descriptors.get(sd) {
        None => Err(not_ours(sd)),
        Some(Entry::Mapped(fd)) => {
            system::getsockopt(fd, level, name, value).map_err(|error| Error::mapped(&error, "getsockopt"))
        }
        Some(Entry::Subscription(_)) => Err(not_for_subscriptions(sd, libc::EBADF)),
        Some(Entry::Socket(socket)) if level == IPPROTO_SCTP => parameters::get_option(&instance, &socket, name, value),
        Some(Entry::Socket(socket)) => {
            let number = match (level, name) {
                (SOL_RSERPOOL, OPTION_SESSION_ERROR) => {
                    socket.check_open()?;
                    session_error(&socket)
                }
                (SOL_RSERPOOL, OPTION_REGISTRATION_ERROR) => registration_error(&instance, &socket)?,
                #[cfg(feature = "pool-element")]
                (SOL_RSERPOOL, OPTION_REGISTRATION_EVENT) => {
                    socket.check_open()?;
                    c_int::from(socket.wants_registration_news())
                }
                (SOL_RSERPOOL, OPTION_UNREAD_LIMIT) => c_int::try_from(socket.unread_limit()?).unwrap_or(c_int::MAX),
                (SOL_RSERPOOL, OPTION_COOKIES_REFUSED) => {
                    let refused = socket.cookies()?.map_or(0, |cookies| cookies.refused());
                    c_int::try_from(refused).unwrap_or(c_int::MAX)
                }
                _ => get(&socket.config()?, level, name)?,
            };
            let Some(target) = value.get_mut(..INT_LEN) else {
                return Err(Error::new(libc::EINVAL, "the option's value is an int: the buffer is too small"));
            };
            target.copy_from_slice(&number.to_ne_bytes());
            Ok(INT_LEN)
        }
    }
}

/// Sets a socket option. Works on mapped descriptors as setsockopt(2).
pub fn setsockopt(sd: Descriptor, level: c_int, name: c_int, value: &[u8]) -> Result<()> {
    match instance()?.descriptors.get(sd) {
        None => Err(not_ours(sd)),
        Some(Entry::Mapped(fd)) => {
            system::setsockopt(fd, level, name, value).map_err(|error| Error::mapped(&error, "setsockopt"))
        }
        Some(Entry::Subscription(_)) => Err(not_for_subscriptions(sd, libc::EBADF)),
        Some(Entry::Socket(_)) if level == IPPROTO_SCTP => parameters::set_option(sd, name, value),
        Some(Entry::Socket(socket)) => {
            let Some(bytes) = value.get(..INT_LEN).and_then(|bytes| bytes.try_into().ok()) else {
                return Err(Error::new(libc::EINVAL, "the option's value is an int"));
            };
            set_on(&socket, level, name, c_int::from_ne_bytes(bytes))
        }
    }
}

fn unknown() -> Error {
    Error::new(libc::ENOPROTOOPT, "RSerPool sockets have no such option")
}

fn get(config: &PoolUserConfig, level: c_int, name: c_int) -> Result<c_int> {
    let ms = |duration: Duration| c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX);
    match (level, name) {
        (SOL_RSERPOOL, OPTION_AUTO_FAILOVER) => Ok(c_int::from(config.automatic)),
        (SOL_RSERPOOL, OPTION_FAILOVER_RESEND) => Ok(c_int::from(config.resend)),
        (SOL_RSERPOOL, OPTION_CONNECT_TIMEOUT_MS) => Ok(ms(config.connect_timeout)),
        (SOL_RSERPOOL, OPTION_RESOLUTION_RETRY_DELAY_MS) => Ok(ms(config.retry_delay)),
        _ => Err(unknown()),
    }
}

fn set_on(socket: &Socket, level: c_int, name: c_int, value: c_int) -> Result<()> {
    if (level, name) == (SOL_RSERPOOL, OPTION_UNREAD_LIMIT) {
        let bytes = usize::try_from(value).ok().filter(|bytes| UNREAD_LIMITS.contains(bytes));
        let wrong = || format!("a session may have {} to {} bytes unread", UNREAD_LIMITS.start(), UNREAD_LIMITS.end());
        let bytes = bytes.ok_or_else(|| Error::with(libc::EINVAL, wrong()))?;
        return Ok(socket.set_unread_limit(bytes)?);
    }
    #[cfg(feature = "pool-element")]
    if (level, name) == (SOL_RSERPOOL, OPTION_REGISTRATION_EVENT) {
        socket.check_open()?;
        return socket
            .want_registration_news(value != 0)
            .map_err(|error| Error::system(&error, "a descriptor for news"));
    }
    let positive_ms = || match u64::try_from(value) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err(Error::new(libc::EINVAL, "the option's value is a positive number of milliseconds")),
    };
    socket.change_config(|config| {
        match (level, name) {
            (SOL_RSERPOOL, OPTION_AUTO_FAILOVER) => config.automatic = value != 0,
            (SOL_RSERPOOL, OPTION_FAILOVER_RESEND) => config.resend = value != 0,
            (SOL_RSERPOOL, OPTION_CONNECT_TIMEOUT_MS) => config.connect_timeout = positive_ms()?,
            (SOL_RSERPOOL, OPTION_RESOLUTION_RETRY_DELAY_MS) => config.retry_delay = positive_ms()?,
            _ => return Err(unknown()),
        }
        Ok(())
    })?
}
