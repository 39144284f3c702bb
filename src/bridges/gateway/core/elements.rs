//! The elements that a gateway knows, and which of them a session goes to.

use super::interface::{Element, SessionId};
use super::stickiness;
use crate::policy::{Member, Policies, Selector};
use crate::random::Random;
use crate::wire::PolicyType;
use crate::{PoolElementId, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

/// How long an element that did not take a connection is tried after all others.
const SUSPICION: Duration = Duration::from_secs(1);
/// How often one element is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a registrar says of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is in the pool.
    Listed,
    /// It is not in the pool; whether it leaves in order is being asked, until then.
    Missing(Time),
    /// A registrar that may have lost its memory does not list it: it is used until then.
    Doubtful(Time),
    /// It leaves in order: it keeps what it has, and gets nothing new.
    Leaving,
}

pub(super) struct Known {
    pub(super) element: Element,
    pub(super) standing: Standing,
    /// Those connected with it, or connecting.
    pub(super) sessions: BTreeSet<SessionId>,
    member: Member,
    suspect_until: Time,
    report_again: Time,
}

impl Known {
    fn may_be_chosen(&self) -> bool {
        matches!(self.standing, Standing::Listed | Standing::Doubtful(_))
    }
}

/// All that are known, and the pool's policy for them.
pub(super) struct Elements {
    known: BTreeMap<PoolElementId, Known>,
    /// Which of them is which member of the policy.
    members: BTreeMap<Member, PoolElementId>,
    policies: Policies,
    policy: Option<PolicyType>,
    /// None: the policy is not known here, and all take turns in the order of their identifiers.
    selector: Option<Box<dyn Selector>>,
    random: Random,
    chosen: Vec<Member>,
}

impl Elements {
    pub(super) fn new(seed: u64) -> Elements {
        Elements {
            known: BTreeMap::new(),
            members: BTreeMap::new(),
            policies: Policies::standard(),
            policy: None,
            selector: None,
            random: Random::new(seed),
            chosen: Vec::new(),
        }
    }

    pub(super) fn get(&self, id: PoolElementId) -> Option<&Known> {
        self.known.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: PoolElementId) -> Option<&mut Known> {
        self.known.get_mut(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// How many may get something new.
    pub(super) fn usable(&self) -> usize {
        self.members.len()
    }

    /// The pool has this policy; another one than before begins anew with all elements.
    pub(super) fn set_policy(&mut self, policy: PolicyType) {
        if self.policy == Some(policy) {
            return;
        }
        self.policy = Some(policy);
        self.selector = self.policies.selector_for(policy);
        if let Some(selector) = &mut self.selector {
            for id in self.members.values() {
                if let Some(known) = self.known.get(id) {
                    selector.insert(known.member, &known.element.policy);
                }
            }
        }
    }

    /// A registrar lists this element. One whose address is another one now is to be removed before.
    pub(super) fn list(&mut self, element: &Element) {
        if let Some(known) = self.known.get_mut(&element.id) {
            let was_member = known.may_be_chosen();
            let same_policy = known.element.policy == element.policy;
            known.element = element.clone();
            known.standing = Standing::Listed;
            match &mut self.selector {
                Some(selector) if was_member && !same_policy => selector.update(known.member, &element.policy),
                _ => {}
            }
            if !was_member {
                self.join(element.id);
            }
            return;
        }
        let known = Known {
            element: element.clone(),
            standing: Standing::Listed,
            sessions: BTreeSet::new(),
            member: 0,
            suspect_until: Time::ZERO,
            report_again: Time::ZERO,
        };
        self.known.insert(element.id, known);
        self.join(element.id);
    }

    /// A registrar does not list it any more.
    pub(super) fn set_standing(&mut self, id: PoolElementId, standing: Standing) {
        let Some(known) = self.known.get_mut(&id) else { return };
        let was_member = known.may_be_chosen();
        known.standing = standing;
        match (was_member, known.may_be_chosen()) {
            (true, false) => self.part(id),
            (false, true) => self.join(id),
            _ => {}
        }
    }

    /// Forgets an element.
    pub(super) fn remove(&mut self, id: PoolElementId) -> Option<Known> {
        self.part(id);
        self.known.remove(&id)
    }

    fn join(&mut self, id: PoolElementId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        let free = self.members.keys().zip(0..).find(|(taken, number)| **taken != *number).map(|(_, number)| number);
        known.member = free.unwrap_or(self.members.len() as Member);
        self.members.insert(known.member, id);
        if let Some(selector) = &mut self.selector {
            selector.insert(known.member, &known.element.policy);
        }
    }

    fn part(&mut self, id: PoolElementId) {
        let Some(known) = self.known.get(&id) else { return };
        if self.members.get(&known.member) != Some(&id) {
            return;
        }
        self.members.remove(&known.member);
        if let Some(selector) = &mut self.selector {
            selector.remove(known.member);
        }
    }

    /// It did not take a connection. True: the registrar is to be told.
    pub(super) fn suspect(&mut self, id: PoolElementId, now: Time) -> bool {
        let Some(known) = self.known.get_mut(&id) else { return false };
        known.suspect_until = now + SUSPICION;
        let report = known.may_be_chosen() && now >= known.report_again;
        if report {
            known.report_again = now + REPORT_INTERVAL;
        }
        report
    }

    /// It took one.
    pub(super) fn trust(&mut self, id: PoolElementId) {
        if let Some(known) = self.known.get_mut(&id) {
            known.suspect_until = Time::ZERO;
        }
    }

    /// Chooses by the pool's policy, or by `key`, an element that was not `tried` and has room. Suspects come last.
    pub(super) fn choose(
        &mut self,
        now: Time,
        key: Option<u64>,
        tried: &[PoolElementId],
        room: usize,
    ) -> Option<(PoolElementId, SocketAddr)> {
        if let Some(key) = key {
            let usable = self.members.values().filter_map(|id| self.usable_now(*id, tried, room));
            let best = usable.max_by_key(|known| (known.suspect_until <= now, stickiness::rank(key, known.element.id)));
            return best.map(|known| (known.element.id, known.element.address));
        }
        // What the policy gives first is enough as a rule; a selection of all would count for each of them.
        for items in [1, self.members.len()] {
            self.select(items);
            let usable = self.chosen.iter().filter_map(|member| self.members.get(member));
            let mut usable = usable.filter_map(|id| self.usable_now(*id, tried, room));
            if let Some(known) = usable.find(|known| known.suspect_until <= now) {
                return Some((known.element.id, known.element.address));
            }
        }
        let rest = self.chosen.iter().filter_map(|member| self.members.get(member));
        let known = rest.filter_map(|id| self.usable_now(*id, tried, room)).next()?;
        Some((known.element.id, known.element.address))
    }

    fn usable_now(&self, id: PoolElementId, tried: &[PoolElementId], room: usize) -> Option<&Known> {
        self.known.get(&id).filter(|known| !tried.contains(&id) && known.sessions.len() < room)
    }

    fn select(&mut self, items: usize) {
        self.chosen.clear();
        match &mut self.selector {
            Some(selector) => selector.select(items, &mut self.random, &mut self.chosen),
            None => {
                let len = self.members.len();
                let start = self.random.below(len as u64) as usize;
                self.chosen.extend(self.members.keys().cycle().skip(start).take(items.min(len)));
            }
        }
    }
}
