//! One association: a dcsctp socket and what the wrapper must know besides.

use super::connect::Connecting;
use super::packet::{self, Envelope, chunk};
use super::probe::Probe;
use super::udp::Path;
use super::vigil::Vigil;
use crate::association::{LossReason, Peer, PeerAddress, TransportKind};
use crate::transport::Pending;
use crate::wire::AddressList;
use crate::{AssociationId, Time};
use dcsctp::api::{DcSctpSocket, Options, Socket, SocketTime};
use std::net::IpAddr;
use std::time::Duration;

/// An association in any state.
pub(super) struct Association {
    pub id: AssociationId,
    pub slot: u32,
    pub socket: Socket,
    /// The zero of the socket's clock: when it was made, or as much later as the clock stood still.
    created: Time,
    pub local_port: u16,
    pub remote_port: u16,
    /// Where packets go. Meaningless until a connect was answered.
    pub path: Path,
    /// Addresses that packets may come from.
    pub addresses: AddressList,
    pub local_tag: u32,
    pub peer_tag: u32,
    pub inbound: bool,
    /// Set until the association is up, if we started it.
    pub connecting: Option<Connecting>,
    pub up: bool,
    pub pending: Pending,
    /// A send was refused; `Writable` is owed.
    pub blocked: bool,
    /// Closed by our user: shut down once everything is acknowledged.
    pub closing: bool,
    pub shutdown_started: bool,
    /// The longest message that the peer can take.
    pub max_message: usize,
    /// Streams that the peer accepts.
    pub streams: u32,
    pub probe: Option<Probe>,
    /// Decides when the peer is gone.
    pub vigil: Vigil,
    /// How long dcsctp waits for the answer to a heartbeat.
    heartbeat_patience: Duration,
    /// The entry of the timer heap that counts.
    pub scheduled: Option<Time>,
}

impl Association {
    /// Association.Max.Retrans stands apart: dcsctp knows nothing of what the wrapper makes of it.
    pub fn new(
        id: AssociationId,
        slot: u32,
        now: Time,
        options: &Options,
        max_retransmissions: u32,
        path: Path,
    ) -> Association {
        Association {
            id,
            slot,
            socket: Socket::new("", options),
            created: now,
            local_port: options.local_port,
            remote_port: options.remote_port,
            path,
            addresses: AddressList::from_slice(&[path.remote.ip()]),
            local_tag: 0,
            peer_tag: 0,
            inbound: true,
            connecting: None,
            up: false,
            pending: Pending::default(),
            blocked: false,
            closing: false,
            shutdown_started: false,
            max_message: options.max_message_size,
            streams: 1,
            probe: None,
            vigil: Vigil::new(max_retransmissions),
            heartbeat_patience: options.rto_initial,
            scheduled: None,
        }
    }

    /// Brings the socket's clock up to date and runs the timers that are due.
    ///
    /// A timer that comes late counts as if it came in time, and the socket's clock stands still for as long as it was late:
    /// dcsctp would let several periods pass at once, and give a peer up that had no time to answer.
    pub fn advance(&mut self, now: Time) {
        let (passed, due) = (now.saturating_since(self.created), self.due());
        self.created += passed.saturating_sub(due);
        let before = self.repetitions();
        self.socket.advance_time(SocketTime::zero() + passed.min(due));
        if self.repetitions() > before {
            self.vigil.missed();
        }
        self.vigil.look_at_heartbeat(now, self.heartbeat_patience);
    }

    /// Packets of data that were sent again.
    fn repetitions(&self) -> usize {
        self.socket.get_metrics().map_or(0, |metrics| metrics.rtx_packets_count)
    }

    /// A packet goes out whose first chunk is of this kind.
    pub fn note_sent(&mut self, now: Time, kind: Option<u8>) {
        match kind {
            Some(chunk::HEARTBEAT) => self.vigil.heartbeat_sent(now),
            Some(chunk::SHUTDOWN | chunk::SHUTDOWN_ACK) => self.vigil.shutdown_sent(),
            _ => {}
        }
    }

    /// Looks for answers in a packet of the peer.
    pub fn look_for_answers(&mut self, packet: &[u8]) {
        self.vigil.heard();
        if let Some(sack) = packet::find(packet, chunk::SACK) {
            if let Some(tsn) = packet::u32_at(sack.value, 0) {
                self.vigil.acknowledged(tsn);
            }
        }
        if packet::find(packet, chunk::HEARTBEAT_ACK).is_some() {
            self.vigil.heartbeat_answered();
        }
    }

    /// Brings the socket's clock up to date as far as that runs no timer: what has arrived and was not looked at yet may be
    /// what the timer waits for.
    pub fn catch_up(&mut self, now: Time) {
        let before_timers = self.due().saturating_sub(Duration::from_nanos(1));
        self.socket.advance_time(SocketTime::zero() + now.saturating_since(self.created).min(before_timers));
    }

    /// When the next timer is due, by the socket's clock.
    fn due(&self) -> Duration {
        self.socket.poll_timeout() - SocketTime::zero()
    }

    /// The smoothed round trip time, once it was measured.
    pub fn round_trip_time(&self) -> Option<Duration> {
        let srtt = self.socket.get_metrics()?.srtt;
        // Until it has measured, dcsctp gives the initial retransmission timeout.
        (srtt != self.socket.options().rto_initial).then_some(srtt)
    }

    /// When the association wants to be woken.
    pub fn next_deadline(&self) -> Option<Time> {
        let timeout = self.due();
        let socket = (timeout != Duration::MAX).then(|| self.created + timeout);
        let connecting = self.connecting.as_ref().map(Connecting::next_deadline);
        let probe = self.probe.as_ref().map(|probe| probe.next);
        [socket, connecting, probe].into_iter().flatten().min()
    }

    /// Ports and tag of packets that the wrapper makes itself.
    pub fn envelope(&self) -> Envelope {
        Envelope { local_port: self.local_port, remote_port: self.remote_port, tag: self.peer_tag }
    }

    /// Whether a packet with the right tag may come from here.
    pub fn accepts_from(&self, address: IpAddr, port: u16) -> bool {
        let addresses = self.connecting.as_ref().map_or(&self.addresses, Connecting::addresses);
        port == self.remote_port && (addresses.contains(&address) || self.path.remote.ip() == address)
    }

    /// Waits for an answer to its INIT.
    pub fn awaits_init_ack(&self) -> bool {
        self.connecting.as_ref().is_some_and(|connecting| !connecting.answered)
    }

    /// The addresses under which the endpoint's table knows this association.
    pub fn keys(&self) -> AddressList {
        match &self.connecting {
            Some(connecting) => connecting.addresses().clone(),
            None => AddressList::from_slice(&[self.path.remote.ip()]),
        }
    }

    /// Only the address that the handshake came from is known to be the peer's: anybody can list others in an INIT.
    pub fn peer(&self) -> Peer {
        Peer {
            address: PeerAddress::new(self.path.remote.ip(), self.remote_port),
            inbound: self.inbound,
            kind: TransportKind::SctpUdp,
        }
    }
}

/// Text from a peer, fit for a log line: printable ASCII, of bounded length.
pub(super) fn sanitised(text: &str) -> String {
    const LONGEST: usize = 120;
    text.chars().take(LONGEST).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// dcsctp's account of an abort in our words.
pub(super) fn abort_reason(kind: dcsctp::api::ErrorKind, text: &str, up: bool) -> LossReason {
    use dcsctp::api::ErrorKind;
    /// What dcsctp puts before the reason that the peer's program gave.
    const PROGRAM: &str = "User-Initiated Abort, reason=";
    match kind {
        ErrorKind::TooManyRetries => LossReason::Unreachable,
        // Without a cause: nobody there has such an association.
        ErrorKind::PeerReported if text.is_empty() => {
            if up {
                LossReason::Unreachable
            } else {
                LossReason::Refused
            }
        }
        ErrorKind::PeerReported => LossReason::from_abort(sanitised(text.strip_prefix(PROGRAM).unwrap_or(text))),
        _ => LossReason::ProtocolViolation(sanitised(text)),
    }
}
