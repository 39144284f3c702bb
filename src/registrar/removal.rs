//! Why elements are removed, and the one line about each that says so.

use super::events::{About, EventKind};
use super::{Registrar, Step};
use crate::association::{LossReason, PeerAddress, host_of};
use crate::handlespace::Removed;
use crate::log_limit::log_limited;
use crate::wire::TransportParameter;
use crate::{AssociationId, RegistrarId};
use log::Level;
use std::fmt;

/// What removed an element, and on whose word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Removal<'a> {
    /// It de-registered.
    Deregistered(AssociationId),
    /// Its association with this registrar broke.
    AssociationLost(&'a PeerAddress, &'a LossReason),
    /// This registrar aborted its association.
    AssociationAborted(&'a PeerAddress, &'static str),
    /// It did not answer a keep-alive.
    NotAnswering,
    /// Another element of its process did not.
    OfSilentProcess,
    /// It did not answer a keep-alive, and so many had reported it unreachable.
    Reported(u32),
    /// Its registration life is over.
    Expired,
    /// It was to be ours, and could not be.
    Unclaimed(&'a str),
    /// Its home does not have it (any more).
    Disowned(RegistrarId),
    /// Its pool also exists with a policy or transport that takes precedence, as this registrar says.
    Inconsistent(RegistrarId),
}

impl Removal<'_> {
    fn level(self) -> Level {
        match self {
            Removal::NotAnswering | Removal::Reported(_) | Removal::Unclaimed(_) | Removal::Inconsistent(_) => {
                Level::Warn
            }
            _ => Level::Info,
        }
    }
}

impl fmt::Display for Removal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Removal::Deregistered(association) => write!(f, "it has de-registered by {association:?}"),
            Removal::AssociationLost(peer, reason) => write!(f, "its association with {peer} is lost: {reason}"),
            Removal::AssociationAborted(peer, why) => write!(f, "its association with {peer} is aborted: {why}"),
            Removal::NotAnswering => f.write_str("it has not answered a keep-alive in time"),
            Removal::OfSilentProcess => {
                f.write_str("another element of its process has not answered a keep-alive in time")
            }
            Removal::Reported(count) => {
                write!(f, "{count} pool users or registrars report it unreachable, and it does not answer a keep-alive")
            }
            Removal::Expired => f.write_str("it has not registered again before its registration life ended"),
            Removal::Unclaimed(why) => write!(f, "it has no home any more, and {why}"),
            Removal::Disowned(home) => write!(f, "its home {home:?} says that it is gone"),
            Removal::Inconsistent(other) => {
                write!(f, "{other:?} has the pool with another policy or transport, which takes precedence")
            }
        }
    }
}

/// The host where an element offers its service.
fn host_of_place(transport: &TransportParameter) -> u64 {
    let (_, addresses) = transport.place();
    addresses.first().map_or(0, |address| host_of(*address))
}

/// Where an element offers its service.
pub(super) struct Place<'a>(pub &'a TransportParameter);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            TransportParameter::Sctp { .. } => "SCTP",
            TransportParameter::Tcp { .. } => "TCP",
            TransportParameter::Udp { .. } => "UDP",
            TransportParameter::UdpLite { .. } => "UDP-Lite",
            TransportParameter::Dccp { .. } => "DCCP",
            TransportParameter::Opaque(_) => return f.write_str("an address of another kind"),
        };
        let (port, addresses) = self.0.place();
        write!(f, "{name} {}", PeerAddress { addresses: addresses.iter().copied().collect(), port })
    }
}

impl Registrar {
    /// Says that an element is gone, where, and why.
    pub(super) fn log_removal(&mut self, removed: &Removed, removal: Removal<'_>, step: &Step<'_>) {
        let about = About::element(&removed.pool_handle, removed.element.id(), removed.element.home_registrar());
        self.events.note(step.now, EventKind::Removed, about, || removal.to_string().into());
        let level = removal.level();
        let limit = if level == Level::Warn { &mut self.logs.removals } else { &mut self.logs.departures };
        log_limited!(
            limit => host_of_place(&removed.element.user_transport()),
            step.now,
            level,
            "registrar {}: {:?} of pool {} at {} is removed: {removal}",
            self.id,
            removed.element.id(),
            removed.pool_handle,
            Place(&removed.element.user_transport())
        );
    }
}

/// Why this registrar aborts an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abort {
    /// It sent nothing for too long. Ordinary: a pool user connects again when it needs to.
    Silent,
    Starting,
    Leaving,
    /// There are many, and it is with nobody known.
    Crowded,
    /// Nothing is wanted of the elements at the other end any more.
    NotNeeded,
    /// An element there did not answer. That it was removed has been said.
    NoKeepAliveAck,
    ForeignProtocol,
    TooManyFaults,
    OwnIdentifier,
    /// Only registrars of the settings may be peers, and they do not name it any more.
    NotInSettings,
}

impl Abort {
    /// As the other end is told.
    pub fn text(self) -> &'static str {
        match self {
            Abort::Silent => "nothing came for too long",
            Abort::Starting => "the registrar is starting",
            Abort::Leaving => "the registrar is leaving",
            Abort::Crowded => "others need the room",
            Abort::NotNeeded => "not needed any more",
            Abort::NoKeepAliveAck => "no answer to ASAP_ENDPOINT_KEEP_ALIVE",
            Abort::ForeignProtocol => "ASAP and ENRP have different ports",
            Abort::TooManyFaults => "too many malformed messages",
            Abort::OwnIdentifier => "the registrar at both ends has the same identifier",
            Abort::NotInSettings => "the registrar is not among those of the settings",
        }
    }

    pub fn level(self) -> Level {
        match self {
            Abort::Silent | Abort::Crowded | Abort::NotNeeded | Abort::NoKeepAliveAck => Level::Debug,
            Abort::Starting | Abort::Leaving | Abort::NotInSettings => Level::Info,
            Abort::ForeignProtocol | Abort::TooManyFaults | Abort::OwnIdentifier => Level::Warn,
        }
    }
}
