//! The scripted registrar, which says what a test has it say.

use super::*;

impl Net {
    /// Connects the scripted registrar to a registrar.
    pub fn script_connects(&mut self, to: usize) -> u64 {
        let number = self.connects(End::Script, End::Registrar(to), Link::Enrp);
        self.run(2 * LATENCY);
        number
    }

    pub fn script_sends(&mut self, association: u64, message: impl Into<EnrpMessage>) {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        self.script_sends_bytes(association, bytes);
    }

    pub fn script_sends_bytes(&mut self, association: u64, bytes: Vec<u8>) {
        self.send(EndId(association), bytes);
        self.run(4 * LATENCY);
    }

    /// A scripted registrar that is a peer of registrar `to`.
    pub fn script_joins(&mut self, to: usize) -> u64 {
        let association = self.script_connects(to);
        self.script_sends(association, script_presence(false, self.script_checksum));
        self.got.clear();
        association
    }

    pub fn script_leaves(&mut self, association: u64) {
        self.shutdown(EndId(association));
    }

    /// What the scripted registrar got since the last look.
    pub fn take_got(&mut self) -> Vec<EnrpMessage> {
        std::mem::take(&mut self.got).into_iter().map(|(_, message)| message).collect()
    }

    pub(super) fn script_gets(&mut self, association: u64, bytes: &[u8]) {
        let message = EnrpMessage::decode(bytes).expect("registrars send what can be decoded").message;
        if let EnrpMessage::Presence(Presence { reply_required: true, .. }) = &message {
            if self.script_answers {
                let mut bytes = Vec::new();
                EnrpMessage::from(script_presence(false, self.script_checksum)).encode(&mut bytes).expect("encodable");
                self.send(EndId(association), bytes);
            }
        }
        self.got.push((association, message));
    }

    /// The first association of the scripted registrar.
    pub fn script_association(&self) -> Option<u64> {
        self.ends_of(End::Script).first().map(|end| end.0)
    }

    /// A datagram on the ENRP group, for everybody.
    pub fn datagram(&mut self, from: IpAddr, message: impl Into<EnrpMessage>) {
        let mut bytes = Vec::new();
        message.into().encode(&mut bytes).expect("encodable");
        for number in 0..self.nodes.len() {
            let arrival = Arrival::Datagram { from: SocketAddr::new(from, PORT_ENRP), bytes: bytes.clone() };
            self.happens(LATENCY, What::Arrive(number, arrival));
        }
        self.run(2 * LATENCY);
    }
}

pub fn script_presence(reply_required: bool, checksum: Option<u16>) -> Presence {
    let transport = sctp(script_ip(), PORT_ENRP);
    Presence {
        sender: SCRIPT,
        receiver: RegistrarId(0),
        reply_required,
        checksum,
        server_information: Some(ServerInformation { id: SCRIPT, transport }),
    }
}

pub fn sctp(ip: IpAddr, port: u16) -> TransportParameter {
    TransportParameter::Sctp { port, transport_use: TransportUse::DataOnly, addresses: AddressList::from_slice(&[ip]) }
}
