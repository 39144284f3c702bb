//! The events of a registrar, page by page, as it tells them by HTTP.

use crate::failure::Failure;
use crate::http_client::{HttpRegistrar, LONGEST_PAGE, Said};
use serde_json::Value;

/// How far they have been read.
#[derive(Debug, Default)]
pub struct EventPages {
    /// The last one.
    after: u64,
    /// When the registrar began that has numbered them; none: no page has come yet.
    registrar_since: Option<String>,
}

impl EventPages {
    /// The number of the last event that was read; zero: none was.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Whether a page has come.
    pub fn has_begun(&self) -> bool {
        self.registrar_since.is_some()
    }

    /// Asks for the next ones; of this pool, in words for a request, where there is one.
    pub fn ask(&self, registrar: &HttpRegistrar, pool: Option<&str>) -> Result<Value, Failure> {
        let pool = pool.map_or_else(String::new, |pool| format!("&pool={pool}"));
        registrar.get(&format!("/api/v1/events?after={}&limit={LONGEST_PAGE}{pool}", self.after))
    }

    /// Whether this page is of another registrar than the one before, which numbers its events from one on: it has to be asked anew.
    pub fn begin_anew(&mut self, page: &Value) -> bool {
        let since = page.text("registrar_since");
        let is_another = self.registrar_since.as_ref().is_some_and(|before| before != since);
        if is_another {
            self.after = 0;
        }
        self.registrar_since = Some(since.to_owned());
        is_another
    }

    /// Goes behind this page. False: it is the last one for now.
    pub fn advance(&mut self, page: &Value) -> bool {
        let next = page.number("next");
        // It goes forward, whoever says it.
        let is_forward = next > self.after;
        self.after = self.after.max(next);
        is_forward
    }
}
