//! Making, binding, accepting and closing sockets.

use super::lifecycle::instance;
use super::{Descriptor, Error, PeName, Result, Timeout};
use crate::driver::client::{
    Closed, Endpoint, EndpointState, Entry, Instance, ListenError, MAX_BACKLOG, ReceiveError, Socket, Style,
};
use crate::driver::clock;
use crate::transport::{EndpointConfig, TransportError};
use crate::{SessionId, Time, asap};
use libc::c_int;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes kept of what a program says about a session.
const MAX_STATUS_TEXT: usize = 127;

/// The instance and the RSerPool socket with this number.
pub(super) fn lookup(sd: Descriptor) -> Result<(Arc<Instance>, Arc<Socket>)> {
    let instance = instance()?;
    match instance.descriptors.get(sd) {
        Some(Entry::Socket(socket)) => Ok((instance, socket)),
        Some(Entry::Subscription(_)) => Err(not_for_subscriptions(sd, libc::EOPNOTSUPP)),
        Some(Entry::Mapped(_)) => {
            Err(Error::with(libc::EOPNOTSUPP, format!("descriptor {sd} is mapped, not an RSerPool socket")))
        }
        None => Err(not_ours(sd)),
    }
}

/// The descriptor is a subscription, which takes `rsp_getpoolchange` only.
pub(super) fn not_for_subscriptions(sd: Descriptor, errno: c_int) -> Error {
    Error::with(errno, format!("descriptor {sd} is a subscription to a pool: it is not for messages or options"))
}

pub(super) fn not_ours(sd: Descriptor) -> Error {
    Error::with(libc::EBADF, format!("descriptor {sd} is not an RSerPool descriptor"))
}

pub(super) fn closed(errno: c_int) -> Error {
    match errno {
        libc::ENOTRECOVERABLE => Error::new(errno, "the library has failed: call cleanup and initialize"),
        libc::ECANCELED => Error::new(errno, "the library was cleaned up while the call was under way"),
        _ => Error::new(errno, "the socket was closed while the call was under way"),
    }
}

impl From<Closed> for Error {
    fn from(Closed(errno): Closed) -> Error {
        closed(errno)
    }
}

/// When a wait ends; `None`: no wait.
pub(super) fn until(timeout: Timeout) -> Option<Time> {
    match timeout {
        Timeout::Now => None,
        Timeout::After(duration) => Some(clock::now() + duration),
        Timeout::Never => Some(Time::MAX),
    }
}

pub(super) fn transport_error(error: TransportError, what: &str) -> Error {
    match error {
        // Ours: the system's have a number.
        TransportError::Io(error) if error.kind() == ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
            Error::with(libc::EINVAL, format!("{what}: {error}"))
        }
        TransportError::Io(error) => Error::system(&error, what),
        error => {
            let errno = match error {
                TransportError::WouldBlock => libc::EAGAIN,
                TransportError::MessageTooLarge { .. } => libc::EMSGSIZE,
                TransportError::EmptyMessage => libc::EINVAL,
                TransportError::TooManyAssociations => libc::ENOBUFS,
                TransportError::Unsupported(_) => libc::EPROTONOSUPPORT,
                _ => libc::EIO,
            };
            Error::with(errno, format!("{what}: {error}"))
        }
    }
}

/// A new socket. `socket_type`: SOCK_STREAM for a server with a descriptor a session, SOCK_SEQPACKET for a server with all
/// sessions on one, and for clients.
pub fn socket(domain: c_int, socket_type: c_int, protocol: c_int) -> Result<Descriptor> {
    let instance = instance()?;
    if !matches!(protocol, 0 | libc::IPPROTO_SCTP) {
        return Err(Error::new(libc::EPROTONOSUPPORT, "RSerPool sockets are SCTP sockets"));
    }
    if !matches!(domain, libc::AF_UNSPEC | libc::AF_INET | libc::AF_INET6) {
        return Err(Error::new(libc::EAFNOSUPPORT, "RSerPool sockets are IPv4 or IPv6 sockets"));
    }
    let style = match socket_type {
        libc::SOCK_STREAM => Style::OneToOne,
        libc::SOCK_SEQPACKET => Style::OneToMany,
        _ => return Err(Error::new(libc::ESOCKTNOSUPPORT, "RSerPool sockets are SOCK_STREAM or SOCK_SEQPACKET")),
    };
    let socket = Socket::new(style).map_err(|error| Error::system(&error, "no descriptor for a socket"))?;
    socket.change_config(|config| *config = instance.session_config())?;
    if let Some(cookies) = instance.cookies() {
        socket.use_cookies(&cookies.begin());
    }
    enter(&instance, Entry::Socket(socket))
}

/// Puts an entry into the table under the number of its descriptor.
pub(super) fn enter(instance: &Instance, entry: Entry) -> Result<Descriptor> {
    // A mapping may have the number that the kernel gives: keep that descriptor until another one is found.
    let mut misfits = Vec::new();
    loop {
        let Some(sd) = entry.descriptor() else { return Err(closed(libc::EBADF)) };
        match instance.descriptors.insert(sd, entry.clone()) {
            Ok(()) => return Ok(sd),
            Err(_) if misfits.len() < MAX_MISFITS => misfits
                .push(entry.replace_descriptor().map_err(|error| Error::system(&error, "no descriptor for a socket"))?),
            Err(_) => return Err(Error::new(libc::EMFILE, "no free descriptor number for a socket")),
        }
    }
}

/// Mapped numbers that may be in the way of a new socket.
const MAX_MISFITS: usize = 64;

/// Binds to these addresses, all with the same port; empty: to any, with a port of the system's choice.
pub fn bind(sd: Descriptor, addresses: &[SocketAddr]) -> Result<()> {
    let (instance, socket) = lookup(sd)?;
    if socket.endpoint.get().is_some() {
        return Err(Error::with(libc::EINVAL, format!("socket {sd} is bound already")));
    }
    if addresses.windows(2).any(|pair| pair[0].port() != pair[1].port()) {
        return Err(Error::new(libc::EINVAL, "all addresses of a socket have the same port"));
    }
    socket.set_bind_addresses(addresses)?;
    own_endpoint(&instance, &socket).map(|_| ())
}

/// The endpoint of a socket that is, or can become, a server: made where it is missing.
pub(super) fn own_endpoint(instance: &Instance, socket: &Arc<Socket>) -> Result<Arc<Endpoint>> {
    if let Some(endpoint) = socket.endpoint.get() {
        return Ok(Arc::clone(endpoint));
    }
    let (bind, parameters) = (socket.bind_addresses()?, socket.chosen_parameters()?);
    let parameters = parameters.unwrap_or(instance.sctp_parameters());
    // An address that says "any" binds to the wildcard address with its port.
    let config = EndpointConfig { bind, listen: true, parameters, ..EndpointConfig::default() };
    let endpoint =
        instance.open_endpoint(config).map_err(|error| transport_error(error, "the socket cannot be bound"))?;
    let kept = Arc::clone(socket.endpoint.get_or_init(|| Arc::clone(&endpoint)));
    // Another thread was faster, or has closed the socket meanwhile: nobody else will see to the endpoint.
    if !Arc::ptr_eq(&kept, &endpoint) || socket.check_open().is_err() {
        endpoint.with(EndpointState::retire);
    }
    Ok(kept)
}

/// Accepts sessions from now on; binds first where that has not been done.
pub fn listen(sd: Descriptor, backlog: c_int) -> Result<()> {
    let (instance, socket) = lookup(sd)?;
    let backlog = usize::try_from(backlog).ok().filter(|backlog| *backlog > 0);
    start_listening(&instance, &socket, Some(backlog.unwrap_or(MAX_BACKLOG)))
}

/// `backlog`: sessions that may wait to be accepted; none: as it is.
pub(super) fn start_listening(instance: &Instance, socket: &Arc<Socket>, backlog: Option<usize>) -> Result<()> {
    let endpoint = own_endpoint(instance, socket)?;
    socket.listen_on(&endpoint, backlog).map_err(|error| match error {
        ListenError::Connected => Error::new(libc::EISCONN, "a connected socket cannot listen"),
        ListenError::Closed(errno) => closed(errno),
    })
}

/// Takes a new session of a listening SOCK_STREAM socket; `EAGAIN` when none comes in time. Without a descriptor for it the session
/// goes on waiting, as with accept(2).
pub fn accept(sd: Descriptor, timeout: Timeout) -> Result<Descriptor> {
    let (instance, socket) = lookup(sd)?;
    let session = socket.accept_session(until(timeout)).map_err(receive_error)?;
    let made = session.make_descriptor().map_err(|error| Error::system(&error, "no descriptor for a session"));
    match made.and_then(|()| enter(&instance, Entry::Socket(Arc::clone(&session)))) {
        Ok(sd) => Ok(sd),
        Err(error) => {
            socket.put_back(session);
            Err(error)
        }
    }
}

pub(super) fn receive_error(error: ReceiveError) -> Error {
    match error {
        ReceiveError::WouldBlock => Error::new(libc::EAGAIN, "nothing came in time"),
        ReceiveError::BufferTooSmall => Error::new(libc::EINVAL, "the buffer is too small for a notification"),
        ReceiveError::NotConnected => Error::new(libc::ENOTCONN, "the socket is neither connected nor registered"),
        ReceiveError::Interrupted => Error::new(libc::EINTR, "a signal came while waiting"),
        ReceiveError::Closed(errno) => closed(errno),
    }
}

/// Closes the descriptor with its sessions and its registration. What was sent is still delivered, in the background.
pub fn close(sd: Descriptor) -> Result<()> {
    let instance = instance()?;
    match instance.descriptors.remove_if(sd, |_| true) {
        None => Err(not_ours(sd)),
        Some(Entry::Mapped(fd)) => crate::driver::client::system::close(fd)
            .map_err(|error| Error::mapped(&error, "the mapped descriptor cannot be closed")),
        Some(Entry::Subscription(subscription)) => {
            instance.io.unsubscribe(&subscription);
            subscription.close(libc::EBADF);
            Ok(())
        }
        Some(Entry::Socket(socket)) => {
            if let Some(registered) = socket.close(libc::EBADF) {
                instance.io.request_in_background(asap::Request::Deregister {
                    pool_handle: registered.pool_handle,
                    pool_element_id: registered.pool_element_id,
                });
            }
            Ok(())
        }
    }
}

/// The pool and identifier that the socket is registered with; `EBADF` when it is not.
pub fn getsockname(sd: Descriptor) -> Result<PeName> {
    let (_, socket) = lookup(sd)?;
    let registered = socket.registration()?;
    let registered = registered.ok_or_else(|| Error::with(libc::EBADF, format!("socket {sd} is not registered")))?;
    Ok(PeName { pool_handle: registered.pool_handle, pool_element_id: registered.pool_element_id })
}

/// The pool and element that the socket is connected to; `ENOTCONN` when it is not.
pub fn getpeername(sd: Descriptor) -> Result<PeName> {
    let (_, socket) = lookup(sd)?;
    let name = socket.peer_name()?;
    let (pool_handle, element) =
        name.ok_or_else(|| Error::with(libc::ENOTCONN, format!("socket {sd} is not connected to a pool")))?;
    Ok(PeName { pool_handle, pool_element_id: element.unwrap_or_default() })
}

/// Says what the program does with a session, for status reports. `EINVAL`: the socket has no such session.
pub fn set_status(sd: Descriptor, session: SessionId, text: &str) -> Result<()> {
    let (_, socket) = lookup(sd)?;
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_STATUS_TEXT).last();
    let kept = socket.set_status_text(session, &text[..end.unwrap_or(0)])?;
    kept.ok_or(Error::new(libc::EINVAL, "the socket has no such session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_not_there_is_the_callers_error_and_not_the_sessions() {
        let error = TransportError::Io(ErrorKind::InvalidInput.into());
        assert_eq!(transport_error(error, "test").errno, libc::EINVAL);
    }
}
