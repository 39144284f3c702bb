//! Sending announcements, from the port of an endpoint.

use crate::transport::interfaces::{self, Interface};
use crate::transport::zones;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Opens UDP sockets with the port of an SCTP endpoint that is bound to these addresses, for announcements from an endpoint that has no UDP
/// itself: who hears them takes the place they come from for the registrar's.
///
/// Others may share the port if they are bound to a group; a second socket that wants its unicast datagrams may not.
pub fn announcement_sockets(addresses: &[IpAddr], port: u16) -> io::Result<Vec<UdpSocket>> {
    match addresses {
        [] => Ok(vec![announcement_socket(None, port)?]),
        some => some.iter().map(|address| announcement_socket(Some(*address), port)).collect(),
    }
}

/// The one for an address, or for all.
pub(super) fn announcement_socket(address: Option<IpAddr>, port: u16) -> io::Result<UdpSocket> {
    let socket = match address {
        Some(address) => bind_shared(zones::with_zone(address, port))?,
        None => bind_shared((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| bind_shared((Ipv4Addr::UNSPECIFIED, port).into()))?,
    };
    // Nobody reads from it: what arrives shall take no memory. The kernel rounds up to its minimum.
    socket.set_recv_buffer_size(0)?;
    Ok(socket.into())
}

/// Binds so that sockets of groups may have the same port, but no other socket of this address.
pub(super) fn bind_shared(address: SocketAddr) -> io::Result<Socket> {
    let open = || Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP));
    let socket = open()?;
    if address.ip().is_unspecified() {
        // SO_REUSEADDR alone would let two programs take the port. A guard without it, on an address that no group
        // collides with, fails where another program has the port.
        let guard = open()?;
        let loopback: IpAddr = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        guard.bind(&SocketAddr::new(loopback, address.port()).into())?;
        guard.set_reuse_address(true)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
    } else {
        socket.bind(&address.into())?;
    }
    Ok(socket)
}

/// Sends announcements to groups from the port of an endpoint.
#[derive(Debug)]
pub struct AnnouncementSender {
    socket: UdpSocket,
    /// Where the socket is bound.
    local: SocketAddr,
    groups: Vec<SocketAddr>,
    /// It has been said that there is no multicast.
    said: bool,
}

impl AnnouncementSender {
    /// Sends from `socket`, which has the port of the endpoint (see [`crate::transport::Transport::announcement_sockets`]), to
    /// `groups`, over at most `ttl` hops.
    pub fn new(socket: UdpSocket, groups: &[SocketAddr], ttl: u32) -> io::Result<AnnouncementSender> {
        let local = socket.local_addr()?;
        let ttl = ttl.clamp(1, 255) as libc::c_int;
        // Announcements of others are for listeners, not for the socket of an endpoint, which may be this one.
        const IPV6_MULTICAST_ALL: libc::c_int = 29;
        let v6_options = [(libc::IPV6_MULTICAST_HOPS, ttl), (libc::IPV6_MULTICAST_LOOP, 1), (IPV6_MULTICAST_ALL, 0)];
        let v4_options = [(libc::IP_MULTICAST_TTL, ttl), (libc::IP_MULTICAST_LOOP, 1), (libc::IP_MULTICAST_ALL, 0)];
        for (option, value) in v4_options {
            // An IPv6 socket has these options for the IPv4 that it may send.
            set_option(&socket, libc::IPPROTO_IP, option, value).or_else(|error| ignore_if(local.is_ipv6(), error))?;
        }
        if local.is_ipv6() {
            for (option, value) in v6_options {
                let new = option == IPV6_MULTICAST_ALL;
                set_option(&socket, libc::IPPROTO_IPV6, option, value).or_else(|error| ignore_if(new, error))?;
            }
        }
        Ok(AnnouncementSender { socket, local, groups: groups.to_vec(), said: false })
    }

    /// Sends an announcement to every group, on every interface that suits; returns how many datagrams went out.
    /// When none does, that is said once in the log, and it is no error: the network may come later.
    pub fn send(&mut self, announcement: &[u8]) -> usize {
        let interfaces = interfaces::list().unwrap_or_default();
        let mut sent = 0;
        let mut failure = None;
        for group in &self.groups {
            for interface in outgoing(&interfaces, self.local.ip().to_canonical(), group.is_ipv4()) {
                match self.send_on(interface, *group, announcement) {
                    Ok(()) => sent += 1,
                    Err(error) => failure = Some((*group, interface.name.clone(), error)),
                }
            }
        }
        if sent == 0 && !self.said {
            self.said = true;
            match failure {
                Some((group, name, error)) => log::info!("no multicast: announcement to {group} on {name}: {error}"),
                None => log::info!("no multicast: no interface suits announcements from {}", self.local),
            }
        }
        sent
    }

    /// The source address on an interface. Left to the kernel, IPv4 may get that of another interface.
    fn source(&self, interface: &Interface, v4: bool) -> IpAddr {
        let unspecified: IpAddr = if v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let local = Some(self.local.ip().to_canonical()).filter(|local| !local.is_unspecified());
        let own = || interface.addresses.iter().copied().find(|address| address.is_ipv4() == v4);
        local.or_else(own).unwrap_or(unspecified)
    }

    /// Sends on one interface, without changing the socket: it may be the endpoint's.
    fn send_on(&self, interface: &Interface, group: SocketAddr, announcement: &[u8]) -> io::Result<()> {
        let destination = match group.ip() {
            IpAddr::V4(address) if self.local.is_ipv6() => {
                SocketAddr::new(address.to_ipv6_mapped().into(), group.port())
            }
            _ => group,
        };
        let destination = SockAddr::from(destination);
        let mut control = [0u64; 8];
        let mut vector = libc::iovec { iov_base: announcement.as_ptr().cast_mut().cast(), iov_len: announcement.len() };
        // SAFETY: msghdr consists of integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_name = destination.as_ptr().cast_mut().cast();
        message.msg_namelen = destination.len();
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = if let IpAddr::V4(source) = self.source(interface, group.is_ipv4()) {
            let info = libc::in_pktinfo {
                ipi_ifindex: interface.index as libc::c_int,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            put_control(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        } else {
            // For IPv6 the kernel's choice of the source follows the scope of the group.
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: [0; 16] }, ipi6_ifindex: interface.index };
            put_control(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        } as _;
        // SAFETY: `message` points to buffers of the lengths that it tells, which live across the call and are only read.
        let sent = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Which interfaces an announcement from `local` goes out on: the one that has this address; for the wildcard address
/// all that can multicast; loopback when there is no other.
pub(super) fn outgoing(interfaces: &[Interface], local: IpAddr, v4: bool) -> Vec<&Interface> {
    if !local.is_unspecified() {
        let same_family = local.is_ipv4() == v4;
        // Loopback has all of 127.0.0.0/8, of which it lists one address.
        let has = |i: &&Interface| i.addresses.contains(&local) || (i.loopback && local.is_loopback());
        return interfaces.iter().filter(|i| same_family && i.up).filter(has).collect();
    }
    let usable = |i: &&Interface| i.up && i.addresses.iter().any(|address| address.is_ipv4() == v4);
    let networks: Vec<&Interface> = interfaces.iter().filter(usable).filter(|i| i.multicast && !i.loopback).collect();
    if networks.is_empty() { interfaces.iter().filter(usable).filter(|i| i.loopback).collect() } else { networks }
}

/// Puts one control message into an empty buffer; returns the length used.
fn put_control<T: Copy>(buffer: &mut [u64; 8], level: libc::c_int, kind: libc::c_int, data: T) -> usize {
    // SAFETY: these two only compute.
    let (space, len) = unsafe { (libc::CMSG_SPACE(size_of::<T>() as u32), libc::CMSG_LEN(size_of::<T>() as u32)) };
    assert!(space as usize <= size_of_val(buffer), "packet information fits");
    // SAFETY: the assertion leaves room for header and data; the buffer is aligned for the header.
    unsafe {
        let header = buffer.as_mut_ptr().cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = len as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(data);
    }
    space as usize
}

fn set_option(socket: &impl AsRawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` has `len` bytes, which the kernel only reads.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn ignore_if(condition: bool, error: io::Error) -> io::Result<()> {
    if condition { Ok(()) } else { Err(error) }
}
