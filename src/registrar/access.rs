//! Who may do what here, where the operator has given rules.

use super::associations::Association;
use super::{Registrar, Step};
use crate::log_limit::log_limited;
use crate::security::access::{Act, Decision, Identity, Wish};
use crate::{AssociationId, PoolHandle};
use log::Level;

impl Registrar {
    /// The other end of an association has proved who it is.
    pub(super) fn on_identified(&mut self, association: AssociationId, identity: Identity) {
        self.associations.identify(association, identity);
    }

    /// Whether the other end may do this; if not, the log says which rule forbids it. Without rules everybody may.
    pub(super) fn may(
        &mut self,
        association: AssociationId,
        act: Act,
        pool: Option<&PoolHandle>,
        step: &Step<'_>,
    ) -> bool {
        let Some(policy) = &self.config.access else { return true };
        let there = self.associations.get(association);
        let who = there.map_or(&Identity::Plain, Association::identity);
        let from = there.and_then(|there| there.address().addresses.first().copied());
        let decision = policy.decide(&Wish { who, from, act, pool: pool.map(PoolHandle::as_bytes) });
        let Decision::Denied { line } = decision else { return true };
        let rule = line.map_or_else(|| "no rule allows it".to_owned(), |line| format!("line {line} of the rules"));
        let what = pool.map_or_else(String::new, |pool| format!(" in pool {pool}"));
        log_limited!(
            self.logs.refusals => self.host_at(association),
            step.now,
            Level::Warn,
            "registrar {}: {association:?} ({who}) may not {act}{what}: {rule}",
            self.id
        );
        self.statistics.denied += 1;
        false
    }
}
