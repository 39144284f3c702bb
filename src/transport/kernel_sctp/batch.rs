//! Several messages a system call: what has arrived together is taken together, what is answered together goes together.

use super::socket::{Control, Received, SctpSocket, SendOptions, received};
use std::io;
use std::mem::{MaybeUninit, size_of_val};
use std::os::fd::AsRawFd;

/// Messages and notifications taken in one call.
pub(super) const SLOTS: usize = 32;
/// Bytes of a slot: more than the largest IP packet, so that no notification is cut. Memory that is never written to
/// costs nothing, so nothing here writes to it: `vec![MaybeUninit::uninit(); n]` does, where it is not optimised.
const SLOT: usize = 68 << 10;
/// Messages sent in one call.
const MESSAGES_PER_CALL: usize = 64;

/// Where messages are received.
pub(super) struct Slots {
    buffer: Box<[MaybeUninit<u8>]>,
    controls: Box<[Control; SLOTS]>,
    results: [Option<Received>; SLOTS],
}

impl Default for Slots {
    fn default() -> Slots {
        Slots {
            buffer: Box::new_uninit_slice(SLOTS * SLOT),
            controls: Box::new(std::array::from_fn(|_| Control::default())),
            results: [None; SLOTS],
        }
    }
}

impl Slots {
    /// What a slot was filled with, and its bytes; none when the kernel did not say for whom it is.
    pub fn take(&mut self, number: usize) -> Option<(Received, &[u8])> {
        let received = self.results.get_mut(number)?.take()?;
        let (Received::Data { len, .. } | Received::Notification { len }) = received;
        let slot = self.buffer.get(number * SLOT..)?.get(..len.min(SLOT))?;
        // SAFETY: the kernel filled the first `len` bytes of the slot, which is what made the result.
        Some((received, unsafe { std::slice::from_raw_parts(slot.as_ptr().cast(), slot.len()) }))
    }
}

impl SctpSocket {
    /// Receives what has arrived, as far as there are slots; returns how many are filled. From `left` is taken how long that
    /// took; it must be longer than any wait.
    pub fn receive_many(
        &self,
        slots: &mut Slots,
        flags: libc::c_int,
        left: Option<&mut libc::timespec>,
    ) -> io::Result<usize> {
        // SAFETY: both consist of integers and pointers, for which zero is a value.
        let (mut vectors, mut headers): ([libc::iovec; SLOTS], [libc::mmsghdr; SLOTS]) = unsafe { std::mem::zeroed() };
        let buffers = slots.buffer.chunks_exact_mut(SLOT).zip(slots.controls.iter_mut());
        for ((header, vector), (buffer, control)) in headers.iter_mut().zip(&mut vectors).zip(buffers) {
            *vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.bytes.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of_val(&control.bytes) as _;
        }
        let fd = self.as_raw_fd();
        let left = left.map_or(std::ptr::null_mut(), std::ptr::from_mut);
        // SAFETY: each header points to buffers of the lengths that it tells, which live across the call.
        let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), SLOTS as u32, flags, left) };
        let Ok(count) = usize::try_from(count) else { return Err(io::Error::last_os_error()) };
        for (result, header) in slots.results.iter_mut().zip(&headers[..count]) {
            *result = received(&header.msg_hdr, header.msg_len as usize);
        }
        Ok(count)
    }

    /// Sends messages in order as far as the kernel takes them; returns how many it took. Fails when it does not take the
    /// first. With `more`, the kernel may wait for the next ones to fill a packet.
    pub fn send_many<'a>(
        &self,
        messages: impl Iterator<Item = (SendOptions, &'a [u8])>,
        more: bool,
    ) -> io::Result<usize> {
        let mut controls: [Control; MESSAGES_PER_CALL] = std::array::from_fn(|_| Control::default());
        // SAFETY: both consist of integers and pointers, for which zero is a value.
        let (mut vectors, mut headers): ([libc::iovec; MESSAGES_PER_CALL], [libc::mmsghdr; MESSAGES_PER_CALL]) =
            unsafe { std::mem::zeroed() };
        let mut count = 0;
        let places = headers.iter_mut().zip(&mut vectors).zip(&mut controls);
        for (((header, vector), control), (options, payload)) in places.zip(messages) {
            options.write_to(control);
            *vector = libc::iovec { iov_base: payload.as_ptr().cast_mut().cast(), iov_len: payload.len() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.bytes.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = control.len as _;
            count += 1;
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT | if more { libc::MSG_MORE } else { 0 };
        // SAFETY: the first `count` headers point to payloads and control buffers, which live across the call and are only
        // read.
        let sent = unsafe { libc::sendmmsg(self.as_raw_fd(), headers.as_mut_ptr(), count, flags) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pages of this memory there are.
    fn pages_there(buffer: &[MaybeUninit<u8>]) -> usize {
        // SAFETY: this only asks.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap();
        let first = buffer.as_ptr() as usize / page * page;
        let length = buffer.as_ptr() as usize + buffer.len() - first;
        let mut there = vec![0u8; length.div_ceil(page)];
        // SAFETY: the range is that of the buffer, from the beginning of its first page; there is a byte for each page.
        let result = unsafe { libc::mincore(first as *mut libc::c_void, length, there.as_mut_ptr()) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        there.iter().filter(|flags| **flags & 1 != 0).count()
    }

    #[test]
    fn a_new_port_touches_no_memory_for_messages_that_have_not_come() {
        // So many that they are not all made of memory that was used before.
        let slots: Vec<Slots> = (0..16).map(|_| Slots::default()).collect();
        let there: usize = slots.iter().map(|slots| pages_there(&slots.buffer)).sum();
        let bytes = slots.len() * SLOTS * SLOT;
        assert!(there * 4096 < bytes / 2, "{there} pages of {bytes} bytes are there");
    }
}
