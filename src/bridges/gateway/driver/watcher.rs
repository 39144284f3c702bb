//! The thread that listens to a registrar: what is in the pool, who leaves it in order, and whether anybody answers.

use super::GatewaySettings;
use super::shared::{Caller, Shared};
use crate::PoolElementId;
use crate::api::{self, PoolElementChange, PoolElementInfo, PoolInfo, Timeout};
use crate::bridges::gateway::core::{Action, Answering, Element, Event};
use crate::bridges::leaving_pool;
use crate::driver::clock;
use crate::driver::poller::Poller;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it is asked whether a registrar answers, when nothing else is.
const ASK_INTERVAL: Duration = Duration::from_secs(2);
const POOL_KEY: u64 = 0;

pub(super) struct Watcher {
    shared: Arc<Shared>,
    settings: Arc<GatewaySettings>,
    poller: Poller,
    /// The subscription.
    pool: api::Descriptor,
    actions: Vec<Action>,
    /// Elements that were left out, and that this has been said of.
    unfit: BTreeSet<PoolElementId>,
    answering: Answering,
    said_partial: bool,
}

impl Watcher {
    /// Subscribes to the pool.
    pub(super) fn new(shared: Arc<Shared>, settings: Arc<GatewaySettings>, poller: Poller) -> Result<Watcher, String> {
        let pool = api::subscribe_pool(settings.pool.as_bytes()).map_err(|error| error.to_string())?;
        poller.add(pool, POOL_KEY).map_err(|error| format!("the subscription cannot be waited for: {error}"))?;
        Ok(Watcher {
            shared,
            settings,
            poller,
            pool,
            actions: Vec::new(),
            unfit: BTreeSet::new(),
            answering: Answering::Yes,
            said_partial: false,
        })
    }

    pub(super) fn run(mut self) {
        let mut ask_at = clock::now() + ASK_INTERVAL;
        let mut ready = Vec::new();
        while !self.shared.is_stopping() {
            ready.clear();
            if let Err(error) = self.poller.wait(clock::now(), Some(ask_at), &mut ready) {
                log::error!("gateway of pool {}: no more news of the pool: {error}", self.settings.pool);
                return;
            }
            if ready.contains(&POOL_KEY) {
                self.look();
            }
            self.shared.watcher.take(&mut self.actions);
            self.perform();
            if clock::now() >= ask_at {
                self.ask_who_leaves();
                ask_at = clock::now() + ASK_INTERVAL;
            }
        }
        let _ = api::close(self.pool); // with the library, it ends anyway
    }

    /// The pool has changed.
    fn look(&mut self) {
        let pool = match api::poolchange(self.pool, Timeout::Now) {
            Ok(pool) => pool,
            Err(error) if error.errno == libc::EAGAIN => return,
            Err(error) => {
                return log::warn!("gateway of pool {}: no news of the pool: {error}", self.settings.pool);
            }
        };
        let elements = self.elements(&pool);
        self.tell(Event::Pool(pool.policy, &elements));
        self.perform();
    }

    fn tell(&mut self, event: Event<'_>) {
        self.shared.handle(clock::now(), event, Caller::Watcher, &mut self.actions);
    }

    /// Those that can be connected with.
    fn elements(&mut self, pool: &PoolInfo) -> Vec<Element> {
        if pool.partial && !self.said_partial {
            self.said_partial = true;
            log::warn!(
                "gateway of pool {}: the registrar lists {} elements, as many as it may: the others get no clients from here",
                self.settings.pool,
                pool.elements.len()
            );
        }
        let there = pool.elements.iter().filter(|element| element.change != PoolElementChange::Removed);
        let mut elements = Vec::new();
        for info in there {
            match element(info) {
                Some(element) => elements.push(element),
                None if self.unfit.insert(info.pool_element_id) => log::warn!(
                    "gateway of pool {}: element {} gets no clients, as it is not reached over TCP",
                    self.settings.pool,
                    info.pool_element_id
                ),
                None => {}
            }
        }
        let listed: BTreeSet<_> = pool.elements.iter().map(|info| info.pool_element_id).collect();
        self.unfit.retain(|id| listed.contains(id));
        elements
    }

    fn perform(&mut self) {
        while let Some(action) = self.actions.pop() {
            match action {
                Action::AskWhoLeaves => self.ask_who_leaves(),
                Action::Report(id) => self.report(id),
                _ => {}
            }
        }
    }

    /// Elements that leave in order are in a pool of their own: see [`leaving_pool`]. Asking also shows whether a registrar answers.
    fn ask_who_leaves(&mut self) {
        let Some(handle) = leaving_pool(self.settings.pool.as_bytes()) else {
            return self.tell(Event::Leaving(&[]));
        };
        let ids: Vec<PoolElementId> = match api::getpoolinfo(&handle, None, Duration::ZERO) {
            Ok(pool) => pool.elements.iter().map(|element| element.pool_element_id).collect(),
            Err(error) if error.errno == libc::ENOENT => Vec::new(),
            Err(error) => {
                log::debug!("gateway of pool {}: who leaves cannot be asked: {error}", self.settings.pool);
                return self.set_answering(Answering::No);
            }
        };
        self.set_answering(Answering::Yes);
        self.tell(Event::Leaving(&ids));
    }

    fn set_answering(&mut self, answering: Answering) {
        self.answering = answering;
        self.tell(Event::Registrar(answering));
    }

    fn report(&mut self, id: PoolElementId) {
        // Without a registrar, it would only take time.
        if self.answering == Answering::Yes {
            if let Err(error) = api::pe_failure(self.settings.pool.as_bytes(), id) {
                log::debug!("gateway of pool {}: element {id} is not reported: {error}", self.settings.pool);
            }
        }
    }
}

fn element(info: &PoolElementInfo) -> Option<Element> {
    let address = info.address.as_ref().filter(|address| address.protocol == libc::IPPROTO_TCP)?;
    Some(Element {
        id: info.pool_element_id,
        home: info.home_registrar,
        policy: address.policy.clone(),
        address: *address.addresses.first()?,
    })
}
