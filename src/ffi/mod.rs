//! The C ABI: conversions and guards, no logic. One file a group of functions.
//!
//! Rules for every function here, which C programmers may rely on (rustdoc becomes the comments of `include/rserpool/`):
//!
//! - A pointer is NULL or points to what its type says for as long as the call lasts. NULL where that is not allowed is
//!   `EFAULT`. That is also the contract behind every `unsafe` in these files.
//! - Failure is -1 (or NULL, or a code, as each function says) with `errno`. Nothing aborts the process.
//! - A panic, which is a bug in this library, is -1 with `ENOTRECOVERABLE`, and so is every call after it until
//!   `rsp_cleanup`: the state behind it can no longer be trusted.
//! - The functions are private because only C is meant to call them: Rust programs use [`crate::api`].

// C's names of parameters, as the headers have them.
#![allow(non_snake_case)]

mod arguments;
mod basic;
pub mod constants;
mod convert;
#[cfg(feature = "pool-element")]
mod element_tags;
mod error_texts;
pub mod errors;
mod guard;
mod io;
#[cfg(test)]
mod layout_tests;
mod library;
mod logging;
mod mapping;
mod names;
pub mod policy_types;
mod poll;
#[cfg(feature = "pool-element")]
mod pool_element;
mod pool_info;
mod pool_sending;
mod pool_user;
#[cfg(feature = "pool-element")]
mod registration;
mod rsplib_logging;
mod socket;
pub mod tag_item;
pub mod tag_numbers;
mod tags;
pub mod types;
