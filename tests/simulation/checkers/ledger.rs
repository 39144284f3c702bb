//! A registrar's elements as its messages tell them: nothing may be selected whose registration has ended.
//!
//! A registration that was accepted puts an element into the ledger; a de-registration that was answered, the end of its
//! life or of its association takes it out. What the registrar learns from others (ENRP) is not known here, and not judged.

use crate::network::EndId;
use crate::node::{Input, NodeId};
use crate::world::World;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::Link;
use rserpool::wire::PoolElement;
use rserpool::{AssociationId, PoolHandle, Time};
use std::collections::BTreeMap;

type Key = (PoolHandle, u32);

#[derive(Clone, Copy, Debug)]
enum Standing {
    Registered { association: AssociationId, expires_at: Option<Time> },
    Gone(&'static str),
}

#[derive(Default)]
pub struct Ledger {
    elements: BTreeMap<Key, Standing>,
    /// The registration that is being handled.
    asked: Option<(Key, AssociationId, Option<Time>)>,
}

impl World {
    pub fn ledger_before(&mut self, node: NodeId, input: &Input) {
        let now = self.nodes[node].clock.local(self.now);
        let single = self.config.registrars == 1;
        let link = |world: &World, end: EndId| world.network.end(end).link;
        match input {
            Input::Message { end, bytes } if link(self, *end) == Link::Asap => {
                let asked = match AsapMessage::decode(bytes).map(|decoded| decoded.message) {
                    Ok(AsapMessage::Registration(m)) => {
                        let life = m.pool_element.registration_life.0;
                        let expires_at =
                            (life != -1).then(|| Time::from_nanos(now.as_nanos() + life.max(0) as u64 * 1_000_000_000));
                        Some(((m.pool_handle, m.pool_element.id.0), end.id(Link::Asap), expires_at))
                    }
                    _ => None,
                };
                self.ledger(node).asked = asked;
            }
            Input::Message { bytes, .. } if !single => self.ledger_told(node, bytes),
            Input::Lost { end, .. } if link(self, *end) == Link::Asap => {
                self.ledger_lost(node, end.id(Link::Asap));
            }
            _ => {}
        }
    }

    fn ledger(&mut self, node: NodeId) -> &mut Ledger {
        self.checks.ledgers.entry(node).or_default()
    }

    /// Another registrar says that there are elements: no longer ours to know.
    fn ledger_told(&mut self, node: NodeId, bytes: &[u8]) {
        let told: Vec<Key> = match EnrpMessage::decode(bytes).map(|decoded| decoded.message) {
            Ok(EnrpMessage::HandleUpdate(m)) => vec![(m.pool_handle, m.pool_element.id.0)],
            Ok(EnrpMessage::HandleTableResponse(m)) => {
                let of = |handle: &PoolHandle, elements: &[PoolElement]| -> Vec<Key> {
                    elements.iter().map(|element| (handle.clone(), element.id.0)).collect()
                };
                m.entries.iter().flat_map(|entry| of(&entry.pool_handle, &entry.pool_elements)).collect()
            }
            _ => return,
        };
        for key in told {
            self.ledger(node).elements.remove(&key);
        }
    }

    pub fn ledger_lost(&mut self, node: NodeId, lost: AssociationId) {
        if self.checks.leaving.contains_key(&node) {
            // Its elements move to other registrars, and are alive.
            let is_lost = |s: &Standing| matches!(s, Standing::Registered { association, .. } if *association == lost);
            return self.ledger(node).elements.retain(|_, standing| !is_lost(standing));
        }
        for standing in self.ledger(node).elements.values_mut() {
            if matches!(standing, Standing::Registered { association, .. } if *association == lost) {
                *standing = Standing::Gone("its association was lost");
            }
        }
    }

    pub fn ledger_after(&mut self, node: NodeId, _: AssociationId, message: &AsapMessage) {
        match message {
            AsapMessage::RegistrationResponse(m) if !m.reject => {
                let key = (m.pool_handle.clone(), m.pool_element_id.0);
                match self.ledger(node).asked.take() {
                    Some((asked, association, expires_at)) if asked == key => {
                        self.ledger(node).elements.insert(key, Standing::Registered { association, expires_at });
                    }
                    _ => self.fail(format!("registrar on node {node} accepts {key:?}, which nobody asked for")),
                }
            }
            AsapMessage::DeregistrationResponse(m) if m.error.is_none() => {
                let key = (m.pool_handle.clone(), m.pool_element_id.0);
                self.ledger(node).elements.insert(key, Standing::Gone("its de-registration was answered"));
            }
            AsapMessage::HandleResolutionResponse(m) => {
                for element in &m.pool_elements {
                    self.check_selected(node, (m.pool_handle.clone(), element.id.0), element);
                }
            }
            _ => {}
        }
    }

    fn check_selected(&mut self, node: NodeId, key: Key, element: &PoolElement) {
        let now = self.nodes[node].clock.local(self.now);
        let Some(own) = self.nodes[node].registrar().map(|registrar| registrar.id()) else { return };
        if element.home_registrar != own {
            return;
        }
        let single = self.config.registrars == 1;
        let wrong = match self.ledger(node).elements.get(&key) {
            Some(Standing::Gone(why)) => Some(*why),
            Some(Standing::Registered { expires_at: Some(at), .. }) if *at <= now => Some("its life has expired"),
            None if single => Some("it was never registered"),
            _ => None,
        };
        if let Some(why) = wrong {
            self.fail(format!("registrar on node {node} selects PE {:08x} of pool {}, though {why}", key.1, key.0));
        }
    }
}
