//! Interoperability with the reference implementation: rsplib's programs as Debian ships them, and ours, over kernel SCTP.
//!
//! Each cell of the matrix is a test that wants a kernel with SCTP, rsplib's programs and root; it is ignored here and
//! run by [`everything_works_with_rsplib`] in a guest (`scripts/guest/run`), all cells of the matrix in one boot, each in
//! a network namespace of its own. What went over the wire is captured, and checked outside of the guest by tshark.
//! `docs/interoperability.md` has the table.
#![cfg(all(target_os = "linux", feature = "operations"))]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod applications;
mod captures;
mod dropin;
mod echo;
mod faults;
mod guest;
mod loss;
mod matrix;
mod programs;
mod quirks;
mod registrations;
mod resolve;
mod scope;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::scope::{lossy, network, table};

/// What the cells need beside the guest, and the Debian packages that have it.
const TOOLS: [(&str, &str); 8] = [
    ("rspregistrar", "rsplib-registrar"),
    ("rspserver", "rsplib-services"),
    ("pingpongclient", "rsplib-services"),
    ("calcappclient", "rsplib-services"),
    ("rspterminal", "rsplib-tools"),
    ("dumpcap", "tshark"),
    ("tshark", "tshark"),
    ("gcc", "gcc"),
];

/// Cells at the same time. They mostly wait, and the guest has one processor.
const CELLS_AT_ONCE: &str = "--test-threads=8";
/// In seconds; the guest is stopped then. All cells take a minute or two.
const GUEST_TIMEOUT: &str = "420";
const GUEST_MEMORY: &str = "1024M";
/// The exit status of `scripts/guest/run` where no guest can run.
const NO_GUEST: i32 = 77;

#[test]
fn everything_works_with_rsplib() {
    let missing: Vec<&str> = TOOLS.iter().filter(|(tool, _)| !installed(tool)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        return skip(&format!("not installed: {}", missing.join(" ")));
    }
    programs::build_examples();
    let captures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("interop");
    let _ = std::fs::remove_dir_all(&captures);
    std::fs::create_dir_all(&captures).expect("a directory for captures");

    let cells = list_of_cells();
    let (status, output) = run_in_guest(&captures);
    if status == Some(NO_GUEST) {
        return skip(output.trim());
    }
    let table = matrix::judge(&cells, &output, &captures);
    println!("{}", table.text());
    std::fs::write(captures.join("guest.log"), &output).expect("a file");
    assert!(table.passed(), "status {status:?} of the guest, which said:\n{output}");
}

/// `module::name_*` in the documentation stands for all cells whose names fit.
fn documented_cells() -> Vec<String> {
    let text = include_str!("../../docs/interoperability.md");
    let (_, section) = text.split_once("## What was seen").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| row.split('`').nth(1)).filter(|cell| cell.contains("::")).map(str::to_owned).collect()
}

fn fits(cell: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let mut rest = cell;
    for (number, part) in parts.iter().enumerate() {
        match rest.find(part) {
            Some(at) if number > 0 || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || pattern.ends_with('*')
}

#[test]
fn the_table_in_the_documentation_names_each_cell() {
    let (cells, patterns) = (list_of_cells(), documented_cells());
    for cell in &cells {
        assert!(patterns.iter().any(|pattern| fits(cell, pattern)), "the documentation does not name {cell}");
    }
    for pattern in &patterns {
        assert!(cells.iter().any(|cell| fits(cell, pattern)), "{pattern} in the documentation is no cell");
    }
}

fn skip(reason: &str) {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "CI=true, and the interoperability tests cannot run: {reason}");
    println!("SKIPPED: interoperability with rsplib: {reason}");
}

fn installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}

/// The names of all tests here that are for the guest.
fn list_of_cells() -> Vec<String> {
    let this = std::env::current_exe().expect("a path");
    let output = Command::new(this).args(["--ignored", "--list"]).output().expect("this program starts again");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect()
}

/// Runs the ignored tests in the guest; returns its exit status and what they printed.
fn run_in_guest(captures: &Path) -> (Option<i32>, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("scripts/guest/run"));
    command.args(["--timeout", GUEST_TIMEOUT, "--memory", GUEST_MEMORY]);
    command.arg(std::env::current_exe().expect("a path")).args(["--ignored", CELLS_AT_ONCE]);
    if let Ok(filter) = std::env::var("INTEROP_CELLS") {
        command.arg(filter);
    }
    command.env(guest::CAPTURES_VARIABLE, captures).env("RSERPOOL_TRANSPORT", "sctp").stdin(Stdio::null());
    let output = command.output().expect("scripts/guest/run starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}
