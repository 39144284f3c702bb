//! Load on real processes over loopback: a registrar with thousands of elements, resolutions and session round trips a second
//! as ratios to the raw transport in the same run. `make bench` runs it; without `--bench` (as `cargo test` does) it is
//! quick and only shows that everything works.

mod calls;
mod child;
mod crowd;
mod download;
mod echo;
mod fleet;
mod hostile;
mod knot;
mod memory;
mod operations;
mod registrar;
mod resolution;
mod scale;
#[path = "../../tests/support/sctp_packet.rs"]
mod sctp_packet;
mod session;
mod table;

use scale::{FULL, SMOKE};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, what, rest @ ..] = &arguments[..] {
        if first == child::SERVE {
            return serve(what, rest);
        }
    }
    let scale = if arguments.iter().any(|a| a == "--bench") { FULL } else { SMOKE };
    let chosen: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|c| name.contains(c.as_str()));
    if wanted("registrar") {
        registrar::run(scale);
    }
    if wanted("memory") {
        memory::run(scale);
    }
    if wanted("calls") {
        calls::run(scale);
    }
    if wanted("download") {
        download::run(scale);
    }
    if wanted("hostile") {
        hostile::run(scale);
    }
    if wanted("operations") {
        operations::run(scale);
    }
    if wanted("resolution") {
        resolution::run(scale);
    }
    if wanted("knot") {
        resolution::run_beside_knot(scale);
    }
    if wanted("session") {
        session::run(scale);
    }
    if wanted("crowd") {
        crowd::run(scale);
    }
}

/// Is the server `what` of a measurement, which a process of its own asks for.
fn serve(what: &str, arguments: &[String]) {
    match what {
        hostile::ATTACKERS => hostile::attack(arguments),
        "tcp-echo" => echo::serve_tcp(arguments),
        session::BARE_SERVER => session::serve_bare(),
        session::SERVER => session::serve(arguments),
        other => panic!("there is no server {other}"),
    }
}
