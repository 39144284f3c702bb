//! What goes wrong.

use super::*;
use crate::support::network::Breaks;

impl Net {
    /// A registrar dies: its associations break.
    pub fn crash(&mut self, number: usize) {
        self.nodes[number].core = None;
        self.nodes[number].inbox.clear();
        self.close_all(End::Registrar(number));
    }

    /// A registrar stands still; its associations do not notice.
    pub fn freeze(&mut self, number: usize) {
        self.nodes[number].frozen = true;
    }

    /// A registrar stands still, and its associations break when that has lasted for some time.
    pub fn freeze_until_associations_break(&mut self, number: usize) {
        self.freeze(number);
        self.suspect_all(End::Registrar(number).node());
    }

    pub fn thaw(&mut self, number: usize) {
        self.nodes[number].frozen = false;
        for arrival in std::mem::take(&mut self.nodes[number].inbox) {
            self.arrive(number, arrival);
        }
    }

    /// Nothing gets through between two ends any more.
    pub fn cut(&mut self, a: End, b: End) {
        let (a, b) = (a.node(), b.node());
        self.network.cuts.insert((a.min(b), a.max(b)));
        for end in self.ends_between(a, b) {
            self.suspect(end);
            self.suspect(end.other());
        }
    }

    pub fn cut_registrars(&mut self, group: &[usize], others: &[usize]) {
        for &a in group {
            for &b in others {
                self.cut(End::Registrar(a), End::Registrar(b));
            }
        }
    }

    /// Everything gets through again.
    pub fn heal(&mut self) {
        for (a, b) in std::mem::take(&mut self.network.cuts) {
            for end in self.ends_between(a, b) {
                self.trust(end);
            }
        }
    }

    /// Breaks the associations between two registrars.
    pub fn break_between(&mut self, a: usize, b: usize) {
        for end in self.ends_between(End::Registrar(a).node(), End::Registrar(b).node()) {
            for end in [end, end.other()] {
                self.happens(LATENCY, What::Pass(Passage::Lost(end, Loss::Unreachable)));
            }
        }
    }

    /// The first one's ends of associations with the other one.
    fn ends_between(&self, a: NodeId, b: NodeId) -> Vec<EndId> {
        let ends = self.network.nodes.get(a).map(|node| &node.ends).into_iter().flatten();
        ends.copied().filter(|end| self.network.end(end.other()).node == b).collect()
    }

    /// A process ends: its associations are aborted.
    pub(super) fn close_all(&mut self, end: End) {
        for end in self.ends_of(end) {
            self.close_end(end);
        }
    }

    /// Adds registrars that never ran.
    pub fn nodes_that_are_dead(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.nodes.len();
            let (config, inbox) = (config(number, &[]), Vec::new());
            self.nodes.push(Node { core: None, config, frozen: false, inbox, left: false });
            self.make_room(End::Registrar(number));
        }
    }
}
