//! What is worth a line of the log, and at which level.

use crate::support::client::*;
use crate::support::log_lines;
use rserpool::asap::{AsapConfig, Event, RequestError, RequestId};
use rserpool::association::LossReason;
use rserpool::association::TransportKind::{Memory, Tcp};
use std::time::Duration;

/// An operator who is woken by warnings is not woken by these.
#[test]
fn what_happens_every_day_is_no_warning() {
    log_lines::begin();
    let warnings = || log_lines::so_far().into_iter().filter(|line| line.0 <= log::Level::Warn).collect::<Vec<_>>();
    let (mut client, home) = Client::connected(config(1, &[Tcp]));
    // An answer that was under way when its request was withdrawn.
    client.request(1, resolve(Some(1), Duration::ZERO));
    client.event(Event::Cancel(RequestId(1)));
    client.message(home, resolved(None, &[1]));
    // A registrar closes connections that nobody uses; the next request finds one again.
    assert!(client.event(Event::AssociationLost { association: home, reason: LossReason::Closed }).0.is_empty());
    assert_eq!(client.request(2, resolve(Some(1), Duration::ZERO)).connects().len(), 1);
    // Answers, a removal and a keep-alive for an element that has just left.
    let (mut client, home) = Client::connected(config(1, SCTP));
    client.request(1, register(1));
    client.request(2, deregister(1));
    client.message(home, registered(1, None));
    client.message(home, deregistered(1));
    client.message(home, keep_alive(true, 1, POOL, Some(1)));
    client.message(home, deregistered(1));
    assert_eq!(warnings(), []);
    // A registrar that is lost while it is needed is another thing.
    client.request(3, register(1));
    client.lost(home);
    assert_eq!(warnings().len(), 1);
}

#[test]
fn that_no_registrar_can_be_reached_is_worth_one_warning_an_outage() {
    log_lines::begin();
    let outages = |level| {
        let is_outage = |line: &&(log::Level, String)| line.0 == level && line.1.contains("requests wait");
        log_lines::so_far().iter().filter(is_outage).count()
    };
    let max_request_time = Duration::from_secs(600);
    let mut client = Client::new(AsapConfig { max_request_time, ..config(1, SCTP) });
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    for outage in 1..=2 {
        for _ in 0..4 {
            assert!(client.refused(connects[0].0).0.is_empty());
            connects = client.advance_to_deadline().connects();
        }
        assert_eq!((outages(log::Level::Warn), outages(log::Level::Info)), (outage, outage * 3));
        let (home, _) = client.up(&connects[0]);
        client.message(home, resolved(None, &[1]));
        client.request(2 + outage as u64, resolve(None, Duration::ZERO));
        connects = client.lost(home).connects();
    }
    // Somebody who knows of no registrar at all is told so.
    let mut client = Client::new(config(0, SCTP));
    client.request(1, resolve(None, Duration::ZERO));
    client.advance(AsapConfig::default().t5_server_hunt);
    assert_eq!(outages(log::Level::Warn), 3);
    assert!(log_lines::so_far().iter().any(|(_, line)| line.contains("no registrar is configured")));
}

#[test]
fn that_none_can_be_reached_is_not_said_while_somebody_may_be_about_to_answer() {
    const REGISTRARS: usize = 21;
    log_lines::begin();
    let outages = || log_lines::so_far().iter().filter(|line| line.1.contains("none of 21 registrars")).count();
    // Nobody answers; each gets its time, some at once.
    let max_request_time = Duration::from_secs(6000);
    let mut client = Client::new(AsapConfig { max_request_time, ..config(REGISTRARS as u8, SCTP) });
    let mut connects = client.request(1, resolve(None, Duration::ZERO)).connects();
    let mut tried = std::collections::BTreeSet::new();
    loop {
        tried.extend(connects.iter().map(|(_, _, peer)| peer.to_string()));
        if tried.len() == REGISTRARS {
            break;
        }
        assert_eq!(outages(), 0, "after {} registrars", tried.len());
        connects = client.advance_to_deadline().connects();
    }
    // The last one is still being tried.
    assert_eq!(outages(), 0);
    for _ in 0..REGISTRARS {
        client.advance_to_deadline();
    }
    assert!(outages() > 0, "all have had their time");
}

#[test]
fn a_process_without_descriptors_says_so_and_blames_no_registrar() {
    log_lines::begin();
    let mut client = Client::new(config(2, &[Tcp, Memory]));
    let mut done = client.request(1, resolve(None, Duration::ZERO));
    while done.completed().is_empty() {
        let mut connects: std::collections::VecDeque<_> = done.connects().into();
        while let Some((attempt, kind, _)) = connects.pop_front() {
            // SCTP has its descriptor already.
            let reason = if kind == Tcp { LossReason::NoDescriptor } else { LossReason::Refused };
            connects.extend(client.event(Event::ConnectFailed { attempt, reason }).connects());
        }
        done = client.advance_to_deadline();
    }
    let failed = done.completed();
    assert!(matches!(failed[..], [(1, Err(RequestError::NoDescriptor { .. }))]), "{failed:?}");
    let lines = log_lines::so_far();
    let said = |words: &str| lines.iter().any(|line| line.1.contains(words));
    assert!(said("no descriptor left") && !said("none of"), "{lines:?}");
}
