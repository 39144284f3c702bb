//! The client core under random sequences of events: it never panics, keeps its bounds and its promises to the driver,
//! completes every request exactly once and in time, and does the same again when it is fed the same again.

use crate::support::client::*;
use proptest::prelude::*;
use rserpool::asap::{Action, AsapConfig, ConnectAttempt, Event, Request, RequestId};
use rserpool::association::TransportKind::{KernelSctp, SctpUdp, Tcp};
use rserpool::association::{LossReason, TransportKind};
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::wire::*;
use rserpool::{AssociationId, RegistrarId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One step; numbers pick among what there is.
#[derive(Clone, Debug)]
enum Step {
    Request(u8, u32),
    Cancel(u8),
    ConnectUp(u8),
    ConnectFail(u8),
    Lose(u8),
    Inbound(u8),
    Message(u8, u8, u32),
    Bytes(u8, Vec<u8>),
    WrongPpid(u8),
    Announce(u8, Vec<u8>),
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        6 => (any::<u8>(), 1u32..4).prop_map(|(what, id)| Step::Request(what, id)),
        1 => any::<u8>().prop_map(Step::Cancel),
        4 => any::<u8>().prop_map(Step::ConnectUp),
        2 => any::<u8>().prop_map(Step::ConnectFail),
        1 => any::<u8>().prop_map(Step::Lose),
        1 => any::<u8>().prop_map(Step::Inbound),
        8 => (any::<u8>(), any::<u8>(), 1u32..4).prop_map(|(to, what, id)| Step::Message(to, what, id)),
        2 => (any::<u8>(), bytes()).prop_map(|(to, bytes)| Step::Bytes(to, bytes)),
        1 => any::<u8>().prop_map(Step::WrongPpid),
        2 => (any::<u8>(), bytes()).prop_map(|(from, bytes)| Step::Announce(from, bytes)),
        6 => (0u16..2500).prop_map(Step::Pass),
    ]
}

/// What a driver would know.
struct World {
    client: Client,
    config: AsapConfig,
    connects: BTreeMap<ConnectAttempt, Connect>,
    associations: BTreeMap<AssociationId, TransportKind>,
    /// Requests without completion, and when they were made.
    open: BTreeMap<u64, Time>,
    requests: u64,
    next_association: u64,
    shutdown_complete: bool,
    trace: Vec<Action>,
}

fn pick<K: Copy + Ord, V>(map: &BTreeMap<K, V>, number: u8) -> Option<K> {
    map.keys().nth(usize::from(number) % map.len().max(1)).copied()
}

impl World {
    fn new(seed: u64) -> World {
        let config = AsapConfig {
            max_requests: 12,
            max_pool_elements: 2,
            max_registrars: 3,
            max_cached_pools: 1,
            ..config(3, &[KernelSctp, Tcp, SctpUdp])
        };
        World {
            client: Client::with_seed(config.clone(), seed),
            config,
            connects: BTreeMap::new(),
            associations: BTreeMap::new(),
            open: BTreeMap::new(),
            requests: 0,
            next_association: 0,
            shutdown_complete: false,
            trace: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        let done = self.client.event(event);
        self.take(done);
    }

    /// Does the actions as a driver would, and checks that they can be done.
    fn take(&mut self, done: Done) {
        for action in &done.0 {
            assert!(!self.shutdown_complete || matches!(action, Action::Complete { .. } | Action::Abort { .. }));
            match action {
                Action::Connect { attempt, kind, peer, timeout } => {
                    assert!(!timeout.is_zero());
                    assert!(self.connects.insert(*attempt, (*attempt, *kind, peer.clone())).is_none());
                }
                Action::CancelConnect { attempt } => {
                    assert!(self.connects.remove(attempt).is_some(), "{attempt:?} was cancelled, but is not under way");
                }
                Action::Send { association, bytes } => {
                    let kind = self.associations.get(association).expect("sends go to associations that are up");
                    let message = AsapMessage::decode(bytes).expect("what is sent decodes").message;
                    let registers = matches!(message, AsapMessage::Registration(_) | AsapMessage::Deregistration(_));
                    assert!(!registers || *kind != Tcp, "registrations go over SCTP only");
                }
                Action::Shutdown { association } | Action::Abort { association, .. } => {
                    assert!(self.associations.remove(association).is_some(), "{association} is not up");
                }
                Action::Complete { request, .. } => {
                    let made = self.open.remove(&request.0).expect("a request is completed once");
                    let took = self.client.now.saturating_since(made);
                    assert!(took <= self.config.max_request_time, "request {} took {took:?}", request.0);
                }
                Action::LookUp => panic!("nobody is known by name"),
                Action::Removed { .. } => panic!("nobody watches"),
                Action::PoolChanged { pool_handle, .. } | Action::RegistrationChanged { pool_handle, .. } => {
                    assert_eq!(*pool_handle, handle());
                }
                Action::ShutdownComplete => {
                    assert!(!self.shutdown_complete);
                    self.shutdown_complete = true;
                }
            }
        }
        assert!(self.connects.len() <= 3, "{} connects at a time", self.connects.len());
        self.trace.extend(done.0);
    }

    fn pass(&mut self, by: Duration) {
        let until = self.client.now + by;
        let mut rounds = 0;
        while let Some(at) = self.client.core.next_deadline().filter(|at| *at <= until) {
            self.client.now = self.client.now.max(at);
            self.event(Event::Timeout);
            rounds += 1;
            assert!(rounds < 10_000, "the core does not come to rest");
        }
        self.client.now = until;
    }

    fn request(&mut self, what: u8, id: u32) {
        self.requests += 1;
        self.open.insert(self.requests, self.client.now);
        let stale_cache = if what & 0x10 == 0 { Duration::ZERO } else { ms(700) };
        let request = match what % 8 {
            0 | 1 => register(id),
            2 => deregister(id),
            3 => unreachable(id),
            4 => resolve(None, stale_cache),
            5 => resolve(Some(id), stale_cache),
            6 if what & 0x40 == 0 => Request::Subscribe { pool_handle: handle() },
            6 => Request::Unsubscribe { pool_handle: handle() },
            _ => Request::Resolve { pool_handle: id.to_string().as_str().into(), items: None, stale_cache },
        };
        self.event(Event::Request(RequestId(self.requests), request));
    }

    fn up(&mut self, attempt: Option<ConnectAttempt>, peer: rserpool::association::PeerAddress, kind: TransportKind) {
        self.next_association += 1;
        let association = association(self.next_association);
        self.associations.insert(association, kind);
        self.event(Event::AssociationUp { association, attempt, peer, kind });
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Request(what, id) => self.request(*what, *id),
            Step::Cancel(number) => {
                if let Some(request) = pick(&self.open, *number) {
                    self.event(Event::Cancel(RequestId(request)));
                }
            }
            Step::ConnectUp(number) => {
                if let Some((attempt, kind, peer)) =
                    pick(&self.connects, *number).and_then(|a| self.connects.remove(&a))
                {
                    self.up(Some(attempt), peer, kind);
                }
            }
            Step::ConnectFail(number) => {
                if let Some(attempt) = pick(&self.connects, *number) {
                    self.connects.remove(&attempt);
                    self.event(Event::ConnectFailed { attempt, reason: LossReason::Timeout });
                }
            }
            Step::Lose(number) => {
                if let Some(association) = pick(&self.associations, *number) {
                    self.associations.remove(&association);
                    self.event(Event::AssociationLost { association, reason: LossReason::Closed });
                }
            }
            Step::Inbound(number) => self.up(None, registrar_address(*number), SctpUdp),
            Step::Message(to, what, id) => self.message(*to, *what, *id),
            Step::Bytes(to, bytes) => {
                if let Some(association) = pick(&self.associations, *to) {
                    self.event(Event::Message { association, ppid: PPID_ASAP, bytes });
                }
            }
            Step::WrongPpid(to) => {
                if let Some(association) = pick(&self.associations, *to) {
                    self.event(Event::Message { association, ppid: PPID_ENRP, bytes: &[0x0a, 0, 0, 4] });
                }
            }
            Step::Announce(from, bytes) => {
                let good = encode(AsapMessage::ServerAnnounce(ServerAnnounce {
                    registrar_id: RegistrarId(u32::from(*from)),
                    transports: Vec::new(),
                }));
                let bytes = if from % 2 == 0 { bytes } else { &good };
                self.event(Event::Announcement { from: ([10, 9, 0, *from], 3863).into(), bytes });
            }
            Step::Pass(millis) => self.pass(ms(u64::from(*millis))),
        }
    }

    fn message(&mut self, to: u8, what: u8, id: u32) {
        let Some(association) = pick(&self.associations, to) else { return };
        let policy = [None, Some(Policy::RoundRobin), Some(Policy::Random)][usize::from(what / 16) % 3].clone();
        let message = match what % 10 {
            0 | 1 => registered(id, None),
            2 => registered(id, Some(Cause::LackOfResources)),
            3 => deregistered(id),
            4 | 5 => resolved(policy, &[id, 8, 9]),
            6 => not_resolved(Cause::UnknownPoolHandle),
            7 => keep_alive(what & 0x10 != 0, id, POOL, Some(id)),
            8 => keep_alive(what & 0x10 != 0, id, POOL, None),
            _ => resolved(policy, &[]),
        };
        let bytes = encode(message);
        self.event(Event::Message { association, ppid: PPID_ASAP, bytes: &bytes });
    }
}

fn run(seed: u64, steps: &[Step], shutdown: bool) -> World {
    let mut world = World::new(seed);
    for step in steps {
        world.step(step);
    }
    if shutdown {
        world.event(Event::Shutdown);
        assert!(world.open.is_empty(), "a shutdown ends all requests");
    }
    world.pass(Duration::from_secs(10));
    assert!(world.open.is_empty(), "requests without an end: {:?}", world.open.keys());
    if shutdown {
        assert!(world.shutdown_complete && world.associations.is_empty() && world.connects.is_empty());
        assert_eq!(world.client.core.next_deadline(), None);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn random_events_never_break_the_core(
        seed: u64,
        steps in prop::collection::vec(step(), 0..120),
        shutdown: bool,
    ) {
        let world = run(seed, &steps, shutdown);
        prop_assert_eq!(world.trace, run(seed, &steps, shutdown).trace);
    }
}

#[test]
fn the_seed_spreads_users_over_registrars() {
    let first = |seed| {
        let mut client = Client::with_seed(AsapConfig { max_parallel_connects: 1, ..config(8, &[Tcp]) }, seed);
        client.request(1, resolve(None, Duration::ZERO)).connects()[0].2.to_string()
    };
    let chosen: BTreeSet<String> = (0..200).map(first).collect();
    assert_eq!(chosen.len(), 8);
}
