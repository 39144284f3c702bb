//! The processes of a run: a registrar, or a client with elements or a pool user, each with a clock of its own.

use super::rogues::Rogue;
use super::workload::Client;
pub use crate::support::network::NodeId;
use crate::support::network::{EndId, Loss};
use rserpool::Time;
use rserpool::association::PeerAddress;
use rserpool::registrar::{Link, Registrar};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;

/// What runs in the process.
pub enum Core {
    Registrar(Box<Registrar>),
    Client(Box<Client>),
    /// Belongs to nobody, and sends what it likes.
    Rogue(Box<Rogue>),
    /// Has no part in anything; whoever connects to it has been made to.
    Bystander,
    /// The process is dead.
    None,
}

/// What reaches a process, or waits for it while it is stopped.
#[derive(Debug)]
pub enum Input {
    Up {
        end: EndId,
        attempt: Option<u64>,
    },
    ConnectFailed {
        attempt: u64,
    },
    Lost {
        end: EndId,
        why: Loss,
    },
    Message {
        end: EndId,
        bytes: Vec<u8>,
    },
    Datagram {
        link: Link,
        from: NodeId,
        bytes: Rc<[u8]>,
    },
    /// The driver has looked up who is there.
    PeersFound,
    Timeout,
}

/// A clock that does not run exactly right.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub offset: u64,
    /// Parts in a million that it runs fast.
    pub ppm: i64,
}

impl Clock {
    /// What it shows at a time of the world.
    pub fn local(self, now: u64) -> Time {
        let drift = i128::from(now) * i128::from(self.ppm) / 1_000_000;
        Time::from_nanos((i128::from(self.offset) + i128::from(now) + drift).max(0) as u64)
    }

    /// The first time of the world at which it shows this or later.
    pub fn global(self, local: Time) -> u64 {
        if local == Time::MAX {
            return u64::MAX;
        }
        let since = i128::from(local.as_nanos()) - i128::from(self.offset);
        let mut now = (since * 1_000_000 / i128::from(1_000_000 + self.ppm)).max(0) as u64;
        while self.local(now) < local {
            now += 1;
        }
        now
    }
}

/// A process and its host.
pub struct Node {
    pub core: Core,
    pub clock: Clock,
    pub address: IpAddr,
    /// Stopped: nothing is handled until it is continued.
    pub hung: bool,
    /// When it was last continued.
    pub continued: u64,
    /// What arrived while it was stopped.
    pub mailbox: VecDeque<Input>,
    /// Counts starts: what was meant for an earlier process is void.
    pub incarnation: u32,
    /// The wake-up that counts.
    pub wake: u64,
    /// Never starts again.
    pub dead_for_good: bool,
    /// Keeps the same time asking to be woken.
    pub spins: u32,
}

impl Node {
    pub fn new(core: Core, clock: Clock, address: IpAddr) -> Node {
        Node {
            core,
            clock,
            address,
            hung: false,
            continued: 0,
            mailbox: VecDeque::new(),
            incarnation: 0,
            wake: u64::MAX,
            dead_for_good: false,
            spins: 0,
        }
    }

    pub fn is_up(&self) -> bool {
        !matches!(self.core, Core::None)
    }

    pub fn registrar(&self) -> Option<&Registrar> {
        match &self.core {
            Core::Registrar(registrar) => Some(registrar),
            _ => None,
        }
    }

    pub fn client(&self) -> Option<&Client> {
        match &self.core {
            Core::Client(client) => Some(client),
            _ => None,
        }
    }

    pub fn client_mut(&mut self) -> Option<&mut Client> {
        match &mut self.core {
            Core::Client(client) => Some(client),
            _ => None,
        }
    }

    pub fn rogue_mut(&mut self) -> Option<&mut Rogue> {
        match &mut self.core {
            Core::Rogue(rogue) => Some(rogue),
            _ => None,
        }
    }

    pub fn peer_address(&self, port: u16) -> PeerAddress {
        PeerAddress::new(self.address, port)
    }

    pub fn next_deadline(&self) -> Option<Time> {
        match &self.core {
            Core::Registrar(registrar) => registrar.next_deadline(),
            Core::Client(client) => client.core.next_deadline(),
            Core::Rogue(_) | Core::Bystander | Core::None => None,
        }
    }
}
