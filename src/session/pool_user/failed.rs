//! The elements that failed lately, so that they are not chosen again while there are others.

use crate::session::MAX_FAILED_ELEMENTS;
use crate::{PoolElementId, Time};
use std::time::Duration;

/// An element that failed longer ago than this may have recovered: the registrar's word on it counts again.
const MEMORY: Duration = Duration::from_secs(30);

/// Failed elements, oldest failure first.
#[derive(Debug, Default)]
pub struct FailedElements(Vec<(PoolElementId, Time)>);

impl FailedElements {
    pub fn add(&mut self, element: PoolElementId, now: Time) {
        self.0.retain(|(id, _)| *id != element);
        if self.0.len() >= MAX_FAILED_ELEMENTS {
            self.0.remove(0);
        }
        self.0.push((element, now));
    }

    pub fn contains(&self, element: PoolElementId) -> bool {
        self.failed_at(element).is_some()
    }

    pub fn failed_at(&self, element: PoolElementId) -> Option<Time> {
        self.0.iter().find(|(id, _)| *id == element).map(|(_, at)| *at)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn forget_old(&mut self, now: Time) {
        self.0.retain(|(_, at)| now.saturating_since(*at) < MEMORY);
    }
}
