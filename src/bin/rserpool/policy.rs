//! `rserpool policy`: tries out the rules of an access policy.

use crate::failure::Failure;
use crate::{print, values};
use lexopt::prelude::*;
use rserpool::security::access::{AccessPolicy, Decision, Question};

const HELP: &str = "\
Tries out who may do what by the rules of a file, which a registrar obeys with --access-policy.

Usage: rserpool policy test FILE [QUESTION]

A QUESTION is WHO ACT [pool=HANDLE] [from=ADDRESS]. WHO is plain (in the clear), tls (under TLS, without a name),
uri=NAME, dns=NAME or psk=NAME; ACT is register, resolve, subscribe, report or list. Without a question, FILE is only read.

Options:
  -h, --help      this text

Example:
  rserpool policy test rules.txt \"uri=rserpool://prod/user/u1 resolve pool=EchoPool\"

Exit status: 0 allowed, or all rules can be read; 1 denied; 2 wrong usage, or FILE or QUESTION cannot be read.
";

/// Bytes of a file of rules.
const MAX_FILE: u64 = 1 << 20;

pub fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut words = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return print(HELP),
            Value(word) => words.push(values::text(word).map_err(Failure::Usage)?),
            other => return Err(other.unexpected().into()),
        }
    }
    match &words[..] {
        [test, file] if test == "test" => {
            let policy = read(file).map_err(Failure::Usage)?;
            print(&format!("{} rules\n", policy.len()))
        }
        [test, file, question] if test == "test" => {
            let policy = read(file).map_err(Failure::Usage)?;
            let question = Question::parse(question)
                .map_err(|error| Failure::Usage(format!("the question, column {}: {}", error.column, error.what)))?;
            match policy.decide(&question.wish()) {
                Decision::Allowed { line } => print(&format!("allowed by line {line}\n")),
                Decision::Denied { line: Some(line) } => Err(Failure::Failed(format!("denied by line {line}"))),
                Decision::Denied { line: None } => Err(Failure::Failed("denied: no line fits".to_owned())),
            }
        }
        _ => Err(Failure::Usage("what is to be tested? See rserpool policy --help".to_owned())),
    }
}

/// The rules of a file; an error names it, with line and column where there is one.
pub fn read(file: &str) -> Result<AccessPolicy, String> {
    let failed = |error| format!("{file} cannot be read: {error}");
    let about = std::fs::metadata(file).map_err(failed)?;
    if !about.is_file() || about.len() > MAX_FILE {
        return Err(format!("{file} is no ordinary file of at most {MAX_FILE} bytes"));
    }
    let text = std::fs::read_to_string(file).map_err(failed)?;
    AccessPolicy::parse(&text).map(|policy| policy.named(file)).map_err(|error| format!("{file}, {error}"))
}
