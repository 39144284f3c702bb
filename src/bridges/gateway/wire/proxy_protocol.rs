//! The PROXY protocol, version 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt, section 2.2): tells a server who its client is,
//! before the client's first byte.

use std::net::SocketAddr;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const VERSION_AND_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

/// Appends the header of a TCP connection from `client`, who connected to `server`. Where one of both is an address of IPv6, both are.
pub fn append_header(client: SocketAddr, server: SocketAddr, out: &mut Vec<u8>) {
    let (client_ip, server_ip) = (client.ip().to_canonical(), server.ip().to_canonical());
    out.extend_from_slice(&SIGNATURE);
    out.push(VERSION_AND_COMMAND);
    match (client_ip, server_ip) {
        (std::net::IpAddr::V4(client_ip), std::net::IpAddr::V4(server_ip)) => {
            out.push(TCP_OVER_IPV4);
            out.extend_from_slice(&12_u16.to_be_bytes());
            out.extend_from_slice(&client_ip.octets());
            out.extend_from_slice(&server_ip.octets());
        }
        (client_ip, server_ip) => {
            out.push(TCP_OVER_IPV6);
            out.extend_from_slice(&36_u16.to_be_bytes());
            out.extend_from_slice(&ipv6(client_ip).octets());
            out.extend_from_slice(&ipv6(server_ip).octets());
        }
    }
    out.extend_from_slice(&client.port().to_be_bytes());
    out.extend_from_slice(&server.port().to_be_bytes());
}

fn ipv6(address: std::net::IpAddr) -> std::net::Ipv6Addr {
    match address {
        std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
        std::net::IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(client: &str, server: &str) -> Vec<u8> {
        let mut out = Vec::new();
        append_header(client.parse().unwrap(), server.parse().unwrap(), &mut out);
        out
    }

    #[test]
    fn ipv4_has_28_bytes_in_all() {
        let expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\x7f\x00\x00\x01\x30\x39\x00\x50";
        assert_eq!(header("192.0.2.1:12345", "127.0.0.1:80"), expected);
    }

    #[test]
    fn a_client_of_ipv4_at_a_socket_of_ipv6_is_one_of_ipv4() {
        assert_eq!(
            header("[::ffff:192.0.2.1]:12345", "[::ffff:127.0.0.1]:80"),
            header("192.0.2.1:12345", "127.0.0.1:80")
        );
    }

    #[test]
    fn ipv6_has_52_bytes_and_mixed_ones_are_mapped() {
        let bytes = header("[2001:db8::1]:1", "[2001:db8::2]:2");
        assert_eq!((bytes.len(), &bytes[12..16]), (52, &[0x21, 0x21, 0, 36][..]));
        assert_eq!(&bytes[48..], [0, 1, 0, 2]);
        assert_eq!(
            &header("[2001:db8::1]:1", "192.0.2.9:2")[32..48],
            "::ffff:192.0.2.9".parse::<std::net::Ipv6Addr>().unwrap().octets()
        );
    }
}
