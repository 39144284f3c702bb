//! Values that options of the registrar alone have, read and shown.

use super::Occurrence;
use crate::values::{address, address_by};
use std::net::SocketAddr;

/// Values as the help shows them.
pub fn list<T: ToString>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// The values of a list with commas.
pub fn each<T>(values: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    values.split(',').map(|value| parse(value.trim())).collect()
}

/// A name that may have SRV records.
pub fn dns_name(name: &str) -> Result<String, String> {
    let labels = name.trim_end_matches('.').split('.');
    let plausible = name.len() < 256 && labels.into_iter().all(|label| (1..64).contains(&label.len()));
    match plausible && name.is_ascii() && !name.contains(char::is_whitespace) {
        true => Ok(name.to_owned()),
        false => Err(format!("\"{}\" is no DNS name, e.g. _enrp._sctp.example.net", name.escape_debug())),
    }
}

/// On or off.
pub fn switch(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("\"{}\" is neither on nor off", other.escape_debug())),
    }
}

/// Groups as the help shows them.
pub fn groups(groups: &[SocketAddr]) -> String {
    if groups.is_empty() {
        return "off".to_owned();
    }
    groups.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ")
}

/// Adds the addresses of a list.
pub fn set_addresses(
    addresses: &mut Vec<SocketAddr>,
    value: &str,
    occurrence: Occurrence,
    port: u16,
    servers: &[SocketAddr],
) -> Result<(), String> {
    if occurrence == Occurrence::First {
        addresses.clear();
    }
    addresses.extend(each(value, |text| address_by(text, port, servers))?);
    Ok(())
}

/// Adds a group, or all groups, or takes them away.
pub fn set_groups(
    groups: &mut Vec<SocketAddr>,
    value: &str,
    occurrence: Occurrence,
    on: Vec<SocketAddr>,
    port: u16,
) -> Result<(), String> {
    if occurrence == Occurrence::First {
        groups.clear();
    }
    match value {
        "off" => groups.clear(),
        "on" => groups.extend(on),
        text => {
            let group = address(text, port)?;
            if !group.ip().is_multicast() {
                return Err(format!("{group} is no multicast group"));
            }
            groups.push(group);
        }
    }
    Ok(())
}
