#![no_main]

#[path = "../selectors.rs"]
mod selectors;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selectors::selectors(bytes));
