//! What tshark makes of a cell's capture, and whether that is as it should be.

use super::quirks;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Says what is wrong with a capture; nothing, where it is as the cell expects.
pub fn check(capture: &Path, expectations: &str) -> Result<String, String> {
    let rows = dissect(capture)?;
    let mut faults = Vec::new();
    let mut expected = Expectations::parse(expectations);
    expected.refused += rows.iter().filter(|row| row.is_abort() && is_ordinary(&row.abort_reason())).count();
    let mut messages = 0;
    let mut refused = 0;
    for row in &rows {
        messages += row.messages();
        refused += usize::from(row.is_refusal());
        faults.extend(row.faults(&expected));
    }
    if refused > expected.refused {
        faults.push(format!("{refused} times nobody was there, {} are explained", expected.refused));
    }
    for message in &expected.messages {
        if !rows.iter().any(|row| row.info.contains(message.as_str())) {
            faults.push(format!("no {message}"));
        }
    }
    for (request, response) in &expected.answered {
        let any = |kind: &u32| rows.iter().any(|row| row.numbers("asap.message_type").contains(kind));
        if any(request) && !any(response) {
            faults.push(format!("ASAP messages of type {request}, but none of type {response}"));
        }
    }
    for (count, message) in &expected.at_most {
        let seen = rows.iter().filter(|row| row.info.contains(message.as_str())).count();
        if seen > *count {
            faults.push(format!("{seen} of {message}, {count} are explained"));
        }
    }
    faults.extend(quirks::of_all(&rows));
    if messages == 0 {
        faults.push("no ASAP or ENRP message at all".to_owned());
    }
    if faults.is_empty() { Ok(format!("{messages} messages")) } else { Err(faults.join("; ")) }
}

#[derive(Default)]
struct Expectations {
    messages: Vec<String>,
    at_most: Vec<(usize, String)>,
    /// Types of an ASAP request and its response.
    answered: Vec<(u32, u32)>,
    causes: BTreeSet<u32>,
    refused: usize,
    /// Reasons that ABORTs may give, beside the ordinary ones.
    aborts: Vec<String>,
    malformed: Vec<String>,
}

impl Expectations {
    fn parse(text: &str) -> Expectations {
        let mut expected = Expectations::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("message", message)) => expected.messages.push(message.to_owned()),
                Some(("atmost", rest)) => {
                    let (count, message) = rest.split_once(' ').expect("count and message");
                    expected.at_most.push((count.parse().expect("a number"), message.to_owned()));
                }
                Some(("answered", types)) => {
                    let (request, response) = types.split_once(' ').expect("two types");
                    expected.answered.push((request.parse().expect("a number"), response.parse().expect("a number")));
                }
                Some(("cause", cause)) => expected.causes.extend(cause.parse::<u32>()),
                Some(("malformed", message)) => expected.malformed.push(message.to_owned()),
                Some(("refused", count)) => expected.refused += count.parse::<usize>().unwrap_or(0),
                Some(("aborts", reason)) => expected.aborts.push(reason.to_owned()),
                _ => panic!("\"{line}\" is no expectation"),
            }
        }
        expected
    }
}

/// What is asked of tshark about each packet.
const FIELDS: [&str; 32] = [
    "frame.number",
    "_ws.col.Info",
    "sctp.chunk_type",
    "sctp.srcport",
    "sctp.cause_code",
    "sctp.cause_information",
    "asap.message_type",
    "enrp.message_type",
    "asap.cause_code",
    "enrp.cause_code",
    "_ws.malformed",
    "_ws.expert.message",
    "asap.pool_handle_pool_handle",
    "asap.pool_member_selection_policy_type",
    "asap.pe_identifier",
    "enrp.sender_servers_id",
    "asap.message_flags",
    "asap.parameter_type",
    "enrp.parameter_type",
    "enrp.pool_handle_pool_handle",
    "enrp.pool_element_pe_identifier",
    "enrp.pool_element_home_enrp_server_identifier",
    "enrp.sctp_transport_port",
    "enrp.tcp_transport_port",
    "enrp.udp_transport_port",
    "asap.pool_element_registration_life",
    "enrp.pool_element_registration_life",
    "enrp.pool_member_selection_policy_type",
    "asap.pool_element_pe_identifier",
    "tcp.payload",
    "ip.src",
    "ip.dst",
];

/// One packet that has something of ASAP or ENRP, or an ABORT.
pub struct Row {
    number: String,
    info: String,
    fields: Vec<String>,
}

const SCTP_ABORT: u32 = 6;
const ASAP_ERROR: u32 = 14;
const ENRP_ERROR: u32 = 10;
/// ABORTs that belong to the ordinary life. The guest is slow and busy: T5-Serverhunt may expire while a connect is under
/// way, which then starts again. A registrar that has no handlespace yet sends users elsewhere. One that has left is no place
/// to come back to.
/// One that restarts hears of its former self, and finds that it would be talking to itself. A kernel gives no reason when a
/// process ends with something unread. An element that a registrar connects to when it takes over may have another home by then.
const ORDINARY_ABORTS: [&str; 6] = [
    "connect given up",
    "the registrar is starting",
    "the registrar stops",
    "the registrar at both ends has the same identifier",
    "not needed any more",
    "",
];
/// Where registrars are, which cells start and stop as they like.
const REGISTRAR_PORTS: [u32; 2] = [3863, 9901];

impl Row {
    pub fn numbers(&self, field: &str) -> Vec<u32> {
        let parse = |text: &str| match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        self.text(field).split(',').filter_map(parse).collect()
    }

    pub fn text(&self, field: &str) -> &str {
        let at = FIELDS.iter().position(|name| *name == field).expect("a field that is asked for");
        self.fields.get(at).map_or("", String::as_str)
    }

    fn messages(&self) -> usize {
        self.numbers("asap.message_type").len() + self.numbers("enrp.message_type").len()
    }

    /// An ABORT of a kernel for a port where nobody listens, or an association whose process has died.
    fn is_refusal(&self) -> bool {
        let from_registrar = self.numbers("sctp.srcport").iter().any(|port| REGISTRAR_PORTS.contains(port));
        self.numbers("sctp.chunk_type").contains(&SCTP_ABORT) && !self.is_abort() && !from_registrar
    }

    /// An ABORT that a program wanted, or one with another reason.
    fn is_abort(&self) -> bool {
        self.numbers("sctp.chunk_type").contains(&SCTP_ABORT) && !self.text("sctp.cause_code").is_empty()
    }

    /// What the ABORT says about itself.
    fn abort_reason(&self) -> String {
        let bytes = from_hex(self.text("sctp.cause_information"));
        String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']).to_owned()
    }

    /// A TCP segment that is not just whole messages. Wireshark does not put together ASAP over TCP: it takes whatever comes first
    /// in a segment for the beginning of a message.
    fn is_cut(&self) -> bool {
        let payload = from_hex(self.text("tcp.payload"));
        let mut rest = payload.as_slice();
        while let [_, _, high, low, ..] = *rest {
            let length = usize::from(u16::from_be_bytes([high, low])).next_multiple_of(4);
            if length == 0 || length > rest.len() {
                return true;
            }
            rest = &rest[length..];
        }
        !rest.is_empty()
    }

    fn faults(&self, expected: &Expectations) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |what: String| faults.push(format!("packet {} ({}): {what}", self.number, self.info));
        let asap = self.numbers("asap.message_type");
        let explained = self.is_cut() || expected.malformed.iter().any(|message| self.info.contains(message.as_str()));
        if !self.text("_ws.malformed").is_empty() && !explained {
            fault(format!("malformed: {}", self.text("_ws.expert.message")));
        }
        if asap.contains(&ASAP_ERROR) || self.numbers("enrp.message_type").contains(&ENRP_ERROR) {
            fault("an error message".to_owned());
        }
        let reason = self.abort_reason();
        if self.is_abort() && !expected.aborts.contains(&reason) && !is_ordinary(&reason) {
            fault(format!(
                "ABORT by port {}, cause {}: {reason}",
                self.text("sctp.srcport"),
                self.text("sctp.cause_code")
            ));
        }
        let causes = [self.numbers("asap.cause_code"), self.numbers("enrp.cause_code")].concat();
        for cause in causes.iter().filter(|cause| !expected.causes.contains(cause)) {
            fault(format!("error cause {cause:#x}"));
        }
        for quirk in quirks::of_packet(self) {
            fault(quirk);
        }
        faults
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

fn is_ordinary(reason: &str) -> bool {
    ORDINARY_ABORTS.contains(&reason)
}

fn dissect(capture: &Path) -> Result<Vec<Row>, String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "asap || enrp || sctp.chunk_type == 6 || _ws.malformed"]);
    command.args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark starts");
    if !output.status.success() {
        return Err(format!("tshark cannot read it: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().map(row).collect())
}

fn row(line: &str) -> Row {
    let fields: Vec<String> = line.split('|').map(str::to_owned).collect();
    let field = |at: usize| fields.get(at).cloned().unwrap_or_default();
    Row { number: field(0), info: field(1), fields: fields.clone() }
}
