//! A proxy pool user: takes connections of clients that know nothing of RSerPool, and leads each to an element of a pool.
//!
//! ```text
//!   listener --> worker threads --(events)--> core (lock) --(actions)--> worker threads --> elements
//!                                                ^
//!   registrar --> "gateway-pool": what is in the pool, who leaves, does the registrar answer
//! ```
//!
//! The core knows who is connected to whom; bytes pass it by.

pub mod core;
pub mod driver;
pub mod wire;
