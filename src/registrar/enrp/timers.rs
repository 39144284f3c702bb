//! The timers of ENRP.

use super::download::Extent;
use crate::collections::KeyedTimers;
use crate::{AssociationId, RegistrarId};

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next PRESENCE to everybody.
    Heartbeat,
    /// The next step of the start.
    Start,
    /// The next sign of life of this registrar to itself.
    Pulse,
    /// The next LIST_REQUEST.
    Gossip,
    /// The next look for elements without a living home.
    Orphans,
    /// The next burst of connects to elements that are claimed.
    Claims,
    /// The next page for somebody who is no peer.
    Observers,
    /// The next elements that a registrar hands over before it leaves.
    HandOver,
    /// The end of the patience of a registrar that leaves.
    Leave,
    /// The next attempt to reach an address.
    Contact(u32),
    /// Silence of another registrar.
    Peer(RegistrarId),
    /// The next step of the audit of another registrar's elements.
    Audit(RegistrarId),
    /// The end of an arbitration about a dead registrar.
    Arbitration(RegistrarId),
    /// The next elements of a dead registrar that get another home.
    Inheritance(RegistrarId),
    /// The end of a download that is being served.
    Download(AssociationId, Extent),
}

pub(super) type Timers = KeyedTimers<Timer>;
