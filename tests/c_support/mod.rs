//! Names of errnos.
#![allow(dead_code)] // each test uses some of it

macro_rules! names {
    ($($name:ident)*) => {
        [$((libc::$name, stringify!($name))),*]
    };
}

/// As C programmers know it.
pub fn errno_name(errno: i32) -> &'static str {
    let names = names! {
        EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EBADF EBUSY ECANCELED EFAULT EHOSTUNREACH EINTR EINVAL EIO EISCONN
        EMFILE EMSGSIZE ENAMETOOLONG ENFILE ENOBUFS ENOENT ENOMEM ENOPROTOOPT ENOTCONN ENOTRECOVERABLE EOPNOTSUPP EOWNERDEAD
        EPERM EPROTO EPROTONOSUPPORT ESOCKTNOSUPPORT ETIMEDOUT EPIPE
    };
    let found = names.iter().find(|(number, _)| *number == errno);
    found.unwrap_or_else(|| panic!("give errno {errno} a name here")).1
}
