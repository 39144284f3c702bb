//! Who may do what at a registrar: the rules of a file, of which the first one that fits decides. What none fits is denied.
//!
//! Rules are texts for people (`rules.rs` reads them), and so are questions to try them out with (`question.rs`).

mod matching;
mod question;
mod rules;
mod words;

pub use matching::{Network, Pattern};
pub use question::Question;
pub use rules::{AccessPolicy, Decision};
pub use words::BadText;

use std::fmt;
use std::net::IpAddr;

/// Who somebody is, as far as it was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nothing was proved: the connection is in the clear.
    #[default]
    Plain,
    /// Under TLS, without a certificate or with one that has no name.
    Nameless,
    /// A uniformResourceIdentifier of the certificate: `rserpool://SCOPE/ROLE/NAME`.
    Uri(String),
    /// A dNSName of the certificate.
    Dns(String),
    /// The identity that goes with a pre-shared key.
    Key(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Plain => f.write_str("plain"),
            Identity::Nameless => f.write_str("tls"),
            Identity::Uri(name) => write!(f, "uri={}", name.escape_debug()),
            Identity::Dns(name) => write!(f, "dns={}", name.escape_debug()),
            Identity::Key(name) => write!(f, "psk={}", name.escape_debug()),
        }
    }
}

/// What somebody wants of a registrar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To register an element, or to change its registration (ASAP_REGISTRATION).
    Register,
    /// To be told elements of a pool (ASAP_HANDLE_RESOLUTION).
    Resolve,
    /// To be told when a pool changes.
    Subscribe,
    /// To say that an element cannot be reached (ASAP_ENDPOINT_UNREACHABLE).
    Report,
    /// To be shown all pools without being a registrar, as `rserpool list`.
    List,
}

/// All acts with their words.
pub const ACTS: [(&str, Act); 5] = [
    ("register", Act::Register),
    ("resolve", Act::Resolve),
    ("subscribe", Act::Subscribe),
    ("report", Act::Report),
    ("list", Act::List),
];

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ACTS.iter().find(|(_, act)| act == self).map_or("", |(word, _)| word))
    }
}

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Who wants it.
    pub who: &'a Identity,
    /// Where it comes from, if that is known.
    pub from: Option<IpAddr>,
    /// What.
    pub act: Act,
    /// The pool that it is about; none: all of them.
    pub pool: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests;
