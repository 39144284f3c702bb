//! Offering a service: registration of sockets, and basic mode for services without RSerPool sockets.

use super::error::{forget_last_error, remember};
use super::lifecycle::instance;
use super::sockets::{lookup, own_endpoint, start_listening};
use super::{AddressInfo, Descriptor, Error, LoadInfo, PeRegistrationOptions, RegisterOptions, Result};
use crate::asap::{Outcome, RegistrationState, Request, RequestError};
use crate::driver::client::{
    Endpoint, Instance, NotDone, Registered, Registration, Socket, SocketName, Wait, errno_of,
};
use crate::wire::{AddressList, Policy, PolicyType, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use crate::{PoolElementId, PoolHandle, RegistrarId};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

/// T4-reregistration where the program names none.
const DEFAULT_REREGISTRATION_INTERVAL: Duration = Duration::from_secs(30);
/// Elements that one resolution may ask for.
const MAX_ITEMS: u32 = 128;

/// A handle that can be used.
pub(super) fn checked_handle(bytes: &[u8]) -> Result<PoolHandle> {
    if bytes.is_empty() {
        return Err(Error::new(libc::EINVAL, "a pool handle has at least one byte"));
    }
    if bytes.len() > PoolHandle::DEFAULT_MAX_LEN {
        let text = format!("a pool handle has at most {} bytes, not {}", PoolHandle::DEFAULT_MAX_LEN, bytes.len());
        return Err(Error::with(libc::ENAMETOOLONG, text));
    }
    Ok(PoolHandle::new(bytes))
}

/// Where TLS is required, nobody is registered who has nothing to show, and no time that a program waits changes that. The log says it
/// once.
fn may_register(instance: &Instance) -> Result<()> {
    static SAID: Once = Once::new();
    if !instance.lets_register() {
        let why = "TLS is required with registrars, and these let no element in without a certificate (RSERPOOL_TLS_CERT, \
                   RSERPOOL_TLS_KEY) or a pre-shared key (RSERPOOL_TLS_PSK_FILE)";
        SAID.call_once(|| log::error!("{why}: no element is registered"));
        return Err(Error::new(libc::EPROTONOSUPPORT, why));
    }
    Ok(())
}

/// Registers the socket as an element of the pool, or changes its registration; binds and listens where needed.
///
/// Succeeds even where the registrar refuses or cannot be reached, as programs written for rsplib expect: the log says so.
/// The library goes on trying where no registrar can be reached, where the registrar lacks resources, and where another element has
/// the identifier, which may be this one itself before its host was rebooted. Any other refusal is final (RFC 5352 section 3.1),
/// until this is called again or another registrar becomes home.
pub fn register(
    sd: Descriptor,
    pool_handle: &[u8],
    load: &LoadInfo,
    reregistration_interval: Duration,
    options: RegisterOptions,
) -> Result<()> {
    forget_last_error();
    let (instance, socket) = lookup(sd)?;
    may_register(&instance)?;
    let pool_handle = checked_handle(pool_handle)?;
    let policy = policy_of(load)?;
    let used = policy.load();
    let registered = socket.registration()?;
    let update = registered.is_some();
    let id = match registered {
        Some(registered) if registered.pool_handle != pool_handle => {
            let text = format!("socket {sd} is registered in pool {} already", registered.pool_handle);
            return Err(Error::with(libc::EBADF, text));
        }
        Some(registered) => registered.pool_element_id,
        None => options.pool_element_id.filter(|id| id.0 != 0).unwrap_or_else(new_identifier),
    };
    start_listening(&instance, &socket, None)?;
    let endpoint = own_endpoint(&instance, &socket)?;
    let bound = socket.bind_addresses()?;
    let interval =
        if reregistration_interval.is_zero() { DEFAULT_REREGISTRATION_INTERVAL } else { reregistration_interval };
    let registration = Registration {
        pool_handle: pool_handle.clone(),
        pool_element: PoolElement {
            id,
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(interval),
            user_transport: own_transport(&endpoint, &bound),
            policy,
            asap_transport: None,
        },
        reregistration_interval: interval,
        socket: Some(SocketName { descriptor: sd, id: socket.id }),
    };
    let registered = Registered { pool_handle: pool_handle.clone(), pool_element_id: id, load: used };
    socket.set_registration(Some(registered))?;
    // An update never blocks.
    let in_progress = !update && !options.dont_wait && socket.is_nonblocking();
    let wait = if update || options.dont_wait || in_progress { Wait::No } else { Wait::ForAnswer };
    let result = instance.io.register(registration, wait);
    if let Err(closed) = socket.check_open() {
        // Closed meanwhile by another thread, maybe before the registration began: nobody else will end it then.
        if !matches!(result, Err(NotDone::Failed(RequestError::Cancelled))) {
            instance.io.request_in_background(Request::Deregister { pool_handle, pool_element_id: id });
        }
        return Err(closed.into());
    }
    match result {
        Ok(_) if in_progress => {
            let text = format!("socket {sd} is non-blocking: element {id} is being registered in pool {pool_handle}");
            Err(Error::with(libc::EINPROGRESS, text))
        }
        Ok(_) => Ok(()),
        Err(NotDone::Interrupted) => {
            let text = format!("a signal came while element {id} was registered in pool {pool_handle}: it goes on");
            Err(Error::with(libc::EINTR, text))
        }
        Err(NotDone::Failed(error @ (RequestError::NoAddress | RequestError::Invalid(_)))) if !options.daemon_mode => {
            socket.set_registration(None)?;
            let text = format!("element {id} cannot be registered in pool {pool_handle}: {error}");
            if error == RequestError::NoAddress {
                instance.io.request_in_background(Request::Deregister { pool_handle, pool_element_id: id });
            }
            Err(Error::with(libc::EADDRNOTAVAIL, text))
        }
        Err(NotDone::Failed(error)) => {
            let what = format!("element {id} is not registered in pool {pool_handle} yet");
            log::warn!("{what}: {error}");
            remember(request_error(&error, &what));
            Ok(())
        }
    }
}

/// How the registration of a socket stands, as an errno: 0: a registrar has taken it; `EINPROGRESS`: its answer is waited for;
/// `EEXIST`, `EBUSY`, `EPROTOTYPE`: one has refused it for now; `EPERM`: it has done so for good; `ENOENT`: the socket is not to be registered. Why it
/// was refused, [`super::last_error`] tells.
pub(super) fn registration_error(instance: &Instance, socket: &Socket) -> Result<libc::c_int> {
    let Some(registered) = socket.registration()? else { return Ok(libc::ENOENT) };
    let Registered { pool_handle, pool_element_id, .. } = registered;
    let name = format!("registration of element {pool_element_id} in pool {pool_handle}");
    let Some(state) = instance.io.registration_state(pool_handle, pool_element_id) else { return Ok(libc::ENOENT) };
    let errno = errno_of(state);
    let refused = |cause, then| remember(Error::with(errno, format!("{name} is refused: {cause}; {then}")));
    match state {
        RegistrationState::Registered | RegistrationState::Waiting => {}
        RegistrationState::RefusedForNow(cause) => refused(cause, "the registrar is asked again"),
        RegistrationState::Refused(cause) => refused(cause, "it has to be changed"),
    }
    Ok(errno)
}

/// How the socket is reached. Without addresses where it is bound to all of them: the driver puts in those that fit.
fn own_transport(endpoint: &Endpoint, bound: &[SocketAddr]) -> TransportParameter {
    let mut addresses: AddressList = bound.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified()).collect();
    if addresses.is_empty() {
        addresses = endpoint.local_addresses.iter().copied().filter(|ip| !ip.is_unspecified()).collect();
    }
    TransportParameter::Sctp { port: endpoint.local_port, transport_use: TransportUse::DataPlusControl, addresses }
}

/// An identifier for a new element: any number but 0 and 0xffffffff.
fn new_identifier() -> PoolElementId {
    let random = RandomState::new().hash_one(std::process::id());
    PoolElementId((random % 0xffff_fffe) as u32 + 1)
}

/// Takes the element out of its pool; sessions stay.
pub fn deregister(sd: Descriptor, wait: Wait) -> Result<()> {
    forget_last_error();
    let (instance, socket) = lookup(sd)?;
    let registered = socket.take_registration()?;
    let registered = registered.ok_or_else(|| Error::with(libc::EBADF, format!("socket {sd} is not registered")))?;
    let Registered { pool_handle, pool_element_id, .. } = registered;
    let name = format!("element {pool_element_id} of pool {pool_handle}");
    let request = Request::Deregister { pool_handle, pool_element_id };
    if wait == Wait::No {
        instance.io.request_in_background(request);
        return Ok(());
    }
    if socket.is_nonblocking() {
        instance.io.request_in_background(request);
        return Err(Error::with(libc::EINPROGRESS, format!("socket {sd} is non-blocking: {name} is leaving")));
    }
    match instance.io.request(request) {
        Ok(_) => Ok(()),
        Err(NotDone::Interrupted) => {
            Err(Error::with(libc::EINTR, format!("a signal came while {name} left: it goes on")))
        }
        Err(NotDone::Failed(error)) => {
            log::warn!("de-registration of {name} was not confirmed: {error}");
            remember(request_error(&error, &format!("de-registration of {name} was not confirmed")));
            Ok(())
        }
    }
}

/// The policy with the values that `load` gives it.
pub(super) fn policy_of(load: &LoadInfo) -> Result<Policy> {
    let LoadInfo { weight, weight_dpf, load: used, load_degradation: degradation, load_dpf, .. } = *load;
    let (load_value, distance) = (used, 0);
    let policy = match load.policy {
        PolicyType::ROUND_ROBIN => Policy::RoundRobin,
        PolicyType::WEIGHTED_ROUND_ROBIN => Policy::WeightedRoundRobin { weight },
        PolicyType::RANDOM => Policy::Random,
        PolicyType::WEIGHTED_RANDOM => Policy::WeightedRandom { weight },
        // rsplib's struct has no priority: its weight serves as one.
        PolicyType::PRIORITY => Policy::Priority { priority: weight },
        PolicyType::LEAST_USED => Policy::LeastUsed { load: load_value },
        PolicyType::LEAST_USED_DEGRADATION => Policy::LeastUsedDegradation { load: load_value, degradation },
        PolicyType::PRIORITY_LEAST_USED => Policy::PriorityLeastUsed { load: load_value, degradation },
        PolicyType::RANDOMIZED_LEAST_USED => Policy::RandomizedLeastUsed { load: load_value },
        PolicyType::RANDOMIZED_PRIORITY_LEAST_USED => {
            Policy::RandomizedPriorityLeastUsed { load: load_value, degradation }
        }
        PolicyType::RANDOMIZED_LEAST_USED_DEGRADATION => {
            Policy::RandomizedLeastUsedDegradation { load: load_value, degradation }
        }
        PolicyType::PRIORITY_LEAST_USED_DEGRADATION => {
            Policy::PriorityLeastUsedDegradation { load: load_value, degradation }
        }
        PolicyType::RANDOMIZED_PRIORITY_LEAST_USED_DEGRADATION => {
            Policy::RandomizedPriorityLeastUsedDegradation { load: load_value, degradation }
        }
        PolicyType::WEIGHTED_RANDOM_DPF => Policy::WeightedRandomDpf { weight, weight_dpf, distance },
        PolicyType::LEAST_USED_DPF => Policy::LeastUsedDpf { load: load_value, load_dpf, distance },
        PolicyType::LEAST_USED_DEGRADATION_DPF => {
            Policy::LeastUsedDegradationDpf { load: load_value, degradation, load_dpf, distance }
        }
        PolicyType::PRIORITY_LEAST_USED_DPF => {
            Policy::PriorityLeastUsedDpf { load: load_value, degradation, load_dpf, distance }
        }
        PolicyType::PRIORITY_LEAST_USED_DEGRADATION_DPF => {
            Policy::PriorityLeastUsedDegradationDpf { load: load_value, degradation, load_dpf, distance }
        }
        other => return Err(Error::with(libc::EINVAL, format!("policy {:#x} is unknown", other.0))),
    };
    Ok(policy)
}

/// The values of a policy as C programs know them: the reverse of [`policy_of`].
pub(super) fn load_of(policy: &Policy) -> LoadInfo {
    let info = LoadInfo { policy: policy.policy_type(), ..LoadInfo::default() };
    match *policy {
        Policy::RoundRobin | Policy::Random | Policy::Unknown { .. } => info,
        Policy::WeightedRoundRobin { weight } | Policy::WeightedRandom { weight } => LoadInfo { weight, ..info },
        Policy::Priority { priority } => LoadInfo { weight: priority, ..info },
        Policy::LeastUsed { load } | Policy::RandomizedLeastUsed { load } => LoadInfo { load, ..info },
        Policy::LeastUsedDegradation { load, degradation }
        | Policy::PriorityLeastUsed { load, degradation }
        | Policy::RandomizedPriorityLeastUsed { load, degradation }
        | Policy::RandomizedLeastUsedDegradation { load, degradation }
        | Policy::PriorityLeastUsedDegradation { load, degradation }
        | Policy::RandomizedPriorityLeastUsedDegradation { load, degradation } => {
            LoadInfo { load, load_degradation: degradation, ..info }
        }
        Policy::WeightedRandomDpf { weight, weight_dpf, .. } => LoadInfo { weight, weight_dpf, ..info },
        Policy::LeastUsedDpf { load, load_dpf, .. } => LoadInfo { load, load_dpf, ..info },
        Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, .. }
        | Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, .. }
        | Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, .. } => {
            LoadInfo { load, load_degradation: degradation, load_dpf, ..info }
        }
    }
}

pub(super) fn not_done(error: &NotDone, what: &str) -> Error {
    match error {
        NotDone::Failed(error) => request_error(error, what),
        NotDone::Interrupted => Error::with(libc::EINTR, format!("{what}: {error}")),
    }
}

fn request_error(error: &RequestError, what: &str) -> Error {
    let errno = match error {
        RequestError::Rejected(_) => libc::EPERM,
        RequestError::UnknownPoolHandle => libc::ENOENT,
        RequestError::NoRegistrar { .. } => libc::EHOSTUNREACH,
        RequestError::NoDescriptor { .. } => libc::EMFILE,
        RequestError::NoResponse { .. } => libc::ETIMEDOUT,
        RequestError::TooManyRequests | RequestError::TooManyPoolElements => libc::EBUSY,
        RequestError::Cancelled => libc::ECANCELED,
        RequestError::NoAddress => libc::EADDRNOTAVAIL,
        RequestError::Invalid(_) => libc::EINVAL,
    };
    let cause = match error {
        RequestError::Rejected(error) => error.first(),
        _ => None,
    };
    Error { cause, ..Error::with(errno, format!("{what}: {error}")) }
}

/// Resolves a pool handle: the elements in the order in which to use them. `ENOENT`: no such pool, or empty.
pub fn getaddrinfo(pool_handle: &[u8], items: Option<u32>, stale_cache: Duration) -> Result<Vec<AddressInfo>> {
    let instance = instance()?;
    let pool_handle = checked_handle(pool_handle)?;
    let what = format!("pool {pool_handle} cannot be resolved");
    let items = items.map(|items| items.clamp(1, MAX_ITEMS));
    let outcome = instance
        .io
        .request(Request::Resolve { pool_handle, items, stale_cache })
        .map_err(|error| not_done(&error, &what))?;
    let Outcome::Resolved { pool_elements, .. } = outcome else {
        return Err(Error::with(libc::EPROTO, what));
    };
    let found: Vec<AddressInfo> = pool_elements.into_iter().filter_map(address_info).collect();
    if found.is_empty() {
        return Err(Error::with(libc::ENOENT, format!("{what}: its elements have no transport that has addresses")));
    }
    Ok(found)
}

pub(super) fn address_info(element: PoolElement) -> Option<AddressInfo> {
    let at = |address, port| vec![SocketAddr::new(address, port)];
    let (socket_type, protocol, addresses) = match element.user_transport {
        TransportParameter::Sctp { port, addresses, .. } => {
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
            (libc::SOCK_STREAM, libc::IPPROTO_SCTP, addresses)
        }
        TransportParameter::Tcp { port, address, .. } => (libc::SOCK_STREAM, libc::IPPROTO_TCP, at(address, port)),
        TransportParameter::Udp { port, address } => (libc::SOCK_DGRAM, libc::IPPROTO_UDP, at(address, port)),
        TransportParameter::UdpLite { port, address } => (libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE, at(address, port)),
        TransportParameter::Dccp { port, address, .. } => (libc::SOCK_DCCP, libc::IPPROTO_DCCP, at(address, port)),
        TransportParameter::Opaque(_) => return None,
    };
    Some(AddressInfo { socket_type, protocol, addresses, pool_element_id: element.id, policy: element.policy })
}

/// Registers an element that is not an RSerPool socket; returns its identifier. It is kept registered until
/// `pe_deregistration`, or the end of the library.
pub fn pe_registration(
    pool_handle: &[u8],
    element: &AddressInfo,
    load: &LoadInfo,
    options: PeRegistrationOptions,
) -> Result<PoolElementId> {
    let instance = instance()?;
    may_register(&instance)?;
    let pool_handle = checked_handle(pool_handle)?;
    let id = if element.pool_element_id.0 == 0 { new_identifier() } else { element.pool_element_id };
    let what = format!("element {id} cannot be registered in pool {pool_handle}");
    let life = if options.life.is_zero() { DEFAULT_REREGISTRATION_INTERVAL * 3 } else { options.life };
    let use_of = if options.control_channel { TransportUse::DataPlusControl } else { TransportUse::DataOnly };
    let pool_element = PoolElement {
        id,
        home_registrar: RegistrarId(0),
        registration_life: RegistrationLife::for_interval(life / 3),
        user_transport: transport_of(element, use_of)?,
        policy: policy_of(load)?,
        asap_transport: None,
    };
    let request = Request::Register { pool_handle, pool_element, reregistration_interval: life / 3 };
    let wait = if options.dont_wait { Wait::No } else { Wait::ForAnswer };
    ask(&instance, request, wait, &what).map(|()| id)
}

/// Asks a registrar, and waits for its answer where that is wanted.
fn ask(instance: &Instance, request: Request, wait: Wait, what: &str) -> Result<()> {
    match wait {
        Wait::No => {
            instance.io.request_in_background(request);
            Ok(())
        }
        Wait::ForAnswer => instance.io.request(request).map(drop).map_err(|error| not_done(&error, what)),
    }
}

fn transport_of(element: &AddressInfo, transport_use: TransportUse) -> Result<TransportParameter> {
    let Some(first) = element.addresses.first() else {
        return Err(Error::new(libc::EINVAL, "an element has at least one address"));
    };
    let (port, address) = (first.port(), first.ip());
    match (element.socket_type, element.protocol) {
        (_, libc::IPPROTO_SCTP) => Ok(TransportParameter::Sctp {
            port,
            transport_use,
            addresses: element.addresses.iter().map(SocketAddr::ip).collect(),
        }),
        (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => Ok(TransportParameter::Tcp { port, transport_use, address }),
        (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP) => Ok(TransportParameter::Udp { port, address }),
        (_, libc::IPPROTO_UDPLITE) => Ok(TransportParameter::UdpLite { port, address }),
        _ => Err(Error::new(libc::EPROTONOSUPPORT, "elements are reached over SCTP, TCP, UDP or UDP-Lite")),
    }
}

/// De-registers an element of `pe_registration`.
pub fn pe_deregistration(pool_handle: &[u8], id: PoolElementId, wait: Wait) -> Result<()> {
    let instance = instance()?;
    let pool_handle = checked_handle(pool_handle)?;
    let what = format!("element {id} cannot be de-registered from pool {pool_handle}");
    let request = Request::Deregister { pool_handle, pool_element_id: id };
    ask(&instance, request, wait, &what)
}

/// Reports an element as unreachable.
pub fn pe_failure(pool_handle: &[u8], id: PoolElementId) -> Result<()> {
    let instance = instance()?;
    let pool_handle = checked_handle(pool_handle)?;
    let what = format!("element {id} of pool {pool_handle} cannot be reported");
    let request = Request::ReportUnreachable { pool_handle, pool_element_id: id };
    instance.io.request(request).map(|_| ()).map_err(|error| not_done(&error, &what))
}
