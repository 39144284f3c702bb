//! What happened: a hash of everything, by which two runs are compared, and lines for people, if wanted.

use std::collections::VecDeque;
use std::fmt;

/// Lines kept for a failure report.
const LINES: usize = 80;

/// Virtual time between two lines about the progress.
const PROGRESS: u64 = 5_000_000_000;

/// The trace of a run.
pub struct Trace {
    hash: u64,
    pub events: u64,
    mode: Mode,
    lines: VecDeque<String>,
    /// When the next line about the progress is due.
    progress_at: u64,
}

/// What becomes of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are not even made.
    Hash,
    /// The last ones are kept.
    Keep,
    /// Now and then it is said how far the run is.
    Progress,
    /// All are printed.
    Print,
}

impl Trace {
    pub fn new(mode: Mode) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, events: 0, mode, lines: VecDeque::new(), progress_at: 0 }
    }

    /// FNV-1a over words.
    pub fn word(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn wants_lines(&self) -> bool {
        matches!(self.mode, Mode::Keep | Mode::Print)
    }

    pub fn line(&mut self, now: u64, text: fmt::Arguments<'_>) {
        let line = || format!("{:>5}.{:06} {text}", now / 1_000_000_000, now % 1_000_000_000 / 1000);
        match self.mode {
            Mode::Hash | Mode::Progress => {}
            Mode::Print => println!("{}", line()),
            Mode::Keep => {
                if self.lines.len() == LINES {
                    self.lines.pop_front();
                }
                self.lines.push_back(line());
            }
        }
    }

    /// Says how far the run is, if that is wanted.
    pub fn progress(&mut self, now: u64, state: &str) {
        if self.mode == Mode::Progress && now >= self.progress_at {
            eprintln!("{:>5.1} s of virtual time: {} events; {state}", now as f64 / 1e9, self.events);
            self.progress_at = now + PROGRESS;
        }
    }

    pub fn last_lines(&self) -> String {
        self.lines.iter().map(|line| format!("  {line}\n")).collect()
    }
}
