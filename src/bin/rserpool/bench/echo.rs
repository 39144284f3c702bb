//! Echo servers: what an empty protocol could reach on the same transport.

use super::work::ECHO;
use crate::exchange::Way;
use crate::failure::Failure;
use rserpool::Time;
use rserpool::association::TransportKind;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::message::message_length;
use rserpool::transport::{self, EndpointConfig, OutboundMessage, TransportChoice, TransportEvent, kernel_sctp};
use rserpool::wire::PPID_ASAP;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// The longest answer.
pub const MAX_ANSWER: usize = 60_000;
/// Bytes read in one go from a TCP connection; the longest message fits.
const READ_BUFFER: usize = 64 << 10;

/// Serves until it is killed.
pub fn serve(way: Way, bind: SocketAddr) -> Result<(), Failure> {
    let served = match way {
        Way::Tcp => serve_tcp(bind),
        Way::Sctp(choice) => match transport::resolve(choice) {
            Ok(TransportKind::KernelSctp) => serve_kernel_sctp(bind),
            Ok(_) => serve_sctp_udp(bind),
            Err(error) => Err(io::Error::other(error)),
        },
    };
    served.map_err(|error| Failure::Failed(format!("the echo server at {bind} cannot go on: {error}")))
}

/// Appends the answer to a request, of the length that it asks for: a header, and zeroes.
fn answer(request: &[u8], out: &mut Vec<u8>) {
    let wanted = request.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(4, u32::from_be_bytes);
    let length = (wanted as usize).clamp(4, MAX_ANSWER);
    let [high, low] = (length as u16).to_be_bytes();
    out.extend_from_slice(&[ECHO, 0, high, low]);
    out.resize(out.len() + length - 4, 0);
}

fn serve_kernel_sctp(bind: SocketAddr) -> io::Result<()> {
    let server = kernel_sctp::EchoServer::open(bind)?;
    greet(bind, server.local_port(), "sctp")?;
    Err(server.serve(answer))
}

/// A thread a connection: no call but to read and to write.
fn serve_tcp(bind: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(bind)?;
    greet(bind, listener.local_addr()?.port(), "tcp")?;
    for stream in listener.incoming() {
        let stream = stream?;
        // An error means that the client has gone.
        std::thread::spawn(move || drop(serve_stream(stream)));
    }
    Ok(())
}

fn serve_stream(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut kept, mut out) = (vec![0; READ_BUFFER], 0, Vec::new());
    loop {
        let count = stream.read(&mut buffer[kept..])?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..kept + count];
        out.clear();
        while let Some(length) = message_length(rest) {
            let Some(request) = rest.get(..length) else { break };
            answer(request, &mut out);
            rest = &rest[length..];
        }
        stream.write_all(&out)?;
        let end = kept + count;
        kept = rest.len();
        buffer.copy_within(end - kept..end, 0);
    }
}

/// SCTP in UDP has no other server than our transport: without sessions and messages, it is the limit.
fn serve_sctp_udp(bind: SocketAddr) -> io::Result<()> {
    let config = EndpointConfig { bind: vec![bind], listen: true, ..EndpointConfig::default() };
    let mut transport = transport::open(TransportChoice::SctpUdp, &config).map_err(io::Error::other)?;
    greet(bind, transport.local_port(), "sctp-udp")?;
    let poller = Poller::new()?;
    if let Some(fd) = transport.poll_fd() {
        poller.add(fd, 0)?;
    }
    let (mut requests, mut out, mut ready, mut more) = (Vec::new(), Vec::new(), Vec::new(), false);
    let mut now = clock::now();
    loop {
        let deadline = if more { Some(Time::ZERO) } else { transport.next_deadline() };
        poller.wait(now, deadline, &mut ready)?;
        ready.clear();
        now = clock::now();
        more = transport.poll(now, &mut |event| {
            if let TransportEvent::Message { association, payload, .. } = event {
                requests.push((association, payload.to_vec()));
            }
        });
        transport.hold();
        for (association, request) in requests.drain(..) {
            out.clear();
            answer(&request, &mut out);
            let _ = transport.send(now, association, OutboundMessage::control(PPID_ASAP, &out)); // the client may have gone
        }
        transport.release(now);
    }
}

fn greet(bind: SocketAddr, port: u16, transport: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "echo {} transport {transport}", SocketAddr::new(bind.ip(), port))?;
    stdout.flush()
}
