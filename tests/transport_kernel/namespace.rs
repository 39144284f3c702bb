//! Network namespaces whose SCTP takes UDP encapsulation.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::Command;

const UDP_PORT: &str = "/proc/sys/net/sctp/udp_port";

/// A network namespace with UDP encapsulation on port 9899, which ends with this.
///
/// Encapsulation is switched off before the namespace is left, also by a test that panics: the kernel forgets to close the
/// sockets of encapsulation in a namespace that ends. A later namespace that gets the same memory could not bind the port.
#[must_use = "encapsulation is switched off when this is dropped"]
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// Gives this thread, and what it starts from now on, a namespace of their own.
    pub fn new() -> Namespace {
        // SAFETY: no pointers are involved; only this thread changes its namespace.
        let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        assert_eq!(result, 0, "a network namespace: {}", io::Error::last_os_error());
        // Before the port is set, so that it is reset whatever happens.
        let namespace = Namespace { file: this_namespace() };
        std::fs::write("/proc/sys/net/sctp/cookie_hmac_alg", "sha1").expect("a kernel with SCTP");
        std::fs::write(UDP_PORT, "9899").expect("a kernel with SCTP in UDP, and a free port");
        namespace
    }

    /// Does something there.
    pub fn inside<T>(&self, what: impl FnOnce() -> T) -> T {
        let outside = this_namespace();
        enter(&self.file);
        let result = what();
        enter(&outside);
        result
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.inside(|| {
            let result = std::fs::write(UDP_PORT, "0");
            assert!(result.is_ok() || std::thread::panicking(), "encapsulation is not switched off: {result:?}");
        });
    }
}

fn this_namespace() -> File {
    File::open("/proc/thread-self/ns/net").expect("this thread's namespace")
}

fn enter(namespace: &File) {
    // SAFETY: no pointers are involved; only this thread changes its namespace.
    let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "the namespace of a host: {}", io::Error::last_os_error());
}

/// Runs a command in this thread's namespace.
pub fn run(command: &str) {
    let mut words = command.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().expect("start a command");
    assert!(status.success(), "{command}: {status}");
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn encapsulation_is_switched_off_even_by_a_panic() {
    let encapsulation = || std::fs::read_to_string(UDP_PORT).expect("a kernel with SCTP in UDP").trim().to_owned();
    let namespace = std::sync::Mutex::new(None);
    let panicked = std::panic::catch_unwind(|| {
        let inner = Namespace::new();
        assert_eq!(encapsulation(), "9899");
        *namespace.lock().expect("nobody else has it") = Some(inner.file.try_clone().expect("a descriptor"));
        std::panic::resume_unwind(Box::new("a test that fails"));
    });
    assert!(panicked.is_err());
    let file = namespace.into_inner().expect("the lock was released").expect("the namespace was made");
    enter(&file);
    assert_eq!(encapsulation(), "0");
}
