//! What rogues send to registrars as if they were some.

use super::super::node::NodeId;
use super::super::world::World;
use super::material::sctp;
use crate::support::network::EndId;
use rserpool::RegistrarId;
use rserpool::message::EnrpMessage;
use rserpool::message::enrp::*;
use rserpool::wire::{AddressList, PORT_ENRP, ServerInformation, TransportParameter, TransportUse};

impl World {
    pub(super) fn enrp_of_rogue(&mut self, node: NodeId, end: EndId) -> Vec<u8> {
        let proposed = self.a_registrar_id().0;
        let sender = RegistrarId(self.name_of_rogue(node, end, proposed));
        let receiver = if self.no_or_yes() { RegistrarId(0) } else { self.a_registrar_id() };
        let target = self.a_registrar_id();
        let message = match self.random.below(14) {
            0 | 1 => EnrpMessage::Presence(self.a_presence(node, sender, receiver)),
            2 => EnrpMessage::HandleTableRequest(HandleTableRequest {
                sender,
                receiver,
                own_children_only: self.no_or_yes(),
            }),
            3 => {
                let (pool_handle, pool_element) = self.an_element(node);
                EnrpMessage::HandleTableResponse(HandleTableResponse {
                    sender,
                    receiver,
                    reject: false,
                    more: self.no_or_yes(),
                    entries: vec![PoolEntry { pool_handle, pool_elements: vec![pool_element] }],
                })
            }
            4..8 => EnrpMessage::HandleUpdate(self.an_update(node, sender, receiver)),
            8 => EnrpMessage::ListRequest(ListRequest { sender, receiver }),
            9 => {
                let servers = self.some_servers(node);
                EnrpMessage::ListResponse(ListResponse { sender, receiver, reject: false, servers })
            }
            10 | 11 => EnrpMessage::InitTakeover(InitTakeover { sender, receiver, target }),
            12 => EnrpMessage::InitTakeoverAck(InitTakeoverAck { sender, receiver, target }),
            _ => match self.random.below(3) {
                0 => EnrpMessage::Error(Error { sender, receiver, error: self.an_error() }),
                _ => EnrpMessage::TakeoverServer(TakeoverServer { sender, receiver, target }),
            },
        };
        encoded(&message)
    }

    fn an_update(&mut self, node: NodeId, sender: RegistrarId, receiver: RegistrarId) -> HandleUpdate {
        let (pool_handle, mut pool_element) = self.an_element(node);
        match self.random.below(3) {
            0 => pool_element.home_registrar = sender,
            1 => pool_element.home_registrar = RegistrarId(0),
            _ => {}
        }
        let add = self.no_or_yes();
        let action = if add { UpdateAction::AddPoolElement } else { UpdateAction::DeletePoolElement };
        HandleUpdate { sender, receiver, takeover_suggested: self.no_or_yes(), action, pool_handle, pool_element }
    }

    fn a_presence(&mut self, node: NodeId, sender: RegistrarId, receiver: RegistrarId) -> Presence {
        let server_information = (self.random.below(4) > 0).then(|| {
            let mut transport = sctp(self.an_address(node), PORT_ENRP);
            // A place of its own among those of others.
            if self.random.below(3) == 0 {
                let addresses = AddressList::from_slice(&[self.an_address(node), self.nodes[node].address]);
                let transport_use = TransportUse::DataOnly;
                transport = TransportParameter::Sctp { port: PORT_ENRP, transport_use, addresses };
            }
            ServerInformation { id: sender, transport }
        });
        let checksum = (self.random.below(4) > 0).then(|| self.random.next_u64() as u16);
        Presence { sender, receiver, reply_required: self.no_or_yes(), checksum, server_information }
    }

    /// A PRESENCE for the group: of somebody who is there, or was never there.
    pub(super) fn datagram_of_rogue(&mut self, node: NodeId) -> Vec<u8> {
        let sender = self.a_registrar_id();
        let message = self.a_presence(node, sender, RegistrarId(0));
        encoded(&EnrpMessage::Presence(message))
    }
}

/// What cannot be encoded is sent as far as it got.
fn encoded(message: &EnrpMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = message.encode(&mut bytes);
    bytes
}
