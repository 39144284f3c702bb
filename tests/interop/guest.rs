//! A cell's surroundings in the guest: a network namespace, a capture of it, programs in it, and patience.

use crate::programs::Of;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Where captures go; set by the test that boots the guest.
pub const CAPTURES_VARIABLE: &str = "INTEROP_CAPTURES";
/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What ports the kernel gives. Wireshark takes some others for protocols of their own, whatever is said there (38422: XnAP).
pub const PORTS: &str = "50000 53999";

/// A network namespace and the capture of all that happens in it.
pub struct Cell {
    path: PathBuf,
    /// An address of ours in the namespace.
    address: String,
    capture: Option<Program>,
    expectations: String,
}

// 10.255.0.1 is the address of the cells: rsplib takes no loopback addresses.
impl Cell {
    /// Gives this thread, and the programs that it starts from now on, a network of their own.
    pub fn new() -> Cell {
        Cell::with_addresses(false)
    }

    /// The same with addresses of IPv6 instead, fd00:255::1 and more.
    pub fn with_ipv6() -> Cell {
        Cell::with_addresses(true)
    }

    fn with_addresses(ipv6: bool) -> Cell {
        // SAFETY: no pointers are involved; only this thread changes its namespace.
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(result, 0, "a network namespace: {}", std::io::Error::last_os_error());
        std::fs::write("/proc/sys/net/sctp/cookie_hmac_alg", "sha1").expect("a kernel with SCTP");
        // Only one of them: rsplib's registrar, bound to one IPv4 address, still sends heartbeats from IPv6 ones, and the other
        // side's kernel answers them by ABORTs, which would hide those that mean something.
        if !ipv6 {
            std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").expect("a kernel with IPv6");
        }
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", PORTS).expect("ports can be chosen");
        run("ip link set lo up multicast on");
        run("ip link add dummy0 type dummy");
        run("ip link set dummy0 up multicast on");
        for number in 1..=4 {
            run(&match ipv6 {
                true => format!("ip address add fd00:255::{number}/64 dev dummy0 nodad"),
                false => format!("ip address add 10.255.0.{number}/24 dev dummy0"),
            });
        }
        if ipv6 {
            return Cell::here("fd00:255::1");
        }
        run("ip route add 224.0.0.0/4 dev dummy0");
        Cell::here("10.255.0.1")
    }

    /// Captures what happens in the network that this thread has, as this address among others.
    pub fn here(address: &str) -> Cell {
        let directory = PathBuf::from(std::env::var_os(CAPTURES_VARIABLE).expect("started by the test outside"));
        let thread = std::thread::current();
        let path = directory.join(thread.name().expect("the test's name").replace("::", "-"));
        let file = path.with_extension("pcapng");
        let mut capture = Command::new("dumpcap");
        capture.args(["-q", "-i", "any", "-f", "sctp or port 3863 or port 9901 or udp port 9", "-w"]).arg(&file);
        let capture = Program::start("dumpcap", capture);
        capture.until("File: ");
        Cell { path, address: address.to_owned(), capture: Some(capture), expectations: String::new() }
    }

    /// Messages that must be in the capture, by their type in Wireshark's words ("ASAP Registration").
    pub fn expect(&mut self, message: &str) {
        self.expectations += &format!("message {message}\n");
    }

    /// De-registrations that are seen must be answered. Elements of ours say goodbye always; rsplib's, when it gets too little of
    /// the processor, sometimes just close their association.
    pub fn expect_goodbye(&mut self, elements_of: Of) {
        match elements_of {
            Of::Us => self.expect("ASAP Deregistration Response"),
            Of::Rsplib => self.expectations += "answered 2 4\n",
        }
    }

    /// Messages that there are at most so many of.
    pub fn expect_at_most(&mut self, count: usize, message: &str) {
        self.expectations += &format!("atmost {count} {message}\n");
    }

    /// An error cause that belongs to what this cell is about; all others fail it.
    pub fn expect_cause(&mut self, cause: u16) {
        self.expectations += &format!("cause {cause}\n");
    }

    /// How often somebody may try to reach an element that has died.
    pub fn expect_refusals(&mut self, count: usize) {
        self.expectations += &format!("refused {count}\n");
    }

    /// A message that Wireshark cannot make sense of, for a known reason.
    pub fn expect_malformed(&mut self, message: &str, _why: &str) {
        self.expectations += &format!("malformed {message}\n");
    }

    /// A kernel gives up an association because nothing is acknowledged.
    pub const GIVEN_UP: &'static str = "Association exceeded its max_retrans count";

    /// A registrar that starts while the guest is busy listens seconds before it answers: elements of ours then look for another.
    pub const STARTS_SLOWLY: &'static str = "no answer to a registration";

    /// Associations may be aborted with this reason.
    pub fn expect_aborts(&mut self, reason: &str) {
        self.expectations += &format!("aborts {reason}\n");
    }

    /// Ends the capture, and leaves the rest to the checks outside. Programs have to be ended before.
    pub fn end(mut self) {
        self.until_all_is_captured();
        self.capture.take().expect("taken only here").end_by(libc::SIGINT);
        std::fs::write(self.path.with_extension("expect"), &self.expectations).expect("a file");
    }
}

impl Cell {
    /// Packets take a moment on their way to the file: sends a last one, and waits for it.
    fn until_all_is_captured(&self) {
        let socket = std::net::UdpSocket::bind((self.address.as_str(), 0)).expect("a socket");
        let file = self.path.with_extension("pcapng");
        until("the last packet is captured", || {
            socket.send_to(LAST_WORDS, (self.address.as_str(), 9)).expect("it leaves");
            let bytes = std::fs::read(&file).expect("the capture");
            bytes.windows(LAST_WORDS.len()).any(|window| window == LAST_WORDS)
        });
    }
}

/// The last packet of a capture.
const LAST_WORDS: &[u8] = b"the cell has come to its end";

/// Runs a command to its end.
pub fn run(command: &str) {
    let mut words = command.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().expect("start a command");
    assert!(status.success(), "{command}: {status}");
}

/// Waits until something is the case.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    until_some(what, || is_so().then_some(()));
}

/// Waits for a value.
#[allow(clippy::disallowed_methods)] // real programs are watched, in real time; the sleep only paces the questions
pub fn until_some<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A running program. What it prints is kept, and printed where the test fails.
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Arc<Mutex<String>>,
}

impl Program {
    pub fn start(name: &str, mut command: Command) -> Program {
        // Some of rsplib's programs leave files where they run.
        command.current_dir(std::env::temp_dir()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped"), &output);
        collect(child.stderr.take().expect("piped"), &output);
        let input = child.stdin.take();
        Program { name: name.to_owned(), child, input, output }
    }

    /// All that it has printed.
    pub fn output(&self) -> String {
        self.output.lock().expect("readers don't panic").clone()
    }

    /// How often it has printed this.
    pub fn count(&self, text: &str) -> usize {
        self.output().matches(text).count()
    }

    /// Waits until it has printed this.
    pub fn until(&self, text: &str) {
        self.until_count(text, 1);
    }

    /// Waits until it has printed this so often.
    pub fn until_count(&self, text: &str, count: usize) {
        until(&format!("{} prints \"{text}\" {count} times", self.name), || self.count(text) >= count);
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("open"), "{line}").expect("it reads");
    }

    /// Whether it has come to its own end.
    pub fn ended(&mut self) -> bool {
        self.input = None;
        self.child.try_wait().expect("a child").is_some()
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointers are involved; the process is ours and has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Ends it by a signal, and waits for the end; what it printed is returned.
    pub fn end_by(&mut self, signal: i32) -> String {
        self.input = None;
        self.signal(signal);
        until(&format!("{} ends by signal {signal}", self.name), || self.child.try_wait().expect("a child").is_some());
        self.output()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = self.output();
            let start = output.len().saturating_sub(6000);
            let start = (start..).find(|at| output.is_char_boundary(*at)).unwrap_or(0);
            println!("---- {} printed, at the end:\n{}\n", self.name, &output[start..]);
        }
    }
}

/// Reads lines until the end, in a thread.
fn collect(from: impl std::io::Read + Send + 'static, to: &Arc<Mutex<String>>) {
    let to = to.clone();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            to.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}
