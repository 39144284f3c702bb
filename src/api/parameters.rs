//! SCTP parameters of sockets, as `rsp_update_session_parameters` and as the socket options of RFC 6458 have them.
//!
//! The options are those of the C library's `netinet/sctp.h` and `linux/sctp.h`, for all associations of a socket: read and
//! set here, whichever SCTP the socket is on, and not by the kernel.

use super::sockets::lookup;
use super::{Descriptor, Error, Result};
use crate::driver::client::{Instance, Socket};
use crate::transport::SctpParameters;
use libc::c_int;
use std::time::Duration;

/// The level of these options.
pub const IPPROTO_SCTP: c_int = 132;

/// An option: where its fields lie in its C structure.
struct Layout {
    name: c_int,
    len: usize,
    /// Where its address begins, if it has one.
    address: Option<usize>,
    fields: &'static [(usize, Field)],
}

/// What a field of an option means.
#[derive(Clone, Copy)]
enum Field {
    RtoInitial,
    RtoMin,
    RtoMax,
    HeartbeatInterval,
    AssociationMaxRetransmissions,
    PathMaxRetransmissions,
    PotentiallyFailedThreshold,
}

/// Bytes of an association's identifier, the first field of all options.
const ASSOCIATION: usize = 4;
/// Bytes of a `struct sockaddr_storage`.
const ADDRESS: usize = 128;

/// `SCTP_RTOINFO`, `SCTP_ASSOCINFO`, `SCTP_PEER_ADDR_PARAMS` and `SCTP_PEER_ADDR_THLDS`.
const LAYOUTS: [Layout; 4] = [
    Layout {
        name: 0,
        len: 16,
        address: None,
        fields: &[(4, Field::RtoInitial), (8, Field::RtoMax), (12, Field::RtoMin)],
    },
    Layout { name: 1, len: 20, address: None, fields: &[(4, Field::AssociationMaxRetransmissions)] },
    Layout {
        name: 9,
        len: 156,
        address: Some(4),
        fields: &[(132, Field::HeartbeatInterval), (136, Field::PathMaxRetransmissions)],
    },
    Layout {
        name: 31,
        len: 144,
        address: Some(8),
        fields: &[(136, Field::PathMaxRetransmissions), (138, Field::PotentiallyFailedThreshold)],
    },
];

impl Field {
    /// Times have four bytes, numbers of retransmissions two.
    fn len(self) -> usize {
        match self {
            Field::RtoInitial | Field::RtoMin | Field::RtoMax | Field::HeartbeatInterval => 4,
            _ => 2,
        }
    }

    fn get(self, parameters: &SctpParameters) -> u32 {
        let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        match self {
            Field::RtoInitial => ms(parameters.rto_initial),
            Field::RtoMin => ms(parameters.rto_min),
            Field::RtoMax => ms(parameters.rto_max),
            Field::HeartbeatInterval => ms(parameters.heartbeat_interval),
            Field::AssociationMaxRetransmissions => parameters.association_max_retransmissions,
            Field::PathMaxRetransmissions => parameters.path_max_retransmissions,
            Field::PotentiallyFailedThreshold => parameters.potentially_failed_threshold,
        }
    }

    /// As with the kernel, zero leaves a value as it is, but for the one that may be zero.
    fn set(self, parameters: &mut SctpParameters, number: u32) {
        let ms = Duration::from_millis(u64::from(number));
        match self {
            Field::PotentiallyFailedThreshold => parameters.potentially_failed_threshold = number,
            _ if number == 0 => {}
            Field::RtoInitial => parameters.rto_initial = ms,
            Field::RtoMin => parameters.rto_min = ms,
            Field::RtoMax => parameters.rto_max = ms,
            Field::HeartbeatInterval => parameters.heartbeat_interval = ms,
            Field::AssociationMaxRetransmissions => parameters.association_max_retransmissions = number,
            Field::PathMaxRetransmissions => parameters.path_max_retransmissions = number,
        }
    }
}

fn layout(name: c_int) -> Result<&'static Layout> {
    let found = LAYOUTS.iter().find(|layout| layout.name == name);
    found.ok_or(Error::new(libc::ENOPROTOOPT, "of SCTP's options RSerPool sockets have those of timers and thresholds"))
}

/// Writes an option's structure; returns its length.
pub(super) fn get_option(instance: &Instance, socket: &Socket, name: c_int, value: &mut [u8]) -> Result<usize> {
    let layout = layout(name)?;
    let Some(value) = value.get_mut(..layout.len) else {
        return Err(Error::with(libc::EINVAL, format!("the buffer has less than the option's {} bytes", layout.len)));
    };
    let parameters = current(instance, socket)?;
    value.fill(0);
    for (at, field) in layout.fields {
        let number = field.get(&parameters);
        let short = u16::try_from(number).unwrap_or(u16::MAX);
        let bytes = if field.len() == 2 { short.to_ne_bytes().to_vec() } else { number.to_ne_bytes().to_vec() };
        for (to, from) in value.iter_mut().skip(*at).zip(bytes) {
            *to = from;
        }
    }
    Ok(layout.len)
}

/// Sets the parameters that an option's structure has.
pub(super) fn set_option(sd: Descriptor, name: c_int, value: &[u8]) -> Result<()> {
    let layout = layout(name)?;
    let Some(value) = value.get(..layout.len) else {
        return Err(Error::with(libc::EINVAL, format!("the option's value has {} bytes", layout.len)));
    };
    let named = |from: usize, len: usize| value.iter().skip(from).take(len).any(|byte| *byte != 0);
    if named(0, ASSOCIATION) || layout.address.is_some_and(|at| named(at, ADDRESS)) {
        return Err(Error::new(libc::EINVAL, "the options of a socket are for all of its associations and addresses"));
    }
    change(sd, |parameters| {
        let mut given = Given::default();
        for (at, field) in layout.fields {
            let mut bytes = [0; 4];
            for (to, from) in bytes.iter_mut().zip(value.iter().skip(*at).take(field.len())) {
                *to = *from;
            }
            let number = match field.len() {
                2 => u32::from(u16::from_ne_bytes([bytes[0], bytes[1]])),
                _ => u32::from_ne_bytes(bytes),
            };
            field.set(parameters, number);
            match field {
                Field::RtoInitial => given.initial = number != 0,
                Field::RtoMin => given.min = number != 0,
                Field::RtoMax => given.max = number != 0,
                _ => {}
            }
        }
        given
    })
    .map(|_| ())
}

/// Sets the SCTP parameters whose value is not zero, and returns what holds now. Limits that are not given follow those that
/// are; `EINVAL`: values that contradict each other.
///
/// They belong to the endpoint. A socket that has chosen some before it connects gets an endpoint of its own; those that
/// connect without share one, and who changes it later changes it for all of these.
pub fn update_session_parameters(sd: Descriptor, new: &SctpParameters) -> Result<SctpParameters> {
    change(sd, |parameters| merge(parameters, new))
}

/// Takes the values of `new` that are not zero.
fn merge(parameters: &mut SctpParameters, new: &SctpParameters) -> Given {
    fn take<T: Default + PartialEq>(to: &mut T, new: T) {
        if new != T::default() {
            *to = new;
        }
    }
    take(&mut parameters.rto_initial, new.rto_initial);
    take(&mut parameters.rto_min, new.rto_min);
    take(&mut parameters.rto_max, new.rto_max);
    take(&mut parameters.association_max_retransmissions, new.association_max_retransmissions);
    take(&mut parameters.path_max_retransmissions, new.path_max_retransmissions);
    take(&mut parameters.heartbeat_interval, new.heartbeat_interval);
    Given { initial: !new.rto_initial.is_zero(), min: !new.rto_min.is_zero(), max: !new.rto_max.is_zero() }
}

/// What holds for a socket: its endpoint's parameters, or those that its endpoint will have.
fn current(instance: &Instance, socket: &Socket) -> Result<SctpParameters> {
    let chosen = socket.chosen_parameters()?;
    let of_endpoint = socket.endpoint.get().map(|endpoint| endpoint.parameters());
    Ok(of_endpoint.or(chosen).unwrap_or(instance.sctp_parameters()))
}

/// Changes what holds; `change` tells which limits were given.
fn change(sd: Descriptor, change: impl FnOnce(&mut SctpParameters) -> Given) -> Result<SctpParameters> {
    let (instance, socket) = lookup(sd)?;
    let mut parameters = current(&instance, &socket)?;
    let given = change(&mut parameters);
    given.let_others_follow(&mut parameters);
    parameters.validate().map_err(|why| Error::with(libc::EINVAL, why))?;
    socket.choose_parameters(parameters)?;
    if let Some(endpoint) = socket.endpoint.get() {
        endpoint.with(|endpoint| endpoint.set_parameters(&parameters));
    }
    Ok(parameters)
}

/// Which of the retransmission timeouts were given.
#[derive(Default)]
struct Given {
    initial: bool,
    min: bool,
    max: bool,
}

impl Given {
    /// Of limits that contradict each other, the one that was not given follows the one that was.
    fn let_others_follow(&self, parameters: &mut SctpParameters) {
        if parameters.rto_min > parameters.rto_max {
            match (self.min, self.max) {
                (true, false) => parameters.rto_max = parameters.rto_min,
                (false, true) => parameters.rto_min = parameters.rto_max,
                _ => return,
            }
        }
        if !self.initial {
            parameters.rto_initial = parameters.rto_initial.clamp(parameters.rto_min, parameters.rto_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rto(initial: u64, min: u64, max: u64) -> SctpParameters {
        let ms = Duration::from_millis;
        SctpParameters { rto_initial: ms(initial), rto_min: ms(min), rto_max: ms(max), ..SctpParameters::default() }
    }

    fn merged(new: &SctpParameters) -> SctpParameters {
        let mut parameters = rto(250, 100, 500);
        merge(&mut parameters, new).let_others_follow(&mut parameters);
        parameters
    }

    #[test]
    fn parameters_that_are_given_win_over_those_that_are_not() {
        assert_eq!(merged(&rto(0, 0, 0)), rto(250, 100, 500));
        assert_eq!(merged(&rto(0, 1000, 0)), rto(1000, 1000, 1000));
        assert_eq!(merged(&rto(0, 0, 50)), rto(50, 50, 50));
    }

    #[test]
    fn parameters_that_are_given_and_contradict_each_other_are_refused() {
        assert!(merged(&rto(0, 20, 10)).validate().is_err());
        assert!(merged(&rto(5000, 1000, 2000)).validate().is_err());
    }
}
