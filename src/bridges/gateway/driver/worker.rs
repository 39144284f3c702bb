//! A thread that carries connections: it accepts clients, connects them as the core wants, and moves bytes both ways.

use super::GatewaySettings;
use super::connection::{Connection, Fate};
use super::idle::{IdleTimers, Look};
use super::listener::{Accepting, Listener, Room};
use super::shared::{Caller, Shared, place_of, session_of};
use super::slots::Slots;
use super::sockets::{Socket, is_own_fault};
use super::stream::{CHUNK, End as Side};
use crate::Time;
use crate::bridges::gateway::core::{Action, Attempt, Blame, End, Event, SessionId};
use crate::driver::clock;
use crate::driver::poller::Poller;
use crate::transport::epoll::Ready;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Which socket of a session a key is about stands in the highest byte: the client's, or that of an attempt.
const ROLE_SHIFT: u32 = 56;
const CLIENT: u8 = 0;
const LISTENER_KEY: u64 = 255 << ROLE_SHIFT;

/// The key of a socket.
fn key_of(session: u64, role: u8) -> u64 {
    u64::from(role) << ROLE_SHIFT | session
}

/// A thread's work.
pub(super) struct Worker {
    number: usize,
    shared: Arc<Shared>,
    poller: Poller,
    listener: Listener,
    sessions: Slots<Connection>,
    idle: IdleTimers,
    settings: Arc<GatewaySettings>,
    chunk: Box<[u8]>,
    actions: Vec<Action>,
    /// Sessions that had to let others go first.
    waiting: Vec<u64>,
    now: Time,
}

impl Worker {
    pub(super) fn new(
        number: usize,
        shared: Arc<Shared>,
        poller: Poller,
        listener: Listener,
        settings: Arc<GatewaySettings>,
    ) -> Worker {
        Worker {
            number,
            shared,
            poller,
            listener,
            sessions: Slots::new(),
            idle: IdleTimers::new(settings.idle),
            settings,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            actions: Vec::new(),
            waiting: Vec::new(),
            now: clock::now(),
        }
    }

    /// Works until the gateway stops. The kernel ends what is open then.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.listener.begin(&self.poller, LISTENER_KEY)?;
        let mut ready = Vec::new();
        while !self.shared.is_stopping() {
            ready.clear();
            let deadline = if self.waiting.is_empty() { self.deadline() } else { Some(self.now) };
            self.poller.wait_for_changes(clock::now(), deadline, &mut ready)?;
            self.now = clock::now();
            for session in std::mem::take(&mut self.waiting) {
                self.carry(session);
            }
            for found in &ready {
                match found.key {
                    LISTENER_KEY => self.accept(),
                    _ => self.on_ready(*found),
                }
            }
            self.on_time();
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.idle.next().into_iter().chain(self.shared.deadline()).chain(self.listener.resumes()).min()
    }

    fn on_time(&mut self) {
        self.shared.workers[self.number].take(&mut self.actions);
        if self.shared.deadline().is_some_and(|at| at <= self.now) {
            self.shared.handle(self.now, Event::Timeout, Caller::Worker(self.number), &mut self.actions);
        }
        self.perform();
        while let Some(due) = self.idle.due(self.now) {
            let used = self.sessions.get(due.1).map_or(Time::ZERO, |connection| connection.used);
            match (self.idle.look(due, used, self.now), self.sessions.get_mut(due.1)) {
                (Look::Busy(at), Some(connection)) => connection.look = at,
                _ => self.end(due.1, End::Idle),
            }
        }
        if self.shared.is_leaving() {
            self.listener.end(&self.poller);
        } else if self.listener.resumes().is_some_and(|at| at <= self.now) {
            let room = if self.shared.has_place() { Room::Some } else { Room::None };
            self.listener.resume(&self.poller, LISTENER_KEY, self.now, room);
        }
    }

    fn tell(&mut self, event: Event<'_>) {
        self.shared.handle(self.now, event, Caller::Worker(self.number), &mut self.actions);
    }

    fn accept(&mut self) {
        for _ in 0..self.listener.turn() {
            if !self.shared.take_place() {
                return self.listener.pause(&self.poller, self.now, "as many clients are connected as are allowed");
            }
            match self.listener.accept(&self.poller, self.now) {
                Accepting::Client(socket, client) => self.begin(socket, client),
                Accepting::Nobody => return self.shared.give_place(),
            }
        }
    }

    fn begin(&mut self, socket: Socket, client: SocketAddr) {
        let fd = socket.as_raw_fd();
        let connection = Connection::new(Side::new(socket), client, self.now);
        let Some(key) = self.sessions.insert(connection) else { return self.shared.give_place() };
        if self.poller.add_changes(fd, key_of(key, CLIENT)).is_err() {
            self.sessions.remove(key);
            return self.shared.give_place();
        }
        let look = self.idle.begin(key, self.now);
        if let Some(connection) = self.sessions.get_mut(key) {
            connection.look = look;
        }
        self.tell(Event::Accepted(session_of(self.number, key), client));
        self.perform();
    }

    /// Does what the core wants, and what comes of that.
    fn perform(&mut self) {
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Connect(session, attempt, address) => self.connect(session, attempt, address),
                    Action::Abandon(session, attempt) => {
                        if let Some(connection) = self.sessions.get_mut(place_of(session).1) {
                            connection.abandon(attempt);
                        }
                    }
                    Action::Carry(session, attempt) => self.begin_to_carry(place_of(session).1, attempt),
                    Action::Reset(session) => {
                        if let Some(connection) = self.remove(place_of(session).1) {
                            connection.reset();
                        }
                    }
                    // The watcher's.
                    Action::AskWhoLeaves | Action::Report(_) => {}
                }
            }
        }
    }

    fn connect(&mut self, session: SessionId, attempt: Attempt, address: SocketAddr) {
        let key = place_of(session).1;
        let Some(connection) = self.sessions.get_mut(key) else { return };
        let begun = Socket::connect(address).and_then(|socket| {
            self.poller.add_changes(socket.as_raw_fd(), key_of(key, attempt.0))?;
            Ok(socket)
        });
        match begun {
            Ok(socket) => connection.attempts.push((attempt, Side::new(socket))),
            Err(error) => self.on_connect_failed(session, attempt, &error),
        }
    }

    fn on_connect_failed(&mut self, session: SessionId, attempt: Attempt, error: &io::Error) {
        let blame = if is_own_fault(error) { Blame::ThisHost } else { Blame::Element };
        log::debug!("gateway of pool {}: a connect fails: {error}", self.settings.pool);
        self.tell(Event::Failed(session, attempt, blame));
    }

    fn on_ready(&mut self, found: Ready) {
        let (key, role) = (found.key & (u64::MAX >> 8), (found.key >> ROLE_SHIFT) as u8);
        let Some(connection) = self.sessions.get_mut(key) else { return };
        let Some(outcome) = connection.on_ready(role, &found) else { return self.carry(key) };
        let session = session_of(self.number, key);
        match outcome {
            Ok(attempt) => self.tell(Event::Connected(session, attempt)),
            Err((attempt, error)) => self.on_connect_failed(session, attempt, &error),
        }
        self.perform();
    }

    fn begin_to_carry(&mut self, key: u64, attempt: Attempt) {
        let Some(connection) = self.sessions.get_mut(key) else { return };
        connection.begin(attempt, self.settings.proxy_protocol);
        self.carry(key);
    }

    fn carry(&mut self, key: u64) {
        let Some(connection) = self.sessions.get_mut(key) else { return };
        match connection.carry(&mut self.chunk, self.now) {
            Fate::Goes => {}
            Fate::More => self.waiting.push(key),
            Fate::Ends(end) => self.end(key, end),
        }
    }

    fn end(&mut self, key: u64, end: End) {
        let Some(connection) = self.remove(key) else { return };
        match end {
            End::InOrder => {}
            _ => connection.reset(),
        }
        self.tell(Event::Ended(session_of(self.number, key), end));
        self.perform();
    }

    fn remove(&mut self, key: u64) -> Option<Connection> {
        let connection = self.sessions.remove(key)?;
        self.shared.give_place();
        self.idle.end(key, connection.look);
        for (counter, bytes) in self.shared.bytes.iter().zip(connection.bytes()) {
            counter.fetch_add(bytes, Ordering::Relaxed);
        }
        Some(connection)
    }
}
