//! `rserpool registrar` as a process: start, stop, refusals.

use crate::support::program::{Element, PATIENCE, RegistrarProcess, rserpool, text};
use rserpool::driver::clock;

#[test]
fn sigterm_closes_the_associations_of_elements_and_ends_with_0() {
    let registrar = RegistrarProcess::start(&[]);
    let mut element = Element::register(registrar.asap, "Pool", 1);
    let begin = clock::now();
    let watcher = std::thread::spawn(move || {
        element.until_lost();
        element.lost
    });
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(
        watcher.join().expect("no panic").as_deref(),
        Some("closed"),
        "the element is told, and looks elsewhere"
    );
    assert!(clock::now().saturating_since(begin) < PATIENCE);
    assert!(log.contains("leaving the scope"), "{log}");
}

#[test]
fn sigint_stops_as_sigterm_does() {
    let (status, log) = RegistrarProcess::start(&[]).end_by(libc::SIGINT);
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn sighup_stops_it_in_order_unless_it_was_ignored_when_it_began() {
    let (status, log) = RegistrarProcess::start(&["--log", "info"]).end_by(libc::SIGHUP);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("leaving the scope"), "{log}");
    let registrar = RegistrarProcess::start_ignoring_hangup(&["--log", "info"]);
    registrar.signal(libc::SIGHUP);
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("signal 15") && !log.contains("signal 1:"), "{log}");
}

#[test]
fn the_ready_line_comes_when_the_registrar_answers_and_not_before() {
    // Nobody listens on port 1: it looks for a mentor for a second.
    let options = ["--peer", "127.0.0.1:1", "--mentor-discovery-timeout", "1s"];
    let registrar = RegistrarProcess::start(&options);
    let asap = registrar.asap.to_string();
    let answer = rserpool(&["resolve", "Pool", "--registrar", &asap, "--transport", "tcp", "--timeout", "400ms"]);
    assert_eq!(answer.status.code(), Some(1), "there is no such pool, it says: {}", text(&answer.stderr));
}

#[test]
fn a_port_that_is_taken_is_named_and_ends_with_1() {
    let first = RegistrarProcess::start(&[]);
    let asap = first.asap.to_string();
    let second = rserpool(&["registrar", "--asap", &asap, "--enrp", "127.0.0.1:0", "--announce", "off"]);
    assert_eq!(second.status.code(), Some(1));
    let complaint = text(&second.stderr);
    assert!(complaint.contains(&format!("cannot open ASAP endpoint {asap}")), "{complaint}");
}

#[test]
fn the_id_can_be_chosen_and_is_in_the_greeting() {
    let registrar = RegistrarProcess::start(&["--id", "0xabcdef01", "--log", "info"]);
    let (_, log) = registrar.end_by(libc::SIGTERM);
    assert!(log.contains("registrar 0xabcdef01 listens for ASAP at 127.0.0.1:"), "{log}");
}

#[test]
fn a_registrar_whose_identifier_is_taken_says_by_whom_and_ends_with_1() {
    let first = RegistrarProcess::start(&["--id", "7"]);
    let enrp = first.enrp.to_string();
    let ports = ["--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"];
    let second = rserpool(&[&["registrar", "--id", "7", "--peer", &enrp][..], &ports].concat());
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty(), "it was never ready");
    let said = text(&second.stderr);
    assert!(said.contains("the registrar gives way: another registrar, at {127.0.0.1}:"), "{said}");
    let (status, log) = first.end_by(libc::SIGTERM);
    assert!(status.success() && log.contains("has the same identifier"), "{log}");
}

#[test]
fn an_element_that_does_not_answer_is_removed_after_its_keep_alive_timeout() {
    let registrar =
        RegistrarProcess::start(&["--keep-alive-interval", "200ms", "--keep-alive-timeout", "200ms", "--log", "info"]);
    let asap = registrar.asap.to_string();
    // Registered, and from then on silent: nobody polls its transport.
    let _silent = Element::register(registrar.asap, "Pool", 1);
    let end = clock::now() + PATIENCE;
    loop {
        let answer = rserpool(&["resolve", "Pool", "--registrar", &asap]);
        if answer.status.code() == Some(1) {
            assert!(text(&answer.stderr).contains("knows no pool Pool"));
            break;
        }
        assert!(clock::now() < end, "the silent element is still there");
    }
}

#[test]
fn wrong_values_name_the_option_and_end_with_2() {
    for (option, value, complaint) in [
        ("--keep-alive-interval", "5", "--keep-alive-interval: \"5\" is no duration with its unit"),
        ("--asap", "nonsense:x:y", "--asap: \"nonsense:x:y\" is no ADDR:PORT"),
        ("--transport", "pigeon", "--transport: unknown transport \"pigeon\""),
        ("--announce", "192.0.2.1:5", "--announce: 192.0.2.1:5 is no multicast group"),
        ("--log", "loud", "--log: \"loud\" is no level"),
        ("--max-pools", "0", "--max-pools: \"0\" is no positive number"),
        ("--id", "0", "--id: 0 is nobody's identifier"),
        ("--asap", "no-such-host.invalid:1", "--asap: the name in \"no-such-host.invalid:1\" cannot be resolved"),
        ("--no-such-option", "1", "--no-such-option"),
    ] {
        let output = rserpool(&["registrar", option, value]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        let said = text(&output.stderr);
        assert!(said.contains(complaint), "{option}: {said}");
        assert!(output.stdout.is_empty());
    }
}
