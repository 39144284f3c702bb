//! Programs as a user runs them, over loopback: `rserpool`, the C examples, the README.
#![cfg(feature = "operations")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod configuration;
mod examples;
mod hostile;
mod http;
mod log_format;
mod long_lists;
mod memory;
mod monitoring;
mod operators;
mod readme;
mod registrar;
mod registrar_driver;
mod registrar_output;
mod tools;
mod top;

#[test]
#[ignore = "started by the tests as a process of its own"]
fn host_process() {
    support::scope::hosts::main();
}

#[test]
#[ignore = "the server process that other tests start"]
fn server_process() {
    support::api::server_main();
}
