//! The link to the home registrar, associations made to us, and what comes over them.

use super::client::Phase;
use super::limits::RateLimit;
use super::registrars::CandidateId;
use super::{Action, AsapClient, ConnectAttempt};
use crate::association::{LossReason, PeerAddress, TransportKind};
use crate::message::AsapMessage;
use crate::message::asap;
use crate::wire::{Cause, Decoded, ErrorCause, OperationalError, PPID_ASAP, Undecodable};
use crate::{AssociationId, RegistrarId, Time};
use std::time::Duration;

/// Messages that make no sense, which a registrar may send in a burst before we leave it.
const MAX_GARBAGE: u32 = 16;
/// The type of ASAP_ERROR, which is never answered by another one.
const TYPE_ASAP_ERROR: u8 = 0x0e;

/// An association with a registrar.
pub(super) struct Link {
    pub(super) association: AssociationId,
    pub(super) kind: TransportKind,
    pub(super) peer: PeerAddress,
    /// Which candidate it goes to, when we made it.
    pub(super) candidate: Option<CandidateId>,
    pub(super) registrar_id: Option<RegistrarId>,
    since: Time,
    /// Something came over it that we could use.
    useful: bool,
    /// A resolution over it stays without answer.
    pub(super) doubtful: bool,
    garbage: RateLimit,
}

impl Link {
    pub(super) fn new(association: AssociationId, peer: PeerAddress, kind: TransportKind, now: Time) -> Link {
        Link {
            association,
            kind,
            peer,
            candidate: None,
            registrar_id: None,
            since: now,
            useful: false,
            doubtful: false,
            garbage: RateLimit::new(MAX_GARBAGE, Duration::from_secs(1), now),
        }
    }

    /// Whether registrations may go over it (RFC 5352 section 2.1).
    pub(super) fn is_sctp(&self) -> bool {
        self.kind != TransportKind::Tcp
    }
}

impl AsapClient {
    pub(super) fn on_association_up(&mut self, link: Link, attempt: Option<ConnectAttempt>, actions: &mut Vec<Action>) {
        if let Some(attempt) = attempt {
            return self.on_connected(link, attempt, actions);
        }
        if self.phase != Phase::Running || self.config.max_inbound_associations == 0 {
            return actions.push(Action::Abort { association: link.association, reason: "not wanted" });
        }
        while self.inbound.len() >= self.config.max_inbound_associations {
            let Some(oldest) = self.inbound.pop_front() else { break };
            self.log_peer(format_args!("association with {} makes room for one with {}", oldest.peer, link.peer));
            actions.push(Action::Abort { association: oldest.association, reason: "too many associations" });
        }
        self.inbound.push_back(link);
    }

    /// Makes a link the one to the home registrar; everything moves there.
    pub(super) fn adopt(&mut self, link: Link, actions: &mut Vec<Action>) {
        self.end_hunt(actions);
        log::info!("home registrar is now {} over {}", link.peer, link.kind);
        self.outage_told = false;
        if let Some(old) = self.home.replace(link) {
            actions.push(Action::Shutdown { association: old.association });
        }
        self.restart_registrations(actions);
        self.restart_deregistrations(actions);
        self.send_reports(actions);
        self.restart_resolutions(actions);
        self.restart_subscriptions(actions);
    }

    pub(super) fn on_association_lost(&mut self, association: AssociationId, reason: &LossReason) {
        self.inbound.retain(|link| link.association != association);
        if self.home.as_ref().is_some_and(|link| link.association == association) {
            self.home_is_gone(format_args!("{reason}"));
        }
    }

    /// Ends the link to the home registrar, which does not do its work. The next hunt follows.
    pub(super) fn leave_home(&mut self, reason: &'static str, actions: &mut Vec<Action>) {
        if let Some(link) = &self.home {
            actions.push(Action::Abort { association: link.association, reason });
            self.home_is_gone(format_args!("{reason}"));
        }
    }

    fn home_is_gone(&mut self, reason: std::fmt::Arguments<'_>) {
        let Some(link) = self.home.take() else { return };
        log::warn!("connection with home registrar {} lost: {reason}; looking for another one", link.peer);
        if let Some(candidate) = link.candidate {
            let short = self.now.saturating_since(link.since) < self.config.t5_max;
            if !link.useful && short {
                // Else a registrar that hangs up on us would have us connect in a tight loop.
                let (first, max) = (self.config.t5_server_hunt, self.config.t5_max);
                let now = self.now;
                self.registrars.useless(candidate, |times| hold_off_end(now, first, max, times));
            }
            self.registrars.mark_failed(candidate);
        }
        self.forget_sent_registrations();
        self.forget_sent_deregistrations();
        self.forget_sent_resolutions();
        self.forget_sent_subscriptions();
    }

    pub(super) fn on_message(
        &mut self,
        association: AssociationId,
        ppid: u32,
        bytes: &[u8],
        actions: &mut Vec<Action>,
    ) {
        let is_home = self.home.as_ref().is_some_and(|link| link.association == association);
        if !is_home && !self.inbound.iter().any(|link| link.association == association) {
            return; // still on its way when the association was given up
        }
        if ppid != PPID_ASAP {
            self.log_peer(format_args!("{association}: message with PPID {ppid} is not ASAP: discarded"));
            return self.count_garbage(association, actions);
        }
        match AsapMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                for parameter in unrecognized {
                    let cause = ErrorCause { cause: Cause::UnrecognizedParameter, info: parameter.0 };
                    self.report_error(association, bytes, cause, actions);
                }
                self.dispatch(association, is_home, message, actions);
            }
            Err(Undecodable { error, report }) => {
                self.log_peer(format_args!("{association}: {error}: message discarded"));
                if let Some(cause) = report {
                    self.report_error(association, bytes, cause, actions);
                }
                self.count_garbage(association, actions);
            }
        }
    }

    fn dispatch(&mut self, association: AssociationId, is_home: bool, message: AsapMessage, actions: &mut Vec<Action>) {
        match message {
            AsapMessage::EndpointKeepAlive(message) => self.handle_keep_alive(association, is_home, &message, actions),
            AsapMessage::Error(message) => self.handle_error(association, &message),
            AsapMessage::RegistrationResponse(message) if is_home => {
                self.home_works();
                self.handle_registration_response(message, actions);
            }
            AsapMessage::DeregistrationResponse(message) if is_home => {
                self.home_works();
                self.handle_deregistration_response(message, actions);
            }
            AsapMessage::HandleResolutionResponse(message) if is_home => {
                self.home_works();
                self.handle_resolution_response(message, actions);
            }
            _ => {
                self.log_peer(format_args!("{association}: a message that no home registrar sends us: discarded"));
                self.count_garbage(association, actions);
            }
        }
    }

    /// The home registrar said something useful.
    pub(super) fn home_works(&mut self) {
        let Some(link) = &mut self.home else { return };
        link.useful = true;
        if std::mem::take(&mut link.doubtful) {
            self.t5 = self.config.t5_server_hunt; // the search for an alternative is over
        }
        if let Some(candidate) = link.candidate {
            self.registrars.useful(candidate);
        }
    }

    fn handle_error(&mut self, association: AssociationId, message: &asap::Error) {
        // Nothing more to do: it does not say which request it means, and T1 to T3 notice what stays without answer.
        match message.error.first() {
            Some(cause) => self.log_peer(format_args!("{association}: the registrar reports: {cause}")),
            None => self.log_peer(format_args!("{association}: the registrar reports an error without a cause")),
        }
    }

    /// Sends ASAP_ERROR (RFC 5352 section 2.2.14) about a received message.
    fn report_error(
        &mut self,
        association: AssociationId,
        received: &[u8],
        cause: ErrorCause,
        actions: &mut Vec<Action>,
    ) {
        if received.first() == Some(&TYPE_ASAP_ERROR) || !self.may_report() {
            return;
        }
        let error = OperationalError { causes: vec![cause] };
        let mut bytes = Vec::new();
        // A cause too long to go back is not worth more than the log line that it had.
        if AsapMessage::Error(asap::Error { error }).encode(&mut bytes).is_ok() {
            actions.push(Action::Send { association, bytes });
        }
    }

    /// Whoever sends nothing but garbage is left.
    fn count_garbage(&mut self, association: AssociationId, actions: &mut Vec<Action>) {
        const REASON: &str = "too many messages that make no sense";
        let now = self.now;
        if let Some(home) = self.home.as_mut().filter(|link| link.association == association) {
            if home.garbage.pass(now).is_none() {
                home.useful = false;
                home.since = now;
                self.leave_home(REASON, actions);
            }
        } else if let Some(index) = self.inbound.iter().position(|link| link.association == association) {
            if self.inbound.get_mut(index).is_some_and(|link| link.garbage.pass(now).is_none()) {
                self.inbound.remove(index);
                actions.push(Action::Abort { association, reason: REASON });
            }
        }
    }
}

/// When a candidate may be tried again that was of no use `times` times in a row.
fn hold_off_end(now: Time, first: Duration, max: Duration, times: u32) -> Time {
    let factor = 1u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    now + first.saturating_mul(factor).min(max)
}
