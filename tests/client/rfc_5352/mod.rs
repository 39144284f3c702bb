//! RFC 5352, the clauses for pool elements and pool users: one test a clause or group of clauses, named by the numbers of
//! the clause table.

mod hunting;
mod keep_alives;
mod lives;
mod messages;
mod registrations;
mod resolutions;
mod subscriptions;

use crate::support::client::*;
use rserpool::asap::Outcome;
use rserpool::message::AsapMessage;

/// A core with element 1 registered at the returned association.
fn with_element() -> (Client, rserpool::AssociationId) {
    let mut client = Client::new(config(2, SCTP));
    let connects = client.request(1, register(1)).connects();
    let (home, done) = client.up(&connects[0]);
    assert!(matches!(done.sent()[..], [(_, AsapMessage::Registration(_))]));
    assert_eq!(client.message(home, registered(1, None)).completed(), [(1, Ok(Outcome::Registered))]);
    (client, home)
}
