//! ASAP and ENRP messages: one small file a message, an enum for each protocol.

pub mod asap;
pub mod enrp;

pub use asap::AsapMessage;
pub use enrp::EnrpMessage;
