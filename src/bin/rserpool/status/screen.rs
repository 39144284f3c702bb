//! A scope for people, on one screen, and for programs.

use super::scope::{Agreement, Asked, MAX_POOLS_SHOWN, Scope, Told, use_of};
use crate::http_client::Said;
use crate::json;
use crate::terminal::plain;
use serde_json::Value;
use std::time::Duration;

/// Limits that a screen has room for.
const MAX_LIMITS_SHOWN: usize = 3;
/// Other registrars that a screen has room for, of each registrar that is asked.
const MAX_PEERS_SHOWN: usize = 12;

pub fn text(scope: &Scope, problems: &[String]) -> String {
    let mut lines = Vec::new();
    let agreement = match (scope.agreement(), scope.ids().len()) {
        (_, 1) => "alone",
        (Agreement::Equal, _) => "in agreement",
        (Agreement::Unknown, _) => "agreement not known yet",
        (Agreement::Different, _) => "not in agreement",
    };
    lines.push(format!("scope      {}, {agreement}", counted(scope.ids().len() as u64, "registrar")));
    for asked in &scope.registrars {
        match &asked.answer {
            Ok(told) => registrar(told, &mut lines),
            Err(why) => lines.push(format!("registrar  {why}")),
        }
    }
    if let Some(told) = scope.told().next() {
        pools(told, &mut lines);
        limits(told, &mut lines);
    }
    let none = ["none".to_owned()];
    let shown = if problems.is_empty() { &none[..] } else { problems };
    lines.extend(headed("problems", shown.iter().cloned()));
    // A line must not end early, whoever has said what is in it.
    lines.iter().map(|line| format!("{}\n", plain(line))).collect()
}

fn registrar(told: &Told, lines: &mut Vec<String>) {
    let (said, number) = (&told.registrar, |name: &str| told.registrar.number(name));
    let word = |name: &str| said.text(name).to_owned();
    lines.push(format!(
        "registrar  {}  {} since {}  ASAP {}  version {}",
        told.id(),
        word("state"),
        word("since"),
        word("asap"),
        word("version")
    ));
    lines.push(format!(
        "           {}, {}, {} of them its own; {}, {}",
        counted(number("pools"), "pool"),
        counted(number("elements"), "element"),
        number("own_elements"),
        counted(number("associations"), "association"),
        counted(number("subscriptions"), "subscription")
    ));
    for peer in told.peers.iter().take(MAX_PEERS_SHOWN) {
        lines.push(format!("  {}", line_of_peer(peer)));
    }
    if let Some(more) = told.peers.len().checked_sub(MAX_PEERS_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("  and {more} other registrars"));
    }
}

fn line_of_peer(peer: &Value) -> String {
    let agrees = match peer.get("agrees") {
        Some(Value::Bool(true)) => "agrees",
        Some(Value::Bool(false)) => "does not agree",
        _ => "has not said what it knows",
    };
    let silence = Duration::from_millis(peer.number("silent_ms"));
    let (id, state, elements) = (peer.text("id"), peer.text("state").replace('_', " "), peer.number("elements"));
    let address = peer.get("address").and_then(Value::as_str).unwrap_or("address unknown");
    format!(
        "other    {id}  {state}  {address}  heard {:.1} s ago  {}  {agrees}",
        silence.as_secs_f64(),
        counted(elements, "element")
    )
}

fn pools(told: &Told, lines: &mut Vec<String>) {
    let shown = told.pools.iter().map(|pool| {
        format!("{}  {}  {}", pool.text("pool"), pool.text("policy"), counted(pool.number("elements"), "element"))
    });
    let all = told.registrar.number("pools");
    let more = all.saturating_sub(MAX_POOLS_SHOWN as u64);
    let more = (more > 0).then(|| format!("and {more} more: rserpool list"));
    lines.extend(headed("pools", shown.chain(more)));
}

/// The limits that are nearest.
fn limits(told: &Told, lines: &mut Vec<String>) {
    let mut used: Vec<(u64, &Value)> =
        told.limits.iter().filter_map(|limit| use_of(limit).map(|used| (used, limit))).collect();
    used.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
    let shown = used.iter().take(MAX_LIMITS_SHOWN).map(|(used, limit)| {
        format!("{}  {} of {}  {used} %", limit.text("what"), limit.number("count"), limit.number("most"))
    });
    lines.extend(headed("limits", shown));
}

/// Lines of which the first one says what they are.
fn headed(head: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.enumerate().map(|(at, line)| format!("{:<9}  {line}", if at == 0 { head } else { "" })).collect()
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub fn json(scope: &Scope, problems: &[String]) -> String {
    let agreement = match scope.agreement() {
        Agreement::Equal => "true",
        Agreement::Unknown => "null",
        Agreement::Different => "false",
    };
    let members = [
        ("healthy", problems.is_empty().to_string()),
        ("agree", agreement.to_owned()),
        ("problems", json::array(problems.iter().map(|problem| json::string(problem)))),
        ("registrars", json::array(scope.registrars.iter().map(asked_json))),
    ];
    json::object(members) + "\n"
}

fn asked_json(asked: &Asked) -> String {
    let http = ("http", json::string(&asked.address.to_string()));
    let list = |values: &[Value]| json::array(values.iter().map(json::value));
    match &asked.answer {
        Ok(told) => json::object([
            http,
            ("registrar", json::value(&told.registrar)),
            ("others", list(&told.peers)),
            ("limits", list(&told.limits)),
            ("pools", list(&told.pools)),
        ]),
        Err(why) => json::object([http, ("error", json::string(why))]),
    }
}
