//! The examples that need more than a compiler: C++, and event loops under load, with a failover in the middle.

use crate::support::c_pool::{
    Conversation, Ended, compile_example, compile_source, root, run, skip, wait_for_elements,
};
use crate::support::program::RegistrarProcess;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

fn registrar() -> RegistrarProcess {
    RegistrarProcess::start(&["--log", "warn", "--transport", "sctp-udp"])
}

/// A program of the pool, with its output.
struct Program {
    process: Ended,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(program: &Path, registrar: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(arguments).arg(format!("-registrar={registrar}")).stdout(Stdio::piped());
        let mut process = Ended::start(&mut command);
        let output = BufReader::new(process.0.stdout.take().expect("a pipe"));
        Program { process, output }
    }

    /// Reads lines until one is as wanted, and returns it.
    fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("text"), 0, "it ended before {what}");
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Asks it to stop, and returns what else it said.
    fn stop(mut self) -> String {
        terminate(&self.process.0);
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        assert!(self.process.0.wait().expect("it ends").success(), "{rest}");
        rest
    }
}

fn terminate(process: &Child) {
    // SAFETY: no pointers are involved; the process is ours and has not been waited for.
    unsafe { libc::kill(process.id() as i32, libc::SIGTERM) };
}

/// The number behind a word of a line.
fn number(line: &str, word: &str) -> u64 {
    let mut words = line.split_whitespace();
    let found = words.find(|w| *w == word).and_then(|_| words.next()).and_then(|text| text.parse().ok());
    found.unwrap_or_else(|| panic!("no number {word} in {line:?}"))
}

#[test]
fn the_cpp_counter_goes_on_counting_when_its_server_is_killed() {
    let counter = compile_example("counter.cpp", &[]);
    let registrar = registrar();
    let asap = registrar.asap.to_string();
    let first = Program::start(&counter, &asap, &["server"]);
    wait_for_elements(&asap, "CounterPool", 1);
    let mut client = Conversation::start(Command::new(&counter).arg("client").arg(format!("-registrar={asap}")));
    assert_eq!(client.ask("a"), "1 a");
    assert_eq!(client.ask("b"), "2 b");

    let mut second = Program::start(&counter, &asap, &["server"]);
    second.until("it serves", |line| line.starts_with("serving pool"));
    wait_for_elements(&asap, "CounterPool", 2);
    first.process.kill();
    assert_eq!(client.ask("c"), "3 c");
    assert_eq!(client.ask("d"), "4 d");
    client.end();
    second.stop();
}

/// Three clients with an event loop, 20 sessions each, and two servers with an event loop, one of which is killed.
#[test]
fn event_loops_serve_many_sessions_and_lose_none_when_a_server_is_killed() {
    let libevent = run(Command::new("pkg-config").args(["--cflags", "--libs", "libevent_core"]));
    if !libevent.status.success() {
        return skip("libevent is not installed (Debian package libevent-dev)");
    }
    let libevent = String::from_utf8(libevent.stdout).expect("text");
    let server = compile_example("epoll_server.c", &[]);
    let client = compile_example("libevent_client.c", &libevent.split_whitespace().collect::<Vec<_>>());

    let registrar = registrar();
    let asap = registrar.asap.to_string();
    let first = Program::start(&server, &asap, &[]);
    let second = Program::start(&server, &asap, &[]);
    wait_for_elements(&asap, "EchoPool", 2);
    let mut clients: Vec<Program> =
        (0..3).map(|_| Program::start(&client, &asap, &["--sessions=20", "--requests=0"])).collect();
    for client in &mut clients {
        client.until("it is at work", |line| line.starts_with("answers"));
    }
    first.process.kill();
    for client in &mut clients {
        client.until("sessions have moved", |line| number(line, "failovers") > 0);
    }
    for client in clients {
        let said = client.stop();
        let result = said.lines().last().expect("a result");
        assert!(result.starts_with("done: sessions 20 "), "{said}");
        println!("{result}");
    }
    let said = second.stop();
    let taken_over = said.lines().filter(|line| line.contains("comes from another server")).count();
    assert!(taken_over > 0, "{said}");
}

/// A client that sends megabytes and reads nothing for now holds up no other, and gets all its answers when it does read.
#[test]
fn the_epoll_server_waits_for_a_client_that_does_not_read_and_serves_others_meanwhile() {
    let server = compile_example("epoll_server.c", &[]);
    let other = compile_example("echo_client.c", &[]);
    let slow = compile_source(&root().join("tests/c/slow_reader.cpp"), &[]);
    let registrar = registrar();
    let asap = registrar.asap.to_string();
    let server = Program::start(&server, &asap, &[]);
    wait_for_elements(&asap, "EchoPool", 1);

    let mut command = Command::new(&slow);
    let command = command.arg(format!("-registrar={asap}")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Ended::start(command);
    let mut output = BufReader::new(process.0.stdout.take().expect("a pipe"));
    let mut said = String::new();
    output.read_line(&mut said).expect("text");
    assert_eq!(number(&said, "sent"), 40);

    let mut other = Conversation::start(Command::new(&other).arg(format!("-registrar={asap}")));
    assert_eq!(other.ask("meanwhile"), "meanwhile");
    other.end();
    writeln!(process.0.stdin.take().expect("a pipe"), "go on").expect("it reads");
    let mut answered = String::new();
    output.read_line(&mut answered).expect("text");
    assert_eq!(number(&answered, "answered"), 40, "{answered}");
    assert!(server.stop().contains(" 41 echoes"));
}
