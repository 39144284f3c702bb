//! Messages and announcements: to which part they go.

use super::AsapClient;
use crate::asap::associations::Sender;
use crate::asap::deregistrations::Answered;
use crate::asap::incoming::Incoming;
use crate::asap::interface::{RequestError, Step};
use crate::asap::registrars::Belief;
use crate::asap::registrations::KeptAlive;
use crate::asap::resolutions::Addressee;
use crate::asap::subscriptions::{ForSessions, Updates};
use crate::message::AsapMessage;
use crate::message::asap::{self, EndpointKeepAlive, HandleResolutionResponse};
use crate::wire::{Cause, ErrorCause, LifeInSeconds, Parameter};
use crate::{AssociationId, Time};
use std::net::SocketAddr;

impl AsapClient {
    pub(super) fn on_message(&mut self, association: AssociationId, ppid: u32, bytes: &[u8], step: &mut Step<'_>) {
        // None: still on its way when the association was given up.
        let Some(sender) = self.associations.heard(association, step.now) else { return };
        match (self.reader.read(association, ppid, bytes, step), sender) {
            (Incoming::Garbage, _) => self.on_garbage(association, step),
            (Incoming::Message(AsapMessage::EndpointKeepAlive(message)), _) => {
                self.on_keep_alive(association, sender, &message, step);
            }
            (Incoming::Message(AsapMessage::Error(message)), Sender::Home) if says_seconds(&message) => {
                self.home_reads_seconds(step);
            }
            (Incoming::Message(AsapMessage::Error(message)), _) => {
                self.reader.on_error(association, &message, step.now);
            }
            (Incoming::Message(message), Sender::Home) => self.on_home_message(association, message, step),
            (Incoming::Message(_), Sender::Other) => self.on_unexpected(association, step),
        }
    }

    fn on_home_message(&mut self, association: AssociationId, message: AsapMessage, step: &mut Step<'_>) {
        match message {
            AsapMessage::RegistrationResponse(message) => {
                self.home_worked();
                self.hunt.told_of(&message.registrars);
                if message.life_in_seconds.is_some() {
                    self.associations.home_reads_seconds();
                }
                let home = self.associations.sctp_home();
                self.registrations.on_response(message, home, &mut self.requests, step);
            }
            AsapMessage::DeregistrationResponse(message) => {
                self.home_worked();
                let answered = self.deregistrations.on_response(message, &mut self.requests, step);
                if let Answered::Removed((handle, id)) = answered {
                    self.registrations.was_removed(&handle, id, step);
                }
            }
            AsapMessage::HandleResolutionResponse(message) => {
                self.home_worked();
                self.on_resolution_response(message, step);
            }
            _ => self.on_unexpected(association, step),
        }
    }

    fn on_unexpected(&mut self, association: AssociationId, step: &mut Step<'_>) {
        self.reader.on_unexpected(association, step.now);
        self.on_garbage(association, step);
    }

    /// Whoever sends nothing but garbage is left.
    fn on_garbage(&mut self, association: AssociationId, step: &mut Step<'_>) {
        if let Some(reason) = self.associations.count_garbage(association, step) {
            self.leave_home(reason, step);
        }
    }

    /// A response is for sessions, for the application's subscription, or for whoever asked. Updates and answers to subscriptions
    /// have the A bit; without it the answer to a plain resolution comes first.
    fn on_resolution_response(&mut self, message: HandleResolutionResponse, step: &mut Step<'_>) {
        let for_sessions = self.subscriptions.tell_removals(&message, step) == ForSessions::Yes;
        let handle = message.pool_handle.clone();
        let asked = self.resolutions.waiting(&handle);
        let updates = Updates::of(&message);
        let subscribed = self.subscriptions.is_subscribed(&handle);
        let for_application = subscribed && (updates == Updates::Pushed || asked.is_none());
        let pool = self.resolutions.read(message, step.now);
        // That there is no such pool ends a subscription, whatever it is the answer to.
        if for_application || pool.as_ref().is_err_and(|error| *error == RequestError::UnknownPoolHandle) {
            self.subscriptions.tell_pool(&handle, updates, &pool, step);
        }
        let addressee = match updates {
            _ if for_application || for_sessions => Addressee::Subscriber,
            Updates::Pushed => Addressee::FormerSubscriber,
            Updates::OnRequest => Addressee::Asker,
        };
        match asked.filter(|_| addressee != Addressee::Subscriber) {
            Some(number) => {
                let (random, requests) = (&mut self.random, &mut self.requests);
                self.resolutions.answer(&handle, number, pool, random, requests, step);
            }
            None => self.resolutions.on_news(&handle, pool, addressee, step.now),
        }
    }

    fn on_keep_alive(
        &mut self,
        association: AssociationId,
        sender: Sender,
        message: &EndpointKeepAlive,
        step: &mut Step<'_>,
    ) {
        // Without an acknowledgement it does not become home of anything.
        if sender == Sender::Other && message.home && !self.believes_takeover(association, message, step.now) {
            return;
        }
        if self.registrations.on_keep_alive(association, message, step) == KeptAlive::Unknown {
            return;
        }
        let id = message.registrar_id;
        match sender {
            Sender::Home => {
                self.home_worked();
                self.hunt.told_of(&message.registrars);
                self.associations.set_home_registrar_id(id);
            }
            Sender::Other if message.home => {
                let Some(mut home) = self.associations.take_adopted(association, id, step.now) else { return };
                let candidate = self.hunt.took_over(home.peer(), id);
                home.set_registrar(candidate, Some(id));
                log::info!("registrar {id} takes over as home registrar");
                self.adopt(home, step);
                self.home_worked();
            }
            Sender::Other => {}
        }
    }

    /// Whether the sender may be our home registrar from now on, as it says. Anybody can connect to us and say so.
    fn believes_takeover(&mut self, association: AssociationId, message: &EndpointKeepAlive, now: Time) -> bool {
        let id = message.registrar_id;
        let belief = match self.associations.inbound_peer(association) {
            Some(peer) => self.hunt.belief_in(peer, id),
            None => Belief::Never,
        };
        let why = match (message.pool_element_id, belief) {
            (None, _) => "it names no element",
            (_, Belief::Never) => "nobody knows it",
            (_, Belief::WithoutHome) if self.associations.home().is_some() => "nobody knows it, and there is one",
            (Some(_), Belief::Always | Belief::WithoutHome) => return true,
        };
        self.associations.refuse_takeover(association, id, why, now);
        false
    }

    pub(super) fn on_announcement(&mut self, from: SocketAddr, bytes: &[u8], step: &mut Step<'_>) {
        let Some(message) = self.reader.read_announcement(from, bytes, step.now) else { return };
        let progress = self.hunt.announced(from, &message, &mut self.associations, step);
        self.on_progress(progress, step);
    }
}

/// Whether an error is the report that the registrar does not know our parameter for the life in seconds: it goes by RFC 5354.
fn says_seconds(message: &asap::Error) -> bool {
    let is_it = |cause: &ErrorCause| {
        cause.cause == Cause::UnrecognizedParameter && cause.info.starts_with(&LifeInSeconds::TYPE.to_be_bytes())
    };
    !message.error.causes.is_empty() && message.error.causes.iter().all(is_it)
}
