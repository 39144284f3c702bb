//! The work of a measurement: what is asked, and what the answers mean.

use rserpool::message::AsapMessage;
use rserpool::message::asap::EndpointKeepAliveAck;

/// Types of messages from a registrar.
const REGISTRATION_RESPONSE: u8 = 0x03;
const DEREGISTRATION_RESPONSE: u8 = 0x04;
const HANDLE_RESOLUTION_RESPONSE: u8 = 0x06;
const ENDPOINT_KEEP_ALIVE: u8 = 0x07;
const ASAP_ERROR: u8 = 0x0e;
/// The parameter that tells why a registrar refuses.
const OPERATIONAL_ERROR: u16 = 0x0c;
/// What an echo answers with, which no ASAP message is.
pub const ECHO: u8 = 0;

/// What is asked.
pub trait Work {
    /// The next request of association number `association`; none when it has no more.
    fn request(&mut self, association: usize) -> Option<&[u8]>;
}

/// What a message from the server is.
pub enum Verdict {
    /// The answer to the oldest request.
    Done,
    /// The same, but the server refused.
    Refused,
    /// A question that wants this answer.
    Asks(Vec<u8>),
    /// Nothing to us.
    Unknown,
}

/// Nothing to ask, but what the server asks is answered.
pub struct Nothing;

impl Work for Nothing {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        None
    }
}

/// What a message means to whoever has asked for anything.
pub fn judge(message: &[u8]) -> Verdict {
    match message.first() {
        Some(&ECHO) => Verdict::Done,
        Some(&(REGISTRATION_RESPONSE | DEREGISTRATION_RESPONSE | HANDLE_RESOLUTION_RESPONSE)) => {
            if has_error(message) {
                Verdict::Refused
            } else {
                Verdict::Done
            }
        }
        Some(&ASAP_ERROR) => Verdict::Refused,
        Some(&ENDPOINT_KEEP_ALIVE) => keep_alive(message),
        _ => Verdict::Unknown,
    }
}

/// Whether the registrar gives a reason for refusing; looks at nothing else, as that is all the loop needs to know.
fn has_error(message: &[u8]) -> bool {
    let mut rest = message.get(4..).unwrap_or(&[]);
    while let Some(&[t0, t1, l0, l1]) = rest.first_chunk() {
        if u16::from_be_bytes([t0, t1]) == OPERATIONAL_ERROR {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([l0, l1])).max(4).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or(&[]);
    }
    false
}

fn keep_alive(message: &[u8]) -> Verdict {
    match AsapMessage::decode(message).map(|decoded| decoded.message) {
        Ok(AsapMessage::EndpointKeepAlive(question)) => match question.pool_element_id {
            Some(pool_element_id) => {
                let pool_handle = question.pool_handle;
                let answer = EndpointKeepAliveAck { pool_handle, pool_element_id };
                Verdict::Asks(encoded(AsapMessage::EndpointKeepAliveAck(answer)))
            }
            None => Verdict::Unknown,
        },
        _ => Verdict::Unknown,
    }
}

/// The bytes of a message.
pub fn encoded(message: AsapMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The length of the pool's name is checked with the options: nothing else here can be too long.
    message.encode(&mut bytes).unwrap_or_else(|error| unreachable!("{error}"));
    bytes
}
