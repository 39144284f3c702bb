//! A DNS server that knows one SRV name.

use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, ResourceRecord};
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Serves until the program ends; the name leads to these endpoints.
pub fn serve(name: &'static str, endpoints: Vec<SocketAddr>) -> SocketAddr {
    serve_at("127.0.0.1:0".parse().expect("an address"), name, endpoints)
}

/// The same at an address of this thread's namespace.
pub fn serve_at(address: SocketAddr, name: &'static str, endpoints: Vec<SocketAddr>) -> SocketAddr {
    let socket = UdpSocket::bind(address).expect("a port");
    let address = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let mut reply = Packet::parse(&buffer[..len]).expect("a question").into_reply();
            let hosts: Vec<String> = (0..endpoints.len()).map(|number| format!("host{number}.example.net")).collect();
            for (host, endpoint) in hosts.iter().zip(&endpoints) {
                let IpAddr::V4(ip) = endpoint.ip() else { continue };
                let target = Name::new(host).expect("a name");
                let srv = SRV { priority: 0, weight: 0, port: endpoint.port(), target: target.clone() };
                let record = |name, data| ResourceRecord::new(name, CLASS::IN, 1, data);
                reply.answers.push(record(Name::new(name).expect("a name"), RData::SRV(srv)));
                reply.additional_records.push(record(target, RData::A(A { address: ip.into() })));
            }
            let bytes = reply.build_bytes_vec_compressed().expect("an answer");
            let _ = socket.send_to(&bytes, from); // who asked may have gone
        }
    });
    address
}
