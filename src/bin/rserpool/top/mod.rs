//! `rserpool top`: a registrar on a terminal, as it changes.
//!
//! `fetch.rs` asks the registrar in a thread of its own, `model.rs` is what is shown and what keys do to it, `screen.rs` puts that into lines,
//! and this file is the terminal.

mod fetch;
mod model;
mod screen;

use crate::failure::Failure;
use crate::http_client::{self, HttpRegistrar};
use crate::{print, values};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Print, SetAttribute};
use crossterm::terminal::{
    self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue};
use fetch::Fetcher;
use lexopt::prelude::*;
use model::{Key, Model, Next};
use screen::{Line, Weight};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

const HELP: &str = "\
Shows a registrar on a terminal, as it changes: rates, pools, the elements of one, other registrars, events.

Usage: rserpool top [OPTIONS]

Options:
  --http ADDR[:PORT]     where the registrar answers HTTP: its own option --http [127.0.0.1:3880]
  --interval DURATION    between two looks [1s]
  --timeout DURATION     how long one answer may take [5s]
  -h, --help             this text

Keys: Tab goes to the next list, Enter to the elements of a pool, Escape back; arrows, PageUp, PageDown, Home and End move; s sorts by
another column; / filters, Enter ends that; q ends it.

Exit status: 0 ended by a key, 1 the terminal fails, 2 wrong usage or no terminal, 3 no answer at the start.
";

/// The shortest interval between two looks.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(200);
/// How long a key is waited for before what has come of the registrar is looked at.
const KEY_WAIT: Duration = Duration::from_millis(50);

struct Options {
    registrar: HttpRegistrar,
    interval: Duration,
}

pub fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    match parse(parser)? {
        Some(options) => top(&options),
        None => print(HELP),
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
    let mut options = Options { registrar: HttpRegistrar::default(), interval: Duration::from_secs(1) };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("http") => options.registrar.address = values::option(&mut parser, "http", http_client::address)?,
            Long("interval") => {
                let interval = values::option(&mut parser, "interval", values::duration)?;
                options.interval = interval.max(SHORTEST_INTERVAL);
            }
            Long("timeout") => options.registrar.timeout = values::option(&mut parser, "timeout", values::duration)?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

fn top(options: &Options) -> Result<(), Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage("rserpool top needs a terminal; rserpool status is for scripts".to_owned()));
    }
    // Who is not there at the start is no reason to change the terminal.
    let fetcher = Fetcher::start(options.registrar, options.interval)?;
    let failed = |error: io::Error| Failure::Failed(format!("the terminal fails: {error}"));
    let terminal = Terminal::enter().map_err(failed)?;
    let shown = show(&fetcher, &mut Model::default());
    drop(terminal);
    shown.map_err(failed)
}

fn show(fetcher: &Fetcher, model: &mut Model) -> io::Result<()> {
    let mut is_new = true;
    loop {
        while let Some(look) = fetcher.take() {
            model.look(look);
            is_new = true;
        }
        if is_new {
            let (width, height) = terminal::size()?;
            draw(&screen::lines(model, width.into(), height.into()))?;
        }
        is_new = event::poll(KEY_WAIT)?;
        if is_new {
            if let Some(key) = key_of(&event::read()?) {
                if model.press(key) == Next::End {
                    return Ok(());
                }
                fetcher.want(model.pool());
            }
        }
    }
}

fn draw(lines: &[Line]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for (row, line) in (0..).zip(lines) {
        let attribute = match line.weight {
            Weight::Plain => Attribute::Reset,
            Weight::Bold => Attribute::Bold,
            Weight::Marked => Attribute::Reverse,
        };
        queue!(
            output,
            cursor::MoveTo(0, row),
            SetAttribute(attribute),
            Print(&line.text),
            SetAttribute(Attribute::Reset)
        )?;
        queue!(output, Clear(ClearType::UntilNewLine))?;
    }
    queue!(output, Clear(ClearType::FromCursorDown))?;
    output.flush()
}

/// What a key means here.
fn key_of(event: &Event) -> Option<Key> {
    let Event::Key(key) = event else { return None };
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::End),
        KeyCode::Char(c) => Some(Key::Character(c)),
        KeyCode::Up => Some(Key::Move(-1)),
        KeyCode::Down => Some(Key::Move(1)),
        KeyCode::PageUp => Some(Key::Move(-20)),
        KeyCode::PageDown => Some(Key::Move(20)),
        KeyCode::Home => Some(Key::Move(isize::MIN)),
        KeyCode::End => Some(Key::Move(isize::MAX)),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Back),
        KeyCode::Tab => Some(Key::Next),
        KeyCode::Backspace => Some(Key::Erase),
        _ => None,
    }
}

/// A terminal that is used as a screen; it is as it was when this is dropped, by a panic, too.
struct Terminal;

impl Terminal {
    fn enter() -> io::Result<Terminal> {
        terminal::enable_raw_mode()?;
        let terminal = Terminal;
        execute!(io::stdout(), EnterAlternateScreen, DisableLineWrap, cursor::Hide)?;
        Ok(terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal has gone.
        let _ = execute!(io::stdout(), cursor::Show, EnableLineWrap, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}
