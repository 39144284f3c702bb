//! Runs the ASAP client core on the I/O thread.

use super::client_core::{ClientCore, CurrentHome};
use super::commands::Command;
use super::element_news::{Suspects, sessions_with, tell};
use super::names::Names;
use super::registrar_endpoints::{Arrived, RegistrarEndpoints};
use super::registrations::{Registrations, Renewal};
use super::replies::Replies;
use super::subscribers::Subscribers;
use super::table::DescriptorTable;
use super::whereabouts::Whereabouts;
use crate::asap::{
    Action, AsapClient, Event, Outcome, RegistrationState, Request, RequestError, RequestId, ValidAsapConfig,
};
use crate::association::{LossReason, TransportKind};
use crate::driver::address_changes::AddressChange;
use crate::driver::core_loop::{Core, CoreLoop};
use crate::session::Event as SessionEvent;
use crate::transport::TransportError;
use crate::{AssociationId, PoolElementId, PoolHandle, Time};
use std::net::IpAddr;
use std::sync::Arc;

/// Requests made by the driver itself have numbers from here on.
const OWN_REQUESTS: u64 = 1 << 63;

pub(super) struct AsapDriver<C: Core = AsapClient> {
    core: CoreLoop<C>,
    endpoints: RegistrarEndpoints,
    names: Names,
    whereabouts: Whereabouts,
    /// Where sessions are found that want to know of an element.
    descriptors: Arc<DescriptorTable>,
    replies: Replies,
    registrations: Registrations,
    subscribers: Subscribers,
    suspects: Suspects,
    last_own_request: u64,
    finished: bool,
}

impl AsapDriver {
    pub fn new(
        config: ValidAsapConfig,
        seed: u64,
        endpoints: RegistrarEndpoints,
        names: Names,
        descriptors: Arc<DescriptorTable>,
        now: Time,
    ) -> AsapDriver {
        let registrar = config.settings().static_registrars.first().and_then(|peer| peer.addresses.first().copied());
        AsapDriver::around(AsapClient::new(config, seed, now), registrar, endpoints, names, descriptors)
    }
}

impl<C: ClientCore> AsapDriver<C> {
    /// Around a core that nothing has happened to; its registrar is likely to be there.
    fn around(
        core: C,
        registrar: Option<IpAddr>,
        endpoints: RegistrarEndpoints,
        names: Names,
        descriptors: Arc<DescriptorTable>,
    ) -> AsapDriver<C> {
        AsapDriver {
            core: CoreLoop::new(core),
            endpoints,
            names,
            whereabouts: Whereabouts::default(),
            replies: Replies::new(Arc::clone(&descriptors)),
            descriptors,
            registrations: Registrations::towards(registrar),
            subscribers: Subscribers::default(),
            suspects: Suspects::default(),
            last_own_request: OWN_REQUESTS,
            finished: false,
        }
    }

    /// The registrar in use.
    pub fn home(&self) -> CurrentHome {
        self.core.core().home()
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }

    pub fn next_deadline(&self) -> Option<Time> {
        if self.core.has_news() {
            return Some(Time::ZERO);
        }
        [self.endpoints.next_deadline(), self.core.next_timer()].into_iter().flatten().min()
    }

    pub fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Request { id, request, reply } => {
                let mut done = None;
                if let Request::Deregister { pool_handle, pool_element_id } = &request {
                    let unheard_of = self.registrations.remove(pool_handle, *pool_element_id);
                    done = unheard_of.then_some(Outcome::Deregistered);
                }
                if let Request::ReportUnreachable { pool_handle, pool_element_id } = &request {
                    self.have_sessions_probe(now, pool_handle, *pool_element_id);
                }
                self.replies.expect(id, reply);
                match done {
                    Some(outcome) => self.replies.complete(now, id, Ok(outcome)),
                    None => self.event(now, Event::Request(id, request)),
                }
            }
            Command::Register { id, registration, reply } => {
                self.replies.expect(id, reply);
                let (pool_handle, pool_element_id) = registration.key();
                match self.registrations.add(registration) {
                    Some(request) => {
                        self.event(now, Event::Request(id, request));
                        if self.core.core().registration(&pool_handle, pool_element_id).is_none() {
                            // It makes no sense, or there are too many: nothing of it is to follow the registrar.
                            self.registrations.remove(&pool_handle, pool_element_id);
                        }
                    }
                    None => self.replies.complete(now, id, Err(RequestError::NoAddress)),
                }
            }
            Command::AskRegistration { pool_handle, pool_element_id, reply } => {
                let waits = self.registrations.is_waiting(&pool_handle, pool_element_id);
                let state = self.core.core().registration(&pool_handle, pool_element_id);
                reply.keep(if waits { Some(RegistrationState::Waiting) } else { state });
            }
            Command::WantRemovals(pool_handle) => self.event(now, Event::RemovalsWanted(pool_handle)),
            Command::Subscribe { id, subscription, reply } => {
                self.replies.expect(id, reply);
                match self.subscribers.add(subscription) {
                    // Somebody else has subscribed already.
                    None => self.replies.complete(now, id, Ok(Outcome::Subscribed)),
                    Some(pool_handle) => self.event(now, Event::Request(id, Request::Subscribe { pool_handle })),
                }
            }
            Command::Unsubscribe(subscription) => {
                if let Some(pool_handle) = self.subscribers.remove(&subscription) {
                    self.own_request(now, Request::Unsubscribe { pool_handle });
                }
            }
            Command::LookedUp(results) => {
                let found = self.names.found(results);
                self.event(now, Event::LookedUp(found));
            }
            Command::Cancel(id) => self.event(now, Event::Cancel(id)),
            Command::Stop => self.event(now, Event::Shutdown),
        }
    }

    /// Runs the transports and the core's timers: a bounded amount of work, so that a flood on our ports keeps nobody else
    /// waiting. Returns whether more is waiting.
    pub fn run(&mut self, now: Time, ready: &[u64]) -> bool {
        self.core.report_news(now);
        self.perform_all(now);
        let more = self.endpoints.receive(now, ready);
        while let Some(arrived) = self.endpoints.next_arrival() {
            self.arrival(now, arrived);
        }
        self.core.run_timers(now, more);
        self.perform_all(now);
        more
    }

    fn arrival(&mut self, now: Time, arrived: Arrived) {
        match arrived {
            Arrived::Up(association, peer, kind) => {
                let attempt = self.core.connect_ended(association);
                self.whereabouts.registrar_is_at(&peer);
                // First the addresses that this registrar reaches us by: the core may register with it at once.
                if kind != TransportKind::Tcp {
                    let renewals = self.registrations.registrar_is_at(peer.addresses.first().copied());
                    self.renew(now, renewals);
                }
                self.event(now, Event::AssociationUp { association, attempt, peer, kind });
            }
            Arrived::ConnectFailed(association, reason) => {
                self.core.connect_failed(now, association, reason);
                self.perform_all(now);
            }
            Arrived::Message(association, ppid, bytes) => {
                self.event(now, Event::Message { association, ppid, bytes: &bytes });
            }
            Arrived::Lost(association, reason) => self.event(now, Event::AssociationLost { association, reason }),
            Arrived::Announcement(from, bytes) => self.event(now, Event::Announcement { from, bytes: &bytes }),
        }
    }

    /// This host has other addresses: elements are registered with them, on an association that still has one of them.
    pub fn addresses_changed(&mut self, now: Time, change: AddressChange) {
        if let Some(home) = self.core.core().home_association().filter(|_| change == AddressChange::Lost) {
            self.endpoints.probe(now, home);
        }
        let renewals = self.registrations.look_at_addresses();
        self.renew(now, renewals);
        self.event(now, Event::AddressesChanged);
    }

    fn renew(&mut self, now: Time, renewals: Vec<Renewal>) {
        for renewal in renewals {
            match renewal {
                Renewal::Registered(request) => self.own_request(now, request),
                Renewal::Changed(event) => self.event(now, event),
            }
        }
    }

    fn own_request(&mut self, now: Time, request: Request) {
        self.last_own_request += 1;
        self.event(now, Event::Request(RequestId(self.last_own_request), request));
    }

    fn event(&mut self, now: Time, event: Event<'_>) {
        self.core.handle(now, event);
        self.perform_all(now);
    }

    fn perform_all(&mut self, now: Time) {
        while let Some(action) = self.core.next_action() {
            self.perform(now, action);
        }
    }

    fn perform(&mut self, now: Time, action: Action) {
        match action {
            Action::Connect { attempt, kind, peer, timeout } => {
                let result = self.endpoints.connect(now, kind, &peer, timeout).map_err(|error| {
                    log::warn!("connect to the registrar at {peer} over {kind} failed: {error}");
                    error.loss_reason()
                });
                self.core.connect_started(attempt, result);
            }
            Action::LookUp => self.names.look_up(),
            Action::CancelConnect { attempt } => {
                if let Some(association) = self.core.cancel_connect(attempt) {
                    self.endpoints.abort(now, association, "connect given up");
                }
            }
            Action::Send { association, bytes } => self.send(now, association, &bytes),
            Action::Shutdown { association } => self.endpoints.shutdown(now, association),
            Action::Abort { association, reason } => {
                self.core.forget(association);
                self.endpoints.abort(now, association, reason);
            }
            Action::Complete { request, mut result } => {
                self.whereabouts.correct(now, &mut result);
                self.replies.complete(now, request, result);
            }
            Action::Removed { pool_handle, pool_element_ids } => {
                self.tell_sessions(now, pool_handle, &pool_element_ids);
            }
            Action::RegistrationChanged { pool_handle, pool_element_id, state } => {
                let name = self.registrations.socket_of(&pool_handle, pool_element_id);
                if let Some(socket) = name.and_then(|name| self.descriptors.socket(name)) {
                    socket.registration_changed(&pool_handle, pool_element_id, state);
                }
            }
            Action::PoolChanged { pool_handle, state } => self.subscribers.told(&pool_handle, state),
            Action::ShutdownComplete => self.finished = true,
        }
    }

    /// Elements were taken out of a pool: tells its sessions.
    fn tell_sessions(&mut self, now: Time, pool_handle: PoolHandle, removed: &[PoolElementId]) {
        let sockets = sessions_with(&self.descriptors, &pool_handle);
        for socket in &sockets {
            for &pool_element_id in removed {
                tell(now, socket, SessionEvent::ElementRemoved(pool_element_id));
            }
        }
        if sockets.is_empty() {
            self.core.handle(now, Event::RemovalsUnwanted(pool_handle));
        }
    }

    /// An element was found unreachable: its other sessions see at once whether it is, instead of one after the other when their
    /// next heartbeats are due.
    fn have_sessions_probe(&mut self, now: Time, pool_handle: &PoolHandle, element: PoolElementId) {
        if !self.suspects.is_new(now, pool_handle, element) {
            return;
        }
        for socket in sessions_with(&self.descriptors, pool_handle) {
            tell(now, &socket, SessionEvent::ElementSuspected(element));
        }
    }

    fn send(&mut self, now: Time, association: AssociationId, bytes: &[u8]) {
        match self.endpoints.send(now, association, bytes) {
            Ok(()) => {}
            // Its loss is about to be reported.
            Err(TransportError::UnknownAssociation | TransportError::Closing) => {}
            Err(error) => {
                log::warn!(
                    "message to the registrar on {association:?} not sent ({error}): the association is given up"
                );
                self.endpoints.abort(now, association, "message cannot be sent");
                self.core.lost_by_action(association, LossReason::Unreachable);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::commands::Reply;
    use super::super::io_handle::IoHandle;
    use super::super::protection::Protection;
    use super::*;
    use crate::asap::ConnectAttempt;
    use crate::association::PeerAddress;
    use crate::driver::core_loop::impl_core;
    use crate::transport::{SctpParameters, TransportChoice};
    use std::time::Duration;

    /// Asked for anything, connects to two registrars; when the first cannot be reached, it gives the other one up.
    struct Script {
        first: PeerAddress,
        second: PeerAddress,
    }

    impl Script {
        fn handle(&mut self, _: Time, event: Event<'_>, actions: &mut Vec<Action>) {
            let connect = |number, kind, peer: &PeerAddress| Action::Connect {
                attempt: ConnectAttempt(number),
                kind,
                peer: peer.clone(),
                timeout: Duration::from_secs(9),
            };
            match event {
                Event::Request(..) => actions.extend([
                    connect(1, TransportKind::SctpUdp, &self.first),
                    connect(2, TransportKind::Tcp, &self.second),
                ]),
                Event::ConnectFailed { attempt: ConnectAttempt(1), .. } => {
                    actions.push(Action::CancelConnect { attempt: ConnectAttempt(2) });
                }
                _ => {}
            }
        }

        fn next_deadline(&self) -> Option<Time> {
            None
        }
    }

    impl_core!(Script: Event, Action, ConnectAttempt);

    impl ClientCore for Script {
        fn home(&self) -> CurrentHome {
            CurrentHome::None
        }

        fn home_association(&self) -> Option<AssociationId> {
            None
        }

        fn registration(&self, _: &PoolHandle, _: PoolElementId) -> Option<RegistrationState> {
            None
        }
    }

    fn driver_of(core: Script) -> AsapDriver<Script> {
        let io = IoHandle::new(Duration::from_secs(5)).unwrap();
        let names = Names::new(Vec::new(), Protection::default(), Arc::clone(&io));
        let endpoints = RegistrarEndpoints::new(
            io,
            TransportChoice::SctpUdp,
            Protection::default(),
            SctpParameters::default(),
            &[],
        );
        AsapDriver::around(core, None, endpoints, names, Arc::default())
    }

    #[test]
    fn a_registration_that_the_core_does_not_take_is_not_kept() {
        let nowhere = PeerAddress { addresses: Default::default(), port: 9 };
        let mut driver = driver_of(Script { first: nowhere.clone(), second: nowhere });
        let addresses = crate::wire::AddressList::from_slice(&[IpAddr::from([127, 0, 0, 1])]);
        let registration = crate::driver::client::registrations::tests::registration(7, addresses);
        driver.command(Time::ZERO, Command::Register { id: RequestId(1), registration, reply: Reply::Nobody });
        assert!(driver.registrations.is_empty());
    }

    #[test]
    fn a_connect_that_fails_at_once_has_no_later_action_of_its_batch_overtaken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let core = Script {
            // No connect can begin to a peer without an address.
            first: PeerAddress { addresses: Default::default(), port: 9 },
            second: listener.local_addr().unwrap().into(),
        };
        let mut driver = driver_of(core);
        let id = RequestId(1);
        let request = Request::Unsubscribe { pool_handle: PoolHandle::from("pool") };
        driver.command(Time::ZERO, Command::Request { id, request, reply: Reply::Nobody });
        driver.run(Time::ZERO, &[]);
        assert_eq!(driver.core.connecting(), 0, "the second connect was given up, and is not under way");
    }
}
