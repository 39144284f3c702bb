//! The C interface: programs in C and C++, and the headers.

#[path = "../support/mod.rs"]
mod support;

mod headers;
#[cfg(feature = "operations")]
mod programs;
