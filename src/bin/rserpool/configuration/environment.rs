//! What the environment says, as rsplib's programs take it as well.

use super::{Choice, Mistakes, Origin};
use crate::settings::{CSP_MIN_INTERVAL, Setting};
use crate::values::show_duration;
use std::time::Duration;

/// `RSERPOOL_TRANSPORT` chooses the transport. `CSP_INTERVAL`, in milliseconds, switches status reports on, to `CSP_SERVER` or to this
/// host.
pub fn choices(variable: impl Fn(&str) -> Option<String>) -> Result<Vec<Choice>, Mistakes> {
    let mut choices = Vec::new();
    let mut choose = |name, value, of| {
        let setting = Setting::find(name).expect("a setting of the table");
        choices.push(Choice { setting, values: vec![(value, Origin::Environment(of))] });
    };
    if let Some(transport) = variable("RSERPOOL_TRANSPORT").filter(|value| !value.is_empty()) {
        choose("transport", transport, "RSERPOOL_TRANSPORT");
    }
    if let Some(interval) = variable("CSP_INTERVAL") {
        let wrong = |_| Mistakes::one(format!("CSP_INTERVAL: \"{}\" is no number", interval.escape_debug()));
        let interval = Duration::from_millis(interval.parse().map_err(wrong)?).max(CSP_MIN_INTERVAL);
        choose("csp-interval", show_duration(interval), "CSP_INTERVAL");
        let server = variable("CSP_SERVER").unwrap_or_else(|| "127.0.0.1".to_owned());
        choose("csp-server", server, "CSP_SERVER");
    }
    Ok(choices)
}
