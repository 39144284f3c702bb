//! The C programs of `tests/c`, compiled against the committed headers, linked to the shared and the static library, and run
//! against a registrar; also under valgrind, and with the address sanitizer in the program.
//!
//! They need a C and a C++ compiler, and valgrind, without which its tests are skipped.

use crate::support::errnos::errno_name;
use rserpool::driver::clock;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that hangs fails the test after this time.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(180);
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];
/// What the static library needs of the system.
const SYSTEM_LIBRARIES: [&str; 5] = ["-lgcc_s", "-lutil", "-lpthread", "-lm", "-ldl"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put this test, and the libraries that it was built with.
fn libraries() -> PathBuf {
    std::env::current_exe().expect("a path").parent().expect("a directory").to_owned()
}

fn run_compiler(mut command: Command) {
    let output = command.output().expect("a compiler: install gcc and g++");
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

fn compiler(program: &str, standard: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("-std={standard}")).args(WARNINGS).arg("-I").arg(root().join("include"));
    command
}

#[derive(Clone, Copy, Debug)]
enum Linked {
    Shared,
    Static,
    WithSanitizer,
}

/// Each test has a program of its own: one that runs cannot be written.
fn build(name: &str, linked: Linked, purpose: &str) -> PathBuf {
    let (mut source, libraries) = (root().join(format!("tests/c/{name}.c")), libraries());
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{linked:?}-{purpose}"));
    let mut command = if source.exists() {
        compiler("gcc", "gnu11")
    } else {
        source.set_extension("cpp");
        compiler("g++", "c++17")
    };
    command.args(["-g", "-O1"]).arg(source).arg("-o").arg(&program).arg("-pthread");
    if let Linked::WithSanitizer = linked {
        command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    }
    // scripts/sanitize has built one with the sanitizer in the library, too.
    let sanitized = std::env::var_os("SANITIZED_LIBRARY");
    match (linked, sanitized) {
        (Linked::WithSanitizer, Some(library)) => command.arg(library).args(SYSTEM_LIBRARIES),
        (Linked::Static, _) => command.arg(libraries.join("librserpool.a")).args(SYSTEM_LIBRARIES),
        (Linked::Shared | Linked::WithSanitizer, _) => {
            let soname = libraries.join("librserpool.so.0");
            // The library's own name, by which the loader looks for it. Another test may make the link at the same time.
            let _ = std::os::unix::fs::symlink("librserpool.so", &soname);
            command.arg(libraries.join("librserpool.so")).arg(format!("-Wl,-rpath,{}", libraries.display()))
        }
    };
    run_compiler(command);
    program
}

/// A registrar on ports of its own.
struct Registrar {
    process: Child,
    asap: String,
}

impl Registrar {
    /// For a program of this name.
    fn start(program: &str) -> Registrar {
        // That program wants to see the registrar refuse.
        let rate = if program == "requests" { "20" } else { "10000" };
        let mut process = Command::new(env!("CARGO_BIN_EXE_rserpool"))
            .args(["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"])
            .args(["--transport", &transport(), "--log", "warn", "--max-resolution-rate", rate])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the rserpool program");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("its first line");
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "asap").expect("registrar ID asap ADDR:PORT ...");
        Registrar { process, asap: words[at + 1].to_owned() }
    }
}

/// What programs and registrars use: SCTP in UDP, which every kernel can carry, unless the environment says otherwise.
fn transport() -> String {
    std::env::var("RSERPOOL_TEST_TRANSPORT").unwrap_or_else(|_| "sctp-udp".to_owned())
}

impl Drop for Registrar {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs to its end and expects success.
fn run(mut command: Command) {
    let mut child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let end = clock::now() + PROGRAM_TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().expect("the state of a child") {
            assert!(status.success(), "{command:?}: {status}; what it printed says why");
            return;
        }
        if clock::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} still runs after {PROGRAM_TIMEOUT:?}");
        }
        wait_a_little();
    }
}

/// There is no waiting for a child with a time limit in std: this only paces the loop around `try_wait`.
#[allow(clippy::disallowed_methods)]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(10));
}

fn check(name: &str, linked: Linked) {
    let program = build(name, linked, "plain");
    let registrar = Registrar::start(name);
    let mut command = Command::new(program);
    command.arg(&registrar.asap);
    run(command);
}

fn check_with_valgrind(name: &str) {
    let installed = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: valgrind is not installed; `make test` installs it");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nothing may be skipped in CI");
        return;
    }
    let program = build(name, Linked::Shared, "valgrind");
    let registrar = Registrar::start(name);
    let mut command = Command::new("valgrind");
    // What the parent's threads had on their stacks is lost in a child of fork(): no leak of ours.
    let forks = matches!(name, "fork_child" | "fork_and_log" | "abuse" | "errors" | "requests");
    let leaks = if forks { "--leak-check=no" } else { "--leak-check=full" };
    command
        .args(["--quiet", "--error-exitcode=99", leaks, "--errors-for-leak-kinds=definite,indirect"])
        .args(["--fair-sched=yes"])
        .env("UNDER_VALGRIND", "1")
        .arg(program)
        .arg(&registrar.asap);
    run(command);
}

/// The tests of a program: those that all have, and more.
macro_rules! program {
    ($module:ident $($more:item)*) => {
        mod $module {
            use super::*;
            const NAME: &str = stringify!($module);
            #[test]
            fn passes_with_the_shared_library() {
                check(NAME, Linked::Shared);
            }
            #[test]
            fn passes_with_the_static_library() {
                check(NAME, Linked::Static);
            }
            #[test]
            fn passes_under_valgrind() {
                check_with_valgrind(NAME);
            }
            $($more)*
        }
    };
}

macro_rules! programs {
    ($($module:ident)*) => {
        $(program! {
            $module
            #[test]
            fn passes_with_the_address_sanitizer() {
                check(NAME, Linked::WithSanitizer);
            }
        })*
    };
}

programs! {
    before_initialize
    tls_in_vain
    bad_arguments
    basic_mode
    sessions
    threads
    fork_child
    nonblocking
    meanwhile
    descriptors
    pool_info
    pool_sending
    errors
    requests
    signals
    misuse
    abuse
    rsplib_quirks
    unread_log
    log_without_reader
    log_without_room
    variants
    wrapper
}

/// Not with the address sanitizer in the program: its allocator has locks that a child of fork() finds locked, and it takes a
/// cancelled thread's stack for damaged; and it takes all of the address space for itself.
macro_rules! programs_without_sanitizer {
    ($($module:ident)*) => {
        $(program! { $module })*
    };
}

programs_without_sanitizer! {
    memory_of_sessions
    scarce_memory
    fork_and_log
    cancelled
}

fn object(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.o"))
}

#[test]
fn the_headers_compile_cleanly_as_c_and_cpp() {
    for standard in ["c89", "c99", "c11", "c17"] {
        let mut command = compiler("gcc", standard);
        command.arg("-c").arg(root().join("tests/c/headers.c")).arg("-o").arg(object(&format!("headers-{standard}")));
        run_compiler(command);
    }
    for standard in ["c++11", "c++17", "c++20"] {
        let mut command = compiler("g++", standard);
        command.args(["-x", "c++", "-c"]).arg(root().join("tests/c/headers.c"));
        run_compiler({
            command.arg("-o").arg(object(&format!("headers-{standard}")));
            command
        });
    }
}

#[test]
fn the_cpp_header_compiles_without_a_warning_beyond_the_usual_ones() {
    for standard in ["c++17", "c++20", "c++23"] {
        let mut command = compiler("g++", standard);
        command.args(["-Wshadow", "-Wconversion", "-Wold-style-cast", "-fno-rtti", "-fsyntax-only"]);
        command.arg(root().join("c-examples/counter.cpp"));
        run_compiler(command);
    }
}

#[test]
fn each_header_compiles_on_its_own() {
    for header in ["rserpool.h", "rserpool-internals.h", "rserpool-policytypes.h", "rserpool-csp.h", "tagitem.h"] {
        let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("alone-{header}.c"));
        std::fs::write(&source, format!("#include <rserpool/{header}>\nextern int nothing;\n")).expect("a source file");
        let mut command = compiler("gcc", "c99");
        command.arg("-c").arg(&source).arg("-o").arg(object(&format!("alone-{header}")));
        run_compiler(command);
    }
}

/// What the tests say of the functions: the programs that call them well, and the lines that call them badly.
struct Calls {
    well: String,
    badly: String,
}

fn calls() -> Calls {
    /// Programs that are about bad arguments, misuse and bad moments.
    const BAD: [&str; 4] = ["bad_arguments.c", "before_initialize.c", "misuse.c", "abuse.c"];
    let mut calls = Calls { well: String::new(), badly: String::new() };
    for entry in std::fs::read_dir(root().join("tests/c")).expect("tests/c") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "headers.c" || !name.ends_with(".c") {
            continue; // headers.c is only compiled, and the C++ program goes through another header
        }
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines() {
            let bad = BAD.contains(&name.as_str()) || line.contains("FAILS(") || line.contains("errno == E");
            let to = if bad { &mut calls.badly } else { &mut calls.well };
            to.push_str(line);
            to.push('\n');
        }
    }
    calls
}

#[test]
fn every_exported_function_is_called_well_and_badly_and_compiled_in_every_language() {
    /// These cannot be called badly: no argument of theirs can be wrong.
    const INNOCENT: [&str; 2] = ["rsp_last_error", "rsp_strerror"];
    let list = std::fs::read_to_string(root().join("exports/librserpool.txt")).expect("the list of exports");
    let compiled = std::fs::read_to_string(root().join("tests/c/headers.c")).expect("headers.c");
    let calls = calls();
    let called = |text: &str, name: &str| text.contains(&format!("{name}("));
    let mut lacking = Vec::new();
    for name in list.lines().filter(|line| !line.starts_with('#')) {
        if !called(&calls.well, name) {
            lacking.push(format!("{name} is never called well"));
        }
        if !called(&calls.badly, name) && !INNOCENT.contains(&name) {
            lacking.push(format!("{name} is never called badly"));
        }
        if !called(&compiled, name) {
            lacking.push(format!("{name} is not in headers.c"));
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

/// All programs, not only the headers: what a C programmer writes compiles in the language that he writes it in.
#[test]
fn the_programs_compile_cleanly_in_each_standard() {
    for entry in std::fs::read_dir(root().join("tests/c")).expect("tests/c") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "c") {
            for standard in ["c99", "c11"] {
                let mut command = compiler("gcc", standard);
                // The system's functions beside C's: pthreads, epoll, fmemopen.
                command.args(["-D_GNU_SOURCE", "-fsyntax-only"]).arg(&path);
                run_compiler(command);
            }
        }
    }
}

/// The C compiler's opinion on the layouts, beside Rust's in `src/ffi/layout_tests.rs`.
#[test]
#[cfg(target_arch = "x86_64")]
fn c_and_cpp_see_the_structures_as_rsplib_lays_them_out() {
    let table = std::fs::read_to_string(root().join("tests/c/abi-x86_64.tsv")).expect("the table of layouts");
    let mut source = String::from(
        "#include <assert.h>\n#include <stddef.h>\n#include <rserpool/rserpool.h>\n#include <rserpool/rserpool-internals.h>\n",
    );
    let mut claims = 0;
    for row in table.lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
        let claim = match row[..] {
            [name, "size", size, ..] => format!("sizeof({name}) == {size}"),
            [name, field, offset, size] => {
                format!("offsetof({name}, {field}) == {offset} && sizeof((({name} *)0)->{field}) == {size}")
            }
            _ => continue,
        };
        source.push_str(&format!("static_assert({claim}, \"{claim}\");\n"));
        claims += 1;
    }
    assert!(claims >= 60, "only {claims} rows of the table understood");
    source.push_str(
        "static_assert(TAG_USER == 1000000 && TAG_PoolElement_Identifier == 1001000, \"tags\");\n\
         static_assert(TAG_RspSession_ConnectTimeout == 1002000, \"tags\");\n\
         static_assert(TAG_RspSession_HandleResolutionRetryDelay == 1002001, \"tags\");\n\
         static_assert(RSPGETADDRS_MIN == 1 && RSPGETADDRS_MAX == 4294967295 && RSPGETADDRS_DEFAULT == 0, \"counts\");\n\
         int main(void) { return 0; }\n",
    );
    for (program, language, standard) in [("gcc", "c", "c11"), ("g++", "c++", "c++17")] {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("layout-{language}.txt"));
        std::fs::write(&path, &source).expect("a source file");
        let mut command = compiler(program, standard);
        // offsetof in a static_assert of C++ is about standard-layout types, which all of these are.
        command.args(["-x", language, "-c"]).arg(&path).arg("-o").arg(object(&format!("layout-{language}")));
        run_compiler(command);
    }
}

#[test]
fn the_shared_library_exports_the_c_interface_and_nothing_else() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(libraries().join("librserpool.so"))
        .output()
        .expect("nm, of binutils");
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<&str> = names.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() >= 45, "{names:?}");
    let foreign: Vec<_> = names.iter().filter(|name| !name.starts_with("rsp_")).collect();
    assert!(foreign.is_empty(), "exported beside rsp_*: {foreign:?}");
}

#[test]
fn the_examples_compile_without_a_warning() {
    let mut examples = 0;
    for entry in std::fs::read_dir(root().join("c-examples")).expect("c-examples") {
        let path = entry.expect("an entry").path();
        let mut command = match path.extension().and_then(|extension| extension.to_str()) {
            Some("c") => compiler("gcc", "gnu11"),
            Some("cpp") => compiler("g++", "c++17"),
            _ => continue,
        };
        let needs_libevent = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libevent_"));
        if needs_libevent && !Path::new("/usr/include/event2/event.h").exists() {
            eprintln!("SKIPPED: {}: libevent is not installed (Debian package libevent-dev)", path.display());
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nothing may be skipped in CI");
            continue;
        }
        command.args(["-O2", "-Wshadow", "-Wconversion", "-fsyntax-only"]).arg(&path);
        run_compiler(command);
        examples += 1;
    }
    assert!(examples >= 5, "only {examples} examples found");
}

/// What [`crate::support::errnos::not_provoked`] says, and what the programs have provoked: together they are what the manual names.
#[test]
fn the_errnos_of_the_manual_are_provoked_or_there_is_a_reason_why_not() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("provoked.txt");
    let _ = std::fs::remove_file(&file);
    for name in PROVOKING {
        let program = build(name, Linked::Shared, "provoking");
        let registrar = Registrar::start(name);
        let mut command = Command::new(program);
        command.arg(&registrar.asap).env("RSERPOOL_PROVOKED", &file);
        run(command);
    }
    let lines = std::fs::read_to_string(&file).expect("what FAILS of tests/c/check.h has written");
    let provoked: BTreeSet<(String, &str)> = lines
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(function, errno)| (function.to_owned(), errno_name(errno.parse().expect("a number"))))
        .collect();
    let table = std::fs::read_to_string(root().join("tests/c/not_provoked.txt")).expect("the reasons");
    let wrong = crate::support::errnos::unexplained(&provoked, &crate::support::errnos::reasons(&table));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The programs of `tests/c` whose subject is what may go wrong.
const PROVOKING: [&str; 11] = [
    "before_initialize",
    "bad_arguments",
    "basic_mode",
    "sessions",
    "fork_child",
    "nonblocking",
    "pool_info",
    "pool_sending",
    "errors",
    "requests",
    "signals",
];
