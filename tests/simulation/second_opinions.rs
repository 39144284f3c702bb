//! An element that its home does not reach any more, while other registrars do: it gets another home, and no registrar ever misses it.

use super::bad_links::{ELEMENTS, FAST, config, go_on};
use super::config::{MILLIS, SECOND};
use super::trace::Mode;
use super::world::World;
use crate::support::network::{NodeId, Traffic};

const LOOK: u64 = 5 * MILLIS;
const LONG: u64 = 10 * SECOND;

fn settled(seed: u64) -> World {
    let mut world = World::new(config(seed, FAST), Mode::Hash);
    world.start_all();
    go_on(&mut world, 20 * SECOND);
    assert_eq!(world.unsettled(), None, "SEED={seed}");
    world
}

/// Nothing gets through between two nodes any more.
fn cut(world: &mut World, a: NodeId, b: NodeId) {
    world.network.cuts.insert((a.min(b), a.max(b)));
    let ends: Vec<_> = world.network.nodes[a].ends.iter().copied().collect();
    for end in ends.into_iter().filter(|end| world.network.end(end.other()).node == b).collect::<Vec<_>>() {
        world.suspect(end);
        world.suspect(end.other());
    }
}

/// How many elements are listed where fewest are, at any time.
fn fewest(world: &mut World, time: u64) -> usize {
    let (end, mut fewest) = (world.now + time, usize::MAX);
    while world.now < end {
        go_on(world, LOOK);
        fewest = (0..world.config.registrars).map(|node| world.elements_at(node).len()).fold(fewest, usize::min);
    }
    fewest
}

#[test]
fn an_element_that_its_home_does_not_reach_moves_and_no_registrar_ever_misses_it() {
    for seed in 1..=5 {
        let mut world = settled(seed);
        let process = world.config.registrars + seed as usize;
        let home = world.home_of(process).expect("it has a home");
        cut(&mut world, home, process);
        assert_eq!(fewest(&mut world, LONG), ELEMENTS, "SEED={seed}");
        assert!(world.home_of(process).is_some_and(|new| new != home), "SEED={seed}");
        assert_eq!(world.unsettled(), None, "SEED={seed}");
    }
}

/// That the test above can fail.
#[test]
fn an_element_that_no_registrar_reaches_is_missed() {
    let mut world = settled(1);
    let process = world.config.registrars;
    for registrar in 0..world.config.registrars {
        cut(&mut world, registrar, process);
    }
    assert_eq!(fewest(&mut world, LONG), ELEMENTS - 1);
}
