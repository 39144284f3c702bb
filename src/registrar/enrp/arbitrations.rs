//! This registrar's attempts to take over dead ones (RFC 5353 section 3.5.1): who has yet to agree.

use crate::RegistrarId;
use crate::registrar::lateness::Lateness;
use std::collections::{BTreeMap, BTreeSet};

/// Times that missing acknowledgements are waited for.
pub(super) const MAX_ATTEMPTS: u32 = 2;
/// The same where somebody who has not acknowledged says that the registrar lives: he may find out that it does not.
const MAX_CONTESTED_ATTEMPTS: u32 = 4;

/// The attempt to take over one of them.
#[derive(Debug)]
struct Arbitration {
    /// Who has not acknowledged yet.
    missing: BTreeSet<RegistrarId>,
    /// Those of them who have said since they were asked last that the registrar is there.
    objecting: BTreeSet<RegistrarId>,
    attempts: u32,
}

/// What comes next for an arbitration whose time is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// There is none.
    Unknown,
    /// These are asked once more.
    AskAgain(BTreeSet<RegistrarId>),
    /// Registrars that have not answered by now are not waited for.
    Won,
    /// This one insists that the registrar lives.
    Refused(RegistrarId),
}

/// All of them, by the registrar that seems dead.
#[derive(Debug, Default)]
pub(super) struct Arbitrations(BTreeMap<RegistrarId, Arbitration>);

impl Arbitrations {
    /// Begins one; `missing` are to agree.
    pub fn begin(&mut self, target: RegistrarId, missing: BTreeSet<RegistrarId>) {
        self.0.insert(target, Arbitration { missing, objecting: BTreeSet::new(), attempts: 1 });
    }

    /// Ends one, whatever it came to. Whether there was one.
    pub fn end(&mut self, target: RegistrarId) -> bool {
        self.0.remove(&target).is_some()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_under_way(&self, target: RegistrarId) -> bool {
        self.0.contains_key(&target)
    }

    pub fn targets(&self) -> Vec<RegistrarId> {
        self.0.keys().copied().collect()
    }

    /// Whether all have agreed.
    pub fn is_won(&self, target: RegistrarId) -> bool {
        self.0.get(&target).is_some_and(|arbitration| arbitration.missing.is_empty())
    }

    /// Nobody waits for `id` any more, as it agreed or cannot. Whether somebody did.
    pub fn settle(&mut self, target: RegistrarId, id: RegistrarId) -> bool {
        self.0.get_mut(&target).is_some_and(|arbitration| arbitration.missing.remove(&id))
    }

    /// A registrar lists the target among those that it knows to be there.
    pub fn object(&mut self, target: RegistrarId, by: RegistrarId) {
        if let Some(arbitration) = self.0.get_mut(&target).filter(|arbitration| arbitration.missing.contains(&by)) {
            arbitration.objecting.insert(by);
        }
    }

    /// The time for acknowledgements is over. It does not count when this registrar comes late itself.
    pub fn expire(&mut self, target: RegistrarId, lateness: Lateness) -> Expiry {
        let Some(arbitration) = self.0.get_mut(&target) else { return Expiry::Unknown };
        if lateness == Lateness::InTime {
            arbitration.attempts += 1;
        }
        let objecting = std::mem::take(&mut arbitration.objecting);
        let against = objecting.into_iter().find(|by| arbitration.missing.contains(by));
        match (arbitration.attempts, against) {
            (..=MAX_ATTEMPTS, _) | (..=MAX_CONTESTED_ATTEMPTS, Some(_)) => {
                Expiry::AskAgain(arbitration.missing.clone())
            }
            (_, Some(by)) => Expiry::Refused(by),
            (_, None) => Expiry::Won,
        }
    }
}
