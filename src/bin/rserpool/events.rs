//! `rserpool events`: what has happened lately at a registrar, and why; with `--follow`, as it happens.

use crate::event_pages::EventPages;
use crate::failure::Failure;
use crate::http_client::{self, HttpRegistrar, Said};
use crate::terminal::{self, Reader, plain};
use crate::{json, pause, pool_name, print, values};
use lexopt::prelude::*;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

const HELP: &str = "\
Shows what has happened lately at a registrar: who came, changed and went, why, and what was refused.

Usage: rserpool events [OPTIONS]

Options:
  --http ADDR[:PORT]     where the registrar answers HTTP: its own option --http [127.0.0.1:3880]
  --follow               go on, with what happens from now on as well
  --pool POOL            only what is about elements of this pool
  --timeout DURATION     how long one answer may take [5s]
  --json                 a JSON object a line instead of a text
  -h, --help             this text

In POOL, %NN is the byte with this hexadecimal number, as `rserpool list` prints it.

Examples:
  rserpool events
  rserpool events --pool CallControl | grep removed
  rserpool events --follow --json | jq -r 'select(.event == \"removed\") | .cause'

Exit status: 0 success, 1 what answers is no registrar, 2 wrong usage, 3 no answer.
";

/// Between two looks for what is new, and for a registrar that does not answer.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

struct Options {
    registrar: HttpRegistrar,
    follow: bool,
    /// As it goes into a request.
    pool: Option<String>,
    json: bool,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => Events { options, pages: EventPages::default(), waits: false }.show(),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut options = Options { registrar: HttpRegistrar::default(), follow: false, pool: None, json: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => options.json = true,
            Long("follow") => options.follow = true,
            Long("http") => options.registrar.address = values::option(&mut parser, "http", http_client::address)?,
            Long("pool") => {
                let handle = values::option_of_bytes(&mut parser, "pool", pool_name::parse)?;
                options.pool = Some(pool_name::in_query(&handle));
            }
            Long("timeout") => options.registrar.timeout = values::option(&mut parser, "timeout", values::duration)?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

/// How far the events of a registrar have been shown.
struct Events {
    options: Options,
    pages: EventPages,
    /// Nobody answers at the moment, which has been said.
    waits: bool,
}

impl Events {
    fn show(&mut self) -> Result<(), Failure> {
        loop {
            let page = match self.pages.ask(&self.options.registrar, self.options.pool.as_deref()) {
                Ok(page) => page,
                // It was there; another one may come.
                Err(Failure::NoAnswer(why) | Failure::Left(why)) if self.options.follow && self.pages.has_begun() => {
                    self.say_once(&why);
                    pause(LOOK_INTERVAL)?;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            self.waits = false;
            if self.pages.begin_anew(&page) {
                self.say(&format!("the registrar has begun anew at {}", plain(page.text("registrar_since"))));
                continue;
            }
            if self.write(&page)? == Reader::Gone {
                return Ok(());
            }
            if !self.pages.advance(&page) {
                if !self.options.follow {
                    return Ok(());
                }
                pause(LOOK_INTERVAL)?;
            }
        }
    }

    fn write(&self, page: &Value) -> Result<Reader, Failure> {
        let before = self.pages.after();
        let missing = page.number("oldest").saturating_sub(before + 1);
        // At the beginning, nobody has missed them.
        if missing > 0 && before > 0 {
            self.say(&format!("{missing} events were pushed out before they could be shown"));
        }
        let mut text = String::new();
        for event in page.list("events") {
            text += &if self.options.json { json::value(event) } else { line(event) };
            text.push('\n');
        }
        if text.is_empty() { Ok(Reader::There) } else { terminal::write(&text) }
    }

    fn say_once(&mut self, what: &str) {
        if !std::mem::replace(&mut self.waits, true) {
            self.say(&format!("{what}; it is tried again"));
        }
    }

    fn say(&self, what: &str) {
        use std::io::Write;
        // Nothing is left to do when even that cannot be written.
        let _ = writeln!(std::io::stderr(), "rserpool: {what}");
    }
}

/// An event for people.
fn line(event: &Value) -> String {
    let mut line = format!("{}  {}", event.text("time"), event.text("event"));
    for (before, name) in [("", "pool"), ("", "element"), ("registrar ", "registrar")] {
        match event.text(name) {
            "" => {}
            // Writing to a String does not fail.
            said => drop(write!(line, "  {before}{said}")),
        }
    }
    if !event.text("cause").is_empty() {
        line += ": ";
        line += event.text("cause");
    }
    plain(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = r#"{"number":7,"time":"T","event":"removed","pool":"a\u001b[2J","element":"0x2a","registrar":"0x1","cause":"b\nc"}"#;
        let event = serde_json::from_str(event).expect("JSON");
        assert_eq!(line(&event), r"T  removed  a\u{1b}[2J  0x2a  registrar 0x1: b\u{a}c");
        assert_eq!(line(&Value::Null), "  ");
    }
}
