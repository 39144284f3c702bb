//! What a program does not read: how much of it a session may have, and what becomes of one that has more.

use crate::support::api::*;
use rserpool::api::{self, Notification, SendOptions, SessionChange, Timeout};
use rserpool::session::UNREAD_LIMIT;

/// What each message counts beside its bytes, as rsp_getsockopt(3) says.
const OVERHEAD: usize = 64;
const LIMIT: usize = 65_536;

fn unread_limit(sd: libc::c_int) -> usize {
    let mut value = [0; 4];
    assert_eq!(api::getsockopt(sd, api::SOL_RSERPOOL, api::OPTION_UNREAD_LIMIT, &mut value), Ok(4));
    usize::try_from(i32::from_ne_bytes(value)).unwrap()
}

fn set_unread_limit(sd: libc::c_int, bytes: i32) -> api::Result<()> {
    api::setsockopt(sd, api::SOL_RSERPOOL, api::OPTION_UNREAD_LIMIT, &bytes.to_ne_bytes())
}

#[test]
fn the_limit_is_what_was_set_within_its_range() {
    library();
    let sd = seqpacket_socket();
    assert_eq!(unread_limit(sd), UNREAD_LIMIT);
    for refused in [65_535, (1 << 30) + 1, 0, -1, i32::MIN, i32::MAX] {
        assert_eq!(set_unread_limit(sd, refused).unwrap_err().errno, libc::EINVAL, "{refused}");
        assert_eq!(unread_limit(sd), UNREAD_LIMIT);
    }
    for taken in [65_536, 1 << 30, 65_537] {
        set_unread_limit(sd, taken).unwrap();
        assert_eq!(unread_limit(sd), taken as usize);
    }
    api::close(sd).unwrap();
}

/// Of either kind of server: one that accepts has the sockets inherit the limit.
#[test]
fn a_session_ends_by_the_first_byte_beyond_the_limit_and_stays_up_to_it() {
    library();
    for one_to_one in [false, true] {
        let pool = if one_to_one { "limit-stream" } else { "limit-seqpacket" };
        let server = if one_to_one { stream_socket() } else { seqpacket_socket() };
        set_unread_limit(server, LIMIT as i32).unwrap();
        register(server, pool);
        for (length, stays) in [(LIMIT - OVERHEAD - 1, true), (LIMIT - OVERHEAD, true), (LIMIT - OVERHEAD + 1, false)] {
            let client = connect(pool);
            send(client, "hello");
            let reader = if one_to_one { api::accept(server, Timeout::After(PATIENCE)).unwrap() } else { server };
            assert_eq!(unread_limit(reader), LIMIT);
            let session = session_of_first_data(reader);
            api::sendmsg(client, &vec![b'x'; length], &SendOptions::default(), Timeout::After(PATIENCE)).unwrap();
            let removed = Notification::SessionChange { change: SessionChange::Remove, session };
            // The end of the session before may be told only now.
            let got = loop {
                match receive(reader).0 {
                    Got::Notification(notification) if notification != removed => {}
                    got => break got,
                }
            };
            match got {
                Got::Data(data) => assert!(stays && data.len() == length, "{} of {length} came", data.len()),
                Got::End => assert!(!stays && one_to_one, "{length}"),
                Got::Notification(notification) => assert!(!stays, "{notification:?}"),
                other => panic!("{other:?}"),
            }
            if !stays {
                // The client is told: its session has lost its server.
                let failover = Notification::FailoverNecessary { session: rserpool::SessionId(1), has_cookie: false };
                while receive(client).0 != Got::Notification(failover) {}
            }
            api::close(client).unwrap();
            if one_to_one {
                api::close(reader).unwrap();
            }
        }
        api::close(server).unwrap();
    }
}
