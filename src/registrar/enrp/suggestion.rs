//! Spreading elements over registrars (draft-dreibholz-rserpool-enrp-takeover): the home of an element suggests to another
//! registrar, by the T bit of a HANDLE_UPDATE, to become its home.
//!
//! Every element has a registrar where it belongs: that with the highest hash of its identifier XOR the element's. So a
//! registrar that comes new gets its share, and nothing else moves. A home suggests only when an element registers again,
//! so that registrars that know different peers do not throw elements to and fro.

use super::Registrar;
use crate::RegistrarId;
use crate::handlespace::{Claim, ElementIndex};
use crate::log_limit::log_limited;
use crate::registrar::Step;
use crate::wire::TransportParameter;
use log::Level;
use std::net::IpAddr;

impl Registrar {
    /// The registrar where an element of ours belongs, if it is not this one and elements are to be spread.
    pub(super) fn better_home(&self, index: ElementIndex) -> Option<RegistrarId> {
        if !self.config.takeover_suggestion {
            return None;
        }
        let process = process_key(&self.handlespace.element(index)?.asap_transport()?);
        let best = best_home(self.living_peers().into_iter().chain([self.id]), process)?;
        (best != self.id).then_some(best)
    }

    /// The registrar where an element of ours would belong without this one: the same for all of its process.
    pub(in crate::registrar) fn next_best_home(&self, index: ElementIndex) -> Option<RegistrarId> {
        let process = process_key(&self.handlespace.element(index)?.asap_transport()?);
        best_home(self.living_peers().into_iter(), process)
    }

    /// The home of an element suggests that this registrar takes it: the element is asked, and nothing changes before it agrees.
    ///
    /// That connects to where a peer says that the element is. A peer that names many places where nobody is may not go on.
    pub(super) fn follow_suggestion(&mut self, index: ElementIndex, step: &mut Step<'_>) {
        let Some(element) = self.handlespace.element(index) else { return };
        let home = element.home_registrar();
        let free = element.association().is_none() && element.liveness().claim() != Claim::Asked;
        if !free || !self.is_ready() || !self.config.follow_suggestions {
            return;
        }
        if !self.enrp.peers.is_credible(step.now, home) {
            self.statistics.rate_limited += 1;
            return log_limited!(
                self.enrp.logs.updates => home,
                step.now,
                Level::Warn,
                "registrar {}: {home:?} suggests elements that cannot be reached: no more are tried for now",
                self.id
            );
        }
        self.handlespace.update_liveness(index, |liveness| liveness.set_claim(Claim::Asked));
        self.claim(index, step);
    }
}

/// What all elements of a process have in common: where it is reached over ASAP. A process has one home registrar for all of
/// its elements, so they must belong to the same one.
pub(super) fn process_key(asap_transport: &TransportParameter) -> u32 {
    let TransportParameter::Sctp { port, addresses, .. } = asap_transport else { return 0 };
    // Each sender may list the addresses in an order of its own.
    let words = match addresses.iter().map(|address| address.to_canonical()).min() {
        Some(IpAddr::V4(address)) => [0, 0, 0, u32::from(address)],
        Some(IpAddr::V6(address)) => {
            let bits = u128::from(address);
            [(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32, bits as u32]
        }
        None => [0; 4],
    };
    words.into_iter().fold(mix(u32::from(*port)), |hash, word| mix(hash ^ word))
}

/// The registrar with the highest hash for this process.
pub(super) fn best_home(registrars: impl Iterator<Item = RegistrarId>, process: u32) -> Option<RegistrarId> {
    registrars.max_by_key(|registrar| (mix(registrar.0 ^ process), *registrar))
}

/// A hash in which every bit of the input matters for every bit of the output (Murmur3's finaliser).
fn mix(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn elements_spread_evenly_and_a_new_registrar_moves_only_its_share() {
        let registrars = [3, 0x1000, 0xdead_beef].map(RegistrarId);
        let elements = (0..9000u32).map(|n| n.wrapping_mul(0x9e37_79b1));
        let mut counts = BTreeMap::new();
        let mut moved = 0;
        for element in elements {
            let before = best_home(registrars.into_iter(), element).unwrap();
            let newcomer = RegistrarId(0x5555_aaaa);
            let after = best_home(registrars.into_iter().chain([newcomer]), element).unwrap();
            *counts.entry(before).or_insert(0) += 1;
            assert!(after == before || after == newcomer);
            moved += i32::from(after == newcomer);
        }
        assert!(counts.values().all(|count| (2700..3300).contains(count)), "{counts:?}");
        assert!((2000..2500).contains(&moved), "{moved}");
    }
}
