//! Sockets of the TCP transport and their options.

use crate::transport::SctpParameters;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Connections that may wait for accept.
const BACKLOG: i32 = 1_024;
/// Bytes that the kernel may hold for one connection: with thousands of connections its default is too generous.
const SEND_BUFFER: usize = 64 << 10;
/// Tries to find one port that is free on every address.
const PORT_TRIES: usize = 16;

fn new_socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))
}

/// Opens one listening socket for each address, all on one port; none given: any address, any port.
pub(super) fn listeners(bind: &[SocketAddr]) -> io::Result<Vec<Socket>> {
    if bind.is_empty() {
        return Ok(vec![wildcard_listener()?]);
    }
    let system_chooses = bind.iter().all(|address| address.port() == 0);
    let mut tries = if system_chooses && bind.len() > 1 { PORT_TRIES } else { 1 };
    loop {
        match listeners_on_one_port(bind) {
            // The port that was free on the first address is taken on another one.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 1 => tries -= 1,
            other => return other,
        }
    }
}

fn listeners_on_one_port(bind: &[SocketAddr]) -> io::Result<Vec<Socket>> {
    let v4_too = bind.iter().any(SocketAddr::is_ipv4);
    let mut port = 0;
    let mut sockets = Vec::with_capacity(bind.len());
    for address in bind {
        let mut address = *address;
        if address.port() == 0 {
            address.set_port(port);
        }
        let socket = listener(address, address.is_ipv6() && v4_too)?;
        port = local_port(&socket)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

fn wildcard_listener() -> io::Result<Socket> {
    let v6 = listener((std::net::Ipv6Addr::UNSPECIFIED, 0).into(), false);
    v6.or_else(|_| listener((std::net::Ipv4Addr::UNSPECIFIED, 0).into(), false))
}

fn listener(address: SocketAddr, v6_only: bool) -> io::Result<Socket> {
    let socket = new_socket(Domain::for_address(address))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// A socket that begins to connect to `peer`, from the local address of its family if there is one.
pub(super) fn connecting(peer: SocketAddr, bind: &[SocketAddr], parameters: &SctpParameters) -> io::Result<Socket> {
    let socket = new_socket(Domain::for_address(peer))?;
    let same_family = |address: &&SocketAddr| address.is_ipv4() == peer.is_ipv4() && !address.ip().is_unspecified();
    if let Some(local) = bind.iter().find(same_family) {
        socket.bind(&SocketAddr::new(local.ip(), 0).into())?;
    }
    tune(&socket, parameters)?;
    match socket.connect(&peer.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

/// Sets what every connection has.
pub(super) fn tune(socket: &Socket, parameters: &SctpParameters) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    set_liveness(socket, parameters)
}

/// Makes a vanished peer noticed as soon as SCTP would notice it, idle or sending, in the whole seconds that TCP has.
pub(super) fn set_liveness(socket: &Socket, parameters: &SctpParameters) -> io::Result<()> {
    let interval = Duration::from_secs(parameters.heartbeat_interval.as_secs_f64().ceil().max(1.0) as u64);
    let keepalive = TcpKeepalive::new()
        .with_time(interval)
        .with_interval(Duration::from_secs(1))
        .with_retries(parameters.path_max_retransmissions.clamp(1, 127));
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(user_timeout(parameters)))
}

/// How long sent data may remain unacknowledged: what SCTP takes to give an association up (RFC 9260 section 8.1).
fn user_timeout(parameters: &SctpParameters) -> Duration {
    let rounds = parameters.association_max_retransmissions.clamp(1, 100);
    let round = parameters.heartbeat_interval.max(parameters.rto_max).min(Duration::from_secs(60));
    (round * rounds + parameters.rto_initial).max(Duration::from_secs(1))
}

/// The port that a socket is bound to.
pub(super) fn local_port(socket: &Socket) -> io::Result<u16> {
    Ok(socket.local_addr()?.as_socket().map_or(0, |address| address.port()))
}

/// How many bytes the peer's TCP has not acknowledged; none when the kernel does not tell.
pub(super) fn unacknowledged(socket: &Socket) -> Option<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (the same number as TIOCOUTQ) writes one int.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if result < 0 { None } else { usize::try_from(count).ok() }
}

/// The smoothed round-trip time that the kernel measured.
pub(super) fn round_trip_time(socket: &Socket) -> Option<Duration> {
    // SAFETY: tcp_info consists of integers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `info` has room for `len` bytes, and the kernel writes no more than that.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut len)
    };
    (result == 0 && info.tcpi_rtt > 0).then(|| Duration::from_micros(info.tcpi_rtt.into()))
}
