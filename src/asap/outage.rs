//! What the log says while no registrar can be reached: one warning an outage.

use crate::association::NO_DESCRIPTOR;

/// Whether a registrar serves this process meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    There,
    /// None does: this is what wakes an operator.
    Wanted,
}

/// The time since a registrar could be reached last.
#[derive(Default)]
pub(super) struct Outage {
    warned: bool,
}

impl Outage {
    /// All of the `registrars` that are known have been tried, and none was reached.
    pub(super) fn goes_on(&mut self, registrars: usize, lacks_descriptors: bool, home: Home) {
        let first = home == Home::Wanted && !std::mem::replace(&mut self.warned, true);
        let level = if first { log::Level::Warn } else { log::Level::Info };
        match registrars {
            0 => log::log!(
                level,
                "hunt: no registrar is configured, and none has announced itself: requests wait for one"
            ),
            _ if lacks_descriptors => {
                log::log!(level, "hunt: {NO_DESCRIPTOR} to reach a registrar by: requests wait, the search goes on");
            }
            count => {
                log::log!(level, "hunt: none of {count} registrars can be reached: requests wait, the search goes on");
            }
        }
    }
}
