//! `rserpool resolve`, `rserpool list`, help and manual pages.

use crate::support::program::{Element, RegistrarProcess, rserpool, text};
use rserpool::PoolHandle;
use rserpool::driver::clock;
use rserpool::message::AsapMessage;
use rserpool::message::asap::HandleResolutionResponse;
use rserpool::wire::{Cause, OperationalError};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// Keeps elements alive in a thread while `look` runs.
fn with_elements(registrar: &RegistrarProcess, elements: &[(&str, u32)], look: impl FnOnce()) {
    let elements: Vec<Element> =
        elements.iter().map(|(handle, id)| Element::register(registrar.asap, handle, *id)).collect();
    look();
    drop(elements);
}

#[test]
fn resolve_prints_a_line_an_element_in_the_order_of_the_policy() {
    let registrar = RegistrarProcess::start(&[]);
    let asap = registrar.asap.to_string();
    with_elements(&registrar, &[("Pool", 1), ("Pool", 2)], || {
        let output = rserpool(&["resolve", "Pool", "--registrar", &asap]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let lines = text(&output.stdout);
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(lines.contains("0x00000001  home 0x") && lines.contains("SCTP 127.0.0.1:"), "{lines}");
    });
}

#[test]
fn resolve_takes_every_transport() {
    let registrar = RegistrarProcess::start(&["--transport", "sctp-udp"]);
    let asap = registrar.asap.to_string();
    let element = ["resolve", "Pool", "--registrar", &asap, "--transport"];
    for way in ["tcp", "sctp-udp"] {
        let output = rserpool(&[&element[..], &[way]].concat());
        assert_eq!(output.status.code(), Some(1), "{way}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("knows no pool Pool"), "{way}");
    }
}

#[test]
fn resolve_asks_for_as_many_items_as_it_is_told() {
    let registrar = RegistrarProcess::start(&[]);
    let asap = registrar.asap.to_string();
    with_elements(&registrar, &[("Pool", 1), ("Pool", 2), ("Pool", 3)], || {
        let output = rserpool(&["resolve", "Pool", "--registrar", &asap, "--items", "1", "--json"]);
        let json = text(&output.stdout);
        assert!(json.starts_with("{\"pool_handle\":\"Pool\",\"pool_elements\":[{\"id\":"), "{json}");
        assert_eq!(json.matches("\"policy\":{\"type\":1,\"name\":\"RoundRobin\"}").count(), 1, "{json}");
    });
}

#[test]
fn resolve_takes_every_name_that_list_prints() {
    let registrar = RegistrarProcess::start(&[]);
    let (asap, enrp) = (registrar.asap.to_string(), registrar.enrp.to_string());
    let handles = ["Grüße", "a \"quoted\" name", "NUL\0NUL", "back\\slash", "100%", "--json"];
    with_elements(&registrar, &handles.map(|handle| (handle, 1)), || {
        let lines = text(&rserpool(&["list", "--enrp", &enrp]).stdout);
        let json = text(&rserpool(&["list", "--enrp", &enrp, "--json"]).stdout);
        let names = lines.lines().skip(1).filter(|line| !line.starts_with(' '));
        let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names.len(), handles.len(), "{lines}");
        for name in names {
            let output = rserpool(&["resolve", name, "--registrar", &asap, "--json"]);
            assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let member = format!("{{\"pool_handle\":\"{quoted}\",");
            assert!(text(&output.stdout).starts_with(&member), "{}", text(&output.stdout));
            assert!(json.contains(&member), "{json}");
        }
    });
}

#[test]
fn without_a_registrar_the_tools_end_with_3_and_say_whom_they_asked() {
    // Bound but not listening: nobody else can take the port meanwhile.
    let reserved = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let nobody = reserved.local_addr().unwrap().to_string();
    for arguments in [["resolve", "Pool", "--registrar", &nobody], ["list", "--json", "--enrp", &nobody]] {
        let output = rserpool(&[&arguments[..], &["--timeout", "300ms"]].concat());
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(&nobody), "{}", text(&output.stderr));
    }
}

#[test]
fn resolve_asks_again_when_a_registrar_leaves_without_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let registrar = std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        drop(listener.accept().unwrap());
        let (mut connection, _) = listener.accept().unwrap();
        let answer = HandleResolutionResponse {
            accept_updates: false,
            pool_handle: PoolHandle::from("Pool"),
            policy: None,
            pool_elements: Vec::new(),
            error: Some(OperationalError::of(Cause::UnknownPoolHandle)),
        };
        let mut bytes = Vec::new();
        AsapMessage::HandleResolutionResponse(answer).encode(&mut bytes).unwrap();
        assert!(connection.read(&mut [0; 100]).unwrap() > 0);
        connection.write_all(&bytes).unwrap();
    });
    let output = rserpool(&["resolve", "Pool", "--registrar", &address, "--transport", "tcp", "--timeout", "30s"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    registrar.join().unwrap();
    // Nobody listens any more, which is no reason to ask again.
    let begin = clock::now();
    let output = rserpool(&["resolve", "Pool", "--registrar", &address, "--transport", "tcp", "--timeout", "30s"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(clock::now().saturating_since(begin) < Duration::from_secs(15));
}

#[test]
fn all_ways_of_resolve_have_one_timeout_together() {
    // Takes connections and says nothing, over TCP and over SCTP in UDP.
    let (mute, _udp) = (0..100)
        .find_map(|_| {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            let udp = std::net::UdpSocket::bind(tcp.local_addr().unwrap()).ok()?;
            Some((tcp, udp))
        })
        .expect("a port that is free in TCP and UDP");
    let address = mute.local_addr().unwrap().to_string();
    let begin = clock::now();
    let output = rserpool(&["resolve", "Pool", "--registrar", &address, "--timeout", "4s"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(
        clock::now().saturating_since(begin) < Duration::from_secs(7),
        "{:?}",
        clock::now().saturating_since(begin)
    );
}

#[test]
fn who_cannot_even_ask_ends_with_3_as_1_would_mean_that_there_is_no_such_pool() {
    // Kernel SCTP has no way to reach port 0, with the kernel's SCTP or without it.
    let output =
        rserpool(&["resolve", "Pool", "--registrar", "127.0.0.1:0", "--transport", "sctp", "--timeout", "300ms"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("127.0.0.1:0"), "{}", text(&output.stderr));
}

#[test]
fn help_and_version_go_to_standard_output_and_end_with_0() {
    for arguments in [
        &["--help"][..],
        &["registrar", "--help"],
        &["resolve", "-h"],
        &["list", "--help"],
        &["bench", "--help"],
        &["policy", "--help"],
        &["status", "--help"],
        &["events", "-h"],
        &["watch", "--help"],
        &["top", "--help"],
        &["gateway", "--help"],
    ] {
        let output = rserpool(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("Usage: rserpool"), "{arguments:?}");
    }
    let version = rserpool(&["--version"]);
    assert_eq!(text(&version.stdout), format!("rserpool {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        &[][..],
        &["dance"],
        &["resolve"],
        &["resolve", "A", "B"],
        &["resolve", "100%"],
        &["list", "--items"],
        &["list", "--limit", "0"],
        &["list", "--home", "nobody"],
        &["list", "--pool", "100%*"],
        &["resolve", "--x"],
        &["status", "extra"],
        &["status", "--near", "0"],
        &["status", "--http", ","],
        &["events", "--pool", "%"],
        &["events", "--follow=1"],
        &["watch"],
        &["top", "Pool"],
        &["top", "--interval", "0s"],
        &["watch", "A", "B"],
        &["watch", "A", "--registrar", "a:b"],
        &["gateway", "A"],
        &["gateway", "--listen", "127.0.0.1:0"],
        &["gateway", "A", "--listen", "127.0.0.1:0", "--idle", "5"],
        &["gateway", "A", "--listen", "127.0.0.1:0", "--sticky", "yes"],
    ] {
        let output = rserpool(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).starts_with("rserpool: "), "{arguments:?}");
    }
}

#[test]
fn every_command_of_the_help_is_in_the_manual_page_and_has_one_of_its_own() {
    let help = text(&rserpool(&["--help"]).stdout);
    let (_, commands) = help.split_once("Commands:\n").expect("a list of commands");
    let in_help: Vec<&str> =
        commands.lines().map_while(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    let man = format!("{}/man", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(format!("{man}/rserpool.1")).expect("a manual page");
    // A program without TLS has no keys to make.
    let there = |command: &&str| cfg!(feature = "tls") || *command != "keys";
    let in_page: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".It Cm ")).filter(there).collect();
    assert!(in_help.len() >= 3, "{in_help:?}");
    assert_eq!(in_help, in_page);
    for command in in_help {
        let own = format!("{man}/rserpool-{command}.1");
        assert!(std::path::Path::new(&own).exists(), "{own}");
        assert!(text(&rserpool(&[command, "--help"]).stdout).contains(&format!("rserpool {command}")), "{command}");
    }
}

#[test]
fn every_option_of_the_help_is_in_the_manual_page_and_the_other_way_round() {
    for command in ["registrar", "resolve", "list", "status", "events", "watch", "top", "bench", "policy", "gateway"] {
        let help = text(&rserpool(&[command, "--help"]).stdout);
        let mut in_help: Vec<&str> = help
            .lines()
            .filter_map(|line| {
                line.trim_start().strip_prefix("--").or_else(|| line.trim_start().strip_prefix("-h, --"))
            })
            .map(|option| option.split_whitespace().next().expect("a name"))
            .collect();
        let path = format!("{}/man/rserpool-{command}.1", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(path).expect("a manual page");
        let mut in_page: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix(".It Fl "))
            .map(|item| {
                item.trim_start_matches("h , ").trim_start_matches('-').split_whitespace().next().expect("a name")
            })
            .filter(|option| cfg!(feature = "tls") || !option.starts_with("tls"))
            .collect();
        in_help.sort_unstable();
        in_page.sort_unstable();
        assert_eq!(in_help, in_page, "{command}");
    }
}

/// A list of defaults may be spread over the sentences of the page; the ENRP side has those of the ASAP side.
#[test]
fn the_manual_page_of_the_registrar_has_the_default_of_every_option() {
    let help = text(&rserpool(&["registrar", "--help"]).stdout);
    let path = format!("{}/man/rserpool-registrar.1", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("a manual page");
    let mut compared = 0;
    for line in help.lines().filter_map(|line| line.strip_prefix("  --")).filter(|line| !line.starts_with("enrp-sctp"))
    {
        let name = line.split_whitespace().next().expect("a name");
        let Some((_, default)) = line.strip_suffix(']').and_then(|line| line.split_once(" [")) else { continue };
        let item = page.split_once(&format!(".It Fl -{name} ")).unwrap_or_else(|| panic!("no --{name}")).1;
        let item = item.split("\n.It ").next().expect("its text").to_lowercase();
        for value in default.split(", ") {
            assert!(item.contains(value), "the text of --{name} does not say that its default is {value}");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} defaults compared");
}

/// Where TLS is asked for that this program does not have, nothing goes in the clear in its place.
#[cfg(not(feature = "tls"))]
#[test]
fn a_program_without_tls_asks_nobody_where_tls_is_required() {
    for arguments in [&["resolve", "Pool"][..], &["list"], &["bench", "resolve"]] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_rserpool"))
            .args(arguments)
            .env_remove("RSERPOOL_TRANSPORT")
            .env("RSERPOOL_TLS", "require")
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("built without"), "{}", text(&output.stderr));
    }
    assert_eq!(rserpool(&["keys"]).status.code(), Some(2));
    assert_eq!(rserpool(&["registrar", "--tls", "on"]).status.code(), Some(2));
}

#[test]
fn rules_are_tried_out_and_what_is_wrong_with_them_has_its_line_and_column() {
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = |name: &str, rules: &str| {
        let path = dir.join(format!("{name}-{}.rules", std::process::id()));
        std::fs::write(&path, rules).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = file("good", "# rules\nallow uri=rserpool://a/user/* resolve pool=Echo*\ndeny plain list\n");
    let bad = file("bad", "allow plain resolve\nallow plain fly\n");
    let test = |arguments: &[&str]| {
        let output = rserpool(&[&["policy", "test"], arguments].concat());
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    for (arguments, status, says) in [
        (&[&good[..]][..], 0, "2 rules"),
        (&[&good, "uri=rserpool://a/user/b resolve pool=EchoPool"], 0, "allowed by line 2"),
        (&[&good, "plain list from=10.0.0.1"], 1, "denied by line 3"),
        (&[&good, "plain resolve pool=EchoPool"], 1, "denied: no line fits"),
        (&[&good, "plain fly pool=EchoPool"], 2, "the question, column 7: \"fly\" is no act"),
        (&[&bad, "plain list"], 2, "line 2, column 13: \"fly\" is neither"),
        (&["/does/not/exist"], 2, "/does/not/exist cannot be read"),
        (&[], 2, "what is to be tested?"),
    ] {
        let (code, said) = test(arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    let output = rserpool(&["registrar", "--access-policy", &bad]);
    assert_eq!(output.status.code(), Some(2), "it does not start");
    assert!(text(&output.stderr).contains("line 2, column 13"), "{}", text(&output.stderr));
}
