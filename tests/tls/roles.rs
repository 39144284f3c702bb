//! TLS over SCTP (RFC 3436): both sides prove what they are, and what is not under TLS is not taken.

use crate::support::log_lines::lines_of;
use crate::support::tls::{Keys, Side, TlsWorld, days, only, registrar_here};
use crate::support::transport::{Net, PPID, RealWorld};
use rserpool::association::LossReason;
use rserpool::transport::tls::{Counterparts, OpenSsl, RegistrarNames, TlsSettings};
use rserpool::transport::{self, OutboundMessage, TransportChoice};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Whom an endpoint is for.
#[derive(Clone, Copy)]
enum For {
    Elements,
    Registrars,
    /// A pool element's, for registrars.
    ItsRegistrars,
}

fn side(settings: &TlsSettings, whom: For) -> Side {
    let (engines, counterparts) = match whom {
        For::Elements => (OpenSsl::strict_registrar(settings), Counterparts::Elements),
        For::Registrars => (OpenSsl::strict_registrar(settings), Counterparts::Registrars),
        For::ItsRegistrars => {
            (OpenSsl::program(settings), Counterparts::RegistrarsOfProgram(Arc::new(RegistrarNames::default())))
        }
    };
    Side { engines: Arc::new(engines.expect("settings that can be used")), counterparts }
}

fn world(listening: Side, connecting: Side) -> TlsWorld {
    TlsWorld { sctp: Some(TransportChoice::SctpUdp), listening, connecting, ..TlsWorld::good() }
}

/// Connects, and says why that failed, if it did, in the words of who has connected and of the log. In TLS 1.3 the side that connects is
/// up before the other one has looked at its certificate.
fn outcome(listening: Side, connecting: Side) -> Result<(), String> {
    let mut told = None;
    let lines = lines_of(|| {
        let mut net = Net::new(Box::new(world(listening, connecting)));
        let (server, client) = (net.listener(), net.open(|_| {}));
        net.connect(client, server);
        let ended = |net: &mut Net| {
            let client = net.at(client);
            let lost = client.losses().into_iter().map(|(_, reason, _)| reason);
            client.failures().into_iter().map(|(_, reason)| reason).chain(lost).next()
        };
        net.until("an outcome", |net| ended(net).is_some() || !net.at(server).ups().is_empty());
        told = ended(&mut net);
        assert!(told.is_none() || net.at(server).seen.is_empty(), "nobody is told of who is refused");
    });
    let log: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    told.map_or(Ok(()), |reason| Err(format!("{reason}; log: {log:?}")))
}

fn refused(listening: Side, connecting: Side, why: &str) {
    let told = outcome(listening, connecting).expect_err(why);
    assert!(told.contains(why) && told.contains("no handshake with {127.0.0.1}"), "{told}, not {why}");
}

fn certificates(keys: &Keys) {
    keys.issue("r1", &registrar_here(), days(-1, 1));
    for role in ["registrar", "element", "user"] {
        keys.issue(role, &only(role), days(-1, 1));
    }
    keys.issue("nameless", &rserpool::transport::tls::issuing::Subject::default(), days(-1, 1));
}

#[test]
fn sec_elements_and_registrars_are_let_in_by_the_roles_in_their_certificates() {
    let keys = Keys::new();
    certificates(&keys);
    let with = |name: &str, whom| side(&keys.with_certificate(name), whom);
    let element = || with("element", For::ItsRegistrars);
    assert_eq!(outcome(with("r1", For::Elements), element()), Ok(()), "an element to its registrar");
    assert_eq!(outcome(element(), with("r1", For::Elements)), Ok(()), "a registrar that takes over");
    assert_eq!(outcome(with("r1", For::Registrars), with("registrar", For::Registrars)), Ok(()));
    for other in ["user", "registrar", "nameless"] {
        refused(with("r1", For::Elements), with(other, For::ItsRegistrars), "not for rserpool://SCOPE/element/NAME");
    }
    for other in ["element", "user", "nameless"] {
        refused(with("r1", For::Registrars), with(other, For::Registrars), "not for rserpool://SCOPE/registrar/NAME");
        refused(with(other, For::Registrars), with("r1", For::Registrars), "not for rserpool://SCOPE/registrar/NAME");
    }
}

#[test]
fn sec_007_an_element_believes_nobody_but_registrars_in_both_directions() {
    let keys = Keys::new();
    certificates(&keys);
    let with = |name: &str, whom| side(&keys.with_certificate(name), whom);
    let element = || with("element", For::ItsRegistrars);
    for other in ["element", "user", "nameless"] {
        refused(element(), with(other, For::Elements), "not for rserpool://SCOPE/registrar/NAME");
    }
    refused(with("registrar", For::Elements), element(), "not for 127.0.0.1");
    refused(with("r1", For::Elements), side(&keys.believing(), For::ItsRegistrars), "has shown no certificate");
}

#[test]
fn an_authority_of_somebody_else_counts_for_nothing() {
    let (keys, others) = (Keys::new(), Keys::new());
    certificates(&keys);
    certificates(&others);
    let stranger = |name: &str| TlsSettings { authorities: Some(keys.path("ca.pem")), ..others.with_certificate(name) };
    let registrar = |whom| side(&keys.with_certificate("r1"), whom);
    refused(registrar(For::Elements), side(&stranger("element"), For::ItsRegistrars), "its certificate is refused");
    refused(registrar(For::Registrars), side(&stranger("registrar"), For::Registrars), "its certificate is refused");
    refused(side(&stranger("r1"), For::Registrars), registrar(For::Registrars), "its certificate is refused");
    refused(side(&stranger("element"), For::ItsRegistrars), registrar(For::Elements), "its certificate is refused");
}

#[test]
fn asap_171_pre_shared_keys_are_let_in_by_the_roles_in_their_identities() {
    let keys = Keys::new();
    let line = |identity: &str, byte: &str| format!("{identity}:{}\n", byte.repeat(32));
    let (mesh, elements) = (line("rserpool://scope/registrar/all", "a1"), line("rserpool://scope/element/all", "b2"));
    let with = |text: &str, whom| {
        let file = keys.write("psk", text);
        side(&TlsSettings { pre_shared_keys: Some(file), ..TlsSettings::default() }, whom)
    };
    let all = format!("{}{elements}{mesh}", line("someone", "c3"));
    assert_eq!(outcome(with(&all, For::Elements), with(&elements, For::ItsRegistrars)), Ok(()));
    assert_eq!(outcome(with(&elements, For::ItsRegistrars), with(&all, For::Elements)), Ok(()), "a takeover");
    assert_eq!(outcome(with(&all, For::Registrars), with(&mesh, For::Registrars)), Ok(()));
    let refused = |listening, connecting, what: &str| {
        let told = outcome(listening, connecting).expect_err(what);
        assert!(told.contains("no handshake with"), "{told}");
    };
    refused(with(&all, For::Registrars), with(&elements, For::ItsRegistrars), "an element among registrars");
    refused(with(&all, For::Elements), with(&line("someone", "c3"), For::ItsRegistrars), "somebody without a role");
    refused(with(&all, For::Registrars), with(&elements, For::Registrars), "nothing to show");
    let wrong = line("rserpool://scope/element/all", "b3");
    refused(with(&all, For::Elements), with(&wrong, For::ItsRegistrars), "another key");
}

/// A peer without TLS, and what becomes of what it sends.
fn plain_peer(message: OutboundMessage<'_>, why: &str) {
    let keys = Keys::new();
    certificates(&keys);
    let registrar = side(&keys.with_certificate("r1"), For::Elements);
    let lines = lines_of(|| {
        let mut net = Net::new(Box::new(world(registrar.clone(), registrar)));
        let server = net.listener();
        let port = net.port(server);
        let open = |config: &_| transport::open(TransportChoice::SctpUdp, config);
        net.world = Box::new(RealWorld { open, address: Ipv4Addr::LOCALHOST.into() });
        let peer = net.open(|_| {});
        let id = net.connect_port(peer, port);
        net.until("the association", |net| net.at(peer).ups().contains(&id));
        let now = net.world.now();
        net.at(peer).transport.send(now, id, message).expect("there is room");
        net.until("its end", |net| !net.at(peer).losses().is_empty());
        assert_eq!(net.at(peer).losses()[0].1, LossReason::Closed);
        assert!(net.at(server).seen.is_empty());
    });
    assert!(lines.iter().any(|(_, line)| line.contains("no handshake with") && line.contains(why)), "{lines:?}");
}

#[test]
fn what_comes_in_the_clear_or_on_another_stream_is_refused() {
    let registration = [1, 0, 0, 12, 0, 9, 0, 8, b'p', b'o', b'o', b'l'];
    plain_peer(OutboundMessage::control(PPID, &registration), "does not seem to speak TLS");
    let message = OutboundMessage { stream: 1, ..OutboundMessage::control(PPID, &registration) };
    plain_peer(message, "a message came on stream 1, which has no TLS");
}
