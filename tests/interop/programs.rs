//! The programs of both implementations, under one roof: registrars, elements and users that are either's.

use crate::guest::{Program, until};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Us,
    Rsplib,
}

pub const ASAP: &str = "10.255.0.1:3863";
pub const ENRP: &str = "10.255.0.1:9901";

/// Builds the C examples that the cells use, against the library that cargo built for this test.
pub fn build_examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let this = std::env::current_exe().expect("a path");
    let libraries = this.parent().expect("a directory");
    // The library's own name, by which the loader looks for it. Another test may make the link at the same time.
    let _ = std::os::unix::fs::symlink("librserpool.so", libraries.join("librserpool.so.0"));
    for name in ["echo_client", "echo_server", "call_control_server"] {
        let mut command = Command::new("gcc");
        command.args(["-std=gnu11", "-g", "-I"]).arg(root.join("include"));
        command.arg(root.join(format!("c-examples/{name}.c"))).arg("-o").arg(example(name));
        command.arg(libraries.join("librserpool.so")).arg(format!("-Wl,-rpath,{}", libraries.display()));
        let output = command.arg("-pthread").output().expect("gcc starts");
        assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{name}"))
}

/// A command of rsplib, which says what it does.
pub fn rsplib(program: &str, options: &[&str]) -> Program {
    let mut command = Command::new(program);
    command.args(["-logcolor=off", "-loglevel=4"]).args(options);
    Program::start(program, command)
}

/// A registrar at [`ASAP`] and [`ENRP`] that announces nothing, unless the options say so.
pub fn registrar(of: Of, options: &[&str]) -> Program {
    let registrar = match of {
        Of::Us => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
            command.args(["registrar", "--transport", "sctp", "--asap", ASAP, "--enrp", ENRP, "--log", "debug"]);
            if !options.contains(&"--announce") {
                command.args(["--announce", "off"]);
            }
            Program::start("registrar", command_with(command, options))
        }
        Of::Rsplib => {
            let (asap, enrp) = (format!("-asap={ASAP}"), format!("-enrp={ENRP}"));
            let mut all = vec![asap.as_str(), &enrp, "-enrpannounce=off", "-maxhresitems=100"];
            if !options.iter().any(|option| option.starts_with("-asapannounce")) {
                all.push("-asapannounce=off");
            }
            all.extend_from_slice(options);
            rsplib("rspregistrar", &all)
        }
    };
    until("the registrar listens", || resolve_anything().is_some());
    registrar
}

fn command_with(mut command: Command, options: &[&str]) -> Command {
    command.args(options);
    command
}

/// The ASAP port answers.
fn resolve_anything() -> Option<Vec<Resolved>> {
    ask("a pool that nobody made")
}

/// An echo server, which registers by itself.
pub fn echo_server(of: Of) -> Program {
    match of {
        Of::Us => ours("echo_server", &[&format!("-registrar={ASAP}"), "-asapannounce=off"]),
        Of::Rsplib => {
            rsplib("rspserver", &["-echo", &format!("-registrar={ASAP}"), "-asapannounce=off", "-rereginterval=1000"])
        }
    }
}

/// What an echo server prints when a session begins.
pub fn session_begins(of: Of) -> &'static str {
    match of {
        Of::Us => " begins",
        Of::Rsplib => "RSERPOOL_SESSION_ADD",
    }
}

/// An echo client; it sends the lines that it is told.
pub fn echo_client(of: Of) -> Program {
    match of {
        Of::Us => ours("echo_client", &[&format!("-registrar={ASAP}"), "-asapannounce=off"]),
        Of::Rsplib => rsplib("rspterminal", &[&format!("-registrar={ASAP}"), "-asapannounce=off"]),
    }
}

/// One of the C examples.
pub fn ours(name: &str, options: &[&str]) -> Program {
    let mut command = Command::new(example(name));
    command.args(options).env("RSERPOOL_LOG", "debug");
    Program::start(name, command)
}

/// One element of a resolved pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub id: u32,
    /// The rest of the line of `rserpool resolve`: home, transport, policy.
    pub rest: String,
}

/// The elements of a pool, in the order that the registrar gives; none where there is no such pool.
pub fn resolve(pool: &str) -> Vec<Resolved> {
    ask(pool).unwrap_or_default()
}

/// Their identifiers, sorted.
pub fn identifiers(pool: &str) -> Vec<u32> {
    let mut ids: Vec<u32> = resolve(pool).iter().map(|element| element.id).collect();
    ids.sort_unstable();
    ids
}

/// `rserpool resolve`; none without an answer.
fn ask(pool: &str) -> Option<Vec<Resolved>> {
    ask_at(ASAP, pool)
}

pub fn ask_at(registrar: &str, pool: &str) -> Option<Vec<Resolved>> {
    let output = Command::new(env!("CARGO_BIN_EXE_rserpool"))
        .args(["resolve", pool, "--transport", "sctp", "--registrar", registrar, "--timeout", "5s"])
        .output()
        .expect("the program starts");
    match output.status.code() {
        Some(0) => {}
        Some(1) => return Some(Vec::new()),
        _ => return None,
    }
    let text = String::from_utf8(output.stdout).expect("text");
    let element = |line: &str| {
        let (id, rest) = line.split_once("  ")?;
        Some(Resolved { id: u32::from_str_radix(id.strip_prefix("0x")?, 16).ok()?, rest: rest.to_owned() })
    };
    let elements: Option<Vec<Resolved>> = text.lines().map(element).collect();
    Some(elements.unwrap_or_else(|| panic!("rserpool resolve prints other lines now: {text}")))
}

/// Waits until a pool has so many elements.
pub fn until_elements(pool: &str, count: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    until(&format!("pool {pool} has {count} elements"), || {
        ids = identifiers(pool);
        ids.len() == count
    });
    ids
}
