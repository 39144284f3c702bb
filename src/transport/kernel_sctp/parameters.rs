//! Timers and thresholds in the kernel's terms.

use super::abi::{self, FUTURE_ASSOCIATIONS, KernelId};
use super::socket::{SctpSocket, millis};
use crate::transport::SctpParameters;
use std::io;
#[cfg(feature = "registrar")]
use std::net::IpAddr;
use std::time::Duration;

/// Streams asked for: one is enough for ASAP and ENRP, applications like a few.
const STREAMS: u16 = 64;
/// INITs sent at most; in truth the connect timeout ends the attempts.
const INIT_ATTEMPTS: u16 = 1_000;
/// In options: all addresses of a peer.
const ALL_PATHS: [u8; 128] = [0; 128];

/// Sets timers and thresholds of one association with so many paths, or of those to come.
pub(super) fn set(
    socket: &SctpSocket,
    association: KernelId,
    paths: usize,
    parameters: &SctpParameters,
) -> io::Result<()> {
    let max = millis(parameters.rto_max);
    let min = millis(parameters.rto_min).min(max);
    let initial = millis(parameters.rto_initial).clamp(min, max);
    socket.set_option(abi::SCTP_RTOINFO, &abi::RtoInfo { association, initial, max, min })?;
    set_paths(socket, association, parameters)?;
    // After the paths: the kernel refuses more for an association than its paths have together.
    set_limit(socket, association, parameters.association_limit(paths))?;
    if association != FUTURE_ASSOCIATIONS {
        return Ok(());
    }
    let max_timeout_ms = u16::try_from(max).unwrap_or(u16::MAX);
    socket.set_option(
        abi::SCTP_INITMSG,
        &abi::InitMessage {
            outbound_streams: STREAMS,
            max_inbound_streams: u16::MAX,
            max_attempts: INIT_ATTEMPTS,
            max_timeout_ms,
        },
    )
}

/// The kernel gives up an association after so many retransmissions in a row.
fn set_limit(socket: &SctpSocket, association: KernelId, retransmissions: u32) -> io::Result<()> {
    let max_retransmissions = count(retransmissions);
    let limit = abi::AssociationParameters { max_retransmissions, ..nothing_of(association) };
    socket.set_option(abi::SCTP_ASSOCINFO, &limit)
}

/// An association has come up with so many paths: what is the limit of one with a single path would end it with the first path
/// that fails.
pub(super) fn widen(
    socket: &SctpSocket,
    association: KernelId,
    paths: usize,
    parameters: &SctpParameters,
) -> io::Result<()> {
    if paths < 2 {
        return Ok(());
    }
    set_limit(socket, association, parameters.association_limit(paths))
}

fn set_paths(socket: &SctpSocket, association: KernelId, parameters: &SctpParameters) -> io::Result<()> {
    let path_max_retransmissions = count(parameters.path_max_retransmissions);
    let paths = abi::PeerAddressParameters {
        heartbeat_interval: millis(parameters.heartbeat_interval),
        path_max_retransmissions,
        flags: abi::SPP_HB_ENABLE | abi::SPP_SACKDELAY_DISABLE,
        ..all_paths(association)
    };
    socket.set_option(abi::SCTP_PEER_ADDR_PARAMS, &paths)?;
    let potentially_failed = u16::try_from(parameters.potentially_failed_threshold).unwrap_or(u16::MAX);
    socket.set_option(
        abi::SCTP_PEER_ADDR_THLDS,
        &abi::PathThresholds { path_max_retransmissions, potentially_failed, ..thresholds_of_all_paths(association) },
    )
}

/// What the kernel has for an association, or for those to come.
pub(super) fn get(socket: &SctpSocket, association: KernelId) -> io::Result<SctpParameters> {
    let rto = abi::RtoInfo { association, initial: 0, max: 0, min: 0 };
    let rto = socket.get_option(abi::SCTP_RTOINFO, rto)?;
    let limits = socket.get_option(abi::SCTP_ASSOCINFO, nothing_of(association))?;
    let paths = socket.get_option(abi::SCTP_PEER_ADDR_PARAMS, all_paths(association))?;
    let thresholds = socket.get_option(abi::SCTP_PEER_ADDR_THLDS, thresholds_of_all_paths(association))?;
    let ms = |number: u32| Duration::from_millis(u64::from(number));
    Ok(SctpParameters {
        rto_initial: ms(rto.initial),
        rto_min: ms(rto.min),
        rto_max: ms(rto.max),
        association_max_retransmissions: u32::from(limits.max_retransmissions),
        path_max_retransmissions: u32::from(paths.path_max_retransmissions),
        potentially_failed_threshold: u32::from(thresholds.potentially_failed),
        heartbeat_interval: ms(paths.heartbeat_interval),
    })
}

fn count(number: u32) -> u16 {
    u16::try_from(number.max(1)).unwrap_or(u16::MAX)
}

/// Changes nothing.
fn nothing_of(association: KernelId) -> abi::AssociationParameters {
    abi::AssociationParameters {
        association,
        max_retransmissions: 0,
        peer_destinations: 0,
        peer_window: 0,
        local_window: 0,
        cookie_life: 0,
    }
}

/// Has a path asked whether it answers.
#[cfg(feature = "registrar")]
pub(super) fn request_heartbeat(
    socket: &SctpSocket,
    association: KernelId,
    address: IpAddr,
    port: u16,
) -> io::Result<()> {
    let address = super::socket::path_address(address, port);
    let demand = abi::PeerAddressParameters { address, flags: abi::SPP_HB_DEMAND, ..all_paths(association) };
    socket.set_option(abi::SCTP_PEER_ADDR_PARAMS, &demand)
}

/// Changes nothing.
fn all_paths(association: KernelId) -> abi::PeerAddressParameters {
    abi::PeerAddressParameters {
        association,
        address: ALL_PATHS,
        heartbeat_interval: 0,
        path_max_retransmissions: 0,
        path_mtu: 0,
        sack_delay: 0,
        flags: 0,
        ipv6_flow_label: 0,
        dscp: 0,
        padding: 0,
    }
}

fn thresholds_of_all_paths(association: KernelId) -> abi::PathThresholds {
    abi::PathThresholds {
        association,
        padding: 0,
        address: ALL_PATHS,
        path_max_retransmissions: 0,
        potentially_failed: 0,
    }
}
