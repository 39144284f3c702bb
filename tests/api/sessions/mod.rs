//! Sessions through the API: pool elements and pool users over SCTP in UDP on loopback; `scripts/guest/test` runs the same over
//! kernel SCTP.

mod descriptors;
mod failover;
mod room;
mod servers;
mod waiting;
