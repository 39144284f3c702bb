//! Messages that cannot be used (RFC 5353 section 3.7).

use super::*;

#[test]
fn enrp_118_119_unknown_parameters_and_messages_are_reported_as_rfc_5354_wants_it() {
    let (mut net, association) = with_script(config(0, &[]));
    // LIST_REQUEST with a parameter to be skipped and reported.
    let bytes = [&[5, 0, 0, 20][..], &SCRIPT.0.to_be_bytes(), &[0; 4], &[0xc1, 0x23, 0, 8, 1, 2, 3, 4]].concat();
    net.script_sends_bytes(association, bytes);
    let got = net.take_got();
    let EnrpMessage::Error(error) = &got[0] else { panic!("{got:?}") };
    assert_eq!((error.sender, error.receiver), (id_of(0), SCRIPT));
    assert_eq!(error.error.causes[0].cause, Cause::UnrecognizedParameter);
    assert_eq!(error.error.causes[0].info, [0xc1, 0x23, 0, 8, 1, 2, 3, 4]);
    assert!(matches!(got[1], EnrpMessage::ListResponse(_)), "and the message is used");
    // A message type to be reported, and one not to be.
    net.script_sends_bytes(association, [&[0x4f, 0, 0, 12][..], &SCRIPT.0.to_be_bytes(), &[0; 4]].concat());
    let got = net.take_got();
    let EnrpMessage::Error(error) = &got[0] else { panic!("{got:?}") };
    assert_eq!(error.error.causes[0].cause, Cause::UnrecognizedMessage);
    net.script_sends_bytes(association, [&[0x2f, 0, 0, 12][..], &SCRIPT.0.to_be_bytes(), &[0; 4]].concat());
    assert!(net.take_got().is_empty());
}

#[test]
fn messages_for_somebody_else_from_nobody_or_from_our_own_identifier_are_not_used() {
    let (mut net, association) = with_script(config(0, &[]));
    net.script_sends(association, ListRequest { sender: SCRIPT, receiver: RegistrarId(0x777) });
    net.script_sends(association, ListRequest { sender: RegistrarId(0), receiver: id_of(0) });
    net.script_sends(association, ListRequest { sender: RegistrarId(0x778), receiver: id_of(0) });
    assert!(net.take_got().is_empty());
    net.script_sends(association, ListRequest { sender: id_of(0), receiver: id_of(0) });
    assert_ne!(net.script_association(), Some(association), "aborted");
}
