//! `rserpool registrar --log-format`: lines for programs, and for the journal.

use crate::support::program::{Element, PATIENCE, RegistrarProcess, rserpool, text};
use rserpool::driver::clock;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// A handle that would end a line or a string.
const HOSTILE: &str = "a\"\\\n\u{1b}[2J";

fn objects(lines: &str) -> Vec<Value> {
    let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    lines.lines().map(object).collect()
}

/// The same event is told at two moments, and its time may differ by what clocks are read apart.
fn without_time(mut event: Value) -> Value {
    let members = event.as_object_mut().expect("an object");
    assert!(members.remove("time").is_some() && members.remove("level").is_none_or(|level| level == "info"));
    event
}

#[test]
fn each_line_in_json_is_an_object_and_each_event_is_the_one_of_the_list() {
    let strict = ["--keep-alive-interval", "200ms", "--keep-alive-timeout", "200ms"];
    let json = ["--http", "127.0.0.1:0", "--log-format", "json"];
    let registrar = RegistrarProcess::start(&[&json[..], &strict].concat());
    let http = registrar.http.expect("the greeting says where").to_string();
    let _silent = Element::register(registrar.asap, HOSTILE, 7);
    let end = clock::now() + PATIENCE;
    let listed = loop {
        let listed = text(&rserpool(&["events", "--json", "--http", &http]).stdout);
        if listed.contains("\"event\":\"removed\"") {
            break objects(&listed);
        }
        assert!(clock::now() < end, "{listed}");
    };
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
    let (events, lines): (Vec<Value>, Vec<Value>) =
        objects(&log).into_iter().partition(|object| object.get("event").is_some());
    let events: Vec<Value> = events.into_iter().map(without_time).collect();
    let listed: Vec<Value> = listed.into_iter().map(without_time).collect();
    assert_eq!(events[..listed.len()], listed);
    assert!(events[listed.len()..].iter().any(|event| event["event"] == "leaving"), "none is lost at the end: {log}");
    assert!(lines.len() > 3, "{log}");
    for line in lines {
        assert!(line["message"].is_string() && line["level"].is_string() && line["time"].is_string(), "{line}");
    }
}

#[test]
fn the_log_has_no_events_of_the_list_where_it_is_for_people() {
    let registrar = RegistrarProcess::start(&[]);
    let _element = Element::register(registrar.asap, "Pool", 1);
    let (_, log) = registrar.end_by(libc::SIGTERM);
    assert!(!log.contains("\"event\""), "{log}");
    assert!(log.lines().all(|line| line.starts_with("20") && line.contains("Z ")), "{log}");
}

/// Standard error as systemd connects it, and the lines that go there.
fn journal_lines(format: &str, journal_stream: impl Fn(String) -> String) -> Vec<String> {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    let theirs = OwnedFd::from(theirs);
    let of_socket = std::fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&theirs)));
    let of_socket = of_socket.map(|socket| format!("{}:{}", socket.st_dev(), socket.st_ino())).expect("it is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"]);
    command.args(["--log-format", format]).env("JOURNAL_STREAM", journal_stream(of_socket));
    let mut child = command.stdout(Stdio::piped()).stderr(theirs).spawn().expect("the program starts");
    drop(command); // its end of the socket
    let mut greeting = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut greeting).expect("a line");
    // SAFETY: no pointers are involved; the process is ours and has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    let lines = BufReader::new(ours).lines().map(|line| line.expect("text")).collect();
    assert!(child.wait().expect("it ends").success());
    lines
}

#[test]
fn in_the_journal_each_line_has_its_priority_and_text_has_no_time_of_its_own() {
    let lines = journal_lines("text", |socket| socket);
    assert!(lines.iter().any(|line| line.starts_with("<6>the registrar has stopped: ")), "{lines:?}");
    let lines = journal_lines("json", |socket| socket);
    let plain = lines.iter().map(|line| line.strip_prefix("<6>").unwrap_or_else(|| panic!("{line}")).to_owned());
    assert!(objects(&plain.collect::<Vec<_>>().join("\n")).len() > 3);
    // A variable that was inherited speaks of another stream.
    let lines = journal_lines("text", |_| "1:1".to_owned());
    assert!(lines.iter().all(|line| line.starts_with("20")), "{lines:?}");
}
