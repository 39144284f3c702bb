//! All settings with where they come from: a configuration file that has the same effect.

use super::{Choice, Origin, line_of};
use crate::settings::{Options, PROFILE, SETTINGS, Setting};

/// Where the comments begin.
const COMMENT_COLUMN: usize = 44;

pub fn all<'a>(options: &Options, choice_of: impl Fn(&Setting) -> Option<&'a Choice>) -> String {
    let by_profile = match choice_of(Setting::find(PROFILE).expect("a setting of the table")) {
        Some(_) => format!("profile {}", Setting::find(PROFILE).map_or(String::new(), |profile| profile.show(options))),
        None => "default".to_owned(),
    };
    let defaults = Options::default();
    let mut text = String::new();
    for setting in SETTINGS {
        let values = (setting.values)(options);
        let origin = match choice_of(setting).and_then(|choice| choice.values.last()) {
            Some((_, origin)) => name_of(origin),
            None if values != (setting.values)(&defaults) => by_profile.clone(),
            None => "default".to_owned(),
        };
        text += &format!("{:<COMMENT_COLUMN$} # {origin}\n", line_of(setting, &values));
    }
    text
}

fn name_of(origin: &Origin) -> String {
    match origin {
        Origin::Environment(variable) => format!("environment {variable}"),
        Origin::File(position) => format!("{}:{}", position.file, position.line),
        Origin::CommandLine => "option".to_owned(),
    }
}
