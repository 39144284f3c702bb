//! A network address translation for UDP in user space: hosts whose one interface is a device that this reads and writes, and whose
//! packets go on from ports of the calling thread's namespace.
//!
//! So its mappings can be made and forgotten at will, and no firewall of the system is needed.

use super::lossy::tun_in;
use super::network::Namespace;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often whoever waits for packets looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// Longer than any packet on the device.
const BUFFER: usize = 65_536;
const PROTOCOL_UDP: u8 = 17;
const HEADERS: usize = 28;

/// The translation, seen from outside under one address.
pub struct Nat {
    outside: Ipv4Addr,
    mappings: Arc<Mutex<HashMap<SocketAddrV4, Mapping>>>,
}

/// A host behind it.
pub struct Inside {
    pub namespace: Namespace,
    pub address: Ipv4Addr,
    device: Arc<File>,
}

/// A port outside that stands for one inside, until this value is dropped.
struct Mapping {
    socket: Arc<UdpSocket>,
    forgotten: Arc<AtomicBool>,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.forgotten.store(true, Ordering::Release);
    }
}

impl Nat {
    /// Seen under this address of the calling thread's namespace.
    pub fn seen_as(outside: Ipv4Addr) -> Nat {
        Nat { outside, mappings: Arc::default() }
    }

    /// Adds a host with the address 192.168.7.`number`.
    pub fn add_host(&self, number: u8) -> Inside {
        let namespace = Namespace::new().expect("a namespace");
        let address = Ipv4Addr::new(192, 168, 7, number);
        let device = Arc::new(tun_in(&namespace).expect("a TUN device"));
        for command in [
            "link set lo up".to_owned(),
            format!("addr add {address}/24 dev eth0"),
            "link set eth0 up".to_owned(),
            "route add default dev eth0".to_owned(),
        ] {
            namespace.ip(&command);
        }
        let (outside, mappings, from) = (self.outside, Arc::clone(&self.mappings), Arc::clone(&device));
        std::thread::spawn(move || carry_out(outside, &mappings, &from));
        Inside { namespace, address, device }
    }

    /// Has a port outside lead to the same one of a host, for good.
    pub fn forward(&self, host: &Inside, port: u16) {
        let inside = SocketAddrV4::new(host.address, port);
        let mapping = map(self.outside, port, inside, &host.device).expect("the port is free");
        self.mappings.lock().expect("nobody panicked").insert(inside, mapping);
    }

    /// Forgets all mappings but those of these ports: what comes next from inside goes out from other ports.
    pub fn forget_all_but(&self, ports: &[u16]) {
        self.mappings.lock().expect("nobody panicked").retain(|inside, _| ports.contains(&inside.port()));
    }
}

/// Sends on what a host sends, until it is gone.
fn carry_out(outside: Ipv4Addr, mappings: &Mutex<HashMap<SocketAddrV4, Mapping>>, device: &Arc<File>) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length) = (&**device).read(&mut buffer) {
        let Some((from, to, payload)) = parse(&buffer[..length]) else { continue };
        let mut mappings = mappings.lock().expect("nobody panicked");
        let mapping = match mappings.get(&from) {
            Some(mapping) => mapping,
            None => {
                let Ok(mapping) = map(outside, 0, from, device) else { continue };
                mappings.entry(from).or_insert(mapping)
            }
        };
        let _ = mapping.socket.send_to(payload, to); // packets may be lost
    }
}

/// Opens a port outside and carries in what comes to it.
fn map(outside: Ipv4Addr, port: u16, inside: SocketAddrV4, device: &Arc<File>) -> io::Result<Mapping> {
    let socket = Arc::new(UdpSocket::bind((outside, port))?);
    socket.set_read_timeout(Some(LOOK))?;
    let forgotten = Arc::new(AtomicBool::new(false));
    let (from, ended, to) = (Arc::clone(&socket), Arc::clone(&forgotten), Arc::clone(device));
    std::thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        while !ended.load(Ordering::Acquire) {
            if let Ok((length, SocketAddr::V4(sender))) = from.recv_from(&mut buffer) {
                let _ = (&*to).write(&packet(sender, inside, &buffer[..length])); // packets may be lost
            }
        }
    });
    Ok(Mapping { socket, forgotten })
}

/// Source, destination and payload of a whole UDP packet of IPv4.
fn parse(packet: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4, &[u8])> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let (is_v4, is_udp) = (packet[0] >> 4 == 4, *packet.get(9)? == PROTOCOL_UDP);
    let udp = packet.get(header..)?;
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    let port = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let from = SocketAddrV4::new(address(12)?, port(0)?);
    let to = SocketAddrV4::new(address(16)?, port(2)?);
    (is_v4 && is_udp && !to.ip().is_multicast()).then_some((from, to, udp.get(8..)?))
}

fn packet(from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADERS + payload.len()).expect("it came as a datagram");
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 64, PROTOCOL_UDP, 0, 0]);
    packet.extend_from_slice(&from.ip().octets());
    packet.extend_from_slice(&to.ip().octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&from.port().to_be_bytes());
    packet.extend_from_slice(&to.port().to_be_bytes());
    packet.extend_from_slice(&(length - 20).to_be_bytes());
    // UDP of IPv4 does without a checksum.
    packet.extend_from_slice(&[0, 0]);
    packet.extend_from_slice(payload);
    packet
}

/// Of an IPv4 header.
fn checksum(header: &[u8]) -> u16 {
    let sum: u32 = header.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}
