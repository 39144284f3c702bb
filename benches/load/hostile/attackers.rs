//! The attackers: a process that takes only processor time which nobody else wants, so that what is measured is the registrar.
//!
//! 5 000 INITs a second without cookies, 1 000 TCP connections with half a message on each, 5 000 registrations a second, 20 000
//! reports a second about elements that live, and downloads of the handle table, each page asked for as soon as the last one is there.

use crate::download::pause;
use crate::fleet::{pool_handle, registration};
use crate::sctp_packet::init;
use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::message::asap::EndpointUnreachable;
use rserpool::message::enrp::HandleTableRequest;
use rserpool::message::{AsapMessage, EnrpMessage};
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Transport, TransportChoice, TransportEvent};
use rserpool::wire::{PPID_ASAP, PPID_ENRP};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// The name of this process.
pub const ATTACKERS: &str = "attackers";

const INITS_PER_SECOND: u32 = 5_000;
const REGISTRATIONS_PER_SECOND: u32 = 5_000;
const REPORTS_PER_SECOND: u32 = 20_000;
const HALF_OPEN: usize = 1_000;
/// Associations of each kind of attacker at a time.
const ASSOCIATIONS: usize = 64;
/// Elements that attackers register.
const ELEMENTS: u32 = 20_000;

/// Attacks until the process is killed: ASAP, ENRP, number of sources.
pub fn attack(arguments: &[String]) {
    let [asap, enrp, sources] = arguments else { panic!("ASAP, ENRP, number of sources") };
    let (asap, enrp): (SocketAddr, SocketAddr) = (asap.parse().expect("ASAP"), enrp.parse().expect("ENRP"));
    let sources: u32 = sources.parse().expect("a number");
    let sources: Vec<IpAddr> = (0..sources).map(|number| Ipv4Addr::from(0x7f01_0001 + number).into()).collect();
    // SAFETY: the structure lives across the call, which only reads it.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &libc::sched_param { sched_priority: 0 }) };
    println!("attacking");
    std::thread::scope(|scope| {
        scope.spawn(|| inits(asap, &sources));
        scope.spawn(|| half_open(asap, &sources));
        scope.spawn(|| reports(asap, &sources));
        scope.spawn(|| associations(asap, &sources, Some(REGISTRATIONS_PER_SECOND), register));
        scope.spawn(|| associations(enrp, &sources, None, download));
    });
}

/// What happens so often a second.
struct Pace {
    begun: Time,
    rate: u32,
    done: u64,
}

impl Pace {
    fn new(rate: u32) -> Pace {
        Pace { begun: clock::now(), rate, done: 0 }
    }

    /// Waits for a moment; how often it is to happen now.
    fn wait(&mut self) -> u64 {
        pause(Duration::from_millis(1));
        let due = clock::now().saturating_since(self.begun).as_micros() as u64 * u64::from(self.rate) / 1_000_000;
        // Who had no processor for long does not make up for it at once.
        let now = (due - self.done).min(u64::from(self.rate) / 50);
        self.done = due;
        now
    }
}

fn inits(to: SocketAddr, sources: &[IpAddr]) {
    let sockets: Vec<_> = sources.iter().map(|from| UdpSocket::bind((*from, 0)).expect("a port")).collect();
    let mut pace = Pace::new(INITS_PER_SECOND);
    let mut tag = 0u32;
    loop {
        for _ in 0..pace.wait() {
            tag = tag.wrapping_add(1).max(1);
            let socket = &sockets[tag as usize % sockets.len()];
            let _ = socket.send_to(&init(tag as u16 | 1, to.port(), tag), to); // its queue may be full
        }
    }
}

fn connect(from: IpAddr, to: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Connections on which a message never ends; whoever is thrown out comes again.
fn half_open(to: SocketAddr, sources: &[IpAddr]) {
    let mut held: Vec<Option<Socket>> = (0..HALF_OPEN).map(|_| None).collect();
    loop {
        for (number, place) in held.iter_mut().enumerate() {
            let gone = |mut socket: &Socket| matches!(socket.read(&mut [0; 8]), Ok(0));
            if place.as_ref().is_none_or(gone) {
                *place = connect(sources[number % sources.len()], to).ok();
                if let Some(mut socket) = place.as_ref() {
                    let _ = socket.write_all(&[5, 0, 0, 200, 0, 9]); // it may be refused already
                }
            }
        }
        pause(Duration::from_millis(50));
    }
}

fn reports(to: SocketAddr, sources: &[IpAddr]) {
    let mut sockets: Vec<Option<Socket>> = (0..sources.len().min(ASSOCIATIONS)).map(|_| None).collect();
    let mut pace = Pace::new(REPORTS_PER_SECOND);
    let mut number = 0u32;
    loop {
        for _ in 0..pace.wait() {
            number = number.wrapping_add(1);
            let index = number as usize % sockets.len();
            let place = &mut sockets[index];
            if place.is_none() {
                *place = connect(sources[index], to).ok();
            }
            let report = EndpointUnreachable {
                pool_handle: pool_handle(number as usize % 100),
                pool_element_id: PoolElementId(number % 10_000 + 1),
            };
            let Some(mut socket) = place.as_ref() else { continue };
            let sent = socket.write(&encoded(|bytes| AsapMessage::from(report).encode(bytes).expect("it is short")));
            if sent.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
                *place = None;
            }
        }
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

/// An association from one of the sources.
struct Attacker {
    transport: Box<dyn Transport>,
    association: AssociationId,
    from: IpAddr,
    up: bool,
    /// Messages to it since the last look.
    got: u32,
    over: bool,
}

impl Attacker {
    fn connect(from: IpAddr, to: SocketAddr) -> Attacker {
        let config = EndpointConfig { bind: vec![SocketAddr::new(from, 0)], ..EndpointConfig::default() };
        let mut transport = transport::open(TransportChoice::Auto, &config).expect("an endpoint");
        let peer = PeerAddress::from(to);
        let association = transport.connect(clock::now(), &peer, Duration::from_secs(20)).expect("a connect begins");
        Attacker { transport, association, from, up: false, got: 0, over: false }
    }

    fn poll(&mut self) {
        let (up, got, over) = (&mut self.up, &mut self.got, &mut self.over);
        self.transport.poll(clock::now(), &mut |event| match event {
            TransportEvent::Up { .. } => (*up, *got) = (true, 1),
            TransportEvent::Message { .. } => *got += 1,
            TransportEvent::Lost { .. } | TransportEvent::ConnectFailed { .. } => *over = true,
            TransportEvent::Writable { .. } => {}
        });
    }
}

/// Attackers on associations, which do `act` so often, or each time that they got something.
fn associations(to: SocketAddr, sources: &[IpAddr], rate: Option<u32>, act: impl Fn(&Attacker, u32) -> (u32, Vec<u8>)) {
    let connect = |number: usize| Attacker::connect(sources[number % sources.len()], to);
    let mut attackers: Vec<_> = (0..ASSOCIATIONS).map(connect).collect();
    let mut pace = rate.map(Pace::new);
    let mut number = 0u32;
    loop {
        for (place, attacker) in attackers.iter_mut().enumerate() {
            attacker.poll();
            if attacker.over {
                *attacker = connect(place + number as usize);
            }
        }
        let times = match &mut pace {
            Some(pace) => pace.wait(),
            None => {
                pause(Duration::from_millis(1));
                ASSOCIATIONS as u64
            }
        };
        for _ in 0..times {
            number = number.wrapping_add(1);
            let attacker = &mut attackers[number as usize % ASSOCIATIONS];
            if attacker.up && (rate.is_some() || attacker.got > 0) {
                attacker.got = 0;
                let (ppid, payload) = act(attacker, number);
                let message = OutboundMessage::control(ppid, &payload);
                let _ = attacker.transport.send(clock::now(), attacker.association, message); // its queue may be full
            }
        }
    }
}

fn register(attacker: &Attacker, number: u32) -> (u32, Vec<u8>) {
    let pool_handle = PoolHandle::from(&*format!("hostile{}", number % 1000));
    let id = PoolElementId(0x4000_0000 + number % ELEMENTS);
    let place = SocketAddr::new(attacker.from, attacker.transport.local_port());
    let message = registration(pool_handle, id, place);
    (PPID_ASAP, encoded(|bytes| message.encode(bytes).expect("it is short")))
}

fn download(attacker: &Attacker, _: u32) -> (u32, Vec<u8>) {
    let sender = RegistrarId(u32::from(attacker.transport.local_port()) | 0x5000_0000);
    let request = HandleTableRequest { sender, receiver: RegistrarId(0), own_children_only: false };
    (PPID_ENRP, encoded(|bytes| EnrpMessage::from(request).encode(bytes).expect("it is short")))
}
