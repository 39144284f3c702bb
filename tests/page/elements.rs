//! Processes with pool elements, which the test starts and kills.

use crate::support::api::{PATIENCE, config, seqpacket_socket};
use crate::support::own_process::OwnProcess;
use rserpool::api::{self, LoadInfo, RegisterOptions};
use rserpool::wire::PolicyType;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Elements of a pool.
#[derive(Clone, Copy)]
pub struct Elements<'a> {
    pub pool: &'a [u8],
    pub policy: PolicyType,
    /// Load of the first one, in percent; each has a little more.
    pub load: u32,
    pub count: usize,
}

/// A process that has them.
pub struct Host {
    child: OwnProcess,
    /// Identifier of its first element, as everything writes it.
    pub first: String,
}

impl Host {
    /// Starts it; all are registered when this returns.
    pub fn start(registrars: &[SocketAddr], elements: &[Elements<'_>]) -> Host {
        let registrars: Vec<String> = registrars.iter().map(SocketAddr::to_string).collect();
        let line = |e: &Elements<'_>| {
            let pool: String = e.pool.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{pool} {} {} {}", e.policy.0, e.load, e.count)
        };
        let lines: Vec<String> = elements.iter().map(line).collect();
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "elements_process", "--nocapture", "--test-threads=1"])
            .env("PAGE_REGISTRARS", registrars.join(","))
            .env("PAGE_ELEMENTS", lines.join("\n"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let first = lines.find_map(|line| Some(line.split_once("registered ")?.1.to_owned()));
        Host { child: OwnProcess(child), first: first.expect("it says so") }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
    }
}

/// What the process does.
pub fn main() {
    let Ok(registrars) = std::env::var("PAGE_REGISTRARS") else { return };
    let lines = std::env::var("PAGE_ELEMENTS").expect("both are set");
    let registrars: Vec<SocketAddr> = registrars.split(',').map(|text| text.parse().expect("an address")).collect();
    let first = registrars[0];
    let registrars = registrars.into_iter().map(Into::into).collect();
    api::initialize(&api::Config { registrars, ..config(first) }).expect("the library starts");
    let mut sockets = Vec::new();
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let byte = |at: usize| u8::from_str_radix(&words[0][at..at + 2], 16).expect("two digits");
        let pool: Vec<u8> = (0..words[0].len()).step_by(2).map(byte).collect();
        let number = |at: usize| words[at].parse::<u32>().expect("a number");
        for element in 0..number(3) {
            let load = (number(2) + 7 * element) % 100 * (u32::MAX / 100);
            let info = LoadInfo { policy: PolicyType(number(1)), load, weight: 1 + element, ..LoadInfo::default() };
            let socket = seqpacket_socket();
            api::register(socket, &pool, &info, PATIENCE, RegisterOptions::default()).expect("a registration");
            sockets.push(socket);
        }
    }
    println!("registered {}", api::getsockname(sockets[0]).expect("it is registered").pool_element_id);
    // The library answers registrars; the process waits for its end.
    loop {
        std::thread::park();
    }
}
