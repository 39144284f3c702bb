//! rsplib's own programs, as Debian built them, with our library under rsplib's name: `scripts/dropin-matrix` is the judge.
//!
//! It needs the Debian packages rsplib-services and rsplib-tools. Without them the test is skipped, which is a failure where
//! the environment variable CI is "true".

use crate::support::own_process::OwnProcess;
use rserpool::driver::clock;
use std::io::Read;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the matrix returns when there is nothing to run.
const EXIT_SKIPPED: i32 = 77;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
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

/// A running program; what it prints is kept.
struct Program {
    child: OwnProcess,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Program {
    fn start(command: &mut Command) -> Program {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (mut from, output) = (child.stdout.take().expect("piped"), Arc::new(Mutex::new(Vec::new())));
        let to = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut part) {
                to.lock().expect("nobody panics with it").extend_from_slice(&part[..len]);
            }
        });
        Program { child: OwnProcess(child), output }
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().expect("nobody panics with it")).into_owned()
    }

    /// Ends it as a person does.
    fn interrupt(mut self) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGINT) };
        until("a program ends by SIGINT", || self.child.try_wait().expect("a child").is_some(), String::new);
    }
}

/// Waits until something is the case.
#[allow(clippy::disallowed_methods)] // the sleep only paces the questions
fn until(what: &str, mut is_so: impl FnMut() -> bool, why_not: impl Fn() -> String) {
    let end = clock::now() + PATIENCE;
    while !is_so() {
        assert!(clock::now() < end, "not within {PATIENCE:?}: {what}\n{}", why_not());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The last screen that `cspmonitor` has drawn completely, without colours: one line a component, and one an association.
fn screen(monitor: &Program) -> String {
    let output = monitor.output();
    // It begins at the top, and clears what is left below at the end.
    let drawn = output.rsplit("\x1b[0J").nth(1).unwrap_or_default();
    let drawn = drawn.rsplit("\x1b[;H").next().unwrap_or_default();
    let mut text = String::new();
    let mut rest = drawn;
    while let Some((before, escape)) = rest.split_once("\x1b[") {
        text.push_str(before);
        rest = escape.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or_default();
    }
    text + rest
}

/// A component, and the associations below it.
fn component<'a>(screen: &'a str, name: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let mut lines = screen.lines().skip_while(|line| !line.starts_with(name));
    let first = lines.next()?;
    Some((first, lines.take_while(|line| line.starts_with("   -> ")).collect()))
}

/// What `cspmonitor` shows of our registrar, and of rsplib's programs with our library: told by environment and by arguments.
#[test]
fn debians_cspmonitor_shows_registrar_pool_element_and_pool_user() {
    if !["cspmonitor", "rspserver", "pingpongclient"].iter().all(|program| is_installed(program)) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "nothing may be skipped in CI");
        println!("SKIPPED: the Debian packages rsplib-tools and rsplib-services are not installed");
        return;
    }
    let compat = compat("dropin-csp");
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let at = format!("127.0.0.1:{port}");
    let monitor = Program::start(Command::new("cspmonitor").args([
        &format!("-localaddress={at}"),
        "-full",
        "-updateinterval=200",
    ]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off", "--log", "warn"]);
    command.args(["--transport", "sctp-udp", "--csp-server", &at]);
    let registrar = Program::start(&mut command);
    let mut greeting = String::new();
    until(
        "the registrar listens",
        || {
            greeting = registrar.output();
            greeting.ends_with('\n')
        },
        String::new,
    );
    let word = |after: &str| {
        let found = greeting.split_whitespace().skip_while(|word| *word != after).nth(1);
        found.unwrap_or_else(|| panic!("no {after} in {greeting}")).to_owned()
    };
    let to_registrar = format!("-registrar={}", word("asap"));
    let rsplib = |program: &str, options: &[&str]| {
        let mut command = Command::new(program);
        command.args([&to_registrar, "-asapannounce=off"]).args(options).env("LD_LIBRARY_PATH", &compat);
        command.env("RSERPOOL_TRANSPORT", "sctp-udp");
        command
    };
    let load =
        ["-pingpong", "-identifier=0x12345678", "-policy=LeastUsed", &format!("-cspserver={at}"), "-cspinterval=300"];
    let element = Program::start(&mut rsplib("rspserver", &load));
    let user =
        Program::start(rsplib("pingpongclient", &["-interval=100"]).env("CSP_SERVER", &at).env("CSP_INTERVAL", "300"));

    let registrar_name = format!("PR ${}", word("registrar").trim_start_matches("0x"));
    let shows = |name: &str, line: &[&str], associations: &[&str]| {
        let screen = screen(&monitor);
        component(&screen, name).is_some_and(|(first, below)| {
            line.iter().all(|part| first.contains(part))
                && associations.iter().all(|part| below.iter().any(|association| association.contains(part)))
        })
    };
    let see = |name: &str, line: &[&str], associations: &[&str]| {
        let what = format!("cspmonitor shows {name} with {line:?} and {associations:?}");
        until(&what, || shows(name, line, associations), || screen(&monitor));
    };
    // "[127.0.0.1:PORT" behind the name of the host; "L=" is the load of the policy.
    see(&registrar_name, &[&word("asap"), "\"1[1] PEs in 1 Pool, 0 Peers\""], &[]);
    see("PE $12345678", &["L=  0%", "\"1 Session\""], &["ASAP/SCTP", "duration=0:00:"]);
    see("PU $", &["\"1 Session\""], &["-> PE $12345678 PingPong/SCTP"]);

    // Who ends says so, and vanishes at once, not after its time.
    user.interrupt();
    let gone = |name: &str| {
        until(&format!("{name} vanishes"), || component(&screen(&monitor), name).is_none(), || screen(&monitor))
    };
    gone("PU $");
    see("PE $12345678", &["\"0 Sessions\""], &[]);
    element.interrupt();
    gone("PE $");
    see(&registrar_name, &["\"0[0] PEs in 0 Pools, 0 Peers\""], &[]);
    print!("{}", screen(&monitor));
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
