//! The session core: failover, cookies, notifications. No I/O.
