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

use super::codec::{self, Message, protocol};
use crate::RegistrarId;
use crate::wire::{Decoded, EncodeError, Reader, Undecodable, WireError, Writer};

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

protocol! {
    EnrpMessage:
    Presence, HandleTableRequest, HandleTableResponse, HandleUpdate, ListRequest, ListResponse, InitTakeover,
    InitTakeoverAck, TakeoverServer, Error
}

/// What every ENRP message begins with.
struct Servers {
    sender: RegistrarId,
    receiver: RegistrarId,
}

impl Servers {
    fn of(sender: RegistrarId, receiver: RegistrarId) -> Servers {
        Servers { sender, receiver }
    }

    fn decode(body: &mut Reader<'_>) -> Result<Servers, WireError> {
        let sender = RegistrarId(body.u32("sending server's ID")?);
        let receiver = RegistrarId(body.u32("receiving server's ID")?);
        Ok(Servers { sender, receiver })
    }

    fn encode(&self, w: &mut Writer<'_>) {
        w.u32(self.sender.0);
        w.u32(self.receiver.0);
    }
}
