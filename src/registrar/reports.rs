//! Who has reported which element unreachable since it last proved alive.

use crate::handlespace::ElementIndex;
use crate::{AssociationId, RegistrarId};
use std::collections::BTreeMap;

/// Reporters that are told apart for each element. A MAX-BAD-PE-REPORT of as many or more is never exceeded.
const MAX_REPORTERS: usize = 64;

/// Who reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reporter {
    /// A pool user.
    User(AssociationId),
    /// Another registrar, for its pool users.
    Registrar(RegistrarId),
}

/// The reports that count: one of each reporter.
#[derive(Debug, Default)]
pub(super) struct Reports(BTreeMap<ElementIndex, Vec<Reporter>>);

impl Reports {
    /// Notes a report; how many have reported the element now.
    pub fn add(&mut self, element: ElementIndex, reporter: Reporter) -> u32 {
        let reporters = self.0.entry(element).or_default();
        if reporters.len() < MAX_REPORTERS && !reporters.contains(&reporter) {
            reporters.push(reporter);
        }
        u32::try_from(reporters.len()).unwrap_or(u32::MAX)
    }

    /// Elements that have been reported.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The element has proved alive, or is gone.
    pub fn clear(&mut self, element: ElementIndex) {
        self.0.remove(&element);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reporter_counts_once_and_there_are_not_too_many() {
        let (mut reports, element) = (Reports::default(), ElementIndex::FIRST);
        let user = |number| Reporter::User(AssociationId::new(0, number));
        assert_eq!([1, 1, 2, 1].map(|number| reports.add(element, user(number))), [1, 1, 2, 2]);
        assert_eq!(reports.add(element, Reporter::Registrar(RegistrarId(1))), 3);
        assert_eq!((0..1000).map(|number| reports.add(element, user(number))).max(), Some(MAX_REPORTERS as u32));
        reports.clear(element);
        assert_eq!(reports.add(element, user(1)), 1);
    }
}
