//! The registrars that could serve us: those configured, those that announced themselves (RFC 5352 section 3.6), and those that
//! took us over. The last ones matter to an element that knows no other: should the association with its new home break, it
//! would have nowhere to go.

use crate::association::{PeerAddress, TransportKind};
use crate::collections::SortedMap;
use crate::message::asap::ServerAnnounce;
use crate::wire::{AddressList, PORT_ASAP, TransportParameter};
use crate::{RegistrarId, Time};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Registrars remembered because they took us over; the oldest makes room.
const MAX_LEARNT: usize = 4;

/// Names a registrar in the table; never used again.
pub(super) type CandidateId = u64;

/// Where it can be reached: a way and an address.
pub(super) type Target = (TransportKind, PeerAddress);

/// One registrar, as far as known.
pub(super) struct Candidate {
    /// SCTP addresses to try, the most likely first.
    sctp: SmallVec<[PeerAddress; 1]>,
    /// TCP addresses to try.
    tcp: SmallVec<[PeerAddress; 1]>,
    /// Its identifier, when it announced itself.
    pub(super) id: Option<RegistrarId>,
    /// When T7-ENRPoutdate expires; none: configured or learnt.
    outdated_at: Option<Time>,
    /// It took us over.
    learnt: bool,
    /// Which of its targets is tried next: one that failed makes room for the one after it, one that worked stays.
    next_target: usize,
    /// Failed or lost since the last successful hunt: tried after the others.
    pub(super) failed: bool,
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
            next_target: 0,
            failed: false,
            useless: 0,
            hold_off: Time::ZERO,
        }
    }

    /// All ways to it over these transports, in the order of preference.
    fn targets(&self, transports: &[TransportKind], sctp_only: bool) -> SmallVec<[Target; 4]> {
        let mut targets = SmallVec::new();
        for &kind in transports {
            let addresses = if kind == TransportKind::Tcp { &self.tcp } else { &self.sctp };
            if !(sctp_only && kind == TransportKind::Tcp) {
                targets.extend(addresses.iter().map(|address| (kind, address.clone())));
            }
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
    /// The configured registrars.
    pub(super) fn new(configured: &[PeerAddress], transports: &[TransportKind], max: usize) -> Registrars {
        let mut registrars = Registrars {
            candidates: SortedMap::new(),
            next_id: 0,
            transports: transports.to_vec(),
            max_registrars: max,
        };
        for address in configured {
            let both: Addresses = smallvec::smallvec![address.clone()];
            registrars.insert(Candidate::new(both.clone(), both));
        }
        registrars
    }

    fn insert(&mut self, candidate: Candidate) {
        self.candidates.insert(self.next_id, candidate);
        self.next_id += 1;
    }

    /// Takes up an announcement that came `from` there.
    pub(super) fn announced(&mut self, now_plus_t7: Time, from: SocketAddr, message: &ServerAnnounce) -> Announced {
        let candidate = match announced_addresses(from, &message.transports) {
            Ok((sctp, tcp)) => Candidate::new(sctp, tcp),
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
                known.outdated_at = Some(now_plus_t7);
                return Announced::Known;
            }
        }
        // The oldest stay: whoever floods us with announcements does not push out a registrar that goes on announcing itself.
        if self.candidates.values().filter(|c| c.outdated_at.is_some()).count() >= self.max_registrars {
            return Announced::Ignored("too many registrars are known");
        }
        self.insert(Candidate { id: Some(message.registrar_id), outdated_at: Some(now_plus_t7), ..candidate });
        Announced::New
    }

    /// A registrar took us over, from there: its number in the table.
    pub(super) fn took_over(&mut self, peer: &PeerAddress, id: RegistrarId) -> CandidateId {
        let there = |a: &PeerAddress| a.port == peer.port && a.addresses.iter().any(|ip| peer.addresses.contains(ip));
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

    /// The target to try for a candidate, and how many it has.
    pub(super) fn target(&self, id: CandidateId, sctp_only: bool) -> Option<(Target, usize)> {
        let candidate = self.candidates.get(&id)?;
        let targets = candidate.targets(&self.transports, sctp_only);
        let count = targets.len();
        let index = candidate.next_target.checked_rem(count)?;
        targets.into_iter().nth(index).map(|target| (target, count))
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

type Addresses = SmallVec<[PeerAddress; 1]>;

/// The SCTP and TCP addresses that an announcement gives.
///
/// Explicit transports first. Without a usable one SCTP at the datagram's source address: at its source port, as rsplib's
/// registrar means it, then at the IANA port, as RFC 5352 section 3.6 has it.
fn announced_addresses(
    from: SocketAddr,
    transports: &[TransportParameter],
) -> Result<(Addresses, Addresses), &'static str> {
    let (mut sctp, mut tcp) = (Addresses::new(), Addresses::new());
    let local = from.ip().to_canonical().is_loopback();
    for transport in transports.iter().take(8) {
        match transport {
            TransportParameter::Sctp { port, addresses, .. } if *port != 0 => {
                let usable: AddressList = addresses.iter().copied().filter(|a| is_usable(*a, local)).take(16).collect();
                if !usable.is_empty() {
                    sctp.push(PeerAddress { addresses: usable, port: *port });
                }
            }
            TransportParameter::Tcp { port, address, .. } if *port != 0 && is_usable(*address, local) => {
                tcp.push(PeerAddress::new(*address, *port));
            }
            _ => {}
        }
    }
    if !sctp.is_empty() || !tcp.is_empty() {
        return Ok((sctp, tcp));
    }
    let source = from.ip().to_canonical();
    if !is_usable(source, true) {
        return Err("its address cannot be connected to");
    }
    if from.port() != 0 {
        sctp.push(PeerAddress::new(source, from.port()));
    }
    if from.port() != PORT_ASAP {
        sctp.push(PeerAddress::new(source, PORT_ASAP));
    }
    Ok((sctp, tcp))
}

/// Whether an announced address can be connected to: a loopback address only when the announcement is local, too.
/// IPv6 link-local addresses lack the scope that a connect would need.
fn is_usable(address: IpAddr, local: bool) -> bool {
    let address = address.to_canonical();
    let fit = match address {
        IpAddr::V4(v4) => !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    };
    fit && !address.is_unspecified() && !address.is_multicast() && (local || !address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TransportUse;

    fn sctp(port: u16, addresses: &[[u8; 4]]) -> TransportParameter {
        TransportParameter::Sctp {
            port,
            transport_use: TransportUse::DataOnly,
            addresses: addresses.iter().map(|a| IpAddr::from(*a)).collect(),
        }
    }

    fn tcp(port: u16, address: [u8; 4]) -> TransportParameter {
        TransportParameter::Tcp { port, transport_use: TransportUse::DataOnly, address: address.into() }
    }

    fn peer(address: [u8; 4], port: u16) -> PeerAddress {
        PeerAddress::new(address.into(), port)
    }

    fn addresses(from: &str, transports: &[TransportParameter]) -> (Vec<PeerAddress>, Vec<PeerAddress>) {
        let (sctp, tcp) = announced_addresses(from.parse().unwrap(), transports).unwrap();
        (sctp.to_vec(), tcp.to_vec())
    }

    #[test]
    fn explicit_transports_win_over_the_source_of_the_datagram() {
        let (sctp, tcp) = addresses("10.0.0.9:3863", &[tcp(4000, [10, 0, 0, 1]), sctp(4001, &[[10, 0, 0, 2]])]);
        assert_eq!(sctp, [peer([10, 0, 0, 2], 4001)]);
        assert_eq!(tcp, [peer([10, 0, 0, 1], 4000)]);
    }

    #[test]
    fn asap_119_without_transport_the_source_address_counts_with_its_port_then_the_iana_port() {
        assert_eq!(addresses("10.0.0.9:3863", &[]).0, [peer([10, 0, 0, 9], 3863)]);
        assert_eq!(addresses("10.0.0.9:41000", &[]).0, [peer([10, 0, 0, 9], 41000), peer([10, 0, 0, 9], 3863)]);
    }

    #[test]
    fn unusable_transports_fall_back_to_the_source() {
        let only_loopback = [sctp(4001, &[[127, 0, 0, 1]])];
        assert_eq!(addresses("10.0.0.9:3863", &only_loopback).0, [peer([10, 0, 0, 9], 3863)]);
        assert_eq!(addresses("127.0.0.1:3863", &only_loopback).0, [peer([127, 0, 0, 1], 4001)]);
        assert_eq!(addresses("10.0.0.9:3863", &[sctp(0, &[[10, 0, 0, 1]])]).0, [peer([10, 0, 0, 9], 3863)]);
        assert!(announced_addresses("[fe80::1]:3863".parse().unwrap(), &[]).is_err());
    }

    #[test]
    fn asap_117_118_announced_registrars_are_remembered_until_t7_expires_and_bounded() {
        let mut registrars = Registrars::new(&[peer([10, 0, 0, 1], 3863)], &[TransportKind::Memory], 2);
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
        let mut registrars = Registrars::new(&[peer([10, 0, 0, 1], 3863)], &kinds, 2);
        let kind = |registrars: &Registrars, sctp_only| registrars.target(0, sctp_only).map(|((kind, _), _)| kind);
        assert_eq!(kind(&registrars, false), Some(TransportKind::Tcp));
        assert_eq!(kind(&registrars, true), Some(TransportKind::SctpUdp));
        registrars.target_failed(0);
        assert_eq!(kind(&registrars, false), Some(TransportKind::SctpUdp));
        assert_eq!(kind(&registrars, true), Some(TransportKind::SctpUdp));
        registrars.target_failed(0);
        assert_eq!(kind(&registrars, false), Some(TransportKind::Tcp));
    }
}
