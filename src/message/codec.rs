//! The common message format (RFC 5354 section 4): header, length, padding, rule for unknown message types.
//!
//! * The header's length may count the padding of the last parameter (rsplib) or not (RFC); we send it without.
//! * Received bytes must be the message and its padding, nothing less and nothing more: SCTP, UDP and
//!   [`message_length`] keep message boundaries, so anything else is not what its length says.
//! * Flags that a message does not define are sent as zero and ignored.
//! * Nothing wrong with an error message is ever reported: two endpoints could do so for ever.

use crate::wire::{Cause, Decoded, EncodeError, Reader, Reports, Undecodable, WireError, Writer, report};

/// The one flag of most messages: R, S, A, H, W or T.
pub(crate) const FLAG_LOW: u8 = 0x01;
/// The M flag of ENRP_HANDLE_TABLE_RESPONSE.
pub(crate) const FLAG_MORE: u8 = 0x02;

/// Length of the header: type, flags, length.
const HEADER_LENGTH: usize = 4;

/// A message type of ASAP or ENRP.
pub(crate) trait Message: Sized {
    /// Its type on the wire.
    const TYPE: u8;
    /// Its name in the RFC.
    const NAME: &'static str;

    /// Its flags; none by default.
    fn flags(&self) -> u8 {
        0
    }

    /// Decodes everything behind the header.
    fn decode_body(flags: u8, body: Reader<'_>, reports: &mut Reports) -> Result<Self, Undecodable>;

    /// Writes everything behind the header.
    fn encode_body(&self, w: &mut Writer<'_>);
}

/// Appends `message` to `out`, or leaves `out` as it was.
pub(crate) fn encode<M: Message>(message: &M, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    Writer::message(out, M::TYPE, message.flags(), M::NAME, |w| message.encode_body(w))
}

/// How many bytes the message at the start of a byte stream (TCP) occupies; `None`: its header is not complete yet.
///
/// On a stream a message occupies its length rounded up to a multiple of four, whether its length counts the final
/// padding or not, and at least the four bytes of its header: a length below four makes the header alone a message,
/// which no decoder accepts. The result is at most 65 536.
pub fn message_length(start: &[u8]) -> Option<usize> {
    let &[_, _, high, low] = start.first_chunk::<HEADER_LENGTH>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    Some(length.max(HEADER_LENGTH).next_multiple_of(4))
}

/// A received message split into its parts.
pub(crate) struct Frame<'a> {
    pub(crate) message_type: u8,
    pub(crate) flags: u8,
    pub(crate) body: Reader<'a>,
    /// Header and body without padding.
    whole: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks header and length of `bytes`, which hold one message.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Frame<'a>, WireError> {
        let [message_type, flags, length @ ..] = Reader::new(bytes).array::<HEADER_LENGTH>("message header")?;
        let length = u16::from_be_bytes(length);
        let invalid = WireError::Invalid { field: "message length", value: length.into() };
        let length = usize::from(length);
        let needed = length.next_multiple_of(4);
        if length < HEADER_LENGTH {
            return Err(invalid);
        }
        if bytes.len() < needed {
            return Err(WireError::Truncated { field: "message", needed, available: bytes.len() });
        }
        if bytes.len() > needed {
            return Err(invalid);
        }
        let (whole, body) =
            bytes.get(..length).and_then(|whole| Some((whole, whole.get(HEADER_LENGTH..)?))).ok_or(invalid)?;
        Ok(Frame { message_type, flags, body: Reader::new(body), whole })
    }

    /// What becomes of a message of unknown type, by the two highest bits of it: 01 is reported, all else is not.
    pub(crate) fn unknown(&self) -> Undecodable {
        let message_type = self.message_type;
        let report = (message_type >> 6 == 0b01).then(|| report(Cause::UnrecognizedMessage, self.whole));
        Undecodable { error: WireError::UnknownMessage { message_type }, report }
    }
}

/// Decodes the message in `bytes` by `dispatch`, which gets the frame.
pub(crate) fn decode<M>(
    bytes: &[u8],
    error_type: u8,
    dispatch: impl FnOnce(&Frame<'_>, &mut Reports) -> Result<M, Undecodable>,
) -> Result<Decoded<M>, Undecodable> {
    let frame = Frame::new(bytes)?;
    let mut reports = Reports::default();
    let result = dispatch(&frame, &mut reports);
    if frame.message_type == error_type {
        return match result {
            Ok(message) => Ok(Decoded { message, unrecognized: Vec::new() }),
            Err(undecodable) => Err(Undecodable { report: None, ..undecodable }),
        };
    }
    Ok(Decoded { message: result?, unrecognized: reports.into_list() })
}

/// Decoding, encoding and naming of a protocol's enum of messages.
macro_rules! protocol {
    ($protocol:ident: $($message:ident),+) => {
        impl $protocol {
            /// Decodes one message. `bytes` is the message with its padding, and nothing else.
            ///
            /// The length in its header may count the padding or not. Parameters may stand in any order.
            pub fn decode(bytes: &[u8]) -> Result<Decoded<$protocol>, Undecodable> {
                codec::decode(bytes, Error::TYPE, |frame, reports| match frame.message_type {
                    $($message::TYPE => {
                        $message::decode_body(frame.flags, frame.body, reports).map($protocol::$message)
                    })+
                    _ => Err(frame.unknown()),
                })
            }

            /// Appends the encoded message to `out`; on an error `out` is as before.
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match self {
                    $($protocol::$message(message) => codec::encode(message, out),)+
                }
            }

            /// The name of the message in the RFC, e.g. for logs.
            pub fn name(&self) -> &'static str {
                match self {
                    $($protocol::$message(_) => $message::NAME,)+
                }
            }
        }

        $(
            impl $message {
                /// Appends the encoded message to `out`; on an error `out` is as before.
                pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                    codec::encode(self, out)
                }
            }

            impl From<$message> for $protocol {
                fn from(message: $message) -> $protocol {
                    $protocol::$message(message)
                }
            }
        )+
    };
}
pub(crate) use protocol;
