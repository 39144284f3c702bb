//! Messages and their bytes: RFC 5354, what others have sent, what others read in ours, and rubbish.

mod catalog;
mod codec;
mod fuzz_smoke;
mod pcap;
mod rfc_5354;
mod rsplib_deviations;
mod samples;
mod strategy;
mod tshark;
