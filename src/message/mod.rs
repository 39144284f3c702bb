//! ASAP and ENRP messages: one small file a message, an enum for each protocol.

pub mod asap;
mod codec;
pub mod enrp;

pub use asap::AsapMessage;
pub use codec::message_length;
pub use enrp::EnrpMessage;
