//! Whom a certificate is for: its subject alternative names, and nothing else of it (RFC 6125 section 6.4.4: never the CN).

use super::access::Identity;
use std::fmt;
use std::net::IpAddr;

/// The scheme of the names that say what somebody is in a scope: `rserpool://SCOPE/ROLE/NAME`.
const SCHEME: &str = "rserpool://";

/// What somebody may be in a scope, where that has to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A registrar.
    Registrar,
    /// A pool element.
    Element,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Registrar => "registrar",
            Role::Element => "element",
        }
    }

    /// Whether an identity is that of somebody with this role. Only `rserpool://SCOPE/ROLE/NAME` says that.
    pub fn is_of(self, identity: &str) -> bool {
        role(identity) == Some(self.name())
    }
}

/// The names of a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// uniformResourceIdentifier.
    pub uris: Vec<String>,
    /// dNSName, IDN as A-labels.
    pub dns: Vec<String>,
    /// iPAddress.
    pub addresses: Vec<IpAddr>,
}

/// A name by which this side knows the other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedName {
    /// A name in DNS.
    Dns(String),
    /// An address, where no name is known.
    Address(IpAddr),
}

/// Why a certificate is not that of the registrar that this side connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It is for somebody else.
    OtherName {
        /// By what this side knows the registrar.
        expected: Vec<ExpectedName>,
        /// Whom it is for.
        names: CertificateNames,
    },
    /// Its URIs say what it may be in a scope, and a registrar is not among that.
    NoRegistrar(String),
    /// It does not say that its owner has this role.
    OtherRole {
        /// The role that it has to say.
        wanted: Role,
        /// Whom it is for.
        names: CertificateNames,
    },
}

impl CertificateNames {
    /// Whether it is a registrar's that is known by one of these names.
    pub fn check_registrar(&self, expected: &[ExpectedName]) -> Result<(), NameFault> {
        if !expected.iter().any(|name| self.is_for(name)) {
            return Err(NameFault::OtherName { expected: expected.to_vec(), names: self.clone() });
        }
        // A certificate without such names has its place in the scope by its name in DNS or its address alone.
        let mut roles = self.uris.iter().filter_map(|uri| Some((uri, role(uri)?))).peekable();
        match roles.peek() {
            Some((uri, _)) => {
                let first = (*uri).clone();
                if roles.any(|(_, role)| role == Role::Registrar.name()) {
                    Ok(())
                } else {
                    Err(NameFault::NoRegistrar(first))
                }
            }
            None => Ok(()),
        }
    }

    /// Whether it says that its owner has this role, whatever its name is. One without such names has none.
    pub fn check_role(&self, wanted: Role) -> Result<(), NameFault> {
        if self.uris.iter().any(|uri| wanted.is_of(uri)) {
            return Ok(());
        }
        Err(NameFault::OtherRole { wanted, names: self.clone() })
    }

    fn is_for(&self, expected: &ExpectedName) -> bool {
        match expected {
            ExpectedName::Dns(name) => self.dns.iter().any(|pattern| dns_name_matches(pattern, name)),
            ExpectedName::Address(address) => self.addresses.contains(address),
        }
    }

    /// Whom rules know it as: what it is in a scope, else its first name in DNS.
    pub fn proved(&self) -> Identity {
        let uri = self.uris.iter().find(|uri| uri.starts_with(SCHEME)).cloned().map(Identity::Uri);
        uri.or_else(|| self.dns.first().cloned().map(Identity::Dns)).unwrap_or(Identity::Nameless)
    }

    /// How it is called in logs and rules: what it is in a scope, else its first name in DNS or address.
    pub fn identity(&self) -> Option<String> {
        let uri = self.uris.iter().find(|uri| uri.starts_with(SCHEME)).cloned();
        uri.or_else(|| self.dns.first().cloned()).or_else(|| self.addresses.first().map(IpAddr::to_string))
    }
}

/// The role in `rserpool://SCOPE/ROLE/NAME`; empty where there is none.
fn role(uri: &str) -> Option<&str> {
    uri.strip_prefix(SCHEME).map(|rest| rest.split('/').nth(1).unwrap_or(""))
}

/// Whether the name in a certificate is `name`. A `*` stands for the whole left-most label, and for exactly one; at least two
/// labels follow it.
fn dns_name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.trim_end_matches('.'), name.trim_end_matches('.'));
    if name.is_empty() || name.contains('*') {
        return false;
    }
    let Some(rest) = pattern.strip_prefix("*.") else {
        return !pattern.contains('*') && pattern.eq_ignore_ascii_case(name);
    };
    let Some((label, parent)) = name.split_once('.') else { return false };
    !label.is_empty() && rest.contains('.') && !rest.contains('*') && rest.eq_ignore_ascii_case(parent)
}

impl fmt::Display for ExpectedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpectedName::Dns(name) => f.write_str(name),
            ExpectedName::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameFault::OtherName { expected, names } => {
                let whom = names.identity().unwrap_or_else(|| "nobody: it has no subject alternative name".to_owned());
                let wanted: Vec<String> = expected.iter().map(ExpectedName::to_string).collect();
                write!(f, "its certificate is for {}, not for {}", whom.escape_debug(), wanted.join(" or "))
            }
            NameFault::NoRegistrar(uri) => {
                write!(f, "its certificate makes it {}, which is no registrar", uri.escape_debug())
            }
            NameFault::OtherRole { wanted, names } => {
                let whom = names.identity().unwrap_or_else(|| "nobody".to_owned());
                write!(f, "its certificate is for {}, and not for rserpool://SCOPE/{wanted}/NAME", whom.escape_debug())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> ExpectedName {
        ExpectedName::Dns(name.to_owned())
    }

    fn certificate(dns: &[&str], uris: &[&str]) -> CertificateNames {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        CertificateNames { dns: owned(dns), uris: owned(uris), addresses: Vec::new() }
    }

    #[test]
    fn names_match_without_regard_to_case_and_a_wildcard_is_one_left_most_label() {
        for (pattern, name, fits) in [
            ("registrar.example.net", "Registrar.EXAMPLE.net", true),
            ("registrar.example.net", "registrar.example.net.", true),
            ("registrar.example.net", "registrar.example.org", false),
            ("*.example.net", "a.example.net", true),
            ("*.example.net", "example.net", false),
            ("*.example.net", "a.b.example.net", false),
            ("*.example.net", ".example.net", false),
            ("*.net", "example.net", false),
            ("*", "localhost", false),
            ("r*.example.net", "registrar.example.net", false),
            ("a.*.net", "a.example.net", false),
            ("*.*.net", "a.example.net", false),
            ("*.example.net", "*.example.net", false),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", true),
            ("", "", false),
        ] {
            assert_eq!(dns_name_matches(pattern, name), fits, "{pattern} for {name}");
        }
    }

    #[test]
    fn an_address_is_compared_as_an_address_and_never_as_a_name() {
        let address: IpAddr = "192.0.2.7".parse().expect("an address");
        let with_address = CertificateNames { addresses: vec![address], ..CertificateNames::default() };
        assert_eq!(with_address.check_registrar(&[ExpectedName::Address(address)]), Ok(()));
        assert!(certificate(&["192.0.2.7"], &[]).check_registrar(&[ExpectedName::Address(address)]).is_err());
        assert!(with_address.check_registrar(&[dns("192.0.2.7")]).is_err());
    }

    #[test]
    fn sec_007_a_certificate_for_another_role_is_no_registrars() {
        let expected = [dns("a.example.net")];
        let with = |uris: &[&str]| certificate(&["a.example.net"], uris).check_registrar(&expected);
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&["https://example.net/registrar/"]), Ok(()), "of no meaning here");
        assert_eq!(with(&["rserpool://scope/registrar/a"]), Ok(()));
        assert_eq!(with(&["rserpool://scope/element/a", "rserpool://scope/registrar/a"]), Ok(()));
        let element = "rserpool://scope/element/a";
        assert_eq!(with(&[element]), Err(NameFault::NoRegistrar(element.to_owned())));
        assert!(with(&["rserpool://registrar"]).is_err());
    }

    #[test]
    fn a_role_is_had_by_its_uri_alone() {
        let named = |uris: &[&str]| certificate(&["a.example.net"], uris);
        assert_eq!(named(&["rserpool://scope/element/a"]).check_role(Role::Element), Ok(()));
        assert_eq!(named(&["https://a", "rserpool://scope/registrar/a"]).check_role(Role::Registrar), Ok(()));
        for uris in [&[][..], &["rserpool://scope/user/a"], &["rserpool://scope/element/a"], &["rserpool://registrar"]]
        {
            let fault = named(uris).check_role(Role::Registrar).expect_err("another role");
            assert!(fault.to_string().ends_with("not for rserpool://SCOPE/registrar/NAME"), "{fault}");
        }
        assert!(named(&["rserpool://scope/registrar/a"]).check_role(Role::Element).is_err());
    }

    #[test]
    fn a_fault_says_whom_the_certificate_is_for() {
        let fault = certificate(&["b.example.net"], &[]).check_registrar(&[dns("a.example.net")]).expect_err("another");
        assert_eq!(fault.to_string(), "its certificate is for b.example.net, not for a.example.net");
        let fault = certificate(&[], &[]).check_registrar(&[dns("a.example.net")]).expect_err("nobody");
        assert!(fault.to_string().contains("no subject alternative name"), "{fault}");
    }
}
