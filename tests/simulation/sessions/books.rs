//! What became of the messages of one session. It knows what was taken by the transport and what elements got, and nothing of how the
//! session works.

use rserpool::AssociationId;
use std::collections::BTreeMap;

/// One process of an element, and the association there.
pub type Place = (usize, u32, AssociationId);

#[derive(Default)]
pub struct Books {
    /// Messages 0 to here were taken by send calls.
    pub accepted: u32,
    /// How often each was delivered.
    delivered: BTreeMap<u32, u32>,
    /// The last message at each place.
    last: BTreeMap<Place, u32>,
    pub reported: usize,
    pub failovers: usize,
}

impl Books {
    /// An element got a message.
    pub fn deliver(&mut self, number: u32, place: Place) -> Result<(), String> {
        if number >= self.accepted {
            return Err(format!("message {number} came, and no send call took it"));
        }
        if let Some(last) = self.last.insert(place, number).filter(|last| *last >= number) {
            return Err(format!("message {number} came after {last} over one association"));
        }
        *self.delivered.entry(number).or_default() += 1;
        Ok(())
    }

    pub fn missing(&self) -> usize {
        self.accepted as usize - self.delivered.len()
    }

    pub fn twice(&self) -> usize {
        self.delivered.values().filter(|times| **times > 1).count()
    }
}
