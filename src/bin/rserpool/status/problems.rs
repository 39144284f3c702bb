//! What somebody should look at.

use super::scope::{Scope, Told, use_of};
use crate::http_client::Said;
use serde_json::Value;

/// Each with whose word it is.
pub fn of(scope: &Scope, near: u64) -> Vec<String> {
    let mut problems = Vec::new();
    for asked in &scope.registrars {
        match &asked.answer {
            Ok(told) => told_by(told, near, &mut problems),
            Err(why) => problems.push(why.clone()),
        }
    }
    for told in scope.told() {
        let unknown = scope.told().filter(|other| !told.knows(other.id()));
        problems.extend(unknown.map(|other| format!("registrar {} does not know registrar {}", told.id(), other.id())));
    }
    problems
}

fn told_by(told: &Told, near: u64, problems: &mut Vec<String>) {
    let id = told.id();
    if !told.is_ready() {
        problems.push(format!("registrar {id} is {}", told.registrar.text("state")));
    }
    for peer in &told.peers {
        let other = peer.text("id");
        let state = peer.text("state");
        if state != "active" {
            problems.push(format!("registrar {id} takes registrar {other} for {}", state.replace('_', " ")));
        } else if peer.get("connected") != Some(&Value::Bool(true)) {
            problems.push(format!("registrar {id} has no association with registrar {other}"));
        }
        if peer.get("agrees") == Some(&Value::Bool(false)) {
            problems.push(format!("registrars {id} and {other} do not agree on the elements of the latter"));
        }
    }
    let full = told.limits.iter().filter_map(|limit| use_of(limit).map(|used| (limit, used)));
    for (limit, used) in full.filter(|(_, used)| *used >= near) {
        let (count, most, what) = (limit.number("count"), limit.number("most"), limit.text("what"));
        problems.push(format!("registrar {id} has {count} of {most} {what}, which is {used} %"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::{Agreement, Asked};
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    fn told(id: &str, peers: &str, limits: &str) -> Asked {
        let told = Told {
            registrar: value(&format!(r#"{{"id":"{id}","state":"ready"}}"#)),
            peers: value(peers).as_array().expect("a list").clone(),
            limits: value(limits).as_array().expect("a list").clone(),
            pools: Vec::new(),
        };
        Asked { address: "127.0.0.1:1".parse().expect("an address"), answer: Ok(told) }
    }

    #[test]
    fn a_scope_that_is_well_has_no_problem() {
        let peer = |id, agrees| format!(r#"[{{"id":"{id}","state":"active","connected":true,"agrees":{agrees}}}]"#);
        let limits = r#"[{"what":"events","count":9,"most":9,"when_full":"makes_room"},
            {"what":"pools","count":89,"most":100,"when_full":"refused"},{"what":"x","count":0,"most":0,"when_full":"refused"}]"#;
        let mut scope =
            Scope { registrars: vec![told("A", &peer("B", "true"), limits), told("B", &peer("A", "null"), "[]")] };
        assert_eq!(of(&scope, 90), [""; 0]);
        assert_eq!(scope.agreement(), Agreement::Unknown);
        scope.registrars.pop();
        assert_eq!((scope.agreement(), scope.ids().len()), (Agreement::Equal, 2));
        assert_eq!(of(&scope, 89).len(), 1, "the limit of pools");
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_whose_word_it_is() {
        let peers = r#"[{"id":"B","state":"not_active","connected":false,"agrees":false},{"id":"C","state":"active","connected":false}]"#;
        let limits = r#"[{"what":"pool elements","count":100,"most":100,"when_full":"refused"}]"#;
        let silent = Asked { address: "127.0.0.1:1".parse().expect("an address"), answer: Err("no answer".to_owned()) };
        let scope = Scope { registrars: vec![told("A", peers, limits), told("D", "[]", "[]"), silent] };
        assert_eq!(
            of(&scope, 90),
            [
                "registrar A takes registrar B for not active",
                "registrars A and B do not agree on the elements of the latter",
                "registrar A has no association with registrar C",
                "registrar A has 100 of 100 pool elements, which is 100 %",
                "no answer",
                "registrar A does not know registrar D",
                "registrar D does not know registrar A",
            ]
        );
        assert_eq!(scope.agreement(), Agreement::Different);
    }
}
