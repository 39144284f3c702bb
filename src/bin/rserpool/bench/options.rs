//! The command line of `rserpool bench`.

use crate::exchange::Way;
use crate::failure::Failure;
use crate::values;
use lexopt::prelude::*;
use rserpool::wire::PORT_ASAP;
use std::net::SocketAddr;
use std::time::Duration;

pub const HELP: &str = "\
Measures a registrar: how many requests it answers a second, and how long an answer takes.

Usage: rserpool bench OPERATION [OPTIONS]
       rserpool bench echo-server [--bind ADDR:PORT] [--transport WAY]

Operations:
  resolve      ask for the elements of a pool
  register     register elements, each once
  reregister   register elements again that are registered
  deregister   de-register elements, each once
  churn        elements come, are asked for, register again, and go
  echo-server  no measurement: answers as --echo expects it, doing nothing else

Options:
  --registrar ADDR:PORT  the registrar [127.0.0.1:3863]
  --transport WAY        tcp (resolve only), sctp (the kernel's), sctp-udp, or auto: the first SCTP that works [auto]
  --associations N       associations that ask [1]
  --window N             requests under way on each [1]
  --duration DURATION    how long to measure, in all but register and deregister [5s]
  --rounds N             measure so many times; the rate is the median [1]
  --elements N           elements to register; 0: resolve what is there [1000]
  --pools N              pools to spread them over [1]
  --pool NAME            the pool; several get numbers [LoadTest]
  --items N              elements wanted in an answer [3]
  --echo ADDR:PORT       measure this echo server as well, in turn, with messages of the same sizes
  --pid PID              the registrar's process, to tell its processor time (same machine)
  --echo-pid PID         the same of the echo server
  --bind ADDR:PORT       where the echo server serves; port 0: any [127.0.0.1:0]
  --json                 one JSON object instead of text
  -h, --help             this text

What is registered for a measurement is de-registered afterwards. Registrars limit the resolutions of one association:
give ours --max-resolution-rate 100000000. Whatever takes long says every 2 s how far it is.

Examples:
  rserpool bench resolve --transport tcp --window 32
  rserpool bench register --elements 10000 --associations 10
  rserpool bench echo-server --transport tcp --bind 127.0.0.1:7000 &
  rserpool bench resolve --transport tcp --echo 127.0.0.1:7000 --rounds 5

Exit status: 0 measured, 1 failure, 2 wrong usage, 3 no answer.
";

/// Requests of one association: what waits must fit the queues of every transport.
const MAX_WINDOW: usize = 4_096;
/// A descriptor or two each.
const MAX_ASSOCIATIONS: usize = 30_000;
/// rsplib takes no longer handles; a number may follow.
const MAX_POOL_NAME: usize = 24;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Resolve,
    Register,
    Reregister,
    Deregister,
    Churn,
}

impl Operation {
    const ALL: [Operation; 5] =
        [Operation::Resolve, Operation::Register, Operation::Reregister, Operation::Deregister, Operation::Churn];

    pub fn name(self) -> &'static str {
        match self {
            Operation::Resolve => "resolve",
            Operation::Register => "register",
            Operation::Reregister => "reregister",
            Operation::Deregister => "deregister",
            Operation::Churn => "churn",
        }
    }
}

/// A measurement.
pub struct Options {
    pub operation: Operation,
    pub registrar: SocketAddr,
    /// How those who ask connect.
    pub way: Way,
    /// How elements that others ask for connect: never by TCP.
    pub elements_way: Way,
    pub associations: usize,
    pub window: usize,
    pub duration: Duration,
    pub rounds: usize,
    pub elements: usize,
    pub pools: usize,
    pub pool: String,
    pub items: u32,
    pub echo: Option<SocketAddr>,
    pub pid: Option<u32>,
    pub echo_pid: Option<u32>,
    pub json: bool,
}

/// What the command line asks for.
pub enum Chosen {
    Help,
    EchoServer { way: Way, bind: SocketAddr },
    Bench(Options),
}

pub fn parse(mut parser: lexopt::Parser) -> Result<Chosen, Failure> {
    let sctp = Way::Sctp(values::transport_from_environment()?);
    let mut operation: Option<String> = None;
    let mut bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options {
        operation: Operation::Resolve,
        registrar: SocketAddr::from(([127, 0, 0, 1], PORT_ASAP)),
        way: sctp,
        elements_way: sctp,
        associations: 1,
        window: 1,
        duration: Duration::from_secs(5),
        rounds: 1,
        elements: 1000,
        pools: 1,
        pool: "LoadTest".to_owned(),
        items: 3,
        echo: None,
        pid: None,
        echo_pid: None,
        json: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Chosen::Help),
            Long("json") => options.json = true,
            Long(name) => {
                let name = name.to_owned();
                if !NAMES.contains(&name.as_str()) {
                    return Err(Long(&name).unexpected().into());
                }
                values::option(&mut parser, &name, |value| match name.as_str() {
                    "bind" => values::address(value, 0).map(|address| bind = address),
                    _ => options.set(&name, value),
                })?;
            }
            Value(value) if operation.is_none() => operation = Some(values::text(value).map_err(Failure::Usage)?),
            other => return Err(other.unexpected().into()),
        }
    }
    match operation.as_deref() {
        None => Err(Failure::Usage("the operation is missing; see rserpool bench --help".to_owned())),
        Some("echo-server") => Ok(Chosen::EchoServer { way: options.way, bind }),
        Some(name) => options.finish(name).map(Chosen::Bench).map_err(Failure::Usage),
    }
}

/// Options with a value.
const NAMES: [&str; 14] = [
    "registrar",
    "transport",
    "associations",
    "window",
    "duration",
    "rounds",
    "elements",
    "pools",
    "pool",
    "items",
    "echo",
    "pid",
    "echo-pid",
    "bind",
];

impl Options {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "registrar" => self.registrar = values::address(value, PORT_ASAP)?,
            "transport" => {
                self.way = Way::parse(value)?;
                if self.way != Way::Tcp {
                    self.elements_way = self.way;
                }
            }
            "associations" => self.associations = at_most(value, MAX_ASSOCIATIONS)?,
            "window" => self.window = at_most(value, MAX_WINDOW)?,
            "duration" => self.duration = values::duration(value)?,
            "rounds" => self.rounds = values::count(value)?,
            "elements" if value == "0" => self.elements = 0,
            "elements" => self.elements = values::count_u32(value)? as usize,
            "pools" => self.pools = values::count(value)?,
            "pool" if value.len() > MAX_POOL_NAME => return Err(format!("longer than {MAX_POOL_NAME} bytes")),
            "pool" => self.pool = value.to_owned(),
            "items" => self.items = values::count_u32(value)?,
            "echo" => self.echo = Some(values::address(value, 0)?),
            "pid" => self.pid = Some(values::count_u32(value)?),
            "echo-pid" => self.echo_pid = Some(values::count_u32(value)?),
            other => return Err(format!("there is no option {other}")),
        }
        Ok(())
    }

    fn finish(mut self, operation: &str) -> Result<Options, String> {
        let known = Operation::ALL.into_iter().find(|known| known.name() == operation);
        self.operation = known.ok_or_else(|| {
            let shown = operation.escape_debug();
            format!(
                "unknown operation \"{shown}\": use resolve, register, reregister, deregister, churn or echo-server"
            )
        })?;
        if self.way == Way::Tcp && self.operation != Operation::Resolve {
            return Err("elements register by SCTP only (RFC 5352 section 2.1): --transport tcp is for resolve".into());
        }
        if self.elements == 0 && self.operation != Operation::Resolve {
            return Err(format!("--elements 0 leaves nothing to {operation}"));
        }
        if self.pools > self.elements.max(1) {
            return Err(format!("{} elements cannot fill {} pools", self.elements, self.pools));
        }
        Ok(self)
    }
}

fn at_most(value: &str, limit: usize) -> Result<usize, String> {
    match values::count(value)? {
        number if number <= limit => Ok(number),
        number => Err(format!("{number} is more than {limit}")),
    }
}
