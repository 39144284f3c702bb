//! One message of every kind, with every parameter, policy and error cause in some message.

use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp};
use rserpool::wire::{
    AddressList, Cause, ErrorCause, OperationalError, Policy, PolicyType, PoolElement, RegistrationLife,
    ServerInformation, TransportParameter, TransportUse,
};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A message of either protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Any {
    Asap(AsapMessage),
    Enrp(EnrpMessage),
}

impl Any {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Any::Asap(message) => message.encode(&mut out),
            Any::Enrp(message) => message.encode(&mut out),
        }
        .unwrap_or_else(|error| panic!("{self:?}: {error}"));
        out
    }
}

impl<M: Into<AsapMessage>> From<M> for Any {
    fn from(message: M) -> Any {
        Any::Asap(message.into())
    }
}

pub fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 1, 2, last))
}

pub fn v6(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last))
}

pub fn handle() -> PoolHandle {
    PoolHandle::from("EchoPool1")
}

pub const PE: PoolElementId = PoolElementId(0x1234_5678);
pub const SENDER: RegistrarId = RegistrarId(0xaabb_ccdd);
pub const RECEIVER: RegistrarId = RegistrarId(0x0102_0304);
pub const TARGET: RegistrarId = RegistrarId(0x0506_0708);

pub fn sctp(port: u16, addresses: &[IpAddr]) -> TransportParameter {
    let transport_use = TransportUse::DataOnly;
    TransportParameter::Sctp { port, transport_use, addresses: AddressList::from_slice(addresses) }
}

/// Every transport, in both address families.
pub fn transports() -> Vec<TransportParameter> {
    use TransportUse::{DataOnly, DataPlusControl};
    let mut all = vec![
        sctp(5000, &[v4(3)]),
        TransportParameter::Sctp {
            port: 5001,
            transport_use: DataPlusControl,
            addresses: AddressList::from_slice(&[v4(3), v6(1), v4(4)]),
        },
        TransportParameter::Opaque(b"abcdefgh".to_vec()),
        TransportParameter::Opaque(b"abcde".to_vec()),
    ];
    for address in [v4(7), v6(7)] {
        all.push(TransportParameter::Dccp { port: 5002, service_code: 0x5053_5250, address });
        all.push(TransportParameter::Tcp { port: 5003, transport_use: DataOnly, address });
        all.push(TransportParameter::Udp { port: 5004, address });
        all.push(TransportParameter::UdpLite { port: 5005, address });
    }
    all.push(TransportParameter::Tcp { port: 5006, transport_use: DataPlusControl, address: v4(8) });
    all
}

/// Every policy, values told apart by their digits.
pub fn policies() -> Vec<Policy> {
    let (weight, load, degradation, load_dpf) = (0x0000_0101, 0x1111_1111, 0x2222_2222, 0x3333_3333);
    let (weight_dpf, distance, priority) = (0x4444_4444, 50, 7);
    vec![
        Policy::RoundRobin,
        Policy::WeightedRoundRobin { weight },
        Policy::Random,
        Policy::WeightedRandom { weight },
        Policy::Priority { priority },
        Policy::LeastUsed { load },
        Policy::LeastUsedDegradation { load, degradation },
        Policy::PriorityLeastUsed { load, degradation },
        Policy::RandomizedLeastUsed { load },
        Policy::RandomizedPriorityLeastUsed { load, degradation },
        Policy::RandomizedLeastUsedDegradation { load, degradation },
        Policy::PriorityLeastUsedDegradation { load, degradation },
        Policy::RandomizedPriorityLeastUsedDegradation { load, degradation },
        Policy::WeightedRandomDpf { weight, weight_dpf, distance },
        Policy::LeastUsedDpf { load, load_dpf, distance },
        Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, distance },
        Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, distance },
        Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, distance },
        Policy::Unknown { policy_type: PolicyType(0x0000_0077), data: b"abcdefgh".to_vec() },
        Policy::Unknown { policy_type: PolicyType(0xb000_7777), data: b"abcde".to_vec() },
    ]
}

/// Every cause, with what the RFC wants as its information.
pub fn causes() -> Vec<ErrorCause> {
    let unknown_parameter = vec![0xc0, 0x99, 0x00, 0x06, 0xaa, 0xbb];
    // Wireshark reads what stands in an unknown message as parameters, so here it is one.
    let unknown_message = vec![0x4f, 0x00, 0x00, 0x08, 0x00, 0x09, 0x00, 0x04];
    let bad_identifier = vec![0x00, 0x0e, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00];
    let policy = vec![0x00, 0x08, 0x00, 0x08, 0x00, 0x00, 0x00, 0x01];
    let tcp = vec![0, 5, 0, 16, 0x13, 0x88, 0, 0, 0, 1, 0, 8, 10, 1, 2, 3];
    let with = |cause, info| ErrorCause { cause, info };
    let plain = |cause| ErrorCause { cause, info: Vec::new() };
    vec![
        plain(Cause::Unspecified),
        with(Cause::UnrecognizedParameter, unknown_parameter),
        with(Cause::UnrecognizedMessage, unknown_message),
        with(Cause::InvalidValues, bad_identifier),
        plain(Cause::NonUniquePoolElementId),
        with(Cause::InconsistentPoolingPolicy, policy),
        plain(Cause::LackOfResources),
        with(Cause::InconsistentTransportType, tcp),
        plain(Cause::InconsistentDataControl),
        plain(Cause::UnknownPoolHandle),
        plain(Cause::RejectedForSecurity),
        plain(Cause::Other(0xf008)),
    ]
}

pub fn element() -> PoolElement {
    PoolElement {
        id: PE,
        home_registrar: RegistrarId(0),
        registration_life: RegistrationLife(90_000),
        user_transport: sctp(5000, &[v4(3), v6(1)]),
        policy: Policy::RoundRobin,
        asap_transport: None,
    }
}

/// An element as registrars tell each other.
pub fn owned_element() -> PoolElement {
    PoolElement { home_registrar: SENDER, asap_transport: Some(sctp(4242, &[v4(3)])), ..element() }
}

pub fn server_information() -> ServerInformation {
    ServerInformation { id: SENDER, transport: sctp(9901, &[v4(9), v6(9)]) }
}

/// The messages, each with a name for failures.
pub fn messages() -> Vec<(String, Any)> {
    let mut list = plain_asap();
    list.extend(plain_enrp());
    let registration =
        |element| Any::from(asap::Registration { pool_handle: handle(), pool_element: element, life_in_seconds: None });
    for user_transport in transports() {
        let name = format!("ASAP_REGISTRATION with {user_transport:?}");
        list.push((name, registration(PoolElement { user_transport, ..element() })));
    }
    for policy in policies() {
        let name = format!("ASAP_REGISTRATION with {policy:?}");
        list.push((name, registration(PoolElement { policy: policy.clone(), ..owned_element() })));
        let name = format!("ASAP_HANDLE_RESOLUTION_RESPONSE with {policy:?}");
        let pool_elements = vec![PoolElement { policy: policy.clone(), ..element() }, owned_element()];
        let response = asap::HandleResolutionResponse {
            accept_updates: true,
            pool_handle: handle(),
            policy: Some(policy),
            pool_elements,
            error: None,
        };
        list.push((name, response.into()));
    }
    for cause in causes() {
        let error = OperationalError { causes: vec![cause.clone()] };
        list.push((format!("ASAP_ERROR with {cause:?}"), asap::Error { error: error.clone() }.into()));
        let error = enrp::Error { sender: SENDER, receiver: RECEIVER, error };
        list.push((format!("ENRP_ERROR with {cause:?}"), Any::Enrp(error.into())));
    }
    list
}

/// Every ASAP message with flags set and everything optional there, and without.
fn plain_asap() -> Vec<(String, Any)> {
    let (pool_handle, pool_element_id) = (handle(), PE);
    let error = Some(OperationalError { causes: causes() });
    let all: Vec<AsapMessage> = vec![
        asap::Registration { pool_handle: handle(), pool_element: element(), life_in_seconds: None }.into(),
        asap::Registration {
            pool_handle: handle(),
            pool_element: element(),
            life_in_seconds: Some(RegistrationLife::INFINITE),
        }
        .into(),
        asap::Deregistration { pool_handle: handle(), pool_element_id }.into(),
        asap::RegistrationResponse {
            reject: false,
            pool_handle: handle(),
            pool_element_id,
            error: None,
            registrars: Vec::new(),
            life_in_seconds: None,
        }
        .into(),
        asap::RegistrationResponse {
            reject: true,
            pool_handle: handle(),
            pool_element_id,
            error: error.clone(),
            registrars: Vec::new(),
            life_in_seconds: Some(RegistrationLife(90)),
        }
        .into(),
        asap::DeregistrationResponse { pool_handle: handle(), pool_element_id, error: None }.into(),
        asap::DeregistrationResponse { pool_handle: handle(), pool_element_id, error: error.clone() }.into(),
        asap::HandleResolution { subscribe: false, pool_handle: handle(), items: None }.into(),
        asap::HandleResolution { subscribe: true, pool_handle: PoolHandle::new(""), items: Some(u32::MAX) }.into(),
        asap::HandleResolutionResponse {
            accept_updates: false,
            pool_handle: PoolHandle::new([0xa5; 100]),
            policy: None,
            pool_elements: Vec::new(),
            error,
        }
        .into(),
        asap::EndpointKeepAlive {
            home: false,
            registrar_id: SENDER,
            pool_handle: handle(),
            pool_element_id: None,
            registrars: Vec::new(),
        }
        .into(),
        asap::EndpointKeepAlive {
            home: true,
            registrar_id: SENDER,
            pool_handle: handle(),
            pool_element_id: Some(PE),
            registrars: Vec::new(),
        }
        .into(),
        asap::EndpointKeepAliveAck { pool_handle: handle(), pool_element_id }.into(),
        asap::EndpointUnreachable { pool_handle, pool_element_id }.into(),
        asap::ServerAnnounce { registrar_id: SENDER, transports: Vec::new() }.into(),
        asap::ServerAnnounce {
            registrar_id: SENDER,
            transports: vec![
                TransportParameter::Tcp { port: 3863, transport_use: TransportUse::DataOnly, address: v4(9) },
                sctp(3863, &[v4(9), v6(9)]),
            ],
        }
        .into(),
        asap::Cookie { cookie: b"abcde".to_vec() }.into(),
        asap::Cookie { cookie: Vec::new() }.into(),
        asap::CookieEcho { cookie: b"abcdefgh".to_vec() }.into(),
        asap::BusinessCard { pool_handle: handle(), pool_elements: vec![element(), owned_element()] }.into(),
        asap::Error { error: OperationalError { causes: causes() } }.into(),
    ];
    all.into_iter().map(|message| (message.name().to_owned(), Any::Asap(message))).collect()
}

/// Every ENRP message with flags set and everything optional there, and without.
fn plain_enrp() -> Vec<(String, Any)> {
    let (sender, receiver, target) = (SENDER, RECEIVER, TARGET);
    let entry = |text: &str| enrp::PoolEntry {
        pool_handle: PoolHandle::from(text),
        pool_elements: vec![owned_element(), PoolElement { id: PoolElementId(2), ..owned_element() }],
    };
    let update = |action, takeover_suggested| enrp::HandleUpdate {
        sender,
        receiver,
        takeover_suggested,
        action,
        pool_handle: handle(),
        pool_element: owned_element(),
    };
    let all: Vec<EnrpMessage> = vec![
        enrp::Presence {
            sender,
            receiver: RegistrarId(0),
            reply_required: true,
            checksum: Some(0x3412),
            server_information: Some(server_information()),
        }
        .into(),
        enrp::Presence { sender, receiver, reply_required: false, checksum: None, server_information: None }.into(),
        enrp::Presence { sender, receiver, reply_required: false, checksum: Some(0xffff), server_information: None }
            .into(),
        enrp::HandleTableRequest { sender, receiver, own_children_only: false }.into(),
        enrp::HandleTableRequest { sender, receiver, own_children_only: true }.into(),
        enrp::HandleTableResponse { sender, receiver, reject: true, more: false, entries: Vec::new() }.into(),
        enrp::HandleTableResponse {
            sender,
            receiver,
            reject: false,
            more: true,
            entries: vec![entry("A"), entry("EchoPool1")],
        }
        .into(),
        update(enrp::UpdateAction::AddPoolElement, false).into(),
        update(enrp::UpdateAction::DeletePoolElement, true).into(),
        enrp::ListRequest { sender, receiver }.into(),
        enrp::ListResponse { sender, receiver, reject: true, servers: Vec::new() }.into(),
        enrp::ListResponse {
            sender,
            receiver,
            reject: false,
            servers: vec![server_information(), ServerInformation { id: TARGET, ..server_information() }],
        }
        .into(),
        enrp::InitTakeover { sender, receiver, target }.into(),
        enrp::InitTakeoverAck { sender, receiver, target }.into(),
        enrp::TakeoverServer { sender, receiver, target }.into(),
        enrp::Error { sender, receiver, error: OperationalError { causes: causes() } }.into(),
    ];
    all.into_iter().map(|message| (message.name().to_owned(), Any::Enrp(message))).collect()
}
