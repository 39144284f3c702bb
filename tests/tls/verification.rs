//! Who is believed: certificates and pre-shared keys, good and bad.

use crate::support::log_lines;
use crate::support::tls::{Keys, TlsWorld, days, registrar_here};
use crate::support::transport::Net;
use rserpool::association::LossReason;
use rserpool::transport::tls::issuing::Subject;
use rserpool::transport::tls::{OpenSsl, TlsSettings};
use std::process::Command;

/// Connects, and says why that failed, if it did. A refusal by the other side comes after this side's own handshake in TLS 1.3.
fn outcome(registrar: &TlsSettings, user: &TlsSettings) -> Result<(), String> {
    let mut net = Net::new(Box::new(TlsWorld::new(registrar, user)));
    let (server, client) = (net.listener(), net.open(|_| {}));
    let id = net.connect(client, server);
    let ended = |net: &mut Net| {
        let client = net.at(client);
        let lost = client.losses().into_iter().map(|(_, reason, _)| reason);
        client.failures().into_iter().map(|(_, reason)| reason).chain(lost).next()
    };
    net.until("an outcome", |net| ended(net).is_some() || !net.at(server).ups().is_empty());
    match ended(&mut net) {
        Some(LossReason::Tls(why)) => Err(why),
        Some(other) => panic!("{other}"),
        None => {
            assert!(net.at(client).ups().contains(&id));
            Ok(())
        }
    }
}

fn refused(registrar: &TlsSettings, user: &TlsSettings, why: &str) {
    let lines = log_lines::lines_of(|| {
        let told = outcome(registrar, user).expect_err(why);
        assert!(told.contains(why), "{told}, not {why}");
    });
    assert!(lines.iter().any(|(_, line)| line.contains("no handshake with {127.0.0.1}")), "{lines:?}");
}

#[test]
fn sec_007_users_believe_a_registrar_by_its_authority_and_its_name_or_address() {
    let keys = Keys::new();
    keys.issue("r1", &registrar_here(), days(-1, 1));
    let (registrar, user) = (keys.with_certificate("r1"), keys.believing());
    assert_eq!(outcome(&registrar, &user), Ok(()), "by its address");
    let named = TlsSettings { name: Some("localhost".into()), ..user };
    assert_eq!(outcome(&registrar, &named), Ok(()), "by its name");
}

#[test]
fn a_registrar_with_a_certificate_that_is_not_good_is_refused() {
    let (keys, others) = (Keys::new(), Keys::new());
    let user = keys.believing();
    others.issue("r1", &registrar_here(), days(-1, 1));
    refused(&others.with_certificate("r1"), &user, "self-signed certificate in certificate chain");
    keys.issue("old", &registrar_here(), days(-3, -1));
    refused(&keys.with_certificate("old"), &user, "certificate has expired");
    keys.issue("new", &registrar_here(), days(1, 3));
    refused(&keys.with_certificate("new"), &user, "certificate is not yet valid");
    let elsewhere = Subject { addresses: vec![[192, 0, 2, 1].into()], dns: Vec::new(), ..registrar_here() };
    keys.issue("elsewhere", &elsewhere, days(-1, 1));
    refused(&keys.with_certificate("elsewhere"), &user, "not for 127.0.0.1");
    keys.issue("nameless", &Subject::default(), days(-1, 1));
    refused(&keys.with_certificate("nameless"), &user, "no subject alternative name");
    let element = Subject { uri: Some("rserpool://scope/element/e1".into()), ..registrar_here() };
    keys.issue("element", &element, days(-1, 1));
    refused(&keys.with_certificate("element"), &user, "which is no registrar");
    keys.issue("r1", &registrar_here(), days(-1, 1));
    let other_name = TlsSettings { name: Some("r2.example.net".into()), ..user };
    refused(&keys.with_certificate("r1"), &other_name, "not for r2.example.net");
}

#[test]
fn a_revoked_certificate_is_refused() {
    let keys = Keys::new();
    keys.issue("r1", &registrar_here(), days(-1, 1));
    keys.issue("r2", &registrar_here(), days(-1, 1));
    revoke(&keys, "r1");
    let user = TlsSettings { revoked: Some(keys.path("crl.pem")), ..keys.believing() };
    refused(&keys.with_certificate("r1"), &user, "certificate revoked");
    assert_eq!(outcome(&keys.with_certificate("r2"), &user), Ok(()), "another one is good");
}

/// Makes `crl.pem`, as an operator does.
fn revoke(keys: &Keys, name: &str) {
    keys.write("index.txt", "");
    keys.write("crlnumber", "01\n");
    let dir = keys.text("");
    let config = format!(
        "[ca]\ndefault_ca=a\n[a]\ndatabase={dir}/index.txt\ncrlnumber={dir}/crlnumber\ndefault_md=sha256\ndefault_crl_days=1\n\
         certificate={dir}/ca.pem\nprivate_key={dir}/ca.key\n"
    );
    keys.write("ca.cnf", &config);
    for arguments in
        [vec!["-revoke", &keys.text(&format!("{name}.pem"))], vec!["-gencrl", "-out", &keys.text("crl.pem")]]
    {
        let output = Command::new("openssl").args(["ca", "-config", &keys.text("ca.cnf")]).args(arguments).output();
        let output = output.expect("openssl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_user_may_come_without_a_certificate_but_not_with_a_bad_one() {
    let (keys, others) = (Keys::new(), Keys::new());
    keys.issue("r1", &registrar_here(), days(-1, 1));
    let registrar = keys.with_certificate("r1");
    keys.issue("u1", &Subject { uri: Some("rserpool://scope/user/u1".into()), ..Subject::default() }, days(-1, 1));
    assert_eq!(outcome(&registrar, &keys.with_certificate("u1")), Ok(()));
    others.issue("u1", &Subject::default(), days(-1, 1));
    let stranger = TlsSettings { authorities: Some(keys.path("ca.pem")), ..others.with_certificate("u1") };
    let lines = log_lines::lines_of(|| drop(outcome(&registrar, &stranger)));
    assert!(lines.iter().any(|(_, line)| line.contains("TLS port") && line.contains("refused")), "{lines:?}");
}

#[test]
fn asap_171_pre_shared_keys_are_enough_on_both_sides() {
    let keys = Keys::new();
    let secret = |byte: &str| byte.repeat(32);
    keys.write("registrar.psk", &format!("other:{}\nuser-1:{}\n", secret("01"), secret("a7")));
    keys.write("good.psk", &format!("user-1:{}\n", secret("a7")));
    keys.write("wrong.psk", &format!("user-1:{}\n", secret("a8")));
    keys.write("unknown.psk", &format!("user-2:{}\n", secret("a7")));
    let with = |name: &str| TlsSettings { pre_shared_keys: Some(keys.path(name)), ..TlsSettings::default() };
    let registrar = with("registrar.psk");
    assert_eq!(outcome(&registrar, &with("good.psk")), Ok(()));
    for (name, _) in [("wrong.psk", "bad key"), ("unknown.psk", "nobody's")] {
        assert!(outcome(&registrar, &with(name)).is_err(), "{name}");
    }
    assert!(outcome(&registrar, &keys.believing()).is_err(), "a user without a key");
}

#[test]
fn settings_that_cannot_be_used_name_the_file() {
    let keys = Keys::new();
    keys.issue("r1", &registrar_here(), days(-1, 1));
    keys.issue("r2", &registrar_here(), days(-1, 1));
    keys.write("rubbish", "no PEM\n");
    keys.write("psk", "somebody:00\n");
    let good = keys.with_certificate("r1");
    let cases = [
        (TlsSettings { key: Some(keys.path("absent")), ..good.clone() }, "absent cannot be read: No such file"),
        (TlsSettings { key: Some(keys.path("rubbish")), ..good.clone() }, "rubbish: no private key in PEM"),
        (TlsSettings { key: Some(keys.path("r2.key")), ..good.clone() }, "r2.key is not the key of"),
        (TlsSettings { key: None, ..good.clone() }, "needs its key (tls-key)"),
        (
            TlsSettings { certificate: None, pre_shared_keys: Some(keys.path("psk")), ..good.clone() },
            "psk, line 1: the key has 1 bytes",
        ),
        (TlsSettings { certificate: Some(keys.path("rubbish")), ..good.clone() }, "rubbish: no certificate in PEM"),
        (TlsSettings { authorities: Some(keys.path("rubbish")), ..good.clone() }, "rubbish: no certificate in PEM"),
        (TlsSettings { revoked: Some(keys.path("rubbish")), ..good }, "rubbish"),
        (TlsSettings::default(), "a registrar needs a certificate"),
    ];
    for (settings, why) in cases {
        let fault = OpenSsl::registrar(&settings).err().expect(why).to_string();
        assert!(fault.contains(why), "{fault}, not {why}");
    }
    let fault = OpenSsl::program(&TlsSettings::default()).err().expect("nobody to believe").to_string();
    assert!(fault.contains("tls-ca"), "{fault}");
}
