//! The least that a server on kernel SCTP can do: what every other server is to be compared with.

use super::socket::{Received, SctpSocket, SendOptions};
use std::io;
use std::net::SocketAddr;

/// Bytes of a request at most; longer ones are not answered.
const RECEIVE_BUFFER: usize = 64 << 10;

/// An echo server on one socket: a blocking call to receive a request, a call to send the answer, nothing else.
pub struct EchoServer {
    socket: SctpSocket,
    local_port: u16,
}

impl EchoServer {
    /// Opens the socket.
    pub fn open(bind: SocketAddr) -> io::Result<EchoServer> {
        let socket = SctpSocket::open(&[bind], true)?;
        socket.set_blocking(true)?;
        Ok(EchoServer { local_port: socket.local_port()?, socket })
    }

    /// The port that it is bound to.
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Answers each message with what `answer` appends for it, until receiving fails; returns why.
    pub fn serve(&self, answer: fn(&[u8], &mut Vec<u8>)) -> io::Error {
        let mut buffer = Box::new_uninit_slice(RECEIVE_BUFFER);
        let mut out = Vec::new();
        loop {
            match self.socket.receive(&mut buffer) {
                Ok(Received::Data { association, stream, ppid, len, end: true }) => {
                    // SAFETY: the kernel filled the first `len` bytes.
                    let request = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), len) };
                    let options = SendOptions { association, stream, ppid, flags: 0, context: 0, lifetime: None };
                    out.clear();
                    answer(request, &mut out);
                    let _ = self.socket.send(options, &out); // the client may have gone
                }
                Ok(Received::Data { .. } | Received::Notification { .. }) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error,
            }
        }
    }
}
