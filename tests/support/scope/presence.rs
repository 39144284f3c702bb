//! Listens to what registrars say about themselves on an ENRP group.

use rserpool::RegistrarId;
use rserpool::message::EnrpMessage;
use rserpool::transport::multicast::AnnouncementListener;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The latest PE checksum of each registrar.
pub struct Presences {
    listener: AnnouncementListener,
    checksums: BTreeMap<RegistrarId, u16>,
}

impl Presences {
    /// Listens to a group; fails on machines without multicast.
    pub fn listen(group: SocketAddr) -> std::io::Result<Presences> {
        Ok(Presences { listener: AnnouncementListener::open(&[group])?, checksums: BTreeMap::new() })
    }

    /// What has been heard so far.
    pub fn checksums(&mut self) -> &BTreeMap<RegistrarId, u16> {
        let checksums = &mut self.checksums;
        while self.listener.receive(&mut |_, bytes| {
            if let Ok(EnrpMessage::Presence(presence)) = EnrpMessage::decode(bytes).map(|decoded| decoded.message) {
                checksums.extend(presence.checksum.map(|checksum| (presence.sender, checksum)));
            }
        }) {}
        &self.checksums
    }
}
