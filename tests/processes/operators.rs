//! `rserpool status`, `events` and `watch`: what an operator asks registrars that run.

use crate::support::own_process::OwnProcess;
use crate::support::program::{Element, PATIENCE, RegistrarProcess, Seen, rserpool, text};
use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::message::asap::Deregistration;
use rserpool::{PoolElementId, PoolHandle};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A handle that would do things to a terminal, and how it is written.
const HOSTILE: &str = "<b>\"'\u{1b}[2J\u{9b}\u{202e}\n";
const HOSTILE_NAME: &str = "<b>\"'%1B[2J%C2%9B%E2%80%AE%0A";
/// Elements that are silent go soon.
const STRICT: [&str; 4] = ["--keep-alive-interval", "200ms", "--keep-alive-timeout", "200ms"];

fn start(options: &[&str]) -> (RegistrarProcess, String) {
    let registrar = RegistrarProcess::start(&[&["--http", "127.0.0.1:0"][..], options].concat());
    let http = registrar.http.expect("the greeting says where").to_string();
    (registrar, http)
}

/// Exit status, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = rserpool(arguments);
    (output.status.code().expect("it ends by itself"), text(&output.stdout), text(&output.stderr))
}

/// Runs it again and again until what it says is as it should be.
fn until(arguments: &[&str], is_so: impl Fn(i32, &str) -> bool) -> String {
    let end = clock::now() + PATIENCE;
    loop {
        let (status, output, errors) = run(arguments);
        if is_so(status, &output) {
            return output;
        }
        assert!(clock::now() < end, "{arguments:?} ends with {status}: {output}{errors}");
    }
}

fn assert_plain(text: &str) {
    let bad: Vec<char> =
        text.chars().filter(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c)).collect();
    assert!(bad.is_empty(), "{bad:?} in {text}");
}

/// A command that goes on.
struct Follower {
    child: OwnProcess,
    lines: Receiver<String>,
}

impl Follower {
    fn start(arguments: &[&str]) -> Follower {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        command.args(arguments).env_remove("RSERPOOL_TRANSPORT").env_remove("RSERPOOL_REGISTRARS");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Who has seen enough goes, and the pipe closes.
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Follower { child: OwnProcess(child), lines }
    }

    /// The next line that has all of these in it.
    fn until(&self, parts: &[&str]) -> String {
        let mut before = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else { panic!("{parts:?} do not come; {before:?} did") };
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
            before.push(line);
        }
    }

    /// Ends it; what it has said on standard error.
    fn end(mut self) -> String {
        self.child.kill().expect("it goes on by itself");
        let mut said = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        said
    }
}

#[test]
fn status_shows_a_scope_that_is_well_and_ends_with_0() {
    let (registrar, http) = start(&[]);
    let _element = Element::register(registrar.asap, HOSTILE, 1);
    let (status, screen, errors) = run(&["status", "--http", &http]);
    assert_eq!((status, errors.as_str()), (0, ""), "{screen}");
    let pool = format!("pools      {HOSTILE_NAME}  RoundRobin  1 element");
    for line in ["scope      1 registrar, alone", "problems   none", &pool] {
        assert!(screen.lines().any(|shown| shown == line), "{line} is missing:\n{screen}");
    }
    assert!(screen.contains("  ready since 2") && screen.contains("pool elements  1 of "), "{screen}");
    assert!(screen.lines().count() <= 24, "more than a screen:\n{screen}");
    assert_plain(&screen);
    let (status, json, _) = run(&["status", "--http", &http, "--json"]);
    assert!(json.starts_with(r#"{"healthy":true,"agree":true,"problems":[],"registrars":[{"http":"#), "{json}");
    assert_eq!((status, json.lines().count()), (0, 1), "{json}");
    assert_plain(&json);
}

#[test]
fn status_knows_whether_registrars_agree_and_which_one_is_gone() {
    let fast = ["--profile", "fast", "--id", "0x1"];
    let (first, http_first) = start(&fast);
    let enrp = first.enrp.to_string();
    let (second, http_second) = start(&["--profile", "fast", "--id", "0x2", "--peer", &enrp]);
    let _element = Element::register(second.asap, "Pool", 1);
    let both = format!("{http_first},{http_second}");
    let screen = until(&["status", "--http", &both], |status, screen| status == 0 && screen.contains("in agreement\n"));
    assert!(screen.contains("scope      2 registrars, in agreement"), "{screen}");
    assert!(screen.contains("other    0x00000002  active") && screen.contains("1 element  agrees"), "{screen}");
    drop(second);
    let (status, screen, errors) = run(&["status", "--http", &both]);
    assert_eq!(status, 1, "{screen}");
    let problem = format!("cannot be asked by HTTP at {http_second}");
    assert!(screen.contains(&problem) && errors.starts_with("rserpool: there "), "{screen}{errors}");
    let (status, json, _) = run(&["status", "--json", "--http", &both]);
    assert!(status == 1 && json.starts_with(r#"{"healthy":false,"#) && json.contains(&problem), "{json}");
    let events = until(&["events", "--http", &http_first], |_, events| events.contains("  taken_over  "));
    for (what, why) in [("takeover_wanted", ": "), ("home_changed", "  Pool  0x00000001  registrar 0x00000001")] {
        let is_it = |line: &&str| line.contains(&format!("  {what}  "));
        let line = events.lines().find(is_it).unwrap_or_else(|| panic!("no {what}: {events}"));
        assert!(line.contains(why), "{line}");
    }
}

#[test]
fn status_says_which_limit_is_near() {
    let (registrar, http) = start(&["--max-pools", "2"]);
    let _element = Element::register(registrar.asap, "Pool", 1);
    assert_eq!(run(&["status", "--http", &http]).0, 0, "half of it is not near");
    let (status, screen, _) = run(&["status", "--http", &http, "--near", "50"]);
    assert_eq!(status, 1, "{screen}");
    assert!(screen.contains(" has 1 of 2 pools, which is 50 %\n"), "{screen}");
    assert!(screen.contains("limits     pools  1 of 2  50 %\n"), "the nearest one is the first:\n{screen}");
}

#[test]
fn where_nobody_answers_the_tools_end_with_3_and_say_where() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").to_string();
    for command in ["status", "events"] {
        let (status, output, errors) = run(&[command, "--http", &nobody]);
        assert_eq!((status, output.as_str()), (3, ""), "{command}");
        assert!(errors.contains(&nobody), "{errors}");
    }
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mute_at = mute.local_addr().expect("a port").to_string();
    let (status, _, errors) = run(&["events", "--follow", "--http", &mute_at, "--timeout", "100ms"]);
    assert!(status == 3 && errors.contains("no answer within 100ms"), "{errors}");
    let (status, _, errors) = run(&["watch", "Pool", "--registrar", &nobody, "--timeout", "300ms"]);
    assert!(status == 3 && errors.contains("no registrar has answered within 300ms"), "{status} {errors}");
}

/// Answers each request with these bytes, as long as the test runs.
fn rogue(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes()); // who asks may have gone
        }
    });
    address
}

#[test]
fn who_answers_and_is_no_registrar_is_named_and_does_nothing_to_a_terminal() {
    let json = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let treacherous = r#"{"id":"\u001b[2J","state":"\u009bready","registrars":[{"id":"a\u202eb","address":7}],
        "limits":[{"what":"\u0007","count":9,"most":9,"when_full":"refused"},{"what":"x","count":18446744073709551615,"most":1,"when_full":"refused"}],
        "pools":[{"pool":"\n\n"}],"registrar_since":"\u001b","next":0,"oldest":1,
        "events":[{"time":"\r","event":"\u0000","cause":"\u001b]0;x\u0007"}]}"#;
    let deep = "[".repeat(100_000);
    for (answer, status) in [
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), 1),
        ("HTTP/1.1 200 OK\r\n\r\n{}".to_owned(), 1),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(), 1),
        (json("<html>"), 1),
        (json(&deep), 1),
        (json("\u{1b}[2J"), 1),
        (String::new(), 3),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_owned(), 3),
        (json(treacherous), 0),
    ] {
        let at = rogue(answer.clone()).to_string();
        for options in [&["events"][..], &["events", "--json"], &["status"], &["status", "--json"]] {
            let (ends, output, errors) = run(&[options, &["--http", &at]].concat());
            // What a rogue says of itself is no sign of health.
            let expected = if options[0] == "status" { status.max(1) } else { status };
            assert_eq!(ends, expected, "{options:?} of {answer:.80}: {output}{errors}");
            assert_plain(&output);
            assert_plain(&errors);
        }
    }
}

#[test]
fn events_tell_why_an_element_went() {
    let (registrar, http) = start(&STRICT);
    let _element = Element::register(registrar.asap, HOSTILE, 0x2a);
    let of_pool = ["events", "--http", &http, "--pool", HOSTILE_NAME];
    let lines = until(&of_pool, |_, lines| lines.contains("  removed  "));
    let [came, went] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    assert!(came.contains(&format!("  registered  {HOSTILE_NAME}  0x0000002a  registrar 0x")), "{came}");
    assert!(went.ends_with(": it has not answered a keep-alive in time"), "{went}");
    assert_plain(&lines);
    let (_, json, _) = run(&[&of_pool[..], &["--json"]].concat());
    assert_eq!(json.matches(r#""element":"0x0000002a","event":"re"#).count(), 2, "{json}");
    assert_plain(&json);
    assert!(run(&["events", "--http", &http]).1.contains("  ready"));
    assert_eq!(run(&["events", "--http", &http, "--pool", "Other"]).1, "");
}

#[test]
fn events_go_on_as_they_happen_and_when_the_registrar_begins_anew() {
    let (registrar, http) = start(&[]);
    let follower = Follower::start(&["events", "--follow", "--http", &http]);
    follower.until(&["  ready"]);
    let _first = Element::register(registrar.asap, "Pool", 1);
    follower.until(&["  registered  Pool  0x00000001  "]);
    drop(registrar);
    let registrar = RegistrarProcess::start(&["--http", &http]);
    follower.until(&["  ready"]);
    let _second = Element::register(registrar.asap, "Pool", 2);
    follower.until(&["  registered  Pool  0x00000002  "]);
    let said = follower.end();
    assert!(said.contains("the registrar has begun anew at 2"), "{said}");
    assert!(said.matches("it is tried again").count() <= 1 && !said.contains("panic"), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_what_goes_on() {
    let (registrar, http) = start(&[]);
    let shell = r#"("$0" events --follow --http "$1"; echo "status $?" >&2) | head -n 1"#;
    let mut command = Command::new("sh");
    command.args(["-c", shell, env!("CARGO_BIN_EXE_rserpool"), &http]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = command.spawn().expect("a shell");
    let end = clock::now() + PATIENCE;
    // Whoever writes is told by that that nobody reads.
    let mut ids = 1..;
    while shell.try_wait().expect("a child").is_none() {
        assert!(clock::now() < end, "it goes on");
        drop(Element::register(registrar.asap, "Pool", ids.next().expect("a number")));
    }
    let output = shell.wait_with_output().expect("it has ended");
    assert_eq!((text(&output.stdout).lines().count(), text(&output.stderr).as_str()), (1, "status 0\n"));
}

#[test]
fn watch_shows_who_comes_and_goes() {
    // Longer than the test takes.
    let registrar = RegistrarProcess::start(&["--keep-alive-interval", "10m"]);
    let asap = registrar.asap.to_string();
    let empty = Follower::start(&["watch", HOSTILE_NAME, "--registrar", &asap]);
    let line = empty.until(&["  empty "]);
    assert!(line.ends_with(&format!("there is no element in {HOSTILE_NAME}")), "{line}");
    assert_plain(&line);
    let mut element = Element::register(registrar.asap, HOSTILE, 1);
    empty.until(&["  came     0x00000001  home 0x", "  SCTP 127.0.0.1:", "  RoundRobin  life "]);
    let (pool_handle, pool_element_id) = (PoolHandle::from(HOSTILE), PoolElementId(1));
    element.send(&AsapMessage::Deregistration(Deregistration { pool_handle, pool_element_id }));
    element.until("the answer", |event| matches!(event, Seen::Message(AsapMessage::DeregistrationResponse(_))));
    empty.until(&["  went     0x00000001  "]);
    let _other = Element::register(registrar.asap, "Pool", 2);
    let json = Follower::start(&["watch", "Pool", "--registrar", &asap, "--json"]);
    let line = json.until(&["\"pool\":\"Pool\",\"change\":\"there\",\"element\":{\"id\":2,"]);
    assert!(
        line.contains(r#""policy":{"type":1,"name":"RoundRobin"},"user_transport":{"protocol":"SCTP","port":"#),
        "{line}"
    );
}
