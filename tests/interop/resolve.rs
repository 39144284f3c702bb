//! Asking registrars what they know, from within the test: processes are slow to start in the guest.

use crate::guest::until;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{HandleResolution, HandleResolutionResponse};
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Transport, TransportChoice, TransportEvent};
use rserpool::wire::{PPID_ASAP, Policy};
use rserpool::{AssociationId, PoolHandle, Time};
use std::net::SocketAddr;
use std::time::Duration;

/// One element of a resolved pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub id: u32,
    pub policy: Policy,
    /// As it stands in the answer: seconds or milliseconds.
    pub life: i32,
}

/// How long a registrar may take to answer; then it is asked anew.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// The elements of a pool, in the order that the registrar gives; none where there is no such pool, nothing without an
/// answer.
pub fn ask_at(registrar: &str, pool: &str) -> Option<Vec<Resolved>> {
    let mut question = Question::connect(registrar.parse().expect("ADDR:PORT"))?;
    let answer = question.ask(pool);
    question.leave();
    let element = |element: rserpool::wire::PoolElement| Resolved {
        id: element.id.0,
        policy: element.policy,
        life: element.registration_life.0,
    };
    answer.map(|response| response.pool_elements.into_iter().map(element).collect())
}

/// The identifiers in a pool that the registrar at this ASAP endpoint knows, sorted.
pub fn identifiers_at(registrar: &str, pool: &str) -> Vec<u32> {
    let mut ids: Vec<u32> = ask_at(registrar, pool).unwrap_or_default().iter().map(|element| element.id).collect();
    ids.sort_unstable();
    ids
}

/// Waits until a pool has so many elements at the registrar with this ASAP endpoint.
pub fn until_elements_at(registrar: &str, pool: &str, count: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    until(&format!("pool {pool} has {count} elements at {registrar}"), || {
        ids = identifiers_at(registrar, pool);
        ids.len() == count
    });
    ids
}

/// An association with a registrar.
struct Question {
    transport: Box<dyn Transport>,
    poller: Poller,
    association: AssociationId,
    /// Once it is up, until it is lost.
    up: bool,
}

impl Question {
    fn connect(registrar: SocketAddr) -> Option<Question> {
        let any = if registrar.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let bind = vec![any.parse().expect("an address")];
        let config = EndpointConfig { bind, max_associations: 1, ..EndpointConfig::default() };
        let mut transport = transport::open(TransportChoice::Sctp, &config).expect("kernel SCTP");
        let association = transport.connect(clock::now(), &PeerAddress::from(registrar), ANSWER).ok()?;
        let poller = Poller::new().expect("an epoll descriptor");
        poller.add(transport.poll_fd().expect("a real transport"), 0).expect("epoll takes it");
        let mut question = Question { transport, poller, association, up: false };
        question.until(clock::now() + ANSWER, |seen| matches!(seen, Seen::Up))?;
        question.up.then_some(question)
    }

    fn ask(&mut self, pool: &str) -> Option<HandleResolutionResponse> {
        let question = HandleResolution { subscribe: false, pool_handle: PoolHandle::from(pool), items: None };
        let mut bytes = Vec::new();
        AsapMessage::HandleResolution(question).encode(&mut bytes).expect("a short message");
        let message = OutboundMessage::control(PPID_ASAP, &bytes);
        self.transport.send(clock::now(), self.association, message).ok()?;
        match self.until(clock::now() + ANSWER, |seen| matches!(seen, Seen::Answer(_)))? {
            Seen::Answer(response) => Some(response),
            Seen::Up | Seen::Gone => None,
        }
    }

    /// In order: an ABORT would look like a failure in the capture.
    fn leave(&mut self) {
        self.transport.shutdown(clock::now(), self.association);
        self.until(clock::now() + FAREWELL, |_| false);
    }

    /// The event that was waited for; nothing when the time is over or the association is gone.
    fn until(&mut self, end: Time, mut wanted: impl FnMut(&Seen) -> bool) -> Option<Seen> {
        let mut more = false;
        loop {
            let now = clock::now();
            if now >= end {
                return None;
            }
            let wake = if more { now } else { self.transport.next_deadline().map_or(end, |at| at.min(end)) };
            self.poller.wait(now, Some(wake), &mut Vec::new()).expect("epoll works");
            let mut all = Vec::new();
            more = self.transport.poll(clock::now(), &mut |event| all.extend(seen(&event)));
            for seen in all {
                match seen {
                    Seen::Up => self.up = true,
                    Seen::Gone => {
                        self.up = false;
                        return None;
                    }
                    Seen::Answer(_) => {}
                }
                if wanted(&seen) {
                    return Some(seen);
                }
            }
        }
    }
}

/// What can happen to a question.
enum Seen {
    Up,
    Answer(HandleResolutionResponse),
    Gone,
}

fn seen(event: &TransportEvent<'_>) -> Option<Seen> {
    match event {
        TransportEvent::Up { .. } => Some(Seen::Up),
        TransportEvent::Message { payload, .. } => {
            match AsapMessage::decode(payload).expect("a registrar's message").message {
                AsapMessage::HandleResolutionResponse(response) => Some(Seen::Answer(response)),
                other => panic!("a resolution is answered by {other:?}"),
            }
        }
        TransportEvent::Lost { .. } | TransportEvent::ConnectFailed { .. } => Some(Seen::Gone),
        TransportEvent::Writable { .. } => None,
    }
}
