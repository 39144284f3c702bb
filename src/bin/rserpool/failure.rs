//! How a command ends when it does not succeed.

use std::fmt;

/// Why a command failed; says which exit status it has.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for could not be done.
    Failed(String),
    /// The command line is wrong.
    Usage(String),
    /// Nobody answered.
    NoAnswer(String),
    /// Somebody was there, and left without an answer: another try may find it less busy.
    Left(String),
}

impl Failure {
    /// The exit status of the process.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::NoAnswer(_) | Failure::Left(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Failed(text) | Failure::Usage(text) | Failure::NoAnswer(text) | Failure::Left(text)) = self;
        f.write_str(text)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::Usage(format!("{error}; see rserpool COMMAND --help"))
    }
}
