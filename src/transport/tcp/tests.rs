//! What does not show from outside.

use super::accepting::ACCEPT_PAUSE;
use super::*;
use std::net::{Ipv4Addr, TcpStream};

#[test]
fn a_listener_that_cannot_be_waited_for_again_is_tried_again_later() {
    let bind = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let mut tcp = Tcp::open(&EndpointConfig { listen: true, bind, ..EndpointConfig::default() }).unwrap();
    let _peer = TcpStream::connect((Ipv4Addr::LOCALHOST, tcp.local_port())).unwrap();
    let mut now = Time::from_secs(1);
    let mut ups = 0;
    let mut count = |event: TransportEvent<'_>| ups += usize::from(matches!(event, TransportEvent::Up { .. }));
    let listener = tcp.listeners[0].as_raw_fd();
    let _ = tcp.epoll.remove(listener); // fails only where it was not in the set
    tcp.accept_again = Some(now);
    for _ in 0..3 {
        tcp.poll(now, &mut count);
        assert_eq!(tcp.next_deadline(), Some(now + ACCEPT_PAUSE));
        now += ACCEPT_PAUSE;
    }
    tcp.epoll.add(listener, FIRST_LISTENER_KEY, Interest::Nothing).unwrap();
    tcp.poll(now, &mut count);
    tcp.poll(now, &mut count);
    assert_eq!((ups, tcp.next_deadline()), (1, None));
}
