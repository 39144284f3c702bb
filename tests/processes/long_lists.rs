//! `rserpool list` of a registrar that has very many pools.

use crate::support::program::{Element, RegistrarProcess, Seen, registration, rserpool, text};
use rserpool::message::AsapMessage;
use serde_json::Value;
use std::process::{Command, Stdio};

/// Pools, each with an element.
const POOLS: u32 = 20_000;
/// Registrations that wait for their answer at a time.
const WINDOW: u32 = 32;

fn name(number: u32) -> String {
    format!("Pool-{number:05}")
}

/// Registers an element in each pool.
fn fill(registrar: &RegistrarProcess) -> Element {
    let mut element = Element::register(registrar.asap, name(0), 1);
    let (mut asked, mut confirmed) = (1, 1);
    while confirmed < POOLS {
        while asked < POOLS && asked < confirmed + WINDOW {
            element.send(&registration(name(asked), 1, 7000));
            asked += 1;
        }
        element.until("a registration is confirmed", |event| match event {
            Seen::Message(AsapMessage::RegistrationResponse(response)) => {
                assert_eq!(response.error, None);
                confirmed += 1;
                true
            }
            _ => false,
        });
    }
    element
}

#[test]
fn twenty_thousand_pools_are_listed_whole_and_in_parts() {
    let most = POOLS.to_string();
    let registrar = RegistrarProcess::start(&["--keep-alive-interval", "1h", "--max-elements-per-association", &most]);
    // Who does not answer SCTP's heartbeats is soon lost.
    fill(&registrar).live();
    let enrp = registrar.enrp.to_string();
    let list = |options: &[&str]| {
        let output = rserpool(&[&["list", "--enrp", &enrp, "--timeout", "30s"], options].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let lines = list(&[]);
    assert!(lines.starts_with("registrar 0x") && lines.contains(": 20000 pools, 20000 pool elements\n"));
    assert_eq!(lines.lines().count(), 1 + 2 * POOLS as usize);
    let all: Value = serde_json::from_str(&list(&["--json"])).expect("JSON");
    let pools = all["pools"].as_array().expect("a list");
    let names: Vec<&str> = pools.iter().filter_map(|pool| pool["pool_handle"].as_str()).collect();
    let other = names.iter().zip(0..POOLS).find(|(shown, number)| **shown != name(*number));
    assert_eq!((names.len(), other), (POOLS as usize, None), "each once, and in order");
    assert!(all["next"].is_null(), "{}", all["next"]);
    let some = list(&["--pool", "*-1999*", "--limit", "3", "--after", "Pool-19994"]);
    let named: Vec<&str> = some.lines().filter(|line| line.starts_with("Pool-")).collect();
    assert_eq!(named, [5, 6, 7].map(|last| format!("Pool-1999{last}  1 elements")), "{some}");
    assert!(some.ends_with("there are more: --after 'Pool-19997'\n"), "{some}");
    assert!(list(&["--policy", "Random"]).contains(": 0 pools, 0 pool elements\n"));

    let shell = r#"("$0" list --enrp "$1" --timeout 30s $2; echo "status $?" >&2) | head -c 100"#;
    for option in ["", "--json"] {
        let mut command = Command::new("sh");
        command.args(["-c", shell, env!("CARGO_BIN_EXE_rserpool"), &enrp, option]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("a shell");
        assert_eq!((output.stdout.len(), text(&output.stderr).as_str()), (100, "status 0\n"));
    }
}
