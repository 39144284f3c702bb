//! What becomes of each message that a session takes: a world of elements that acknowledge, die, hang up as soon as they are up, are
//! full, or have too few streams; a driver that does actions in order, but only after a batch of events; and books that know nothing of
//! how the session works.

use super::*;
use crate::association::LossReason;
use crate::wire::{AddressList, Policy, RegistrationLife, TransportParameter, TransportUse};
use crate::{PoolElementId, RegistrarId};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// Messages that an association takes before the element has acknowledged some.
const ROOM: usize = 6;

/// An association at its transport.
#[derive(Default)]
struct Association {
    /// Taken and not acknowledged, oldest first.
    queue: VecDeque<u32>,
    /// The last message that it took.
    last: Option<u32>,
    streams: u16,
    end: End,
    wants_room: bool,
}

#[derive(Default, PartialEq)]
enum End {
    #[default]
    Open,
    GivenUp,
    Over,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Op {
    Send,
    Acknowledge(usize),
    Resolve(Vec<u8>),
    Up { streams: u16 },
    ConnectFailed,
    Lost(Reason),
    HandBack,
    Removed,
    Force,
    Sleep,
    EndOfBatch,
}

#[derive(Clone, Copy, Debug)]
enum Reason {
    Closed,
    Unreachable,
    Aborted,
}

struct World {
    session: PoolUserSession,
    now: Time,
    associations: BTreeMap<AssociationId, Association>,
    resolving: Option<Attempt>,
    connecting: Vec<Attempt>,
    /// Of a batch of events that is not over.
    actions: Vec<Action>,
    sent: u32,
    acknowledged: Vec<u32>,
    reported: u32,
}

fn element(id: u8) -> PoolElement {
    PoolElement {
        id: PoolElementId(u32::from(id)),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::INFINITE,
        user_transport: TransportParameter::Sctp {
            port: u16::from(id) + 1000,
            transport_use: TransportUse::DataPlusControl,
            addresses: AddressList::from_slice(&["127.0.0.1".parse().unwrap()]),
        },
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

/// Every third message is on a stream that not all elements have.
fn stream_of(number: u32) -> u16 {
    if number % 3 == 0 { 1 } else { 0 }
}

fn undelivered(number: &u32) -> Undelivered {
    Undelivered { stream: stream_of(*number), ppid: 9, unordered: false, payload: number.to_be_bytes().to_vec() }
}

fn number_of(message: &Undelivered) -> u32 {
    u32::from_be_bytes(message.payload[..4].try_into().unwrap())
}

impl World {
    fn new(automatic: bool, resend: bool) -> World {
        let config = PoolUserConfig { automatic, resend, ..PoolUserConfig::default() };
        let mut world = World {
            session: PoolUserSession::new(config, SessionId(1), "pool".into()),
            now: Time::from_secs(1),
            associations: BTreeMap::new(),
            resolving: None,
            connecting: Vec::new(),
            actions: Vec::new(),
            sent: 0,
            acknowledged: Vec::new(),
            reported: 0,
        };
        world.event(Event::Start);
        world.end_batch();
        world
    }

    fn event(&mut self, event: Event<'_>) {
        self.session.handle(self.now, event, &mut self.actions);
    }

    /// Does what the session wants, in order.
    fn end_batch(&mut self) {
        let mut work = VecDeque::from(std::mem::take(&mut self.actions));
        while let Some(action) = work.pop_front() {
            self.perform(action);
            work.extend(self.actions.drain(..));
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Resolve { attempt, .. } => self.resolving = Some(attempt),
            Action::Connect { attempt, .. } => self.connecting.push(attempt),
            Action::CancelConnect { attempt } => self.connecting.retain(|connecting| *connecting != attempt),
            Action::GiveUp { association } => {
                self.associations.get_mut(&association).unwrap().end = End::GivenUp;
            }
            Action::Abort { association } => {
                let association = self.associations.get_mut(&association).unwrap();
                assert!(association.queue.is_empty(), "messages are discarded with it");
                association.end = End::Over;
            }
            Action::Resend { association } => self.resend(association),
            Action::Notify(Notification::SendFailed { messages, .. }) => self.reported += messages,
            _ => {}
        }
    }

    fn resend(&mut self, id: AssociationId) {
        while let Some(message) = self.session.next_resend(id) {
            let number = number_of(message);
            assert_eq!(*message, undelivered(&number));
            let association = self.associations.get_mut(&id).unwrap();
            let event = match association.take(number) {
                Taken::Yes => Event::Resent,
                Taken::Never => Event::ResendRefused,
                Taken::NotNow => break,
            };
            self.event(event);
        }
    }

    fn current(&self) -> Option<AssociationId> {
        self.session.current_association()
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Send => {
                // Between batches: whoever does one has the lock.
                let Some(id) = self.session.association().filter(|_| self.actions.is_empty()) else { return };
                let association = self.associations.get_mut(&id).unwrap();
                if association.take(self.sent) == Taken::Yes {
                    self.sent += 1;
                }
            }
            Op::Acknowledge(count) => self.acknowledge(count),
            Op::Resolve(ids) => {
                let Some(attempt) = self.resolving.take() else { return };
                let pool_elements = ids.into_iter().map(element).collect();
                self.event(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements });
            }
            Op::Up { streams } => {
                if self.connecting.is_empty() {
                    return;
                }
                let attempt = self.connecting.remove(0);
                let association = AssociationId::new(1, self.associations.len() as u64 + 1);
                self.associations.insert(association, Association { streams, ..Association::default() });
                self.event(Event::Up { attempt, association });
            }
            Op::ConnectFailed => {
                if let Some(attempt) = self.connecting.pop() {
                    self.event(Event::ConnectFailed { attempt, reason: LossReason::Refused });
                }
            }
            Op::Lost(reason) => {
                let Some(id) = self.current() else { return };
                let reason = match reason {
                    Reason::Closed => LossReason::Closed,
                    Reason::Unreachable => LossReason::Unreachable,
                    Reason::Aborted => LossReason::Aborted("too many".into()),
                };
                self.lose(id, reason);
            }
            Op::HandBack => {
                let given_up = self.associations.iter().find(|(_, association)| association.end == End::GivenUp);
                if let Some(id) = given_up.map(|(id, _)| *id) {
                    self.lose(id, LossReason::GivenUp);
                }
            }
            Op::Removed => {
                if let Some(element) = self.session.element() {
                    self.event(Event::ElementRemoved(element));
                }
            }
            Op::Force => self.event(Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO }),
            Op::Sleep => {
                if let Some(deadline) = self.session.next_deadline() {
                    self.now = self.now.max(deadline);
                    self.event(Event::Timeout);
                }
            }
            Op::EndOfBatch => self.end_batch(),
        }
    }

    fn acknowledge(&mut self, count: usize) {
        let Some(id) = self.current() else { return };
        let association = self.associations.get_mut(&id).unwrap();
        let count = count.min(association.queue.len());
        self.acknowledged.extend(association.queue.drain(..count));
        if association.queue.len() < ROOM && std::mem::take(&mut association.wants_room) {
            self.event(Event::Writable { association: id });
        }
    }

    fn lose(&mut self, id: AssociationId, reason: LossReason) {
        let association = self.associations.get_mut(&id).unwrap();
        association.end = End::Over;
        let mut lost: Vec<Undelivered> = association.queue.drain(..).map(|number| undelivered(&number)).collect();
        // The cookie echo comes back as well.
        lost.insert(0, Undelivered { stream: 0, ppid: crate::wire::PPID_ASAP, unordered: false, payload: vec![1] });
        self.event(Event::Lost { association: id, reason, undelivered: lost });
    }

    /// Messages that neither arrived nor are on their way.
    fn missing(&self) -> u32 {
        let at_transports: usize = self.associations.values().map(|association| association.queue.len()).sum();
        let on_their_way = at_transports + self.session.resends.len();
        self.sent - (self.acknowledged.len() + on_their_way) as u32
    }

    /// One element is well: everything comes to its end.
    fn heal(&mut self) {
        self.end_batch();
        for _ in 0..1000 {
            self.step(Op::HandBack);
            if self.session.has_failed() {
                self.step(Op::Force);
            }
            self.end_batch();
            self.step(Op::Resolve(vec![200]));
            self.end_batch();
            self.step(Op::Up { streams: 2 });
            self.end_batch();
            self.step(Op::Acknowledge(ROOM));
            self.end_batch();
            let idle = self.associations.values().all(|association| association.queue.is_empty());
            if self.session.association().is_some() && idle {
                return;
            }
            if self.resolving.is_none() && self.connecting.is_empty() {
                self.step(Op::Sleep);
                self.end_batch();
            }
        }
        panic!("no end: {:?}", self.session);
    }
}

#[derive(PartialEq)]
enum Taken {
    Yes,
    NotNow,
    Never,
}

impl Association {
    fn take(&mut self, number: u32) -> Taken {
        if self.end != End::Open {
            return Taken::NotNow;
        }
        if stream_of(number) >= self.streams {
            return Taken::Never;
        }
        if self.queue.len() >= ROOM {
            self.wants_room = true;
            return Taken::NotNow;
        }
        assert!(self.last < Some(number), "{number} after {:?}", self.last);
        self.last = Some(number);
        self.queue.push_back(number);
        Taken::Yes
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Send),
        3 => (0..4usize).prop_map(Op::Acknowledge),
        4 => prop::collection::vec(1..6u8, 0..4).prop_map(Op::Resolve),
        5 => (1..3u16).prop_map(|streams| Op::Up { streams }),
        1 => Just(Op::ConnectFailed),
        3 => prop_oneof![Just(Reason::Closed), Just(Reason::Unreachable), Just(Reason::Aborted)].prop_map(Op::Lost),
        2 => Just(Op::HandBack),
        1 => Just(Op::Removed),
        1 => Just(Op::Force),
        2 => Just(Op::Sleep),
        8 => Just(Op::EndOfBatch),
    ]
}

proptest! {
    /// Each message that was taken arrives, is on its way, or is reported; an association gets its messages in order and each once;
    /// whatever was not reported arrives in the end.
    #[test]
    fn every_message_arrives_or_is_reported(
        automatic in any::<bool>(),
        resend in prop::bool::weighted(0.8),
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let mut world = World::new(automatic, resend);
        for op in ops {
            world.step(op);
            // Reports are among the actions that wait for the end of the batch.
            if world.actions.is_empty() {
                prop_assert_eq!(world.missing(), world.reported);
            }
        }
        world.heal();
        prop_assert_eq!(world.missing(), world.reported);
        prop_assert_eq!(world.session.resends.len(), 0);
        let mut arrived = world.acknowledged.clone();
        arrived.sort_unstable();
        arrived.dedup();
        prop_assert_eq!(arrived.len(), world.acknowledged.len(), "acknowledged twice");
    }
}

#[test]
fn what_was_not_acknowledged_outlives_an_element_that_hangs_up_before_anything_is_sent() {
    let mut world = World::new(true, true);
    for op in [Op::Resolve(vec![1]), Op::EndOfBatch, Op::Up { streams: 2 }, Op::EndOfBatch, Op::Send, Op::Send] {
        world.step(op);
    }
    // The loss of the first, and then in one batch both the beginning and the end of the second.
    for op in [Op::Lost(Reason::Unreachable), Op::EndOfBatch, Op::Resolve(vec![2]), Op::EndOfBatch] {
        world.step(op);
    }
    for op in [Op::Up { streams: 2 }, Op::Lost(Reason::Aborted), Op::EndOfBatch] {
        world.step(op);
    }
    world.heal();
    assert_eq!((world.acknowledged.as_slice(), world.reported), (&[0, 1][..], 0));
}
