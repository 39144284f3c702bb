//! What comes to a port with TLS that is no TLS, or not all of it.

use crate::support::log_lines;
use crate::support::tls::TlsWorld;
use crate::support::transport::{Net, RealWorld};
use rserpool::association::LossReason;
use rserpool::transport::{Tcp, Transport};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A listener, and what its log has once a peer that sends these bytes was done with.
fn log_after(bytes: &[u8]) -> String {
    let lines = log_lines::lines_of(|| {
        let mut net = Net::new(Box::new(TlsWorld::good()));
        let server = net.listener();
        let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, net.port(server))).expect("a connection");
        peer.write_all(bytes).expect("written");
        peer.shutdown(std::net::Shutdown::Write).expect("no more");
        peer.set_nonblocking(true).expect("a descriptor");
        net.until("the end", |_| matches!(peer.read(&mut [0; 1000]), Ok(0)));
        net.during(Duration::from_millis(20));
        assert!(net.at(server).seen.is_empty(), "nobody is told of a peer that is not authenticated");
    });
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

#[test]
fn what_is_no_tls_is_refused_with_a_line_that_says_so() {
    let resolution = [5, 0, 0, 12, 0, 9, 0, 8, b'p', b'o', b'o', b'l'];
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &resolution, &[0x16; 600], &[0xff; 20]] {
        let log = log_after(bytes);
        assert!(log.contains("TLS port") && log.contains("no handshake with {127.0.0.1}"), "{bytes:?}: {log}");
    }
    assert!(log_after(b"GET / HTTP/1.1\r\n\r\n").contains("does not seem to speak TLS"));
}

#[test]
fn a_handshake_that_ends_early_is_refused() {
    assert!(log_after(&[]).contains("closed it during the handshake"));
    assert!(log_after(&[0x16, 3, 1, 0, 200, 1, 0, 0]).contains("closed it during the handshake"), "half a record");
    assert!(log_after(&[0x15, 3, 3, 0, 2, 2, 40]).contains("no handshake"), "an alert at once");
}

#[test]
fn a_handshake_that_stops_is_ended_in_time() {
    let world = TlsWorld::good();
    let ahead = Arc::clone(&world.ahead);
    let lines = log_lines::lines_of(|| {
        let mut net = Net::new(Box::new(world));
        let server = net.listener();
        let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, net.port(server))).expect("a connection");
        peer.write_all(&[0x16, 3, 1, 0, 200, 1]).expect("written");
        peer.set_nonblocking(true).expect("a descriptor");
        net.during(Duration::from_millis(50));
        assert!(peer.read(&mut [0; 10]).is_err(), "it has its time");
        ahead.store(11, Ordering::Relaxed);
        net.until("the end", |_| matches!(peer.read(&mut [0; 100]), Ok(0)));
    });
    assert!(lines.iter().any(|(_, line)| line.contains("no answer in time")), "{lines:?}");
}

#[test]
fn handshakes_with_one_source_have_a_bound() {
    let lines = log_lines::lines_of(|| {
        let mut net = Net::new(Box::new(TlsWorld::good()));
        let (server, client) = (net.listener(), net.open(|_| {}));
        let port = net.port(server);
        let flood: Vec<_> =
            (0..64).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection")).collect();
        net.during(Duration::from_millis(50));
        let id = net.connect(client, server);
        net.until("a refusal", |net| !net.at(client).failures().is_empty());
        assert_eq!(net.at(client).failures()[0].0, id);
        drop(flood);
        net.until("a connection", |net| {
            if net.at(client).ups().is_empty() && net.at(client).failures().len() % 2 == 1 {
                net.connect(client, server);
            }
            !net.at(client).ups().is_empty()
        });
    });
    assert!(lines.iter().any(|(_, line)| line.contains("too many handshakes with it")), "{lines:?}");
}

#[test]
fn a_port_without_tls_is_no_registrar_to_who_wants_tls() {
    let open = |config: &_| Ok(Box::new(Tcp::open(config)?) as Box<dyn Transport>);
    let mut plain = Net::new(Box::new(RealWorld { open, address: Ipv4Addr::LOCALHOST.into() }));
    let server = plain.listener();
    let port = plain.port(server);
    let mut net = Net::new(Box::new(TlsWorld::good()));
    let client = net.open(|_| {});
    net.connect_port(client, port);
    net.until("a failure", |net| {
        plain.step();
        !net.at(client).failures().is_empty()
    });
    let (_, reason) = net.at(client).failures().remove(0);
    assert!(matches!(reason, LossReason::Tls(_) | LossReason::Aborted(_)), "{reason}");
    assert!(plain.at(server).messages().is_empty());
}

#[test]
fn who_listens_and_says_nothing_is_given_up_in_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let world = TlsWorld::good();
    let ahead = Arc::clone(&world.ahead);
    let mut net = Net::new(Box::new(world));
    let client = net.open(|_| {});
    net.connect_port(client, silent.local_addr().expect("bound").port());
    net.during(Duration::from_millis(50));
    assert!(net.at(client).seen.is_empty());
    ahead.store(21, Ordering::Relaxed);
    net.until("a failure", |net| !net.at(client).failures().is_empty());
    assert_eq!(net.at(client).failures()[0].1, LossReason::Timeout);
}
