//! ENRP messages: who sent them, which file they are for, and how they are sent (RFC 5353 sections 3.1 and 3.4.1).

use super::Registrar;
use super::senders::Identified;
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::registrar::{Action, Step};
use crate::wire::{Cause, Decoded, ErrorCause};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;

impl Registrar {
    /// A message of another registrar.
    pub(in crate::registrar) fn on_enrp_message(
        &mut self,
        association: AssociationId,
        bytes: &[u8],
        step: &mut Step<'_>,
    ) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                let cause = Cause::UnrecognizedParameter;
                let causes: Vec<_> =
                    unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
                if !causes.is_empty() {
                    self.log_fault(
                        step.now,
                        association,
                        &format_args!("{} unknown parameters are skipped", causes.len()),
                    );
                    self.report_enrp_fault(association, bytes, causes, step);
                }
                let (sender, receiver) = servers_of(bytes);
                if self.identify(association, sender, &message, step) {
                    self.dispatch_enrp(association, receiver, message, step);
                }
            }
            Err(undecodable) => {
                self.log_fault(
                    step.now,
                    association,
                    &format_args!("an ENRP message is discarded: {}", undecodable.error),
                );
                let causes = undecodable.report.into_iter().collect();
                self.report_enrp_fault(association, bytes, causes, step);
            }
        }
    }

    /// Finds out who sent a message. False: it is not to be used.
    fn identify(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) -> bool {
        if id == RegistrarId(0) {
            self.log_fault(step.now, association, &format_args!("{} without the sender's identifier", message.name()));
            self.count_fault(association, step);
            return false;
        }
        if id == self.id {
            self.met_own_identifier(association, step);
            return false;
        }
        match self.enrp.senders.identify(association, id) {
            Identified::Nobody => return false,
            Identified::Contradicts(known) => {
                let text = format_args!("{} says that it comes from {id:?}, not {known:?}: ignored", message.name());
                self.log_fault(step.now, association, &text);
                self.count_fault(association, step);
                return false;
            }
            Identified::Again | Identified::First(None) => {}
            Identified::First(Some(contact)) => self.contact_identified(contact, id, step),
        }
        if self.enrp.peers.contains(id) {
            self.bind(id, association);
            self.heard(step.now, id);
        } else if !matches!(message, EnrpMessage::Presence(_)) {
            self.ask_who_is_there(association, id, step);
        }
        true
    }

    /// RFC 5353 section 3.4.1: a registrar that is not known yet is asked for its PRESENCE. It is a peer when it has answered: one
    /// that only asks, as `rserpool list` does, is answered and forgotten.
    fn ask_who_is_there(&mut self, association: AssociationId, id: RegistrarId, step: &mut Step<'_>) {
        if self.enrp.senders.ask(association) {
            self.introduce(association, id, step);
        }
    }

    fn dispatch_enrp(
        &mut self,
        association: AssociationId,
        receiver: RegistrarId,
        message: EnrpMessage,
        step: &mut Step<'_>,
    ) {
        // A PRESENCE says something about its sender, whomever it is for.
        let for_us = receiver == RegistrarId(0) || receiver == self.id;
        if !for_us && !matches!(message, EnrpMessage::Presence(_)) {
            return log_limited!(
                self.logs.unexpected,
                step.now,
                Level::Warn,
                "registrar {}: {} of {association:?} is for {receiver:?}: ignored",
                self.id,
                message.name()
            );
        }
        match message {
            EnrpMessage::Presence(message) => self.on_presence(association, message, step),
            EnrpMessage::HandleTableRequest(message) => {
                self.on_handle_table_request(association, &message, step);
            }
            EnrpMessage::HandleTableResponse(message) => self.on_handle_table_response(message, step),
            EnrpMessage::HandleUpdate(message) => self.on_handle_update(message, step),
            EnrpMessage::ListRequest(message) => self.on_list_request(association, &message, step),
            EnrpMessage::ListResponse(message) => self.on_list_response(message, step),
            EnrpMessage::InitTakeover(message) => self.on_init_takeover(association, &message, step),
            EnrpMessage::InitTakeoverAck(message) => self.on_init_takeover_ack(&message, step),
            EnrpMessage::TakeoverServer(message) => self.on_takeover_server(&message, step),
            EnrpMessage::Error(message) => self.on_enrp_error(step.now, association, &message),
        }
    }

    pub(super) fn encode_enrp(&mut self, now: Time, message: &EnrpMessage) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(64);
        match message.encode(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                log_limited!(
                    self.logs.encoding,
                    now,
                    Level::Warn,
                    "registrar {}: cannot encode {}: {error}; it is not sent",
                    self.id,
                    message.name()
                );
                None
            }
        }
    }

    pub(super) fn send_enrp(&mut self, association: AssociationId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(bytes) = self.encode_enrp(step.now, message) {
            step.push(Action::Send { association, bytes });
        }
    }

    /// Sends a message to a peer over the one association that carries everything to it, in order.
    pub(super) fn send_to_peer(&mut self, id: RegistrarId, message: &EnrpMessage, step: &mut Step<'_>) {
        if let Some(association) = self.enrp.peers.association(id) {
            self.send_enrp(association, message, step);
        }
    }

    /// Answers a message: to a peer in order with everything else, to others where the message came from.
    pub(super) fn answer_enrp(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        message: &EnrpMessage,
        step: &mut Step<'_>,
    ) {
        let in_order = self.enrp.peers.association(id);
        self.send_enrp(in_order.unwrap_or(association), message, step);
    }

    /// "Group-casts" a message (RFC 5353 section 3.1): sends it to every peer.
    pub(super) fn group_cast(&mut self, message: &EnrpMessage, step: &mut Step<'_>) {
        let Some(bytes) = self.encode_enrp(step.now, message) else { return };
        for association in self.enrp.peers.iter().filter_map(|(_, peer)| peer.association()) {
            step.push(Action::Send { association, bytes: bytes.clone() });
        }
    }
}

/// Sender and receiver: the first words of every ENRP message.
pub(super) fn servers_of(bytes: &[u8]) -> (RegistrarId, RegistrarId) {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
    (RegistrarId(word(4)), RegistrarId(word(8)))
}
