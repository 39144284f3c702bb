//! Notifications of the kernel's SCTP (RFC 6458 section 6.1), decoded without trusting their length.

use super::abi::{self, KernelId};
use crate::association::LossReason;

/// A notification that this crate cares about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notification<'a> {
    /// An association came up, by either side's will.
    Up { association: KernelId, outbound_streams: u16 },
    /// The peer restarted: same identifier, new association.
    Restart { association: KernelId, outbound_streams: u16 },
    /// An association was lost or aborted; the causes of the peer's ABORT, if it sent any.
    Lost { association: KernelId, error: u16, causes: &'a [u8] },
    /// An association ended in order.
    ShutdownComplete { association: KernelId },
    /// An association did not come up; the error cause of the peer's ABORT, zero if it named none.
    CannotStart { association: KernelId, error: u16 },
    /// A path of the peer does not answer.
    PathUnreachable { association: KernelId },
    /// A path of the peer has answered for the first time.
    PathConfirmed { association: KernelId },
    /// A message, or a fragment of one, was not delivered.
    SendFailed(SendFailed<'a>),
    /// The peer begins to close the association.
    PeerShutdown { association: KernelId },
    /// The rest of a message that was delivered in part will never come.
    PartialDeliveryAborted { association: KernelId },
    /// Everything sent was acknowledged.
    SenderDry { association: KernelId },
    /// Anything else.
    Other,
}

/// A message, or a fragment of one, that was not delivered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SendFailed<'a> {
    pub association: KernelId,
    pub stream: u16,
    /// In host order.
    pub ppid: u32,
    pub context: u32,
    /// The whole message is in `payload`.
    pub whole: bool,
    pub unordered: bool,
    pub payload: &'a [u8],
}

const COMM_UP: u16 = 0;
const COMM_LOST: u16 = 1;
const RESTART: u16 = 2;
const SHUTDOWN_COMP: u16 = 3;
const CANT_STR_ASSOC: u16 = 4;
const ADDR_UNREACHABLE: u32 = 1;
const ADDR_CONFIRMED: u32 = 5;
/// DATA chunk flags B and E (RFC 9260 section 3.3.1).
const WHOLE_MESSAGE: u16 = 3;
/// The U bit there.
const UNORDERED: u16 = 4;

/// Length of `sctp_assoc_change` without the information at its end.
const ASSOC_CHANGE_LEN: usize = 20;
/// Length of `sctp_send_failed_event` without the payload at its end.
const SEND_FAILED_LEN: usize = 32;

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn id_at(bytes: &[u8], offset: usize) -> Option<KernelId> {
    Some(KernelId::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

impl Notification<'_> {
    /// Decodes a notification; [`Notification::Other`] when it is too short or of no interest.
    pub fn decode(bytes: &[u8]) -> Notification<'_> {
        Notification::try_decode(bytes).unwrap_or(Notification::Other)
    }

    fn try_decode(bytes: &[u8]) -> Option<Notification<'_>> {
        // The kernel's own length, where it is shorter than what was received.
        let bytes = bytes.get(..u32_at(bytes, 4)? as usize).unwrap_or(bytes);
        Some(match u16_at(bytes, 0)? {
            abi::SCTP_ASSOC_CHANGE => association_change(bytes)?,
            abi::SCTP_PEER_ADDR_CHANGE if u32_at(bytes, 136)? == ADDR_UNREACHABLE => {
                Notification::PathUnreachable { association: id_at(bytes, 144)? }
            }
            abi::SCTP_PEER_ADDR_CHANGE if u32_at(bytes, 136)? == ADDR_CONFIRMED => {
                Notification::PathConfirmed { association: id_at(bytes, 144)? }
            }
            abi::SCTP_SEND_FAILED_EVENT => Notification::SendFailed(SendFailed {
                association: id_at(bytes, 28)?,
                stream: u16_at(bytes, 12)?,
                ppid: u32::from_be(u32_at(bytes, 16)?),
                context: u32_at(bytes, 20)?,
                whole: u16_at(bytes, 14)? & WHOLE_MESSAGE == WHOLE_MESSAGE,
                unordered: u16_at(bytes, 14)? & UNORDERED != 0,
                payload: bytes.get(SEND_FAILED_LEN..)?,
            }),
            abi::SCTP_SHUTDOWN_EVENT => Notification::PeerShutdown { association: id_at(bytes, 8)? },
            abi::SCTP_PARTIAL_DELIVERY_EVENT => Notification::PartialDeliveryAborted { association: id_at(bytes, 12)? },
            abi::SCTP_SENDER_DRY_EVENT => Notification::SenderDry { association: id_at(bytes, 8)? },
            _ => Notification::Other,
        })
    }
}

fn association_change(bytes: &[u8]) -> Option<Notification<'_>> {
    let association = id_at(bytes, 16)?;
    let outbound_streams = u16_at(bytes, 12)?;
    Some(match u16_at(bytes, 8)? {
        COMM_UP => Notification::Up { association, outbound_streams },
        RESTART => Notification::Restart { association, outbound_streams },
        COMM_LOST => {
            Notification::Lost { association, error: u16_at(bytes, 10)?, causes: bytes.get(ASSOC_CHANGE_LEN..)? }
        }
        SHUTDOWN_COMP => Notification::ShutdownComplete { association },
        // As it came from the network.
        CANT_STR_ASSOC => Notification::CannotStart { association, error: u16::from_be(u16_at(bytes, 10)?) },
        _ => Notification::Other,
    })
}

/// Why the kernel has ended an association that was up; `error` as it came from the kernel.
pub(super) fn end_reason(error: u16, causes: &[u8], path_unreachable: bool) -> LossReason {
    match u16::from_be(error) {
        _ if !causes.is_empty() => LossReason::from_abort(abort_reason(causes)),
        0 => LossReason::Unreachable,
        _ if path_unreachable => LossReason::Unreachable,
        // That was no ABORT of the peer: the kernel has found fault with what the peer sent.
        cause => LossReason::ProtocolViolation(cause_name(cause)),
    }
}

/// The readable part of the causes of an ABORT (RFC 9260 section 3.3.10), for logs.
pub(super) fn abort_reason(causes: &[u8]) -> String {
    const USER_INITIATED_ABORT: u16 = 12;
    const PROTOCOL_VIOLATION: u16 = 13;
    /// Longer reasons are cut.
    const MAX_LEN: usize = 120;
    let Some(([c0, c1, l0, l1], rest)) = causes.split_first_chunk::<4>() else { return String::new() };
    let code = u16::from_be_bytes([*c0, *c1]);
    let len = usize::from(u16::from_be_bytes([*l0, *l1])).saturating_sub(4);
    let text = rest.get(..len).unwrap_or(rest);
    match code {
        USER_INITIATED_ABORT | PROTOCOL_VIOLATION => text
            .iter()
            .take(MAX_LEN)
            .map(|byte| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '?' })
            .collect(),
        code => cause_name(code),
    }
}

/// An error cause that says all by its number.
pub(super) fn cause_name(code: u16) -> String {
    const OUT_OF_RESOURCE: u16 = 4;
    match code {
        OUT_OF_RESOURCE => "out of resource".to_owned(),
        code => format!("error cause {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assoc_change(state: u16, info: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(abi::SCTP_ASSOC_CHANGE.to_ne_bytes());
        bytes.extend(0u16.to_ne_bytes());
        bytes.extend(((ASSOC_CHANGE_LEN + info.len()) as u32).to_ne_bytes());
        for field in [state, 0x1234, 10, 20] {
            bytes.extend(field.to_ne_bytes());
        }
        bytes.extend(77i32.to_ne_bytes());
        bytes.extend(info);
        bytes
    }

    #[test]
    fn association_changes_are_told_apart() {
        assert_eq!(
            Notification::decode(&assoc_change(COMM_UP, &[])),
            Notification::Up { association: 77, outbound_streams: 10 }
        );
        assert_eq!(
            Notification::decode(&assoc_change(COMM_LOST, &[1, 2])),
            Notification::Lost { association: 77, error: 0x1234, causes: &[1, 2] }
        );
        assert_eq!(
            Notification::decode(&assoc_change(CANT_STR_ASSOC, &[])),
            Notification::CannotStart { association: 77, error: 0x1234u16.to_be() }
        );
    }

    #[test]
    fn only_silence_and_an_abort_without_a_reason_say_that_nobody_is_there() {
        let violation = 13u16.to_be();
        assert_eq!(end_reason(0, &[], false), LossReason::Unreachable);
        assert_eq!(end_reason(violation, &[], true), LossReason::Unreachable);
        // So ends a process that is killed.
        assert!(end_reason(12u16.to_be(), &[0, 12, 0, 4], false).says_unreachable());
        assert_eq!(end_reason(12u16.to_be(), &[0, 12, 0, 6, b'h', b'i'], false), LossReason::Aborted("hi".to_owned()));
        let own_finding = end_reason(violation, &[], false);
        assert_eq!(own_finding, LossReason::ProtocolViolation("error cause 13".to_owned()));
        assert!(!own_finding.says_unreachable());
    }

    #[test]
    fn every_truncation_is_harmless() {
        let whole = assoc_change(COMM_LOST, &[0, 12, 0, 6, b'h', b'i']);
        for len in 0..ASSOC_CHANGE_LEN {
            assert_eq!(Notification::decode(&whole[..len]), Notification::Other);
        }
    }

    #[test]
    fn abort_reasons_are_sanitised() {
        assert_eq!(abort_reason(&[0, 12, 0, 8, b'b', b'y', 0x1b, b'e']), "by?e");
        assert_eq!(abort_reason(&[0, 12, 0xff, 0xff, b'x']), "x");
        assert_eq!(abort_reason(&[0, 12, 0, 0]), "");
        assert_eq!(abort_reason(&[0, 9, 0, 4]), "error cause 9");
        assert_eq!(abort_reason(&[0, 12]), "");
    }
}
