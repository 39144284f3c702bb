//! Multicast announcements (RFC 5352 section 3.6; on the ENRP side an extension that rsplib has): UDP datagrams by which
//! registrars make themselves known. They are optional: a machine without multicast is an ordinary machine.

use super::epoll::{Epoll, Interest, Ready};
use super::interface_changes::InterfaceChanges;
use super::interfaces::{self, Interface};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Port of ASAP, and of its announcements.
const ASAP_PORT: u16 = 3863;
/// Port of ENRP.
const ENRP_PORT: u16 = 9901;
/// Where registrars announce themselves: the groups of IANA (IPv4, and IPv6 in the scope of a site) and that of rsplib.
pub const ASAP_GROUPS: [SocketAddr; 3] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 1, 185)), ASAP_PORT),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 0, 0, 50)), ASAP_PORT),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x133)), ASAP_PORT),
];
/// Where rsplib's registrars find each other.
pub const ENRP_GROUPS: [SocketAddr; 1] = [SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 0, 0, 51)), ENRP_PORT)];
/// Hops that announcements may take by default: those of rsplib.
pub const DEFAULT_TTL: u32 = 30;
/// The longest announcement taken: longer ones are no announcements.
const MAX_ANNOUNCEMENT: usize = 8 << 10;
/// Datagrams received in one go.
const RECEIVES_PER_POLL: usize = 32;

/// Opens a UDP socket with the port of an SCTP endpoint, for announcements from an endpoint that has no UDP itself:
/// who hears them takes the port they come from for the registrar's.
///
/// Others may share the port if they are bound to a group; a second socket that wants its unicast datagrams may not.
pub fn announcement_socket(addresses: &[IpAddr], port: u16) -> io::Result<UdpSocket> {
    let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    let socket = match address {
        Some(address) => bind_shared(SocketAddr::new(*address, port))?,
        None => bind_shared((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| bind_shared((Ipv4Addr::UNSPECIFIED, port).into()))?,
    };
    // Nobody reads from it: what arrives shall take no memory. The kernel rounds up to its minimum.
    socket.set_recv_buffer_size(0)?;
    Ok(socket.into())
}

/// Binds so that sockets of groups may have the same port, but no other socket of this address.
fn bind_shared(address: SocketAddr) -> io::Result<Socket> {
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
    /// Sends from `socket`, which has the port of the endpoint (see [`super::Transport::announcement_socket`]), to
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
fn outgoing(interfaces: &[Interface], local: IpAddr, v4: bool) -> Vec<&Interface> {
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

/// Receives announcements that are sent to groups.
///
/// Its sockets are bound to the groups' own addresses, so they never take unicast datagrams from an endpoint with the
/// same port, and any number of programs on a host can listen. The groups are also joined on interfaces that come later.
pub struct AnnouncementListener {
    sockets: Vec<(SocketAddr, Socket)>,
    /// None where that cannot be noticed.
    changes: Option<InterfaceChanges>,
    epoll: Epoll,
    ready: Vec<Ready>,
    buffer: Box<[MaybeUninit<u8>]>,
}

/// What the listener's epoll calls the descriptor that tells of changed interfaces.
const CHANGES: u64 = u64::MAX;

impl AnnouncementListener {
    /// Joins `groups` on every interface. A group that cannot be joined is said in the log, which is no error.
    pub fn open(groups: &[SocketAddr]) -> io::Result<AnnouncementListener> {
        // First, so that no interface comes unnoticed.
        let changes = InterfaceChanges::watch();
        let mut listener = AnnouncementListener::open_on(groups, &interfaces::list()?)?;
        match changes {
            Ok(changes) => {
                listener.epoll.add(changes.as_raw_fd(), CHANGES, Interest::Read)?;
                listener.changes = Some(changes);
            }
            Err(error) => log::info!("announcements are not heard on interfaces that come later: {error}"),
        }
        Ok(listener)
    }

    fn open_on(groups: &[SocketAddr], interfaces: &[Interface]) -> io::Result<AnnouncementListener> {
        let epoll = Epoll::new()?;
        let mut sockets = Vec::with_capacity(groups.len());
        for group in groups {
            match bind_to_group(*group) {
                Ok(socket) => {
                    if let Err(error) = join(&socket, *group, interfaces) {
                        log::info!("announcements to {group} are not heard yet: {error}");
                    }
                    epoll.add(socket.as_raw_fd(), sockets.len() as u64, Interest::Read)?;
                    sockets.push((*group, socket));
                }
                Err(error) => log::info!("announcements to {group} are not heard: {error}"),
            }
        }
        let buffer = vec![MaybeUninit::uninit(); MAX_ANNOUNCEMENT + 1].into_boxed_slice();
        Ok(AnnouncementListener { sockets, changes: None, epoll, ready: Vec::new(), buffer })
    }

    /// Joins the groups where they are not joined yet, if an interface has come or gone.
    fn follow_changes(&self) {
        if !self.changes.as_ref().is_some_and(InterfaceChanges::take) {
            return;
        }
        let interfaces = interfaces::list().unwrap_or_default();
        for (group, socket) in &self.sockets {
            if let Err(error) = join(socket, *group, &interfaces) {
                log::debug!("group {group} is joined on no interface: {error}");
            }
        }
    }

    /// Whether there is any group that can be heard, now or when an interface comes.
    pub fn is_listening(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// The descriptor that becomes readable when announcements wait.
    pub fn poll_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Hands what has arrived to `sink`, with the sender's address: a bounded amount, true when more may be waiting.
    pub fn receive(&mut self, sink: &mut dyn FnMut(SocketAddr, &[u8])) -> bool {
        self.epoll.ready(&mut self.ready);
        if self.ready.iter().any(|ready| ready.key == CHANGES) {
            self.follow_changes();
        }
        let mut budget = RECEIVES_PER_POLL;
        for ready in &self.ready {
            let Some((_, socket)) = usize::try_from(ready.key).ok().and_then(|index| self.sockets.get(index)) else {
                continue;
            };
            loop {
                if budget == 0 {
                    return true;
                }
                budget -= 1;
                let (len, from) = match socket.recv_from(&mut self.buffer) {
                    Ok(received) => received,
                    // Nothing left, or an error that reading has cleared.
                    Err(_) => break,
                };
                let Some(from) = from.as_socket() else { continue };
                if len > MAX_ANNOUNCEMENT {
                    continue;
                }
                // SAFETY: recv_from filled the first `len` bytes.
                sink(from, unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast(), len) });
            }
        }
        false
    }
}

/// Opens a socket on a group's address.
fn bind_to_group(group: SocketAddr) -> io::Result<Socket> {
    if !group.ip().is_multicast() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a multicast address"));
    }
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(group), kind, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    if group.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&group.into())?;
    Ok(socket)
}

/// Makes a socket a member of the group on every interface where that is possible, and where it is not one already.
fn join(socket: &Socket, group: SocketAddr, interfaces: &[Interface]) -> io::Result<()> {
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no interface is up"));
    for interface in interfaces.iter().filter(|interface| interface.up) {
        let joined = match group.ip() {
            IpAddr::V4(address) => {
                socket.join_multicast_v4_n(&address, &InterfaceIndexOrAddress::Index(interface.index))
            }
            IpAddr::V6(address) => socket.join_multicast_v6(&address, interface.index),
        };
        match joined {
            Ok(()) => result = Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => result = Ok(()),
            Err(error) => {
                log::debug!("group {group} not joined on {}: {error}", interface.name);
                if result.is_err() {
                    result = Err(error);
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Groups that nobody uses, so that tests disturb nothing; and only on loopback.
    const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 77, 1));

    fn loopback() -> Vec<Interface> {
        let mut interfaces = interfaces::list().unwrap();
        interfaces.retain(|interface| interface.loopback && interface.up);
        interfaces
    }

    fn free_port() -> u16 {
        UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    fn hear(listener: &mut AnnouncementListener) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut heard = Vec::new();
        let mut fd = libc::pollfd { fd: listener.poll_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `fd` is one pollfd.
        let ready = unsafe { libc::poll(&raw mut fd, 1, Duration::from_secs(20).as_millis() as i32) };
        assert_eq!(ready, 1, "an announcement arrives");
        while listener.receive(&mut |from, bytes| heard.push((from, bytes.to_vec()))) {}
        heard
    }

    #[test]
    fn every_listener_of_a_host_hears_an_announcement_with_the_port_of_its_endpoint() {
        let group = SocketAddr::new(GROUP_V4, free_port());
        let mut first = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
        let mut second = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
        let socket = announcement_socket(&[Ipv4Addr::LOCALHOST.into()], 0).unwrap();
        let local = socket.local_addr().unwrap();
        let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
        assert_eq!(sender.send(b"announcement"), 1);
        for listener in [&mut first, &mut second] {
            assert_eq!(hear(listener), [(local, b"announcement".to_vec())]);
        }
    }

    #[test]
    fn a_listener_leaves_unicast_datagrams_to_the_endpoint_on_its_port() {
        let group = SocketAddr::new(GROUP_V4, free_port());
        let mut listener = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
        let endpoint = bind_shared(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), group.port())).unwrap();
        let endpoint = UdpSocket::from(endpoint);
        let socket = announcement_socket(&[Ipv4Addr::LOCALHOST.into()], 0).unwrap();
        socket.send_to(b"unicast", (Ipv4Addr::LOCALHOST, group.port())).unwrap();
        let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
        sender.send(b"announcement");
        let heard = hear(&mut listener);
        assert_eq!(heard.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(), [b"announcement"]);
        let mut buffer = [0; 100];
        let (len, _) = endpoint.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"unicast");
    }

    #[test]
    fn the_port_of_an_endpoint_cannot_be_taken_twice() {
        let port = free_port();
        let first = announcement_socket(&[], port).unwrap();
        let error = announcement_socket(&[], port).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        announcement_socket(&[], port).unwrap();
    }

    #[test]
    fn oversized_datagrams_are_dropped() {
        let group = SocketAddr::new(GROUP_V4, free_port());
        let mut listener = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
        let socket = announcement_socket(&[Ipv4Addr::LOCALHOST.into()], 0).unwrap();
        let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
        sender.send(&vec![1; MAX_ANNOUNCEMENT + 1]);
        sender.send(b"good");
        let heard = hear(&mut listener);
        assert_eq!(heard.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(), [b"good"]);
    }

    #[test]
    fn announcements_go_where_the_endpoint_can_be_reached() {
        let interface = |name: &str, index, loopback: bool, address: &str| Interface {
            name: name.into(),
            index,
            up: true,
            multicast: !loopback,
            loopback,
            addresses: vec![address.parse().unwrap()],
        };
        let all = [interface("lo", 1, true, "127.0.0.1"), interface("eth0", 2, false, "10.0.0.1")];
        let names = |interfaces: &[Interface], local: &str, v4| {
            outgoing(interfaces, local.parse().unwrap(), v4).iter().map(|i| i.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&all, "0.0.0.0", true), ["eth0"]);
        assert_eq!(names(&all, "::", true), ["eth0"]);
        assert_eq!(names(&all, "127.0.0.1", true), ["lo"]);
        assert_eq!(names(&all, "127.1.2.3", true), ["lo"]);
        assert_eq!(names(&all, "10.0.0.1", false), [""; 0]);
        assert_eq!(names(&all[..1], "0.0.0.0", true), ["lo"]);
    }

    #[test]
    fn a_unicast_address_is_no_group() {
        let error = bind_to_group("127.0.0.1:3863".parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    /// Runs `f` where there is no interface but loopback, which is down. False: that is not allowed.
    fn without_interfaces(f: impl FnOnce() + Send + 'static) -> bool {
        let thread = std::thread::spawn(|| {
            // SAFETY: no pointers are involved; only this thread changes its network namespace.
            let allowed = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
            if allowed {
                f();
            }
            allowed
        });
        thread.join().expect("no panic")
    }

    #[test]
    fn announcements_are_heard_on_an_interface_that_comes_later() {
        let ran = without_interfaces(|| {
            let group = SocketAddr::new(GROUP_V4, 3863);
            let mut listener = AnnouncementListener::open(&[group]).unwrap();
            assert!(listener.is_listening());
            let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status();
            assert!(up.is_ok_and(|status| status.success()));
            assert!(hear(&mut listener).is_empty(), "the change of the interface wakes the listener");
            let socket = announcement_socket(&[Ipv4Addr::LOCALHOST.into()], 0).unwrap();
            let local = socket.local_addr().unwrap();
            assert_eq!(AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap().send(b"announcement"), 1);
            let mut heard = Vec::new();
            while heard.is_empty() {
                heard = hear(&mut listener);
            }
            assert_eq!(heard, [(local, b"announcement".to_vec())]);
        });
        // SAFETY: no pointers are involved.
        let root = unsafe { libc::geteuid() } == 0;
        assert!(ran || !(root && std::env::var_os("CI").is_some()), "root under CI must be able to do this");
        if !ran {
            println!("SKIPPED: no network namespace");
        }
    }
}
