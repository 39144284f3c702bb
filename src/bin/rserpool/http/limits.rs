//! How much is kept, beside how much there can be, in JSON.

use crate::json;
use rserpool::registrar::{Held, WhenFull};

pub fn json(held: &[Held]) -> String {
    let limits = held.iter().map(|held| {
        json::object([
            ("what", json::string(held.what)),
            ("count", held.count.to_string()),
            ("most", held.most.to_string()),
            ("when_full", json::string(name(held.when_full))),
        ])
    });
    json::object([("limits", json::array(limits))])
}

/// What comes of one more, in a word.
pub fn name(when_full: WhenFull) -> &'static str {
    match when_full {
        WhenFull::Refused => "refused",
        WhenFull::MakesRoom => "makes_room",
        WhenFull::Nothing => "nothing",
    }
}
