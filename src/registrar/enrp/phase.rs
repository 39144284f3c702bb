//! How far this registrar's life has come.

/// How far this registrar's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registrar) enum Phase {
    /// It learns from a mentor what there is.
    Starting,
    Ready,
    /// It hands its elements over.
    Leaving,
    Left,
}
