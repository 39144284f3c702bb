//! The C ABI: conversions and guards, no logic.
