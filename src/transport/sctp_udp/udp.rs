//! The UDP sockets of an endpoint: one for each bound address, all with the same port.
//!
//! Received in batches, sent one by one and inline; ICMP errors are read from the error queue, because an unconnected
//! UDP socket is told of them in no other way.

use crate::transport::epoll::{Epoll, Interest};
use crate::transport::not_inherited::NotInherited;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Datagrams taken from the kernel in one system call.
pub(super) const BATCH: usize = 16;
/// The longest UDP datagram. Only the pages that datagrams really touch take memory.
const MAX_DATAGRAM: usize = 65_536;
/// Asked of the kernel; it gives what `net.core.rmem_max` allows. Thousands of associations share one socket.
const SOCKET_BUFFER: usize = 4 << 20;
/// Room for the control messages that are asked for: packet information, extended error.
const CONTROL: usize = 128;
/// How often a system-chosen port is tried that all the bind addresses must have free.
const PORT_ATTEMPTS: usize = 16;
/// Bytes of a refused packet that are looked at.
const QUOTED: usize = 64;

/// How packets reach a peer: through which socket, from which of our addresses, to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub socket: usize,
    pub remote: SocketAddr,
    /// The local address to send from, where the socket is bound to the wildcard address and the peer expects one.
    pub local: Option<IpAddr>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The kernel has it, or dropped it for want of room: SCTP repeats it.
    Done,
    /// There is no way to the destination.
    Unreachable,
    /// This host does not have the address any more that it was to be sent from.
    NoSource,
}

/// An ICMP error about something that we sent.
pub(super) struct IcmpError {
    pub remote: SocketAddr,
    /// Port unreachable, as opposed to a host or network that cannot be reached.
    pub port_unreachable: bool,
    quoted: [u8; QUOTED],
    quoted_len: usize,
}

impl IcmpError {
    /// The beginning of the packet that could not be delivered.
    pub fn quoted(&self) -> &[u8] {
        &self.quoted[..self.quoted_len]
    }
}

struct Bound {
    socket: NotInherited<Socket>,
    ipv6: bool,
    address: SocketAddr,
}

/// The sockets of one endpoint.
pub(super) struct Udp {
    sockets: Vec<Bound>,
    /// Bundles several sockets into one descriptor.
    epoll: Option<Epoll>,
    port: u16,
}

impl Udp {
    /// Binds. `share_port` lets listeners for multicast groups bind the same port (see [`bind_shared`]).
    pub fn open(bind: &[SocketAddr], share_port: bool) -> io::Result<Udp> {
        let sockets = match bind {
            [] => vec![bind_any()?],
            [one] => vec![bind_one(*one, false, share_port)?],
            several => bind_several(several, share_port)?,
        };
        let port = sockets[0].address.port();
        let epoll = if sockets.len() > 1 { Some(bundle(&sockets)?) } else { None };
        Ok(Udp { sockets, epoll, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn count(&self) -> usize {
        self.sockets.len()
    }

    pub fn fd(&self) -> RawFd {
        self.epoll.as_ref().map_or_else(|| self.sockets[0].socket.as_raw_fd(), |epoll| epoll.as_raw_fd())
    }

    /// The specific addresses that the endpoint is bound to.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.sockets.iter().map(|bound| bound.address.ip()).filter(|ip| !ip.is_unspecified())
    }

    /// Other handles on the sockets.
    pub fn duplicates(&self) -> io::Result<Vec<UdpSocket>> {
        self.sockets.iter().map(|bound| Ok(bound.socket.try_clone()?.into())).collect()
    }

    /// The path on which to begin talking to `remote`, if any socket can reach its address family.
    pub fn path_to(&self, remote: SocketAddr) -> Option<Path> {
        let usable = |bound: &Bound| match remote.ip() {
            IpAddr::V4(_) => !bound.ipv6 || bound.address.ip().is_unspecified(),
            IpAddr::V6(_) => bound.ipv6,
        };
        // A socket bound to a loopback address reaches only this host, and the others do not reach its like.
        let fits = |bound: &Bound| {
            bound.address.ip().is_unspecified() || bound.address.ip().is_loopback() == remote.ip().is_loopback()
        };
        // With several, the answer to a packet must find the way by which the packet came.
        let source = if self.sockets.len() > 1 { source_towards(remote) } else { None };
        let position = |test: &dyn Fn(&Bound) -> bool| self.sockets.iter().position(test);
        let socket = position(&|b| Some(b.address.ip()) == source)
            .or_else(|| position(&|b| usable(b) && fits(b)))
            .or_else(|| position(&usable))?;
        Some(Path { socket, remote, local: None })
    }

    /// Sends a datagram now, or drops it if the kernel has no room.
    pub fn send(&self, path: &Path, datagram: &[u8]) -> Sent {
        let Some(bound) = self.sockets.get(path.socket) else { return Sent::Unreachable };
        // A try may return the error of an earlier datagram, even to somebody else, and clears it so: only what the last
        // try says is about this one.
        let mut unreachable = false;
        for _ in 0..3 {
            match send_once(bound, path, datagram) {
                Ok(()) => return Sent::Done,
                Err(error) => match error.raw_os_error() {
                    Some(libc::ECONNREFUSED | libc::EINTR) => unreachable = false,
                    Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => unreachable = true,
                    Some(libc::EADDRNOTAVAIL | libc::EINVAL) => return Sent::NoSource,
                    _ => return Sent::Done,
                },
            }
        }
        if unreachable { Sent::Unreachable } else { Sent::Done }
    }

    /// Receives up to [`BATCH`] datagrams from a socket into `batch`. Errors that ICMP caused show as an empty batch.
    pub fn receive(&self, socket: usize, batch: &mut Batch) -> usize {
        let Some(bound) = self.sockets.get(socket) else { return 0 };
        batch.receive(bound.socket.as_raw_fd())
    }

    /// Takes the next ICMP error from a socket's error queue.
    pub fn next_error(&self, socket: usize) -> Option<IcmpError> {
        receive_error(self.sockets.get(socket)?.socket.as_raw_fd())
    }
}

/// The address that the routing table chooses towards `remote`. Sends nothing.
fn source_towards(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The wildcard address of both families, or of IPv4 where there is no IPv6.
fn bind_any() -> io::Result<Bound> {
    bind_one(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0), false, false)
        .or_else(|_| bind_one(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), false, false))
}

fn bind_several(addresses: &[SocketAddr], share_port: bool) -> io::Result<Vec<Bound>> {
    let asked = addresses[0].port();
    if addresses.iter().any(|address| address.port() != asked) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "all bind addresses of an endpoint must have one port",
        ));
    }
    let both_families = addresses.iter().any(|a| a.is_ipv4());
    let mut attempts = if asked == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let mut port = asked;
        let bound: io::Result<Vec<Bound>> = addresses
            .iter()
            .map(|address| {
                let bound = bind_one(SocketAddr::new(address.ip(), port), both_families, share_port)?;
                port = bound.address.port();
                Ok(bound)
            })
            .collect();
        match bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => continue,
            result => return result,
        }
    }
}

fn bind_one(address: SocketAddr, v6_only: bool, share_port: bool) -> io::Result<Bound> {
    let ipv6 = address.is_ipv6();
    let domain = if ipv6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = NotInherited::new(Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?);
    socket.set_nonblocking(true)?;
    if ipv6 {
        socket.set_only_v6(v6_only)?;
    }
    // What the kernel refuses here costs throughput only.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    let on = 1;
    if ipv6 {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, on)?;
        let _ = set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, on);
    } else {
        set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, on)?;
    }
    allow_fragments(&socket);
    if address.ip().is_unspecified() {
        if ipv6 {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, on)?;
        } else {
            set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, on)?;
        }
    }
    if share_port && address.port() != 0 && address.ip().is_unspecified() {
        bind_shared(&socket, address)?;
    } else {
        socket.bind(&address.into())?;
    }
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok(Bound { socket, ipv6, address })
}

/// Lets routers split packets that are too long for their next link (no DF), which nothing is told of where ICMP is blocked. Our packets
/// fit any link of IPv6, and nearly any other. Where that cannot be had, such paths do not work.
fn allow_fragments(socket: &Socket) {
    // An IPv6 socket has the option for the IPv4 that it may send.
    if let Err(error) = set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT) {
        log::debug!("SCTP in UDP: packets are not split on their way: {error}");
    }
}

/// Binds the wildcard address so that listeners for multicast groups may have the same port, yet no second endpoint.
///
/// With SO_REUSEADDR alone, Linux would let a second registrar take the port without an error. So a socket without the
/// option is bound to the loopback address first: that fails where an endpoint has the port already, and does not collide
/// with a socket that is bound to a group's address.
fn bind_shared(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let mut guards = vec![guard(Ipv4Addr::LOCALHOST.into(), address.port())?];
    if address.is_ipv6() {
        guards.push(guard(Ipv6Addr::LOCALHOST.into(), address.port())?);
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

fn guard(loopback: IpAddr, port: u16) -> io::Result<Socket> {
    let address = SocketAddr::new(loopback, port);
    let guard = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    match guard.bind(&address.into()) {
        // Where there is no such loopback address, as with IPv6 switched off, nobody has its port.
        Err(error) if error.kind() != io::ErrorKind::AddrNotAvailable => return Err(error),
        _ => guard.set_reuse_address(true)?,
    }
    Ok(guard)
}

fn bundle(sockets: &[Bound]) -> io::Result<Epoll> {
    let epoll = Epoll::new()?;
    for bound in sockets {
        epoll.add(bound.socket.as_raw_fd(), 0, Interest::Read)?;
    }
    Ok(epoll)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn set_option(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to a live c_int and the length is its size.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) })?;
    Ok(())
}

/// Control messages must be aligned as their header is.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

fn send_once(bound: &Bound, path: &Path, datagram: &[u8]) -> io::Result<()> {
    let target = match path.remote {
        SocketAddr::V4(v4) if bound.ipv6 => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into(),
        other => other,
    };
    let target = SockAddr::from(target);
    let Some(local) = path.local else {
        return bound.socket.send_to(datagram, &target).map(|_| ());
    };
    let mut control = Control([0; CONTROL]);
    let mut iov = libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    // SAFETY: all zeroes is a valid msghdr.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = target.as_ptr().cast_mut().cast();
    message.msg_namelen = target.len();
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = put_source(bound.ipv6, local, &mut control) as _;
    // SAFETY: every pointer in `message` is to something that lives across the call, with its right length.
    if unsafe { libc::sendmsg(bound.socket.as_raw_fd(), &raw const message, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Writes the control message that sets the source address; returns its length.
fn put_source(ipv6: bool, local: IpAddr, control: &mut Control) -> usize {
    if ipv6 {
        let address = match local {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: address.octets() }, ipi6_ifindex: 0 };
        put_control(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info, control)
    } else {
        let IpAddr::V4(v4) = local else { return 0 };
        let address = libc::in_addr { s_addr: u32::from_ne_bytes(v4.octets()) };
        let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: libc::in_addr { s_addr: 0 } };
        put_control(libc::IPPROTO_IP, libc::IP_PKTINFO, info, control)
    }
}

fn put_control<T: Copy>(level: libc::c_int, kind: libc::c_int, value: T, control: &mut Control) -> usize {
    // SAFETY: CMSG_SPACE and CMSG_LEN only calculate. The header and the value, at most 20 bytes, fit into `control`,
    // which is aligned for the header; the value is written unaligned.
    unsafe {
        let space = libc::CMSG_SPACE(size_of::<T>() as u32) as usize;
        debug_assert!(space <= CONTROL);
        let header: *mut libc::cmsghdr = control.0.as_mut_ptr().cast();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<T>() as u32) as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
        space
    }
}

/// Reads the first control message for which `pick` gives a value.
fn find_control<T>(
    message: &libc::msghdr,
    mut pick: impl FnMut(libc::c_int, libc::c_int, *const u8, usize) -> Option<T>,
) -> Option<T> {
    // SAFETY: the kernel filled `message`, so its control pointers describe well-formed control messages.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let length = ((*header).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            let found = pick((*header).cmsg_level, (*header).cmsg_type, libc::CMSG_DATA(header), length);
            if found.is_some() {
                return found;
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

fn destination(level: libc::c_int, kind: libc::c_int, data: *const u8, length: usize) -> Option<IpAddr> {
    match (level, kind) {
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if length >= size_of::<libc::in6_pktinfo>() => {
            // SAFETY: the control message is long enough; the read may be unaligned.
            let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
            let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            // A link-local source would need its interface too; the kernel picks the right one by itself.
            let link_local = address.is_unicast_link_local() || address.is_multicast();
            Some(IpAddr::V6(address).to_canonical()).filter(|_| !link_local)
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) if length >= size_of::<libc::in_pktinfo>() => {
            // SAFETY: as above.
            let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
            Some(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into())
        }
        _ => None,
    }
}

/// So many zero bytes, of which no page takes memory before it is touched. None: there is no memory.
fn zeroes(count: usize) -> Option<Vec<u8>> {
    let layout = std::alloc::Layout::array::<u8>(count).ok().filter(|layout| layout.size() > 0)?;
    // SAFETY: the size is not zero.
    let start = unsafe { std::alloc::alloc_zeroed(layout) };
    // SAFETY: `start` is from the allocator that `Vec` uses, with the layout of `count` bytes, all of which are initialised.
    (!start.is_null()).then(|| unsafe { Vec::from_raw_parts(start, count, count) })
}

/// Buffers for a batch of datagrams.
pub(super) struct Batch {
    buffer: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    lengths: [usize; BATCH],
    locals: [Option<IpAddr>; BATCH],
}

impl Batch {
    /// None: there is no memory.
    pub fn new() -> Option<Batch> {
        Some(Batch {
            buffer: zeroes(BATCH * MAX_DATAGRAM)?,
            // SAFETY: all zeroes is a valid sockaddr_storage.
            names: vec![unsafe { zeroed() }; BATCH],
            controls: vec![Control([0; CONTROL]); BATCH],
            lengths: [0; BATCH],
            locals: [None; BATCH],
        })
    }

    fn receive(&mut self, fd: RawFd) -> usize {
        // SAFETY: all zeroes are valid iovecs and mmsghdrs.
        let (mut iovs, mut messages): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) = unsafe { (zeroed(), zeroed()) };
        for i in 0..BATCH {
            iovs[i].iov_base = self.buffer[i * MAX_DATAGRAM..].as_mut_ptr().cast();
            iovs[i].iov_len = MAX_DATAGRAM;
            let header = &mut messages[i].msg_hdr;
            header.msg_name = (&raw mut self.names[i]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
            header.msg_iov = &raw mut iovs[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
        }
        // SAFETY: each message points to its own part of the live buffers, with the right lengths.
        let count = unsafe {
            libc::recvmmsg(fd, messages.as_mut_ptr(), BATCH as u32, libc::MSG_DONTWAIT as _, std::ptr::null_mut())
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (i, message) in messages.iter().enumerate().take(count) {
            self.lengths[i] = (message.msg_len as usize).min(MAX_DATAGRAM);
            self.locals[i] = find_control(&message.msg_hdr, destination);
        }
        count
    }

    /// A received datagram: its bytes, sender, and the address that it was sent to.
    pub fn get(&self, i: usize) -> Option<(&[u8], SocketAddr, Option<IpAddr>)> {
        let start = i * MAX_DATAGRAM;
        let bytes = self.buffer.get(start..start + *self.lengths.get(i)?)?;
        Some((bytes, socket_address(self.names.get(i)?)?, *self.locals.get(i)?))
    }
}

/// The address in canonical form: IPv4-mapped ones as IPv4.
fn socket_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a sockaddr_in, which is smaller than the storage.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(address, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a sockaddr_in6, which is smaller than the storage.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(match address.to_ipv4_mapped() {
                Some(v4) => SocketAddrV4::new(v4, port).into(),
                None => SocketAddrV6::new(address, port, 0, v6.sin6_scope_id).into(),
            })
        }
        _ => None,
    }
}

fn receive_error(fd: RawFd) -> Option<IcmpError> {
    let mut quoted = [0u8; QUOTED];
    let mut control = Control([0; CONTROL]);
    // SAFETY: all zeroes are a valid sockaddr_storage and a valid msghdr.
    let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let mut iov = libc::iovec { iov_base: quoted.as_mut_ptr().cast(), iov_len: QUOTED };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL as _;
    // SAFETY: every pointer in `message` is to something that lives across the call, with its right length.
    let length = unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
    let quoted_len = usize::try_from(length).ok()?.min(QUOTED);
    let errno = find_control(&message, |level, kind, data, length| {
        let wanted =
            matches!((level, kind), (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR));
        // SAFETY: the control message is long enough; the read may be unaligned.
        (wanted && length >= size_of::<libc::sock_extended_err>())
            .then(|| unsafe { data.cast::<libc::sock_extended_err>().read_unaligned() }.ee_errno)
    });
    // Something that is no ICMP error still was taken from the queue: report it as one about nothing.
    let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    Some(IcmpError {
        remote: socket_address(&name).filter(|_| errno.is_some()).unwrap_or(nowhere),
        port_unreachable: errno == Some(libc::ECONNREFUSED as u32),
        quoted,
        quoted_len,
    })
}
