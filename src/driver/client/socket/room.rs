//! Whether a socket's messages find room in the send queues of its associations.

use crate::AssociationId;
use crate::collections::SortedMap;

/// The associations that a socket waits for, and whether it has to.
#[derive(Default)]
pub(super) struct Room {
    /// Associations whose send queue is full.
    full: SortedMap<AssociationId, ()>,
    /// The last attempt to send came to a full queue, and nothing has changed for the better since.
    refused: bool,
}

impl Room {
    /// This association had no room for a message.
    pub fn note_full(&mut self, association: AssociationId) {
        self.full.insert(association, ());
    }

    /// The program's message was not taken.
    pub fn refuse(&mut self) {
        self.refused = true;
    }

    /// The program's last message was not taken.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Another attempt may succeed. True: the last one had not.
    pub fn allow(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// An association has room again, or is gone. True: it was waited for.
    pub fn stop_waiting_for(&mut self, association: AssociationId) -> bool {
        let waited = self.full.remove(&association).is_some();
        if waited {
            self.refused = false;
        }
        waited
    }
}
