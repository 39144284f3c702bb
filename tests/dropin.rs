//! rsplib's own programs, as Debian built them, with our library under rsplib's name: `scripts/dropin-matrix` is the judge.
//!
//! It needs the Debian packages rsplib-services and rsplib-tools. Without them the test is skipped, which is a failure where
//! the environment variable CI is "true".
#![cfg(feature = "registrar")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the matrix returns when there is nothing to run.
const EXIT_SKIPPED: i32 = 77;
/// In seconds; it takes some twenty.
const GUEST_TIMEOUT: &str = "300";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory of this test's own, with the library under rsplib's name in its `compat`.
fn compat(name: &str) -> PathBuf {
    let libraries = std::env::current_exe().expect("a path").parent().expect("a directory").to_owned();
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&out).expect("a directory");
    let library = out.join("librserpool.a");
    let _ = std::fs::remove_file(&library);
    std::os::unix::fs::symlink(libraries.join("librserpool.a"), &library).expect("a link");
    let built = run(Command::new(root().join("scripts/build-compat")).env("OUT", &out));
    assert!(built.status.success(), "{}", text(&built));
    out.join("compat")
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// Names of a committed list.
fn names(list: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("exports").join(list)).expect("a committed list");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn exported(library: &Path) -> Vec<String> {
    let output = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library));
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn both_libraries_export_exactly_the_committed_lists_under_their_names() {
    let libraries = std::env::current_exe().expect("a path").parent().expect("a directory").to_owned();
    let compat = compat("dropin-exports").join("librsplib.so.3");
    let own = libraries.join("librserpool.so");
    for (library, list, soname) in
        [(&own, "librserpool.txt", "librserpool.so.0"), (&compat, "librsplib.txt", "librsplib.so.3")]
    {
        let mut wanted = names(list);
        wanted.sort();
        assert_eq!(exported(library), wanted, "{}: exports/{list} says otherwise", library.display());
        let dynamic = text(&run(Command::new("readelf").arg("-d").arg(library)));
        assert!(dynamic.contains(&format!("Library soname: [{soname}]")), "{dynamic}");
    }
}

#[test]
fn debians_unmodified_programs_start_work_fail_over_and_stop_over_sctp_in_udp() {
    matrix("sctp-udp", Command::new(root().join("scripts/dropin-matrix")));
}

/// In a guest whose kernel has SCTP: see `scripts/guest/run`, which says 77 where no guest can run.
#[test]
fn debians_unmodified_programs_start_work_fail_over_and_stop_over_kernel_sctp() {
    let mut guest = Command::new(root().join("scripts/guest/run"));
    guest.args(["--timeout", GUEST_TIMEOUT, "--memory", "1024M"]).arg(root().join("scripts/dropin-matrix"));
    matrix("sctp", guest);
}

/// Prints the table, and expects that everything in it works.
fn matrix(transport: &str, mut command: Command) {
    let matrix = run(command
        .env("COMPAT", compat(&format!("dropin-{transport}")))
        .env("RSERPOOL_PROGRAM", env!("CARGO_BIN_EXE_rserpool"))
        .env("RSERPOOL_TRANSPORT", transport));
    print!("{}", text(&matrix));
    if matrix.status.code() == Some(EXIT_SKIPPED) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nothing may be skipped in CI: {}", text(&matrix));
        return;
    }
    assert!(matrix.status.success(), "{}", text(&matrix));
}
