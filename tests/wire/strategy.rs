//! Arbitrary messages.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp};
use rserpool::wire::{
    Cause, ErrorCause, OperationalError, Policy, PolicyType, PoolElement, RegistrationLife, ServerInformation,
    TransportParameter, TransportUse,
};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn handle() -> impl Strategy<Value = PoolHandle> {
    vec(any::<u8>(), 0..50).prop_map(PoolHandle::new)
}

fn pe() -> impl Strategy<Value = PoolElementId> {
    any::<u32>().prop_map(PoolElementId)
}

fn registrar() -> impl Strategy<Value = RegistrarId> {
    any::<u32>().prop_map(RegistrarId)
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits)).to_canonical()),
    ]
}

fn transport_use() -> impl Strategy<Value = TransportUse> {
    prop_oneof![Just(TransportUse::DataOnly), Just(TransportUse::DataPlusControl)]
}

fn sctp() -> impl Strategy<Value = TransportParameter> {
    (any::<u16>(), transport_use(), vec(address(), 1..6)).prop_map(|(port, transport_use, addresses)| {
        TransportParameter::Sctp { port, transport_use, addresses: addresses.into() }
    })
}

fn transport() -> impl Strategy<Value = TransportParameter> {
    let port = any::<u16>;
    prop_oneof![
        sctp(),
        (port(), any::<u32>(), address()).prop_map(|(port, service_code, address)| TransportParameter::Dccp {
            port,
            service_code,
            address
        }),
        (port(), transport_use(), address()).prop_map(|(port, transport_use, address)| TransportParameter::Tcp {
            port,
            transport_use,
            address
        }),
        (port(), address()).prop_map(|(port, address)| TransportParameter::Udp { port, address }),
        (port(), address()).prop_map(|(port, address)| TransportParameter::UdpLite { port, address }),
        vec(any::<u8>(), 0..20).prop_map(TransportParameter::Opaque),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let known = (0..18_u8, any::<[u32; 4]>()).prop_map(|(kind, [a, b, c, d])| match kind {
        0 => Policy::RoundRobin,
        1 => Policy::WeightedRoundRobin { weight: a },
        2 => Policy::Random,
        3 => Policy::WeightedRandom { weight: a },
        4 => Policy::Priority { priority: a },
        5 => Policy::LeastUsed { load: a },
        6 => Policy::LeastUsedDegradation { load: a, degradation: b },
        7 => Policy::PriorityLeastUsed { load: a, degradation: b },
        8 => Policy::RandomizedLeastUsed { load: a },
        9 => Policy::RandomizedPriorityLeastUsed { load: a, degradation: b },
        10 => Policy::RandomizedLeastUsedDegradation { load: a, degradation: b },
        11 => Policy::PriorityLeastUsedDegradation { load: a, degradation: b },
        12 => Policy::RandomizedPriorityLeastUsedDegradation { load: a, degradation: b },
        13 => Policy::WeightedRandomDpf { weight: a, weight_dpf: b, distance: c },
        14 => Policy::LeastUsedDpf { load: a, load_dpf: b, distance: c },
        15 => Policy::LeastUsedDegradationDpf { load: a, degradation: b, load_dpf: c, distance: d },
        16 => Policy::PriorityLeastUsedDpf { load: a, degradation: b, load_dpf: c, distance: d },
        _ => Policy::PriorityLeastUsedDegradationDpf { load: a, degradation: b, load_dpf: c, distance: d },
    });
    let unknown = (0x7000_0000..0x7100_0000_u32, vec(any::<u8>(), 0..20))
        .prop_map(|(number, data)| Policy::Unknown { policy_type: PolicyType(number), data });
    prop_oneof![known, unknown]
}

prop_compose! {
    fn element()(
        id in pe(),
        home_registrar in registrar(),
        life in any::<i32>(),
        user_transport in transport(),
        policy in policy(),
        asap_transport in option::of(sctp()),
    ) -> PoolElement {
        let registration_life = RegistrationLife(life);
        PoolElement { id, home_registrar, registration_life, user_transport, policy, asap_transport }
    }
}

fn error() -> impl Strategy<Value = OperationalError> {
    let cause = (any::<u16>(), vec(any::<u8>(), 0..20))
        .prop_map(|(code, info)| ErrorCause { cause: Cause::from_code(code), info });
    vec(cause, 0..4).prop_map(|causes| OperationalError { causes })
}

fn server() -> impl Strategy<Value = ServerInformation> {
    (registrar(), sctp()).prop_map(|(id, transport)| ServerInformation { id, transport })
}

/// Any ASAP message that the RFC allows.
pub fn asap_message() -> impl Strategy<Value = AsapMessage> {
    prop_oneof![
        (handle(), element(), option::of(any::<i32>().prop_map(RegistrationLife))).prop_map(
            |(pool_handle, pool_element, life_in_seconds)| {
                asap::Registration { pool_handle, pool_element, life_in_seconds }.into()
            }
        ),
        (handle(), pe()).prop_map(|(pool_handle, pool_element_id)| asap::Deregistration {
            pool_handle,
            pool_element_id
        }
        .into()),
        (any::<bool>(), handle(), pe(), option::of(error()), vec(server(), 0..4), option::of(any::<i32>())).prop_map(
            |(reject, pool_handle, pool_element_id, error, registrars, life)| {
                let life_in_seconds = life.map(RegistrationLife);
                asap::RegistrationResponse { reject, pool_handle, pool_element_id, error, registrars, life_in_seconds }
                    .into()
            }
        ),
        (handle(), pe(), option::of(error())).prop_map(|(pool_handle, pool_element_id, error)| {
            asap::DeregistrationResponse { pool_handle, pool_element_id, error }.into()
        }),
        (any::<bool>(), handle(), option::of(any::<u32>())).prop_map(|(subscribe, pool_handle, items)| {
            asap::HandleResolution { subscribe, pool_handle, items }.into()
        }),
        (any::<bool>(), handle(), option::of(policy()), vec(element(), 0..4), option::of(error())).prop_map(
            |(accept_updates, pool_handle, policy, pool_elements, error)| {
                asap::HandleResolutionResponse { accept_updates, pool_handle, policy, pool_elements, error }.into()
            }
        ),
        (any::<bool>(), registrar(), handle(), option::of(pe()), vec(server(), 0..4)).prop_map(
            |(home, registrar_id, pool_handle, pool_element_id, registrars)| {
                asap::EndpointKeepAlive { home, registrar_id, pool_handle, pool_element_id, registrars }.into()
            }
        ),
        (handle(), pe()).prop_map(|(pool_handle, pool_element_id)| {
            asap::EndpointKeepAliveAck { pool_handle, pool_element_id }.into()
        }),
        (handle(), pe()).prop_map(|(pool_handle, pool_element_id)| {
            asap::EndpointUnreachable { pool_handle, pool_element_id }.into()
        }),
        (registrar(), vec(transport(), 0..4)).prop_map(|(registrar_id, transports)| asap::ServerAnnounce {
            registrar_id,
            transports
        }
        .into()),
        vec(any::<u8>(), 0..80).prop_map(|cookie| asap::Cookie { cookie }.into()),
        vec(any::<u8>(), 0..80).prop_map(|cookie| asap::CookieEcho { cookie }.into()),
        (handle(), vec(element(), 0..4)).prop_map(|(pool_handle, pool_elements)| asap::BusinessCard {
            pool_handle,
            pool_elements
        }
        .into()),
        error().prop_map(|error| asap::Error { error }.into()),
    ]
}

fn entry() -> impl Strategy<Value = enrp::PoolEntry> {
    (handle(), vec(element(), 1..4))
        .prop_map(|(pool_handle, pool_elements)| enrp::PoolEntry { pool_handle, pool_elements })
}

/// Any ENRP message that the RFC allows.
pub fn enrp_message() -> impl Strategy<Value = EnrpMessage> {
    let ids = || (registrar(), registrar());
    prop_oneof![
        (ids(), any::<bool>(), option::of(any::<u16>()), option::of(server())).prop_map(
            |((sender, receiver), reply_required, checksum, server_information)| {
                enrp::Presence { sender, receiver, reply_required, checksum, server_information }.into()
            }
        ),
        (ids(), any::<bool>()).prop_map(|((sender, receiver), own_children_only)| {
            enrp::HandleTableRequest { sender, receiver, own_children_only }.into()
        }),
        (ids(), any::<bool>(), any::<bool>(), vec(entry(), 0..3)).prop_map(
            |((sender, receiver), reject, more, entries)| {
                enrp::HandleTableResponse { sender, receiver, reject, more, entries }.into()
            }
        ),
        (ids(), any::<bool>(), any::<bool>(), handle(), element()).prop_map(
            |((sender, receiver), takeover_suggested, add, pool_handle, pool_element)| {
                let action =
                    if add { enrp::UpdateAction::AddPoolElement } else { enrp::UpdateAction::DeletePoolElement };
                enrp::HandleUpdate { sender, receiver, takeover_suggested, action, pool_handle, pool_element }.into()
            }
        ),
        ids().prop_map(|(sender, receiver)| enrp::ListRequest { sender, receiver }.into()),
        (ids(), any::<bool>(), vec(server(), 0..4)).prop_map(|((sender, receiver), reject, servers)| {
            enrp::ListResponse { sender, receiver, reject, servers }.into()
        }),
        (ids(), registrar())
            .prop_map(|((sender, receiver), target)| enrp::InitTakeover { sender, receiver, target }.into()),
        (ids(), registrar()).prop_map(|((sender, receiver), target)| enrp::InitTakeoverAck {
            sender,
            receiver,
            target
        }
        .into()),
        (ids(), registrar())
            .prop_map(|((sender, receiver), target)| enrp::TakeoverServer { sender, receiver, target }.into()),
        (ids(), error()).prop_map(|((sender, receiver), error)| enrp::Error { sender, receiver, error }.into()),
    ]
}
