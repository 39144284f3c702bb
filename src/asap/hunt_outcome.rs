//! What a hunt is for, and what it comes to.

use super::associations::RegistrarAssociation;
use super::registrars::Ways;

/// What a hunt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// There is no home registrar; only SCTP will do when there is something to register.
    NoHome(Ways),
    /// The home registrar is connected over TCP, and there is something to register.
    SctpNeeded,
    /// The home registrar leaves requests unanswered (RFC 5352 section 3.7.2).
    Alternative(Ways),
}

impl Purpose {
    /// The ways that will do.
    pub(super) fn ways(self) -> Ways {
        match self {
            Purpose::NoHome(ways) | Purpose::Alternative(ways) => ways,
            Purpose::SctpNeeded => Ways::Sctp,
        }
    }
}

/// When a home registrar is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// While something was wanted of it.
    AtWork,
    /// In order, while nothing was.
    Idle,
}

/// What became of a hunt.
#[derive(Default)]
#[must_use]
pub(super) struct Progress {
    /// Requests have seen too many rounds that reached nobody, if they were made before the round after this number.
    pub(super) given_up: Option<u64>,
    /// SH6: this one answered first.
    pub(super) found: Option<RegistrarAssociation>,
}
