//! What a registrar has done so far, in numbers.

use super::Histogram;
use crate::association::TransportKind;
use std::fmt;

/// A snapshot of a running registrar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrarMetrics {
    /// Associations and TCP connections that are up.
    pub associations: usize,
    /// Messages received on them.
    pub messages_received: u64,
    /// Messages sent on them.
    pub messages_sent: u64,
    /// Datagrams received from the ENRP group.
    pub datagrams_received: u64,
    /// Datagrams sent to the groups.
    pub datagrams_sent: u64,
    /// Associations aborted because the peer did not read.
    pub slow_peers_aborted: u64,
    /// Bytes that wait for peers to read.
    pub backlog_bytes: usize,
    /// From the receipt of messages until everything that came of them was done, of a part of them.
    pub request_times: Histogram,
    /// How late timers were looked at.
    pub lateness: Histogram,
    by_transport: [TransportMetrics; TRANSPORTS.len()],
}

/// The part of one kind of transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportMetrics {
    /// Associations or connections that are up.
    pub associations: usize,
    /// Messages received on them.
    pub messages_received: u64,
    /// Messages sent on them.
    pub messages_sent: u64,
}

/// In the order of their numbers.
const TRANSPORTS: [TransportKind; 4] =
    [TransportKind::KernelSctp, TransportKind::SctpUdp, TransportKind::Tcp, TransportKind::Memory];

impl RegistrarMetrics {
    /// Each kind of transport with its part.
    pub fn by_transport(&self) -> impl Iterator<Item = (TransportKind, TransportMetrics)> {
        TRANSPORTS.into_iter().zip(self.by_transport)
    }

    pub(super) fn of_transport(&mut self, kind: TransportKind) -> &mut TransportMetrics {
        &mut self.by_transport[kind as usize]
    }
}

impl fmt::Display for RegistrarMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "associations={} messages_received={} messages_sent={} datagrams_received={} datagrams_sent={} \
             slow_peers_aborted={} backlog_bytes={}",
            self.associations,
            self.messages_received,
            self.messages_sent,
            self.datagrams_received,
            self.datagrams_sent,
            self.slow_peers_aborted,
            self.backlog_bytes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_transport_has_its_own_part() {
        let mut metrics = RegistrarMetrics::default();
        for (number, kind) in TRANSPORTS.into_iter().enumerate() {
            metrics.of_transport(kind).associations = number + 1;
        }
        let associations = metrics.by_transport().map(|(kind, part)| (kind, part.associations));
        assert!(associations.eq(TRANSPORTS.into_iter().zip(1..)));
    }
}
