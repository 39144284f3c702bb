//! Timers and thresholds (RFC 5353 section 4), and settings that cannot work.

use super::*;

#[test]
fn enrp_120_121_122_the_defaults_are_those_of_the_rfc() {
    let config = RegistrarConfig::default();
    assert_eq!(config.peer_heartbeat_cycle, 30 * SECOND);
    assert_eq!(config.max_time_last_heard, 61 * SECOND);
    assert_eq!(config.max_time_no_response, 5 * SECOND);
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_reason() {
    assert_eq!(RegistrarConfig::default().validate(), Ok(()));
    assert_eq!(RegistrarConfig::fast().validate(), Ok(()));
    type Change = fn(&mut RegistrarConfig);
    let wrong: [(Change, &str); 9] = [
        (|c| c.max_time_last_heard = 59 * SECOND, "two peer heartbeat cycles"),
        (|c| c.max_time_no_response = Duration::ZERO, "maximum time without response"),
        (|c| c.keep_alive_timeout = Duration::ZERO, "keep-alive timeout"),
        (|c| c.peer_reconnect_max = millis(1), "pause before a reconnect"),
        (|c| c.max_handle_table_page = 100, "page of the handle table"),
        (|c| c.max_handle_table_page = 70_000, "page of the handle table"),
        (|c| c.max_peers = 0, "other registrars"),
        (|c| c.peers = vec![address(1); 300], "300 other registrars"),
        (|c| c.max_items_default = 2000, "limit of 1024"),
    ];
    for (change, reason) in wrong {
        let mut config = RegistrarConfig::default();
        change(&mut config);
        let error = config.validate().expect_err(reason);
        assert!(error.contains(reason), "{error}");
    }
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
