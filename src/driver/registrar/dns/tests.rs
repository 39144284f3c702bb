//! Look-ups against a DNS server of our own on loopback.

use super::*;
use crate::association::PeerAddress;
use crate::driver::place::Place;
use crate::driver::poller::Poller;
use crate::wire::MAX_SCTP_ADDRESSES;
use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

const NAME: &str = "_enrp._sctp.example.net";
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers every question with what `answer` makes of it, by UDP and by TCP (true), until the test program ends.
fn serve(answer: fn(Packet<'_>, bool) -> Vec<u8>) -> SocketAddr {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            udp.send_to(&answer(Packet::parse(&buffer[..len]).unwrap(), false), from).unwrap();
        }
    });
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = tcp.accept() {
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(len))];
            stream.read_exact(&mut question).unwrap();
            let answer = answer(Packet::parse(&question).unwrap(), true);
            stream.write_all(&(answer.len() as u16).to_be_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    address
}

fn record(priority: u16, port: u16, target: &'static str) -> ResourceRecord<'static> {
    let srv = SRV { priority, weight: 0, port, target: Name::new(target).unwrap() };
    ResourceRecord::new(Name::new(NAME).unwrap(), CLASS::IN, 60, RData::SRV(srv))
}

fn address(name: &'static str, address: [u8; 4]) -> ResourceRecord<'static> {
    let a = A { address: u32::from_be_bytes(address) };
    ResourceRecord::new(Name::new(name).unwrap(), CLASS::IN, 60, RData::A(a))
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

fn names(server: SocketAddr) -> PeerNames {
    PeerNames { names: vec![NAME.to_owned()], servers: vec![server], ..PeerNames::default() }
}

/// What becomes of the only name.
fn only_one(names: &PeerNames) -> Result<Vec<PeerAddress>, String> {
    let mut results = look_up_all(names);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn peer(text: &str) -> PeerAddress {
    PeerAddress::from(text.parse::<SocketAddr>().unwrap())
}

#[test]
fn srv_records_become_peers_in_the_order_of_their_priority() {
    let server = serve(|question, _| {
        let mut reply = question.into_reply();
        reply.answers = vec![record(20, 9902, "b.example.net"), record(10, 9901, "a.example.net")];
        reply.additional_records =
            vec![address("a.example.net", [192, 0, 2, 1]), address("b.example.net", [192, 0, 2, 2])];
        bytes(&reply)
    });
    assert_eq!(only_one(&names(server)).unwrap(), [peer("192.0.2.1:9901"), peer("192.0.2.2:9902")]);
}

#[test]
fn a_target_without_an_address_in_the_answer_is_asked_for_at_the_same_servers() {
    let server = serve(|question, _| {
        let kind = question.questions[0].qtype;
        let mut reply = question.into_reply();
        reply.answers = match kind {
            QTYPE::TYPE(TYPE::SRV) => vec![record(0, 9901, "a.example.net")],
            QTYPE::TYPE(TYPE::A) => vec![address("a.example.net", [192, 0, 2, 1])],
            _ => Vec::new(),
        };
        bytes(&reply)
    });
    assert_eq!(only_one(&names(server)).unwrap(), [peer("192.0.2.1:9901")]);
}

#[test]
fn names_of_hosts_lead_to_a_peer_at_each_address() {
    let server = serve(|question, _| {
        let kind = question.questions[0].qtype;
        let mut reply = question.into_reply();
        if kind == QTYPE::TYPE(TYPE::A) {
            reply.answers = (1..=20).map(|last| address("a.example.net", [192, 0, 2, last])).collect();
        }
        bytes(&reply)
    });
    let Ok(Place::Name(host)) = "a.example.net:9901".parse() else { panic!("it is a name") };
    let names = PeerNames { names: Vec::new(), hosts: vec![host], ..names(server) };
    let peers = only_one(&names).unwrap();
    assert_eq!((peers.len(), &peers[0]), (MAX_SCTP_ADDRESSES.min(20), &peer("192.0.2.1:9901")));
    let Ok(Place::Name(host)) = "localhost:9901".parse() else { panic!("it is a name") };
    let names = PeerNames { servers: Vec::new(), hosts: vec![host], ..names };
    assert!(only_one(&names).unwrap().contains(&peer("127.0.0.1:9901")));
}

#[test]
fn a_name_that_cannot_be_looked_up_holds_up_no_other_one_and_keeps_what_it_led_to() {
    let [first, second] = ["192.0.2.1:1", "192.0.2.2:2"].map(peer);
    let mut all = [Known::default(), Known::default()];
    let look_up = |all: &mut [Known; 2], results: [Result<Vec<PeerAddress>, String>; 2]| {
        all.iter_mut().zip(results).for_each(|(known, result)| known.take(result, RETRY));
        peers_of(&all[..])
    };
    let fails = || Err("the name does not exist".to_owned());
    assert_eq!(look_up(&mut all, [fails(), Ok(vec![second.clone()])]), std::slice::from_ref(&second));
    assert_eq!(look_up(&mut all, [Ok(vec![first.clone()]), fails()]), [first, second]);
}

#[test]
fn an_answer_that_does_not_fit_is_fetched_by_tcp() {
    let server = serve(|question, tcp| {
        let mut reply = question.into_reply();
        if tcp {
            reply.answers = vec![record(0, 9901, "a.example.net")];
            reply.additional_records = vec![address("a.example.net", [192, 0, 2, 1])];
        } else {
            reply.set_flags(PacketFlag::TRUNCATION);
        }
        bytes(&reply)
    });
    assert_eq!(only_one(&names(server)).unwrap(), [peer("192.0.2.1:9901")]);
}

#[test]
fn failures_say_what_is_wrong() {
    let missing = serve(|question, _| {
        let mut reply = question.into_reply();
        *reply.rcode_mut() = RCODE::NameError;
        bytes(&reply)
    });
    let empty = serve(|question, _| bytes(&question.into_reply()));
    let refusing = serve(|question, _| {
        let mut reply = question.into_reply();
        *reply.rcode_mut() = RCODE::Refused;
        bytes(&reply)
    });
    let mad = serve(|question, _| [&question.id().to_be_bytes()[..], &[0xff; 40]].concat());
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (server, complaint) in [
        (missing, "does not exist"),
        (empty, "has no SRV record"),
        (refusing, "it refuses: Refused"),
        (mad, "makes no sense"),
        (closed, "refused"),
    ] {
        let said = only_one(&names(server)).unwrap_err();
        assert!(said.contains(complaint), "{complaint}: {said}");
    }
}

#[test]
fn the_next_server_is_asked_when_one_fails() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = serve(|question, _| {
        let mut reply = question.into_reply();
        reply.answers = vec![record(0, 9901, "a.example.net")];
        reply.additional_records = vec![address("a.example.net", [192, 0, 2, 1])];
        bytes(&reply)
    });
    let names = PeerNames { servers: vec![closed, server], ..names(server) };
    assert_eq!(only_one(&names).unwrap(), [peer("192.0.2.1:9901")]);
}

#[test]
fn a_target_of_the_root_says_that_there_are_no_registrars() {
    let server = serve(|question, _| {
        let mut reply = question.into_reply();
        reply.answers = vec![record(0, 0, "")];
        bytes(&reply)
    });
    assert_eq!(only_one(&names(server)), Ok(Vec::new()));
}

#[test]
fn answers_come_again_and_again_and_a_failure_forgets_nothing() {
    let server = serve(|question, _| {
        let mut reply = question.into_reply();
        reply.answers = vec![record(0, 9901, "a.example.net")];
        reply.additional_records = vec![address("a.example.net", [192, 0, 2, 1])];
        bytes(&reply)
    });
    let names = PeerNames { interval: Duration::from_millis(1), ..names(server) };
    let poller = Poller::new().unwrap();
    let lookup = PeerLookup::start(&names, poller.waker()).unwrap().expect("there is a name");
    lookup.wait(PATIENCE);
    for _ in 0..3 {
        let answer = loop {
            if let Some(answer) = lookup.take() {
                break answer;
            }
            let now = crate::driver::clock::now();
            poller.wait(now, Some(now + PATIENCE), &mut Vec::new()).unwrap();
        };
        assert_eq!(answer, [peer("192.0.2.1:9901")]);
    }
    let nowhere = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failing = PeerNames { servers: vec![nowhere], ..names };
    let lookup = PeerLookup::start(&failing, poller.waker()).unwrap().expect("there is a name");
    lookup.wait(PATIENCE);
    assert_eq!(lookup.take(), None);
}
