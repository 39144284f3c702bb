//! Log lines for C programs: to standard error, or to a file. Rust programs have their own logger, which stays.
//!
//! A child of fork() logs, too, while other threads of its parent may have been doing that at the fork. A lock that one of them held
//! stays locked in the child for ever, so none is taken on the way but [`OUTPUT`], which nobody else holds during a fork.

use super::arguments::{ARGUMENTS, parse_log_level};
use crate::driver::environment::Environment;
use crate::driver::log_output::LogOutput;
use crate::log_filter::may_be_written;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

struct Logger {
    file: Option<File>,
}

/// Installs the logger, once in the life of a process, and sets the level, each time.
pub fn install() {
    static LOGGER: OnceLock<Logger> = OnceLock::new();
    static OURS: OnceLock<bool> = OnceLock::new();
    keep_output_during_forks();
    let (level, file) = settings();
    let logger = LOGGER.get_or_init(|| Logger { file: file.and_then(open) });
    // Fails when the program has a logger already; then its level is not ours to set either.
    if *OURS.get_or_init(|| log::set_logger(logger).is_ok()) {
        log::set_max_level(level);
    }
}

/// Level and file of RSERPOOL_LOG. Who has less rights than the program does not have it write where he could not.
fn parts(value: &str, environment: Environment) -> (&str, &str) {
    let (level, file) = value.split_once(',').unwrap_or((value, ""));
    (level, if environment == Environment::Own { file } else { "" })
}

/// Arguments go before the environment variable RSERPOOL_LOG, "LEVEL" or "LEVEL,FILE".
fn settings() -> (LevelFilter, Option<(String, bool)>) {
    let value = std::env::var("RSERPOOL_LOG").unwrap_or_default();
    let (level, file) = parts(&value, Environment::of_this_process());
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
            let text = format!("librserpool: cannot open log file {name:?}: {error}; using standard error");
            write(libc::STDERR_FILENO, &time_of_day(), text);
            None
        }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        may_be_written(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let module = record.target().strip_prefix("rserpool::").unwrap_or(record.target());
        let now = time_of_day();
        let line = format!("{now} librserpool {} {module}: {}", word(record.level()), record.args());
        write(self.file.as_ref().map_or(libc::STDERR_FILENO, AsRawFd::as_raw_fd), &now, line);
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

/// Not by `std::io::stderr`, which has a lock of its own.
fn write(fd: RawFd, now: &str, line: String) {
    output().write(fd, line, |lost| format!("{now} librserpool warning: {lost} lines lost: the log took none"));
}

/// Held also while the C library looks at its time zone, which has a lock of its own.
static OUTPUT: Mutex<LogOutput> = Mutex::new(LogOutput::new());

fn output() -> MutexGuard<'static, LogOutput> {
    OUTPUT.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The output of a thread that is forking.
    static FORKING: RefCell<Option<MutexGuard<'static, LogOutput>>> = const { RefCell::new(None) };
}

extern "C" fn before_fork() {
    let output = output();
    let _ = FORKING.try_with(|forking| forking.replace(Some(output)));
}

/// In the parent and in the child.
extern "C" fn after_fork() {
    let _ = FORKING.try_with(|forking| forking.replace(None));
}

fn keep_output_during_forks() {
    static KEEPING: std::sync::Once = std::sync::Once::new();
    KEEPING.call_once(|| {
        // SAFETY: the handlers take and leave a lock that no thread holds while it forks.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork)) };
    });
}

/// Local time, as people compare it with other programs' output.
fn time_of_day() -> String {
    let _output = output();
    // SAFETY: structs of integers and one pointer may be zero.
    let (mut now, mut local): (libc::timespec, libc::tm) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both live across the calls.
    unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        libc::localtime_r(&raw const now.tv_sec, &raw mut local);
    }
    format!("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, now.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_who_starts_a_program_with_more_rights_does_not_name_its_log_file() {
        assert_eq!(parts("debug,/etc/passwd", Environment::OfOthers), ("debug", ""));
        assert_eq!(parts("debug,/tmp/log", Environment::Own), ("debug", "/tmp/log"));
        assert_eq!(parts("debug", Environment::Own), ("debug", ""));
        assert_eq!(Environment::of_this_process(), Environment::Own, "tests run with the rights of who starts them");
    }
}
