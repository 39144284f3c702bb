//! OpenSSL's and GnuTLS's own programs at the other end, with certificates and pre-shared keys, TLS 1.2 and 1.3.

use crate::support::c_pool::installed;
use crate::support::tls::{Keys, TlsWorld, days, registrar_here};
use crate::support::transport::Net;
use rserpool::driver::registrar::{RegistrarHandle, RegistrarSettings};
use rserpool::transport::tls::{TlsMode, TlsProfile, TlsSettings};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

/// A question for a pool that does not exist, and the type of its answer.
const QUESTION: [u8; 12] = [5, 0, 0, 12, 0, 9, 0, 8, b'p', b'o', b'o', b'l'];
const ANSWER: u8 = 6;

const PSK: &str = "a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7";

fn keys() -> Keys {
    let keys = Keys::new();
    keys.issue("r1", &registrar_here(), days(-1, 1));
    keys.write("psk", &format!("user-1:{PSK}\n"));
    keys
}

/// A registrar with a certificate and pre-shared keys, and where it has TLS.
fn registrar(keys: &Keys, profile: TlsProfile) -> (RegistrarHandle, String) {
    let pre_shared_keys = Some(keys.path("psk"));
    let tls = TlsSettings { mode: TlsMode::On, pre_shared_keys, profile, ..keys.with_certificate("r1") };
    let handle =
        RegistrarHandle::start(RegistrarSettings { tls, ..RegistrarSettings::loopback() }).expect("a registrar");
    let port = handle.addresses().asap.port() + 1;
    (handle, format!("127.0.0.1:{port}"))
}

/// Asks the question by a program that hands its input on, and waits for the answer.
fn ask(mut command: Command) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.as_mut().expect("piped").write_all(&QUESTION).expect("written");
    let mut answer = Vec::new();
    let mut output = child.stdout.take().expect("piped");
    let mut buffer = [0; 4096];
    // Some programs talk of the connection before.
    let is_answer = |bytes: &[u8]| bytes.windows(2).any(|pair| pair == [ANSWER, 0]) && bytes.ends_with(b"pool");
    loop {
        match output.read(&mut buffer).expect("readable") {
            0 => panic!("no answer: {}\n{}", String::from_utf8_lossy(&answer), complaint(child)),
            count => answer.extend_from_slice(&buffer[..count]),
        }
        if is_answer(&answer) || answer.windows(4).any(|four| four[..2] == [ANSWER, 0]) {
            break;
        }
    }
    let _ = child.kill(); // it has done its work
    let _ = child.wait();
}

fn complaint(mut child: Child) -> String {
    let mut text = String::new();
    let _ = child.stderr.take().expect("piped").read_to_string(&mut text);
    text
}

fn s_client(at: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-connect", at]).args(arguments);
    command
}

#[test]
fn asap_189_s_client_talks_to_a_registrar_by_certificate_and_by_key() {
    if !installed("openssl", "openssl") {
        return;
    }
    let keys = keys();
    let (registrar, at) = registrar(&keys, TlsProfile::Modern);
    let ca = keys.text("ca.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        ask(s_client(&at, &[version, "-CAfile", &ca, "-verify_return_error", "-verify_hostname", "localhost"]));
        ask(s_client(&at, &[version, "-psk_identity", "user-1", "-psk", PSK]));
    }
    registrar.stop();
}

#[test]
fn asap_172_the_suite_of_the_rfc_is_there_where_it_is_asked_for_and_nowhere_else() {
    if !installed("openssl", "openssl") {
        return;
    }
    let keys = keys();
    let ca = keys.text("ca.pem");
    let arguments =
        ["-tls1_2", "-cipher", "PSK-AES128-CBC-SHA", "-psk_identity", "user-1", "-psk", PSK, "-CAfile", &ca];
    let (old, at) = registrar(&keys, TlsProfile::Rfc5352);
    ask(s_client(&at, &arguments));
    old.stop();
    let (modern, at) = registrar(&keys, TlsProfile::Modern);
    let output = s_client(&at, &arguments).stdin(Stdio::null()).output().expect("it runs");
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    modern.stop();
}

#[test]
fn gnutls_talks_to_a_registrar_by_certificate_and_by_key() {
    if !installed("gnutls-cli", "gnutls-bin") {
        return;
    }
    let keys = keys();
    let (registrar, at) = registrar(&keys, TlsProfile::Rfc5352);
    let (ca, port) = (keys.text("ca.pem"), at.rsplit(':').next().expect("a port").to_owned());
    let client = |arguments: &[&str]| {
        let mut command = Command::new("gnutls-cli");
        command.args(["--no-ca-verification", "--logfile", "/dev/null", "-p", &port]).args(arguments).arg("localhost");
        command
    };
    // gnutls-cli 3.7.9 crashes after a handshake by ECDHE-PSK in TLS 1.2, while it describes it.
    for (version, by_key) in [("VERS-TLS1.2", "PSK"), ("VERS-TLS1.3", "ECDHE-PSK")] {
        let certificate = format!("NORMAL:-VERS-ALL:+{version}");
        ask(client(&["--x509cafile", &ca, "--priority", &certificate]));
        let key = format!("NORMAL:-VERS-ALL:+{version}:-KX-ALL:+{by_key}");
        ask(client(&["--pskusername", "user-1", "--pskkey", PSK, "--priority", &key]));
    }
    registrar.stop();
}

#[test]
fn a_user_talks_to_s_server() {
    if !installed("openssl", "openssl") {
        return;
    }
    let keys = keys();
    for version in ["-tls1_2", "-tls1_3"] {
        let (certificate, key) = (keys.text("r1.pem"), keys.text("r1.key"));
        let mut server = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", version, "-cert", &certificate, "-key", &key, "-rev"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let port = accepting_port(&mut server);
        let mut net = Net::new(Box::new(TlsWorld::new(&keys.with_certificate("r1"), &keys.believing())));
        let client = net.open(|_| {});
        let id = net.connect_port(client, port);
        net.until("a connection", |net| !net.at(client).seen.is_empty());
        assert!(net.at(client).ups().contains(&id), "{version}: {:?}", net.at(client).failures());
        net.shutdown(client, id);
        net.until("the end", |net| !net.at(client).losses().is_empty());
        let _ = server.kill(); // it may have ended
        let _ = server.wait();
    }
}

/// "ACCEPT 127.0.0.1:PORT"
fn accepting_port(server: &mut Child) -> u16 {
    let mut line = Vec::new();
    let output = server.stdout.as_mut().expect("piped");
    let mut byte = [0];
    while line.last() != Some(&b'\n') || !line.starts_with(b"ACCEPT") {
        if line.last() == Some(&b'\n') {
            line.clear();
        }
        assert_eq!(output.read(&mut byte).expect("readable"), 1, "it says where it listens");
        line.push(byte[0]);
    }
    let text = String::from_utf8(line).expect("text");
    text.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}
