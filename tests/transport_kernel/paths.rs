//! Multi-homing: two hosts with two links, one of which is cut.

use crate::hosts::{Hosts, IPV4, IPV6, Link, PathState, TwoHosts, path_states};
use crate::support::transport::{Net, Seen};
use crate::{Open, open_kernel, open_sctp_udp};
use rserpool::AssociationId;
use rserpool::association::{LossReason, PeerAddress};
use rserpool::transport::{EndpointConfig, PeerAddresses, SctpParameters};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// Both ends of an association over two links; the far end first.
struct TwoLinks {
    net: Net,
    hosts: Rc<Hosts>,
    far: usize,
    near: usize,
    association: AssociationId,
    at_far: AssociationId,
}

impl TwoLinks {
    fn new(links: &'static [Link; 2], far: Open, near: Open, change: impl Fn(&mut EndpointConfig)) -> TwoLinks {
        let hosts = Hosts::new(links);
        let mut net = Net::new(Box::new(TwoHosts::new(Rc::clone(&hosts), far, near)));
        let bind = |addresses: [&str; 2]| addresses.map(|text| SocketAddr::new(text.parse().unwrap(), 0)).to_vec();
        let far = net.open(|config| {
            config.bind = bind([links[0].far, links[1].far]);
            config.listen = true;
            change(config);
        });
        let near = net.open(|config| {
            config.bind = bind([links[0].near, links[1].near]);
            change(config);
        });
        let addresses = links.iter().map(|link| link.far.parse().unwrap()).collect();
        let peer = PeerAddress { addresses, port: net.port(far) };
        let now = net.now();
        let association = net.at(near).transport.connect(now, &peer, Duration::from_secs(20)).unwrap();
        net.until("both up", |net| net.at(near).ups().contains(&association) && !net.at(far).ups().is_empty());
        let at_far = net.at(far).ups()[0];
        TwoLinks { net, hosts, far, near, association, at_far }
    }

    fn until_path(&mut self, link: usize, state: PathState) {
        let address = self.hosts.links[link].far;
        self.net.until(&format!("path {link} is {state:?}"), |_| path_states(&[address]) == [state]);
    }

    /// So many messages each way, numbered: all arrive, once and in order.
    fn talk(&mut self, messages: usize) {
        let (far, near) = (self.far, self.near);
        let before = [self.net.at(far).messages().len(), self.net.at(near).messages().len()];
        for number in 0..messages {
            let text = format!("message {number}");
            self.net.send(near, self.association, text.as_bytes()).unwrap();
            self.net.send(far, self.at_far, text.as_bytes()).unwrap();
            // One after the other, so that a cut path is met again and again.
            self.net.until(&text, |net| {
                net.at(far).messages().len() > before[0] + number && net.at(near).messages().len() > before[1] + number
            });
        }
        let expected: Vec<String> = (0..messages).map(|number| format!("message {number}")).collect();
        for (end, before) in [(far, before[0]), (near, before[1])] {
            let seen = self.net.at(end).messages();
            assert!(seen[before..].iter().copied().eq(expected.iter().map(String::as_bytes)));
        }
    }

    fn nothing_is_lost(&mut self) {
        for end in [self.far, self.near] {
            assert_eq!(self.net.at(end).losses(), []);
        }
    }
}

fn a_cut_path_costs_nothing(links: &'static [Link; 2]) {
    let mut two = TwoLinks::new(links, open_kernel, open_kernel, |_| {});
    for link in [0, 1] {
        two.until_path(link, PathState::Active);
    }
    two.talk(20);
    for link in [0, 1] {
        two.hosts.cut(link);
        two.talk(20);
        two.until_path(link, PathState::Inactive);
        two.talk(20);
        two.hosts.mend(link);
        two.until_path(link, PathState::Active);
    }
    two.talk(20);
    two.nothing_is_lost();
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_cut_path_costs_no_message_and_no_association_v4() {
    a_cut_path_costs_nothing(&IPV4);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_cut_path_costs_no_message_and_no_association_v6() {
    a_cut_path_costs_nothing(&IPV6);
}

/// The addresses of the peer of an association that came up at the far end.
fn told(two: &mut TwoLinks, number: usize) -> Vec<IpAddr> {
    let far = two.far;
    let peer = |seen: &Seen| if let Seen::Up(_, peer) = seen { Some(peer.address.addresses.to_vec()) } else { None };
    two.net.at(far).seen.iter().filter_map(peer).nth(number).expect("it came up")
}

/// RFC 9260 section 5.4: whoever lists the address of another one does not have it.
#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn b_hijack_only_addresses_that_answer_are_those_of_a_peer() {
    let confirmed = |config: &mut EndpointConfig| config.peer_addresses = PeerAddresses::Confirmed;
    let mut two = TwoLinks::new(&IPV4, open_kernel, open_kernel, confirmed);
    let both: Vec<IpAddr> = IPV4.iter().map(|link| link.near.parse().unwrap()).collect();
    let mut seen = told(&mut two, 0);
    seen.sort();
    assert_eq!(seen, both, "both paths answer");
    two.talk(5);

    two.hosts.cut(1);
    let other = two.net.open(|config| {
        config.bind = both.iter().map(|address| SocketAddr::new(*address, 0)).collect();
    });
    let peer = PeerAddress::new(IPV4[0].far.parse().unwrap(), two.net.port(two.far));
    let now = two.net.now();
    let association = two.net.at(other).transport.connect(now, &peer, Duration::from_secs(20)).unwrap();
    two.net.until("up", |net| net.at(other).ups().contains(&association));
    two.net.send(other, association, b"early").unwrap();
    let far = two.far;
    two.net.until("the message", |net| net.at(far).messages().contains(&b"early".as_slice()));
    assert_eq!(told(&mut two, 1), [both[0]], "the other one may be anybody's");
}

/// One path that fails must not use up what the association may retransmit before it is given up (RFC 9260 section 8.1).
#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn each_path_widens_the_limit_of_the_association() {
    let mut two = TwoLinks::new(&IPV4, open_kernel, open_kernel, |config| {
        config.parameters.association_max_retransmissions = 4;
        config.parameters.path_max_retransmissions = 3;
    });
    for (end, association) in [(two.near, two.association), (two.far, two.at_far)] {
        let parameters = two.net.at(end).transport.parameters_of(association).expect("kernel SCTP has them");
        assert_eq!(parameters.association_max_retransmissions, 6, "as many as both paths have together");
    }
    // Changed later, it is the same.
    let near = two.near;
    let changed = SctpParameters { association_max_retransmissions: 2, ..SctpParameters::default() };
    two.net.at(near).transport.set_parameters(&changed);
    let parameters = two.net.at(near).transport.parameters_of(two.association).expect("kernel SCTP has them");
    assert_eq!(parameters.association_max_retransmissions, 5, "one path's limit more for one path more");
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn without_any_path_the_association_is_lost_and_the_undelivered_reported() {
    let mut two = TwoLinks::new(&IPV4, open_kernel, open_kernel, |_| {});
    two.until_path(1, PathState::Active);
    two.hosts.cut(0);
    two.hosts.cut(1);
    two.net.send(two.near, two.association, b"nobody hears").unwrap();
    let near = two.near;
    two.net.until("the loss", |net| !net.at(near).losses().is_empty());
    let (_, reason, undelivered) = two.net.at(near).losses().remove(0);
    assert_eq!(reason, LossReason::Unreachable);
    assert_eq!(undelivered.iter().map(|left| left.payload.as_slice()).collect::<Vec<_>>(), [b"nobody hears"]);
}

/// RFC 7829: the path is avoided long before it has failed.
#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_path_that_misses_more_than_the_pf_threshold_is_potentially_failed() {
    let patient = |config: &mut EndpointConfig| {
        config.parameters.association_max_retransmissions = 100;
        config.parameters.path_max_retransmissions = 50;
        config.parameters.potentially_failed_threshold = 1;
    };
    let mut two = TwoLinks::new(&IPV4, open_kernel, open_kernel, patient);
    two.until_path(1, PathState::Active);
    two.hosts.cut(0);
    two.talk(20);
    two.until_path(0, PathState::PotentiallyFailed);
    two.talk(20);
    two.nothing_is_lost();
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn a_pf_threshold_like_that_of_the_path_switches_it_off() {
    let off = |config: &mut EndpointConfig| {
        config.parameters.potentially_failed_threshold = config.parameters.path_max_retransmissions;
    };
    let mut two = TwoLinks::new(&IPV4, open_kernel, open_kernel, off);
    two.until_path(1, PathState::Active);
    two.hosts.cut(0);
    let mut seen = Vec::new();
    two.net.until("the path is inactive", |_| {
        seen.extend(path_states(&[IPV4[0].far]));
        seen.last() == Some(&PathState::Inactive)
    });
    assert!(!seen.contains(&PathState::PotentiallyFailed), "{seen:?}");
    two.talk(20);
    two.nothing_is_lost();
}

/// SCTP in UDP has no multi-homing: its one path is the association. What was not delivered is reported, and the peer can
/// be reached anew by its other address: a session fails over to the same element.
fn one_path_only(far: Open) {
    let mut two = TwoLinks::new(&IPV4, far, open_sctp_udp, |_| {});
    let near = two.near;
    assert!(!two.net.at(near).transport.capabilities().multi_homing);
    two.talk(20);
    let Seen::Up(_, peer) = &two.net.at(two.near).seen[0] else { panic!("up comes first") };
    // Of the addresses it is given, it tries all and keeps the one that answered first.
    let used = peer.address.addresses[0];
    let (used, other) = if used == IPV4[0].far.parse::<IpAddr>().unwrap() { (0, 1) } else { (1, 0) };
    two.hosts.cut(used);
    two.net.send(two.near, two.association, b"not over the other path").unwrap();
    two.net.until("the loss", |net| !net.at(near).losses().is_empty());
    let (_, reason, undelivered) = two.net.at(near).losses().remove(0);
    // A kernel that gives up first says so, over its other path.
    assert!(matches!(reason, LossReason::GivenUpByPeer | LossReason::Unreachable), "{reason:?}");
    // Before it may stand what had just arrived, whose acknowledgement was cut off.
    assert_eq!(undelivered.last().map(|left| left.payload.as_slice()), Some(b"not over the other path".as_slice()));

    let peer = PeerAddress::new(IPV4[other].far.parse().unwrap(), two.net.port(two.far));
    let now = two.net.now();
    let again = two.net.at(near).transport.connect(now, &peer, Duration::from_secs(20)).unwrap();
    two.net.until("up again", |net| net.at(near).ups().contains(&again));
    two.net.send(near, again, b"over the other one").unwrap();
    let far = two.far;
    two.net.until("the message", |net| net.at(far).messages().contains(&b"over the other one".as_slice()));
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn sctp_udp_has_one_path_and_a_new_association_takes_the_other() {
    one_path_only(open_sctp_udp);
}

#[test]
#[ignore = "wants root on a kernel with SCTP: scripts/guest/test"]
fn sctp_udp_has_one_path_to_a_multi_homed_kernel_too() {
    one_path_only(open_kernel);
}
