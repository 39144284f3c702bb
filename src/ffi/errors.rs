//! Which errno each function of the C ABI may set: what its manual page names, and nothing else.
//!
//! `guard.rs` looks every error up here, so no other errno can reach a program. `tests/manual/main.rs` compares the table with
//! the pages, and `tests/c/programs.rs` wants each entry provoked by a program of `tests/c/`, or a reason in
//! `tests/c/not_provoked.txt`.

// The entries have the names of the functions.
#![allow(non_upper_case_globals)]

use crate::api::Error;
use libc::*;

/// Of every function that needs the running library.
const LIBRARY: &[c_int] = &[EACCES, EOWNERDEAD, ENOTRECOVERABLE];
/// Of a descriptor that has to be an RSerPool socket, open until the call ends.
const SOCKET: &[c_int] = &[EBADF, EOPNOTSUPP, ECANCELED];
/// Of a descriptor that may also be mapped.
const DESCRIPTOR: &[c_int] = &[EBADF, ECANCELED];
/// Of a pool handle.
const HANDLE: &[c_int] = &[EFAULT, EINVAL, ENAMETOOLONG];
/// Of the system, for another descriptor.
const RESOURCES: &[c_int] = &[EMFILE, ENFILE, ENOBUFS, ENOMEM];
/// Of the system and the transport, for an endpoint at given addresses. EIO: whatever else the system says.
const ENDPOINT: &[c_int] = &[EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, EIO, EPROTONOSUPPORT];
/// The same for an endpoint at any address.
const ANY_ENDPOINT: &[c_int] = &[EADDRINUSE, EIO, EPROTONOSUPPORT];
/// Of setting an option: one of pool elements takes a descriptor.
#[cfg(feature = "pool-element")]
const SET_OPTION: &[c_int] = &[EFAULT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOPROTOOPT];
#[cfg(not(feature = "pool-element"))]
const SET_OPTION: &[c_int] = &[EFAULT, EINVAL, ENOPROTOOPT];
/// Of a request to a registrar.
const REQUEST: &[c_int] = &[EBUSY, ECANCELED, EHOSTUNREACH, EINTR, EMFILE, EPERM, ETIMEDOUT];
/// Of sending and receiving, where the call does not wait.
const AT_ONCE: &[c_int] = &[EAGAIN, EFAULT];
/// Of sending and receiving, where it may wait.
const WAITING: &[c_int] = &[EAGAIN, EFAULT, EINTR];

/// A function and the errnos that it may set.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    errnos: &'static [&'static [c_int]],
    /// The system call whose errno is passed on as it is, when the descriptor is a mapped one; empty: none.
    pub passes_on: &'static str,
}

impl Function {
    /// The errnos that it may set, beside those of a system call that it passes on. Some may come twice.
    pub fn errnos(&self) -> impl Iterator<Item = c_int> {
        self.errnos.iter().flat_map(|set| set.iter().copied())
    }

    /// The errno for the program. An errno that the page does not name would leave the program without a clue: the system's
    /// become EIO where that is documented as the rest, and everything else is a fault of the library.
    pub(super) fn errno(&self, error: &Error) -> c_int {
        let documented = |errno| self.errnos().any(|known| known == errno);
        if documented(error.errno) || (error.of_mapped && !self.passes_on.is_empty()) {
            return error.errno;
        }
        let instead = if documented(EIO) { EIO } else { ENOTRECOVERABLE };
        log::warn!("{}(): {error}; errno is {instead} for want of a better one", self.name);
        instead
    }
}

macro_rules! functions {
    ($($name:ident: [$($errnos:expr),*] $(mapped $call:literal)?;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`.")]
            pub const $name: Function = Function {
                name: stringify!($name),
                errnos: &[$($errnos),*],
                passes_on: concat!("" $(, $call)?),
            };
        )*
        /// All functions.
        pub const ALL: &[Function] = &[$($name),*];
    };
}

functions! {
    rsp_initinfo: [];
    rsp_freeinfo: [];
    rsp_initarg: [&[EINVAL]];
    rsp_initialize: [RESOURCES, &[
        EAFNOSUPPORT, EAGAIN, EFAULT, EINVAL, EIO, ENOTRECOVERABLE, EOWNERDEAD, EPROTONOSUPPORT
    ]];
    rsp_cleanup: [];
    rsp_strerror: [];
    rsp_last_error: [];

    rsp_getaddrinfo: [LIBRARY, HANDLE, REQUEST, &[ENOENT, ENOMEM]];
    rsp_getaddrinfo_tags: [LIBRARY, HANDLE, REQUEST, &[ENOENT, ENOMEM]];
    rsp_freeaddrinfo: [];
    rsp_pe_registration: [LIBRARY, HANDLE, REQUEST, &[EAFNOSUPPORT, EPROTONOSUPPORT]];
    rsp_pe_registration_tags: [LIBRARY, HANDLE, REQUEST, &[EAFNOSUPPORT, EPROTONOSUPPORT]];
    rsp_pe_deregistration: [LIBRARY, HANDLE, REQUEST];
    rsp_pe_deregistration_tags: [LIBRARY, HANDLE, REQUEST];
    rsp_pe_failure: [LIBRARY, HANDLE, &[ECANCELED]];
    rsp_pe_failure_tags: [LIBRARY, HANDLE, &[ECANCELED]];

    rsp_getpoolinfo: [LIBRARY, HANDLE, REQUEST, &[ENOENT, ENOMEM]];
    rsp_freepoolinfo: [];
    rsp_subscribe_pool: [LIBRARY, HANDLE, RESOURCES, &[EBUSY, ECANCELED, EINTR]];
    rsp_getpoolchange: [LIBRARY, SOCKET, WAITING, &[ENOMEM]];

    rsp_socket: [LIBRARY, RESOURCES, &[EAFNOSUPPORT, EIO, EPROTONOSUPPORT, ESOCKTNOSUPPORT]];
    rsp_socket_internal: [LIBRARY, RESOURCES, &[EAFNOSUPPORT, EIO, EOPNOTSUPP, EPROTONOSUPPORT, ESOCKTNOSUPPORT]];
    rsp_update_session_parameters: [LIBRARY, SOCKET, &[EFAULT, EINVAL]];
    rsp_bind: [LIBRARY, SOCKET, RESOURCES, ENDPOINT, &[EAFNOSUPPORT, EFAULT]];
    rsp_close: [LIBRARY, &[EBADF]] mapped "close(2)";
    rsp_getsockname: [LIBRARY, SOCKET, &[EFAULT, EINVAL, ENOBUFS]];
    rsp_getpeername: [LIBRARY, SOCKET, &[EFAULT, EINVAL, ENOBUFS, ENOTCONN]];
    rsp_getsockopt: [LIBRARY, DESCRIPTOR, &[EFAULT, EINVAL, ENOPROTOOPT]] mapped "getsockopt(2)";
    rsp_setsockopt: [LIBRARY, DESCRIPTOR, SET_OPTION] mapped "setsockopt(2)";

    rsp_register: [LIBRARY, SOCKET, HANDLE, RESOURCES, ENDPOINT, &[EINPROGRESS, EINTR, EISCONN]];
    rsp_register_tags: [LIBRARY, SOCKET, HANDLE, RESOURCES, ENDPOINT, &[EINPROGRESS, EINTR, EISCONN]];
    rsp_deregister: [LIBRARY, SOCKET, &[EINPROGRESS, EINTR]];
    rsp_deregister_tags: [LIBRARY, SOCKET, &[EINPROGRESS, EINTR]];
    rsp_listen: [LIBRARY, SOCKET, RESOURCES, ENDPOINT, &[EISCONN]];
    rsp_accept: [LIBRARY, SOCKET, RESOURCES, &[EAGAIN, EINTR, EIO, ENOTCONN]];
    rsp_accept_tags: [LIBRARY, SOCKET, RESOURCES, &[EAGAIN, EINTR, EIO, ENOTCONN]];
    rsp_send_cookie: [LIBRARY, SOCKET, WAITING, &[EIO, EMSGSIZE, ENOMEM, ENOTCONN]];
    rsp_send_businesscard: [LIBRARY, SOCKET, REQUEST, &[EFAULT, EINVAL, ENOENT]];

    rsp_connect: [LIBRARY, SOCKET, HANDLE, RESOURCES, ANY_ENDPOINT, &[EINPROGRESS, EINTR, EISCONN, ETIMEDOUT]];
    rsp_connect_tags: [LIBRARY, SOCKET, HANDLE, RESOURCES, ANY_ENDPOINT, &[EINPROGRESS, EINTR, EISCONN, ETIMEDOUT]];
    rsp_has_cookie: [LIBRARY, SOCKET];
    rsp_forcefailover: [LIBRARY, SOCKET, &[EBUSY, EINPROGRESS, EINTR, EIO, ENOTCONN, ETIMEDOUT]];
    rsp_forcefailover_tags: [LIBRARY, SOCKET, &[EBUSY, EINPROGRESS, EINTR, EIO, ENOTCONN, ETIMEDOUT]];

    rsp_sendto_pool: [LIBRARY, SOCKET, HANDLE, RESOURCES, ANY_ENDPOINT, &[
        EAGAIN, EHOSTUNREACH, EINTR, EISCONN, EMSGSIZE, ENOENT
    ]];
    rsp_sendmsg: [LIBRARY, DESCRIPTOR, WAITING, &[EINVAL, EIO, EMSGSIZE, ENOMEM, ENOTCONN]] mapped "write(2)";
    rsp_send: [LIBRARY, DESCRIPTOR, AT_ONCE, &[EINVAL, EIO, EMSGSIZE, ENOMEM, ENOTCONN]] mapped "write(2)";
    rsp_write: [LIBRARY, DESCRIPTOR, AT_ONCE, &[EINVAL, EIO, EMSGSIZE, ENOMEM, ENOTCONN]] mapped "write(2)";
    rsp_recvmsg: [LIBRARY, DESCRIPTOR, WAITING, &[EINVAL, ENOTCONN]] mapped "read(2)";
    rsp_recvfullmsg: [LIBRARY, DESCRIPTOR, WAITING, &[EINVAL, ENOTCONN]] mapped "read(2)";
    rsp_recv: [LIBRARY, DESCRIPTOR, AT_ONCE, &[EINVAL, ENOTCONN]] mapped "read(2)";
    rsp_read: [LIBRARY, DESCRIPTOR, AT_ONCE, &[EINVAL, ENOTCONN]] mapped "read(2)";

    rsp_poll: [LIBRARY, &[EFAULT, EINTR, EINVAL, ENOMEM]];
    rsp_select: [LIBRARY, &[EBADF, EINTR, EINVAL, ENOMEM]];
    rsp_mapsocket: [LIBRARY, &[EBADF, EINVAL, EMFILE]];
    rsp_unmapsocket: [LIBRARY, &[EBADF]];
    rsp_getpolicybytype: [];
    rsp_getpolicybyname: [];
    rsp_csp_setstatus: [LIBRARY, SOCKET, &[EFAULT, EINVAL]];
    rsp_print_notification: [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_that_is_not_documented_becomes_one_that_is() {
        let errno = |function: &Function, errno| function.errno(&Error::new(errno, "test"));
        assert_eq!(errno(&rsp_bind, EADDRINUSE), EADDRINUSE);
        assert_eq!(errno(&rsp_bind, EPERM), EIO);
        assert_eq!(errno(&rsp_unmapsocket, EPERM), ENOTRECOVERABLE);
    }

    #[test]
    fn an_errno_of_a_system_call_on_a_mapped_descriptor_is_passed_on() {
        let error = Error::mapped(&std::io::Error::from_raw_os_error(EPIPE), "write");
        assert_eq!(rsp_write.errno(&error), EPIPE);
        assert_eq!(rsp_unmapsocket.errno(&error), ENOTRECOVERABLE);
    }
}
