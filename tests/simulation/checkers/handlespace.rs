//! Checksums recomputed from scratch, with RFC 1071 as its text has it, and tables within their bounds.

use rserpool::RegistrarId;
use rserpool::registrar::Registrar;
use std::collections::{BTreeMap, BTreeSet};

/// The one's complement sum of the one's complement sums, then inverted (RFC 1071; RFC 5353 section 3.6.2: pool handle,
/// padded to a multiple of four, and identifier of each element).
pub struct InternetChecksum(u32);

impl InternetChecksum {
    pub fn new() -> InternetChecksum {
        InternetChecksum(0)
    }

    pub fn add(&mut self, handle: &[u8], id: u32) {
        let mut block = handle.to_vec();
        while block.len() % 4 != 0 {
            block.push(0);
        }
        block.extend(id.to_be_bytes());
        for word in block.chunks(2) {
            self.0 += u32::from(word[0]) * 256 + u32::from(word[1]);
            // End-around carry at once.
            self.0 = (self.0 & 0xffff) + (self.0 >> 16);
        }
    }

    pub fn value(&self) -> u16 {
        // After one carry 0x10000 cannot be left: the sum of a 16-bit number and a carry of one at most was folded.
        !(self.0 as u16)
    }
}

/// Whether the tables of a registrar agree with each other.
pub fn check(registrar: &Registrar) -> Result<(), String> {
    let (handlespace, config) = (registrar.handlespace(), registrar.config());
    let mut owners: BTreeMap<RegistrarId, (InternetChecksum, usize)> = BTreeMap::new();
    let (mut pools, mut elements) = (0, 0);
    for (_, pool) in handlespace.pools_from(None) {
        pools += 1;
        let mut ids = BTreeSet::new();
        for index in pool.elements() {
            let element = handlespace.element(index).ok_or("a pool lists an element that is not there")?;
            let pool_element = element.pool_element();
            if !ids.insert(pool_element.id) {
                return Err(format!("{:?} is in pool {} twice", pool_element.id, pool.handle()));
            }
            let (sum, count) = owners.entry(pool_element.home_registrar).or_insert((InternetChecksum::new(), 0));
            sum.add(pool.handle().as_bytes(), pool_element.id.0);
            *count += 1;
            elements += 1;
        }
        if ids.is_empty() {
            return Err(format!("pool {} is empty and still there", pool.handle()));
        }
        if ids.len() != pool.len() {
            return Err(format!("pool {} counts {} elements and has {}", pool.handle(), pool.len(), ids.len()));
        }
    }
    if (pools, elements) != (handlespace.pool_count(), handlespace.element_count()) {
        return Err(format!(
            "{} pools and {} elements are counted, {pools} and {elements} are there",
            handlespace.pool_count(),
            handlespace.element_count()
        ));
    }
    for (owner, (sum, count)) in &owners {
        let (kept, listed) = (handlespace.checksum_of_owner(*owner).value(), handlespace.count_of_owner(*owner));
        if kept != sum.value() || listed != *count {
            return Err(format!(
                "checksum of {owner:?} is kept as {kept:04x} over {listed} elements and is {:04x} over {count}",
                sum.value()
            ));
        }
    }
    let own = registrar.id();
    if !owners.contains_key(&own) && handlespace.checksum_of_owner(own).value() != 0xffff {
        return Err("the checksum over no element is not ffff".to_owned());
    }
    if pools > config.max_pools || elements > config.max_pool_elements {
        return Err(format!("{pools} pools and {elements} elements are more than allowed"));
    }
    Ok(())
}
