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

#[test]
fn of_a_registration_only_the_newest_news_are_kept_and_they_interrupt_no_message() {
    let mut inbox = Inbox::new();
    let news = |error| Notification::RegistrationChange { element: crate::PoolElementId(7), error };
    inbox.push_received(data(1, 30)).unwrap();
    let mut buffer = [0; NOTIFICATION_SIZE];
    assert!(!inbox.read(&mut buffer).unwrap().unwrap().end);
    (1..1000).for_each(|error| inbox.set_registration(Some(news(error))));
    assert_eq!(inbox.read(&mut buffer).unwrap().unwrap().len, 10, "the rest of the message");
    assert_eq!(inbox.read(&mut [0; NOTIFICATION_SIZE - 1]), Some(Err(NotificationTooLong)));
    assert!(!inbox.is_empty());
    assert_eq!(inbox.read(&mut buffer).unwrap().unwrap().notification, Some(news(999)));
    assert_eq!(Notification::from_bytes(&buffer), Some(news(999)));
    assert!(inbox.is_empty() && inbox.read(&mut buffer).is_none());
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
