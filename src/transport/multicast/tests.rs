//! Announcements between sockets of this machine.

use super::listener::{MAX_ANNOUNCEMENT, bind_to_group};
use super::sender::{announcement_socket, bind_shared, outgoing};
use super::*;
use crate::transport::interfaces::{self, Interface};
use std::io;
use std::net::UdpSocket;
use std::time::Duration;

/// Groups that nobody uses, so that tests disturb nothing; and only on loopback.
const GROUP_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 77, 1));

fn loopback() -> Vec<Interface> {
    let mut interfaces = interfaces::list().unwrap();
    interfaces.retain(|interface| interface.loopback && interface.up);
    interfaces
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn hear(listener: &mut AnnouncementListener) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut heard = Vec::new();
    let mut fd = libc::pollfd { fd: listener.poll_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `fd` is one pollfd.
    let ready = unsafe { libc::poll(&raw mut fd, 1, Duration::from_secs(20).as_millis() as i32) };
    assert_eq!(ready, 1, "an announcement arrives");
    while listener.receive(&mut |from, bytes| heard.push((from, bytes.to_vec()))) {}
    heard
}

#[test]
fn every_listener_of_a_host_hears_an_announcement_with_the_port_of_its_endpoint() {
    let group = SocketAddr::new(GROUP_V4, free_port());
    let mut first = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
    let mut second = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
    let socket = announcement_socket(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    let local = socket.local_addr().unwrap();
    let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
    assert_eq!(sender.send(b"announcement"), 1);
    for listener in [&mut first, &mut second] {
        assert_eq!(hear(listener), [(local, b"announcement".to_vec())]);
    }
}

#[test]
fn a_listener_leaves_unicast_datagrams_to_the_endpoint_on_its_port() {
    let group = SocketAddr::new(GROUP_V4, free_port());
    let mut listener = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
    let endpoint = bind_shared(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), group.port())).unwrap();
    let endpoint = UdpSocket::from(endpoint);
    let socket = announcement_socket(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    socket.send_to(b"unicast", (Ipv4Addr::LOCALHOST, group.port())).unwrap();
    let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
    sender.send(b"announcement");
    let heard = hear(&mut listener);
    assert_eq!(heard.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(), [b"announcement"]);
    let mut buffer = [0; 100];
    let (len, _) = endpoint.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"unicast");
}

#[test]
fn the_port_of_an_endpoint_cannot_be_taken_twice() {
    let port = free_port();
    let first = announcement_socket(None, port).unwrap();
    let error = announcement_socket(None, port).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(first);
    announcement_socket(None, port).unwrap();
}

#[test]
fn oversized_datagrams_are_dropped() {
    let group = SocketAddr::new(GROUP_V4, free_port());
    let mut listener = AnnouncementListener::open_on(&[group], &loopback()).unwrap();
    let socket = announcement_socket(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    let mut sender = AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap();
    sender.send(&vec![1; MAX_ANNOUNCEMENT + 1]);
    sender.send(b"good");
    let heard = hear(&mut listener);
    assert_eq!(heard.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(), [b"good"]);
}

#[test]
fn announcements_go_where_the_endpoint_can_be_reached() {
    let interface = |name: &str, index, loopback: bool, address: &str| Interface {
        name: name.into(),
        index,
        up: true,
        multicast: !loopback,
        loopback,
        addresses: vec![address.parse().unwrap()],
    };
    let all = [interface("lo", 1, true, "127.0.0.1"), interface("eth0", 2, false, "10.0.0.1")];
    let names = |interfaces: &[Interface], local: &str, v4| {
        outgoing(interfaces, local.parse().unwrap(), v4).iter().map(|i| i.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all, "0.0.0.0", true), ["eth0"]);
    assert_eq!(names(&all, "::", true), ["eth0"]);
    assert_eq!(names(&all, "127.0.0.1", true), ["lo"]);
    assert_eq!(names(&all, "127.1.2.3", true), ["lo"]);
    assert_eq!(names(&all, "10.0.0.1", false), [""; 0]);
    assert_eq!(names(&all[..1], "0.0.0.0", true), ["lo"]);
}

#[test]
fn a_unicast_address_is_no_group() {
    let error = bind_to_group("127.0.0.1:3863".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

/// Runs `f` where there is no interface but loopback, which is down. False: that is not allowed.
fn without_interfaces(f: impl FnOnce() + Send + 'static) -> bool {
    let thread = std::thread::spawn(|| {
        // SAFETY: no pointers are involved; only this thread changes its network namespace.
        let allowed = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
        if allowed {
            f();
        }
        allowed
    });
    thread.join().expect("no panic")
}

#[test]
fn announcements_are_heard_on_an_interface_that_comes_later() {
    let ran = without_interfaces(|| {
        let group = SocketAddr::new(GROUP_V4, 3863);
        let mut listener = AnnouncementListener::open(&[group]).unwrap();
        assert!(listener.is_listening());
        let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.is_ok_and(|status| status.success()));
        assert!(hear(&mut listener).is_empty(), "the change of the interface wakes the listener");
        let socket = announcement_socket(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let local = socket.local_addr().unwrap();
        assert_eq!(AnnouncementSender::new(socket, &[group], DEFAULT_TTL).unwrap().send(b"announcement"), 1);
        let mut heard = Vec::new();
        while heard.is_empty() {
            heard = hear(&mut listener);
        }
        assert_eq!(heard, [(local, b"announcement".to_vec())]);
    });
    // SAFETY: no pointers are involved.
    let root = unsafe { libc::geteuid() } == 0;
    assert!(ran || !(root && std::env::var_os("CI").is_some()), "root under CI must be able to do this");
    if !ran {
        println!("SKIPPED: no network namespace");
    }
}
