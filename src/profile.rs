//! Named sets of timers, for programs and registrars alike.

use std::str::FromStr;

/// The environment variable that chooses, where nothing else does.
const ENVIRONMENT_VARIABLE: &str = "RSERPOOL_PROFILE";

/// How fast failures are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// `default`: for any network.
    #[default]
    Default,
    /// `fast`: for call control on a local network, where a client has another server within 0.3 s. Costs seventeen keep-alives a
    /// second for each element, and an element that does not answer for 150 ms counts as dead.
    Fast,
}

impl Profile {
    /// What `RSERPOOL_PROFILE` says; [`Profile::Default`] when it is not set or empty.
    pub fn from_env() -> Result<Profile, String> {
        match std::env::var_os(ENVIRONMENT_VARIABLE) {
            None => Ok(Profile::Default),
            Some(value) if value.is_empty() => Ok(Profile::Default),
            Some(value) => value.to_string_lossy().parse().map_err(|error| format!("{ENVIRONMENT_VARIABLE}: {error}")),
        }
    }
}

impl FromStr for Profile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Profile::Default),
            "fast" => Ok(Profile::Fast),
            other => Err(format!("\"{}\" is neither default nor fast", other.escape_debug())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_names_and_others_are_refused() {
        assert_eq!("default".parse(), Ok(Profile::Default));
        assert_eq!("fast".parse(), Ok(Profile::Fast));
        assert_eq!("faster\u{1b}".parse::<Profile>(), Err("\"faster\\u{1b}\" is neither default nor fast".to_owned()));
    }
}
