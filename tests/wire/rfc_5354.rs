//! RFC 5354 clause by clause, as far as bytes can tell: parameters, messages, the rules for unknown ones.
//!
//! `comm_<nnn>` is the number of the clause in the project's list of requirements.

use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp};
use rserpool::wire::{
    AddressList, Cause, Decoded, EncodeError, ErrorCause, MAX_REPORTED_BYTES, MAX_REPORTED_PARAMETERS,
    OperationalError, Policy, PolicyType, PoolElement, RegistrationLife, ServerInformation, TransportParameter,
    TransportUse, Undecodable, UnrecognizedParameter, WireError,
};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const V4_PARAMETER: &str = "00010008 0a010203";
const V6_PARAMETER: &str = "00020014 20010db8 00000000 00000000 00000001";
const ID: RegistrarId = RegistrarId(0xaabb_ccdd);

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// A message of this type with this body, its length set and its padding added.
fn message(message_type: u8, body: &str) -> Vec<u8> {
    let body = bytes(body);
    let mut message = vec![message_type, 0];
    message.extend(u16::try_from(4 + body.len()).unwrap().to_be_bytes());
    message.extend(body);
    message.resize(message.len().next_multiple_of(4), 0);
    message
}

fn encode(message: impl Into<AsapMessage>) -> Vec<u8> {
    let mut out = Vec::new();
    message.into().encode(&mut out).unwrap();
    out
}

fn decode(bytes: &[u8]) -> Result<Decoded<AsapMessage>, Undecodable> {
    AsapMessage::decode(bytes)
}

/// A handle resolution for "ab" with the unknown parameter in front.
fn resolution_after(unknown: &str) -> Result<Decoded<AsapMessage>, Undecodable> {
    decode(&message(5, &format!("{unknown} 00090006 61620000")))
}

fn resolution_of(handle: &str) -> AsapMessage {
    asap::HandleResolution { subscribe: false, pool_handle: handle.into(), items: None }.into()
}

fn announce(transport: TransportParameter) -> asap::ServerAnnounce {
    asap::ServerAnnounce { registrar_id: ID, transports: vec![transport] }
}

/// The transport in a server announcement of these bytes.
fn transport(parameter: &str) -> Result<TransportParameter, WireError> {
    let decoded = decode(&message(10, &format!("aabbccdd {parameter}"))).map_err(|undecodable| undecodable.error)?;
    let AsapMessage::ServerAnnounce(mut announce) = decoded.message else { panic!("{decoded:?}") };
    Ok(announce.transports.remove(0))
}

fn sctp(transport_use: TransportUse, addresses: &[IpAddr]) -> TransportParameter {
    TransportParameter::Sctp { port: 0x1388, transport_use, addresses: AddressList::from_slice(addresses) }
}

fn element(user_transport: TransportParameter, policy: Policy) -> PoolElement {
    PoolElement {
        id: PoolElementId(0x1234_5678),
        home_registrar: RegistrarId(0),
        registration_life: RegistrationLife(90),
        user_transport,
        policy,
        asap_transport: None,
    }
}

fn invalid_values(parameter: &str) -> Option<ErrorCause> {
    Some(ErrorCause { cause: Cause::InvalidValues, info: bytes(parameter) })
}

#[test]
fn comm_001_integers_are_in_network_byte_order() {
    let keep_alive = asap::EndpointKeepAlive {
        home: false,
        registrar_id: RegistrarId(0x0102_0304),
        pool_handle: PoolHandle::from("abcd"),
        pool_element_id: Some(PoolElementId(0x0506_0708)),
        registrars: Vec::new(),
    };
    assert_eq!(encode(keep_alive), bytes("07000018 01020304 00090008 61626364 000e0008 05060708"));
}

#[test]
fn comm_002_an_unknown_parameter_of_type_00_discards_the_message_silently() {
    let undecodable = resolution_after("00990008 aabbccdd").unwrap_err();
    assert_eq!(undecodable.error, WireError::UnknownParameter { parameter_type: 0x0099 });
    assert_eq!(undecodable.report, None);
    assert_eq!(asap::Error::for_undecodable(&undecodable), None);
    // No further parameter is processed: the broken one behind it is not even seen.
    let undecodable = resolution_after("00990004 00090003").unwrap_err();
    assert_eq!(undecodable.error, WireError::UnknownParameter { parameter_type: 0x0099 });
}

#[test]
fn comm_002_the_rule_holds_inside_a_parameter_too() {
    let nested = format!("00090006 61620000 000a0028 12345678 00000000 0000005a 00040010 13880000 {V4_PARAMETER}");
    let undecodable = decode(&message(1, &format!("{nested} 00990004 00080008 00000001"))).unwrap_err();
    assert_eq!(undecodable.error, WireError::UnknownParameter { parameter_type: 0x0099 });
    assert_eq!(undecodable.report, None, "not even as an invalid pool element");
}

#[test]
fn comm_003_an_unknown_parameter_of_type_01_discards_the_message_and_is_reported() {
    let undecodable = resolution_after("40990006 aabb0000").unwrap_err();
    assert_eq!(undecodable.error, WireError::UnknownParameter { parameter_type: 0x4099 });
    let report = asap::Error::for_undecodable(&undecodable).unwrap();
    // The complete TLV without its padding is the information of the cause.
    assert_eq!(encode(report), bytes("0e000012 000c000e 0001000a 40990006 aabb0000"));
}

#[test]
fn comm_004_an_unknown_parameter_of_type_10_is_skipped() {
    let decoded = resolution_after("80990006 aabb0000").unwrap();
    assert_eq!(decoded.message, resolution_of("ab"));
    assert_eq!(decoded.unrecognized, []);
    assert_eq!(asap::Error::for_unrecognized(&decoded.unrecognized), None);
}

#[test]
fn comm_005_an_unknown_parameter_of_type_11_is_skipped_and_reported() {
    let decoded = resolution_after("c0990006 aabb0000 ffff0004").unwrap();
    assert_eq!(decoded.message, resolution_of("ab"));
    let seen = [UnrecognizedParameter(bytes("c0990006 aabb")), UnrecognizedParameter(bytes("ffff0004"))];
    assert_eq!(decoded.unrecognized, seen);
    // Several parameters make several causes.
    let report = asap::Error::for_unrecognized(&decoded.unrecognized).unwrap();
    assert_eq!(encode(report), bytes("0e00001c 000c0018 0001000a c0990006 aabb0000 00010008 ffff0004"));
    let report = enrp::Error::for_unrecognized(ID, RegistrarId(1), &decoded.unrecognized).unwrap();
    assert_eq!((report.sender, report.receiver, report.error.causes.len()), (ID, RegistrarId(1), 2));
}

#[test]
fn comm_005_the_report_is_bounded_and_always_fits_a_message() {
    let many = resolution_after(&"c0990004 ".repeat(1000)).unwrap();
    assert_eq!(many.unrecognized.len(), MAX_REPORTED_PARAMETERS);
    let mut long = bytes("c099fff0");
    long.resize(0xfff0, 0xaa);
    let hex: String = long.iter().map(|byte| format!("{byte:02x}")).collect();
    let body = decode(&message(5, &format!("{hex} 00090005 61000000"))).unwrap();
    assert_eq!(body.message, resolution_of("a"));
    assert_eq!(body.unrecognized, [], "longer than {MAX_REPORTED_BYTES} bytes");
    // A parameter that stops the message is reported by its cause alone.
    let hex = hex.replacen("c099", "4099", 1);
    let undecodable = decode(&message(5, &hex)).unwrap_err();
    assert_eq!(undecodable.report, Some(ErrorCause { cause: Cause::UnrecognizedParameter, info: Vec::new() }));
    // Fifty parameters of 2 kB are too much for one report; what is in it can be sent.
    let mut two_kilobytes = bytes("c09907d0");
    two_kilobytes.resize(2000, 0xaa);
    let hex: String = two_kilobytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let decoded = resolution_after(&hex.repeat(32)).unwrap();
    assert!(decoded.unrecognized.len() >= 29, "{}", decoded.unrecognized.len());
    let report = enrp::Error::for_unrecognized(ID, ID, &decoded.unrecognized).unwrap();
    assert!(report.encode(&mut Vec::new()).is_ok());
}

#[test]
fn nothing_in_an_error_message_is_reported() {
    let skipped = decode(&message(14, "c0990004 000c0008 00090004")).unwrap();
    assert_eq!(skipped.unrecognized, []);
    assert_eq!(decode(&message(14, "40990004")).unwrap_err().report, None);
    assert_eq!(decode(&message(14, "000c0006 00000000")).unwrap_err().report, None);
    let enrp = EnrpMessage::decode(&message(10, "aabbccdd 00000000 40990004")).unwrap_err();
    assert_eq!(enrp.report, None);
}

#[test]
fn comm_006_the_length_of_a_parameter_counts_its_header_but_not_its_padding() {
    assert_eq!(encode(asap::Cookie { cookie: b"abcde".to_vec() })[4..8], bytes("000d0009"));
    assert_eq!(encode(asap::Cookie { cookie: Vec::new() })[4..8], bytes("000d0004"));
}

#[test]
fn comm_007_comm_008_comm_009_parameters_are_padded_with_at_most_3_zero_bytes_to_a_multiple_of_4() {
    for length in 0..9 {
        let pool_handle = PoolHandle::new(vec![0xff; length]);
        let out = encode(asap::Deregistration { pool_handle, pool_element_id: PoolElementId(1) });
        let padding = length.next_multiple_of(4) - length;
        assert_eq!(out.len(), 4 + 4 + length + padding + 8);
        assert_eq!(out[8 + length..][..padding], vec![0; padding]);
        assert_eq!(out[8 + length + padding..], bytes("000e0008 00000001"));
    }
}

#[test]
fn comm_010_padding_bytes_of_a_parameter_are_ignored() {
    let decoded = decode(&message(2, "00090005 61ffeedd 000e0008 00000001")).unwrap();
    let (pool_handle, pool_element_id) = (PoolHandle::from("a"), PoolElementId(1));
    assert_eq!(decoded.message, asap::Deregistration { pool_handle, pool_element_id }.into());
}

#[test]
fn comm_011_comm_012_dccp_is_data_only_its_reserved_field_is_zero_and_ignored() {
    let dccp = TransportParameter::Dccp { port: 0x1388, service_code: 0x5053_5250, address: V4 };
    let expected = format!("0a00001c aabbccdd 00030014 13880000 50535250 {V4_PARAMETER}");
    assert_eq!(encode(announce(dccp.clone())), bytes(&expected));
    assert_eq!(transport(&format!("00030014 13880001 50535250 {V4_PARAMETER}")), Ok(dccp));
}

#[test]
fn comm_013_the_sctp_transport_use_is_0_or_1() {
    for (number, transport_use) in [(0, TransportUse::DataOnly), (1, TransportUse::DataPlusControl)] {
        let parameter = format!("00040010 1388000{number} {V4_PARAMETER}");
        assert_eq!(transport(&parameter), Ok(sctp(transport_use, &[V4])));
        assert_eq!(encode(announce(sctp(transport_use, &[V4])))[8..], bytes(&parameter));
    }
    let parameter = format!("00040010 13880002 {V4_PARAMETER}");
    let undecodable = decode(&message(10, &format!("aabbccdd {parameter}"))).unwrap_err();
    assert_eq!(undecodable.error, WireError::Invalid { field: "transport use", value: 2 });
    assert_eq!(undecodable.report, invalid_values(&parameter), "the offending TLV");
}

#[test]
fn comm_014_sctp_has_one_or_more_addresses_of_both_families() {
    let mixed = format!("00040038 13880000 {V4_PARAMETER} {V6_PARAMETER} {V6_PARAMETER}");
    assert_eq!(transport(&mixed), Ok(sctp(TransportUse::DataOnly, &[V4, V6, V6])));
    assert_eq!(transport("00040008 13880000"), Err(WireError::Missing { field: "address of SCTP transport" }));
    let nothing = announce(sctp(TransportUse::DataOnly, &[])).encode(&mut Vec::new());
    assert_eq!(nothing, Err(EncodeError::Invalid { field: "SCTP transport", reason: "has no address" }));
}

#[test]
fn comm_015_comm_016_tcp_is_data_only_unless_a_peer_uses_the_reserved_field_as_rsplib_does() {
    let tcp = |transport_use| TransportParameter::Tcp { port: 0x1388, transport_use, address: V4 };
    let expected = format!("0a000018 aabbccdd 00050010 13880000 {V4_PARAMETER}");
    assert_eq!(encode(announce(tcp(TransportUse::default()))), bytes(&expected));
    assert_eq!(transport(&format!("00050010 13880001 {V4_PARAMETER}")), Ok(tcp(TransportUse::DataPlusControl)));
    // A reserved field: no value of it is an error.
    assert_eq!(transport(&format!("00050010 1388ffff {V4_PARAMETER}")), Ok(tcp(TransportUse::DataOnly)));
}

#[test]
fn comm_017_tcp_udp_udp_lite_and_dccp_have_exactly_one_address() {
    let kinds = [("0005", "TCP", ""), ("0006", "UDP", ""), ("0007", "UDP-Lite", ""), ("0003", "DCCP", "00000000")];
    for (kind, name, service_code) in kinds {
        let parameter = |addresses: &str| {
            let value = format!("13880000 {service_code} {addresses}");
            transport(&format!("{kind}{:04x} {value}", 4 + bytes(&value).len()))
        };
        assert!(parameter(V4_PARAMETER).is_ok(), "{name}");
        assert!(parameter(V6_PARAMETER).is_ok(), "{name}");
        let repeated = parameter(&format!("{V4_PARAMETER} {V6_PARAMETER}")).unwrap_err();
        assert_eq!(repeated.to_string(), format!("address of {name} transport stands more than once"));
        let missing = parameter("").unwrap_err();
        assert_eq!(missing.to_string(), format!("address of {name} transport is missing"));
    }
}

#[test]
fn comm_018_comm_019_udp_is_data_only_its_reserved_field_is_zero_and_ignored() {
    let udp = TransportParameter::Udp { port: 0x1388, address: V4 };
    let expected = format!("0a000018 aabbccdd 00060010 13880000 {V4_PARAMETER}");
    assert_eq!(encode(announce(udp.clone())), bytes(&expected));
    assert_eq!(transport(&format!("00060010 13880001 {V4_PARAMETER}")), Ok(udp));
}

#[test]
fn comm_020_comm_021_udp_lite_is_data_only_its_reserved_field_is_zero_and_ignored() {
    let udp_lite = TransportParameter::UdpLite { port: 0x1388, address: V6 };
    let expected = format!("0a000024 aabbccdd 0007001c 13880000 {V6_PARAMETER}");
    assert_eq!(encode(announce(udp_lite.clone())), bytes(&expected));
    assert_eq!(transport(&format!("0007001c 13880001 {V6_PARAMETER}")), Ok(udp_lite));
}

#[test]
fn comm_022_every_policy_has_a_type_and_data_and_unknown_ones_are_kept() {
    let registration = |policy| asap::Registration {
        pool_handle: PoolHandle::from("a"),
        pool_element: element(sctp(TransportUse::DataOnly, &[V4]), policy),
        life_in_seconds: None,
    };
    // Behind message header (4), handle (8), element (16) and transport (16).
    let encoded = |policy| encode(registration(policy))[44..].to_vec();
    assert_eq!(encoded(Policy::RoundRobin), bytes("00080008 00000001"));
    assert_eq!(encoded(Policy::LeastUsed { load: 5 }), bytes("0008000c 40000001 00000005"));
    let unknown = Policy::Unknown { policy_type: PolicyType(0x7777_7777), data: b"abcde".to_vec() };
    assert_eq!(encoded(unknown.clone()), bytes("0008000d 77777777 61626364 65000000"));
    assert_eq!(decode(&encode(registration(unknown.clone()))).unwrap().message, registration(unknown).into());
    // A known policy has just its data.
    let short = decode(&message(6, "00090005 61000000 00080008 00000002")).unwrap_err();
    assert_eq!(short.error, WireError::Truncated { field: "policy weight", needed: 4, available: 0 });
    assert_eq!(short.report, invalid_values("00080008 00000002"));
    let long = decode(&message(6, "00090005 61000000 0008000c 00000001 00000000")).unwrap_err();
    assert_eq!(long.error, WireError::Invalid { field: "excess length of policy", value: 4 });
}

#[test]
fn comm_023_a_pool_handle_is_any_bytes_of_any_length() {
    for handle in [vec![], vec![0], vec![0xff; 33], (0..=255).collect(), vec![b'x'; 60_000]] {
        let resolution: AsapMessage =
            asap::HandleResolution { subscribe: false, pool_handle: PoolHandle::new(handle), items: None }.into();
        assert_eq!(decode(&encode(resolution.clone())).unwrap().message, resolution);
    }
}

/// A registration with these transports around a policy.
fn registration(transports: &[&str]) -> Result<Decoded<AsapMessage>, Undecodable> {
    let value = format!("12345678 00000000 0000005a 00080008 00000001 {}", transports.concat());
    let length = 4 + bytes(&value).len();
    decode(&message(1, &format!("00090006 61620000 000a{length:04x} {value}")))
}

#[test]
fn comm_024_a_pool_element_has_exactly_one_user_transport() {
    let sctp = format!("00040010 13880000 {V4_PARAMETER}");
    let udp = format!("00060010 13880000 {V4_PARAMETER}");
    assert!(registration(&[&udp]).is_ok());
    assert_eq!(registration(&[]).unwrap_err().error, WireError::Missing { field: "user transport" });
    let two = registration(&[&udp, &udp]).unwrap_err();
    assert_eq!(two.error, WireError::Invalid { field: "ASAP transport type", value: 6 });
    assert_eq!(two.report.unwrap().cause, Cause::InvalidValues);
    let three = registration(&[&udp, &sctp, &sctp]).unwrap_err();
    assert_eq!(three.error, WireError::Repeated { field: "ASAP transport" });
}

#[test]
fn comm_025_the_asap_transport_is_sctp() {
    let sctp = format!("00040010 13880000 {V4_PARAMETER}");
    let tcp = format!("00050010 13880000 {V4_PARAMETER}");
    assert!(registration(&[&tcp, &sctp]).is_ok());
    let undecodable = registration(&[&sctp, &tcp]).unwrap_err();
    assert_eq!(undecodable.error, WireError::Invalid { field: "ASAP transport type", value: 5 });
    let udp = TransportParameter::Udp { port: 1, address: V4 };
    let mut pool_element = element(udp.clone(), Policy::Random);
    pool_element.asap_transport = Some(udp);
    let error = asap::BusinessCard { pool_handle: "a".into(), pool_elements: vec![pool_element] };
    let refused = EncodeError::Invalid { field: "ASAP transport", reason: "is not SCTP" };
    assert_eq!(error.encode(&mut Vec::new()), Err(refused));
}

#[test]
fn comm_026_the_registration_life_is_signed_seconds_and_minus_1_is_infinite() {
    let life = |hex: &str| {
        let value = format!("12345678 00000000 {hex} 00080008 00000001 00040010 13880000 {V4_PARAMETER}");
        let decoded = decode(&message(1, &format!("00090006 61620000 000a0028 {value}"))).unwrap();
        let AsapMessage::Registration(registration) = decoded.message else { panic!() };
        registration.pool_element.registration_life
    };
    assert_eq!(life("0000005a").as_duration(), Some(Duration::from_secs(90)));
    assert_eq!(life("ffffffff"), RegistrationLife::INFINITE);
    assert_eq!(life("ffffffff").as_duration(), None);
    assert_eq!(life("fffffffe").as_duration(), Some(Duration::ZERO), "no other negative number means anything");
}

#[test]
fn comm_027_server_information_is_an_identifier_and_an_sctp_transport() {
    let list = |parameters: &str| EnrpMessage::decode(&message(6, &format!("aabbccdd 00000000 {parameters}")));
    let decoded = list(&format!("000b0018 01020304 00040010 13880000 {V4_PARAMETER}")).unwrap();
    let EnrpMessage::ListResponse(response) = decoded.message else { panic!() };
    let transport = sctp(TransportUse::DataOnly, &[V4]);
    assert_eq!(response.servers, [ServerInformation { id: RegistrarId(0x0102_0304), transport }]);
    let tcp = list(&format!("000b0018 01020304 00050010 13880000 {V4_PARAMETER}")).unwrap_err();
    assert_eq!(tcp.error, WireError::Invalid { field: "server transport type", value: 5 });
    let nothing = list("000b0008 01020304").unwrap_err();
    assert_eq!(nothing.error, WireError::Missing { field: "server transport" });
}

#[test]
fn comm_028_an_operational_error_is_a_list_of_causes_whose_lengths_count_their_headers() {
    let error = OperationalError {
        causes: vec![
            ErrorCause { cause: Cause::Unspecified, info: b"abc".to_vec() },
            ErrorCause { cause: Cause::UnknownPoolHandle, info: Vec::new() },
        ],
    };
    let expected = bytes("0e000014 000c0010 00000007 61626300 00090004");
    assert_eq!(encode(asap::Error { error: error.clone() }), expected);
    assert_eq!(decode(&expected).unwrap().message, asap::Error { error }.into());
    for code in (0..=0x20).chain([0xf008, 0xffff]) {
        assert_eq!(Cause::from_code(code).code(), code);
    }
}

#[test]
fn comm_029_a_cookie_is_opaque() {
    for cookie in [Vec::new(), vec![0; 5], (0..=255).collect(), vec![0xff; 65_527]] {
        let message: AsapMessage = asap::Cookie { cookie }.into();
        assert_eq!(decode(&encode(message.clone())).unwrap().message, message);
    }
}

#[test]
fn comm_030_the_checksum_parameter_has_length_6() {
    let presence = enrp::Presence {
        sender: ID,
        receiver: RegistrarId(0),
        reply_required: false,
        checksum: Some(0x1234),
        server_information: None,
    };
    let mut out = Vec::new();
    presence.encode(&mut out).unwrap();
    assert_eq!(out, bytes("01000012 aabbccdd 00000000 000f0006 12340000"));
    let wrong = EnrpMessage::decode(&message(1, "aabbccdd 00000000 000f0008 12340000")).unwrap_err();
    assert_eq!(wrong.report, invalid_values("000f0008 12340000"));
}

#[test]
fn comm_031_an_opaque_transport_is_a_user_transport() {
    let opaque = TransportParameter::Opaque(b"abcde".to_vec());
    let registration: AsapMessage = asap::Registration {
        pool_handle: PoolHandle::from("a"),
        pool_element: element(opaque, Policy::RoundRobin),
        life_in_seconds: None,
    }
    .into();
    let encoded = encode(registration.clone());
    assert_eq!(encoded[28..40], bytes("00100009 61626364 65000000"));
    assert_eq!(decode(&encoded).unwrap().message, registration);
}

#[test]
fn comm_032_comm_033_messages_are_padded_with_zeros_that_their_length_does_not_count() {
    for length in 0..9 {
        let out = encode(asap::Cookie { cookie: vec![0xff; length] });
        assert_eq!(out.len(), (8 + length).next_multiple_of(4));
        assert_eq!(usize::from(u16::from_be_bytes([out[2], out[3]])), 8 + length);
        assert!(out[8 + length..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn comm_034_padding_bytes_of_a_message_are_ignored() {
    let decoded = decode(&bytes("0b000009 000d0005 61ffeedd")).unwrap();
    assert_eq!(decoded.message, asap::Cookie { cookie: b"a".to_vec() }.into());
}

#[test]
fn comm_035_unknown_messages_are_dropped_and_those_of_type_01_reported() {
    for message_type in [0x00, 0x0f, 0x3f, 0x80, 0xbf, 0xc0, 0xff] {
        let undecodable = decode(&message(message_type, "11223344")).unwrap_err();
        assert_eq!(undecodable, WireError::UnknownMessage { message_type }.into(), "no report");
    }
    for message_type in [0x40, 0x4f, 0x7f] {
        let undecodable = decode(&message(message_type, "112233")).unwrap_err();
        assert_eq!(undecodable.error, WireError::UnknownMessage { message_type });
        // The message without its padding is the information of the cause.
        let info = vec![message_type, 0, 0, 7, 0x11, 0x22, 0x33];
        assert_eq!(undecodable.report, Some(ErrorCause { cause: Cause::UnrecognizedMessage, info }));
    }
    let undecodable = EnrpMessage::decode(&bytes("4f000004")).unwrap_err();
    let report = enrp::Error::for_undecodable(ID, RegistrarId(1), &undecodable).unwrap();
    let mut out = Vec::new();
    report.encode(&mut out).unwrap();
    assert_eq!(out, bytes("0a000018 aabbccdd 00000001 000c000c 00020008 4f000004"));
}

#[test]
fn comm_036_flags_without_meaning_are_sent_as_zero_and_ignored() {
    assert_eq!(encode(asap::Cookie { cookie: Vec::new() })[1], 0);
    let cookie: AsapMessage = asap::Cookie { cookie: Vec::new() }.into();
    assert_eq!(decode(&bytes("0bff0008 000d0004")).unwrap().message, cookie);
    let decoded = decode(&bytes("05fe0009 00090005 61000000")).unwrap();
    assert_eq!(decoded.message, resolution_of("a"), "all but the S bit");
}
