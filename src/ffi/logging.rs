//! Log lines for C programs: to standard error, or to a file. Rust programs have their own logger, which stays.

use super::arguments::{ARGUMENTS, parse_log_level};
use crate::log_filter::may_be_written;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fs::File;
use std::io::Write;
use std::sync::OnceLock;

struct Logger {
    file: Option<File>,
}

/// Installs the logger, once in the life of a process, and sets the level, each time.
pub fn install() {
    static LOGGER: OnceLock<Logger> = OnceLock::new();
    static OURS: OnceLock<bool> = OnceLock::new();
    let (level, file) = settings();
    let logger = LOGGER.get_or_init(|| Logger { file: file.and_then(open) });
    // Fails when the program has a logger already; then its level is not ours to set either.
    if *OURS.get_or_init(|| log::set_logger(logger).is_ok()) {
        log::set_max_level(level);
    }
}

/// Arguments go before the environment variable RSERPOOL_LOG, "LEVEL" or "LEVEL,FILE".
fn settings() -> (LevelFilter, Option<(String, bool)>) {
    let environment = std::env::var("RSERPOOL_LOG").unwrap_or_default();
    let (level, file) = environment.split_once(',').unwrap_or((environment.as_str(), ""));
    let arguments = ARGUMENTS.lock();
    let level = arguments.log_level.or_else(|| parse_log_level(level)).unwrap_or(LevelFilter::Warn);
    let file = arguments.log_file.clone().or_else(|| (!file.is_empty()).then(|| (file.to_owned(), true)));
    (level, file)
}

fn open((name, append): (String, bool)) -> Option<File> {
    // Always appended to, as the program's own logging may write to it, too; emptied first where it is to be a new one.
    let opened = File::options().create(true).append(true).open(&name);
    let opened = opened.and_then(|file| if append { Ok(file) } else { file.set_len(0).map(|()| file) });
    match opened {
        Ok(file) => Some(file),
        Err(error) => {
            let text = format!("librserpool: cannot open log file {name:?}: {error}; using standard error\n");
            let _ = std::io::stderr().write_all(text.as_bytes());
            None
        }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        may_be_written(metadata)
    }

    /// One write a line, so that lines of several threads and processes do not mix. Where it cannot be written, there is
    /// nobody to tell.
    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let module = record.target().strip_prefix("rserpool::").unwrap_or(record.target());
        let line = format!("{} librserpool {} {module}: {}\n", time_of_day(), word(record.level()), record.args());
        let _ = match &self.file {
            Some(file) => (&*file).write_all(line.as_bytes()),
            None => std::io::stderr().write_all(line.as_bytes()),
        };
    }

    fn flush(&self) {}
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// Local time, as people compare it with other programs' output.
fn time_of_day() -> String {
    // SAFETY: structs of integers and one pointer may be zero.
    let (mut now, mut local): (libc::timespec, libc::tm) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both live across the calls.
    unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        libc::localtime_r(&raw const now.tv_sec, &raw mut local);
    }
    format!("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, now.tv_nsec / 1_000_000)
}
