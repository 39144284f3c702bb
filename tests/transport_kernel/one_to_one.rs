//! Our endpoints are one-to-many sockets: peers with the kernel's one-to-one sockets (RFC 6458 section 4), both directions,
//! natively and encapsulated in UDP.

use crate::support::transport::{CONNECT_TIMEOUT, Net};
use crate::{KernelWorld, Open, V4, V6, open_kernel, open_sctp_udp};
use rserpool::AssociationId;
use rserpool::association::{LossReason, PeerAddress, TransportKind};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

const IPPROTO_SCTP: i32 = 132;
const SCTP_REMOTE_UDP_ENCAPS_PORT: i32 = 132;
/// `struct sctp_udpencaps`: the association, an address, and the port at the end.
const UDPENCAPS: usize = 144;
const UDPENCAPS_PORT: usize = 136;

fn socket(address: IpAddr) -> Socket {
    let domain = Domain::for_address(SocketAddr::new(address, 0));
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::from(IPPROTO_SCTP))).expect("a one-to-one socket");
    socket.set_nonblocking(true).unwrap();
    socket
}

/// All that it sends goes in UDP to this port.
fn encapsulate(socket: &Socket, port: u16) {
    let mut option = [0u8; UDPENCAPS];
    option[UDPENCAPS_PORT..UDPENCAPS_PORT + 2].copy_from_slice(&port.to_be_bytes());
    // SAFETY: the kernel reads the option's bytes, whose number is told.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            IPPROTO_SCTP,
            SCTP_REMOTE_UDP_ENCAPS_PORT,
            option.as_ptr().cast(),
            UDPENCAPS as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Messages both ways, then an end in order.
fn talk(net: &mut Net, ours: usize, association: AssociationId, mut peer: &Socket) {
    net.send(ours, association, b"from one of many").unwrap();
    let mut got = Vec::new();
    net.until("our message", |_| {
        let mut buffer = [0; 100];
        match peer.read(&mut buffer) {
            Ok(len) => got.extend_from_slice(&buffer[..len]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        got == b"from one of many"
    });
    peer.write_all(b"from the only one").unwrap();
    net.until("its message", |net| net.at(ours).messages() == [b"from the only one"]);
    net.shutdown(ours, association);
    net.until("the end", |net| !net.at(ours).losses().is_empty());
    assert_eq!(net.at(ours).losses(), [(association, LossReason::Closed, vec![])]);
    let mut rest = [MaybeUninit::uninit(); 10];
    net.until("its end", |_| peer.recv(&mut rest).is_ok_and(|len| len == 0));
}

fn net(open: Open, address: IpAddr) -> Net {
    Net::new(Box::new(KernelWorld::new(open, open, address)))
}

fn connects_to_us(open: Open, address: IpAddr) {
    let mut net = net(open, address);
    let ours = net.listener();
    let peer = socket(address);
    if net.at(ours).transport.capabilities().kind == TransportKind::SctpUdp {
        encapsulate(&peer, net.port(ours));
    }
    let begun = peer.connect(&SocketAddr::new(address, net.port(ours)).into());
    assert!(begun.is_ok() || begun.is_err_and(|error| error.raw_os_error() == Some(libc::EINPROGRESS)));
    net.until("up", |net| !net.at(ours).ups().is_empty());
    let association = net.at(ours).ups()[0];
    talk(&mut net, ours, association, &peer);
}

fn accepts_from_us(open: Open, address: IpAddr) {
    let mut net = net(open, address);
    let ours = net.open(|_| {});
    let listener = socket(address);
    listener.bind(&SocketAddr::new(address, 0).into()).unwrap();
    listener.listen(1).unwrap();
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    let now = net.now();
    let association = net.at(ours).transport.connect(now, &PeerAddress::new(address, port), CONNECT_TIMEOUT).unwrap();
    net.until("up", |net| net.at(ours).ups() == [association]);
    let mut accepted = None;
    net.until("its accept", |_| {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (peer, _) = accepted.unwrap();
    peer.set_nonblocking(true).unwrap();
    talk(&mut net, ours, association, &peer);
}

macro_rules! tests {
    ($($name:ident: $story:ident, $open:ident, $address:ident;)*) => {$(
        #[test]
        #[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
        fn $name() {
            $story($open, $address);
        }
    )*};
}

tests! {
    a_one_to_one_socket_connects_to_kernel_sctp_v4: connects_to_us, open_kernel, V4;
    a_one_to_one_socket_connects_to_kernel_sctp_v6: connects_to_us, open_kernel, V6;
    a_one_to_one_socket_connects_to_sctp_udp_v4: connects_to_us, open_sctp_udp, V4;
    a_one_to_one_socket_connects_to_sctp_udp_v6: connects_to_us, open_sctp_udp, V6;
    a_one_to_one_socket_accepts_from_kernel_sctp_v4: accepts_from_us, open_kernel, V4;
    a_one_to_one_socket_accepts_from_kernel_sctp_v6: accepts_from_us, open_kernel, V6;
    a_one_to_one_socket_accepts_from_sctp_udp_v4: accepts_from_us, open_sctp_udp, V4;
    a_one_to_one_socket_accepts_from_sctp_udp_v6: accepts_from_us, open_sctp_udp, V6;
}
