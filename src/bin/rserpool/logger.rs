//! Log lines on standard error, as text or JSON. A log that cannot be written, or that nobody reads, must not stop a server.

use crate::{date, json};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rserpool::driver::log_output::{LogOutput, MAX_LINE};
use rserpool::log_filter::may_be_written;
use std::os::linux::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Time, level, what.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Bytes of a line in JSON, which is none any more if its end is missing: another line may have to go before it.
const MAX_JSON: usize = MAX_LINE - 512;

struct StderrLogger {
    output: Mutex<LogOutput>,
    is_json: AtomicBool,
    /// Standard error is the journal, which takes priorities and has a time of its own for each line.
    is_journal: AtomicBool,
}

static LOGGER: StderrLogger = StderrLogger {
    output: Mutex::new(LogOutput::new()),
    is_json: AtomicBool::new(false),
    is_journal: AtomicBool::new(false),
};

impl Log for StderrLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        may_be_written(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.write(record.level(), record.args().to_string());
        }
    }

    fn flush(&self) {}
}

impl StderrLogger {
    fn write(&self, level: Level, message: String) {
        self.write_line(level, self.line(level, message));
    }

    fn write_line(&self, level: Level, line: String) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let line = self.priority(level).to_owned() + &line;
        output.write(libc::STDERR_FILENO, line, |lost| {
            let said = self.line(Level::Warn, format!("{lost} lines lost: the log took none"));
            self.priority(Level::Warn).to_owned() + &said
        });
    }

    fn line(&self, level: Level, message: String) -> String {
        if self.is_json.load(Ordering::Relaxed) {
            return json_line(&date::now(), level, message);
        }
        match self.is_journal.load(Ordering::Relaxed) {
            true => message,
            false => format!("{} {:<5} {message}", date::now(), level.as_str()),
        }
    }

    /// What journald reads of a line before it keeps the rest (sd-daemon(3)).
    fn priority(&self, level: Level) -> &'static str {
        match level {
            _ if !self.is_journal.load(Ordering::Relaxed) => "",
            Level::Error => "<3>",
            Level::Warn => "<4>",
            Level::Info => "<6>",
            Level::Debug | Level::Trace => "<7>",
        }
    }
}

/// A message too long for a line loses its end, not the end of the line.
fn json_line(time: &str, level: Level, mut message: String) -> String {
    loop {
        let line = json::object([
            ("time", json::string(time)),
            ("level", json::string(name(level))),
            ("message", json::string(&message)),
        ]);
        if line.len() <= MAX_JSON {
            return line;
        }
        let half = (0..=message.len() / 2).rev().find(|&end| message.is_char_boundary(end)).unwrap_or(0);
        message.truncate(half);
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// Writes lines of `level` and above from now on.
pub fn start(level: LevelFilter, format: Format) {
    LOGGER.is_journal.store(is_journal(), Ordering::Relaxed);
    if log::set_logger(&LOGGER).is_ok() {
        change(level, format);
    }
}

/// Goes by these from now on.
pub fn change(level: LevelFilter, format: Format) {
    log::set_max_level(level);
    LOGGER.is_json.store(format == Format::Json, Ordering::Relaxed);
}

/// Whether what happens is wanted as lines that say what the list of events does: programs read those, and people the others.
pub fn takes_events() -> bool {
    LOGGER.is_json.load(Ordering::Relaxed) && log::max_level() >= LevelFilter::Info
}

/// Writes an event, in members of JSON.
pub fn write_event<'a>(members: impl IntoIterator<Item = (&'a str, String)>) {
    let level = [("level", json::string(name(Level::Info)))];
    LOGGER.write_line(Level::Info, json::object(level.into_iter().chain(members)));
}

/// Whether standard error goes to the journal, as systemd says by JOURNAL_STREAM (systemd.exec(5)): its device and inode.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", stderr.st_dev(), stderr.st_ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_json_is_whole_however_long_its_message_is() {
        let line = json_line("T", Level::Warn, "a \"b\"\n\u{1b}".to_owned());
        assert_eq!(line, r#"{"time":"T","level":"warn","message":"a \"b\"\u000a\u001b"}"#);
        for long in ["é".repeat(9000), "\u{1}".repeat(9000)] {
            let line = json_line("T", Level::Info, long);
            assert!(line.len() <= MAX_JSON && line.len() > 600, "{}", line.len());
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
        }
    }
}
