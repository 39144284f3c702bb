//! Keeps a client with an element by rendezvous hashing: each gateway comes to the same order without asking another one, and when an
//! element goes, only its own clients go elsewhere.

use crate::PoolElementId;
use std::net::IpAddr;

/// What all connections of this client have in common.
pub(super) fn key_of(client: IpAddr) -> u64 {
    let bits = match client.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    mix(bits as u64 ^ mix((bits >> 64) as u64))
}

/// How much an element is this key's: the one with the highest number has it.
pub(super) fn rank(key: u64, element: PoolElementId) -> u64 {
    mix(key ^ mix(u64::from(element.0)))
}

/// The finish of SplitMix64, which spreads each bit over all of them. It must never change: gateways of two versions would disagree.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn winner(client: u32, elements: &[u32]) -> u32 {
        let key = key_of(IpAddr::V4(client.into()));
        *elements.iter().max_by_key(|id| rank(key, PoolElementId(**id))).expect("an element")
    }

    #[test]
    fn clients_are_spread_and_only_those_of_an_element_that_goes_move() {
        let (all, without) = ([1, 2, 3, 4], [1, 2, 4]);
        let mut shares = BTreeMap::<u32, u32>::new();
        for client in 0x0a00_0000..0x0a00_0fa0_u32 {
            let before = winner(client, &all);
            *shares.entry(before).or_default() += 1;
            if before != 3 {
                assert_eq!(winner(client, &without), before);
            }
        }
        assert!(shares.len() == 4 && shares.values().all(|share| (850..1150).contains(share)), "{shares:?}");
    }

    #[test]
    fn an_ipv4_client_has_one_key_also_where_it_comes_by_an_ipv6_socket() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(key_of(mapped), key_of("192.0.2.1".parse().unwrap()));
        assert_ne!(key_of("2001:db8::1".parse().unwrap()), key_of("2001:db8:1::1".parse().unwrap()));
    }
}
