//! Business cards (RFC 5352 section 3.9) through the API, over SCTP in UDP on loopback: a pool element names those that are to
//! take over its sessions, and its clients go there.

use crate::support::api::*;
use rserpool::PoolElementId;
use rserpool::api::{self, LoadInfo, Notification, RegisterOptions, Wait};
use rserpool::wire::PolicyType;
use std::time::Duration;

/// An element whose load makes it the `rank`-th choice of the registrar.
fn element(sd: libc::c_int, pool: &str, rank: u32) -> (libc::c_int, PoolElementId) {
    let load = LoadInfo { policy: PolicyType::LEAST_USED, load: rank, ..LoadInfo::default() };
    api::register(sd, pool.as_bytes(), &load, Duration::from_secs(30), RegisterOptions::default()).unwrap();
    (sd, api::getsockname(sd).unwrap().pool_element_id)
}

/// A client that fails over by itself.
fn client(pool: &str) -> libc::c_int {
    let sd = seqpacket_socket();
    api::setsockopt(sd, api::SOL_RSERPOOL, api::OPTION_AUTO_FAILOVER, &1i32.to_ne_bytes()).unwrap();
    api::connect(sd, pool.as_bytes(), api::ConnectOptions::default()).unwrap();
    sd
}

/// Where the client's session is after its failover.
fn next_element(client: libc::c_int) -> PoolElementId {
    while !matches!(receive(client).0, Got::Notification(Notification::FailoverComplete { .. })) {}
    api::getpeername(client).unwrap().pool_element_id
}

/// A request and its answer: what the server sent before, the client has seen then.
fn talk(client: libc::c_int, server: libc::c_int) {
    send(client, "word");
    let session = session_of_first_data(server);
    let options = api::SendOptions { session, ppid: 99, ..api::SendOptions::default() };
    api::sendmsg(server, b"answer", &options, api::Timeout::After(PATIENCE)).unwrap();
    assert_eq!(receive(client).0, Got::Data("answer".into()));
}

#[test]
fn asap_140_a_card_comes_when_communication_begins_and_gives_the_next_element() {
    library();
    let servers = [1, 2, 3].map(|rank| element(seqpacket_socket(), "cards", rank));
    let unknown = PoolElementId(77);
    assert_eq!(api::send_business_card(servers[0].0, &[unknown, servers[2].1, servers[1].1]).unwrap(), 2);
    let client = client("cards");
    assert_eq!(api::getpeername(client).unwrap().pool_element_id, servers[0].1, "the least loaded");
    talk(client, servers[0].0);
    api::close(servers[0].0).unwrap();
    assert_eq!(next_element(client), servers[2].1, "the first of the card; a registrar would give the other one");
    // No card from there: the old one's order still stands, but its first is the one that fails now.
    api::close(servers[2].0).unwrap();
    assert_eq!(next_element(client), servers[1].1);
    api::close(client).unwrap();
    api::close(servers[1].0).unwrap();
}

#[test]
fn a_new_card_reaches_the_sessions_that_are_there_and_none_those_that_come() {
    library();
    let listener = element(stream_socket(), "new cards", 1);
    let others = [2, 3].map(|rank| element(seqpacket_socket(), "new cards", rank));
    let early = client("new cards");
    let session = api::accept(listener.0, api::Timeout::After(PATIENCE)).unwrap();
    assert_eq!(api::send_business_card(listener.0, &[others[1].1]).unwrap(), 1);
    assert_eq!(api::send_business_card(listener.0, &[]).unwrap(), 0);
    let late = client("new cards");
    let late_session = api::accept(listener.0, api::Timeout::After(PATIENCE)).unwrap();
    talk(early, session);
    talk(late, late_session);
    for sd in [session, late_session, listener.0] {
        api::close(sd).unwrap();
    }
    assert_eq!(next_element(early), others[1].1, "as the card says");
    assert_eq!(next_element(late), others[0].1, "as the registrar says");
    for sd in [early, late, others[0].0, others[1].0] {
        api::close(sd).unwrap();
    }
}

#[test]
fn cards_that_make_no_sense_are_refused_and_leave_the_old_one() {
    library();
    let errno = |sd, order: &[PoolElementId]| api::send_business_card(sd, order).unwrap_err().errno;
    let server = seqpacket_socket();
    assert_eq!(errno(server, &[]), libc::EBADF, "not registered");
    let (server, id) = element(server, "no cards", 1);
    assert_eq!(errno(server, &[PoolElementId(77)]), libc::ENOENT);
    assert_eq!(errno(server, &[id; 33]), libc::EINVAL);
    assert_eq!(api::send_business_card(server, &[id; 32]).unwrap(), 32);
    api::deregister(server, Wait::ForAnswer).unwrap();
    assert_eq!(errno(server, &[id]), libc::EBADF, "registered no longer");
    api::close(server).unwrap();
}
