//! Pool elements for people and for programs.

use crate::json;
use rserpool::api::{AddressInfo, PoolElementInfo};
use rserpool::wire::{Policy, PoolElement, TransportParameter, TransportUse};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A transport, e.g. `SCTP 192.0.2.1,192.0.2.2:7000`.
pub fn transport(transport: &TransportParameter) -> String {
    let (name, port, addresses) = parts(transport);
    match transport {
        TransportParameter::Opaque(bytes) => format!("opaque, {} bytes", bytes.len()),
        _ => format!("{name} {}:{port}{}", join(&addresses), control(transport)),
    }
}

fn transport_json(transport: &TransportParameter) -> String {
    let (name, port, addresses) = parts(transport);
    transport_object(name, port, &addresses, !control(transport).is_empty())
}

fn transport_object(protocol: &str, port: u16, addresses: &[IpAddr], has_control_channel: bool) -> String {
    json::object([
        ("protocol", json::string(protocol)),
        ("port", port.to_string()),
        ("addresses", json::array(addresses.iter().map(|a| json::string(&a.to_string())))),
        ("control_channel", has_control_channel.to_string()),
    ])
}

fn parts(transport: &TransportParameter) -> (&'static str, u16, Vec<IpAddr>) {
    let name = protocol(transport);
    match transport {
        TransportParameter::Sctp { port, addresses, .. } => (name, *port, addresses.to_vec()),
        TransportParameter::Dccp { port, address, .. }
        | TransportParameter::Tcp { port, address, .. }
        | TransportParameter::Udp { port, address }
        | TransportParameter::UdpLite { port, address } => (name, *port, vec![*address]),
        TransportParameter::Opaque(_) => (name, 0, Vec::new()),
    }
}

/// The name of its protocol.
pub fn protocol(transport: &TransportParameter) -> &'static str {
    match transport {
        TransportParameter::Dccp { .. } => "DCCP",
        TransportParameter::Sctp { .. } => "SCTP",
        TransportParameter::Tcp { .. } => "TCP",
        TransportParameter::Udp { .. } => "UDP",
        TransportParameter::UdpLite { .. } => "UDP-Lite",
        TransportParameter::Opaque(_) => "opaque",
    }
}

fn control(transport: &TransportParameter) -> &'static str {
    match transport {
        TransportParameter::Sctp { transport_use: TransportUse::DataPlusControl, .. }
        | TransportParameter::Tcp { transport_use: TransportUse::DataPlusControl, .. } => " +control",
        _ => "",
    }
}

fn join(addresses: &[IpAddr]) -> String {
    let shown: Vec<String> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        })
        .collect();
    shown.join(",")
}

/// An address as text, so that a port can stand behind it.
pub fn host(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// A policy with its values, e.g. `WeightedRoundRobin(weight 3)`.
pub fn policy(policy: &Policy) -> String {
    match policy {
        Policy::Unknown { policy_type, .. } => format!("policy {:#010x}", policy_type.0),
        known => {
            let text = format!("{known:?}");
            text.replace(" { ", "(").replace(" }", ")").replace(": ", " ")
        }
    }
}

/// The name of a policy, without its values.
pub fn policy_name(policy: &Policy) -> String {
    let text = self::policy(policy);
    text.split('(').next().unwrap_or_default().to_owned()
}

fn life(life: Option<Duration>) -> String {
    life.map_or("infinite".to_owned(), |life| format!("{}s", life.as_secs()))
}

/// One line about an element.
pub fn element(element: &PoolElement) -> String {
    format!(
        "{}  home {}  {}  {}  life {}",
        element.id,
        element.home_registrar,
        transport(&element.user_transport),
        policy(&element.policy),
        life(element.registration_life.as_duration())
    )
}

/// One line about an element that was told to a pool user.
pub fn element_info(element: &PoolElementInfo) -> String {
    let (id, home, life) = (element.pool_element_id, element.home_registrar, life(element.registration_life));
    let Some(address) = &element.address else {
        return format!("{id}  home {home}  not reached by IP  life {life}");
    };
    let (port, addresses) = of_info(address);
    let (name, control) = (protocol_name(address), if element.control_channel { " +control" } else { "" });
    format!("{id}  home {home}  {name} {}:{port}{control}  {}  life {life}", join(&addresses), policy(&address.policy))
}

/// The same as a JSON object.
pub fn element_info_json(element: &PoolElementInfo) -> String {
    let life = json::or_null(element.registration_life.map(|life| life.as_secs().to_string()));
    let mut members = vec![
        ("id", element.pool_element_id.0.to_string()),
        ("home_registrar", element.home_registrar.0.to_string()),
        ("registration_life_s", life),
    ];
    if let Some(address) = &element.address {
        let (port, addresses) = of_info(address);
        members.push(("policy", policy_json(&address.policy)));
        let transport = transport_object(protocol_name(address), port, &addresses, element.control_channel);
        members.push(("user_transport", transport));
    }
    json::object(members)
}

fn of_info(address: &AddressInfo) -> (u16, Vec<IpAddr>) {
    let port = address.addresses.first().map_or(0, SocketAddr::port);
    (port, address.addresses.iter().map(SocketAddr::ip).collect())
}

fn protocol_name(address: &AddressInfo) -> &'static str {
    match address.protocol {
        libc::IPPROTO_TCP => "TCP",
        libc::IPPROTO_UDP => "UDP",
        _ => "SCTP",
    }
}

/// A policy as a JSON object: its number, its name, and its values as they are on the wire.
fn policy_json(policy: &Policy) -> String {
    let text = format!("{policy:?}");
    let name = text.split(' ').next().unwrap_or_default();
    let mut members = vec![("type", policy.policy_type().0.to_string())];
    if let Policy::Unknown { data, .. } = policy {
        let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        members.extend([("name", "null".to_owned()), ("data", json::string(&hex))]);
    } else {
        members.push(("name", json::string(name)));
        members.extend(policy_values(policy).into_iter().map(|(name, value)| (name, value.to_string())));
    }
    json::object(members)
}

fn policy_values(policy: &Policy) -> Vec<(&'static str, u32)> {
    match *policy {
        Policy::RoundRobin | Policy::Random | Policy::Unknown { .. } => Vec::new(),
        Policy::WeightedRoundRobin { weight } | Policy::WeightedRandom { weight } => vec![("weight", weight)],
        Policy::Priority { priority } => vec![("priority", priority)],
        Policy::LeastUsed { load } | Policy::RandomizedLeastUsed { load } => vec![("load", load)],
        Policy::LeastUsedDegradation { load, degradation }
        | Policy::PriorityLeastUsed { load, degradation }
        | Policy::RandomizedPriorityLeastUsed { load, degradation }
        | Policy::RandomizedLeastUsedDegradation { load, degradation }
        | Policy::PriorityLeastUsedDegradation { load, degradation }
        | Policy::RandomizedPriorityLeastUsedDegradation { load, degradation } => {
            vec![("load", load), ("degradation", degradation)]
        }
        Policy::WeightedRandomDpf { weight, weight_dpf, distance } => {
            vec![("weight", weight), ("weight_dpf", weight_dpf), ("distance", distance)]
        }
        Policy::LeastUsedDpf { load, load_dpf, distance } => {
            vec![("load", load), ("load_dpf", load_dpf), ("distance", distance)]
        }
        Policy::LeastUsedDegradationDpf { load, degradation, load_dpf, distance }
        | Policy::PriorityLeastUsedDpf { load, degradation, load_dpf, distance }
        | Policy::PriorityLeastUsedDegradationDpf { load, degradation, load_dpf, distance } => {
            vec![("load", load), ("degradation", degradation), ("load_dpf", load_dpf), ("distance", distance)]
        }
    }
}

/// An element as a JSON object.
pub fn element_json(element: &PoolElement) -> String {
    let life = json::or_null(element.registration_life.as_duration().map(|life| life.as_secs().to_string()));
    let mut members = vec![
        ("id", element.id.0.to_string()),
        ("home_registrar", element.home_registrar.0.to_string()),
        ("registration_life_s", life),
        ("policy", policy_json(&element.policy)),
        ("user_transport", transport_json(&element.user_transport)),
    ];
    members.extend(element.asap_transport.as_ref().map(|t| ("asap_transport", transport_json(t))));
    json::object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rserpool::wire::{AddressList, PolicyType, RegistrationLife};
    use rserpool::{PoolElementId, RegistrarId};

    fn sample() -> PoolElement {
        PoolElement {
            id: PoolElementId(0x2a),
            home_registrar: RegistrarId(1),
            registration_life: RegistrationLife::INFINITE,
            user_transport: TransportParameter::Sctp {
                port: 7000,
                transport_use: TransportUse::DataPlusControl,
                addresses: AddressList::from_slice(&["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]),
            },
            policy: Policy::WeightedRoundRobin { weight: 3 },
            asap_transport: None,
        }
    }

    #[test]
    fn an_element_is_one_readable_line() {
        assert_eq!(
            element(&sample()),
            "0x0000002a  home 0x00000001  SCTP 192.0.2.1,[2001:db8::1]:7000 +control  WeightedRoundRobin(weight 3)  \
             life infinite"
        );
    }

    #[test]
    fn an_element_is_one_json_object() {
        assert_eq!(
            element_json(&sample()),
            r#"{"id":42,"home_registrar":1,"registration_life_s":null,"policy":{"type":2,"name":"WeightedRoundRobin","weight":3},"user_transport":{"protocol":"SCTP","port":7000,"addresses":["192.0.2.1","2001:db8::1"],"control_channel":true}}"#
        );
    }

    #[test]
    fn a_policy_is_data() {
        let policy = Policy::LeastUsedDpf { load: 7, load_dpf: 8, distance: 9 };
        let number = policy.policy_type().0;
        let expected = format!(r#"{{"type":{number},"name":"LeastUsedDpf","load":7,"load_dpf":8,"distance":9}}"#);
        assert_eq!(policy_json(&policy), expected);
        assert_eq!(policy_json(&Policy::Random), r#"{"type":3,"name":"Random"}"#);
        let unknown = Policy::Unknown { policy_type: PolicyType(0x8000_0001), data: vec![1, 0xab] };
        assert_eq!(policy_json(&unknown), r#"{"type":2147483649,"name":null,"data":"01ab"}"#);
    }
}
