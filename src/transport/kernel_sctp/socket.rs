//! A one-to-many SCTP socket: the system calls, and nothing but them.

use super::abi::{self, FUTURE_ASSOCIATIONS, IPPROTO_SCTP, KernelId};
use super::death;
use crate::transport::not_inherited::NotInherited;
use crate::transport::zones;
use crate::wire::AddressList;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
#[cfg(feature = "registrar")]
use std::mem::MaybeUninit;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Associations that may wait to be noticed.
const BACKLOG: i32 = 1_024;
/// Room for the addresses of a peer.
const ADDRESS_BUFFER: usize = 4_096;
/// Buffers asked for; the kernel shares them among all associations of a socket.
const SOCKET_BUFFER: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct SctpSocket {
    socket: NotInherited<Socket>,
    v6: bool,
    /// See [`SctpSocket::set_blocking`].
    blocking: AtomicBool,
}

impl Drop for SctpSocket {
    /// The process lives: the kernel ends in order what is left.
    fn drop(&mut self) {
        if !self.socket.is_here() {
            return;
        }
        if let Err(error) = self.socket.set_linger(death::IN_ORDER) {
            log::debug!("SCTP socket: its associations are aborted: {error}");
        }
    }
}

/// How a message is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendOptions {
    pub association: KernelId,
    pub stream: u16,
    /// In host order.
    pub ppid: u32,
    pub flags: u16,
    pub context: u32,
    pub lifetime: Option<Duration>,
}

impl SendOptions {
    /// As ancillary data.
    pub fn write_to(&self, control: &mut Control) {
        let mut flags = self.flags;
        if self.lifetime.is_some() {
            flags |= abi::SCTP_PR_SCTP_TTL;
        }
        let info = abi::SndInfo {
            stream: self.stream,
            flags,
            ppid: self.ppid.to_be(),
            context: self.context,
            association: self.association,
        };
        control.push(abi::SCTP_SNDINFO, info);
        if let Some(lifetime) = self.lifetime {
            let value = millis(lifetime).max(1);
            control.push(abi::SCTP_PRINFO, abi::PrInfo { policy: abi::SCTP_PR_SCTP_TTL, value });
        }
    }
}

/// What was received.
#[derive(Clone, Copy, Debug)]
pub(super) enum Received {
    /// `len` bytes of a message.
    Data { association: KernelId, stream: u16, ppid: u32, len: usize, end: bool },
    /// `len` bytes of a notification.
    Notification { len: usize },
}

/// Whether this kernel's SCTP works: it makes a socket, and the socket can listen.
///
/// A socket alone proves little: without a usable cookie HMAC the kernel gives one that cannot listen.
pub(in crate::transport) fn probe() -> io::Result<()> {
    let socket = new_socket(Domain::IPV6).or_else(|_| new_socket(Domain::IPV4))?;
    socket.listen(1)
}

fn new_socket(domain: Domain) -> io::Result<NotInherited<Socket>> {
    let kind = Type::SEQPACKET.nonblocking().cloexec();
    Socket::new(domain, kind, Some(Protocol::from(IPPROTO_SCTP))).map(NotInherited::new)
}

impl SctpSocket {
    /// Opens a socket bound to all of `bind`, or to any address and port.
    pub fn open(bind: &[SocketAddr], listen: bool) -> io::Result<SctpSocket> {
        let socket = match bind {
            [] => {
                let v6 = SctpSocket::bound(&[(Ipv6Addr::UNSPECIFIED, 0).into()], true);
                v6.or_else(|_| SctpSocket::bound(&[(Ipv4Addr::UNSPECIFIED, 0).into()], false))?
            }
            addresses => SctpSocket::bound(addresses, addresses.iter().any(SocketAddr::is_ipv6))?,
        };
        socket.configure()?;
        death::expect()?;
        if listen {
            socket.socket.listen(BACKLOG)?;
        }
        Ok(socket)
    }

    fn bound(addresses: &[SocketAddr], v6: bool) -> io::Result<SctpSocket> {
        let socket = new_socket(if v6 { Domain::IPV6 } else { Domain::IPV4 })?;
        let (first, others) = addresses.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        socket.bind(&(*first).into())?;
        let socket = SctpSocket { socket, v6, blocking: AtomicBool::new(false) };
        let port = socket.local_port()?;
        for address in others {
            let packed = pack_addresses([address.ip()], port);
            socket.set_option_bytes(abi::SCTP_SOCKOPT_BINDX_ADD, &packed)?;
        }
        Ok(socket)
    }

    /// Sets what every endpoint has.
    fn configure(&self) -> io::Result<()> {
        self.socket.set_linger(death::OF_A_PROCESS)?;
        self.set_option(abi::SCTP_NODELAY, &1i32)?;
        self.set_option(abi::SCTP_AUTOCLOSE, &0i32)?;
        self.set_option(abi::SCTP_RECVRCVINFO, &1i32)?;
        // A message of one association that arrives slowly must not hold up all others.
        self.set_option(abi::SCTP_FRAGMENT_INTERLEAVE, &1i32)?;
        if self.v6 {
            self.set_option(abi::SCTP_I_WANT_MAPPED_V4_ADDR, &1i32)?;
        }
        // A frequency of 1 acknowledges each packet at once.
        self.set_option(
            abi::SCTP_DELAYED_SACK,
            &abi::SackInfo { association: FUTURE_ASSOCIATIONS, delay: 0, frequency: 1 },
        )?;
        for kind in [
            abi::SCTP_ASSOC_CHANGE,
            abi::SCTP_PEER_ADDR_CHANGE,
            abi::SCTP_SHUTDOWN_EVENT,
            abi::SCTP_PARTIAL_DELIVERY_EVENT,
            abi::SCTP_SEND_FAILED_EVENT,
        ] {
            self.subscribe(FUTURE_ASSOCIATIONS, kind, true)?;
        }
        for option in [libc::SO_SNDBUFFORCE, libc::SO_RCVBUFFORCE] {
            // Only the privileged may exceed the system's limit; others get as much as they may have.
            if self.set_option_at(libc::SOL_SOCKET, option, &(SOCKET_BUFFER as libc::c_int)).is_err() {
                let plain = if option == libc::SO_SNDBUFFORCE { libc::SO_SNDBUF } else { libc::SO_RCVBUF };
                self.set_option_at(libc::SOL_SOCKET, plain, &(SOCKET_BUFFER as libc::c_int))?;
            }
        }
        Ok(())
    }

    /// Whether receiving waits for a message unless it is told not to; nothing else ever waits.
    pub fn set_blocking(&self, blocking: bool) -> io::Result<()> {
        self.blocking.store(blocking, Ordering::Relaxed);
        self.socket.set_nonblocking(!blocking)
    }

    /// How long receiving waits at most.
    pub fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(timeout))
    }

    pub fn local_port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.as_socket().map_or(0, |address| address.port()))
    }

    /// Switches a kind of notification on or off. For [`abi::SCTP_SENDER_DRY_EVENT`] of an association that is dry
    /// already the notification follows at once.
    pub fn subscribe(&self, association: KernelId, kind: u16, on: bool) -> io::Result<()> {
        self.set_option(abi::SCTP_EVENT, &abi::EventSubscription { association, kind, on: on.into() })
    }

    /// Sets the UDP port to which associations to be made are encapsulated (RFC 6951); zero: none.
    pub fn set_encapsulation(&self, udp_port: u16) -> io::Result<()> {
        self.set_option(
            abi::SCTP_REMOTE_UDP_ENCAPS_PORT,
            &abi::UdpEncapsulation {
                association: FUTURE_ASSOCIATIONS,
                padding: 0,
                address: [0; 128],
                port: udp_port.to_be(),
            },
        )
    }

    /// Begins an association with a peer that has these addresses.
    pub fn connect(&self, addresses: &[IpAddr], port: u16) -> io::Result<KernelId> {
        let usable = addresses.iter().copied().filter(|address| self.v6 || address.is_ipv4());
        let packed = pack_addresses(usable, port);
        if packed.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT));
        }
        // This call has no flag of its own not to wait. A receiver that begins to wait meanwhile finds that it may not, and
        // waits otherwise.
        let blocking = self.blocking.load(Ordering::Relaxed);
        if blocking {
            self.socket.set_nonblocking(true)?;
        }
        let mut request =
            abi::ConnectX { association: 0, len: packed.len() as libc::c_int, addresses: packed.as_ptr() };
        let mut len = size_of::<abi::ConnectX>() as libc::socklen_t;
        // SAFETY: `request` points to `packed`, whose length it tells; both live across the call. The kernel writes
        // the identifier of the association into `request` and nothing else.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                IPPROTO_SCTP,
                abi::SCTP_SOCKOPT_CONNECTX3,
                (&raw mut request).cast(),
                &raw mut len,
            )
        };
        let error = io::Error::last_os_error();
        if blocking {
            self.socket.set_nonblocking(false)?;
        }
        if result < 0 && error.raw_os_error() != Some(libc::EINPROGRESS) { Err(error) } else { Ok(request.association) }
    }

    /// The addresses and the port of an association's peer.
    pub fn peer_addresses(&self, association: KernelId) -> io::Result<(AddressList, u16)> {
        let mut buffer = [0u64; ADDRESS_BUFFER / 8];
        let mut len = ADDRESS_BUFFER as libc::socklen_t;
        // SAFETY: a KernelId fits at the beginning of the buffer, which is aligned for it.
        unsafe { buffer.as_mut_ptr().cast::<KernelId>().write(association) };
        // SAFETY: `buffer` has `len` bytes.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                IPPROTO_SCTP,
                abi::SCTP_GET_PEER_ADDRS,
                buffer.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: any 4096 initialised bytes are bytes.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), ADDRESS_BUFFER) };
        let count = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        Ok(unpack_addresses(&bytes[8..], count as usize))
    }

    /// Whether a path of an association has ever answered.
    #[cfg(feature = "registrar")]
    pub fn is_confirmed(&self, association: KernelId, address: IpAddr, port: u16) -> io::Result<bool> {
        let path = abi::PathInformation {
            association,
            address: path_address(address, port),
            state: 0,
            window: 0,
            srtt: 0,
            rto: 0,
            mtu: 0,
        };
        let state = self.get_option(abi::SCTP_GET_PEER_ADDR_INFO, path)?.state;
        Ok(state != abi::SCTP_UNCONFIRMED)
    }

    /// State of an association and its primary path.
    pub fn status(&self, association: KernelId) -> io::Result<abi::Status> {
        // SAFETY: Status consists of integers, for which zero is a value.
        let status: abi::Status = unsafe { std::mem::zeroed() };
        self.get_option(abi::SCTP_STATUS, abi::Status { association, ..status })
    }

    /// Sends a message, or with the flags [`abi::SCTP_EOF`] and [`abi::SCTP_ABORT`] ends an association.
    pub fn send(&self, options: SendOptions, payload: &[u8]) -> io::Result<()> {
        let mut control = Control::default();
        options.write_to(&mut control);
        let mut vector = libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() };
        // SAFETY: msghdr consists of integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes.as_mut_ptr().cast();
        message.msg_controllen = control.len as _;
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        // SAFETY: `message` points to the payload and the control buffer, which live across the call and are only read.
        let sent = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const message, flags) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Receives a message, a part of one, or a notification into `buffer`.
    #[cfg(feature = "registrar")] // the echo server needs nothing better
    pub fn receive(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<Received> {
        let mut control = Control::default();
        let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: msghdr consists of integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control.bytes) as _;
        // SAFETY: `message` points to buffers of the lengths that it tells, which live across the call.
        let count = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, 0) };
        let Ok(len) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
        received(&message, len).ok_or_else(|| io::Error::other("the kernel did not name the association"))
    }

    /// Reads an option; `value` says whose: its first field is an association.
    pub(super) fn get_option<T: Copy>(&self, option: libc::c_int, mut value: T) -> io::Result<T> {
        let mut len = size_of::<T>() as libc::socklen_t;
        // SAFETY: `value` has `len` bytes; all types that come here consist of integers, for which any bytes are a value.
        let result = unsafe {
            libc::getsockopt(self.socket.as_raw_fd(), IPPROTO_SCTP, option, (&raw mut value).cast(), &raw mut len)
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
    }

    pub(super) fn set_option<T: Copy>(&self, option: libc::c_int, value: &T) -> io::Result<()> {
        self.set_option_at(IPPROTO_SCTP, option, value)
    }

    fn set_option_at<T: Copy>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        let len = size_of::<T>() as libc::socklen_t;
        // SAFETY: `value` has `len` bytes, which the kernel only reads.
        let result =
            unsafe { libc::setsockopt(self.socket.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), len) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn set_option_bytes(&self, option: libc::c_int, value: &[u8]) -> io::Result<()> {
        let len = value.len() as libc::socklen_t;
        // SAFETY: `value` has `len` bytes, which the kernel only reads.
        let result =
            unsafe { libc::setsockopt(self.socket.as_raw_fd(), IPPROTO_SCTP, option, value.as_ptr().cast(), len) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for SctpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Room for ancillary data, aligned as `cmsghdr` wants it.
#[derive(Default)]
pub(super) struct Control {
    pub bytes: [u64; 16],
    pub len: usize,
}

impl Control {
    fn push<T: Copy>(&mut self, kind: libc::c_int, data: T) {
        // SAFETY: these two only compute.
        let (space, len) = unsafe { (libc::CMSG_SPACE(size_of::<T>() as u32), libc::CMSG_LEN(size_of::<T>() as u32)) };
        assert!(self.len + space as usize <= size_of_val(&self.bytes), "the ancillary data of one message fits");
        // SAFETY: the assertion leaves room for header and data; CMSG_SPACE keeps the header aligned.
        unsafe {
            let header = self.bytes.as_mut_ptr().cast::<u8>().add(self.len).cast::<libc::cmsghdr>();
            (*header).cmsg_level = IPPROTO_SCTP;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = len as _;
            libc::CMSG_DATA(header).cast::<T>().write_unaligned(data);
        }
        self.len += space as usize;
    }
}

/// What a header says of the `len` bytes received with it; none when the kernel does not name the association.
pub(super) fn received(message: &libc::msghdr, len: usize) -> Option<Received> {
    if message.msg_flags & abi::MSG_NOTIFICATION != 0 {
        return Some(Received::Notification { len });
    }
    let info = receive_info(message)?;
    Some(Received::Data {
        association: info.association,
        stream: info.stream,
        ppid: u32::from_be(info.ppid),
        len,
        end: message.msg_flags & libc::MSG_EOR != 0,
    })
}

/// Finds the [`abi::RcvInfo`] of a received message.
fn receive_info(message: &libc::msghdr) -> Option<abi::RcvInfo> {
    // SAFETY: the kernel filled the control buffer of `message`, and the CMSG functions stay within it.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == IPPROTO_SCTP
                && (*header).cmsg_type == abi::SCTP_RCVINFO
                && (*header).cmsg_len as usize >= libc::CMSG_LEN(size_of::<abi::RcvInfo>() as u32) as usize
            {
                return Some(libc::CMSG_DATA(header).cast::<abi::RcvInfo>().read_unaligned());
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

/// The length of a tick of the kernel's clock ("jiffy"), which the resolution of its coarse clocks shows.
pub(super) fn kernel_tick() -> Duration {
    let mut tick = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `tick` receives the resolution. A failure leaves it zero, and so the round-trip time unknown.
    unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut tick) };
    Duration::from_nanos(u64::try_from(tick.tv_nsec).unwrap_or(0))
}

pub(super) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Socket addresses of different lengths in a row, as bindx and connectx take them.
fn pack_addresses(addresses: impl IntoIterator<Item = IpAddr>, port: u16) -> Vec<u8> {
    let mut packed = Vec::new();
    for address in addresses {
        let address = SockAddr::from(zones::with_zone(address, port));
        // SAFETY: `address` has `len` initialised bytes.
        packed.extend_from_slice(unsafe {
            std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), address.len() as usize)
        });
    }
    packed
}

/// An address of a peer as the kernel wants it.
#[cfg(feature = "registrar")]
pub(super) fn path_address(address: IpAddr, port: u16) -> [u8; 128] {
    let mut bytes = [0; 128];
    for (to, from) in bytes.iter_mut().zip(pack_addresses([address], port)) {
        *to = from;
    }
    bytes
}

/// The reverse of [`pack_addresses`].
fn unpack_addresses(mut bytes: &[u8], count: usize) -> (AddressList, u16) {
    let mut addresses = AddressList::new();
    let mut port = 0;
    for _ in 0..count {
        let Some(family) = bytes.first_chunk::<2>() else { break };
        let (address, len) = match libc::c_int::from(u16::from_ne_bytes(*family)) {
            libc::AF_INET => {
                let Some(raw) = bytes.first_chunk::<16>() else { break };
                port = u16::from_be_bytes([raw[2], raw[3]]);
                (IpAddr::from([raw[4], raw[5], raw[6], raw[7]]), 16)
            }
            libc::AF_INET6 => {
                let Some(raw) = bytes.first_chunk::<28>() else { break };
                port = u16::from_be_bytes([raw[2], raw[3]]);
                let octets: [u8; 16] = std::array::from_fn(|i| raw[8 + i]);
                let zone = u32::from_ne_bytes([raw[24], raw[25], raw[26], raw[27]]);
                zones::note(SocketAddrV6::new(octets.into(), port, 0, zone).into());
                (IpAddr::from(octets), 28)
            }
            _ => break,
        };
        addresses.push(address.to_canonical());
        bytes = bytes.get(len..).unwrap_or(&[]);
    }
    (addresses, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_addresses_come_back() {
        let addresses: [IpAddr; 3] =
            ["10.255.0.1".parse().unwrap(), "fd00:255::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let packed = pack_addresses(addresses, 3863);
        assert_eq!(packed.len(), 16 + 28 + 16);
        assert_eq!(unpack_addresses(&packed, 3), (AddressList::from_slice(&addresses), 3863));
        for len in 0..packed.len() {
            assert!(unpack_addresses(&packed[..len], 3).0.len() < 3);
        }
    }

    #[test]
    fn ancillary_data_is_laid_out_as_the_kernel_reads_it() {
        let mut control = Control::default();
        let info = abi::RcvInfo {
            stream: 7,
            ssn: 0,
            flags: 0,
            ppid: 11u32.to_be(),
            tsn: 0,
            cumulative_tsn: 0,
            context: 0,
            association: 42,
        };
        control.push(abi::SCTP_PRINFO, abi::PrInfo { policy: 0, value: 0 });
        control.push(abi::SCTP_RCVINFO, info);
        // SAFETY: msghdr consists of integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_control = control.bytes.as_mut_ptr().cast();
        message.msg_controllen = control.len as _;
        let found = receive_info(&message).unwrap();
        assert_eq!((found.stream, found.ppid, found.association), (7, 11u32.to_be(), 42));
    }
}
