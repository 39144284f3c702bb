//! Notice of changes of the network interfaces (rtnetlink): a link or an address that comes or goes.

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};
use std::io::{self, Read};
use std::mem::size_of;
use std::os::fd::{AsRawFd, RawFd};

/// The groups of rtnetlink that tell of links and of addresses.
const GROUPS: libc::c_int = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
/// Bytes of notices read at a time; what they say does not matter.
const BUFFER: usize = 4096;

/// A descriptor that becomes readable when something has changed.
pub(crate) struct InterfaceChanges(Socket);

impl InterfaceChanges {
    pub fn watch() -> io::Result<InterfaceChanges> {
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), kind, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
        socket.bind(&netlink_address())?;
        Ok(InterfaceChanges(socket))
    }

    /// Takes all notices; whether there was any.
    pub fn take(&self) -> bool {
        let mut buffer = [0; BUFFER];
        let mut any = false;
        loop {
            match (&self.0).read(&mut buffer) {
                Ok(0) => return any,
                Ok(_) => any = true,
                // Some were lost, because there were too many.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => any = true,
                Err(_) => return any,
            }
        }
    }
}

impl AsRawFd for InterfaceChanges {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn netlink_address() -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a sockaddr_nl is a socket address that consists of integers.
    let address = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = GROUPS as u32;
    // SAFETY: `storage` holds a sockaddr_nl, whose length this is.
    unsafe { SockAddr::new(storage, size_of::<libc::sockaddr_nl>() as libc::socklen_t) }
}
