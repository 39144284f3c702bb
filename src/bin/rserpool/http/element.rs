//! An element with what is known about its being alive, in JSON.

use super::handlespace::Line;
use crate::{json, pool_name, show};
use rserpool::driver::clock;
use rserpool::handlespace::{Claim, Element, Liveness};
use rserpool::registrar::Registrar;
use rserpool::wire::PoolElement;
use rserpool::{PoolHandle, Time};
use std::time::Duration;

/// An element, as the registrar's thread leaves it.
pub struct ElementLine {
    next: u64,
    pool: PoolHandle,
    element: PoolElement,
    watch: Watch,
    liveness: Liveness,
}

/// Who looks after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// This registrar, to which it has an association.
    Here,
    /// This registrar would, but has no association with it.
    Lost,
    /// The registrar that is its home.
    Elsewhere,
}

impl ElementLine {
    /// The element behind which a list goes on with `next`.
    pub fn of(registrar: &Registrar, next: u64, element: &Element) -> Option<ElementLine> {
        let watch = match (element.home_registrar() == registrar.id(), element.association()) {
            (_, Some(_)) => Watch::Here,
            (true, None) => Watch::Lost,
            (false, None) => Watch::Elsewhere,
        };
        let pool = registrar.handlespace().pool(element.pool())?.handle().clone();
        Some(ElementLine { next, pool, element: element.pool_element(), watch, liveness: *element.liveness() })
    }

    pub fn json(&self) -> String {
        json::object([
            ("pool", json::string(&pool_name::show(&self.pool))),
            ("element", show::element_json(&self.element)),
            ("alive", self.alive(clock::now())),
        ])
    }

    /// What is known about its being alive: times are milliseconds, and null where there is none.
    fn alive(&self, now: Time) -> String {
        let since = |at: Option<Time>| millis(at.map(|at| now.saturating_since(at)));
        let ends_at = self.liveness.ends_at();
        json::object([
            ("state", json::string(self.state())),
            ("known_ms", since(self.liveness.known_since())),
            ("last_keep_alive_ms", since(self.liveness.last_keep_alive())),
            ("unanswered_ms", since(self.liveness.asked_at())),
            ("ends_in_ms", millis((ends_at != Time::MAX).then(|| ends_at.saturating_since(now)))),
            ("reports", self.liveness.bad_reports().to_string()),
        ])
    }

    /// How the element and this registrar stand, in a word.
    fn state(&self) -> &'static str {
        match (self.watch, self.liveness.claim()) {
            (Watch::Elsewhere, _) => "watched_by_its_home",
            (Watch::Lost, _) => "not_connected",
            (Watch::Here, Claim::Registered) => "registered",
            (Watch::Here, Claim::Contested) => "contested",
            (Watch::Here, Claim::Asked) => "asked_to_come",
            (Watch::Here, Claim::Adopted) => "adopted",
        }
    }
}

impl Line for ElementLine {
    fn next(&self) -> u64 {
        self.next
    }

    fn words(&self) -> String {
        format!("{} {} {}", pool_name::show(&self.pool), show::element(&self.element), self.state())
    }
}

fn millis(duration: Option<Duration>) -> String {
    json::or_null(duration.map(|duration| duration.as_millis().to_string()))
}
