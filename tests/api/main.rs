//! The API over SCTP in UDP on loopback, with one library that all tests share.

#[path = "../support/mod.rs"]
mod support;

mod business_cards;
mod nonblocking;
mod pools;
mod resending;
mod sealed_cookies;
mod sessions;
mod unread;

#[test]
#[ignore = "the server process that other tests start"]
fn server_process() {
    support::api::server_main();
}
