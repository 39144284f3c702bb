//! What is measured: a handlespace with a clock that is a counter. Ours is here, rsplib's in `rsplib.rs`.

use crate::workload::Workload;
use rserpool::handlespace::{ElementIndex, Handlespace};
use rserpool::random::Random;
use rserpool::{AssociationId, Time};
use std::hint::black_box;
use std::time::Duration;

/// Elements by their numbers in the workload.
pub trait Space {
    /// Registers an element, or registers it again, and starts its keep-alive timer, five seconds from now.
    fn register(&mut self, work: &Workload, number: usize);
    fn deregister(&mut self, work: &Workload, number: usize);
    fn find(&mut self, work: &Workload, number: usize);
    fn restart_timer(&mut self, work: &Workload, number: usize);
    /// Chooses elements from the pool of this element.
    fn resolve(&mut self, work: &Workload, number: usize, items: usize);
    /// An element of the workload has other policy values: called outside of what is timed.
    fn note_change(&mut self, work: &Workload, number: usize);
    fn count(&self) -> usize;
}

pub fn full(mut space: Box<dyn Space>, work: &Workload) -> Box<dyn Space> {
    work.order.iter().for_each(|&i| space.register(work, i));
    space
}

pub struct Ours {
    handlespace: Handlespace,
    random: Random,
    ticks: u64,
    chosen: Vec<ElementIndex>,
}

impl Ours {
    pub fn empty() -> Box<dyn Space> {
        let handlespace = Handlespace::new(7, usize::MAX, usize::MAX);
        Box::new(Ours { handlespace, random: Random::new(7), ticks: 0, chosen: Vec::new() })
    }

    fn restart(&mut self, index: ElementIndex) {
        self.ticks += 1;
        let at = Time::from_nanos(self.ticks * 1_000) + Duration::from_secs(5);
        self.handlespace.update_liveness(index, |liveness| liveness.keep_alive_at = at);
    }

    fn place(&self, work: &Workload, number: usize) -> ElementIndex {
        self.handlespace.find(work.handle(number), work.elements[number].id).expect("it is registered")
    }
}

impl Space for Ours {
    fn register(&mut self, work: &Workload, number: usize) {
        let association = Some(AssociationId::new(0, Workload::association(number)));
        let registered = self.handlespace.register(work.handle(number), &work.elements[number], association);
        let (index, _) = registered.expect("there is room, and the pool has one policy");
        self.restart(index);
    }

    fn deregister(&mut self, work: &Workload, number: usize) {
        let index = self.place(work, number);
        black_box(self.handlespace.remove(index));
    }

    fn find(&mut self, work: &Workload, number: usize) {
        black_box(self.place(work, number));
    }

    fn restart_timer(&mut self, work: &Workload, number: usize) {
        let index = self.place(work, number);
        self.restart(index);
    }

    fn resolve(&mut self, work: &Workload, number: usize, items: usize) {
        let pool = self.handlespace.find_pool(work.handle(number)).expect("the pool exists");
        self.chosen.clear();
        self.handlespace.select(pool, items, &mut self.random, &mut self.chosen);
        black_box(&self.chosen);
    }

    fn note_change(&mut self, _work: &Workload, _number: usize) {}

    fn count(&self) -> usize {
        self.handlespace.element_count()
    }
}
