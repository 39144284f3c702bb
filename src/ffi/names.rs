//! Policies by name, and notifications in words.

use super::errors;
use super::guard::{guard, guard_always};
use super::io::session_id;
use super::policy_types::*;
use super::types::{rserpool_notification, rserpool_session_t};
use crate::api::{self, Error, NOTIFICATION_SIZE, Notification};
use libc::FILE;
use std::ffi::{CStr, CString, c_char, c_int, c_uint};

const POLICIES: [(&CStr, u32); 18] = [
    (c"RoundRobin", PPT_ROUNDROBIN),
    (c"WeightedRoundRobin", PPT_WEIGHTED_ROUNDROBIN),
    (c"Random", PPT_RANDOM),
    (c"WeightedRandom", PPT_WEIGHTED_RANDOM),
    (c"Priority", PPT_PRIORITY),
    (c"LeastUsed", PPT_LEASTUSED),
    (c"LeastUsedDegradation", PPT_LEASTUSED_DEGRADATION),
    (c"PriorityLeastUsed", PPT_PRIORITY_LEASTUSED),
    (c"RandomizedLeastUsed", PPT_RANDOMIZED_LEASTUSED),
    (c"RandomizedPriorityLeastUsed", PPT_RANDOMIZED_PRIORITY_LEASTUSED),
    (c"RandomizedLeastUsedDegradation", PPT_RANDOMIZED_LEASTUSED_DEGRADATION),
    (c"PriorityLeastUsedDegradation", PPT_PRIORITY_LEASTUSED_DEGRADATION),
    (c"RandomizedPriorityLeastUsedDegradation", PPT_RANDOMIZED_PRIORITY_LEASTUSED_DEGRADATION),
    (c"WeightedRandomDPF", PPT_WEIGHTED_RANDOM_DPF),
    (c"LeastUsedDPF", PPT_LEASTUSED_DPF),
    (c"LeastUsedDegradationDPF", PPT_LEASTUSED_DEGRADATION_DPF),
    (c"PriorityLeastUsedDPF", PPT_PRIORITY_LEASTUSED_DPF),
    (c"PriorityLeastUsedDegradationDPF", PPT_PRIORITY_LEASTUSED_DEGRADATION_DPF),
];

/// The name of a policy, like "LeastUsed".
///
/// # Returns
/// A string that lives forever, or NULL for an unknown type.
///
/// # Standards
/// RFC 5356.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_getpolicybytype(policyType: c_uint) -> *const c_char {
    guard_always(&errors::rsp_getpolicybytype, format_args!("rsp_getpolicybytype(0x{policyType:x})"), || {
        let found = POLICIES.iter().find(|(_, number)| *number == policyType);
        Ok(found.map_or(std::ptr::null(), |(name, _)| name.as_ptr()))
    })
}

/// The type of the policy with this name. Case matters.
///
/// # Returns
/// A PPT_ constant; PPT_UNDEFINED for NULL and unknown names.
///
/// # Standards
/// RFC 5356.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getpolicybyname(policyName: *const c_char) -> c_uint {
    if policyName.is_null() {
        return PPT_UNDEFINED;
    }
    // SAFETY: not NULL; a string, by the contract of this module.
    let name = unsafe { CStr::from_ptr(policyName) };
    POLICIES.iter().find(|(known, _)| *known == name).map_or(PPT_UNDEFINED, |(_, number)| *number)
}

/// Says in a few words what the program does with a session, for the component status reports that the library sends where
/// `ri_csp_server` and `ri_csp_interval` ask for them. Without it, and with several sessions, they tell the number of
/// sessions. At most 127 bytes of UTF-8 are reported. `sessionID` names the session on a one-to-many server; other sockets ignore it.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not an open RSerPool socket. EFAULT: `statusText` is NULL. EINVAL: not UTF-8, or the socket has no such session.
/// EOPNOTSUPP: a mapped descriptor. ECANCELED: rsp_cleanup() was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_csp_setstatus(
    sd: c_int,
    sessionID: rserpool_session_t,
    statusText: *const c_char,
) -> c_int {
    guard(&errors::rsp_csp_setstatus, format_args!("rsp_csp_setstatus({sd}, session {sessionID})"), || {
        if statusText.is_null() {
            return Err(Error::new(libc::EFAULT, "the status text is NULL"));
        }
        // SAFETY: not NULL; a string, by the contract of this module.
        let text = unsafe { CStr::from_ptr(statusText) }
            .to_str()
            .map_err(|_| Error::new(libc::EINVAL, "the status text is not UTF-8"))?;
        api::set_status(sd, session_id(sessionID), text).map(|()| 0)
    })
}

/// Writes a notification as text, without a newline, like "failover necessary for session 7 (with cookie)".
/// NULL for either argument: does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_print_notification(notification: *const rserpool_notification, fd: *mut FILE) {
    guard_always(&errors::rsp_print_notification, format_args!("rsp_print_notification()"), || {
        if notification.is_null() || fd.is_null() {
            return Ok(());
        }
        let mut bytes = [0u8; NOTIFICATION_SIZE];
        // SAFETY: the union is as large as `bytes`, which the layout tests check.
        unsafe { std::ptr::copy_nonoverlapping(notification.cast::<u8>(), bytes.as_mut_ptr(), bytes.len()) };
        let text = match Notification::from_bytes(&bytes) {
            Some(notification) => notification.to_string(),
            None => format!("unknown notification of type {}", u16::from_ne_bytes([bytes[0], bytes[1]])),
        };
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: a string, and a stream by the contract of this module. A failed write shows in ferror().
        unsafe { libc::fputs(text.as_ptr(), fd) };
        Ok(())
    })
}
