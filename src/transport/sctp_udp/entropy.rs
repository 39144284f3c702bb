//! Random numbers: from the system, or from a seed so that a run can be repeated.

/// Where unpredictable numbers come from.
pub(super) enum Entropy {
    /// The system's generator.
    System,
    /// A counter through splitmix64.
    Seeded(u64),
}

impl Entropy {
    pub fn new(seed: Option<u64>) -> Entropy {
        seed.map_or(Entropy::System, Entropy::Seeded)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        match self {
            Entropy::System => fill_from_system(bytes),
            Entropy::Seeded(state) => {
                for part in bytes.chunks_mut(8) {
                    let number = splitmix64(state).to_le_bytes();
                    part.copy_from_slice(&number[..part.len()]);
                }
            }
        }
    }

    pub fn u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Gives dcsctp a fresh seed: it draws tags and TSNs from `fastrand`, whose state could be guessed from them.
    pub fn reseed_dcsctp(&mut self) {
        fastrand::seed(self.u64());
    }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fill_from_system(mut bytes: &mut [u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and the length are those of a live, writable slice.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => bytes = &mut bytes[got..],
            // Only EINTR can happen: the pointer is right, and every supported kernel has the call.
            Err(_) => continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Entropy::new(Some(1)).u64(), Entropy::new(Some(1)).u64());
        assert_ne!(Entropy::new(Some(1)).u64(), Entropy::new(Some(2)).u64());
        assert_ne!(Entropy::new(None).u64(), Entropy::new(None).u64());
    }
}
