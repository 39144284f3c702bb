//! Every message sent can be decoded, says who sent it, and keeps within what was configured.

use crate::node::NodeId;
use crate::support::network::EndId;
use crate::world::World;
use rserpool::message::asap::HandleResolutionResponse;
use rserpool::message::enrp::UpdateAction;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::Link;
use rserpool::wire::PoolElement;
use rserpool::{AssociationId, RegistrarId};
use std::collections::BTreeSet;

impl World {
    pub fn check_sent_by_registrar(&mut self, node: NodeId, association: AssociationId, bytes: &[u8]) {
        let result = match self.network.end(EndId::of(association)).link {
            Link::Asap => match AsapMessage::decode(bytes) {
                Ok(decoded) if decoded.unrecognized.is_empty() => {
                    self.ledger_after(node, association, &decoded.message);
                    self.check_asap(node, &decoded.message)
                }
                Ok(_) => Err("has unrecognized parameters".to_owned()),
                Err(error) => Err(format!("cannot be decoded: {}", error.error)),
            },
            Link::Enrp => match EnrpMessage::decode(bytes) {
                Ok(decoded) if decoded.unrecognized.is_empty() => self.check_enrp(node, &decoded.message),
                Ok(_) => Err("has unrecognized parameters".to_owned()),
                Err(error) => Err(format!("cannot be decoded: {}", error.error)),
            },
        };
        if let Err(what) = result {
            self.fail(format!("registrar on node {node} sent a message that {what}: {bytes:02x?}"));
        }
    }

    pub fn check_sent_by_client(&mut self, node: NodeId, end: EndId, bytes: &[u8]) {
        if self.checks.off {
            return;
        }
        self.check_asked_of_client(node, end, bytes);
        match AsapMessage::decode(bytes) {
            Ok(decoded) if decoded.unrecognized.is_empty() => {}
            _ => self.fail(format!("client on node {node} sent a malformed message: {bytes:02x?}")),
        }
    }

    fn check_asap(&self, node: NodeId, message: &AsapMessage) -> Result<(), String> {
        let Some(registrar) = self.nodes[node].registrar() else { return Ok(()) };
        match message {
            AsapMessage::HandleResolutionResponse(response) => {
                let limit = registrar.config().max_items_limit;
                check_response(response, limit)
            }
            AsapMessage::EndpointKeepAlive(keep_alive) if keep_alive.registrar_id != registrar.id() => {
                Err("names another registrar as its sender".to_owned())
            }
            AsapMessage::RegistrationResponse(response) if response.reject && response.error.is_none() => {
                Err("rejects without a reason".to_owned())
            }
            AsapMessage::Registration(_)
            | AsapMessage::Deregistration(_)
            | AsapMessage::HandleResolution(_)
            | AsapMessage::EndpointKeepAliveAck(_)
            | AsapMessage::EndpointUnreachable(_) => Err("no registrar sends".to_owned()),
            _ => Ok(()),
        }
    }

    fn check_enrp(&self, node: NodeId, message: &EnrpMessage) -> Result<(), String> {
        let Some(registrar) = self.nodes[node].registrar() else { return Ok(()) };
        let (sender, receiver) = servers(message);
        if sender != registrar.id() {
            return Err(format!("names {sender:?} as its sender"));
        }
        // One who has its identifier is told that it is taken, or what is wrong with his messages.
        let namesake = self.rogues_are_there() && matches!(message, EnrpMessage::Presence(_) | EnrpMessage::Error(_));
        if receiver == sender && !namesake {
            return Err("is meant for its sender".to_owned());
        }
        match message {
            EnrpMessage::HandleUpdate(update) => {
                let ours = update.pool_element.home_registrar == registrar.id();
                if update.action == UpdateAction::AddPoolElement && !ours {
                    return Err("adds an element of another registrar".to_owned());
                }
                check_enrp_element(&update.pool_element)
            }
            EnrpMessage::HandleTableResponse(response) if response.reject && !response.entries.is_empty() => {
                Err("rejects and lists entries".to_owned())
            }
            EnrpMessage::HandleTableResponse(response) => {
                response.entries.iter().flat_map(|entry| &entry.pool_elements).try_for_each(check_enrp_element)
            }
            EnrpMessage::ListResponse(response) if response.reject && !response.servers.is_empty() => {
                Err("rejects and lists registrars".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn check_response(response: &HandleResolutionResponse, limit: usize) -> Result<(), String> {
    let ids: BTreeSet<_> = response.pool_elements.iter().map(|element| element.id).collect();
    if ids.len() != response.pool_elements.len() {
        Err("lists an element twice".to_owned())
    } else if ids.len() > limit {
        Err("lists more elements than allowed".to_owned())
    } else if ids.is_empty() == response.error.is_none() {
        Err("has neither elements nor error, or both".to_owned())
    } else if response.error.is_none() && response.policy.is_none() {
        Err("has no policy".to_owned())
    } else {
        Ok(())
    }
}

/// RFC 5353: each element comes with its home and with the way by which registrars reach it.
fn check_enrp_element(element: &PoolElement) -> Result<(), String> {
    if element.home_registrar == RegistrarId(0) {
        Err("has an element without home registrar".to_owned())
    } else if element.asap_transport.is_none() {
        Err("has an element without ASAP transport".to_owned())
    } else {
        Ok(())
    }
}

/// Sender and receiver of an ENRP message.
fn servers(message: &EnrpMessage) -> (RegistrarId, RegistrarId) {
    match message {
        EnrpMessage::Presence(m) => (m.sender, m.receiver),
        EnrpMessage::HandleTableRequest(m) => (m.sender, m.receiver),
        EnrpMessage::HandleTableResponse(m) => (m.sender, m.receiver),
        EnrpMessage::HandleUpdate(m) => (m.sender, m.receiver),
        EnrpMessage::ListRequest(m) => (m.sender, m.receiver),
        EnrpMessage::ListResponse(m) => (m.sender, m.receiver),
        EnrpMessage::InitTakeover(m) => (m.sender, m.receiver),
        EnrpMessage::InitTakeoverAck(m) => (m.sender, m.receiver),
        EnrpMessage::TakeoverServer(m) => (m.sender, m.receiver),
        EnrpMessage::Error(m) => (m.sender, m.receiver),
    }
}
