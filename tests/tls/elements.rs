//! Elements where TLS is required, and have nothing by which a registrar could let them in.

use crate::support::log_lines;
use crate::support::tls::Keys;
use rserpool::api::{self, AddressInfo, Config, Error, LoadInfo, PeRegistrationOptions, RegisterOptions, TlsSettings};
use rserpool::transport::TransportChoice;
use rserpool::transport::tls::TlsMode;
use rserpool::wire::Policy;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The library, of which a process has one: tests with it take turns.
pub fn library() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever waits for an address may wait; this does not come with time.
#[test]
fn an_element_with_nothing_to_show_is_refused_at_once_even_one_that_would_wait() {
    let _alone = library();
    let keys = Keys::new();
    let tls = TlsSettings { mode: TlsMode::Require, ..keys.believing() };
    let transport = Some(TransportChoice::SctpUdp);
    api::initialize(&Config { tls: Some(tls), transport, ..Config::default() }).expect("it starts");
    let refused = |result: Result<(), Error>| {
        let error = result.expect_err("refused");
        assert_eq!(error.errno, libc::EPROTONOSUPPORT, "{error}");
        assert!(error.to_string().contains("TLS is required"), "{error}");
    };
    let lines = log_lines::lines_of(|| {
        let socket = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP).expect("a socket");
        for options in [
            RegisterOptions::default(),
            RegisterOptions { daemon_mode: true, ..RegisterOptions::default() },
            RegisterOptions { dont_wait: true, daemon_mode: true, ..RegisterOptions::default() },
        ] {
            refused(api::register(socket, b"Pool", &LoadInfo::default(), Duration::from_secs(30), options));
        }
        let element = AddressInfo {
            socket_type: libc::SOCK_STREAM,
            protocol: libc::IPPROTO_TCP,
            addresses: vec!["127.0.0.1:9".parse().expect("an address")],
            pool_element_id: rserpool::PoolElementId(0),
            policy: Policy::RoundRobin,
        };
        let options = PeRegistrationOptions { dont_wait: true, ..PeRegistrationOptions::default() };
        refused(api::pe_registration(b"Pool", &element, &LoadInfo::default(), options).map(drop));
        api::close(socket).expect("closed");
    });
    let said = lines.iter().filter(|(_, line)| line.contains("no element is registered")).count();
    assert_eq!(said, 1, "once: {lines:?}");
    api::cleanup();
}
