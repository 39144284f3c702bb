//! The functions, one for one what C programs call.

use super::{
    AddressInfo, Config, ConnectOptions, Descriptor, FailoverFlags, LoadInfo, PeName, Received, RegisterOptions,
    Result, SendOptions, Timeout,
};
use crate::PoolElementId;
use crate::transport::SctpParameters;
use libc::c_int;
use std::net::SocketAddr;
use std::time::Duration;

/// Starts the library; nothing happens when it runs already.
pub fn initialize(config: &Config) -> Result<()> {
    let _ = config;
    todo!()
}
/// Closes every descriptor, leaves the pools, stops the thread; wakes every blocked call with `ECANCELED`.
pub fn cleanup() {
    todo!()
}
/// A new socket. `socket_type`: SOCK_STREAM for a server with a descriptor a session, SOCK_SEQPACKET for a server with all
/// sessions on one, and for clients.
pub fn socket(domain: c_int, socket_type: c_int, protocol: c_int) -> Result<Descriptor> {
    let _ = (domain, socket_type, protocol);
    todo!()
}
/// Binds to these addresses, all with the same port; empty: to any, with a port of the system's choice.
pub fn bind(sd: Descriptor, addresses: &[SocketAddr]) -> Result<()> {
    let _ = (sd, addresses);
    todo!()
}
/// Accepts sessions from now on; binds first where that has not been done.
pub fn listen(sd: Descriptor, backlog: c_int) -> Result<()> {
    let _ = (sd, backlog);
    todo!()
}
/// Takes a new session of a listening SOCK_STREAM socket; `EAGAIN` when none comes in time.
pub fn accept(sd: Descriptor, timeout: Timeout) -> Result<Descriptor> {
    let _ = (sd, timeout);
    todo!()
}
/// Starts a session with the pool. Succeeds even where no element is reachable: the session then needs a failover.
pub fn connect(sd: Descriptor, pool_handle: &[u8], options: ConnectOptions) -> Result<()> {
    let _ = (sd, pool_handle, options);
    todo!()
}
/// Registers the socket as an element of the pool, or changes its registration; binds and listens where needed.
pub fn register(
    sd: Descriptor,
    pool_handle: &[u8],
    load: &LoadInfo,
    reregistration_interval: Duration,
    options: RegisterOptions,
) -> Result<()> {
    let _ = (sd, pool_handle, load, reregistration_interval, options);
    todo!()
}
/// Takes the element out of its pool; sessions stay.
pub fn deregister(sd: Descriptor, dont_wait: bool) -> Result<()> {
    let _ = (sd, dont_wait);
    todo!()
}
/// Closes the descriptor with its sessions and its registration.
pub fn close(sd: Descriptor) -> Result<()> {
    let _ = sd;
    todo!()
}
/// Sends a message; returns the bytes sent, which are all of them.
pub fn sendmsg(sd: Descriptor, data: &[u8], options: &SendOptions, timeout: Timeout) -> Result<usize> {
    let _ = (sd, data, options, timeout);
    todo!()
}
/// Receives data, a cookie echo or a notification.
pub fn recvmsg(sd: Descriptor, buffer: &mut [u8], timeout: Timeout) -> Result<Received> {
    let _ = (sd, buffer, timeout);
    todo!()
}
/// As `recvmsg`, until the end of the message or of the buffer.
pub fn recvfullmsg(sd: Descriptor, buffer: &mut [u8], timeout: Timeout) -> Result<Received> {
    let _ = (sd, buffer, timeout);
    todo!()
}
/// Gives the peer of a session the state that another element needs to go on with it. Returns the cookie's length.
pub fn send_cookie(sd: Descriptor, cookie: &[u8], session: crate::SessionId, timeout: Timeout) -> Result<usize> {
    let _ = (sd, cookie, session, timeout);
    todo!()
}
/// Whether the session's element has given a cookie.
pub fn has_cookie(sd: Descriptor) -> Result<bool> {
    let _ = sd;
    todo!()
}
/// Moves the session to another element. `Ok` also for an unknown pool, after a pause: FAILOVER_NECESSARY follows again.
pub fn force_failover(sd: Descriptor, flags: FailoverFlags, stale_cache: Duration) -> Result<()> {
    let _ = (sd, flags, stale_cache);
    todo!()
}
/// Resolves a pool handle: the elements in the order in which to use them. `ENOENT`: no such pool, or empty.
pub fn getaddrinfo(pool_handle: &[u8], items: Option<u32>, stale_cache: Duration) -> Result<Vec<AddressInfo>> {
    let _ = (pool_handle, items, stale_cache);
    todo!()
}
/// Registers an element that is not an RSerPool socket, once; returns its identifier.
pub fn pe_registration(
    pool_handle: &[u8],
    element: &AddressInfo,
    load: &LoadInfo,
    life: Duration,
) -> Result<PoolElementId> {
    let _ = (pool_handle, element, load, life);
    todo!()
}
/// De-registers an element of `pe_registration`.
pub fn pe_deregistration(pool_handle: &[u8], id: PoolElementId) -> Result<()> {
    let _ = (pool_handle, id);
    todo!()
}
/// Reports an element as unreachable.
pub fn pe_failure(pool_handle: &[u8], id: PoolElementId) -> Result<()> {
    let _ = (pool_handle, id);
    todo!()
}
/// The pool and identifier that the socket is registered with; `EBADF` when it is not.
pub fn getsockname(sd: Descriptor) -> Result<PeName> {
    let _ = sd;
    todo!()
}
/// The pool and element that the socket is connected to; `EBADF` when it is not.
pub fn getpeername(sd: Descriptor) -> Result<PeName> {
    let _ = sd;
    todo!()
}
/// Reads a socket option into `value`; returns its length. Works on mapped descriptors as getsockopt(2).
pub fn getsockopt(sd: Descriptor, level: c_int, name: c_int, value: &mut [u8]) -> Result<usize> {
    let _ = (sd, level, name, value);
    todo!()
}
/// Sets a socket option. Works on mapped descriptors as setsockopt(2).
pub fn setsockopt(sd: Descriptor, level: c_int, name: c_int, value: &[u8]) -> Result<()> {
    let _ = (sd, level, name, value);
    todo!()
}
/// Sets the SCTP parameters whose value is not zero, and returns what holds now.
pub fn update_session_parameters(sd: Descriptor, parameters: &SctpParameters) -> Result<SctpParameters> {
    let _ = (sd, parameters);
    todo!()
}
/// poll(2) over RSerPool, mapped and plain descriptors. A signal gives `EINTR`.
pub fn poll(fds: &mut [libc::pollfd], timeout: Timeout) -> Result<usize> {
    let _ = (fds, timeout);
    todo!()
}
/// select(2) over RSerPool, mapped and plain descriptors. A signal gives `EINTR`.
pub fn select(
    count: c_int,
    read: Option<&mut libc::fd_set>,
    write: Option<&mut libc::fd_set>,
    except: Option<&mut libc::fd_set>,
    timeout: Timeout,
) -> Result<usize> {
    let _ = (count, read, write, except, timeout);
    todo!()
}
/// Makes a descriptor of the system usable with `poll`, `recvmsg`, ... under the number `to`; -1: any free number.
pub fn mapsocket(fd: c_int, to: c_int) -> Result<Descriptor> {
    let _ = (fd, to);
    todo!()
}
/// Undoes `mapsocket`. `EBADF` for RSerPool sockets.
pub fn unmapsocket(sd: Descriptor) -> Result<()> {
    let _ = sd;
    todo!()
}
