//! Who has to be at the other end, and how that is proved.

use super::RegistrarNames;
use crate::association::PeerAddress;
use crate::security::{CertificateNames, ExpectedName, NameFault, Role};
use std::sync::Arc;

/// What the other end of a connection has to prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// Nothing; what it shows has to be good.
    Anybody,
    /// That it is a registrar which is known by one of these names.
    NamedRegistrar(Vec<ExpectedName>),
    /// That it is a registrar, one that connects to this pool element.
    Registrar,
    /// The same, towards a registrar.
    FellowRegistrar,
    /// That it is a pool element.
    Element,
}

impl Counterpart {
    /// Whether one that shows nothing is let in.
    pub fn may_be_nobody(&self) -> bool {
        *self == Counterpart::Anybody
    }

    /// Whether these names of a certificate are the right ones.
    pub fn check(&self, names: &CertificateNames) -> Result<(), NameFault> {
        match self {
            Counterpart::Anybody => Ok(()),
            Counterpart::NamedRegistrar(expected) => names.check_registrar(expected),
            Counterpart::Registrar | Counterpart::FellowRegistrar => names.check_role(Role::Registrar),
            Counterpart::Element => names.check_role(Role::Element),
        }
    }

    /// The role that goes with its pre-shared key; none: whoever has one of this side's keys is believed, as a pool element has only keys
    /// that registrars have, too.
    pub fn role_of_key(&self) -> Option<Role> {
        match self {
            Counterpart::FellowRegistrar => Some(Role::Registrar),
            Counterpart::Element => Some(Role::Element),
            Counterpart::Anybody | Counterpart::NamedRegistrar(_) | Counterpart::Registrar => None,
        }
    }
}

/// Whom an endpoint is for.
#[derive(Clone)]
pub enum Counterparts {
    /// A registrar's, for pool users: they may be anybody.
    Users,
    /// A registrar's, for pool elements.
    Elements,
    /// A registrar's, for other registrars.
    Registrars,
    /// A program's, for registrars, which this side knows by these names.
    RegistrarsOfProgram(Arc<RegistrarNames>),
}

impl Counterparts {
    /// Who has to be there that this side has connected to.
    pub(super) fn connected_to(&self, peer: &PeerAddress) -> Counterpart {
        match self {
            Counterparts::Users => Counterpart::Anybody,
            Counterparts::Elements => Counterpart::Element,
            Counterparts::Registrars => Counterpart::FellowRegistrar,
            Counterparts::RegistrarsOfProgram(names) => Counterpart::NamedRegistrar(names.of(peer)),
        }
    }

    /// Who has to be there that has connected to this side.
    pub(super) fn connecting(&self) -> Counterpart {
        match self {
            Counterparts::Users => Counterpart::Anybody,
            Counterparts::Elements => Counterpart::Element,
            Counterparts::Registrars => Counterpart::FellowRegistrar,
            Counterparts::RegistrarsOfProgram(_) => Counterpart::Registrar,
        }
    }
}
