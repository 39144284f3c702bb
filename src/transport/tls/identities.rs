//! Who the peers of a registrar have proved to be: from the end of their handshakes until the registrar is told that they are up.

use crate::AssociationId;
use crate::collections::AssociationMap;
use crate::security::access::Identity;
use parking_lot::Mutex;
use std::sync::Arc;

/// Shared by a transport and its owner. Has at most as many as the transport has associations.
#[derive(Clone, Default)]
pub struct Identities(Arc<Mutex<AssociationMap<Identity>>>);

impl Identities {
    /// Takes out whom an association that has just come up is with; none: it is not under TLS.
    pub fn take(&self, association: AssociationId) -> Option<Identity> {
        self.0.lock().remove(&association)
    }

    pub(super) fn put(&self, association: AssociationId, identity: Identity) {
        self.0.lock().insert(association, identity);
    }
}
