//! What is measured: a handlespace with a clock that is a counter. Ours is here, rsplib's in `rsplib.rs`.

use crate::workload::Workload;
use rserpool::handlespace::{ElementIndex, Handlespace};
use rserpool::random::Random;
use rserpool::{AssociationId, Time};
use std::hint::black_box;
use std::time::Duration;

/// One operation on an element, which is given by its number in the workload.
#[derive(Clone, Copy)]
pub enum Operation {
    /// Registers it, or registers it again, and starts its keep-alive timer, five seconds from now.
    Register,
    Deregister,
    Find,
    RestartTimer,
    /// Chooses so many elements from its pool.
    Resolve(usize),
}

pub trait Space {
    /// What is timed: the same operation on elements one after the other.
    fn run(&mut self, operation: Operation, work: &Workload, numbers: &[usize]);
    /// An element of the workload has other policy values: called outside of what is timed.
    fn note_change(&mut self, work: &Workload, number: usize);
    fn count(&self) -> usize;
}

pub fn full(mut space: Box<dyn Space>, work: &Workload) -> Box<dyn Space> {
    space.run(Operation::Register, work, &work.order);
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
        self.handlespace.update_liveness(index, |liveness| liveness.set_keep_alive(at));
    }

    fn place(&self, work: &Workload, number: usize) -> ElementIndex {
        self.handlespace.find(work.handle(number), work.elements[number].id).expect("it is registered")
    }
}

impl Space for Ours {
    fn run(&mut self, operation: Operation, work: &Workload, numbers: &[usize]) {
        let numbers = numbers.iter().copied();
        match operation {
            Operation::Register => numbers.for_each(|i| self.register(work, i)),
            Operation::Deregister => numbers.for_each(|i| {
                black_box(self.handlespace.remove(self.place(work, i)));
            }),
            Operation::Find => numbers.for_each(|i| {
                black_box(self.place(work, i));
            }),
            Operation::RestartTimer => numbers.for_each(|i| self.restart(self.place(work, i))),
            Operation::Resolve(items) => numbers.for_each(|i| self.resolve(work, i, items)),
        }
    }

    fn note_change(&mut self, _work: &Workload, _number: usize) {}

    fn count(&self) -> usize {
        self.handlespace.element_count()
    }
}

impl Ours {
    fn register(&mut self, work: &Workload, number: usize) {
        let association = Some(AssociationId::new(0, Workload::association(number)));
        let registered = self.handlespace.register(work.handle(number), &work.elements[number], association);
        let (index, _) = registered.expect("there is room, and the pool has one policy");
        self.restart(index);
    }

    fn resolve(&mut self, work: &Workload, number: usize, items: usize) {
        let pool = self.handlespace.find_pool(work.handle(number)).expect("the pool exists");
        self.chosen.clear();
        self.handlespace.select(pool, items, &mut self.random, &mut self.chosen);
        black_box(&self.chosen);
    }
}
