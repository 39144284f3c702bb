//! Waiting for descriptors of every kind, and descriptors of the system under numbers of ours.

use super::lifecycle::instance;
#[cfg(feature = "pool-element")]
use super::news::News;
use super::sockets::not_ours;
use super::{Descriptor, Error, Result, Timeout};
use crate::driver::client::system::{self, FdSet};
use crate::driver::client::{DescriptorTable, Entry};
use libc::c_int;
use std::time::Duration;

pub(super) fn limit(timeout: Timeout) -> Option<Duration> {
    match timeout {
        Timeout::Now => Some(Duration::ZERO),
        Timeout::After(duration) => Some(duration),
        Timeout::Never => None,
    }
}

/// What the kernel calls a descriptor: mapped ones have another number there.
fn kernel_number(table: &DescriptorTable, sd: c_int) -> c_int {
    match table.get(sd) {
        Some(Entry::Mapped(fd)) => fd,
        _ => sd,
    }
}

/// poll(2) over RSerPool, mapped and plain descriptors. A signal gives `EINTR`. `POLLPRI`: a socket that accepts sessions has news of its
/// registration, for [`super::recvmsg`] ([`super::OPTION_REGISTRATION_EVENT`]).
pub fn poll(fds: &mut [libc::pollfd], timeout: Timeout) -> Result<usize> {
    let instance = instance()?;
    #[cfg(feature = "pool-element")]
    let news = News::of(&instance.descriptors, fds);
    let numbers: Vec<c_int> = fds.iter().map(|entry| entry.fd).collect();
    for entry in fds.iter_mut() {
        entry.fd = kernel_number(&instance.descriptors, entry.fd);
    }
    instance.end_turns();
    drop(instance);
    #[cfg(feature = "pool-element")]
    let result = news.poll(fds, limit(timeout));
    #[cfg(not(feature = "pool-element"))]
    let result = system::poll(fds, limit(timeout));
    for (entry, number) in fds.iter_mut().zip(numbers) {
        entry.fd = number;
    }
    result.map_err(|error| Error::system(&error, "poll"))
}

/// select(2) over RSerPool, mapped and plain descriptors. A signal gives `EINTR`.
pub fn select(
    count: c_int,
    read: Option<&mut libc::fd_set>,
    write: Option<&mut libc::fd_set>,
    except: Option<&mut libc::fd_set>,
    timeout: Timeout,
) -> Result<usize> {
    let instance = instance()?;
    if count < 0 || count as usize > libc::FD_SETSIZE {
        return Err(Error::new(libc::EINVAL, "select takes descriptor numbers below FD_SETSIZE only"));
    }
    let numbers: Vec<(c_int, c_int)> = (0..count).map(|sd| (sd, kernel_number(&instance.descriptors, sd))).collect();
    instance.end_turns();
    drop(instance);
    let mut sets = [read, write, except];
    let mut kernel_sets = [FdSet::new(); 3];
    let mut kernel_count = 0;
    for (set, kernel_set) in sets.iter().zip(&mut kernel_sets) {
        let Some(set) = set else { continue };
        let set = FdSet(**set);
        for (_, fd) in numbers.iter().filter(|(sd, _)| set.contains(*sd)) {
            kernel_set.insert(*fd);
            kernel_count = kernel_count.max(fd + 1);
        }
    }
    let [r, w, e] = &mut kernel_sets;
    let ready = system::select(kernel_count, Some(&mut r.0), Some(&mut w.0), Some(&mut e.0), limit(timeout))
        .map_err(|error| Error::system(&error, "select"))?;
    for (set, kernel_set) in sets.iter_mut().zip(&kernel_sets) {
        let Some(set) = set else { continue };
        let asked = FdSet(**set);
        let mut answer = FdSet::new();
        for (sd, fd) in &numbers {
            if asked.contains(*sd) && kernel_set.contains(*fd) {
                answer.insert(*sd);
            }
        }
        **set = answer.0;
    }
    Ok(ready)
}

/// Makes a descriptor of the system usable with `poll`, `recvmsg`, ... under the number `to`; -1: its own number, or else
/// any free one.
pub fn mapsocket(fd: c_int, to: c_int) -> Result<Descriptor> {
    let instance = instance()?;
    if !system::is_open(fd) {
        return Err(Error::with(libc::EBADF, format!("descriptor {fd} is not open")));
    }
    if matches!(instance.descriptors.get(fd), Some(Entry::Socket(_) | Entry::Subscription(_))) {
        return Err(Error::with(libc::EINVAL, format!("descriptor {fd} is an RSerPool socket: it needs no mapping")));
    }
    if to >= 0 {
        // The number of another open descriptor would make that one unreachable.
        if to != fd && system::is_open(to) {
            return Err(Error::with(libc::EINVAL, format!("number {to} is taken")));
        }
        return match instance.descriptors.insert(to, Entry::Mapped(fd)) {
            Ok(()) => Ok(to),
            Err(_) => Err(Error::with(libc::EINVAL, format!("number {to} is taken or too large"))),
        };
    }
    if instance.descriptors.insert(fd, Entry::Mapped(fd)).is_ok() {
        return Ok(fd);
    }
    let mut least = 0;
    while let Some(number) = instance.descriptors.lowest_free(least, |number| !system::is_open(number)) {
        if instance.descriptors.insert(number, Entry::Mapped(fd)).is_ok() {
            return Ok(number);
        }
        least = number + 1;
    }
    Err(Error::new(libc::EMFILE, "no free descriptor number"))
}

/// Undoes `mapsocket`; the descriptor of the system stays open. `EBADF` for RSerPool sockets.
pub fn unmapsocket(sd: Descriptor) -> Result<()> {
    let instance = instance()?;
    match instance.descriptors.remove_if(sd, |entry| matches!(entry, Entry::Mapped(_))) {
        Some(_) => Ok(()),
        None => Err(not_ours(sd)),
    }
}
