//! Clients and servers that know nothing of RSerPool: `rserpool gateway` and `rserpool sidecar` as processes, over loopback.
#![cfg(feature = "bridges")]

#[path = "../support/mod.rs"]
mod support;

mod gateway;
mod process;
