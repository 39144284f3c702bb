//! Our parameters in dcsctp's terms.

use super::vigil::MOST_MISSES;
use crate::transport::{EndpointConfig, SctpParameters};
use dcsctp::api::Options;
use std::net::IpAddr;
use std::time::Duration;

/// SCTP packet size off loopback: fits IPv6's minimum MTU, for there is no path-MTU discovery. Narrower links of IPv4 split packets.
const MTU: usize = 1_200;
/// SCTP packet size on loopback.
const LOOPBACK_MTU: usize = 4_096;
/// How long an acknowledgement waits for data to ride on.
const DELAYED_ACK: Duration = Duration::from_millis(20);
/// The smallest receive window.
const MIN_WINDOW: usize = 256 << 10;
/// The shortest timer: a configuration of zeroes must not make a busy loop.
const MIN_TIMER: Duration = Duration::from_millis(1);

/// Parameters that contradict neither themselves nor dcsctp.
pub(super) fn sane(parameters: &SctpParameters) -> SctpParameters {
    let rto_min = parameters.rto_min.max(MIN_TIMER);
    let rto_max = parameters.rto_max.max(rto_min);
    let mut rto_initial = parameters.rto_initial.clamp(rto_min, rto_max);
    // dcsctp restarts its heartbeat timeout with every heartbeat: unless it ends before the next one, it never ends.
    let heartbeat = parameters.heartbeat_interval;
    if !heartbeat.is_zero() && rto_initial >= heartbeat {
        rto_initial = (heartbeat / 2).max(MIN_TIMER);
    }
    SctpParameters { rto_initial, rto_min, rto_max, ..*parameters }
}

/// Says where an association will not have the parameters that were wished for.
pub(super) fn tell_what_is_mended(wished: &SctpParameters) {
    let sane = sane(wished);
    if sane.rto_initial != wished.rto_initial {
        let (wished, used, heartbeat) = (wished.rto_initial, sane.rto_initial, sane.heartbeat_interval);
        log::info!("SCTP in UDP has an RTO.Initial of {used:?}, not {wished:?}, with heartbeats every {heartbeat:?}");
    }
}

/// What dcsctp has: the parameters of an association in force. It knows one path only, which lives as long as the association.
pub(super) fn parameters(options: &Options, max_retransmissions: u32) -> SctpParameters {
    SctpParameters {
        rto_initial: options.rto_initial,
        rto_min: options.rto_min,
        rto_max: options.rto_max,
        association_max_retransmissions: max_retransmissions,
        path_max_retransmissions: max_retransmissions,
        potentially_failed_threshold: max_retransmissions,
        heartbeat_interval: options.heartbeat_interval,
    }
}

/// The receive window that we advertise: a message must fit below dcsctp's high-water mark, which is somewhat lower.
fn window(max_message_size: usize) -> usize {
    max_message_size.saturating_mul(2).max(MIN_WINDOW).min(u32::MAX as usize)
}

/// The longest message that a peer with this window can put together.
pub(super) fn fits_window(window: u32) -> usize {
    window as usize / 5 * 4
}

/// For an association with this peer.
pub(super) fn options(config: &EndpointConfig, local_port: u16, peer: IpAddr, remote_port: u16) -> Options {
    let parameters = sane(&config.parameters);
    Options {
        local_port,
        remote_port,
        mtu: if peer.is_loopback() { LOOPBACK_MTU } else { MTU },
        max_message_size: config.max_message_size,
        max_receiver_window_buffer_size: window(config.max_message_size),
        // The wrapper counts what is queued. dcsctp's limit only must not come first, and it caps the peer's window.
        max_send_buffer_size: u32::MAX as usize,
        per_stream_send_queue_limit: u32::MAX as usize,
        rto_initial: parameters.rto_initial,
        rto_min: parameters.rto_min,
        rto_max: parameters.rto_max,
        t1_init_timeout: parameters.rto_initial,
        t1_cookie_timeout: parameters.rto_initial,
        t2_shutdown_timeout: parameters.rto_initial,
        max_timer_backoff_duration: Some(parameters.rto_max),
        heartbeat_interval: parameters.heartbeat_interval,
        delayed_ack_max_timeout: DELAYED_ACK.min(parameters.rto_min / 2),
        // dcsctp adds half of this to the smoothed round-trip time: enough for a delayed acknowledgement.
        min_rtt_variance: parameters.rto_min / 2,
        // The wrapper's vigil comes first.
        max_retransmissions: Some(parameters.association_max_retransmissions.max(MOST_MISSES).saturating_mul(4)),
        // The wrapper's connect timeout ends an attempt.
        max_init_retransmits: None,
        // The wrapper has verified the checksum, and has changed some packets since.
        disable_checksum_verification: true,
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rto_initial_ends_before_the_next_heartbeat() {
        let parameters = SctpParameters {
            rto_initial: Duration::from_secs(3),
            heartbeat_interval: Duration::from_millis(500),
            ..SctpParameters::default()
        };
        assert!(sane(&parameters).rto_initial < parameters.heartbeat_interval);
    }

    #[test]
    fn contradictions_are_mended() {
        let zero = Duration::ZERO;
        let parameters = SctpParameters {
            rto_initial: zero,
            rto_min: Duration::from_secs(2),
            rto_max: Duration::from_secs(1),
            heartbeat_interval: zero,
            ..SctpParameters::default()
        };
        let sane = sane(&parameters);
        assert!(sane.rto_min <= sane.rto_initial && sane.rto_initial <= sane.rto_max && !sane.rto_min.is_zero());
    }
}
