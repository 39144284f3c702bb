//! News of registrations on sockets that accept sessions: what poll shows of them.

use crate::driver::client::system;
use crate::driver::client::{DescriptorTable, Entry, Readiness};
use std::sync::Arc;
use std::time::Duration;

/// Descriptors with such news, and the entries of poll that they belong to.
pub(super) struct News(Vec<(usize, Arc<Readiness>)>);

impl News {
    /// Those of sockets whose news poll is to show.
    pub fn of(table: &DescriptorTable, fds: &[libc::pollfd]) -> News {
        let of = |(index, entry): (usize, &libc::pollfd)| match table.get(entry.fd) {
            Some(Entry::Socket(socket)) => Some((index, socket.news_of_registration()?)),
            _ => None,
        };
        let wants = |entry: &libc::pollfd| entry.events & libc::POLLPRI != 0;
        News(fds.iter().enumerate().filter(|(_, entry)| wants(entry)).filter_map(of).collect())
    }

    /// poll(2) with these as well.
    pub fn poll(&self, fds: &mut [libc::pollfd], limit: Option<Duration>) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return system::poll(fds, limit);
        }
        let own = self.0.iter().map(|(_, news)| libc::pollfd { fd: news.raw(), events: libc::POLLIN, revents: 0 });
        let mut all: Vec<libc::pollfd> = fds.iter().copied().chain(own).collect();
        system::poll(&mut all, limit)?;
        let (polled, own) = all.split_at(fds.len());
        fds.copy_from_slice(polled);
        for ((index, _), entry) in self.0.iter().zip(own) {
            if let Some(of) = fds.get_mut(*index).filter(|_| entry.revents != 0) {
                of.revents |= libc::POLLPRI;
            }
        }
        Ok(fds.iter().filter(|entry| entry.revents != 0).count())
    }
}
