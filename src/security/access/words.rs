//! Lines as words with their columns, and what is wrong with one of them.

use std::fmt;

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    /// In letters, counted from 1.
    pub column: usize,
}

/// The words of a line; what a `#` at the beginning of one begins is a comment.
pub(super) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = line;
    let mut column = 1;
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let (text, behind) = trimmed.split_at(end);
        if text.is_empty() || text.starts_with('#') {
            return words;
        }
        words.push(Word { text, column });
        column += text.chars().count();
        rest = behind;
    }
}

impl Word<'_> {
    /// Something is wrong with it.
    pub fn bad(&self, what: impl Into<String>) -> BadWord {
        BadWord { column: self.column, what: what.into() }
    }

    /// The word in an error.
    pub fn shown(&self) -> String {
        format!("\"{}\"", self.text.escape_debug())
    }
}

/// What is wrong with a line, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadWord {
    pub column: usize,
    pub what: String,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadText {
    /// Counted from 1.
    pub line: usize,
    /// In letters, counted from 1.
    pub column: usize,
    /// What it is.
    pub what: String,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for BadText {}
