//! Values that options of the registrar alone have, read and shown.

use super::Occurrence;
use crate::logger::Format;
use crate::values::{address, address_by};
use log::LevelFilter;
use rserpool::RegistrarId;
use rserpool::driver::registrar::{Profile, RegistrarSettings};
use rserpool::transport::TransportChoice;
use std::net::SocketAddr;

/// Values as they could be given.
pub fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

/// The other registrars, by address and by name.
pub fn peers(settings: &RegistrarSettings) -> Vec<String> {
    let by_address = settings.core.peers.iter().map(|peer| match peer.addresses.as_slice() {
        [address] => SocketAddr::new(*address, peer.port).to_string(),
        _ => peer.to_string(),
    });
    by_address.chain(settings.peer_names.hosts.iter().map(ToString::to_string)).collect()
}

/// An identifier that is not chosen at random.
pub fn id_chosen(id: RegistrarId) -> Vec<String> {
    if id == RegistrarId(0) { Vec::new() } else { vec![format!("{:#010x}", id.0)] }
}

pub fn on_or_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

pub fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Default => "default",
        Profile::Fast => "fast",
    }
}

pub fn transport_name(choice: TransportChoice) -> &'static str {
    match choice {
        TransportChoice::Auto => "auto",
        TransportChoice::Sctp => "sctp",
        TransportChoice::SctpUdp => "sctp-udp",
    }
}

/// Least important lines of a log.
pub fn log_level(value: &str) -> Result<LevelFilter, String> {
    let wrong = || format!("\"{}\" is no level: use off, error, warn, info, debug or trace", value.escape_debug());
    value.parse().map_err(|_| wrong())
}

pub fn log_format(value: &str) -> Result<Format, String> {
    match value {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        other => Err(format!("\"{}\" is no format: use text or json", other.escape_debug())),
    }
}

pub fn log_format_name(format: Format) -> &'static str {
    match format {
        Format::Text => "text",
        Format::Json => "json",
    }
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
