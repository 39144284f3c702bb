//! The other registrars (RFC 5353). So far this registrar is alone: it says who it is and gives nothing away.

use super::{Action, ConnectAttempt, Registrar};
use crate::log_limit::log_limited;
use crate::message::EnrpMessage;
use crate::message::enrp::{Error, HandleTableResponse, ListResponse, Presence};
use crate::transport::{LossReason, PeerAddress};
use crate::wire::{Cause, Decoded, ErrorCause, OperationalError, ServerInformation, TransportParameter, TransportUse};
use crate::{AssociationId, RegistrarId, Time};
use log::Level;
use std::net::SocketAddr;

/// Type of ENRP_ERROR, to which no ENRP_ERROR is ever the answer.
const ENRP_ERROR: u8 = 0x0a;

impl Registrar {
    /// How many other registrars are known.
    pub(super) fn peer_count(&self) -> usize {
        0
    }

    pub(super) fn handle_enrp_association_up(
        &mut self,
        now: Time,
        association: AssociationId,
        _attempt: Option<ConnectAttempt>,
        _actions: &mut Vec<Action>,
    ) {
        log_limited!(
            self.logs.associations,
            now,
            Level::Info,
            "registrar {}: a registrar connected by {association:?}",
            self.id
        );
    }

    pub(super) fn handle_enrp_association_lost(
        &mut self,
        now: Time,
        association: AssociationId,
        _actions: &mut Vec<Action>,
    ) {
        log_limited!(
            self.logs.associations,
            now,
            Level::Info,
            "registrar {}: {association:?} with a registrar is gone",
            self.id
        );
    }

    pub(super) fn handle_connect_failed(
        &mut self,
        now: Time,
        attempt: ConnectAttempt,
        reason: LossReason,
        _actions: &mut Vec<Action>,
    ) {
        log_limited!(
            self.logs.associations,
            now,
            Level::Warn,
            "registrar {}: connect {} failed: {reason}",
            self.id,
            attempt.0
        );
    }

    pub(super) fn handle_datagram(&mut self, now: Time, from: SocketAddr, bytes: &[u8], _actions: &mut Vec<Action>) {
        // Nothing is answered to a datagram, whose sender can be forged.
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, .. }) => log_limited!(
                self.logs.unexpected,
                now,
                Level::Debug,
                "registrar {}: {} from {from} by multicast",
                self.id,
                message.name()
            ),
            Err(undecodable) => {
                self.statistics.faults += 1;
                log_limited!(
                    self.logs.faults,
                    now,
                    Level::Warn,
                    "registrar {}: a datagram from {from} is discarded: {}",
                    self.id,
                    undecodable.error
                );
            }
        }
    }

    /// A look-up names registrars beside those of the configuration.
    pub(super) fn handle_peers_found(&mut self, peers: &[PeerAddress]) {
        log::info!("registrar {}: {} other registrars found", self.id, peers.len());
    }

    /// A message of another registrar.
    pub(super) fn handle_enrp_message(
        &mut self,
        now: Time,
        association: AssociationId,
        bytes: &[u8],
        actions: &mut Vec<Action>,
    ) {
        match EnrpMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                let cause = Cause::UnrecognizedParameter;
                let causes: Vec<_> =
                    unrecognized.into_iter().map(|parameter| ErrorCause { cause, info: parameter.0 }).collect();
                if !causes.is_empty() {
                    self.report_enrp_fault(now, association, bytes, causes, actions);
                }
                if self.associations.get(association).is_some() {
                    self.dispatch_enrp(now, association, message, actions);
                }
            }
            Err(undecodable) => {
                self.log_fault(now, association, &format_args!("an ENRP message is discarded: {}", undecodable.error));
                let causes = undecodable.report.into_iter().collect();
                self.report_enrp_fault(now, association, bytes, causes, actions);
            }
        }
    }

    fn dispatch_enrp(
        &mut self,
        now: Time,
        association: AssociationId,
        message: EnrpMessage,
        actions: &mut Vec<Action>,
    ) {
        let sender = self.id;
        let response = match message {
            EnrpMessage::Presence(Presence { sender, reply_required: true, .. }) => {
                EnrpMessage::Presence(self.presence(sender, false))
            }
            EnrpMessage::HandleTableRequest(request) => EnrpMessage::HandleTableResponse(HandleTableResponse {
                sender,
                receiver: request.sender,
                reject: true,
                more: false,
                entries: Vec::new(),
            }),
            EnrpMessage::ListRequest(request) => EnrpMessage::ListResponse(ListResponse {
                sender,
                receiver: request.sender,
                reject: true,
                servers: Vec::new(),
            }),
            other => {
                return log_limited!(
                    self.logs.unexpected,
                    now,
                    Level::Debug,
                    "registrar {}: {} of {association:?} is ignored",
                    self.id,
                    other.name()
                );
            }
        };
        self.send_enrp(now, association, &response, actions);
    }

    /// What this registrar says about itself.
    pub(super) fn presence(&self, receiver: RegistrarId, reply_required: bool) -> Presence {
        let transport = TransportParameter::Sctp {
            port: self.config.enrp_port,
            transport_use: TransportUse::DataOnly,
            addresses: self.config.enrp_addresses.clone(),
        };
        let has_addresses = !self.config.enrp_addresses.is_empty();
        Presence {
            sender: self.id,
            receiver,
            reply_required,
            checksum: Some(self.handlespace.checksum_of_owner(self.id).value()),
            server_information: has_addresses.then_some(ServerInformation { id: self.id, transport }),
        }
    }

    fn report_enrp_fault(
        &mut self,
        now: Time,
        association: AssociationId,
        bytes: &[u8],
        causes: Vec<ErrorCause>,
        actions: &mut Vec<Action>,
    ) {
        if !self.count_fault(now, association, actions) || causes.is_empty() || bytes.first() == Some(&ENRP_ERROR) {
            return;
        }
        // Sender and receiver identifiers are the first words of every ENRP message.
        let receiver = bytes.get(4..8).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes);
        let (sender, receiver) = (self.id, RegistrarId(receiver));
        let message = EnrpMessage::Error(Error { sender, receiver, error: OperationalError { causes } });
        self.send_enrp(now, association, &message, actions);
    }

    pub(super) fn send_enrp(
        &mut self,
        now: Time,
        association: AssociationId,
        message: &EnrpMessage,
        actions: &mut Vec<Action>,
    ) {
        let mut bytes = Vec::new();
        match message.encode(&mut bytes) {
            Ok(()) => actions.push(Action::Send { association, bytes }),
            Err(error) => log_limited!(
                self.logs.encoding,
                now,
                Level::Warn,
                "registrar {}: cannot encode {} for {association:?}: {error}; it is not sent",
                self.id,
                message.name()
            ),
        }
    }
}
