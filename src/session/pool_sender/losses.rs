//! Sessions that are over: what their elements never acknowledged goes to others, or is reported.

use super::*;
use std::hash::{DefaultHasher, Hasher};

/// For how long another element is looked for to take a message that the first one never acknowledged.
const RESEND_TIME: Duration = Duration::from_secs(10);

/// A message that another element is to take, as the first one never acknowledged it.
#[derive(Debug)]
pub struct Resend {
    /// How far it has come.
    pub delivery: Delivery,
    /// The message with stream and payload protocol identifier.
    pub message: Undelivered,
    session: SessionId,
    element: PoolElementId,
    until: Time,
}

impl Resend {
    pub(super) fn until(&self) -> Time {
        self.until
    }
}

impl PoolSender {
    /// A session is over. What its element never acknowledged goes to another one where that was asked for; of the rest the
    /// application is told.
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionId,
        reason: &LossReason,
        undelivered: Vec<Undelivered>,
        actions: &mut Vec<Action>,
    ) {
        let undelivered = undelivered.into_iter().filter(|message| message.ppid != PPID_ASAP);
        if let Some(element) = self.leaving.remove(&session) {
            let messages = undelivered.count() as u32;
            if messages > 0 {
                actions.push(Action::Notify(Notification::SendFailed { session, element, messages }));
            }
            return;
        }
        let Some((pool_handle, element)) = self.sessions.remove(&session) else { return };
        let Some(pool) = self.pools.get_mut(&pool_handle) else { return };
        let up = pool.peers.remove(&element);
        pool.element_failed(now, element, DeliveryFailure::Unreachable(reason.to_string()));
        if reason.says_unreachable() {
            actions.push(Action::Report { pool_handle: pool_handle.clone(), pool_element_id: element });
        }
        let Some(Peer::Up(mut up)) = up else { return };
        let mut messages = 0;
        for message in undelivered {
            let marked = up.take_mark(digest(message.stream, message.ppid, &message.payload));
            if marked && self.has_room_for(&message) {
                let mut delivery = Delivery::new(pool_handle.clone(), Target::Any, now).with_failover(true);
                delivery.tried.push(element);
                self.resends.push_back(Resend { delivery, message, session, element, until: now + RESEND_TIME });
            } else {
                messages += 1;
            }
        }
        if messages > 0 {
            actions.push(Action::Notify(Notification::SendFailed { session, element, messages }));
        }
    }

    fn has_room_for(&self, message: &Undelivered) -> bool {
        let kept: usize = self.resends.iter().map(|resend| resend.message.payload.len()).sum();
        kept.saturating_add(message.payload.len()) <= MAX_RESEND_BYTES
    }

    /// Messages that other elements are to take. Give back by [`PoolSender::keep_resend`] those that have to wait.
    pub fn take_resends(&mut self) -> VecDeque<Resend> {
        std::mem::take(&mut self.resends)
    }

    /// This one has to wait, or has come to its end.
    pub fn keep_resend(&mut self, now: Time, resend: Resend, done: bool, actions: &mut Vec<Action>) {
        let over = done || resend.until <= now;
        if !over {
            self.resends.push_back(resend);
        } else if resend.delivery.sent_to().next().is_none() {
            let Resend { session, element, .. } = resend;
            actions.push(Action::Notify(Notification::SendFailed { session, element, messages: 1 }));
        }
    }
}

/// Tells messages apart that an element never acknowledged.
pub(super) fn digest(stream: u16, ppid: u32, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u16(stream);
    hasher.write_u32(ppid);
    hasher.write(payload);
    hasher.finish()
}
