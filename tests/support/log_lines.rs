//! What is logged in the thread of a test.

use log::Level;
use std::cell::RefCell;

struct Collector;

thread_local!(static LINES: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) });

impl log::Log for Collector {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= Level::Info && LINES.with_borrow(Option::is_some)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.with_borrow_mut(|lines| {
                lines.as_mut().expect("enabled").push((record.level(), record.args().to_string()));
            });
        }
    }

    fn flush(&self) {}
}

/// From now on, what this thread logs is kept, down to Info.
pub fn begin() {
    let _ = log::set_logger(&Collector); // another test may have done that
    log::set_max_level(log::LevelFilter::Info);
    LINES.set(Some(Vec::new()));
}

/// What was kept.
pub fn so_far() -> Vec<(Level, String)> {
    LINES.with_borrow(|lines| lines.clone().unwrap_or_default())
}

/// What `act` logs, down to Info.
pub fn lines_of(act: impl FnOnce()) -> Vec<(Level, String)> {
    begin();
    act();
    LINES.take().unwrap_or_default()
}

/// The only line with all of these words.
pub fn only_line<'a>(lines: &'a [(Level, String)], words: &[&str]) -> &'a (Level, String) {
    let fits: Vec<_> = lines.iter().filter(|(_, line)| words.iter().all(|word| line.contains(word))).collect();
    assert_eq!(fits.len(), 1, "lines with {words:?} among {lines:#?}");
    fits[0]
}
