//! One question to the DNS: where does this SRV name lead to, or this name of a host?
//!
//! A stub resolver of its own: no search list, no cache, and a bounded time, which the system's resolver does not promise.

use crate::association::PeerAddress;
use crate::wire::{AddressList, MAX_SCTP_ADDRESSES};
use simple_dns::rdata::{OPT, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, TYPE};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

/// How long one server may take for its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);
/// Each server is asked so many times.
const ATTEMPTS: usize = 2;
/// Servers that are asked, as in resolv.conf(5).
pub(super) const MAX_SERVERS: usize = 3;
/// Targets taken from an answer.
const MAX_TARGETS: usize = 256;
/// UDP answers that we take: below any MTU (DNS flag day 2020).
const MAX_UDP_ANSWER: u16 = 1232;
/// Port of DNS.
pub(super) const PORT_DNS: u16 = 53;

/// Who is asked for the addresses of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// The system's resolver, which knows /etc/hosts as well.
    OfTheSystem,
    /// The servers that are asked for everything else.
    OfTheServers,
}

/// What an SRV record leads to.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    name: String,
    port: u16,
    /// Addresses that came along.
    addresses: AddressList,
}

/// The peers that `name` leads to, in the order of the answer's priorities. `id` should be random.
pub(super) fn look_up(name: &str, servers: &[SocketAddr], hosts: Hosts, id: u16) -> Result<Vec<PeerAddress>, String> {
    let targets = targets(name, &ask_servers(name, TYPE::SRV, servers, id)?)?;
    let mut peers = Vec::new();
    let mut unresolved = None;
    for target in targets {
        let resolved = match hosts {
            _ if !target.addresses.is_empty() => Ok(target.addresses.clone()),
            Hosts::OfTheSystem => resolve(&target),
            Hosts::OfTheServers => addresses(&target.name, servers, id),
        };
        match resolved {
            Ok(addresses) => peers.push(PeerAddress { addresses, port: target.port }),
            Err(why) => unresolved = Some(why),
        }
    }
    match unresolved {
        Some(why) if peers.is_empty() => Err(why),
        Some(why) => {
            log::warn!("DNS: {why}; it is left out");
            Ok(peers)
        }
        None => Ok(peers),
    }
}

/// The addresses of a host, those of IPv6 first. `id` should be random.
pub(super) fn addresses(host: &str, servers: &[SocketAddr], id: u16) -> Result<AddressList, String> {
    let mut found = AddressList::new();
    for kind in [TYPE::AAAA, TYPE::A] {
        let answer = ask_servers(host, kind, servers, id)?;
        let packet = Packet::parse(&answer).map_err(|error| format!("the answer makes no sense: {error}"))?;
        let room = MAX_SCTP_ADDRESSES.saturating_sub(found.len());
        found.extend(packet.answers.iter().filter_map(|record| address(&record.rdata)).take(room));
    }
    if found.is_empty() { Err(format!("the name {} has no address", host.escape_debug())) } else { Ok(found) }
}

fn address(data: &RData<'_>) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(Ipv4Addr::from(a.address))),
        RData::AAAA(aaaa) => Some(IpAddr::V6(Ipv6Addr::from(aaaa.address))),
        _ => None,
    }
}

fn ask_servers(name: &str, kind: TYPE, servers: &[SocketAddr], id: u16) -> Result<Vec<u8>, String> {
    if servers.is_empty() {
        return Err("no DNS server is known".to_owned());
    }
    let question = question(name, kind, id)?;
    let mut failure = String::new();
    for server in std::iter::repeat_n(servers, ATTEMPTS).flatten() {
        match ask(*server, &question, id) {
            Ok(answer) => return Ok(answer),
            Err(why) => failure = format!("DNS server {server}: {why}"),
        }
    }
    Err(failure)
}

fn question(name: &str, kind: TYPE, id: u16) -> Result<Vec<u8>, String> {
    let shown = name.escape_debug();
    let parsed = Name::new(name).map_err(|error| format!("\"{shown}\" is no DNS name: {error}"))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(parsed, QTYPE::TYPE(kind), CLASS::IN.into(), false));
    *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: MAX_UDP_ANSWER, version: 0 });
    packet.build_bytes_vec().map_err(|error| format!("\"{shown}\" cannot be asked for: {error}"))
}

/// The answer of one server; over TCP when it does not fit into a datagram.
fn ask(server: SocketAddr, question: &[u8], id: u16) -> Result<Vec<u8>, String> {
    let answer = ask_udp(server, question, id).map_err(|error| error.to_string())?;
    let packet = Packet::parse(&answer).map_err(|error| format!("its answer makes no sense: {error}"))?;
    let answer = match packet.has_flags(PacketFlag::TRUNCATION) {
        true => ask_tcp(server, question).map_err(|error| format!("over TCP: {error}"))?,
        false => answer,
    };
    let packet = Packet::parse(&answer).map_err(|error| format!("its answer makes no sense: {error}"))?;
    match packet.rcode() {
        _ if packet.id() != id => Err("it answers another question".to_owned()),
        // A name that does not exist is an answer: asking others would not change it.
        RCODE::NoError | RCODE::NameError => Ok(answer),
        other => Err(format!("it refuses: {other:?}")),
    }
}

fn ask_udp(server: SocketAddr, question: &[u8], id: u16) -> io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    // Connected: the kernel drops what comes from elsewhere.
    socket.connect(server)?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    socket.send(question)?;
    let mut buffer = vec![0; usize::from(MAX_UDP_ANSWER)];
    // A late answer to the question before this one may come first.
    for _ in 0..ATTEMPTS {
        let len = socket.recv(&mut buffer)?;
        let answer = &buffer[..len];
        if answer.starts_with(&id.to_be_bytes()) {
            return Ok(answer.to_vec());
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it answers another question"))
}

fn ask_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let len = u16::try_from(question.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream.write_all(&[&len.to_be_bytes(), question].concat())?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// The targets that an answer names, the ones with the smallest priority value first.
fn targets(name: &str, answer: &[u8]) -> Result<Vec<Target>, String> {
    let shown = name.escape_debug();
    let packet = Packet::parse(answer).map_err(|error| format!("the answer makes no sense: {error}"))?;
    if packet.rcode() == RCODE::NameError {
        return Err(format!("the name {shown} does not exist"));
    }
    let mut records: Vec<&SRV<'_>> = packet.answers.iter().filter_map(|record| srv(&record.rdata)).collect();
    if records.is_empty() {
        return Err(format!("the name {shown} has no SRV record"));
    }
    records.sort_by_key(|record| record.priority);
    records.truncate(MAX_TARGETS);
    // A target that is the root says that the service is not offered (RFC 2782).
    let offered = records.into_iter().filter(|record| !record.target.get_labels().is_empty());
    Ok(offered.map(|record| target(&packet, record)).collect())
}

fn srv<'p, 'a>(data: &'p RData<'a>) -> Option<&'p SRV<'a>> {
    match data {
        RData::SRV(record) => Some(record),
        _ => None,
    }
}

fn target(packet: &Packet<'_>, record: &SRV<'_>) -> Target {
    let of_target = packet.additional_records.iter().filter(|additional| additional.name == record.target);
    let addresses = of_target.filter_map(|additional| address(&additional.rdata));
    let addresses = addresses.take(MAX_SCTP_ADDRESSES).collect();
    Target { name: record.target.to_string(), port: record.port, addresses }
}

/// The addresses of a target as the system knows them.
fn resolve(target: &Target) -> Result<AddressList, String> {
    let shown = target.name.escape_debug();
    let found = (target.name.as_str(), target.port).to_socket_addrs();
    let found = found.map_err(|error| format!("the target {shown} has no address: {error}"))?;
    let mut addresses = AddressList::new();
    for address in found.map(|address| address.ip()) {
        if !addresses.contains(&address) && addresses.len() < MAX_SCTP_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(format!("the target {shown} has no address")) } else { Ok(addresses) }
}
