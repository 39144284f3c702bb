//! The associations with registrars: the one with the home registrar, and those that others made to us.

use super::config::AsapConfig;
use super::interface::{Action, Step};
use super::peer_log::PeerLog;
use super::registrars::CandidateId;
use crate::association::{PeerAddress, TransportKind};
use crate::token_bucket::TokenBucket;
use crate::{AssociationId, RegistrarId, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// Messages that make no sense, which a registrar may send in a burst before we leave it.
const MAX_GARBAGE: u32 = 16;
/// Why a registrar is left that sends more of them.
const TOO_MUCH_GARBAGE: &str = "too many messages that make no sense";
/// H=1 adoptions in a burst: who may connect to us could otherwise make us re-register as often as it likes.
const MAX_ADOPTIONS: u32 = 4;

/// The registrar that requests go to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HomeRegistrar<'a> {
    /// The association with it.
    pub association: AssociationId,
    /// How it is connected.
    pub kind: TransportKind,
    /// Its address.
    pub peer: &'a PeerAddress,
    /// Its identifier, when it told us.
    pub id: Option<RegistrarId>,
}

/// An association with a registrar.
pub(super) struct RegistrarAssociation {
    association: AssociationId,
    kind: TransportKind,
    peer: PeerAddress,
    /// Which candidate it goes to, when we made it.
    candidate: Option<CandidateId>,
    registrar_id: Option<RegistrarId>,
    life_unit: LifeUnit,
    since: Time,
    /// When anything came over it last.
    last_heard: Option<Time>,
    /// Something came over it that we could use.
    useful: bool,
    /// A resolution over it stays without answer.
    doubtful: bool,
    garbage: TokenBucket,
}

impl RegistrarAssociation {
    pub(super) fn new(association: AssociationId, peer: PeerAddress, kind: TransportKind, now: Time) -> Self {
        RegistrarAssociation {
            association,
            kind,
            peer,
            candidate: None,
            registrar_id: None,
            life_unit: LifeUnit::Unknown,
            since: now,
            last_heard: None,
            useful: false,
            doubtful: false,
            garbage: TokenBucket::new(MAX_GARBAGE, Duration::from_secs(1), now),
        }
    }

    pub(super) fn id(&self) -> AssociationId {
        self.association
    }

    pub(super) fn kind(&self) -> TransportKind {
        self.kind
    }

    pub(super) fn peer(&self) -> &PeerAddress {
        &self.peer
    }

    pub(super) fn candidate(&self) -> Option<CandidateId> {
        self.candidate
    }

    /// Whether registrations may go over it (RFC 5352 section 2.1).
    pub(super) fn is_sctp(&self) -> bool {
        self.kind != TransportKind::Tcp
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// It goes to this candidate, which is this registrar as far as known.
    pub(super) fn set_registrar(&mut self, candidate: CandidateId, id: Option<RegistrarId>) {
        (self.candidate, self.registrar_id) = (Some(candidate), id);
    }

    /// It came up less than `time` ago, and nothing useful came over it.
    pub(super) fn was_useless(&self, now: Time, time: Duration) -> bool {
        !self.useful && now.saturating_since(self.since) < time
    }
}

/// In which unit a registrar reads the life of a registration (see [`crate::wire::RegistrationLife`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LifeUnit {
    /// It has not shown that yet, and rsplib never does: it may be milliseconds.
    Unknown,
    /// It knows our parameter, or has reported that it does not, as RFC 5354 wants.
    Seconds,
}

/// Where registrations go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SctpHome {
    pub(super) association: AssociationId,
    pub(super) life_unit: LifeUnit,
    /// When anything came from there last.
    pub(super) last_heard: Option<Time>,
}

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The home registrar.
    Home,
    /// Whoever connected to us.
    Other,
}

/// The home registrar has done its work.
pub(super) struct HomeWorked {
    pub(super) candidate: Option<CandidateId>,
    /// An alternative for it was looked for.
    pub(super) was_doubtful: bool,
}

/// All associations with registrars.
pub(super) struct Associations {
    home: Option<RegistrarAssociation>,
    /// The oldest first.
    inbound: VecDeque<RegistrarAssociation>,
    max_inbound: usize,
    adoptions: TokenBucket,
    log: PeerLog,
}

impl Associations {
    pub(super) fn new(config: &AsapConfig, now: Time) -> Associations {
        Associations {
            home: None,
            inbound: VecDeque::new(),
            max_inbound: config.max_inbound_associations,
            adoptions: TokenBucket::new(MAX_ADOPTIONS, Duration::from_secs(1), now),
            log: PeerLog::default(),
        }
    }

    /// The association with the home registrar.
    pub(super) fn home(&self) -> Option<&RegistrarAssociation> {
        self.home.as_ref()
    }

    /// Where to send what goes to the home registrar.
    pub(super) fn home_id(&self) -> Option<AssociationId> {
        self.home.as_ref().map(RegistrarAssociation::id)
    }

    /// Where to send registrations.
    pub(super) fn sctp_home(&self) -> Option<SctpHome> {
        let home = self.home.as_ref().filter(|home| home.is_sctp())?;
        Some(SctpHome { association: home.association, life_unit: home.life_unit, last_heard: home.last_heard })
    }

    /// Where to send de-registrations.
    pub(super) fn sctp_home_id(&self) -> Option<AssociationId> {
        self.sctp_home().map(|home| home.association)
    }

    /// The home registrar has shown that it reads lives in seconds.
    pub(super) fn home_reads_seconds(&mut self) {
        if let Some(home) = &mut self.home {
            home.life_unit = LifeUnit::Seconds;
        }
    }

    /// The home registrar, for who asks.
    pub(super) fn home_registrar(&self) -> Option<HomeRegistrar<'_>> {
        let RegistrarAssociation { association, kind, peer, registrar_id, .. } = self.home.as_ref()?;
        Some(HomeRegistrar { association: *association, kind: *kind, peer, id: *registrar_id })
    }

    /// Takes up an association that somebody made to us.
    pub(super) fn accept(&mut self, association: RegistrarAssociation, step: &mut Step<'_>) {
        if self.max_inbound == 0 {
            return step.push(Action::Abort { association: association.id(), reason: "not wanted" });
        }
        while self.inbound.len() >= self.max_inbound {
            let Some(oldest) = self.inbound.pop_front() else { break };
            let (out, new) = (&oldest.peer, &association.peer);
            self.log.warn(step.now, format_args!("association with {out} makes room for one with {new}"));
            step.push(Action::Abort { association: oldest.association, reason: "too many associations" });
        }
        self.inbound.push_back(association);
    }

    /// Makes an association the one with the home registrar.
    pub(super) fn set_home(&mut self, association: RegistrarAssociation, step: &mut Step<'_>) {
        log::info!("home registrar is now {} over {}", association.peer, association.kind);
        if let Some(old) = self.home.replace(association) {
            step.push(Action::Shutdown { association: old.association });
        }
    }

    /// Takes the home registrar away.
    pub(super) fn take_home(&mut self) -> Option<RegistrarAssociation> {
        self.home.take()
    }

    /// An association is lost; returns it, if it was the one with the home registrar.
    pub(super) fn lost(&mut self, association: AssociationId) -> Option<RegistrarAssociation> {
        self.inbound.retain(|inbound| inbound.association != association);
        self.home.take_if(|home| home.association == association)
    }

    /// The association that this registrar has made with us, if it did and is not our home registrar over it.
    pub(super) fn take_inbound(&mut self, kind: TransportKind, peer: &PeerAddress) -> Option<RegistrarAssociation> {
        let is_it = |inbound: &RegistrarAssociation| {
            kind != TransportKind::Tcp && inbound.is_sctp() && inbound.peer.is_with(peer)
        };
        let index = self.inbound.iter().position(is_it)?;
        self.inbound.remove(index)
    }

    /// KA2.4: takes the association of a registrar that wants to be our home registrar, if it may be.
    pub(super) fn take_adopted(
        &mut self,
        association: AssociationId,
        id: RegistrarId,
        now: Time,
    ) -> Option<RegistrarAssociation> {
        if self.home.as_ref().is_some_and(|home| home.registrar_id == Some(id)) {
            return None; // it is already, over another association
        }
        let is_it = |inbound: &RegistrarAssociation| inbound.association == association && inbound.is_sctp();
        let index = self.inbound.iter().position(is_it)?;
        if !self.adoptions.take(now) {
            let line = format_args!("registrar {id} wants to be home registrar: too many of late, ignored");
            self.log.warn(now, line);
            return None;
        }
        let mut adopted = self.inbound.remove(index)?;
        adopted.last_heard = Some(now);
        Some(adopted)
    }

    /// A message has come: who is at the other end; none: the association has been given up.
    pub(super) fn heard(&mut self, association: AssociationId, now: Time) -> Option<Sender> {
        if let Some(home) = self.home.as_mut().filter(|home| home.association == association) {
            home.last_heard = Some(now);
            return Some(Sender::Home);
        }
        self.inbound.iter().any(|inbound| inbound.association == association).then_some(Sender::Other)
    }

    /// The home registrar said who it is.
    pub(super) fn set_home_registrar_id(&mut self, id: RegistrarId) {
        if let Some(home) = &mut self.home {
            home.registrar_id = Some(id);
        }
    }

    /// The home registrar leaves a request unanswered.
    pub(super) fn doubt_home(&mut self) {
        if let Some(home) = &mut self.home {
            home.doubtful = true;
        }
    }

    /// The home registrar said something useful.
    pub(super) fn home_worked(&mut self) -> Option<HomeWorked> {
        let home = self.home.as_mut()?;
        home.useful = true;
        let was_doubtful = std::mem::take(&mut home.doubtful);
        Some(HomeWorked { candidate: home.candidate, was_doubtful })
    }

    /// Counts a message that makes no sense. Whoever sends nothing else is left; for the home registrar the reason is returned.
    pub(super) fn count_garbage(&mut self, association: AssociationId, step: &mut Step<'_>) -> Option<&'static str> {
        let now = step.now;
        if let Some(home) = self.home.as_mut().filter(|home| home.association == association) {
            if !home.garbage.take(now) {
                (home.useful, home.since) = (false, now);
                return Some(TOO_MUCH_GARBAGE);
            }
        } else if let Some(index) = self.inbound.iter().position(|inbound| inbound.association == association) {
            if self.inbound.get_mut(index).is_some_and(|inbound| !inbound.garbage.take(now)) {
                self.inbound.remove(index);
                step.push(Action::Abort { association, reason: TOO_MUCH_GARBAGE });
            }
        }
        None
    }

    /// Who is at the other end of an association that somebody made to us.
    pub(super) fn inbound_peer(&self, association: AssociationId) -> Option<&PeerAddress> {
        self.inbound.iter().find(|inbound| inbound.association == association).map(RegistrarAssociation::peer)
    }

    /// Somebody is not believed that it is our home registrar now.
    pub(super) fn refuse_takeover(&mut self, association: AssociationId, id: RegistrarId, why: &str, now: Time) {
        if let Some(inbound) = self.inbound.iter().find(|inbound| inbound.association == association) {
            let peer = &inbound.peer;
            self.log.warn(now, format_args!("registrar {id} at {peer} wants to be home registrar, ignored: {why}"));
        }
    }

    /// Closes all of them in order.
    pub(super) fn close(&mut self, step: &mut Step<'_>) {
        for association in self.home.take().into_iter().chain(std::mem::take(&mut self.inbound)) {
            step.push(Action::Shutdown { association: association.association });
        }
    }
}
