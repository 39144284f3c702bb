//! Many pool elements on many associations, driven by one loop: as much as a hundred processes would be to a registrar.

use rserpool::association::PeerAddress;
use rserpool::driver::clock;
use rserpool::driver::poller::Poller;
use rserpool::message::AsapMessage;
use rserpool::message::asap::{EndpointKeepAliveAck, Registration};
use rserpool::transport::{self, EndpointConfig, OutboundMessage, Transport, TransportChoice, TransportEvent};
use rserpool::wire::{AddressList, PPID_ASAP, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{AssociationId, PoolElementId, PoolHandle, RegistrarId, Time};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// More than all registrations take.
const LIMIT: Duration = Duration::from_secs(300);
/// Registrations of one association that wait for their response at a time.
const WINDOW: usize = 8;

/// The handle of pool number `number`.
pub fn pool_handle(number: usize) -> PoolHandle {
    PoolHandle::from(format!("Pool-{number:08}").as_str())
}

/// Asks for an element that offers its service by SCTP there.
pub fn registration(pool_handle: PoolHandle, id: PoolElementId, place: SocketAddr) -> AsapMessage {
    let user_transport = TransportParameter::Sctp {
        port: place.port(),
        transport_use: TransportUse::DataOnly,
        addresses: AddressList::from_slice(&[place.ip()]),
    };
    AsapMessage::Registration(Registration {
        pool_handle,
        pool_element: PoolElement {
            id,
            home_registrar: RegistrarId(0),
            registration_life: RegistrationLife::for_interval(Duration::from_secs(3600)),
            user_transport,
            policy: Policy::RoundRobin,
            asap_transport: None,
        },
        life_in_seconds: None,
    })
}

struct Member {
    number: usize,
    transport: Box<dyn Transport>,
    association: AssociationId,
    asked: usize,
    more: bool,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Registrations confirmed.
    pub registered: usize,
    /// Registrations refused.
    pub rejected: usize,
    /// Keep-alive messages answered.
    pub keep_alives: u64,
    /// Associations lost.
    pub lost: usize,
}

/// The elements.
pub struct Fleet {
    members: Vec<Member>,
    poller: Poller,
    elements_each: usize,
    pools: usize,
    /// What has happened so far.
    pub counts: Counts,
}

impl Fleet {
    /// Starts to connect `associations` endpoints, each of which is going to register `elements_each` elements. Element i
    /// goes to pool i mod `pools`.
    pub fn new(registrar: SocketAddr, associations: usize, elements_each: usize, pools: usize) -> Fleet {
        let poller = Poller::new().expect("an epoll descriptor");
        let members = (0..associations).map(|number| Member::connect(number, registrar, &poller)).collect();
        Fleet { members, poller, elements_each, pools, counts: Counts::default() }
    }

    /// The same, once all of them are registered.
    pub fn registered(registrar: SocketAddr, associations: usize, elements_each: usize, pools: usize) -> Fleet {
        let elements = associations * elements_each;
        let mut fleet = Fleet::new(registrar, associations, elements_each, pools);
        let registered = fleet.run(LIMIT, |counts| counts.registered + counts.rejected >= elements);
        assert!(registered && fleet.counts.rejected == 0, "not all elements were registered: {:?}", fleet.counts);
        fleet
    }

    /// Works until `done` or until `limit` has passed; tells whether it is done.
    pub fn run(&mut self, limit: Duration, done: impl Fn(&Counts) -> bool) -> bool {
        let end = clock::now() + limit;
        let mut ready = Vec::new();
        while !done(&self.counts) {
            let now = clock::now();
            if now >= end {
                return false;
            }
            let wake = self.members.iter().filter_map(Member::deadline).min().map_or(end, |at| at.min(end));
            ready.clear();
            self.poller.wait(now, Some(wake), &mut ready).expect("epoll works");
            let now = clock::now();
            for (number, member) in self.members.iter_mut().enumerate() {
                let due = member.deadline().is_some_and(|at| at <= now);
                if due || ready.contains(&(number as u64)) {
                    member.poll(now, self.elements_each, self.pools, &mut self.counts);
                }
            }
        }
        true
    }
}

/// A fleet that goes on answering in a thread of its own until this is dropped.
pub struct Serving {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    /// Goes on answering in the background.
    pub fn serve(mut self) -> Serving {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                self.run(Duration::from_millis(100), |_| false);
            }
        });
        Serving { stop, thread: Some(thread) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the elements ended early: {panic:?}");
        }
    }
}

impl Member {
    fn connect(number: usize, registrar: SocketAddr, poller: &Poller) -> Member {
        let config =
            EndpointConfig { bind: vec!["127.0.0.1:0".parse().expect("an address")], ..EndpointConfig::default() };
        let mut transport = transport::open(TransportChoice::Auto, &config).expect("an endpoint");
        let peer = PeerAddress::from(registrar);
        let association = transport.connect(clock::now(), &peer, Duration::from_secs(20)).expect("a connect begins");
        poller.add(transport.poll_fd().expect("it has one"), number as u64).expect("epoll takes it");
        Member { number, transport, association, asked: 0, more: true }
    }

    fn deadline(&self) -> Option<Time> {
        if self.more { Some(Time::ZERO) } else { self.transport.next_deadline() }
    }

    fn poll(&mut self, now: Time, elements: usize, pools: usize, counts: &mut Counts) {
        let mut room = 0;
        let mut answers = Vec::new();
        self.more = self.transport.poll(now, &mut |event| match event {
            TransportEvent::Up { .. } => room += WINDOW,
            TransportEvent::Message { payload, .. } => match AsapMessage::decode(payload).map(|d| d.message) {
                Ok(AsapMessage::RegistrationResponse(response)) => {
                    room += 1;
                    counts.rejected += usize::from(response.error.is_some());
                    counts.registered += usize::from(response.error.is_none());
                }
                Ok(AsapMessage::EndpointKeepAlive(question)) => {
                    counts.keep_alives += 1;
                    let pool_element_id = question.pool_element_id.expect("our registrar names the element");
                    let pool_handle = question.pool_handle;
                    answers
                        .push(AsapMessage::EndpointKeepAliveAck(EndpointKeepAliveAck { pool_handle, pool_element_id }));
                }
                other => panic!("unexpected: {other:?}"),
            },
            TransportEvent::ConnectFailed { .. } | TransportEvent::Lost { .. } => counts.lost += 1,
            TransportEvent::Writable { .. } => {}
        });
        for answer in &answers {
            self.send(now, answer);
        }
        for _ in 0..room.min(elements - self.asked) {
            let registration = self.registration(elements, pools);
            self.send(now, &registration);
            self.asked += 1;
        }
    }

    fn registration(&self, elements: usize, pools: usize) -> AsapMessage {
        let element = self.number * elements + self.asked;
        let place = SocketAddr::from(([127, 0, 0, 1], self.transport.local_port()));
        registration(pool_handle(element % pools), PoolElementId(element as u32 + 1), place)
    }

    fn send(&mut self, now: Time, message: &AsapMessage) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).expect("our messages are short");
        let message = OutboundMessage::control(PPID_ASAP, &bytes);
        self.transport.send(now, self.association, message).expect("the window leaves room");
    }
}
