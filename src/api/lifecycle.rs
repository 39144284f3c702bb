//! Starting and ending the library.

use super::{Announcements, Config, Error, HostName, Place, Result, tls};
use crate::asap::{AsapConfig, ValidAsapConfig};
use crate::association::{PeerAddress, TransportKind};
use crate::driver::client::{Instance, InstanceConfig, global};
use crate::profile::Profile;
use crate::session::PoolUserConfig;
use crate::transport::multicast::ASAP_GROUPS;
use crate::transport::{self, SctpParameters, TransportChoice};
use crate::wire::PORT_ASAP;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Where registrars are listed: "addr:port,name:port".
const REGISTRARS_VARIABLE: &str = "RSERPOOL_REGISTRARS";
/// The running instance, or the reason why there is none.
pub(super) fn instance() -> Result<Arc<Instance>> {
    match global::current() {
        Some(instance) if instance.has_failed() => {
            Err(Error::new(libc::ENOTRECOVERABLE, "the library has failed: call cleanup and initialize"))
        }
        Some(instance) => Ok(instance),
        None if global::is_forked() => {
            Err(Error::new(libc::EOWNERDEAD, "the library belongs to the parent process: call cleanup and initialize"))
        }
        None => Err(Error::new(libc::EACCES, "the library is not initialised: call initialize first")),
    }
}

/// Starts the library; nothing happens when it runs already.
pub fn initialize(config: &Config) -> Result<()> {
    if global::is_forked() {
        return Err(Error::new(libc::EOWNERDEAD, "the library belongs to the parent process: call cleanup first"));
    }
    if global::current().is_some_and(|instance| instance.has_failed()) {
        return Err(Error::new(libc::ENOTRECOVERABLE, "the library has failed: call cleanup first"));
    }
    global::start_with(|| {
        let config = instance_config(config)?;
        Instance::start(config).map_err(|error| Error::system(&error, "the library cannot start its thread"))
    })
}

/// Closes every descriptor, leaves the pools, stops the thread; blocked calls fail with `ECANCELED`. Takes two seconds at
/// most. In a child process it only forgets what belongs to the parent.
pub fn cleanup() {
    if global::forget_parent() {
        return;
    }
    if let Some(instance) = global::take() {
        instance.stop();
    }
}

fn instance_config(config: &Config) -> Result<InstanceConfig> {
    let transport = match config.transport {
        Some(choice) => choice,
        None => TransportChoice::from_env().map_err(|text| Error::with(libc::EINVAL, text))?,
    };
    let kind = transport::resolve(transport)
        .map_err(|error| Error::with(libc::EPROTONOSUPPORT, format!("the transport cannot be used: {error}")))?;
    let protection = tls::protection(config)?;
    // Registrars let nobody in over SCTP who shows nothing.
    let kind = if protection.lets_register() { kind } else { TransportKind::Tcp };
    let profile = match config.profile {
        Some(profile) => profile,
        None => Profile::from_env().map_err(|text| Error::with(libc::EINVAL, text))?,
    };
    let (sctp, session) = match profile {
        Profile::Default => (SctpParameters::default(), PoolUserConfig::default()),
        Profile::Fast => (SctpParameters::fast(), PoolUserConfig::fast()),
    };
    let (registrars, registrar_names) = registrars(config)?;
    Ok(InstanceConfig {
        transport,
        protection,
        sctp,
        session,
        asap: asap_config(config, registrars, registrar_names.len(), profile, kind)?,
        registrar_names,
        announcement_groups: announcement_groups(&config.announcements),
        #[cfg(feature = "pool-element")]
        cookies: super::cookie_seal::from_environment()?,
        #[cfg(not(feature = "pool-element"))]
        cookies: None,
        csp: config.csp.clone(),
        // Seeds are random numbers of the system: std keys its hash maps with them.
        seed: RandomState::new().hash_one(std::process::id()),
    })
}

fn asap_config(
    config: &Config,
    static_registrars: Vec<PeerAddress>,
    named_registrars: usize,
    profile: Profile,
    kind: TransportKind,
) -> Result<ValidAsapConfig> {
    let timers = match profile {
        Profile::Default => AsapConfig::default(),
        Profile::Fast => AsapConfig::fast(),
    };
    let mut asap = AsapConfig { static_registrars, named_registrars, ..timers };
    asap.registrar_transports = match kind {
        TransportKind::KernelSctp => vec![TransportKind::KernelSctp, TransportKind::Tcp],
        #[cfg(feature = "tls")]
        TransportKind::Tcp => vec![TransportKind::Tcp],
        _ => vec![TransportKind::Tcp, TransportKind::SctpUdp],
    };
    set(&mut asap.t7_enrp_outdate, config.announce_timeout);
    set(&mut asap.connect_timeout, config.connect_timeout);
    asap.max_connect_trials = config.connect_max_trials.map(|trials| trials.max(1));
    set(&mut asap.max_request_time, config.request_timeout);
    set(&mut asap.t1_enrp_request, config.response_timeout);
    set(&mut asap.t2_registration, config.response_timeout);
    set(&mut asap.t3_deregistration, config.response_timeout);
    if let Some(trials) = config.request_max_trials {
        asap.max_reg_attempt = trials.max(1);
        asap.max_request_retransmit = trials.saturating_sub(1);
    }
    if config.request_timeout.is_none() && (config.response_timeout.is_some() || config.connect_timeout.is_some()) {
        // Else the default would cut off what the program allows a registrar.
        asap.max_request_time = asap.max_request_time.max(asap.longest_exchange());
    }
    let checked = asap.validated();
    checked.map_err(|error| Error::with(libc::EINVAL, format!("the settings for registrars cannot be used: {error}")))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// Those known by address, and those known by name.
type Registrars = (Vec<PeerAddress>, Vec<HostName>);

fn registrars(config: &Config) -> Result<Registrars> {
    let mut all = (config.registrars.clone(), config.registrar_names.clone());
    if let Some(list) = std::env::var_os(REGISTRARS_VARIABLE) {
        add_registrars(&mut all, &list.to_string_lossy())?;
    }
    if all.0.is_empty() && all.1.is_empty() {
        all.0.push(PeerAddress::new(Ipv4Addr::LOCALHOST.into(), PORT_ASAP));
    }
    Ok(all)
}

fn add_registrars((addresses, names): &mut Registrars, list: &str) -> Result<()> {
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        match entry.parse() {
            Ok(Place::Address(address)) => addresses.push(address.into()),
            Ok(Place::Name(name)) => names.push(name),
            Err(()) => {
                let shown = entry.escape_debug();
                let text = format!("{REGISTRARS_VARIABLE}: \"{shown}\" is neither an address nor a name with a port");
                return Err(Error::with(libc::EINVAL, text));
            }
        }
    }
    Ok(())
}

fn announcement_groups(announcements: &Announcements) -> Vec<SocketAddr> {
    match announcements {
        Announcements::Off => Vec::new(),
        Announcements::Group(group) => vec![*group],
        Announcements::Default => ASAP_GROUPS.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_longer_response_timeout_makes_requests_longer_unless_their_time_is_given() {
        let request_time = |config: Config| {
            let valid = asap_config(&config, Vec::new(), 0, Profile::Default, TransportKind::KernelSctp)
                .expect("settings that can work");
            valid.settings().max_request_time
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(request_time(Config::default()), Duration::from_secs(5));
        let slow = Config { response_timeout: seconds(40), request_max_trials: Some(2), ..Config::default() };
        assert_eq!(request_time(slow.clone()), Duration::from_millis(81_500), "one connect and two answers");
        assert_eq!(request_time(Config { request_timeout: seconds(7), ..slow }), Duration::from_secs(7));
        let quick = Config { response_timeout: seconds(1), ..Config::default() };
        assert_eq!(request_time(quick), Duration::from_secs(5), "it is never shorter than by default");
    }

    #[test]
    fn a_list_of_registrars_is_read_and_a_bad_one_refused() {
        let mut all = Registrars::default();
        add_registrars(&mut all, "127.0.0.1:3863, registrar.example.net:7,[::1]:4000,").unwrap();
        let (addresses, names) = &all;
        assert_eq!((addresses.len(), addresses[1].port), (2, 4000));
        assert_eq!(names[0].to_string(), "registrar.example.net:7");
        assert_eq!(add_registrars(&mut all, "localhost").unwrap_err().errno, libc::EINVAL);
    }
}
