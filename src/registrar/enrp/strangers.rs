//! Hosts at which elements are said to be, and nobody has answered yet. That a registrar names many places at one host, and dies, must not
//! make another one flood that host.

use crate::association::PeerAddress;
use std::collections::{BTreeMap, VecDeque};

/// Connects that may be under way to a host where nobody has answered.
const MAX_UNANSWERED: usize = 64;
/// Connects to such a host that may fail: then nobody is there, and all that is said to be there is gone.
const MAX_FAILED: u32 = 256;

/// Whether a connect may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayConnect {
    Now,
    /// When one of those that are under way has come to something.
    Later,
    Never,
}

/// A host.
#[derive(Debug, Default)]
struct Host {
    has_answered: bool,
    under_way: usize,
    failed: u32,
    /// Endpoints that wait until something is known of it.
    parked: VecDeque<PeerAddress>,
}

/// All of them, by [`PeerAddress::host`].
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<u64, Host>);

fn host(endpoint: &PeerAddress) -> u64 {
    endpoint.host().unwrap_or(0)
}

impl Strangers {
    pub fn may_connect(&self, endpoint: &PeerAddress) -> MayConnect {
        match self.0.get(&host(endpoint)) {
            Some(host) if host.has_answered => MayConnect::Now,
            Some(host) if host.failed >= MAX_FAILED => MayConnect::Never,
            Some(host) if host.under_way >= MAX_UNANSWERED => MayConnect::Later,
            _ => MayConnect::Now,
        }
    }

    /// An endpoint that may be connected to later.
    pub fn park(&mut self, endpoint: PeerAddress) {
        self.0.entry(host(&endpoint)).or_default().parked.push_back(endpoint);
    }

    /// A connect begins.
    pub fn begins(&mut self, endpoint: &PeerAddress) {
        self.0.entry(host(endpoint)).or_default().under_way += 1;
    }

    /// A connect has succeeded: what has waited for that.
    pub fn answers(&mut self, endpoint: &PeerAddress) -> VecDeque<PeerAddress> {
        let host = self.0.entry(host(endpoint)).or_default();
        host.under_way = host.under_way.saturating_sub(1);
        host.has_answered = true;
        std::mem::take(&mut host.parked)
    }

    /// A connect was not even begun: what may go on now.
    pub fn is_not_tried(&mut self, endpoint: &PeerAddress) -> Option<PeerAddress> {
        let host = self.0.entry(host(endpoint)).or_default();
        host.under_way = host.under_way.saturating_sub(1);
        host.parked.pop_front()
    }

    /// A connect has failed: what may go on now, one way or the other.
    pub fn is_silent(&mut self, endpoint: &PeerAddress) -> VecDeque<PeerAddress> {
        let host = self.0.entry(host(endpoint)).or_default();
        host.under_way = host.under_way.saturating_sub(1);
        host.failed = host.failed.saturating_add(1);
        if host.failed >= MAX_FAILED {
            return std::mem::take(&mut host.parked);
        }
        host.parked.pop_front().into_iter().collect()
    }
}
