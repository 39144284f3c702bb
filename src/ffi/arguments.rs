//! What command line and environment say beyond the fields of `struct rsp_info`, whose layout cannot grow.

use super::convert;
use super::rsplib_logging;
use super::types::{rsp_info, rsp_registrar_info};
use crate::PoolElementId;
use crate::driver::csp::{self, ComponentId};
use crate::profile::Profile;
use crate::transport::TransportChoice;
use libc::sockaddr;
use log::LevelFilter;
use parking_lot::Mutex;
use std::ffi::{CString, c_char, c_int, c_uint};
use std::net::{SocketAddr, ToSocketAddrs};

/// Addresses kept for `rsp_info` fields that point to static storage.
const MAX_KEPT_ADDRESSES: usize = 64;
/// Shortest report interval that is taken, in milliseconds.
const CSP_MIN_INTERVAL_MS: c_uint = 250;

/// What `rsp_initarg` found for the next `rsp_initialize`.
pub struct Arguments {
    /// `-transport=`.
    pub transport: Option<TransportChoice>,
    /// `-profile=`.
    pub profile: Option<Profile>,
    /// `-loglevel=`.
    pub log_level: Option<LevelFilter>,
    /// `-logfile=` or `-logappend=`, and whether to append.
    pub log_file: Option<(String, bool)>,
    /// Addresses that `ri_registrar_announce` and `ri_csp_server` point to: each is kept as long as the process lives,
    /// because nobody knows how many copies of a `struct rsp_info` there are.
    kept: Vec<(SocketAddr, Box<[u8]>)>,
}

/// As in rsplib, arguments are the process's, not the structure's.
pub static ARGUMENTS: Mutex<Arguments> =
    Mutex::new(Arguments { transport: None, profile: None, log_level: None, log_file: None, kept: Vec::new() });

impl Arguments {
    fn keep(&mut self, address: SocketAddr) -> Option<*mut sockaddr> {
        if !self.kept.iter().any(|(known, _)| *known == address) {
            if self.kept.len() == MAX_KEPT_ADDRESSES {
                return None;
            }
            self.kept.push((address, convert::packed(&[address]).into_boxed_slice()));
        }
        let (_, bytes) = self.kept.iter_mut().find(|(known, _)| *known == address)?;
        Some(bytes.as_mut_ptr().cast())
    }
}

/// Which kind of argument it was.
#[derive(Debug, PartialEq, Eq)]
pub enum Eaten {
    /// Ours, and applied.
    Yes,
    /// Ours, and applied, but rsplib says 0 all the same, and its programs go on to look at it themselves.
    YesButSayNo,
    /// Not ours, or its value makes no sense.
    No,
}

/// Applies one command line argument to `info` and [`ARGUMENTS`].
pub fn apply(info: &mut rsp_info, argument: &str) -> Eaten {
    if let Some(text) = for_rsplib_logging(argument) {
        rsplib_logging::argument(&text);
    }
    let Some((name, value)) = argument.split_once('=') else {
        return if matches!(argument, "-logquiet") { log_level(Some(LevelFilter::Off)) } else { Eaten::No };
    };
    match name {
        "-registrar" => eaten(prepend_registrar(info, value)),
        "-asapannounce" => eaten(announce(info, value)),
        "-transport" => {
            let Ok(choice) = value.parse() else { return Eaten::No };
            ARGUMENTS.lock().transport = Some(choice);
            Eaten::Yes
        }
        "-profile" => {
            let Ok(profile) = value.parse() else { return Eaten::No };
            ARGUMENTS.lock().profile = Some(profile);
            Eaten::Yes
        }
        "-loglevel" => log_level(parse_log_level(value)),
        "-logfile" => log_file(value, false),
        "-logappend" => log_file(value, true),
        // Colours and whatever else rsplib's logging takes: of no use here, but no reason to refuse a command line.
        _ if name.starts_with("-log") => Eaten::Yes,
        "-cspserver" => eaten(csp_server(info, value)),
        "-cspinterval" => eaten(csp_interval(info, value)),
        "-cspidentifier" => eaten(csp_identifier(info, value)),
        "-registrarannouncetimeout" => number(&mut info.ri_registrar_announce_timeout, value),
        "-registrarconnecttimeout" => number(&mut info.ri_registrar_connect_timeout, value),
        "-registrarconnectmaxtrials" => number(&mut info.ri_registrar_connect_max_trials, value),
        "-registrarrequesttimeout" => number(&mut info.ri_registrar_request_timeout, value),
        "-registrarresponsetimeout" => number(&mut info.ri_registrar_response_timeout, value),
        "-registrarrequestmaxtrials" => number(&mut info.ri_registrar_request_max_trials, value),
        _ => Eaten::No,
    }
}

/// Applies `CSP_SERVER` and `CSP_INTERVAL`.
pub fn apply_environment(info: &mut rsp_info) {
    if let Ok(server) = std::env::var("CSP_SERVER") {
        csp_server(info, &server);
    }
    if let Ok(interval) = std::env::var("CSP_INTERVAL") {
        csp_interval(info, &interval);
    }
}

/// A "-log..." argument as rsplib's own logging is to get it, where the program has that. A log file is appended to by
/// both: ours empties it, where asked to, so neither overwrites the other's lines.
fn for_rsplib_logging(argument: &str) -> Option<CString> {
    if !argument.starts_with("-log") {
        return None;
    }
    match argument.strip_prefix("-logfile=") {
        Some(file) => CString::new(format!("-logappend={file}")).ok(),
        None => CString::new(argument).ok(),
    }
}

fn eaten(applied: Option<()>) -> Eaten {
    if applied.is_some() { Eaten::Yes } else { Eaten::No }
}

fn number(field: &mut c_uint, value: &str) -> Eaten {
    match value.parse() {
        Ok(number) => {
            *field = number;
            Eaten::YesButSayNo
        }
        Err(_) => Eaten::No,
    }
}

/// "ADDRESS:PORT" or "NAME:PORT"; IPv6 addresses in brackets.
fn resolve(text: &str) -> Option<SocketAddr> {
    text.to_socket_addrs().ok()?.next()
}

/// "ADDRESS:PORT{,ADDRESS:PORT}": one registrar with all its addresses.
fn prepend_registrar(info: &mut rsp_info, value: &str) -> Option<()> {
    let addresses = value.split(',').map(resolve).collect::<Option<Vec<_>>>()?;
    if addresses.len() > convert::MAX_ADDRESSES {
        return None;
    }
    convert::peer(&addresses).ok()?;
    let packed = convert::malloc_copy(&convert::packed(&addresses)).cast::<sockaddr>();
    // SAFETY: no pointers are involved.
    let node = unsafe { libc::malloc(size_of::<rsp_registrar_info>()) }.cast::<rsp_registrar_info>();
    if packed.is_null() || node.is_null() {
        // SAFETY: each is NULL or was just allocated.
        unsafe { (libc::free(packed.cast()), libc::free(node.cast())) };
        return None;
    }
    let registrar = rsp_registrar_info { rri_next: info.ri_registrars, rri_addr: packed, rri_addrs: addresses.len() };
    // SAFETY: malloc gave room for it, aligned for anything.
    unsafe { node.write(registrar) };
    info.ri_registrars = node;
    Some(())
}

fn announce(info: &mut rsp_info, value: &str) -> Option<()> {
    match value {
        "auto" => (info.ri_disable_autoconfig, info.ri_registrar_announce) = (0, std::ptr::null_mut()),
        "off" => info.ri_disable_autoconfig = 1,
        group => {
            let address = resolve(group)?;
            info.ri_registrar_announce = ARGUMENTS.lock().keep(address)?;
            info.ri_disable_autoconfig = 0;
        }
    }
    Some(())
}

fn csp_server(info: &mut rsp_info, value: &str) -> Option<()> {
    let address = resolve(value).or_else(|| (value, csp::PORT).to_socket_addrs().ok()?.next())?;
    info.ri_csp_server = ARGUMENTS.lock().keep(address)?;
    Some(())
}

/// The object; the group is that of pool elements, as programs know it from rsplib.
fn csp_identifier(info: &mut rsp_info, value: &str) -> Option<()> {
    let object = match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => value.parse().ok()?,
    };
    info.ri_csp_identifier = ComponentId::pool_element(PoolElementId(object)).0;
    Some(())
}

fn csp_interval(info: &mut rsp_info, value: &str) -> Option<()> {
    let interval: c_uint = value.parse().ok()?;
    info.ri_csp_interval = interval.max(CSP_MIN_INTERVAL_MS);
    Some(())
}

/// rsplib counts from 0 (nothing) to 9 (everything); names do as well.
pub fn parse_log_level(value: &str) -> Option<LevelFilter> {
    match value.parse::<u32>() {
        Ok(0) => Some(LevelFilter::Off),
        Ok(1) => Some(LevelFilter::Error),
        Ok(2) => Some(LevelFilter::Warn),
        Ok(3 | 4) => Some(LevelFilter::Info),
        Ok(5..=7) => Some(LevelFilter::Debug),
        Ok(_) => Some(LevelFilter::Trace),
        Err(_) => value.parse().ok(),
    }
}

fn log_level(level: Option<LevelFilter>) -> Eaten {
    let Some(level) = level else { return Eaten::No };
    ARGUMENTS.lock().log_level = Some(level);
    Eaten::Yes
}

fn log_file(value: &str, append: bool) -> Eaten {
    if value.is_empty() {
        return Eaten::No;
    }
    ARGUMENTS.lock().log_file = Some((value.to_owned(), append));
    Eaten::Yes
}

/// The argument as text; none for NULL and for what is not text.
///
/// # Safety
/// `argument` is NULL or a string that lives during `'a`.
pub unsafe fn text<'a>(argument: *const c_char) -> Option<&'a str> {
    if argument.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller's promise.
    unsafe { std::ffi::CStr::from_ptr(argument) }.to_str().ok()
}

/// What `rsp_initarg` returns for it.
pub fn answer(eaten: Eaten) -> c_int {
    c_int::from(eaten == Eaten::Yes)
}
