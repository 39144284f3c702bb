//! Who waits for the answers of requests.

use super::commands::Reply;
use super::element_news::tell;
use super::table::DescriptorTable;
use crate::Time;
use crate::asap::{Outcome, RequestError, RequestId};
use crate::collections::SortedMap;
use crate::session::{Event, ResolveFailure};
use std::sync::Arc;

/// Those who wait, by request: as many as the core has requests.
pub(super) struct Replies {
    waiting: SortedMap<RequestId, Reply>,
    /// Where sessions are found that wait for an answer.
    descriptors: Arc<DescriptorTable>,
}

impl Replies {
    /// Nobody waits yet.
    pub fn new(descriptors: Arc<DescriptorTable>) -> Replies {
        Replies { waiting: SortedMap::new(), descriptors }
    }

    /// Somebody waits for the answer of a request.
    pub fn expect(&mut self, request: RequestId, reply: Reply) {
        self.waiting.insert(request, reply);
    }

    /// A request has been answered, or has failed.
    pub fn complete(&mut self, now: Time, request: RequestId, result: Result<Outcome, RequestError>) {
        match self.waiting.remove(&request) {
            // Nobody waits any more when the waiter has given up.
            Some(Reply::Waiter(reply)) => reply.keep(result),
            Some(Reply::Session { socket, attempt }) => {
                // It may have been closed meanwhile.
                let Some(socket) = self.descriptors.socket(socket) else { return };
                let event = match result {
                    Ok(Outcome::Resolved { policy, pool_elements }) => {
                        Event::Resolved { attempt, policy, pool_elements }
                    }
                    Ok(_) => Event::ResolveFailed { attempt, why: ResolveFailure::NoRegistrar },
                    Err(error) => {
                        log::info!("session cannot resolve its pool handle: {error}");
                        Event::ResolveFailed { attempt, why: resolve_failure(&error) }
                    }
                };
                tell(now, &socket, event);
            }
            Some(Reply::Nobody) | None => {
                if let Err(error) = result {
                    note_failure(&error);
                }
            }
        }
    }
}

/// A request failed that nobody waits for. Refusals and unreachable registrars have had their own lines, and what is withdrawn is
/// not worth one.
fn note_failure(error: &RequestError) {
    let level = match error {
        RequestError::TooManyRequests
        | RequestError::TooManyPoolElements
        | RequestError::NoAddress
        | RequestError::Invalid(_) => log::Level::Warn,
        _ => log::Level::Debug,
    };
    log::log!(level, "request that nobody waits for failed: {error}");
}

fn resolve_failure(error: &RequestError) -> ResolveFailure {
    match error {
        RequestError::UnknownPoolHandle => ResolveFailure::UnknownPool,
        RequestError::TooManyRequests => ResolveFailure::TooManyRequests,
        RequestError::NoDescriptor { .. } => ResolveFailure::NoDescriptor,
        _ => ResolveFailure::NoRegistrar,
    }
}
