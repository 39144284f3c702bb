//! The messages of ENRP (RFC 5353 section 2), one file a message.

mod error;
mod handle_table_request;
mod handle_table_response;
mod handle_update;
mod init_takeover;
mod init_takeover_ack;
mod list_request;
mod list_response;
mod presence;
mod takeover_server;

pub use error::Error;
pub use handle_table_request::HandleTableRequest;
pub use handle_table_response::{HandleTableResponse, PoolEntry};
pub use handle_update::{HandleUpdate, UpdateAction};
pub use init_takeover::InitTakeover;
pub use init_takeover_ack::InitTakeoverAck;
pub use list_request::ListRequest;
pub use list_response::ListResponse;
pub use presence::Presence;
pub use takeover_server::TakeoverServer;

/// Any ENRP message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is documented at its own type
pub enum EnrpMessage {
    Presence(Presence),
    HandleTableRequest(HandleTableRequest),
    HandleTableResponse(HandleTableResponse),
    HandleUpdate(HandleUpdate),
    ListRequest(ListRequest),
    ListResponse(ListResponse),
    InitTakeover(InitTakeover),
    InitTakeoverAck(InitTakeoverAck),
    TakeoverServer(TakeoverServer),
    Error(Error),
}

impl EnrpMessage {
    /// Decodes one message; `bytes` is exactly one message, with or without the padding of its last parameter.
    pub fn decode(bytes: &[u8]) -> Result<crate::wire::Decoded<EnrpMessage>, crate::wire::Undecodable> {
        let _ = bytes;
        todo!("wire helper")
    }

    /// Appends the encoded message to `out`; on an error `out` is as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), crate::wire::EncodeError> {
        let _ = out;
        todo!("wire helper")
    }
}
