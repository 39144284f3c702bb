//! Just enough JSON to write: a peer's text must not be able to break out of a string.

use std::fmt::Write;

/// `text` as a JSON string, quotes included.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32); // writing to a String does not fail
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_inside_its_string() {
        assert_eq!(string("a\"b\\c\n\u{1b}"), r#""a\"b\\c\u000a\u001b""#);
    }

    #[test]
    fn arrays_and_objects_nest() {
        let inner = object([("n", 1.to_string()), ("s", string("x"))]);
        assert_eq!(array([inner.clone(), inner]), r#"[{"n":1,"s":"x"},{"n":1,"s":"x"}]"#);
    }
}
