//! How many descriptors the process may have: each TCP connection takes one, and nothing can be accepted when there are none.

use log::Level;
use std::io;

/// Descriptors that TCP connections leave to others: endpoints, the log, look-ups, and what a program has open that embeds a
/// registrar. Half of them, where there are few.
const KEPT: u64 = 64;

/// Raises the limit of descriptors (RLIMIT_NOFILE) to what the system allows this process, its hard limit. For programs that are a
/// registrar: one that embeds it may depend on a low limit, for select(2) for example.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = limit()?;
    let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: the structure lives across the call, which only reads it.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// TCP connections for which there are descriptors, `wanted` at most.
pub(super) fn tcp_connections(wanted: usize) -> usize {
    room(wanted, 1, "TCP connections", Level::Info)
}

/// Connections of two descriptors each for which there is room, `wanted` at most.
#[cfg(feature = "bridges")]
pub(crate) fn pairs(wanted: usize) -> usize {
    room(wanted, 2, "connections", Level::Warn)
}

/// Things of so many descriptors `each` for which there is room, one at least and `wanted` at most.
fn room(wanted: usize, each: u64, what: &str, level: Level) -> usize {
    // Where the limit cannot be read, accepting finds out.
    let Ok(limit) = limit() else { return wanted };
    let room = usize::try_from(share(limit.rlim_cur) / each).unwrap_or(usize::MAX).max(1);
    if room < wanted {
        let limit = limit.rlim_cur;
        log::log!(level, "the limit of {limit} descriptors leaves room for {room} {what}, where {wanted} are allowed");
    }
    room.min(wanted)
}

fn share(descriptors: u64) -> u64 {
    (descriptors - KEPT.min(descriptors / 2)).max(1)
}

fn limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives across the call, which fills it in.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_connections_leave_descriptors_to_others_and_are_at_least_one() {
        assert_eq!([0, 1, 2, 100, 1024].map(share), [1, 1, 1, 50, 960]);
    }
}
