//! The page for operators in a real browser: `scripts/page-trials` runs this, and takes the pictures of docs/operations.md.
#![cfg(feature = "operations")]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod elements;
mod trials;

#[test]
#[ignore = "started by the trials as a process of its own"]
fn elements_process() {
    elements::main();
}
