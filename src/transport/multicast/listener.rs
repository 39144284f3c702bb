//! Hearing announcements, on all interfaces that there are and that come.

use crate::transport::epoll::{Epoll, Interest, Ready};
use crate::transport::interface_changes::InterfaceChanges;
use crate::transport::interfaces::{self, Interface};
use crate::transport::not_inherited::NotInherited;
use crate::transport::zones;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

/// The longest announcement taken: longer ones are no announcements.
pub(super) const MAX_ANNOUNCEMENT: usize = 8 << 10;
/// Datagrams received in one go.
const RECEIVES_PER_POLL: usize = 32;

/// Receives announcements that are sent to groups.
///
/// Its sockets are bound to the groups' own addresses, so they never take unicast datagrams from an endpoint with the
/// same port, and any number of programs on a host can listen. The groups are also joined on interfaces that come later.
pub struct AnnouncementListener {
    sockets: Vec<(SocketAddr, NotInherited<Socket>)>,
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

    pub(super) fn open_on(groups: &[SocketAddr], interfaces: &[Interface]) -> io::Result<AnnouncementListener> {
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
        let buffer = Box::new_uninit_slice(MAX_ANNOUNCEMENT + 1);
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
                zones::note(from);
                // SAFETY: recv_from filled the first `len` bytes.
                sink(from, unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast(), len) });
            }
        }
        false
    }
}

/// Opens a socket on a group's address.
pub(super) fn bind_to_group(group: SocketAddr) -> io::Result<NotInherited<Socket>> {
    if !group.ip().is_multicast() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a multicast address"));
    }
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = NotInherited::new(Socket::new(Domain::for_address(group), kind, Some(Protocol::UDP))?);
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
