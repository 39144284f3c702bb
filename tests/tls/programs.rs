//! TLS by options and environment: the programs, and what they refuse to do without it.

use crate::support::program::{Element, RegistrarProcess, text};
use crate::support::tls::Keys;
use std::process::{Command, Output};

fn rserpool(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(arguments).env_remove("RSERPOOL_TRANSPORT").envs(environment.iter().copied());
    command.output().expect("the program starts")
}

/// Keys as an operator makes them, by `rserpool keys`.
fn issued() -> Keys {
    let keys = Keys::new();
    let dir = keys.text("made");
    for arguments in [
        &["init", "--dir", &dir, "--scope", "test"][..],
        &["issue", "registrar", "r1", "--dir", &dir, "--address", "127.0.0.1", "--dns", "localhost"],
        &["issue", "element", "e1", "--dir", &dir, "--address", "127.0.0.1"],
        &["psk", "user-1", "--dir", &dir],
    ] {
        let output = rserpool(&[], &[&["keys"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    keys
}

fn registrar(keys: &Keys, name: &str) -> RegistrarProcess {
    let (certificate, key) = (keys.text(&format!("made/{name}.pem")), keys.text(&format!("made/{name}.key")));
    let psk = keys.text("made/psk.txt");
    RegistrarProcess::start(&["--tls", "on", "--tls-cert", &certificate, "--tls-key", &key, "--tls-psk-file", &psk])
}

#[test]
fn a_pool_is_resolved_under_tls_by_certificate_and_by_key() {
    let keys = issued();
    let registrar = registrar(&keys, "r1");
    let _element = Element::register(registrar.asap, "Pool", 0x77);
    let (ca, psk) = (keys.text("made/ca.pem"), keys.text("made/psk.txt"));
    let (address, name) = (registrar.asap.to_string(), format!("localhost:{}", registrar.asap.port()));
    for (variable, file, at) in
        [("RSERPOOL_TLS_CA", &ca, &address), ("RSERPOOL_TLS_CA", &ca, &name), ("RSERPOOL_TLS_PSK_FILE", &psk, &address)]
    {
        let environment = [("RSERPOOL_TLS", "require"), (variable, file)];
        let output = rserpool(&environment, &["resolve", "Pool", "--registrar", at]);
        assert!(output.status.success(), "{variable} {at}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("0x00000077"), "{}", text(&output.stdout));
    }
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
    assert!(log.contains("TLS does not protect this scope"), "one line says what stays open: {log}");
}

#[test]
fn sec_007_a_registrar_that_is_not_believed_is_not_asked() {
    let (keys, others) = (issued(), issued());
    let registrar = registrar(&keys, "r1");
    let address = registrar.asap.to_string();
    let ask = |ca: &str| {
        let environment = [("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_CA", ca)];
        rserpool(&environment, &["resolve", "Pool", "--registrar", &address, "--timeout", "2s"])
    };
    let output = ask(&others.text("made/ca.pem"));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("its certificate is refused"), "{}", text(&output.stderr));
    drop(registrar);
    let element = registrar_with(&keys, "e1");
    let address = element.asap.to_string();
    let environment = [("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_CA", &keys.text("made/ca.pem")[..])];
    let output = rserpool(&environment, &["resolve", "Pool", "--registrar", &address, "--timeout", "2s"]);
    assert!(text(&output.stderr).contains("which is no registrar"), "{}", text(&output.stderr));
}

fn registrar_with(keys: &Keys, name: &str) -> RegistrarProcess {
    registrar(keys, name)
}

#[test]
fn nothing_goes_in_the_clear_where_tls_is_required() {
    let plain = RegistrarProcess::start(&[]);
    let address = plain.asap.to_string();
    let keys = issued();
    let required = [("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_CA", &keys.text("made/ca.pem")[..])];
    let output = rserpool(&required, &["resolve", "Pool", "--registrar", &address, "--timeout", "2s"]);
    assert_eq!(output.status.code(), Some(3), "the plain port would have said that there is no such pool");
    for arguments in [
        &["resolve", "Pool", "--registrar", &address, "--transport", "sctp-udp"][..],
        &["list", "--enrp", &plain.enrp.to_string()],
        &["bench", "resolve", "--registrar", &address],
    ] {
        let output = rserpool(&required, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("RSERPOOL_TLS requires TLS"), "{}", text(&output.stderr));
    }
    for (environment, why) in [
        ([("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_CA", "/does/not/exist")], "/does/not/exist cannot be read"),
        ([("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_NAME", "a")], "tls-ca"),
        ([("RSERPOOL_TLS", "yes"), ("RSERPOOL_TLS_NAME", "a")], "RSERPOOL_TLS: unknown mode \"yes\""),
        ([("RSERPOOL_TLS", "on"), ("RSERPOOL_TLS_NAME", "a")], "\"on\" is for registrars"),
    ] {
        let output = rserpool(&environment, &["resolve", "Pool", "--registrar", &address]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}

#[test]
fn a_registrar_whose_files_cannot_be_used_does_not_start() {
    let keys = issued();
    let start = |options: &[&str]| {
        let ports = ["registrar", "--asap", "127.0.0.1:0", "--enrp", "127.0.0.1:0", "--announce", "off"];
        let output = rserpool(&[], &[&ports[..], options].concat());
        assert!(!output.status.success(), "{options:?}");
        text(&output.stderr)
    };
    let certificate = keys.text("made/r1.pem");
    assert!(start(&["--tls", "on"]).contains("a registrar needs a certificate"));
    let complaint = start(&["--tls", "on", "--tls-cert", &certificate, "--tls-key", "/absent.key"]);
    assert!(complaint.contains("/absent.key cannot be read"), "{complaint}");
    let complaint = start(&["--tls", "on", "--tls-cert", &certificate, "--tls-key", &keys.text("made/e1.key")]);
    assert!(complaint.contains("e1.key is not the key of"), "{complaint}");
    assert!(start(&["--tls", "require"]).contains("to require TLS, a registrar needs the authority"));
    let complaint = start(&["--tls", "require", "--tls-cert", &certificate, "--tls-key", &keys.text("made/r1.key")]);
    assert!(complaint.contains("tls-ca"), "who is to be believed: {complaint}");
}

#[test]
fn keys_are_shown_and_not_overwritten() {
    let keys = issued();
    let dir = keys.text("made");
    let shown = text(&rserpool(&[], &["keys", "show", &keys.text("made/r1.pem")]).stdout);
    for line in ["certificate r1", "uri rserpool://test/registrar/r1", "dns localhost", "address 127.0.0.1"] {
        assert!(shown.contains(line), "{shown}");
    }
    for (arguments, status) in [
        (&["keys", "init", "--dir", &dir][..], 1),
        (&["keys", "issue", "registrar", "r1", "--dir", &dir, "--dns", "a"], 1),
        (&["keys", "issue", "registrar", "r2", "--dir", &dir], 2),
        (&["keys", "issue", "king", "r2", "--dir", &dir], 2),
        (&["keys", "issue", "user", "../r2", "--dir", &dir], 2),
        (&["keys", "psk", "user-1", "--dir", &dir], 1),
        (&["keys", "show", &keys.text("made/psk.txt")], 1),
    ] {
        assert_eq!(rserpool(&[], arguments).status.code(), Some(status), "{arguments:?}");
    }
    for (identity, status) in [
        ("rserpool://test/element/all", 0),
        ("rserpool://test/element/all", 1),
        ("rserpool://test/registrar/all", 0),
        ("rserpool://test/king/all", 2),
        ("rserpool://test/element", 2),
        ("rserpool://te:st/element/all", 2),
    ] {
        assert_eq!(rserpool(&[], &["keys", "psk", identity, "--dir", &dir]).status.code(), Some(status), "{identity}");
    }
    use std::os::unix::fs::PermissionsExt;
    for secret in ["made/ca.key", "made/r1.key", "made/psk.txt"] {
        let mode = std::fs::metadata(keys.path(secret)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o77, 0, "{secret} is for its owner only");
    }
}

#[test]
fn a_key_is_added_behind_a_line_that_was_typed_without_its_end_and_to_nothing_that_cannot_be_read() {
    let keys = issued();
    let (dir, path) = (keys.text("made"), keys.path("made/psk.txt"));
    let typed = "user-0:000102030405060708090a0b0c0d0e0f";
    std::fs::write(&path, typed).expect("written");
    let add = |identity: &str| rserpool(&[], &["keys", "psk", identity, "--dir", &dir]).status.code();
    assert_eq!(add("user-2"), Some(0));
    let text = std::fs::read_to_string(&path).expect("text");
    assert_eq!(text.lines().next(), Some(typed));
    assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("user-2:")), "{text}");
    std::fs::write(&path, b"\xff\xff").expect("written");
    assert_eq!(add("user-3"), Some(1));
    assert_eq!(std::fs::read(&path).expect("bytes"), b"\xff\xff");
}

#[test]
fn no_key_is_added_to_a_file_that_others_may_read_or_change() {
    use std::os::unix::fs::PermissionsExt;
    let keys = issued();
    let (dir, path) = (keys.text("made"), keys.path("made/psk.txt"));
    let before = std::fs::read_to_string(&path).expect("text");
    for mode in [0o640, 0o604, 0o620, 0o602] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its owner may");
        let output = rserpool(&[], &["keys", "psk", "user-2", "--dir", &dir]);
        assert_eq!(output.status.code(), Some(1), "{mode:o}");
        assert!(text(&output.stderr).contains(&format!("has mode {mode:o}")), "{}", text(&output.stderr));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), before);
    }
}

/// The tests of the usual program leave these out.
#[test]
fn the_options_and_the_command_that_tls_adds_are_in_the_manual_pages() {
    let page = |name: &str| {
        let path = format!("{}/man/{name}.1", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a manual page")
    };
    let names = |text: &str, before: &str| -> Vec<String> {
        let options = text.lines().filter_map(|line| line.trim_start().strip_prefix(before));
        let options = options.map(|option| option.split_whitespace().next().expect("a name").to_owned());
        options.filter(|option| option.starts_with("tls")).collect()
    };
    let help = text(&rserpool(&[], &["registrar", "--help"]).stdout);
    assert_eq!(names(&help, "--"), names(&page("rserpool-registrar"), ".It Fl -"));
    assert!(names(&help, "--").len() > 5, "{help}");
    assert!(text(&rserpool(&[], &["--help"]).stdout).contains("\n  keys "));
    assert!(page("rserpool").contains("\n.It Cm keys\n"));
    let help = text(&rserpool(&[], &["keys", "--help"]).stdout);
    let own = page("rserpool-keys");
    for option in ["--dir", "--scope", "--days", "--dns", "--address"] {
        assert!(help.contains(option) && own.contains(&format!(".It Fl {}", &option[1..])), "{option}");
    }
}

#[test]
fn sec_rules_know_users_by_their_certificates_and_keys_and_those_in_the_clear_as_nobody() {
    let keys = issued();
    let dir = keys.text("made");
    for name in ["u1", "u2"] {
        let output = rserpool(&[], &["keys", "issue", "user", name, "--dir", &dir]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let rules = "allow plain register pool=Pool\nallow uri=rserpool://test/user/u1 resolve pool=Pool\nallow psk=user-1 resolve\n";
    let (rules, ca) = (keys.write("rules", rules), keys.text("made/ca.pem"));
    let file = |name: &str| keys.text(&format!("made/{name}"));
    let registrar = RegistrarProcess::start(&[
        "--access-policy",
        rules.to_str().expect("UTF-8"),
        "--tls",
        "on",
        "--tls-cert",
        &file("r1.pem"),
        "--tls-key",
        &file("r1.key"),
        "--tls-ca",
        &ca,
        "--tls-psk-file",
        &file("psk.txt"),
    ]);
    let _element = Element::register(registrar.asap, "Pool", 0x77);
    let address = registrar.asap.to_string();
    let resolved = |environment: &[(&str, &str)]| {
        let output = rserpool(environment, &["resolve", "Pool", "--registrar", &address, "--transport", "tcp"]);
        (output.status.code(), text(&output.stdout).contains("0x00000077"), text(&output.stderr))
    };
    let (u1, u1_key, u2, u2_key) = (file("u1.pem"), file("u1.key"), file("u2.pem"), file("u2.key"));
    let with = |certificate, key| {
        resolved(&[
            ("RSERPOOL_TLS", "require"),
            ("RSERPOOL_TLS_CA", &ca),
            ("RSERPOOL_TLS_CERT", certificate),
            ("RSERPOOL_TLS_KEY", key),
        ])
    };
    let allowed = with(&u1, &u1_key);
    assert!(allowed.0 == Some(0) && allowed.1, "{allowed:?}");
    let denied = with(&u2, &u2_key);
    assert!(denied.0 != Some(0) && !denied.1 && denied.2.contains("security considerations"), "{denied:?}");
    let by_key = resolved(&[("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_PSK_FILE", &file("psk.txt"))]);
    assert!(by_key.0 == Some(0) && by_key.1, "{by_key:?}");
    let nameless = resolved(&[("RSERPOOL_TLS", "require"), ("RSERPOOL_TLS_CA", &ca)]);
    assert!(nameless.0 != Some(0) && !nameless.1, "{nameless:?}");
    let plain = resolved(&[]);
    assert!(plain.0 != Some(0) && !plain.1, "{plain:?}");
    let (status, log) = registrar.end_by(libc::SIGTERM);
    assert!(status.success(), "{log}");
    for who in ["uri=rserpool://test/user/u2", "(tls)", "(plain)"] {
        assert!(log.contains(who) && log.contains("may not resolve in pool \"Pool\""), "{who}: {log}");
    }
}
