//! On which host the registrar is, and how it is reached: the loopback addresses that one on another host tells are not ours, and the
//! link-local ones are of use only on its link.

use super::addresses::is_this_host;
use crate::Time;
use crate::asap::{Outcome, RequestError};
use crate::association::PeerAddress;
use crate::log_limit::{LogLimit, log_limited};
use crate::transport::zones::needs_zone;
use crate::wire::TransportParameter;
use std::net::IpAddr;

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
    /// On a link of this host, by a link-local address.
    OnLink,
    Elsewhere,
}

impl Whereabouts {
    /// A registrar has come up there.
    pub fn registrar_is_at(&mut self, peer: &PeerAddress) {
        let here = peer.addresses.iter().any(|address| is_this_host(*address));
        self.registrar = match peer.addresses.iter().any(needs_zone) {
            _ if here => Host::This,
            true => Host::OnLink,
            false => Host::Elsewhere,
        };
    }

    /// Leaves out addresses that lead to this host instead of to the registrar's, and elements that have no other.
    pub fn correct(&mut self, now: Time, result: &mut Result<Outcome, RequestError>) {
        let Ok(Outcome::Resolved { pool_elements, .. }) = result else { return };
        let on_link = match self.registrar {
            Host::This => return,
            Host::OnLink => true,
            Host::Elsewhere => false,
        };
        pool_elements.retain_mut(|element| {
            let TransportParameter::Sctp { addresses, .. } = &mut element.user_transport else { return true };
            let why = match addresses.iter().any(IpAddr::is_loopback) {
                true => "it is registered with a loopback address of another host",
                false => "it is registered with a link-local address, and the registrar is not on a link of this host",
            };
            addresses.retain(|address| !address.is_loopback() && (on_link || !needs_zone(address)));
            if addresses.is_empty() {
                let (id, level) = (element.id, log::Level::Warn);
                log_limited!(self.log, now, level, "{id} is skipped: {why}");
            }
            !addresses.is_empty()
        });
    }
}
