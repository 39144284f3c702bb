//! Associations that break: silences and who notices them, cuts between nodes.

use super::*;

pub trait Breaks: Traffic {
    /// An association breaks, or half of it: then the other end notices late.
    fn break_association(&mut self, id: EndId, both: bool) {
        if self.network().end(id).state == EndState::Up && self.network().end(id.other()).state == EndState::Up {
            self.note(format_args!("fault: association {} breaks, both {both}", id.association()));
            self.forget_end(id);
            self.lost(id, Loss::Unreachable);
            if both {
                self.suspect(id.other());
            } else {
                let at = self.now() + 2 * self.detection_range().1;
                self.plan(at, Passage::Check(id.other(), 0));
            }
        }
    }

    /// The associations of a node fall silent.
    fn suspect_all(&mut self, node: NodeId) {
        for id in self.network().nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.suspect(id);
            self.suspect(id.other());
        }
    }

    /// The associations of a node are heard again.
    fn trust_all(&mut self, node: NodeId) {
        for id in self.network().nodes[node].ends.iter().copied().collect::<Vec<_>>() {
            self.trust(id);
        }
    }

    fn trust(&mut self, id: EndId) {
        for id in [id, id.other()] {
            self.network_mut().end_mut(id).epoch += 1;
            for bytes in std::mem::take(&mut self.network_mut().end_mut(id).waiting) {
                self.carry(id, bytes);
            }
            if self.network().end(id).state == EndState::Closing {
                self.end_closed(id, Loss::Closed);
            }
        }
    }

    fn begin_partition(&mut self, partition: Partition) -> usize {
        let nodes: Vec<_> =
            (0..self.network().nodes.len()).filter(|n| partition.inside.get(*n) == Some(&true)).collect();
        self.note(format_args!(
            "fault: nodes {nodes:?} cut off, outwards {} inwards {}",
            partition.outwards, partition.inwards
        ));
        self.network_mut().partitions.push(Some(partition));
        for node in nodes {
            self.suspect_all(node);
        }
        self.network().partitions.len() - 1
    }

    fn end_partition(&mut self, number: usize) {
        let Some(partition) = self.network_mut().partitions[number].take() else { return };
        self.note(format_args!("partition {number} ends"));
        for node in (0..self.network().nodes.len()).filter(|n| partition.inside.get(*n) == Some(&true)) {
            self.trust_all(node);
        }
    }
}

impl<W: Surroundings> Breaks for W {}
