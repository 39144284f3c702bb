//! `rserpool gateway`: TCP clients, servers in threads of this process that are registered as elements.

use crate::process::{Bridge, PATIENCE, address_of};
use crate::support::api::library;
use rserpool::api::{self, AddressInfo, LoadInfo, PeRegistrationOptions, Wait};
use rserpool::bridges::leaving_pool;
use rserpool::wire::Policy;
use rserpool::{PoolElementId, driver::clock};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

/// A server that tells each client its name, and then sends back what it gets until the client ends its stream.
struct Server {
    address: SocketAddr,
}

impl Server {
    fn start(name: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.expect("a connection");
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 10_000];
                    let _ = connection.write_all(name.as_bytes());
                    // A client that breaks off is part of the tests.
                    while let Ok(length @ 1..) = connection.read(&mut buffer) {
                        if connection.write_all(&buffer[..length]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Server { address }
    }
}

fn register(pool: &[u8], id: u32, address: SocketAddr) {
    let element = AddressInfo {
        socket_type: libc::SOCK_STREAM,
        protocol: libc::IPPROTO_TCP,
        addresses: vec![address],
        pool_element_id: PoolElementId(id),
        policy: Policy::RoundRobin,
    };
    api::pe_registration(pool, &element, &LoadInfo::default(), PeRegistrationOptions::default()).expect("registered");
}

fn deregister(pool: &[u8], id: u32) {
    api::pe_deregistration(pool, PoolElementId(id), Wait::ForAnswer).expect("de-registered");
}

/// A gateway that knows so many elements.
fn gateway(pool: &str, elements: usize, options: &[&str]) -> (Bridge, SocketAddr) {
    let gateway = Bridge::start(&arguments(pool, options).iter().map(String::as_str).collect::<Vec<_>>());
    let address = address_of(&gateway);
    for id in 1..=elements {
        gateway.logged(&[&format!("element {} at", PoolElementId(id as u32)), "is there"]);
    }
    (gateway, address)
}

fn arguments(pool: &str, options: &[&str]) -> Vec<String> {
    let registrar = library().to_string();
    let fixed = ["gateway", pool, "--listen", "127.0.0.1:0", "--registrar", &registrar, "--announcements", "off"];
    fixed.iter().chain(options).map(|argument| (*argument).to_owned()).collect()
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).expect("the gateway takes it");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

/// The name of the server that a client has.
fn name_of(client: &mut TcpStream) -> String {
    let mut name = [0; 1];
    client.read_exact(&mut name).expect("a server");
    String::from_utf8_lossy(&name).into_owned()
}

fn echo(client: &mut TcpStream, text: &[u8]) {
    client.write_all(text).expect("it is taken");
    let mut answer = vec![0; text.len()];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, text);
}

/// Whether the other end has reset the connection, which is waited for.
fn is_reset(client: &mut TcpStream) -> bool {
    matches!(client.read(&mut [0; 10]), Err(error) if error.kind() == ErrorKind::ConnectionReset)
}

#[test]
fn clients_take_turns_among_servers_and_half_a_close_is_carried_through() {
    let pool = b"turns";
    library();
    register(pool, 1, Server::start("A").address);
    register(pool, 2, Server::start("B").address);
    let (_gateway, address) = gateway("turns", 2, &[]);
    let mut clients: Vec<TcpStream> = (0..4).map(|_| connect(address)).collect();
    // Clients that come together are accepted by several threads, so only how many each server has is certain.
    let mut names: Vec<String> = clients.iter_mut().map(name_of).collect();
    names.sort();
    assert_eq!(names.concat(), "AABB");
    for client in &mut clients {
        echo(client, b"hello");
        client.write_all(b"the last words").expect("it is taken");
        client.shutdown(Shutdown::Write).expect("half a close");
        let mut rest = String::new();
        client.read_to_string(&mut rest).expect("the other half, in order");
        assert_eq!(rest, "the last words");
    }
}

#[test]
fn megabytes_pass_both_ways_also_past_a_reader_who_takes_its_time() {
    library();
    register(b"bulk", 1, Server::start("A").address);
    let (gateway, address) = gateway("bulk", 1, &[]);
    let mut client = connect(address);
    name_of(&mut client);
    let sent: Vec<u8> = (0..20_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut sender = client.try_clone().expect("a second descriptor");
    let expected = sent.clone();
    // It writes until everything between both ends is full, and goes on as the reader below does.
    let writer = std::thread::spawn(move || {
        sender.write_all(&sent).expect("it is taken");
        sender.shutdown(Shutdown::Write).expect("half a close");
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("everything comes back");
    writer.join().expect("no panic");
    assert!(received == expected, "{} bytes are not what was sent", received.len());
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).expect("it runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    let kilobytes: u32 = resident.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
    assert!(kilobytes < 60_000, "it holds a bounded piece, and had {kilobytes} kB");
}

#[test]
fn a_server_that_refuses_is_not_noticed() {
    // Bound but not listening: nobody else can take the port.
    let refusing = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    library();
    register(b"refusing", 1, refusing.local_addr().expect("an address"));
    register(b"refusing", 2, Server::start("B").address);
    let (gateway, address) = gateway("refusing", 2, &[]);
    for _ in 0..6 {
        let mut client = connect(address);
        assert_eq!(name_of(&mut client), "B");
        echo(&mut client, b"hello");
    }
    gateway.logged(&["element 0x00000001 at", "cannot be connected with: the next one is tried"]);
}

#[test]
fn a_server_that_is_removed_has_its_connections_reset_and_others_go_on() {
    library();
    register(b"removed", 1, Server::start("A").address);
    register(b"removed", 2, Server::start("B").address);
    let (gateway, address) = gateway("removed", 2, &[]);
    let mut clients: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
    let names: Vec<String> = clients.iter_mut().map(name_of).collect();
    deregister(b"removed", 1);
    for (name, client) in names.iter().zip(&mut clients) {
        match name.as_str() {
            "A" => assert!(is_reset(client)),
            _ => echo(client, b"on and on"),
        }
    }
    gateway
        .logged(&["element 0x00000001", "is gone, as the registrar has removed it: 1 connections with it are closed"]);
    assert_eq!(name_of(&mut connect(address)), "B");
}

#[test]
fn a_server_that_leaves_in_order_keeps_its_connections_and_gets_no_new_ones() {
    library();
    let leaving = leaving_pool(b"leaving").expect("a short handle");
    let server = Server::start("A");
    register(b"leaving", 1, server.address);
    register(b"leaving", 2, Server::start("B").address);
    let (gateway, address) = gateway("leaving", 2, &[]);
    let mut clients: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
    clients.iter_mut().for_each(|client| drop(name_of(client)));
    register(&leaving, 1, server.address);
    deregister(b"leaving", 1);
    gateway.logged(&["element 0x00000001", "leaves in order: it keeps 1 clients and gets no more"]);
    for client in &mut clients {
        echo(client, b"still here");
    }
    for _ in 0..4 {
        assert_eq!(name_of(&mut connect(address)), "B");
    }
}

#[test]
fn who_comes_before_any_server_waits_for_one() {
    library();
    let (_gateway, address) = gateway("late", 0, &["--patience", "30s"]);
    let mut client = connect(address);
    client.write_all(b"early").expect("it is taken");
    register(b"late", 1, Server::start("A").address);
    assert_eq!(name_of(&mut client), "A");
    echo(&mut client, b"");
    let mut early = [0; 5];
    client.read_exact(&mut early).expect("what was sent before");
    assert_eq!(&early, b"early");
}

#[test]
fn without_any_server_a_client_is_closed_when_its_patience_is_over() {
    let (gateway, address) = gateway("nobody", 0, &["--patience", "100ms"]);
    assert!(is_reset(&mut connect(address)));
    gateway.logged(&["client 127.0.0.1:", "is closed: none of 0 elements has taken it within 100ms"]);
}

#[test]
fn servers_are_told_who_their_clients_are_on_request() {
    library();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    register(b"proxied", 1, listener.local_addr().expect("an address"));
    let (_gateway, address) = gateway("proxied", 1, &["--proxy-protocol", "v2"]);
    let mut client = connect(address);
    client.write_all(b"GET").expect("it is taken");
    let (mut server, _) = listener.accept().expect("a connection");
    let mut received = [0; 31];
    server.read_exact(&mut received).expect("header and data");
    let mut expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01".to_vec();
    expected.extend_from_slice(&client.local_addr().expect("an address").port().to_be_bytes());
    expected.extend_from_slice(&address.port().to_be_bytes());
    expected.extend_from_slice(b"GET");
    assert_eq!(received[..], expected[..]);
}

#[test]
fn a_connection_without_bytes_is_closed_and_one_with_bytes_is_not() {
    library();
    register(b"idle", 1, Server::start("A").address);
    let (_gateway, address) = gateway("idle", 1, &["--idle", "300ms"]);
    let (mut busy, mut idle) = (connect(address), connect(address));
    name_of(&mut busy);
    name_of(&mut idle);
    idle.set_nonblocking(true).expect("nonblocking");
    let end = clock::now() + PATIENCE;
    loop {
        echo(&mut busy, b"x");
        match idle.read(&mut [0; 1]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => assert!(clock::now() < end, "it is never closed"),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            other => panic!("{other:?}"),
        }
    }
    echo(&mut busy, b"still here");
}

#[test]
fn a_port_that_is_taken_is_told_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let registrar = library().to_string();
    let gateway = Bridge::start(&["gateway", "taken", "--listen", &address, "--registrar", &registrar]);
    let line = gateway.logged(&["rserpool:"]);
    let words = format!("the gateway cannot listen at {address} over TCP: Address already in use");
    assert!(line.contains(&words) && line.contains("choose another one by --listen"), "{line}");
    assert_eq!(gateway.end().code(), Some(1));
}

#[test]
fn without_descriptors_clients_wait_for_others_to_go() {
    library();
    register(b"scarce", 1, Server::start("A").address);
    let arguments = arguments("scarce", &[]);
    let gateway = Bridge::start_with_descriptors(60, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let address = address_of(&gateway);
    gateway.logged(&["is there"]);
    gateway.logged(&["the limit of 60 descriptors leaves room for 15 connections"]);
    let mut clients: Vec<TcpStream> = (0..30).map(|_| connect(address)).collect();
    gateway.logged(&["nobody can be accepted just now", "clients wait until others have gone"]);
    while !clients.is_empty() {
        // The first ones of those that are left have a server; where they go, others get one.
        let mut first = clients.remove(0);
        assert_eq!(name_of(&mut first), "A");
        echo(&mut first, b"hello");
    }
}

#[test]
fn one_that_stops_lets_its_clients_finish() {
    library();
    register(b"stops", 1, Server::start("A").address);
    let (gateway, address) = gateway("stops", 1, &["--drain", "30s"]);
    let mut client = connect(address);
    name_of(&mut client);
    gateway.signal(libc::SIGTERM);
    echo(&mut client, b"a last question");
    drop(client);
    gateway.logged(&["stops: 0 clients are cut off"]);
    assert!(gateway.end().success());
}
