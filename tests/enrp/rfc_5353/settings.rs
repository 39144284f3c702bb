//! Timers and thresholds (RFC 5353 section 4), and settings that cannot work.

use super::*;
use rserpool::association::PeerAddress;
use rserpool::registrar::ConfigError;

#[test]
fn enrp_120_121_122_the_defaults_are_those_of_the_rfc() {
    let config = RegistrarConfig::default();
    assert_eq!(config.peer_heartbeat_cycle, 30 * SECOND);
    assert_eq!(config.max_time_last_heard, 61 * SECOND);
    assert_eq!(config.max_time_no_response, 5 * SECOND);
}

#[test]
fn settings_that_cannot_work_are_refused_with_setting_value_and_range() {
    assert!(RegistrarConfig::default().validated().is_ok());
    assert!(RegistrarConfig::fast().validated().is_ok());
    type Change = fn(&mut RegistrarConfig);
    let wrong: [(Change, &str); 17] = [
        (
            |c| c.max_time_last_heard = 59 * SECOND,
            "time last heard is 59s, and must be 60s at least (two peer heartbeat",
        ),
        (|c| c.max_time_no_response = millis(7), "maximum time without response is 7ms, and must be 8ms at least"),
        (|c| c.keep_alive_interval = Duration::ZERO, "keep-alive interval is 0ns, and must be 1ms at least"),
        (|c| c.keep_alive_timeout = Duration::ZERO, "keep-alive timeout is 0ns"),
        (|c| c.tcp_idle_timeout = Duration::ZERO, "idle timeout of TCP connections is 0ns"),
        (
            |c| c.takeover_expiry = Duration::MAX,
            "takeover expiry is 18446744073709551615.999999999s, and must be 31622400s",
        ),
        (|c| c.leave_timeout = Duration::MAX, "leave timeout"),
        (|c| c.peer_reconnect_min = millis(7), "pause before a reconnect is 7ms, and must be 8ms at least"),
        (|c| c.peer_reconnect_max = millis(249), "is 249ms, and must be 250ms at least (the first pause)"),
        (|c| c.max_handle_table_page = 100, "page of the handle table is 100, and must be"),
        (|c| c.max_handle_table_page = 70_000, "page of the handle table is 70000, and must be 61440 at most"),
        (|c| c.max_peers = 0, "other registrars is 0, and must be 1 at least"),
        (|c| c.peers = vec![address(1); 300], "is 300, and must be 256 at most (the limit of other registrars)"),
        (|c| c.peers = vec![PeerAddress { port: 0, ..address(1) }], "needs an address and a port"),
        (|c| c.max_items_default = 2000, "is 2000, and must be 1024 at most (the limit of elements in a response)"),
        (|c| c.max_items_default = 0, "elements in a response by default is 0, and must be 1 at least"),
        (|c| c.max_takeover_connects = 0, "connects at a takeover is 0"),
    ];
    for (change, reason) in wrong {
        let mut config = RegistrarConfig::default();
        change(&mut config);
        let error = config.validated().expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_refusal_can_be_acted_upon() {
    let config = RegistrarConfig { keep_alive_timeout: Duration::ZERO, ..RegistrarConfig::default() };
    let Err(ConfigError::Time { setting, value, range }) = config.validated() else { panic!("it is refused") };
    assert_eq!((setting, value, range.least), ("keep-alive timeout", Duration::ZERO, millis(1)));
}

#[test]
fn three_registrars_started_together_become_ready_and_agree() {
    let mut net = Net::of(3, config);
    for number in 0..9 {
        net.element("pool", number + 1, number as usize % 3);
    }
    net.run(SECOND);
    net.assert_converged();
}
