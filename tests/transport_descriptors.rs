//! A process that is out of descriptors. Alone in its program, because the limit is that of the process.

use rserpool::transport::{EndpointConfig, Tcp, Transport, TransportEvent};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

#[test]
fn tcp_rests_from_accepting_without_descriptors_and_goes_on_later() {
    let bind = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let mut tcp = Tcp::open(&EndpointConfig { listen: true, bind, ..EndpointConfig::default() }).unwrap();
    let address = (Ipv4Addr::LOCALHOST, tcp.local_port());
    let _peers = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];

    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` receives the limit.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    // Descriptors are given out from the lowest: the next one is the first that is not there any more.
    let next = std::fs::File::open("/dev/null").map(|file| std::os::fd::AsRawFd::as_raw_fd(&file)).unwrap();
    let tight = libc::rlimit { rlim_cur: next as libc::rlim_t, ..limit };
    // SAFETY: `tight` is a limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const tight) }, 0);

    let mut now = rserpool::Time::from_secs(1);
    let mut ups = 0;
    let mut poll = |tcp: &mut Tcp, now| {
        tcp.poll(now, &mut |event| ups += usize::from(matches!(event, TransportEvent::Up { .. })));
        ups
    };
    assert_eq!(poll(&mut tcp, now), 0);
    let again = tcp.next_deadline().expect("accepting goes on later");
    assert!(again > now && again <= now + Duration::from_secs(1));
    let mut fd = libc::pollfd { fd: tcp.poll_fd().unwrap(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `fd` is one pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut fd, 1, 0) }, 0, "the waiting connections must not keep the thread busy");

    // SAFETY: `limit` is the limit that there was.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    // What is short may be memory, which is needed to come into the set of epoll anew, but not to stay in it.
    let epoll = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", tcp.poll_fd().unwrap())).unwrap();
    assert!(epoll.contains("tfd:"), "the listener has left the set of epoll: {epoll}");
    now = again;
    poll(&mut tcp, now);
    assert_eq!(poll(&mut tcp, now), 2);
}
