//! Encoding and decoding of every message: golden bytes, round trips, truncations, bit flips.

use crate::catalog::{self, Any, PE, RECEIVER, SENDER, TARGET, element, handle, owned_element, sctp, v4};
use proptest::prelude::*;
use rserpool::message::{AsapMessage, EnrpMessage, asap, enrp, message_length};
use rserpool::wire::{
    AddressList, Cause, EncodeError, ErrorCause, OperationalError, PoolElement, ServerInformation, TransportParameter,
    TransportUse, Undecodable, WireError,
};
use rserpool::{PoolHandle, RegistrarId};

impl Any {
    /// Decodes `bytes` as a message of the same protocol.
    pub fn decode_alike(&self, bytes: &[u8]) -> Result<Any, Undecodable> {
        match self {
            Any::Asap(_) => AsapMessage::decode(bytes).map(|decoded| Any::Asap(decoded.message)),
            Any::Enrp(_) => EnrpMessage::decode(bytes).map(|decoded| Any::Enrp(decoded.message)),
        }
    }
}

/// "EchoPool1" as a parameter with its padding.
const HANDLE: &str = "0009000d 4563686f 506f6f6c 31000000";
/// `element()` of the catalog.
const ELEMENT: &str = "000a003c 12345678 00000000 00015f90 \
                       00040024 13880000 00010008 0a010203 00020014 20010db8 00000000 00000000 00000001 \
                       00080008 00000001";
/// `owned_element()` of the catalog: with home registrar and ASAP transport.
const OWNED: &str = "000a004c 12345678 aabbccdd 00015f90 \
                     00040024 13880000 00010008 0a010203 00020014 20010db8 00000000 00000000 00000001 \
                     00080008 00000001 00040010 10920000 00010008 0a010203";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[track_caller]
fn golden(message: Any, hex: &str) {
    let expected = bytes(hex);
    assert_eq!(message.encode(), expected, "{message:?} is encoded otherwise");
    assert_eq!(message.decode_alike(&expected).as_ref(), Ok(&message), "{message:?} is decoded otherwise");
}

fn enrp(message: impl Into<EnrpMessage>) -> Any {
    Any::Enrp(message.into())
}

#[test]
fn golden_bytes_of_pool_element_messages() {
    let (pool_handle, pool_element_id) = (handle(), PE);
    let registration = asap::Registration { pool_handle: handle(), pool_element: element(), life_in_seconds: None };
    golden(registration.into(), &format!("01000050 {HANDLE} {ELEMENT}"));
    let deregistration = asap::Deregistration { pool_handle: handle(), pool_element_id };
    golden(deregistration.into(), &format!("0200001c {HANDLE} 000e0008 12345678"));
    let error = Some(OperationalError {
        causes: vec![ErrorCause { cause: Cause::InvalidValues, info: vec![0xc0, 0x99, 0x00, 0x05, 0xaa] }],
    });
    let response = asap::RegistrationResponse {
        reject: true,
        pool_handle: handle(),
        pool_element_id,
        error,
        registrars: Vec::new(),
        life_in_seconds: None,
    };
    // The cause's padding ends the parameter and the message too: none of the three lengths counts it.
    golden(response.into(), &format!("03010029 {HANDLE} 000e0008 12345678 000c000d 00030009 c0990005 aa000000"));
    let response = asap::DeregistrationResponse { pool_handle: handle(), pool_element_id, error: None };
    golden(response.into(), &format!("0400001c {HANDLE} 000e0008 12345678"));
    let keep_alive = asap::EndpointKeepAlive {
        home: true,
        registrar_id: SENDER,
        pool_handle,
        pool_element_id: Some(PE),
        registrars: Vec::new(),
    };
    golden(keep_alive.into(), &format!("07010020 aabbccdd {HANDLE} 000e0008 12345678"));
    let ack = asap::EndpointKeepAliveAck { pool_handle: handle(), pool_element_id };
    golden(ack.into(), &format!("0800001c {HANDLE} 000e0008 12345678"));
}

#[test]
fn golden_bytes_of_pool_user_messages() {
    let resolution = asap::HandleResolution { subscribe: true, pool_handle: handle(), items: None };
    golden(resolution.into(), "05010011 0009000d 4563686f 506f6f6c 31000000");
    let resolution = asap::HandleResolution { subscribe: false, pool_handle: handle(), items: Some(u32::MAX) };
    golden(resolution.into(), &format!("0500001c {HANDLE} 803f0008 ffffffff"));
    let response = asap::HandleResolutionResponse {
        accept_updates: true,
        pool_handle: handle(),
        policy: Some(element().policy),
        pool_elements: vec![element(), element()],
        error: None,
    };
    golden(response.into(), &format!("06010094 {HANDLE} 00080008 00000001 {ELEMENT} {ELEMENT}"));
    let response = asap::HandleResolutionResponse {
        accept_updates: false,
        pool_handle: handle(),
        policy: None,
        pool_elements: Vec::new(),
        error: Some(OperationalError::of(Cause::UnknownPoolHandle)),
    };
    golden(response.into(), &format!("0600001c {HANDLE} 000c0008 00090004"));
    let unreachable = asap::EndpointUnreachable { pool_handle: handle(), pool_element_id: PE };
    golden(unreachable.into(), &format!("0900001c {HANDLE} 000e0008 12345678"));
    let announce = asap::ServerAnnounce { registrar_id: SENDER, transports: vec![sctp(3863, &[v4(9)])] };
    golden(announce.into(), "0a000018 aabbccdd 00040010 0f170000 00010008 0a010209");
}

#[test]
fn golden_bytes_of_session_messages() {
    golden(asap::Cookie { cookie: b"abcde".to_vec() }.into(), "0b00000d 000d0009 61626364 65000000");
    golden(asap::CookieEcho { cookie: b"abcd".to_vec() }.into(), "0c00000c 000d0008 61626364");
    let card = asap::BusinessCard { pool_handle: handle(), pool_elements: vec![element()] };
    golden(card.into(), &format!("0d000050 {HANDLE} {ELEMENT}"));
    let error = OperationalError {
        causes: vec![
            ErrorCause { cause: Cause::UnrecognizedParameter, info: bytes("c0990005 aa") },
            ErrorCause { cause: Cause::Other(0xf008), info: Vec::new() },
        ],
    };
    golden(asap::Error { error }.into(), "0e000018 000c0014 00010009 c0990005 aa000000 f0080004");
}

#[test]
fn golden_bytes_of_enrp_messages() {
    let (sender, receiver, target) = (SENDER, RECEIVER, TARGET);
    const IDS: &str = "aabbccdd 01020304";
    const SERVER: &str = "000b0018 aabbccdd 00040010 26ad0000 00010008 0a010209";
    let server = ServerInformation { id: SENDER, transport: sctp(9901, &[v4(9)]) };
    let presence = enrp::Presence {
        sender,
        receiver: RegistrarId(0),
        reply_required: true,
        checksum: Some(0x3412),
        server_information: Some(server.clone()),
    };
    golden(enrp(presence), &format!("0101002c aabbccdd 00000000 000f0006 34120000 {SERVER}"));
    let request = enrp::HandleTableRequest { sender, receiver, own_children_only: true };
    golden(enrp(request), &format!("0201000c {IDS}"));
    let entry = enrp::PoolEntry { pool_handle: handle(), pool_elements: vec![owned_element()] };
    let response = enrp::HandleTableResponse { sender, receiver, reject: false, more: true, entries: vec![entry] };
    golden(enrp(response), &format!("03020068 {IDS} {HANDLE} {OWNED}"));
    let update = enrp::HandleUpdate {
        sender,
        receiver,
        takeover_suggested: true,
        action: enrp::UpdateAction::DeletePoolElement,
        pool_handle: handle(),
        pool_element: owned_element(),
    };
    golden(enrp(update), &format!("0401006c {IDS} 00010000 {HANDLE} {OWNED}"));
    golden(enrp(enrp::ListRequest { sender, receiver }), &format!("0500000c {IDS}"));
    let response = enrp::ListResponse { sender, receiver, reject: false, servers: vec![server] };
    golden(enrp(response), &format!("06000024 {IDS} {SERVER}"));
    golden(enrp(enrp::InitTakeover { sender, receiver, target }), &format!("07000010 {IDS} 05060708"));
    golden(enrp(enrp::InitTakeoverAck { sender, receiver, target }), &format!("08000010 {IDS} 05060708"));
    golden(enrp(enrp::TakeoverServer { sender, receiver, target }), &format!("09000010 {IDS} 05060708"));
    let error = OperationalError::of(Cause::LackOfResources);
    golden(enrp(enrp::Error { sender, receiver, error }), &format!("0a000014 {IDS} 000c0008 00060004"));
}

#[test]
fn golden_bytes_of_transports() {
    let announce = |transport| asap::ServerAnnounce { registrar_id: SENDER, transports: vec![transport] }.into();
    let (port, address) = (0x1388, v4(3));
    let golden = |transport, hex: &str| golden(announce(transport), hex);
    let ip = "00010008 0a010203";
    let dccp = TransportParameter::Dccp { port, service_code: 0x5053_5250, address };
    golden(dccp, &format!("0a00001c aabbccdd 00030014 13880000 50535250 {ip}"));
    let tcp = |transport_use| TransportParameter::Tcp { port, transport_use, address };
    golden(tcp(TransportUse::DataOnly), &format!("0a000018 aabbccdd 00050010 13880000 {ip}"));
    golden(tcp(TransportUse::DataPlusControl), &format!("0a000018 aabbccdd 00050010 13880001 {ip}"));
    golden(TransportParameter::Udp { port, address }, &format!("0a000018 aabbccdd 00060010 13880000 {ip}"));
    golden(TransportParameter::UdpLite { port, address }, &format!("0a000018 aabbccdd 00070010 13880000 {ip}"));
    golden(TransportParameter::Opaque(b"abcde".to_vec()), "0a000011 aabbccdd 00100009 61626364 65000000");
}

#[test]
fn every_message_survives_encoding_and_decoding() {
    for (name, message) in catalog::messages() {
        let encoded = message.encode();
        assert_eq!(encoded.len() % 4, 0, "{name}");
        assert_eq!(message_length(&encoded), Some(encoded.len()), "{name}");
        assert_eq!(message.decode_alike(&encoded).as_ref(), Ok(&message), "{name}");
    }
}

#[test]
fn a_length_that_counts_the_final_padding_makes_no_difference() {
    for (name, message) in catalog::messages() {
        let mut encoded = message.encode();
        let length = u16::try_from(encoded.len()).unwrap();
        encoded[2..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(message.decode_alike(&encoded).as_ref(), Ok(&message), "{name}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for (name, message) in catalog::messages() {
        let encoded = message.encode();
        for length in 0..encoded.len() {
            let result = message.decode_alike(&encoded[..length]);
            assert!(result.is_err(), "{name} cut to {length} bytes: {result:?}");
        }
    }
}

#[test]
fn truncations_with_a_length_to_match_never_panic_and_what_decodes_is_stable() {
    for (name, message) in catalog::messages() {
        let encoded = message.encode();
        for length in (0..encoded.len()).step_by(4) {
            let mut cut = encoded[..length].to_vec();
            if let Some(field) = cut.get_mut(2..4) {
                field.copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
            assert_stable(&name, &message, &cut);
        }
    }
}

#[test]
fn bit_flips_never_panic_and_what_still_decodes_is_stable() {
    for (name, message) in catalog::messages() {
        let mut encoded = message.encode();
        for bit in 0..encoded.len() * 8 {
            encoded[bit / 8] ^= 0x80 >> (bit % 8);
            assert_stable(&name, &message, &encoded);
            encoded[bit / 8] ^= 0x80 >> (bit % 8);
        }
    }
}

/// What decodes can be encoded, and then decodes to the same again.
fn assert_stable(name: &str, kind: &Any, bytes: &[u8]) {
    if let Ok(decoded) = kind.decode_alike(bytes) {
        let again = decoded.encode();
        assert_eq!(kind.decode_alike(&again).as_ref(), Ok(&decoded), "{name}: {bytes:02x?}");
    }
}

proptest! {
    #[test]
    fn any_asap_message_survives_encoding_and_decoding(message in crate::strategy::asap_message()) {
        let mut out = vec![0xee; 3]; // padding counts from the start of the message, not of the buffer
        message.encode(&mut out).unwrap();
        let decoded = AsapMessage::decode(&out[3..]).unwrap();
        prop_assert_eq!(decoded.message, message);
        prop_assert!(decoded.unrecognized.is_empty());
    }

    #[test]
    fn any_enrp_message_survives_encoding_and_decoding(message in crate::strategy::enrp_message()) {
        let mut out = vec![0xee; 3];
        message.encode(&mut out).unwrap();
        let decoded = EnrpMessage::decode(&out[3..]).unwrap();
        prop_assert_eq!(decoded.message, message);
        prop_assert!(decoded.unrecognized.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = AsapMessage::decode(&bytes);
        let _ = EnrpMessage::decode(&bytes);
        let _ = message_length(&bytes);
    }
}

#[track_caller]
fn refused(message: impl Into<AsapMessage>) -> EncodeError {
    let mut out = b"before".to_vec();
    let error = message.into().encode(&mut out).unwrap_err();
    assert_eq!(out, b"before", "the buffer is as before");
    error
}

#[test]
fn what_does_not_fit_16_bits_is_refused_and_leaves_the_buffer_as_it_was() {
    let pool_handle = PoolHandle::new(vec![b'x'; 70_000]);
    let error = refused(asap::HandleResolution { subscribe: false, pool_handle, items: None });
    assert_eq!(error, EncodeError::TooLong { field: "pool handle", length: 70_004 });
    assert_eq!(error.to_string(), "pool handle of 70004 bytes does not fit a 16-bit length");
    // A parameter that fits in a message that does not.
    let error = refused(asap::Cookie { cookie: vec![0; 65_531] });
    assert_eq!(error, EncodeError::TooLong { field: "ASAP_COOKIE", length: 65_539 });
    // The longest that fits.
    let longest = Any::from(asap::Cookie { cookie: vec![7; 65_527] });
    assert_eq!(longest.encode().len(), 65_536);
    assert_eq!(longest.decode_alike(&longest.encode()), Ok(longest));
    let pool_elements = vec![element(); 2000];
    let error = refused(asap::BusinessCard { pool_handle: handle(), pool_elements });
    assert_eq!(error, EncodeError::TooLong { field: "ASAP_BUSINESS_CARD", length: 120_020 });
}

#[test]
fn what_the_rfc_forbids_is_not_encoded() {
    let registration = |pool_element| asap::Registration { pool_handle: handle(), pool_element, life_in_seconds: None };
    let no_address = PoolElement { user_transport: sctp(1, &[]), ..element() };
    assert_eq!(refused(registration(no_address)).to_string(), "SCTP transport has no address");
    let too_many = PoolElement { user_transport: sctp(1, &[v4(1); 65]), ..element() };
    assert_eq!(refused(registration(too_many)).to_string(), "SCTP transport has more than 64 addresses");
    let udp = TransportParameter::Udp { port: 1, address: v4(1) };
    let not_sctp = PoolElement { asap_transport: Some(udp.clone()), ..element() };
    assert_eq!(refused(registration(not_sctp)).to_string(), "ASAP transport is not SCTP");
    let mut out = Vec::new();
    let list = |servers| enrp::ListResponse { sender: SENDER, receiver: RECEIVER, reject: false, servers };
    let error = list(vec![ServerInformation { id: SENDER, transport: udp }]).encode(&mut out).unwrap_err();
    assert_eq!(error.to_string(), "server transport is not SCTP");
    let empty = enrp::PoolEntry { pool_handle: handle(), pool_elements: Vec::new() };
    let (sender, receiver, entries) = (SENDER, RECEIVER, vec![empty]);
    let table = enrp::HandleTableResponse { sender, receiver, reject: false, more: false, entries };
    assert_eq!(table.encode(&mut out).unwrap_err().to_string(), "pool entry has no pool element");
    assert!(out.is_empty());
}

#[test]
fn an_ipv4_mapped_address_goes_out_as_ipv4_and_comes_in_as_ipv4() {
    let mapped = "::ffff:10.1.2.9".parse().unwrap();
    let announce = asap::ServerAnnounce { registrar_id: SENDER, transports: vec![sctp(3863, &[mapped])] };
    let mut out = Vec::new();
    announce.encode(&mut out).unwrap();
    assert_eq!(out, bytes("0a000018 aabbccdd 00040010 0f170000 00010008 0a010209"));
    let received = bytes("0a000024 aabbccdd 0004001c 0f170000 00020014 00000000 00000000 0000ffff 0a010209");
    let AsapMessage::ServerAnnounce(seen) = AsapMessage::decode(&received).unwrap().message else { panic!() };
    assert_eq!(seen.transports, vec![sctp(3863, &[v4(9)])]);
}

#[track_caller]
fn asap_error(hex: &str) -> WireError {
    AsapMessage::decode(&bytes(hex)).unwrap_err().error
}

#[test]
fn errors_name_the_field() {
    assert_eq!(asap_error("").to_string(), "message header needs 4 bytes, 0 are left");
    assert_eq!(asap_error("0a000003").to_string(), "message length has the invalid value 0x3");
    assert_eq!(asap_error("0a00000c aabbccdd").to_string(), "message needs 12 bytes, 8 are left");
    assert_eq!(asap_error("0a000006 aabb0000").to_string(), "server identifier needs 4 bytes, 2 are left");
    assert_eq!(asap_error("0b000008 000d0003").to_string(), "parameter length has the invalid value 0x3");
    assert_eq!(asap_error("0b000008 000d0009").to_string(), "parameter needs 9 bytes, 4 are left");
    assert_eq!(asap_error("0b000006 000d0000").to_string(), "parameter header needs 4 bytes, 2 are left");
    assert_eq!(asap_error("0b000004"), WireError::Missing { field: "cookie" });
    let twice = asap_error("0b00000c 000d0004 000d0004");
    assert_eq!(twice.to_string(), "cookie stands more than once");
}

#[test]
fn bytes_behind_the_message_are_refused() {
    assert_eq!(asap_error("0a000008 aabbccdd 00"), WireError::Invalid { field: "message length", value: 8 });
    // A message of 13 bytes has 3 bytes of padding, not 2 and not 4.
    assert!(AsapMessage::decode(&bytes("0b00000d 000d0009 61626364 650000")).is_err());
    assert!(AsapMessage::decode(&bytes("0b00000d 000d0009 61626364 65000000")).is_ok());
    assert!(AsapMessage::decode(&bytes("0b00000d 000d0009 61626364 65000000 00")).is_err());
}

#[test]
fn the_framing_of_a_stream_rounds_up_and_never_stalls() {
    assert_eq!(message_length(&[]), None);
    assert_eq!(message_length(&[0x0b, 0, 0]), None);
    assert_eq!(message_length(&bytes("0b00000d")), Some(16));
    assert_eq!(message_length(&bytes("0b000010 000d0009")), Some(16));
    assert_eq!(message_length(&bytes("0b000000")), Some(4));
    assert_eq!(message_length(&bytes("0b000003")), Some(4));
    assert_eq!(message_length(&bytes("0b00ffff")), Some(65_536));
}

#[test]
fn parameters_may_stand_in_any_order_and_known_ones_without_meaning_are_ignored() {
    let policy_first = "000a0028 12345678 00000000 00015f90 00080008 00000001 00040010 13880000 00010008 0a010203";
    let message = format!("0100004c 000d0008 61626364 {policy_first} 000f0006 12340000 {HANDLE}");
    let decoded = AsapMessage::decode(&bytes(&message)).unwrap();
    let pool_element = PoolElement { user_transport: sctp(5000, &[v4(3)]), ..element() };
    assert_eq!(
        decoded.message,
        asap::Registration { pool_handle: handle(), pool_element, life_in_seconds: None }.into()
    );
}

#[test]
fn a_pool_element_has_its_mandatory_parameters_once() {
    let element = |parameters: &str| {
        let value = bytes(parameters);
        let mut message = bytes(&format!("01000000 {HANDLE} 000a0000 12345678 00000000 00015f90"));
        message.extend(&value);
        let (total, own) = (u16::try_from(message.len()).unwrap(), u16::try_from(16 + value.len()).unwrap());
        message[2..4].copy_from_slice(&total.to_be_bytes());
        message[22..24].copy_from_slice(&own.to_be_bytes());
        AsapMessage::decode(&message).map_err(|undecodable| undecodable.error)
    };
    let (sctp, tcp) = ("00040010 13880000 00010008 0a010203", "00050010 13880000 00010008 0a010203");
    let policy = "00080008 00000001";
    assert!(element(&format!("{sctp} {policy}")).is_ok());
    assert!(element(&format!("{tcp} {policy} {sctp}")).is_ok());
    assert!(element(&format!("{policy} {tcp} {sctp}")).is_ok());
    assert_eq!(element(sctp), Err(WireError::Missing { field: "pool member selection policy" }));
    assert_eq!(element(policy), Err(WireError::Missing { field: "user transport" }));
    let third = element(&format!("{sctp} {policy} {sctp} {sctp}"));
    assert_eq!(third, Err(WireError::Repeated { field: "ASAP transport" }));
    let second_policy = element(&format!("{sctp} {policy} {policy}"));
    assert_eq!(second_policy, Err(WireError::Repeated { field: "pool member selection policy" }));
    let not_sctp = element(&format!("{sctp} {policy} {tcp}"));
    assert_eq!(not_sctp, Err(WireError::Invalid { field: "ASAP transport type", value: 5 }));
}

#[test]
fn a_transport_lists_64_addresses_at_most() {
    let announce = |count: usize| {
        let addresses = AddressList::from_elem(v4(3), 64);
        let transport_use = TransportUse::DataOnly;
        let transports = vec![TransportParameter::Sctp { port: 1, transport_use, addresses }];
        let mut message = Any::from(asap::ServerAnnounce { registrar_id: SENDER, transports }).encode();
        for _ in 64..count {
            message.extend(bytes("00010008 0a010203"));
        }
        let length = u16::try_from(message.len()).unwrap();
        message[2..4].copy_from_slice(&length.to_be_bytes());
        message[10..12].copy_from_slice(&(length - 8).to_be_bytes());
        AsapMessage::decode(&message)
    };
    assert!(announce(64).is_ok());
    let error = announce(65).unwrap_err().error;
    assert_eq!(error, WireError::Invalid { field: "number of SCTP addresses", value: 65 });
}

#[test]
fn handle_table_entries_begin_with_a_handle_and_have_elements() {
    let table = |parameters: &str| {
        let mut message = bytes(&format!("03000000 aabbccdd 01020304 {parameters}"));
        let length = u16::try_from(message.len()).unwrap();
        message[2..4].copy_from_slice(&length.to_be_bytes());
        EnrpMessage::decode(&message).map_err(|undecodable| undecodable.error)
    };
    assert!(table(&format!("{HANDLE} {OWNED} {OWNED} {HANDLE} {OWNED}")).is_ok());
    assert_eq!(table(OWNED), Err(WireError::Missing { field: "pool handle" }));
    assert_eq!(table(HANDLE), Err(WireError::Missing { field: "pool element" }));
    assert_eq!(table(&format!("{HANDLE} {HANDLE} {OWNED}")), Err(WireError::Missing { field: "pool element" }));
}

#[test]
fn a_handle_update_has_one_of_two_actions() {
    let message = format!("0400006c aabbccdd 01020304 00020000 {HANDLE} {OWNED}");
    let undecodable = EnrpMessage::decode(&bytes(&message)).unwrap_err();
    assert_eq!(undecodable.error, WireError::Invalid { field: "update action", value: 2 });
}
