//! C programs that form a pool, in tests: compiling them, starting them, waiting until the registrar knows them.
use super::program::{PATIENCE, rserpool};
use rserpool::driver::clock;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo put this test, and the libraries that it was built with.
pub fn libraries() -> PathBuf {
    std::env::current_exe().expect("a path").parent().expect("a directory").to_owned()
}

/// A directory for the files of one test.
pub fn scratch(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory); // of the last run
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// Runs to its end, and returns what it printed.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs to its end, which must be success, and returns its standard output.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Compiles an example with our library.
pub fn compile_example(name: &str, options: &[&str]) -> PathBuf {
    compile_source(&root().join("c-examples").join(name), options)
}

/// Compiles a program in C or C++ with our library.
pub fn compile_source(source: &Path, options: &[&str]) -> PathBuf {
    static PROGRAMS: AtomicUsize = AtomicUsize::new(0);
    let libraries = libraries();
    // The library's own name, by which the loader looks for it. Another test may make the link at the same time.
    let soname = concat!("librserpool.so.", env!("CARGO_PKG_VERSION_MAJOR"));
    let _ = std::os::unix::fs::symlink("librserpool.so", libraries.join(soname));
    // Each test has a program of its own: one that runs cannot be written.
    let number = PROGRAMS.fetch_add(1, Ordering::Relaxed);
    let name = source.file_stem().expect("a file name").to_string_lossy();
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("example-{name}-{number}"));
    let (compiler, standard) =
        if source.extension().is_some_and(|suffix| suffix == "cpp") { ("g++", "c++17") } else { ("gcc", "gnu11") };
    let mut command = Command::new(compiler);
    command.arg(format!("-std={standard}")).args(["-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror", "-pthread"]);
    command.arg("-I").arg(root().join("include")).arg(source).arg(libraries.join("librserpool.so")).args(options);
    succeed(command.arg(format!("-Wl,-rpath,{}", libraries.display())).arg("-o").arg(&program));
    program
}

/// Whether a tool is there. In CI everything has to be there.
pub fn installed(tool: &str, package: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    // It suffices that it starts: not every tool knows that option.
    let found = found.is_ok();
    if !found {
        skip(&format!("{tool} is not installed (Debian package {package})"));
    }
    found
}

/// Says that a test is skipped, and why; in CI that is a failure.
pub fn skip(why: &str) {
    eprintln!("SKIPPED: {why}; `make test` installs it");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nothing may be skipped in CI: {why}");
}

/// A process that ends with the test.
pub struct Ended(pub Child);

impl Ended {
    pub fn start(command: &mut Command) -> Ended {
        Ended(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// As `kill -9`.
    pub fn kill(mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

/// Waits until the pool has so many elements.
pub fn wait_for_elements(registrar: &str, pool: &str, count: usize) {
    let end = clock::now() + PATIENCE;
    loop {
        let output = rserpool(&["resolve", pool, "--registrar", registrar]);
        if output.stdout.iter().filter(|byte| **byte == b'\n').count() == count {
            return;
        }
        assert!(clock::now() < end, "the pool has not {count} elements: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A program that answers each line that it gets, as `echo_client` does.
pub struct Conversation {
    process: Ended,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Conversation {
    pub fn start(command: &mut Command) -> Conversation {
        let mut process = Ended::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let input = process.0.stdin.take().expect("a pipe");
        let output = BufReader::new(process.0.stdout.take().expect("a pipe"));
        Conversation { process, input, output }
    }

    /// Sends a line, and returns the line that comes back.
    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("it reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("text");
        answer.trim_end().to_owned()
    }

    /// Ends the input, upon which the program has to end well.
    pub fn end(mut self) {
        drop(self.input);
        assert!(self.process.0.wait().expect("it ends").success());
    }
}
