//! What a registrar says again and again, asked for by a thread of its own, so that keys have an answer while it is slow.

use crate::event_pages::EventPages;
use crate::failure::Failure;
use crate::http_client::{HttpRegistrar, LONGEST_PAGE, Said};
use crate::pool_name;
use rserpool::Time;
use rserpool::driver::clock;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Pools that are taken, a thousand an answer.
const MAX_POOLS: usize = 5_000;
/// Events that are kept for the screen.
const MAX_EVENTS: usize = 500;

/// All that is on the screen, at a moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub at: Time,
    pub registrar: Value,
    pub others: Vec<Value>,
    pub limits: Vec<Value>,
    /// As many as are taken.
    pub pools: Vec<Value>,
    /// Those of the pool that is wanted; none: there is no such pool.
    pub elements: Option<Vec<Value>>,
    /// The last ones, the newest first.
    pub events: Vec<Value>,
    /// In their order: see [`COUNTERS`].
    pub counters: [f64; COUNTERS.len()],
}

/// Counters of which the screen has rates, by their names in `/metrics`.
pub const COUNTERS: [&str; 6] = [
    "rserpool_resolutions_total",
    "rserpool_resolutions_failed_total",
    "rserpool_registrations_total",
    "rserpool_keep_alives_sent_total",
    "rserpool_messages_received_total",
    "rserpool_messages_sent_total",
];

/// The thread, from outside.
pub struct Fetcher {
    /// Which pool is wanted, from now on.
    wishes: Sender<Option<String>>,
    looks: Receiver<Result<Arc<Look>, String>>,
}

impl Fetcher {
    /// Starts it when the registrar has answered for the first time.
    pub fn start(registrar: HttpRegistrar, interval: Duration) -> Result<Fetcher, Failure> {
        let mut asker = Asker { registrar, events: VecDeque::new(), pages: EventPages::default() };
        let first = asker.look(None)?;
        let (wishes, wished) = channel();
        let (sender, looks) = channel();
        let _ = sender.send(Ok(Arc::new(first))); // its receiver is here
        let ask = move || {
            let mut pool = None;
            loop {
                match wished.recv_timeout(interval) {
                    Ok(wish) => pool = wish,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                let look = asker.look(pool.as_deref()).map(Arc::new).map_err(|why| why.to_string());
                if sender.send(look).is_err() {
                    return;
                }
            }
        };
        let started = std::thread::Builder::new().name("registrar".to_owned()).spawn(ask);
        started.map_err(|error| Failure::Failed(format!("cannot start a thread: {error}")))?;
        Ok(Fetcher { wishes, looks })
    }

    /// What has come, if something has.
    pub fn take(&self) -> Option<Result<Arc<Look>, String>> {
        self.looks.try_recv().ok()
    }

    /// The elements of this pool are wanted, where it is another one than before.
    pub fn want(&self, pool: Option<Option<String>>) {
        if let Some(pool) = pool {
            let _ = self.wishes.send(pool); // without its thread, nothing comes, which is seen
        }
    }
}

struct Asker {
    registrar: HttpRegistrar,
    events: VecDeque<Value>,
    /// How far they have been taken.
    pages: EventPages,
}

impl Asker {
    fn look(&mut self, pool: Option<&str>) -> Result<Look, Failure> {
        let mut look = Look {
            registrar: self.registrar.get("/api/v1/registrar")?,
            others: self.registrar.list("/api/v1/registrars", "registrars")?,
            limits: self.registrar.list("/api/v1/limits", "limits")?,
            pools: self.pools()?,
            elements: pool.map(|pool| self.elements(pool)).transpose()?.flatten(),
            counters: counters(&self.registrar.get_text("/metrics")?),
            at: clock::now(),
            ..Look::default()
        };
        self.take_events()?;
        look.events.extend(self.events.iter().rev().cloned());
        Ok(look)
    }

    fn pools(&self) -> Result<Vec<Value>, Failure> {
        let (mut pools, mut after) = (Vec::new(), Some(0));
        while let Some(from) = after.filter(|_| pools.len() < MAX_POOLS) {
            let page = self.registrar.get(&format!("/api/v1/pools?limit={LONGEST_PAGE}&after={from}"))?;
            pools.extend_from_slice(page.list("pools"));
            // It goes forward, whoever says it.
            after = page.get("next").and_then(Value::as_u64).filter(|next| *next > from);
        }
        pools.truncate(MAX_POOLS);
        Ok(pools)
    }

    /// The first thousand.
    fn elements(&self, pool: &str) -> Result<Option<Vec<Value>>, Failure> {
        let Ok(handle) = pool_name::parse(pool.as_bytes()) else { return Ok(None) };
        let path = format!("/api/v1/elements?limit={LONGEST_PAGE}&pool={}", pool_name::in_query(&handle));
        match self.registrar.get(&path) {
            Ok(page) => Ok(Some(page.list("elements").to_vec())),
            // It has gone meanwhile.
            Err(Failure::Failed(_)) => Ok(None),
            Err(why) => Err(why),
        }
    }

    fn take_events(&mut self) -> Result<(), Failure> {
        loop {
            let page = self.pages.ask(&self.registrar, None)?;
            if self.pages.begin_anew(&page) {
                continue;
            }
            self.events.extend(page.list("events").iter().cloned());
            self.events.drain(..self.events.len().saturating_sub(MAX_EVENTS));
            if !self.pages.advance(&page) {
                return Ok(());
            }
        }
    }
}

fn counters(metrics: &str) -> [f64; COUNTERS.len()] {
    let value = |line: &str, name: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    COUNTERS.map(|name| metrics.lines().find_map(|line| value(line, name)).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_names_and_what_is_missing_is_nothing() {
        let metrics = "# HELP x\nrserpool_resolutions_total_of_others 9\nrserpool_resolutions_total 7\nrserpool_messages_sent_total rubbish\n";
        assert_eq!(counters(metrics), [7.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
