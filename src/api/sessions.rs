//! Sessions: connecting, sending, receiving, failing over.

use super::error::{forget_last_error, remember};
use super::lifecycle::instance;
use super::registration::checked_handle;
use super::sockets::{
    closed, lookup, not_for_subscriptions, not_ours, own_endpoint, receive_error, transport_error, until,
};
use super::waiting::limit;
use super::{
    ConnectOptions, Descriptor, EndSession, Error, FailoverFlags, MessageKind, Received, Result, SendOptions, Timeout,
};
use crate::association::NO_DESCRIPTOR;
use crate::driver::client::{Entry, ReceiveError, SendError, SessionStatus, Socket, TakenUp, system};
use crate::session::{Blame, Event, MAX_COOKIE_LEN, NoElement, PoolUserConfig, ReadItem, encode_cookie};
use crate::transport::OutboundMessage;
use crate::wire::PPID_ASAP;
use crate::{PoolElementId, SessionId};
use std::sync::Arc;
use std::time::Duration;

/// Starts a session with the pool. Succeeds even where no element is reachable: the session then needs a failover.
///
/// A signal handler that runs meanwhile ends the wait with `EINTR`; the search goes on: the descriptor is writable when it
/// has ended, and brings FAILOVER_NECESSARY when it found nobody. The same with `EINPROGRESS`, at once, where the application made
/// the descriptor non-blocking; [`OPTION_SESSION_ERROR`](super::OPTION_SESSION_ERROR) tells how the session stands.
pub fn connect(sd: Descriptor, pool_handle: &[u8], options: ConnectOptions) -> Result<()> {
    forget_last_error();
    let (instance, socket) = lookup(sd)?;
    let pool_handle = checked_handle(pool_handle)?;
    if socket.endpoint.get().is_none() {
        if socket.chosen_parameters()?.is_some() {
            // Parameters of its own belong to an endpoint of its own: others share the other one.
            own_endpoint(&instance, &socket)?;
        } else {
            let shared =
                instance.shared_endpoint().map_err(|error| transport_error(error, "no endpoint to connect from"))?;
            let _ = socket.endpoint.set(shared);
        }
    }
    let mut config = PoolUserConfig { stale_cache: options.stale_cache, ..socket.config()? };
    if let Some(timeout) = options.connect_timeout {
        config.connect_timeout = timeout;
    }
    if let Some(delay) = options.resolution_retry_delay {
        config.retry_delay = delay;
    }
    if socket.become_pool_user(pool_handle, config)? == TakenUp::InUse {
        return Err(Error::with(libc::EISCONN, format!("socket {sd} has a session already, or is a server")));
    }
    if let Err(why) = settle(&socket, Event::Start)? {
        remember(no_element(sd, &socket, why));
    }
    Ok(())
}

/// How the session of a socket stands, as an errno: 0: it has an element; `EINPROGRESS`: one is being searched; `ENOTCONN`: the
/// socket has no session with a pool; any other: it has no element, for that reason.
pub(super) fn session_error(socket: &Socket) -> libc::c_int {
    match socket.session_status() {
        None => libc::ENOTCONN,
        Some(SessionStatus::Connected) => 0,
        Some(SessionStatus::Searching) => libc::EINPROGRESS,
        Some(SessionStatus::Without(why)) => errno_of(why),
    }
}

/// Sets a session going and waits for what comes of it; `EINPROGRESS` where the application made the descriptor non-blocking.
fn settle(socket: &Arc<Socket>, event: Event<'_>) -> Result<std::result::Result<(), NoElement>> {
    let settled =
        if socket.is_nonblocking() { socket.begin(event).map(|()| None) } else { socket.settle(event).map(Some) };
    let settled = settled.map_err(|error| match error {
        ReceiveError::WouldBlock => Error::new(libc::ETIMEDOUT, "the session did not come to an end of its search"),
        ReceiveError::Interrupted => {
            Error::new(libc::EINTR, "a signal came while a pool element was searched: the search goes on")
        }
        ReceiveError::NotConnected => Error::new(libc::ENOTCONN, "the socket has no session"),
        error => receive_error(error),
    })?;
    let under_way =
        || Error::new(libc::EINPROGRESS, "the socket is non-blocking, and a pool element is being searched");
    settled.ok_or_else(under_way)
}

/// Moves the session to another element. `Ok` also for an unknown pool, after a pause: FAILOVER_NECESSARY follows again.
///
/// `EINTR` and `EINPROGRESS` as for [`connect`]: the search goes on, and its result comes as a notification.
pub fn force_failover(sd: Descriptor, flags: FailoverFlags, stale_cache: Duration) -> Result<()> {
    forget_last_error();
    let (_, socket) = lookup(sd)?;
    if !socket.is_pool_user()? {
        return Err(Error::with(libc::ENOTCONN, format!("socket {sd} has no session with a pool")));
    }
    let blame = if flags.unreachable { Blame::Element } else { Blame::Nobody };
    match settle(&socket, Event::ForceFailover { blame, stale_cache })? {
        Ok(()) => Ok(()),
        Err(NoElement::UnknownPool) => {
            remember(no_element(sd, &socket, NoElement::UnknownPool));
            Ok(())
        }
        Err(why) => Err(no_element(sd, &socket, why)),
    }
}

/// Why a session has no element.
fn no_element(sd: Descriptor, socket: &Socket, why: NoElement) -> Error {
    let pool = socket.peer_name().ok().flatten().map(|(pool_handle, _)| pool_handle.to_string());
    let what = format!("socket {sd} has no element of pool {}", pool.unwrap_or_default());
    Error::with(errno_of(why), format!("{what}: {}", reason(why)))
}

fn errno_of(why: NoElement) -> libc::c_int {
    match why {
        NoElement::UnknownPool => libc::ENOENT,
        NoElement::TooManyRequests => libc::EBUSY,
        NoElement::Closed => libc::ENOTCONN,
        NoElement::NoRegistrar | NoElement::NoDescriptor | NoElement::Unreachable => libc::EIO,
    }
}

fn reason(why: NoElement) -> &'static str {
    match why {
        NoElement::UnknownPool => "the pool does not exist or is empty",
        NoElement::NoRegistrar => "no registrar answered, so none is known",
        NoElement::NoDescriptor => NO_DESCRIPTOR,
        NoElement::TooManyRequests => "too many requests to registrars are under way in this process",
        NoElement::Closed => "the session was closed meanwhile",
        NoElement::Unreachable => "none that the registrar knows could be reached",
    }
}

/// Whether the session's element has given a cookie.
pub fn has_cookie(sd: Descriptor) -> Result<bool> {
    let (_, socket) = lookup(sd)?;
    Ok(socket.has_cookie()?)
}

/// Sends a message; returns the bytes sent, which are all of them. Mapped descriptors: write(2).
pub fn sendmsg(sd: Descriptor, data: &[u8], options: &SendOptions, timeout: Timeout) -> Result<usize> {
    let instance = instance()?;
    let socket = match instance.descriptors.get(sd) {
        None => return Err(not_ours(sd)),
        Some(Entry::Mapped(fd)) => {
            return system::write(fd, data).map_err(|error| Error::mapped(&error, "write to a mapped descriptor"));
        }
        Some(Entry::Subscription(_)) => return Err(not_for_subscriptions(sd, libc::EBADF)),
        Some(Entry::Socket(socket)) => socket,
    };
    if options.ppid == PPID_ASAP {
        return Err(Error::new(libc::EINVAL, "ASAP's payload protocol identifier is not for data"));
    }
    if data.is_empty() && options.end.is_none() {
        return Err(Error::new(libc::EINVAL, "SCTP cannot carry an empty message"));
    }
    if !data.is_empty() && options.end != Some(EndSession::Abort) {
        let message = OutboundMessage {
            stream: options.stream,
            ppid: options.ppid,
            unordered: options.unordered,
            lifetime: options.time_to_live,
            payload: data,
        };
        let timeout = if options.dont_wait { Timeout::Now } else { timeout };
        let sent = socket.send_message(options.session, message, until(timeout));
        sent.map_err(|error| not_sent(&socket, error))?;
    }
    if let Some(end) = options.end {
        socket.end_session(options.session, end).map_err(send_error)?;
    }
    Ok(data.len())
}

/// Why a message was not sent. A session that has no element says why it has none, as far as it knows.
fn not_sent(socket: &Socket, error: SendError) -> Error {
    let obstacle = if matches!(error, SendError::WouldBlock) { socket.obstacle() } else { None };
    match obstacle {
        Some((pool, why)) => Error::with(libc::EAGAIN, format!("no element of pool {pool} yet: {}", reason(why))),
        None => send_error(error),
    }
}

pub(super) fn send_error(error: SendError) -> Error {
    match error {
        SendError::WouldBlock => {
            Error::new(libc::EAGAIN, "the send queue is full, or a failover is under way: try again later")
        }
        SendError::Failed => Error::new(libc::EIO, "the session has failed: a failover is necessary"),
        SendError::NoSession => Error::new(libc::ENOTCONN, "there is no such session"),
        SendError::Interrupted => Error::new(libc::EINTR, "a signal came while waiting"),
        SendError::Closed(errno) => closed(errno),
        SendError::Transport(error) => transport_error(error, "the message cannot be sent"),
    }
}

/// Gives the peer of a session the state that another element needs to go on with it. Returns the cookie's length.
pub fn send_cookie(sd: Descriptor, cookie: &[u8], session: SessionId, timeout: Timeout) -> Result<usize> {
    let (_, socket) = lookup(sd)?;
    let cookies = socket.cookies()?;
    let longest = MAX_COOKIE_LEN - cookies.as_ref().map_or(0, |cookies| cookies.overhead());
    if cookie.is_empty() || cookie.len() > longest {
        let what = format!("a cookie has 1 to {longest} bytes, not {}", cookie.len());
        return Err(Error::with(libc::EMSGSIZE, what));
    }
    if !socket.is_server()? {
        return Err(Error::new(libc::EBADF, "only a pool element gives cookies"));
    }
    let sealed = cookies.map(|cookies| cookies.seal(cookie));
    let bytes = encode_cookie(sealed.as_deref().unwrap_or(cookie))
        .map_err(|error| Error::with(libc::EMSGSIZE, error.to_string()))?;
    let message = OutboundMessage::control(PPID_ASAP, &bytes);
    socket.send_message(session, message, until(timeout)).map_err(send_error)?;
    Ok(cookie.len())
}

/// Receives data, a cookie echo or a notification. Mapped descriptors: read(2), as soon as something is there to read.
pub fn recvmsg(sd: Descriptor, buffer: &mut [u8], timeout: Timeout) -> Result<Received> {
    let instance = instance()?;
    let socket = match instance.descriptors.get(sd) {
        None => return Err(not_ours(sd)),
        Some(Entry::Mapped(fd)) => {
            drop(instance);
            wait_to_read(fd, timeout)?;
            return read_mapped(fd, buffer);
        }
        Some(Entry::Subscription(_)) => return Err(not_for_subscriptions(sd, libc::EBADF)),
        Some(Entry::Socket(socket)) => socket,
    };
    if buffer.is_empty() {
        return Err(Error::new(libc::EINVAL, "the buffer has no room"));
    }
    // A thread that waits must not keep the instance alive.
    drop(instance);
    let (read, element) = socket.receive_message(buffer, until(timeout)).map_err(receive_error)?;
    Ok(received(read, element))
}

/// Receives without waiting, and without telling what it is. Mapped descriptors: read(2), which may wait.
pub fn read(sd: Descriptor, buffer: &mut [u8]) -> Result<usize> {
    if let Some(Entry::Mapped(fd)) = instance()?.descriptors.get(sd) {
        return read_mapped(fd, buffer).map(|received| received.len);
    }
    recvmsg(sd, buffer, Timeout::Now).map(|received| received.len)
}

fn wait_to_read(fd: Descriptor, timeout: Timeout) -> Result<()> {
    let mut entry = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
    match system::poll(&mut entry, limit(timeout)) {
        Ok(0) => Err(Error::new(libc::EAGAIN, "nothing came in time")),
        // What is wrong with the descriptor, read(2) says.
        Ok(_) => Ok(()),
        Err(error) => Err(Error::mapped(&error, "poll of a mapped descriptor")),
    }
}

fn read_mapped(fd: Descriptor, buffer: &mut [u8]) -> Result<Received> {
    let len = system::read(fd, buffer).map_err(|error| Error::mapped(&error, "read from a mapped descriptor"))?;
    Ok(Received {
        len,
        kind: MessageKind::Data,
        end_of_record: true,
        session: SessionId(0),
        ppid: 0,
        pool_element_id: PoolElementId(0),
        stream: 0,
    })
}

fn received(read: ReadItem, pool_element_id: PoolElementId) -> Received {
    let kind = match read.notification {
        Some(notification) => MessageKind::Notification(notification),
        None if read.cookie_echo => MessageKind::CookieEcho,
        None => MessageKind::Data,
    };
    Received {
        len: read.len,
        kind,
        end_of_record: read.end,
        session: read.session,
        ppid: if read.cookie_echo { PPID_ASAP } else { read.ppid },
        pool_element_id,
        stream: read.stream,
    }
}

/// As `recvmsg`: inbox messages are whole, so only a buffer that is too small makes a message come in parts.
pub fn recvfullmsg(sd: Descriptor, buffer: &mut [u8], timeout: Timeout) -> Result<Received> {
    recvmsg(sd, buffer, timeout)
}
