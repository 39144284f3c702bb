//! A registrar whose log or ready line cannot be written serves all the same.

use crate::support::program::{rserpool, text};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::process::{Child, Command, Stdio};

const NOBODY_TOLD: &str = "nobody can be told that the registrar is ready";

/// What the process is started with: `ulimit` lines come first.
fn registrar(limits: &str, stdout: Stdio, stderr: Stdio) -> Child {
    let script = format!("{limits} exec \"$@\"");
    Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_rserpool"), "registrar"])
        .args(["--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off", "--log", "debug"])
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("the program starts")
}

/// It answers at the address that a line of `output` names, stops in order, and this is the rest of the output.
fn serves_and_stops(mut child: Child, output: impl Read, before_address: &str) -> String {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    let asap = loop {
        line.clear();
        assert!(output.read_line(&mut line).expect("text") > 0, "it ends: {:?}", child.wait());
        if let Some((_, behind)) = line.split_once(before_address) {
            break behind.split_whitespace().next().expect("an address").to_owned();
        }
    };
    let answer = rserpool(&["resolve", "Pool", "--registrar", &asap, "--transport", "tcp"]);
    assert_eq!(answer.status.code(), Some(1), "there is no such pool, it says: {}", text(&answer.stderr));
    // SAFETY: no pointers are involved; the process is ours and has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    assert!(child.wait().expect("it ends").success());
    rest
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a device of the kernel").into()
}

/// Nothing can be written to it with `ulimit -f 0`.
fn file() -> Stdio {
    // SAFETY: the name is a C string; the result is a descriptor that nobody else owns, or -1.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"log".as_ptr(), 0)) };
    assert!(file.as_raw_fd() >= 0, "a file in memory");
    file.into()
}

/// A pipe that is full, and its reading end.
fn full_pipe() -> (File, Stdio) {
    let mut fds = [-1; 2];
    // SAFETY: `fds` has room for two descriptors, which nobody else owns.
    let (reader, writer) = unsafe {
        assert_eq!(libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1]))
    };
    // SAFETY: no pointers are involved.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETPIPE_SZ) };
    std::io::Write::write_all(&mut &writer, &vec![b'x'; size as usize]).expect("as much as it holds");
    (reader, writer.into())
}

#[test]
fn it_serves_without_a_log_that_it_can_write() {
    for (limits, log) in [("", full()), ("ulimit -f 0;", file())] {
        let mut child = registrar(limits, Stdio::piped(), log);
        let stdout = child.stdout.take().expect("piped");
        serves_and_stops(child, stdout, " asap ");
    }
}

#[test]
fn it_serves_when_nobody_can_be_told_that_it_is_ready() {
    let (_reader, pipe) = full_pipe();
    for (limits, stdout) in [("", full()), ("ulimit -f 0;", file()), ("", pipe)] {
        let mut child = registrar(limits, stdout, Stdio::piped());
        let log = child.stderr.take().expect("piped");
        let log = serves_and_stops(child, log, "listens for ASAP at ");
        assert!(log.contains(NOBODY_TOLD), "{log}");
    }
}
