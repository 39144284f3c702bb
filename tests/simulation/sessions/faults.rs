//! What goes wrong with elements and the ways to them.

use super::world::{What, World};
use rserpool::session::{Blame, Event};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The process of an element is killed, and started again later.
    Kill,
    /// An element is stopped: it takes nothing and says nothing, and its transport is silent with it.
    Hang,
    /// All that are stopped go on.
    Continue,
    /// An association breaks, losing what is on its way.
    Break,
    /// What a user sends to an element comes late.
    Stall,
    /// An element leaves the pool, and goes on serving.
    Drain,
    /// An application wants another element.
    Force,
}

const ALL: [Fault; 9] = [
    Fault::Kill,
    Fault::Kill,
    Fault::Kill,
    Fault::Hang,
    Fault::Continue,
    Fault::Break,
    Fault::Stall,
    Fault::Drain,
    Fault::Force,
];

impl World {
    pub fn plan_fault(&mut self) {
        let fault = ALL[self.random.below(ALL.len() as u64) as usize];
        // Some at once: the second hits what still works at the first.
        let after = if self.random.below(4) == 0 {
            self.random.within(Duration::from_millis(5))
        } else {
            self.random.within(Duration::from_secs(2))
        };
        self.plan(after, What::Fault(fault));
    }

    pub fn on_fault(&mut self, fault: Fault) {
        let element = self.random.below(self.elements.len() as u64) as usize;
        let user = self.random.below(self.users.len() as u64) as usize;
        let (here, there) = (self.users[user].transport.address(), self.elements[element].address);
        match fault {
            Fault::Kill => {
                self.elements[element].transport = None;
                let after = self.random.within(Duration::from_secs(4));
                self.plan(after, What::Starts(element));
            }
            Fault::Hang if self.elements[element].transport.is_some() => {
                self.elements[element].hung = true;
                self.network.isolate(self.now, there);
            }
            Fault::Hang => {}
            Fault::Continue => {
                self.network.heal(self.now);
                for element in &mut self.elements {
                    element.hung = false;
                }
            }
            Fault::Break => self.network.cut(self.now, here, there),
            Fault::Stall => {
                let until = self.now + self.random.within(Duration::from_secs(3));
                self.network.stall(here, there, until);
            }
            Fault::Drain => self.remove(self.elements[element].id()),
            Fault::Force => {
                let blame = if self.random.below(2) == 0 { Blame::Element } else { Blame::Nobody };
                self.tell(user, Event::ForceFailover { blame, stale_cache: Duration::ZERO });
            }
        }
    }
}
