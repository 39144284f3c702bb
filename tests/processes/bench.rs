//! `rserpool bench`: measures, tidies up, and says what is wrong.

use crate::support::own_process::OwnProcess;
use crate::support::program::{PATIENCE, RegistrarProcess, rserpool, text};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A member of a JSON object whose value is a number, found by its name.
fn number(json: &str, name: &str) -> f64 {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {json}"));
    let end = rest.find([',', '}']).expect("the value ends");
    rest[..end].parse().unwrap_or_else(|_| panic!("{name} is no number in {json}"))
}

/// A registrar that refuses nothing.
fn start() -> RegistrarProcess {
    RegistrarProcess::start(&["--transport", "sctp-udp", "--max-resolution-rate", "100000000"])
}

fn bench(arguments: &[&str]) -> String {
    let output = rserpool(&[&["bench"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// What the registrar knows.
fn elements(registrar: &RegistrarProcess) -> String {
    let enrp = registrar.enrp.to_string();
    let timeout = format!("{}s", PATIENCE.as_secs());
    let output = rserpool(&["list", "--enrp", &enrp, "--timeout", &timeout]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

struct EchoServer {
    child: OwnProcess,
    address: String,
}

impl EchoServer {
    fn start(transport: &str) -> EchoServer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
        let mut child = command
            .args(["bench", "echo-server", "--transport", transport])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut greeting).expect("a line");
        let address = greeting.split_whitespace().nth(1).expect("an address").to_owned();
        EchoServer { child: OwnProcess(child), address }
    }
}

#[test]
fn each_operation_is_measured_and_leaves_nothing_behind() {
    let registrar = start();
    let asap = registrar.asap.to_string();
    for operation in ["resolve", "register", "reregister", "deregister", "churn"] {
        let common = ["--registrar", &asap, "--transport", "sctp-udp", "--duration", "100ms", "--json"];
        let sizes = ["--elements", "40", "--associations", "3", "--window", "4", "--pools", "5"];
        let json = bench(&[&[operation], &common[..], &sizes].concat());
        assert!(json.contains(&format!("\"operation\":\"{operation}\"")), "{json}");
        assert_eq!(number(&json, "refused"), 0.0, "{json}");
        assert!(number(&json, "answers") >= 12.0 && number(&json, "rate") > 0.0, "{json}");
        if matches!(operation, "register" | "deregister") {
            assert_eq!(number(&json, "answers"), 40.0, "{json}");
        }
        let left = elements(&registrar);
        assert!(left.contains("0 pools, 0 pool elements"), "{operation}: {left}");
    }
}

#[test]
fn latencies_are_in_order_and_sizes_are_those_of_the_messages() {
    let registrar = start();
    let asap = registrar.asap.to_string();
    let json = bench(&["resolve", "--registrar", &asap, "--transport", "tcp", "--duration", "100ms", "--json"]);
    let quantiles = ["p50", "p90", "p99", "p99.9", "max"].map(|name| number(&json, name));
    assert!(quantiles[0] > 0.0 && quantiles.is_sorted(), "{json}");
    // Header, handle and option; header, handle, policy and three elements.
    assert_eq!((number(&json, "request_bytes"), number(&json, "response_bytes")), (24.0, 144.0), "{json}");
}

#[test]
fn an_echo_server_is_measured_beside_the_registrar_with_the_same_sizes() {
    for transport in ["tcp", "sctp-udp"] {
        let registrar = start();
        let (asap, echo) = (registrar.asap.to_string(), EchoServer::start(transport));
        let (pid, echo_pid) = (registrar.id().to_string(), echo.child.id().to_string());
        let servers = ["--registrar", &asap, "--echo", &echo.address, "--pid", &pid, "--echo-pid", &echo_pid];
        let load = ["--transport", transport, "--window", "8", "--rounds", "3", "--duration", "50ms", "--json"];
        let json = bench(&[&["resolve"], &servers[..], &load].concat());
        let (_, echo) = json.split_once("\"echo\":").expect("an echo");
        assert!(number(echo, "answers") > 0.0, "{json}");
        assert_eq!((number(echo, "request_bytes"), number(echo, "response_bytes")), (24.0, 144.0), "{json}");
        assert!(number(&json, "ratio") > 0.0, "{json}");
    }
}

#[test]
fn elements_stay_alive_while_the_echo_is_measured() {
    let impatient = ["--keep-alive-interval", "200ms", "--keep-alive-timeout", "800ms"];
    let registrar = RegistrarProcess::start(&[&["--transport", "sctp-udp"], &impatient[..]].concat());
    let (asap, echo) = (registrar.asap.to_string(), EchoServer::start("sctp-udp"));
    let servers = ["--registrar", &asap, "--echo", &echo.address, "--transport", "sctp-udp"];
    // The end wants every element to be there to be de-registered.
    bench(&[&["resolve", "--rounds", "1", "--duration", "2s"], &servers[..]].concat());
}

#[test]
fn existing_pools_are_resolved_and_missing_ones_refused() {
    let registrar = RegistrarProcess::start(&[]);
    let asap = registrar.asap.to_string();
    let arguments = ["resolve", "--registrar", &asap, "--elements", "0", "--pool", "None", "--duration", "50ms"];
    let said = bench(&arguments);
    assert!(said.contains(" refused"), "{said}");
}

#[test]
fn the_command_line_says_what_is_wrong_with_it() {
    for (arguments, why) in [
        (&["register", "--transport", "tcp"][..], "by SCTP only"),
        (&["dance"], "unknown operation \"dance\""),
        (&[], "the operation is missing"),
        (&["register", "--elements", "0"], "leaves nothing to register"),
        (&["resolve", "--window", "100000"], "--window: 100000 is more than"),
        (&["resolve", "--pools", "9", "--elements", "3"], "cannot fill"),
        (&["resolve", "--speed", "9"], "--speed"),
    ] {
        let output = rserpool(&[&["bench"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(why), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn without_a_registrar_it_ends_with_3() {
    let reserved = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = reserved.local_addr().unwrap().to_string();
    let output = rserpool(&["bench", "resolve", "--registrar", &nobody, "--transport", "tcp"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(&nobody), "{}", text(&output.stderr));
}
