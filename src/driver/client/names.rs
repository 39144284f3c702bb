//! Registrars that are known by name: looked up in a thread of its own, as the system may take long, one look-up at a time.

use super::commands::{Command, LookUp};
use super::io_handle::IoHandle;
use super::protection::Protection;
use super::system;
use crate::association::PeerAddress;
use crate::driver::place::HostName;
use std::sync::Arc;

/// The names.
pub(super) struct Names {
    names: Arc<[HostName]>,
    /// Of which of them the log has a warning.
    warned: Vec<bool>,
    /// Who has to know where a name leads.
    protection: Protection,
    io: Arc<IoHandle>,
}

impl Names {
    pub fn new(names: Vec<HostName>, protection: Protection, io: Arc<IoHandle>) -> Names {
        Names { warned: vec![false; names.len()], names: names.into(), protection, io }
    }

    /// Looks all of them up; [`Command::LookedUp`] tells what came of it. The core asks for no second look-up before.
    pub fn look_up(&self) {
        let (names, io) = (Arc::clone(&self.names), Arc::clone(&self.io));
        let work = move || io.command(Command::LookedUp(names.iter().map(look_up).collect()));
        if let Err(error) = system::spawn("rserpool-names", Box::new(work)) {
            log::warn!("no registrar can be looked up: no thread: {error}");
            self.io.command(Command::LookedUp(Vec::new()));
        }
    }

    /// The addresses that were found; a name that cannot be resolved is said once until it can.
    pub fn found(&mut self, looked_up: Vec<LookUp>) -> Vec<Vec<PeerAddress>> {
        let results = looked_up.into_iter().zip(self.names.iter().zip(&mut self.warned));
        let found = results.map(|(result, (name, warned))| {
            let was_warned = std::mem::replace(warned, result.is_err());
            if let Ok(addresses) = &result {
                self.protection.looked_up(|| name.certified(), addresses);
            }
            result.unwrap_or_else(|why| {
                if !was_warned {
                    log::warn!("registrar {name} cannot be looked up now, and is looked up again later: {why}");
                }
                Vec::new()
            })
        });
        found.collect()
    }
}

fn look_up(name: &HostName) -> LookUp {
    Ok(name.look_up()?.into_iter().map(PeerAddress::from).collect())
}
