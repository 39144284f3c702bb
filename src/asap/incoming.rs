//! Reads what registrars send, and answers what cannot be read.

use super::interface::{Action, Step};
use super::peer_log::PeerLog;
use crate::message::AsapMessage;
use crate::message::asap;
use crate::token_bucket::TokenBucket;
use crate::wire::{Cause, Decoded, ErrorCause, OperationalError, PPID_ASAP, Undecodable};
use crate::{AssociationId, Time};
use std::net::SocketAddr;
use std::time::Duration;

/// The type of ASAP_ERROR, which is never answered by another one.
const TYPE_ASAP_ERROR: u8 = 0x0e;
/// ASAP_ERROR messages in a burst; then one a second.
const MAX_ERRORS: u32 = 16;

/// What came on an association.
pub(super) enum Incoming {
    /// A message.
    Message(AsapMessage),
    /// Something that makes no sense.
    Garbage,
}

/// The reader.
pub(super) struct Reader {
    errors: TokenBucket,
    log: PeerLog,
}

impl Reader {
    pub(super) fn new(now: Time) -> Reader {
        Reader { errors: TokenBucket::new(MAX_ERRORS, Duration::from_secs(1), now), log: PeerLog::default() }
    }

    /// Reads one message.
    pub(super) fn read(
        &mut self,
        association: AssociationId,
        ppid: u32,
        bytes: &[u8],
        step: &mut Step<'_>,
    ) -> Incoming {
        if ppid != PPID_ASAP {
            let line = format_args!("{association}: message with PPID {ppid} is not ASAP: discarded");
            self.log.warn(step.now, line);
            return Incoming::Garbage;
        }
        match AsapMessage::decode(bytes) {
            Ok(Decoded { message, unrecognized }) => {
                for parameter in unrecognized {
                    let cause = ErrorCause { cause: Cause::UnrecognizedParameter, info: parameter.0 };
                    self.report(association, bytes, cause, step);
                }
                Incoming::Message(message)
            }
            Err(Undecodable { error, report }) => {
                self.log.warn(step.now, format_args!("{association}: {error}: message discarded"));
                if let Some(cause) = report {
                    self.report(association, bytes, cause, step);
                }
                Incoming::Garbage
            }
        }
    }

    /// Reads a datagram of the announcement group.
    pub(super) fn read_announcement(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        now: Time,
    ) -> Option<asap::ServerAnnounce> {
        match AsapMessage::decode(bytes) {
            Ok(Decoded { message: AsapMessage::ServerAnnounce(message), .. }) => return Some(message),
            Ok(_) => self.log.warn(now, format_args!("datagram from {from} is no announcement: ignored")),
            Err(error) => self.log.warn(now, format_args!("announcement from {from}: {error}: ignored")),
        }
        None
    }

    /// The registrar reports an error of ours. Nothing more is to do: it does not say which request it means, and T1 to T3 notice what
    /// stays without answer.
    pub(super) fn on_error(&mut self, association: AssociationId, message: &asap::Error, now: Time) {
        match message.error.first() {
            Some(cause) => self.log.warn(now, format_args!("{association}: the registrar reports: {cause}")),
            None => {
                let line = format_args!("{association}: the registrar reports an error without a cause");
                self.log.warn(now, line);
            }
        }
    }

    /// A message that says nothing to a pool element or pool user.
    pub(super) fn on_unexpected(&mut self, association: AssociationId, now: Time) {
        let line = format_args!("{association}: a message that no home registrar sends us: discarded");
        self.log.warn(now, line);
    }

    /// Sends ASAP_ERROR (RFC 5352 section 2.2.14) about a received message.
    fn report(&mut self, association: AssociationId, received: &[u8], cause: ErrorCause, step: &mut Step<'_>) {
        if received.first() == Some(&TYPE_ASAP_ERROR) || !self.errors.take(step.now) {
            return;
        }
        let error = OperationalError { causes: vec![cause] };
        let mut bytes = Vec::new();
        // A cause too long to go back is not worth more than the log line that it had.
        if AsapMessage::Error(asap::Error { error }).encode(&mut bytes).is_ok() {
            step.push(Action::Send { association, bytes });
        }
    }
}
