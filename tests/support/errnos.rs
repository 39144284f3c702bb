//! Names of errnos, and which of them the programs of `tests/c` provoke.
use rserpool::ffi::errors::ALL;
use std::collections::BTreeSet;

/// Why an errno is not provoked: a line "ERRNO FUNCTION,FUNCTION: reason" of `tests/c/not_provoked.txt`; "*" for all that have
/// it. With "?" before it, it depends on the machine whether it is.
pub struct Reason {
    errno: String,
    functions: Vec<String>,
    perhaps: bool,
}

pub fn reasons(table: &str) -> Vec<Reason> {
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (what, reason) = line.split_once(": ").unwrap_or_else(|| panic!("a reason is missing: {line}"));
            let (errno, functions) = what.split_once(' ').unwrap_or_else(|| panic!("no functions: {line}"));
            assert!(reason.len() > 10, "a reason is missing: {line}");
            Reason {
                errno: errno.trim_start_matches('?').to_owned(),
                functions: functions.split(',').map(|name| name.trim().to_owned()).collect(),
                perhaps: errno.starts_with('?'),
            }
        })
        .collect()
}

/// What is wrong between what the library may say, what was provoked, and what is said not to be.
pub fn unexplained(provoked: &BTreeSet<(String, &str)>, reasons: &[Reason]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut used = vec![false; reasons.len()];
    for function in ALL {
        for errno in function.errnos().map(errno_name).collect::<BTreeSet<_>>() {
            let was_provoked = provoked.contains(&(function.name.to_owned(), errno));
            let mut explained = false;
            for (reason, used) in reasons.iter().zip(&mut used).filter(|(reason, _)| reason.errno == errno) {
                let by_name = reason.functions.iter().any(|name| name == function.name);
                if by_name && was_provoked && !reason.perhaps {
                    wrong.push(format!(
                        "{}() is provoked to set {errno}: not_provoked.txt says it is not",
                        function.name
                    ));
                }
                if by_name || reason.functions.iter().any(|name| name == "*") {
                    explained = true;
                    *used |= !was_provoked || reason.perhaps;
                }
            }
            if !was_provoked && !explained {
                wrong.push(format!("{errno} {}", function.name));
            }
        }
    }
    for (reason, _) in reasons.iter().zip(used).filter(|(_, used)| !used) {
        wrong.push(format!("not_provoked.txt has a reason for {} that nothing needs", reason.errno));
    }
    wrong
}

macro_rules! names {
    ($($name:ident)*) => {
        [$((libc::$name, stringify!($name))),*]
    };
}

/// As C programmers know it.
pub fn errno_name(errno: i32) -> &'static str {
    let names = names! {
        EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EBADF EBUSY ECANCELED EFAULT EHOSTUNREACH EINPROGRESS EINTR EINVAL EIO EISCONN
        EMFILE EMSGSIZE ENAMETOOLONG ENFILE ENOBUFS ENOENT ENOMEM ENOPROTOOPT ENOTCONN ENOTRECOVERABLE EOPNOTSUPP EOWNERDEAD
        EPERM EPROTO EPROTONOSUPPORT ESOCKTNOSUPPORT ETIMEDOUT EPIPE
    };
    let found = names.iter().find(|(number, _)| *number == errno);
    found.unwrap_or_else(|| panic!("give errno {errno} a name here")).1
}
