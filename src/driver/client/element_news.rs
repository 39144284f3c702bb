//! What the registrar or one session says of a pool element, for the other sessions of this process with its pool.

use super::socket::Socket;
use super::table::DescriptorTable;
use crate::session::Event;
use crate::{PoolElementId, PoolHandle, Time};
use std::sync::Arc;
use std::time::Duration;

/// Within this time, sessions are told once that an element is suspected: with as many sessions as it had, all are soon to say so.
const TOLD_ONCE_IN: Duration = Duration::from_millis(100);
/// Suspicions that are remembered.
const MAX_SUSPECTS: usize = 64;

/// Elements whose sessions have just been told that they are suspected.
#[derive(Default)]
pub(super) struct Suspects {
    told: Vec<(Time, PoolHandle, PoolElementId)>,
}

impl Suspects {
    /// Notes a suspicion; false when its sessions know, or too many others had to be told.
    pub fn is_new(&mut self, now: Time, pool_handle: &PoolHandle, element: PoolElementId) -> bool {
        self.told.retain(|(at, ..)| now < *at + TOLD_ONCE_IN);
        let known = self.told.iter().any(|(_, handle, id)| *id == element && handle == pool_handle);
        if known || self.told.len() >= MAX_SUSPECTS {
            return false;
        }
        self.told.push((now, pool_handle.clone(), element));
        true
    }
}

/// The sockets with a session with this pool.
pub(super) fn sessions_with(descriptors: &DescriptorTable, pool_handle: &PoolHandle) -> Vec<Arc<Socket>> {
    descriptors.sockets().into_iter().filter(|socket| socket.pool_handle().as_ref() == Some(pool_handle)).collect()
}

/// Tells the session of a socket.
pub(super) fn tell(now: Time, socket: &Arc<Socket>, event: Event<'_>) {
    let Some(endpoint) = socket.endpoint.get().cloned() else { return };
    endpoint.with(|endpoint| {
        let actions = socket.feed(now, event);
        socket.perform(endpoint, now, actions);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_suspected_once_in_a_while() {
        let mut suspects = Suspects::default();
        let (pool, other) = (PoolHandle::from("pool"), PoolHandle::from("other"));
        assert!(suspects.is_new(Time::ZERO, &pool, PoolElementId(1)));
        assert!(suspects.is_new(Time::ZERO, &pool, PoolElementId(2)));
        assert!(suspects.is_new(Time::ZERO, &other, PoolElementId(1)));
        assert!(!suspects.is_new(Time::from_millis(99), &pool, PoolElementId(1)));
        assert!(suspects.is_new(Time::from_millis(100), &pool, PoolElementId(1)));
    }

    #[test]
    fn suspicions_are_bounded() {
        let mut suspects = Suspects::default();
        let new = (0..1000).filter(|id| suspects.is_new(Time::ZERO, &PoolHandle::from("pool"), PoolElementId(*id)));
        assert_eq!(new.count(), MAX_SUSPECTS);
        assert!(suspects.is_new(Time::from_secs(1), &PoolHandle::from("pool"), PoolElementId(0)));
    }
}
