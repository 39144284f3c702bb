//! ASAP_SERVER_ANNOUNCE (RFC 5352 section 3.6).

use super::{Action, Link, Registrar, RegistrarConfig, Step};
use crate::message::AsapMessage;
use crate::message::asap::ServerAnnounce;
use crate::wire::TransportParameter;
use crate::{RegistrarId, Time};

/// When the next announcement is due, and its bytes.
#[derive(Debug)]
pub(super) struct Announcer {
    next: Option<Time>,
    bytes: Vec<u8>,
    wanted: bool,
}

impl Announcer {
    /// The first announcement is due at once: pool users may be waiting for it.
    pub fn new(config: &RegistrarConfig, registrar_id: RegistrarId, now: Time) -> Announcer {
        let bytes = encode(registrar_id, &config.asap_transports);
        Announcer { next: config.announce.then_some(now), bytes, wanted: config.announce }
    }

    /// The registrar is reached in these ways from now on: announcements that are going on say so at once.
    pub fn describe(&mut self, registrar_id: RegistrarId, transports: &[TransportParameter], now: Time) {
        self.bytes = encode(registrar_id, transports);
        self.next = self.next.map(|next| next.min(now));
    }

    /// The next announcement is due then at the latest.
    pub fn hasten(&mut self, at: Time) {
        self.next = self.next.map(|next| next.min(at));
    }

    /// The registrar serves from now on.
    pub fn start(&mut self, now: Time) {
        self.next = self.wanted.then_some(now);
    }

    /// The registrar does not serve (any more).
    pub fn stop(&mut self) {
        self.next = None;
    }

    pub fn next(&self) -> Option<Time> {
        self.next
    }
}

/// An announcement; without transports, which are not needed (RFC 5352 section 3.6), where these make no sense.
fn encode(registrar_id: RegistrarId, transports: &[TransportParameter]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let announce = ServerAnnounce { registrar_id, transports: transports.to_vec() };
    if let Err(error) = AsapMessage::ServerAnnounce(announce).encode(&mut bytes) {
        log::warn!("registrar {registrar_id}: announcements do not say where it is: {error}");
        bytes.clear();
        let bare = AsapMessage::ServerAnnounce(ServerAnnounce { registrar_id, transports: Vec::new() });
        // It has but an identifier, which can always be encoded.
        let _ = bare.encode(&mut bytes);
    }
    bytes
}

impl Registrar {
    /// Announces the registrar every (N+1) intervals, N being the number of other registrars: so all of them together
    /// make about one announcement an interval.
    pub(super) fn announce_if_due(&mut self, step: &mut Step<'_>) {
        if self.announcer.next.is_none_or(|next| next > step.now) {
            return;
        }
        let registrars = u32::try_from(self.peer_count()).unwrap_or(u32::MAX).saturating_add(1);
        self.announcer.next = Some(step.now + self.config.announce_interval.saturating_mul(registrars));
        self.statistics.announcements += 1;
        step.push(Action::Multicast { link: Link::Asap, bytes: self.announcer.bytes.clone() });
    }
}
