//! What the processes do: elements register, change, leave and come back; pool users resolve and report.

use super::node::NodeId;
use super::world::{What, World};
use rserpool::asap::{AsapClient, Event, Outcome, Request, RequestError, RequestId};
use rserpool::wire::{AddressList, Policy, PoolElement, RegistrationLife, TransportParameter, TransportUse};
use rserpool::{PoolElementId, PoolHandle, RegistrarId};
use std::collections::BTreeMap;
use std::time::Duration;

/// A request without an answer yet.
#[derive(Debug)]
pub struct Open {
    /// When it was made, in the time of the world.
    pub since: u64,
    pub what: Asked,
}

/// What was asked.
#[derive(Clone, Debug)]
pub enum Asked {
    Register,
    Deregister,
    Resolve { pool: usize, items: Option<u32>, last: bool },
    Report,
}

/// A client process.
pub struct Client {
    pub core: AsapClient,
    pub open: BTreeMap<u64, Open>,
    next_request: u64,
    /// When it was asked to stop.
    pub stopping: Option<u64>,
}

impl Client {
    pub fn new(core: AsapClient) -> Client {
        Client { core, open: BTreeMap::new(), next_request: 0, stopping: None }
    }
}

/// An element that a process offers.
#[derive(Clone, Debug)]
pub struct ElementPlan {
    pub pool: usize,
    pub id: u32,
    /// The application wants it registered.
    pub wanted: bool,
    value: u32,
}

/// What a node is for; it survives the process.
#[derive(Clone, Debug)]
pub enum Plan {
    Registrar,
    Elements(Vec<ElementPlan>),
    User,
    Rogue,
    Bystander,
}

impl Plan {
    /// The elements of process number `node`.
    pub fn elements(world: &mut World, node: NodeId) -> Plan {
        let pools = world.config.pools.len() as u64;
        let elements = (0..world.config.elements_per_process)
            .map(|i| ElementPlan {
                pool: world.random.below(pools) as usize,
                id: ((node as u32) << 8) | (i as u32 + 1),
                wanted: true,
                value: 1,
            })
            .collect();
        Plan::Elements(elements)
    }

    pub fn own_elements(&self) -> &[ElementPlan] {
        match self {
            Plan::Elements(elements) => elements,
            _ => &[],
        }
    }
}

/// An order to a process, from itself or from the world.
#[derive(Debug)]
pub enum Command {
    Report {
        pool: usize,
        element: PoolElementId,
    },
    /// The last resolution of a run, which has to succeed.
    Resolve {
        pool: usize,
    },
    Stop,
}

impl World {
    pub fn pool_handle(&self, pool: usize) -> PoolHandle {
        PoolHandle::from(self.config.pools[pool].name.as_str())
    }

    pub fn process_started(&mut self, node: NodeId) {
        self.checks_of_new_process(node);
        for number in 0..self.plans[node].own_elements().len() {
            if self.plans[node].own_elements()[number].wanted {
                self.register(node, number);
            }
        }
        self.act_later(node);
    }

    pub fn forget_process(&mut self, node: NodeId) {
        self.checks_of_dead_process(node);
    }

    fn act_later(&mut self, node: NodeId) {
        let mean = match self.plans[node] {
            Plan::Registrar => return,
            Plan::Elements(_) => self.config.element_activity,
            Plan::User => self.config.user_activity,
            Plan::Rogue => self.config.rogues.activity,
            Plan::Bystander => return,
        };
        if mean == u64::MAX {
            return;
        }
        let at = self.now + self.random.below(2 * mean);
        self.schedule(at, What::Act(node, self.nodes[node].incarnation));
    }

    /// A process does one of the things that it does.
    pub fn act(&mut self, node: NodeId, incarnation: u32) {
        if self.nodes[node].incarnation != incarnation || !self.nodes[node].is_up() {
            return;
        }
        if matches!(self.plans[node], Plan::Rogue) {
            self.rogue_acts(node);
        } else if !self.nodes[node].hung && self.nodes[node].client().is_some_and(|client| client.stopping.is_none()) {
            match &self.plans[node] {
                Plan::Registrar | Plan::Rogue | Plan::Bystander => {}
                Plan::Elements(elements) if !self.calm => {
                    let number = self.random.below(elements.len() as u64) as usize;
                    self.change_element(node, number);
                }
                Plan::Elements(_) => {}
                Plan::User => {
                    let pool = self.random.below(self.config.pools.len() as u64) as usize;
                    self.resolve(node, pool, false);
                }
            }
            self.set_alarm(node);
        }
        self.act_later(node);
    }

    fn change_element(&mut self, node: NodeId, number: usize) {
        if !self.plans[node].own_elements()[number].wanted {
            return self.register(node, number);
        }
        match self.random.below(100) {
            0..50 => self.register(node, number),
            50..75 => self.deregister(node, number),
            75..80 => self.cancel(node),
            80..82 => self.on_command(node, self.nodes[node].incarnation, Command::Stop),
            _ => {}
        }
    }

    fn cancel(&mut self, node: NodeId) {
        let newest = self.nodes[node].client().and_then(|client| client.open.last_key_value().map(|(id, _)| *id));
        if let Some(request) = newest {
            self.client_event(node, Event::Cancel(RequestId(request)));
        }
    }

    pub fn request(&mut self, node: NodeId, what: Asked, request: Request) {
        let now = self.now;
        let Some(client) = self.nodes[node].client_mut() else { return };
        client.next_request += 1;
        let id = client.next_request;
        client.open.insert(id, Open { since: now, what });
        self.trace.line(now, format_args!("node {node}: request {id}: {request:?}"));
        self.client_event(node, Event::Request(RequestId(id), request));
    }

    fn register(&mut self, node: NodeId, number: usize) {
        let load = self.random.below(1 << 20) as u32;
        let Plan::Elements(elements) = &mut self.plans[node] else { return };
        let element = &mut elements[number];
        element.wanted = true;
        element.value = load;
        let (pool, id) = (element.pool, element.id);
        let interval = self.config.reregistration_interval;
        let life = self.config.life_seconds.map_or_else(|| RegistrationLife::for_interval(interval), RegistrationLife);
        let pool_element = PoolElement {
            id: PoolElementId(id),
            home_registrar: RegistrarId(0),
            registration_life: life,
            user_transport: TransportParameter::Sctp {
                port: 5000 + number as u16,
                transport_use: TransportUse::DataPlusControl,
                addresses: AddressList::from_slice(&[self.nodes[node].address]),
            },
            policy: with_value(&self.config.pools[pool].policy, load),
            asap_transport: None,
        };
        let pool_handle = self.pool_handle(pool);
        let request = Request::Register { pool_handle, pool_element, reregistration_interval: interval };
        self.request(node, Asked::Register, request);
    }

    fn deregister(&mut self, node: NodeId, number: usize) {
        let Plan::Elements(elements) = &mut self.plans[node] else { return };
        elements[number].wanted = false;
        let (pool, id) = (elements[number].pool, elements[number].id);
        let pool_handle = self.pool_handle(pool);
        self.request(node, Asked::Deregister, Request::Deregister { pool_handle, pool_element_id: PoolElementId(id) });
    }

    fn resolve(&mut self, node: NodeId, pool: usize, last: bool) {
        let items = [None, Some(1), Some(3), Some(100)][self.random.below(4) as usize];
        let stale = if last { 0 } else { [0, 0, 200, 2000][self.random.below(4) as usize] };
        let request =
            Request::Resolve { pool_handle: self.pool_handle(pool), items, stale_cache: Duration::from_millis(stale) };
        self.request(node, Asked::Resolve { pool, items, last }, request);
    }

    pub fn on_command(&mut self, node: NodeId, incarnation: u32, command: Command) {
        if self.nodes[node].incarnation != incarnation || self.nodes[node].hung {
            return;
        }
        let now = self.now;
        let Some(client) = self.nodes[node].client_mut().filter(|client| client.stopping.is_none()) else { return };
        match command {
            Command::Stop => {
                client.stopping = Some(now);
                self.trace.line(now, format_args!("node {node}: stop"));
                self.client_event(node, Event::Shutdown);
            }
            Command::Report { pool, element } => {
                let request =
                    Request::ReportUnreachable { pool_handle: self.pool_handle(pool), pool_element_id: element };
                self.request(node, Asked::Report, request);
            }
            Command::Resolve { pool } => self.resolve(node, pool, true),
        }
        self.set_alarm(node);
    }

    /// A request is done.
    pub fn on_complete(&mut self, node: NodeId, request: RequestId, result: Result<Outcome, RequestError>) {
        let open = self.nodes[node].client_mut().and_then(|client| client.open.remove(&request.0));
        let Some(open) = open else {
            return self.fail(format!("node {node}: request {} completes, which is not open: {result:?}", request.0));
        };
        self.check_completion(node, request, &open, &result);
        if let (Asked::Resolve { pool, last: false, .. }, Ok(Outcome::Resolved { pool_elements, .. })) =
            (&open.what, &result)
        {
            self.contact(node, *pool, pool_elements);
        }
    }

    /// The pool user contacts the first element, and reports it should it not answer.
    fn contact(&mut self, node: NodeId, pool: usize, elements: &[PoolElement]) {
        let Some(first) = elements.first() else { return };
        let answers = self.is_served(pool, first.id.0);
        let wrong = !self.calm && self.config.false_reports && self.random.below(20) == 0;
        if (!answers && self.config.reports) || wrong {
            let command = Command::Report { pool, element: first.id };
            self.schedule(self.now, What::Command(node, self.nodes[node].incarnation, command));
        }
    }

    /// Whether an element is there: its process runs, and wants it registered.
    pub fn is_served(&self, pool: usize, id: u32) -> bool {
        let node = (id >> 8) as usize;
        node < self.nodes.len()
            && self.is_core(node)
            && self.plans[node].own_elements().iter().any(|e| e.id == id && e.pool == pool && e.wanted)
    }
}

fn with_value(policy: &Policy, value: u32) -> Policy {
    match policy {
        Policy::WeightedRoundRobin { .. } => Policy::WeightedRoundRobin { weight: 1 + value % 5 },
        Policy::WeightedRandom { .. } => Policy::WeightedRandom { weight: 1 + value % 5 },
        Policy::Priority { .. } => Policy::Priority { priority: value % 3 },
        Policy::LeastUsed { .. } => Policy::LeastUsed { load: value },
        Policy::LeastUsedDegradation { degradation, .. } => {
            Policy::LeastUsedDegradation { load: value, degradation: *degradation }
        }
        Policy::PriorityLeastUsed { degradation, .. } => {
            Policy::PriorityLeastUsed { load: value, degradation: *degradation }
        }
        Policy::RandomizedLeastUsed { .. } => Policy::RandomizedLeastUsed { load: value },
        other => other.clone(),
    }
}
