//! What rogues send over ASAP, to registrars, and to elements and users.

use super::super::node::NodeId;
use super::super::world::World;
use super::material::sctp;
use rserpool::message::AsapMessage;
use rserpool::message::asap::*;
use rserpool::wire::PORT_ASAP;

impl World {
    /// To a registrar: also what only registrars, or elements among themselves, send.
    pub(super) fn asap_to_registrar(&mut self, node: NodeId) -> Vec<u8> {
        let (pool_handle, pool_element_id) = self.an_identity(node);
        let message = match self.random.below(12) {
            0..4 => self.a_registration(node),
            4 => AsapMessage::Deregistration(Deregistration { pool_handle, pool_element_id }),
            5 => AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck { pool_handle, pool_element_id }),
            6 | 7 => AsapMessage::EndpointUnreachable(EndpointUnreachable { pool_handle, pool_element_id }),
            8 | 9 => AsapMessage::HandleResolution(HandleResolution {
                subscribe: self.no_or_yes(),
                pool_handle: self.a_pool_handle(),
                items: [None, Some(0), Some(3), Some(u32::MAX)][self.random.below(4) as usize],
            }),
            _ => return self.asap_to_client(node),
        };
        encoded(&message)
    }

    fn a_registration(&mut self, node: NodeId) -> AsapMessage {
        let (pool_handle, pool_element) = self.an_element(node);
        let life_in_seconds = (self.random.below(3) == 0).then_some(pool_element.registration_life);
        AsapMessage::Registration(Registration { pool_handle, pool_element, life_in_seconds })
    }

    /// To an element or a user, as if from a registrar, or another element.
    pub(super) fn asap_to_client(&mut self, node: NodeId) -> Vec<u8> {
        let (pool_handle, pool_element_id) = self.an_identity(node);
        let error = Some(self.an_error()).filter(|_| self.random.below(2) == 0);
        let message = match self.random.below(12) {
            0..4 => AsapMessage::EndpointKeepAlive(EndpointKeepAlive {
                home: self.random.below(3) > 0,
                registrar_id: self.a_registrar_id(),
                pool_handle,
                pool_element_id: Some(pool_element_id).filter(|_| self.random.below(4) > 0),
                registrars: self.some_servers(node),
            }),
            4 => AsapMessage::RegistrationResponse(RegistrationResponse {
                reject: self.no_or_yes(),
                pool_handle,
                pool_element_id,
                error,
                registrars: self.some_servers(node),
                life_in_seconds: None,
            }),
            5 => AsapMessage::DeregistrationResponse(DeregistrationResponse { pool_handle, pool_element_id, error }),
            6 | 7 => {
                let (pool_handle, pool_element) = self.an_element(node);
                AsapMessage::HandleResolutionResponse(HandleResolutionResponse {
                    accept_updates: self.no_or_yes(),
                    pool_handle,
                    policy: Some(pool_element.policy.clone()),
                    pool_elements: vec![pool_element],
                    error: None,
                })
            }
            8 => {
                let transports = vec![sctp(self.an_address(node), PORT_ASAP)];
                AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id: self.a_registrar_id(), transports })
            }
            9 => AsapMessage::Cookie(Cookie { cookie: vec![0x5a; self.random.below(5000) as usize] }),
            10 => AsapMessage::CookieEcho(CookieEcho { cookie: vec![0xa5; self.random.below(100) as usize] }),
            _ => AsapMessage::Error(Error { error: self.an_error() }),
        };
        encoded(&message)
    }
}

/// What cannot be encoded is sent as far as it got.
fn encoded(message: &AsapMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = message.encode(&mut bytes);
    bytes
}
