//! What a registrar knows, by `rserpool list --json`.

use super::network::Namespace;
use rserpool::{PoolElementId, RegistrarId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

/// The home registrar of each element.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub registrar: RegistrarId,
    pub homes: BTreeMap<(String, PoolElementId), RegistrarId>,
}

impl Table {
    /// The PE checksum (RFC 5353 section 1.1, RFC 1071) of what `owner` is home of, computed as the RFC says it.
    pub fn checksum(&self, owner: RegistrarId) -> u16 {
        let owned = self.homes.iter().filter(|(_, home)| **home == owner);
        let mut sum = 0u64;
        for ((handle, id), _) in owned {
            let mut bytes = handle.clone().into_bytes();
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(id.0.to_be_bytes());
            sum += bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(word[1])).sum::<u64>();
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// Asks the registrar at `enrp`.
pub fn table_of(enrp: SocketAddr, namespace: Option<&Namespace>) -> Result<Table, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rserpool"));
    command.args(["list", "--json", "--timeout", "10s", "--enrp", &enrp.to_string()]);
    if let Some(namespace) = namespace {
        namespace.enter(&mut command);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "the table makes no sense".to_owned())
}

/// Our own JSON, whose members have a fixed order.
fn parse(json: &str) -> Option<Table> {
    let registrar = RegistrarId(number_after(json, "\"registrar\":")?);
    let mut homes = BTreeMap::new();
    for pool in json.split("\"pool_handle\":\"").skip(1) {
        let (handle, elements) = pool.split_once('"')?;
        for element in elements.split("\"id\":").skip(1) {
            let id = PoolElementId(number_after(element, "")?);
            let home = RegistrarId(number_after(element, "\"home_registrar\":")?);
            homes.insert((handle.to_owned(), id), home);
        }
    }
    Some(Table { registrar, homes })
}

fn number_after(text: &str, key: &str) -> Option<u32> {
    let (_, rest) = text.split_once(key)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
