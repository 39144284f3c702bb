//! A capture file with one SCTP DATA chunk a packet, written from scratch so that `tshark` judges our messages alone.

/// Link type "raw IPv4".
const LINKTYPE_IPV4: u32 = 228;

/// A classic pcap file of messages: payload protocol identifier and payload each.
pub fn sctp_capture<'a>(messages: impl Iterator<Item = (u32, &'a [u8])>) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 262_144, LINKTYPE_IPV4] {
        file.extend(word.to_be_bytes());
    }
    for (number, (ppid, payload)) in (1_u32..).zip(messages) {
        let packet = ipv4(&sctp(number, ppid, payload));
        let length = u32::try_from(packet.len()).unwrap();
        for word in [number, 0, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend(packet);
    }
    file
}

fn ipv4(payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).unwrap();
    let mut header = vec![0x45, 0];
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0, 0, 64, 132, 0, 0]); // no fragment, TTL, SCTP, checksum yet to come
    header.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    let sum: u32 = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header.extend(payload);
    header
}

/// A packet with one unfragmented DATA chunk (RFC 9260 section 3.3.1).
fn sctp(tsn: u32, ppid: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend([0x9c, 0x40, 0x9c, 0x41]); // ports that mean nothing: the PPID shall decide
    packet.extend(0xfeed_beef_u32.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend([0, 3]); // DATA, first and last fragment
    packet.extend(u16::try_from(16 + payload.len()).unwrap().to_be_bytes());
    packet.extend(tsn.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(u16::try_from(tsn & 0xffff).unwrap().to_be_bytes());
    packet.extend(ppid.to_be_bytes());
    packet.extend(payload);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

/// CRC32c (RFC 9260 appendix A), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn crc32c_has_the_known_check_value() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
