//! What must never reach a log: dcsctp writes every packet in hex at level "info", payload and cookies included.

use log::Metadata;

/// Whether a log of ours may write a record. Both loggers of this crate ask here; a Rust program with a logger of its own
/// should leave out the target `dcsctp` as well.
pub fn may_be_written(metadata: &Metadata<'_>) -> bool {
    metadata.level() <= log::max_level() && !metadata.target().starts_with("dcsctp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::{Level, LevelFilter};

    #[test]
    fn packets_of_dcsctp_are_never_written() {
        log::set_max_level(LevelFilter::Trace);
        let of = |target| Metadata::builder().level(Level::Info).target(target).build();
        assert!(may_be_written(&of("rserpool::registrar")));
        assert!(!may_be_written(&of("dcsctp::logging")));
        assert!(!may_be_written(&of("dcsctp")));
    }
}
