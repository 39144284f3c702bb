//! One side of an association in a memory network, and what travels between the sides.

use rserpool::association::{LossReason, Peer, PeerAddress, TransportKind};
use rserpool::transport::{EndpointConfig, Pending, SctpParameters};
use rserpool::{AssociationId, Time};
use std::net::SocketAddr;
use std::time::Duration;

/// One side of an association.
pub(super) struct Side {
    pub peer_address: SocketAddr,
    /// The peer's identifier; none until the connect is answered.
    pub peer: Option<AssociationId>,
    pub inbound: bool,
    pub pending: Pending,
    pub blocked: bool,
    /// Our user has closed it.
    pub closing: bool,
    /// The other side has closed it.
    pub peer_closed: bool,
    pub shutdown_sent: bool,
    pub started: Time,
    pub round_trip: Option<Duration>,
}

impl Side {
    pub fn new(peer_address: SocketAddr, peer: Option<AssociationId>, inbound: bool, now: Time) -> Side {
        Side {
            peer_address,
            peer,
            inbound,
            pending: Pending::default(),
            blocked: false,
            closing: false,
            peer_closed: false,
            shutdown_sent: false,
            started: now,
            round_trip: None,
        }
    }

    pub fn peer(&self) -> Peer {
        Peer { address: PeerAddress::from(self.peer_address), inbound: self.inbound, kind: TransportKind::Memory }
    }
}

/// What arrives at an endpoint, or comes due there.
pub(super) enum Item {
    Connect {
        from: SocketAddr,
        peer: AssociationId,
    },
    Accepted {
        to: AssociationId,
        peer: AssociationId,
    },
    Refused {
        reason: LossReason,
        to: AssociationId,
    },
    ConnectTimeout {
        to: AssociationId,
    },
    Message {
        from: SocketAddr,
        to: AssociationId,
        number: u64,
        stream: u16,
        ppid: u32,
        payload: Vec<u8>,
    },
    Acknowledged {
        to: AssociationId,
        number: u64,
    },
    Shutdown {
        from: SocketAddr,
        to: AssociationId,
    },
    ShutdownComplete {
        to: AssociationId,
    },
    Aborted {
        to: AssociationId,
        reason: LossReason,
    },
    /// Heartbeats would have told by now whether the peer is there.
    Check {
        to: AssociationId,
        epoch: u64,
    },
}

/// How long it takes to notice that a peer has fallen silent.
pub(super) fn detection_time(parameters: &SctpParameters) -> Duration {
    let beats = parameters.association_max_retransmissions.saturating_add(1);
    parameters.heartbeat_interval.saturating_mul(beats).saturating_add(parameters.rto_initial)
}

/// How long it takes at most to notice that a process has died: the next packet is refused.
pub(super) fn death_time(config: &EndpointConfig) -> Duration {
    config.parameters.heartbeat_interval.saturating_add(Duration::from_millis(100))
}
