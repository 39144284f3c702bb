//! Descriptors of the system among RSerPool's.

use super::errors;
use super::guard::guard;
use crate::api;
use std::ffi::c_int;

/// Makes a descriptor of the system (a pipe, a UDP socket) usable in rsp_ functions like rsp_poll(), rsp_read() and
/// rsp_write(), under the number `toSD`; -1: any free number. Programs written for this library need it not, because
/// RSerPool descriptors are descriptors of the system: it is there for programs written for rsplib.
///
/// # Returns
/// The number, or -1.
///
/// # Errors
/// EBADF: `sd` is not open. EINVAL: `sd` is an RSerPool socket, or `toSD` is taken or too large. EMFILE: no number is left.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_mapsocket(sd: c_int, toSD: c_int) -> c_int {
    guard(&errors::rsp_mapsocket, format_args!("rsp_mapsocket({sd}, {toSD})"), || api::mapsocket(sd, toSD))
}

/// Undoes rsp_mapsocket(). The descriptor of the system stays open.
///
/// # Returns
/// 0, or -1.
///
/// # Errors
/// EBADF: not mapped.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_unmapsocket(sd: c_int) -> c_int {
    guard(&errors::rsp_unmapsocket, format_args!("rsp_unmapsocket({sd})"), || api::unmapsocket(sd).map(|()| 0))
}
