//! A scope in which nothing goes without TLS: registrars as processes, a pool element of this library, and strangers.

use crate::elements::library;
use crate::support::program::{PATIENCE, RegistrarProcess, registration, rserpool, text};
use crate::support::tls::{Keys, Side, TlsWorld, days, only, registrar_here};
use crate::support::transport::{Net, RealWorld, World};
use rserpool::PoolElementId;
use rserpool::api::{self, Config, LoadInfo, RegisterOptions, TlsSettings};
use rserpool::association::{LossReason, PeerAddress};
use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::transport::tls::{Counterparts, OpenSsl, RegistrarNames, TlsMode};
use rserpool::transport::{self, TransportChoice};
use rserpool::wire::Cause;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

fn keys() -> Keys {
    let keys = Keys::new();
    keys.issue("r1", &registrar_here(), days(-1, 1));
    for role in ["element", "user"] {
        keys.issue(role, &only(role), days(-1, 1));
    }
    keys
}

fn registrar(keys: &Keys, options: &[&str]) -> RegistrarProcess {
    let (certificate, key, ca) = (keys.text("r1.pem"), keys.text("r1.key"), keys.text("ca.pem"));
    let tls = ["--tls", "require", "--tls-cert", &certificate, "--tls-key", &key, "--tls-ca", &ca];
    RegistrarProcess::start(&[&tls[..], &["--profile", "fast"], options].concat())
}

/// Starts the library, for registrars at these places.
fn start_library(tls: TlsSettings, registrars: &[&RegistrarProcess]) {
    let config = Config {
        tls: Some(TlsSettings { mode: TlsMode::Require, ..tls }),
        transport: Some(TransportChoice::SctpUdp),
        registrars: registrars.iter().map(|registrar| PeerAddress::from(registrar.asap)).collect(),
        ..Config::default()
    };
    api::initialize(&config).expect("it starts");
}

/// What a user is told under TLS.
fn resolved(keys: &Keys, registrar: &RegistrarProcess) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(["resolve", "Pool", "--registrar", &registrar.asap.to_string()]).env_remove("RSERPOOL_TRANSPORT");
    let output = command.env("RSERPOOL_TLS", "require").env("RSERPOOL_TLS_CA", keys.path("ca.pem")).output();
    text(&output.expect("the program runs").stdout)
}

/// Asks until the answer has this in it.
fn until_resolved(keys: &Keys, registrar: &RegistrarProcess, what: &str) {
    let end = clock::now() + PATIENCE;
    while !resolved(keys, registrar).contains(what) {
        assert!(clock::now() < end, "not within {PATIENCE:?}: {what}");
    }
}

#[test]
fn an_element_is_registered_synchronised_and_taken_over_under_tls() {
    let _alone = library();
    let keys = keys();
    let first = registrar(&keys, &["--id", "1"]);
    let second = registrar(&keys, &["--id", "2", "--peer", &first.enrp.to_string()]);
    start_library(keys.with_certificate("element"), &[&first]);
    let socket = api::socket(libc::AF_INET, libc::SOCK_SEQPACKET, libc::IPPROTO_SCTP).expect("a socket");
    let options = RegisterOptions { pool_element_id: Some(PoolElementId(0x77)), ..RegisterOptions::default() };
    api::register(socket, b"Pool", &LoadInfo::default(), Duration::from_secs(30), options).expect("registered");
    until_resolved(&keys, &first, "0x00000077  home 0x00000001");
    until_resolved(&keys, &second, "0x00000077  home 0x00000001");
    first.signal(libc::SIGKILL);
    until_resolved(&keys, &second, "0x00000077  home 0x00000002");
    api::close(socket).expect("closed");
    api::cleanup();
    let (status, log) = second.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
    assert!(!log.contains("refused: TLS is required"), "the two have met under TLS alone: {log}");
}

/// Connects to a port and sends this once it is up; returns why that came to an end, in the words of who has connected, or the first
/// answer.
fn stranger(world: impl World + 'static, port: u16, message: &[u8]) -> Result<Vec<u8>, LossReason> {
    let mut net = Net::new(Box::new(world));
    let peer = net.open(|_| {});
    let id = net.connect_port(peer, port);
    let mut sent = false;
    let mut result = None;
    net.until("an answer or an end", |net| {
        if !sent && net.at(peer).ups().contains(&id) {
            sent = true;
            let _ = net.send(peer, id, message); // it may have been refused already
        }
        let there = net.at(peer);
        let lost = there.losses().into_iter().map(|(_, reason, _)| reason);
        let ended = there.failures().into_iter().map(|(_, reason)| reason).chain(lost).next();
        result = match (there.messages().first(), ended) {
            (Some(answer), _) => Some(Ok(answer.to_vec())),
            (None, Some(reason)) => Some(Err(reason)),
            (None, None) => None,
        };
        result.is_some()
    });
    result.expect("just seen")
}

fn under_tls(settings: &TlsSettings, counterparts: Counterparts) -> TlsWorld {
    let engines = OpenSsl::program(settings).expect("settings that can be used");
    let connecting = Side { engines: Arc::new(engines), counterparts };
    TlsWorld { connecting, ..TlsWorld::registrars(TransportChoice::SctpUdp) }
}

fn in_the_clear() -> RealWorld {
    RealWorld { open: |config| transport::open(TransportChoice::SctpUdp, config), address: Ipv4Addr::LOCALHOST.into() }
}

#[test]
fn sec_whoever_is_not_authenticated_is_refused_with_a_line_that_says_why_and_changes_nothing() {
    let (keys, others) = (keys(), keys());
    let registrar = registrar(&keys, &[]);
    let (asap, enrp) = (registrar.asap.port(), registrar.enrp.port());
    let mut bytes = Vec::new();
    registration("Pool", 0x88, 5_000).encode(&mut bytes).expect("a short message");

    let answer = stranger(in_the_clear(), asap, &bytes).expect("an answer");
    let AsapMessage::RegistrationResponse(response) = AsapMessage::decode(&answer).expect("ASAP").message else {
        panic!("{answer:?}")
    };
    assert!(response.reject);
    assert_eq!(response.error.expect("a cause").first(), Some(Cause::RejectedForSecurity));
    let ended = stranger(in_the_clear(), enrp, &[1, 0, 0, 4]).expect_err("an ABORT");
    assert!(matches!(&ended, LossReason::Aborted(why) if why.contains("TLS is required here")), "{ended}");
    stranger(in_the_clear(), asap + 1, &bytes).expect_err("no TLS");

    let names = || Counterparts::RegistrarsOfProgram(Arc::new(RegistrarNames::default()));
    let other = TlsSettings { authorities: Some(keys.path("ca.pem")), ..others.with_certificate("element") };
    stranger(under_tls(&other, names()), asap + 1, &bytes).expect_err("another authority");
    stranger(under_tls(&keys.with_certificate("user"), names()), asap + 1, &bytes).expect_err("another role");
    let element = under_tls(&keys.with_certificate("element"), Counterparts::Registrars);
    stranger(element, enrp + 1, &[1, 0, 0, 4]).expect_err("an element among registrars");

    assert!(!resolved(&keys, &registrar).contains("0x00000088"), "nothing is registered");
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
    for line in [
        "may not register in the clear: TLS is required",
        "ENRP in the clear from",
        "does not seem to speak TLS",
        "its certificate is refused",
        "and not for rserpool://SCOPE/element/NAME",
        "and not for rserpool://SCOPE/registrar/NAME",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn sec_who_asks_for_the_table_in_the_clear_gets_none_and_learns_why() {
    let keys = keys();
    let secured = registrar(&keys, &["--id", "1"]);
    let address = secured.enrp.to_string();
    let output = rserpool(&["list", "--enrp", &address, "--timeout", "5s"]);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("TLS is required here"), "{}", text(&output.stderr));
    let (_, log) = secured.end_by(libc::SIGTERM);
    assert!(log.contains("ENRP in the clear from {127.0.0.1}"), "{log}");
}
