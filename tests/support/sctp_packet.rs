//! SCTP packets made by hand (RFC 9260 section 3). The benches take this file in, too.

/// The checksum of RFC 9260 appendix A.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

/// Makes the checksum right.
pub fn mend_checksum(packet: &mut [u8]) {
    packet[8..12].fill(0);
    let sum = crc32c(packet).to_le_bytes();
    packet[8..12].copy_from_slice(&sum);
}

/// An SCTP packet with one chunk.
pub fn packet(from: u16, to: u16, tag: u32, kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut packet = [from.to_be_bytes(), to.to_be_bytes()].concat();
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, kind, flags]);
    packet.extend_from_slice(&(value.len() as u16 + 4).to_be_bytes());
    packet.extend_from_slice(value);
    packet.resize(packet.len().next_multiple_of(4), 0);
    mend_checksum(&mut packet);
    packet
}

/// An INIT with this tag.
pub fn init(from: u16, to: u16, tag: u32) -> Vec<u8> {
    let mut value = tag.to_be_bytes().to_vec();
    value.extend_from_slice(&[0, 1, 0, 0, 0, 9, 0, 9, 0, 0, 0, 7]);
    packet(from, to, 0, 1, 0, &value)
}
