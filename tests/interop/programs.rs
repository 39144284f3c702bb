//! The programs of both implementations, under one roof: registrars, elements and users that are either's.

use crate::guest::{Program, until};
use crate::resolve::{Resolved, ask_at, until_elements_at};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Us,
    Rsplib,
}

pub const ASAP: &str = "10.255.0.1:3863";

/// Builds the C examples that the cells use, against the library that cargo built for this test. Once: one that runs cannot be
/// written.
pub fn build_examples() {
    static BUILT: Once = Once::new();
    BUILT.call_once(build_all);
}

fn build_all() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let this = std::env::current_exe().expect("a path");
    let libraries = this.parent().expect("a directory");
    // The library's own name, by which the loader looks for it. Another test may make the link at the same time.
    let _ = std::os::unix::fs::symlink("librserpool.so", libraries.join("librserpool.so.0"));
    for name in ["echo_client", "echo_server", "call_control_server", "call_control_client"] {
        let mut command = Command::new("gcc");
        command.args(["-std=gnu11", "-g", "-I"]).arg(root.join("include"));
        command.arg(root.join(format!("c-examples/{name}.c"))).arg("-o").arg(example(name));
        command.arg(libraries.join("librserpool.so")).arg(format!("-Wl,-rpath,{}", libraries.display()));
        let output = command.arg("-pthread").output().expect("gcc starts");
        assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

pub fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{name}"))
}

/// A command of rsplib, which says what it does.
pub fn rsplib(program: &str, options: &[&str]) -> Program {
    let mut command = Command::new(program);
    command.args(["-logcolor=off", "-loglevel=4"]).args(options);
    Program::start(program, command)
}

/// A registrar at [`ASAP`] that announces nothing, unless the options say so.
pub fn registrar(of: Of, options: &[&str]) -> Program {
    registrar_at(of, "10.255.0.1", options)
}

/// A registrar with all of these addresses, and the usual ports. Ours has those that the host has.
pub fn registrar_on(of: Of, addresses: &[&str]) -> Program {
    match of {
        Of::Us => {
            let mut command = registrar_program("0.0.0.0");
            command.args(["--transport", "sctp", "--announce", "off"]);
            let registrar = Program::start("our registrar", command);
            until("the registrar listens", || ask_at(ASAP, "a pool that nobody made").is_some());
            registrar
        }
        Of::Rsplib => {
            let more: String = addresses[1..].iter().map(|address| format!(",{address}")).collect();
            let (asap, enrp) =
                (format!("-asap={}:3863{more}", addresses[0]), format!("-enrp={}:9901{more}", addresses[0]));
            registrar_at(of, addresses[0], &[&asap, &enrp])
        }
    }
}

/// A registrar at this address, with the usual ports.
pub fn registrar_at(of: Of, address: &str, options: &[&str]) -> Program {
    let (asap, enrp) = (format!("{address}:3863"), format!("{address}:9901"));
    let registrar = match of {
        Of::Us => {
            let mut command = registrar_program(address);
            command.args(["--transport", "sctp"]);
            if !options.contains(&"--announce") {
                command.args(["--announce", "off"]);
            }
            Program::start(&format!("our registrar at {address}"), command_with(command, options))
        }
        Of::Rsplib => {
            let (asap, enrp) = (format!("-asap={asap}"), format!("-enrp={enrp}"));
            let mut all = vec!["-maxhresitems=100"];
            if !options.iter().any(|option| option.starts_with("-asap=")) {
                all.extend([asap.as_str(), &enrp]);
            }
            for group in ["-asapannounce", "-enrpannounce"] {
                if !options.iter().any(|option| option.starts_with(group)) {
                    all.push(if group == "-asapannounce" { "-asapannounce=off" } else { "-enrpannounce=off" });
                }
            }
            all.extend_from_slice(options);
            rsplib("rspregistrar", &all)
        }
    };
    until("the registrar listens", || ask_at(&asap, "a pool that nobody made").is_some());
    registrar
}

/// Our registrar at this address, with the usual ports.
pub fn registrar_program(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    let (asap, enrp) = (format!("{address}:3863"), format!("{address}:9901"));
    command.args(["registrar", "--asap", &asap, "--enrp", &enrp, "--log", "debug"]);
    command
}

fn command_with(mut command: Command, options: &[&str]) -> Command {
    command.args(options);
    command
}

/// An echo server, which registers by itself.
pub fn echo_server(of: Of) -> Program {
    echo_server_at(of, &[ASAP])
}

/// An echo server that knows these registrars; one with several addresses has them joined by commas.
pub fn echo_server_at(of: Of, registrars: &[&str]) -> Program {
    let registrars: Vec<_> = registrars.iter().map(|registrar| format!("-registrar={registrar}")).collect();
    let mut options: Vec<&str> = registrars.iter().map(String::as_str).collect();
    options.push("-asapannounce=off");
    match of {
        Of::Us => ours("echo_server", &options),
        Of::Rsplib => {
            // Before it hunts again, it would wait for an answer for 3 seconds.
            options.extend(["-echo", "-rereginterval=1000"]);
            rsplib("rspserver", &options)
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
    echo_client_at(of, ASAP)
}

/// An echo client that asks this registrar.
pub fn echo_client_at(of: Of, registrar: &str) -> Program {
    let registrar = format!("-registrar={registrar}");
    match of {
        Of::Us => ours("echo_client", &[&registrar, "-asapannounce=off"]),
        Of::Rsplib => rsplib("rspterminal", &[&registrar, "-asapannounce=off"]),
    }
}

/// One of the C examples.
pub fn ours(name: &str, options: &[&str]) -> Program {
    let mut command = Command::new(example(name));
    command.args(options).env("RSERPOOL_LOG", "debug");
    Program::start(name, command)
}

/// The elements of a pool at [`ASAP`], in the order that the registrar gives; none where there is no such pool.
pub fn resolve(pool: &str) -> Vec<Resolved> {
    ask_at(ASAP, pool).unwrap_or_default()
}

/// Waits until a pool has so many elements.
pub fn until_elements(pool: &str, count: usize) -> Vec<u32> {
    until_elements_at(ASAP, pool, count)
}
