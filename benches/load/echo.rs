//! The raw transport to compare with: what an empty protocol could reach.

use std::io::{Read, Write};
use std::net::TcpListener;

/// Answers each request of a fixed length with a response of a fixed length, over TCP; the arguments are both lengths.
pub fn serve_tcp(arguments: &[String]) {
    let lengths: Vec<usize> = arguments.iter().map(|a| a.parse().expect("a length")).collect();
    let (request, response) = (lengths[0], lengths[1]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("it is bound"));
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        std::thread::spawn(move || {
            stream.set_nodelay(true).expect("an option of TCP");
            let mut buffer = vec![0; 1 << 16];
            let (mut pending, answer) = (0, vec![0; response * (buffer.len() / request + 1)]);
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => pending += count,
                }
                let complete = pending / request;
                pending %= request;
                if stream.write_all(&answer[..complete * response]).is_err() {
                    return;
                }
            }
        });
    }
}
