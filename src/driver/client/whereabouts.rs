//! On which host the registrar is: the loopback addresses that one on another host tells are not ours.

use super::addresses::is_this_host;
use crate::Time;
use crate::asap::{Outcome, RequestError};
use crate::association::PeerAddress;
use crate::log_limit::{LogLimit, log_limited};
use crate::wire::TransportParameter;

/// Where the last registrar is that came up.
#[derive(Default)]
pub(super) struct Whereabouts {
    registrar: Host,
    log: LogLimit,
}

/// A host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Host {
    #[default]
    This,
    Other,
}

impl Whereabouts {
    /// A registrar has come up there.
    pub fn registrar_is_at(&mut self, peer: &PeerAddress) {
        let here = peer.addresses.iter().any(|address| is_this_host(*address));
        self.registrar = if here { Host::This } else { Host::Other };
    }

    /// Leaves out addresses that lead to this host instead of to the registrar's, and elements that have no other.
    pub fn correct(&mut self, now: Time, result: &mut Result<Outcome, RequestError>) {
        let (Ok(Outcome::Resolved { pool_elements, .. }), Host::Other) = (result, self.registrar) else { return };
        pool_elements.retain_mut(|element| {
            let TransportParameter::Sctp { addresses, .. } = &mut element.user_transport else { return true };
            addresses.retain(|address| !address.is_loopback());
            if addresses.is_empty() {
                let (id, level) = (element.id, log::Level::Warn);
                let why = "it is registered with a loopback address of another host";
                log_limited!(self.log, now, level, "{id} is skipped: {why}");
            }
            !addresses.is_empty()
        });
    }
}
