//! Requests: bounded, refused, cancelled.

use crate::support::client::*;
use rserpool::PoolHandle;
use rserpool::asap::{AsapConfig, Event, Request, RequestError, RequestId};
use rserpool::association::TransportKind::Tcp;
use std::time::Duration;

#[test]
fn requests_are_bounded() {
    let mut client = Client::new(AsapConfig { max_requests: 3, max_pool_elements: 2, ..config(1, SCTP) });
    for request in 1..=3 {
        assert!(client.request(request, resolve(Some(1), Duration::ZERO)).completed().is_empty());
    }
    let refused = Err(RequestError::TooManyRequests);
    assert_eq!(client.request(4, resolve(Some(1), Duration::ZERO)).completed(), [(4, refused)]);
    for request in 1..=3 {
        client.event(Event::Cancel(RequestId(request)));
    }
    client.request(5, register(1));
    client.request(6, register(2));
    assert_eq!(client.request(7, register(3)).completed(), [(7, Err(RequestError::TooManyPoolElements))]);
}

#[test]
fn senseless_requests_are_refused_at_once() {
    let mut client = Client::new(config(1, SCTP));
    let long = PoolHandle::new(vec![b'x'; 70_000]);
    let resolve = |pool_handle| Request::Resolve { pool_handle, items: None, stale_cache: Duration::ZERO };
    for request in [resolve(long), resolve(PoolHandle::from("")), register(0), deregister(0), unreachable(0)] {
        let done = client.request(1, request);
        assert!(matches!(done.completed()[..], [(1, Err(RequestError::Invalid(_)))]), "{done:?}");
        assert_eq!(done.0.len(), 1);
    }
    let mut client = Client::new(config(1, &[Tcp]));
    assert!(matches!(client.request(1, register(1)).completed()[..], [(1, Err(RequestError::Invalid(_)))]));
}

#[test]
fn a_cancelled_request_is_completed_once_and_its_answer_ignored() {
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    client.request(2, register(1));
    for request in [1, 2] {
        let done = client.event(Event::Cancel(RequestId(request)));
        assert_eq!(done.completed(), [(request, Err(RequestError::Cancelled))]);
        assert!(client.event(Event::Cancel(RequestId(request))).0.is_empty());
    }
    assert!(client.message(home, resolved(None, &[1])).completed().is_empty());
    assert!(client.message(home, registered(1, None)).completed().is_empty());
    assert!(client.request(3, resolve(None, ms(5000))).completed().is_empty(), "what nobody waits for is not cached");
}
