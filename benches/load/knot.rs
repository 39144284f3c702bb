//! Answers of knot, a name server, to questions for SRV records: what one would ask instead of a registrar. Debian's package
//! `knot`; without it, nothing is compared.

use rserpool::driver::clock;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The service asked for, as labels.
const NAME: [&str; 4] = ["_load", "_sctp", "bench", "test"];
/// The type of SRV records.
const SRV: u16 = 33;
/// How long it may take to start, and how long each question waits for its answer meanwhile.
const START: Duration = Duration::from_secs(20);
const ATTEMPT: Duration = Duration::from_millis(50);
/// Room for an answer.
const ANSWER: usize = 2048;
/// Where programs of the system are that not every user looks for.
const PLACES: [&str; 3] = ["knotd", "/usr/sbin/knotd", "/usr/local/sbin/knotd"];

/// A running knot on loopback with one service that `targets` hosts offer.
pub struct Knot {
    process: Child,
    directory: PathBuf,
    socket: UdpSocket,
    /// Bytes of an answer.
    pub answer: usize,
}

impl Knot {
    /// None where it is not installed.
    pub fn start(targets: usize) -> Option<Knot> {
        let runs = |program: &&&str| {
            let mut command = Command::new(program);
            command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let program = PLACES.iter().find(runs)?;
        let directory = std::env::temp_dir().join(format!("rserpool-knot-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory of its own");
        // The number is free now; whoever takes it in between makes this measurement fail, not lie.
        let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let path = directory.display();
        let configuration = format!(
            "server:\n  rundir: \"{path}\"\n  listen: 127.0.0.1@{}\ndatabase:\n  storage: \"{path}\"\n\
             log:\n  - target: stderr\n    any: error\nzone:\n  - domain: bench.test\n    storage: \"{path}\"\n",
            free.port()
        );
        std::fs::write(directory.join("knot.conf"), configuration).expect("its configuration");
        std::fs::write(directory.join("bench.test.zone"), zone(targets)).expect("its zone");
        let process = Command::new(program).arg("-c").arg(directory.join("knot.conf")).stdout(Stdio::null()).spawn();
        let process = process.expect("knot starts");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.connect(free).expect("loopback is there");
        let mut knot = Knot { process, directory, socket, answer: 0 };
        knot.answer = knot.first_answer(targets);
        Some(knot)
    }

    /// Asks until all targets are in the answer.
    fn first_answer(&mut self, targets: usize) -> usize {
        self.socket.set_read_timeout(Some(ATTEMPT)).expect("an option of sockets");
        let mut buffer = [0; ANSWER];
        let end = clock::now() + START;
        while clock::now() < end {
            if let Some(status) = self.process.try_wait().expect("it is ours") {
                panic!("knot has ended: {status}");
            }
            // Until it listens, a question is refused, at once.
            let answer = self.socket.send(&question(0)).and_then(|_| self.socket.recv(&mut buffer));
            match answer {
                Ok(length) if records(&buffer[..length]) == targets => {
                    self.socket.set_read_timeout(Some(Duration::from_secs(20))).expect("an option of sockets");
                    return length;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::thread::yield_now(),
                Err(_) => {}
            }
        }
        panic!("knot does not answer with {targets} SRV records");
    }

    /// Bytes of a question.
    pub fn question(&self) -> usize {
        question(0).len()
    }

    /// Answers a second with `window` questions under way, for `time`; as many as possible in each system call.
    pub fn rate(&mut self, window: usize, time: Duration) -> f64 {
        let questions: Vec<Vec<u8>> = (0..window).map(|number| question(number as u16)).collect();
        let mut many = Many::new(window);
        let begin = clock::now();
        let mut rounds = 0;
        loop {
            many.send(&self.socket, &questions).expect("knot reads");
            let mut missing = window;
            while missing > 0 {
                let got = many.receive(&self.socket, missing).expect("knot answers");
                assert!(many.lengths(got).all(|length| length == self.answer), "an answer is not like the first one");
                missing -= got;
            }
            rounds += window;
            let passed = clock::now().saturating_since(begin);
            if passed >= time {
                return rounds as f64 / passed.as_secs_f64();
            }
        }
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended by itself
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory); // what is left in /tmp does no harm
    }
}

fn zone(targets: usize) -> String {
    let mut zone =
        "$ORIGIN bench.test.\n$TTL 3600\n@ SOA ns admin 1 3600 600 86400 3600\n@ NS ns\nns A 127.0.0.1\n".to_owned();
    for number in 1..=targets {
        zone += &format!("_load._sctp SRV 0 1 7 host{number}\nhost{number} A 10.0.0.{number}\n");
    }
    zone
}

/// A question for the SRV records of the service (RFC 1035 section 4).
fn question(id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in NAME {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend(SRV.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

/// The records in the answer section of a message without an error; else none.
fn records(message: &[u8]) -> usize {
    match message {
        [_, _, _, flags, _, _, high, low, ..] if flags & 0x0f == 0 => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Many datagrams in one system call.
struct Many {
    buffers: Vec<[u8; ANSWER]>,
    received: Vec<usize>,
}

impl Many {
    fn new(most: usize) -> Many {
        Many { buffers: vec![[0; ANSWER]; most], received: vec![0; most] }
    }

    fn lengths(&self, count: usize) -> impl Iterator<Item = usize> {
        self.received[..count].iter().copied()
    }

    fn send(&mut self, socket: &UdpSocket, messages: &[Vec<u8>]) -> io::Result<()> {
        let base = |message: &Vec<u8>| libc::iovec { iov_base: message.as_ptr() as *mut _, iov_len: message.len() };
        let mut slices: Vec<libc::iovec> = messages.iter().map(base).collect();
        let mut headers: Vec<libc::mmsghdr> = slices.iter_mut().map(header).collect();
        let mut sent = 0;
        while sent < headers.len() {
            let left = &mut headers[sent..];
            // SAFETY: the headers point to `slices` and these to `messages`, which live across the call; nothing is written to them.
            let count = unsafe { libc::sendmmsg(socket.as_raw_fd(), left.as_mut_ptr(), left.len() as u32, 0) };
            sent += usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        }
        Ok(())
    }

    /// Waits for one, and takes `most` at most.
    fn receive(&mut self, socket: &UdpSocket, most: usize) -> io::Result<usize> {
        let base = |buffer: &mut [u8; ANSWER]| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: ANSWER };
        let mut slices: Vec<libc::iovec> = self.buffers[..most].iter_mut().map(base).collect();
        let mut headers: Vec<libc::mmsghdr> = slices.iter_mut().map(header).collect();
        let (flags, none) = (libc::MSG_WAITFORONE as _, std::ptr::null_mut());
        // SAFETY: the headers point to `slices` and these to buffers of the length that they say; all live across the call.
        let count = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), most as u32, flags, none) };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (length, header) in self.received.iter_mut().zip(&headers[..count]) {
            *length = header.msg_len as usize;
        }
        Ok(count)
    }
}

fn header(slice: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all zeroes is a header without address and control data.
    let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_iov = slice;
    header.msg_hdr.msg_iovlen = 1;
    header
}
