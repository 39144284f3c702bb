//! The values of options: addresses, durations with their unit, identifiers.

use crate::failure::Failure;
use rserpool::api::{self, Config};
use rserpool::driver::client::Protection;
use rserpool::driver::place::Place;
use rserpool::transport::TransportChoice;
use rserpool::wire::PORT_ASAP;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The value of the option `--name`, as `read` understands it; an error names the option.
pub fn option<T>(
    parser: &mut lexopt::Parser,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    of_option(parser.value()?, name, |value| read(&text(value)?))
}

/// The same, of a value that may be any bytes.
pub fn option_of_bytes<T>(
    parser: &mut lexopt::Parser,
    name: &str,
    read: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, Failure> {
    of_option(parser.value()?, name, |value| read(value.as_bytes()))
}

fn of_option<T>(value: OsString, name: &str, read: impl FnOnce(OsString) -> Result<T, String>) -> Result<T, Failure> {
    read(value).map_err(|why| Failure::Usage(format!("--{name}: {why}")))
}

/// A value as text; option values that are no text make no sense here.
pub fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|v| format!("\"{}\" is not valid text", v.to_string_lossy().escape_debug()))
}

/// What `--transport` is when it is not given.
pub fn transport_from_environment() -> Result<TransportChoice, Failure> {
    TransportChoice::from_env().map_err(Failure::Usage)
}

/// How registrars are asked over TCP: under TLS, where the environment demands that.
pub fn tls_from_environment() -> Result<Protection, Failure> {
    api::tls_from_environment().map_err(|error| Failure::Usage(error.to_string()))
}

/// For what has no TLS: an error where the environment demands it.
pub fn refuse_tls(command: &str) -> Result<(), Failure> {
    if tls_from_environment()?.is_under_tls() {
        return Err(Failure::Usage(format!("RSERPOOL_TLS requires TLS, which `rserpool {command}` does not have")));
    }
    Ok(())
}

/// `ADDR:PORT`, with a host name allowed for the address, and without a port the one given. Of a name the address to try first.
pub fn address(value: &str, default_port: u16) -> Result<SocketAddr, String> {
    address_by(value, default_port, &[])
}

/// The same, by these DNS servers; none: by the system.
pub fn address_by(value: &str, default_port: u16, servers: &[SocketAddr]) -> Result<SocketAddr, String> {
    let all = addresses_by(value, default_port, servers)?;
    all.first().copied().ok_or_else(|| format!("the name \"{}\" has no address", value.escape_debug()))
}

/// The same, with all addresses of a name, in the order in which to try them.
pub fn addresses(value: &str, default_port: u16) -> Result<Vec<SocketAddr>, String> {
    addresses_by(value, default_port, &[])
}

fn addresses_by(value: &str, default_port: u16, servers: &[SocketAddr]) -> Result<Vec<SocketAddr>, String> {
    place(value, default_port)?.look_up_by(servers).map_err(|error| {
        let shown = value.escape_debug();
        format!("the name in \"{shown}\" cannot be resolved: {error}; try an address, e.g. 192.0.2.1:{default_port}")
    })
}

/// The same, without looking the name up.
pub fn place(value: &str, default_port: u16) -> Result<Place, String> {
    let wrong = || format!("\"{}\" is no ADDR:PORT, e.g. 192.0.2.1:{default_port}", value.escape_debug());
    // Port 0, which lets the system choose, is for addresses only.
    Place::with_default_port(value, default_port).ok_or_else(wrong)
}

/// Adds a registrar to those of a pool user's library; its name is looked up later, again and again.
pub fn add_registrar(config: &mut Config, value: &str) -> Result<(), String> {
    match place(value, PORT_ASAP)? {
        Place::Address(address) => config.registrars.push(address.into()),
        Place::Name(name) => config.registrar_names.push(name),
    }
    Ok(())
}

/// A number with its unit: `300ms`, `5s`, `2m`, `1h`.
pub fn duration(value: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{}\" is no duration with its unit, e.g. 300ms, 5s, 2m or 1h", value.escape_debug());
    let digits = value.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = value[..digits].parse().map_err(|_| wrong())?;
    let millis = match &value[digits..] {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    match millis {
        Some(0) => Err("a duration of zero makes no sense here".to_owned()),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err(wrong()),
    }
}

/// The shortest way to write a duration that `duration` reads back.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0ms".to_owned(),
        _ if millis % 3_600_000 == 0 => format!("{}h", millis / 3_600_000),
        _ if millis % 60_000 == 0 => format!("{}m", millis / 60_000),
        _ if millis % 1000 == 0 => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

/// A 32-bit identifier, decimal or, with `0x`, hexadecimal.
pub fn identifier(value: &str) -> Result<u32, String> {
    let parsed = match value.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => value.parse(),
    };
    if parsed == Ok(0) {
        return Err("0 is nobody's identifier; without this option, one is chosen at random".to_owned());
    }
    parsed.map_err(|_| format!("\"{}\" is no 32-bit number, e.g. 0x2a or 42", value.escape_debug()))
}

/// A positive number.
pub fn count(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(0) | Err(_) => Err(format!("\"{}\" is no positive number", value.escape_debug())),
        Ok(number) => Ok(number),
    }
}

/// A positive number of 32 bits.
pub fn count_u32(value: &str) -> Result<u32, String> {
    u32::try_from(count(value)?).map_err(|_| format!("{value} is too large"))
}

/// A number of 32 bits, zero included.
pub fn number_u32(value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| format!("\"{}\" is no number of 32 bits", value.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_are_read_back_as_written() {
        for (text, millis) in [("300ms", 300), ("5s", 5000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for wrong in ["", "5", "s", "5 s", "-5s", "5S", "1.5s", "0s", "99999999999999999999s", "9999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_take_the_default_port_and_ipv6() {
        assert_eq!(address("127.0.0.1:5", 9), Ok("127.0.0.1:5".parse().unwrap()));
        assert_eq!(address("127.0.0.1", 9), Ok("127.0.0.1:9".parse().unwrap()));
        assert_eq!(address("::1", 9), Ok("[::1]:9".parse().unwrap()));
        assert_eq!(address("[::1]:7", 9), Ok("[::1]:7".parse().unwrap()));
        assert!(address("127.0.0.1:70000", 9).is_err());
        assert!(address("", 9).is_err());
    }

    #[test]
    fn identifiers_are_decimal_or_hexadecimal() {
        assert_eq!(identifier("0xdeadbeef"), Ok(0xdead_beef));
        assert_eq!(identifier("42"), Ok(42));
        assert!(identifier("0x1deadbeef").is_err());
        assert!(identifier("pe").is_err());
    }
}
