//! A wish as a person writes it, to see what rules make of it: `uri=NAME resolve pool=HANDLE from=ADDRESS`.

use super::words::{BadText, BadWord, Word, words};
use super::{ACTS, Act, Identity, Wish};
use std::net::IpAddr;

/// A wish that owns its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    who: Identity,
    act: Act,
    pool: Option<String>,
    from: Option<IpAddr>,
}

impl Question {
    /// Reads one line.
    pub fn parse(text: &str) -> Result<Question, BadText> {
        question(&words(text)).map_err(|BadWord { column, what }| BadText { line: 1, column, what })
    }

    /// What is to be decided.
    pub fn wish(&self) -> Wish<'_> {
        Wish { who: &self.who, from: self.from, act: self.act, pool: self.pool.as_deref().map(str::as_bytes) }
    }
}

fn question(words: &[Word<'_>]) -> Result<Question, BadWord> {
    let [first, second, rest @ ..] = words else {
        return Err(BadWord {
            column: 1,
            what: "who wants what? For example: uri=rserpool://a/user/b resolve pool=c".into(),
        });
    };
    let Some((_, act)) = ACTS.iter().find(|(word, _)| *word == second.text) else {
        let acts = ACTS.map(|(word, _)| word).join(", ");
        return Err(second.bad(format!("{} is no act: {acts}", second.shown())));
    };
    let mut question = Question { who: who(first)?, act: *act, pool: None, from: None };
    for word in rest {
        match word.text.split_once('=') {
            Some(("pool", handle)) if question.pool.is_none() && !handle.is_empty() => {
                question.pool = Some(handle.to_owned());
            }
            Some(("from", address)) if question.from.is_none() => {
                let wrong = |_| word.bad(format!("\"{}\" is no address", address.escape_debug()));
                question.from = Some(address.parse().map_err(wrong)?);
            }
            _ => return Err(word.bad(format!("{} is neither pool=HANDLE nor from=ADDRESS, once each", word.shown()))),
        }
    }
    match (question.act, &question.pool) {
        (Act::List, Some(_)) => Err(second.bad("a list shows all pools, so pool= makes no sense with it")),
        (Act::List, None) | (_, Some(_)) => Ok(question),
        (act, None) => Err(second.bad(format!("{act} is about a pool: pool=HANDLE is missing"))),
    }
}

fn who(word: &Word<'_>) -> Result<Identity, BadWord> {
    Ok(match word.text.split_once('=') {
        None if word.text == "plain" => Identity::Plain,
        None if word.text == "tls" => Identity::Nameless,
        Some(("uri", name)) if !name.is_empty() => Identity::Uri(name.to_owned()),
        Some(("dns", name)) if !name.is_empty() => Identity::Dns(name.to_owned()),
        Some(("psk", name)) if !name.is_empty() => Identity::Key(name.to_owned()),
        _ => return Err(word.bad(format!("{} is nobody: plain, tls, uri=NAME, dns=NAME or psk=NAME", word.shown()))),
    })
}
