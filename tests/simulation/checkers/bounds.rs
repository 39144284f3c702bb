//! Nobody can make a process keep more than its bounds allow.

use crate::node::NodeId;
use crate::world::World;
use rserpool::registrar::Held;

/// The first table that is too large.
pub fn too_large(held: &[Held]) -> Option<String> {
    let one = held.iter().find(|held| held.count > held.most)?;
    Some(format!("it keeps {} {}, and may keep {}", one.count, one.what, one.most))
}

impl World {
    pub fn check_bounds(&mut self, node: NodeId) {
        let Some(registrar) = self.nodes[node].registrar() else { return };
        if let Some(what) = too_large(&registrar.held()) {
            self.fail(format!("registrar on node {node}: {what}"));
        }
    }
}
