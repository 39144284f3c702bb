//! Which pools and elements are to be shown.

use super::Pools;
use crate::{pool_name, show};
use rserpool::message::enrp::PoolEntry;
use rserpool::{PoolHandle, RegistrarId};

/// What is wanted of a table.
#[derive(Debug, Default)]
pub struct Selection {
    pub pool: Option<Pattern>,
    /// The name of a policy.
    pub policy: Option<String>,
    pub home: Option<RegistrarId>,
    /// Pools behind this one, in the order of their handles.
    pub after: Option<PoolHandle>,
    /// Pools at most.
    pub limit: Option<usize>,
}

impl Selection {
    /// Keeps what is wanted of a part of a pool. One pool more than the limit is kept, so that it is seen that there are more.
    pub fn take(&self, mut entry: PoolEntry, pools: &mut Pools) {
        let handle = &entry.pool_handle;
        if self.pool.as_ref().is_some_and(|pattern| !pattern.fits(handle.as_bytes()))
            || self.after.as_ref() >= Some(handle)
        {
            return;
        }
        entry.pool_elements.retain(|element| {
            let is_policy = |name: &String| name.eq_ignore_ascii_case(&show::policy_name(&element.policy));
            self.home.is_none_or(|home| element.home_registrar == home) && self.policy.as_ref().is_none_or(is_policy)
        });
        if entry.pool_elements.is_empty() {
            return;
        }
        match pools.get_mut(&entry.pool_handle) {
            Some(known) => known.pool_elements.extend(entry.pool_elements),
            None => {
                pools.insert(entry.pool_handle.clone(), entry);
            }
        }
        if self.limit.is_some_and(|limit| pools.len() > limit + 1) {
            pools.pop_last();
        }
    }

    /// Ends a list at its limit. Some: there is more behind this pool.
    pub fn end(&self, pools: &mut Pools) -> Option<PoolHandle> {
        let limit = self.limit.filter(|limit| pools.len() > *limit)?;
        while pools.len() > limit {
            pools.pop_last();
        }
        pools.last_key_value().map(|(handle, _)| handle.clone())
    }
}

/// The name of a pool in which `*` stands for any bytes, or none.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    first: Vec<u8>,
    /// Each behind a `*`.
    rest: Vec<Vec<u8>>,
}

impl Pattern {
    /// One from its text, with `%NN` as names have it; `%2A` is `*` itself.
    pub fn parse(text: &[u8]) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        for part in text.split(|byte| *byte == b'*') {
            parts.push(pool_name::parse(part)?.as_bytes().to_vec());
        }
        let first = parts.remove(0);
        Ok(Pattern { first, rest: parts })
    }

    pub fn fits(&self, handle: &[u8]) -> bool {
        let Some(mut left) = handle.strip_prefix(self.first.as_slice()) else { return false };
        let Some((last, between)) = self.rest.split_last() else { return left.is_empty() };
        for part in between {
            let Some(at) = (0..=left.len()).find(|&at| left[at..].starts_with(part)) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rserpool::PoolElementId;
    use rserpool::wire::{Policy, PoolElement, RegistrationLife, TransportParameter};

    fn element(id: u32, home: u32, policy: Policy) -> PoolElement {
        PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(home),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Opaque(Vec::new()),
            policy,
            asap_transport: None,
        }
    }

    fn entry(handle: &str, pool_elements: Vec<PoolElement>) -> PoolEntry {
        PoolEntry { pool_handle: PoolHandle::from(handle), pool_elements }
    }

    fn shown(selection: &Selection, entries: Vec<PoolEntry>) -> (Vec<String>, Option<String>) {
        let mut pools = Pools::new();
        entries.into_iter().for_each(|entry| selection.take(entry, &mut pools));
        let next = selection.end(&mut pools);
        let ids =
            |pool: &PoolEntry| pool.pool_elements.iter().map(|element| format!("{}", element.id.0)).collect::<String>();
        let name = |handle: &PoolHandle| pool_name::show(handle);
        (pools.iter().map(|(handle, pool)| name(handle) + &ids(pool)).collect(), next.as_ref().map(name))
    }

    #[test]
    fn pages_follow_each_other_whatever_the_order_in_which_a_table_comes() {
        let one = |handle| entry(handle, vec![element(1, 1, Policy::Random)]);
        let table = || vec![one("D"), one("B"), one("A"), entry("B", vec![element(2, 1, Policy::Random)]), one("C")];
        let page = |after: Option<&str>| Selection {
            after: after.map(PoolHandle::from),
            limit: Some(2),
            ..Selection::default()
        };
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(&page(None), table()), (text(&["A1", "B12"]), Some("B".to_owned())));
        assert_eq!(shown(&page(Some("B")), table()), (text(&["C1", "D1"]), None));
        assert_eq!(shown(&page(Some("D")), table()), (Vec::new(), None));
    }

    #[test]
    fn only_pools_with_elements_that_are_wanted_are_shown() {
        let weighted = Policy::WeightedRoundRobin { weight: 3 };
        let table = || {
            vec![
                entry("A", vec![element(1, 1, Policy::Random), element(2, 2, Policy::Random)]),
                entry("B", vec![element(3, 1, weighted.clone())]),
            ]
        };
        let of_home = Selection { home: Some(RegistrarId(2)), ..Selection::default() };
        assert_eq!(shown(&of_home, table()).0, ["A2"]);
        let of_policy = Selection { policy: Some("weightedroundrobin".to_owned()), ..Selection::default() };
        assert_eq!(shown(&of_policy, table()).0, ["B3"]);
        let of_name = Selection { pool: Some(Pattern::parse(b"%41*").expect("a pattern")), ..Selection::default() };
        assert_eq!(shown(&of_name, table()).0, ["A12"]);
    }

    #[test]
    fn a_star_stands_for_any_bytes_and_for_none() {
        for (pattern, fitting, others) in [
            ("Echo", &["Echo"][..], &["Echo1", "echo", "", "1Echo"][..]),
            ("Echo*", &["Echo", "Echo1"], &["echo", "XEcho"]),
            ("*a*b", &["ab", "xaxb", "aab", "abb"], &["ba", "a", "b", "abx"]),
            ("*", &["", "x", "**"], &[]),
            ("a%2A", &["a*"], &["a", "ab", "a*b"]),
            ("aa*aa", &["aaaa", "aaxaa"], &["aaa", "aa"]),
        ] {
            let pattern = Pattern::parse(pattern.as_bytes()).expect("a pattern");
            assert!(fitting.iter().all(|handle| pattern.fits(handle.as_bytes())), "{pattern:?}");
            assert!(!others.iter().any(|handle| pattern.fits(handle.as_bytes())), "{pattern:?}");
        }
        assert!(Pattern::parse(b"100%").is_err());
    }

    proptest! {
        #[test]
        fn a_handle_fits_what_is_left_of_it(handle in prop::collection::vec(any::<u8>(), 0..20), cut in prop::collection::vec(any::<bool>(), 20)) {
            let name = pool_name::show(&PoolHandle::new(handle.clone())).replace('*', "%2A");
            prop_assert!(Pattern::parse(name.as_bytes()).expect("a name").fits(&handle));
            let kept: String = handle.iter().zip(cut).map(|(byte, cut)| if cut { "*".to_owned() } else { format!("%{byte:02X}") }).collect();
            prop_assert!(Pattern::parse(kept.as_bytes()).expect("a pattern").fits(&handle), "{}", kept);
        }
    }
}
