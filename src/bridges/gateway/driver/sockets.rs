//! The sockets of a gateway: nonblocking, not inherited, without delay.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Connections that the kernel takes before the gateway does.
const BACKLOG: i32 = 4096;

/// A TCP socket.
pub(super) struct Socket(socket2::Socket);

impl Socket {
    /// Begins to connect.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Socket> {
        let domain = socket2::Domain::for_address(address);
        let kind = socket2::Type::STREAM.nonblocking().cloexec();
        let socket = socket2::Socket::new(domain, kind, Some(socket2::Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Socket(socket)),
        }
    }

    /// What became of that.
    pub(super) fn take_error(&self) -> io::Result<()> {
        self.0.take_error()?.map_or(Ok(()), Err)
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// The address that the client connected to.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()?.as_socket()
    }

    /// Has the other end notice at once when it is closed: by a reset in place of an end.
    pub(super) fn reset_on_close(&self) {
        // Where that fails, it is closed in order, which is noticed as well.
        let _ = self.0.set_linger(Some(Duration::ZERO));
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A socket that clients connect to.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let kind = socket2::Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The next client. None: nobody waits.
pub(super) fn accept(listener: &TcpListener) -> io::Result<Option<(Socket, SocketAddr)>> {
    loop {
        match listener.accept() {
            Ok((stream, client)) => {
                let socket = socket2::Socket::from(stream);
                socket.set_nonblocking(true)?;
                socket.set_tcp_nodelay(true)?;
                return Ok(Some((Socket(socket), client)));
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                // It went before it was accepted.
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => return Err(error),
            },
        }
    }
}

/// This host lacks something: nobody else is to blame.
pub(super) fn is_own_fault(error: &io::Error) -> bool {
    let own = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRNOTAVAIL, libc::EAGAIN];
    error.raw_os_error().is_some_and(|errno| own.contains(&errno))
}
