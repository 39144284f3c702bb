//! `rserpool top` on a terminal of its own, which script(1) makes.

use crate::support::own_process::OwnProcess;
use crate::support::program::{Element, PATIENCE, RegistrarProcess, rserpool, text};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A handle that would do things to a terminal, and how it is written.
const HOSTILE: &str = "Evil\u{1b}[2J\u{9b}";
const HOSTILE_NAME: &str = "Evil%1B[2J%C2%9B";

/// The program on a terminal.
struct Top {
    child: OwnProcess,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl Top {
    fn start(http: &str) -> Top {
        let program = env!("CARGO_BIN_EXE_rserpool");
        let command = format!("stty rows 30 cols 120; exec {program} top --http {http} --interval 200ms");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"]).env("TERM", "xterm");
        let mut child =
            script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1) of Debian's bsdutils");
        let mut stdout = child.stdout.take().expect("piped");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut chunk) {
                if sender.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Top { child: OwnProcess(child), output, seen: String::new() }
    }

    /// Waits until this has been written since the last time.
    fn until(&mut self, what: &str) {
        while !self.seen.contains(what) {
            let Ok(bytes) = self.output.recv_timeout(PATIENCE) else {
                panic!("{what:?} does not come: {:?}", self.seen)
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let end = self.seen.find(what).expect("it is there") + what.len();
        self.seen.drain(..end);
    }

    fn press(&mut self, keys: &str) {
        self.child.stdin.as_mut().expect("piped").write_all(keys.as_bytes()).expect("it reads");
    }
}

#[test]
fn top_shows_what_changes_and_leaves_the_terminal_as_it_was() {
    let registrar = RegistrarProcess::start(&["--http", "127.0.0.1:0", "--keep-alive-interval", "10m"]);
    let _element = Element::register(registrar.asap, HOSTILE, 1);
    let mut top = Top::start(&registrar.http.expect("the greeting says where").to_string());
    top.until("\u{1b}[?1049h");
    top.until(HOSTILE_NAME);
    let _other = Element::register(registrar.asap, "Zulu", 2);
    top.until("Zulu");
    top.until(" registrations, ");
    top.press("/zul");
    top.until("those with: zul_");
    top.press("\r\r");
    top.until("elements of Zulu");
    top.until("0x00000002");
    top.press("\t\t");
    top.until("  registered");
    top.press("q");
    top.until("\u{1b}[?1049l");
    assert!(top.child.wait().expect("it ends").success());
}

#[test]
fn top_says_when_its_registrar_does_not_answer_any_more() {
    let registrar = RegistrarProcess::start(&["--http", "127.0.0.1:0"]);
    let http = registrar.http.expect("the greeting says where").to_string();
    let mut top = Top::start(&http);
    top.until("q: end");
    drop(registrar);
    top.until(&format!("the registrar cannot be asked by HTTP at {http}"));
    top.press("\u{3}");
    top.until("\u{1b}[?1049l");
    assert!(top.child.wait().expect("it ends").success());
}

#[test]
fn top_needs_a_terminal_and_a_registrar() {
    let output = rserpool(&["top"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
    assert!(text(&output.stderr).contains("needs a terminal"), "{}", text(&output.stderr));
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").to_string();
    let mut top = Top::start(&nobody);
    top.until(&format!("cannot be asked by HTTP at {nobody}"));
    assert_eq!(top.child.wait().expect("it ends").code(), Some(3));
    assert!(!top.seen.contains("[?1049h"), "the terminal is not touched");
}
