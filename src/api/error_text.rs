//! What the errno of a failed call means in this library, and what to do about it.

use std::ffi::CStr;

/// Cause, meaning and remedy of an errno that the functions of this library give. Any number has a text.
pub fn error_text(errno: libc::c_int) -> &'static CStr {
    TEXTS.iter().find(|(number, _)| *number == errno).map_or(OTHER, |(_, text)| text)
}

const OTHER: &CStr = c"an error of the operating system, passed on as it came: see strerror(3)";

/// One line each: cause; consequence or remedy.
const TEXTS: [(libc::c_int, &CStr); 37] = [
    (0, c"no error"),
    (libc::EACCES, c"the library is not initialised, or the system denies the port: call rsp_initialize() first, or take a port above 1023"),
    (libc::EADDRINUSE, c"the address and port are taken by another socket: choose another port, or end the program that has it"),
    (libc::EADDRNOTAVAIL, c"this machine has no such address: bind to one of its own, or to any"),
    (libc::EAFNOSUPPORT, c"addresses and sockets are IPv4 or IPv6: another address family cannot be used"),
    (libc::EAGAIN, c"nothing to receive, or no room to send, within the time allowed: wait for the descriptor and try again"),
    (libc::EBADF, c"not an open RSerPool descriptor, or a socket that is not registered, or registered in another pool"),
    (libc::EBUSY, c"too many requests to registrars are under way, or a registrar lacks resources: try again later"),
    (libc::ECANCELED, c"rsp_cleanup() was called while the call was under way: nothing of it holds any more"),
    (libc::ECONNREFUSED, c"nobody listens at the address: is the server or registrar running there?"),
    (libc::EEXIST, c"another pool element has the identifier: the registrar is asked again until it is free, or choose another one"),
    (libc::EFAULT, c"a pointer that must point to something is NULL"),
    (libc::EHOSTUNREACH, c"no registrar can be reached: check -registrar=, RSERPOOL_REGISTRARS and that a registrar runs"),
    (libc::EINPROGRESS, c"the descriptor is non-blocking, and the call has begun what it was asked for: rsp_getsockopt() tells how it stands"),
    (libc::EINTR, c"a signal handler ran while the call waited: what it began goes on; look at the descriptor or call again"),
    (libc::EINVAL, c"an argument makes no sense: see the manual page of the function"),
    (libc::EIO, c"the pool element cannot be reached, or the session has lost it: fail over, or try again later"),
    (libc::EISCONN, c"the socket has had a session with a pool, or is a server: use another socket"),
    (libc::EMFILE, c"the process has no descriptor left: close some, or raise its limit (ulimit -n)"),
    (libc::EMSGSIZE, c"the message or cookie is longer than can be sent, or empty: split it"),
    (libc::ENAMETOOLONG, c"a pool handle has at most 32 bytes"),
    (libc::ENFILE, c"the system has no descriptor left"),
    (libc::ENOBUFS, c"a limit of the library is reached, or the buffer is too small for the answer"),
    (libc::ENOENT, c"there is no such pool, it is empty, or it has no such pool element"),
    (libc::ENOMEM, c"no memory left"),
    (libc::ENOPROTOOPT, c"RSerPool sockets have no such option"),
    (libc::ENOTCONN, c"the socket has no such session: call rsp_connect() first, or on a server wait for a client"),
    (libc::ENOTRECOVERABLE, c"the library failed by an internal error (the log says which): call rsp_cleanup(), then rsp_initialize()"),
    (libc::EOPNOTSUPP, c"the descriptor is of a kind for which there is no such call"),
    (libc::EOWNERDEAD, c"the library belongs to the parent process: call rsp_cleanup(), then rsp_initialize() in the child"),
    (libc::EPERM, c"the registrar refused: another policy or transport than the pool's, or one of its limits"),
    (libc::EPROTO, c"the registrar's answer makes no sense"),
    (libc::EPROTONOSUPPORT, c"the transport is not available: without SCTP in the kernel, use -transport=sctp-udp"),
    (libc::EPROTOTYPE, c"the pool has elements of another policy or transport: the registrar is asked again until they have left"),
    (libc::ESOCKTNOSUPPORT, c"RSerPool sockets are SOCK_SEQPACKET or SOCK_STREAM"),
    (libc::ETIMEDOUT, c"a registrar was there but did not answer in time: the request may have been done all the same"),
    (libc::EPIPE, c"the other end has closed: open a new session"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every errno that a source of the API or the C interface names.
    fn named_in_sources() -> std::collections::BTreeSet<String> {
        let mut names = std::collections::BTreeSet::new();
        for directory in ["src/api", "src/ffi"] {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
            for entry in std::fs::read_dir(root).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with("error_text.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                for (at, _) in text.match_indices("libc::E") {
                    let rest = &text[at + "libc::".len()..];
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                    // EPOLL and the like are no error numbers.
                    if rest[..end].chars().all(|c| c.is_ascii_uppercase()) && !rest.starts_with("EPOLL") {
                        names.insert(rest[..end].to_owned());
                    }
                }
            }
        }
        names
    }

    #[test]
    fn every_errno_that_the_library_gives_has_a_text_of_its_own() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/error_text.rs");
        let texts = std::fs::read_to_string(here).unwrap();
        let names = named_in_sources();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            assert!(texts.contains(&format!("(libc::{name}, c\"")), "{name} has no text");
        }
    }

    #[test]
    fn any_number_has_a_text() {
        for number in [-1, 0, libc::EIO, 4711, libc::c_int::MAX] {
            assert!(!error_text(number).is_empty());
        }
        assert_eq!(error_text(4711), OTHER);
        assert!(error_text(libc::EINTR).to_string_lossy().contains("signal"));
    }
}
