//! The descriptors that belong to the library.

use super::commands::SocketName;
use super::readiness::Readiness;
use super::socket::Socket;
use super::subscription::Subscription;
use parking_lot::RwLock;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Descriptor numbers above this are refused: the table is an array.
const MAX_DESCRIPTOR: usize = 1 << 20;

/// What a descriptor number stands for.
#[derive(Clone)]
pub enum Entry {
    /// An RSerPool socket.
    Socket(Arc<Socket>),
    /// A subscription to a pool.
    Subscription(Arc<Subscription>),
    /// A descriptor of the system that the application mapped (`rsp_mapsocket`).
    Mapped(RawFd),
}

impl Entry {
    /// The number that the kernel knows it by; none when it is closed.
    pub fn descriptor(&self) -> Option<RawFd> {
        match self {
            Entry::Socket(socket) => socket.descriptor(),
            Entry::Subscription(subscription) => subscription.descriptor(),
            Entry::Mapped(fd) => Some(*fd),
        }
    }

    /// Takes another number, as something else stands in the table under this one. Keep the result until the search is
    /// over. Mapped ones keep theirs.
    pub fn replace_descriptor(&self) -> std::io::Result<Option<Arc<Readiness>>> {
        match self {
            Entry::Socket(socket) => socket.replace_descriptor(),
            Entry::Subscription(subscription) => subscription.replace_descriptor(),
            Entry::Mapped(_) => Ok(None),
        }
    }
}

/// From numbers to what they stand for. Gives out clones, so that a close never frees anything under its users.
#[derive(Default)]
pub struct DescriptorTable {
    entries: RwLock<Vec<Option<Entry>>>,
}

impl DescriptorTable {
    /// What stands under this number. Standard input, output and error count as mapped to themselves where nothing else
    /// has their number: programs written for rsplib read their terminal by `rsp_read(0, ...)`.
    pub fn get(&self, sd: RawFd) -> Option<Entry> {
        let index = usize::try_from(sd).ok()?;
        let entry = self.entries.read().get(index).cloned().flatten();
        entry.or_else(|| (sd <= libc::STDERR_FILENO).then_some(Entry::Mapped(sd)))
    }

    /// Puts an entry under a number; gives it back where the number is taken or too large.
    pub fn insert(&self, sd: RawFd, entry: Entry) -> Result<(), Entry> {
        let Some(index) = usize::try_from(sd).ok().filter(|index| *index < MAX_DESCRIPTOR) else {
            return Err(entry);
        };
        let mut entries = self.entries.write();
        if entries.len() <= index {
            entries.resize_with(index + 1, || None);
        }
        match &mut entries[index] {
            Some(_) => Err(entry),
            free => {
                *free = Some(entry);
                Ok(())
            }
        }
    }

    /// Takes an entry out if `wanted` says so.
    pub fn remove_if(&self, sd: RawFd, wanted: impl FnOnce(&Entry) -> bool) -> Option<Entry> {
        let index = usize::try_from(sd).ok()?;
        let mut entries = self.entries.write();
        let slot = entries.get_mut(index)?;
        if slot.as_ref().is_some_and(wanted) { slot.take() } else { None }
    }

    /// The lowest number from `least` on that is neither taken here nor refused by `usable`.
    pub fn lowest_free(&self, least: RawFd, usable: impl Fn(RawFd) -> bool) -> Option<RawFd> {
        let entries = self.entries.read();
        let least = usize::try_from(least).unwrap_or(0);
        (least..MAX_DESCRIPTOR)
            .filter(|index| entries.get(*index).is_none_or(Option::is_none))
            .filter_map(|index| RawFd::try_from(index).ok())
            .find(|fd| usable(*fd))
    }

    /// Everything in the table.
    pub fn all(&self) -> Vec<Entry> {
        self.entries.read().iter().flatten().cloned().collect()
    }

    /// All RSerPool sockets in the table.
    pub fn sockets(&self) -> Vec<Arc<Socket>> {
        let entries = self.entries.read();
        let sockets = entries.iter().flatten().filter_map(|entry| match entry {
            Entry::Socket(socket) => Some(Arc::clone(socket)),
            _ => None,
        });
        sockets.collect()
    }

    /// The socket of this name; none: it was closed, or has not entered the table yet.
    pub(super) fn socket(&self, name: SocketName) -> Option<Arc<Socket>> {
        match self.get(name.descriptor) {
            Some(Entry::Socket(socket)) if socket.id == name.id => Some(socket),
            _ => None,
        }
    }

    /// Empties the table.
    pub fn take_all(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.entries.write()).into_iter().flatten().collect()
    }
}
