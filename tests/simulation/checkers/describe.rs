//! Events and actions as lines of a trace.

use crate::node::Input;
use crate::world::World;
use rserpool::asap;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar;

/// A message, as far as it can be decoded.
fn message(bytes: &[u8], enrp: bool) -> String {
    if enrp {
        EnrpMessage::decode(bytes).map_or_else(|_| format!("{bytes:02x?}"), |decoded| format!("{:?}", decoded.message))
    } else {
        AsapMessage::decode(bytes).map_or_else(|_| format!("{bytes:02x?}"), |decoded| format!("{:?}", decoded.message))
    }
}

pub fn describe(world: &World, input: &Input) -> String {
    match input {
        Input::Message { end, bytes } => {
            let from = world.network.end(end.other()).node;
            let enrp = world.network.end(*end).link == registrar::Link::Enrp;
            format!("node {from} (association {}): {}", end.association(), message(bytes, enrp))
        }
        Input::Datagram { from, link, bytes } => {
            format!("datagram of node {from}: {}", message(bytes, *link == registrar::Link::Enrp))
        }
        Input::Up { end, attempt } => {
            let from = world.network.end(end.other()).node;
            format!("up: association {} with node {from}, attempt {attempt:?}", end.association())
        }
        Input::Lost { end, why } => {
            let from = world.network.end(end.other()).node;
            format!("lost: association {} with node {from}, {why:?}", end.association())
        }
        other => format!("{other:?}"),
    }
}

pub fn describe_action(action: &registrar::Action) -> String {
    match action {
        registrar::Action::Send { association, bytes } => {
            format!(
                "association {}: {}",
                (association.as_u64() & 0xffff_ffff_ffff) >> 1,
                message(bytes, association.transport() == 1)
            )
        }
        registrar::Action::Multicast { link, bytes } => {
            format!("multicast {}", message(bytes, *link == registrar::Link::Enrp))
        }
        other => format!("{other:?}"),
    }
}

pub fn describe_client_action(action: &asap::Action) -> String {
    match action {
        asap::Action::Send { association, bytes } => {
            format!("association {}: {}", (association.as_u64() & 0xffff_ffff_ffff) >> 1, message(bytes, false))
        }
        other => format!("{other:?}"),
    }
}
