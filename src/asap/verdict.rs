//! What an expired timer of a request means for the home registrar.

/// What the home registrar deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Keep,
    /// An alternative is looked for (RFC 5352 section 3.7.2).
    Doubt,
    /// It is left.
    Leave(&'static str),
    /// It is left, unless it has answered others.
    LeaveIfDoubtful(&'static str),
}
