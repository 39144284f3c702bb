//! What an operator reads about other registrars.

use crate::support::enrp::*;
use crate::support::log_lines::{lines_of, only_line};
use log::Level;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_peer_that_is_absent_has_a_line_once_and_then_a_count_now_and_then() {
    let mut net = Net::default();
    let lines = lines_of(|| {
        net.start(config(0, &[1]));
        net.run(600 * SECOND);
    });
    let absent: Vec<_> = lines.iter().filter(|(_, line)| line.contains("no registrar can be reached at")).collect();
    assert!((2..=4).contains(&absent.len()), "{lines:#?}");
    only_line(&lines, &["no registrar can be reached at", "16 times"]);
    assert!(lines.iter().all(|(level, _)| *level >= Level::Info), "{lines:#?}");
}

#[test]
fn whoever_asks_a_registrar_that_starts_for_its_table_is_told_that_it_is_not_there_yet() {
    let mut net = Net::default();
    let lines = lines_of(|| {
        net.start(config(0, &[1]));
        let association = net.script_connects(0);
        let (sender, receiver) = (SCRIPT, rserpool::RegistrarId(0));
        let request = rserpool::message::enrp::HandleTableRequest { sender, receiver, own_children_only: false };
        net.script_sends(association, request);
    });
    only_line(&lines, &["does not get the handle table", "it is not there yet"]);
}

#[test]
fn registrars_that_start_together_warn_of_nothing() {
    let lines = lines_of(|| {
        let net = Net::of(3, config);
        net.assert_converged();
    });
    assert!(lines.iter().all(|(level, _)| *level >= Level::Info), "{lines:#?}");
    assert!(!lines.is_empty());
}
