//! A configuration file in TOML: a line for each setting, under the name of the option. Every mistake is told with its place.

use super::nearest::nearest;
use super::{Choice, Mistakes, Origin, Position, has_default, line_of, names};
use crate::settings::{Options, Setting, Takes};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Characters of a key or value that a complaint repeats.
const MAX_SHOWN: usize = 60;

/// What the file says.
pub fn choices(file: &Arc<str>, text: &str) -> Result<Vec<Choice>, Mistakes> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        let what = error.message().lines().collect::<Vec<_>>().join("; ");
        Mistakes::one(format!("{}: {}: {what}", position(file, text, at), shown(word_at(text, at))))
    })?;
    let mut choices = Vec::new();
    let mut mistakes = Vec::new();
    for (key, value) in table.get_ref() {
        let place = |at| position(file, text, at);
        match choice(key.get_ref(), value, &place) {
            Ok(choice) => choices.push(choice),
            Err(Wrong::Key(why)) => mistakes.push((key.span().start, why)),
            Err(Wrong::Value(at, why)) => mistakes.push((at, format!("{}: {why}", key.get_ref()))),
        }
    }
    if mistakes.is_empty() {
        return Ok(choices);
    }
    mistakes.sort();
    Err(Mistakes(mistakes.into_iter().map(|(at, why)| format!("{}: {why}", position(file, text, at))).collect()))
}

/// Where in a text something is.
pub fn position(file: &Arc<str>, text: &str, at: usize) -> Position {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Position { file: Arc::clone(file), line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

enum Wrong {
    Key(String),
    /// What begins there.
    Value(usize, String),
}

fn choice(key: &str, value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Position) -> Result<Choice, Wrong> {
    if let DeValue::Table(_) = value.get_ref() {
        let why = "there are no tables here: a line is the name of an option and its value, as in log = \"info\"";
        return Err(Wrong::Key(format!("{}: {why}", shown(key))));
    }
    let setting = Setting::find(key).ok_or_else(|| Wrong::Key(unknown(key)))?;
    let values = match value.get_ref() {
        DeValue::Array(list) if setting.takes == Takes::Several => {
            if list.is_empty() && has_default(setting) {
                return Err(Wrong::Value(value.span().start, "the list is empty".to_owned()));
            }
            list.iter().map(|value| one(setting, value, place)).collect::<Result<_, _>>()?
        }
        _ => vec![one(setting, value, place)?],
    };
    Ok(Choice { setting, values })
}

/// A value as the option would have it.
fn one(
    setting: &Setting,
    value: &Spanned<DeValue<'_>>,
    place: &dyn Fn(usize) -> Position,
) -> Result<(String, Origin), Wrong> {
    let at = value.span().start;
    let text = match value.get_ref() {
        DeValue::String(text) if setting.value != "N" => text.to_string(),
        DeValue::Integer(number) if setting.value == "N" => decimal(number),
        DeValue::Integer(number) if setting.value == "ID" => identifier(number),
        DeValue::Boolean(on) if setting.value.contains("on|off") => if *on { "on" } else { "off" }.to_owned(),
        other => return Err(Wrong::Value(at, format!("{}, and {}", kind(other), wanted(setting)))),
    };
    Ok((text, Origin::File(place(at))))
}

fn decimal(number: &DeInteger<'_>) -> String {
    let parsed = u64::from_str_radix(number.as_str(), number.radix());
    parsed.map_or_else(|_| number.to_string(), |number| number.to_string())
}

fn identifier(number: &DeInteger<'_>) -> String {
    if number.radix() == 16 { format!("0x{}", number.as_str()) } else { decimal(number) }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "this is text",
        DeValue::Integer(_) => "this is a number",
        DeValue::Float(_) => "this is a number with a point",
        DeValue::Boolean(_) => "this is true or false",
        DeValue::Datetime(_) => "this is a date or time",
        DeValue::Array(_) => "this is a list",
        DeValue::Table(_) => "this is a table",
    }
}

/// What a setting wants.
fn wanted(setting: &Setting) -> String {
    let what = match (setting.value, setting.takes) {
        ("N", _) => "a number",
        ("DURATION", _) => "text with a unit",
        ("on|off", _) => "true or false",
        (_, Takes::Several) => "text, or a list of texts",
        (_, Takes::One) => "text",
    };
    match (setting.values)(&Options::default()) {
        none if none.is_empty() => format!("{what} is wanted"),
        defaults => format!("{what} is wanted, as in {}", line_of(setting, &defaults)),
    }
}

fn unknown(key: &str) -> String {
    match nearest(key, names()) {
        Some(name) => format!("there is no setting {}; did you mean {name}?", shown(key)),
        None => format!("there is no setting {}: they have the names of the options", shown(key)),
    }
}

/// Text of the file, safe to be written into a line.
fn shown(text: &str) -> String {
    let escaped: String = text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(MAX_SHOWN).is_some() { "..." } else { "" };
    format!("\"{escaped}{more}\"")
}

/// The rest of the line from there.
fn word_at(text: &str, at: usize) -> &str {
    text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default()
}
