//! The kernel's SCTP: one one-to-many socket an endpoint (RFC 6458 section 3).

use socket2::{Domain, Protocol, Socket, Type};
use std::io;

const IPPROTO_SCTP: i32 = 132;

/// Whether this kernel's SCTP works: it makes a socket, and the socket can listen.
///
/// A socket alone proves little: without a usable cookie HMAC the kernel gives one that cannot listen.
pub(super) fn probe() -> io::Result<()> {
    let kind = Type::SEQPACKET.nonblocking().cloexec();
    let protocol = Some(Protocol::from(IPPROTO_SCTP));
    let socket = Socket::new(Domain::IPV6, kind, protocol).or_else(|_| Socket::new(Domain::IPV4, kind, protocol))?;
    socket.listen(1)
}
