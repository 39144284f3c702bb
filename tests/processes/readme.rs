//! The C program in README.md compiles without a warning, works, and survives its server.

use crate::support::program::{PATIENCE, RegistrarProcess, rserpool};
use rserpool::driver::clock;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Ends a process with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first C block of README.md.
fn client_source() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```c\n").expect("README.md has a C program");
    rest.split_once("```").expect("which ends").0.to_owned()
}

fn compile(source: &Path, name: &str) -> PathBuf {
    let libraries = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let soname = libraries.join("librserpool.so.0");
    // The library's own name, by which the loader looks for it. Another test may make the link at the same time.
    let _ = std::os::unix::fs::symlink("librserpool.so", &soname);
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("include"))
        .arg(source)
        .arg(libraries.join("librserpool.so"))
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .args(["-pthread", "-o"])
        .arg(&program)
        .output()
        .expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn start_server(program: &Path, registrar: &str) -> Ended {
    let mut command = Command::new(program);
    command.arg(format!("-registrar={registrar}")).stdout(Stdio::null()).stderr(Stdio::null());
    Ended(command.spawn().unwrap())
}

/// Waits until the pool has so many elements.
fn wait_for_elements(registrar: &str, count: usize) {
    let end = clock::now() + PATIENCE;
    loop {
        let output = rserpool(&["resolve", "EchoPool", "--registrar", registrar]);
        if output.stdout.iter().filter(|byte| **byte == b'\n').count() == count {
            return;
        }
        assert!(clock::now() < end, "the pool has not {count} elements: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_client_of_the_readme_goes_on_when_its_server_is_killed() {
    let source = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readme_client.c");
    std::fs::write(&source, client_source()).unwrap();
    let client = compile(&source, "readme_client");
    let server = compile(&root().join("c-examples/echo_server.c"), "readme_echo_server");

    let registrar = RegistrarProcess::start(&[]);
    let asap = registrar.asap.to_string();
    let first = start_server(&server, &asap);
    wait_for_elements(&asap, 1);

    let mut command = Command::new(client);
    command.arg(format!("-registrar={asap}")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = Ended(command.spawn().unwrap());
    let mut input = client.0.stdin.take().unwrap();
    let mut output = BufReader::new(client.0.stdout.take().unwrap());
    let mut echo = |line: &str| {
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("{line}\n"));
    };
    echo("to the first server");

    let _second = start_server(&server, &asap);
    wait_for_elements(&asap, 2);
    drop(first);
    echo("to the second server");
    echo("and again");
    drop(input);
    assert!(client.0.wait().unwrap().success());
}
