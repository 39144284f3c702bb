//! Policies by name, and notifications in words.

use super::guard::guard_always;
use super::policy_types::*;
use super::types::rserpool_notification;
use crate::api::{NOTIFICATION_SIZE, Notification};
use libc::FILE;
use std::ffi::{CStr, CString, c_char, c_uint};

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
#[unsafe(no_mangle)]
pub extern "C" fn rsp_getpolicybytype(policyType: c_uint) -> *const c_char {
    guard_always(format_args!("rsp_getpolicybytype(0x{policyType:x})"), || {
        let found = POLICIES.iter().find(|(_, number)| *number == policyType);
        Ok(found.map_or(std::ptr::null(), |(name, _)| name.as_ptr()))
    })
}

/// The type of the policy with this name. Case matters.
///
/// # Returns
/// A PPT_ constant; PPT_UNDEFINED for NULL and unknown names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_getpolicybyname(policyName: *const c_char) -> c_uint {
    if policyName.is_null() {
        return PPT_UNDEFINED;
    }
    // SAFETY: not NULL; a string, by the contract of this module.
    let name = unsafe { CStr::from_ptr(policyName) };
    POLICIES.iter().find(|(known, _)| *known == name).map_or(PPT_UNDEFINED, |(_, number)| *number)
}

/// Writes a notification as text, without a newline, like "failover necessary for session 7 (with cookie)".
/// NULL for either argument: does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_print_notification(notification: *const rserpool_notification, fd: *mut FILE) {
    guard_always(format_args!("rsp_print_notification()"), || {
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
