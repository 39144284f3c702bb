//! Tables for few entries, or for one kind of entry, in place of the standard library's ordered ones: these are made anew for
//! each type that they hold, two to seven kilobytes a type, and were a quarter of the smallest library.

mod deadlines;
mod sorted_map;

pub use deadlines::Deadlines;
pub use sorted_map::SortedMap;
