//! What happens while an element serves the session, from the association's beginning to its end.

use super::*;
use crate::association::LossReason;
use crate::session::{ControlMessage, parse_control};
use resends::of_application;

/// ASAP_ERROR messages sent in one association: more would only feed a hostile element.
const MAX_ERRORS_SENT: u8 = 4;

/// An association with the element.
#[derive(Debug)]
pub(super) struct Up {
    pub association: AssociationId,
    since: Time,
    errors_sent: u8,
}

impl PoolUserSession {
    pub(super) fn on_up(&mut self, attempt: Attempt, association: AssociationId, step: &mut Step<'_, Action>) {
        let Some((element, purpose)) = self.win(attempt, step) else {
            // Given up meanwhile: nobody wants this association.
            return step.push(Action::Abort { association });
        };
        (self.element, self.reportable) = (Some(element), Some(element));
        self.state = State::Up(Up { association, since: step.now, errors_sent: 0 });
        let echo = self.cookie.as_deref().and_then(|cookie| encode_cookie_echo(cookie).ok());
        let has_cookie = echo.is_some();
        if let Some(bytes) = echo {
            step.push(Action::SendControl { association, bytes });
        }
        self.send_again(step);
        if purpose == Purpose::Failover {
            step.push(Action::Notify(Notification::FailoverComplete { session: self.session, has_cookie }));
        }
        if self.config.wants_removals {
            step.push(Action::WantRemovals);
        }
        self.settle(Ok(()), step);
    }

    pub(super) fn on_lost(
        &mut self,
        association: AssociationId,
        reason: &LossReason,
        lost: Vec<Undelivered>,
        step: &mut Step<'_, Action>,
    ) {
        if let Some(element) = self.resends.handed_back(association) {
            self.take_back(element, lost, step);
            return self.send_again(step);
        }
        if self.current_association() != Some(association) {
            return;
        }
        self.log_end(&format!("element {} is gone ({reason})", self.element.unwrap_or_default()));
        let closed = *reason == LossReason::Closed;
        if closed {
            step.push(Action::Notify(Notification::Shutdown { session: self.session }));
        }
        // An element that lives and refuses stays in its pool. From now on the application knows no better than the transport.
        let reportable = self.reportable.take().filter(|_| reason.says_unreachable());
        if let Some(element) = reportable {
            step.push(self.report(element));
        }
        self.take_back(self.element.unwrap_or_default(), lost, step);
        self.leave(step);
    }

    /// Another session has found the element unreachable. A session that only waits would find out by its next heartbeat, in half
    /// a second or more, so it probes the element now. It does not end at once: perhaps only the other session's path has failed.
    pub(super) fn on_element_suspected(&self, element: PoolElementId, step: &mut Step<'_, Action>) {
        if let (State::Up(up), true) = (&self.state, self.element == Some(element)) {
            step.push(Action::Probe { association: up.association });
        }
    }

    /// The registrar has given the element up: it hangs, cannot be reached or has left. Our own association may take long to
    /// notice, or never notices, as an operating system acknowledges for a process that hangs.
    pub(super) fn on_element_removed(&mut self, element: PoolElementId, step: &mut Step<'_, Action>) {
        if self.current_association().is_none() || self.element != Some(element) {
            return;
        }
        self.give_up(step);
        self.log_end(&format!("the registrar has removed element {element}"));
        self.reportable = None;
        self.leave(step);
    }

    fn log_end(&self, what: &str) {
        let failover = if self.config.automatic { "begins" } else { "is up to the application" };
        log::info!("session {} with pool {}: {what}, failover {failover}", self.session.0, self.pool_handle);
    }

    /// The association has ended without the application's doing.
    fn leave(&mut self, step: &mut Step<'_, Action>) {
        let State::Up(up) = &self.state else { return };
        // An element that accepts and hangs up at once has more to do than it can: asked again and again at the same pace, it
        // would never get out of that.
        let short = step.now.saturating_since(up.since) < self.config.connect_timeout;
        self.short_lived = if short { self.short_lived.saturating_add(1) } else { 0 };
        if let Some(element) = self.element {
            self.failed.add(element, step.now);
        }
        step.push(self.failover_necessary());
        self.state = State::Failed { obstacle: None };
        if self.config.automatic {
            self.search(Purpose::Failover, step);
        }
    }

    /// Leaves a living element: what it has not acknowledged is to be handed back.
    pub(super) fn give_up(&mut self, step: &mut Step<'_, Action>) {
        let State::Up(up) = &self.state else { return };
        let association = up.association;
        let comes_back = self.resends.expect_from(association, self.element.unwrap_or_default());
        step.push(if comes_back { Action::GiveUp { association } } else { Action::Abort { association } });
    }

    /// Takes what an element never acknowledged: for the next one, or to tell that it is lost.
    fn take_back(&mut self, element: PoolElementId, lost: Vec<Undelivered>, step: &mut Step<'_, Action>) {
        let count = if self.config.resend && !self.has_ended() {
            self.resends.take_back(lost)
        } else {
            u32::try_from(lost.iter().filter(|message| of_application(message)).count()).unwrap_or(u32::MAX)
        };
        self.messages_lost(element, count, step);
    }

    /// Has what waits for an element sent, where there is one.
    fn send_again(&self, step: &mut Step<'_, Action>) {
        if let (Some(association), Some(_)) = (self.current_association(), self.resends.next()) {
            step.push(Action::Resend { association });
        }
    }

    pub(super) fn on_writable(&self, association: AssociationId, step: &mut Step<'_, Action>) {
        if self.current_association() == Some(association) {
            self.send_again(step);
        }
    }

    /// This element cannot take the message: it has fewer streams than the last one, say.
    pub(super) fn on_resend_refused(&mut self, step: &mut Step<'_, Action>) {
        if self.resends.take_next().is_some() {
            self.messages_lost(self.element.unwrap_or_default(), 1, step);
        }
    }

    /// The application is told of messages that nobody will get.
    pub(super) fn messages_lost(&self, element: PoolElementId, messages: u32, step: &mut Step<'_, Action>) {
        if messages == 0 {
            return;
        }
        let (number, pool) = (self.session.0, &self.pool_handle);
        // Without the option to resend, the application has to count on that.
        let level = if self.config.resend { log::Level::Warn } else { log::Level::Info };
        log::log!(
            level,
            "session {number} with pool {pool}: {messages} messages not delivered to element {element} are lost"
        );
        step.push(Action::Notify(Notification::SendFailed { session: self.session, element, messages }));
    }

    pub(super) fn on_control(&mut self, association: AssociationId, bytes: &[u8], step: &mut Step<'_, Action>) {
        let State::Up(up) = &mut self.state else { return };
        if up.association != association {
            return;
        }
        match parse_control(bytes) {
            ControlMessage::Cookie(cookie) => self.cookie = Some(cookie),
            ControlMessage::BusinessCard { pool_handle, pool_elements } => {
                // A card for another pool would send the session to a service that it never asked for.
                if pool_handle == self.pool_handle {
                    self.preferred = pool_elements;
                }
            }
            ControlMessage::CookieEcho(_) => log::debug!("a pool element sent a cookie echo, which is ignored"),
            ControlMessage::Error(error) => log::debug!("peer of {association:?} reports {:?}", error.first()),
            ControlMessage::Unusable { answer, what } => {
                log::debug!("control message on {association:?} ignored: {what}");
                if let Some(bytes) = answer.filter(|_| up.errors_sent < MAX_ERRORS_SENT) {
                    up.errors_sent += 1;
                    step.push(Action::SendControl { association, bytes });
                }
            }
        }
    }
}
