//! What a registrar has done so far, in numbers.

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
