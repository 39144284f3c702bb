//! The registrar's driver over real sockets of loopback.

use crate::support::program::{Element, PATIENCE};
use rserpool::PoolHandle;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::driver::registrar::{RegistrarHandle, RegistrarMetrics, RegistrarSettings};
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolution;
use rserpool::transport::multicast::AnnouncementListener;
use rserpool::wire::TransportParameter;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

fn question(handle: &str) -> Vec<u8> {
    let question = HandleResolution { subscribe: false, pool_handle: PoolHandle::from(handle), items: None };
    let mut bytes = Vec::new();
    AsapMessage::HandleResolution(question).encode(&mut bytes).expect("a short message");
    bytes
}

fn ask(stream: &mut TcpStream, handle: &str) -> AsapMessage {
    stream.write_all(&question(handle)).expect("the registrar reads");
    let mut message = vec![0; 4];
    stream.read_exact(&mut message).expect("an answer");
    let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
    message.resize(length.next_multiple_of(4), 0);
    stream.read_exact(&mut message[4..]).expect("the whole answer");
    AsapMessage::decode(&message).expect("an ASAP message").message
}

fn tcp(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option of sockets");
    stream
}

fn wait_for(registrar: &RegistrarHandle, what: &str, done: impl Fn(&RegistrarMetrics) -> bool) {
    let end = clock::now() + PATIENCE;
    while !done(&registrar.metrics()) {
        assert!(clock::now() < end, "not within {PATIENCE:?}: {what}; {}", registrar.metrics());
        std::thread::yield_now();
    }
}

#[test]
fn an_element_registered_by_sctp_is_resolved_by_tcp_on_the_same_port_number() {
    let registrar = RegistrarHandle::start(RegistrarSettings::loopback()).unwrap();
    let asap = registrar.addresses().asap;
    let _element = Element::register(asap, "Pool", 7);
    match ask(&mut tcp(asap), "Pool") {
        AsapMessage::HandleResolutionResponse(response) => {
            assert_eq!(response.pool_elements.len(), 1);
            assert_eq!(response.pool_elements[0].id.0, 7);
            assert_eq!(response.pool_elements[0].home_registrar, registrar.addresses().id);
        }
        other => panic!("unexpected: {other:?}"),
    }
}

#[test]
fn a_user_that_asks_without_reading_is_cut_off_and_others_are_served_meanwhile() {
    let registrar = RegistrarHandle::start(RegistrarSettings::loopback()).unwrap();
    let asap = registrar.addresses().asap;
    let mut greedy = TcpStream::connect(asap).unwrap();
    greedy.set_write_timeout(Some(PATIENCE)).unwrap();
    let flood = std::thread::spawn(move || {
        let questions = question("NoSuchPool").repeat(1000);
        // Ends when the registrar has had enough.
        while greedy.write_all(&questions).is_ok() {}
        greedy
    });
    let mut polite = tcp(asap);
    let mut answers = 0;
    let end = clock::now() + PATIENCE;
    while registrar.metrics().slow_peers_aborted == 0 {
        assert!(clock::now() < end, "the registrar goes on keeping answers: {}", registrar.metrics());
        assert!(matches!(ask(&mut polite, "NoSuchPool"), AsapMessage::HandleResolutionResponse(_)));
        answers += 1;
    }
    assert!(answers > 0, "the polite user was served");
    let mut greedy = flood.join().unwrap();
    let mut rest = vec![0; 1 << 16];
    let ended = loop {
        match greedy.read(&mut rest) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() == ErrorKind::ConnectionReset,
        }
    };
    assert!(ended, "the greedy user is told by the end of its connection");
    wait_for(&registrar, "the waiting answers are forgotten", |m| m.backlog_bytes == 0 && m.associations == 1);
}

#[test]
fn stop_tells_the_peers_and_frees_the_port() {
    let registrar = RegistrarHandle::start(RegistrarSettings::loopback()).unwrap();
    let asap = registrar.addresses().asap;
    let mut element = Element::register(asap, "Pool", 1);
    let watcher = std::thread::spawn(move || {
        element.until_lost();
        element.lost
    });
    registrar.stop();
    assert_eq!(watcher.join().unwrap().as_deref(), Some("closed"));
    let again = RegistrarSettings { asap: vec![asap], ..RegistrarSettings::loopback() };
    assert_eq!(RegistrarHandle::start(again).unwrap().addresses().asap, asap);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let first = RegistrarHandle::start(RegistrarSettings::loopback()).unwrap();
    let asap = first.addresses().asap;
    let settings = RegistrarSettings { asap: vec![asap], ..RegistrarSettings::loopback() };
    let error = RegistrarHandle::start(settings).err().expect("the port is taken").to_string();
    assert!(error.starts_with(&format!("cannot open ASAP endpoint {asap}")), "{error}");
}

#[test]
fn announcements_come_from_the_asap_port_and_name_sctp_last() {
    // A free port for a group that nobody else uses; on loopback only, as the registrar is bound to it.
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let group: SocketAddr = format!("239.255.77.3:{}", free.local_addr().unwrap().port()).parse().unwrap();
    let mut listener = AnnouncementListener::open(&[group]).unwrap();
    if !listener.is_listening() {
        eprintln!("this machine has no multicast: nothing to test");
        return;
    }
    let mut settings = RegistrarSettings { announce_groups: vec![group], ..RegistrarSettings::loopback() };
    settings.core.announce_interval = Duration::from_millis(100);
    let registrar = RegistrarHandle::start(settings).unwrap();
    let asap = registrar.addresses().asap;

    let poller = Poller::new().unwrap();
    poller.add(listener.poll_fd(), 0).unwrap();
    let end = clock::now() + PATIENCE;
    let mut heard = None;
    while heard.is_none() {
        assert!(clock::now() < end, "no announcement; {}", registrar.metrics());
        poller.wait(clock::now(), Some(end), &mut Vec::new()).unwrap();
        listener.receive(&mut |from, bytes| heard = Some((from, AsapMessage::decode(bytes).map(|d| d.message))));
    }
    let (from, message) = heard.unwrap();
    assert_eq!(from, asap, "who hears it takes its source for the registrar's address");
    let Ok(AsapMessage::ServerAnnounce(announce)) = message else { panic!("unexpected: {message:?}") };
    assert_eq!(announce.registrar_id, registrar.addresses().id);
    assert!(matches!(announce.transports[..], [TransportParameter::Tcp { .. }, TransportParameter::Sctp { .. }]));
}
