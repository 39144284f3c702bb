//! Requests to registrars whose answers a thread waits for.

use super::bell::{NoResult, Promised, promise};
use super::commands::{Command, Registration, Reply};
use super::io_handle::IoHandle;
use super::subscription::Subscription;
use crate::asap::{Outcome, RegistrationState, Request, RequestError, RequestId};
use crate::driver::clock;
use crate::{PoolElementId, PoolHandle};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A request that has no answer so long after the core's own limit never will have one.
const GRACE: Duration = Duration::from_secs(60);

/// Why a thread that waited for the answer of a request has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// The request failed.
    Failed(RequestError),
    /// A signal handler ran meanwhile. An element stays to be registered, or de-registered.
    Interrupted,
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotDone::Failed(error) => error.fmt(f),
            NotDone::Interrupted => f.write_str("a signal came while waiting for the answer"),
        }
    }
}

/// Whether a call waits for the registrar's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it has come.
    ForAnswer,
    /// Not at all: what becomes of the request, the log says.
    No,
}

impl IoHandle {
    /// How long a request may take, with the core's own limit as it was configured.
    pub(super) fn request_limit(&self) -> Duration {
        self.max_request_time().saturating_add(GRACE)
    }

    /// Gives the client core a request and waits for the answer.
    pub fn request(&self, request: Request) -> Result<Outcome, NotDone> {
        let (reply, answer) = promise();
        let id = self.submit(request, Reply::Waiter(reply));
        self.wait(id, &answer)
    }

    /// Registers an element of an RSerPool socket.
    pub fn register(&self, registration: Registration, wait: Wait) -> Result<Outcome, NotDone> {
        let id = self.next_request();
        if wait == Wait::No {
            self.command(Command::Register { id, registration, reply: Reply::Nobody });
            return Ok(Outcome::Registered);
        }
        let (reply, answer) = promise();
        self.command(Command::Register { id, registration, reply: Reply::Waiter(reply) });
        self.wait(id, &answer)
    }

    /// How an element and the home registrar stand; none: it is not to be registered, or there is nobody to
    /// ask any more.
    pub fn registration_state(
        &self,
        pool_handle: PoolHandle,
        pool_element_id: PoolElementId,
    ) -> Option<RegistrationState> {
        let (reply, answer) = promise();
        self.command(Command::AskRegistration { pool_handle, pool_element_id, reply });
        let until = clock::now() + self.request_limit();
        loop {
            match answer.wait(until) {
                Ok(answer) => return answer,
                // The I/O thread answers at once: no signal need end that.
                Err(NoResult::Interrupted) => {}
                Err(NoResult::Broken | NoResult::TimedOut) => return None,
            }
        }
    }

    /// Subscribes to the pool of `subscription`, which is told of it from now on.
    pub fn subscribe(&self, subscription: &Arc<Subscription>) -> Result<(), NotDone> {
        let (reply, answer) = promise();
        let id = self.next_request();
        self.command(Command::Subscribe { id, subscription: Arc::clone(subscription), reply: Reply::Waiter(reply) });
        self.wait(id, &answer).map(drop)
    }

    /// Ends that.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        self.command(Command::Unsubscribe(Arc::clone(subscription)));
    }

    fn wait(&self, id: RequestId, answer: &Promised<Result<Outcome, RequestError>>) -> Result<Outcome, NotDone> {
        let limit = self.request_limit();
        match answer.wait(clock::now() + limit) {
            Ok(result) => result.map_err(NotDone::Failed),
            // The I/O thread dropped the request: it has ended.
            Err(NoResult::Broken) => Err(NotDone::Failed(RequestError::Cancelled)),
            Err(NoResult::TimedOut) => {
                self.command(Command::Cancel(id));
                Err(NotDone::Failed(RequestError::NoResponse { attempts: 0, waited: limit }))
            }
            Err(NoResult::Interrupted) => {
                self.command(Command::Cancel(id));
                Err(NotDone::Interrupted)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_is_given_up_before_the_time_that_was_configured_for_it() {
        let hour = Duration::from_secs(3600);
        assert!(IoHandle::new(hour).unwrap().request_limit() > hour);
    }
}
