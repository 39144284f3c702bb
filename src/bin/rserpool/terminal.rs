//! What goes to a terminal: nothing in it may be anything but text, whoever has said it, and its reader may go away.

use crate::failure::Failure;
use std::borrow::Cow;
use std::io::{ErrorKind, Write};

/// Whether somebody reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    There,
    /// As in `rserpool events --follow | head`, which is no failure.
    Gone,
}

/// Writes to standard output, all of it, now.
pub fn write(text: &str) -> Result<Reader, Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::Failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Whether a terminal, or who reads a line, could take it for anything but a character: controls, and what turns the direction of
/// the text around it.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

/// Text of others, with `\u{NN}` for what is not to reach a terminal.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match is_treacherous(c) {
            true => plain.extend(c.escape_unicode()),
            false => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_its_number() {
        assert_eq!(plain("Grüße \"%\" \\"), "Grüße \"%\" \\");
        assert_eq!(plain("a\u{1b}[2Jb\r\n\u{9b}\u{202e}x"), r"a\u{1b}[2Jb\u{d}\u{a}\u{9b}\u{202e}x");
    }
}
