//! Just enough JSON to write: a peer's text must not be able to break out of a string.

use crate::terminal::is_treacherous;
use serde_json::Value;
use std::fmt::Write;

/// `text` as a JSON string, quotes included.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // All of them have at most 16 bits.
            c if is_treacherous(c) => {
                let _ = write!(out, "\\u{:04x}", c as u32); // writing to a String does not fail
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// JSON, or `null` where there is none.
pub fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// The elements as a JSON array.
pub fn array(elements: impl IntoIterator<Item = String>) -> String {
    let elements: Vec<String> = elements.into_iter().collect();
    format!("[{}]", elements.join(","))
}

/// An object of keys, which are written as they are, and values, which are JSON already.
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// What another one has said, with nothing left in its strings that a terminal would obey.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Array(elements) => array(elements.iter().map(self::value)),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{}:{}", string(key), self::value(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_inside_its_string() {
        assert_eq!(string("a\"b\\c\n\u{1b}"), r#""a\"b\\c\u000a\u001b""#);
        assert_eq!(string("\u{9b}\u{2028}\u{202e}ä"), r#""\u009b\u2028\u202eä""#);
    }

    #[test]
    fn what_others_have_said_is_said_again_without_what_a_terminal_would_obey() {
        let said = serde_json::from_str(r#"{"a\u001b":[1,-2.5,null,true,"\u009bx\"\\"]}"#).expect("JSON");
        assert_eq!(value(&said), r#"{"a\u001b":[1,-2.5,null,true,"\u009bx\"\\"]}"#);
    }

    #[test]
    fn arrays_and_objects_nest() {
        let inner = object([("n", 1.to_string()), ("s", string("x"))]);
        assert_eq!(array([inner.clone(), inner]), r#"[{"n":1,"s":"x"},{"n":1,"s":"x"}]"#);
    }
}
