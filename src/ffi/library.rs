//! Starting and stopping the library.

use super::arguments::{self, ARGUMENTS};
use super::constants::{RSPLIB_REVISION, RSPLIB_VERSION};
use super::convert::{self, milliseconds};
use super::errors;
use super::guard::{clear_failure, guard, guard_always};
use super::logging;
use super::rsplib_logging;
use super::types::{rsp_info, rsp_registrar_info};
use crate::api::{self, Announcements, Config, CspConfig, Error, Result};
use crate::association::PeerAddress;
use std::ffi::{c_char, c_int, c_uint};
use std::time::Duration;

/// The most registrars taken from a list; a longer one is taken for a loop.
const MAX_REGISTRARS: usize = 256;

/// Sets all fields to their defaults, which are 0, and applies the environment variables CSP_SERVER and CSP_INTERVAL.
/// Call it before anything else is done with the structure.
///
/// # Standards
/// RFC 5352 sections 3.6 (looking for a registrar) and 7 (timers).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_initinfo(info: *mut rsp_info) {
    guard_always(&errors::rsp_initinfo, format_args!("rsp_initinfo()"), || {
        if !info.is_null() {
            // SAFETY: room for a struct rsp_info, whose fields may all be zero. It may be uninitialised memory until here.
            let mut fields = unsafe { std::mem::zeroed() };
            arguments::apply_environment(&mut fields);
            // SAFETY: there is room, by the contract of this module.
            unsafe { convert::store(info, fields) };
        }
        Ok(())
    })
}

/// Frees what rsp_initarg() allocated: the list of registrars. May be called right after rsp_initialize(), and twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_freeinfo(info: *mut rsp_info) {
    guard_always(&errors::rsp_freeinfo, format_args!("rsp_freeinfo()"), || {
        // SAFETY: by the contract of this module.
        let Some(mut fields) = (unsafe { convert::optional(info) }) else { return Ok(()) };
        let mut next = std::mem::replace(&mut fields.ri_registrars, std::ptr::null_mut());
        // SAFETY: as above.
        unsafe { convert::store(info, fields) };
        while !next.is_null() {
            // SAFETY: a node of the list, allocated by rsp_initarg(), and read before it is freed.
            let registrar: rsp_registrar_info = unsafe { next.read_unaligned() };
            // SAFETY: both are from malloc, and nothing points to them any more.
            unsafe { (libc::free(registrar.rri_addr.cast()), libc::free(next.cast())) };
            next = registrar.rri_next;
        }
        Ok(())
    })
}

/// Takes one command line argument, if it is one of the library's:
///
/// ```text
///     -registrar=ADDRESS:PORT{,ADDRESS:PORT}   a registrar, with all its addresses; may be repeated
///     -registrar=NAME:PORT                     a registrar that is looked up whenever one is looked for
///     -asapannounce=auto|off|ADDRESS:PORT      where registrars announce themselves by multicast
///     -transport=auto|sctp|sctp-udp            the kernel's SCTP, or SCTP in UDP
///     -profile=default|fast                    timers for any network, or for noticing failures within 0.3 s
///     -tls=off|require                         whether registrars are asked under TLS, and by nothing else (docs/security.md)
///     -tls-ca=FILE, -tls-cert=FILE, -tls-key=FILE, -tls-crl=FILE, -tls-psk-file=FILE, -tls-name=NAME, -tls-profile=default|rfc5352
///     -loglevel=0..9, -loglevel=error|warn|info|debug|trace, -logfile=FILE, -logappend=FILE, -logquiet
///     -cspserver=ADDRESS:PORT, -cspinterval=MILLISECONDS, -cspidentifier=NUMBER
///     -registrarannouncetimeout=, -registrarconnecttimeout=, -registrarrequesttimeout=, -registrarresponsetimeout=
///     -registrarconnectmaxtrials=, -registrarrequestmaxtrials=
/// ```
///
/// In a library that was built without TLS, as the usual one is, "-tls=off" is the only one of these.
///
/// The last two lines are applied, but answered with 0, as programs know it from rsplib.
///
/// # Returns
/// 1 when the argument was taken; 0 when it is unknown, or for NULL; -1 when its value is bad or its name misspelt.
///
/// # Errors
/// EINVAL: the value is bad, or the name differs by one or two letters from one of the library's. rsp_last_error() tells
/// which, and so does the log after rsp_initialize().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_initarg(info: *mut rsp_info, arg: *const c_char) -> c_int {
    guard_always(&errors::rsp_initarg, format_args!("rsp_initarg()"), || {
        // SAFETY: by the contract of this module.
        let (fields, argument) = unsafe { (convert::optional(info), arguments::text(arg)) };
        let (Some(mut fields), Some(argument)) = (fields, argument) else { return Ok(0) };
        let eaten = arguments::apply(&mut fields, argument)?;
        // SAFETY: as above.
        unsafe { convert::store(info, fields) };
        Ok(arguments::answer(eaten))
    })
}

/// Starts the library. Every other function but rsp_initinfo(), rsp_initarg() and rsp_freeinfo() needs it first.
/// The environment variables RSERPOOL_REGISTRARS (ADDRESS:PORT or NAME:PORT, with commas between: further registrars), RSERPOOL_TRANSPORT
/// (auto, sctp, sctp-udp), RSERPOOL_PROFILE (default, fast) and RSERPOOL_LOG (error, warn, info, debug or trace, then optionally a comma and a file) hold
/// where the structure and the arguments leave it open. NULL: defaults.
///
/// # Returns
/// 0, also when the library runs already (nothing changes then); -1 on failure.
///
/// # Errors
/// EINVAL: an address list is too long, or mixes ports, or an environment variable makes no sense. EFAULT: an address is
/// NULL. EAFNOSUPPORT: an address is neither IPv4 nor IPv6. EPROTONOSUPPORT: the transport asked for is not available.
/// EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN: no descriptors, memory or threads left. EIO: the system refuses for another
/// reason. EOWNERDEAD: in a child of fork(); call rsp_cleanup() first.
///
/// # Standards
/// RFC 5352; RFC 6951 (SCTP in UDP).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rsp_initialize(info: *mut rsp_info) -> c_int {
    guard(&errors::rsp_initialize, format_args!("rsp_initialize()"), || {
        logging::install();
        rsplib_logging::begin();
        arguments::log_refused();
        // SAFETY: by the contract of this module.
        let config = match unsafe { convert::optional(info) } {
            Some(mut fields) => {
                fields.ri_version = RSPLIB_VERSION;
                fields.ri_revision = RSPLIB_REVISION;
                fields.ri_build_date = std::ptr::null();
                fields.ri_build_time = std::ptr::null();
                // SAFETY: as above.
                unsafe {
                    convert::store(info, fields);
                    config(&fields)?
                }
            }
            None => Config::default(),
        };
        if ARGUMENTS.lock().tls_refused {
            return Err(Error::new(libc::EINVAL, "an argument for TLS was refused: without it, nothing is started"));
        }
        #[cfg(feature = "tls")]
        let tls = Some(tls_settings()?);
        let (transport, profile, registrar_names) = {
            let arguments = ARGUMENTS.lock();
            (arguments.transport, arguments.profile, arguments.registrar_names.clone())
        };
        api::initialize(&Config {
            transport,
            profile,
            registrar_names,
            #[cfg(feature = "tls")]
            tls,
            ..config
        })?;
        Ok(0)
    })
}

/// Stops the library: de-registers, closes all sockets, wakes all blocked calls, which fail with ECANCELED. After that
/// rsp_initialize() starts it afresh. Does nothing when the library does not run.
#[unsafe(no_mangle)]
pub extern "C" fn rsp_cleanup() {
    guard_always(&errors::rsp_cleanup, format_args!("rsp_cleanup()"), || {
        api::cleanup();
        rsplib_logging::finish();
        clear_failure();
        Ok(())
    })
}

/// What the environment says, and then the arguments.
#[cfg(feature = "tls")]
fn tls_settings() -> Result<api::TlsSettings> {
    let mut settings = api::tls_settings_from_environment()?;
    for (option, value) in &ARGUMENTS.lock().tls {
        let wrong = |what| Error::with(libc::EINVAL, format!("-{}: {what}", option.name));
        (option.apply)(&mut settings, value).map_err(wrong)?;
    }
    Ok(settings)
}

/// # Safety
/// The pointers in `info` are NULL or point to what their types say.
unsafe fn config(info: &rsp_info) -> Result<Config> {
    let announcements = match (info.ri_disable_autoconfig, info.ri_registrar_announce.is_null()) {
        (0, true) => Announcements::Default,
        // SAFETY: the caller's promise.
        (0, false) => Announcements::Group(unsafe { convert::addresses(info.ri_registrar_announce, 1) }?[0]),
        _ => Announcements::Off,
    };
    // Reports go out only where somebody said where to and how often.
    let csp = if info.ri_csp_server.is_null() || info.ri_csp_interval == 0 {
        None
    } else {
        // SAFETY: the caller's promise.
        let server = unsafe { convert::addresses(info.ri_csp_server, 1) }?[0];
        let interval = Duration::from_millis(u64::from(info.ri_csp_interval));
        Some(CspConfig { server, interval, identifier: info.ri_csp_identifier })
    };
    let trials = |number: c_uint| (number != 0).then_some(number);
    Ok(Config {
        // SAFETY: the caller's promise.
        registrars: unsafe { registrars(info.ri_registrars) }?,
        registrar_names: Vec::new(),
        transport: None,
        profile: None,
        #[cfg(feature = "tls")]
        tls: None,
        announcements,
        announce_timeout: milliseconds(info.ri_registrar_announce_timeout),
        connect_timeout: milliseconds(info.ri_registrar_connect_timeout),
        connect_max_trials: trials(info.ri_registrar_connect_max_trials),
        request_timeout: milliseconds(info.ri_registrar_request_timeout),
        response_timeout: milliseconds(info.ri_registrar_response_timeout),
        request_max_trials: trials(info.ri_registrar_request_max_trials),
        csp,
    })
}

/// # Safety
/// `next` is NULL or begins a list of registrars.
unsafe fn registrars(mut next: *const rsp_registrar_info) -> Result<Vec<PeerAddress>> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    while let Some(registrar) = unsafe { convert::optional(next) } {
        if found.len() == MAX_REGISTRARS {
            return Err(Error::new(libc::EINVAL, "more than 256 registrars, or a loop in their list"));
        }
        // SAFETY: the caller's promise.
        found.push(convert::peer(&unsafe { convert::addresses(registrar.rri_addr, registrar.rri_addrs) }?)?);
        next = registrar.rri_next;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_info(test: impl FnOnce(&mut rsp_info)) {
        // SAFETY: a struct of integers and pointers may be zero.
        let mut info: rsp_info = unsafe { std::mem::zeroed() };
        // SAFETY: `info` lives across the calls.
        unsafe { rsp_initinfo(&raw mut info) };
        test(&mut info);
        // SAFETY: as above.
        unsafe { (rsp_freeinfo(&raw mut info), rsp_freeinfo(&raw mut info)) };
    }

    fn initarg(info: &mut rsp_info, argument: &std::ffi::CStr) -> c_int {
        // SAFETY: both live across the call.
        unsafe { rsp_initarg(info, argument.as_ptr()) }
    }

    #[test]
    fn registrars_are_put_in_front_of_the_list_with_all_their_addresses() {
        with_info(|info| {
            assert_eq!(initarg(info, c"-registrar=127.0.0.1:3863"), 1);
            assert_eq!(initarg(info, c"-registrar=10.0.0.1:7,[::1]:7"), 1);
            // SAFETY: the list that initarg made.
            let found = unsafe { config(info) }.unwrap().registrars;
            let text: Vec<String> = found.iter().map(PeerAddress::to_string).collect();
            assert_eq!(text, ["{10.0.0.1, ::1}:7", "{127.0.0.1}:3863"]);
        });
    }

    #[test]
    fn bad_and_unknown_arguments_are_not_taken() {
        with_info(|info| {
            for bad in [
                c"-registrar=",
                c"-registrar=127.0.0.1",
                c"-registrar=1.2.3.4:5,1.2.3.4:6",
                c"-transport=tcp",
                c"-asapannounce=nonsense",
                c"-loglevel=loud",
                c"-cspinterval=x",
                c"-cspintervall=5",
            ] {
                assert_eq!(initarg(info, bad), -1, "{bad:?}");
            }
            for unknown in [c"--pool=x", c"", c"-\xff=\xff"] {
                assert_eq!(initarg(info, unknown), 0, "{unknown:?}");
            }
            assert!(info.ri_registrars.is_null());
        });
    }

    #[test]
    fn numbers_are_applied_but_answered_with_zero_as_in_rsplib() {
        with_info(|info| {
            assert_eq!(initarg(info, c"-registrarconnecttimeout=1234"), 0);
            // SAFETY: no lists in it.
            let config = unsafe { config(info) }.unwrap();
            assert_eq!(config.connect_timeout, Some(std::time::Duration::from_millis(1234)));
            assert_eq!(config.connect_max_trials, None);
        });
    }

    #[test]
    fn status_reports_are_asked_for_by_arguments() {
        with_info(|info| {
            assert_eq!(initarg(info, c"-cspserver=127.0.0.1:4711"), 1);
            assert_eq!(initarg(info, c"-cspinterval=500"), 1);
            assert_eq!(initarg(info, c"-cspidentifier=0x1234abcd"), 1);
            for bad in [c"-cspidentifier=0xg", c"-cspidentifier=", c"-cspidentifier=99999999999"] {
                assert_eq!(initarg(info, bad), -1, "{bad:?}");
            }
            // SAFETY: no lists in it.
            let csp = unsafe { config(info) }.unwrap().csp.unwrap();
            let wanted = CspConfig {
                server: "127.0.0.1:4711".parse().unwrap(),
                interval: Duration::from_millis(500),
                identifier: 0x0200_0000_1234_abcd,
            };
            assert_eq!(csp, wanted);
        });
    }

    #[test]
    fn announcements_can_be_named_and_switched_off() {
        with_info(|info| {
            // SAFETY: no lists in it.
            let announcements = |info: &rsp_info| unsafe { config(info) }.unwrap().announcements;
            assert_eq!(initarg(info, c"-asapannounce=239.1.2.3:4000"), 1);
            assert_eq!(announcements(info), Announcements::Group("239.1.2.3:4000".parse().unwrap()));
            assert_eq!(initarg(info, c"-asapannounce=off"), 1);
            assert_eq!(announcements(info), Announcements::Off);
            assert_eq!(initarg(info, c"-asapannounce=auto"), 1);
            assert_eq!(announcements(info), Announcements::Default);
        });
    }

    #[test]
    fn a_registrar_list_that_loops_is_refused() {
        let address = convert::packed(&["127.0.0.1:1".parse().unwrap()]);
        let mut node = rsp_registrar_info {
            rri_next: std::ptr::null_mut(),
            rri_addr: address.as_ptr().cast_mut().cast(),
            rri_addrs: 1,
        };
        node.rri_next = &raw mut node;
        // SAFETY: a list, if an endless one.
        assert_eq!(unsafe { registrars(&raw const node) }.unwrap_err().errno, libc::EINVAL);
    }
}
