//! Tables of our own. Those for few entries, or for one kind of entry, stand in for ordered ones of the standard library, which are made
//! anew for each type that they hold, two to seven kilobytes a type, and were a quarter of the smallest library.

mod association_map;
mod deadlines;
mod keyed_timers;
mod sorted_map;

pub(crate) use association_map::AssociationMap;
pub use deadlines::Deadlines;
pub use keyed_timers::KeyedTimers;
pub use sorted_map::SortedMap;
