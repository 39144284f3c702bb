//! Nobody is sent what he did not ask for: bystanders nothing at all, rogues answers to what they sent, honest ones no answer to
//! what they did not send.

use crate::node::{Input, NodeId};
use crate::rogues::Setting;
use crate::support::network::EndId;
use crate::workload::Plan;
use crate::world::World;
use rserpool::association::PeerAddress;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::registrar::Link;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What has come over an association, and not been answered.
#[derive(Debug, Default)]
pub struct Asked {
    messages: u32,
    registrations: u32,
    deregistrations: u32,
    resolutions: u32,
    subscribed: bool,
    keep_alives: u32,
    tables: u32,
    lists: u32,
    presences: u32,
    /// This side made it, to find a registrar there: it may ask again and again.
    is_sought: bool,
    /// It has registered something, or may have.
    is_element: bool,
}

/// The registrar to which the home of an element has suggested it, and where that element is.
pub type Suggested = BTreeSet<(NodeId, IpAddr)>;

/// By the end of an association at which something has come.
pub type AskedOf = BTreeMap<EndId, Asked>;

fn take(count: &mut u32) -> bool {
    let any = *count > 0;
    *count = count.saturating_sub(1);
    any
}

impl Asked {
    fn note_asap(&mut self, bytes: &[u8]) {
        match AsapMessage::decode(bytes).map(|decoded| decoded.message) {
            Ok(AsapMessage::Registration(_)) => {
                self.registrations += 1;
                self.is_element = true;
            }
            Ok(AsapMessage::Deregistration(_)) => self.deregistrations += 1,
            Ok(AsapMessage::HandleResolution(m)) => {
                self.resolutions += 1;
                self.subscribed |= m.subscribe;
            }
            Ok(AsapMessage::EndpointKeepAlive(_)) => self.keep_alives += 1,
            _ => {}
        }
    }

    fn note_enrp(&mut self, bytes: &[u8]) {
        match EnrpMessage::decode(bytes).map(|decoded| decoded.message) {
            Ok(EnrpMessage::HandleTableRequest(_)) => self.tables += 1,
            Ok(EnrpMessage::ListRequest(_)) => self.lists += 1,
            Ok(EnrpMessage::Presence(m)) if m.reply_required => self.presences += 1,
            _ => {}
        }
    }

    /// Whether the other end has asked for this.
    fn explains_asap(&mut self, message: &AsapMessage) -> bool {
        match message {
            AsapMessage::RegistrationResponse(_) => take(&mut self.registrations),
            // Also when the life of an element has ended (RFC 5352 section 2.2.4).
            AsapMessage::DeregistrationResponse(_) => take(&mut self.deregistrations) || self.is_element,
            AsapMessage::HandleResolutionResponse(_) => self.subscribed || take(&mut self.resolutions),
            AsapMessage::EndpointKeepAlive(_) => self.is_element,
            // One for each element of the pool.
            AsapMessage::EndpointKeepAliveAck(_) => self.keep_alives > 0,
            AsapMessage::Error(_) => take(&mut self.messages),
            _ => false,
        }
    }

    fn explains_enrp(&mut self, message: &EnrpMessage) -> bool {
        match message {
            EnrpMessage::HandleTableResponse(_) => take(&mut self.tables),
            EnrpMessage::ListResponse(_) => take(&mut self.lists),
            EnrpMessage::Presence(_) => take(&mut self.presences) || self.is_sought,
            EnrpMessage::Error(_) => take(&mut self.messages),
            _ => false,
        }
    }
}

impl World {
    /// Before a process handles something.
    pub fn note_asked(&mut self, input: &Input) {
        if !self.config.has_rogues() {
            return;
        }
        match input {
            Input::Message { end, bytes } => {
                let link = self.network.end(*end).link;
                let asked = self.checks.asked.entry(*end).or_default();
                asked.messages += 1;
                if link == Link::Asap {
                    asked.note_asap(bytes)
                } else {
                    asked.note_enrp(bytes)
                }
                self.note_suggestion(*end, bytes);
            }
            Input::Up { end, attempt } => {
                let asked = self.checks.asked.entry(*end).or_default();
                // Each registrar introduces itself once over each association; whom it connects to for an element, that is one.
                asked.presences += 1;
                asked.is_element |= attempt.is_some();
                // Or the other end has said by a datagram that a registrar is there.
                asked.is_sought |= attempt.is_some() || self.config.registrar.enrp_multicast;
            }
            Input::Lost { end, .. } => drop(self.checks.asked.remove(end)),
            _ => {}
        }
    }

    /// An honest registrar suggests an element, as it does not answer: the T bit of a HANDLE_UPDATE.
    fn note_suggestion(&mut self, end: EndId, bytes: &[u8]) {
        let (node, from) = (self.network.end(end).node, self.network.end(end.other()).node);
        if self.network.end(end).link != Link::Enrp || from >= self.config.registrars {
            return;
        }
        let Ok(EnrpMessage::HandleUpdate(update)) = EnrpMessage::decode(bytes).map(|decoded| decoded.message) else {
            return;
        };
        if let Some(transport) = update.pool_element.asap_transport.filter(|_| update.takeover_suggested) {
            let (_, addresses) = transport.place();
            self.checks.suggested.extend(addresses.iter().map(|address| (node, *address)));
        }
    }

    pub fn check_asked_of_registrar(&mut self, node: NodeId, end: EndId, bytes: &[u8]) {
        if !self.config.has_rogues() {
            return;
        }
        let link = self.network.end(end).link;
        let asked = self.checks.asked.entry(end).or_default();
        let to = self.network.end(end.other()).node;
        // Who has registered anywhere may be asked by whoever takes over from a dead registrar.
        asked.is_element |= self.config.rogues.setting == Setting::Trouble && !matches!(self.plans[to], Plan::User);
        asked.is_element |= self.checks.suggested.contains(&(node, self.nodes[to].address));
        let explained = match link {
            Link::Asap => AsapMessage::decode(bytes).is_ok_and(|decoded| asked.explains_asap(&decoded.message)),
            // Registrars among themselves have much to say.
            Link::Enrp if to < self.config.registrars => true,
            Link::Enrp => EnrpMessage::decode(bytes).is_ok_and(|decoded| asked.explains_enrp(&decoded.message)),
        };
        if !explained {
            let what = format!("registrar on node {node} sends node {to} what it has not asked for: {bytes:02x?}");
            self.fail(what);
        }
    }

    pub fn check_asked_of_client(&mut self, node: NodeId, end: EndId, bytes: &[u8]) {
        let to = self.network.end(end.other()).node;
        if !self.config.has_rogues() || !self.is_rogue(to) {
            return;
        }
        let asked = self.checks.asked.entry(end).or_default();
        let explained = AsapMessage::decode(bytes).is_ok_and(|decoded| asked.explains_asap(&decoded.message));
        // In trouble, who has no registrar and knows no other may believe a rogue that he is one.
        if !explained && self.checks.siege.is_some() {
            self.fail(format!("client on node {node} sends a rogue what it has not asked for: {bytes:02x?}"));
        }
    }

    /// Who connects where: never to bystanders, whoever has named them, and to elements only when a registrar is dead or
    /// their home has suggested them.
    pub fn check_connect(&mut self, node: NodeId, link: Option<Link>, peer: &PeerAddress) {
        let bystander = |plan: &Plan| matches!(plan, Plan::Bystander);
        let of_bystander =
            |address| self.nodes.iter().zip(&self.plans).any(|(n, p)| bystander(p) && n.address == address);
        if peer.addresses.iter().any(|address| of_bystander(*address)) {
            self.fail(format!("node {node} connects to {peer}, where somebody is who has no part in this"));
        } else if self.is_needless(link) && !self.is_suggested(node, peer) {
            self.fail(format!("node {node} connects to {peer}, though no registrar is dead"));
        }
    }

    fn is_suggested(&self, node: NodeId, peer: &PeerAddress) -> bool {
        peer.addresses.iter().any(|address| self.checks.suggested.contains(&(node, *address)))
    }
}
