//! No element is listed at a place that is not its own: whoever registers from a host offers a service of that host, and only one
//! registrar of the scope is its home.

use crate::node::NodeId;
use crate::rogues::{Setting, is_of_rogue};
use crate::world::World;
use rserpool::wire::PoolElement;
use std::net::IpAddr;

impl World {
    pub fn check_foreign(&mut self, node: NodeId) {
        let Some(registrar) = self.nodes[node].registrar() else { return };
        let handlespace = registrar.handlespace();
        let mut wrong = None;
        for (_, pool) in handlespace.pools_from(None) {
            let number = self.config.pool_number(pool.handle());
            for element in pool.elements().filter_map(|index| handlespace.element(index)) {
                let pool_element = element.pool_element();
                if let Some(why) = self.is_foreign(number, &pool_element) {
                    wrong = Some(format!("{pool_element:?} of pool {} {why}", pool.handle()));
                }
            }
        }
        if let Some(what) = wrong {
            self.fail(format!("registrar on node {node} lists a foreign element: {what}"));
        }
    }

    fn is_foreign(&self, pool: Option<usize>, element: &PoolElement) -> Option<&'static str> {
        if !self.checks.registrar_ids.contains(&element.home_registrar.0) {
            return Some("has a home that was never there");
        }
        let transports = element.asap_transport.iter().chain([&element.user_transport]);
        let offered: Vec<IpAddr> = transports.flat_map(|transport| transport.place().1).copied().collect();
        // Whoever has an identifier in peace keeps it; in trouble, one that nobody has can be anybody's.
        let honest = self.honest_address(pool, element.id.0);
        let own = honest.is_some_and(|own| offered.iter().all(|address| *address == own));
        let of_rogue =
            offered.windows(2).all(|two| two[0] == two[1]) && offered.iter().all(|address| is_of_rogue(self, *address));
        match self.config.rogues.setting {
            _ if own => None,
            Setting::Peace if honest.is_some() => Some("is not where that element is"),
            _ if of_rogue => None,
            _ => Some("is where neither that element nor a rogue is"),
        }
    }

    /// Where the honest process is that offers an element of the run, wanted or not.
    pub(super) fn honest_address(&self, pool: Option<usize>, id: u32) -> Option<IpAddr> {
        let node = (id >> 8) as usize;
        let elements = self.plans.get(node)?.own_elements();
        let is_its = elements.iter().any(|element| Some(element.pool) == pool && element.id == id);
        is_its.then(|| self.nodes[node].address)
    }
}
