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
        Inbox { unread_limit: UNREAD_LIMIT, items: VecDeque::new(), consumed: 0, bytes: 0, bytes_of: SortedMap::new() }
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
        self.items.is_empty()
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
        let item = self.items.front()?;
        let mut read = ReadItem {
            len: 0,
            end: true,
            session: item.session,
            ppid: 0,
            stream: 0,
            notification: None,
            cookie_echo: false,
        };
        match &item.kind {
            ItemKind::Notification(notification) => {
                let Some(target) = buffer.get_mut(..NOTIFICATION_SIZE) else {
                    return Some(Err(NotificationTooLong));
                };
                target.copy_from_slice(&notification.to_bytes());
                read.len = NOTIFICATION_SIZE;
                read.notification = Some(*notification);
            }
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

fn copy_rest(from: &[u8], consumed: &mut usize, buffer: &mut [u8]) -> (usize, bool) {
    let rest = from.get(*consumed..).unwrap_or_default();
    let len = rest.len().min(buffer.len());
    buffer[..len].copy_from_slice(&rest[..len]);
    *consumed += len;
    (len, *consumed >= from.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(session: u32, len: usize) -> Item {
        Item { session: SessionId(session), kind: ItemKind::Data { ppid: 1, stream: 2, payload: vec![7; len] } }
    }

    #[test]
    fn a_notification_waits_for_a_buffer_that_holds_it() {
        let mut inbox = Inbox::new();
        inbox.push_notification(Notification::Shutdown { session: SessionId(3) });
        assert_eq!(inbox.read(&mut [0; NOTIFICATION_SIZE - 1]), Some(Err(NotificationTooLong)));
        let mut buffer = [0; NOTIFICATION_SIZE];
        let read = inbox.read(&mut buffer).unwrap().unwrap();
        assert_eq!(read.notification, Some(Notification::Shutdown { session: SessionId(3) }));
        assert_eq!(Notification::from_bytes(&buffer), read.notification);
        assert!(inbox.is_empty());
    }

    #[test]
    fn one_session_that_is_not_read_leaves_room_for_others() {
        let mut inbox = Inbox::new();
        while inbox.push_received(data(1, 1 << 20)).is_ok() {}
        assert_eq!(inbox.push_received(data(1, 1 << 20)), Err(InboxFull));
        assert_eq!(inbox.push_received(data(2, 1 << 20)), Ok(()));
    }

    #[test]
    fn a_session_given_up_on_purpose_keeps_the_news_of_lost_messages() {
        let mut inbox = Inbox::new();
        let (session, element) = (SessionId(1), crate::PoolElementId(7));
        inbox.push_received(data(1, 10)).unwrap();
        inbox.read(&mut [0; 5]);
        let failed = Notification::SendFailed { session, element, messages: 2 };
        inbox.push_notification(failed);
        inbox.push_notification(Notification::Shutdown { session });
        inbox.push_received(data(2, 10)).unwrap();
        inbox.clear_session(session);
        let read = inbox.read(&mut [0; NOTIFICATION_SIZE]).unwrap().unwrap();
        assert_eq!(read.notification, Some(failed));
        assert_eq!(inbox.read(&mut [0; 20]).unwrap().unwrap().len, 10);
        assert!(inbox.is_empty() && inbox.bytes == 0 && inbox.bytes_of.is_empty());
    }

    #[test]
    fn a_session_may_have_as_many_bytes_unread_as_its_limit_says() {
        let mut inbox = Inbox::new();
        assert_eq!(inbox.unread_limit(), UNREAD_LIMIT);
        inbox.set_unread_limit(1000);
        let fits = 1000 - ITEM_OVERHEAD;
        assert_eq!(inbox.push_received(data(1, fits + 1)), Err(InboxFull));
        assert_eq!(inbox.push_received(data(1, fits)), Ok(()));
        assert_eq!(inbox.push_received(data(1, 1)), Err(InboxFull));
        assert_eq!(inbox.push_received(data(2, fits - 1)), Ok(()), "another session has a limit of its own");
        inbox.read(&mut [0; 1000]);
        assert_eq!(inbox.push_received(data(1, fits)), Ok(()), "it has been read");
        // One that may have more than all sessions together by default.
        inbox.set_unread_limit(2 * MAX_INBOX_BYTES);
        assert_eq!(inbox.push_received(data(3, MAX_INBOX_BYTES)), Ok(()));
        assert_eq!(inbox.push_received(data(3, MAX_INBOX_BYTES)), Err(InboxFull));
    }

    #[test]
    fn tiny_messages_are_bounded_too() {
        let mut inbox = Inbox::new();
        let count = (0..).take_while(|_| inbox.push_received(data(1, 1)).is_ok()).count();
        assert!(count <= UNREAD_LIMIT / ITEM_OVERHEAD);
    }

    #[test]
    fn notifications_that_nobody_reads_take_the_place_of_older_ones() {
        let mut inbox = Inbox::new();
        let session = SessionId(1);
        for _ in 0..UNREAD_LIMIT / ITEM_OVERHEAD {
            for notification in [
                Notification::Shutdown { session },
                Notification::FailoverNecessary { session, has_cookie: false },
                Notification::FailoverComplete { session, has_cookie: false },
            ] {
                inbox.push_notification(notification);
            }
        }
        let bytes = inbox.bytes;
        assert!(bytes <= UNREAD_LIMIT, "{bytes} bytes");
        let last = Notification::FailoverNecessary { session, has_cookie: true };
        inbox.push_notification(last);
        assert_eq!((inbox.bytes, inbox.bytes_of.get(&session)), (bytes, Some(&bytes)));
        assert_eq!(inbox.items.back().unwrap().kind, ItemKind::Notification(last));
        let other = SessionId(2);
        inbox.push_notification(Notification::Shutdown { session: other });
        assert!(inbox.bytes > bytes, "another session has room");
    }

    #[test]
    fn messages_that_were_not_acknowledged_are_counted_even_where_there_is_no_room_to_tell_them_apart() {
        let mut inbox = Inbox::new();
        let failed = |messages| {
            let (session, element) = (SessionId(1), crate::PoolElementId(7));
            Notification::SendFailed { session, element, messages }
        };
        inbox.push_notification(failed(2));
        inbox.push_received(data(1, UNREAD_LIMIT - 3 * ITEM_OVERHEAD)).unwrap();
        inbox.push_notification(failed(3));
        assert_eq!(inbox.len(), 2);
        assert_eq!(inbox.items.back().unwrap().kind, ItemKind::Notification(failed(5)));
    }

    proptest! {
        /// Reads give back every byte in order, whatever the buffers, and leave no bytes on the account.
        #[test]
        fn reads_of_any_size_return_what_was_pushed(
            messages in prop::collection::vec((1..3u32, 1..50usize), 0..20),
            sizes in prop::collection::vec(1..30usize, 1..10),
        ) {
            let mut inbox = Inbox::new();
            for (session, len) in &messages {
                inbox.push_received(data(*session, *len)).unwrap();
            }
            let mut sizes = sizes.iter().cycle();
            for (session, len) in messages {
                let mut left = len;
                loop {
                    let mut buffer = vec![0; *sizes.next().unwrap()];
                    let read = inbox.read(&mut buffer).unwrap().unwrap();
                    prop_assert_eq!(read.session, SessionId(session));
                    left -= read.len;
                    if read.end {
                        break;
                    }
                }
                prop_assert_eq!(left, 0);
            }
            prop_assert!(inbox.is_empty());
            prop_assert_eq!(inbox.bytes, 0);
            prop_assert!(inbox.bytes_of.is_empty());
        }
    }
}
