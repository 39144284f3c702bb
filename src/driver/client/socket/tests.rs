//! A session with a pool between a scripted transport and a registrar that the test plays.

use super::*;
use crate::asap::Request;
use crate::association::{LossReason, Undelivered};
use crate::driver::client::commands::{Command, Reply};
use crate::driver::client::endpoint_state::Ownership;
use crate::driver::client::io_handle::IoHandle;
use crate::driver::scripted::{NUMBER, Said, Script, Scripted, association};
use crate::session::{Attempt, Blame, EndSession, Event, PoolUserConfig};
use crate::transport::SctpParameters;
use crate::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use crate::{PoolElementId, PoolHandle, RegistrarId};
use std::time::Duration;

const POOL: &str = "pool";

struct World {
    io: Arc<IoHandle>,
    endpoint: Arc<Endpoint>,
    script: Arc<Mutex<Script>>,
    socket: Arc<Socket>,
    now: Time,
}

fn element(number: u32) -> PoolElement {
    PoolElement {
        id: PoolElementId(number),
        home_registrar: RegistrarId(1),
        registration_life: RegistrationLife::INFINITE,
        user_transport: TransportParameter::Sctp {
            port: 1,
            transport_use: TransportUse::DataPlusControl,
            addresses: AddressList::from_slice(&["127.0.0.1".parse().unwrap()]),
        },
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

impl World {
    /// A session that resolves its pool.
    fn new() -> World {
        let io = IoHandle::new(Duration::from_secs(5)).unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let (transport, parameters) = (Box::new(Scripted(Arc::clone(&script))), SctpParameters::default());
        let ownership = Ownership::AllPoolUsers;
        let endpoint = Arc::new(Endpoint::new(NUMBER, transport, parameters, ownership, Arc::clone(&io)));
        let socket = Socket::new(Style::OneToOne).unwrap();
        let config = PoolUserConfig { automatic: true, resend: true, ..PoolUserConfig::default() };
        assert!(matches!(socket.become_pool_user(PoolHandle::from(POOL), config), Ok(TakenUp::Yes)));
        assert!(socket.endpoint.set(Arc::clone(&endpoint)).is_ok());
        let world = World { io, endpoint, script, socket, now: Time::from_secs(1) };
        world.tell(Event::Start);
        world
    }

    fn tell(&self, event: Event<'_>) {
        self.endpoint.with(|endpoint| {
            let actions = self.socket.feed(self.now, event);
            self.socket.perform(endpoint, self.now, actions);
        });
    }

    /// The registrar answers what the session has asked.
    fn resolve(&self, elements: &[u32]) {
        let asked = self.io.take_commands().into_iter().find_map(|command| match command {
            Command::Request { reply: Reply::Session { attempt, .. }, .. } => Some(attempt),
            _ => None,
        });
        let attempt: Attempt = asked.expect("the session resolves");
        let pool_elements = elements.iter().map(|number| element(*number)).collect();
        self.tell(Event::Resolved { attempt, policy: Policy::RoundRobin, pool_elements });
    }

    /// A connect to another element begins, as the first one takes long.
    fn head_start_passes(&mut self) {
        self.now += PoolUserConfig::default().head_start;
        self.tell(Event::Timeout);
    }

    /// The transport says this in one batch.
    fn hear(&self, says: Vec<Said>) {
        self.script.lock().says = says;
        self.endpoint.run(self.now);
    }

    /// The data that the program reads.
    fn read_all(&self) -> Vec<Vec<u8>> {
        let mut state = self.socket.state.lock();
        let mut buffer = vec![0; 1 << 16];
        let mut read = Vec::new();
        while let Some(Ok(item)) = state.inbox.read(&mut buffer) {
            if item.notification.is_none() {
                read.push(buffer[..item.len].to_vec());
            }
        }
        read
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.endpoint.clear();
    }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn what_a_candidate_says_that_was_too_late_is_not_for_the_program() {
    let mut world = World::new();
    world.resolve(&[1]);
    world.head_start_passes();
    world.resolve(&[1, 2]);
    assert_eq!(world.script.lock().connects, 2);
    // Both are up in one batch, and both speak first.
    world.hear(vec![
        Said::Up(1),
        Said::Up(2),
        Said::Message(2, bytes("from the late one")),
        Said::Message(1, bytes("from the element")),
    ]);
    assert_eq!(world.script.lock().aborted, [association(2)]);
    assert_eq!(world.read_all(), [bytes("from the element")]);
}

#[test]
fn a_candidate_that_was_too_late_does_not_become_the_session_when_the_element_is_lost_at_once() {
    let mut world = World::new();
    world.resolve(&[1]);
    world.head_start_passes();
    world.resolve(&[1, 2]);
    world.hear(vec![
        Said::Up(1),
        Said::Up(2),
        Said::Lost(1, LossReason::Closed, Vec::new()),
        Said::Message(2, bytes("from the late one")),
    ]);
    assert!(world.read_all().is_empty());
}

#[test]
fn what_an_element_has_said_before_it_was_given_up_is_read_until_the_end_comes() {
    let world = World::new();
    world.resolve(&[1]);
    world.hear(vec![Said::Up(1)]);
    world.tell(Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO });
    assert_eq!(world.script.lock().given_up, [association(1)]);
    world.hear(vec![Said::Message(1, bytes("an answer that had arrived"))]);
    assert_eq!(world.read_all(), [bytes("an answer that had arrived")]);
}

#[test]
fn a_session_that_is_given_up_as_nobody_reads_gets_back_what_was_not_acknowledged_also_when_it_fails_over() {
    let world = World::new();
    world.resolve(&[1]);
    world.hear(vec![Said::Up(1)]);
    // More than an inbox takes of one session.
    world.hear((0..4).map(|_| Said::Message(1, vec![0; 4 << 20])).collect());
    assert_eq!(world.script.lock().given_up, [association(1)]);
    world.tell(Event::ForceFailover { blame: Blame::Nobody, stale_cache: Duration::ZERO });
    let unacknowledged = Undelivered { stream: 0, ppid: 0, unordered: false, payload: bytes("for the next one") };
    world.hear(vec![Said::Lost(1, LossReason::GivenUp, vec![unacknowledged])]);
    world.resolve(&[2]);
    world.hear(vec![Said::Up(2)]);
    assert_eq!(world.script.lock().sent, [(0, bytes("for the next one"))]);
}

#[test]
fn an_element_is_not_reported_as_unreachable_because_this_side_is_connected_with_it_still() {
    for errno in [libc::EISCONN, libc::EALREADY] {
        let world = World::new();
        world.script.lock().refuses_connects = Some(errno);
        world.resolve(&[1]);
        let reports =
            world.io.take_commands().into_iter().filter(|command| {
                matches!(command, Command::Request { request: Request::ReportUnreachable { .. }, .. })
            });
        assert_eq!(reports.count(), 0);
    }
}

#[test]
fn a_session_that_is_aborted_while_messages_wait_to_be_sent_again_does_not_end_in_order() {
    let world = World::new();
    world.resolve(&[1]);
    world.hear(vec![Said::Up(1)]);
    world.script.lock().room = Some(0);
    let unacknowledged = Undelivered { stream: 0, ppid: 0, unordered: false, payload: bytes("nobody got it") };
    world.hear(vec![Said::Lost(1, LossReason::Unreachable, vec![unacknowledged])]);
    world.resolve(&[2]);
    world.hear(vec![Said::Up(2)]);
    world.socket.end_session(SessionId(1), EndSession::Abort).unwrap();
    assert_eq!(world.script.lock().aborted, [association(2)]);
    assert!(world.script.lock().sent.is_empty());
}
