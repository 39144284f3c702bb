//! Log lines to a pipe or socket that perhaps nobody reads.
//!
//! A thread that writes a line may hold a lock that all others wait for. So a line does not wait: a line that finds no room is
//! left out and counted. Nor does a line end the process, by SIGPIPE when the reader has gone or by SIGXFSZ when a file has reached the
//! limit of its size. (A terminal promises room for one
//! byte only, so a line to a terminal that was stopped still waits.)

use super::client::system;
use std::io;
use std::os::fd::RawFd;

/// Bytes of the longest line, with its end. A pipe that poll(2) calls writable takes this many bytes without waiting (pipe(7)).
pub const MAX_LINE: usize = libc::PIPE_BUF;

/// The lines of one log. One thread at a time uses it: the room that poll(2) promises is there for one writer only.
#[derive(Debug, Default)]
pub struct LogOutput {
    /// Lines left out since the last one that was written.
    lost: u64,
}

impl LogOutput {
    /// An output that has lost nothing.
    pub const fn new() -> LogOutput {
        LogOutput { lost: 0 }
    }

    /// Writes a line, which comes without its end. `say_lost` makes the line that says how many were left out before.
    pub fn write(&mut self, fd: RawFd, line: String, say_lost: impl FnOnce(u64) -> String) {
        let text = if self.lost > 0 { format!("{}\n{line}", say_lost(self.lost)) } else { line };
        self.lost = if write_line(fd, text).is_ok() { 0 } else { self.lost.saturating_add(1) };
    }
}

/// Writes a line, which comes without its end, at once, so that lines of several threads and processes do not mix.
pub fn write_line(fd: RawFd, mut line: String) -> io::Result<()> {
    let mut end = line.len().min(MAX_LINE - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.push('\n');
    if !system::is_writable(fd) {
        return Err(io::Error::new(io::ErrorKind::WouldBlock, "nobody reads it"));
    }
    system::write_without_signal(fd, line.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsRawFd, FromRawFd};

    /// A pipe with the least room.
    fn pipe() -> (File, File) {
        let mut fds = [-1; 2];
        // SAFETY: `fds` has room for two descriptors, which nobody else owns.
        let (reader, writer) = unsafe {
            system::check(libc::pipe(fds.as_mut_ptr())).unwrap();
            (File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1]))
        };
        // SAFETY: no pointers are involved.
        system::check(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) }).unwrap();
        (reader, writer)
    }

    fn read(reader: &mut File) -> String {
        let mut bytes = vec![0; 1 << 16];
        let count = reader.read(&mut bytes).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    #[test]
    fn lines_that_nobody_reads_are_left_out_and_counted() {
        let (mut reader, writer) = pipe();
        let mut output = LogOutput::new();
        let mut write = |line: String| output.write(writer.as_raw_fd(), line, |lost| format!("{lost} lost"));
        for number in 0..1000 {
            write(format!("line {number}"));
        }
        let before = read(&mut reader);
        let written = before.lines().count();
        assert!(before.starts_with("line 0\n") && written < 1000);
        write("again".to_owned());
        assert_eq!(read(&mut reader), format!("{} lost\nagain\n", 1000 - written));
        write("as ever".to_owned());
        assert_eq!(read(&mut reader), "as ever\n");
    }

    #[test]
    fn a_line_is_cut_to_what_a_pipe_takes_at_once() {
        let (mut reader, writer) = pipe();
        LogOutput::new().write(writer.as_raw_fd(), "é".repeat(4000), |_| unreachable!("nothing is lost"));
        assert_eq!(read(&mut reader), format!("{}\n", "é".repeat(2047)));
    }
}
