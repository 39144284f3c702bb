//! What `packaging/monitoring/` asks of registrars is what they tell.

use crate::support::program::{Element, RegistrarProcess, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

fn read(name: &str) -> String {
    let path = format!("{}/packaging/monitoring/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metrics_at(http: SocketAddr) -> String {
    let mut connection = TcpStream::connect(http).expect("a connection");
    connection.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it takes that");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("text");
    answer
}

/// All series that a registrar can have, those of which it has none now included.
fn series(metrics: &str) -> BTreeSet<String> {
    let described = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let names = described.flat_map(|(name, kind)| {
        let parts = if kind == "histogram" { &["_bucket", "_sum", "_count"][..] } else { &[""] };
        parts.iter().map(move |part| format!("{name}{part}"))
    });
    names.collect()
}

/// The values of a label at one series.
fn values_of<'a>(metrics: &'a str, series: &str, label: &str) -> BTreeSet<&'a str> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix('{'));
    lines.filter_map(|line| line.split_once(&format!("{label}=\""))?.1.split('"').next()).collect()
}

/// The series of ours that a text names.
fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rserpool_")).map(str::to_owned).collect()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression")).collect()
}

#[test]
fn rules_and_dashboard_name_only_what_a_registrar_serves() {
    let registrar = RegistrarProcess::start(&["--http", "127.0.0.1:0"]);
    let _element = Element::register(registrar.asap, "Pool", 1);
    let metrics = metrics_at(registrar.http.expect("the greeting says where"));
    let served = series(&metrics);
    let dashboard: Value = serde_json::from_str(&read("rserpool.dashboard.json")).expect("JSON");
    let expressions = expressions(&dashboard);
    assert!(expressions.len() > 20, "{expressions:?}");
    for (file, named) in [
        ("dashboard", names_in(&expressions.join("\n"))),
        ("rules", names_in(&read("rserpool.rules.yml"))),
        ("variables of the dashboard", names_in(&dashboard["templating"].to_string())),
    ] {
        let missing: Vec<_> = named.difference(&served).collect();
        assert!(missing.is_empty() && !named.is_empty(), "the {file} names what nobody tells: {missing:?}");
    }
    // Labels that they choose by.
    assert!(values_of(&metrics, "rserpool_held", "when_full").contains("refused"), "{metrics}");
    assert!(values_of(&metrics, "rserpool_peers", "state").contains("active"), "{metrics}");
    assert!(values_of(&metrics, "rserpool_elements", "home").contains("own"), "{metrics}");
}

/// Where promtool is.
#[test]
fn promtool_takes_the_rules_and_the_expressions_of_the_dashboard() {
    let dashboard: Value = serde_json::from_str(&read("rserpool.dashboard.json")).expect("JSON");
    let rule = |(number, expression): (usize, &str)| {
        let expression = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
        format!("  - record: panel:{number}\n    expr: {}\n", Value::from(expression))
    };
    let panels: String = expressions(&dashboard).into_iter().enumerate().map(rule).collect();
    for rules in [read("rserpool.rules.yml"), format!("groups:\n- name: panels\n  rules:\n{panels}")] {
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "rules", "/dev/stdin"]).stdin(Stdio::piped());
        let Ok(mut promtool) = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else { return };
        promtool.stdin.take().expect("piped").write_all(rules.as_bytes()).expect("it reads");
        let checked = promtool.wait_with_output().expect("it ends");
        assert!(checked.status.success(), "{}{}\n{rules}", text(&checked.stdout), text(&checked.stderr));
    }
}
