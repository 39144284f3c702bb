//! In peace, rogues change nothing: no healthy element goes or moves, nobody honest leaves his registrar.

use crate::node::NodeId;
use crate::rogues::Setting;
use crate::world::World;
use rserpool::registrar::Link;

/// How honest processes stand to each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    /// The registrar of each client.
    homes: Vec<Option<NodeId>>,
    /// Whether each registrar has ever taken over, or lost for its own fault, another one.
    takeovers: Vec<u64>,
}

impl World {
    pub fn standing(&self) -> Standing {
        let clients = self.config.registrars..self.config.honest();
        let elements = |node: &NodeId| !self.plans[*node].own_elements().is_empty();
        Standing {
            homes: clients.filter(elements).map(|node| self.home_of(node)).collect(),
            takeovers: (0..self.config.registrars)
                .filter_map(|node| Some(self.nodes[node].registrar()?.statistics().takeovers_completed))
                .collect(),
        }
    }

    pub fn check_siege(&mut self) {
        let Some(before) = &self.checks.siege else { return };
        let now = self.standing();
        if now != *before {
            let what = format!("honest processes have moved: they were {before:?} and are {now:?}");
            return self.fail(what);
        }
        if let Some(what) = self.unsettled() {
            self.fail(format!("rogues have changed something: {what}"));
        }
    }

    /// During a siege nobody has a reason to connect to an element.
    pub fn is_needless(&self, link: Option<Link>) -> bool {
        self.config.rogues.setting == Setting::Peace && self.checks.siege.is_some() && link == Some(Link::Asap)
    }
}
