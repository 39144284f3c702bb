//! Who may do what here, where the operator has given rules.

use super::associations::Association;
use super::{Registrar, Step};
use crate::log_limit::log_limited;
use crate::security::access::{Act, Decision, Identity, Wish};
use crate::{AssociationId, PoolHandle};
use log::Level;
use std::fmt;

impl Registrar {
    /// The other end of an association has proved who it is.
    pub(super) fn on_identified(&mut self, association: AssociationId, identity: Identity) {
        self.associations.identify(association, identity);
    }

    /// Whether the other end has come in the clear, where nobody may (RFC 5355 section 2.15).
    pub(super) fn lacks_tls(&self, association: AssociationId) -> bool {
        let who = self.associations.get(association).map_or(&Identity::Plain, Association::identity);
        self.config.tls_required && *who == Identity::Plain
    }

    /// Logs what the other end wanted to do in the clear.
    pub(super) fn tell_lack_of_tls(&mut self, association: AssociationId, what: &dyn fmt::Display, step: &Step<'_>) {
        self.statistics.denied += 1;
        log_limited!(
            self.logs.refusals => self.host_at(association),
            step.now,
            Level::Warn,
            "registrar {}: {association:?} may not {what} in the clear: TLS is required",
            self.id
        );
    }

    /// Whether the other end may do this; if not, the log says which rule forbids it. Without rules everybody may.
    pub(super) fn may(
        &mut self,
        association: AssociationId,
        act: Act,
        pool: Option<&PoolHandle>,
        step: &Step<'_>,
    ) -> bool {
        if self.lacks_tls(association) {
            self.tell_lack_of_tls(association, &act, step);
            return false;
        }
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
