//! Associations in use: connecting, sending, closing.

use super::*;

pub trait Traffic: Surroundings {
    /// What was planned happens now.
    fn pass(&mut self, what: Passage) {
        match what {
            Passage::Connect(id) => self.on_connect(id),
            Passage::Connected(id) => self.on_connected(id),
            Passage::ConnectFails(id, why) => self.on_connect_fails(id, why),
            Passage::Deliver(to, bytes) => self.on_deliver(to, bytes),
            Passage::Lost(id, why) => self.on_lost(id, why),
            Passage::Check(id, epoch) => self.on_check(id, epoch),
        }
    }

    fn connect(
        &mut self,
        node: NodeId,
        link: Link,
        attempt: u64,
        to: &rserpool::association::PeerAddress,
        kind: TransportKind,
        timeout: u64,
    ) {
        let Some((target, target_link)) = self.endpoint_at(to) else {
            return self.connect_will_fail(self.now() + timeout, node, attempt, Failure::Timeout);
        };
        let index = self.network().associations.len();
        let id = EndId::new(index, 0);
        let end = |node, link, state| End {
            node,
            link,
            state,
            last_arrival: 0,
            stalled_until: 0,
            waiting: VecDeque::new(),
            epoch: 0,
        };
        let give_up_at = self.now() + timeout;
        let ends = [end(node, link, EndState::Connecting(attempt)), end(target, target_link, EndState::Idle)];
        self.network_mut().associations.push(Association { ends, kind, give_up_at });
        if kind != TransportKind::Tcp {
            let key = self.network().pair_of(id);
            let known = self.network().pairs.get(&key).cloned().unwrap_or_default();
            let has_one = |old: &usize| {
                let ours = self.end_of(*old, node, link);
                !matches!(self.network().end(ours).state, EndState::Closed | EndState::Idle)
            };
            if node == target || known.iter().any(has_one) {
                // EISCONN.
                self.network_mut().end_mut(id).state = EndState::Closed;
                return self.connect_will_fail(self.now(), node, attempt, Failure::Refused);
            }
            // An older one of which only the other end knows goes when the connect arrives.
            self.network_mut().pairs.entry(key).or_default().push(index);
        }
        self.network_mut().nodes[node].ends.insert(id);
        self.network_mut().nodes[node].attempts.insert((transport_number(link) as u8, attempt), id);
        let arrival = self.now() + self.latency();
        self.plan(arrival, Passage::Connect(id));
        self.plan(give_up_at, Passage::ConnectFails(id, Failure::Timeout));
    }

    /// The end of an association that is at this endpoint.
    fn end_of(&self, association: usize, node: NodeId, link: Link) -> EndId {
        let first = &self.network().associations[association].ends[0];
        EndId::new(association, usize::from(!(first.node == node && first.link == link)))
    }

    /// Whether a process hears from another one at all.
    fn is_silent(&self, from: NodeId, to: NodeId) -> bool {
        self.network().is_cut(from, to) || self.network().is_cut(to, from) || self.is_mute(from)
    }

    fn on_connect(&mut self, id: EndId) {
        let EndState::Connecting(_) = self.network().end(id).state else { return };
        let (node, link) = (self.network().end(id).node, self.network().end(id).link);
        let (target, target_link) = (self.network().end(id.other()).node, self.network().end(id.other()).link);
        if self.is_silent(target, node) {
            let retry = self.now() + self.detection_range().0.max(1);
            return self.plan(retry, Passage::Connect(id));
        }
        if !self.is_up(target) {
            let at = self.now() + self.latency();
            return self.plan(at, Passage::ConnectFails(id, Failure::Refused));
        }
        let mut attempt = None;
        if self.network().kind(id) != TransportKind::Tcp {
            let key = self.network().pair_of(id);
            let known = self.network().pairs.get(&key).cloned().unwrap_or_default();
            for old in known.into_iter().filter(|old| *old != id.association()) {
                let theirs = self.end_of(old, target, target_link);
                match self.network().end(theirs).state {
                    EndState::Connecting(number) => {
                        attempt = Some(number);
                        self.forget_end(theirs);
                    }
                    EndState::Up | EndState::Closing => {
                        self.forget_end(theirs);
                        self.lost(theirs, Loss::Restarted);
                    }
                    EndState::Idle | EndState::Closed => {}
                }
            }
        }
        self.network_mut().end_mut(id.other()).state = EndState::Up;
        self.network_mut().nodes[target].ends.insert(id.other());
        let at = self.now() + self.latency();
        self.network_mut().end_mut(id).last_arrival = at;
        self.plan(at, Passage::Connected(id));
        self.note(format_args!("association {}: node {node} {link:?} to node {target}", id.association()));
        self.up(id.other(), attempt);
    }

    fn on_connected(&mut self, id: EndId) {
        let EndState::Connecting(attempt) = self.network().end(id).state else { return };
        let (node, link) = (self.network().end(id).node, self.network().end(id).link);
        let other = self.network().end(id.other()).node;
        if self.is_silent(other, node) && self.network().associations[id.association()].give_up_at > self.now() {
            let retry = self.now() + self.detection_range().0.max(1);
            return self.plan(retry, Passage::Connected(id));
        }
        self.network_mut().end_mut(id).state = EndState::Up;
        self.network_mut().nodes[node].attempts.remove(&(transport_number(link) as u8, attempt));
        self.up(id, Some(attempt));
        if !matches!(self.network().end(id.other()).state, EndState::Up | EndState::Closing)
            || self.is_silent(other, node)
        {
            self.suspect(id);
        }
    }

    fn on_connect_fails(&mut self, id: EndId, why: Failure) {
        let EndState::Connecting(attempt) = self.network().end(id).state else { return };
        let node = self.network().end(id).node;
        self.close_end(id);
        self.connect_failed(node, attempt, why);
    }

    /// Sends a message.
    fn send(&mut self, id: EndId, bytes: Vec<u8>) {
        if self.network().end(id).state != EndState::Up {
            return; // its loss is about to be reported
        }
        self.network_mut().messages += 1;
        self.network_mut().message_bytes += bytes.len() as u64;
        if self.network().end(id).link == Link::Enrp {
            self.network_mut().enrp_messages += 1;
            self.network_mut().enrp_bytes += bytes.len() as u64;
        }
        self.carry(id.other(), bytes);
    }

    fn carry(&mut self, to: EndId, bytes: Vec<u8>) {
        let (from, node) = (self.network().end(to.other()).node, self.network().end(to).node);
        if self.network().is_cut(from, node) {
            return self.network_mut().end_mut(to).waiting.push_back(bytes);
        }
        let earliest = self.now() + self.latency();
        let end = self.network_mut().end_mut(to);
        let at = earliest.max(end.last_arrival).max(end.stalled_until);
        end.last_arrival = at;
        self.plan(at, Passage::Deliver(to, bytes));
    }

    fn on_deliver(&mut self, to: EndId, bytes: Vec<u8>) {
        let end = self.network().end(to);
        if matches!(end.state, EndState::Up | EndState::Closing) {
            self.message(to, bytes);
        }
    }

    /// A user closes its end in order: what was sent before arrives.
    fn shutdown(&mut self, id: EndId) {
        if self.network().end(id).state != EndState::Up {
            return;
        }
        self.network_mut().end_mut(id).state = EndState::Closing;
        self.end_closed(id, Loss::Closed);
    }

    /// A user aborts its end.
    fn abort(&mut self, id: EndId) {
        if matches!(self.network().end(id).state, EndState::Up | EndState::Closing) {
            self.forget_end(id);
            self.end_closed(id, Loss::Aborted);
        }
    }

    /// A user gives up a connect.
    fn cancel_connect(&mut self, node: NodeId, link: Link, attempt: u64) {
        if let Some(id) = self.network().nodes[node].attempts.get(&(transport_number(link) as u8, attempt)).copied() {
            self.close_end(id);
        }
    }

    /// Closes an end because its process is gone or gave up, and lets the other one find out.
    fn close_end(&mut self, id: EndId) {
        let tell = self.crash_aborts();
        self.forget_end(id);
        if tell { self.end_closed(id, Loss::Aborted) } else { self.suspect(id.other()) }
    }

    /// Tells the other end that this one is closed, if that gets through.
    fn end_closed(&mut self, id: EndId, why: Loss) {
        let other = id.other();
        let (from, to) = (self.network().end(id).node, self.network().end(other).node);
        if !matches!(self.network().end(other).state, EndState::Up | EndState::Closing) {
            if self.network().end(id).state == EndState::Closing {
                self.forget_end(id);
            }
            return;
        }
        if self.network().is_cut(from, to) {
            self.suspect(id);
            return self.suspect(other);
        }
        let mut at = self.now() + self.latency();
        if matches!(why, Loss::Closed) {
            at = at.max(self.network().end(other).last_arrival);
        }
        self.plan(at, Passage::Lost(other, why));
    }

    /// Nothing more happens at this end.
    fn forget_end(&mut self, id: EndId) {
        let (node, link) = (self.network().end(id).node, self.network().end(id).link);
        let state = std::mem::replace(&mut self.network_mut().end_mut(id).state, EndState::Closed);
        self.network_mut().end_mut(id).waiting.clear();
        self.network_mut().nodes[node].ends.remove(&id);
        if let EndState::Connecting(attempt) = state {
            self.network_mut().nodes[node].attempts.remove(&(transport_number(link) as u8, attempt));
        }
        let over = matches!(self.network().end(id.other()).state, EndState::Idle | EndState::Closed);
        let key = self.network().pair_of(id);
        if let Some(known) = self.network_mut().pairs.get_mut(&key).filter(|_| over) {
            known.retain(|association| *association != id.association());
            if known.is_empty() {
                self.network_mut().pairs.remove(&key);
            }
        }
    }

    /// An end gets to know that its association is gone.
    fn on_lost(&mut self, id: EndId, why: Loss) {
        let state = self.network().end(id).state;
        if !matches!(state, EndState::Up | EndState::Closing) {
            return;
        }
        self.forget_end(id);
        self.lost(id, why);
        if self.network().end(id.other()).state == EndState::Closing {
            // A shutdown is complete when the other end says so.
            self.forget_end(id.other());
            self.lost(id.other(), Loss::Closed);
        } else {
            self.suspect(id.other());
        }
    }

    /// The transport at this end notices a silence after its time, should it last.
    fn suspect(&mut self, id: EndId) {
        if matches!(self.network().end(id).state, EndState::Up | EndState::Closing) {
            let at = self.now() + self.detection();
            let epoch = self.network().end(id).epoch;
            self.plan(at, Passage::Check(id, epoch));
        }
    }

    fn on_check(&mut self, id: EndId, epoch: u32) {
        let end = self.network().end(id);
        let other = self.network().end(id.other());
        let gone = !matches!(other.state, EndState::Up | EndState::Closing);
        let silent = end.epoch == epoch && self.is_silent(other.node, end.node);
        if gone || silent {
            self.on_lost(id, Loss::Unreachable);
        }
    }
}

impl<W: Surroundings> Traffic for W {}
