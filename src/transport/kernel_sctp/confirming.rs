//! Which addresses of a peer are its own (RFC 9260 section 5.4): a peer lists in its INIT what it likes, and only where heartbeats are
//! answered it is. Where that matters, an association is told to be up when all of its paths are confirmed, or time is over.
//!
//! Registrars alone have use for it: where they are left out, nothing waits.

use super::*;
#[cfg(feature = "registrar")]
use crate::transport::PeerAddresses;
#[cfg(feature = "registrar")]
use std::net::IpAddr;

/// Nothing comes early.
#[cfg(not(feature = "registrar"))]
#[derive(Debug)]
pub(super) enum Early {}

#[cfg(not(feature = "registrar"))]
impl KernelSctp {
    pub(super) fn waits_for_paths(&mut self, _: Time, _: AssociationId, _: KernelId, _: &PeerAddress) -> bool {
        false
    }

    pub(super) fn path_confirmed(&mut self, _: Time, _: KernelId, _: Sink<'_>) {}
    pub(super) fn keep_early(&mut self, _: Time, _: AssociationId, _: EarlyMessage, _: Sink<'_>) {}
    pub(super) fn stop_waiting(&mut self, _: Time, _: AssociationId, _: Sink<'_>) {}
}

/// Bytes and messages that may come before an association is told to be up; then nothing more is waited for.
#[cfg(feature = "registrar")]
const MAX_EARLY_BYTES: usize = 256 << 10;
#[cfg(feature = "registrar")]
const MAX_EARLY_MESSAGES: usize = 64;
/// Times RTO.Initial, how long confirmation may take: a heartbeat that gets lost is not sent again sooner.
#[cfg(feature = "registrar")]
const PATIENCE: u32 = 2;
/// Stream, payload protocol identifier, payload.
type EarlyMessage = (u16, u32, Vec<u8>);

/// What has come over an association before it was told to be up.
#[cfg(feature = "registrar")]
#[derive(Debug, Default)]
pub(super) struct Early {
    messages: Vec<EarlyMessage>,
}

#[cfg(feature = "registrar")]
impl KernelSctp {
    /// Whether an association that has come up waits until its paths are confirmed.
    pub(super) fn waits_for_paths(
        &mut self,
        now: Time,
        id: AssociationId,
        kernel_id: KernelId,
        peer: &PeerAddress,
    ) -> bool {
        let unconfirmed = self.unconfirmed(kernel_id, peer);
        if unconfirmed.is_empty() {
            return false;
        }
        for address in unconfirmed {
            // The kernel would send it after RTO.Initial. Where it fails, it does that.
            let _ = parameters::request_heartbeat(&self.socket, kernel_id, address, peer.port);
        }
        let Some(association) = self.associations.get_mut(&id) else { return false };
        association.early = Some(Early::default());
        self.set_deadline(id, Some(now + self.config.parameters.rto_initial * PATIENCE));
        true
    }

    fn unconfirmed(&self, kernel_id: KernelId, peer: &PeerAddress) -> Vec<IpAddr> {
        if self.config.peer_addresses == PeerAddresses::Listed || peer.addresses.len() < 2 {
            return Vec::new();
        }
        let unconfirmed =
            |address: &&IpAddr| !self.socket.is_confirmed(kernel_id, **address, peer.port).unwrap_or(false);
        peer.addresses.iter().filter(unconfirmed).copied().collect()
    }

    /// A path has been confirmed: perhaps the last one.
    pub(super) fn path_confirmed(&mut self, now: Time, kernel_id: KernelId, sink: Sink<'_>) {
        let Some((id, association)) = self.by_kernel_id(kernel_id) else { return };
        if association.early.is_none() {
            return;
        }
        let peer = association.peer.clone();
        let unconfirmed = self.unconfirmed(kernel_id, &peer);
        if unconfirmed.is_empty() {
            self.tell_early(now, id, &unconfirmed, sink);
        }
    }

    /// Keeps a message that comes over an association which waits.
    pub(super) fn keep_early(&mut self, now: Time, id: AssociationId, message: EarlyMessage, sink: Sink<'_>) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        let Some(early) = &mut association.early else { return };
        early.messages.push(message);
        let bytes: usize = early.messages.iter().map(|(_, _, payload)| payload.len()).sum();
        if bytes > MAX_EARLY_BYTES || early.messages.len() >= MAX_EARLY_MESSAGES {
            self.stop_waiting(now, id, sink);
        }
    }

    /// Tells that an association is up, with the addresses that are the peer's own, and what has come over it so far.
    pub(super) fn stop_waiting(&mut self, now: Time, id: AssociationId, sink: Sink<'_>) {
        let waiting = self.associations.get(&id).filter(|association| association.early.is_some());
        let Some(association) = waiting else { return };
        // All of them where the kernel has forgotten the association already.
        let unconfirmed = self.unconfirmed(association.kernel_id, &association.peer);
        self.tell_early(now, id, &unconfirmed, sink);
    }

    fn tell_early(&mut self, now: Time, id: AssociationId, unconfirmed: &[IpAddr], sink: Sink<'_>) {
        let Some(association) = self.associations.get_mut(&id) else { return };
        let Some(early) = association.early.take() else { return };
        association.peer.addresses.retain(|address| !unconfirmed.contains(address));
        self.tell_up(now, id, sink);
        for (stream, ppid, payload) in early.messages {
            sink(TransportEvent::Message { association: id, stream, ppid, payload: &payload });
        }
    }
}
