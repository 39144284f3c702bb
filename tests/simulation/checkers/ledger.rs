//! A registrar's elements as its messages tell them: nothing may be selected whose registration has ended.
//!
//! A registration that was accepted puts an element into the ledger; a de-registration that was answered, the end of its
//! life or of its association takes it out. What the registrar learns from others (ENRP) is not known here, and not judged.

use crate::node::{Input, NodeId};
use crate::support::network::EndId;
use crate::world::World;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::Link;
use rserpool::wire::PoolElement;
use rserpool::{AssociationId, PoolHandle, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

type Key = (PoolHandle, u32);

#[derive(Clone, Copy, Debug)]
enum Standing {
    Registered { association: AssociationId, expires_at: Option<Time> },
    Gone(&'static str),
}

#[derive(Default)]
pub struct Ledger {
    elements: BTreeMap<Key, Standing>,
    /// Those that are registered over each association.
    by_association: BTreeMap<AssociationId, BTreeSet<Key>>,
    /// The registration that is being handled.
    asked: Option<(Key, AssociationId, Option<Time>)>,
}

impl Ledger {
    fn register(&mut self, key: Key, association: AssociationId, expires_at: Option<Time>) {
        self.forget(&key);
        self.by_association.entry(association).or_default().insert(key.clone());
        self.elements.insert(key, Standing::Registered { association, expires_at });
    }

    fn end(&mut self, key: Key, why: &'static str) {
        self.forget(&key);
        self.elements.insert(key, Standing::Gone(why));
    }

    fn forget(&mut self, key: &Key) {
        let Some(Standing::Registered { association, .. }) = self.elements.remove(key) else { return };
        if let Some(keys) = self.by_association.get_mut(&association) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_association.remove(&association);
            }
        }
    }

    fn of_association(&self, association: AssociationId) -> Vec<Key> {
        self.by_association.get(&association).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }
}

/// The elements that messages of registrars tell of: each goes to all others, and need not be decoded for each.
#[derive(Default)]
pub struct Told(HashMap<Vec<u8>, Rc<[Key]>>);

impl Told {
    /// Messages remembered; then all are forgotten, as each comes to everybody within the latency of the network.
    const MOST: usize = 4096;

    fn elements_of(&mut self, bytes: &[u8]) -> Rc<[Key]> {
        if let Some(known) = self.0.get(bytes) {
            return known.clone();
        }
        let told: Rc<[Key]> = elements_told(bytes).into();
        if self.0.len() >= Told::MOST {
            self.0.clear();
        }
        self.0.insert(bytes.to_vec(), told.clone());
        told
    }
}

fn elements_told(bytes: &[u8]) -> Vec<Key> {
    match EnrpMessage::decode(bytes).map(|decoded| decoded.message) {
        Ok(EnrpMessage::HandleUpdate(m)) => vec![(m.pool_handle, m.pool_element.id.0)],
        Ok(EnrpMessage::HandleTableResponse(m)) => {
            let of = |handle: &PoolHandle, elements: &[PoolElement]| -> Vec<Key> {
                elements.iter().map(|element| (handle.clone(), element.id.0)).collect()
            };
            m.entries.iter().flat_map(|entry| of(&entry.pool_handle, &entry.pool_elements)).collect()
        }
        _ => Vec::new(),
    }
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
                        let life = m.life_in_seconds.unwrap_or(m.pool_element.registration_life).0;
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
        if self.ledger(node).elements.is_empty() {
            return;
        }
        let told = self.checks.told.elements_of(bytes);
        for key in told.iter() {
            self.ledger(node).forget(key);
        }
    }

    pub fn ledger_lost(&mut self, node: NodeId, lost: AssociationId) {
        // Those of a registrar that leaves move to other ones, and are alive.
        let leaving = self.checks.leaving.contains_key(&node);
        let ledger = self.ledger(node);
        for key in ledger.of_association(lost) {
            if leaving { ledger.forget(&key) } else { ledger.end(key, "its association was lost") }
        }
    }

    pub fn ledger_after(&mut self, node: NodeId, _: AssociationId, message: &AsapMessage) {
        match message {
            AsapMessage::RegistrationResponse(m) if !m.reject => {
                let key = (m.pool_handle.clone(), m.pool_element_id.0);
                match self.ledger(node).asked.take() {
                    Some((asked, association, expires_at)) if asked == key => {
                        self.ledger(node).register(key, association, expires_at);
                    }
                    _ => self.fail(format!("registrar on node {node} accepts {key:?}, which nobody asked for")),
                }
            }
            AsapMessage::DeregistrationResponse(m) if m.error.is_none() => {
                let key = (m.pool_handle.clone(), m.pool_element_id.0);
                self.ledger(node).end(key, "its de-registration was answered");
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
