//! What the values of rules fit: names with `*`, and networks.

use std::net::IpAddr;

/// A name in which each `*` stands for any letters, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// Of the text of a rule.
    pub fn new(text: &str) -> Pattern {
        Pattern(text.as_bytes().to_vec())
    }

    /// Whether it is the pattern of this name. Takes steps of the order of both lengths multiplied, whatever they are.
    pub fn fits(&self, name: &[u8]) -> bool {
        let (mut at, mut in_name) = (0, 0);
        // Behind the last `*`, and how much of the name it does not stand for yet.
        let mut last_star: Option<(usize, usize)> = None;
        while let Some(&letter) = name.get(in_name) {
            match self.0.get(at) {
                Some(b'*') => {
                    at += 1;
                    last_star = Some((at, in_name));
                }
                Some(wanted) if *wanted == letter => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((behind, taken)) = last_star else { return false };
                    last_star = Some((behind, taken + 1));
                    (at, in_name) = (behind, taken + 1);
                }
            }
        }
        self.0.get(at..).unwrap_or_default().iter().all(|letter| *letter == b'*')
    }
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Of `ADDRESS` or `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Result<Network, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| format!("\"{}\" is no address", address.escape_debug()))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(|| {
                format!("the length of a network is 0 to {most} bits, not \"{}\"", bits.escape_debug())
            })?,
        };
        let network = Network { address, bits };
        if network.first_bits(address) != network.number(address) {
            return Err(format!("{address} has bits beyond the {bits} of the network"));
        }
        Ok(network)
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.first_bits(address) == self.number(self.address)
    }

    fn number(&self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => address.into(),
        }
    }

    fn first_bits(&self, address: IpAddr) -> u128 {
        let beyond = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        self.number(address) & !beyond
    }
}
