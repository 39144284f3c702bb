//! The messages of ASAP (RFC 5352 section 2.2), one file a message.

mod business_card;
mod cookie;
mod cookie_echo;
mod deregistration;
mod deregistration_response;
mod endpoint_keep_alive;
mod endpoint_keep_alive_ack;
mod endpoint_unreachable;
mod error;
mod handle_resolution;
mod handle_resolution_response;
mod registration;
mod registration_response;
mod server_announce;

pub use business_card::BusinessCard;
pub use cookie::Cookie;
pub use cookie_echo::CookieEcho;
pub use deregistration::Deregistration;
pub use deregistration_response::DeregistrationResponse;
pub use endpoint_keep_alive::EndpointKeepAlive;
pub use endpoint_keep_alive_ack::EndpointKeepAliveAck;
pub use endpoint_unreachable::EndpointUnreachable;
pub use error::Error;
pub use handle_resolution::HandleResolution;
pub use handle_resolution_response::HandleResolutionResponse;
#[cfg(feature = "registrar")]
pub(crate) use handle_resolution_response::Updates;
pub use registration::Registration;
pub use registration_response::RegistrationResponse;
pub use server_announce::ServerAnnounce;

use super::codec::{self, Message, protocol};
use crate::wire::{Decoded, EncodeError, Undecodable};

/// Any ASAP message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is documented at its own type
pub enum AsapMessage {
    Registration(Registration),
    Deregistration(Deregistration),
    RegistrationResponse(RegistrationResponse),
    DeregistrationResponse(DeregistrationResponse),
    HandleResolution(HandleResolution),
    HandleResolutionResponse(HandleResolutionResponse),
    EndpointKeepAlive(EndpointKeepAlive),
    EndpointKeepAliveAck(EndpointKeepAliveAck),
    EndpointUnreachable(EndpointUnreachable),
    ServerAnnounce(ServerAnnounce),
    Cookie(Cookie),
    CookieEcho(CookieEcho),
    BusinessCard(BusinessCard),
    Error(Error),
}

protocol! {
    AsapMessage:
    Registration, Deregistration, RegistrationResponse, DeregistrationResponse, HandleResolution,
    HandleResolutionResponse, EndpointKeepAlive, EndpointKeepAliveAck, EndpointUnreachable, ServerAnnounce, Cookie,
    CookieEcho, BusinessCard, Error
}
