//! The registrars that could serve us: those configured, those that announced themselves (RFC 5352 section 3.6), and those that
//! took us over. The last ones matter to an element that knows no other: should the association with its new home break, it
//! would have nowhere to go.

use super::announced_addresses::{Addresses, AnnouncedAddresses, announced_addresses};
use crate::association::{PeerAddress, TransportKind};
use crate::collections::SortedMap;
use crate::message::asap::ServerAnnounce;
use crate::wire::{AddressList, ServerInformation, TransportParameter};
use crate::{RegistrarId, Time};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Registrars remembered because they took us over; the oldest makes room.
const MAX_LEARNT: usize = 4;
/// Registrars remembered because the home registrar told of them.
const MAX_TOLD: usize = 32;

/// Names a registrar in the table; never used again.
pub(super) type CandidateId = u64;

/// Where a registrar can be reached: a way and an address.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: TransportKind,
    pub(super) peer: PeerAddress,
}

/// Which ways to a registrar will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    /// All that are configured.
    All,
    /// SCTP only, as there is something to register (RFC 5352 section 2.1).
    Sctp,
}

/// One registrar, as far as known.
struct Candidate {
    /// SCTP addresses to try, the most likely first.
    sctp: SmallVec<[PeerAddress; 1]>,
    /// TCP addresses to try.
    tcp: SmallVec<[PeerAddress; 1]>,
    /// Its identifier, when it announced itself.
    id: Option<RegistrarId>,
    /// When T7-ENRPoutdate expires; none: configured or learnt.
    outdated_at: Option<Time>,
    /// It took us over.
    learnt: bool,
    /// The number of its name, if that is what it is known by; without addresses until it was looked up.
    name: Option<usize>,
    /// Which of its targets is tried next: one that failed makes room for the one after it, one that worked stays.
    next_target: usize,
    /// Failed or lost since the last successful hunt: tried after the others.
    failed: bool,
    /// Tried, and not reached, since a registrar was found last.
    missed: bool,
    /// Connections in a row that came up but were of no use.
    useless: u32,
    /// Not tried before this time, as it was of no use lately.
    hold_off: Time,
}

impl Candidate {
    fn new(sctp: SmallVec<[PeerAddress; 1]>, tcp: SmallVec<[PeerAddress; 1]>) -> Candidate {
        Candidate {
            sctp,
            tcp,
            id: None,
            outdated_at: None,
            learnt: false,
            name: None,
            next_target: 0,
            failed: false,
            missed: false,
            useless: 0,
            hold_off: Time::ZERO,
        }
    }

    /// All ways to it over these transports, in the order of preference.
    fn targets(&self, transports: &[TransportKind], ways: Ways) -> SmallVec<[Target; 4]> {
        let mut targets = SmallVec::new();
        for &kind in transports {
            let addresses = match (kind, ways) {
                (TransportKind::Tcp, Ways::Sctp) => continue,
                (TransportKind::Tcp, Ways::All) => &self.tcp,
                _ => &self.sctp,
            };
            targets.extend(addresses.iter().map(|peer| Target { kind, peer: peer.clone() }));
        }
        targets
    }
}

/// The table.
pub(super) struct Registrars {
    candidates: SortedMap<CandidateId, Candidate>,
    next_id: CandidateId,
    transports: Vec<TransportKind>,
    max_registrars: usize,
    /// Those that the home registrar knows, with the addresses that it knows them by.
    told: Vec<(RegistrarId, AddressList)>,
}

/// When a registrar that says that it takes us over is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// It is configured, has announced itself, or our home registrar told us of it.
    Always,
    /// When there is no home registrar: one with its identifier is known from another place, or our home registrar tells of nobody, as
    /// rsplib's does.
    WithoutHome,
    Never,
}

/// What became of an announcement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// A registrar unknown so far.
    New,
    /// Known already; T7 runs anew.
    Known,
    /// It cannot be used, and why.
    Ignored(&'static str),
}

impl Registrars {
    /// The configured registrars, some of them by name.
    pub(super) fn new(
        configured: &[PeerAddress],
        named: usize,
        transports: &[TransportKind],
        max: usize,
    ) -> Registrars {
        let mut registrars = Registrars {
            candidates: SortedMap::new(),
            next_id: 0,
            transports: transports.to_vec(),
            max_registrars: max,
            told: Vec::new(),
        };
        for address in configured {
            let both: Addresses = smallvec::smallvec![address.clone()];
            registrars.insert(Candidate::new(both.clone(), both));
        }
        for name in 0..named {
            registrars.insert(Candidate { name: Some(name), ..Candidate::new(Addresses::new(), Addresses::new()) });
        }
        registrars
    }

    /// A name has been looked up. The registrar whose name it is, if that is elsewhere now.
    pub(super) fn looked_up(&mut self, name: usize, found: Vec<PeerAddress>) -> Option<CandidateId> {
        let (&id, candidate) = self.candidates.iter_mut().find(|(_, candidate)| candidate.name == Some(name))?;
        if found.is_empty() || *candidate.sctp == *found {
            return None;
        }
        (candidate.sctp, candidate.tcp) = (found.iter().cloned().collect(), found.into_iter().collect());
        (candidate.next_target, candidate.failed, candidate.hold_off) = (0, false, Time::ZERO);
        Some(id)
    }

    fn insert(&mut self, candidate: Candidate) {
        self.candidates.insert(self.next_id, candidate);
        self.next_id += 1;
    }

    /// Takes up an announcement that came `from` there.
    pub(super) fn announced(&mut self, outdated_at: Time, from: SocketAddr, message: &ServerAnnounce) -> Announced {
        let candidate = match announced_addresses(from, &message.transports) {
            Ok(AnnouncedAddresses { sctp, tcp }) => Candidate::new(sctp, tcp),
            Err(why) => return Announced::Ignored(why),
        };
        for known in self.candidates.values_mut() {
            if known.outdated_at.is_none() {
                // Configured with one address, used for SCTP and TCP alike.
                if known.sctp.iter().any(|a| candidate.sctp.contains(a) || candidate.tcp.contains(a)) {
                    known.id = Some(message.registrar_id);
                    return Announced::Known;
                }
            } else if known.sctp == candidate.sctp && known.tcp == candidate.tcp {
                known.id = Some(message.registrar_id);
                known.outdated_at = Some(outdated_at);
                return Announced::Known;
            }
        }
        // The oldest stay: a flood of announcements does not push out a registrar that goes on announcing itself.
        if self.candidates.values().filter(|c| c.outdated_at.is_some()).count() >= self.max_registrars {
            return Announced::Ignored("too many registrars are known");
        }
        self.insert(Candidate { id: Some(message.registrar_id), outdated_at: Some(outdated_at), ..candidate });
        Announced::New
    }

    /// The home registrar tells of others.
    pub(super) fn told_of(&mut self, registrars: &[ServerInformation]) {
        if registrars.is_empty() {
            return;
        }
        self.told = registrars.iter().take(MAX_TOLD).filter_map(told).collect();
    }

    /// Whether a registrar that connected from there may take us over.
    pub(super) fn belief_in(&self, peer: &PeerAddress, id: RegistrarId) -> Belief {
        let shares = |addresses: &[IpAddr]| addresses.iter().any(|ip| peer.addresses.contains(ip));
        let there = |known: &PeerAddress| known.is_with(peer);
        let named = || self.told.iter().filter(|(told, _)| *told == id);
        if self.candidates.values().any(|c| c.sctp.iter().any(there)) || named().any(|(_, addresses)| shares(addresses))
        {
            Belief::Always
        } else if self.told.is_empty() || named().next().is_some() || self.candidates.values().any(|c| c.id == Some(id))
        {
            Belief::WithoutHome
        } else {
            Belief::Never
        }
    }

    /// A registrar took us over, from there: its number in the table.
    pub(super) fn took_over(&mut self, peer: &PeerAddress, id: RegistrarId) -> CandidateId {
        let there = |known: &PeerAddress| known.is_with(peer);
        if let Some((&number, known)) = self.candidates.iter_mut().find(|(_, c)| c.sctp.iter().any(there)) {
            known.id = Some(id);
            return number;
        }
        let learnt: Vec<_> = self.candidates.iter().filter(|(_, c)| c.learnt).map(|(&number, _)| number).collect();
        if let Some(oldest) = learnt.first().filter(|_| learnt.len() >= MAX_LEARNT) {
            self.candidates.remove(oldest);
        }
        let both: Addresses = smallvec::smallvec![peer.clone()];
        self.insert(Candidate { id: Some(id), learnt: true, ..Candidate::new(both.clone(), both) });
        self.next_id - 1
    }

    /// Forgets the registrars whose T7 has expired.
    pub(super) fn remove_outdated(&mut self, now: Time) {
        self.candidates.retain(|_, candidate| candidate.outdated_at.is_none_or(|at| at > now));
    }

    /// When the next T7 expires.
    pub(super) fn next_outdate(&self) -> Option<Time> {
        self.candidates.values().filter_map(|candidate| candidate.outdated_at).min()
    }

    /// The candidates of a hunt: from number `start` on, around the table, those that failed lately at the end.
    pub(super) fn hunt_order(&self, now: Time, start: usize, without: Option<CandidateId>) -> Vec<CandidateId> {
        let len = self.candidates.len();
        let around = self.candidates.iter().cycle().skip(if len == 0 { 0 } else { start % len }).take(len);
        let usable = around.filter(|(id, candidate)| Some(**id) != without && candidate.hold_off <= now);
        let (failed, good): (Vec<_>, Vec<_>) = usable.map(|(id, c)| (*id, c.failed)).partition(|(_, failed)| *failed);
        good.into_iter().chain(failed).map(|(id, _)| id).collect()
    }

    /// The one that was learnt last.
    pub(super) fn newest(&self) -> Option<CandidateId> {
        self.candidates.iter().next_back().map(|(id, _)| *id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// The target to try for a candidate.
    pub(super) fn target(&self, id: CandidateId, ways: Ways) -> Option<Target> {
        let candidate = self.candidates.get(&id)?;
        let targets = candidate.targets(&self.transports, ways);
        let index = candidate.next_target.checked_rem(targets.len())?;
        targets.into_iter().nth(index)
    }

    /// How many targets a candidate has.
    pub(super) fn target_count(&self, id: CandidateId, ways: Ways) -> usize {
        self.candidates.get(&id).map_or(0, |candidate| candidate.targets(&self.transports, ways).len())
    }

    /// The next target's turn.
    pub(super) fn next_target(&mut self, id: CandidateId) {
        if let Some(candidate) = self.candidates.get_mut(&id) {
            candidate.next_target = candidate.next_target.wrapping_add(1);
        }
    }

    /// The target in turn did not work: the next one's turn.
    pub(super) fn target_failed(&mut self, id: CandidateId) {
        self.next_target(id);
        self.mark_failed(id);
    }

    /// A candidate is of no use for now: others first.
    pub(super) fn mark_failed(&mut self, id: CandidateId) {
        if let Some(candidate) = self.candidates.get_mut(&id) {
            candidate.failed = true;
        }
    }

    /// A candidate was tried in all ways, or for as long as others wait: it was not reached.
    pub(super) fn missed(&mut self, id: CandidateId) {
        if let Some(candidate) = self.candidates.get_mut(&id) {
            candidate.missed = true;
        }
    }

    /// Every one of them has been missed since [`Registrars::begin_anew`].
    pub(super) fn all_missed(&self) -> bool {
        self.candidates.values().all(|candidate| candidate.missed)
    }

    /// Who was missed is forgotten.
    pub(super) fn begin_anew(&mut self) {
        self.candidates.values_mut().for_each(|candidate| candidate.missed = false);
    }

    /// A candidate's connection came up, but nothing useful came over it: leave it alone for a while. `pause` gives the
    /// time for the n-th time in a row.
    pub(super) fn useless(&mut self, id: CandidateId, pause: impl FnOnce(u32) -> Time) {
        if let Some(candidate) = self.candidates.get_mut(&id) {
            candidate.useless = candidate.useless.saturating_add(1);
            candidate.hold_off = pause(candidate.useless);
            candidate.failed = true;
        }
    }

    /// A candidate does its work.
    pub(super) fn useful(&mut self, id: CandidateId) {
        if let Some(candidate) = self.candidates.get_mut(&id) {
            candidate.useless = 0;
            candidate.failed = false;
        }
    }

    /// The candidate's registrar identifier, if it told it.
    pub(super) fn registrar_id(&self, id: CandidateId) -> Option<RegistrarId> {
        self.candidates.get(&id)?.id
    }
}

/// Where a registrar is that the home registrar tells of.
fn told(registrar: &ServerInformation) -> Option<(RegistrarId, AddressList)> {
    match &registrar.transport {
        TransportParameter::Sctp { addresses, .. } => Some((registrar.id, addresses.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: [u8; 4], port: u16) -> PeerAddress {
        PeerAddress::new(address.into(), port)
    }

    #[test]
    fn asap_117_118_announced_registrars_are_remembered_until_t7_expires_and_bounded() {
        let mut registrars = Registrars::new(&[peer([10, 0, 0, 1], 3863)], 0, &[TransportKind::Memory], 2);
        let announce = |id| ServerAnnounce { registrar_id: RegistrarId(id), transports: Vec::new() };
        let from = |last: u8| SocketAddr::from(([10, 0, 0, last], 3863));
        let t = Time::from_secs;
        assert_eq!(registrars.announced(t(5), from(1), &announce(1)), Announced::Known, "configured already");
        assert_eq!(registrars.announced(t(5), from(2), &announce(2)), Announced::New);
        assert_eq!(registrars.announced(t(6), from(3), &announce(3)), Announced::New);
        assert!(matches!(registrars.announced(t(6), from(4), &announce(4)), Announced::Ignored(_)));
        assert_eq!(registrars.announced(t(9), from(2), &announce(2)), Announced::Known);
        assert_eq!(registrars.next_outdate(), Some(t(6)));
        registrars.remove_outdated(t(6));
        assert_eq!(registrars.len(), 2);
        registrars.remove_outdated(t(9));
        assert_eq!(registrars.len(), 1, "the configured one stays");
    }

    #[test]
    fn a_failed_target_makes_room_for_the_next_and_sctp_only_leaves_tcp_out() {
        let kinds = [TransportKind::Tcp, TransportKind::SctpUdp];
        let mut registrars = Registrars::new(&[peer([10, 0, 0, 1], 3863)], 0, &kinds, 2);
        let kind = |registrars: &Registrars, ways| registrars.target(0, ways).map(|target| target.kind);
        assert_eq!(kind(&registrars, Ways::All), Some(TransportKind::Tcp));
        assert_eq!(kind(&registrars, Ways::Sctp), Some(TransportKind::SctpUdp));
        registrars.target_failed(0);
        assert_eq!(kind(&registrars, Ways::All), Some(TransportKind::SctpUdp));
        assert_eq!(kind(&registrars, Ways::Sctp), Some(TransportKind::SctpUdp));
        registrars.target_failed(0);
        assert_eq!(kind(&registrars, Ways::All), Some(TransportKind::Tcp));
    }
}
