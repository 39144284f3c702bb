//! What rogues make their messages of: what everybody can find out, and what they invent.

use super::super::node::NodeId;
use super::super::world::{CLIENT_PORT, World};
use crate::workload::Plan;
use rserpool::wire::{
    AddressList, Cause, OperationalError, PORT_ENRP, Policy, PoolElement, RegistrationLife, ServerInformation,
    TransportParameter, TransportUse,
};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::IpAddr;

pub use crate::support::enrp::sctp;

impl World {
    /// Somebody's address: mostly not the rogue's own.
    pub(super) fn an_address(&mut self, node: NodeId) -> IpAddr {
        let of = match self.random.below(4) {
            0 => node,
            1 => self.a_bystander(),
            _ => self.random.below(self.nodes.len() as u64) as NodeId,
        };
        self.nodes[of].address
    }

    fn a_bystander(&mut self) -> NodeId {
        let first = self.config.honest() + self.config.rogues.count;
        first + self.random.below((self.nodes.len() - first) as u64) as NodeId
    }

    /// Identifier of a registrar that is there, or that nobody has ever heard of.
    pub(super) fn a_registrar_id(&mut self) -> RegistrarId {
        let node = self.random.below(self.config.registrars as u64) as NodeId;
        let known = self.nodes[node].registrar().map(|registrar| registrar.id());
        let invented = RegistrarId(self.random.identifier());
        if self.random.below(3) == 0 { invented } else { known.unwrap_or(invented) }
    }

    /// Where a registrar, or nobody, or somebody else is.
    pub(super) fn some_servers(&mut self, node: NodeId) -> Vec<ServerInformation> {
        let count = self.random.below(4);
        let one = |_| {
            let (id, address) = (self.a_registrar_id(), self.an_address(node));
            ServerInformation { id, transport: sctp(address, PORT_ENRP) }
        };
        (0..count).map(one).collect()
    }

    pub(super) fn a_pool_handle(&mut self) -> PoolHandle {
        let pool = self.random.below(self.config.pools.len() as u64) as usize;
        match self.random.below(20) {
            0 => PoolHandle::from("a pool of rogues"),
            1 => PoolHandle::new(vec![b'x'; self.random.below(2000) as usize]),
            _ => self.pool_handle(pool),
        }
    }

    /// An element that somebody offers.
    fn an_honest_element(&mut self) -> Option<(NodeId, usize, u32)> {
        let first = self.config.registrars;
        let node = first + self.random.below(self.config.element_processes as u64) as NodeId;
        let elements = self.plans[node].own_elements();
        let place = self.random.below(elements.len().max(1) as u64) as usize;
        elements.get(place).map(|element| (node, element.pool, element.id))
    }

    /// Pool and identifier of an element: mostly somebody else's.
    pub(super) fn an_identity(&mut self, node: NodeId) -> (PoolHandle, PoolElementId) {
        match self.an_honest_element().filter(|_| self.random.below(5) > 0) {
            Some((_, pool, id)) => (self.pool_handle(pool), PoolElementId(id)),
            None => {
                let own = ((node as u32) << 8) | (1 + self.random.below(4) as u32);
                (self.a_pool_handle(), PoolElementId(if self.random.below(20) == 0 { 0 } else { own }))
            }
        }
    }

    /// An element that is not what it seems.
    pub(super) fn an_element(&mut self, node: NodeId) -> (PoolHandle, PoolElement) {
        let (pool_handle, id) = self.an_identity(node);
        let (user, asap, home) = (self.an_address(node), self.an_address(node), self.a_registrar_id());
        let life = [-1, 1, 30, 3600, 0, -7, i32::MAX][self.random.below(7) as usize];
        let policy = match self.random.below(4) {
            0 => Policy::LeastUsed { load: self.random.next_u64() as u32 },
            _ => self.policy_of(&pool_handle),
        };
        let port = [5000, 5001, 1, 0, 65_535][self.random.below(5) as usize];
        let element = PoolElement {
            id,
            home_registrar: home,
            registration_life: RegistrationLife(life),
            user_transport: match self.random.below(5) {
                0 => TransportParameter::Udp { port, address: user },
                1 => TransportParameter::Opaque(user.to_string().into_bytes()),
                _ => TransportParameter::Sctp {
                    port,
                    transport_use: TransportUse::DataPlusControl,
                    addresses: AddressList::from_slice(&[user]),
                },
            },
            policy,
            asap_transport: (self.random.below(4) > 0).then(|| sctp(asap, CLIENT_PORT)),
        };
        (pool_handle, element)
    }

    fn policy_of(&self, handle: &PoolHandle) -> Policy {
        let known = self.config.pool_number(handle);
        known.map_or(Policy::RoundRobin, |number| self.config.pools[number].policy.clone())
    }

    pub(super) fn an_error(&mut self) -> OperationalError {
        let causes = [Cause::Unspecified, Cause::InvalidValues, Cause::NonUniquePoolElementId, Cause::LackOfResources];
        OperationalError::of(causes[self.random.below(4) as usize])
    }

    pub(super) fn no_or_yes(&mut self) -> bool {
        self.random.below(2) == 0
    }
}

/// A user's address that a rogue may offer: that of a host which is not honest and does not stand by.
pub fn is_of_rogue(world: &World, address: IpAddr) -> bool {
    world.nodes.iter().zip(&world.plans).any(|(node, plan)| matches!(plan, Plan::Rogue) && node.address == address)
}
