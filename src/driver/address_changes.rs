//! Notice of changes of this host's addresses. They come in bursts: the addresses are looked at once for all notices of a moment.

use super::interfaces::all_addresses;
use super::poller::Poller;
use crate::Time;
use crate::transport::interface_changes::InterfaceChanges;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// From the first notice to the look at the addresses.
const SETTLING: Duration = Duration::from_millis(100);
/// Addresses that are watched: a bound on a machine with thousands of interfaces.
const MAX_WATCHED: usize = 256;

/// What has become of this host's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressChange {
    /// There are more of them.
    Gained,
    /// Some are there no longer: what was sent from them is sent no more.
    Lost,
}

/// The watch. Where the system does not let us have one, nothing is ever noticed.
pub(super) struct AddressChanges {
    /// What the poller says where there are notices.
    key: u64,
    notices: Option<InterfaceChanges>,
    known: Vec<IpAddr>,
    look_at: Option<Time>,
}

impl AddressChanges {
    /// Watches from now on; the poller says by `key` that there are notices.
    pub fn watch(poller: &Poller, key: u64) -> AddressChanges {
        let notices = InterfaceChanges::watch().and_then(|notices| {
            poller.add(notices.as_raw_fd(), key)?;
            Ok(notices)
        });
        if let Err(error) = &notices {
            log::info!("changes of this host's addresses are noticed late: {error}");
        }
        AddressChanges { key, notices: notices.ok(), known: addresses(), look_at: None }
    }

    /// When to call [`AddressChanges::take`].
    pub fn next_deadline(&self) -> Option<Time> {
        self.look_at
    }

    /// What has changed, once. `ready`: what the poller says.
    pub fn take(&mut self, now: Time, ready: &[u64]) -> Option<AddressChange> {
        if ready.contains(&self.key) && self.notices.as_ref().is_some_and(InterfaceChanges::take) {
            self.look_at.get_or_insert(now + SETTLING);
        }
        self.look_at.take_if(|at| *at <= now)?;
        let before = std::mem::replace(&mut self.known, addresses());
        change(&before, &self.known)
    }
}

fn addresses() -> Vec<IpAddr> {
    let mut addresses = all_addresses().unwrap_or_default();
    addresses.truncate(MAX_WATCHED);
    addresses
}

fn change(before: &[IpAddr], after: &[IpAddr]) -> Option<AddressChange> {
    if before.iter().any(|address| !after.contains(address)) {
        return Some(AddressChange::Lost);
    }
    after.iter().any(|address| !before.contains(address)).then_some(AddressChange::Gained)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_goes_counts_more_than_one_that_comes() {
        let [a, b]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(change(&[a], &[a]), None);
        assert_eq!(change(&[a, b], &[b, a]), None);
        assert_eq!(change(&[a], &[a, b]), Some(AddressChange::Gained));
        assert_eq!(change(&[a], &[b]), Some(AddressChange::Lost));
        assert_eq!(change(&[a], &[]), Some(AddressChange::Lost));
    }
}
