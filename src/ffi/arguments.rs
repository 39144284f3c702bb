//! What command line and environment say beyond the fields of `struct rsp_info`, whose layout cannot grow.

use super::convert;
use super::rsplib_logging;
use super::types::{rsp_info, rsp_registrar_info};
use crate::PoolElementId;
use crate::api::{Error, Result};
use crate::driver::csp::{self, ComponentId};
use crate::driver::place::{HostName, Place};
use crate::profile::Profile;
use crate::transport::TransportChoice;
#[cfg(feature = "tls")]
use crate::transport::tls::{TLS_OPTIONS, TlsOption, TlsSettings};
use libc::sockaddr;
use log::LevelFilter;
use parking_lot::Mutex;
use std::ffi::{CString, c_char, c_int, c_uint};
use std::net::SocketAddr;

/// Addresses kept for `rsp_info` fields that point to static storage.
const MAX_KEPT_ADDRESSES: usize = 64;
/// Registrars known by name.
const MAX_REGISTRAR_NAMES: usize = 64;
/// Refused arguments kept for the log.
const MAX_REFUSED: usize = 16;
/// Letters of a refused argument that its error shows.
const MAX_SHOWN: usize = 80;
/// Letters by which a misspelt name differs from one of ours.
const MAX_MISSPELT: usize = 2;
/// Shortest report interval that is taken, in milliseconds.
const CSP_MIN_INTERVAL_MS: c_uint = 250;

/// What `rsp_initarg` found for the next `rsp_initialize`.
pub struct Arguments {
    /// `-transport=`.
    pub transport: Option<TransportChoice>,
    /// `-profile=`.
    pub profile: Option<Profile>,
    /// `-tls...=`: what is set, and to what.
    #[cfg(feature = "tls")]
    pub tls: Vec<(&'static TlsOption, String)>,
    /// One of `-tls...=` was refused: who asks for TLS is not to be left without it.
    pub tls_refused: bool,
    /// `-registrar=` with names: what `struct rsp_info` has room for is addresses.
    pub registrar_names: Vec<HostName>,
    /// `-loglevel=`.
    pub log_level: Option<LevelFilter>,
    /// `-logfile=` or `-logappend=`, and whether to append.
    pub log_file: Option<(String, bool)>,
    /// Addresses that `ri_registrar_announce` and `ri_csp_server` point to: each is kept as long as the process lives,
    /// because nobody knows how many copies of a `struct rsp_info` there are.
    kept: Vec<(SocketAddr, Box<[u8]>)>,
    /// Sentences about arguments that were refused, for the log, which `rsp_initialize` begins.
    refused: Vec<String>,
}

/// As in rsplib, arguments are the process's, not the structure's.
pub static ARGUMENTS: Mutex<Arguments> = Mutex::new(Arguments {
    transport: None,
    profile: None,
    #[cfg(feature = "tls")]
    tls: Vec::new(),
    tls_refused: false,
    registrar_names: Vec::new(),
    log_level: None,
    log_file: None,
    kept: Vec::new(),
    refused: Vec::new(),
});

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
    /// Not ours: the program's own, most likely.
    No,
}

const NUMBER: &str = "a number";
/// What the value of each argument has to be. Other names that begin with "-log" are taken with any value.
const ARGUMENT_VALUES: &[(&str, &str)] = &[
    ("-registrar", "ADDRESS:PORT{,ADDRESS:PORT}: the addresses of one registrar, with one port; or NAME:PORT"),
    ("-asapannounce", "auto, off or ADDRESS:PORT"),
    ("-transport", "auto, sctp or sctp-udp"),
    ("-profile", "default or fast"),
    ("-loglevel", "0 to 9, or off, error, warn, info, debug or trace"),
    ("-logfile", "the name of a file"),
    ("-logappend", "the name of a file"),
    ("-cspserver", "ADDRESS or ADDRESS:PORT, or a name that is known"),
    ("-cspinterval", "a number of milliseconds"),
    ("-cspidentifier", "a number, or a hexadecimal one after 0x"),
    ("-registrarannouncetimeout", NUMBER),
    ("-registrarconnecttimeout", NUMBER),
    ("-registrarconnectmaxtrials", NUMBER),
    ("-registrarrequesttimeout", NUMBER),
    ("-registrarresponsetimeout", NUMBER),
    ("-registrarrequestmaxtrials", NUMBER),
    #[cfg(not(feature = "tls"))]
    ("-tls", "off: this library was built without TLS"),
    #[cfg(feature = "tls")]
    ("-tls", "off or require"),
    #[cfg(feature = "tls")]
    ("-tls-cert", "the name of a file"),
    #[cfg(feature = "tls")]
    ("-tls-key", "the name of a file"),
    #[cfg(feature = "tls")]
    ("-tls-ca", "the name of a file"),
    #[cfg(feature = "tls")]
    ("-tls-crl", "the name of a file"),
    #[cfg(feature = "tls")]
    ("-tls-psk-file", "the name of a file"),
    #[cfg(feature = "tls")]
    ("-tls-name", "a name in DNS"),
    #[cfg(feature = "tls")]
    ("-tls-profile", "default or rfc5352"),
];

/// Applies one command line argument to `info` and [`ARGUMENTS`]. An argument of ours with a bad value is an error, and so is one
/// whose name is nearly one of ours.
pub fn apply(info: &mut rsp_info, argument: &str) -> Result<Eaten> {
    if let Some(text) = for_rsplib_logging(argument) {
        rsplib_logging::argument(&text);
    }
    let Some((name, value)) = argument.split_once('=') else {
        if argument == "-logquiet" {
            ARGUMENTS.lock().log_level = Some(LevelFilter::Off);
            return Ok(Eaten::Yes);
        }
        return Ok(Eaten::No);
    };
    if let Some((_, wanted)) = ARGUMENT_VALUES.iter().find(|(known, _)| *known == name) {
        return apply_value(info, name, value).ok_or_else(|| refused(argument, "the value has to be", wanted));
    }
    if name.starts_with("-log") {
        // Colours and whatever else rsplib's logging takes: of no use here, but no reason to refuse a command line.
        return Ok(Eaten::Yes);
    }
    match ARGUMENT_VALUES.iter().find(|(known, _)| is_nearly(name, known)) {
        Some((known, _)) => Err(refused(argument, "there is no such argument, but", known)),
        None => Ok(Eaten::No),
    }
}

/// `None`: the value makes no sense.
fn apply_value(info: &mut rsp_info, name: &str, value: &str) -> Option<Eaten> {
    match name {
        "-registrar" => prepend_registrar(info, value)?,
        "-asapannounce" => announce(info, value)?,
        "-transport" => ARGUMENTS.lock().transport = Some(value.parse().ok()?),
        "-profile" => ARGUMENTS.lock().profile = Some(value.parse().ok()?),
        "-loglevel" => ARGUMENTS.lock().log_level = Some(parse_log_level(value)?),
        "-logfile" => log_file(value, false)?,
        "-logappend" => log_file(value, true)?,
        "-cspserver" => csp_server(info, value)?,
        "-cspinterval" => csp_interval(info, value)?,
        "-cspidentifier" => csp_identifier(info, value)?,
        #[cfg(not(feature = "tls"))]
        "-tls" => (value == "off").then_some(())?,
        #[cfg(feature = "tls")]
        _ if name.starts_with("-tls") => tls(name, value)?,
        _ => {
            *timer(info, name)? = value.parse().ok()?;
            return Some(Eaten::YesButSayNo);
        }
    }
    Some(Eaten::Yes)
}

/// The value is looked at here, and applied when the library starts: the environment comes before it.
#[cfg(feature = "tls")]
fn tls(name: &str, value: &str) -> Option<()> {
    let option = TLS_OPTIONS.iter().find(|option| name.strip_prefix('-') == Some(option.name))?;
    (option.apply)(&mut TlsSettings::default(), value).ok()?;
    let mut arguments = ARGUMENTS.lock();
    arguments.tls.retain(|(other, _)| other.name != option.name);
    arguments.tls.push((option, value.to_owned()));
    Some(())
}

fn timer<'a>(info: &'a mut rsp_info, name: &str) -> Option<&'a mut c_uint> {
    Some(match name {
        "-registrarannouncetimeout" => &mut info.ri_registrar_announce_timeout,
        "-registrarconnecttimeout" => &mut info.ri_registrar_connect_timeout,
        "-registrarconnectmaxtrials" => &mut info.ri_registrar_connect_max_trials,
        "-registrarrequesttimeout" => &mut info.ri_registrar_request_timeout,
        "-registrarresponsetimeout" => &mut info.ri_registrar_response_timeout,
        "-registrarrequestmaxtrials" => &mut info.ri_registrar_request_max_trials,
        _ => return None,
    })
}

/// The error is kept for the log as well: programs written for rsplib take every result but 0 for "applied".
fn refused(argument: &str, why: &str, what: &str) -> Error {
    let shown: String = argument.chars().take(MAX_SHOWN).collect();
    let text = format!("argument \"{}\" has no effect: {why} {what}", shown.escape_debug());
    let mut arguments = ARGUMENTS.lock();
    arguments.tls_refused |= argument.starts_with("-tls");
    if arguments.refused.len() < MAX_REFUSED {
        arguments.refused.push(text.clone());
    }
    Error::with(libc::EINVAL, text)
}

/// Says in the log which arguments were refused since the last time.
pub fn log_refused() {
    for text in std::mem::take(&mut ARGUMENTS.lock().refused) {
        log::warn!("{text}");
    }
}

/// Whether at most two letters are to be inserted, removed or exchanged: the Levenshtein distance.
fn is_nearly(name: &str, known: &str) -> bool {
    let (name, known) = (name.as_bytes(), known.as_bytes());
    if name.len().abs_diff(known.len()) > MAX_MISSPELT {
        return false;
    }
    // The distances of the part of `name` so far from each beginning of `known`.
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (done, letter) in name.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (at, other) in known.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != other);
            diagonal = row[at + 1];
            row[at + 1] = exchanged.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[known.len()] <= MAX_MISSPELT
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

/// "ADDRESS:PORT" or "NAME:PORT"; IPv6 addresses in brackets.
fn resolve(text: &str) -> Option<SocketAddr> {
    address_of(text.parse().ok()?)
}

/// Now: what is not looked up again has to be known.
fn address_of(place: Place) -> Option<SocketAddr> {
    place.look_up().ok()?.first().copied()
}

/// "ADDRESS:PORT{,ADDRESS:PORT}": one registrar with all its addresses. "NAME:PORT": one whose addresses are looked up whenever a
/// registrar is looked for.
fn prepend_registrar(info: &mut rsp_info, value: &str) -> Option<()> {
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    for place in value.split(',') {
        match place.parse().ok()? {
            Place::Address(address) => addresses.push(address),
            Place::Name(name) => names.push(name),
        }
    }
    remember_names(names)?;
    if addresses.is_empty() {
        return Some(());
    }
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

fn remember_names(names: Vec<HostName>) -> Option<()> {
    let known = &mut ARGUMENTS.lock().registrar_names;
    for name in names {
        if !known.contains(&name) {
            if known.len() == MAX_REGISTRAR_NAMES {
                return None;
            }
            known.push(name);
        }
    }
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
    let address = address_of(Place::with_default_port(value, csp::PORT)?)?;
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

fn log_file(value: &str, append: bool) -> Option<()> {
    if value.is_empty() {
        return None;
    }
    ARGUMENTS.lock().log_file = Some((value.to_owned(), append));
    Some(())
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
