//! The fuzz targets of `fuzz/` on the stable toolchain: their corpora, and seeded mutations of them.
//!
//! `FUZZ_RUNS` mutations a target (default 20 000) from `FUZZ_SEED` (default 1).

#[path = "../../fuzz/bodies.rs"]
mod bodies;
#[path = "../../fuzz/selectors.rs"]
mod selectors;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// SplitMix64: all that is needed here is a fixed sequence.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

fn environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Changes `input` in one to four places, mostly so that the lengths around the change still fit.
fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len());
        match random.below(7) {
            0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (random.next() % 8)),
            1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next().to_be_bytes()[0]),
            // A 16-bit field: a type or a length near what it was.
            2 => {
                let at = at & !1;
                if let Some(field) = input.get_mut(at..at + 2) {
                    let delta = u16::try_from(random.below(9)).unwrap().wrapping_sub(4);
                    let value = u16::from_be_bytes([field[0], field[1]]).wrapping_add(delta);
                    field.copy_from_slice(&value.to_be_bytes());
                }
            }
            3 => input.truncate(at & !3),
            4 => input.extend_from_slice(&other[random.below(other.len()) & !3..]),
            5 => {
                let piece: Vec<u8> = other.iter().copied().skip(random.below(other.len()) & !3).take(8).collect();
                let at = at & !3;
                input.splice(at..at, piece);
            }
            _ => {
                let at = at & !3;
                input.drain(at..(at + 4).min(input.len()));
            }
        }
    }
    // Most mutations shall get past the header.
    if random.below(8) != 0 && input.len() >= 4 && input.len() <= 0xffff {
        let length = u16::try_from(input.len()).unwrap().to_be_bytes();
        input[2..4].copy_from_slice(&length);
    }
}

fn run(target: &str, body: fn(&[u8])) {
    run_part(target, body, 1);
}

/// One in `part` of the mutations.
fn run_part(target: &str, body: fn(&[u8]), part: u64) {
    let corpus = corpus(target);
    assert!(corpus.len() > 20, "the corpus of {target} is there");
    let check = |input: &[u8], what: &dyn std::fmt::Display| {
        if catch_unwind(AssertUnwindSafe(|| body(input))).is_err() {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            panic!("{target} fails on {what}: {hex}");
        }
    };
    for (number, input) in corpus.iter().enumerate() {
        check(input, &format_args!("input {number} of its corpus"));
    }
    let (runs, seed) = (environment("FUZZ_RUNS", 20_000) / part, environment("FUZZ_SEED", 1));
    let mut random = Random(seed);
    for number in 0..runs {
        let mut input = corpus[random.below(corpus.len())].clone();
        let other = &corpus[random.below(corpus.len())];
        mutate(&mut input, other, &mut random);
        check(&input, &format_args!("mutation {number} of seed {seed}"));
    }
}

#[test]
fn decode_asap_holds() {
    run("decode_asap", bodies::decode_asap);
}

#[test]
fn decode_enrp_holds() {
    run("decode_enrp", bodies::decode_enrp);
}

#[test]
fn roundtrip_holds() {
    run("roundtrip", bodies::roundtrip);
}

#[test]
fn access_policy_holds() {
    run("access_policy", bodies::access_policy);
}

#[test]
fn selectors_hold() {
    // An input is hundreds of operations.
    run_part("selectors", selectors::selectors, 5);
}
