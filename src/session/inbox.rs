//! What a socket has received and its application has not read yet.

use super::{MAX_INBOX_BYTES, NOTIFICATION_SIZE, Notification, UNREAD_LIMIT};
use crate::SessionId;
use crate::collections::SortedMap;
use std::collections::VecDeque;

/// What an item costs beyond its bytes: keeps a flood of tiny messages within the bounds too.
const ITEM_OVERHEAD: usize = 64;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The session that it belongs to.
    pub session: SessionId,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A message of the peer.
    Data {
        /// Payload protocol identifier, in host order.
        ppid: u32,
        /// SCTP stream, 0 to the negotiated number less one.
        stream: u16,
        /// The whole message.
        payload: Vec<u8>,
    },
    /// A cookie that the peer got from an earlier element.
    CookieEcho(Vec<u8>),
    /// Something happened.
    Notification(Notification),
}

/// What a read of the inbox brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadItem {
    /// Bytes copied.
    pub len: usize,
    /// The item ends with them.
    pub end: bool,
    /// Its session.
    pub session: SessionId,
    /// Payload protocol identifier of data.
    pub ppid: u32,
    /// SCTP stream of data.
    pub stream: u16,
    /// The notification, where it was one.
    pub notification: Option<Notification>,
    /// It is a cookie echo.
    pub cookie_echo: bool,
}

/// The application does not read fast enough; the message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxFull;

/// A queue of items, read from the front in portions, bounded in total and for each session.
#[derive(Debug)]
pub struct Inbox {
    /// Bytes, overhead included, that one session may have in it.
    unread_limit: usize,
    items: VecDeque<Item>,
    /// Bytes of the front item that were read already.
    consumed: usize,
    bytes: usize,
    /// Only sessions with something in the queue.
    bytes_of: SortedMap<SessionId, usize>,
    /// How the registration of its socket stands, if that has not been read. Only the newest news are of interest.
    registration: Option<Notification>,
}

fn cost(kind: &ItemKind) -> usize {
    ITEM_OVERHEAD
        + match kind {
            ItemKind::Data { payload, .. } => payload.len(),
            ItemKind::CookieEcho(cookie) => cookie.len(),
            ItemKind::Notification(_) => NOTIFICATION_SIZE,
        }
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox {
            unread_limit: UNREAD_LIMIT,
            items: VecDeque::new(),
            consumed: 0,
            bytes: 0,
            bytes_of: SortedMap::new(),
            registration: None,
        }
    }
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Inbox {
        Inbox::default()
    }

    /// Bytes, overhead included, that one session may have unread.
    pub fn unread_limit(&self) -> usize {
        self.unread_limit
    }

    /// From now on one session may have so many bytes unread; what is there stays.
    pub fn set_unread_limit(&mut self, bytes: usize) {
        self.unread_limit = bytes;
    }

    /// Nothing is there to read.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.registration.is_none()
    }

    /// How the registration of its socket stands from now on, for who reads next; none: nothing is to be told.
    pub fn set_registration(&mut self, change: Option<Notification>) {
        self.registration = change;
    }

    /// Items waiting.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds what a peer sent, unless its session or the socket has too much waiting.
    pub fn push_received(&mut self, item: Item) -> Result<(), InboxFull> {
        let cost = cost(&item.kind);
        let of_session = self.bytes_of.get(&item.session).copied().unwrap_or(0);
        if of_session.saturating_add(cost) > self.unread_limit
            || self.bytes.saturating_add(cost) > MAX_INBOX_BYTES.max(self.unread_limit)
        {
            return Err(InboxFull);
        }
        self.push(item);
        Ok(())
    }

    /// Adds a notification. Never refused, but where its session has too much waiting it takes the place of the last one that it
    /// makes old: a session that nobody reads may fail over for ever.
    pub fn push_notification(&mut self, mut notification: Notification) {
        let session = notification.session();
        let of_session = self.bytes_of.get(&session).copied().unwrap_or(0);
        if of_session.saturating_add(ITEM_OVERHEAD + NOTIFICATION_SIZE) > self.unread_limit {
            let replaced = self.items.iter().enumerate().rev().find_map(|(index, item)| match item.kind {
                ItemKind::Notification(old) => notification.in_place_of(old).map(|new| (index, new)),
                _ => None,
            });
            if let Some((index, new)) = replaced {
                notification = new;
                if let Some(old) = self.items.remove(index) {
                    self.forget(&old);
                }
            }
        }
        self.push(Item { session, kind: ItemKind::Notification(notification) });
    }

    fn push(&mut self, item: Item) {
        let cost = cost(&item.kind);
        self.bytes += cost;
        *self.bytes_of.get_or_insert_with(item.session, || 0) += cost;
        self.items.push_back(item);
    }

    /// The item to read next.
    pub fn front(&self) -> Option<&Item> {
        self.items.front()
    }

    /// Reads the front item, or what is left of it, into `buffer`. A notification is read whole or, where the buffer is
    /// too small, not at all.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<Result<ReadItem, NotificationTooLong>> {
        // Not in the middle of a message.
        let news = self.registration.filter(|_| self.consumed == 0);
        if let Some(news) = news {
            let read = read_notification(news, buffer);
            if read.is_ok() {
                self.registration = None;
            }
            return Some(read);
        }
        let item = self.items.front()?;
        let mut read = nothing_of(item.session);
        match &item.kind {
            ItemKind::Notification(notification) => match read_notification(*notification, buffer) {
                Ok(notification) => read = notification,
                Err(too_long) => return Some(Err(too_long)),
            },
            ItemKind::Data { ppid, stream, payload } => {
                (read.ppid, read.stream) = (*ppid, *stream);
                (read.len, read.end) = copy_rest(payload, &mut self.consumed, buffer);
            }
            ItemKind::CookieEcho(cookie) => {
                read.cookie_echo = true;
                (read.len, read.end) = copy_rest(cookie, &mut self.consumed, buffer);
            }
        }
        if read.end {
            self.pop();
        }
        Some(Ok(read))
    }

    fn pop(&mut self) {
        self.consumed = 0;
        if let Some(item) = self.items.pop_front() {
            self.forget(&item);
        }
    }

    /// Takes an item that has left the queue off the account.
    fn forget(&mut self, item: &Item) {
        let cost = cost(&item.kind);
        self.bytes -= cost;
        if let Some(of_session) = self.bytes_of.get_mut(&item.session) {
            *of_session -= cost;
            if *of_session == 0 {
                self.bytes_of.remove(&item.session);
            }
        }
    }

    /// Drops everything of a session, as its association is given up on purpose, but the news of messages that are lost.
    pub fn clear_session(&mut self, session: SessionId) {
        if self.items.front().is_some_and(|front| front.session == session) {
            self.consumed = 0;
        }
        let stays = |item: &Item| {
            item.session != session || matches!(item.kind, ItemKind::Notification(Notification::SendFailed { .. }))
        };
        let (kept, dropped): (VecDeque<Item>, _) = std::mem::take(&mut self.items).into_iter().partition(stays);
        self.items = kept;
        dropped.iter().for_each(|item| self.forget(item));
    }
}

/// The buffer is too small for a notification, which stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationTooLong;

fn nothing_of(session: SessionId) -> ReadItem {
    ReadItem { len: 0, end: true, session, ppid: 0, stream: 0, notification: None, cookie_echo: false }
}

fn read_notification(notification: Notification, buffer: &mut [u8]) -> Result<ReadItem, NotificationTooLong> {
    let target = buffer.get_mut(..NOTIFICATION_SIZE).ok_or(NotificationTooLong)?;
    target.copy_from_slice(&notification.to_bytes());
    let (len, notification, session) = (NOTIFICATION_SIZE, Some(notification), notification.session());
    Ok(ReadItem { len, notification, ..nothing_of(session) })
}

fn copy_rest(from: &[u8], consumed: &mut usize, buffer: &mut [u8]) -> (usize, bool) {
    let rest = from.get(*consumed..).unwrap_or_default();
    let len = rest.len().min(buffer.len());
    buffer[..len].copy_from_slice(&rest[..len]);
    *consumed += len;
    (len, *consumed >= from.len())
}

#[cfg(test)]
mod tests;
