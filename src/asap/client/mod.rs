//! The client core: the entry for every event, and what goes where. What happens there, the parts decide.

mod home;
mod messages;
mod requests;
mod timers;

use super::associations::{Associations, HomeRegistrar, RegistrarAssociation};
use super::config::ValidAsapConfig;
use super::deregistrations::Deregistrations;
use super::hunt::Hunt;
use super::incoming::Reader;
use super::interface::{Action, Event, RegistrationState, RequestError, Step};
use super::registrations::Registrations;
use super::requests::Requests;
use super::resolutions::Resolutions;
use super::subscriptions::Subscriptions;
use crate::random::Random;
use crate::{PoolElementId, PoolHandle, Time};
use std::time::Duration;

/// Whether the core still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It does.
    Running,
    /// The last de-registrations are under way, for so long; none: that time is over.
    Closing { until: Option<Time> },
    /// Nothing follows.
    Closed,
}

/// The client side of ASAP: what pool elements and pool users need of registrars.
///
/// Feed it every event and do its actions in their order; call it with [`Event::Timeout`] when [`AsapClient::next_deadline`]
/// has come. Its parts have a file each: the hunt for a registrar, the associations with registrars, requests, resolutions with
/// their cache, subscriptions, registrations and de-registrations. They know nothing of each other: what one of them comes to, the
/// client tells the others.
pub struct AsapClient {
    now: Time,
    random: Random,
    phase: Phase,
    shutdown_timeout: Duration,
    hunt: Hunt,
    associations: Associations,
    reader: Reader,
    requests: Requests,
    resolutions: Resolutions,
    subscriptions: Subscriptions,
    registrations: Registrations,
    deregistrations: Deregistrations,
}

impl AsapClient {
    /// A core without any registrar connection. Equal seeds and events give equal actions.
    pub fn new(config: ValidAsapConfig, seed: u64, now: Time) -> AsapClient {
        let config = config.into_inner();
        let mut random = Random::new(seed);
        AsapClient {
            now,
            phase: Phase::Running,
            shutdown_timeout: config.shutdown_timeout,
            hunt: Hunt::new(&config, &mut random),
            associations: Associations::new(&config, now),
            reader: Reader::new(now),
            requests: Requests::new(&config),
            resolutions: Resolutions::new(&config),
            subscriptions: Subscriptions::new(&config),
            registrations: Registrations::new(&config),
            deregistrations: Deregistrations::new(&config),
            random,
        }
    }

    /// Takes one event; what is to be done is appended to `actions`.
    pub fn handle(&mut self, now: Time, event: Event<'_>, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        let step = &mut Step::new(self.now, actions);
        if self.phase == Phase::Closed {
            return refuse_after_close(event, step);
        }
        match event {
            Event::Request(id, request) => self.on_request(id, request, step),
            Event::Cancel(id) => self.on_cancel(id, step),
            Event::AssociationUp { association, attempt: Some(attempt), peer, kind } => {
                let association = RegistrarAssociation::new(association, peer, kind, step.now);
                if let Some(home) = self.hunt.connected(association, attempt, step) {
                    self.adopt(home, step);
                }
            }
            Event::AssociationUp { association, attempt: None, peer, kind } => match self.phase {
                Phase::Running => {
                    let association = RegistrarAssociation::new(association, peer, kind, step.now);
                    self.associations.accept(association, step);
                }
                _ => step.push(Action::Abort { association, reason: "not wanted" }),
            },
            Event::ConnectFailed { attempt, reason } => {
                let progress = self.hunt.connect_failed(attempt, &reason, &mut self.associations, step);
                self.on_progress(progress, step);
            }
            Event::AssociationLost { association, reason } => self.on_association_lost(association, &reason, step),
            Event::Message { association, ppid, bytes } => self.on_message(association, ppid, bytes, step),
            Event::Announcement { from, bytes } => self.on_announcement(from, bytes, step),
            Event::ElementChanged { pool_handle, pool_element, reregistration_interval } => {
                self.on_element_changed(pool_handle, pool_element, reregistration_interval, step);
            }
            Event::LookedUp(found) => {
                let progress = self.hunt.looked_up(found, &mut self.associations, step);
                self.on_progress(progress, step);
            }
            Event::AddressesChanged => self.hunt.hurry(step.now),
            Event::RemovalsWanted(handle) => {
                self.subscriptions.want_removals(&handle, self.associations.home_id(), step);
            }
            Event::RemovalsUnwanted(handle) => self.subscriptions.unwant_removals(&handle),
            // Timers run here alone: what is handed in before may have waited for a late thread, and be what they wait for.
            Event::Timeout => self.run_timers(step),
            Event::Shutdown => self.on_shutdown(step),
        }
        self.update_hunt(step);
        let nothing_left = self.associations.home().is_none() || self.deregistrations.is_empty();
        if matches!(self.phase, Phase::Closing { .. }) && nothing_left {
            self.close(step);
        }
    }

    /// When to call [`AsapClient::handle`] with [`Event::Timeout`] at the latest, whatever else happens before.
    pub fn next_deadline(&self) -> Option<Time> {
        let shutdown = match self.phase {
            Phase::Closing { until } => until,
            _ => None,
        };
        let parts = [
            self.hunt.next_deadline(),
            self.resolutions.next_deadline(),
            self.subscriptions.next_deadline(),
            self.registrations.next_deadline(),
            self.deregistrations.next_deadline(),
        ];
        parts.into_iter().flatten().chain(shutdown).min()
    }

    /// The home registrar, if there is one.
    pub fn home_registrar(&self) -> Option<HomeRegistrar<'_>> {
        self.associations.home_registrar()
    }

    /// How an element of our own and the home registrar stand; none: it is not to be registered.
    pub fn registration_state(&self, handle: &PoolHandle, id: PoolElementId) -> Option<RegistrationState> {
        self.registrations.state(handle, id)
    }

    fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    fn on_shutdown(&mut self, step: &mut Step<'_>) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Closing { until: Some(step.now + self.shutdown_timeout) };
        self.requests.cancel_all(step);
        self.resolutions.clear();
        self.deregistrations.forget_waiters();
        let home = self.associations.sctp_home_id();
        let registered = self.registrations.take_all();
        if home.is_some() {
            registered.into_iter().for_each(|key| self.deregistrations.deregister_for_shutdown(key, home, step));
        } else {
            self.deregistrations.clear();
        }
        self.subscriptions.clear();
        self.deregistrations.stop();
        self.hunt.stop();
    }

    fn close(&mut self, step: &mut Step<'_>) {
        self.hunt.end(step);
        self.associations.close(step);
        self.deregistrations.clear();
        self.hunt.stop();
        self.phase = Phase::Closed;
        step.push(Action::ShutdownComplete);
    }
}

fn refuse_after_close(event: Event<'_>, step: &mut Step<'_>) {
    match event {
        Event::Request(request, _) => {
            step.push(Action::Complete { request, result: Err(RequestError::Cancelled) });
        }
        Event::AssociationUp { association, .. } => {
            step.push(Action::Abort { association, reason: "the endpoint is shut down" });
        }
        _ => {}
    }
}
