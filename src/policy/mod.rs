//! Pool member selection policies (RFC 5356), one file a family.
