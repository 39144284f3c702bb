//! What happens to elements: they come, leave in order, are removed, or are forgotten by a registrar that has lost its memory.

use super::elements::Standing;
use super::{Action, Answering, Carried, Element, Gateway, SessionId, Step};
use crate::wire::PolicyType;
use crate::{PoolElementId, Time};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the registrar has to say who leaves in order. Who is not among these has been removed.
const ASKING: Duration = Duration::from_millis(500);

/// Whether what a registrar says is all that it should know.
#[derive(Default)]
pub(super) struct Memory {
    /// No registrar answers, or none has since its return for as long as elements take to register again.
    doubted: bool,
    /// Until when, where one answers again.
    doubted_until: Option<Time>,
}

impl Memory {
    fn is_doubted(&mut self, now: Time) -> bool {
        if self.doubted_until.is_some_and(|until| until <= now) {
            *self = Memory::default();
        }
        self.doubted
    }
}

impl Gateway {
    /// The pool as a registrar lists it.
    pub(super) fn on_pool(&mut self, policy: Option<PolicyType>, listed: &[Element], step: &mut Step<'_>) {
        if let Some(policy) = policy {
            self.elements.set_policy(policy);
        }
        let forgetful = self.has_forgotten(listed, step.now);
        let ids: BTreeSet<PoolElementId> = listed.iter().map(|element| element.id).collect();
        let missing = self.elements.all().filter(|known| !ids.contains(&known.element.id));
        let missing: Vec<_> = missing.map(|known| (known.element.id, known.standing)).collect();
        let mut ask = false;
        for (id, standing) in missing {
            if standing != Standing::Listed {
                continue; // that is known
            }
            let standing = match forgetful {
                true => Standing::Doubtful(step.now + self.config.grace),
                false => Standing::Missing(step.now + ASKING),
            };
            ask |= !forgetful;
            self.elements.set_standing(id, standing);
        }
        for element in listed {
            self.list(element, step);
        }
        if ask {
            step.push(Action::AskWhoLeaves);
        }
        self.lead_waiting(step);
    }

    fn list(&mut self, element: &Element, step: &mut Step<'_>) {
        let known = self.elements.get(element.id);
        let moved = known.is_some_and(|known| known.element.address != element.address);
        if moved {
            self.remove(element.id, "it is somewhere else now", step);
        }
        if moved || known_is_new(self.elements.get(element.id).map(|known| known.standing)) {
            let (pool, id, address) = (&self.config.pool, element.id, element.address);
            log::info!("gateway of pool {pool}: element {id} at {address} is there: it gets clients");
        }
        self.elements.list(element);
    }

    /// A registrar that has started anew knows only who has registered since. Then an element that is not listed is not gone: all others
    /// would have gone with it, or have another home.
    fn has_forgotten(&mut self, listed: &[Element], now: Time) -> bool {
        let none_left = listed.is_empty() && self.elements.all().any(|known| known.standing == Standing::Listed);
        let new_home = listed
            .iter()
            .any(|element| self.elements.get(element.id).is_some_and(|known| known.element.home != element.home));
        let forgetful = none_left || new_home || self.memory.is_doubted(now);
        let goes = self.elements.all().filter(|known| known.standing == Standing::Listed);
        let goes = goes.filter(|known| !listed.iter().any(|element| element.id == known.element.id)).count();
        if forgetful && goes > 0 {
            log::warn!(
                "gateway of pool {}: a registrar lists {} elements, and not {goes} others that were there: as it may have just \
                 begun, these are used for {:?} more",
                self.config.pool,
                listed.len(),
                self.config.grace
            );
        }
        forgetful
    }

    /// Whoever is missing and not among these has been removed.
    pub(super) fn on_leaving(&mut self, leaving: &[PoolElementId], step: &mut Step<'_>) {
        let missing = self.elements.all().filter(|known| matches!(known.standing, Standing::Missing(_)));
        let missing: Vec<PoolElementId> = missing.map(|known| known.element.id).collect();
        for id in missing {
            if leaving.contains(&id) {
                self.let_leave(id);
            } else {
                self.remove(id, "the registrar has removed it", step);
            }
        }
    }

    fn let_leave(&mut self, id: PoolElementId) {
        let Some(known) = self.elements.get(id) else { return };
        let (pool, address, kept) = (&self.config.pool, known.element.address, known.sessions.len());
        log::info!(
            "gateway of pool {pool}: element {id} at {address} leaves in order: it keeps {kept} clients and gets no more"
        );
        self.elements.set_standing(id, Standing::Leaving);
        self.forget_if_left(id);
    }

    /// Who leaves and has nobody any more is gone.
    pub(super) fn forget_if_left(&mut self, id: PoolElementId) {
        let left = |known: &super::elements::Known| known.standing == Standing::Leaving && known.sessions.is_empty();
        if self.elements.get(id).is_some_and(left) {
            self.elements.remove(id);
        }
    }

    /// An element is gone: its connections are, too, and flows go to others.
    fn remove(&mut self, id: PoolElementId, why: &str, step: &mut Step<'_>) {
        let Some(known) = self.elements.remove(id) else { return };
        let (pool, address, count) = (&self.config.pool, known.element.address, known.sessions.len());
        let consequence = match self.config.carried {
            Carried::Connections => "connections with it are closed",
            Carried::Flows => "flows go to others",
        };
        log::warn!("gateway of pool {pool}: element {id} at {address} is gone, as {why}: {count} {consequence}");
        let sessions: Vec<SessionId> = known.sessions.into_iter().collect();
        for session in sessions {
            self.on_element_gone(session, id, step);
        }
    }

    /// Whether registrars answer.
    pub(super) fn on_registrar(&mut self, answering: Answering, step: &mut Step<'_>) {
        let (pool, count, grace) = (&self.config.pool, self.elements.usable(), self.config.grace);
        match answering {
            Answering::No if !self.memory.doubted || self.memory.doubted_until.is_some() => {
                log::warn!(
                    "gateway of pool {pool}: no registrar answers: the {count} elements that were known last stay in use"
                );
                self.memory = Memory { doubted: true, doubted_until: None };
            }
            Answering::Yes if self.memory.doubted && self.memory.doubted_until.is_none() => {
                log::info!(
                    "gateway of pool {pool}: a registrar answers again: elements have {grace:?} to register with it"
                );
                self.memory.doubted_until = Some(step.now + grace);
            }
            _ => {}
        }
    }

    pub(super) fn element_deadline(&self) -> Option<Time> {
        let times = self.elements.all().filter_map(|known| match known.standing {
            Standing::Missing(until) | Standing::Doubtful(until) => Some(until),
            _ => None,
        });
        times.min().filter(|_| !self.is_unheard())
    }

    /// While no registrar answers, nobody is gone.
    fn is_unheard(&self) -> bool {
        self.memory.doubted && self.memory.doubted_until.is_none()
    }

    pub(super) fn on_element_timers(&mut self, step: &mut Step<'_>) {
        if self.element_deadline().is_none_or(|at| at > step.now) {
            return;
        }
        let due = self.elements.all().filter_map(|known| match known.standing {
            Standing::Missing(until) if until <= step.now => {
                Some((known.element.id, "the registrar does not list it any more"))
            }
            Standing::Doubtful(until) if until <= step.now => Some((known.element.id, "it has not registered again")),
            _ => None,
        });
        for (id, why) in due.collect::<Vec<_>>() {
            self.remove(id, why, step);
        }
    }
}

fn known_is_new(standing: Option<Standing>) -> bool {
    !matches!(standing, Some(Standing::Listed | Standing::Doubtful(_)))
}
