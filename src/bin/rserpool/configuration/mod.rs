//! Where the settings of a registrar come from: the environment, a configuration file, the command line. Each has a setting in the place
//! of those before it, so that options win.

mod environment;
mod file;
mod nearest;
mod show;
mod toml;

#[cfg(test)]
mod tests;

use crate::settings::{DNS_SERVER, Occurrence, Options, PROFILE, SETTINGS, Setting, Takes};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Mistakes of a file that are told; more would hide the first ones.
const MAX_TOLD: usize = 20;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Settings and their values, in their order.
    pub options: Vec<(&'static Setting, String)>,
}

/// All settings, and who chose them.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub options: Options,
    /// The settings that somebody chose, each once.
    choices: Vec<Choice>,
}

/// What somebody wants a setting to be.
#[derive(Clone, Debug)]
struct Choice {
    setting: &'static Setting,
    /// None: an empty list.
    values: Vec<(String, Origin)>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// A variable of the environment.
    Environment(&'static str),
    File(Position),
    CommandLine,
}

/// A place in the configuration file, counted from one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    file: Arc<str>,
    line: usize,
    column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Origin {
    /// A value of a setting that comes from here is wrong.
    fn complaint(&self, setting: &Setting, why: &str) -> String {
        match self {
            Origin::Environment(variable) => format!("{variable}: {why}"),
            Origin::File(position) => format!("{position}: {}: {why}", setting.name),
            Origin::CommandLine => format!("--{}: {why}", setting.name),
        }
    }
}

/// What is wrong with settings, each a sentence that says where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    fn one(mistake: String) -> Mistakes {
        Mistakes(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().take(MAX_TOLD).map(String::as_str).collect::<Vec<_>>().join("\n"))?;
        match self.0.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl Configuration {
    /// Reads everything that there is to read, and looks up the names that must have an address. Takes as long as that takes.
    pub fn read(command_line: &CommandLine) -> Result<Configuration, Mistakes> {
        let mut choices = environment::choices(|name| std::env::var(name).ok())?;
        if let Some(path) = &command_line.file {
            prefer(&mut choices, file::choices(path)?);
        }
        prefer(&mut choices, of_command_line(command_line));
        let options = apply(&mut choices)?;
        options.registrar.validate().map_err(|why| {
            let whose = command_line.file.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default();
            Mistakes::one(format!("{whose}these settings do not go together: {why}"))
        })?;
        Ok(Configuration { options, choices })
    }

    /// All settings as a configuration file, and where each comes from.
    pub fn show(&self) -> String {
        show::all(&self.options, |setting| self.choices.iter().find(|choice| choice.setting.name == setting.name))
    }
}

fn of_command_line(command_line: &CommandLine) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for (setting, value) in &command_line.options {
        let value = (value.clone(), Origin::CommandLine);
        match choices.iter_mut().find(|choice| choice.setting.name == setting.name) {
            Some(choice) => choice.values.push(value),
            None => choices.push(Choice { setting, values: vec![value] }),
        }
    }
    choices
}

/// Puts choices in the place of others of the same settings.
fn prefer(choices: &mut Vec<Choice>, better: Vec<Choice>) {
    choices.retain(|choice| better.iter().all(|other| other.setting.name != choice.setting.name));
    choices.extend(better);
}

/// What choices come to. The profile comes first: a setting beside it wins, wherever it stands. Then DNS servers, before all names.
fn apply(choices: &mut [Choice]) -> Result<Options, Mistakes> {
    choices.sort_by_key(|choice| match choice.setting.name {
        PROFILE => 0,
        DNS_SERVER => 1,
        _ => 2,
    });
    let mut options = Options::default();
    let mut mistakes = Vec::new();
    for Choice { setting, values } in &*choices {
        let mut occurrence = Occurrence::First;
        for (value, origin) in values {
            if let Err(why) = (setting.apply)(&mut options, value, occurrence) {
                mistakes.push(origin.complaint(setting, &why));
            }
            occurrence = Occurrence::Again;
        }
    }
    if mistakes.is_empty() { Ok(options) } else { Err(Mistakes(mistakes)) }
}

/// A setting as a line of a configuration file.
fn line_of(setting: &Setting, values: &[String]) -> String {
    let quoted = |value: &String| match setting.value {
        "N" => value.clone(),
        "on|off" => (value == "on").to_string(),
        _ => crate::json::string(value),
    };
    let value = match (setting.takes, values) {
        // An empty list is none where there is none anyway; elsewhere it has a word.
        (Takes::Several, []) if !has_default(setting) => "[]".to_owned(),
        (_, []) => quoted(&setting.absent.to_owned()),
        (Takes::Several, [_, _, ..]) => format!("[{}]", values.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        (_, [value, ..]) => quoted(value),
    };
    format!("{} = {value}", setting.name)
}

/// Whether a setting has values when nobody chooses any.
fn has_default(setting: &Setting) -> bool {
    !(setting.values)(&Options::default()).is_empty()
}

/// The names of all settings.
fn names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.name)
}
